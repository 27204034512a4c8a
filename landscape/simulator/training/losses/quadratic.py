"""Losses known in closed form: linear regression at population level, and Xu et al.'s rippled parabolas."""

from functools import cached_property
from typing import Any

import numpy as np

from landscape.core import Array, Scalar, checks, nonnegative, parameter, positive, real, record
from landscape.linalg import Matrix
from landscape.simulator.training.losses.base import Loss
from landscape.simulator.training.losses.linear import LeastSquares
from landscape.tasks import Gaussian


@record
class Quadratic(Loss):
    """Squared loss of y = <optimum, x> + z, x ~ N(0, covariance), z ~ N(0, noise), at population level.

    Batches are drawn: Gaussian inputs, labels and a `LeastSquares` of them.

    Parameters
    ----------
    covariance : float, array (d,) or (d, d)
    optimum : array (d,)
    """

    covariance: Any
    optimum: Any
    noise: float = parameter(
        nonnegative, default=0.0, symbol=r"\sigma^2", label="variance of the label noise"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        optimum = checks.vector("optimum", self.optimum)
        covariance = checks.positive_semidefinite("covariance", self.covariance)
        if np.ndim(covariance) and len(np.asarray(covariance)) != len(optimum):
            raise ValueError(
                f"covariance has d = {np.shape(covariance)[0]} but optimum has d = {len(optimum)}"
            )
        if np.ndim(covariance) < 2:
            covariance = np.diag(np.broadcast_to(covariance, optimum.shape))
        self._set(covariance=np.array(covariance, dtype=float), optimum=optimum)

    def value(self, w: Scalar) -> float:
        delta = self._at(w) - self.optimum
        return float((delta @ self.covariance @ delta + self.noise) / 2)

    def gradient(self, w: Scalar) -> Array:
        """Compute covariance (w - optimum)."""
        return self.covariance @ (self._at(w) - self.optimum)

    def hessian(self, w: Scalar) -> Array:
        """Return the covariance."""
        return np.asarray(self.covariance)

    def hessian_times(self, w: Scalar, v: Scalar) -> Array:
        """Compute the covariance times v."""
        return self.covariance @ self._at(v, "v")

    @property
    def d(self) -> int:
        return len(self.optimum)

    @cached_property
    def _inputs(self) -> Gaussian:
        return Gaussian(Matrix(self.covariance), self.noise)

    @cached_property
    def _curvatures(self) -> Array:
        return np.linalg.eigvalsh(self.covariance)

    @property
    def smoothness(self) -> float:
        """The largest eigenvalue."""
        return float(self._curvatures[-1])

    @property
    def strong_convexity(self) -> float:
        """The smallest eigenvalue."""
        return float(max(self._curvatures[0], 0.0))

    hessian_lipschitz = 0.0

    def _batch(self, size: int, rng: np.random.Generator) -> Loss:
        X, e = self._inputs.draw(1, size, rng)
        return LeastSquares.unchecked(X[0], X[0] @ self.optimum + e[0])


@record
class RippledParabola(Loss):
    r"""f(w) = c w^2/2 - a sin(b w) on the line (Xu et al., Figure 1).

    :math:`f'' = c + a b^2 \sin(b w)`, so :math:`L = |c| + a b^2`, :math:`\mu = c - a b^2`, :math:`\kappa = a
    b^3`.

    Examples
    --------
    >>> first = RippledParabola(1.01, amplitude=1.0, frequency=1.0)
    >>> print(round(first.strong_convexity, 9), round(first.smoothness, 9), first.hessian_lipschitz)
    0.01 2.01 1.0
    """

    curvature: float = parameter(real, symbol="c", label="curvature of the parabola")
    amplitude: float = parameter(nonnegative, symbol="a", label="amplitude of the ripple")
    frequency: float = parameter(positive, symbol="b", label="frequency of the ripple")

    d = 1

    def value(self, w: Scalar) -> float:
        at = self._at(w)[0]
        return float(self.curvature * at**2 / 2 - self.amplitude * np.sin(self.frequency * at))

    def gradient(self, w: Scalar) -> Array:
        """Compute c w - a b cos(b w), shape (1,)."""
        return self.slope(self._at(w))

    def slope(self, w: Array) -> Array:
        """Compute f' entry by entry, for any array of points of the line."""
        w = np.asarray(w)
        return self.curvature * w - self.amplitude * self.frequency * np.cos(self.frequency * w)

    def curve(self, w: Array) -> Array:
        """Compute f'' entry by entry, for any array of points of the line."""
        return self.curvature + self.amplitude * self.frequency**2 * np.sin(self.frequency * np.asarray(w))

    def twist(self, w: Array) -> Array:
        """Compute f''' entry by entry."""
        return self.amplitude * self.frequency**3 * np.cos(self.frequency * np.asarray(w))

    def hessian(self, w: Scalar) -> Array:
        """Compute f'' as an array (1, 1)."""
        return self.curve(self._at(w)).reshape(1, 1)

    def hessian_times(self, w: Scalar, v: Scalar) -> Array:
        """Compute f'' times v."""
        return self.curve(self._at(w)) * self._at(v, "v")

    @property
    def smoothness(self) -> float:
        """|c| + a b^2, the largest |f''|."""
        return abs(self.curvature) + self.amplitude * self.frequency**2

    @property
    def strong_convexity(self) -> float:
        """c - a b^2."""
        return self.curvature - self.amplitude * self.frequency**2

    @property
    def hessian_lipschitz(self) -> float:
        """a b^3."""
        return self.amplitude * self.frequency**3

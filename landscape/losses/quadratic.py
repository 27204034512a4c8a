"""Losses known in closed form: linear regression at population level, and Xu et al.'s rippled parabolas."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from landscape import checks
from landscape.algebra import Dense
from landscape.losses.base import Loss
from landscape.losses.linear import LeastSquares


@dataclass(frozen=True, eq=False, repr=False)
class Quadratic(Loss):
    """Squared loss of y = <optimum, x> + z, x ~ N(0, covariance), z ~ N(0, noise), at population level.

    Batches are drawn: Gaussian inputs, labels and a `LeastSquares` of them.

    Parameters
    ----------
    covariance : float, array (d,) or (d, d)
    optimum : array (d,)
    noise : float
        Variance of the label noise.
    """

    covariance: object
    optimum: object
    noise: float = 0.0

    def __post_init__(self):
        optimum = checks.vector("optimum", self.optimum)
        covariance = checks.positive_semidefinite("covariance", self.covariance)
        if np.ndim(covariance) and len(covariance) != len(optimum):
            raise ValueError(f"covariance has d = {len(covariance)} but optimum has d = {len(optimum)}")
        if np.ndim(covariance) < 2:
            covariance = np.diag(np.broadcast_to(covariance, optimum.shape))
        noise = checks.number("noise", self.noise, at_least=0)
        self._set(covariance=np.array(covariance, dtype=float), optimum=optimum, noise=noise)

    def value(self, w):
        """f(w)."""
        w = self._at(w)
        away = w - self.optimum
        return float((away @ self.covariance @ away + self.noise) / 2)

    def gradient(self, w):
        """covariance (w - optimum)."""
        w = self._at(w)
        return self.covariance @ (w - self.optimum)

    def hessian(self, w):
        """The covariance."""
        return self.covariance

    def hessian_times(self, w, v):
        """The covariance times v."""
        return self.covariance @ self._at(v, "v")

    @property
    def d(self):  # type: ignore[override]
        """Dimension."""
        return len(self.optimum)

    @cached_property
    def _inputs(self):
        return Dense(self.covariance)

    @cached_property
    def _curvatures(self):
        return self._inputs.eigenvalues(self.covariance)

    @property
    def smoothness(self):  # type: ignore[override]
        """The largest eigenvalue."""
        return float(self._curvatures[-1])

    @property
    def strong_convexity(self):  # type: ignore[override]
        """The smallest eigenvalue."""
        return float(max(self._curvatures[0], 0.0))

    hessian_lipschitz = 0.0

    def _batch(self, size, rng):
        X = self._inputs.colour(rng.standard_normal((size, self.d)))
        y = X @ self.optimum + math.sqrt(self.noise) * rng.standard_normal(size)
        return LeastSquares._unchecked(X=X, y=y, ridge=0.0, scale=1.0)


@dataclass(frozen=True, eq=False, repr=False)
class RippledParabola(Loss):
    r"""f(w) = c w^2/2 - a sin(b w) on the line (Xu et al., Figure 1).

    :math:`f'' = c + a b^2 \sin(b w)`, so :math:`L = |c| + a b^2`, :math:`\mu = c - a b^2`, :math:`\kappa = a b^3`.

    Parameters
    ----------
    curvature, amplitude, frequency : float
        c, a >= 0 and b > 0.

    Examples
    --------
    >>> from landscape.losses import RippledParabola
    >>> first = RippledParabola(1.01, amplitude=1.0, frequency=1.0)
    >>> print(round(first.strong_convexity, 9), round(first.smoothness, 9), first.hessian_lipschitz)
    0.01 2.01 1.0
    """

    curvature: float
    amplitude: float
    frequency: float

    d = 1

    def __post_init__(self):
        self._set(
            curvature=checks.number("curvature", self.curvature),
            amplitude=checks.number("amplitude", self.amplitude, at_least=0),
            frequency=checks.number("frequency", self.frequency, above=0),
        )

    def value(self, w):
        """f(w)."""
        w = self._at(w)[0]
        return float(self.curvature * w**2 / 2 - self.amplitude * np.sin(self.frequency * w))

    def gradient(self, w):
        """c w - a b cos(b w), shape (1,)."""
        return self.slope(self._at(w))

    def slope(self, w):
        """f' entry by entry, for any array of points of the line."""
        w = np.asarray(w)
        return self.curvature * w - self.amplitude * self.frequency * np.cos(self.frequency * w)

    def curve(self, w):
        """f'' entry by entry, for any array of points of the line."""
        return self.curvature + self.amplitude * self.frequency**2 * np.sin(self.frequency * np.asarray(w))

    def twist(self, w):
        """f''' entry by entry."""
        return self.amplitude * self.frequency**3 * np.cos(self.frequency * np.asarray(w))

    def hessian(self, w):
        """f'' as an array (1, 1)."""
        return self.curve(self._at(w)).reshape(1, 1)

    def hessian_times(self, w, v):
        """f'' times v."""
        return self.curve(self._at(w)) * self._at(v, "v")

    @property
    def smoothness(self):  # type: ignore[override]
        """|c| + a b^2, the largest |f''|."""
        return abs(self.curvature) + self.amplitude * self.frequency**2

    @property
    def strong_convexity(self):  # type: ignore[override]
        """c - a b^2."""
        return self.curvature - self.amplitude * self.frequency**2

    @property
    def hessian_lipschitz(self):  # type: ignore[override]
        """a b^3."""
        return self.amplitude * self.frequency**3

r"""Losses of linear models on data: scale * mean_j phi(x_j'w, y_j) + ridge/2 ||w||^2.

Each class gives phi and its first two derivatives in z = x'w, and the ranges of phi'' and phi''' from which
the constants follow: :math:`L = s \sup\varphi'' \lambda_{\max} + r`, :math:`\mu = s \inf\varphi''
\lambda_{\min} + r`,
:math:`\kappa \le s \sup|\varphi'''| \max_j\|x_j\| \lambda_{\max}`, with the eigenvalues of X'X/n.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from landscape.core import Array, Scalar, checks, nonnegative, parameter, positive, record, with_values
from landscape.simulator.training.losses.base import Loss


@record
class LinearModelLoss(Loss):
    """Base of the losses below.

    Parameters
    ----------
    X : array (n, d)
    y : array (n,)

    Raises
    ------
    ValueError
        If shapes do not fit, an entry is not finite, or a label is not -1 or 1 where labels are wanted.
    """

    X: Any
    y: Any
    ridge: float = parameter(nonnegative, default=0.0, symbol="r", label="penalty r/2 ||w||^2")
    scale: float = parameter(
        positive, default=1.0, symbol="s", label="factor on the mean over rows; n makes it a sum"
    )

    has_labels: ClassVar[bool] = True
    """Whether y must be -1 or 1."""
    curvatures: ClassVar[tuple[float, float]] = (0.0, math.inf)
    """Least and largest phi''."""
    third: ClassVar[float] = math.inf
    """Largest |phi'''|."""

    def __post_init__(self) -> None:
        name = type(self).__name__
        if self.has_labels and np.iterable(self.y) and any(isinstance(v, (bool, np.bool_)) for v in self.y):
            raise ValueError(
                f"y of {name} must hold labels -1 and 1, got True and False: write np.where(y, 1, -1)"
            )
        X, y = checks.rows(name, self.X, self.y)
        if self.has_labels and not np.isin(y, (-1, 1)).all():
            raise ValueError(f"y of {name} must hold labels -1 and 1, got {y[~np.isin(y, (-1, 1))][0]:g}")
        self._set(X=X, y=y)
        super().__post_init__()

    @abstractmethod
    def phi(self, z: Array, y: Array) -> Array:
        """Compute phi(z, y)."""

    @abstractmethod
    def slope(self, z: Array, y: Array) -> Array:
        """Compute phi' in z."""

    @abstractmethod
    def curve(self, z: Array, y: Array) -> Array:
        """Compute phi'' in z."""

    def value(self, w: Scalar) -> float:
        w = self._at(w)
        return float(self.scale * self.phi(self.X @ w, self.y).mean() + self.ridge * (w @ w) / 2)

    def gradient(self, w: Scalar) -> Array:
        """Compute scale X'phi'(Xw)/n + ridge w."""
        w = self._at(w)
        return self.X.T @ self.slope(self.X @ w, self.y) * (self.scale / len(self.y)) + self.ridge * w

    def hessian(self, w: Scalar) -> Array:
        """Compute scale X' diag(phi'') X/n + ridge I."""
        w = self._at(w)
        bend = self.curve(self.X @ w, self.y) * (self.scale / len(self.y))
        return (self.X.T * bend) @ self.X + self.ridge * np.eye(self.d)

    def hessian_times(self, w: Scalar, v: Scalar) -> Array:
        """Compute the Hessian times v in O(n d)."""
        w, v = self._at(w), self._at(v, "v")
        bend = self.curve(self.X @ w, self.y) * (self.scale / len(self.y))
        return self.X.T @ (bend * (self.X @ v)) + self.ridge * v

    @classmethod
    def unchecked(cls, X: Array, y: Array) -> LinearModelLoss:
        """Make a loss on drawn rows, which need no second check."""
        new: LinearModelLoss = object.__new__(cls)
        new._set(X=X, y=y, ridge=0.0, scale=1.0)
        return new

    @property
    def d(self) -> int:
        """Number of features."""
        return int(self.X.shape[1])

    @property
    def samples(self) -> float:
        """Rows."""
        return len(self.y)

    @cached_property
    def _spectrum(self) -> tuple[float, float]:
        n, d = self.X.shape  # the non-zero eigenvalues of X'X and XX' agree: take the smaller
        values = np.linalg.eigvalsh((self.X.T @ self.X if d <= n else self.X @ self.X.T) / n)
        return max(float(values[0]), 0.0) if d <= n else 0.0, float(values[-1])

    @property
    def smoothness(self) -> float:
        """L; attained for least squares, an upper bound else."""
        return self.scale * self.curvatures[1] * self._spectrum[1] + self.ridge

    @property
    def strong_convexity(self) -> float:
        """mu; attained for least squares, a lower bound else."""
        return self.scale * self.curvatures[0] * self._spectrum[0] + self.ridge

    @property
    def hessian_lipschitz(self) -> float:
        """kappa, an upper bound."""
        if self.third in (0, math.inf):
            return self.third
        return self.scale * self.third * float(np.linalg.norm(self.X, axis=1).max()) * self._spectrum[1]

    def _batch(self, size: int, rng: np.random.Generator) -> Loss:
        rows = rng.integers(len(self.y), size=size)
        return with_values(self, {"X": self.X[rows], "y": self.y[rows]})


class LeastSquares(LinearModelLoss):
    """phi = (z - y)^2/2; with scale = 2 the mean of squares, with scale = 2 n their sum."""

    has_labels, curvatures, third = False, (1.0, 1.0), 0.0

    def phi(self, z: Array, y: Array) -> Array:
        return (z - y) ** 2 / 2

    def slope(self, z: Array, y: Array) -> Array:
        return z - y

    def curve(self, z: Array, y: Array) -> Array:
        return np.ones_like(z)


class Logistic(LinearModelLoss):
    r"""phi = log(1 + exp(-y z)); :math:`\varphi'' \le 1/4` and :math:`|\varphi'''| \le 1/(6\sqrt3)`."""

    curvatures, third = (0.0, 0.25), 1 / (6 * math.sqrt(3))

    def phi(self, z: Array, y: Array) -> Array:
        return np.logaddexp(0.0, -y * z)

    def slope(self, z: Array, y: Array) -> Array:
        return -y * _sigmoid(-y * z)

    def curve(self, z: Array, y: Array) -> Array:
        s = _sigmoid(z)
        return s * (1 - s)


def _sigmoid(z: Array) -> Array:
    return np.exp(-np.logaddexp(0.0, -z))


class Hinge(LinearModelLoss):
    """phi = max(0, 1 - y z). Its gradient jumps, so L and kappa do not exist; its Hessian is the ridge's alone."""

    def phi(self, z: Array, y: Array) -> Array:
        return np.maximum(0.0, 1 - y * z)

    def slope(self, z: Array, y: Array) -> Array:
        return np.where(y * z < 1, -y, 0.0)

    def curve(self, z: Array, y: Array) -> Array:
        return np.zeros_like(z)


class SquaredHinge(LinearModelLoss):
    """phi = max(0, 1 - y z)^2/2; its Hessian jumps, so kappa does not exist: at y z = 1 it is that of the flat side."""

    curvatures = (0.0, 1.0)

    def phi(self, z: Array, y: Array) -> Array:
        return np.maximum(0.0, 1 - y * z) ** 2 / 2

    def slope(self, z: Array, y: Array) -> Array:
        return -y * np.maximum(0.0, 1 - y * z)

    def curve(self, z: Array, y: Array) -> Array:
        return (y * z < 1).astype(float)


class Rectified(LinearModelLoss):
    """phi = max(0, y - z), as Xu et al., section 5 print for their SVM; not the hinge loss: any w with Xw >= 1 is best."""

    def phi(self, z: Array, y: Array) -> Array:
        return np.maximum(0.0, y - z)

    def slope(self, z: Array, y: Array) -> Array:
        return np.where(z < y, -1.0, 0.0)

    def curve(self, z: Array, y: Array) -> Array:
        return np.zeros_like(z)

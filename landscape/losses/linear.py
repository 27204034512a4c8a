r"""Losses of linear models on data: scale * mean_j phi(x_j'w, y_j) + ridge/2 ||w||^2.

Each class gives phi and its first two derivatives in z = x'w, and the ranges of phi'' and phi''' from which the
constants follow: :math:`L = s \sup\varphi'' \lambda_{\max} + r`, :math:`\mu = s \inf\varphi'' \lambda_{\min} + r`,
:math:`\kappa \le s \sup|\varphi'''| \max_j\|x_j\| \lambda_{\max}`, with the eigenvalues of X'X/n.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from landscape import checks
from landscape.losses.base import Loss


@dataclass(frozen=True, eq=False, repr=False)
class LinearModelLoss(Loss):
    """Base of the losses below.

    Parameters
    ----------
    X : array (n, d)
    y : array (n,)
    ridge : float
        Strength r >= 0 of the penalty r/2 ||w||^2.
    scale : float
        Factor on the mean over rows; ``n`` makes it a sum.

    Raises
    ------
    ValueError
        If shapes do not fit, an entry is not finite, or a label is not -1 or 1 where labels are wanted.
    """

    X: object
    y: object
    ridge: float = 0.0
    scale: float = 1.0

    _labels = True  # whether y must be -1 or 1
    _bend = (0.0, math.inf)  # least and largest phi''
    _twist = math.inf  # largest |phi'''|

    def __post_init__(self):
        if (
            self._labels
            and np.iterable(self.y)
            and any(isinstance(label, (bool, np.bool_)) for label in self.y)
        ):
            raise ValueError(
                f"y of {type(self).__name__} must hold labels -1 and 1, got True and False: write np.where(y, 1, -1)"
            )
        X, y = checks.rows(type(self).__name__, self.X, self.y)
        if self._labels and not np.isin(y, (-1, 1)).all():
            bad = y[~np.isin(y, (-1, 1))][0]
            raise ValueError(f"y of {type(self).__name__} must hold labels -1 and 1, got {bad:g}")
        scale = checks.number("scale", self.scale, above=0)
        self._set(X=X, y=y, ridge=checks.number("ridge", self.ridge, at_least=0), scale=scale)

    def _phi(self, z, y):
        raise TypeError("use LeastSquares, Logistic, Hinge, SquaredHinge or Rectified")

    _slope = _curve = _phi

    def value(self, w):
        """f(w)."""
        w = self._at(w)
        return float(self.scale * self._phi(self.X @ w, self.y).mean() + self.ridge * (w @ w) / 2)

    def gradient(self, w):
        """scale X'phi'(Xw)/n + ridge w."""
        w = self._at(w)
        return self.X.T @ self._slope(self.X @ w, self.y) * (self.scale / len(self.y)) + self.ridge * w

    def hessian(self, w):
        """scale X' diag(phi'') X/n + ridge I."""
        w = self._at(w)
        bend = self._curve(self.X @ w, self.y) * (self.scale / len(self.y))
        return (self.X.T * bend) @ self.X + self.ridge * np.eye(self.d)

    def hessian_times(self, w, v):
        """The Hessian times v in O(n d)."""
        w, v = self._at(w), self._at(v, "v")
        bend = self._curve(self.X @ w, self.y) * (self.scale / len(self.y))
        return self.X.T @ (bend * (self.X @ v)) + self.ridge * v

    @property
    def d(self):  # type: ignore[override]
        """Number of features."""
        return self.X.shape[1]

    @property
    def samples(self):
        """Rows."""
        return len(self.y)

    @cached_property
    def _spectrum(self):
        n, d = self.X.shape  # the non-zero eigenvalues of X'X and XX' agree: take the smaller
        values = np.linalg.eigvalsh((self.X.T @ self.X if d <= n else self.X @ self.X.T) / n)
        return max(float(values[0]), 0.0) if d <= n else 0.0, float(values[-1])

    @property
    def smoothness(self):  # type: ignore[override]
        """L; attained for least squares, an upper bound else."""
        return self.scale * self._bend[1] * self._spectrum[1] + self.ridge

    @property
    def strong_convexity(self):  # type: ignore[override]
        """mu; attained for least squares, a lower bound else."""
        return self.scale * self._bend[0] * self._spectrum[0] + self.ridge

    @property
    def hessian_lipschitz(self):  # type: ignore[override]
        """kappa, an upper bound."""
        if self._twist in (0, math.inf):
            return self._twist
        return self.scale * self._twist * float(np.linalg.norm(self.X, axis=1).max()) * self._spectrum[1]

    def _batch(self, size, rng):
        rows = rng.integers(len(self.y), size=size)
        return self._unchecked(X=self.X[rows], y=self.y[rows], ridge=self.ridge, scale=self.scale)

    @classmethod
    def _unchecked(cls, **fields):
        """A loss on drawn rows, which need no second check."""
        new = object.__new__(cls)
        new._set(**fields)
        return new


class LeastSquares(LinearModelLoss):
    """phi = (z - y)^2/2; with scale = 2 the mean of squares, with scale = 2 n their sum."""

    _labels, _bend, _twist = False, (1.0, 1.0), 0.0

    def _phi(self, z, y):
        return (z - y) ** 2 / 2

    def _slope(self, z, y):
        return z - y

    def _curve(self, z, y):
        return np.ones_like(z)


class Logistic(LinearModelLoss):
    r"""phi = log(1 + exp(-y z)); :math:`\varphi'' \le 1/4` and :math:`|\varphi'''| \le 1/(6\sqrt3)`."""

    _bend, _twist = (0.0, 0.25), 1 / (6 * math.sqrt(3))

    def _phi(self, z, y):
        return np.logaddexp(0.0, -y * z)

    def _slope(self, z, y):
        return -y * _sigmoid(-y * z)

    def _curve(self, z, y):
        s = _sigmoid(z)
        return s * (1 - s)


def _sigmoid(z):
    return np.exp(-np.logaddexp(0.0, -z))


class Hinge(LinearModelLoss):
    """phi = max(0, 1 - y z). Its gradient jumps, so L and kappa do not exist; its Hessian is the ridge's alone."""

    def _phi(self, z, y):
        return np.maximum(0.0, 1 - y * z)

    def _slope(self, z, y):
        return np.where(y * z < 1, -y, 0.0)

    def _curve(self, z, y):
        return np.zeros_like(z)


class SquaredHinge(LinearModelLoss):
    """phi = max(0, 1 - y z)^2/2; its Hessian jumps, so kappa does not exist."""

    _bend = (0.0, 1.0)

    def _phi(self, z, y):
        return np.maximum(0.0, 1 - y * z) ** 2 / 2

    def _slope(self, z, y):
        return -y * np.maximum(0.0, 1 - y * z)

    def _curve(self, z, y):
        return (y * z < 1).astype(float)


class Rectified(LinearModelLoss):
    """phi = max(0, y - z), as Xu et al., section 5 print for their SVM; it is not the hinge loss: any w with Xw >= 1 is best."""

    def _phi(self, z, y):
        return np.maximum(0.0, y - z)

    def _slope(self, z, y):
        return np.where(z < y, -1.0, 0.0)

    def _curve(self, z, y):
        return np.zeros_like(z)

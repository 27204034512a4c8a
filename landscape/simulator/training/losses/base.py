"""What every task loss offers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

from landscape.core import Array, Record, Scalar, batch_size, checks
from landscape.core.tolerances import EPS


class Loss(Record, ABC):
    """Base of all task losses: a function of w in R^d with its derivatives.

    Points are vectors (d,); a number stands for every coordinate.
    """

    @property
    @abstractmethod
    def d(self) -> int:
        """Dimension."""

    @property
    @abstractmethod
    def smoothness(self) -> float:
        """L, the Lipschitz constant of the gradient; inf where there is none."""

    @property
    @abstractmethod
    def strong_convexity(self) -> float:
        """mu; 0 where the loss is convex at most, negative where it is not even that."""

    @property
    @abstractmethod
    def hessian_lipschitz(self) -> float:
        """kappa, the Lipschitz constant of the Hessian; inf where there is none."""

    @abstractmethod
    def value(self, w: Scalar) -> float:
        """Compute f(w)."""

    @abstractmethod
    def gradient(self, w: Scalar) -> Array:
        """Compute the gradient, shape (d,)."""

    @abstractmethod
    def hessian(self, w: Scalar) -> Array:
        """Compute the Hessian, shape (d, d)."""

    def hessian_times(self, w: Scalar, v: Scalar) -> Array:
        """Compute the Hessian at w times a vector v, at the cost of a gradient or two where that is possible."""
        return self.hessian(w) @ self._at(v, "v")

    def difference_rounding(self, w: Scalar, delta: float) -> float:
        """Bound the rounding in (gradient(w + delta v) - gradient(w - delta v))/(2 delta), whatever v."""
        size = np.linalg.norm(self.gradient(w)) + np.linalg.norm(self.hessian_times(w, w))
        return EPS / delta * float(size)

    @property
    def samples(self) -> float:
        """How many samples a gradient takes; inf for a population."""
        return math.inf

    def batch(self, size: float, rng: np.random.Generator) -> Loss:
        """Draw the loss on `size` samples, whose gradient and Hessian are unbiased; itself where size is inf.

        Parameters
        ----------
        size : float
        rng : numpy.random.Generator

        Returns
        -------
        Loss

        Raises
        ------
        ValueError
            If size is not a whole number >= 1 or inf, or the loss has no samples to draw.
        TypeError
            If rng is not a Generator.
        """
        if type(size) is not int or size < 1:  # what training hands over passes as it is
            size = batch_size.check("size", size)
        if math.isinf(size):
            return self
        return self._batch(int(size), checks.instance("rng", rng, np.random.Generator))

    def _batch(self, size: int, rng: np.random.Generator) -> Loss:
        raise ValueError(f"{type(self).__name__} has no samples to draw: use full batches (inf)")

    def _at(self, w: Scalar, name: str = "w") -> Array:
        """w as a point (d,). What training hands over passes as it is."""
        if type(w) is np.ndarray and w.dtype == float and w.shape == (self.d,):
            return w
        return np.ascontiguousarray(checks.start(name, w, self.d))

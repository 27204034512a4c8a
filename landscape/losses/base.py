"""What every task loss offers."""

import math

import numpy as np

from landscape import checks
from landscape.record import Record

EPS = float(np.finfo(float).eps)


class Loss(Record):
    """Base of all task losses: a function of w in R^d with its derivatives.

    Attributes
    ----------
    d : int
    smoothness : float
        L, the Lipschitz constant of the gradient; inf where there is none.
    strong_convexity : float
        mu; 0 where the loss is convex at most, negative where it is not even that.
    hessian_lipschitz : float
        kappa, the Lipschitz constant of the Hessian; inf where there is none.
    """

    d: int
    smoothness: float
    strong_convexity: float
    hessian_lipschitz: float

    def _at(self, w, name="w"):
        """w as a point (d,); a number stands for every coordinate. What training hands over passes as it is."""
        if type(w) is np.ndarray and w.dtype == float and w.shape == (self.d,):
            return w
        return checks.start(name, w, self.d)

    def value(self, w):
        """f(w)."""
        raise TypeError(f"{type(self).__name__} is not a loss")

    def gradient(self, w):
        """The gradient, shape (d,)."""
        raise TypeError(f"{type(self).__name__} is not a loss")

    def hessian(self, w):
        """The Hessian, shape (d, d)."""
        raise TypeError(f"{type(self).__name__} is not a loss")

    def hessian_times(self, w, v):
        """The Hessian at w times a vector v, at the cost of a gradient or two where that is possible."""
        return self.hessian(w) @ self._at(v, "v")

    def difference_rounding(self, w, delta):
        """Size of the rounding in (gradient(w + delta v) - gradient(w - delta v))/(2 delta), whatever v."""
        return (
            EPS / delta * float(np.linalg.norm(self.gradient(w)) + np.linalg.norm(self.hessian_times(w, w)))
        )

    @property
    def samples(self):
        """How many samples a gradient takes; inf for a population."""
        return math.inf

    def batch(self, size, rng):
        """The loss on `size` drawn samples, whose gradient and Hessian are unbiased; itself where size is inf.

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
            size = (
                size
                if size == math.inf
                else checks.number("size", size, at_least=1, whole=True, infinite=True)
            )
        return (
            self if size == math.inf else self._batch(size, checks.instance("rng", rng, np.random.Generator))
        )

    def _batch(self, size, rng):
        raise ValueError(f"{type(self).__name__} has no samples to draw: use full batches (inf)")

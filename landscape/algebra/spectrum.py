"""Diagonal covariances, equal coordinates kept together."""

import numpy as np

from landscape.algebra.gaussian import Gaussian


class Spectrum(Gaussian):
    """Diagonal covariance: k entries, each standing for several equal coordinates.

    Parameters
    ----------
    value : ndarray, shape (k, *grid)
        The entries; numbers or SymPy symbols. The grid axes come last so that arguments of shape
        (*grid) broadcast against them.
    multiplicity : ndarray, shape (k,)
        How many coordinates each entry stands for; they sum to d.
    noise_variance : float or ndarray, shape (*grid)
        The variance sigma^2 of the label noise.
    """

    rounding = 1e-30  # a weight lam (1 - alpha lam)^2 at alpha = 1/lam, relative to lam

    def __init__(self, value, multiplicity, noise_variance=0.0):
        self.value = value
        self.multiplicity = multiplicity
        self.noise_variance = noise_variance

    def function(self, f):
        """f(Sigma) for a scalar function f of the eigenvalues."""
        return f(self.value)

    def contract(self, A, alpha):
        """(I - alpha Sigma) A (I - alpha Sigma): an exact gradient step."""
        return A * (1 - alpha * self.value) ** 2

    def scatter(self, A):
        """What sampling adds: E[(x'Ax) xx'] - Sigma A Sigma."""
        SA = self.value * A
        return (SA + self._sum(SA)) * self.value

    def inner(self, A, B):
        """tr(AB)."""
        return self._sum(A * B)

    def form(self, A, v):
        """v'Av."""
        return self._sum(A * v * v)

    def apply(self, A, v):
        """Av; of a matrix for v, the product AB."""
        return A * v

    def solve(self, A, v):
        """A^+ v with 0 where an entry of A is 0: the minimiser of smallest norm."""
        if A.dtype == object or v.dtype == object:
            return v / A
        return np.divide(v, A, out=np.zeros(np.broadcast_shapes(A.shape, v.shape)), where=A != 0)

    def eigenvalues(self, A):
        """Eigenvalues of A, one an entry, shape (k, *grid)."""
        return A

    def exceeds(self, A, bound):
        """Whether every eigenvalue of A is larger than the bound."""
        return bool(np.all(bound < A))

    def steepest(self):
        """The largest curvature, shape (*grid)."""
        return self.value.max(axis=0)

    steepest_bound = steepest

    def trace(self, A):
        """tr(A)."""
        return self._sum(A)

    def size(self, A):
        """How large A is, direction by direction."""
        return np.abs(A)

    def expanded(self):
        """The same inputs with one entry a coordinate."""
        counts = np.asarray(self.multiplicity, dtype=int)
        return Spectrum(np.repeat(self.value, counts, axis=0), np.ones(counts.sum()), self.noise_variance)

    def matrix(self):
        """Sigma as an array (d, d)."""
        return np.diag(np.repeat(self.value, np.asarray(self.multiplicity, dtype=int)))

    @property
    def d(self):
        """Number of coordinates."""
        return int(np.sum(self.multiplicity))

    def colour(self, Z):
        """Rows of covariance Sigma from standard normal ones."""
        return Z * np.sqrt(np.repeat(self.value, np.asarray(self.multiplicity, dtype=int)))

    def _sum(self, entries):
        """Sum over coordinates of shape (*grid)."""
        if len(self.multiplicity) == 1:
            return self.multiplicity[0] * entries[0]
        return np.tensordot(self.multiplicity, entries, 1)

"""Covariances as matrices."""

from functools import cached_property

import numpy as np

from landscape.algebra.gaussian import Gaussian


class Dense(Gaussian):
    """Any covariance, as a matrix.

    Parameters
    ----------
    value : ndarray, shape (d, d)
        Symmetric, positive semidefinite.
    noise_variance : float
        The variance sigma^2 of the label noise.
    """

    rounding = 1e-14  # likewise: here the weight is a difference of terms as large as Sigma

    def __init__(self, value, noise_variance=0.0):
        self.value = value
        self.noise_variance = noise_variance

    @cached_property
    def _powers(self):
        """Sigma^2 and Sigma^3: the first step needs no other products, whatever alpha and m."""
        square = self.value @ self.value
        return square, square @ self.value

    @cached_property
    def _eigen(self):
        return np.linalg.eigh(self.value)

    def _products(self, A):
        """Sigma A and Sigma A Sigma."""
        if A is self.value:
            return self._powers
        SA = self.value @ A
        return SA, SA @ self.value

    def function(self, f):
        """f(Sigma) for a scalar function f of the eigenvalues."""
        values, vectors = self._eigen
        return (vectors * f(values)) @ vectors.T

    def contract(self, A, alpha):
        """(I - alpha Sigma) A (I - alpha Sigma): an exact gradient step."""
        SA, SAS = self._products(A)
        out = (-2 * alpha) * SA if A is self.value else -alpha * (SA + SA.T)
        out += A
        out += alpha**2 * SAS
        return out

    def scatter(self, A):
        """What sampling adds: E[(x'Ax) xx'] - Sigma A Sigma."""
        SA, SAS = self._products(A)
        out = np.trace(SA) * self.value
        out += SAS
        return out

    def inner(self, A, B):
        """tr(AB)."""
        return np.vdot(A, B)

    def form(self, A, v):
        """v'Av."""
        return v @ A @ v

    def apply(self, A, v):
        """Av; of a matrix for v, the product AB."""
        return A @ v

    def solve(self, A, v):
        """A^+ v: the minimiser of smallest norm where A is singular."""
        if _well_conditioned(A):
            return np.linalg.solve(A, v)
        values, vectors = np.linalg.eigh(A)
        keep = np.abs(values) > 1e-13 * np.abs(values).max(initial=0.0)
        inverse = np.divide(1.0, values, out=np.zeros_like(values), where=keep)
        return vectors @ (inverse * (vectors.T @ v))

    def eigenvalues(self, A):
        """Eigenvalues of A, shape (d,)."""
        return np.linalg.eigvalsh(A)

    def exceeds(self, A, bound):
        """Whether every eigenvalue of A is larger than the bound: far cheaper than the eigenvalues."""
        try:
            np.linalg.cholesky(A - bound * np.eye(len(A)))
        except np.linalg.LinAlgError:
            return False
        return True

    def steepest(self):
        """The largest curvature."""
        return self.eigenvalues(self.value)[-1]

    def steepest_bound(self):
        """An upper bound on the largest curvature, at the cost of a sum."""
        return np.abs(self.value).sum(axis=0).max()

    def trace(self, A):
        """tr(A)."""
        return np.trace(A)

    def size(self, A):
        """How large A is, by its diagonal."""
        return np.abs(A.diagonal()).max()

    def matrix(self):
        """Sigma as an array (d, d)."""
        return self.value

    @cached_property
    def _root(self):
        values, vectors = self._eigen
        return np.sqrt(np.clip(values, 0, None))[:, None] * vectors.T

    @property
    def d(self):
        """Number of coordinates."""
        return len(self.value)

    def colour(self, Z):
        """Rows of covariance Sigma from standard normal ones."""
        return Z @ self._root


def _well_conditioned(A):
    """Whether a Cholesky factor shows A to be safely positive definite."""
    try:
        pivots = np.diagonal(np.linalg.cholesky(A))
    except np.linalg.LinAlgError:
        return False
    return pivots.min() > 1e-4 * pivots.max()

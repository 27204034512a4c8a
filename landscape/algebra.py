r"""The inputs of a task, and what one can do with them.

Everything the theory needs to know about a task's inputs x and noise e = y - <w_i, x> is its second
moment Sigma and three maps of fourth moments:

======== ============================ ==================================
name     definition                   Gaussian inputs
======== ============================ ==================================
scatter  E[(x'Ax) xx'] - Sigma A Sigma  Sigma A Sigma + tr(Sigma A) Sigma
third    E[(x'Ax) e x]                0
noise    E[(x'Ax) e^2]                sigma^2 tr(Sigma A)
======== ============================ ==================================

`Spectrum` (diagonal, coordinates that agree kept as one entry with a multiplicity), `Dense` (any
covariance) and `Rows` (data: means over rows, no Gaussian assumption) offer the same interface, so
each formula of the package is written once. A "matrix" is whatever the kind stores: entries of shape
(k, *grid) for `Spectrum`, an array (d, d) for the others; likewise a "vector" is (k, *grid) or (d,).
"""

from functools import cached_property

import numpy as np


class Spectrum:
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

    def third(self, A):
        """E[(x'Ax) e x] vanishes: None stands for the zero vector."""
        return

    def noise(self, A):
        """E[(x'Ax) e^2]."""
        return self.noise_variance * self.inner(self.value, A)

    def inner(self, A, B):
        """tr(AB)."""
        return self._sum(A * B)

    def form(self, A, v):
        """v'Av."""
        return self._sum(A * v * v)

    def apply(self, A, v):
        """Av."""
        return A * v

    def solve(self, A, v):
        """A^+ v with 0 where an entry of A is 0: the minimiser of smallest norm."""
        if A.dtype == object:
            return v / A
        return np.divide(v, A, out=np.zeros(np.broadcast_shapes(A.shape, v.shape)), where=A != 0)

    def eigenvalues(self, A):
        """Eigenvalues of A, one an entry, shape (k, *grid)."""
        return A

    def exceeds(self, A, bound):
        """Whether every eigenvalue of A is larger than the bound."""
        return bool(np.all(bound < A))

    def steepest(self):
        """The largest curvature over the grid."""
        return self.value.max()

    steepest_bound = steepest

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

    def draw(self, size, n, rng):
        """Draw `size` batches of `n` inputs and noises: arrays (size, n, d) and (size, n)."""
        root = np.sqrt(np.repeat(self.value, np.asarray(self.multiplicity, dtype=int)))
        x = rng.standard_normal((size, n, len(root)))
        x *= root
        return x, _draw_noise(self.noise_variance, (size, n), rng)

    def _sum(self, entries):
        """Sum over coordinates of shape (*grid)."""
        if len(self.multiplicity) == 1:
            return self.multiplicity[0] * entries[0]
        return np.tensordot(self.multiplicity, entries, 1)


class Dense:
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
        out = A - (2 * alpha) * SA if A is self.value else A - alpha * (SA + SA.T)
        out += alpha**2 * SAS
        return out

    def scatter(self, A):
        """What sampling adds: E[(x'Ax) xx'] - Sigma A Sigma."""
        SA, SAS = self._products(A)
        out = np.trace(SA) * self.value
        out += SAS
        return out

    def third(self, A):
        """E[(x'Ax) e x] vanishes: None stands for the zero vector."""
        return

    def noise(self, A):
        """E[(x'Ax) e^2]."""
        return self.noise_variance * self.inner(self.value, A)

    def inner(self, A, B):
        """tr(AB)."""
        return np.vdot(A, B)

    def form(self, A, v):
        """v'Av."""
        return v @ A @ v

    def apply(self, A, v):
        """Av."""
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

    def draw(self, size, n, rng):
        """Draw `size` batches of `n` inputs and noises: arrays (size, n, d) and (size, n)."""
        x = rng.standard_normal((size, n, len(self.value))) @ self._root
        return x, _draw_noise(self.noise_variance, (size, n), rng)


class Rows(Dense):
    """A task given by data: the rows are the population, drawn independently with replacement.

    Parameters
    ----------
    X : ndarray, shape (N, d)
    residual : ndarray, shape (N,)
        e = y - X w_i at the least-squares solution, so that the mean of x e is 0.
    """

    def __init__(self, X, residual):
        super().__init__(X.T @ X / len(X), float(np.mean(residual**2)))
        self.X = X
        self.residual = residual

    def _squares(self, A):
        """x'Ax for each row."""
        return np.einsum("nd,nd->n", self.X @ A, self.X)

    def scatter(self, A):
        """What sampling adds: E[(x'Ax) xx'] - Sigma A Sigma, a mean over rows."""
        fourth = (self._squares(A)[:, None] * self.X).T @ self.X / len(self.X)
        return fourth - self._products(A)[1]

    def third(self, A):
        """E[(x'Ax) e x], a mean over rows, shape (d,)."""
        return (self._squares(A) * self.residual) @ self.X / len(self.X)

    def noise(self, A):
        """E[(x'Ax) e^2], a mean over rows."""
        return self._squares(A) @ self.residual**2 / len(self.X)

    def draw(self, size, n, rng):
        """Draw `size` batches of `n` rows with replacement."""
        index = rng.integers(len(self.X), size=(size, n))
        return self.X[index], self.residual[index]


def _well_conditioned(A):
    """Whether a Cholesky factor shows A to be safely positive definite."""
    try:
        pivots = np.diagonal(np.linalg.cholesky(A))
    except np.linalg.LinAlgError:
        return False
    return pivots.min() > 1e-4 * pivots.max()


def _draw_noise(variance, size, rng):
    if variance == 0:
        return np.zeros(size)
    return np.sqrt(variance) * rng.standard_normal(size)

r"""What is known about one task's inputs x and noise e: moments for the theory, draws for the simulator.

Each side is given its own half only, so that their agreement proves something. With Sigma = E[xx'] and e = y
- <w_i, x>:

======== ================================ ==================================
name     definition                       Gaussian inputs
======== ================================ ==================================
scatter  E[(x'Ax) xx'] - Sigma A Sigma    Sigma A Sigma + tr(Sigma A) Sigma
third    E[(x'Ax) e x]                    0
noise    E[(x'Ax) e^2]                    sigma^2 tr(Sigma A)
======== ================================ ==================================
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import numpy as np

from landscape.core import Array, NoClosedForm, Scalar
from landscape.linalg import Diagonal, Matrix, Operator, QuadraticForm


class Moments(Protocol):
    """The theory's half: nothing here can draw."""

    @property
    def memo(self) -> dict[Any, QuadraticForm]:
        """Where the last expected loss is kept."""

    @property
    def Sigma(self) -> Operator:
        """E[xx'], the Hessian of the task's loss."""

    @property
    def noise_variance(self) -> Scalar:
        """E[e^2], shape (*grid)."""

    @property
    def is_gaussian(self) -> bool:
        """Whether inputs are normal and independent of the noise."""

    @property
    def takes_limits(self) -> bool:
        """Whether the limit of large problems will do where no exact loss after adaptation is known."""

    @property
    def copies(self) -> float:
        """How often each coordinate comes, and by how much there are more samples: inf is the limit of large problems."""

    def times(self, A: Operator) -> Operator:
        """Compute Sigma A; Sigma^2 only once."""

    def scatter(self, A: Operator, SA: Operator) -> Operator:
        """Compute E[(x'Ax) xx'] - Sigma A Sigma; SA is Sigma A."""

    def third(self, A: Operator) -> Array | None:
        """Compute E[(x'Ax) e x]; None stands for 0."""

    def noise(self, A: Operator, SA: Operator) -> Scalar:
        """Compute E[(x'Ax) e^2]; SA is Sigma A."""


class Source(Protocol):
    """The simulator's half: nothing here knows a moment."""

    def draw(self, size: int, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw `size` batches of n rows: X (size, n, d) and e (size, n)."""

    def population(self) -> tuple[Array, Array]:
        """Return rows X (1, N, d) and e (1, N) that stand for infinitely many."""


class KnownMoments:
    """Moments that are kept: Sigma^2, and the expected loss that was last asked for."""

    takes_limits = False
    copies = 1.0

    def __init__(self, Sigma: Operator, noise_variance: Scalar) -> None:
        self.Sigma, self.noise_variance = Sigma, noise_variance
        self.memo: dict[Any, QuadraticForm] = {}
        self._square: list[Operator] = []  # one list for all copies

    def times(self, A: Operator) -> Operator:
        """Compute Sigma A; Sigma^2 only once."""
        if A is not self.Sigma:
            return self.Sigma @ A
        if not self._square:
            self._square.append(self.Sigma.square())
        return self._square[0]


class CountedMoments(KnownMoments, ABC):
    """Moments that are sums over rows or tasks: the three maps are computed together."""

    is_gaussian = False

    @cached_property
    def _first(self) -> tuple[Array, Array, Scalar]:
        return self._maps(self.Sigma)

    def _at(self, A: Operator) -> tuple[Array, Array, Scalar]:
        """The three maps; those at Sigma once, whatever the step size and the number of samples."""
        return self._first if A is self.Sigma else self._maps(A)

    @abstractmethod
    def _maps(self, A: Operator) -> tuple[Array, Array, Scalar]:
        """What `scatter` is made of, `third` and `noise`."""

    def third(self, A: Operator) -> Array | None:
        """Compute E[(x'Ax) e x]."""
        return self._at(A)[1]

    def noise(self, A: Operator, SA: Operator) -> Scalar:
        """Compute E[(x'Ax) e^2]."""
        return self._at(A)[2]


class Gaussian(KnownMoments):
    """Inputs x ~ N(0, Sigma) with independent noise e ~ N(0, noise_variance).

    Parameters
    ----------
    Sigma : Operator
    noise_variance : float or array, shape (*grid)
    """

    is_gaussian = True

    def __init__(self, Sigma: Operator, noise_variance: Scalar = 0.0) -> None:
        super().__init__(Sigma, noise_variance)

    def scatter(self, A: Operator, SA: Operator) -> Operator:
        """Compute Sigma A Sigma + tr(Sigma A) Sigma (Collins et al., Lemma 2); of k copies the trace is k times as large."""
        own = SA @ self.Sigma
        return (own if self.copies == 1 else 1 / self.copies * own) + SA.trace() * self.Sigma

    def third(self, A: Operator) -> Array | None:
        """Return None: noise that is independent of the inputs has no third moments with them."""
        return None

    def noise(self, A: Operator, SA: Operator) -> Scalar:
        """Compute sigma^2 tr(Sigma A)."""
        return self.noise_variance * SA.trace()

    def residual_scatter(self, delta: Array) -> Operator:
        """Compute what noise adds to the covariance scatter(D) of a sample's gradient: sigma^2 Sigma."""
        return self.noise_variance * self.Sigma

    def gradient_covariance(self, delta: Array, mean: Array) -> Operator:
        """Compute the covariance of a sample's gradient at the distance delta; mean is Sigma delta."""
        return Matrix(np.outer(mean, mean) / self.copies) + (self.noise_variance + delta @ mean) * self.Sigma

    def scattered(self, A: Operator, delta: Array) -> Array:
        """Compute scatter(A) delta - third(A)."""
        mean = self.Sigma @ delta
        return self.Sigma @ (A @ mean) / self.copies + self.Sigma.inner(A) * mean

    def expanded(self) -> Gaussian:
        """Return the same inputs with one entry a coordinate."""
        same = Gaussian(self.Sigma.expanded(), self.noise_variance)
        same.copies = self.copies
        return same

    def with_limits(self) -> Gaussian:
        """Return the same inputs, for which limits will do."""
        if self.takes_limits:
            return self
        same = copy(self)  # of its own class, and with what it knows already
        same.takes_limits, same.memo = True, {}
        return same

    def enlarged(self, copies: float) -> Gaussian:
        """Return the moments of as many copies of each coordinate, for adaptations to as many times the samples.

        Weights of the copies are told for one of them, as are the optima, whose scatter is divided among them: no risk
        changes but by terms in 1/copies.
        """
        same = copy(self)
        same.copies, same.memo = copies, {}
        return same

    @cached_property
    def root(self) -> Array:
        """R with R'R = Sigma: its diagonal (d,) where it is diagonal, else (d, d)."""
        root = self.Sigma.expanded().root()
        return root.entries if isinstance(root, Diagonal) else root.matrix()

    def colour(self, Z: Array) -> Array:
        """Give standard normal rows (..., d) the covariance Sigma, in place where that is diagonal."""
        if self.root.ndim == 2:
            return Z @ self.root
        Z *= self.root[0] if len(self.Sigma.diagonal()) == 1 else self.root
        return Z

    def draw_noise(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw label noise of a shape."""
        if np.all(self.noise_variance == 0):
            return np.zeros(shape)
        noise: Array = rng.standard_normal(shape)
        noise *= np.sqrt(self.noise_variance)
        return noise

    def draw(self, size: int, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw `size` batches of n rows: X (size, n, d) and e (size, n)."""
        X = self.colour(rng.standard_normal((size, n, self.Sigma.d)))
        return X, self.draw_noise((size, n), rng)

    def population(self) -> tuple[Array, Array]:
        """Return d rows whose mean xx' is Sigma, without noise."""
        d = self.Sigma.d
        rows = np.diag(self.root) if self.root.ndim == 1 else self.root
        return rows[None] * np.sqrt(d), np.zeros((1, d))


class Empirical(CountedMoments):
    r"""A task given by its rows: they are the population, and batches are drawn from them with replacement.

    With a ridge g the task's loss is that of the rows plus :math:`\tfrac g2\|w\|^2`, and each gradient on a
    batch adds g w. Sigma is then the mean of xx' plus g I, the mean of x e at the optimum is g w_i instead of
    0, and the three maps become covariances: E[(x'Ax) e x] loses S A E[xe], with S the mean of xx', and so
    on.

    Parameters
    ----------
    X : array, shape (N, d)
    y : array, shape (N,)
    ridge : float
        g.
    """

    CHUNK = 1 << 20  # numbers of the rows at a time: memory beside the rows themselves stays bounded

    def __init__(self, X: Array, y: Array, ridge: float = 0.0) -> None:
        self.X, self.ridge = X, ridge
        self.optimum = least_squares(X, y, ridge)
        self.e = y - X @ self.optimum
        second = X.T @ X / len(X)
        floor = float(np.mean(self.e**2))
        self.pull = self.e @ X / len(X) if ridge else np.zeros(X.shape[1])  # E[x e] = g w_i
        if ridge:
            floor += float(self.pull @ self.pull) / ridge
            second += ridge * np.eye(len(second))
        super().__init__(Matrix(second), floor)

    def _maps(self, A: Operator) -> tuple[Array, Array, Scalar]:
        """E[(x'Ax) xx'], E[(x'Ax) e x] and E[(x'Ax) e^2] less what the mean gradient has of them, in one pass."""
        array = A.matrix()
        if array.ndim > 2:
            parts = [self._maps(Matrix(one)) for one in array.reshape(-1, *array.shape[-2:])]
            shape = array.shape[:-2]
            fourth, third, noise = (np.array([part[i] for part in parts]) for i in range(3))
            return fourth.reshape(array.shape), third.reshape(*shape, -1), noise.reshape(shape)
        N, d = self.X.shape
        fourth, third, total = np.zeros((d, d)), np.zeros(d), 0.0
        rows = max(1, self.CHUNK // d)
        for i in range(0, N, rows):
            X, e = self.X[i : i + rows], self.e[i : i + rows]
            q = np.einsum("nd,nd->n", X @ array, X)
            fourth += (q[:, None] * X).T @ X / N
            third += (q * e) @ X / N
            total += float(q @ e**2 / N)
        if not self.ridge:
            return fourth, third, total
        S = self.Sigma.matrix() - self.ridge * np.eye(d)
        pulled = array @ self.pull
        return (
            fourth + self.Sigma.matrix() @ array @ self.Sigma.matrix() - S @ array @ S,
            third - S @ pulled,
            total - float(self.pull @ pulled),
        )

    def scatter(self, A: Operator, SA: Operator) -> Operator:
        """Compute E[(x'Ax) xx'] - Sigma A Sigma, a mean over rows (with a ridge, less S A S)."""
        return Matrix(self._at(A)[0]) - SA @ self.Sigma

    def residual_scatter(self, delta: Array) -> Operator:
        """Compute what noise adds to the covariance scatter(D) of a sample's gradient at the mean distance delta.

        E[e^2 xx'] - 2 E[e (x'delta) xx'], a mean over rows; with a ridge also what E[x e] != 0 adds.
        """
        e, delta = self.e, np.broadcast_to(delta, (self.X.shape[1],))
        out: Array = (self.X * (e**2 - 2 * e * (self.X @ delta))[:, None]).T @ self.X / len(self.X)
        if self.ridge:
            pulled = np.outer(self.Sigma @ delta - self.ridge * delta, self.pull)
            out = out + pulled + pulled.T - np.outer(self.pull, self.pull)
        return Matrix(out)

    def gradient_covariance(self, delta: Array, mean: Array) -> Operator:
        """Compute the covariance of a sample's gradient at the distance delta."""
        residuals = self.X @ delta - self.e
        weighted = residuals[:, None] * self.X
        push = weighted.mean(axis=0)  # with a ridge, that of the rows alone
        return Matrix(weighted.T @ weighted / len(self.X) - np.outer(push, push))

    def scattered(self, A: Operator, delta: Array) -> Array:
        """Compute scatter(A) delta - third(A)."""
        fourth, third, _ = self._at(A)
        mean = self.Sigma @ delta
        return fourth @ delta - self.Sigma @ (A @ mean) - third

    def expanded(self) -> Empirical:
        """Return the inputs themselves: they have an entry a coordinate."""
        return self

    def with_limits(self) -> Empirical:
        """Return the inputs themselves: no limits are known for rows."""
        return self

    def enlarged(self, copies: float) -> Empirical:
        """Refuse: rows are what they are."""
        raise NoClosedForm(
            "rows have no limit of large problems: describe the tasks by TaskFamily(covariance=...)"
        )

    def draw(self, size: int, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw `size` batches of n rows with replacement."""
        index = rng.integers(len(self.X), size=(size, n))
        return self.with_ridge(self.X[index], self.e[index], n)

    def population(self) -> tuple[Array, Array]:
        """Return all rows."""
        return self.with_ridge(self.X[None], self.e[None], len(self.X))

    def with_ridge(self, X: Array, e: Array, n: int) -> tuple[Array, Array]:
        """Add d rows, the same ones each time, which add n g w to X'(Xw - y)."""
        if not self.ridge:
            return X, e
        root, size, d = np.sqrt(n * self.ridge), len(X), X.shape[2]
        more = np.broadcast_to(root * np.eye(d), (size, d, d))
        return np.concatenate([X, more], axis=1), np.hstack([e, np.tile(-root * self.optimum, (size, 1))])


Inputs: TypeAlias = Gaussian | Empirical


def least_squares(X: Array, y: Array, ridge: float = 0.0) -> Array:
    """Compute the least-squares solution w_i, or the ridge solution, with columns scaled to mean square 1.

    Where it is not unique, the solution of least norm in the scaled columns: it does not depend on units.
    """
    if ridge:
        second = Matrix(X.T @ X / len(X) + ridge * np.eye(X.shape[1]))
        return second.solve(X.T @ y / len(X))
    size = np.sqrt(np.mean(X**2, axis=0))
    size = np.where(size == 0, 1.0, size)
    return np.linalg.lstsq(X / size, y, rcond=None)[0] / size

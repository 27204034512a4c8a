"""Batches of samples of many tasks at once, and the gradients they give."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from landscape.adaptations.base import Batch, Draw
from landscape.core import checks
from landscape.core.typing import RNG, Array, Scalar
from landscape.linalg.operators import Diagonal, Operator
from landscape.simulator.bartlett import SAMPLERS, row_count
from landscape.simulator.thin import thin_drawer
from landscape.tasks.environment import Environment
from landscape.tasks.inputs import Inputs

CHUNK = 1 << 21
"""Numbers held at a time (16 MiB), whatever the number of tasks."""

CACHED = 1 << 17
"""Numbers of samples drawn at a time (1 MiB): the products that follow find them in the processor's cache."""

LONGEST = 1 << 28
"""Numbers that a single batch may take."""

SAMPLING = ("thin", *SAMPLERS)
"""Ways to draw a batch; see `landscape.simulate`."""


def seed_of(rng: RNG) -> int:
    """Return a seed: `rng` itself where it is one, else one drawn from it."""
    if checks.is_source(rng):
        return int(checks.generator(rng).integers(2**63))
    return checks.seed("rng", rng)


class Rows:
    """n samples of each of several tasks, or fewer pseudo-rows that stand for them.

    Parameters
    ----------
    X : array, shape (tasks, rows, d)
    e : array, shape (tasks, rows)
        Noise: targets less the prediction of the task's optimum.
    optima : array, shape (tasks, d)
    n : int
        The number of samples that the rows stand for.
    """

    def __init__(self, X: Array, e: Array, optima: Array, n: int) -> None:
        self.X, self.e, self.optima, self.n = X, e, optima, n

    @cached_property
    def _second(self) -> Array:
        """X'X/n."""
        out: Array = self.X.swapaxes(1, 2) @ self.X
        out /= self.n
        return out

    def _many(self, W: Array) -> bool:
        """Whether X'X/n serves so many columns with fewer products than the rows."""
        return 2 * W.shape[2] > W.shape[1]

    def gradient(self, W: Array) -> Array:
        """Compute X'(X (w - w_i) - e)/n at each column of W (tasks or 1, d, J)."""
        delta = W - self.optima[:, :, None]
        if self._many(W):
            gradient: Array = self._second @ delta
            gradient -= self.X.swapaxes(1, 2) @ self.e[:, :, None] / self.n
            return gradient
        residual = self.X @ delta
        residual -= self.e[:, :, None]
        return self.X.swapaxes(1, 2) @ residual / self.n

    def hessian_times(self, V: Array) -> Array:
        """Compute X'X/n times each column of V."""
        return self._second @ V if self._many(V) else self.X.swapaxes(1, 2) @ (self.X @ V) / self.n

    def hessian(self) -> Array:
        """Compute X'X/n, shape (tasks, d, d)."""
        return self._second


class Population:
    """What a batch becomes as n grows without bound: the tasks themselves.

    Parameters
    ----------
    Sigma : Operator
        The second moment of the inputs.
    optima : array, shape (tasks, d)
    """

    def __init__(self, Sigma: Operator, optima: Array) -> None:
        self.Sigma, self.optima = Sigma, optima

    def gradient(self, W: Array) -> Array:
        """Compute Sigma (w - w_i) at each column of W."""
        return self.hessian_times(W - self.optima[:, :, None])

    def hessian_times(self, V: Array) -> Array:
        """Compute Sigma times each column of V."""
        return hessian_times(self.Sigma, V)

    def hessian(self) -> Array:
        """Return Sigma, shape (1, d, d)."""
        return self.Sigma.matrix()[None]


def hessian_times(Sigma: Operator, V: Array) -> Array:
    """Compute Sigma times each column of V (tasks, d, J)."""
    if isinstance(Sigma, Diagonal):
        return Sigma.expanded().entries[:, None] * V
    product: Array = Sigma.matrix() @ V
    return product


def drawer(inputs: Inputs, optima: Array, sampling: str, rng: np.random.Generator) -> Draw:
    """Make a function n -> fresh batch of n samples of each task (the population for n = inf).

    Parameters
    ----------
    inputs : Gaussian or Empirical
    optima : array, shape (tasks, d)
    sampling : str
        One of `SAMPLING`.
    rng : numpy.random.Generator
    """
    if sampling == "thin":
        return thin_drawer(inputs, optima, rng)
    sample = SAMPLERS[sampling]

    def draw(n: Scalar) -> Batch:
        if np.isinf(n):
            return Population(inputs.Sigma, optima)
        return Rows(*sample(inputs, len(optima), int(n), rng), optima, int(n))

    return draw


def by_family(
    environment: Environment,
    families: Array,
    optima: Array,
    samples: Scalar,
    sampling: str,
    rng: np.random.Generator,
) -> Iterator[tuple[Array, Inputs, Draw]]:
    """Walk over the drawn tasks in chunks of bounded size, one family at a time.

    Parameters
    ----------
    environment : Environment
    families, optima : array
        As returned by `Environment.sample`.
    samples : float
        The largest batch that will be drawn of a task, which sets the size of a chunk.
    sampling : str
        One of `SAMPLING`: whether a batch is drawn by two products of it, as d pseudo-rows, or row by row,
        all of the same law; or as rows of a data task that are all different, which is another.
    rng : numpy.random.Generator

    Yields
    ------
    where : array of int
        Positions of the chunk's tasks.
    inputs : Gaussian or Empirical
    draw : callable
        n -> batch.
    """
    for index, task in enumerate(environment.tasks()):
        positions = np.flatnonzero(families == index)
        size = chunk_size(task.inputs, samples, sampling)
        for start in range(0, len(positions), size):
            where = positions[start : start + size]
            yield where, task.inputs, drawer(task.inputs, optima[where], sampling, rng)


def chunk_size(inputs: Inputs, samples: Scalar, sampling: str) -> int:
    """How many tasks are drawn at a time; each takes its rows, or d + 1 columns of points if these are more."""
    d, rows = inputs.Sigma.d, row_count(inputs, float(samples), sampling)
    if np.isfinite(rows) and rows * d > LONGEST:
        raise ValueError(f'{rows:g} samples a batch are too many to draw one by one: use sampling="bartlett"')
    rows = max(rows if np.isfinite(rows) else 1, d + 1)
    return max(1, int(CACHED / (rows * d)))

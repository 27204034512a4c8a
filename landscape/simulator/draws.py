"""Batches of samples of many tasks at once, and the gradients they give."""

import numpy as np

from landscape.algebra import Rows
from landscape.simulator.thin import ThinBatch, roots

CHUNK = 1 << 21  # numbers drawn at a time (16 MiB), whatever the number of tasks


class Batch:
    """n samples of each of several tasks, or fewer pseudo-rows that stand for them.

    Parameters
    ----------
    X : ndarray, shape (tasks, rows, d)
    y : ndarray, shape (tasks, rows)
    n : int
        The number of samples that the rows stand for.
    """

    def __init__(self, X, y, n):
        self.X, self.y, self.n = X, y, n

    def gradient(self, W):
        """Gradient of the mean squared loss (with the factor 1/2) at each column of W (tasks or 1, d, J)."""
        return self.X.transpose(0, 2, 1) @ (self.X @ W - self.y[:, :, None]) / self.n

    def hessian_times(self, V):
        """The batch's Hessian times each column of V."""
        return self.X.transpose(0, 2, 1) @ (self.X @ V) / self.n


class Population:
    """What a batch becomes as n grows without bound: the task itself.

    Parameters
    ----------
    hessian : ndarray, shape (d, d)
        The second moment of the inputs.
    optima : ndarray, shape (tasks, d)
    """

    def __init__(self, hessian, optima):
        self.hessian, self.optima = hessian, optima

    def gradient(self, W):
        """Gradient of the tasks' losses at each column of W."""
        return self.hessian @ (W - self.optima[:, :, None])

    def hessian_times(self, V):
        """The Hessian times each column of V."""
        return self.hessian @ V


def batch_drawer(inputs, optima, sampling, rng):
    """A function n -> fresh batch of n samples of each task (the population for n = inf)."""
    if sampling == "thin":
        root, deviation = roots(inputs), np.sqrt(inputs.noise_variance)
        root = root[None] if root.shape[1] > 1 else root
        return lambda n: ThinBatch(root, optima.T, deviation, n, rng)
    sample = getattr(inputs, _DRAWS[sampling])

    def draw(n):
        if np.isinf(n):
            return Population(inputs.matrix(), optima)
        X, e = sample(len(optima), int(n), rng)
        return Batch(X, (X @ optima[:, :, None])[:, :, 0] + e, n)

    return draw


_DRAWS = {"bartlett": "draw_compressed", "raw": "draw", "without_replacement": "draw_distinct"}
SAMPLING = ("thin", *_DRAWS)


def by_family(environment, families, optima, samples, sampling, rng):
    """Walk over the drawn tasks in chunks of bounded size, one family at a time.

    Parameters
    ----------
    families, optima : ndarray
        As returned by `Mixture.sample`.
    samples : float
        The largest batch that will be drawn of a task, which sets the size of a chunk.
    sampling : {"thin", "bartlett", "raw", "without_replacement"}
        Whether a batch is drawn by two products of it, as d pseudo-rows, or row by row: all of the same law; or as rows
        of a data task that are all different, which is another.

    Yields
    ------
    where : ndarray of int
        Positions of the chunk's tasks.
    inputs : Spectrum, Dense or Rows
    draw : callable
        n -> batch.
    """
    for index, task in enumerate(environment.tasks()):
        positions = np.flatnonzero(families == index)
        size = max(1, int(CHUNK / (_rows(task.inputs, samples, sampling) * environment.d)))
        for start in range(0, len(positions), size):
            where = positions[start : start + size]
            yield where, task.inputs, batch_drawer(task.inputs, optima[where], sampling, rng)


def _rows(inputs, samples, sampling):
    """Rows that a batch of so many samples takes, at least d + 1 for the columns of the points."""
    compressed = len(inputs.X) if isinstance(inputs, Rows) else inputs.d
    rows = {"raw": samples, "without_replacement": compressed}.get(sampling, min(samples, compressed))
    if np.isfinite(rows) and rows * inputs.d > 1 << 28:
        raise ValueError(f'{rows:g} samples a batch are too many to draw one by one: use sampling="bartlett"')
    return max(rows if np.isfinite(rows) else 1, inputs.d + 1)

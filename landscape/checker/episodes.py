"""The episodes that a training routine under test is given, and the tasks they are drawn from."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from landscape.core import Array
from landscape.tasks import DataTask, Environment, Mixture, TaskFamily

CHUNK = 512  # episodes drawn at a time, if they have few samples
MOST_NUMBERS = 1 << 21  # drawn at a time, however many samples an episode has

Episode: TypeAlias = tuple[Array, Array, Array, Array]
"""X_in (n_in, d), y_in (n_in,), X_out (n_out, d), y_out (n_out,)."""


def checking_ground() -> Environment:
    """Make tasks in the plane on which methods and bugs lie far apart.

    At the default alpha and batches, with 2,000 episodes, MAML's optimum is 3.5 standard deviations of its
    exact solution from all others, and any two others are 1.5 apart.
    """
    one = TaskFamily("one flat direction", [1.3, 0.1], [2.0, 0.0], 0.01, noise=0.01)
    flat = TaskFamily("flat", [0.4, 0.4], [-1.0, -1.0], 0.01, noise=0.01)
    steep = TaskFamily("steep", [0.8, 0.8], [-1.0, 2.0], 0.01, noise=0.01)
    return Mixture((one, flat, steep))


class Episodes:
    """A sampler to hand to a training routine: each call draws a task and its two batches.

    Parameters
    ----------
    environment, n_in, n_out, rng
    shift : array, shape (d,), optional
        Added to the optimum of each task.
    until : int, optional
        Only that of so many first episodes.

    Attributes
    ----------
    count : int
        Episodes drawn so far.
    """

    def __init__(
        self,
        environment: Environment,
        n_in: int,
        n_out: int,
        rng: np.random.Generator,
        shift: Array | None = None,
        until: float = np.inf,
    ) -> None:
        self.count = 0
        self._shift, self._until = shift, until
        self._chunks = _chunks(environment, n_in, n_out, rng)
        self._chunk, self._left = next(self._chunks)

    def __call__(self) -> Episode:
        """Draw X_in (n_in, d), y_in (n_in,), X_out (n_out, d), y_out (n_out,) of a new task."""
        if not self._left:
            self._chunk, self._left = next(self._chunks)
        X_in, y_in, X_out, y_out = [stack[len(stack) - self._left] for stack in self._chunk]
        self._left, self.count = self._left - 1, self.count + 1
        if self._shift is None or self.count > self._until:
            return X_in, y_in, X_out, y_out
        return X_in, y_in + X_in @ self._shift, X_out, y_out + X_out @ self._shift

    def take(self, size: int) -> Episode:
        """Draw so many at once: the same arrays, stacked."""
        parts = []
        while size:
            if not self._left:
                self._chunk, self._left = next(self._chunks)
            at = len(self._chunk[0]) - self._left
            taken = min(size, self._left)
            parts.append([stack[at : at + taken] for stack in self._chunk])
            self._left, size = self._left - taken, size - taken
        X_in, y_in, X_out, y_out = (
            parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        )
        before, self.count = self.count, self.count + len(X_in)
        if self._shift is not None:
            shift = np.where(np.arange(before, self.count)[:, None] < self._until, self._shift, 0.0)[
                ..., None
            ]
            y_in, y_out = y_in + (X_in @ shift)[..., 0], y_out + (X_out @ shift)[..., 0]
        return X_in, y_in, X_out, y_out


def _chunks(
    environment: Environment, n_in: int, n_out: int, rng: np.random.Generator
) -> Iterator[tuple[Episode, int]]:
    tasks = environment.tasks()
    size = max(1, min(CHUNK, MOST_NUMBERS // ((n_in + n_out) * environment.d)))
    while True:
        families, optima = environment.sample(size, rng)
        stacks = [np.empty((size, n, *more)) for n in (n_in, n_out) for more in ((environment.d,), ())]
        for index, task in enumerate(tasks):
            where = np.flatnonzero(families == index)
            for k, n in enumerate((n_in, n_out)):
                X, e = task.inputs.draw(len(where), n, rng)
                stacks[2 * k][where], stacks[2 * k + 1][where] = X, (X @ optima[where, :, None])[:, :, 0] + e
        X_in, y_in, X_out, y_out = stacks
        yield (X_in, y_in, X_out, y_out), size


def check_drawable(environment: Environment) -> None:
    """Raise where parameters are symbols, or a task's loss has a penalty that its rows do not show."""
    environment.sample(1, 0)  # says what is wrong
    if any(isinstance(family, DataTask) and family.ridge for family in environment.families):
        raise ValueError("tasks with a ridge cannot be drawn as rows: train and check on tasks without one")

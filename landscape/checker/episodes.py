"""The episodes that a training routine under test is given, and the tasks they are drawn from."""

from collections.abc import Iterator
from typing import Any, TypeAlias

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
        self._stream = _episodes(environment, n_in, n_out, rng)

    def __call__(self) -> Episode:
        """Draw X_in (n_in, d), y_in (n_in,), X_out (n_out, d), y_out (n_out,) of a new task."""
        self.count += 1
        X_in, y_in, X_out, y_out = next(self._stream)
        if self._shift is None or self.count > self._until:
            return X_in, y_in, X_out, y_out
        return X_in, y_in + X_in @ self._shift, X_out, y_out + X_out @ self._shift


def _episodes(environment: Environment, n_in: int, n_out: int, rng: np.random.Generator) -> Iterator[Episode]:
    tasks = environment.tasks()
    size = max(1, min(CHUNK, MOST_NUMBERS // ((n_in + n_out) * environment.d)))
    while True:
        families, optima = environment.sample(size, rng)
        drawn: list[Any] = [None] * size
        for index, task in enumerate(tasks):
            where = np.flatnonzero(families == index)
            parts: list[Array] = []
            for n in (n_in, n_out):
                X, e = task.inputs.draw(len(where), n, rng)
                parts += [X, (X @ optima[where, :, None])[:, :, 0] + e]
            for i, episode in zip(where, zip(*parts, strict=True), strict=True):
                drawn[i] = episode
        yield from drawn


def check_drawable(environment: Environment) -> None:
    """Raise where parameters are symbols, or a task's loss has a penalty that its rows do not show."""
    environment.sample(1, 0)  # says what is wrong
    if any(isinstance(family, DataTask) and family.ridge for family in environment.families):
        raise ValueError("tasks with a ridge cannot be drawn as rows: train and check on tasks without one")

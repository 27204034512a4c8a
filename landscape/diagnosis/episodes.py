"""Episodes: shots of a task drawn without replacement, and the rows that were not drawn, to judge on.

They are drawn once for each number of shots and serve all learners alike, in training and in judging.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from landscape.core import Array, Scalar
from landscape.diagnosis.task_sums import TaskSums
from landscape.simulator.bartlett import draw_compressed
from landscape.tasks.inputs import Empirical

EPISODES = 2000
"""In all, where tasks are few enough."""
FEWEST, MOST = 4, 200
"""Episodes of a task."""
ROOM = 1 << 24
"""Numbers that the second moments of the shots may take: 128 MiB, and as much for the other rows."""
LONGEST = 1 << 22
"""Numbers of rows drawn at a time."""


@dataclass(frozen=True)
class Samples:
    """Several batches of samples as the sums that gradients are made of.

    Attributes
    ----------
    S : array, shape (n, d, d)
        Means of xx'.
    b : array, shape (n, d)
        Means of xy.
    """

    S: Array
    b: Array

    def gradient(self, W: Array) -> Array:
        """Compute S w - b at each column of W (n or 1, d, J)."""
        out: Array = self.S @ W - self.b[:, :, None]
        return out

    def hessian_times(self, V: Array) -> Array:
        """Compute S times each column of V."""
        out: Array = self.S @ V
        return out

    def hessian(self) -> Array:
        """Return S."""
        return self.S


@dataclass(frozen=True)
class Episodes:
    """Shots and the other rows of n episodes, with y measured from the tasks' `origin`.

    Attributes
    ----------
    task : array of int, shape (n,)
    each : int
        Episodes of a task; they stand together.
    shots, others : Samples
    c : array, shape (n,)
        Mean of y^2 over the other rows.
    """

    task: Array
    each: int
    shots: Samples
    others: Samples
    c: Array

    @cached_property
    def largest(self) -> float:
        """The largest curvature to expect of shots: as far beyond the largest seen as that is beyond all but 1%."""
        curvatures = np.linalg.eigvalsh(self.shots.S)[:, -1]
        most = float(curvatures.max())
        return most**2 / float(np.quantile(curvatures, 0.99)) if most > 0 else 0.0

    def draw(self, n: Scalar) -> Samples:
        """Return the shots, or for n = inf the other rows: what adaptations and methods call a draw."""
        return self.others if np.isinf(n) else self.shots

    def of(self, which: Array) -> Episodes:
        """Take the episodes of some tasks."""
        shots, others = (Samples(one.S[which], one.b[which]) for one in (self.shots, self.others))
        return Episodes(self.task[which], self.each, shots, others, self.c[which])

    def fewer(self, each: int) -> Episodes:
        """Take the first episodes of every task, at most so many."""
        each = min(each, self.each)
        first = np.flatnonzero(np.arange(len(self.task)) % self.each < each)
        return replace(self.of(first), each=each)

    def losses(self, points: Array) -> Array:
        """Compute the loss of each episode's point (n, d) on its other rows, a mean for each task."""
        curved = np.matvec(self.others.S, points)
        squares = np.vecdot(points, curved - 2 * self.others.b) + self.c
        return squares.reshape(-1, self.each).mean(axis=1) / 2


def draw_episodes(tasks: TaskSums, m: int, rng: np.random.Generator) -> Episodes:
    """Draw episodes of m shots of every task that has more rows than that.

    Of a task given by its law the shots are drawn from it, and it judges itself. Tasks have the fewer episodes
    the more they are: what they differ by then hides the scatter of the draws, and memory is bounded.
    """
    able = np.flatnonzero(tasks.rows > m)
    room = int(ROOM / (len(able) * tasks.d**2))
    each = int(np.clip(min(EPISODES // len(able), room), FEWEST, MOST))
    parts = [_of_task(tasks, int(i), m, each, rng) for i in able]
    S, b, A, q, c = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Episodes(np.repeat(able, each), each, Samples(S, b), Samples(A, q), c)


def _of_task(tasks: TaskSums, i: int, m: int, each: int, rng: np.random.Generator) -> tuple[Array, ...]:
    """Means of xx' and xy over the shots; of xx', xy and y^2 over the other rows; a leading axis of episodes."""
    one, d = tasks.inputs[i], tasks.d
    S, b, square = np.empty((each, d, d)), np.empty((each, d)), np.empty(each)
    if not isinstance(one, Empirical):
        X, e = draw_compressed(one, each, m, rng)
        S = X.swapaxes(1, 2) @ X / m
        b = np.vecmat(e, X) / m + np.matvec(S, tasks.optima[i] - tasks.origin)
        law = tasks.S[i], tasks.b[i], tasks.c[i]
        return S, b, *(np.repeat(np.asarray(part)[None], each, axis=0) for part in law)
    residuals, N = tasks.residuals(i), len(one.X)
    size = max(1, LONGEST // (m * d))
    for first in range(0, each, size):
        some = slice(first, min(first + size, each))
        count = some.stop - first
        rows = np.array([rng.choice(N, m, replace=False, shuffle=False) for _ in range(count)])
        X, y = one.X[rows], residuals[rows]
        S[some], b[some] = X.swapaxes(1, 2) @ X / m, np.vecmat(y, X) / m
        square[some] = np.mean(y**2, axis=1)
    shots, all_rows = (S, b, square), (tasks.S[i], tasks.b[i], tasks.c[i])
    return S, b, *((N * whole - m * part) / (N - m) for whole, part in zip(all_rows, shots, strict=True))

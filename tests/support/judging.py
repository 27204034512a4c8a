"""Judge advice by the population: worlds whose tasks are known laws, and the loss of every row on new tasks of them.

Adaptation is by hand (`Splits`), and the loss after it is exact given the shots: half of (w - w_i)' Sigma (w - w_i) and the noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import landscape as ls
from landscape.diagnosis.learners import LEARNERS
from support.trained_by_hand import Splits

WORTH = 0.02
ROWS = 40
"""Of a task of skewed inputs in a table."""

Laws = tuple[np.ndarray, np.ndarray, np.ndarray]


class World(NamedTuple):
    """Where tasks come from: n laws at a time, as scales (n, d) of inputs, solutions (n, d) and variances (n,) of the noise.

    Inputs and noise are normal, or of skewed (exponential) laws with the same variances: then a table holds rows.
    """

    laws: Callable[[np.random.Generator, int], Laws]
    tasks: int
    shots: int
    skewed: bool = False
    only: str | None = None

    def table(self, rng: np.random.Generator) -> ls.Mixture:
        """Draw the tasks that are diagnosed."""
        laws = zip(*self.laws(rng, self.tasks), strict=True)
        if not self.skewed:
            return ls.Mixture([
                ls.TaskFamily(f"{i}", np.diag(scale**2), w, noise=noise) for i, (scale, w, noise) in enumerate(laws)
            ])  # fmt: skip
        made: list[Any] = []
        for i, (scale, w, noise) in enumerate(laws):
            X = (rng.exponential(size=(ROWS, len(w))) - 1) * scale
            made.append(ls.DataTask(f"{i}", X, X @ w + np.sqrt(noise) * (rng.exponential(size=ROWS) - 1)))
        return ls.Mixture(made)

    def new_tasks(self, n: int, rng: np.random.Generator) -> Splits:
        """Draw shots of n new tasks, one time each; the rows to be judged on are their laws."""
        scales, w, noise = self.laws(rng, n)

        def draw(*shape: int) -> np.ndarray:
            return rng.exponential(size=shape) - 1 if self.skewed else rng.normal(size=shape)

        X = draw(n, self.shots, w.shape[1]) * scales[:, None]
        y = np.einsum("nmd,nd->nm", X, w) + np.sqrt(noise)[:, None] * draw(n, self.shots)
        A = scales[:, :, None] ** 2 * np.eye(w.shape[1])
        return Splits.of_laws(X, y, A, scales**2 * w, np.sum((scales * w) ** 2, axis=1) + noise)


def taken(diagnosis: ls.Diagnosis, name: str) -> Any:
    """Return what adaptation by hand takes of a learner: step, steps, strength, covariance and noise, or nothing."""
    learned = diagnosis.trained(name)
    how: Any = learned.adaptation
    if name == "mixed model":
        return how.covariance, how.noise
    if name == "Meta-SGD":
        return np.array(how.P)
    return None if learned.learner.tuned is None else getattr(how, learned.learner.tuned)


class Judged(NamedTuple):
    """A diagnosis, and what each row that it advises from loses on new tasks, (n,)."""

    diagnosis: ls.Diagnosis
    losses: dict[str, np.ndarray]

    def excess(self, name: str) -> float:
        """Compute how much more a row loses than the best of all, as a share."""
        least = min(losses.mean() for losses in self.losses.values())
        return float(self.losses[name].mean() / least - 1) if name in self.losses else np.inf

    def error(self, name: str) -> float:
        """Compute the standard error of that, paired."""
        best = min(self.losses, key=lambda one: self.losses[one].mean())
        beyond = self.losses[name] - (1 + self.excess(name)) * self.losses[best]
        return float(beyond.std() / np.sqrt(len(beyond)) / self.losses[best].mean())

    def fault(self, name: str) -> str | None:
        """Say what is wrong with the advice of a row: it loses over 2% more than the best, or a cheaper one loses under 1% more."""
        if self.excess(name) > WORTH:
            return f"{name} loses {100 * self.excess(name):.1f}% more than the best"
        cheaper = [one for one in self.losses if LEARNERS[one].rank < LEARNERS[name].rank]
        good = next((one for one in cheaper if self.excess(one) <= WORTH / 2), None)
        return None if good is None else f"{name} costs more than {good}, which is as good"


def judged(world: World, seed: int, new_tasks: int) -> Judged:
    """Diagnose a table of a world, and judge all rows on new tasks of it."""
    rng = np.random.default_rng([14, seed])
    diagnosis = ls.diagnose(world.table(rng), [world.shots], only=world.only, progress=False)
    new = world.new_tasks(new_tasks, np.random.default_rng([15, seed]))
    losses = {}
    for line in diagnosis.lines:
        if np.isfinite(line.loss) and (world.only is None or LEARNERS[line.name].by_gradient):
            start = diagnosis.trained(line.name).start
            losses[line.name] = new.losses(new.adapted(line.name, start, taken(diagnosis, line.name)))
    return Judged(diagnosis, losses)


def random_world(seed: int, tasks: int) -> World:
    """Draw a world: one or two kinds of tasks in 1 to 4 dimensions, scales, spread and noise of many sizes; odd seeds are skewed."""
    rng = np.random.default_rng([13, seed])
    d, spread, noise, kinds = (
        int(rng.integers(1, 5)),
        np.exp(rng.uniform(-3, 1)),
        np.exp(rng.uniform(-3, 1)),
        int(rng.integers(1, 3)),
    )
    centres, scales = 2 * rng.normal(size=(kinds, d)), np.exp(rng.uniform(-1, 0.5, size=(kinds, d)))

    def laws(rng: np.random.Generator, n: int) -> Laws:
        kind = rng.integers(kinds, size=n)
        return scales[kind], centres[kind] + spread * rng.normal(size=(n, d)), np.full(n, noise)

    return World(laws, tasks, int(rng.choice([1, 3, 10, 20])), bool(seed % 2))

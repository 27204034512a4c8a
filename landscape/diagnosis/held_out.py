"""Losses on tasks that took no part in training, on rows that were not drawn as shots.

Tasks are split into folds; a learner trained without a fold gives that fold's tasks their losses. Of step sizes and
strengths that one is chosen whose loss over all held-out tasks is least: the one to use.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from landscape.adaptations import Adaptation
from landscape.core import Array, Record, bar, record
from landscape.core.tolerances import LOSS_ROUNDING
from landscape.diagnosis.episodes import EPISODES, Episodes, draw_episodes
from landscape.diagnosis.learners import Learner, Trained
from landscape.diagnosis.task_sums import TaskSums
from landscape.diagnosis.training import Ends, TrainingSets
from landscape.methods import NAL

FOLDS = 10
CONTRACTING = 2.0
"""Step size times the largest curvature that shots may have, for several steps: beyond 2 they lead away, each step farther
than the last, and a rare draw's loss is millions."""


@record
class Judged(Record):
    """What one learner loses on each task at one number of shots.

    Parameters
    ----------
    trained : Trained
        On all tasks, with the value chosen.
    values : array, shape (candidates,)
        Step sizes or strengths that were tried; NaN where nothing is chosen.
    by_value : array, shape (candidates, tasks)
        Losses of held-out tasks with each; infinite where training has no minimum.
    best : int
        Which was chosen.
    of_all : float
        Mean loss of these tasks by the solutions trained on all of them, over that by the solutions of every fold.
    """

    trained: Trained
    values: Array
    by_value: Array
    best: int
    of_all: float = 1.0

    @property
    def losses(self) -> Array:
        """With the value chosen, shape (tasks,)."""
        out: Array = self.by_value[self.best]
        return out

    @property
    def value(self) -> float:
        """The step size or strength chosen."""
        return float(self.values[self.best])


@record
class HeldOut(Record):
    """All learners at one number of shots, on the same episodes.

    Parameters
    ----------
    shots : int
    tasks : array of int, shape (n,)
        Which of the tasks have enough rows to be judged.
    shares : array, shape (n,)
        Their probabilities, which sum to 1.
    judged : dict of str to Judged
        By the learner's name.
    """

    shots: int
    tasks: Array
    shares: Array
    judged: dict[str, Judged]

    def mean(self, name: str) -> float:
        """Compute the mean loss of a learner."""
        return float(self.judged[name].losses @ self.shares)

    def paired_error(self, name: str, other: str) -> float:
        """Compute the standard error of the difference of two learners' mean losses, which scatter together."""
        beyond = self.judged[name].losses - self.judged[other].losses
        if not np.isfinite(beyond).all():
            return np.inf
        return float(np.linalg.norm(self.shares * (beyond - beyond @ self.shares)))


class Folds:
    """A split of T tasks into folds of about one size, at random.

    Parameters
    ----------
    tasks : TaskSums
    rng : numpy.random.Generator
    """

    def __init__(self, tasks: TaskSums, rng: np.random.Generator) -> None:
        T = len(tasks.shares)
        count = min(T, FOLDS)
        self.of_task: Array = rng.permutation(np.arange(T) % count)
        kept = np.vstack([self.of_task != np.arange(count)[:, None], np.ones(T, dtype=bool)])
        self.sets = TrainingSets(tasks, kept * tasks.shares)


def held_out(
    tasks: TaskSums,
    learners: Sequence[Learner],
    shots: Sequence[int],
    steps: Array | None,
    rng: np.random.Generator,
    progress: bool = False,
) -> tuple[HeldOut, ...]:
    """Judge learners on tasks held out from training, at each number of shots.

    Parameters
    ----------
    tasks : TaskSums
    learners : sequence of Learner
    shots : sequence of int
    steps : array, optional
        Step sizes to choose from; by default in octaves about tr(S^2)/tr(S^3), then half octaves about the best.
    rng : numpy.random.Generator
        Of folds and shots.
    progress : bool

    Returns
    -------
    tuple of HeldOut
        One for each number of shots.
    """
    folds, out = Folds(tasks, rng), []
    cells = bar([(m, one) for m in shots for one in learners], progress, desc="diagnosing", leave=False)
    drawn: dict[int, Episodes] = {}
    best_steps: dict[Adaptation, float] = {}  # from the pooled start
    for m, learner in cells:
        if m not in drawn:
            drawn = {m: draw_episodes(tasks, m, rng)}
            met = drawn[m].task[:: drawn[m].each]
            out.append(HeldOut(m, met, tasks.shares[met] / tasks.shares[met].sum(), {}))
        near = 0.0
        if learner.tuned == "alpha" and not isinstance(learner.method, NAL) and steps is None:
            near = best_steps.get(learner.adaptation, 0.0)
        judged = _judged(learner, tasks, drawn[m], folds, m, steps, near)
        if isinstance(learner.method, NAL) and learner.tuned == "alpha":
            best_steps[learner.adaptation] = judged.value
        out[-1].judged[learner.name] = judged
    return tuple(out)


def _judged(
    learner: Learner,
    tasks: TaskSums,
    episodes: Episodes,
    folds: Folds,
    shots: int,
    steps: Array | None,
    near: float,
) -> Judged:
    """Losses with each value that is tried, and the one to use.

    Steps from a pooled start and strengths cost little: they are tried on a grid. Where training depends on them one
    goes from `near`, the best one from the pooled start, to where the loss is least. Last come half ways to the next.
    """
    shares = tasks.shares[episodes.task[:: episodes.each]]
    found: dict[float, tuple[Ends, Array]] = {}

    grid, ratio = _grid(learner, tasks, steps)
    several = ratio > 1 and getattr(learner.adaptation, "steps", 1) > 1

    def loss(value: float) -> float:
        if several and value * episodes.largest > CONTRACTING:
            return np.inf
        if value not in found:
            found[value] = _losses(learner, tasks, episodes, folds, shots, None if np.isnan(value) else value)
        mean = float(found[value][1] @ shares)
        return mean if np.isfinite(mean) else np.inf

    best = min(grid, key=loss) if near == 0 else near
    while near and ratio > 1:
        best, before = min((best, best * ratio, best / ratio), key=loss), best
        if best == before:
            break
    if ratio > 1 and best > 0:
        best = min((best, best * ratio**0.5, best / ratio**0.5), key=loss)
    if 0.0 in grid:
        best = min((best, 0.0), key=loss)
    ends = found[best][0]
    trained = Trained(learner, shots, ends.starts[-1] + tasks.origin, ends.adaptations[-1])
    values = sorted(found)
    by_value = np.array([found[value][1] for value in values])
    of_all = _of_all(ends, tasks, episodes) if len(ends.adaptations) > 1 else 1.0
    return Judged(trained, np.array(values), by_value, values.index(best) if best == best else 0, of_all)


def _grid(learner: Learner, tasks: TaskSums, steps: Array | None) -> tuple[list[float], float]:
    """The values to try, and the ratio of neighbours; 1 where they are given."""
    S, p = tasks.S, tasks.shares
    if learner.tuned is None:
        return [np.nan], 1.0
    if learner.tuned == "strength":
        usual = float(p @ np.trace(S, axis1=1, axis2=2)) / tasks.d
        return [*(usual * 4.0 ** np.arange(-5, 5))], 4.0
    if steps is not None:
        return [float(step) for step in steps], 1.0
    return [0.0, *(usual_step(tasks) * 2.0 ** np.arange(-8, 2))], 2.0


def usual_step(tasks: TaskSums) -> float:
    """Compute tr(S^2)/tr(S^3), the best exact step on average over directions."""
    S, p = tasks.S, tasks.shares
    return float(p @ np.vecdot(S, S).sum(axis=-1) / (p @ np.vecdot(S @ S, S).sum(axis=-1)))


def _losses(
    learner: Learner, tasks: TaskSums, episodes: Episodes, folds: Folds, shots: int, value: float | None
) -> tuple[Ends, Array]:
    """Where training ends up, and the losses of the tasks of each fold where it took place without them."""
    ends = folds.sets.ends(learner, episodes, shots, value)
    fold = folds.of_task[episodes.task]
    if len(ends.adaptations) == 1:
        points = ends.adaptations[0].adapt(ends.starts[fold][:, :, None], episodes.draw).points[:, :, 0]
    else:
        points = np.empty((len(fold), tasks.d))
        for k in range(len(ends.starts) - 1):
            own = np.flatnonzero(fold == k)
            points[own] = _adapted(ends.starts[k], ends.adaptations[k], episodes.of(own))
    losses = episodes.losses(points)
    rounding = LOSS_ROUNDING * tasks.size
    return ends, np.where(np.isnan(losses), np.inf, np.where(losses < rounding, 0.0, losses))


def _of_all(ends: Ends, tasks: TaskSums, episodes: Episodes) -> float:
    """Mean loss by the solutions of all tasks over that by those of all folds, each on all tasks (Burman 1989)."""
    shares = tasks.shares[episodes.task[:: episodes.each]]
    few = episodes.fewer(
        max(1, EPISODES // 4 // len(shares))
    )  # all models meet the same: a quarter says enough
    losses = [
        float(few.losses(_adapted(start, adaptation, few)) @ shares)
        for start, adaptation in zip(ends.starts, ends.adaptations, strict=True)
    ]
    of_folds = float(np.mean(losses[:-1]))
    return losses[-1] / of_folds if 0 < of_folds < np.inf else 1.0


def judge(trained: Trained, tasks: TaskSums, episodes: Episodes) -> Array:
    """Compute the losses of other tasks after adaptation, on the rows that were not drawn; one for each task met."""
    return episodes.losses(_adapted(trained.start - tasks.origin, trained.adaptation, episodes))


def _adapted(start: Array, adaptation: Adaptation, episodes: Episodes) -> Array:
    """Where each episode ends up from one start, shape (episodes, d)."""
    W = np.broadcast_to(start[:, None], (len(episodes.task), len(start), 1))
    out: Array = adaptation.adapt(W, episodes.draw).points[:, :, 0]
    return out

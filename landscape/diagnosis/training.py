"""Where learners end up on the tasks at hand, on several sets of tasks at once: all, and all without a fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from landscape.adaptations import Adaptation, PreconditionedSteps
from landscape.adaptations.mixed_model import MixedModel
from landscape.core import Array
from landscape.diagnosis.empirical_bayes import fitted_prior
from landscape.diagnosis.episodes import Episodes
from landscape.diagnosis.learners import Learner
from landscape.diagnosis.task_sums import TaskSums, stationary
from landscape.linalg.matrix_equation import diagonal
from landscape.methods import MAML, NAL, MetaSGD, Method
from landscape.methods.prior_mean import PriorMean

ALTERNATIONS = 10
"""Of start and step size per coordinate, from the pooled start."""


@dataclass(frozen=True)
class Ends:
    """Where one learner ended up on each of several sets of tasks.

    Attributes
    ----------
    starts : array, shape (sets, d)
        From the tasks' origin; NaN where there is no minimum.
    adaptations : tuple of Adaptation
        One for each set, or one for all.
    """

    starts: Array
    adaptations: tuple[Adaptation, ...]


class TrainingSets:
    """Several sets of the same tasks, given by their weights.

    Parameters
    ----------
    tasks : TaskSums
    shares : array, shape (sets, T)
        Weights of the tasks in each set.
    """

    def __init__(self, tasks: TaskSums, shares: Array) -> None:
        self.tasks, self.shares = tasks, shares
        sums = (shares @ tasks.S.reshape(len(tasks.S), -1)).reshape(-1, tasks.d, tasks.d)
        self.pooled = stationary(sums, shares @ tasks.b)
        self._priors: list[tuple[Array, MixedModel]] = []

    def ends(self, learner: Learner, episodes: Episodes, shots: int, value: float | None) -> Ends:
        """Train a learner on each set, for one number of shots and one value of what is chosen.

        Parameters
        ----------
        learner : Learner
        episodes : Episodes
            Of so many shots.
        shots : int
        value : float, optional
            Step size or strength.

        Returns
        -------
        Ends
        """
        adaptation = learner.adaptation_at(shots, value)
        method = learner.method
        if learner.name == "own shots":  # knows of no other task: it starts from 0
            is_infinite = abs(shots - self.tasks.d) <= 1  # the expected loss is: see `OwnShots`
            start = np.full(self.tasks.d, np.nan) if is_infinite else -self.tasks.origin
            return Ends(np.broadcast_to(start, self.pooled.shape), (adaptation,))
        if isinstance(method, NAL) or value == 0:
            return Ends(self.pooled, (adaptation,))
        if isinstance(method, PriorMean):
            return self._mixed_models(shots)
        if isinstance(method, MetaSGD):
            return self._learned_steps(episodes, shots)
        return Ends(minimisers(method.within(adaptation), episodes, self.shares), (adaptation,))

    def _mixed_models(self, shots: int) -> Ends:
        """One prior a set, whatever the shots; from scratch, for a fold that began elsewhere would have seen its tasks."""
        if not self._priors:
            fitted = [fitted_prior(self.tasks, shares) for shares in self.shares]
            self._priors = [(one.mean, MixedModel(one.covariance, one.noise, shots)) for one in fitted]
        models = tuple(MixedModel(one.covariance, one.noise, shots) for _, one in self._priors)
        return Ends(np.array([mean for mean, _ in self._priors]), models)

    def _learned_steps(self, episodes: Episodes, shots: int) -> Ends:
        """Step size per coordinate and start in turn, each the best given the other: Meta-SGD, one limit of it."""
        starts, steps = [], []
        for shares, start in zip(self.shares, self.pooled, strict=True):
            of_set = episodes.of(np.flatnonzero(shares[episodes.task] > 0))
            for _ in range(ALTERNATIONS):
                step = PreconditionedSteps(_best_diagonal(of_set, shares, start), shots)
                moved = minimisers(MAML(step), of_set, shares[None])[0]
                settled = np.allclose(moved, start, rtol=1e-3, atol=1e-3 * np.abs(moved).max())
                start = moved
                if settled:
                    break
            starts.append(start)
            steps.append(PreconditionedSteps(_best_diagonal(of_set, shares, start), shots))
        return Ends(np.array(starts), tuple(steps))


def minimisers(method: Method, episodes: Episodes, shares: Array) -> Array:
    """Compute where a method's mean meta-gradient over the episodes of each set of tasks vanishes, shape (sets, d).

    A meta-gradient is affine in the start: its values at 0 and at the unit vectors say all. Methods are asked for
    outer batches of inf samples, which are the rows not drawn.
    """
    d = episodes.others.b.shape[1]
    corners = np.concatenate([np.zeros((d, 1)), np.eye(d)], axis=1)
    many = np.broadcast_to(corners, (len(episodes.task), d, d + 1))
    values = method.meta_gradient(many, episodes.draw, np.inf, 1)
    weights = shares[:, episodes.task] / episodes.each
    mean = (weights @ values.reshape(len(values), -1)).reshape(len(shares), d, d + 1)
    return stationary(mean[:, :, 1:] - mean[:, :, :1], -mean[:, :, 0])


def _best_diagonal(episodes: Episodes, shares: Array, start: Array) -> Array:
    """The best step size per coordinate from a start: (E[A o gg']) p = E[g o A(w - w_i)]."""
    g = episodes.shots.gradient(start[None, :, None])[:, :, 0]
    slope = episodes.others.gradient(start[None, :, None])[:, :, 0]
    p = shares[episodes.task] / episodes.each
    R = (p[:, None] * g).T @ slope
    return diagonal(p, episodes.others.S, g[:, :, None] * g[:, None, :], R)

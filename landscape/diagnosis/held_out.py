"""Losses on tasks that took no part in training, nor in choosing the step size.

Tasks are split into folds. A method trained without a fold gives that fold's tasks their losses. The step
size used there is the one that does best when each other fold in turn is left out as well, so neither
training nor the choice has seen the task. A method's training is the minimum of a sum of quadratics: without
some folds it is that of the sum over the others.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from landscape.adaptations import GradientSteps
from landscape.core import Array, Record, Scalar, bar, checks, record
from landscape.diagnosis.single_tasks import SingleTasks, minimisers, solver, sums, taken
from landscape.linalg import QuadraticForm
from landscape.methods import FOMAML, IMAML, MAML, NAL, Method, Reptile

FOLDS = 20
REPTILE_STEPS = 5
ROUNDING = 2e-13
"""Losses below this share of the loss at 0 are rounding, and their ratios mean nothing."""

Solutions: TypeAlias = tuple[Array, Array]
"""What is trained without each fold (K, d), and without each pair of folds (pairs, d)."""


def methods_at(alpha: float, m: float) -> dict[str, Method]:
    """List the methods compared, trained for one step of size alpha on m shots; for alpha = 0 all are NAL."""
    methods: list[Method] = [
        NAL(),
        MAML(GradientSteps(alpha, m)),
        FOMAML(GradientSteps(alpha)),
        Reptile(GradientSteps(alpha, steps=REPTILE_STEPS)),
        IMAML(1 / alpha if alpha else 1.0),
    ]
    return {method.label: method if alpha else NAL() for method in methods}


METHODS = list(methods_at(0.0, 1))


@record
class HeldOut(Record):
    """Losses of held-out tasks.

    Parameters
    ----------
    by_step : array, shape (methods, shots, steps, T)
        With each step size; infinite where training has no minimum.
    chosen : array, shape (methods, shots, T)
        With the step size chosen without the task's fold, among those with which training always has a
        minimum.
    best : array of int, shape (methods, shots)
        Where among the step sizes the least mean loss over all held-out tasks lies: the one to use.
    training : array, shape (methods, shots, T)
        How a task changes the mean loss by its part in training, to first order: -g' H^-1 s_i for the task's
        score s_i and the slope g of the mean loss at the solution. Its mean is 0; NaN where training has no
        minimum.
    """

    by_step: Array
    chosen: Array
    best: Array
    training: Array


class Folds:
    """A split of T tasks into K folds.

    Parameters
    ----------
    shares : array, shape (T,)
    rng : numpy.random.Generator or int
    """

    def __init__(self, shares: Array, rng: np.random.Generator | int | None) -> None:
        T = len(shares)
        self.K = min(T, FOLDS)
        self.of_task: Array = checks.generator(rng).permutation(np.arange(T) % self.K)
        self.weights = (np.arange(self.K)[:, None] == self.of_task) * shares  # (K, T)
        self.pairs = np.array([(a, b) for a in range(self.K) for b in range(a)])
        one = np.eye(self.K)
        self._others = 1 - one, 1 - one[self.pairs[:, 0]] - one[self.pairs[:, 1]]

    def solutions(self, by_fold: QuadraticForm) -> Solutions:
        """Train without each fold, and without each pair of folds, on the sums of the other folds."""
        without_one, without_two = (minimisers(sums(by_fold, others)) for others in self._others)
        return without_one, without_two

    def inner_losses(self, by_fold: QuadraticForm, points: Array) -> Array:
        """Compute for each fold a the loss on other folds b, trained without a and b, shape (K,)."""
        out = np.zeros(self.K)
        for outer, inner in (self.pairs.T, self.pairs.T[::-1]):
            np.add.at(out, outer, _infinite_for_nan(taken(by_fold, inner)(points)))
        return out


def held_out(
    tasks: SingleTasks,
    shots: Sequence[int],
    alphas: Array,
    rng: np.random.Generator | int | None,
    progress: bool = False,
) -> HeldOut:
    """Compute the losses of each task under methods trained without it.

    Parameters
    ----------
    tasks : SingleTasks
    shots : sequence of int
    alphas : array
        Step sizes to choose from.
    rng : numpy.random.Generator or int
        Of the split into folds.
    progress : bool

    Returns
    -------
    HeldOut
    """
    shares = tasks.shares
    folds = Folds(shares, rng)
    shape = (len(METHODS), len(shots), len(alphas))
    by_step, inner = np.full((*shape, len(shares)), np.inf), np.full((*shape, folds.K), np.inf)
    plain = tasks.objective(NAL())
    middle = tasks.trained(NAL())  # an origin near all points that are judged: far from 0 nothing cancels
    rounding = ROUNDING * float(shares @ plain(np.zeros(1)))
    pooled = folds.solutions(sums(plain, folds.weights))
    for i, alpha in enumerate(bar(alphas, progress, desc="diagnosing", unit="step size", leave=False)):
        known: dict[Method, Solutions] = {NAL(): pooled}
        full, single = (tasks.risk(GradientSteps(alpha, m)) for m in (np.inf, 1))
        for j, m in enumerate(shots):
            adaptation = GradientSteps(alpha, m)
            judged = (1 - 1 / m) * full + (1 / m) * single  # after one step the loss is affine in 1/m
            by_fold = sums(judged, folds.weights, middle)
            for k, method in enumerate(methods_at(alpha, m).values()):
                if method not in known:
                    own = method.minimises() == adaptation
                    known[method] = folds.solutions(
                        by_fold if own else sums(tasks.objective(method), folds.weights)
                    )
                without_one, without_two = known[method]
                losses = _infinite_for_nan(judged(without_one[folds.of_task]))
                by_step[k, j, i] = np.where(losses < rounding, 0.0, losses)
                inner[k, j, i] = folds.inner_losses(by_fold, without_two)
    # where training without some fold has no minimum, the step is not used
    inner[np.isinf(by_step).any(axis=-1)] = np.inf
    without = inner.argmin(axis=2)  # (methods, shots, K)
    chosen = np.take_along_axis(by_step, without[:, :, None, folds.of_task], axis=2)[:, :, 0]
    best = (by_step @ shares).argmin(axis=2)
    training = np.empty_like(chosen)
    for k, j in np.ndindex(best.shape):
        training[k, j] = _training_effect(tasks, k, shots[j], alphas[best[k, j]])
    return HeldOut(by_step, chosen, best, training)


def _training_effect(tasks: SingleTasks, k: int, m: int, alpha: float) -> Array:
    """How each task moves the mean loss by moving the solution, -g' H^-1 s_i, shape (T,)."""
    form = tasks.objective(list(methods_at(alpha, m).values())[k])
    mean = sums(form, tasks.shares[None])
    point = minimisers(mean)[0]
    slope = tasks.shares @ tasks.risk(GradientSteps(alpha, m)).gradient(point)
    solve, _ = solver(mean.A)
    return -form.gradient(point) @ solve(slope)[0]


def _infinite_for_nan(values: Scalar) -> Array:
    return np.where(np.isnan(values), np.inf, values)

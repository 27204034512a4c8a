"""Losses on tasks that took no part in training, nor in choosing the step size.

Tasks are split into folds. A method trained without a fold gives that fold's tasks their losses. The step size used
there is the one that does best when each other fold in turn is left out as well, so neither training nor the choice has
seen the task. A method's training is the minimum of a sum of quadratics: leaving out folds subtracts their sums.
"""

from dataclasses import dataclass

import numpy as np

from landscape.adaptation import Adaptation
from landscape.diagnosis.stacked import Stack, minimisers, stack
from landscape.methods import FOMAML, IMAML, MAML, NAL, Reptile
from landscape.progress import bar
from landscape.record import Record

FOLDS = 20
REPTILE_STEPS = 5


def methods_at(alpha, m):
    """The methods compared, as trained for one step of size alpha on m shots; without a step all are pooled training."""
    adaptation = Adaptation(alpha, m)
    if alpha == 0:
        return dict.fromkeys(["NAL", "MAML", "FO-MAML", "Reptile", "iMAML"], NAL())
    methods = [
        NAL(),
        MAML.matching(adaptation).resolved,
        FOMAML(alpha),
        Reptile(alpha, REPTILE_STEPS),
        IMAML(1 / alpha),
    ]
    return {method.label: method for method in methods}


METHODS = list(methods_at(0, 1))


@dataclass(frozen=True, eq=False, repr=False)
class HeldOut(Record):
    """Losses of held-out tasks.

    Attributes
    ----------
    by_step : ndarray, shape (methods, shots, steps, T)
        With each step size; infinite where training has no minimum.
    chosen : ndarray, shape (methods, shots, T)
        With the step size chosen without the task's fold, among those with which training always has a minimum.
    best : ndarray of int, shape (methods, shots)
        Where among the step sizes the least mean loss over all held-out tasks lies: the one to use.
    training : ndarray, shape (methods, shots, T)
        How a task changes the mean loss by its part in training, to first order: -g' H^-1 s_i for the task's score s_i
        and the slope g of the mean loss at the solution. Its mean is 0; NaN where training has no minimum.
    """

    by_step: np.ndarray
    chosen: np.ndarray
    best: np.ndarray
    training: np.ndarray


def held_out(tasks, shots, alphas, seed, progress=False):
    """Losses of each task under methods trained without it.

    Parameters
    ----------
    tasks : list of Task
        Expanded, each with a single optimum.
    shots : sequence of int
    alphas : ndarray
        Step sizes to choose from.
    seed : int
        Of the split into folds.
    progress : bool

    Returns
    -------
    HeldOut
    """
    T = len(tasks)
    K = min(T, FOLDS)
    fold = np.random.default_rng(seed).permutation(np.arange(T) % K)
    shares = np.array([task.probability for task in tasks], dtype=float)
    member = (np.arange(K)[:, None] == fold) * shares  # (K, T)
    pairs = np.array([(a, b) for a in range(K) for b in range(a)])

    def trained(quadratics):
        """Solutions without each fold (K, d), and without each pair of folds (pairs, d)."""
        sums = quadratics.grouped(member)
        total = sums.grouped(np.ones((1, K)))
        out = [np.eye(K), np.eye(K)[pairs[:, 0]] + np.eye(K)[pairs[:, 1]]]
        return [minimisers(_less(total, sums.grouped(folds))) for folds in out]

    shape = (len(METHODS), len(shots), len(alphas))
    by_step, inner = np.full((*shape, T), np.inf), np.full((*shape, K), np.inf)
    plain = stack(tasks, NAL().quadratic)
    pooled, rounding = trained(plain), 1e-13 * (shares @ plain.k)  # of losses: k is twice that at the origin
    for i, alpha in enumerate(bar(alphas, progress, desc="diagnosing", unit="step size", leave=False)):
        full, single = (stack(tasks, Adaptation(alpha, m).quadratic) for m in (np.inf, 1))
        own = {}
        for j, m in enumerate(shots):
            # after one step the loss is affine in 1/m
            judged = Stack(*(a + (b - a) / m for a, b in zip(full, single, strict=True)))
            by_fold = judged.grouped(member)
            for k, (label, method) in enumerate(methods_at(alpha, m).items()):
                if method == NAL():
                    points = pooled
                elif label == "MAML":
                    points = trained(judged)  # its loss is the very loss after adaptation
                else:
                    points = own[label] = own.get(label) or trained(stack(tasks, method.quadratic))
                losses = _finite(judged.at(points[0][fold]))
                by_step[k, j, i] = np.where(losses < rounding, 0.0, losses)
                inner[k, j, i] = _inner_scores(by_fold, points[1], pairs, K)
    # where training without some fold has no minimum, the step is not used
    inner[np.isinf(by_step).any(axis=-1)] = np.inf
    without = inner.argmin(axis=2)  # (methods, shots, K)
    chosen = np.take_along_axis(by_step, without[:, :, None, fold], axis=2)[:, :, 0]
    best = (by_step @ shares).argmin(axis=2)
    training = np.empty_like(chosen)
    for k, j in np.ndindex(best.shape):
        training[k, j] = _training_effect(tasks, shares, k, shots[j], alphas[best[k, j]])
    return HeldOut(by_step, chosen, best, training)


def _training_effect(tasks, shares, k, m, alpha):
    """How each task moves the mean loss by moving the solution."""
    method = list(methods_at(alpha, m).values())[k]
    own, judged = stack(tasks, method.quadratic), stack(tasks, Adaptation(alpha, m).quadratic)
    mean = own.grouped(shares[None])
    point = minimisers(mean)[0]
    scores = own.A @ point - own.v
    slope = shares @ (judged.A @ point - judged.v)
    return -scores @ np.linalg.lstsq(mean.A[0], slope, rcond=None)[0]


def _less(total, part):
    return Stack(*(a - b for a, b in zip(total, part, strict=True)))


def _inner_scores(by_fold, points, pairs, K):
    """For each outer fold a, the loss on all other folds b of what was trained without a and b."""
    scores = np.zeros(K)
    for outer, inner in (pairs.T, pairs.T[::-1]):
        part = Stack(*(sums[inner] for sums in by_fold))
        np.add.at(scores, outer, _finite(part.at(points)))
    return scores


def _finite(values):
    return np.where(np.isnan(values), np.inf, values)

"""Pooled training, and how it may weigh tasks."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from landscape.adaptations import Draw, loss_form
from landscape.core import Array, Scalar, checks, nonnegative, record, whole
from landscape.linalg import QuadraticForm
from landscape.methods.base import Cost, Method
from landscape.tasks import Moments, Task


@record
class NAL(Method):
    r"""Non-adaptive learning: pooled training, :math:`A = \Sigma` (Collins et al., eq. (5)).

    Parameters
    ----------
    task_weights : dict of str to float, optional
        Weight :math:`\nu` of each family by name; families left out have weight 1.
    batch : int, optional
        Weights are normalised to sum to 1 within each batch of so many tasks (Collins et al., C.1, Table 3).
        A family then counts E[N_f nu_f / sum_g N_g nu_g], N the numbers of tasks in the batch, which is *not*
        proportional to its weight. Summed exactly over all batches.

    Examples
    --------
    >>> from landscape import TwoTasks, optimum
    >>> optimum(TwoTasks(d=2), NAL()).round(3)
    array([-0.818, -0.818])
    >>> optimum(TwoTasks(d=2), NAL({"hard": 30})).round(3)
    array([0.5, 0.5])
    """

    task_weights: Mapping[str, float] | None = None
    batch: int | None = None

    label = "NAL"
    weight_latex = r"\Sigma"

    def __post_init__(self) -> None:
        weights: Any = self.task_weights
        if weights is not None:
            if not isinstance(weights, dict) or not weights:
                raise ValueError(f"task_weights must be a dict of family name to weight, got {weights!r}")
            weights = {k: nonnegative.check(f"task_weights[{k!r}]", v) for k, v in weights.items()}
        elif self.batch is not None:
            raise ValueError("batch normalises task_weights: give task_weights too, or leave batch out")
        batch = None if self.batch is None else whole(1, 500).check("batch", self.batch)
        self._set(task_weights=weights, batch=batch)

    @property
    def task_batch(self) -> int | None:
        return self.batch

    def objective(self, moments: Moments) -> QuadraticForm:
        """Return the task's loss."""
        return loss_form(moments)

    def meta_gradient(self, W: Array, draw: Draw, n1: Scalar, n2: Scalar) -> Array:
        return draw(n1 + n2).gradient(W)

    def weights(self, names: Sequence[str]) -> list[float]:
        """The weight of each family, in the order of `names`."""
        given = self.task_weights or {}
        for name in given:
            checks.known("family in task_weights", name, names)
        weights = [given.get(name, 1) for name in names]
        if not any(weights):
            raise ValueError("task_weights are 0 for every family: give at least one a weight > 0")
        return weights

    def shares(self, tasks: Sequence[Task], risks: Sequence[QuadraticForm] | None = None) -> list[Scalar]:
        """Probability times weight, or the expected normalised weight where there is a batch."""
        weights = self.weights([task.name for task in tasks])
        if self.batch is None:
            return [task.probability * nu for task, nu in zip(tasks, weights, strict=True)]
        if 0 in weights:
            raise ValueError("batch-normalised task_weights must be > 0: a batch may hold one family only")
        groups = sorted(set(weights))
        if math.comb(self.batch + len(groups) - 1, self.batch) > 200_000:
            raise ValueError(
                f"{len(groups)} different task_weights in batches of {self.batch} are too many to sum exactly: "
                "use fewer different weights or a smaller batch"
            )
        per_group = [
            sum(t.probability for t, nu in zip(tasks, weights, strict=True) if nu == g) for g in groups
        ]
        expected = _normalised(groups, per_group, self.batch)
        return [
            task.probability * expected[groups.index(nu)] for task, nu in zip(tasks, weights, strict=True)
        ]

    def batch_moments(self, tasks: Sequence[Task]) -> tuple[Array, Array]:
        """Second moments of the normalised weights within a batch; see `landscape.closed_form.finite_sample.sgd`."""
        weights = self.weights([task.name for task in tasks])
        groups = sorted(set(weights))
        member = np.array([groups.index(nu) for nu in weights])
        assert self.batch is not None
        p = np.array([task.probability for task in tasks], dtype=float)
        chances = np.bincount(member, weights=p)
        own, cross = np.zeros(len(groups)), np.zeros((len(groups), len(groups)))
        for others in combinations_with_replacement(range(len(groups)), self.batch):
            N = np.bincount(others, minlength=len(groups))
            ways = math.factorial(self.batch) // math.prod(math.factorial(int(n)) for n in N)
            share = np.array(groups) / (N @ np.array(groups))
            chance = ways * np.prod(chances**N)
            own += chance * N * share**2
            cross += chance * (np.outer(N, N) - np.diag(N)) * np.outer(share, share)
        part = np.divide(p, chances[member], out=np.zeros_like(p), where=p > 0)
        return own[member] * part, cross[np.ix_(member, member)] * np.outer(part, part)

    def cost(self, d: int, n1: Scalar, n2: Scalar) -> Cost:
        """Count one gradient on all n1 + n2 samples."""
        return Cost(1, 0, n1 + n2)


def _normalised(weights: Sequence[float], probabilities: Sequence[Any], batch: int) -> list[Any]:
    r"""E[nu_g N_g / Z] / p_g with Z = sum N_h nu_h, N multinomial(batch, p): per unit of probability.

    E[N_g phi(N)] = batch p_g E[phi(N' + 1_g)] with N' multinomial(batch - 1, p): summing over the
    other batch - 1 tasks needs no division by p_g, which may be 0.
    """
    expected: list[Any] = [0] * len(weights)
    for others in combinations_with_replacement(range(len(weights)), batch - 1):
        counts = [others.count(g) for g in range(len(weights))]
        ways = math.factorial(batch - 1) // math.prod(math.factorial(n) for n in counts)
        chance = ways * math.prod(p**n for p, n in zip(probabilities, counts, strict=True))
        Z = sum(n * nu for n, nu in zip(counts, weights, strict=True))
        expected = [e + chance * batch * nu / (Z + nu) for e, nu in zip(expected, weights, strict=True)]
    return expected

r"""SGD predicted: mean and covariance of the iterates on NAL's and MAML's objectives, exactly.

Each iteration takes fresh tasks, so the error e = w - w* obeys e <- e - eta g with g independent of the past
given e. The mean is linear, and the second moment E of e is affine in itself and in the mean:

.. math:: E \to E - \eta (HE + EH) + \eta^2 \{ \text{own terms} + \text{pairs} \}

where a task's own term is its score's second moment at D = C + E[(w - mu)(w - mu)'] and pairs are two
different tasks of a batch. Both are exact for any batch and any weights, normalised in the batch or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.adaptations import Adaptation, as_adaptation
from landscape.closed_form import population
from landscape.closed_form.finite_sample.basis import Basis
from landscape.closed_form.finite_sample.episode import Episode
from landscape.closed_form.finite_sample.point_law import PointLaw, risk_law
from landscape.closed_form.finite_sample.samples import prepared, total
from landscape.closed_form.finite_sample.sampling import Distance
from landscape.closed_form.finite_sample.scores import TaskScore
from landscape.core import Array, NoClosedForm, Result, record, whole
from landscape.core.tolerances import SINGULAR
from landscape.linalg import Operator, difference
from landscape.methods import NAL, Method, Training
from landscape.tasks import Environment, Task

LARGEST_D = 20
"""Of dense environments: the second moment has d (d + 1)/2 entries, probed one by one."""


@record
class SGDCurve(Result):
    """Predicted law of SGD's iterates.

    Parameters
    ----------
    environment : Environment
    method : Method
    training : Training
    iterations : array of int, shape (n,)
    laws : tuple of PointLaw
        Mean and covariance of each reported iterate.
    limit : PointLaw
        What the iterates settle at, around the optimum w*.
    """

    environment: Environment
    method: Method
    training: Training
    iterations: Array
    laws: tuple[PointLaw, ...]
    limit: PointLaw

    @property
    def means(self) -> Array:
        """Mean of each iterate, shape (n, d)."""
        return np.array([law.basis.point(law.mean) for law in self.laws])

    @property
    def optimum(self) -> Array:
        """Population optimum w*, shape (d,)."""
        return self.limit.basis.point(self.limit.mean)

    def covariance(self, i: int) -> Array:
        """Compute the covariance of the i-th reported iterate, shape (d, d)."""
        return self.laws[i].basis.matrix(self.laws[i].covariance)

    def risk(self, adaptation: Adaptation | float) -> Array:
        """Compute the expected risk after adaptation from the iterates, exactly, shape (n,)."""
        judge = as_adaptation(adaptation)
        return np.array([risk_law(law, judge).mean for law in self.laws])

    def stationary_standard_deviation(self) -> float:
        """Compute the standard deviation of the mean coordinate that the iterates settle at."""
        return self.limit.deviation()

    def headline(self) -> str:
        """Say where the last reported iterate is, and what the iterates settle at."""
        last = self.laws[-1]
        return (
            f"SGD of {self.method.label}: mean coordinate {last.coordinate():.4g}, standard deviation "
            f"{last.deviation():.2g} after {self.iterations[-1]:,} iterations; settles at "
            f"{self.limit.coordinate():.4g}, {self.limit.deviation():.2g}"
        )

    def columns(self) -> Mapping[str, Any]:
        """Give one row an iteration: mean and standard deviation of the mean coordinate."""
        return {
            "iteration": self.iterations,
            "coordinate": [law.coordinate() for law in self.laws],
            "standard_deviation": [law.deviation() for law in self.laws],
        }

    def plot(self, ax: Any = None) -> Any:
        """Draw the mean coordinate over iterations with a band of two standard deviations."""
        from landscape import plotting  # optional: pyplot takes 0.35 s

        return plotting.sgd_curve(self, ax=ax)


def sgd_curve(
    environment: Environment,
    method: Method,
    training: Training,
    adaptation: Adaptation | float | None = None,
    *,
    iterations: Sequence[int] | None = None,
) -> SGDCurve:
    """Predict mean and covariance of SGD's iterates, and what they settle at.

    Parameters
    ----------
    environment : Environment
        With numbers for all parameters; dense ones up to d = 20.
    method : Method
        NAL, FO-MAML, HF-MAML or MAML with one inner gradient step.
    training : Training
        With ``solver="sgd"``. Iterates start at 0.
    adaptation : Adaptation or float, optional
        The one that will judge the solution, as for `asymptotics`.
    iterations : sequence of int, optional
        Where to report; 60 points up to T/task_batch by default.

    Returns
    -------
    SGDCurve

    Raises
    ------
    ValueError
        If the training is not SGD, or the learning rate makes it diverge.
    NoClosedForm
        For methods whose moments are not known, several episodes a task, or too many dimensions.

    Examples
    --------
    >>> from landscape import NAL, HardEasy, Training
    >>> training = Training(T=2000, n2=50, solver="sgd", learning_rate=0.05)
    >>> curve = sgd_curve(HardEasy(), NAL(), training, iterations=[0, 2000])
    >>> print(curve.to_frame().round(3).to_string(index=False))
     iteration  coordinate  standard_deviation
             0         0.0               0.000
          2000         0.2               0.144
    """
    basis, method, n2 = prepared(environment, method, training, adaptation)
    if training.solver != "sgd":
        raise ValueError('sgd_curve needs a Training with solver="sgd"')
    if training.tau != 1 and not isinstance(method, NAL):
        raise NoClosedForm("sgd_curve takes tau = 1: episodes of one task are not independent tasks")
    training.check(method)
    if not basis.is_rotated and basis.d > LARGEST_D:
        raise NoClosedForm(
            f"sgd_curve takes d <= {LARGEST_D} for families that are not isotropic, got {basis.d}"
        )
    steps = training.T // training.task_batch
    if iterations is None:
        iterations = [0, *np.unique(np.geomspace(1, steps, 60).astype(int)).tolist()]
    reported = whole(0).check_list("iterations", iterations).astype(int)
    iteration = _Iteration.of(basis, method, training, n2)
    laws, limit = iteration.run(reported)
    return SGDCurve(environment, method, training, reported, tuple(laws), limit)


@dataclass(frozen=True, eq=False)
class Pairs:
    r"""A part of what pairs of tasks of a batch add: E sum w_j w_l g_j g_l' = sum_k c_k E[G_k G_k'].

    The matrix of weights of pairs of families has eigenvalues c_k with vectors v, and G_k = C_k e + s_k with
    C_k = sum_i v_i A_i and s_k the sum of v_i times the mean score of family i at w*.
    """

    weight: float
    C: Operator
    s: Array


@dataclass(frozen=True, eq=False)
class _Iteration:
    """One iteration of SGD as a linear map of second moment and mean of the error, found by probing."""

    basis: Basis
    episodes: list[Episode]
    optimum: Array
    H: Operator
    own: Array
    pairs: list[Pairs]
    rate: float
    label: str

    @classmethod
    def of(cls, basis: Basis, method: Method, training: Training, n2: float) -> _Iteration:
        mean, _ = population.objective(basis.tasks, method)
        w = np.asarray(mean.origin)
        episodes = [TaskScore.of(method, task.inputs, training, n2).episode for task in basis.tasks]
        if any(episode.form.b is not None for episode in episodes):
            raise NoClosedForm(
                "sgd_curve does not know MAML with a shared batch on data tasks: simulate(), or asymptotics()"
            )
        own, cross = batch_weights(method, basis.tasks, training.task_batch)
        scores = [
            episode.mean_score(difference(w, t.centre))
            for episode, t in zip(episodes, basis.tasks, strict=True)
        ]
        weights, vectors = np.linalg.eigh(cross)
        pairs = [
            Pairs(
                float(weight),
                total(x * episode.form.A for x, episode in zip(v, episodes, strict=True)),
                sum((x * score for x, score in zip(v, scores, strict=True)), start=np.zeros_like(w)),
            )
            for weight, v in zip(weights, vectors.T, strict=True)
            if abs(weight) > SINGULAR * len(weights) * np.abs(weights).max()
        ]
        return cls(basis, episodes, w, mean.A, own, pairs, float(training.rate(method)), method.label)

    def after(self, E: Operator, e: Array, one: float) -> tuple[Operator, Array]:
        """Compute second moment and mean of the error after the iteration; `one` is 1, or 0 to probe."""
        outer, H, eta = self.basis.outer, self.H, self.rate
        parts = []
        for weight, episode, task in zip(self.own, self.episodes, self.basis.tasks, strict=True):
            a = difference(self.optimum, task.centre)
            assert task.spread is not None
            D = E + 2 * outer(e, a) + one * (outer(a, a) + task.spread)
            parts.append(weight * episode.score_moment(Distance(D, e + one * a)))
        for p in self.pairs:
            around = p.C @ E @ p.C + 2 * outer(p.C @ e, p.s) + one * outer(p.s, p.s)
            parts.append(p.weight * around)
        HE = H @ E
        return E - eta * (HE + HE.T) + eta**2 * total(parts), e - eta * (H @ e)

    def run(self, iterations: Array) -> tuple[list[PointLaw], PointLaw]:
        """Compute the laws of the iterates at the given iterations, and of the stationary one."""
        k = len(self.basis.flat(self.H))
        size = k + len(self.optimum)

        def apply(z: Array, one: float) -> Array:
            E, e = self.after(self.basis.operator(z[:k]), z[k:], one)
            return np.concatenate([self.basis.flat(E), e])

        # What label noise adds is there whatever the argument: the map is affine, and linear less that.
        at_zero = apply(np.zeros(size), 0.0)
        K = np.zeros((size + 1, size + 1))
        K[:size, :size] = np.stack([apply(unit, 0.0) - at_zero for unit in np.eye(size)], axis=1)
        K[:size, size], K[size, size] = apply(np.zeros(size), 1.0), 1.0
        if np.abs(np.linalg.eigvals(K[:size, :size])).max() >= 1:
            raise ValueError(
                f"SGD on {self.label} diverges in second moment at learning_rate {self.rate:g}: take a smaller "
                "one"
            )
        start = -self.optimum
        z, at = np.concatenate([self.basis.flat(self.basis.outer(start, start)), start, [1.0]]), 0
        laws: dict[int, PointLaw] = {}
        for target in sorted(set(iterations.tolist())):
            z, at = np.linalg.matrix_power(K, target - at) @ z, target
            laws[target] = self._law(z[:k], z[k:-1])
        limit = np.linalg.solve(np.eye(size) - K[:size, :size], K[:size, size])
        return [laws[i] for i in iterations.tolist()], self._law(limit[:k], np.zeros(size - k))

    def _law(self, E: Array, e: Array) -> PointLaw:
        return PointLaw(self.basis, self.optimum + e, self.basis.operator(E) - self.basis.outer(e, e))


def batch_weights(method: Method, tasks: Sequence[Task], batch: int) -> tuple[Array, Array]:
    """Compute E of the sum of w_j^2 over a family's tasks in a batch, and of w_j w_l over pairs of tasks.

    Returns
    -------
    own : array, shape (families,)
    cross : array, shape (families, families)
    """
    if isinstance(method, NAL) and method.task_batch is not None:
        return method.batch_moments(tasks)
    p = np.array([task.probability for task in tasks], dtype=float)
    share = np.array([float(s) for s in method.shares(tasks)])  # p nu
    own = np.divide(share**2, p, out=np.zeros_like(p), where=p > 0) / batch
    return own, (1 - 1 / batch) * np.outer(share, share)

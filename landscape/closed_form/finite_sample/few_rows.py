r"""Training on few rows of normal families with any covariances: where solutions lie and scatter, in many dimensions.

Task i of T gives n rows :math:`b \sim N(0, A_i)`, of pooled training its inputs, of MAML :math:`b = Px` with :math:`A_i =
E[P\Sigma_i P]`, taken to be independent, and targets of variance v_i about b'w_i: the noise, for MAML times :math:`1 + \alpha^2 tr(\Sigma_i^2)/n_2`. Training
with a ridge g, or to the solution of least norm of :math:`N < d` rows as g vanishes, has a deterministic equivalent: with N_i rows of
family i

.. math:: M = \Bigl(I + \sum_i N_i t_i A_i\Bigr)^{-1}, \qquad \frac1{t_i} = g + tr(A_i M), \qquad
    E\hat w \to m = M \sum_i N_i t_i A_i \mu_i,

without the I, and with 1 for g, of more than d rows without a ridge. A block of n rows, beside which all others are a fixed quadratic
form, contributes

.. math::
    F_i = n^2 t_i^2 M A_i D_i A_i M + n t_i^2 \frac{tr(A_i Y_i^\top D_i Y_i) + v_i}{1 - n t_i^2 tr(A_i M A_i M)} M A_i M, \qquad Y_i = I - n t_i A_i M,

to the second moment, D_i the second moment of w_i - m; and as the others answer to what is asked about it,

.. math:: Cov(\hat w) \to \sum_i T_i \Bigl(F_i + \sum_{jk} (N_j - n\delta_{ij})\, tr(F_i A_j) L_{jk} t_k^2 M A_k M\Bigr) - \tfrac1T M m m^\top M, \qquad
    L^{-1} = I - \bigl[t_j^2 N_k\, tr(A_j M A_k M)\bigr],

(the last term with the I only). To that comes the first correction in 1/N, of as many rows of the mean covariance; on more than d rows
without a ridge also what the first order in 1/T has beyond that of the limit, over 1 plus a quarter of the relative variance of the
sample Hessian, so that many tasks have the first order.

On 2,000 to 3,000 drawn trainings (`HardEasy` in d = 5 and 10, dense families in d = 8 to 12) variances were within 15% for MAML, for pooled
training 19, 9 and 6% off at T = 7, 15 and 20, below d rows 6 to 15%, and with a ridge 5%, where the first order in 1/T was between 80% too
small and 80% too large.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from landscape.adaptations import GradientSteps
from landscape.closed_form.finite_sample.basis import Basis, inverse
from landscape.core.typing import Array
from landscape.linalg import Operator
from landscape.linalg.moments.resolvent import acting_strength, ridge_limit
from landscape.methods import MAML, NAL, Method, Training
from landscape.tasks import Gaussian, Task

MOST_FAMILIES = 50
"""Each pair of families costs a product of matrices."""

BASE, RIDGED = 0.05, 0.4
"""Expected error (drawn): beside a share, 1/T, for which families come up is random, or 1/d, less of it with a ridge."""

DAMPED, DOUBT = 4.0, 0.3
"""What the first order has beyond its limit is rare, large Hessians: where these vary by so much half of it comes about (drawn), and a
share of it is in doubt."""

MANY = 10**6
"""Times as many tasks stand for infinitely many."""


def is_known(method: Method, tasks: Sequence[Task], n2: float) -> bool:
    """Say whether `law` serves: normal families, for unweighted NAL and MAML of one step."""
    if len(tasks) > MOST_FAMILIES or not all(isinstance(task.inputs, Gaussian) for task in tasks):
        return False
    if isinstance(method, NAL):
        return method.task_weights is None
    inner = method.adaptation if isinstance(method, MAML) and method.hessian == "shared" else None
    return isinstance(inner, GradientSteps) and inner.steps == 1


def law(
    basis: Basis,
    method: Method,
    training: Training,
    n: float,
    n2: float,
    first: tuple[Array, Operator, float] | None = None,
) -> tuple[Array, Operator, Operator, float]:
    """Compute the mean of the solution, T times its covariance by the optima and by noise, and about how far off that is.

    Parameters
    ----------
    basis : Basis
        `is_known` for its tasks.
    method : NAL or MAML
    training : Training
    n, n2 : float
        Samples of a task in the sample Hessian, and in the inner batch.
    first : tuple of array (k,), Operator and float, optional
        To first order in 1/T T times the bias and the covariance, and the relative variance of the sample Hessian: of at least d + 2
        samples without a ridge.
    """
    rows = _Rows.of(basis, method, training, n, n2)
    more = float(ridge_limit(*_sum(rows.shares, rows.A).spectrum(), rows.ridge, rows.N.sum()).crowding)
    crowded = 1 / (1 - min(more, 0.5))
    mean, by_optima, by_noise = rows.solution()
    by_optima, by_noise, T = crowded * by_optima, crowded * by_noise, rows.T
    error = BASE + more**2 / 2 + (RIDGED if training.ridge else 1.0) / basis.d
    if first is not None:
        bias, covariance, varies = first
        at_last, *limit = replace(rows, T=T * MANY).solution()
        near = replace(rows, T=T * MANY / 1000).solution()[0]
        excess = 1 / (1 + varies / DAMPED) * (covariance - _sum(np.ones(2), limit))
        mean, by_noise = mean + bias / T - (near - at_last) * MANY / 1000, by_noise + excess
        few = 1 / T if len(rows.A) > 1 else 1 / basis.d
        error = BASE + more**2 / 2 + few + DOUBT * abs(float(excess.trace() / (by_optima + by_noise).trace()))
    return mean, by_optima, by_noise, error


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of K families: covariances, variances of targets, and the tasks whose optima they see."""

    basis: Basis
    tasks: Sequence[Task]
    A: Sequence[Operator]
    v: Array
    T: float
    n: float
    ridge: float

    @classmethod
    def of(cls, basis: Basis, method: Method, training: Training, n: float, n2: float) -> _Rows:
        """Look up what the training makes of the tasks."""
        tasks = [task for task in basis.tasks if task.probability]
        inner: Any = method.adaptation if isinstance(method, MAML) else GradientSteps(0.0)
        noise = [float(task.inputs.noise_variance) for task in tasks]
        size = [
            1 + float(inner.alpha) ** 2 / n2 * float(task.inputs.Sigma.inner(task.inputs.Sigma))
            for task in tasks
        ]
        A = [method.objective(task.inputs).A for task in tasks]
        return cls(basis, tasks, A, np.multiply(noise, size), float(training.T), n, training.ridge)

    @property
    def shares(self) -> Array:
        """Of the families."""
        return np.array([float(task.probability) for task in self.tasks])

    @property
    def N(self) -> Array:
        """Rows of each family."""
        return self.T * self.n * self.shares

    def solution(self) -> tuple[Array, Operator, Operator]:
        """Compute the mean, and T times the covariance by optima and by noise."""
        A, N, n, basis = self.A, self.N, self.n, self.basis
        is_short = self.ridge > 0 or N.sum() < basis.d
        t, M = self._acting(is_short)
        MAM = [M @ a @ M for a in A]
        mean = M @ np.sum(
            [N_i * t_i * (a @ task.centre) for N_i, t_i, a, task in zip(N, t, A, self.tasks, strict=True)],
            axis=0,
        )
        seen = np.array([[a.inner(b) for b in MAM] for a in A])
        answers = np.linalg.inv(np.eye(len(A)) - t[:, None] ** 2 * N * seen)
        short = M @ mean
        by_optima, by_noise = (-1 / self.T**2 if is_short else 0.0) * basis.outer(short, short), 0 * M
        for i, (a, task) in enumerate(zip(A, self.tasks, strict=True)):
            assert task.spread is not None
            delta = task.centre - mean
            D = task.spread + basis.outer(delta, delta)
            learned = n * t[i] * (a @ M)
            left = learned.identity() - learned
            alone = n * t[i] ** 2 / (1 - n * t[i] ** 2 * seen[i, i]) * MAM[i]
            share, F = self.shares[i], learned.T @ D @ learned + a.inner(left.T @ D @ left) * alone
            by_optima = by_optima + share * self._with_answers(i, F, answers, t, MAM)
            by_noise = by_noise + share * self._with_answers(i, self.v[i] * alone, answers, t, MAM)
        return mean, self.T**2 * by_optima, self.T**2 * by_noise

    def _with_answers(
        self, i: int, F: Operator, answers: Array, t: Array, MAM: Sequence[Operator]
    ) -> Operator:
        """Add to what a block of family i contributes what the others make of it."""
        asked = self.N * np.array([F.inner(a) for a in self.A])
        asked[i] -= self.n * F.inner(self.A[i])
        return F + _sum(asked @ answers * t**2, MAM)

    def _acting(self, is_short: bool) -> tuple[Array, Operator]:
        """Solve for t and M: of one family in its eigenvectors, else on logarithms, after moves that come down from above."""
        from scipy.optimize import root  # optional here: importing it takes 0.2 s

        identity, N = self.A[0].identity(), self.N
        own = self.ridge * N.sum() if is_short else 1.0

        def M_of(t: Array) -> Operator:
            A = _sum(N * t, self.A) + (1.0 if is_short else 0.0) * identity
            return inverse(A, A.factor())

        def miss(log_t: Array) -> Array:
            M = M_of(np.exp(log_t))
            return log_t + np.log(own + np.array([float(a.inner(M)) for a in self.A]))

        if len(self.A) == 1:
            lam, counts = self.A[0].spectrum()
            kappa = acting_strength(lam, counts, np.asarray(self.ridge), N[0])
            t = 1 / (N * kappa) if is_short else 1 - counts.sum() / N
            return t, M_of(t)
        log_t = -np.log([own + (float(a.trace()) if is_short else 0.0) for a in self.A])
        for _ in range(20):
            log_t = log_t - miss(log_t)
        t = np.exp(root(miss, log_t, tol=1e-12).x)
        return t, M_of(t)


def _sum(weights: Array, A: Sequence[Operator]) -> Operator:
    out = 0 * A[0]
    for weight, a in zip(weights, A, strict=True):
        out = out + float(weight) * a
    return out

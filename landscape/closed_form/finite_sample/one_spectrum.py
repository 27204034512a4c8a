r"""The scatter of solutions in isotropic worlds, where the inner adaptation leaves r(S) of a distance.

Tasks have inputs N(0, rho I) and optima N(mu, t^2 I). Ridge regression leaves :math:`r(s) = g/(s + g)` along an eigenvector of S, k
steps on one batch :math:`(1 - \alpha s)^k`; label noise e moves the adapted point by :math:`h(S) X^\top e/n`, h = (1 - r)/s. With the
score :math:`\psi = W(w - w_i) - b`:

============= ======================= ==============================================================================
method        W                       covariance of b, given the inputs
============= ======================= ==============================================================================
`TrainTrain`  S r^2                   sigma^2 S r^4/n: of (I - H)e, H the hat matrix, S (1 - h s)^2 r^2 = S r^4 is left
`MAML`        r S_o r                 sigma^2 (r S_o (h^2 S/n_2) S_o r + r S_o r/n_1), S_o of n_1 outer samples
`NAL`         S                       sigma^2 S/n
============= ======================= ==============================================================================

and :math:`E[S_o A S_o] = \rho^2 ((1 + \tfrac1{n_1}) A + \tfrac1{n_1} tr(A) I)`, so all means are over the spectrum of one sample
covariance: exact for up to four steps, else of that of Marchenko and Pastur, the limit of many dimensions. On many tasks T times the
covariance of the solution is :math:`(t^2\,E\,tr W^2 + E\,tr\,Cov(b))/d` over :math:`(E\,tr W/d)^2`: train-train against
train-validation (Bai et al., 2021).

On few tasks that is too small, at d = 20 and 24 outer samples in all by a factor of six. There `BlockSum` has the limit of many dimensions,
which is made as large as the first order on many tasks, and where nothing is adapted as large as what is exact then
(`one_covariance`): the part of the spread and that of the noise are

.. math::
    \text{limit} \cdot \frac{\text{exact}}{\text{limit}}\Big|_{r = 1}
    \cdot \Bigl(\frac{\text{first order}}{\text{its limit}} \Big/ \frac{\text{first order}}{\text{its limit}}\Big|_{r = 1}\Bigr)^{1/(1 + v/2)},

v the relative variance of the sample Hessian. What the first order has beyond its limit is rare, large Hessians, which few tasks do not
have (drawn). The limit is over the law of Marchenko and Pastur, for the exact means are over few eigenvalues, none of them near
:math:`1/\alpha`, where r is 0. With a ridge the limit
has the first correction in 1/N of as many rows, :math:`1/(1 - \delta)` for :math:`1 + \delta`, which is exact as the ridge vanishes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import Polynomial

from landscape.adaptations import GradientSteps, RidgeToStart
from landscape.closed_form.finite_sample import one_covariance
from landscape.closed_form.finite_sample.basis import Basis, is_isotropic_family, of_family
from landscape.closed_form.finite_sample.block_sum import BlockSum
from landscape.closed_form.limits.spectrum import Spectrum
from landscape.core.typing import Array
from landscape.linalg import Operator
from landscape.linalg.moments.isotropic import power_moment
from landscape.linalg.moments.resolvent import ridge_limit
from landscape.methods import MAML, NAL, Method, Training, TrainTrain
from landscape.tasks import Task

EXACT_STEPS = 4
"""Steps on one batch of which all means are exact: their polynomials have a degree of at most 18."""

MISSED = 0.5
"""Over d: the share of the covariance that the limit of many dimensions misses, beside what it misses of unlike blocks (drawn)."""

DAMPED = 2.0
"""A Hessian that varies by so much has half of what is rare, on a logarithmic scale (drawn, like the next)."""

DOUBT = 0.25
"""The share in doubt of what the first order has beyond its limit, on a logarithmic scale."""

STEADY_ERROR = 1 / 3
"""Times the relative variance of the Hessian: the error on many tasks is no larger (drawn)."""


def is_known(method: Method, training: Training, tasks: Sequence[Task]) -> bool:
    """Say whether `law` serves: isotropic families, for train-train and MAML on one batch, and for NAL with a ridge."""
    if not is_isotropic_family(tasks):
        return False
    if isinstance(method, NAL):
        return bool(training.ridge) and method.task_weights is None
    if not isinstance(method, (MAML, TrainTrain)) or getattr(method, "hessian", "shared") != "shared":
        return False
    inner: Any = method.adaptation
    steps = inner.steps if isinstance(inner, GradientSteps) else 0
    return isinstance(inner, RidgeToStart) or steps == 1 or steps > 1 and inner.batches == "same"


def law(
    basis: Basis, method: Method, training: Training, n: float, n2: float
) -> tuple[Array, Operator, Operator, float, float]:
    """Compute the mean of the solution, T times its covariance between and within tasks, how much H varies, and the expected error.

    Parameters
    ----------
    basis : Basis
        `is_known` for its tasks.
    method : NAL, MAML or TrainTrain
    training : Training
    n, n2 : float
        Samples of a task in the sample Hessian, and in an inner batch.
    """
    d, identity = basis.d, basis.tasks[0].inputs.Sigma.identity()
    mu, rho, spread, noise = of_family(basis.tasks)
    tasks, size = _Tasks.of(method, training, rho, d, n, n2), np.array([spread, noise])
    if training.ridge:
        found, more = tasks.block_sum(training.ridge), tasks.crowding(training.ridge)
        crowded = 1 / (1 - min(more, 0.5))
        parts = crowded * size * tasks.limit(training.ridge)
        own = parts[1] + crowded * training.T * found.away * float(identity.quad(mu)) / d
        return found.mean * mu, parts[0] * identity, own * identity, np.inf, 2 * MISSED / d + more**2 / 2
    first = tasks.first_order()
    varies = d * float(first[0] - 1) / training.T
    whole, error = size @ first, np.nan if np.isfinite(tasks.N) else 0.0  # one block: to first order
    if tasks.blocks > 1 and np.isfinite(tasks.N):
        limit, unlike = tasks.at_any_number(first)
        few, many, whole = (size @ (limit * unlike**share) for share in (0.0, 1.0, 1 / (1 + varies / DAMPED)))
        unsure = DOUBT * abs(float(np.log(many / few))) if whole else 0.0
        error = min(unsure + MISSED / d, STEADY_ERROR * varies)
        inner: Any = method.adaptation  # type: ignore[attr-defined]
        if isinstance(inner, RidgeToStart) and np.isfinite(n2):  # of which first_order is a limit, too
            error += abs(
                float(ridge_limit(rho * np.ones(1), np.array([float(d)]), inner.strength, n2).crowding)
            )
    return mu, spread * identity, (whole - spread) * identity, varies, float(error)


class Batch(NamedTuple):
    """The spectrum s of an inner batch's covariance, and what the adaptation makes of it.

    Parameters
    ----------
    s, counts, r, h : array, shape (k,)
    seen, moved : float
        The means over batches of (tr r^2/d)^2 and of tr r^2 tr h^2 S/d^2.
    """

    s: Array
    counts: Array
    r: Array
    h: Array
    seen: float
    moved: float

    def mean(self, f: Array) -> float:
        """Average over coordinates."""
        return float(self.counts @ f / self.counts.sum())


@dataclass(frozen=True, eq=False)
class _Tasks:
    """What T tasks say of a start; pairs are T times the variance of a coordinate, of optima and of noise of variance 1.

    Parameters
    ----------
    batch, exact : Batch
        In the limit of many dimensions, and such that means are exact.
    rho : float
    d, T, blocks : int
        Coordinates, tasks, and blocks of the sum H.
    n, n1, n2 : float
        Samples of a task in H; outer ones of a block, inf where these are the inner ones; and inner ones.
    """

    batch: Batch
    exact: Batch
    rho: float
    d: int
    T: int
    blocks: int
    n: float
    n1: float
    n2: float

    @classmethod
    def of(cls, method: Method, training: Training, rho: float, d: int, n: float, n2: float) -> _Tasks:
        """Look up what the training makes of the tasks."""
        tau = 1 if isinstance(method, NAL) else training.tau
        outer = np.inf if isinstance(method, TrainTrain) else n / tau
        far, exact = (inner_batch(method, rho, d, n2, is_limit) for is_limit in (True, False))
        return cls(far, exact, rho, d, training.T, training.T * tau, n, outer, n2)

    @property
    def N(self) -> float:
        """Samples in H."""
        return self.n * self.T

    def block_sum(self, ridge: float = 0.0) -> BlockSum:
        """Add up blocks of n_2 S r^2, or of r X'X r."""
        s, r = self.batch.s, self.batch.r
        a = self.rho * r**2 if np.isfinite(self.n1) else self.n2 * s * r**2
        return BlockSum.of(Spectrum(a, self.batch.counts), self.blocks, self.n1, ridge * self.N)

    def limit(self, ridge: float = 0.0) -> Array:
        """In many dimensions."""
        s, r, h = self.batch.s, self.batch.r, self.batch.h
        b = self.rho * h**2 * s / self.n2 if np.isfinite(self.n1) else self.n2 * s * r**4
        found = self.block_sum(ridge)
        return self.T * np.array([found.spread(self.T), found.noise(b)])

    def crowding(self, ridge: float) -> float:
        """Compute by what share the scatter grows with the first correction to the limit, of as many rows of such a variance."""
        size = self.rho * self.batch.r**2 if np.isfinite(self.n1) else self.batch.s * self.batch.r**2
        a = np.array([self.batch.mean(size)])
        return float(ridge_limit(a, np.array([float(self.d)]), ridge, self.N).crowding)

    def first_order(self) -> Array:
        """Of many tasks."""
        s, r, h, mean, n1 = self.exact.s, self.exact.r, self.exact.h, self.exact.mean, self.n1
        if np.isinf(n1):
            first, second = mean(s * r**2), mean(s**2 * r**4)
            noise = mean(s * r**4) / self.n2
        else:
            first, d, rho = self.rho * mean(r**2), self.d, self.rho
            second = rho**2 * ((1 + 1 / n1) * mean(r**4) + d * self.exact.seen / n1)
            moved = (1 + 1 / n1) * mean(r**2 * h**2 * s) + d * self.exact.moved / n1
            noise = rho**2 * moved / self.n2 + first / n1
        tau = self.blocks / self.T
        return np.array([1 + (second / first**2 - 1) / tau, noise / first**2 / tau])

    def at_any_number(self, first: Array) -> tuple[Array, Array]:
        """Correct the limit by what it misses where nothing is adapted, and say what it misses beside of many tasks, as a factor."""
        batch, n, d = self.batch, self.n, self.d
        alone = replace(self, batch=batch._replace(r=np.ones_like(batch.r), h=np.zeros_like(batch.h)))
        exact, many = one_covariance.of_one_coordinate(self.T, n, d), np.array([1 + (d + 1) / n, 1 / n])
        many, exact = many / [1, self.rho], exact / [1, self.rho]
        unlike = first / self.first_limit() / (many / alone.first_limit())
        return self.limit() * exact / alone.limit(), unlike

    def first_limit(self) -> Array:
        """In many dimensions, of many tasks."""
        s, r, h, mean, n1, n2 = self.batch.s, self.batch.r, self.batch.h, self.batch.mean, self.n1, self.n2
        if np.isinf(n1):
            a, own, noise = s * r**2, 0.0, mean(s * r**4) / n2
        else:
            a, own = self.rho * r**2, self.d / n1
            noise = mean(a) / n1 + self.rho / n2 * mean(h**2 * s * (a + own * mean(a)))
        tau, size = self.blocks / self.T, mean(a) ** 2
        return np.array([1 + (mean(a**2) / size - 1 + own) / tau, noise / size / tau])


def inner_batch(method: Any, rho: float, d: int, n: float, is_limit: bool = False) -> Batch:
    """The batch of the inner adaptation, in the limit or exactly; without one, of pooled training, nothing is taken from a distance."""
    one = np.ones(1)
    if isinstance(method, NAL):
        return Batch(rho * one, d * one, one, 0 * one, 1.0, 0.0)
    inner: Any = method.adaptation
    if isinstance(inner, RidgeToStart):
        spectrum = Spectrum.marchenko_pastur(d, n) if np.isfinite(n) else Spectrum(one, d * one)
        s = rho * spectrum.eigenvalues
        h = 1 / (s + inner.strength)
        batch = Batch(s, spectrum.counts, inner.strength * h, h, 0.0, 0.0)
    else:
        k, alpha = inner.steps, float(inner.alpha)
        is_limit = is_limit and bool(np.isfinite(n))
        spectrum = (
            Spectrum.marchenko_pastur(d, n)
            if is_limit
            else Spectrum.sample_covariance(d, n, min(2 * k + 6, 10))
        )
        s = rho * spectrum.eigenvalues
        left = 1 - alpha * s
        h = alpha * np.sum([left**j for j in range(k)], axis=0)
        batch = Batch(s, spectrum.counts, left**k, h, 0.0, 0.0)
        if k <= EXACT_STEPS and np.isfinite(n) and not is_limit:
            r2, step = Polynomial([1, -1]) ** (2 * k), Fraction(alpha) * Fraction(rho)
            own = (1 - Polynomial([1, -1]) ** k) ** 2 // Polynomial([0, 1])  # h^2 S over alpha
            seen, moved = (_mean_of_traces(r2, p, step, int(n), d) for p in (r2, own))
            return batch._replace(seen=seen, moved=alpha * moved)
    seen = batch.mean(batch.r**2)
    return batch._replace(seen=seen**2, moved=seen * batch.mean(batch.h**2 * batch.s))


def _mean_of_traces(p: Polynomial, q: Polynomial, step: Fraction, n: int, d: int) -> float:
    """E[tr p(x) tr q(x)]/d^2 of x = step G/n."""
    total = Fraction(0)
    for i, pi in enumerate(p.coef):
        for j, qj in enumerate(q.coef):
            traces = power_moment(j, n, d, (i,)) if i else d * power_moment(j, n, d)
            total += int(pi) * int(qj) * (step / n) ** (i + j) * Fraction(traces) / d
    return float(total)

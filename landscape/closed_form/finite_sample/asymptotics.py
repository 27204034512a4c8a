r"""The law of the empirical solution for finite T, n1, n2, tau: where it scatters and how far it is off.

The empirical solution is an M-estimator, so sqrt(T) (w_hat - w*) tends to N(0, H^-1 V H^-1) with H = E[W] and
V the second moment of one task's score psi at w*: a part between tasks, which only more tasks reduce, and a
part within, which episodes and samples reduce too. Its mean is off by b/T, b = H^-1 E[W_hat H^-1 psi]. For pooled
training on tasks of one covariance mean and covariance are exact at any T: `one_covariance`.
"""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from landscape.adaptations import Adaptation, as_adaptation
from landscape.closed_form import population
from landscape.closed_form.finite_sample import few_rows, least_norm, one_covariance, one_spectrum
from landscape.closed_form.finite_sample.basis import Basis, inverse, of_family
from landscape.closed_form.finite_sample.point_law import PointLaw, probability_within, risk_law
from landscape.closed_form.finite_sample.samples import (
    check_enough_samples,
    prepared,
    samples_in_hessian,
    total,
)
from landscape.closed_form.finite_sample.sampling import Distance
from landscape.closed_form.finite_sample.scores import TaskScore
from landscape.core import Array, NoClosedForm, Result, checks, nonnegative, record, warn
from landscape.core.tolerances import STEADY, STEADY_IF_INDEFINITE
from landscape.linalg import Operator, difference
from landscape.methods import MAML, NAL, Method, Training
from landscape.tasks import Environment

FAR = 0.1
"""A limit that misses the covariance by a larger share is no prediction."""


@record
class Asymptotics(Result):
    """Predicted law of a solution trained on T tasks, to first order in 1/T or exactly.

    Parameters
    ----------
    environment : Environment
    method : Method
    training : Training
    basis : Basis
        The environment in the form the moments need; what follows is written in it.
    optimum_in_basis, bias_in_basis : array, shape (k,)
        Population optimum w*, and T times the bias.
    between, within : Operator
        T times the parts of the covariance: between tasks, and within them.
    hessian_relative_variance : float
        E|H^(-1/2) (H_hat - H) H^(-1/2)|^2: how far the sample Hessian is from its mean.
    holds_at_this_T : bool
        Whether mean, covariance and expected suboptimality hold at this T, and not to first order in 1/T.
        Intervals take the solution to be normal either way.
    is_regularised : bool
        Whether the solution is that of a training with a ridge, or of least norm on fewer samples than dimensions.
    is_limit : bool
        Whether it is that of the limit of many dimensions.
    expected_error : float
        Of a limit: about how far its covariance is from the truth; nan where it is not known.
    """

    environment: Environment
    method: Method
    training: Training
    basis: Basis
    optimum_in_basis: Array
    bias_in_basis: Array
    between: Operator
    within: Operator
    hessian_relative_variance: float
    holds_at_this_T: bool = False
    is_regularised: bool = False
    is_limit: bool = False
    expected_error: float = 0.0

    @property
    def trustworthy(self) -> bool:
        """Whether it holds at this T, as a limit within some 10%, or the sample Hessian is steady enough for it to hold within 5%."""
        if self.holds_at_this_T:
            return self.expected_error < FAR
        return self.hessian_relative_variance < self._steady

    @property
    def trustworthy_tasks(self) -> int:
        """The least T at which the prediction would be trustworthy; T itself where it holds at this T."""
        if self.holds_at_this_T:
            return self.training.T
        return max(1, math.floor(self.training.T * self.hessian_relative_variance / self._steady) + 1)

    @property
    def is_exact(self) -> bool:
        """Whether it is neither an expansion in 1/T nor a limit."""
        return self.holds_at_this_T and not self.is_limit

    @property
    def how(self) -> str:
        """How the law was had."""
        parts = ["limit of many dimensions"] if self.is_limit else []
        parts += [] if self.holds_at_this_T else ["to first order in 1/T"]
        return ", ".join(parts) or "exact"

    @property
    def _steady(self) -> float:
        is_shared = isinstance(self.method, MAML) and self.method.hessian == "shared"
        return STEADY if is_shared or isinstance(self.method, NAL) else STEADY_IF_INDEFINITE

    @cached_property
    def law(self) -> PointLaw:
        """Mean, to order 1/T, and covariance of the solution."""
        T = self.training.T
        mean = self.optimum_in_basis + self.bias_in_basis / T
        return PointLaw(self.basis, mean, (self.between + self.within) / T)

    @cached_property
    def optimum(self) -> Array:
        """Population optimum w*, shape (d,)."""
        return self.basis.point(self.optimum_in_basis)

    @cached_property
    def mean(self) -> Array:
        """Predicted mean of the solution to order 1/T, shape (d,)."""
        return self.basis.point(self.law.mean)

    @cached_property
    def covariance(self) -> Array:
        """Covariance of the solution, shape (d, d)."""
        return self.basis.matrix(self.law.covariance)

    def standard_deviation(self, direction: Any = None) -> float:
        """Compute the standard deviation of direction'w_hat; of the mean coordinate by default."""
        return self.law.deviation(direction)

    def interval(self, direction: Any = None, level: float = 0.95) -> tuple[float, float]:
        """Compute the prediction interval for direction'w_hat: normal, around the mean to order 1/T."""
        return self.law.interval(direction, level)

    def suboptimality(self, adaptation: Adaptation | float) -> float:
        """Compute the expected suboptimality, to order 1/T or exactly: of the optimum, from scatter and from bias."""
        judge = as_adaptation(adaptation)
        if self.holds_at_this_T:
            return risk_law(self.law, judge).expected
        at_optimum = PointLaw(self.basis, self.optimum_in_basis, self.law.covariance).suited(judge)
        is_same = at_optimum.basis is self.basis
        bias = self.bias_in_basis if is_same else self.basis.point(self.bias_in_basis)
        law = risk_law(at_optimum, judge)
        # the shift by the bias enters through the slope only: its square is of order 1/T^2
        return law.expected + float(law.slope @ bias) / self.training.T

    def limiting_suboptimality(self, adaptation: Adaptation | float) -> float:
        """Compute the suboptimality of the population optimum, which no number of tasks removes."""
        at_optimum = PointLaw(self.basis, self.optimum_in_basis, 0 * self.between)
        return risk_law(at_optimum, as_adaptation(adaptation)).expected

    def risk_interval(self, adaptation: Adaptation | float, level: float = 0.95) -> tuple[float, float]:
        """Compute the prediction interval for the total risk after adaptation from the solution."""
        return risk_law(self.law, as_adaptation(adaptation)).interval(level)

    def probability_within(self, adaptation: Adaptation | float, suboptimality: float) -> float:
        """Compute how likely, over training sets, the solution has at most this suboptimality."""
        wanted = nonnegative.check("suboptimality", suboptimality)
        return probability_within(self.law, as_adaptation(adaptation), wanted)

    def win_probability(
        self, adaptation: Adaptation | float, against: Method | float | Array | None = None
    ) -> float:
        """Compute how likely, over training sets, the solution has less risk than a point.

        A method stands for its population optimum; `NAL` by default.
        """
        judge, tasks = as_adaptation(adaptation), [t.expanded() for t in self.environment.tasks()]
        against = NAL() if against is None else against
        if isinstance(against, Method):
            point = population.optimum(tasks, against.within(judge))
        else:
            point = checks.start("against", against, self.environment.d)
        limit = population.landscape_of(tasks, population.risk_forms(tasks, judge)).suboptimality(point)
        return self.probability_within(judge, float(limit))

    def headline(self) -> str:
        """Say where the mean coordinate of the solution is, and how it scatters."""
        rough = "" if self.trustworthy else f"; rough, trustworthy from T = {self.trustworthy_tasks:,}"
        rough = f" ({self.how})" if self.holds_at_this_T else rough
        least = (", ridge" if self.training.ridge else ", least norm") if self.is_regularised else ""
        return (
            f"{self.method.label}{least} on T = {self.training.T:,} tasks: mean coordinate {self.law.coordinate():.4g},"
            f" standard deviation {self.law.deviation():.2g}{rough}"
        )

    def columns(self) -> Mapping[str, Any]:
        """Give one row: optimum, bias and standard deviation of the mean coordinate, and parts of the last."""
        training, law = self.training, self.law
        parts = [
            PointLaw(self.basis, law.mean, V / training.T).variance() for V in (self.between, self.within)
        ]
        row = {"method": self.method.label, "T": training.T, "tau": training.tau, "n1": training.n1}
        row |= {"optimum": self.optimum.mean(), "bias": self.mean.mean() - self.optimum.mean()}
        row |= {"standard_deviation": law.deviation()}
        row |= {"variance_between_tasks": parts[0], "variance_within_tasks": parts[1]}
        row |= {"how": self.how}
        return {name: [value] for name, value in row.items()}


def asymptotics(
    environment: Environment, method: Method, training: Training, adaptation: Adaptation | float | None = None
) -> Asymptotics:
    r"""Predict the law of the empirical solution (Collins et al., eqs. (41), (43)) for finite data.

    Parameters
    ----------
    environment : Environment
        With numbers for all parameters.
    method : Method
        NAL, FO-MAML, HF-MAML or MAML with one inner gradient step.
    training : Training
        With ``solver="exact"``; n2 must be given here, by the method or by the adaptation.
    adaptation : Adaptation or float, optional
        The one that will judge the solution: ``MAML()`` trains for it, and its m stands for an n2 that is
        left open.

    Returns
    -------
    Asymptotics
        Covariance in its parts between and within tasks, bias, expected suboptimality, intervals.

    Raises
    ------
    ValueError
        If there is too little data for a unique solution: fewer than d outer samples in all (for NAL
        samples; where the law holds at any T at most d + 1, for the covariance is infinite up to there), and not at most d - 2 for
        a method of which that law is known. If the population optimum itself is not unique.
    NoClosedForm
        For methods whose moments are not known, and for batch-normalised weights. For first-order methods below d samples no law is
        derived: `simulate`.

    Warns
    -----
    LandscapeWarning
        If the sample Hessian varies too much for the prediction to be good, or it is a limit that is some 10% off or more.

    Notes
    -----
    For NAL on Gaussian families of one covariance (unweighted; their noises may differ), and for MAML with n2 = inf, mean, covariance and
    expected suboptimality are exact at any T, n and d, and the result says so (`one_covariance`).

    On isotropic families that differ in noise and spread only, `TrainTrain` and MAML with one step, several on one batch, or ridge
    regression inside have a limit of many dimensions that holds at any T from d + 2 outer samples on, and is the first order in 1/T for
    large T (`one_spectrum`). Of one step it was within 6% of drawn solutions at d = 10 and 20, from 1.2 to 40 outer samples a dimension,
    also on inner batches of two or three samples, and within 14% at d = 5; of train-train within 10%. Several steps on inner batches much
    shorter than d have been 40% off; the error that it states says so. At 24 outer samples in d = 20 the first order is a sixth of
    the truth.

    On fewer samples than dimensions, at most d - 2, the law is that of the solution of least norm, which descent from 0 finds:
    for NAL and the same methods, with one episode, on the same families (`least_norm`). It is exact, but
    for MAML with finite n2, where it is the limit of many dimensions (up to 3% off at d = 20).

    With a ridge in the training it is the limit of many dimensions, for NAL and the same methods and families.

    On normal families of any covariances NAL and MAML of one step have a limit of many dimensions, too, in which a task's rows are
    independent (`few_rows`): below d samples, with a ridge, and where the sample Hessian varies too much for the first order
    in 1/T. There it was within 15% of drawn solutions, and the first order between 80% too small and 80% too large.

    Otherwise all is to first order in 1/T, the bias (of order 1/T) included, for any environment, data tasks among
    them.

    No law is derived, and `simulate` has to answer, for `TrainTrain` and for several inner steps on one batch where covariances are no
    multiples of the identity, and for first-order methods on fewer outer samples than dimensions.

    For MAML with one episode, D the second moment of w* - w_i and B = P D P + alpha^2 sigma^2 S/n2,
    :math:`V = (1 + 1/n_1) E[P\Sigma B\Sigma P] + E[tr(\Sigma B) P\Sigma P]/n_1 + \sigma^2 E[P\Sigma P]/n_1`.

    Examples
    --------
    >>> from landscape import NAL, GradientSteps, HardEasy, Training
    >>> law = asymptotics(HardEasy(), NAL(), Training(T=2000, n1=50, n2=50))
    >>> law
    <NAL on T = 2,000 tasks: mean coordinate 0.2002, standard deviation 0.028>
    >>> round(law.suboptimality(GradientSteps(1.0, m=50)), 3)
    0.13
    """
    found = solution_law(environment, method, training, adaptation, only_first=False)
    if found.holds_at_this_T and not found.trustworthy:
        off = f"{float(f'{100 * found.expected_error:.1g}'):g}"
        warn(
            f"the scatter of {found.method.label} in the limit of many dimensions is off by about {off}% here "
            "(few dimensions or tasks, or about as many samples as dimensions): check it by simulate()"
        )
    elif not found.trustworthy:
        warn(
            f"the sample Hessian of {found.method.label} varies too much for a good prediction at this T: "
            "the true scatter is larger; take more tasks (trustworthy_tasks says how many), episodes or samples"
        )
    return found


def solution_law(
    environment: Environment,
    method: Method,
    training: Training,
    adaptation: Adaptation | float | None = None,
    *,
    only_first: bool = True,
) -> Asymptotics:
    """Do what `asymptotics` does, without looking whether the prediction is good, nor for a better one than the first order."""
    basis, method, n2 = prepared(environment, method, training, adaptation)
    if method.task_batch is not None:
        raise NoClosedForm("the scatter with batch-normalised weights is known for SGD only: use sgd_curve()")
    T, n = training.T, samples_in_hessian(method, training, n2)
    in_one_world = one_spectrum.is_known(method, training, basis.tasks)
    is_short = not training.ridge and T * n <= basis.d - 2

    def known(
        law: tuple[Array, Operator, Operator, float, float], is_regularised: bool, centre: Array | None = None
    ) -> Asymptotics:
        mean, between, within, varies, error = law
        holds = not np.isnan(error)
        centre = of_family(basis.tasks)[0] if centre is None else centre
        return Asymptotics(
            environment, method, training, basis, centre, T * (mean - centre), between, within, varies,
            holds_at_this_T=holds, is_regularised=is_regularised, is_limit=holds and error > 0, expected_error=error,
        )  # fmt: skip

    if is_short and least_norm.is_known(method, training, basis.tasks):
        if np.isinf(n2):
            population.objective(basis.tasks, method)  # refuses a step that undoes any distance
        return known(least_norm.law(basis, method, training, n, n2), True)
    is_new = is_short and not only_first or training.ridge > 0 and not in_one_world
    if is_new and few_rows.is_known(method, basis.tasks, n2):
        mean, between, within, error = few_rows.law(basis, method, training, n, n2)
        optimum = np.asarray(population.objective(basis.tasks, method)[0].origin)
        return known((mean, between, within, np.inf, error), True, optimum)
    if training.ridge and not in_one_world:
        raise NoClosedForm(
            f"the scatter of {method.label} trained with a ridge is known for NAL and MAML of one step on normal families, and "
            "for MAML on one inner batch on isotropic ones: simulate()"
        )
    check_enough_samples(basis.tasks, method, training, n2)
    is_exact = not training.ridge and one_covariance.is_exactly_known(method, basis.tasks, n2)
    if in_one_world and not is_exact:
        return known(one_spectrum.law(basis, method, training, n, n2), training.ridge > 0)
    objective, factor = population.objective(basis.tasks, method)
    w, H_inv = np.asarray(objective.origin), inverse(objective.A, factor)
    if is_exact:
        parts = one_covariance.covariance(basis, w, objective.A, H_inv, T, n)
        varies = basis.d * (basis.d + 1) / (n * T)
        return Asymptotics(
            environment, method, training, basis, w, 0 * w, *parts, varies, holds_at_this_T=True
        )
    scores = [TaskScore.of(method, task.inputs, training, n2) for task in basis.tasks]
    V_between, V_within, WKW, bias = [], [], [], np.zeros_like(w)
    for task, share, score in zip(basis.tasks, method.shares(basis.tasks), scores, strict=True):
        weight = float(share) ** 2 / float(task.probability) if task.probability else 0.0  # p nu^2
        delta = difference(w, task.centre)
        assert task.spread is not None
        distance = Distance(task.spread + basis.outer(delta, delta), delta)
        V_between.append(weight * score.between(basis, distance))
        V_within.append(weight * score.within(basis, distance))
        WKW.append(weight * score.hessian_moment(H_inv))
        bias = bias + weight * score.bias(H_inv, delta)
    # E|H^-1/2 (H_hat - H) H^-1/2|^2 = (tr(H^-1 E[W H^-1 W']) - d)/T
    relative_variance = float(H_inv.inner(total(WKW)) - basis.d) / training.T
    between, within = (H_inv @ total(V) @ H_inv for V in (V_between, V_within))
    first = Asymptotics(
        environment, method, training, basis, w, H_inv @ bias, between, within, relative_variance
    )
    if (
        only_first
        or first.trustworthy
        or T * n < basis.d + 2
        or not few_rows.is_known(method, basis.tasks, n2)
    ):
        return first
    both = (first.bias_in_basis, between + within, relative_variance)
    mean, by_optima, by_noise, error = few_rows.law(basis, method, training, n, n2, both)
    whole = by_optima + by_noise
    return known((mean, between, whole - between, relative_variance, error), False, w)

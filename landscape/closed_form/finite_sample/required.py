"""How much data? One amount is left open, in the way of a power analysis."""

import math
from collections.abc import Callable

import numpy as np

from landscape.adaptations import Adaptation
from landscape.closed_form.finite_sample.plan import Answer, Plan
from landscape.core import Array, Domain, positive, record
from landscape.methods import Method, Training
from landscape.tasks import Environment

inside = Domain(0.0, 1.0, open_low=True, open_high=True)

MOST = 10**5
"""Samples or episodes up to which the least number is looked for."""


@record
class RequiredData(Answer):
    """The least number of tasks, samples or episodes that reaches what is wanted.

    Parameters
    ----------
    value : int or None
        The answer; None where no number suffices.
    reason : str
        What the answer means, or why there is none.
    """

    value: int | None
    reason: str

    def headline(self) -> str:
        """Say the answer, or why there is none."""
        return self.reason


def required_tasks(
    environment: Environment,
    method: Method,
    adaptation: Adaptation | float,
    training: Training,
    *,
    suboptimality: float,
    probability: float | None = None,
) -> RequiredData:
    """Find the least number of tasks T that brings the suboptimality down to what is wanted: in the mean, or surely.

    Parameters
    ----------
    environment : Environment
    method : Method
        NAL, FO-MAML, HF-MAML or MAML with one inner gradient step.
    adaptation : Adaptation or float
        What suboptimality is judged by.
    training : Training
        Samples and episodes; its T is ignored.
    suboptimality : float
        What is wanted, above 0. To beat a point take its own, ``risk(environment, point, adaptation).suboptimality``.
    probability : float, optional
        Share of the training sets of T tasks on which it must be reached, above 0 and below 1; the solution is
        taken to be normal. By default the mean over training sets must reach it.

    Returns
    -------
    RequiredData
        With the curve it was read from, a plot, and the reason where there is no answer.

    Warns
    -----
    LandscapeWarning
        If the answer has fewer than 50 tasks a dimension, where the prediction is rough.

    Examples
    --------
    >>> from landscape import MAML, GradientSteps, HardEasy, Training
    >>> required_tasks(HardEasy(), MAML(), GradientSteps(1.0, m=50), Training(T=1), suboptimality=0.02)
    <T = 629 is the least with an expected suboptimality of at most 0.02>
    >>> required_tasks(
    ...     HardEasy(), MAML(), GradientSteps(1.0, m=50), Training(T=1), suboptimality=0.02, probability=0.95
    ... )
    <T = 1,156 is the least with a suboptimality of at most 0.02 on 95% of the training sets>
    """
    plan, wanted = (
        Plan.of(environment, method, adaptation, training),
        positive.check("suboptimality", suboptimality),
    )
    sure = None if probability is None else inside.check("probability", probability)
    d = environment.d
    enough = max(d, math.ceil(plan.least_samples / plan.samples_in_hessian))
    few = plan.with_training(T=enough).law()
    floor = few.limiting_suboptimality(plan.adaptation)
    slope = enough * (few.suboptimality(plan.adaptation) - floor)

    def reached(T: int) -> float:
        """To first order it is floor + slope/T; where the law is exact nearly so."""
        return plan.with_training(T=T).suboptimality() if few.is_exact else floor + slope / T

    needed = slope / (wanted - floor) if wanted > floor else math.inf
    top = 10 * needed if math.isfinite(needed) else 10**6
    values = np.unique(np.geomspace(max(d, 2), max(top, 10 * d), 40).astype(int))
    curve = np.array([reached(int(T)) for T in values])
    if not math.isfinite(needed):
        reason = (
            f"no number of tasks suffices: the method's own optimum already has suboptimality {floor:.3g}. "
            "Train for the adaptation (n2 = m, the same alpha) or want less"
        )
        return RequiredData("T", floor, wanted, values, curve, None, reason)
    T = max(1, math.ceil(needed - 1e-9), math.ceil(plan.least_samples / plan.samples_in_hessian))
    if sure is not None:
        T = _sure(plan, wanted, sure, T)
    elif few.is_exact:
        while reached(T) > wanted:
            T *= 2
        T = _bisected(reached, 0, T, wanted)
    plan.with_training(T=T).warn_if_rough()
    reason = (
        _found("T", T, wanted)
        if sure is None
        else (
            f"T = {T:,} is the least with a suboptimality of at most {wanted:g} on {100 * sure:g}% of the training sets"
        )
    )
    return RequiredData("T", reached(T), wanted, values, curve, T, reason)


def _sure(plan: Plan, wanted: float, probability: float, T: int) -> int:
    """The least number of tasks on which the suboptimality is at most what is wanted with a probability."""

    def missed(T: int) -> float:
        return 1 - plan.with_training(T=T).law().probability_within(plan.adaptation, wanted)

    while missed(T) > 1 - probability:
        T *= 2
    least = math.ceil(plan.least_samples / plan.samples_in_hessian)
    return T if least >= T else _bisected(missed, least - 1, T, 1 - probability)


def required_outer_samples(
    environment: Environment,
    method: Method,
    adaptation: Adaptation | float,
    training: Training,
    *,
    suboptimality: float,
) -> RequiredData:
    """Find the least number of outer samples n1 that brings down the expected suboptimality so far.

    Parameters
    ----------
    environment, method, adaptation, suboptimality
        As for `required_tasks`.
    training : Training
        Tasks, episodes and inner samples; its n1 is ignored.

    Returns
    -------
    RequiredData

    Warns
    -----
    LandscapeWarning
        As for `required_tasks`.

    Examples
    --------
    >>> from landscape import MAML, GradientSteps, HardEasy, Training
    >>> adaptation = GradientSteps(1.0, m=50)
    >>> required_outer_samples(HardEasy(), MAML(), adaptation, Training(T=600), suboptimality=0.03)
    <n1 = 8 is the least with an expected suboptimality of at most 0.03>
    """
    plan = Plan.of(environment, method, adaptation, training)
    return _least("n1", lambda n1: plan.with_training(n1=n1), suboptimality, "")


def required_inner_samples(
    environment: Environment,
    method: Method,
    adaptation: Adaptation | float,
    training: Training,
    *,
    suboptimality: float,
) -> RequiredData:
    """Find the least number of inner samples n2 that brings down the expected suboptimality so far.

    Parameters
    ----------
    environment, adaptation, suboptimality
        As for `required_tasks`.
    method : Method
        An inner batch size of its own is ignored; the adaptation that judges keeps its m.
    training : Training
        Tasks, episodes and outer samples; its n2 is ignored.

    Returns
    -------
    RequiredData

    Warns
    -----
    LandscapeWarning
        As for `required_tasks`.

    Examples
    --------
    >>> from landscape import MAML, GradientSteps, HardEasy, Training
    >>> adaptation = GradientSteps(1.0, m=50)
    >>> required_inner_samples(HardEasy(), MAML(), adaptation, Training(T=600), suboptimality=0.1)
    <n2 = 20 is the least with an expected suboptimality of at most 0.1>
    """
    plan = Plan.of(environment, method, adaptation, training)
    return _least("n2", plan.with_inner_samples, suboptimality, ", or an n2 that differs from m")


def required_episodes(
    environment: Environment,
    method: Method,
    adaptation: Adaptation | float,
    training: Training,
    *,
    suboptimality: float,
) -> RequiredData:
    r"""Find the least number of episodes a task, tau, that brings down the expected suboptimality so far.

    Parameters
    ----------
    environment, method, adaptation, suboptimality
        As for `required_tasks`.
    training : Training
        Tasks and samples; its tau is ignored.

    Returns
    -------
    RequiredData

    Warns
    -----
    LandscapeWarning
        As for `required_tasks`.

    Examples
    --------
    >>> from landscape import MAML, GradientSteps, HardEasy, Training
    >>> required_episodes(HardEasy(), MAML(), GradientSteps(1.0, m=50), Training(T=600), suboptimality=0.019)
    <tau = 2 is the least with an expected suboptimality of at most 0.019>
    """
    plan = Plan.of(environment, method, adaptation, training)
    return _least("tau", lambda tau: plan.with_training(tau=tau), suboptimality, "")


def _least(name: str, plan_at: Callable[[int], Plan], suboptimality: float, or_else: str) -> RequiredData:
    """Find the least whole value by bisection: the expected suboptimality falls as it grows."""
    wanted = positive.check("suboptimality", suboptimality)
    values = np.array(sorted({int(round(v)) for v in np.geomspace(1, MOST, 40)}))
    curve = np.array([plan_at(int(value)).suboptimality() for value in values])
    good = np.flatnonzero(curve <= wanted)
    if not len(good):
        return _none(name, values, curve, wanted, plan_at(10**7).suboptimality(), or_else)
    high = int(values[good[0]])
    low = int(values[good[0] - 1]) if good[0] else high - 1
    high = _bisected(lambda value: plan_at(value).suboptimality(), low, high, wanted)
    plan_at(high).warn_if_rough()
    reached = plan_at(high).suboptimality()
    return RequiredData(name, reached, wanted, values, curve, high, _found(name, high, wanted))


def _bisected(reached: Callable[[int], float], low: int, high: int, wanted: float) -> int:
    """Find the least whole number above `low` that reaches what is wanted, where `high` does."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) <= wanted else (middle, high)
    return high


def _none(name: str, values: Array, curve: Array, wanted: float, limit: float, or_else: str) -> RequiredData:
    best = int(curve.argmin())
    reason = (
        f"no {name} up to {values[-1]:,} brings it to {wanted:g}: the least is {curve[best]:.3g} at {values[best]:,},"
        f" and without bound it tends to {limit:.3g}. What is left is the scatter between tasks, which only more "
        f"tasks (T) reduce{or_else}"
    )
    return RequiredData(name, float(curve[best]), wanted, values, curve, None, reason)


def _found(name: str, value: int, wanted: float) -> str:
    return f"{name} = {value:,} is the least with an expected suboptimality of at most {wanted:g}"

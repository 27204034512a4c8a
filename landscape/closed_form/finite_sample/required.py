"""How much data? One amount is left open, in the way of a power analysis."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from landscape.adaptations import Adaptation
from landscape.closed_form.finite_sample.asymptotics import Asymptotics
from landscape.closed_form.finite_sample.plan import Answer, Plan
from landscape.core import Array, Domain, bar, checks, positive, record
from landscape.core.tolerances import AT_FLOOR
from landscape.methods import Method, Training
from landscape.tasks import Environment

inside = Domain(0.0, 1.0, open_low=True, open_high=True)

NEAR_1 = 1e-8
"""How near 1 a share of the training sets may be: the law of the risk is computed to 1e-9."""

MOST = 10**5
"""Samples or episodes up to which the least number is looked for."""

WITHOUT_BOUND = 10**15
"""Samples or episodes of which more would change nothing that is shown."""

MOST_TASKS = 10**15
"""Tasks up to which they are looked for where some number suffices."""

MOST_TASKS_BELOW_FLOOR = 10**6
"""Tasks up to which a share of the training sets is looked for that tends to 0 or 1/2."""


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
    progress: bool = False,
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
        Share of the training sets of T tasks on which it must be reached, above 0 and at most 1 - 1e-8; the
        solution is taken to be normal. By default the mean over training sets must reach it.
    progress : bool
        Show a bar over the numbers of tasks tried for a probability.

    Returns
    -------
    RequiredData
        With the curve it was read from, a plot, and the reason where there is no answer.

    Raises
    ------
    ValueError
        If an argument is out of its domain, or says twice what differs.
    NoClosedForm
        As for `asymptotics`.

    Warns
    -----
    LandscapeWarning
        If the answer has fewer than 50 tasks a dimension, where the prediction is rough.

    Notes
    -----
    As T grows the share tends to 1 where more is wanted than the suboptimality of the method's own optimum, to 1/2
    where just that is wanted (the solution then falls on either side of a plane alike), and to 0 where less is. It
    need not grow with T: the least T is looked for from below, on a grid of ratio 1.2 and between its points.

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
    checks.flag("progress", progress)
    sure = None if probability is None else inside.check("probability", probability)
    if sure is not None and sure > 1 - NEAR_1:
        raise ValueError(
            f"probability must be at most 1 - {NEAR_1:g}, for the law of the risk is computed to 1e-9: got 1 - {1 - sure:.2g}"
        )
    d = environment.d
    least = max(1, math.ceil(plan.least_samples / plan.samples_in_hessian))
    enough = max(d, least)
    few = plan.with_training(T=enough).law()
    floor = few.limiting_suboptimality(plan.adaptation)
    slope = enough * (few.suboptimality(plan.adaptation) - floor)

    def reached(T: int) -> float:
        """To first order it is floor + slope/T; where the law holds at any T nearly so."""
        return plan.with_training(T=T).suboptimality() if few.holds_at_this_T else floor + slope / T

    needed = slope / (wanted - floor) if wanted > floor else math.inf
    needed = needed if needed < MOST_TASKS else math.inf
    top = 10 * needed if math.isfinite(needed) else 10**6
    values = np.unique(np.geomspace(max(d, 2), max(top, 10 * d), 40).astype(int))
    curve = np.array([reached(int(T)) for T in values])
    if sure is not None:
        found, reason = _sure(plan, few, wanted, sure, least, floor, progress)
    else:
        found, reason = _in_the_mean(reached, wanted, needed, least, floor, few.holds_at_this_T)
    if found is None:
        return RequiredData("T", floor, wanted, values, curve, None, reason)
    plan.with_training(T=found).warn_if_rough(plan.law_on(found, few))
    return RequiredData("T", reached(found), wanted, values, curve, found, reason)


def _in_the_mean(
    reached: Callable[[int], float], wanted: float, needed: float, least: int, floor: float, at_any: bool
) -> tuple[int | None, str]:
    """The least number of tasks on which the expected suboptimality is what is wanted, and the sentence."""
    if not math.isfinite(needed) and not reached(least) <= wanted:  # a bias may help few tasks
        up_to = "" if wanted <= floor else f" up to {MOST_TASKS:,}"
        return None, (
            f"no number of tasks{up_to} suffices: the method's own optimum already has suboptimality {floor:.3g}. "
            "Train for the adaptation (n2 = m, the same alpha) or accept a larger suboptimality"
        )
    T = max(least, math.ceil(needed - 1e-9)) if math.isfinite(needed) else least
    if at_any:
        while reached(T) > wanted:
            T *= 2
        T = _bisected(reached, 0, T, wanted)
    return T, _found("T", T, wanted)


def _sure(
    plan: Plan,
    few: Asymptotics,
    wanted: float,
    share: float,
    least: int,
    floor: float,
    progress: bool,
) -> tuple[int | None, str]:
    """The least number of tasks on which so large a share of the training sets reaches it, and the sentence."""

    def below(T: int) -> float:
        return -plan.law_on(T, few).probability_within(plan.adaptation, wanted)

    is_met, is_floor = wanted > floor, abs(wanted - floor) <= AT_FLOOR * floor
    limit = "one half" if is_floor else "1" if is_met else "0"
    optimum = f"the method's own optimum has suboptimality {floor:.3g}"
    most = max(10 * least, MOST_TASKS if is_met and not is_floor else MOST_TASKS_BELOW_FLOOR)
    tried = np.unique(
        np.geomspace(least, most, 2 + math.ceil(math.log(most / least) / math.log(1.2))).astype(int)
    )
    best = (0.0, least)
    steps = list(pairwise([least - 1, *map(int, tried)]))
    for before, T in bar(steps, progress, desc="numbers of tasks", leave=False):
        best = min(best, (below(T), T))
        if best[0] <= -share:
            T = _bisected(below, before, T, -share)
            more = (
                ""
                if is_met and not is_floor
                else f"; with more tasks the share tends to {limit}, for {optimum}"
            )
            return T, (
                f"T = {T:,} is the least with a suboptimality of at most {wanted:g} on {100 * share:.12g}% of the "
                f"training sets{more}"
            )
    return None, (
        f"no number of tasks up to {most:,} brings it to {wanted:g} on {100 * share:.12g}% of the training sets: the "
        f"largest share is {-100 * best[0]:.3g}% at T = {best[1]:,}, and with more it tends to {limit}, for {optimum}. "
        "Train for the adaptation (n2 = m, the same alpha) or accept a larger suboptimality"
    )


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
    environment, method, adaptation
        As for `required_tasks`.
    training : Training
        Tasks, episodes and inner samples; its n1 is ignored.
    suboptimality : float

    Returns
    -------
    RequiredData

    Raises
    ------
    ValueError, NoClosedForm
        As for `required_tasks`.

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
    environment : Environment
    method : Method
        An inner batch size of its own is ignored; the adaptation that judges keeps its m.
    adaptation : Adaptation or float
    training : Training
        Tasks, episodes and outer samples; its n2 is ignored.
    suboptimality : float
        As for `required_tasks`, like all others.

    Returns
    -------
    RequiredData

    Raises
    ------
    ValueError, NoClosedForm
        As for `required_tasks`.

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
    environment, method, adaptation
        As for `required_tasks`.
    training : Training
        Tasks and samples; its tau is ignored.
    suboptimality : float

    Returns
    -------
    RequiredData

    Raises
    ------
    ValueError, NoClosedForm
        As for `required_tasks`.

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
        return _none(name, values, curve, wanted, plan_at(WITHOUT_BOUND).suboptimality(), or_else)
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
    rest = (
        f"and without bound it tends to {limit:.3g}. What is left is the scatter between tasks, which only more "
        f"tasks (T) reduce{or_else}"
        if limit > wanted
        else "and only still more would do"
    )
    reason = f"no {name} up to {values[-1]:,} brings it to {wanted:g}: the least is {curve[best]:.3g} at {values[best]:,}, {rest}"
    return RequiredData(name, float(curve[best]), wanted, values, curve, None, reason)


def _found(name: str, value: int, wanted: float) -> str:
    return f"{name} = {value:,} is the least with an expected suboptimality of at most {wanted:g}"

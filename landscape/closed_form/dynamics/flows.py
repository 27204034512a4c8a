"""Gradient flows and gradient descents of methods on quadratic tasks, exact at any moment."""

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np

from landscape.adaptations import Adaptation, GradientSteps, as_adaptation
from landscape.closed_form.dynamics.forms import gradient_rounding, loss_after, numeric_tasks
from landscape.closed_form.dynamics.path import Path
from landscape.closed_form.dynamics.phases import Phase
from landscape.closed_form.dynamics.sliding import Slide, sliding_phases
from landscape.closed_form.population import objective
from landscape.core import Array, checks, positive, warn, with_values
from landscape.linalg import QuadraticForm
from landscape.methods import BIMAML, InnerMethod, Method
from landscape.tasks import Environment

NO_STEPS = GradientSteps(0.0, steps=0)
"""After it the loss is the pooled loss f."""


def flow(
    environment: Environment, method: Method, start: Any, adaptation: Adaptation | float | None = None
) -> Path:
    r"""Compute the gradient flow of a method on quadratic tasks, w' = -E[A_i](w - w*), exactly at any time.

    For MAML it is the MAML ODE of Xu et al., (3.2); for BI-MAML their Algorithm 1, latched or as printed. Its
    velocities there have a factor beta, which only sets the unit of time: it is 1 here, as in (3.2), so
    divide times by beta.

    Parameters
    ----------
    environment : Environment
        With numbers for all arguments.
    method : Method
    start : float or array, shape (d,)
        w(0); a number stands for every coordinate.
    adaptation : Adaptation or float, optional
        What F is the loss after. By default what the method itself trains for, which is its inner adaptation:
        at full batches, but where the method shares its inner batches with the Hessian; and the pooled loss
        without one.

    Returns
    -------
    Path
        Of w(t).

    Raises
    ------
    ValueError
        If an argument is a symbol, the start does not fit, E[A] is singular, or BI-MAML's threshold is below
        rounding.

    Examples
    --------
    >>> from landscape import MAML, HardEasy
    >>> path = flow(HardEasy(), MAML(0.5), start=3.0)
    >>> t = path.time_to(1e-3)
    >>> print(round(t, 2), round(path.gradient_norm(path.at(t)), 9))
    40.1 0.001
    """
    given = _problem(environment, method, start, adaptation)
    f, F = given.f, given.F
    phases: list[Phase | Slide]
    if not isinstance(given.method, BIMAML):
        phases = [Phase(0.0, given.start, given.own, None, given.method.label)]
    elif given.method.latched:
        phases = [*_latched_phases(f, F, given.start, None, given.method.threshold)]
    else:
        phases = sliding_phases(f, F, given.start, given.method.threshold)
    return Path(environment, given.method, given.adaptation, None, given.start, f, F, tuple(phases))


def descent(
    environment: Environment,
    method: Method,
    start: Any,
    rate: float,
    adaptation: Adaptation | float | None = None,
) -> Path:
    r"""Compute the gradient descent of a method, :math:`w_{k+1} = w_k - \eta E[A_i](w_k - w^*)`, exactly.

    Full batches of tasks and data. At any k: no iteration needs those before it. BI-MAML that is not latched
    is refused: its iterates jump between phases, and `train` takes its steps.

    Parameters
    ----------
    environment, method, start
        As for `flow`.
    rate : float
        :math:`\eta` (the papers' beta).
    adaptation : Adaptation or float, optional
        As for `flow`.

    Returns
    -------
    Path
        Of the iterates, at whole numbers t.

    Raises
    ------
    ValueError
        As for `flow`, and if the rate is not above 0 or BI-MAML is not latched.

    Warns
    -----
    LandscapeWarning
        If the rate is so large that the iterates diverge: ``path.largest_rate`` is where that begins.

    Examples
    --------
    >>> from landscape import NAL, HardEasy
    >>> descent(HardEasy(), NAL(), start=3.0, rate=1.0, adaptation=0.5).time_to(0.5)
    2
    """
    given = _problem(environment, method, start, adaptation)
    rate = positive.check("rate", rate)
    if not isinstance(given.method, BIMAML):
        phases = [Phase(0, given.start, given.own, rate, given.method.label)]
    elif given.method.latched:
        threshold = float(np.nextafter(given.method.threshold, 0))  # Algorithm 1 tests < strictly
        phases = _latched_phases(given.f, given.F, given.start, rate, threshold)
    else:
        raise ValueError(
            "BI-MAML that is not latched has no closed form in steps: use latched=True, flow() or train()"
        )
    for phase in phases:
        if phase.diverges:
            _warn_of_divergence(phase)
    return Path(
        environment, given.method, given.adaptation, rate, given.start, given.f, given.F, tuple(phases)
    )


def _warn_of_divergence(phase: Phase) -> None:
    if phase.largest_rate == 0:
        warn(
            f"the {phase.name} phase diverges: what it descends on has a negative curvature, and no rate helps there; take "
            "a smaller alpha"
        )
    else:
        warn(
            f"the {phase.name} phase diverges: the rate times the largest curvature of what it descends on must lie in "
            "(0, 2); take a rate below the path's largest_rate"
        )


class _Problem(NamedTuple):
    """What flows and descents have in common, checked.

    `own` is the form whose gradient is the method's mean update.
    """

    method: Method
    adaptation: Adaptation
    start: Array
    f: QuadraticForm
    F: QuadraticForm
    own: QuadraticForm


def _problem(
    environment: Environment, method: Method, start: Any, adaptation: Adaptation | float | None
) -> _Problem:
    checks.instance("method", method, Method)
    judge = None if adaptation is None else as_adaptation(adaptation)
    method = method.within(judge)
    judge = _trained_for(method) if judge is None else judge
    tasks = numeric_tasks(environment, method, judge)
    if isinstance(method, BIMAML) and judge != method.adaptation:
        raise ValueError(
            f"BI-MAML descends on the loss after one full step of alpha = {method.alpha:g}: leave adaptation out"
        )
    # of BI-MAML only the second phase has an objective, whose E[W] must not be singular
    last = dataclasses.replace(method, latched=True) if isinstance(method, BIMAML) else method
    own, _ = objective(tasks, last)
    point, f = checks.start("start", start, environment.d), loss_after(tasks, NO_STEPS)
    if isinstance(method, BIMAML) and method.threshold < (least := gradient_rounding(f, point)):
        raise ValueError(
            f"threshold must be >= {least:.2g} here, for smaller gradient norms are rounding, got {method.threshold:g}"
        )
    return _Problem(method, judge, point, f, loss_after(tasks, judge), own)


def _trained_for(method: Method) -> Adaptation:
    """The adaptation after which a method's loss is looked at where none is given."""
    minimised = method.minimises()
    if minimised is not None:
        return minimised
    return with_values(method.adaptation, {"m": np.inf}) if isinstance(method, InnerMethod) else NO_STEPS


def _latched_phases(
    f: QuadraticForm, F: QuadraticForm, start: Array, rate: float | None, threshold: float
) -> list[Phase]:
    """Pooled training until ||grad f|| <= threshold, MAML from there on."""
    first = Phase(0.0 if rate is None else 0, start, f, rate, "pooled")
    lasts = first.first_below(f, threshold, math.inf)
    if lasts == 0:
        return [Phase(lasts, start, F, rate, "MAML")]
    return [first] if math.isinf(lasts) else [first, Phase(lasts, first.points(lasts)[0], F, rate, "MAML")]

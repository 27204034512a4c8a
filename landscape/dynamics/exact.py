"""Gradient flows and gradient descents on quadratic tasks, exact at any moment."""

import math
from dataclasses import replace

import numpy as np

from landscape import checks
from landscape.adaptation import Adaptation
from landscape.dynamics.bowls import adapted, own, pooled, single_tasks
from landscape.dynamics.path import Path
from landscape.dynamics.phases import Phase
from landscape.dynamics.sliding import sliding_phases
from landscape.methods import BIMAML, Method
from landscape.methods.base import check_reach


def flow(environment, method, start, adaptation=None):
    r"""The gradient flow of a method on quadratic tasks, w' = -E[A_i](w - w*), exactly at any time.

    For MAML it is the MAML ODE of Xu et al., (3.2); for BI-MAML their Algorithm 1, latched or as printed. Its velocities
    there have a factor beta, which only sets the unit of time: it is 1 here, as in (3.2), so divide times by beta.

    Parameters
    ----------
    environment : Environment
        With numbers for all arguments.
    method : Method
    start : float or array (d,)
        w(0); a number stands for every coordinate.
    adaptation : Adaptation, optional
        What F is the loss after. By default what the method itself trains for: its alpha and steps, full gradients
        (batches of n2 where MAML shares them with the Hessian), and the pooled loss for methods without alpha.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If an argument is a grid, the start does not fit, E[A] is singular, or BI-MAML's threshold is below rounding.

    Examples
    --------
    >>> path = flow(hard_easy(), MAML(0.5), start=3.0)
    >>> t = path.time_to(1e-3)
    >>> print(round(t, 2), round(path.F.gradient_norm(path.at(t)), 9))
    40.1 0.001
    """
    tasks, method, adaptation, f, F, start = _prepared(environment, method, start, adaptation)
    if not isinstance(method, BIMAML):
        phases = [Phase(0.0, start, own(tasks, method), None, method.label)]
    elif not method.latched:
        phases = sliding_phases(f, F, start, method.threshold)
    else:
        phases = _latched_phases(f, F, start, None, method.threshold)
    return Path(environment, method, adaptation, None, start, f, F, tuple(phases))


def descent(environment, method, start, rate, adaptation=None):
    r"""Gradient descent of a method on quadratic tasks, :math:`w_{k+1} = w_k - \eta E[A_i](w_k - w^*)`, exactly at any k.

    Full batches of tasks and data. No iteration needs those before it.

    Parameters
    ----------
    environment, method, start, adaptation
        As for `flow`.
    rate : float
        :math:`\eta` (the papers' beta).

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        As for `flow`; for BI-MAML that is not latched, whose iterates jump between phases: `train` takes its steps.

    Warns
    -----
    LandscapeWarning
        If the rate is so large that the iterates diverge.

    Examples
    --------
    >>> descent(hard_easy(), NAL(), start=3.0, rate=1.0, adaptation=Adaptation(0.5)).time_to(0.5)
    2
    """
    tasks, method, adaptation, f, F, start = _prepared(environment, method, start, adaptation)
    rate = checks.number("rate", rate, above=0)
    if not isinstance(method, BIMAML):
        phases = [Phase(0, start, own(tasks, method), rate, method.label)]
    elif not method.latched:
        raise ValueError(
            "BI-MAML that is not latched has no closed form in steps: use latched=True, flow() or train()"
        )
    else:
        phases = _latched_phases(
            f, F, start, rate, np.nextafter(method.threshold, 0)
        )  # Algorithm 1 tests < strictly
    for phase in phases:
        if _diverges(phase):
            checks.warn(_why(phase))
    return Path(environment, method, adaptation, rate, start, f, F, tuple(phases))


def _diverges(phase):
    values, _, away = phase._modes
    return bool((np.abs(1 - phase.rate * values[away != 0]) > 1 + 1e-12).any())


def _why(phase):
    """What makes a phase diverge, and the cure."""
    values, _, away = phase._modes
    least, top, rate = values[away != 0].min(), values.max(), phase.rate
    if least < 0:
        return (
            f"the {phase.name} phase diverges: what it descends on has the negative curvature {least:.4g}, "
            "and no rate helps there; take a smaller alpha"
        )
    return (
        f"the {phase.name} phase diverges: rate {rate:g} times the largest curvature {top:.4g} of what it descends on is "
        f"{rate * top:.3g} and must lie in (0, 2); take rate < {2 / top:.3g}"
    )


def _prepared(environment, method, start, adaptation):
    checks.instance("method", method, Method)
    method = method.resolved
    if adaptation is None:
        alpha = getattr(method, "alpha", None)
        adaptation = (
            Adaptation(0.0, steps=0)
            if alpha is None
            else Adaptation(alpha, steps=getattr(method, "steps", 1))
        )
        if (
            getattr(method, "hessian", None) == "shared"
        ):  # then its stochastic gradients are those of F_m, m = n2
            adaptation = replace(adaptation, m=method.n2, batches=method.batches)
    checks.instance("adaptation", adaptation, Adaptation)
    tasks = single_tasks(environment, method, adaptation)
    for inner in (method, adaptation):
        check_reach(getattr(inner, "alpha", 0.0), getattr(inner, "steps", 1))
    if isinstance(method, BIMAML) and adaptation != Adaptation(method.alpha):
        raise ValueError(
            f"BI-MAML descends on the loss after one full step of alpha = {method.alpha:g}: leave adaptation out"
        )
    start, f = checks.start("start", start, environment.d), pooled(tasks)
    if isinstance(method, BIMAML):
        own(tasks, replace(method, latched=True))  # E[W] must not be singular
        least = f.rounding(start)
        if method.threshold < least:
            raise ValueError(
                f"threshold must be >= {least:.2g} here, for smaller gradient norms are rounding, got {method.threshold:g}"
            )
    return tasks, method, adaptation, f, adapted(tasks, adaptation), start


def _latched_phases(f, F, start, rate, threshold):
    """Pooled training until ||grad f|| <= threshold, MAML from there on."""
    first = Phase(0.0 if rate is None else 0, start, f, rate, "pooled")
    lasts = first.first_below(f, threshold, math.inf)
    if lasts == 0:
        return [Phase(lasts, start, F, rate, "MAML")]
    return [first] if math.isinf(lasts) else [first, Phase(lasts, first.points(lasts)[0], F, rate, "MAML")]

r"""Where each method ends up, and how well it adapts from there: exact, at population level.

The home of Proposition 1 of Collins et al.: with Q_i = `Q`(moments of task i, adaptation) the risk after
adaptation is
:math:`F_m(w) = \tfrac12 E\|w - w_i\|^2_{Q_i}` plus a floor of noise, and NAL's and MAML's optima are
:math:`E[\Sigma_i]^{-1} E[\Sigma_i w_i]` and :math:`E[Q_i]^{-1} E[Q_i w_i]`. Everything here sees moments
only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from landscape.adaptations.base import Adaptation
from landscape.core.errors import OVERFLOW, warn
from landscape.core.provenance import EXACT, Provenance
from landscape.core.results import Estimate
from landscape.core.tolerances import EPS, ILL_CONDITIONED, VANISHING
from landscape.core.typing import Array, Scalar
from landscape.linalg.operators import Factor, Operator
from landscape.linalg.quadratic import QuadraticForm, difference, sum_forms
from landscape.methods.base import Method
from landscape.tasks.families import Task
from landscape.tasks.inputs import Moments


def Q(moments: Moments, adaptation: Adaptation) -> Operator:
    r"""Compute the matrix Q of Collins et al., Proposition 1, for any adaptation.

    For one gradient step on m samples and Gaussian inputs

    .. math:: Q = (I - \alpha\Sigma)\Sigma(I - \alpha\Sigma) + \tfrac{\alpha^2}{m}(\mathrm{tr}(\Sigma^2)\Sigma + \Sigma^3).

    Parameters
    ----------
    moments : Moments
        Of a task's inputs.
    adaptation : Adaptation

    Returns
    -------
    Operator
        The Hessian of the expected loss after adaptation.

    Raises
    ------
    NoClosedForm
        If no exact formula is known for the adaptation on such inputs.

    Examples
    --------
    >>> from landscape import GradientSteps, TwoTasks
    >>> hard, easy = TwoTasks(d=2).tasks()
    >>> Q(hard.inputs, GradientSteps(0.8, m=50)).matrix().round(4)
    array([[0.0847, 0.    ],
           [0.    , 0.0847]])
    """
    return adaptation.expected(moments).A


@dataclass(frozen=True)
class Landscape:
    """The risk after adaptation F_m, as a function of the initial point.

    Attributes
    ----------
    noise : float or array, shape (*grid)
        What label noise costs, whatever the point.
    dispersion : float or array
        What the tasks' disagreement costs even the best point.
    form : QuadraticForm
        F_m around its minimiser w_m.
    factor : Factor
        Of its Hessian E[M_i].
    error : Landscape, optional
        About how far each part may be from the truth, where some task's risk is a limit.
    """

    noise: Scalar
    dispersion: Scalar
    form: QuadraticForm
    factor: Factor
    error: Landscape | None = None

    def suboptimality(self, w: Array) -> Scalar:
        """Compute (w - w_m)'E[M_i](w - w_m)/2."""
        return self.form.above_minimum(w)

    def parts(self, points: Sequence[Array]) -> list[Scalar]:
        """List noise, dispersion and the suboptimality of each point."""
        return [self.noise, self.dispersion, *map(self.suboptimality, points)]

    def how(self, points: Sequence[Array]) -> list[Provenance]:
        """Say of the same parts how they were had."""
        if self.error is None:
            return [EXACT] * (2 + len(points))
        pairs = zip(self.error.parts(points), self.parts(points), strict=True)
        return [Provenance("limit", share(error, part)) for error, part in pairs]


def share(error: Scalar, part: Scalar) -> Array:
    """Compute error/part, 0 where there is nothing."""
    error, part = np.broadcast_arrays(error, part)
    return np.divide(error, part, out=np.zeros(error.shape), where=part > 0)


def risk_forms(tasks: Sequence[Task], adaptation: Adaptation) -> list[QuadraticForm]:
    """Compute each task's expected loss after adaptation as a form of w, around the task's own best point."""
    forms = [(adaptation.expected(task.inputs), task.centre) for task in tasks]
    return [replace(form, origin=centre).completed() for form, centre in forms]


def landscape_of(tasks: Sequence[Task], forms: Sequence[QuadraticForm]) -> Landscape:
    """Compute F_m from the tasks' risks: the floors are sums over tasks, never a difference of two values."""
    shares = [task.probability for task in tasks]
    mean = _mean(tasks, shares, forms)
    factor = mean.A.factor()
    best = mean.completed(factor).origin
    error = None
    if any(form.error is not None for form in forms):
        wrong = [
            replace(0.0 * form if form.error is None else form.error, origin=form.origin) for form in forms
        ]
        error = _around(tasks, wrong, np.asarray(best), _mean(tasks, shares, wrong).A, factor)
    return _around(tasks, forms, np.asarray(best), mean.A, factor, error)


def _around(
    tasks: Sequence[Task],
    forms: Sequence[QuadraticForm],
    best: Array,
    A: Operator,
    factor: Factor,
    error: Landscape | None = None,
) -> Landscape:
    """Compute the floors at a point, as sums over tasks."""
    noise: Scalar = 0
    dispersion: Scalar = 0
    for task, form in zip(tasks, forms, strict=True):
        cost = form.A.quad(difference(best, form.origin))
        if task.spread is not None:
            cost = cost + form.A.inner(task.spread)
        noise = noise + task.total(_met(task.probability, form.c))
        dispersion = dispersion + task.total(task.probability * cost)
    form = QuadraticForm(A, None, noise + dispersion, best)
    return Landscape(noise / 2, dispersion / 2, form, factor, error)


def _met(p: Scalar, c: Scalar) -> Scalar:
    """p c, 0 for a family that never occurs, whatever it would lose."""
    if np.asarray(c).dtype == object or np.isfinite(c).all():
        return p * c
    return p * np.where(np.asarray(p) > 0, c, 0.0)


def _mean(tasks: Sequence[Task], shares: Sequence[Scalar], forms: Iterable[QuadraticForm]) -> QuadraticForm:
    """Compute the mean of the tasks' forms."""
    return sum_forms(task.total(p * form) for task, p, form in zip(tasks, shares, forms, strict=True))


def objective(
    tasks: Sequence[Task], method: Method, shares: Sequence[Scalar] | None = None
) -> tuple[QuadraticForm, Factor]:
    r"""Compute a method's mean objective around its optimum :math:`w^* = E[A_i]^{-1} E[A_i w_i + b_i]`.

    Collins et al., eq. (5), for every method and any data.

    Parameters
    ----------
    tasks : sequence of Task
    method : Method
    shares : sequence of float or array, optional
        How much each task counts; by default as the method says.

    Returns
    -------
    QuadraticForm
    Factor
        Of its Hessian E[A_i].

    Raises
    ------
    ValueError
        If E[A] is singular.
    """
    floors: list[Array] = []
    Sigma = tasks[0].inputs.Sigma
    if Sigma.diagonal().dtype != object:  # of symbols the number of coordinates may be one, too
        method.check_trainable(Sigma.d)
    shares = method.shares(tasks) if shares is None else shares

    def iter_objectives() -> Iterator[QuadraticForm]:
        """A generator: only one task's weight is alive at a time."""
        for task, share in zip(tasks, shares, strict=True):
            form = method.objective(task.inputs)
            floors.append(task.total(_vanishing(method, task, share)))
            yield QuadraticForm(form.A, form.b, form.c, task.centre)

    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
        mean = _mean(tasks, shares, iter_objectives())
    factor = check_stationary(mean.A, method, sum(floors))
    return mean.completed(factor), factor


def optimum(tasks: Sequence[Task], method: Method) -> Array:
    """Compute a method's population optimum w*, shape (*grid, k); see `objective`."""
    return np.asarray(objective(tasks, method)[0].origin)


def optimum_of(tasks: Sequence[Task], method: Method) -> tuple[Array, Provenance]:
    """Compute a method's optimum, of its objective's limit where no more is known, and say how it was had.

    Only the kinds of MAML and TR-MAML, whose objective is the risk of the inner adaptation, may stand on a limit.
    The error is a share of how far the tasks lie from the optimum, in the norm of the objective.
    """
    large = as_seen(method, tasks)
    return optimum(large, method), how_optimum(large, method)


def as_seen(method: Method, tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks as a method may see them: with limits where its objective is a risk."""
    return [task.with_limits() for task in tasks] if method.trains_for() else list(tasks)


def how_optimum(tasks: Sequence[Task], method: Method) -> Provenance:
    """Say how the optimum on tasks `as_seen` was had."""
    forms = [method.objective(task.inputs) for task in tasks] if method.trains_for() else []
    if all(form.error is None for form in forms):
        return EXACT
    shares = method.shares(tasks)
    around = [replace(form, origin=task.centre).completed() for form, task in zip(forms, tasks, strict=True)]
    weighed = [replace(task, probability=share) for task, share in zip(tasks, shares, strict=True)]
    noise, dispersion = landscape_of(weighed, around).how([])
    return noise | dispersion if method.is_worst_case else dispersion  # floors have a say in which is worst


def _vanishing(method: Method, task: Task, share: Scalar) -> Array:
    """The size below which entries of the mean weight are rounding: products of I - alpha Sigma that should be 0."""
    size = task.inputs.Sigma.diagonal()
    if size.dtype == object or not method.factors:
        return np.zeros(size.shape)
    out: Array = VANISHING**method.factors * np.asarray(share)[..., None] * np.abs(size)
    return out


def check_stationary(A: Operator, method: Method, floor: Array | float) -> Factor:
    """Prepare solving with a mean weight E[A]; what is checked and what solves is one object.

    Raises
    ------
    ValueError
        If it is singular: the optimum is not unique; or if it overflows.

    Warns
    -----
    LandscapeWarning
        If it is indefinite, or so ill-conditioned that digits of the optimum are lost.
    """
    size = np.asarray(A.trace())
    if size.dtype != object and not np.isfinite(size).all():
        raise ValueError(OVERFLOW)
    factor = A.factor(floor)
    if factor.is_singular.any():
        raise ValueError(
            f"the mean weight E[W] of {method!r} is singular, so its optimum is not unique. Where alpha is 1 over the "
            "curvature of all tasks, change alpha or use finite n2; else drop directions without any inputs, or columns "
            "that are sums of others"
        )
    if factor.is_indefinite.any():
        warn(
            f"the mean weight E[W] of {method.label} has negative eigenvalues: the stationary point is unstable and "
            "training does not reach it; use a smaller alpha"
        )
    if factor.reciprocal_condition < ILL_CONDITIONED:
        digits = max(0, round(-np.log10(EPS / max(factor.reciprocal_condition, EPS))))
        warn(
            f"the optimum of {method.label} keeps about {digits} of 16 digits: some directions have nearly no weight; "
            "centre columns of data, and drop those that are nearly sums of others"
        )
    return factor


def risk_parts(
    tasks: Sequence[Task], adaptation: Adaptation, starts: Sequence[Method | Array]
) -> list[Scalar | Estimate]:
    """Compute noise, dispersion and the suboptimality of each start (a method's optimum, or a given point).

    Parameters
    ----------
    tasks : sequence of Task
    adaptation : Adaptation
    starts : sequence of Method or array, shape (*grid, k)

    Returns
    -------
    list of float or array, shape (*grid)
        Estimates that say so where they are limits.
    """
    large = [task.with_limits() for task in tasks]
    landscape = landscape_of(tasks, risk_forms(large, adaptation))
    points, through = [], [EXACT, EXACT]
    for start in starts:
        if isinstance(start, Method) and start.minimises() == adaptation:
            if landscape.factor.is_singular.any():
                warn(
                    f"the optimum of {start.label} is not unique; its risk is: the least one, the same at all of them"
                )
            points.append(np.asarray(landscape.form.origin))
            through.append(EXACT)
        else:
            point, how = optimum_of(tasks, start) if isinstance(start, Method) else (start, EXACT)
            points.append(point)
            through.append(how)
    hows = [a | b for a, b in zip(landscape.how(points), through, strict=True)]
    parts = landscape.parts(points)
    return [p if h.is_exact else Estimate(np.asarray(p), how=h) for p, h in zip(parts, hows, strict=True)]

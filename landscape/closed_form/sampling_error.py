r"""What a sample of T tasks leaves uncertain: replicates of optima and risks, to first order.

On equally likely tasks that were drawn, everything here is a smooth function of means over tasks. Leaving out
task i moves such a value by -psi_i/(T - 1) to first order, psi_i its influence. Replicates made of that carry
standard errors through ratios, with the correlation of what comes from the same tasks.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from landscape.adaptations import Adaptation
from landscape.closed_form.best_step import best_step_size, step_forms
from landscape.closed_form.population import as_seen, how_optimum, landscape_of, objective, risk_forms
from landscape.core import Array, Estimate, NoClosedForm, Scalar
from landscape.core.provenance import EXACT, Provenance
from landscape.linalg import QuadraticForm
from landscape.methods import Method
from landscape.tasks import Task
from landscape.tasks.families import stacked


def _estimate(value: Scalar, influences: Array, how: Provenance = EXACT) -> Estimate:
    """The value with each task left out, by the influence of each, shape (T, *grid)."""
    shape = np.broadcast_shapes(np.shape(value), influences.shape[1:])
    with np.errstate(invalid="ignore"):  # what is infinite is so with any task left out
        moved = (influences - influences.mean(axis=0)) / (len(influences) - 1)
    replicates = value - np.where(np.isinf(value), 0.0, moved)
    return Estimate(
        np.broadcast_to(value, shape), np.broadcast_to(replicates, (len(influences), *shape)), how
    )


def check_mean_over_tasks(method: Method) -> None:
    """Refuse methods whose optimum on drawn tasks has no standard error."""
    if method.is_worst_case:
        raise NoClosedForm(
            f"the worst of tasks that were drawn is no mean over tasks, and the optimum of {method.label} on them has no "
            "standard error: give families, Mixture([...])"
        )


def _optimum_influences(tasks: Sequence[Task], method: Method, axes: int) -> tuple[Array, Array, Provenance]:
    """The optimum w* (*grid, d), and how much each task moves it: -H^-1 s_i for its score s_i, shape (T, *grid, d)."""
    check_mean_over_tasks(method)
    (stack,) = as_seen(method, [stacked(tasks, method.shares(tasks), axes)])
    mean, factor = objective([stack], method, [stack.probability])
    point, form = np.asarray(mean.origin), method.objective(stack.inputs)
    weights = np.asarray(stack.probability)[..., None] * len(tasks)
    scores = weights * QuadraticForm(form.A, form.b, 0.0, stack.centre).gradient(point)
    return point, -factor.solve(scores), how_optimum([stack], method)


def optimum_estimate(tasks: Sequence[Task], method: Method, axes: int) -> Estimate:
    """Compute a method's optimum w* with its error, shape (*grid, d); `axes` counts those of the grid."""
    point, moved, how = _optimum_influences(tasks, method, axes)
    return _estimate(point, moved, how.of_vectors())


def risk_estimates(
    tasks: Sequence[Task], adaptation: Adaptation, starts: Sequence[Method | Array], axes: int
) -> list[Estimate]:
    """Compute noise, dispersion and the suboptimality of each start with their errors.

    Task i adds F_i(w) to the risk from a point w; from a method's optimum also grad F(w)' times how much the
    task moves that. The least risk, whose minimiser moves too, has no such term: the gradient is 0 there.

    Parameters
    ----------
    tasks : sequence of Task
        Equally likely.
    adaptation : Adaptation
    starts : sequence of Method or array, shape (*grid, k)
    axes : int
        Number of axes of the grid.

    Returns
    -------
    list of Estimate, shape (*grid)
    """
    stack = stacked(tasks, [task.probability for task in tasks], axes).with_limits()
    weights = np.asarray(stack.probability) * len(tasks)
    (form,) = risk_forms([stack], adaptation)
    landscape = landscape_of([stack], [form])
    noise, above = form.c / 2, replace(form, c=0.0)
    floor = above(np.asarray(landscape.form.origin))
    influences, points, hows = [weights * noise, weights * floor], [], [EXACT, EXACT]
    for start in starts:
        if isinstance(start, Method):
            point, moved, how = _optimum_influences(tasks, start, axes)
            through = np.sum(moved * landscape.form.gradient(point), axis=-1)
        else:
            point, through, how = start, np.zeros(()), EXACT
        influences.append(weights * (above(point) - floor) + through)
        points.append(point)
        hows.append(how)
    hows = [a | b for a, b in zip(landscape.how(points), hows, strict=True)]
    parts = zip(landscape.parts(points), influences, hows, strict=True)
    return [_estimate(part, np.asarray(own), how) for part, own, how in parts]


def best_step_estimate(tasks: Sequence[Task], m: Scalar, start: Method | Array, axes: int) -> Estimate:
    """Compute the best step size S/B on m samples with its error, shape (*grid); arguments as of `risk_estimates`.

    A task moves it by its own share of S - alpha B and by how it moves the start, a method's optimum.
    """
    stack = stacked(tasks, [task.probability for task in tasks], axes)
    weights = np.asarray(stack.probability)
    slope, bend = step_forms(stack, m)
    known = (
        _optimum_influences(tasks, start, axes) if isinstance(start, Method) else (start, np.zeros(()), EXACT)
    )
    point, moved, how = known
    total = stack.total(weights * bend(point))
    alpha = best_step_size(stack.total(weights * slope(point)), total)
    left = stack.total(weights * (slope + (-alpha) * bend))
    own = weights * len(tasks) * (slope(point) - alpha * bend(point))
    through = np.sum(moved * left.gradient(point), axis=-1)
    return _estimate(alpha, (own + through) / total, how)

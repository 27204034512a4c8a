r"""What a sample of T tasks leaves uncertain: replicates of optima and risks, to first order.

On equally likely tasks that were drawn, everything here is a smooth function of means over tasks. Leaving out
task i moves such a value by -psi_i/(T - 1) to first order, psi_i its influence. Replicates made of that carry
standard errors through ratios, with the correlation of what comes from the same tasks.
"""

from collections.abc import Sequence

import numpy as np

from landscape.adaptations import Adaptation
from landscape.closed_form.population import landscape_of, objective, optimum_of, risk_forms
from landscape.core import Array, Estimate, Scalar
from landscape.core.results import EXACT
from landscape.linalg import QuadraticForm
from landscape.methods import Method
from landscape.tasks import Task


def _estimate(value: Scalar, influences: Sequence[Scalar]) -> Estimate:
    """The value with each task left out, by the influence of each, shape (*grid)."""
    shape = np.broadcast_shapes(np.shape(value), np.shape(influences[0]))
    spread = np.array([np.broadcast_to(one, shape) for one in influences])
    centred = spread - spread.mean(axis=0)
    return Estimate(np.broadcast_to(value, shape), value - centred / (len(influences) - 1))


def _optimum_influences(tasks: Sequence[Task], method: Method) -> tuple[Array, list[Array]]:
    """The optimum w* (*grid, d) and how much each task moves it: -H^-1 s_i for its score s_i, shape (*grid, d)."""
    mean, factor = objective(tasks, method)
    point = np.asarray(mean.origin)
    scale = [np.asarray(p * len(tasks))[..., None] for p in method.shares(tasks)]
    moved = []
    for task, p in zip(tasks, scale, strict=True):
        form = method.objective(task.inputs)
        score = QuadraticForm(form.A, form.b, 0.0, task.centre).gradient(point)
        moved.append(-factor.solve(p * score))
    return point, moved


def optimum_estimate(tasks: Sequence[Task], method: Method) -> Estimate:
    """Compute a method's optimum w* with its error, shape (*grid, d)."""
    point, moved = _optimum_influences(_for(method, tasks), method)
    found = _estimate(point, moved)
    return Estimate(found.value, found.replicates, found.how | optimum_of(tasks, method)[1].of_vectors())


def _for(method: Method, tasks: Sequence[Task]) -> Sequence[Task]:
    """The tasks as the method may see them: with limits where its objective is a risk."""
    return tasks if method.minimises() is None else [task.with_limits() for task in tasks]


def risk_estimates(
    tasks: Sequence[Task], adaptation: Adaptation, starts: Sequence[Method | Array]
) -> list[Estimate]:
    """Compute noise, dispersion and the suboptimality of each start with their errors.

    Task i adds F_i(w) to the risk from a point w; from a method's optimum also grad F(w)' times how much the
    task moves that. The least risk, whose minimiser moves too, has no such term: the gradient is 0 there.
    """
    forms = risk_forms([task.with_limits() for task in tasks], adaptation)
    landscape = landscape_of(tasks, forms)
    best = np.asarray(landscape.form.origin)
    noise, floor = [form.c / 2 for form in forms], [form(best) for form in forms]
    out = [
        _estimate(landscape.noise, noise),
        _estimate(landscape.dispersion, [f - n for f, n in zip(floor, noise, strict=True)]),
    ]
    points, hows = [], [EXACT, EXACT]
    for start in starts:
        if isinstance(start, Method):
            point, moved = _optimum_influences(_for(start, tasks), start)
            slope = landscape.form.gradient(point)
            through = [np.sum(one * slope, axis=-1) for one in moved]
        else:
            point, through = start, [0.0] * len(tasks)
        added = [form(point) + by - f for form, by, f in zip(forms, through, floor, strict=True)]
        out.append(_estimate(landscape.suboptimality(point), added))
        points.append(point)
        hows.append(optimum_of(tasks, start)[1] if isinstance(start, Method) else EXACT)
    hows = [a | b for a, b in zip(landscape.how(points), hows, strict=True)]
    return [Estimate(e.value, e.replicates, e.how | how) for e, how in zip(out, hows, strict=True)]

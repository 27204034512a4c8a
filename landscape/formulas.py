r"""Where each method ends up, and how well it adapts from there: exact, at population level.

With the quadratics (A_i, b_i, .) of a method, its optimum solves E[A_i] w = E[A_i w_i + b_i]; with
those (M_i, b_i, c_i) of an adaptation, the risk F_m is itself a quadratic of w and splits into what
no initial point can avoid (noise), what the tasks' disagreement costs even the best one (dispersion)
and what the given point adds (suboptimality).
"""

import numpy as np

from landscape import checks


def mean_system(tasks, quadratics, shares):
    """E[A] and E[A mu + b], the normal equations of a mean of quadratics, each looked at once."""
    A = v = 0
    for p, task, q in zip(shares, tasks, quadratics, strict=True):
        pull = task.inputs.apply(q.A, task.centre)
        A = A + p * q.A
        v = v + p * (pull if q.b is None else pull + q.b)
    return A, v


def apart(point, other):
    """point - other, exactly 0 where nothing but rounding is left of it."""
    difference = point - other
    if difference.dtype == object:
        return difference
    return np.where(np.abs(difference) <= 4e-15 * np.maximum(np.abs(point), np.abs(other)), 0.0, difference)


def population_optimum(tasks, method):
    """The method's optimum as a vector of the tasks' kind; an error where E[W] is singular."""
    return weight_and_optimum(tasks, method)[1]


def weight_and_optimum(tasks, method):
    """The method's mean weight E[W] and its optimum, as a matrix and a vector of the tasks' kind."""
    roundings = []

    def one_by_one():  # of a thousand large tasks one weight is kept at a time
        for task in tasks:
            weight = method.quadratic(task.inputs)
            roundings.append(rounding(task.inputs, weight))
            yield weight

    A, v = mean_system(tasks, one_by_one(), method.shares(tasks))
    check_stationary(tasks, method, roundings, A)
    return A, tasks[0].inputs.solve(A, v)


def rounding(inputs, quadratic):
    """What of E[W] may be rounding, as a task's share of it: tiny beside its weight and, after inner steps, beside Sigma."""
    A = quadratic.A
    if A.dtype == object:
        return 0
    own = 1e-14 * inputs.size(A)
    return own if quadratic.c is None else own + inputs.rounding * inputs.size(inputs.value)


def check_stationary(tasks, method, roundings, A):
    """E[W] must not be singular; where it is indefinite the point is stationary but unstable."""
    inputs = tasks[0].inputs
    if A.dtype == object:
        return
    tolerance = sum(p * own for p, own in zip(method.shares(tasks), roundings, strict=True))
    if inputs.exceeds(A, tolerance):
        return
    values = inputs.eigenvalues(A)
    gone = np.abs(values) <= tolerance
    if gone.any():
        problem = "vanishes" if gone.all(axis=0).any() else "is singular"
        raise ValueError(
            f"the mean weight E[W] of {method!r} {problem}, so its optimum is not unique. Where alpha is 1 over "
            "the curvature of all tasks, change alpha or use finite n2; else drop directions without any inputs, and "
            "centre and scale columns of data whose sizes are far apart"
        )
    if np.any(values < 0):
        checks.warn(
            f"the mean weight E[W] of {method!r} has negative eigenvalues: the stationary point is unstable and "
            "training does not reach it; use a smaller alpha"
        )


def risk_parts(tasks, quadratics):
    """Noise and dispersion floors of F_m, its minimiser and its Hessian E[M]."""
    shares = [task.probability for task in tasks]
    A, v = mean_system(tasks, quadratics, shares)
    best = tasks[0].inputs.solve(A, v)
    noise = dispersion = 0
    for p, task, q in zip(shares, tasks, quadratics, strict=True):
        inputs, own, c = task.inputs, task.centre, q.c
        if q.b is not None:  # a task's own best initial point is not w_i where third(A) != 0
            shift = inputs.solve(q.A, q.b)
            own, c = own + shift, c - q.b @ shift
        cost = inputs.form(q.A, apart(best, own))
        if task.spread is not None:
            cost = cost + inputs.inner(q.A, task.spread)
        noise, dispersion = noise + p * c, dispersion + p * cost
    return noise / 2, dispersion / 2, best, A


def risks_from(tasks, adaptation, *starts):
    """Noise, dispersion and the suboptimality of each start (method or given point), on one block."""
    if any(len(start) > 1 for start in starts if isinstance(start, np.ndarray)):
        tasks = [task.expanded() for task in tasks]
    quadratics = [adaptation.quadratic(task.inputs) for task in tasks]
    noise, dispersion, best, M = risk_parts(tasks, quadratics)
    parts = [noise, dispersion]
    for start in starts:
        if isinstance(start, np.ndarray):
            point = start
        elif start.minimises(adaptation):  # then its optimum is the best point, if there is a single one
            check_stationary(tasks, start, map(rounding, (task.inputs for task in tasks), quadratics), M)
            point = best
        else:
            point = population_optimum(tasks, start)
        parts.append(tasks[0].inputs.form(M, apart(point, best)) / 2)
    return parts


def step_coefficients(tasks, adaptation, start):
    """-F'(0) and F''(0) of the risk after one step as a quadratic of its alpha, on one block."""
    if isinstance(start, np.ndarray) and len(start) > 1:
        tasks = [task.expanded() for task in tasks]
    point = start if isinstance(start, np.ndarray) else population_optimum(tasks, start)
    slope = bend = 0
    for task in tasks:
        inputs, p, away = task.inputs, task.probability, apart(point, task.centre)
        square, cube = inputs.function(lambda lam: lam**2), inputs.function(lambda lam: lam**3)
        curve = cube + inputs.scatter(inputs.value) / adaptation.m
        third = inputs.third(inputs.value)
        linear = 0 if third is None else 2 * (third @ away)
        bend = bend + p * (inputs.form(curve, away) + (inputs.noise(inputs.value) - linear) / adaptation.m)
        slope = slope + p * inputs.form(square, away)
        if task.spread is not None:
            slope, bend = (
                slope + p * inputs.inner(square, task.spread),
                bend + p * inputs.inner(curve, task.spread),
            )
    return [slope, bend]

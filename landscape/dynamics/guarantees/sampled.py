"""What Fallah et al. say of stochastic gradients (Lemma 4.10, Theorem 4.11), beside exact values on quadratic tasks."""

import math

import numpy as np

from landscape import checks
from landscape.adaptation import Adaptation
from landscape.dynamics.bowls import adapted, single_tasks
from landscape.dynamics.guarantees.base import Guarantee, curvatures, in_range

AT_POINT = "the given point (sigma~ grows with ||w||)"


def gradient_bias(environment, alpha, D_in, point):
    r"""Lemma 4.10, (20): bias of the stochastic gradient at the adapted point.

    Parameters
    ----------
    environment : Environment
    alpha : float
    D_in : int
        Samples of the inner step.
    point : float or array (d,)

    Returns
    -------
    Guarantee
        bound: :math:`\alpha L\tilde\sigma/\sqrt{D_{in}}`. exact: 0, for the gradient of a quadratic is linear and its batch is
        independent of the inner one; so ``loose_by`` is infinite wherever the bound is not 0, and says no more than that. The
        bias of order 1/D_in of a Hessian on the inner batch is `gradient_gap`'s.

    Raises
    ------
    ValueError
        If alpha is outside [0, 1/L], or the environment has grids or symbols.
    """
    name = "Lemma 4.10 of Fallah et al."
    L, mu = curvatures(environment)
    alpha = in_range(name, alpha, 1 / L, "1/L")
    D_in = checks.number("D_in", D_in, at_least=1, whole=True)
    noise, _ = _one_sample_of(environment, point)[:2]
    return Guarantee(
        name, "bias of the gradient at the adapted point", alpha * L * noise / math.sqrt(D_in), 0.0, 0.0,
        {"L": L, "mu": mu, "sigma_tilde": noise}, AT_POINT, "printed",
    )  # fmt: skip


def gradient_square(environment, alpha, D_in, D_o, point):
    r"""Lemma 4.10, (21): mean square of the stochastic gradient at the adapted point, for the task that comes nearest to its bound.

    Parameters
    ----------
    environment : Environment
    alpha : float
    D_in, D_o : int
        Samples of the inner step and of the outer gradient.
    point : float or array (d,)

    Returns
    -------
    Guarantee
        bound: :math:`(1+\tfrac1\phi)G^2 + (1+\phi)\alpha^2L^2\tilde\sigma^2/D_{in} + \tilde\sigma^2/D_o`, G the gradient norm after a full step, with the
        best :math:`\phi`. exact: the same of second moments, where Sigma stands for L; sharper: without the cross term that
        :math:`\phi` pays for, for on quadratics it has mean zero.

    Raises
    ------
    ValueError
        If alpha is outside [0, 1/L], or the environment has grids or symbols.
    """
    name = "Lemma 4.10 of Fallah et al."
    L, mu = curvatures(environment)
    alpha = in_range(name, alpha, 1 / L, "1/L")
    D_in, D_o = (checks.number(n, v, at_least=1, whole=True) for n, v in (("D_in", D_in), ("D_o", D_o)))
    w = checks.start("point", point, environment.d)
    found = []
    for task in single_tasks(environment):
        inputs, here = task.inputs, (w - task.centre, task.spread)
        identity, squared = _identity(inputs), inputs.function(lambda lam: lam**2)
        left = here[0] - alpha * inputs.apply(inputs.value, here[0])  # after a full step
        there = left, None if task.spread is None else inputs.contract(task.spread, alpha)
        full = _mean_form(inputs, squared, *there)
        inner = alpha**2 / D_in * _noise_square(inputs, squared, *here)
        outer = _noise_square(inputs, identity, *there)
        outer = outer + alpha**2 / D_in * _noise_square(inputs, inputs.scatter(identity), *here)
        sigma = math.sqrt(max(outer, _noise_square(inputs, identity, *here), 0.0))
        step = alpha * L * sigma / math.sqrt(D_in)
        bound, sharper = (math.sqrt(full) + step) ** 2 + sigma**2 / D_o, full + step**2 + sigma**2 / D_o
        exact = full + inner + outer / D_o
        found.append((exact / bound if bound else 1.0, bound, float(exact), sharper, sigma))
    _, bound, exact, sharper, sigma = max(found)
    return Guarantee(
        name, "mean square of the gradient at the adapted point", bound, exact, sharper, {"L": L, "mu": mu, "sigma_tilde": sigma},
        "the given point and the adapted ones (sigma~ grows with ||w||)", "printed, with the best phi",
    )  # fmt: skip


def gradient_gap(environment, alpha, m, point):
    r"""Theorem 4.11: gap between the gradients of F and of F_m at a point.

    Parameters
    ----------
    environment : Environment
    alpha : float
    m : int
        D_test, the samples of the step at meta-test.
    point : float or array (d,)

    Returns
    -------
    Guarantee
        bound: :math:`2\alpha L\tilde\sigma/\sqrt m + \alpha^2 L\sigma_H\tilde\sigma/m`, with the standard deviations of one sample's
        gradient and Hessian (Frobenius) at the point; sharper: its second term alone, for on quadratics the first has mean zero.

    Raises
    ------
    ValueError
        If alpha is outside [0, 1/L], or the environment has grids or symbols.
    """
    name = "Theorem 4.11 of Fallah et al."
    L, mu = curvatures(environment)
    alpha = in_range(name, alpha, 1 / L, "1/L")
    m = checks.number("m", m, at_least=1, whole=True)
    noise, bend, tasks, w = _one_sample_of(environment, point)
    few, full = (adapted(tasks, Adaptation(alpha, size)) for size in (m, math.inf))
    exact = float(np.linalg.norm(few.gradient(w) - full.gradient(w)))
    second = alpha**2 * L * bend * noise / m
    return Guarantee(
        name, "gap of the gradients of F and F_m", 2 * alpha * L * noise / math.sqrt(m) + second, exact, second,
        {"L": L, "mu": mu, "sigma_tilde": noise, "sigma_H": bend}, AT_POINT, "printed",
    )  # fmt: skip


def _one_sample_of(environment, point):
    """The largest of the tasks' standard deviations of one sample, and the tasks and the point as arrays."""
    tasks = single_tasks(environment)
    w = checks.start("point", point, environment.d)
    noise, bend = map(max, zip(*(_one_sample(task, w) for task in tasks), strict=True))
    return noise, bend, tasks, w


def _one_sample(task, w):
    """Standard deviations of one sample's gradient at w (over random optima too) and Hessian."""
    identity = _identity(task.inputs)
    square = _noise_square(task.inputs, identity, w - task.centre, task.spread)
    return math.sqrt(max(square, 0.0)), math.sqrt(max(task.inputs.trace(task.inputs.scatter(identity)), 0.0))


def _identity(inputs):
    return np.ones(inputs.d) if inputs.value.ndim == 1 else np.eye(inputs.d)


def _mean_form(inputs, A, away, spread):
    """E[x'Ax] for x of mean `away` and covariance `spread`."""
    mean = inputs.form(A, away)
    return mean if spread is None else mean + inputs.inner(A, spread)


def _noise_square(inputs, A, away, spread):
    """E[e'Ae] of what sampling adds to one sample's gradient at such an x from the optimum."""
    square = _mean_form(inputs, inputs.scatter(A), away, spread) + inputs.noise(A)
    third = inputs.third(A)
    return square if third is None else square - 2 * third @ away

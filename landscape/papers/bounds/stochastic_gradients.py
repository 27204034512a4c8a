"""What Fallah et al. say of stochastic gradients (Lemma 4.10, Theorem 4.11), beside exact values."""

import math
from typing import Any

import numpy as np

from landscape.adaptations import GradientSteps
from landscape.closed_form.dynamics.forms import loss_after, numeric_tasks
from landscape.core import Array, checks, count
from landscape.linalg import Operator
from landscape.papers.bounds.guarantee import Guarantee, fallah_range
from landscape.tasks import Environment, Task

AT_POINT = "the given point (sigma~ grows with ||w||)"


def gradient_bias(environment: Environment, alpha: float, D_in: int, point: Any) -> Guarantee:
    r"""Bound the bias of the stochastic gradient at the adapted point, Lemma 4.10, (20).

    Parameters
    ----------
    environment, alpha
        As for `smoothness`.
    D_in : int
        Samples of the inner step.
    point : float or array, shape (d,)

    Returns
    -------
    Guarantee
        bound: :math:`\alpha L\tilde\sigma/\sqrt{D_{in}}`. exact: 0, for the gradient of a quadratic is linear
        and its batch is independent of the inner one; so ``loose_by`` is infinite wherever the bound is not
        0, and says no more than that (claim F-4.10 of the ledger). The bias of order 1/D_in of a Hessian on the inner batch is
        `gradient_gap`'s.
    """
    name = "Lemma 4.10 of Fallah et al."
    alpha, L, mu = fallah_range(name, environment, alpha)
    D_in = count.check("D_in", D_in)
    tasks, w = numeric_tasks(environment), checks.start("point", point, environment.d)
    noise = max(_gradient_deviation(task, w) for task in tasks)
    return Guarantee(
        name, "bias of the gradient at the adapted point", alpha * L * noise / math.sqrt(D_in), 0.0, 0.0,
        {"L": L, "mu": mu, "sigma_tilde": noise}, AT_POINT, "printed",
    )  # fmt: skip


def gradient_square(environment: Environment, alpha: float, D_in: int, D_o: int, point: Any) -> Guarantee:
    r"""Bound the mean square of the stochastic gradient at the adapted point, Lemma 4.10, (21).

    For the task that comes nearest to its bound.

    Parameters
    ----------
    environment, alpha, D_in, point
        As for `gradient_bias`.
    D_o : int
        Samples of the outer gradient.

    Returns
    -------
    Guarantee
        bound: :math:`(1+\tfrac1\phi)G^2 + (1+\phi)\alpha^2L^2\tilde\sigma^2/D_{in} + \tilde\sigma^2/D_o`, G
        the gradient norm after a full step, with the best :math:`\phi`. exact: the same of second moments,
        where Sigma stands for L (claim F-4.10 of the ledger); sharper: without the cross term that :math:`\phi` pays for, for on
        quadratics it has mean zero.
    """
    name = "Lemma 4.10 of Fallah et al."
    alpha, L, mu = fallah_range(name, environment, alpha)
    D_in, D_o = count.check("D_in", D_in), count.check("D_o", D_o)
    w = checks.start("point", point, environment.d)
    found = []
    for task in numeric_tasks(environment):
        S, here = task.inputs.Sigma, (w - task.centre, task.spread)
        identity, P = S.identity(), S.identity() - alpha * S
        there = P @ here[0], None if task.spread is None else P @ task.spread @ P  # after a full step
        full = _mean_quad(S.square(), *there)
        inner = alpha**2 / D_in * _sampling_square(task, S.square(), *here)
        outer = _sampling_square(task, identity, *there)
        outer += alpha**2 / D_in * _sampling_square(task, task.inputs.scatter(identity, S), *here)
        sigma = math.sqrt(max(outer, _sampling_square(task, identity, *here), 0.0))
        step = alpha * L * sigma / math.sqrt(D_in)
        bound, sharper = (math.sqrt(full) + step) ** 2 + sigma**2 / D_o, full + step**2 + sigma**2 / D_o
        exact = full + inner + outer / D_o
        found.append((exact / bound if bound else 1.0, bound, exact, sharper, sigma))
    _, bound, exact, sharper, sigma = max(found)
    return Guarantee(
        name, "mean square of the gradient at the adapted point", bound, exact, sharper,
        {"L": L, "mu": mu, "sigma_tilde": sigma}, "the given point and the adapted ones (sigma~ grows with ||w||)",
        "printed, with the best phi",
    )  # fmt: skip


def gradient_gap(environment: Environment, alpha: float, m: int, point: Any) -> Guarantee:
    r"""Bound the gap between the gradients of F and of F_m at a point, Theorem 4.11.

    Parameters
    ----------
    environment, alpha, point
        As for `gradient_bias`.
    m : int
        D_test, the samples of the step at meta-test.

    Returns
    -------
    Guarantee
        bound: :math:`2\alpha L\tilde\sigma/\sqrt m + \alpha^2 L\sigma_H\tilde\sigma/m`, with the standard
        deviations of one sample's gradient and Hessian (Frobenius) at the point; sharper: its second term
        alone, for on quadratics the first has mean zero (claim F-4.11 of the ledger).
    """
    name = "Theorem 4.11 of Fallah et al."
    alpha, L, mu = fallah_range(name, environment, alpha)
    m = count.check("m", m)
    tasks, w = numeric_tasks(environment), checks.start("point", point, environment.d)
    noise = max(_gradient_deviation(task, w) for task in tasks)
    hessian_noise = max(_hessian_deviation(task) for task in tasks)
    few, full = (loss_after(tasks, GradientSteps(alpha, size)) for size in (m, math.inf))
    exact = float(np.linalg.norm(few.gradient(w) - full.gradient(w)))
    second = alpha**2 * L * hessian_noise * noise / m
    return Guarantee(
        name, "gap of the gradients of F and F_m", 2 * alpha * L * noise / math.sqrt(m) + second, exact, second,
        {"L": L, "mu": mu, "sigma_tilde": noise, "sigma_H": hessian_noise}, AT_POINT, "printed",
    )  # fmt: skip


def _gradient_deviation(task: Task, w: Array) -> float:
    """Compute the standard deviation of one sample's gradient at w, over random optima too."""
    square = _sampling_square(task, task.inputs.Sigma.identity(), w - task.centre, task.spread)
    return math.sqrt(max(square, 0.0))


def _hessian_deviation(task: Task) -> float:
    """Compute the standard deviation of one sample's Hessian xx', in Frobenius norm."""
    S = task.inputs.Sigma
    return math.sqrt(max(float(task.inputs.scatter(S.identity(), S).trace()), 0.0))


def _mean_quad(A: Operator, delta: Array, spread: Operator | None) -> float:
    """Compute E[x'Ax] for x of mean `delta` (d,) and covariance `spread`."""
    return float(A.quad(delta) + (0.0 if spread is None else A.inner(spread)))


def _sampling_square(task: Task, A: Operator, delta: Array, spread: Operator | None) -> float:
    """Compute E[s'As] of what sampling adds to one sample's gradient, s, at such an x from the optimum."""
    SA, third = task.inputs.times(A), task.inputs.third(A)
    cross = 0.0 if third is None else 2 * float(third @ delta)
    return _mean_quad(task.inputs.scatter(A, SA), delta, spread) + float(task.inputs.noise(A, SA)) - cross

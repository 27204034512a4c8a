r"""Guarantees of Fallah et al., beside exact values on quadratic tasks.

There rho = 0, so the smoothness bound of Lemma 4.8 is 4 L and the random step size of (17) is 1/(4 L c) at every point.
The iteration counts are printed as O(.), and the proofs are in an appendix that is not part of the text at hand: the
constants below are derived here, for full batches, from the descent lemma. With drawn tasks and samples the theorems assume a bounded
spread of gradients, which linear tasks do not have everywhere; `landscape.algorithms.promise` is their version for losses that do.
"""

import math
import warnings

import numpy as np

from landscape import checks
from landscape.adaptation import Adaptation
from landscape.dynamics.bowls import adapted, own, single_tasks
from landscape.dynamics.exact import descent
from landscape.dynamics.guarantees.base import Guarantee, Spread, curvatures, in_range
from landscape.methods import FOMAML, HFMAML, MAML
from landscape.methods.base import STEP_DIVISORS

AT_POINT = "the given point (sigma~ grows with ||w||)"
NO_REGION = "every w: no bound on the spread of gradients is needed for full batches"


def smoothness(environment, alpha):
    """Lemma 4.8: the gradient of F is Lipschitz with 4 L + 2 rho alpha E||grad f_i||, here 4 L.

    Parameters
    ----------
    environment : Environment
    alpha : float

    Returns
    -------
    Guarantee
        exact: the largest eigenvalue of the Hessian of F; sharper: L, for (1 - alpha lam)^2 <= 1.

    Raises
    ------
    ValueError
        If alpha is outside [0, 1/L], or the environment has grids or symbols.
    """
    name = "Lemma 4.8 of Fallah et al."
    L, mu = curvatures(environment)
    alpha = in_range(name, alpha, 1 / L, "1/L")
    top = float(adapted(single_tasks(environment), Adaptation(alpha)).eigen()[0].max())
    return Guarantee(name, "smoothness of F", 4 * L, top, L, {"L": L, "mu": mu}, NO_REGION, "printed; rho = 0")


def iterations(environment, method, start, level):
    r"""Theorems 4.12 and 4.17 with full batches: iterations until :math:`\|\nabla F\| \le \varepsilon`.

    Parameters
    ----------
    environment : Environment
    method : MAML or HFMAML
        With one full inner step. The step size is the theorems': 1/(4 L c), c = 12 for MAML and 25 for HF-MAML.
    start : float or array (d,)
    level : float
        :math:`\varepsilon`.

    Returns
    -------
    Guarantee
        bound: :math:`4Lc\,\Delta/((1-\tfrac1{2c})\varepsilon^2)` with :math:`\Delta = F(w_0) - \min F`; sharper: the linear rate of
        strongly convex quadratics, :math:`\log(\|\nabla F(w_0)\|/\varepsilon)\,/\,{-\log(1-\beta\lambda_{\min})}`.

    Raises
    ------
    ValueError
        If alpha is outside [0, 1/(6L)], the method takes several inner steps or draws them, or the level is not > 0.

    Notes
    -----
    With a step :math:`\beta = 1/(c\,4L)` the descent lemma gives :math:`F(w_{k+1}) \le F(w_k) -
    \beta(1-\tfrac1{2c})\|\nabla F(w_k)\|^2`; add up. With drawn tasks or samples the theorems need assumptions 4.5 and 4.6,
    which fail on linear tasks: then they are not applicable. `landscape.algorithms.promise` has them for given sigmas.
    """
    checks.instance("method", method, (MAML, HFMAML))
    if getattr(method, "steps", 1) != 1 or (isinstance(method, MAML) and not math.isinf(method.n2)):
        raise ValueError(f"the theorem is for one full inner step, got {method!r}")
    number = "4.12" if isinstance(method, MAML) else "4.17"
    name = f"Theorem {number} of Fallah et al., full batches"
    L, mu = curvatures(environment)
    in_range(name, method.alpha, 1 / (6 * L), "1/(6L)")
    level = checks.number("level", level, above=0)
    c = STEP_DIVISORS[method.label]
    rate = 1 / (4 * L * c)
    path = descent(environment, method, start, rate)
    height = float(path.F.value(path.start) - path.F.floor)
    bound = math.ceil(4 * L * c * height / ((1 - 1 / (2 * c)) * level**2))
    least = float(path.F.eigen()[0].min())
    norm = float(path.F.gradient_norm(path.start))
    sharper = (
        math.inf
        if least <= 0
        else math.ceil(max(math.log(norm / level), 0.0) / -math.log1p(-rate * least))
        if norm
        else 0
    )
    return Guarantee(
        name, "iterations", bound, path.time_to(level), sharper, {"L": L, "mu": mu, "rate": rate, "Delta": height}, NO_REGION,
        "printed as O(1) L Delta/eps^2; this one is derived from the descent lemma for full batches",
    )  # fmt: skip


def floor(environment, alpha):
    r"""Theorem 4.15: FO-MAML stalls at O(alpha L sigma).

    Parameters
    ----------
    environment : Environment
    alpha : float

    Returns
    -------
    Guarantee
        exact: :math:`\|\nabla F\|` at FO-MAML's stationary point. bound: :math:`\alpha L\sigma/\sqrt{1-\alpha^2L^2}`, sigma at that point.

    Raises
    ------
    ValueError
        If alpha is outside [0, 1/(10L)], or the environment has grids or symbols.

    Notes
    -----
    There :math:`\nabla F = -\alpha E[\Sigma_i(I-\alpha\Sigma_i)\nabla f_i]`, at most :math:`\alpha L (E\|\nabla f_i\|^2)^{1/2}`, and
    :math:`\|\nabla f\| = \alpha\|E\Sigma_i\nabla f_i\|` gives :math:`E\|\nabla f_i\|^2 \le \sigma^2/(1-\alpha^2L^2)`.
    """
    name = "Theorem 4.15 of Fallah et al."
    L, mu = curvatures(environment)
    alpha = in_range(name, alpha, 1 / (10 * L), "1/(10L)")
    tasks = single_tasks(environment)
    point = own(tasks, FOMAML(alpha)).centre
    sigma = Spread(environment).at(point)
    exact = float(adapted(tasks, Adaptation(alpha)).gradient_norm(point))
    return Guarantee(
        name, "gradient norm of F where FO-MAML stops", alpha * L * sigma / math.sqrt(1 - (alpha * L) ** 2), exact, None,
        {"L": L, "mu": mu, "sigma": sigma}, "FO-MAML's stationary point", "printed as O(alpha L sigma); this one is derived here",
    )  # fmt: skip


def difference_error(loss, w, v, delta):
    r"""(9): error of HF-MAML's central difference for a Hessian-vector product.

    Parameters
    ----------
    loss : Loss
        Any with a Lipschitz Hessian.
    w, v : array (d,)
    delta : float

    Returns
    -------
    Guarantee
        bound: :math:`\rho\delta\|v\|^2`; sharper: half of it, which :math:`\rho|w|^3/6` attains at 0. Where the Hessian is smooth the
        error is of second order in delta; on quadratics it is rounding.

    Raises
    ------
    ValueError
        If the loss has no Lipschitz Hessian, a point does not fit or delta is not > 0.

    Warns
    -----
    LandscapeWarning
        If delta is so small that rounding exceeds the bound: then exact says nothing about (9).
    """
    if not hasattr(loss, "hessian_lipschitz"):
        raise TypeError(f"loss must be a Loss, got {loss!r}")
    w, v = (checks.start(name, value, loss.d) for name, value in (("w", w), ("v", v)))
    delta = checks.number("delta", delta, above=0)
    rho = loss.hessian_lipschitz
    if math.isinf(rho):
        raise ValueError(f"(9) needs a Lipschitz Hessian, which {type(loss).__name__} does not have")
    exact = np.linalg.norm(
        (loss.gradient(w + delta * v) - loss.gradient(w - delta * v)) / (2 * delta) - loss.hessian_times(w, v)
    )
    bound = float(rho * delta * (v @ v))
    rounding = loss.difference_rounding(w, delta)
    if rounding > bound > 0:
        warnings.warn(
            f"delta = {delta:g} is so small that rounding, about {rounding:.2g}, exceeds the bound {bound:.2g}: exact then shows "
            "rounding and does not contradict (9); take a larger delta, say 1e-4",
            checks.LandscapeWarning,
            stacklevel=2,
        )
    return Guarantee(
        "(9) of Fallah et al.", "error of a Hessian-vector product", bound, float(exact), bound / 2, {"rho": rho, "delta": delta},
        "every w", "printed",
    )  # fmt: skip


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

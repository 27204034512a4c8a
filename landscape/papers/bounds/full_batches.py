r"""Guarantees of Fallah et al. for full batches, beside exact values on quadratic tasks.

There rho = 0, so the smoothness bound of Lemma 4.8 is 4 L and the random step size of (17) is 1/(4 L c) at
every point. The iteration counts are printed as O(.), and the proofs are in an appendix that is not part of
the text at hand: the constants below are derived here, for full batches, from the descent lemma. With drawn
tasks and samples the theorems assume a bounded spread of gradients, which linear tasks do not have
everywhere; `promise` is their version for losses that do.
"""

import math
from typing import Any

import numpy as np

from landscape.adaptations import GradientSteps, is_full
from landscape.closed_form.dynamics.flows import descent
from landscape.closed_form.dynamics.forms import eigen, gradient_norm, loss_after, numeric_tasks
from landscape.closed_form.population import optimum
from landscape.core import checks, positive, warn
from landscape.methods import FOMAML, HFMAML, MAML
from landscape.papers.bounds.guarantee import Guarantee, fallah_range
from landscape.papers.bounds.spread import Spread
from landscape.simulator.training import Loss
from landscape.tasks import Environment

NO_REGION = "every w: no bound on the spread of gradients is needed for full batches"


def smoothness(environment: Environment, alpha: float) -> Guarantee:
    """Bound the smoothness of F, Lemma 4.8: 4 L + 2 rho alpha E||grad f_i||, here 4 L.

    Parameters
    ----------
    environment : Environment
    alpha : float
        From 0 to 1/L.

    Returns
    -------
    Guarantee
        exact: the largest eigenvalue of the Hessian of F; sharper: L, for (1 - alpha lam)^2 <= 1. Claim F-4.8
        of the ledger has the sharp form of the lemma.

    Raises
    ------
    ValueError
        If alpha is outside [0, 1/L], or the environment has symbols.
    """
    name = "Lemma 4.8 of Fallah et al."
    alpha, L, mu = fallah_range(name, environment, alpha)
    top = float(loss_after(numeric_tasks(environment), GradientSteps(alpha)).A.largest())
    return Guarantee(
        name, "smoothness of F", 4 * L, top, L, {"L": L, "mu": mu}, NO_REGION, "printed; rho = 0"
    )


def iterations(environment: Environment, method: MAML | HFMAML, start: Any, level: float) -> Guarantee:
    r"""Bound the iterations to :math:`\|\nabla F\| \le \varepsilon` with full batches, Theorems 4.12 and 4.17.

    Parameters
    ----------
    environment : Environment
    method : MAML or HFMAML
        With one full inner step. The step size is the theorems': 1/(4 L c), c = 12 for MAML and 25 for
        HF-MAML.
    start : float or array, shape (d,)
        w_0.
    level : float
        :math:`\varepsilon`.

    Returns
    -------
    Guarantee
        bound: :math:`4Lc\,\Delta/((1-\tfrac1{2c})\varepsilon^2)` with :math:`\Delta = F(w_0) - \min F`;
        sharper: the linear rate of strongly convex quadratics, :math:`\log(\|\nabla
        F(w_0)\|/\varepsilon)\,/\,{-\log(1-\beta\lambda_{\min})}`.

    Raises
    ------
    ValueError
        If alpha is outside [0, 1/(6L)], the method takes several inner steps or draws them, or the level is
        not > 0.

    Notes
    -----
    With a step :math:`\beta = 1/(c\,4L)` the descent lemma gives :math:`F(w_{k+1}) \le F(w_k) -
    \beta(1-\tfrac1{2c})\|\nabla F(w_k)\|^2`; add up. With drawn tasks or samples the theorems need
    assumptions 4.5 and 4.6, which fail on linear tasks: then they are not applicable. `promise` has them for
    given sigmas. Claim F-4.12 of the ledger has the true order, log(1/eps).
    """
    checks.instance("method", method, (MAML, HFMAML))
    inner = method.adaptation
    if not isinstance(inner, GradientSteps) or inner.steps != 1 or not is_full(inner.m):
        raise ValueError(f"the theorem is for one full inner step, got {method!r}")
    number = "4.12" if isinstance(method, MAML) else "4.17"
    name = f"Theorem {number} of Fallah et al., full batches"
    _, L, mu = fallah_range(name, environment, inner.alpha, 6)
    level = positive.check("level", level)
    c = method.step_divisor
    rate = 1 / (4 * L * c)
    path = descent(environment, method, start, rate)
    height = float(path.F.above_minimum(path.start))
    bound = math.ceil(4 * L * c * height / ((1 - 1 / (2 * c)) * level**2))
    least, norm = float(eigen(path.F.A)[0].min()), float(path.gradient_norm(path.start))
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


def floor(environment: Environment, alpha: float) -> Guarantee:
    r"""Bound the gradient norm at which FO-MAML stalls, Theorem 4.15: O(alpha L sigma).

    Parameters
    ----------
    environment : Environment
    alpha : float
        As for `smoothness`, and at most 1/(10 L).

    Returns
    -------
    Guarantee
        exact: :math:`\|\nabla F\|` at FO-MAML's stationary point. bound: :math:`\alpha
        L\sigma/\sqrt{1-\alpha^2L^2}`, sigma at that point.

    Notes
    -----
    There :math:`\nabla F = -\alpha E[\Sigma_i(I-\alpha\Sigma_i)\nabla f_i]`, at most :math:`\alpha L
    (E\|\nabla f_i\|^2)^{1/2}`, and
    :math:`\|\nabla f\| = \alpha\|E\Sigma_i\nabla f_i\|` gives :math:`E\|\nabla f_i\|^2 \le
    \sigma^2/(1-\alpha^2L^2)`. The sharp constant is in claim F-fo of the ledger.
    """
    name = "Theorem 4.15 of Fallah et al."
    alpha, L, mu = fallah_range(name, environment, alpha, 10)
    tasks = numeric_tasks(environment)
    point = optimum(tasks, FOMAML(GradientSteps(alpha)))
    sigma = Spread(environment).at(point)
    exact = float(gradient_norm(loss_after(tasks, GradientSteps(alpha)), point))
    return Guarantee(
        name, "gradient norm of F where FO-MAML stops", alpha * L * sigma / math.sqrt(1 - (alpha * L) ** 2), exact, None,
        {"L": L, "mu": mu, "sigma": sigma}, "FO-MAML's stationary point", "printed as O(alpha L sigma); this one is derived here",
    )  # fmt: skip


def difference_error(loss: Loss, w: Any, v: Any, delta: float) -> Guarantee:
    r"""Bound the error of HF-MAML's central difference for a Hessian-vector product, (9).

    Parameters
    ----------
    loss : Loss
        Any with a Lipschitz Hessian.
    w, v : array, shape (d,)
    delta : float

    Returns
    -------
    Guarantee
        bound: :math:`\rho\delta\|v\|^2`; sharper: half of it, which :math:`\rho|w|^3/6` attains at 0 (claim
        F-hvp of the ledger). Where
        the Hessian is smooth the error is of second order in delta; on quadratics it is rounding.

    Raises
    ------
    ValueError
        If the loss has no Lipschitz Hessian, a point does not fit or delta is not > 0.

    Warns
    -----
    LandscapeWarning
        If delta is so small that rounding exceeds the bound: then exact says nothing about (9).
    """
    checks.instance("loss", loss, Loss)
    w, v = (checks.start(name, value, loss.d) for name, value in (("w", w), ("v", v)))
    delta = positive.check("delta", delta)
    rho = loss.hessian_lipschitz
    if math.isinf(rho):
        raise ValueError(f"(9) needs a Lipschitz Hessian, which {type(loss).__name__} does not have")
    exact = np.linalg.norm(
        (loss.gradient(w + delta * v) - loss.gradient(w - delta * v)) / (2 * delta) - loss.hessian_times(w, v)
    )
    bound = float(rho * delta * (v @ v))
    rounding = loss.difference_rounding(w, delta)
    if rounding > bound > 0:
        warn(
            "delta is so small that rounding exceeds the bound: exact then shows rounding and does not contradict (9); take "
            "a larger delta, say 1e-4"
        )
    return Guarantee(
        "(9) of Fallah et al.", "error of a Hessian-vector product", bound, float(exact), bound / 2, {"rho": rho, "delta": delta},
        "every w", "printed",
    )  # fmt: skip

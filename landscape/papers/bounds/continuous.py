r"""Guarantees of Xu et al. for the MAML ODE and the BI-MAML ODE, beside exact times.

On quadratics kappa = 0, which drops the conditions on alpha that contain it.
"""

import math
from typing import Any

import numpy as np

from landscape.adaptations import GradientSteps
from landscape.closed_form.dynamics.flows import NO_STEPS, flow
from landscape.closed_form.dynamics.forms import eigen, loss_after, numeric_tasks
from landscape.core import positive
from landscape.methods import BIMAML, MAML
from landscape.papers.bounds.guarantee import Guarantee, curvatures, in_range
from landscape.papers.bounds.ranges import gradient_level, largest_alpha
from landscape.papers.bounds.spread import Spread
from landscape.tasks import Environment

SQUARED_RATE = "mu/8 <= Hess F bounds the squared norm's rate by mu/4, where the proof takes mu/8"


def ode_time(environment: Environment, alpha: float, start: Any, level: float) -> Guarantee:
    r"""Bound the time of the MAML ODE, Theorem 3.6, until :math:`\|\nabla F\| \le \varepsilon`.

    Parameters
    ----------
    environment : Environment
    alpha : float
    start : float or array, shape (d,)
    level : float
        :math:`\varepsilon`.

    Returns
    -------
    Guarantee
        The printed bound is O(.); its constants stand in the proof: :math:`\tfrac2\mu\log\tfrac{\mu^2\|\nabla
        f(w(0))\|^2 - \mu\sigma^2/2}{\iota\sigma^2} + \tfrac{16}\mu\log\tfrac{K}{\varepsilon}` with :math:`K =
        (9/\sqrt\mu+5)\sigma/4`, :math:`\iota = \zeta - \mu/2` and :math:`\zeta = \mu - \tfrac54
        L^2\alpha(L^3\alpha^2+2L^2\alpha+2)`. ``sharper`` uses the rates that Lemma 3.7 and Theorem 3.8 prove
        (2 zeta and mu/4 for squared norms; the proof takes half of each). The range of alpha is
        `largest_alpha`'s, three conditions of which differ from the printed ones. Claims C-3.6 and C-3.7 of
        the ledger derive this.

    Raises
    ------
    ValueError
        If alpha is outside the theorem's range or the losses are not strongly convex.
    """
    level = positive.check("level", level)
    name, alpha, L, mu = _admitted("3.6", environment, alpha)
    path = flow(environment, MAML(GradientSteps(alpha)), start)
    centre = path.F.minimiser
    radius = float(np.linalg.norm(path.start - centre))
    sigma = Spread(environment).on_ball(centre, radius)
    zeta = mu - 1.25 * L**2 * alpha * (L**3 * alpha**2 + 2 * L**2 * alpha + 2)
    iota = zeta - mu / 2
    y = float(path.gradient_norm(path.start, of="f")) ** 2
    K = gradient_level("3.6", L, mu, sigma)
    exact = path.time_to(level)
    if sigma == 0:
        bound = sharper = math.inf  # the first phase aims at ||grad f||^2 <= 0
    else:
        first = sooner = 0.0
        if y > sigma**2 / mu:
            first = 2 / mu * math.log((mu**2 * y - mu * sigma**2 / 2) / (iota * sigma**2))
            ends = sigma**2 / (2 * zeta)
            sooner = math.log((y - ends) / (sigma**2 / mu - ends)) / (2 * zeta)
        second = max(math.log(K / level), 0.0) / mu
        bound, sharper = first + 16 * second, sooner + 8 * second
    return Guarantee(
        name, "time of the MAML ODE", bound, exact, sharper,
        {"L": L, "mu": mu, "sigma": sigma, "zeta": zeta, "iota": iota, "K": K},
        f"the ball of radius {radius:.4g} around MAML's optimum, which the flow does not leave",
        "printed as O(.), traced through the proof in section 3.2; " + SQUARED_RATE,
    )  # fmt: skip


def bi_ode_time(
    environment: Environment, alpha: float, threshold: float, start: Any, level: float
) -> Guarantee:
    r"""Bound the time of the BI-MAML ODE, Theorem 4.1, until :math:`\|\nabla F\| \le \varepsilon`, latched.

    The text of the paper switches once, as here. The pseudo-code of Algorithm 1 repeats the test at every
    moment: with it the path may slide for ever, see `flow` and claim C-4.1 of the ledger.

    Parameters
    ----------
    environment, alpha, start, level
        As for `ode_time`.
    threshold : float
        :math:`\varepsilon_0`.

    Returns
    -------
    Guarantee
        The theorem prints O(.) with (eps_0 + 5 sigma)/4 in the logarithm, where a constant does not matter;
        the proof's argument gives K = (9 eps_0 + 5 sigma)/4, as the theorem's own condition on alpha has it.
        bound: :math:`\tfrac1\mu\log\tfrac{\|\nabla
        f(w(0))\|}{\varepsilon_0} + \tfrac8\mu\log\tfrac{K}{\varepsilon}`.
    """
    level = positive.check("level", level)
    name, alpha, L, mu = _admitted("4.1", environment, alpha)
    method = BIMAML(GradientSteps(alpha), threshold)
    path = flow(environment, method, start)
    centre = path.f.minimiser
    radius = float(np.linalg.norm(path.start - centre))
    sigma = Spread(environment).on_ball(centre, radius)
    threshold = method.threshold
    K = gradient_level("4.1", L, mu, sigma, threshold)
    norm = float(path.gradient_norm(path.start, of="f"))
    first = max(math.log(norm / threshold), 0.0) / mu if path.switch > 0 else 0.0
    bound = first + 8 / mu * max(math.log(K / level), 0.0)
    return Guarantee(
        f"{name}, latched", "time of the BI-MAML ODE", bound, path.time_to(level), None, {"L": L, "mu": mu, "sigma": sigma, "K": K},
        f"the ball of radius {radius:.4g} around the pooled optimum, which the first phase does not leave",
        "printed as O(.) without a constant; this one is derived from Lemma 3.7's and Theorem 3.8's rates",
    )  # fmt: skip


def hessian_bounds(environment: Environment, alpha: float) -> tuple[Guarantee, Guarantee]:
    """Bound the curvature of F, Theorem 3.8: mu/8 <= Hess F <= 9 L/8, as two guarantees, lower and upper.

    On quadratics the Hessian of F is the same everywhere, and mu/4 <= Hess F <= L already by alpha <= 1/(2L):
    claim C-3.8 of the ledger.

    Parameters
    ----------
    environment, alpha
        As for `ode_time`, alpha at most 1/(2 L).
    """
    name, alpha, L, mu = _admitted("3.8", environment, alpha)
    values, _ = eigen(loss_after(numeric_tasks(environment), GradientSteps(alpha)).A)
    constants, where = {"L": L, "mu": mu}, "every w: the Hessian is constant and kappa = 0"
    return (
        Guarantee(
            name, "least curvature of F", mu / 8, float(values.min()), mu / 4, constants, where, "printed"
        ),
        Guarantee(
            name, "largest curvature of F", 9 * L / 8, float(values.max()), L, constants, where, "printed"
        ),
    )


def critical_point(environment: Environment, alpha: float) -> Guarantee:
    """Bound f at MAML's optimum, Theorem 3.9: f <= min f + (K - sigma)^2/(2L).

    There K = (9/7 sqrt(L/mu) + 1) sigma. This level is what the proof needs: claim C-3.9 of the ledger.

    Parameters
    ----------
    environment, alpha
        As for `ode_time`, alpha at most 1/(4 L).

    Returns
    -------
    Guarantee
        Of f at MAML's optimum above its least value. Its assumption is used at that point only, so sigma is
        taken there.
    """
    name, alpha, L, mu = _admitted("3.9", environment, alpha)
    tasks = numeric_tasks(environment)
    f, F = loss_after(tasks, NO_STEPS), loss_after(tasks, GradientSteps(alpha))
    optimum = F.minimiser
    sigma = Spread(environment).at(optimum)
    K = gradient_level("3.9", L, mu, sigma)
    size = (K - sigma) ** 2 / (2 * L)
    return Guarantee(
        name, "f at MAML's optimum above min f", size, float(f.above_minimum(optimum)), None,
        {"L": L, "mu": mu, "sigma": sigma, "K": K}, "MAML's optimum",
        "printed, and what the proof needs",
    )  # fmt: skip


def _admitted(theorem: str, environment: Environment, alpha: float) -> tuple[str, float, float, float]:
    """Check that alpha lies in a theorem's range; return the theorem's name, alpha, L and mu."""
    name = f"Theorem {theorem} of Xu et al."
    L, mu = curvatures(environment)
    limit, condition = largest_alpha(theorem, L, mu)
    return name, in_range(name, alpha, limit, condition, strict=theorem in ("3.6", "4.1")), L, mu

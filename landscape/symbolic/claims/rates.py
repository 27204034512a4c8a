"""[F] Theorems 4.12, 4.17; [C] Theorems 3.6 to 3.9: guaranteed rates against the exact ones on quadratics."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, Weight, claim
from landscape.symbolic.claims.hessian_free import S_h, outer, product, rho, sampled_difference
from landscape.symbolic.notation import Expr, positive, quantity
from landscape.symbolic.positivity import sign

alpha, mu, L, h, Delta = positive("alpha mu L h Delta")
epsilon = quantity("eps", r"\varepsilon", positive=True)
curve = h * (1 - alpha * h) ** 2  # the curvature of F for a task of curvature h
SMALL = (sp.Le(mu, h), sp.Le(h, L), sp.Le(alpha, 1 / (2 * L)))
CORNER = {alpha: 1 / (2 * L), L: mu, h: mu}  # where the guarantees are worst


def least(expression: Expr, step: Expr = CORNER[alpha]) -> Expr:
    """Its value at the corner, proved to be the least for mu <= h <= L and alpha up to 1/(2L), or another step."""
    value = expression.subs(alpha, step).subs({L: mu, h: mu})
    if sign(expression - value, (*SMALL[:2], sp.Le(alpha, step))) != 1:
        raise ArithmeticError(f"{expression} is not shown to be at least {value}")
    return value


start, now, then = (quantity(f"|F'({name})|", rf"\|\nabla F({name})\|", positive=True) for name in ("w_0", "w_k", "w_{k+1}"))  # fmt: skip
count = quantity("T(epsilon)", r"T(\varepsilon)", positive=True)
quadratic_count = quantity(
    "lim T epsilon^2/(Delta L)",
    r"\lim_{\varepsilon \to 0} T(\varepsilon)\,\frac{\varepsilon^2}{\Delta L}",
    extended_real=True,
)
eta = quantity("eta", r"\eta_h", positive=True)
norm = quantity("|g_o|", r"\|\tilde\nabla f_i(w_{k+1}^i, \mathcal{D}_o^i)\|", positive=True)


@claim(
    "F-4.12",
    "[F] Theorems 4.12, 4.17",
    "iterations of MAML to an approximately stationary point, on quadratics",
    Statement(
        "order",
        r"With exact gradients, step size $\tilde\beta/12$ and a quadratic task of curvature $h$ the number of iterations to $\|\nabla F\| \le \varepsilon$ is $O(1)\,\Delta L/\varepsilon^2$, that is {}",
        sp.Lt(quadratic_count, sp.oo),
        quote=Quote("Theorem 4.12, (24)", "with a total number of iterations of", "O(1)! min", texts=2),
    ),
    Statement("step", r"From one iterate to the next the gradient shrinks by a constant factor, {}", sp.Eq(then, (1 - h * (1 - alpha * h) ** 2 / (48 * L)) * now)),
    Statement(
        "difference",
        r"Theorem 4.17's $\delta_k^i$ divides by $\rho$, which is 0 here; any $\delta > 0$ is exact: {}",
        sp.Eq(product, S_h * outer),
    ),
)  # fmt: skip
def iterations() -> Derivation:
    """Gradient descent on a quadratic, with the step size that the theorem prescribes."""
    w, end = sp.symbols("w w_F")
    step = 1 / (12 * 4 * L)  # the random step size is a number where rho = 0
    moved = w - step * curve * (w - end)
    needed = sp.log(start / epsilon) / sp.log(1 / (1 - eta))
    contraction = sp.factor(sp.simplify((moved - end) / (w - end)))
    return Derivation(
        steps=[
            Step(r"On quadratics $\rho = 0$ and $\tilde\beta = 1/(4L)$ is no longer random. $F$ has the curvature {}", curve),
            Step(r"and each step multiplies $w - w_F$, and so $\nabla F$, by {}", contraction),
            Step(r"With $\eta_h = h(1 - \alpha h)^2/(48L)$ it takes $T(\varepsilon)$ of them, {}", sp.Eq(count, needed)),
            Step(r"The rule for HF-MAML's $\delta$ is {}, without a value at $\rho = 0$; F-hf has the difference.", 1 / (6 * rho * alpha * norm)),
            Step(r"Linear regression with different Hessians does not meet Assumption 4.5 everywhere, see F-assume; on a ball the theorem applies with that ball's $\sigma$."),
        ],
        quantities={
            then: contraction * now, product: sampled_difference(),
            quadratic_count: sp.limit(needed * epsilon**2 / (Delta * L), epsilon, 0, "+"),
        },
        corrections={
            "order": Statement("order", r"On quadratics the number is only of the order $\log(1/\varepsilon)$: {}", sp.Eq(quadratic_count, 0)),
        },
    )  # fmt: skip


square, decay = (
    quantity("|F'|^2", r"\|\nabla F(w)\|^2", positive=True),
    quantity("d/dt |F'|^2", r"\frac{d}{dt}\|\nabla F(w)\|^2"),
)
rate = quantity(
    "least rate", r"\inf_{L \ge h \ge \mu} \left( -\frac{d}{dt}\log\|\nabla F(w)\|^2 \right)", positive=True
)
time = quantity("T(K, epsilon)", r"T(\varepsilon)", positive=True)
log = quantity("log K/epsilon", r"\log\frac{K}{\varepsilon}", positive=True)
zeta, drop = quantity("zeta", r"\zeta"), quantity("d/dt |F'|^2 there", r"\frac{d}{dt}\|\nabla F(w)\|^2")
at_bounds = quantity("zeta at the bounds", r"\zeta\big|_{\text{at the bounds}}")
y_0, iota, K, s = positive("y_0 iota K s")
sigma = quantity("sigma", r"\sigma", positive=True)
first_ratio = quantity(
    "ratio of the first phase", r"\frac{\mu^2 y(0) - \mu\sigma^2/2}{\iota\sigma^2}", positive=True
)
second = quantity("F''", r"\mathrm{Hess}\,F(w)")
smallest, largest = (
    quantity(name, rf"\{written}_{{L \ge h \ge \mu}} \lambda(\mathrm{{Hess}}\,F(w))")
    for name, written in (("least F''", "inf"), ("largest F''", "sup"))
)


@claim(
    "C-3.6",
    "[C] Theorem 3.6",
    "time of the MAML ODE",
    Statement(
        "conditions",
        r"The conditions on $\alpha$ ensure $\zeta \ge \frac\mu2 + \iota$ for $\zeta = \mu - \frac54 L^2\alpha(L^3\alpha^2 + 2L^2\alpha + 2)$. With $\kappa\sigma = 0$ they read, without their roots, {}",
        sp.Implies(
            sp.And(
                sp.Lt(2 * alpha * L, 1), sp.Lt(sp.Rational(15, 2) ** 3 * L**5 * alpha**9, mu), sp.Lt(15**2 * L**4 * alpha**4, mu), sp.Lt(15 * L**2 * alpha**2, mu),
            ),
            sp.Gt(zeta, mu / 2),
        ),
        quote=Quote(
            "Theorem 3.6", scan=r"\sqrt[3]{\frac{2}{15}\mu^{1/3}L^{-5/3}}, \sqrt{\frac{1}{15}\mu^{1/2}L^{-2}}, \sqrt{\frac{1}{15}\mu L^{-2}} ... \frac{\mu}{2} < \frac{\mu}{2} + \iota \leq \zeta \leq \mu",
            character=True,
        ),
    ),
    Statement(
        "first",
        r"In the first phase the time $\frac1\zeta\log$ of the first ratio is at most $\frac2\mu\log$ of the second; with $\zeta = \frac\mu2 + \iota$ in their denominators these are the same: {}",
        sp.Eq((mu * y_0 - sigma**2 / 2) / ((mu / 2 + iota) * sigma**2 / mu - sigma**2 / 2), first_ratio),
        quote=Quote("section 3.2, proof of Theorem 3.6", scan=r"\frac{2}{\mu} \log \left( \frac{\mu^2 \|\nabla f(w(0))\|^2 - \frac{\mu \sigma^2}{2}}{\iota \sigma^2} \right)"),
    ),
    Statement(
        "switch",
        r"(3.4): with $s = \sigma/\sqrt\mu$ and $\alpha \le 1/(2L)$ {}",
        sp.Le((1 + 2 * alpha * L + alpha**2 * L**2) * s + (2 * alpha * L + alpha**2 * L**2) * sigma, (9 * s + 5 * sigma) / 4),
        given=(sp.Le(alpha, 1 / (2 * L)),),
        quote=Quote("section 3.2, (3.4)", scan=r"\leq \frac{1}{4} \left( \frac{9}{\sqrt{\mu}} + 5 \right) \sigma"),
    ),
    Statement(
        "display",
        r"The display after (3.4) has (in one dimension, with $\dot w = -\nabla F$) {}",
        sp.Eq(decay, -second * square),
        quote=Quote("section 3.2, display after (3.4)", "More specifically, we have", r"\frac{d}{dt} \|\nabla F(w)\|^2 &= \nabla F(w)^\top \nabla^2 F(w) \dot{w}", character=True),
    ),
    Statement(
        "stays",
        r"$\|\nabla F\| > K/2$ and $\|\nabla^2 F\| > \mu/16$ give a decrease of at least {}",
        sp.Le(drop, -mu * K**2 / 256),
        quote=Quote("section 3.2, below (3.4)", scan=r"$\frac{d}{dt} \|\nabla F(w)\|^2 < -\mu K^2/256$"),
    ),
    Statement(
        "rate",
        r"$\|\nabla F\|^2$ decays in the second phase at least as $e^{-\mu t/8}$; on quadratics with $\alpha \le 1/(2L)$ {}",
        sp.Ge(rate, mu / 8),
        quote=Quote("section 3.2, below (3.4)", scan=r"\tilde{y}(\tau + t_1) := e^{-\mu\tau/8} \|\nabla F(w(t_1))\|^2"),
    ),
    Statement(
        "time",
        r"From $\|\nabla F\| = K$ it takes to $\|\nabla F\| \le \varepsilon$ at most, on quadratics, the time {}",
        sp.Le(time, 16 / mu * log),
        given=SMALL,
        quote=Quote("Theorem 3.6", scan=r"\mathcal{O} \left[\frac{16}{\mu} \log \left( \frac{(5 + \frac{9}{\sqrt{\mu}})\sigma}{4\varepsilon} \right) \right]"),
    ),
)  # fmt: skip
def time_of_the_ode() -> Derivation:
    """The gradient of a quadratic decays exponentially, at its curvature."""
    t, w, end = sp.symbols("t w w_F")
    slope = second * (w - end)
    derivative = sp.factor(sp.diff(slope**2, w) * -slope / slope**2) * square
    path = sp.exp(-curve * t)  # of the gradient, from 1
    if sp.simplify(sp.diff(path, t) + curve * path) != 0:
        raise ArithmeticError("the path does not solve the ODE")
    return Derivation(
        steps=[
            Step(r"By the chain rule {}", sp.Eq(decay, derivative)),
            Step(r"On quadratics $\nabla F(w(t))$ decays, in an eigendirection of the mean of $(I - \alpha\Sigma_i)\Sigma_i(I - \alpha\Sigma_i)$, as {}", path),
            Step(r"For one curvature its square has the rate {}", 2 * curve),
            Step(r"and $\|\nabla F\|$ falls from $K$ to $\varepsilon$ in the time {}", log / curve),
        ],
        quantities={
            decay: derivative, rate: least(2 * curve), time: log / curve, zeta: mu - sp.Rational(5, 4) * L**2 * alpha * (L**3 * alpha**2 + 2 * L**2 * alpha + 2),
            first_ratio: (mu**2 * y_0 - mu * sigma**2 / 2) / (iota * sigma**2), drop: -2 * (mu / 16) * (K / 2) ** 2,
            at_bounds: mu - sp.Rational(5, 4) * 3 * (2 * mu / 15),
        },
        corrections={
            "conditions": Statement(
                "conditions", r"It is enough that $\alpha$ is less than $(\frac{2}{15}\mu)^{1/3}L^{-5/3}$, $(\frac{\mu}{15})^{1/2}L^{-2}$ and $\frac{\mu}{15}L^{-2}$: each of the terms $L^5\alpha^3$, $2L^4\alpha^2$, $2L^2\alpha$ of $\zeta$, which falls with $\alpha$, is then below $\frac{2}{15}\mu$; with all three there {}",
                sp.Eq(at_bounds, mu / 2),
            ),
            "display": sp.Eq(decay, -2 * second * square), "rate": sp.Eq(rate, mu / 2), "time": sp.Le(time, 4 / mu * log), "stays": sp.Eq(drop, -mu * K**2 / 32),
        },
        tight={
            "time": {alpha: 1 / (2 * L), L: h, h: mu}, "switch": {alpha: 1 / (2 * L)},
        },
        witness={"conditions": {L: 1, mu: sp.Rational(1, 100), alpha: sp.Rational(1, 40)}},
        weights={"conditions": Weight.CONSTANT, "display": Weight.CONSTANT},
        reason=r"As we read them the roots of the last three conditions on $\alpha$ extend over all that follows, and with $L = 1$, $\mu = 0.01$, $\kappa\sigma = 0$, $\alpha = 0.025$ they hold and $\zeta = -0.054$. If they cover only the numbers, only the last is too many: $\zeta$ is positive, but may be 0.0035 there, less than $\mu/2$. "
        r"The display after (3.4) loses the factor 2 of the chain rule, and Theorem 3.8 another: the second phase is at least four times as fast.",
    )  # fmt: skip


@claim(
    "C-3.8",
    "[C] Theorem 3.8",
    "the Hessian of the MAML loss, on quadratics",
    Statement(
        "lower", r"For $\alpha \le 1/(2L)$, on quadratics ($\kappa = 0$, so wherever $w$ is), the eigenvalues of $\mathrm{Hess}\,F$ satisfy {}", sp.Ge(smallest, mu / 8),
        quote=Quote("Theorem 3.8", scan=r"\frac{\mu}{8}I_d \preceq \text{Hess}(F(w)) \preceq \frac{9L}{8}I_d"),
    ),
    Statement("upper", r"and {}", sp.Le(largest, 9 * L / 8), given=SMALL, quote=Quote("Theorem 3.8", scan=r"\text{Hess}(F(w)) \preceq \frac{9L}{8}I_d")),
)  # fmt: skip
def hessian_of_maml() -> Derivation:
    """Eigenvalues of a task's part of the Hessian, and their extremes."""
    return Derivation(
        steps=[
            Step(r"$\mathrm{Hess}\,F$ is the mean of $(I - \alpha\Sigma_i)\Sigma_i(I - \alpha\Sigma_i)$, with the eigenvalues {}", curve),
            Step(r"The mean lies between the least and the largest of these. Both are attained, at $h = \mu = L = 1/(2\alpha)$ and as $\alpha \to 0$ with $h = L$."),
            Step(r"For given $L$ the least is at an end of $[\mu, L]$ and at $\alpha = 1/(2L)$, the smaller of {}", sp.Tuple(*(curve.subs({h: value, alpha: 1 / (2 * L)}) for value in (mu, L)))),
            Step(r"What the theorem allows beyond this, $\mu/8$ on either side at most, is for Hessians that vary ($\kappa > 0$)."),
        ],
        quantities={smallest: least(curve), largest: curve},
        corrections={"lower": sp.Eq(smallest, mu / 4), "upper": sp.Le(largest, L)},
        tight={"upper": {alpha: 0, h: L}},
    )  # fmt: skip

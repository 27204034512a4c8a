"""[F] Theorems 4.12, 4.17; [C] Theorems 3.6 to 3.9: guaranteed rates against the exact ones on quadratics."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Statement, Step, claim
from landscape.symbolic.claims.assumptions import distance, h_1, h_2, p, spread, task_spread
from landscape.symbolic.claims.hessian_free import S_h, outer, product, rho, sampled_difference
from landscape.symbolic.notation import Expr, positive, quantity
from landscape.symbolic.positivity import sign

alpha, mu, L, h, Delta = positive("alpha mu L h Delta")
epsilon = quantity("eps", r"\varepsilon", positive=True)
curve = h * (1 - alpha * h) ** 2  # the curvature of F for a task of curvature h
SMALL = (sp.Le(mu, h), sp.Le(h, L), sp.Le(alpha, 1 / (2 * L)))
CORNER = {alpha: 1 / (2 * L), L: mu, h: mu}  # where the guarantees are worst


def least(expression: Expr) -> Expr:
    """Its value at the corner, proved to be the least for mu <= h <= L, alpha <= 1/(2L)."""
    value = expression.subs(alpha, CORNER[alpha]).subs(CORNER)
    if sign(expression - value, SMALL) != 1:
        raise ArithmeticError(f"{expression} is not shown to be at least {value}")
    return value


NOT_GLOBAL = Statement(
    "assumption",
    r"Assumption: gradients of bounded variance for every $w$. For two quadratics whose slopes agree at $c$ {}",
    sp.Lt(sp.Limit(spread, distance, sp.oo), sp.oo),
    (sp.Lt(p, 1), sp.Lt(h_1, h_2)),
    assumption=True,
)
ON_BALL = Statement(
    "assumption",
    r"On the ball $|w - c| \le r$ it holds with $\sigma^2$ the value at $|w - c| = r$ of {}",
    sp.Eq(spread, p * (1 - p) * (h_1 - h_2) ** 2 * distance**2),
    (sp.Lt(p, 1),),
)
EXCLUDED = r"Bounded variance over all $w$ excludes linear regression with differing Hessians (see L-assume)"

start, now, then = (quantity(f"|F'({name})|", rf"\|\nabla F({name})\|", positive=True) for name in ("w_0", "w_k", "w_{k+1}"))  # fmt: skip
count = quantity("T(epsilon)", r"T(\varepsilon)", positive=True)
quadratic_count = quantity(
    "lim T epsilon^2/(Delta L)",
    r"\lim_{\varepsilon \to 0} T(\varepsilon)\,\frac{\varepsilon^2}{\Delta L}",
    extended_real=True,
)
eta = quantity("eta", r"\eta_h", positive=True)
rule = quantity("delta_k", r"\delta_k^i", positive=True)
norm = quantity("|g_o|", r"\|\tilde\nabla f_i(w_{k+1}^i, \mathcal{D}_o^i)\|", positive=True)


@claim(
    "F-4.12",
    "[F] Theorems 4.12, 4.17",
    "iterations of MAML to an approximately stationary point",
    NOT_GLOBAL,
    Statement(
        "order",
        r"With exact gradients, step size $\tilde\beta/12$ and a quadratic task of curvature $h$ the number of iterations to $\|\nabla F\| \le \varepsilon$ is $O(1)\,\Delta L/\varepsilon^2$, that is {}",
        sp.Lt(quadratic_count, sp.oo),
    ),
    Statement(
        "step",
        r"In detail: from one iterate to the next {}",
        sp.Le(then, now),
        given=(sp.Le(alpha, 1 / L), sp.Le(h, L)),
    ),
    Statement(
        "rule",
        r"Theorem 4.17 takes $\delta_k^i = 1/(6\rho\alpha \|\tilde\nabla f_i(w_{k+1}^i, \mathcal{D}_o^i)\|)$ in HF-MAML, which on quadratics, where "
        r"$\rho \to 0$, should be finite: {}",
        sp.Lt(sp.Limit(rule, rho, 0), sp.oo),
        assumption=True,
    ),
)
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
            Step(r"The rule for HF-MAML's $\delta$ is {}", sp.Eq(rule, 1 / (6 * rho * alpha * norm))),
        ],
        quantities={
            spread: task_spread(), then: contraction * now, rule: 1 / (6 * rho * alpha * norm), product: sampled_difference(),
            quadratic_count: sp.limit(needed * epsilon**2 / (Delta * L), epsilon, 0, "+"),
        },
        corrections={
            "order": Statement("order", r"The true number is only of the order $\log(1/\varepsilon)$: {}", sp.Eq(quadratic_count, 0)),
            "step": sp.Eq(then, (1 - h * (1 - alpha * h) ** 2 / (48 * L)) * now),
        },
        instead={
            "assumption": ON_BALL,
            "rule": Statement("rule", r"On quadratics any $\delta > 0$ is exact (see F-hf): {}", sp.Eq(product, S_h * outer)),
        },
        reason=EXCLUDED + r". On a ball, with that ball's $\sigma$, the theorem applies but is loose: on quadratics $\nabla F$ shrinks by a constant factor in each step. "
        r"The rule for $\delta_k^i$ divides by $\rho$, which is 0 there.",
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
second = quantity("F''", r"\mathrm{Hess}\,F(w)")
smallest, largest = (
    quantity(name, rf"\{written}_{{L \ge h \ge \mu}} \lambda(\mathrm{{Hess}}\,F(w))")
    for name, written in (("least F''", "inf"), ("largest F''", "sup"))
)


@claim(
    "C-3.6",
    "[C] Theorem 3.6",
    "time of the MAML ODE",
    NOT_GLOBAL,
    Statement(
        "display",
        r"The display after (3.4) has (in one dimension, with $\dot w = -\nabla F$) {}",
        sp.Eq(decay, -second * square),
    ),
    Statement("rate", r"$\|\nabla F\|^2$ decays in the second phase at least as $e^{-\mu t/8}$; on quadratics with $\alpha \le 1/(2L)$ {}", sp.Ge(rate, mu / 8)),
    Statement(
        "time",
        r"From $\|\nabla F\| = K$ it takes to $\|\nabla F\| \le \varepsilon$ at most the time {}",
        sp.Le(time, 16 / mu * log),
        given=SMALL,
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
        quantities={spread: task_spread(), decay: derivative, rate: least(2 * curve), time: log / curve},
        corrections={"display": sp.Eq(decay, -2 * second * square), "rate": sp.Eq(rate, mu / 2), "time": sp.Le(time, 4 / mu * log)},
        instead={"assumption": ON_BALL},
        tight={"time": {alpha: 1 / (2 * L), L: h, h: mu}},
        reason=EXCLUDED + r". On a ball the time is loose by 4 or more in its second phase: a factor 2 is lost in the display after (3.4), another in Theorem 3.8. That of the first phase names no constant: "
        r"$\iota \to 0$ makes it infinite.",
    )  # fmt: skip


@claim(
    "C-3.8",
    "[C] Theorem 3.8",
    "the Hessian of the MAML loss",
    Statement("lower", r"For $\alpha \le 1/(2L)$, on quadratics ($\kappa = 0$, so wherever $w$ is), the eigenvalues of $\mathrm{Hess}\,F$ satisfy {}", sp.Ge(smallest, mu / 8)),
    Statement("upper", r"and {}", sp.Le(largest, 9 * L / 8), given=SMALL),
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

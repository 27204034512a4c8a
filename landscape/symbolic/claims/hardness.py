"""[L] section 3.1: how hard the hard tasks may be, and how many samples that takes."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Statement, Step, claim
from landscape.symbolic.evaluate import limit
from landscape.symbolic.notation import Expr, positive, quantity
from landscape.symbolic.risk import isotropic_weight

alpha, rho, rho_H, rho_E, m, x, c, u, y, lam, T = positive("alpha rho rho_H rho_E m x c u y lambda T")
d = sp.Symbol("d", positive=True, integer=True)
a_H, a_E = quantity("a_H", positive=True), quantity("a_E", positive=True)
least = quantity("least m", r"m_{\min}", positive=True)
surplus = quantity(
    "E_m(w_NAL)/E_m(w_MAML) - 1",
    r"\left(\frac{\mathcal{E}_m(w_{NAL}^*)}{\mathcal{E}_m(w_{MAML}^*)} - 1\right)",
)
peak = quantity("x of the largest gain, m = oo", r"x_{\max}", positive=True)


def scaled_weights(ratio: Expr) -> list[Expr]:
    """a_H and a_E in units of rho_E at alpha = 1/rho_E, where c = (d + 1)/m and x = rho_H/rho_E."""
    weight = isotropic_weight(rho, alpha, m, d).subs(alpha, 1 / rho_E)
    hard, easy = weight.subs(rho, x * rho_E) / rho_E, weight.subs(rho, rho_E) / rho_E
    return [sp.factor(sp.cancel(value.subs(m, (d + 1) / c)).subs(c, ratio)) for value in (hard, easy)]


@claim(
    "L-threshold",
    "[L] sections 1 and 3.1",
    "when MAML sits nearer the hard task",
    Statement(
        "window",
        r"With $x = \rho_H/\rho_E$ and $\alpha = 1/\rho_E$ the solution of MAML is closer to the hard task's (printed with $\gg$) where {}",
        sp.Equivalent(sp.Gt(a_H, a_E), sp.Gt(x * (1 - x) ** 2, d / m)),
        given=(sp.Lt(x, 1),),
    ),
    Statement(
        "least",
        r"For this there must be more samples than dimensions (printed with $\gg$): {}",
        sp.Gt(least, d),
    ),
)
def hardness_window() -> Derivation:
    """Factor the difference of the weights; minimise the m at which it vanishes."""
    hard, easy = scaled_weights((d + 1) / m)
    difference = sp.factor(hard - easy)
    (boundary,) = sp.solve(sp.numer(sp.together(difference)) / (1 - x), m)
    stationary = [root for root in sp.solve(sp.numer(sp.together(sp.diff(boundary, x))), x) if 0 < root < 1]
    (best,) = stationary
    fewest = sp.factor(sp.radsimp(sp.simplify(boundary.subs(x, best))))
    return Derivation(
        steps=[
            Step(r"In units of $\rho_E$ the weights differ by {}", sp.Eq(a_H - a_E, difference)),
            Step(
                r"Beside $1 - x > 0$ the sign is that of a quadratic in $x$, which changes at {}",
                sp.Eq(m, sp.factor(boundary)),
            ),
            Step(r"This is least at {}", sp.Eq(x, best)),
            Step(r"where it is {}", sp.Eq(least, fewest)),
        ],
        quantities={a_H: hard, a_E: easy, least: fewest},
        corrections={
            "window": Statement(
                "window",
                r"Without any $\gg$ the solution of MAML is closer to the hard task's exactly where {}",
                sp.Equivalent(
                    sp.Gt(a_H, a_E), sp.Lt((1 + (d + 1) / m) * x**2 + (d + 1) / m, (1 - (d + 1) / m) * x)
                ),
                given=(sp.Lt(x, 1),),
            ),
            "least": Statement(
                "least",
                r"There is such an $x$ if and only if $m$ exceeds {}",
                sp.Eq(least, (3 + 2 * sp.sqrt(3)) * (d + 1)),
            ),
        },
        witness={"window": {x: sp.Rational(1, 5), d: 10, m: 80}},
        reason=r"The weights differ by $1 - x$ times a quadratic in $x$, so the condition is exact without any $\gg$: a window of $x$, open only for "
        r"$m > (3 + 2\sqrt3)(d + 1) \approx 6.46\,(d + 1)$. The printed condition is neither necessary nor sufficient.",
    )


@claim(
    "L-gain-max",
    "[L] section 3.1, Figure 2",
    "where in the hardness of the hard task MAML gains",
    Statement(
        "everywhere",
        r"With $x = \rho_H/\rho_E$ and $c = (d + 1)/m$, for two tasks MAML's risk is smaller than NAL's for all $x$ between 0 and 1: {}",
        sp.Gt(surplus, 0),
        given=(sp.Lt(x, 1), sp.Lt(c, 1)),
    ),
    Statement(
        "peak", r"The gain is largest somewhere below equal hardness; for large $m$ at {}", sp.Lt(peak, 1)
    ),
)
def peak_of_gain() -> Derivation:
    """Differentiate the exact gain for two tasks."""
    hard, easy = scaled_weights(c)
    pooled = (easy * x**2 + hard) / (1 + x) ** 2
    adapted = easy * hard / (easy + hard)
    gain = sp.factor(pooled / adapted - 1)
    slope = sp.factor(sp.diff(sp.log(gain), x).simplify())
    factors = [f for f, _ in sp.factor_list(sp.numer(sp.together(slope)))[1]]
    polynomial = max(factors, key=lambda f: sp.degree(f, x))
    at_infinity = sp.factor(polynomial.subs(c, 0))
    (largest,) = [root for root in sp.real_roots(sp.Poly(at_infinity, x)) if 0 < root < 1]
    return Derivation(
        steps=[
            Step(r"The ratio of the risks (9) less 1 is {}", gain),
            Step(
                r"It vanishes at $x = 1$ and also at $x = (1 - c)/(1 + c)$, where both methods weigh the tasks alike."
            ),
            Step(
                r"Elsewhere in between it is stationary where a polynomial of degree 5 in $x$ vanishes: {}",
                sp.Eq(sp.collect(polynomial, x), 0),
            ),
            Step(r"For $m \to \infty$, $c \to 0$, this is {}", sp.Eq(at_infinity, 0)),
        ],
        quantities={surplus: gain, peak: sp.radsimp(sp.nsimplify(largest))},
        corrections={
            "peak": Statement(
                "peak", r"For $m \to \infty$ the gain is largest at {}", sp.Eq(peak, sp.sqrt(5) - 2)
            )
        },
        instead={
            "everywhere": Statement(
                "everywhere",
                r"It is never larger, and exactly {}",
                sp.Eq(
                    surplus,
                    x
                    * (1 - x) ** 2
                    * (1 - x - c * (1 + x)) ** 2
                    / (c * (1 + x) ** 2 * ((1 - x) ** 2 + c * x**2)),
                ),
                given=(sp.Lt(x, 1), sp.Lt(c, 1)),
            )
        },
        witness={"everywhere": {x: sp.Rational(1, 2), c: sp.Rational(1, 3)}},
        reason=r"MAML and NAL coincide not only at $\rho_H = \rho_E$ but also at $\rho_H/\rho_E = (m - d - 1)/(m + d + 1)$: there is no gain just below equal hardness.",
    )


top_H, top_E = (
    quantity("a_H, steepest direction", r"a_H^{(1)}", positive=True),
    quantity("a_E, steepest direction", r"a_E^{(1)}", positive=True),
)
low_H, low_E = (
    quantity("a_H, other direction", r"a_H^{(j)}", positive=True),
    quantity("a_E, other direction", r"a_E^{(j)}", positive=True),
)
trace, square = positive("tau theta")  # tr(Sigma)/lambda_1 and tr(Sigma^2)/lambda_1^2


def direction_weight(value: Expr, square_trace: Expr) -> Expr:
    """The weight of a direction of curvature `value` at alpha = 1 (units of 1/lambda_1), from the weight matrix of one step."""
    return sp.expand(value * (1 - value) ** 2 + (square_trace * value + value**3) / m)


@claim(
    "L-remark1",
    "[L] Remark 1",
    "fewer samples in a small effective dimension",
    Statement(
        "dimension",
        r"With hard tasks $x\Sigma$, easy tasks $\Sigma$ and $\alpha = 1/\lambda_1$ the condition on $m$ holds with the effective dimension "
        r"$\tau = \mathrm{tr}(\Sigma)/\lambda_1$ for $d$: in the steepest direction {}",
        sp.Equivalent(
            sp.Gt(top_H, top_E),
            sp.Lt((1 + (trace + 1) / m) * x**2 + (trace + 1) / m, (1 - (trace + 1) / m) * x),
        ),
        given=(sp.Lt(x, 1),),
    ),
    Statement(
        "directions",
        r"With sufficiently many samples MAML is nearer the hard tasks, also in a direction of smaller variance $\lambda_j = u\lambda_1$; "
        r"with $y^2 = \rho_H/\rho_E$ {}",
        sp.Gt(sp.Limit(low_H, m, sp.oo), sp.Limit(low_E, m, sp.oo)),
        given=(sp.Lt(y, 1), sp.Lt(u, 1)),
    ),
)
def effective_dimension() -> Derivation:
    """Weights of single directions, from the weight matrix with any spectrum."""
    quantities = {
        top_H: direction_weight(x, x**2 * square),
        top_E: direction_weight(sp.Integer(1), square),
        low_H: direction_weight(y**2 * u, y**4 * square),
        low_E: direction_weight(u, square),
    }
    gap = sp.factor(quantities[top_H] - quantities[top_E])
    rest = sp.factor(limit(quantities[low_H] - quantities[low_E], m, sp.oo))
    return Derivation(
        steps=[
            Step(
                r"In units of $\lambda_1$, with $\theta = \mathrm{tr}(\Sigma^2)/\lambda_1^2$, the steepest direction's weights differ by {}",
                gap,
            ),
            Step(
                r"So $\theta$ takes the place of $d$. For $\lambda_j = \lambda_1 j^{-s}$ it stays below $\zeta(2s)$ as $d$ grows if $s > 1/2$: "
                r"at $s = 1$ a bounded $m > (3 + 2\sqrt3)(\pi^2/6 + 1) \approx 17.1$ suffices, while $\tau$ grows like $\log d$."
            ),
            Step(
                r"In a direction of variance $u\lambda_1$ the weights differ, for $m \to \infty$ by {}", rest
            ),
            Step(
                r"This is positive only for $u > 1/(1 + y + y^2)$: where $u$ is smaller, the easy tasks keep the larger weight however many samples."
            ),
        ],
        quantities=quantities,
        corrections={
            "dimension": Statement(
                "dimension",
                r"What takes the place of $d$ is $\theta = \mathrm{tr}(\Sigma^2)/\lambda_1^2$: {}",
                sp.Equivalent(
                    sp.Gt(top_H, top_E),
                    sp.Lt((1 + (square + 1) / m) * x**2 + (square + 1) / m, (1 - (square + 1) / m) * x),
                ),
                given=(sp.Lt(x, 1),),
            )
        },
        instead={
            "directions": Statement(
                "directions",
                r"This is so only in directions steep enough: {}",
                sp.Equivalent(
                    sp.Gt(sp.Limit(low_H, m, sp.oo), sp.Limit(low_E, m, sp.oo)), sp.Gt(u * (1 + y + y**2), 1)
                ),
                given=(sp.Lt(y, 1), sp.Lt(u, 1)),
            )
        },
        reason=r"What enters the weights is $\mathrm{tr}(\Sigma^2)/\lambda_1^2$, which is at most the effective dimension $\mathrm{tr}(\Sigma)/\lambda_1$: fewer samples "
        r"suffice than the remark says, but only in the steep directions. In those with $\lambda_j/\lambda_1 < 1/(1 + \sqrt{x} + x)$ no $m$ does.",
    )

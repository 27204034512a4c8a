"""[L] section 3.1: how hard the hard tasks may be, and how many samples that takes."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, Weight, claim
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
printed_least = quantity("least m, printed condition", r"m_{\min}^{\text{printed}}", positive=True)
slope = quantity("least slope", r"\min_y \frac{d}{dy}\,\alpha a(\rho)")
half = quantity("a_E/a_H at x = 1/2", r"\frac{a_E}{a_H}\bigg|_{x = 1/2}", positive=True)
easy_share = quantity("share of the easy task", r"\frac{a_E}{a_E + a_H}", positive=True)
inverse = quantity(
    "MAML over its gain",
    r"\frac{\mathcal{E}_m(w_{MAML}^*)}{\mathcal{E}_m(w_{NAL}^*) - \mathcal{E}_m(w_{MAML}^*)}",
    positive=True,
)


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
        "enough",
        r"With $x = \rho_H/\rho_E$, $\alpha = 1/\rho_E$ and $x(1 - x)^2 \gg d/m$ the solution of MAML is closer to the hard task's. Already $x(1 - x)^2 \ge (d + 1)/m$ is enough: {}",
        sp.Gt(a_H, a_E),
        given=(sp.Ge(m, (d + 1) / (x * (1 - x) ** 2)), sp.Lt(x, 1)),
        quote=Quote(
            "section 3.1",
            "must be much smaller than 1, but also larger than 0, such that",
            "ρρHE(1−ρρHE)2≫md. Figure 2 visualizes",
        ),
    ),
    Statement(
        "samples",
        r"Remark 1: the condition requires that $m \gg d$. The least $m$ with which $x(1 - x)^2 \ge d/m$ at some $x$ is {}",
        sp.Gt(printed_least, d),
        quote=Quote("Remark 1", scan="requires that m ≫ d. However, this condition arises"),
    ),
    Statement(
        "one",
        r"Section 3.2: for $a_H \gg a_E$ there must be $x(1 - x)^2 \gg d/m$, i.e. $m \gg d$ and $0 < x \ll 1$. So at $x = 1/2$ the easy task's weight does not become negligible as $m$ grows: {}",
        sp.Gt(sp.Limit(half, m, sp.oo), 0),
        quote=Quote("section 3.2", scan="i.e. m ≫ d and 0 < ρρHE ≪ 1, as we observed"),
    ),
    Statement(
        "window",
        r"Without any $\gg$ the solution of MAML is closer to the hard task's exactly where {}",
        sp.Equivalent(sp.Gt(a_H, a_E), sp.Lt((1 + (d + 1) / m) * x**2 + (d + 1) / m, (1 - (d + 1) / m) * x)),
        given=(sp.Lt(x, 1),),
    ),
    Statement(
        "least",
        r"At $\alpha = 1/\rho_E$ there is such an $x$ if and only if $m$ exceeds {}",
        sp.Eq(least, (3 + 2 * sp.sqrt(3)) * (d + 1)),
    ),
    Statement(
        "all steps",
        r"Over all step sizes: for $y = \alpha\rho$ the weight $\alpha a(\rho) = y(1 - y)^2 + \frac{d+1}{m} y^3$ rises with $y$ everywhere, and no task is drawn to more than an easier one, unless "
        r"its least slope is negative, {}",
        sp.Equivalent(sp.Lt(slope, 0), sp.Gt(m, 3 * (d + 1))),
    ),
)
def hardness_window() -> Derivation:
    """Factor the difference of the weights; minimise the m at which it vanishes."""
    hard, easy = scaled_weights((d + 1) / m)
    difference = sp.factor(hard - easy)
    (boundary,) = sp.solve(sp.numer(sp.together(difference)) / (1 - x), m)
    stationary = [root for root in sp.solve(sp.numer(sp.together(sp.diff(boundary, x))), x) if 0 < root < 1]
    (best,) = stationary
    curve = y * (1 - y) ** 2 + (d + 1) / m * y**3
    (lowest,) = sp.solve(sp.diff(curve, y, 2), y)
    (peak,) = [root for root in sp.solve(sp.diff(x * (1 - x) ** 2, x), x) if root != 1]
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
            Step(r"The printed condition can hold at some $x$ only if $m$ is at least $d$ over the largest $x(1 - x)^2$, which lies at {}", sp.Eq(x, peak)),
            Step(
                r"For other step sizes $\alpha a(\rho)$ depends on $y = \alpha\rho$ only. Its slope in $y$ is a parabola that opens upwards, with the vertex at {}",
                sp.Eq(y, lowest),
            ),
            Step(
                r"where the slope is {}. If it is negative there, $a$ falls between two values of $y$: then some $\alpha$ and $\rho_H < \rho_E$ have $a_H > a_E$; if not, none has.",
                sp.factor(sp.diff(curve, y).subs(y, lowest)),
            ),
        ],
        quantities={
            a_H: hard, a_E: easy, least: fewest, slope: sp.diff(curve, y).subs(y, lowest), printed_least: d / (x * (1 - x) ** 2).subs(x, peak),
            half: (easy / hard).subs(x, sp.Rational(1, 2)),
        },
        corrections={
            "samples": sp.Eq(printed_least, sp.Rational(27, 4) * d),
            "one": Statement("one", r"$x$ need only keep away from 0 and from 1: at $x = 1/2$ {}", sp.Eq(sp.Limit(half, m, sp.oo), 0)),
        },
        tight={"enough": {m: (d + 1) / (x * (1 - x) ** 2), x: 0}},
        weights={"one": Weight.WORDING},
        reason=r"$x(1 - x)^2 \gg d/m$ asks $x$ to keep away from both 0 and 1, as Figure 2 does; $x \ll 1$, which section 3.2 puts for it, is neither needed nor enough for $a_H \gg a_E$.",
    )  # fmt: skip


@claim(
    "L-gain-max",
    "[L] section 3.1, Figure 2",
    "where in the hardness of the hard task MAML gains",
    Statement(
        "closer",
        r"As long as $x = \rho_H/\rho_E$ is not close to 0 or 1 MAML's solution is closer to the harder task: at every fixed $x$ between them, as $c = (d + 1)/m \to 0$, {}",
        sp.Eq(sp.Limit(easy_share, c, 0), 0),
        given=(sp.Lt(x, 1),),
        quote=Quote(
            "section 3.1, Figure 2",
            "unlike NAL, MAML initializes closer to the optimal solution of the harder task as long as ... is not close to zero or one",
        ),
    ),
    Statement(
        "smaller",
        r"which results in significantly smaller excess risk, especially for large $m$: the risk of MAML over what NAL has more vanishes, {}",
        sp.Eq(sp.Limit(inverse, c, 0), 0),
        given=(sp.Lt(x, 1),),
        quote=Quote(
            "section 3.1, Figure 2",
            "which results in significantly smaller excess risk for MAML compared to NAL in such cases, especially for large m",
        ),
    ),
    Statement(
        "everywhere",
        r"At any $m$ MAML's risk is never the larger one, and the gain is exactly {}",
        sp.Eq(
            surplus,
            x * (1 - x) ** 2 * (1 - x - c * (1 + x)) ** 2 / (c * (1 + x) ** 2 * ((1 - x) ** 2 + c * x**2)),
        ),
        given=(sp.Lt(x, 1), sp.Lt(c, 1)),
    ),
    Statement("peak", r"For $m \to \infty$ it is largest at {}", sp.Eq(peak, sp.sqrt(5) - 2)),
)
def peak_of_gain() -> Derivation:
    """Differentiate the exact gain for two tasks."""
    hard, easy = scaled_weights(c)
    pooled = (easy * x**2 + hard) / (1 + x) ** 2
    adapted = easy * hard / (easy + hard)
    gain = sp.factor(pooled / adapted - 1)
    slope = sp.factor(sp.diff(gain, x) / gain)
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
        quantities={
            surplus: gain,
            inverse: 1 / gain,
            easy_share: easy / (easy + hard),
            peak: sp.radsimp(sp.nsimplify(largest)),
        },
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
        r"With hard tasks $x\Sigma$, easy tasks $\Sigma$ and $\alpha = 1/\lambda_1$ the effective dimension $\tau = \mathrm{tr}(\Sigma)/\lambda_1$ takes the place of $d$: where the condition "
        r"on $m$ holds with it ($\theta = \mathrm{tr}(\Sigma^2)/\lambda_1^2$ is at most $\tau$), in the steepest direction {}",
        sp.Gt(top_H, top_E),
        given=(sp.Ge(m, (trace + 1) / (x * (1 - x) ** 2)), sp.Le(square, trace), sp.Lt(x, 1)),
        quote=Quote(
            "Remark 1",
            "the effective dimension may be o(d), which would reduce the complexity of m accordingly",
        ),
    ),
    Statement(
        "directions",
        r"In a direction of smaller variance $\lambda_j = u\lambda_1$ no number of samples may be enough; with $y^2 = \rho_H/\rho_E$ {}",
        sp.Equivalent(
            sp.Gt(sp.Limit(low_H, m, sp.oo), sp.Limit(low_E, m, sp.oo)), sp.Gt(u * (1 + y + y**2), 1)
        ),
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
    )

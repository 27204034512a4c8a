"""[L] section 3.1: two tasks, one hard and one easy."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, Weight, claim
from landscape.symbolic.notation import Expr, positive, quantity
from landscape.symbolic.risk import isotropic_weight

alpha, rho, rho_H, rho_E, m, x, c, Delta, R, r_H, r_E = positive(
    "alpha rho rho_H rho_E m x c Delta R r_H r_E"
)
d = sp.Symbol("d", positive=True, integer=True)
a_H, a_E = quantity("a_H", positive=True), quantity("a_E", positive=True)


w_1, w_2 = (quantity(f"w_{k}", rf"w_{k}^*") for k in (1, 2))
w_NAL, w_MAML = (quantity(f"w_{name}", rf"w_{{{name}}}^*") for name in ("NAL", "MAML"))
E_NAL, E_MAML = (quantity(f"E_m(w_{name})", rf"\mathcal{{E}}_m(w_{{{name}}}^*)") for name in ("NAL", "MAML"))
FINITE = r"(above the noise floor, as in Proposition 1)"


def optimum(hard: Expr, easy: Expr) -> Expr:
    """Where the gradient of two equally likely isotropic quadratics vanishes, in one coordinate."""
    w = sp.Symbol("w")
    (point,) = sp.solve(sp.diff(hard * (w - w_1) ** 2 + easy * (w - w_2) ** 2, w), w)
    return point


def risk(point: Expr) -> Expr:
    """Above the noise, at a point with weights a_H and a_E, summed over coordinates."""
    value = (a_H * (point - w_1) ** 2 + a_E * (point - w_2) ** 2) / 4
    return sp.factor(sp.factor(value).subs(w_2, w_1 + Delta))


def natural_weights() -> list[Expr]:
    """a_H and a_E at alpha = 1/rho_E, derived."""
    weight = isotropic_weight(rho, alpha, m, d)
    return [sp.factor(weight.subs({rho: value, alpha: 1 / rho_E})) for value in (rho_H, rho_E)]


@claim(
    "L-aH",
    "[L] section 3.1",
    "the weights at alpha = 1/rho_E",
    Statement(
        "easy",
        r"Setting $\alpha = 1/\rho_E$ yields {}",
        sp.Eq(a_E, (d + 1) / m * rho_E),
        quote=Quote(
            "section 3.1",
            "natural choice of α is the inverse of the largest task smoothness parameter",
            "yields a E = dm+1ρE",
        ),
    ),
    Statement(
        "hard",
        r"For the hard task the same yields {}",
        sp.Eq(a_H, rho_H * (1 - rho_H / rho_E) ** 2 + (d + 1) * rho_H**3 / (m * rho_E**3)),
        quote=Quote("section 3.1", scan="and aH = ρH (1 − ρρHE )2 + (dmρ+1)3EρH3", character=True),
    ),
)
def weights_at_natural_step() -> Derivation:
    """Substitute the step size into the weight of an isotropic task."""
    weight = isotropic_weight(rho, alpha, m, d)
    hard, easy = natural_weights()
    return Derivation(
        steps=[
            Step(
                r"The weight of a task with $\Sigma = \rho I$, by pairing Gaussian inputs: {}",
                sp.Eq(quantity("a"), weight),
            ),
            Step(r"At $\alpha = 1/\rho_E$ the easy task keeps only the sampling term: {}", sp.Eq(a_E, easy)),
            Step(r"and the hard task has {}", sp.Eq(a_H, hard)),
        ],
        quantities={a_H: hard, a_E: easy},
        corrections={
            "hard": sp.Eq(a_H, rho_H * (1 - rho_H / rho_E) ** 2 + (d + 1) * rho_H**3 / (m * rho_E**2))
        },
        weights={"hard": Weight.WORDING},
        reason=r"$\alpha^2\rho_H^3$ at $\alpha = 1/\rho_E$ is $\rho_H^3/\rho_E^2$; the main text prints $\rho_E^3$, (24) prints $\rho_E^2$.",
    )


@claim(
    "L-two",
    "[L] section 3.1, (8)",
    "the optima of NAL and MAML for two tasks",
    Statement(
        "nal",
        r"With $\Sigma_1 = \rho_H I$, $\Sigma_2 = \rho_E I$ and $n_2 = m$, coordinate by coordinate, {}",
        sp.Eq(w_NAL, rho_H / (rho_H + rho_E) * w_1 + rho_E / (rho_H + rho_E) * w_2),
        quote=Quote("section 3.1, (8)", "the NAL and MAML solutions defined in (5) can be simplified as"),
    ),
    Statement(
        "maml",
        r"and {}",
        sp.Eq(w_MAML, a_H / (a_E + a_H) * w_1 + a_E / (a_E + a_H) * w_2),
        quote=Quote("section 3.1, (8)", "the NAL and MAML solutions defined in (5) can be simplified as"),
    ),
    Statement(
        "weight",
        r"where $a_H$ (and $a_E$ likewise) is {}",
        sp.Eq(
            quantity("a_H, any alpha", "a_H", positive=True),
            rho_H * (1 - alpha * rho_H) ** 2 + (d + 1) / m * alpha**2 * rho_H**3,
        ),
        quote=Quote("section 3.1", scan="aE:=(ρE(1−αρE)2+dm+1α2ρE3) and aH:=(ρH(1−αρH)2+dm+1α2ρH3)"),
    ),
)
def two_optima() -> Derivation:
    """Differentiate the mean of the two quadratics."""
    named = quantity("a_H, any alpha", "a_H", positive=True)
    weight = isotropic_weight(rho_H, alpha, m, d)
    return Derivation(
        steps=[
            Step(
                r"An isotropic task counts in each coordinate with $\rho$ for NAL; for MAML with what pairing gives: {}",
                sp.Eq(named, weight),
            ),
            Step(
                r"The derivative of the mean of two such quadratics vanishes for NAL at {}",
                optimum(rho_H, rho_E),
            ),
            Step(r"and for MAML at {}", optimum(a_H, a_E)),
        ],
        quantities={w_NAL: optimum(rho_H, rho_E), w_MAML: optimum(a_H, a_E), named: weight},
    )


@claim(
    "L-two-risk",
    "[L] section 3.1, (9)",
    "the excess risks for two tasks",
    Statement(
        "nal",
        rf"The excess risk of NAL {FINITE} is {{}}",
        sp.Eq(E_NAL, (a_E * rho_H**2 + a_H * rho_E**2) / (rho_E + rho_H) ** 2),
        quote=Quote(
            "section 3.1, (9)",
            "the excess risks for NAL and MAML in this setting are",
            "m(wNAL)=aEρ2,m(wMAML)=.(9)",
        ),
    ),
    Statement(
        "maml",
        r"The excess risk of MAML is {}",
        sp.Eq(E_MAML, a_E * a_H / (a_E + a_H)),
        quote=Quote(
            "section 3.1, (9)",
            "the excess risks for NAL and MAML in this setting are",
            "aEaHm(wNAL)=aEρ2,m(wMAML)=.(9)",
        ),
    ),
)
def two_risks() -> Derivation:
    """Put the optima into the risk."""
    pooled, adapted = risk(optimum(rho_H, rho_E)), risk(optimum(a_H, a_E))
    return Derivation(
        steps=[
            Step(
                r"The risk above the noise is $\tfrac14 (a_H\|w - w_1^*\|^2 + a_E\|w - w_2^*\|^2)$. Both optima lie between $w_1^*$ and "
                r"$w_2^*$, $\Delta = \|w_1^* - w_2^*\|$ apart: NAL leaves {}",
                pooled,
            ),
            Step(r"and MAML {}", adapted),
        ],
        quantities={E_NAL: pooled, E_MAML: adapted},
        corrections={
            "nal": sp.Eq(E_NAL, (a_E * rho_H**2 + a_H * rho_E**2) / (rho_E + rho_H) ** 2 * Delta**2 / 4),
            "maml": sp.Eq(E_MAML, a_E * a_H / (a_E + a_H) * Delta**2 / 4),
        },
        weights={"nal": Weight.CONSTANT, "maml": Weight.CONSTANT},
        reason=r"(9) leaves out the factor $\Delta^2/4$ with $\Delta = \|w_1^* - w_2^*\|$. It is 1 only for optima two apart; in Figure 2, where they "
        r"are $\pm 1_d$, it is $d$.",
    )

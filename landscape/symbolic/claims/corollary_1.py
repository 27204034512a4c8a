"""[L] section 3.2: many tasks, whose optima are spread around two centres."""

from functools import cache

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, Weight, claim
from landscape.symbolic.claims.two_tasks import R, a_E, a_H, d, r_E, r_H, rho_E, rho_H
from landscape.symbolic.notation import Expr, quantity

E_NAL, E_MAML = (quantity(f"E_m(w*_{name})", rf"\mathcal{{E}}_m(w_{{{name}}}^*)") for name in ("NAL", "MAML"))
one_NAL = quantity("E_m^(l)(w_NAL)", r"\mathcal{E}_m^{(l)}(w_{NAL})")


def mean_risk(hard: Expr, easy: Expr) -> tuple[Expr, Expr]:
    """Above the noise in one coordinate, at the optimum of the given weights.

    Optima are N(R, r_H) and N(0, r_E); only E[w_i] and E[w_i^2] enter. The objective is a polynomial in w and
    the task's optimum v, and expectation replaces v by the mean and v^2 by mean^2 + variance.
    """
    w, v = sp.symbols("w v")

    def mean(loss: Expr, centre: Expr, spread: Expr) -> Expr:
        powers = sp.Poly(loss, v).coeffs()[::-1]
        return sum(c * moment for c, moment in zip(powers, (1, centre, centre**2 + spread), strict=True))

    def objective(one: Expr, two: Expr) -> Expr:
        return (mean(sp.expand(one * (w - v) ** 2), R, r_H) + mean(sp.expand(two * (w - v) ** 2), 0, r_E)) / 4

    (point,) = sp.solve(sp.diff(objective(hard, easy), w), w)
    return point, sp.factor(objective(a_H, a_E).subs(w, point))


@cache
def risks() -> list[Expr]:
    """Of NAL and MAML, all d coordinates, in terms of a_H and a_E.

    The weights at alpha = 1/rho_E are left to the claims' quantities: with them put in these are polynomials
    of seven letters, which SymPy's factoring, that draws at random, now and then takes minutes for.
    """
    return [d * mean_risk(*pair)[1] for pair in ((rho_H, rho_E), (a_H, a_E))]


@claim(
    "L-cor1",
    "[L] Corollary 1, (10), (11)",
    "excess risks of many hard and easy tasks",
    Statement(
        "nal",
        r"With $w_i^* \sim N(R 1_d, r_H I)$ for hard and $N(0, r_E I)$ for easy tasks (above the noise floor) {}",
        sp.Eq(
            E_NAL,
            d / (4 * (rho_E + rho_H) ** 2)
            * (
                (a_E * rho_E**2 + 2 * a_E * rho_E * rho_H) * r_E + a_E * rho_H**2 * (r_E + R**2)
                + (a_H * rho_H**2 + 2 * a_H * rho_E * rho_H) * r_H + a_H * rho_E**2 * (r_H + R**2)
            ),
        ),
        quote=Quote("Corollary 1, (10)", "In the setting described above, the excess risks of", "+(aHρ2H+2aHρEρH)rH+aHρ2E(rH+R2)(10)"),
    ),
    Statement(
        "maml",
        r"and {}",
        sp.Eq(
            E_MAML,
            d / (4 * (a_E + a_H) ** 2)
            * (
                (a_E**3 + 2 * a_E**2 * a_H) * r_E + (a_H**3 + 2 * a_E * a_H**2) * r_H
                + a_E * a_H**2 * (r_E + R**2) + a_E**2 * a_H * (r_H + R**2)
            ),
        ),
        quote=Quote("Corollary 1, (11)", scan="+aEa2H(rE+R2)+a2EaH(rH+R2)(11)"),
    ),
    Statement(
        "appendix",
        r"The last display of A.2 has in one coordinate {}",
        sp.Eq(
            one_NAL,
            (
                a_H * rho_H**2 * r_H + a_H * rho_E**2 * (r_H + R**2) + 2 * a_H * rho_H * rho_E * r_H
                + a_E * rho_H**2 * (r_E + R**2) + a_E * rho_E**2 * r_E + 2 * a_E * rho_H * rho_E
            ) / (4 * (a_E + a_H) ** 2),
        ),
        quote=Quote("A.2, last display", "Thus multiplying by d completes the proof", "aEρ2H(rE+R2)+aEρ2ErE+2aEρHρE 4(aE+aH)2", character=True),
    ),
)  # fmt: skip
def many_tasks() -> Derivation:
    """Expectations over the tasks' optima, then the optimum of NAL and of MAML put in."""
    (nal, pooled), (maml, adapted) = mean_risk(rho_H, rho_E), mean_risk(a_H, a_E)
    return Derivation(
        steps=[
            Step(r"Of the optima only mean and variance matter. In each coordinate NAL ends at {}", nal),
            Step(r"and MAML at {}", maml),
            Step(r"The risk $\tfrac14 (a_H\mathbb{E}(w - w_H)^2 + a_E\mathbb{E}(w - w_E)^2)$ there is for NAL {}", pooled),
            Step(r"and for MAML {}", adapted),
            Step(r"The coordinates are alike: $d$ times this."),
        ],
        quantities={E_NAL: d * pooled, E_MAML: d * adapted, one_NAL: pooled},
        corrections={
            "appendix": sp.Eq(
                one_NAL,
                (
                    a_H * rho_H**2 * r_H + a_H * rho_E**2 * (r_H + R**2) + 2 * a_H * rho_H * rho_E * r_H
                    + a_E * rho_H**2 * (r_E + R**2) + a_E * rho_E**2 * r_E + 2 * a_E * rho_H * rho_E * r_E
                ) / (4 * (rho_E + rho_H) ** 2),
            )
        },
        weights={"appendix": Weight.WORDING},
        reason=r"Corollary 1 holds as printed. The last display of A.2 has the normaliser of MAML, $4(a_E + a_H)^2$ for $4(\rho_E + \rho_H)^2$, lacks $r_E$ in its "
        r"last term, and the one before it has $a_H$ for $\rho_H$ once.",
    )  # fmt: skip

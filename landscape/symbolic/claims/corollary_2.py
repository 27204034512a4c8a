"""[L] section 3.2, A.3, Figures 1 and 3: how much MAML gains over NAL with many tasks."""

from functools import cache

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, Weight, claim
from landscape.symbolic.claims.corollary_1 import E_MAML, E_NAL, risks
from landscape.symbolic.claims.experiments import digits
from landscape.symbolic.claims.two_tasks import R, a_E, a_H, d, m, natural_weights, r_E, r_H, rho_E, rho_H
from landscape.symbolic.notation import Expr, positive, quantity

RATIO = r"\frac{\mathcal{E}_m(w_{NAL}^*)}{\mathcal{E}_m(w_{MAML}^*)}"
ratio = quantity("E_m(w_NAL)/E_m(w_MAML)", RATIO)
surplus = quantity("E_m(w_NAL)/E_m(w_MAML) - 1", rf"\left({RATIO} - 1\right)")
factor = quantity("rho_E^2/(rho_E + rho_H)^2", r"\frac{\rho_E^2}{(\rho_E + \rho_H)^2}", positive=True)
part = rho_E**2 / (rho_E + rho_H) ** 2


@cache
def exact_gain() -> tuple[Expr, dict[Expr, Expr]]:
    """The ratio of the two risks of Corollary 1, in terms of the weights, and these at alpha = 1/rho_E."""
    pooled, adapted = risks()
    return sp.factor(pooled / adapted), dict(zip((a_H, a_E), natural_weights(), strict=True))


def exact_surplus() -> Expr:
    """The gain less 1, in terms of the weights: what (12) approximates by R^2/r_H."""
    spread = (a_E + a_H) * (a_E * r_E + a_H * r_H) + a_E * a_H * R**2
    return (a_H * rho_E - a_E * rho_H) ** 2 * R**2 / ((rho_E + rho_H) ** 2 * spread)


@claim(
    "L-cor2",
    "[L] Corollary 2, (12), (24)-(27)",
    "the gain of MAML over NAL",
    Statement(
        "ratio",
        r"(12), printed with $\approx$: for large $m$ the ratio is $1 + R^2/r_H$, within the factor between $\frac14$ and 1 that the last step of its proof leaves: {}",
        sp.And(sp.Le(sp.Limit(surplus, m, sp.oo), R**2 / r_H), sp.Ge(sp.Limit(surplus, m, sp.oo), R**2 / (4 * r_H))),
        given=(sp.Lt(rho_H, rho_E),),
        quote=Quote("Corollary 2, (12)", "the relative excess risk for NAL compared to MAML satisfies", "≈1+RrH2"),
    ),
    Statement(
        "last",
        r"(27) has, in the line before its last and once $m$ is large, {}",
        sp.Eq(sp.Limit(ratio, m, sp.oo), 1 + part * R**2 / r_H**2),
        quote=Quote("A.3, (27)", "Dividing (26) by (25) yields", "=1+ρ2ER2(ρH+ρE)2rH2rH1+R2(27)", character=True),
    ),
    Statement(
        "maml",
        r"(25): for large $m$ {}",
        sp.Eq(sp.Limit(E_MAML, m, sp.oo), d * rho_H * (1 - rho_H / rho_E) ** 2 / 4 * r_H),
        quote=Quote("A.3, (25)", scan="≈daH3rH=dρH(1−ρρHE)2E4a2H4"),
    ),
    Statement(
        "nal",
        r"(26): for large $m$ {}",
        sp.Eq(
            sp.Limit(E_NAL, m, sp.oo),
            d * rho_H * (1 - rho_H / rho_E) ** 2 / 4 * r_H
            + d * rho_H * rho_E**2 * (1 - rho_H / rho_E) ** 2 / (4 * (rho_H + rho_E) ** 2) * R**2,
        ),
        quote=Quote("A.3, (26)", scan="rH+R2(26)"),
    ),
    Statement("upper", r"The last step uses {}", sp.Le(factor, 1), quote=Quote("A.3, below (27)", scan="where the last approximation follows since 14(ρE+ρ2EρH)2≤1")),
    Statement(
        "lower", r"and {}", sp.Ge(factor, sp.Rational(1, 4)), given=(sp.Lt(rho_H, rho_E),),
        quote=Quote("A.3, below (27)", scan="where the last approximation follows since 14(ρE+ρ2EρH)2≤1"),
    ),
    Statement("exact", r"At $\alpha = 1/\rho_E$, for every $m$, {}", sp.Eq(ratio, 1 + exact_surplus())),
    Statement(
        "order",
        r"$1 + R^2/r_H$ is the limit where the hard tasks become much harder after $m$ has become large, {}",
        sp.Eq(sp.Limit(sp.Limit(ratio, m, sp.oo), rho_H, 0), 1 + R**2 / r_H),
    ),
    Statement("hard", r"The limits do not commute: on ever harder tasks at given $m$ nothing is gained, {}", sp.Eq(sp.Limit(surplus, rho_H, 0), 0)),
    Statement("easy", r"Dispersed easy tasks take the gain away: {}", sp.Eq(sp.Limit(surplus, r_E, sp.oo), 0)),
    Statement("packed", r"As the hard tasks are packed more closely the gain saturates: {}", sp.Eq(sp.Limit(surplus, r_H, 0), exact_surplus().subs(r_H, 0))),
)  # fmt: skip
def gain_of_maml() -> Derivation:
    """Divide the two risks of Corollary 1 and take limits in either order."""
    gain, weights = exact_gain()
    pooled, adapted = risks()
    saturated = exact_surplus().subs(r_H, 0)
    epsilon = positive("epsilon")
    (least,) = map(sp.factor, sp.solve(sp.Eq(exact_surplus(), (1 - epsilon) * part * R**2 / r_H), r_E))
    return Derivation(
        steps=[
            Step(r"With the risks of Corollary 1 the gain is, exactly, 1 more than {}", exact_surplus()),
            Step(
                r"For $m \to \infty$ the easy tasks' weight $a_E = (d + 1)\rho_E/m$ vanishes, and what is left is {}",
                part * R**2 / r_H,
            ),
            Step(
                r"At finite $m$ the gain comes within the factor $1 - \epsilon$ of this if and only if $r_E$ is at most {}",
                sp.factor(-sp.numer(least)) / sp.factor(-sp.denom(least)),
            ),
            Step(r"As $r_H \to 0$ the gain less 1 saturates at {}", saturated),
        ],
        quantities=weights | {ratio: gain, surplus: gain - 1, E_NAL: pooled, E_MAML: adapted, factor: part},
        corrections={
            "ratio": Statement(
                "ratio", r"The limit is exactly {}", sp.Eq(sp.Limit(surplus, m, sp.oo), part * R**2 / r_H)
            ),
            "last": sp.Eq(sp.Limit(ratio, m, sp.oo), 1 + part * R**2 / r_H),
        },
        weights={"last": Weight.WORDING},
        tight={"upper": {rho_H: 0}, "lower": {rho_H: rho_E}},
        reason=r"(27) has $r_H^2$ for $r_H$ in its last two lines; the line before them and (12) have $r_H$.",
    )


k_H, k_E, scale = positive("k_H k_E lambda")
scaled = quantity("ratio at lambda R", rf"{RATIO}\bigg|_{{\lambda R}}")
plain = quantity("ratio at R", rf"{RATIO}\bigg|_R")
panels = {name: quantity(f"ratio in ({name})", rf"{RATIO}\bigg|_{{({name})}}") for name in "bd"}
printed_setting = {d: 10, m: 500, rho_H: sp.Rational(1, 10), rho_E: sp.Rational(9, 10)}


@claim(
    "L-fig3",
    "[L] section 3.2, Figure 3",
    "the ratio when spreads grow with R^2",
    Statement(
        "flat",
        r"With $R^2/r_H$ and $R^2/r_E$ held fixed the ratio of the risks does not depend on $R$: for every $\lambda$ {}",
        sp.Eq(scaled, plain),
    ),
    Statement(
        "d",
        r"With $R^2/r_H = 10$, $R^2/r_E = 0.5$ the ratio stays on the axis of (d), which ends at 4: {}",
        sp.Le(panels["d"], 4),
        why="the axis of Figure 3(d) ends there",
    ),
    Statement(
        "b",
        r"MAML does not outperform NAL significantly for $R^2/r_H = 0.5$, $R^2/r_E = 10$ in (b), as it does in (d): {}",
        sp.Lt(panels["b"], panels["d"]),
        quote=Quote(
            "section 3.2, Figure 3",
            scan="outperforms NAL when R2/rH is large (subfigures (c)(d)), but not otherwise",
        ),
    ),
)
def figure_3() -> Derivation:
    """Put spreads proportional to R^2 into the gain; then the figure's numbers."""
    gain, weights = exact_gain()
    at = sp.factor(gain.subs({r_H: R**2 / k_H, r_E: R**2 / k_E}))
    values = {
        name: at.subs(weights).subs(printed_setting | {k_H: h, k_E: e})
        for name, h, e in (("b", sp.Rational(1, 2), 10), ("d", 10, sp.Rational(1, 2)))
    }
    return Derivation(
        steps=[
            Step(
                r"With $r_H = R^2/k_H$ and $r_E = R^2/k_E$ both risks are proportional to $R^2$, and the ratio is {}",
                at,
            ),
            Step(
                r"With $d = 10$, $m = 500$, $\rho_H = 0.1$, $\rho_E = 0.9$ it is in (b) {}",
                sp.Float(values["b"], 5),
            ),
            Step(r"and in (d) {}", sp.Float(values["d"], 5)),
            Step(r"Corollary 2 would have 1.5 and 11 there."),
        ],
        quantities=weights
        | {
            plain: at,
            scaled: at.subs(R, scale * R),
            panels["b"]: digits(values["b"]),
            panels["d"]: digits(values["d"]),
        },
        corrections={
            name: Statement(name, "To three decimals {}", sp.Eq(panels[name], digits(values[name])))
            for name in ("d", "b")
        },
    )


panel_d = quantity(
    "ratio in Figure 1(d), rounded",
    r"\left\lfloor \frac{\mathcal{E}_m(w_{NAL})}{\mathcal{E}_m(w_{MAML})} + \frac12 \right\rfloor",
)
panel_a = quantity("ratio in Figure 1(a) - 1", rf"\left({RATIO} - 1\right)\bigg|_{{\rho_H = \rho_E}}")


@claim(
    "L-fig1",
    "[L] section 1, Figure 1",
    "the gain in four environments",
    Statement(
        "a",
        r"(a), without hardness discrepancy, has no gain: {}",
        sp.Eq(panel_a, 0),
        why="(a) is to show an environment that violates (I)",
    ),
    Statement(
        "d",
        r"(d) has a ratio of about 3: with $\rho_E = 0.9$, $\rho_H = 0.1$, $m = 500$, $d = 10$, and $R = 5$, $r_H = r_E = 2$ as the picture looks, {}",
        sp.Eq(panel_d, 3),
        quote=Quote("section 1, Figure 1", "achieves the largest gain over NAL", "EEmm(w(wMAMLNAL))≈3"),
    ),
)
def figure_1() -> Derivation:
    """Evaluate the exact gain where the figure says, and where it must be read off the picture."""
    gain, weights = exact_gain()
    alike = sp.factor(
        gain.subs(rho_H, rho_E).subs({a: weight.subs(rho_H, rho_E) for a, weight in weights.items()})
    )
    value = gain.subs(weights).subs(printed_setting | {R: 5, r_H: 2, r_E: 2})
    return Derivation(
        steps=[
            Step(
                r"At $\rho_H = \rho_E$ both methods have the same weights, and the gain is {}",
                alike,
            ),
            Step(
                r"The paper prints neither $R$ nor the spreads. Read off the picture as $R = 5$, $r_H = r_E = 2$ the gain is {}",
                sp.Float(value, 5),
            ),
            Step(
                r"The limit for $m \to \infty$ would be {}",
                sp.Float((1 + part * R**2 / r_H).subs(printed_setting | {R: 5, r_H: 2}), 5),
            ),
        ],
        quantities={panel_a: alike - 1, panel_d: sp.floor(value + sp.Rational(1, 2))},
        numerical=True,
    )

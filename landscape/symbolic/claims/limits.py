"""[L] sections 3.1 and 3.2: what becomes of the risks as hard tasks get harder."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, claim
from landscape.symbolic.claims.corollary_1 import risks
from landscape.symbolic.claims.two_tasks import (
    E_MAML,
    E_NAL,
    a_E,
    a_H,
    d,
    m,
    natural_weights,
    optimum,
    r_E,
    rho_E,
    rho_H,
    risk,
)
from landscape.symbolic.notation import quantity

share = quantity("weight of the hard task", r"\frac{a_H}{a_H + a_E}")
rest = quantity("weight of the easy task", r"\frac{a_E}{a_H + a_E}")
many = quantity("E_m(w_MAML), many tasks", r"\mathcal{E}_m(w_{MAML}^*)")


@claim(
    "L-limit-hard",
    "[L] section 3.1",
    "impossibly hard tasks",
    Statement(
        "nal",
        r"As $\rho_H \to 0$ at $\alpha = 1/\rho_E$ the excess risk of NAL goes to zero: {}",
        sp.Eq(sp.Limit(E_NAL, rho_H, 0), 0),
        quote=Quote("section 3.1", "further shows that the MAML and NAL excess risks go to zero with"),
    ),
    Statement(
        "maml",
        r"and so does that of MAML: {}",
        sp.Eq(sp.Limit(E_MAML, rho_H, 0), 0),
        quote=Quote("section 3.1", "further shows that the MAML and NAL excess risks go to zero with"),
    ),
    Statement(
        "ignored",
        r"because MAML ignores the hard task: {}",
        sp.Eq(sp.Limit(share, rho_H, 0), 0),
        quote=Quote(
            "section 3.1",
            "and MAML ignore the hard task and initialize at the easy task to achieve near-zero excess risk here",
        ),
    ),
    Statement(
        "full",
        r"With the full gradient ($m = \infty$) it is the easy task that MAML ignores, however hard the other is: {}",
        sp.Eq(sp.Limit(sp.Limit(rest, m, sp.oo), rho_H, 0), 0),
    ),
    Statement(
        "many",
        r"In the environment of section 3.2 the easy tasks' spread $r_E$ leaves MAML with {}",
        sp.Eq(sp.Limit(many, rho_H, 0), (d + 1) / m * rho_E * d * r_E / 4),
    ),
)
def impossibly_hard() -> Derivation:
    """Take the limits of the derived risks and weights."""
    weights = dict(zip((a_H, a_E), natural_weights(), strict=True))
    pooled, adapted = (
        sp.factor(risk(point).subs(weights)) for point in (optimum(rho_H, rho_E), optimum(a_H, a_E))
    )
    part = sp.factor((a_H / (a_H + a_E)).subs(weights))
    _, spread = risks()
    return Derivation(
        steps=[
            Step(r"With the weights at $\alpha = 1/\rho_E$ NAL leaves {}", pooled),
            Step(r"and MAML {}", adapted),
            Step(r"where the hard task has the share {}", part),
            Step(
                r"Its first term in $\rho_H$ is of the order $\rho_H m/((d + 1)\rho_E)$: it is small only where $\rho_H/\rho_E$ is small beside $(d + 1)/m$."
            ),
        ],
        quantities=weights | {E_NAL: pooled, E_MAML: adapted, share: part, rest: 1 - part, many: spread},
    )

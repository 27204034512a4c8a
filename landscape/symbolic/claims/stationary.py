"""[L] section 4 and appendix B on quadratics: gradient norms where MAML and NAL come to rest."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, claim
from landscape.symbolic.notation import Expr, matrix, positive, quantity
from landscape.symbolic.risk import gradient, stationary

d = sp.Symbol("d", positive=True, integer=True)
alpha, h_1, h_2, beta_2, L_1 = positive("alpha h_1 h_2 beta_2 L_1")
H_1, H_2, H, identity = matrix("H_1", d), matrix("H_2", d), matrix("H", d), sp.Identity(d)
w, w_1, w_2 = (
    matrix(name, d, written, 1) for name, written in (("w", None), ("w_1*", "w_1^*"), ("w_2*", "w_2^*"))
)
g_1, g_2 = (matrix(f"grad f_{i}(w)", d, rf"\nabla f_{i}(w)", 1) for i in (1, 2))
after_1, after_2 = (
    matrix(f"grad f_{i}(w - alpha grad f_{i}(w))", d, rf"\nabla f_{i}(w - \alpha\nabla f_{i}(w))", 1)
    for i in (1, 2)
)
whole = matrix("grad F(w)", d, r"\nabla F_\infty(w)", 1)
nal_1, nal_2 = (matrix(f"|grad f_{i}(w_NAL)|^2", 1, rf"\|\nabla f_{i}(w_{{NAL}})\|^2") for i in (1, 2))
norms = quantity(
    "|grad f_1(w_MAML)|/|grad f_2(w_MAML)|",
    r"\frac{\|\nabla f_1(w_{MAML})\|}{\|\nabla f_2(w_{MAML})\|}",
    positive=True,
)
omitted = quantity("(36) less (13)", r"\text{(36)} - \text{(13)}")
networks = quantity("share of stationary points for which (13) holds", r"\Pr[\text{(13)}]", positive=True)
ordered = (sp.Le(h_1, L_1), sp.Lt(L_1, 1 / alpha), sp.Le(beta_2, h_2), sp.Lt(h_2, 1 / alpha))


def slope(hessian: Expr, optimum: Expr, point: Expr) -> Expr:
    """The gradient at a point, from the loss."""
    loss = (w - optimum).T * hessian * (w - optimum) / 2
    return gradient(loss, w).xreplace({w: point})


@claim(
    "L-thm1",
    "[L] Theorem 1, Lemma 1, (31)-(36)",
    "gradient norms at stationary points, on quadratics",
    Statement(
        "taylor",
        r"(34), printed with the remainder $O(\alpha^2)$; on quadratics with Hessian $H_1$ {}",
        sp.Eq(after_1, (identity - alpha * H_1) * g_1),
        quote=Quote(
            "appendix B, (34)", "Next, note that using Taylor expansion", "=(IDαH1(wMAML))g1(wMAML)(34)"
        ),
    ),
    Statement(
        "stationary",
        r"(31): MAML's stationary points are where this vanishes: {}",
        sp.Eq(2 * whole, (identity - alpha * H_1) * after_1 + (identity - alpha * H_2) * after_2),
        quote=Quote(
            "appendix B, (31)",
            "After setting the gradient of",
            "(IDαH1(wMAML))g1(w1)=(IDαH2(wMAML))g2(w2)(31)",
        ),
    ),
    Statement(
        "lemma",
        r"(36), with curvatures at most $L_1$ on the hard and at least $\beta_2$ on the easy task: {}",
        sp.Le(norms, ((1 - alpha * beta_2) / (1 - alpha * L_1)) ** 2),
        given=ordered,
        quote=Quote("appendix B, (36)", scan="1αL1≳−g1(wMAML)2,(36)1αβ2"),
    ),
    Statement(
        "theorem",
        r"(13) leaves out of the bound of (36) only terms of the order $O(\alpha^2)$ that it allows: over $\alpha^2$ they tend to {}",
        sp.Eq(sp.Limit(omitted / alpha**2, alpha, 0), beta_2**2),
        quote=Quote("Theorem 1, (13)", "must satisfy for all", "(1αL1)2∥∇f2(WMAML)∥2+O(α2)"),
    ),
    Statement(
        "networks",
        r"Theorem 1 says so of two-layer networks in the region $\mathcal{S}_1 \cap \mathcal{S}_2$, where the curvatures along both inner steps lie between $\beta_i$ and $L_i$: {}",
        sp.Eq(networks, 1),
        quote=Quote(
            "Theorem 1", "Suppose that in the setting described above, the task environment is the uniform"
        ),
    ),
    Statement(
        "exact",
        r"On quadratics (36) holds for every such $\alpha$ without a remainder, and is sharp: {}",
        sp.Le(norms, (1 - alpha * beta_2) ** 2 / (1 - alpha * L_1) ** 2),
        given=ordered,
    ),
    Statement(
        "hard",
        r"So the gradient on the hard task is the smaller one, as far as (36) shows, if and only if the easy one is steeper: {}",
        sp.Equivalent(sp.Lt((1 - alpha * beta_2) ** 2, (1 - alpha * L_1) ** 2), sp.Gt(beta_2, L_1)),
        given=(sp.Lt(L_1, 1 / alpha), sp.Lt(beta_2, 1 / alpha)),
        quote=Quote("section 4", "hardness discrepancy, specifically", "specifically β2>L1"),
    ),
    Statement(
        "nal",
        r"At NAL's solution the norms agree: {}",
        sp.Eq(nal_1, nal_2),
        quote=Quote(
            "section 4",
            "meaning that NAL has no such preference for the hard task",
            "∥∇f1(wNAL)∥2=∥∇f2(wNAL)∥2",
        ),
    ),
)
def norms_at_stationary_points() -> Derivation:
    """Differentiate the quadratic objectives; compare norms through eigenvalues."""
    one, two = slope(H_1, w_1, w), slope(H_2, w_2, w)
    moved = [
        (slope(hessian, optimum, w - alpha * at), hessian)
        for hessian, optimum, at in ((H_1, w_1, one), (H_2, w_2, two))
    ]
    lost = [
        (w - alpha * at - optimum).T * hessian * (w - alpha * at - optimum) / 2
        for hessian, optimum, at in ((H_1, w_1, one), (H_2, w_2, two))
    ]
    objective = gradient((lost[0] + lost[1]) / 2, w)
    ratio = ((1 - alpha * h_2) / (1 - alpha * h_1)) ** 2
    # NAL: H is the mean Hessian, so H_2 = 2 H - H_1, and the gradient of the mean loss vanishes at H^{-1}
    # times its constant part
    second = 2 * H - H_1
    _, right = stationary(((one + two) / 2).xreplace({H_2: second}), w)
    at = {w: H.I * right}
    squares = [(g.T * g).xreplace({H_2: second}).xreplace(at) for g in (one, two)]
    exact = (1 - alpha * beta_2) ** 2 / (1 - alpha * L_1) ** 2
    return Derivation(
        steps=[
            Step(
                r"The gradient of $\tfrac12 (w - w_1^*)^\top H_1 (w - w_1^*)$ after a step is {}", moved[0][0]
            ),
            Step(
                r"MAML's objective is the mean of the two losses after a step, with the gradient {}",
                objective,
            ),
            Step(
                r"So at its stationary points $(I - \alpha H_1)^2\nabla f_1 = -(I - \alpha H_2)^2\nabla f_2$, exactly. Where the gradients lie along "
                r"eigenvectors of curvatures $h_1$ and $h_2$ the norms are in the ratio {}",
                sp.Eq(norms, ratio),
            ),
            Step(
                r"In general $\|\nabla f_1\| \le \|(I - \alpha H_1)^{-1}\|^2\,\|I - \alpha H_2\|^2\,\|\nabla f_2\|$, which is the largest such ratio if "
                r"$\alpha L_1 < 1$ and $\alpha (L_2 + \beta_2) \le 2$: {}",
                exact,
            ),
            Step(
                r"(13) leaves out of this {}",
                sp.factor(exact - (1 - 2 * alpha * beta_2) / (1 - alpha * L_1) ** 2),
            ),
            Step(
                r"At NAL's solution the two gradients add up to zero. Beyond quadratics nothing is decided here."
            ),
        ],
        quantities={
            g_1: one,
            g_2: two,
            after_1: moved[0][0],
            after_2: moved[1][0],
            whole: objective,
            norms: ratio,
            nal_1: squares[0],
            nal_2: squares[1],
            omitted: exact - (1 - 2 * alpha * beta_2) / (1 - alpha * L_1) ** 2,
        },
        undecided={
            "networks": "the absolute constants $c$, $c_1$, $c_2$, $c_3$, which are not given: with them one could tell whether the inner steps stay in the regions, "
            "and compare the remainder, which is not uniform in the tasks, with the term kept"
        },
        tight={"lemma": {h_1: L_1, h_2: beta_2}, "exact": {h_1: L_1, h_2: beta_2}},
    )

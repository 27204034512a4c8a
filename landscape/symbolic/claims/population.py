"""[L] section 3, (5)-(7), (14)-(20): where NAL and MAML end up, and what is left of the risk there."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, Weight, claim
from landscape.symbolic.notation import Expr, matrix, positive, quantity
from landscape.symbolic.risk import gradient, isotropic_weight, stationary
from landscape.symbolic.words import words

d = sp.Symbol("d", positive=True, integer=True)
p, alpha, m, n_2, sigma, rho, rho_H, rho_E, Delta = positive("p alpha m n_2 sigma rho rho_H rho_E Delta")
Sigma_1, Sigma_2 = matrix("Sigma_1", d), matrix("Sigma_2", d)
Q_1, Q_2 = matrix("Q_1", d, "Q_1^{(n_2)}"), matrix("Q_2", d, "Q_2^{(n_2)}")
M_1, M_2 = matrix("M_1", d, "Q_1^{(m)}"), matrix("M_2", d, "Q_2^{(m)}")
mean_Sigma = matrix("E[Sigma]", d, r"\mathbb{E}_i[\Sigma_i]")
mean_Q = matrix("E[Q]", d, r"\mathbb{E}_i[Q_i^{(n_2)}]")
mean_M = matrix("E[M]", d, r"\mathbb{E}_i[Q_i^{(m)}]")
w, w_1, w_2 = (
    matrix(name, d, written, 1) for name, written in (("w", None), ("w_1", "w_1^*"), ("w_2", "w_2^*"))
)
apart = matrix("D", d, r"D", 1)
w_NAL, w_MAML = matrix("w_NAL", d, "w_{NAL}^*", 1), matrix("w_MAML", d, "w_{MAML}^*", 1)

# One letter stands for each mean, so the second task's matrix is what the mean leaves of it: then inverses
# cancel for every d.
MEANS = {
    Sigma_2: (mean_Sigma - p * Sigma_1) / (1 - p),
    Q_2: (mean_Q - p * Q_1) / (1 - p),
    M_2: (mean_M - p * M_1) / (1 - p),
}
KINDS = r"For two kinds of tasks with probabilities $p$ and $1 - p$"


def quadratic(point: Expr, first: Expr, second: Expr) -> Expr:
    """p/2 |w - w_1|^2 + (1 - p)/2 |w - w_2|^2, in the norms of two matrices."""
    one, two = point - w_1, point - w_2
    return p / 2 * one.T * first * one + (1 - p) / 2 * two.T * second * two


def minimiser(first: Expr, second: Expr, mean: Expr) -> Expr:
    """Where the gradient of that vanishes; its Hessian is checked to be the mean."""
    hessian, right = stationary(gradient(quadratic(w, first, second), w), w)
    if words(hessian.xreplace(MEANS)) != words(mean):
        raise ArithmeticError("the Hessian is not the mean of the weights")
    return mean.I * right


@claim(
    "L-optima",
    "[L] (5), (14), (15)",
    "population optima of NAL and MAML",
    Statement(
        "nal",
        rf"{KINDS} the optimum $\mathbb{{E}}_i[\Sigma_i]^{{-1}}\,\mathbb{{E}}_i[\Sigma_i w_i^*]$ of NAL is {{}}",
        sp.Eq(w_NAL, mean_Sigma.I * (p * Sigma_1 * w_1 + (1 - p) * Sigma_2 * w_2)),
        given=(sp.Lt(p, 1),),
        quote=Quote(
            "section 3, (5); (14)",
            "the population-optimal solutions for NAL and MAML are given by",
            "wNAL∗=EiΣi−1EiΣiwi∗",
        ),
    ),
    Statement(
        "maml",
        r"and the optimum $\mathbb{E}_i[Q_i^{(n_2)}]^{-1}\,\mathbb{E}_i[Q_i^{(n_2)} w_i^*]$ of MAML is {}",
        sp.Eq(w_MAML, mean_Q.I * (p * Q_1 * w_1 + (1 - p) * Q_2 * w_2)),
        given=(sp.Lt(p, 1),),
        quote=Quote("section 3, (5); (15)", scan="wMAML∗=EiQ(in2)−1EiQ(in2)wi∗"),
    ),
)
def optima() -> Derivation:
    """Differentiate the objectives and set the gradients to zero."""
    nal, maml = minimiser(Sigma_1, Sigma_2, mean_Sigma), minimiser(Q_1, Q_2, mean_Q)
    return Derivation(
        steps=[
            Step(
                r"NAL's objective is, up to the noise, the mean of $\tfrac12\|w - w_i^*\|^2_{\Sigma_i}$; its gradient is the part of first order "
                r"in $h$ of its value at $w + h$: {}",
                gradient(quadratic(w, Sigma_1, Sigma_2), w),
            ),
            Step(r"It vanishes at {}", sp.Eq(w_NAL, nal)),
            Step(
                r"MAML's objective is the mean of $\tfrac12\|P(w - w_i^*)\|^2_{\Sigma_i}$ over the inner batch, which by (84) is "
                r"$\tfrac12\|w - w_i^*\|^2_{Q_i}$, so the same holds with $Q_i$ for $\Sigma_i$: {}",
                sp.Eq(w_MAML, maml),
            ),
            Step(
                r"Nothing but the weighted mean of the tasks enters, so more kinds of tasks add terms of the same form."
            ),
        ],
        quantities=MEANS | {w_NAL: nal, w_MAML: maml},
    )


floor = quantity("inf F_m", r"\inf_w F_m(w)")
trace = quantity("tr(Sigma_i^2)", r"\mathrm{tr}(\Sigma_i^2)", positive=True)
mean_trace = quantity("E tr(Sigma_i^2)", r"\mathbb{E}_i\,\mathrm{tr}(\Sigma_i^2)", positive=True)


def two_task_risk(first: Expr, second: Expr, trained_first: Expr, trained_second: Expr) -> Expr:
    """Above the noise, at the minimiser of equally likely isotropic tasks trained with other weights than they are judged by."""
    w, one, two = sp.symbols("w w1 w2")
    slope = trained_first * (w - one) + trained_second * (w - two)
    point = -slope.subs(w, 0) / sp.diff(slope, w)
    away = [sp.cancel((point - one).subs(two, one + Delta)), sp.cancel((point - two).subs(two, one + Delta))]
    return (first * away[0] ** 2 + second * away[1] ** 2) / 4


@claim(
    "L-floor",
    "[L] A.1, (16)",
    "the least possible risk",
    Statement(
        "noise",
        r"(16), where all tasks have the same optimum: {}",
        sp.Eq(floor, sigma**2 + alpha**2 * sigma**2 * trace / m),
        quote=Quote("A.1, (16)", scan="wRdFm(w)=σ2+αm2σ2tr(Σ2", character=True),
    ),
    Statement(
        "all",
        r"With the factor 1/2 and the mean over $i$ of the display that follows it, (16) says of every environment, for example of two equally likely tasks "
        r"$\Sigma_i = \rho_i I$ whose optima are $\Delta = \|w_1^* - w_2^*\|$ apart: {}",
        sp.Eq(
            quantity("inf F_m, two tasks", r"\inf_w F_m(w)"),
            sigma**2 / 2 + alpha**2 * sigma**2 * mean_trace / (2 * m),
        ),
        quote=Quote(
            "A.1, (16) and the display after it",
            scan="Thuswehaveσ2+α2σ2i)mtr(Σ2m(wNAL)=Fm(wNAL)E−21Ei",
        ),
    ),
)
def least_risk() -> Derivation:
    """Square what noise adds, and minimise the rest."""
    a_H, a_E = (isotropic_weight(value, alpha, m, d) for value in (rho_H, rho_E))
    both = two_task_risk(a_H, a_E, a_H, a_E)
    noise = sigma**2 / 2 * (1 + alpha**2 * trace / m)
    total = sigma**2 / 2 * (1 + alpha**2 * mean_trace / m) + both
    second = quantity("inf F_m, two tasks", r"\inf_w F_m(w)")
    weights = [quantity("a_H", positive=True), quantity("a_E", positive=True)]
    dispersion = weights[0] * weights[1] * Delta**2 / (4 * (weights[0] + weights[1]))
    return Derivation(
        steps=[
            Step(
                r"The loss is half the squared error. Label noise adds $z_i$ and, through the step, $\tfrac{\alpha}{m} x^\top \hat X^\top \hat z$, of "
                r"variance $\tfrac{\alpha^2}{m^2}\sigma^2\,\mathrm{tr}(\Sigma_i\,\mathbb{E}[\hat X^\top \hat X])$. So no $w$ does better than {}",
                sp.Eq(floor, noise),
            ),
            Step(
                r"All tasks are at this floor only if one $w$ suits them all. For two the best $w$ weighs them by $a_H$ and $a_E$, and leaves {}",
                both,
            ),
        ],
        quantities={floor: noise, second: total, weights[0]: a_H, weights[1]: a_E},
        weights={"noise": Weight.WORDING, "all": Weight.CONSTANT},
        corrections={
            "noise": sp.Eq(floor, sigma**2 / 2 + alpha**2 * sigma**2 * trace / (2 * m)),
            "all": Statement(
                "all",
                r"With the weights $a_H$, $a_E$ of the two tasks {}",
                sp.Eq(second, sigma**2 / 2 + alpha**2 * sigma**2 * mean_trace / (2 * m) + dispersion),
            ),
        },
        reason=r"(16) lacks the factor 1/2 of the loss and the mean over $i$, which the next display has. No single $w$ reaches the noise floor of tasks whose "
        r"optima differ: what their disagreement costs even the best $w$ is missing.",
    )


worse = quantity(
    "E_m(w_MAML)/E_m(w_NAL), example",
    r"\frac{\mathcal{E}_m(w_{MAML}^*)}{\mathcal{E}_m(w_{NAL}^*)}",
    positive=True,
)
OTHER_SAMPLES = {d: 1, alpha: 1, rho_H: sp.Rational(1, 2), rho_E: 1, n_2: 1, m: 1000, Delta: 1}
E_NAL, E_MAML = (
    matrix("E_m(w_NAL)", 1, r"\mathcal{E}_m(w_{NAL}^*)"),
    matrix("E_m(w_MAML)", 1, r"\mathcal{E}_m(w_{MAML}^*)"),
)
A_NAL = matrix("F_m(w_NAL) - noise", 1, r"F_m(w_{NAL}^*) - \text{noise floor}")
A_MAML = matrix("F_m(w_MAML) - noise", 1, r"F_m(w_{MAML}^*) - \text{noise floor}")
C_NAL = matrix("chain NAL", 1, r"\mathcal{E}_m(w_{NAL})")


def printed_risk(mean: Expr, first: Expr, second: Expr) -> Expr:
    """Proposition 1's right-hand side for two kinds of tasks."""
    one = apart.T * second * mean.I * M_1 * mean.I * second * apart
    two = apart.T * first * mean.I * M_2 * mean.I * first * apart
    return p * (1 - p) ** 2 / 2 * one + p**2 * (1 - p) / 2 * two


def from_second_line(point: Expr) -> Expr:
    """The chains of A.1 from their second line on."""
    one, two = point - w_1, point - w_2
    return p * one.T * M_1 * one + (1 - p) * two.T * M_2 * two


a_H, a_E = quantity("a_H", positive=True), quantity("a_E", positive=True)
matched = quantity("E_m(w_MAML), n2 = m", r"\mathcal{E}_m(w_{MAML}^*)\big|_{n_2 = m}")
other = quantity("E_m(w_NAL), any a", r"\mathcal{E}_m(w_{NAL}^*)")


@claim(
    "L-prop1",
    "[L] Proposition 1, (6), (7)",
    "excess risks of NAL and MAML",
    Statement(
        "nal",
        rf"{KINDS} the excess risk (2) of NAL, $\tfrac12\mathbb{{E}}_i\|\mathbb{{E}}_{{i'}}[\Sigma_{{i'}}]^{{-1}}\mathbb{{E}}_{{i'}}[\Sigma_{{i'}}"
        r"(w_{i'}^* - w_i^*)]\|^2_{Q_i^{(m)}}$, is with $D = w_2^* - w_1^*$ {}",
        sp.Eq(E_NAL, printed_risk(mean_Sigma, Sigma_1, Sigma_2)),
        given=(sp.Lt(p, 1),),
        quote=Quote(
            "Proposition 1, (2) and (6)",
            "The excess risks for ... we measure solution quality by the excess risk",
            "m(wNAL∗)=12EiEi′Σi′−1Ei′Σi′(wi∗′−wi∗)(6)",
        ),
    ),
    Statement(
        "maml",
        r"The excess risk of MAML, with $Q^{(n_2)}$ for $\Sigma$, is {}",
        sp.Eq(E_MAML, printed_risk(mean_Q, Q_1, Q_2)),
        given=(sp.Lt(p, 1),),
        quote=Quote(
            "Proposition 1, (2) and (7)",
            "The excess risks for",
            "m(wMAML∗)=12EiEi′Q(i′n2)−1Ei′Q(i′n2)(wi∗′−wi∗)",
        ),
    ),
    Statement(
        "chain",
        r"From its second line on the chain of equations before (17) has $\mathbb{E}_i\mathbb{E}\|P_i(w_{NAL} - w_i^*)\|^2_{\Sigma_i}$: {}",
        sp.Eq(C_NAL, from_second_line(w_NAL)),
        given=(sp.Lt(p, 1),),
        quote=Quote("A.1, the chain that ends with (18)", scan="=EiEˆXii)∥Σ2i∥Pi(wNAL−w∗", character=True),
    ),
    Statement(
        "better",
        r"MAML should always perform at least as well as NAL. With $n_2 = m$, as from section 3.1 on, for two equally likely tasks $\Sigma_i = \rho_i I$, whatever "
        r"their weights $a_H$, $a_E$ are: {}",
        sp.Le(matched, other),
        quote=Quote(
            "section 1",
            "MAML should always perform at least as well as NAL because its meta-training procedure aligns with the meta-test time evaluation of performance",
        ),
    ),
    Statement(
        "other n2",
        r"Where $n_2 \ne m$ the objectives differ, and MAML may do worse than NAL: with $d = 1$, $\rho_H = 1/2$, $\rho_E = \alpha = 1$, $n_2 = 1$, $m = 1000$ {}",
        sp.Eq(worse, sp.Rational(288738, 181583)),
    ),
)
def excess_risks() -> Derivation:
    """Put the optima into the risk, take off the noise floor, and then the least possible risk."""
    nal, maml, best = (
        minimiser(*pair) for pair in ((Sigma_1, Sigma_2, mean_Sigma), (Q_1, Q_2, mean_Q), (M_1, M_2, mean_M))
    )
    above = {point: quadratic(point, M_1, M_2) for point in (nal, maml, best)}
    tested = [isotropic_weight(value, alpha, m, d) for value in (rho_H, rho_E)]
    trained = [isotropic_weight(value, alpha, n_2, d) for value in (rho_H, rho_E)]
    pooled, adapted = two_task_risk(tested[0], tested[1], rho_H, rho_E), two_task_risk(*tested, *trained)
    other_value = two_task_risk(a_H, a_E, rho_H, rho_E)
    return Derivation(
        steps=[
            Step(r"Above the noise floor the risk after a step is {}", quadratic(w, M_1, M_2)),
            Step(
                r"At NAL's optimum $w - w_1^* = \mathbb{E}_i[\Sigma_i]^{-1}(1 - p)\,\Sigma_2(w_2^* - w_1^*)$, which gives the right-hand side of (6). "
                r"The risk of the best $w$ is, in the same way, not 0 but {}",
                printed_risk(mean_M, M_1, M_2),
            ),
            Step(
                r"For two equally likely isotropic tasks, $\Delta$ apart, NAL leaves above the noise {}",
                other_value,
            ),
            Step(
                r"and MAML, trained with the weights $b_H$ and $b_E$ that $n_2$ samples give, {}",
                two_task_risk(a_H, a_E, *positive("b_H b_E")),
            ),
        ],
        quantities=MEANS
        | {
            apart: w_2 - w_1,
            w_NAL: nal,
            E_NAL: above[nal] - above[best],
            E_MAML: above[maml] - above[best],
            A_NAL: above[nal],
            A_MAML: above[maml],
        }
        | {C_NAL: above[nal], worse: sp.cancel((adapted / pooled).subs(OTHER_SAMPLES))}
        | {matched: two_task_risk(a_H, a_E, a_H, a_E), other: other_value},
        corrections={
            "nal": Statement(
                "nal",
                r"Above the noise floor {}",
                sp.Eq(A_NAL, printed_risk(mean_Sigma, Sigma_1, Sigma_2)),
                (sp.Lt(p, 1),),
            ),
            "maml": Statement(
                "maml",
                r"Above the noise floor {}",
                sp.Eq(A_MAML, printed_risk(mean_Q, Q_1, Q_2)),
                (sp.Lt(p, 1),),
            ),
            "chain": sp.Eq(C_NAL, from_second_line(w_NAL) / 2),
        },
        weights={"nal": Weight.RESULT, "maml": Weight.RESULT, "chain": Weight.WORDING},
        tight={"better": {a_H: a_E, rho_H: rho_E}},
        reason=r"(6) and (7) are what is left above the noise floor (16). Excess risk as (2) defines it is smaller by the risk of the best $w$, which "
        r"is positive where optima differ, and vanishes for MAML with $n_2 = m$. What follows from (6) and (7) holds for the risk above the noise. The factor 1/2, which (6) and (7) have, is lost from "
        r"the second line of both chains on.",
    )

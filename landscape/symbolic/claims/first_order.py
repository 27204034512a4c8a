"""[F] sections 2, 4.3 and 4.4: first-order MAML, its floor, and which Hessian batch MAML uses."""

from collections.abc import Iterable

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, Weight, claim
from landscape.symbolic.notation import Expr, matrix, positive, quantity
from landscape.symbolic.positivity import sign
from landscape.symbolic.risk import isotropic_weight
from landscape.symbolic.words import words

alpha, beta, L, mu, h, h_1, h_2, Delta, n, d, rho = positive("alpha beta L mu h h_1 h_2 Delta n d rho")
p = quantity("p", positive=True)
size = sp.Symbol("d", positive=True, integer=True)
one = sp.Identity(size)
A, B = matrix("Sigma_1", size), matrix("Sigma_2", size)
w_1, w_FO = matrix("w_1", size, "w_1^*", 1), matrix("w_FO", size, "w_{FO}", 1)
meta = matrix("grad F(w_FO)", size, r"\nabla F(w_{FO})", 1)
floor = quantity("|F'(w_FO)|", r"\|\nabla F(w_{FO})\|", positive=True)
sigma = quantity("sigma", r"\sigma", positive=True)
epsilon = quantity("eps", r"\varepsilon", positive=True)


def two_slopes(weights: Iterable[Expr]) -> list[Expr]:
    """Where the weighted slopes of two equally likely tasks cancel, and the slopes of the tasks there."""
    w = sp.Symbol("w")
    slopes = [h_1 * (w - Delta), h_2 * w]
    (point,) = sp.solve(sum(weight * slope for weight, slope in zip(weights, slopes, strict=True)), w)
    return [sp.factor(slope.subs(w, point)) for slope in slopes]


@claim(
    "F-fo",
    "[F] Theorem 4.15, (26), Table 1",
    "the floor of first-order MAML",
    Statement(
        "stalls",
        r"With exact gradients FO-MAML stops where the mean of $(I - \alpha\Sigma_i)\nabla f_i$ vanishes, which is no stationary point of $F$: for two tasks with "
        r"probabilities $p$ and $1 - p$, $\nabla F(w_{FO}) = -\alpha\,\mathbb{E}_i[\Sigma_i (I - \alpha\Sigma_i)\nabla f_i(w_{FO})]$ is {}",
        sp.Eq(meta, -alpha * p * (A - B) * (one - alpha * A) * A * (w_FO - w_1)),
        given=(sp.Lt(p, 1),),
        quote=Quote(
            "section 4.4",
            "may not con-verge to an exact first-order stationary point even when we use large batch sizes",
        ),
    ),
    Statement(
        "order",
        r"For large batches (26) is $\|\nabla F\| \le O(\alpha L\sigma)$, its constant taken as 1. For two tasks with curvatures $\mu < L$ {}",
        sp.Le(floor, alpha * L * sigma),
        given=(sp.Lt(alpha, 1 / L), sp.Lt(mu, L)),
        quote=Quote(
            "Theorem 4.15, (26)",
            "Comparing Theorem 4.15 with Theorem 4.12 implies that FO-MAML",
            "This is because of the#2L2$2 term in",
        ),
    ),
    Statement(
        "abstract",
        r"FO-MAML cannot find an $\varepsilon$-first-order stationary point for any $\varepsilon > 0$: {}",
        sp.Gt(floor, epsilon),
        given=(sp.Lt(alpha, 1 / L), sp.Lt(mu, L)),
        quote=Quote("abstract", "FO-MAML cannot find an", "for any ! > 0. We further propose"),
    ),
)
def first_order_floor() -> Derivation:
    """Use the stationarity of FO-MAML in the gradient of F; then two tasks, and the spread of their gradients there."""
    check_general_bound(reach, parts)
    left = (one - alpha * A) * A * (w_FO - w_1)
    other = -p / (1 - p) * left  # (I - alpha Sigma_2) grad f_2 at a point where FO-MAML stops
    gradient = p * (one - alpha * A) * left + (1 - p) * (one - alpha * B) * other
    slopes = [slope.subs({h_1: mu, h_2: L}) for slope in two_slopes([1 - alpha * h_1, 1 - alpha * h_2])]
    spread = sp.factor(sp.sqrt((slopes[0] - slopes[1]) ** 2 / 4).subs(sp.Abs(Delta), Delta))
    slope = sp.factor(((1 - alpha * mu) ** 2 * slopes[0] + (1 - alpha * L) ** 2 * slopes[1]) / 2)
    ratio = sp.factor(sp.cancel(slope / ((slopes[0] - slopes[1]) / 2)))  # both are positive, or both negative
    return Derivation(
        steps=[
            Step(
                r"FO-MAML's mean step is $-\beta\,\mathbb{E}_i[A_i g_i]$ with $A_i = I - \alpha\Sigma_i$, $g_i = \nabla f_i$, and $\nabla F = \mathbb{E}_i[A_i^2 g_i]$. Where the first is 0 the second is {}",
                gradient,
            ),
            Step(r"For curvatures $\mu$ and $L$ in one dimension the two slopes there are {}", sp.Tuple(*slopes)),
            Step(r"half their difference is $\sigma$: {}", spread),
            Step(r"and $\|\nabla F\|/\sigma$ is {}", ratio),
            Step(
                r"For any number of tasks $v_i = A_i g_i$ has mean 0, so $\nabla F = \mathbb{E}[A_i v_i] = -\alpha\,\mathbb{E}[(\Sigma_i - cI)v_i]$ for every $c$. For $c = (L + \mu)/2$ an eigenvalue $h \in [\mu, L]$ of $\Sigma_i$ "
                r"is at most $(L - \mu)/2$ away, as {}", sp.Eq(reach.subs(h_1, h), (L - h) * (h - mu)),
            ),
            Step(r"So $\|\nabla F\| \le \alpha\frac{L - \mu}{2}\,\mathbb{E}\|v_i\|$. With $0 \preceq A_i \preceq I$ next $\mathbb{E}\|v_i\|^2 \le \mathbb{E}[g_i^\top A_i g_i]$: an eigenvalue of $A_i$ has {}", sp.Ge(a - a**2, 0)),
            Step(
                r"$\mathbb{E}[A_i g_i] = 0$ takes the middle term from the mean of what follows, and the last is not negative: $\mathbb{E}[g_i^\top A_i g_i] \le \mathbb{E}[(g_i - \bar g)^\top A_i (g_i - \bar g)] \le \sigma^2$. {}",
                sp.Eq(apart, parts),
            ),
            Step(r"Together $\alpha (L - \mu)\sigma/2$ bounds any number of convex quadratic tasks in any dimension."),
        ],
        quantities={meta: gradient, floor: ratio * sigma},
        corrections={
            "order": Statement(
                "order", r"With $\sigma$ at $w_{FO}$, for any number of convex quadratic tasks, and attained by two as $\alpha \to 0$, {}",
                sp.Le(floor, alpha * (L - mu) / 2 * sigma), (sp.Lt(alpha, 1 / L), sp.Lt(mu, L)),
            ),
            "abstract": Statement(
                "abstract", r"It cannot for every $\varepsilon$: on two tasks with curvatures $\mu < L$ it stops at a gradient of the size {}", sp.Eq(floor, ratio * sigma),
                (sp.Lt(alpha, 1 / L), sp.Lt(mu, L)),
            ),
        },
        tight={"order": {alpha: 0}},
        weights={"abstract": Weight.WORDING},
        reason=r"The abstract's 'for any $\varepsilon > 0$' is to be read as 'for every': the body has $\varepsilon \ge O(\alpha\sigma)$, and FO-MAML does reach any level above its floor.",
    )  # fmt: skip


a = positive("a")
g, mean_g, weight = matrix("g_i", size, columns=1), matrix("mean g", size, r"\bar g", 1), matrix("A_i", size)
apart = (g - mean_g).T * weight * (g - mean_g)
parts = g.T * weight * g - 2 * mean_g.T * weight * g + mean_g.T * weight * mean_g
reach = (L - mu) ** 2 / 4 - (h_1 - (L + mu) / 2) ** 2


def check_general_bound(reach: Expr, parts: Expr) -> None:
    """What the bound for any number of tasks rests on: three inequalities between eigenvalues and an identity of quadratic forms.

    Parameters
    ----------
    reach : expression
        By how much ((L - mu)/2)^2 exceeds the square of an eigenvalue's distance from (L + mu)/2.
    parts : expression
        What the quadratic form of a gradient less the mean gradient is the sum of.
    """
    small, between = (sp.Le(a, 1),), (sp.Le(mu, h_1), sp.Le(h_1, L))
    signs = sign(a - a**2, small), sign(1 - a, small), sign(reach, between)
    if signs != (1, 1, 1) or words(apart) != words(parts):
        raise ArithmeticError("a step of the general bound does not hold")


S_in, S_o, S_h = (
    matrix(f"S_{name}", size, rf"\tilde\nabla^2 f_i(\mathcal{{D}}_{{{name}}}^i)") for name in ("in", "o", "h")
)
b_in, b_o = (matrix(f"b_{name}", size, f"b_{{{name}}}^i", 1) for name in ("in", "o"))
w = matrix("w_k", size, "w_k", 1)
step = matrix("w_{k+1}", size, "w_{k+1}", 1)
used = quantity("D_h used", r"D_h")
sigma_H = quantity("sigma_H", r"\sigma_H", positive=True)


def hessian_letters(update: Expr) -> int:
    """How often an update uses the Hessian batch."""
    return sum(word.count(S_h) for word, _ in words(update))


@claim(
    "F-4.15",
    "[F] Theorem 4.15",
    "the Hessian batch of first-order MAML",
    Statement(
        "update",
        r"The update (8) of FO-MAML is, on a quadratic and for one task, {}",
        sp.Eq(step, w - beta * (S_o * (w - alpha * (S_in * w - b_in)) - b_o)),
        quote=Quote("section 2, (8)", "are evaluated based on (4)"),
    ),
    Statement(
        "batch",
        r"It uses no Hessian batch, so Theorem 4.15's condition on $D_h$ can be dropped. Of the samples $\mathcal{D}_h$ it uses {}",
        sp.Eq(used, 0),
    ),
)
def hessian_batch() -> Derivation:
    """Write down both updates and count the letters."""
    inner = S_o * (w - alpha * (S_in * w - b_in)) - b_o
    first, full = w - beta * inner, w - beta * (one - alpha * S_h) * inner
    if not hessian_letters(full):
        raise ArithmeticError("MAML's update should use the Hessian batch")
    return Derivation(
        steps=[
            Step(r"The update (8), on a quadratic and for one task, is {}", first),
            Step(r"where (5) is {}", full),
            Step(r"$\mathcal{D}_h^i$ occurs in (5) only. Of its samples (8) uses {}", sp.Integer(hessian_letters(first))),
        ],
        quantities={used: sp.Integer(hessian_letters(first)), step: first},
    )  # fmt: skip


ends = {
    name: quantity(f"w_{name}", rf"w_{{MAML}}^{{{written}}}")
    for name, written in (("shared", r"\mathcal{D}_h = \mathcal{D}_{in}"), ("independent", r"\mathcal{D}_h \perp \mathcal{D}_{in}"))
}  # fmt: skip
mean = {
    name: quantity(f"E[g], {name}", rf"\mathbb{{E}}[g_k]_{{{written}}}")
    for name, written in (("shared", r"\mathcal{D}_h = \mathcal{D}_{in}"), ("independent", r"\mathcal{D}_h \perp \mathcal{D}_{in}"))
}  # fmt: skip
away = quantity("w_k - w_i", r"(w_k - w_i^*)")
e_1, e_2, a_1, a_2 = (quantity(f"{letter}_{k}", positive=True) for letter in "ea" for k in (1, 2))


@claim(
    "F-limits",
    "[F] section 2, (5)",
    "MAML with a shared and with an independent Hessian batch",
    Statement(
        "independent",
        r"With the Hessian on samples of its own (5) replaces the terms of $\nabla F$ by unbiased approximations. For linear regression with inputs $N(0, \rho I_d)$ its mean direction is that of $\nabla F$, {}",
        sp.Eq(mean["independent"], rho * (1 - alpha * rho) ** 2 * away),
        quote=Quote("section 2", "If we simply replace", "are inde-pendent from each other that allows us to use a smaller batch for the stochastic Hessian computation", texts=2),
    ),
    Statement(
        "direction",
        r"With one batch of $n$ samples for the step and the Hessian, as in Collins et al., it is another: {}",
        sp.Eq(mean["shared"] - mean["independent"], alpha**2 * (d + 1) / n * rho**3 * away),
    ),
    Statement(
        "limit",
        r"So both methods called MAML converge to different points. For two equally likely tasks, $\Delta$ apart, with $a_i = h_i(1 - \alpha h_i)^2$ and $e_i = \alpha^2(d + 1)h_i^3/n$, coordinate by coordinate {}",
        sp.Eq(ends["shared"] - ends["independent"], Delta * (e_1 * a_2 - e_2 * a_1) / ((a_1 + a_2) * (a_1 + a_2 + e_1 + e_2))),
    ),
)  # fmt: skip
def hessian_batches() -> Derivation:
    """Expectations of (I - alpha S) Sigma (I - alpha S') for S' equal to S and independent of it."""
    shared = isotropic_weight(rho, alpha, n, d)
    independent = isotropic_weight(rho, alpha, sp.oo, d)
    exact = {a_1: h_1 * (1 - alpha * h_1) ** 2, a_2: h_2 * (1 - alpha * h_2) ** 2}
    extra = {e_1: alpha**2 * (d + 1) * h_1**3 / n, e_2: alpha**2 * (d + 1) * h_2**3 / n}
    for k, curvature in ((1, h_1), (2, h_2)):
        name = (a_1, a_2)[k - 1], (e_1, e_2)[k - 1]
        if sp.expand(shared.subs(rho, curvature) - exact[name[0]] - extra[name[1]]) != 0:
            raise ArithmeticError("the shared batch adds more than the term in 1/n")

    def optimum(one: Expr, two: Expr) -> Expr:
        return one * Delta / (one + two)

    points = {
        ends["shared"]: optimum(*(shared.subs(rho, curvature) for curvature in (h_1, h_2))),
        ends["independent"]: optimum(*(independent.subs(rho, curvature) for curvature in (h_1, h_2))),
    }
    return Derivation(
        steps=[
            Step(
                r"With independent batches $\mathbb{E}[(I - \alpha S_h)\Sigma(I - \alpha S_{in})] = (I - \alpha\Sigma)\Sigma(I - \alpha\Sigma)$, so a task weighs {}",
                independent,
            ),
            Step(r"With one batch the two factors are dependent, and pairing gives {}", shared),
            Step(
                r"MAML stops at the mean of the optima in these weights, $\Delta a_1/(a_1 + a_2)$ from the second task."
            ),
            Step(r"The difference is, for any $d$ and $n$, {}", sp.factor(points[ends["shared"]] - points[ends["independent"]])),
        ],
        quantities={mean["shared"]: shared * away, mean["independent"]: independent * away, **points, **exact, **extra},
    )  # fmt: skip

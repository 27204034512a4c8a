"""[F] 4.5, 4.6 and [C] 3.4: gradients of bounded variance, on linear landscapes."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Statement, Step, claim
from landscape.symbolic.notation import Expr, matrix, positive, quantity
from landscape.symbolic.wick import expected_word, isotropic

h_1, h_2, rho, nu = positive("h_1 h_2 rho nu")
p = quantity("p", positive=True)
d = sp.Symbol("d", positive=True, integer=True)
distance = quantity("|w - c|", r"|w - c|", positive=True)
away = quantity("|w - w_i|", r"\|w - w_i^*\|", positive=True)
spread = quantity("spread(w)", r"\mathbb{E}_i |\nabla f(w) - \nabla f_i(w)|^2")
sampled = quantity(
    "sampled(w)", r"\mathbb{E}_\theta \|\nabla f_i(w, \theta) - \nabla f_i(w)\|^2"
)  # theta is a sample
hessian = quantity("hessian(w)", r"\mathbb{E}_\theta \|\nabla^2 f_i(w, \theta) - \nabla^2 f_i(w)\|_F^2")

A = matrix("Sigma", d)
w, w_1, w_2 = (
    matrix(name, d, written, 1) for name, written in (("w", None), ("w_1", "w_1^*"), ("w_2", "w_2^*"))
)
shared = matrix("spread, equal Hessians", 1, r"\mathbb{E}_i \|\nabla f(w) - \nabla f_i(w)\|^2")


def task_spread() -> Expr:
    """E|f'(w) - f_i'(w)|^2 of two quadratics at a distance from the point c where their slopes agree."""
    u, slope = sp.symbols("u slope")
    one, two = slope + h_1 * u, slope + h_2 * u
    mean = p * one + (1 - p) * two
    return sp.factor((p * (one - mean) ** 2 + (1 - p) * (two - mean) ** 2).subs(u, distance))


def sample_spread() -> tuple[Expr, Expr]:
    """The same over samples of one Gaussian task, E|x(x'v - z)|^2 - |Sigma v|^2, and of its Hessian x x'."""
    cov = sp.MatrixSymbol("Sigma", d, d)
    one = sp.Identity(d)
    square = isotropic(
        expected_word([one, one, one], sp.Integer(1), cov), cov, rho, d
    )  # of (x x')^2, in front of I
    return sp.factor(square - rho**2) * away**2 + d * rho * nu**2, sp.factor(d * (square - rho**2))


@claim(
    "L-assume",
    "[F] Assumptions 4.5, 4.6; [C] Assumption 3.4",
    "gradients of bounded variance",
    Statement(
        "tasks",
        r"[F] (12), [C] 3.4: the variance of $\nabla f_i(w)$ over tasks is at most $\sigma^2$ for every $w$. For two quadratics with curvatures "
        r"$h_1$, $h_2$ and probabilities $p$, $1 - p$, whose slopes agree at $c$: {}",
        sp.Lt(sp.Limit(spread, distance, sp.oo), sp.oo),
        given=(sp.Lt(p, 1), sp.Lt(h_1, h_2)),
        assumption=True,
    ),
    Statement(
        "equal",
        r"The same for equal Hessians, at any dimension: the variance of $\nabla f_i(w)$ does not depend on $w$, {}",
        sp.Eq(shared, p * (1 - p) * (w_1 - w_2).T * A**2 * (w_1 - w_2)),
        given=(sp.Lt(p, 1),),
    ),
    Statement(
        "samples",
        r"[F] (13): that of $\nabla f_i(w, \theta)$ over samples $\theta$ is at most $\tilde\sigma^2$ for every $w$. For linear regression with "
        r"inputs $N(0, \rho I_d)$ and label noise of variance $\nu^2$: {}",
        sp.Lt(sp.Limit(sampled, away, sp.oo), sp.oo),
        assumption=True,
    ),
    Statement(
        "hessians", r"[F] (14): that of $\nabla^2 f_i(w, \theta)$ is at most $\sigma_H^2$: {}", sp.Lt(sp.Limit(hessian, away, sp.oo), sp.oo)
    ),
)  # fmt: skip
def bounded_variance() -> Derivation:
    """The variances as functions of w."""
    tasks, (samples, hessians) = task_spread(), sample_spread()
    one, two = A * (w - w_1), A * (w - w_2)
    mean = p * one + (1 - p) * two
    equal = p * (one - mean).T * (one - mean) + (1 - p) * (two - mean).T * (two - mean)
    on_ball = p * (1 - p) * (h_1 - h_2) ** 2 * distance**2
    return Derivation(
        steps=[
            Step(r"Slopes that agree at $c$ differ by $(h_1 - h_2)(w - c)$ elsewhere: {}", sp.Eq(spread, tasks)),
            Step(r"For one task the sample's gradient is $x(x^\top (w - w_i^*) - z)$; pairing gives {}", sp.Eq(sampled, samples)),
            Step(r"and for its Hessian $xx^\top$ {}", sp.Eq(hessian, hessians)),
            Step(r"With equal Hessians the gradients of tasks differ by $\Sigma (w_1^* - w_2^*)$ everywhere: their variance is constant."),
        ],
        quantities={spread: tasks, sampled: samples, hessian: hessians, shared: equal},
        corrections={"hessians": sp.Eq(hessian, d * (d + 1) * rho**2)},
        instead={
            "tasks": Statement("tasks", r"On the ball $|w - c| \le r$ one may take $\sigma^2$ as the value at $|w - c| = r$ of {}",
                               sp.Eq(spread, on_ball), (sp.Lt(p, 1),)),
            "samples": Statement("samples", r"On a ball around $w_i^*$ one may take $\tilde\sigma^2$ as the value on its boundary of {}",
                                 sp.Eq(sampled, (d + 1) * rho**2 * away**2 + d * rho * nu**2)),
        },
        reason=r"On quadratics the variance over tasks grows with the square of the distance unless all Hessians agree, and the variance over samples always does. "
        r"Theorems that assume these bounds do not apply to linear regression; they can be held against it on a ball, with that ball's $\sigma$ and $\tilde\sigma$.",
    )  # fmt: skip

"""[F] 4.5, 4.6 and [C] 3.4: gradients of bounded variance, on linear landscapes."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, Weight, claim
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


def equal_hessians() -> Expr:
    """The variance of the gradients of two tasks with one Hessian."""
    one, two = A * (w - w_1), A * (w - w_2)
    mean = p * one + (1 - p) * two
    return p * (one - mean).T * (one - mean) + (1 - p) * (two - mean).T * (two - mean)


@claim(
    "F-assume",
    "[F] Assumptions 4.5, 4.6",
    "gradients of bounded variance",
    Statement(
        "equal",
        r"For strongly convex functions (12) is closely related to optima within a ball. For quadratics with equal Hessians it is the same: at any dimension the variance over tasks does not depend on $w$, {}",
        sp.Eq(shared, p * (1 - p) * (w_1 - w_2).T * A**2 * (w_1 - w_2)),
        given=(sp.Lt(p, 1),),
        quote=Quote("section 4, below (12)", "for strongly convex functions, this assumption is closely related to the one in", texts=2),
    ),
    Statement(
        "hessians",
        r"(14): for linear regression with inputs $N(0, \rho I_d)$ the variance of $\nabla^2 f_i(w, \theta)$ over samples $\theta$ is bounded: {}",
        sp.Lt(sp.Limit(hessian, away, sp.oo), sp.oo),
        quote=Quote("Assumption 4.6, (14)", "have bounded variance, i.e.,", texts=2),
    ),
    Statement(
        "tasks",
        r"Quadratics with different Hessians do not meet (12): for two with curvatures $h_1$, $h_2$ and probabilities $p$, $1 - p$, whose slopes agree at $c$, the variance is {}",
        sp.Eq(spread, p * (1 - p) * (h_1 - h_2) ** 2 * distance**2),
        given=(sp.Lt(p, 1),),
    ),
    Statement(
        "samples",
        r"nor does linear regression with label noise of variance $\nu^2$ meet (13): the variance over samples is {}",
        sp.Eq(sampled, (d + 1) * rho**2 * away**2 + d * rho * nu**2),
    ),
)  # fmt: skip
def bounded_variance() -> Derivation:
    """The variances as functions of w."""
    tasks, (samples, hessians) = task_spread(), sample_spread()
    return Derivation(
        steps=[
            Step(r"With equal Hessians the gradients of tasks differ by $\Sigma (w_1^* - w_2^*)$ everywhere: their variance is constant."),
            Step(r"Slopes that agree at $c$ differ by $(h_1 - h_2)(w - c)$ elsewhere: {}", sp.Eq(spread, tasks)),
            Step(r"For one task the sample's gradient is $x(x^\top (w - w_i^*) - z)$; pairing gives {}", sp.Eq(sampled, samples)),
            Step(r"and for its Hessian $xx^\top$ {}", sp.Eq(hessian, hessians)),
            Step(r"On a ball both are bounded: theorems that assume them can be held against linear regression there, with that ball's $\sigma$ and $\tilde\sigma$."),
        ],
        quantities={spread: tasks, sampled: samples, hessian: hessians, shared: equal_hessians()},
        corrections={"hessians": sp.Eq(hessian, d * (d + 1) * rho**2)},
    )  # fmt: skip


minus = quantity("curvature of -w^2/2", r"f''")


@claim(
    "C-assume",
    "[C] Assumptions 3.2 to 3.5",
    "smooth, strongly convex tasks with gradients of bounded variance",
    Statement(
        "convex",
        r"Assumption 3.3 makes $f_i$ strongly convex, as it is called. $f = -w^2/2$ satisfies it as printed, with $\mu = 1$, so there {}",
        sp.Gt(minus, 0),
        quote=Quote("Assumption 3.3", scan="$\\|\\nabla f_i(w) - \\nabla f_i(u)\\| \\geq \\mu_i \\|w - u\\|$"),
    ),
    Statement(
        "regression",
        r"Section 5 says that the method provably works for strongly convex losses. That takes Assumption 3.4 as well, on the whole space. For two quadratics, as in its linear regression, whose slopes agree at $c$: {}",
        sp.Lt(sp.Limit(spread, distance, sp.oo), sp.oo),
        given=(sp.Lt(p, 1), sp.Lt(h_1, h_2)),
        assumption=True,
        quote=Quote("Assumption 3.4, section 5", "the variance of gradient ... our method only provably works for strongly convex loss functions"),
    ),
)  # fmt: skip
def assumptions() -> Derivation:
    """A concave example; and the spread of two quadratics."""
    x = sp.Symbol("x")
    slope = sp.diff(-(x**2) / 2, x)
    return Derivation(
        steps=[
            Step(r"For $f = -w^2/2$ $|f'(w) - f'(u)| = |w - u|$ for all $w$ and $u$, and the second derivative is {}", sp.diff(slope, x)),
            Step(r"Slopes that agree at $c$ differ by $(h_1 - h_2)(w - c)$ elsewhere: {}", sp.Eq(spread, task_spread())),
        ],
        quantities={spread: task_spread(), minus: sp.diff(slope, x)},
        corrections={
            "convex": Statement(
                "convex", r"What is meant is $\langle \nabla f_i(w) - \nabla f_i(u), w - u\rangle \ge \mu_i\|w - u\|^2$; the example's second derivative is {}", sp.Eq(minus, -1)
            ),
        },
        instead={
            "regression": Statement(
                "regression", r"On the ball $|w - c| \le r$ one may take $\sigma^2$ as the value at $|w - c| = r$ of {}",
                sp.Eq(spread, p * (1 - p) * (h_1 - h_2) ** 2 * distance**2), (sp.Lt(p, 1),),
            ),
        },
        weights={"convex": Weight.WORDING},
        reason=r"Assumption 3.3 needs the inner product for the norm on its left-hand side. On quadratics the variance over tasks grows with the square of the distance unless all Hessians agree, so the theorems apply to linear regression on a ball only.",
    )  # fmt: skip

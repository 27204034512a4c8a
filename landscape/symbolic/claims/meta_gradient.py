"""[F] section 4.1, 4.2: the smoothness of F, and the random step size."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, claim
from landscape.symbolic.claims.assumptions import rho
from landscape.symbolic.notation import Expr, positive, quantity
from landscape.symbolic.positivity import sign
from landscape.symbolic.rational import vanishes

L, alpha, h, M = positive("L alpha h M")
SLOPE = quantity("E|f_i'|", r"\mathbb{E}_{i \sim p} \|\nabla f_i(w)\|", positive=True)
steepest = quantity(
    "Lipschitz constant", r"\sup_{f, u} \frac{\|\nabla F(w) - \nabla F(u)\|}{\|w - u\|}", positive=True
)
convex = quantity("curvature of F", r"\sup_u \frac{\|\nabla F(w) - \nabla F(u)\|}{\|w - u\|}", positive=True)


def steepest_change() -> Expr:
    """The slope of F' on one side of w = 0 for the task whose bounds of Lemma 4.8 are all attained there.

    f'(0) > 0; f'' is -L on the side of the step, and on the other side rises at the rate rho: F'' is then
    minus the sum of both bounds.
    """
    x = sp.Symbol("x")
    near = SLOPE - L * x + rho * x**2 / 2  # f' on the side of u, x > 0
    ahead = SLOPE - L * x  # f' where the step goes, x < 0
    step = (1 - alpha * sp.diff(near, x)) * ahead.subs(x, x - alpha * near)
    return sp.expand(-sp.diff(step, x).subs(x, 0))


@claim(
    "F-4.8",
    "[F] Lemma 4.8, (15)",
    "smoothness of the meta-objective",
    Statement(
        "general",
        r"For $\alpha \in [0, 1/L]$, $L$-smooth losses and $\rho$-Lipschitz Hessians, $\nabla F$ changes at $w$ at most at the rate $L(w)$: {}",
        sp.Le(steepest, 4 * L + 2 * rho * alpha * SLOPE),
        given=(sp.Le(alpha, 1 / L),),
        quote=Quote(
            "Lemma 4.8, (15)",
            "Consider the objective function F de-fined in (2) for the case that",
            'where L(w) := 4 L +2 (# Ei " p)# f i (w))',
        ),
    ),
    Statement(
        "linear",
        r"On linear regression ($\rho = 0$), for every curvature $h \le 1/\alpha$, {}",
        sp.Le(convex, 4 / (27 * alpha)),
        given=(sp.Le(h, 1 / alpha),),
    ),
)
def smoothness() -> Derivation:
    """Bound the two factors of the gradient, find losses that attain both bounds, and maximise for quadratics."""
    worst = steepest_change()
    curve = h * (1 - alpha * h) ** 2
    (best,) = [root for root in sp.solve(sp.diff(curve, h), h) if curve.subs(h, root) != 0]
    return Derivation(
        steps=[
            Step(
                r"With $A = I - \alpha\nabla^2 f$ and $w^+ = w - \alpha\nabla f(w)$ write $\nabla F(w) - \nabla F(u) = A(w)(\nabla f(w^+) - \nabla f(u^+)) + "
                r"(A(w) - A(u))\nabla f(u^+)$. The first term is at most $(1 + \alpha L)^2 L\|w - u\|$, the second $\alpha\rho(1 + \alpha L)\|\nabla f\|\|w - u\|$."
            ),
            Step(
                r"Both are attained together: on the line with $f'(0)$ of size $\mathbb{E}\|\nabla f_i\|$, $f'' = -L$ where the step goes and $f''$ changing at the rate $\rho$ on "
                r"the other side of 0, $F'$ changes there at the rate {}",
                worst,
            ),
            Step(r"On quadratics $F$ has the curvature {}", curve),
            Step(r"which is largest at {}", sp.Eq(h, best)),
            Step(r"where it is {}", curve.subs(h, best)),
        ],
        quantities={steepest: worst, convex: curve},
        corrections={
            "general": sp.Eq(steepest, L * (1 + alpha * L) ** 2 + rho * alpha * (1 + alpha * L) * SLOPE),
        },
        tight={"linear": {h: best}},
    )


first = quantity("E[beta~]", r"\inf \mathbb{E}[\tilde\beta(w)]", positive=True)
second = quantity("E[beta~^2]", r"\sup \mathbb{E}[\tilde\beta(w)^2]", positive=True)
level = quantity("L(w)", "L(w)", positive=True)


def second_moment(variance: Expr) -> Expr:
    """(4 + M)^2 E[1/(4 + Z)^2] where Z is 0 or one other value, with mean M and the given variance, in units of L."""
    chance = variance / (variance + M**2)  # of 0
    return sp.factor((4 + M) ** 2 * (chance / 16 + (1 - chance) / (4 + M / (1 - chance)) ** 2))


z, u, x, m = positive("z u x m")
tangent = 1 / x - (2 / m - x / m**2)


def parabola_above() -> tuple[Expr, Expr]:
    """The parabola that meets 1/(4 + z)^2 at z = 0 and touches it at z = u, and how far it lies above.

    The mean of the parabola depends on the mean and variance of Z only, so it bounds E[1/(4 + Z)^2] for every
    Z >= 0 that has these.
    """
    b, c = sp.symbols("b c")
    curve = 1 / (4 + z) ** 2
    parabola = sp.Rational(1, 16) + b * z + c * z**2
    (found,) = sp.solve(
        [(parabola - curve).subs(z, u), sp.diff(parabola - curve, z).subs(z, u)], [b, c], dict=True
    )
    parabola = parabola.subs(found)
    return parabola, sp.factor(parabola - curve)


def check_moments(tangent: Expr, moment: Expr, variance: Expr) -> None:
    """Jensen's inequality by the tangent; the parabola's mean is what two values give, so no distribution gives more.

    Parameters
    ----------
    tangent : expression
        How far 1/x lies above its tangent.
    moment : expression
        The second moment of the worst distribution of this variance, as `second_moment` gives it.
    variance : expression
    """
    parabola, above = parabola_above()
    _, slope, bend = sp.Poly(parabola, z).all_coeffs()[::-1]
    mean = (sp.Rational(1, 16) + slope * M + bend * (variance + M**2)).subs(u, (variance + M**2) / M)
    if sign(tangent) != 1 or sign(above) != 1 or not vanishes((4 + M) ** 2 * mean - moment):
        raise ArithmeticError("a step of the bounds on moments does not hold")


def least_bound(function: Expr, digits: int = 4) -> Expr:
    """The largest value over M > 0, rounded up; that it is a bound and attained but for the last digit is checked by Sturm's theorem."""
    top, bottom = sp.fraction(function)
    slope = sp.Poly(sp.numer(sp.together(sp.diff(function, M))), M)
    peaks = [sp.Rational(str(root)) for root in slope.nroots(30) if root.is_positive]
    bound = sp.Rational(sp.ceiling(max(function.subs(M, peak) for peak in peaks) * 10**digits), 10**digits)
    for value, count in ((bound, False), (bound - sp.Rational(1, 10**digits), True)):
        if (sp.Poly(value * bottom - top, M).count_roots(0, sp.oo) > 0) != count:
            raise ArithmeticError(f"the largest value is not within one digit of {bound}")
    return bound


scaled_moment = quantity("L(w)^2 E", r"L(w)^2\,\mathbb{E}[\tilde\beta^2]")


@claim(
    "F-4.9",
    "[F] Lemma 4.9, (18), (19)",
    "moments of the random step size",
    Statement(
        "first",
        r"With $B' \ge \lceil 0.5(\rho\alpha\sigma/L)^2 \rceil$ and $D_\beta \ge \lceil (2\rho\alpha\tilde\sigma/L)^2 \rceil$ {}",
        sp.Ge(first, sp.Rational(4, 5) / level),
        given=(sp.Ge(level, 4 * L),),
        quote=Quote("Lemma 4.9, (18), (19)", "are satisfied, then we have", "0.8 L(w)"),
    ),
    Statement("second", r"and {}", sp.Le(second, sp.Rational(25, 8) / level**2), quote=Quote("Lemma 4.9, (19)", scan="3.125 L(w)2 (19)")),
    Statement(
        "quadratics",
        r"On quadratics ($\rho = 0$) the first is {}",
        sp.Eq(quantity("E[beta~] on quadratics", r"\mathbb{E}[\tilde\beta(w)]", positive=True), 1 / (4 * L)),
    ),
)  # fmt: skip
def step_sizes() -> Derivation:
    """Jensen's inequality for the first moment; the worst distribution of given mean and variance for the second."""
    check_moments(tangent, second_moment(8), variance=8)
    exact, noisy = (least_bound(second_moment(variance)) for variance in (8, 9))
    plain = quantity("E[beta~] on quadratics", r"\mathbb{E}[\tilde\beta(w)]", positive=True)
    return Derivation(
        steps=[
            Step(
                r"$1/x$ lies above its tangent at $m = \mathbb{E}[\tilde L]$, {}",
                sp.Eq(tangent, (x - m) ** 2 / (m**2 * x)),
            ),
            Step(
                r"so that $\mathbb{E}[1/\tilde L] \ge 1/\mathbb{E}[\tilde L]$, and $\mathbb{E}\|\tilde\nabla f_j\| \le \mathbb{E}\|\nabla f_j\| + \tilde\sigma/\sqrt{D_\beta}$, so by (18) "
                r"$\mathbb{E}[\tilde L] \le L(w) + L$. Where all $\nabla f_j(w) = 0$, $D_\beta = 1$ and the noise has the constant size $\tilde\sigma = L/(2\rho\alpha)$ this is an equality. So, sharp there, {}",
                sp.Ge(first, 1 / (level + L)),
            ),
            Step(
                r"Write $\tilde L = (4 + Z)L$. With exact gradients $L(w) = (4 + M)L$, $M = \mathbb{E}[Z]$, and by (18) $\mathrm{Var}(Z) \le 8$. Of all $Z \ge 0$ with these moments the one "
                r"that is 0 or one other value $u$ has the largest $\mathbb{E}[1/(4 + Z)^2]$: the parabola that meets $1/(4 + z)^2$ at 0 and touches it at $u$ lies above it for $z \ge 0$, by {}",
                parabola_above()[1],
            ),
            Step(
                r"and its mean is the same for all $Z$ with these moments. With $B' = 1$, two tasks of parallel gradients attain it: {}",
                sp.Eq(scaled_moment, second_moment(8)),
            ),
            Step(
                r"Its largest value over $M > 0$ (rounded up to four digits, by Sturm's theorem) is {}",
                sp.Float(exact, 5),
            ),
            Step(
                r"Noise of the gradients adds at most 1 to the variance. Even so the value is at most {}",
                sp.Float(noisy, 5),
            ),
        ],
        quantities={first: 1 / (level + L), second: exact / level**2, plain: 1 / (4 * L)},
        corrections={
            "second": Statement(
                "second", r"With exact gradients (to four digits) {}", sp.Eq(second, exact / level**2)
            ),
        },
        tight={"first": {level: 4 * L}},
    )

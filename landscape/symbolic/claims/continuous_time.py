"""[C] sections 3.1 and 3.3: the MAML ODE and the Lyapunov inequality."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Statement, Step, claim
from landscape.symbolic.notation import Expr, matrix, positive, quantity
from landscape.symbolic.positivity import sign
from landscape.symbolic.risk import gradient

alpha, L, mu, h_1, h_2, zeta, gamma = positive("alpha L mu h_1 h_2 zeta gamma")
d = sp.Symbol("d", positive=True, integer=True)
one = sp.Identity(d)

H, H_point, H_mean = (
    matrix(name, 2, written)
    for name, written in (
        ("H(w)", r"\nabla^2 f_i(w)"),
        ("H(w~)", r"\nabla^2 f_i(\tilde w_i)"),
        ("mean H", r"\bar H_i(w)"),
    )
)
size = quantity("alpha, example", r"\alpha", positive=True)  # that of the example
slope = matrix("grad f", 2, r"\nabla f_i(w)", 1)
flow = matrix("w'", 2, r"\dot w", 1)

flow_1, slope_1, H_1, H_half = (
    quantity(name, written)
    for name, written in (
        ("w', line", r"\dot w"),
        ("f'", "f'(w)"),
        ("f''", "f''(w)"),
        ("f''(w~)", r"f''(\tilde w)"),
    )
)

Sigma = matrix("Sigma_i", d)
w, w_i = matrix("w", d, columns=1), matrix("w_i", d, "w_i^*", 1)
line = matrix("grad f_i", d, r"\nabla f_i(w)", 1)
flow_line = matrix("w', quadratic", d, r"\dot w", 1)


def bent_task() -> tuple[Expr, ...]:
    """A loss on the plane whose gradient turns along the step from w = (1, 0) to the origin, and what the ODE says there.

    The first component of the Hessian's action on the step is linear on the way, the second quadratic: they
    take their means at different points.
    """
    x, y, t = sp.symbols("x y t", real=True)
    loss = x**2 / 2 + x**3 / 6 + sp.Rational(15, 2) * x + y * (x**3 - 1) / 3 + 2 * y**2
    here = {x: 1, y: 0}
    grad, hess = (
        sp.ImmutableMatrix([sp.diff(loss, x), sp.diff(loss, y)]),
        sp.ImmutableMatrix(sp.hessian(loss, (x, y))),
    )
    g = grad.subs(here)
    size = 1 / g[0]
    velocity = -(sp.eye(2) - size * hess.subs(here)) * grad.subs({x: 0, y: 0})
    along = hess.subs({x: 1 - t, y: 0})
    mean = along.applyfunc(lambda entry: sp.integrate(entry, (t, 0, 1)))
    (place,) = sp.solve(((along - mean) * g)[0], t)  # the only point that serves the first component
    return loss, size, g, velocity, hess.subs(here), mean, along.subs(t, place), place


@claim(
    "C-ode",
    "[C] Proposition 3.1, (3.2)",
    "the MAML ODE",
    Statement(
        "point",
        r"For one task, with a convex combination $\tilde w_i$ of $w$ and $w - \alpha\nabla f_i(w)$, {}",
        sp.Eq(flow, -slope + (size * (H + H_point) - size**2 * H * H_point) * slope),
    ),
    Statement(
        "line",
        r"In one dimension, for example for $f = hx^2/2 + kx^3/6$ with $\tilde w$ half way, {}",
        sp.Eq(flow_1, -slope_1 + (alpha * (H_1 + H_half) - alpha**2 * H_1 * H_half) * slope_1),
    ),
    Statement(
        "quadratics",
        r"On quadratics $\nabla^2 f_i = \Sigma_i$ everywhere, so for every dimension {}",
        sp.Eq(flow_line, -line + (2 * alpha * Sigma - alpha**2 * Sigma**2) * line),
    ),
)
def maml_ode() -> Derivation:
    """Expand the gradient of F; then a task in the plane for which no point serves."""
    loss, value, g, velocity, here, mean, there, place = bent_task()
    x, k, h = sp.Symbol("x", real=True), sp.Symbol("k", real=True), sp.Symbol("h", real=True)
    first, second = h * x + k * x**2 / 2, h + k * x
    straight = (one - alpha * Sigma) * Sigma * (w - alpha * Sigma * (w - w_i) - w_i)
    return Derivation(
        steps=[
            Step(
                r"$\dot w = -\nabla F = -(I - \alpha\nabla^2 f)\nabla f(w - \alpha\nabla f)$, and $\nabla f(w - \alpha g) = g - \alpha\bar H g$ with the mean $\bar H = \int_0^1 \nabla^2 f(w - t\alpha g)\,dt$. In one "
                r"dimension a continuous $f''$ takes its mean at some $\tilde w$; in more, each component of $\bar H g$ does, but not at the same point."
            ),
            Step(r"For example at $w = (1, 0)$ with {}", sp.Eq(sp.Symbol("f"), loss)),
            Step(r"the gradient is {}", g),
            Step(r"and $\alpha = 1/9$ leads to the origin. The mean Hessian on the way is {}", mean),
            Step(
                r"The first component of $\nabla^2 f(\tilde w) g = \bar H g$ asks for $\tilde w$ at this part of the way: {}",
                place,
            ),
            Step(r"which misses the second by {}", ((there - mean) * g)[1]),
        ],
        quantities={
            size: value, slope: g, H: here, H_mean: mean, H_point: there, flow: velocity,
            flow_1: -(1 - alpha * second) * first.subs(x, x - alpha * first), slope_1: first, H_1: second,
            H_half: second.subs(x, x - alpha * first / 2), flow_line: -straight, line: Sigma * (w - w_i),
        },
        corrections={
            "point": Statement(
                "point", r"With $\bar H_i(w) = \int_0^1 \nabla^2 f_i(w - t\alpha\nabla f_i(w))\,dt$ {}",
                sp.Eq(flow, -slope + (size * (H + H_mean) - size**2 * H * H_mean) * slope),
            )
        },
        reason=r"The mean value theorem gives a point $\tilde w_i$ for each component, not one for all. With the Hessian averaged along the step in place of $\nabla^2 f_i(\tilde w_i)$ the proposition holds "
        r"for every dimension; as printed for $d = 1$, and on quadratics.",
    )  # fmt: skip


rate = quantity("d/dt f'^2/2", r"\frac{d}{dt}\tfrac12\|\nabla f(w)\|^2")
worst = quantity(
    "sup rate - sigma^2/2",
    r"\sup_\sigma \left( \frac{d}{dt}\tfrac12\|\nabla f(w)\|^2 - \frac{\sigma^2}{2} \right)",
)
g = quantity("|f'|", r"\|\nabla f(w)\|", positive=True)
sigma = quantity("sigma", r"\sigma", positive=True)
a_1, a_2, h = (
    quantity(name, written, positive=True)
    for name, written in (("a_1", None), ("a_2", None), ("mean h", r"\bar h"))
)
energy = matrix("dE/dt", 1, r"\frac{d}{dt}\|\nabla f(w)\|^2")
full, velocity = matrix("hess f", d, r"\nabla^2 f(w)"), matrix("dw", d, r"\dot w", 1)
nabla, b, at = matrix("grad f(w)", d, r"\nabla f(w)", 1), matrix("b", d, columns=1), matrix("w", d, columns=1)
decay = quantity("exp(-zeta (t + c0))", r"e^{-\zeta (t + c_0)}", positive=True)
y = quantity("y(t)", "y(t)", positive=True)
PRINTED = (
    sigma**2 / 2 - (mu - sp.Rational(5, 4) * L**2 * alpha * (L**3 * alpha**2 + 2 * L**2 * alpha + 2)) * g**2
)
ORDER = (sp.Lt(alpha, 1 / (2 * L)), sp.Gt(L, h_2), sp.Gt(h_2, h_1), sp.Gt(h_1, mu))


def decay_of_two_tasks() -> Expr:
    """d/dt of f'^2/2 along the MAML ODE for two equally likely quadratics whose slopes are g + sigma and g - sigma."""
    slopes = (g + sigma, g - sigma)
    flow = -sum((1 - alpha * curve) ** 2 * slope for curve, slope in zip((h_1, h_2), slopes, strict=True)) / 2
    return g * (h_1 + h_2) / 2 * flow


@claim(
    "C-3.7",
    "[C] Lemma 3.7, (3.5), (3.6)",
    "the Lyapunov inequality",
    Statement("any", r"Under Assumptions 3.2 and 3.3 alone, for two equally likely tasks with curvatures $h_1$, $h_2 \in [\mu, L]$: {}", sp.Le(rate, PRINTED), given=ORDER[1:]),
    Statement("small", r"For $\alpha < 1/(2L)$: {}", sp.Le(rate, PRINTED), given=ORDER),
    Statement("factor", r"(3.6) begins {}", sp.Eq(energy, nabla.T * full * velocity)),
    Statement("rate", r"With $\zeta$ the rate in (3.5) and $\gamma = \sigma^2/2$ the proof of Theorem 3.6 has (3.5) with equality solved by $\|\nabla f\|^2 = y(t)$, {}", sp.Eq(y, (decay + gamma) / zeta)),
)  # fmt: skip
def lyapunov() -> Derivation:
    """Differentiate the energy; for two tasks complete the square in sigma, which gives the sharp rate."""
    derived = decay_of_two_tasks()
    time, start = sp.Symbol("t"), sp.Symbol("c_0")
    solution = (sp.exp(-2 * zeta * (time + start)) + gamma) / zeta
    if sp.simplify(sp.diff(solution, time) / 2 - (gamma - zeta * solution)) != 0:
        raise ArithmeticError("the solution does not satisfy its equation")
    norm = 2 * alpha * L + alpha**2 * L**2
    excess = (
        sp.Rational(5, 4) * L**2 * alpha * (L**3 * alpha**2 + 2 * L**2 * alpha + 2)
        - L * norm
        - L**2 * norm**2 / 2
    )
    if sign(excess, ORDER[:1]) != 1 or sp.expand(excess.subs(alpha, 1 / (2 * L))) != 0:
        raise ArithmeticError("the proof's rate should be that of (3.5) at the largest step")
    form = (full * at - b).T * (full * at - b)
    over = sp.expand(derived - sigma**2 / 2)
    linear = sp.Poly(over, sigma)
    peak = -linear.nth(1) / (2 * linear.nth(2))
    sharp = -(h * (a_1 + a_2) / 2 - h**2 * (a_1 - a_2) ** 2 / 8) * g**2
    named = {
        h: (h_1 + h_2) / 2,
        a_1: (1 - alpha * h_1) ** 2,
        a_2: (1 - alpha * h_2) ** 2,
        worst: sp.factor(over.subs(sigma, peak)),
    }
    squared = Statement(
        "any",
        r"With $a_i = (1 - \alpha h_i)^2$ and $\bar h = (h_1 + h_2)/2$, for every $\alpha$: {}",
        sp.Eq(worst, sharp),
    )
    return Derivation(
        steps=[
            Step(r"$\frac{d}{dt}\frac12\|\nabla f\|^2 = \nabla f^\top \nabla^2 f\,\dot w$, for two quadratics in one dimension {}", sp.Eq(rate, derived)),
            Step(r"Less $\sigma^2/2$ this is largest at $\sigma = \bar h g (a_2 - a_1)/2$, and then {}", sp.Eq(worst, sharp)),
            Step(
                r"The proof bounds $\|B_i\| \le b = 2\alpha L + \alpha^2L^2$ and $Lb g\sigma \le \sigma^2/2 + L^2b^2g^2/2$, which gives the rate $\mu - Lb - L^2b^2/2$. That is (3.5)'s for $\alpha L = \frac12$ and "
                r"larger below; above, (3.5) does not follow from it."
            ),
            Step(r"The gradient of $\|\nabla f\|^2$, here of $f = \frac12 w^\top H w - b^\top w$, is {}", gradient(form, at)),
            Step(r"(3.5) with equality is $\frac12\dot y = \gamma - \zeta y$ for $y = \|\nabla f\|^2$. Its solution is {}", sp.Eq(sp.Symbol("y"), solution)),
        ],
        quantities={rate: derived, energy: gradient(form, at).T * velocity, nabla: full * at - b, y: (decay**2 + gamma) / zeta, **named},
        corrections={
            "any": squared,
            "small": squared,
            "factor": sp.Eq(energy, 2 * nabla.T * full * velocity),
            "rate": sp.Eq(y, (decay**2 + gamma) / zeta),
        },
        witness={"any": {mu: sp.Rational(1, 2000), h_1: sp.Rational(1, 1000), h_2: 1000, L: 1001, alpha: sp.Rational(3, 50), g: 1, sigma: 870000}},
        reason=r"The lemma needs a bound on $\alpha$: its proof uses $\alpha \le 1/(2L)$. (3.6) and the display after (3.4) lack the factor 2 of the chain rule, and the solution $y(t)$ decays at $2\zeta$, twice the rate "
        r"that is used.",
    )  # fmt: skip

"""[F] section 3: Hessian-free MAML and the central difference that it rests on."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Hypothesis, Quote, Statement, Step, Weight, claim
from landscape.symbolic.notation import Expr, matrix, positive, quantity
from landscape.symbolic.positivity import extremes, sign

rho, delta, alpha, beta, L = positive("rho delta alpha beta L")
noise = quantity("sigma~", r"\tilde\sigma", positive=True)
v = quantity("|v|", r"\|v\|", positive=True)
error = quantity(
    "error",
    r"\sup_\phi \left\| \nabla^2\phi(w) v - \frac{\nabla\phi(w + \delta v) - \nabla\phi(w - \delta v)}{2\delta} \right\|",
)

d = sp.Symbol("d", positive=True, integer=True)
identity = sp.Identity(d)
S_in, S_o, S_h = (
    matrix(f"S_{name}", d, rf"\tilde\nabla^2 f_i(\mathcal{{D}}_{{{name}}}^i)") for name in ("in", "o", "h")
)
b_in, b_o, b_h = (matrix(f"b_{name}", d, f"b_{{{name}}}^i", 1) for name in ("in", "o", "h"))
w = matrix("w_k", d, "w_k", 1)
outer = matrix("g_o", d, r"\tilde\nabla f_i(w_{k+1}^i, \mathcal{D}_o^i)", 1)
product = matrix("d_k", d, "d_k^i", 1)
free = matrix("w_HF", d, "w_{k+1}", 1)


def sampled_difference() -> Expr:
    """(11) on quadratics, whose gradient on a batch is affine in w."""
    at = [S_h * (w + side * delta * outer) - b_h for side in (1, -1)]
    return (at[0] - at[1]) / (2 * delta)


@claim(
    "F-hvp",
    "[F] section 3, (9)",
    "the error of the central-difference Hessian-vector product",
    Statement(
        "bound",
        r"Where the Hessian of $\phi$ is $\rho$-Lipschitz, the error of (9) is at most {}",
        sp.Le(error, rho * delta * v**2),
        quote=Quote(
            "section 3, (9)",
            "with an error of at most",
            "with an error of at most (' ) v) 2, where ( is the pa-rameter for Lipschitz continuity of the Hessian",
        ),
    ),
)
def central_difference() -> Derivation:
    """Integrate the Hessian's change along the step; then a function that attains the integral."""
    s = positive("s")
    bound = 2 * sp.integrate(rho * s * v**2, (s, 0, delta)) / (2 * delta)
    t = sp.Symbol("t", positive=True)
    slope = sp.diff(rho * t**3 / 6, t)  # of rho |t|^3 / 6 for t > 0; it is odd in t
    attained = sp.simplify(2 * slope.subs(t, delta * v) / (2 * delta))
    if sp.simplify(attained - bound) != 0:
        raise ArithmeticError(f"the example leaves {attained}, the bound is {bound}")
    return Derivation(
        steps=[
            Step(
                r"The difference is $\frac{1}{2\delta}\int_{-\delta}^{\delta} (\nabla^2\phi(w + sv) - \nabla^2\phi(w))\,v\,ds$, and the integrand "
                r"is at most $\rho |s| \|v\|^2$. The integral of this is {}",
                bound,
            ),
            Step(
                r"$\phi(x) = \rho |x|^3/6$ has a $\rho$-Lipschitz second derivative, which is 0 at $x = 0$. There the difference is {}",
                attained,
            ),
            Step(
                r"If the third derivative is continuous its part in the integral is odd in $s$ and vanishes: the error is then of smaller order than $\delta$."
            ),
        ],
        quantities={error: bound},
        corrections={"bound": sp.Eq(error, rho * delta * v**2 / 2)},
    )


@claim(
    "F-hf",
    "[F] section 3, (10), (11)",
    "Hessian-free MAML on quadratic tasks",
    Statement(
        "product",
        r"(11) approximates the product with the sampled Hessian. On quadratics $\tilde\nabla f_i(w, \mathcal{D}) = "
        r"\tilde\nabla^2 f_i(\mathcal{D})\,w - b^i$, sample by sample, {}",
        sp.Eq(product, S_h * outer),
        quote=Quote("section 3, (11)", "is an approximation for the term", texts=2),
    ),
    Statement(
        "update",
        r"so that the update (10) is that of MAML, (5); with one task in the batch, {}",
        sp.Eq(free, w - beta * (identity - alpha * S_h) * (S_o * (w - alpha * (S_in * w - b_in)) - b_o)),
        quote=Quote("section 3, (10)", "while it provides an accurate approximation of MAML", texts=2),
    ),
)
def hessian_free() -> Derivation:
    """Put quadratic losses into (11) and (10)."""
    difference = sampled_difference()
    sampled = S_o * (w - alpha * (S_in * w - b_in)) - b_o
    return Derivation(
        steps=[
            Step(r"The gradient of a batch is affine in $w$, so (11) is {}", difference),
            Step(r"in which $w_k$, $b_h^i$ and $\delta$ cancel: {}", sp.Eq(product, S_h * outer)),
            Step(r"The step to $w_{k+1}^i$ and the outer batch give {}", sp.Eq(outer, sampled)),
        ],
        quantities={
            product: difference,
            free: w - beta * (sampled - alpha * difference.xreplace({outer: sampled})),
        },
    )


stalls = quantity("lim |F'(w_k)|", r"\lim_{k \to \infty} \|\nabla F(w_k)\|")
slope = quantity("|f_1'(w^1)|", r"\|\nabla f_1(w_{k+1}^1)\|", positive=True)
samples = quantity("least D_h", r"\min D_h", positive=True)
u, epsilon, sigma, Delta = positive("u epsilon sigma Delta")
meta_slope = quantity("|F'(w)|", r"\|\nabla F(w)\|", positive=True)
off = quantity(
    "error of the step", r"\sup \|\mathbb{E}_i[\nabla f_i(w^i) - \alpha d^i] - \nabla F(w)\|", positive=True
)
steps_needed = quantity("steps, narrow", r"T_{\mathrm{narrow}}(\varepsilon)", positive=True)
least_bend, most_bend, fastest_bend, apart, sampling = (
    quantity(name, written)
    for name, written in (
        ("least f''", r"\inf f_i''"),
        ("largest f''", r"\sup f_i''"),
        ("largest |f'''|", r"\sup |f_i'''|"),
        ("spread of slopes", r"\sup_w |(f_1' - f_2')(w) - (f_1' - f_2')(0)|"),
        ("sampling noise", r"\tilde\sigma^2/D_{in}"),
    )
)


def two_losses_that_stall() -> tuple[Expr, Expr, Expr]:
    """Slopes of two tasks after adaptation where HF-MAML's mean step is 0, and the gradient of F there.

    At w = 0. The second derivatives are min(rho |w|, L) and L: as Lipschitz as they may be, and the gradients
    differ by a bounded amount, so that all of the theorem's assumptions hold everywhere.
    """
    s, far, other = sp.Symbol("s"), positive("x"), sp.Symbol("g_2")
    reach = 1 / (6 * rho * alpha)  # delta times the slope, at least L/rho
    # for the slope's second derivative, 0
    difference = (sp.integrate(rho * s, (s, 0, L / rho)) + L * (reach - L / rho)) / reach
    gap = sp.expand(sp.integrate(rho * s, (s, 0, L / rho)) + L * (far - L / rho) - L * far)
    if gap.has(far):
        raise ArithmeticError(f"the tasks' gradients should differ by a bounded amount, and differ by {gap}")
    step = (1 - alpha * difference) * slope + (1 - alpha * L) * other
    (balance,) = sp.solve(step, other)
    return sp.expand(difference), sp.factor(balance), sp.factor((slope + (1 - alpha * L) * balance) / 2)


def narrow_difference() -> tuple[Expr, Expr, Expr]:
    """With delta times eps/(eps + sigma): the error of HF-MAML's step, its share of |F'| at most, and the steps to |F'| <= eps.

    Exact gradients, all tasks in each batch, alpha L = 1/6. With H averaged along the inner step as K, f_i'(w^i) = (I - alpha K) f_i'(w)
    and F' = E[(I - alpha H)(I - alpha K) f_i'], and both factors are within alpha L of I.
    """
    t = sp.Rational(1, 6)
    apart = (1 + t) ** 2 - 1  # |(I - alpha H)(I - alpha K) - I|
    slopes = (meta_slope + sigma) / (1 - apart)  # E|f_i'| <= |F'| + apart E|f_i'| + sigma
    width = epsilon / (epsilon + sigma) / (6 * rho * alpha)
    error = alpha * rho * width / 2 * (1 + t) * slopes  # |d - Hv| <= rho delta |v|^2/2, as in F-hvp
    share = sp.factor((error / meta_slope).subs(meta_slope, epsilon))
    rate = sp.Rational(1, 25)  # of the step size, in units of 1/L(w), L(w) = 4 L + 2 rho alpha E|f_i'|
    falls = (
        rate * (1 - share - rate * (1 + share) ** 2 / 2) * meta_slope**2 / (4 * L + 2 * rho * alpha * slopes)
    )
    if sign(sp.diff(falls, meta_slope), strict=True) != 1:
        raise ArithmeticError("a larger gradient should make F fall by more")
    return sp.factor(error), share, sp.factor(Delta / falls.subs(meta_slope, epsilon))


@claim(
    "F-4.17",
    "[F] Theorem 4.17, (28), Table 1",
    "how small a gradient Hessian-free MAML reaches",
    Statement(
        "reaches",
        r"With $\delta_k^i = 1/(6\rho\alpha\|\tilde\nabla f_i\|)$ and batches that grow (28) leaves only $\varepsilon$, which is any positive number: from every start {}",
        sp.Eq(stalls, 0),
        given=(sp.Le(alpha, 1 / (6 * L)),),
        quote=Quote(
            "Theorem 4.17, (28); section 5",
            "Also, we choose the approximation parameter ... HF-MAML finds a solution ... that HF-MAML has the best of both worlds, i.e., it does not require access to the second-order derivative",
            texts=2,
        ),
    ),
    Statement(
        "samples",
        r"To keep $\alpha$ times the deviation of $d_k^i$ below the norm of the gradient that it multiplies $D_h$ must be at least {}",
        sp.Eq(samples, 36 * (rho * alpha**2 * noise) ** 2),
    ),
    Statement(
        "width",
        r"With the printed $\delta_k^i$ times $\varepsilon/(\varepsilon + \sigma)$, exact gradients and all tasks in each batch, the error of the step is a small share of $\nabla F$ wherever that is at least $\varepsilon$: {}",
        sp.Le(off, sp.Rational(7, 46) * meta_slope),
        given=(sp.Ge(meta_slope, epsilon),),
    ),
    Statement(
        "narrow",
        r"and HF-MAML comes to $\|\nabla F\| \le \varepsilon$ from every start, in $O(\Delta L/\varepsilon^2)$ steps: their number, times $\varepsilon^2/\Delta$, is bounded as $\varepsilon \to 0$ by {}",
        sp.Eq(
            sp.Limit(steps_needed * epsilon**2 / Delta, epsilon, 0),
            sp.Rational(460000, 86891) * (23 * L + 18 * alpha * rho * sigma),
        ),
    ),
)
def hessian_free_floor() -> Derivation:
    """The printed delta looks equally far however small the gradient; two tasks on which the step vanishes and the gradient does not."""
    difference, balance, left = two_losses_that_stall()
    width = 1 / (6 * rho * alpha * slope)
    # both sides are of the same samples: at most twice one's
    deviation = alpha * 2 * noise / (2 * width * sp.sqrt(samples))
    (least,) = sp.solve(deviation - slope, samples)
    bends = rho * u, L  # of the first task, up to u = |w| = L/rho, and beyond; the second has L everywhere
    lowest, highest = extremes(bends[0], u, sp.Integer(0), L / rho)
    drift = extremes(
        sp.integrate(bends[0] - L, u), u, sp.Integer(0), L / rho
    )  # of f_1' - f_2', which is odd, and constant beyond
    astray, share, count = narrow_difference()
    return Derivation(
        steps=[
            Step(r"The difference looks $\delta_k^i \|\tilde\nabla f_i\| = 1/(6\rho\alpha)$ to both sides, however small the gradient is. With $L \le 1/(6\alpha)$ that is $L/\rho$ or more: a Hessian may change over it by all that it can."),
            Step(r"Take $f_1'' = \min(\rho|w|, L)$, and $f_2'' = L$ in one dimension, with $f_1'(w^1) \ne 0$. The assumptions hold everywhere, for $f_1' - f_2'$ is bounded. At $w = 0$ the true product is $f_1''(0) f_1'(w^1) = 0$, and the difference is $f_1'(w^1)$ times {}", difference),
            Step(r"HF-MAML's step there, the mean of $f_i'(w^i) - \alpha d^i$, is 0 once the optimum of the second task makes $f_2'(w^2)$ equal to {}", sp.Eq(sp.Symbol("g_2"), balance).rhs.subs(slope, sp.Symbol("f_1'(w^1)"))),
            Step(r"while $F'(0)$, the mean of $(1 - \alpha f_i''(0)) f_i'(w^i)$, has the size {}", left),
            Step(r"With both tasks in each batch, in equal parts, (28) leaves $\varepsilon$ alone, and started there HF-MAML never moves. Batches of $B$ drawn tasks come to the same as $B \to \infty$: (29) bounds the number of steps by a multiple of $\Delta L/\varepsilon^2$ for every $B$, and over so many steps the iterates stay as close to 0 as one likes. Half the step's error is left, and it is of the order of FO-MAML's: $\alpha L$ times a task's gradient."),
            Step(r"For $D_h$: the gradients at both ends come from the same $D_h$ samples, so $d_k^i$ deviates by at most $\tilde\sigma/(\delta_k^i\sqrt{D_h})$. Setting $\alpha$ times this equal to the norm gives {}", sp.Eq(samples, least)),
            Step(r"What repairs it: $\nabla F = \mathbb{E}_i[A_i\nabla f_i]$ with $\|A_i - I\| \le (1 + \alpha L)^2 - 1$, so that $\mathbb{E}_i\|\nabla f_i\| \le (\|\nabla F\| + \sigma)/(2 - (1 + \alpha L)^2)$, and $\|\nabla f_i(w^i)\| \le (1 + \alpha L)\|\nabla f_i\|$. A difference of width $W = \delta_k^i\|\nabla f_i(w^i)\|$ is off by at most $\rho W\|\nabla f_i(w^i)\|/2$. With the printed width times $\varepsilon/(\varepsilon + \sigma)$, at $\alpha L = 1/6$, the largest, the mean step is off by at most {}", astray),
            Step(r"which where $\|\nabla F\| \ge \varepsilon$ is at most this share of it: {}", share),
            Step(r"By (15) a step of size $1/(25\,L(w))$ then lowers $F$ by a fixed part of $\|\nabla F\|^2/L(w)$, with $L(w) = 4L + 2\rho\alpha\,\mathbb{E}_i\|\nabla f_i\|$: so the number of steps before $\|\nabla F\| \le \varepsilon$ is at most {}", count),
        ],
        quantities={
            stalls: left, samples: least, least_bend: sp.Min(lowest, bends[1]), most_bend: sp.Max(highest, bends[1]),
            fastest_bend: sp.Max(*(sp.diff(bend, u) for bend in bends)), apart: sp.Max(*map(sp.Abs, drift)), sampling: sp.Integer(0),
            off: astray, steps_needed: count,
        },
        hypotheses={
            "reaches": [
                Hypothesis("alpha is at most 1/(6L)", sp.Le(alpha, 1 / (6 * L))),
                Hypothesis("Assumption 4.2: F is bounded below, for both losses are convex: the second derivatives are at least 0", sp.Ge(least_bend, 0)),
                Hypothesis("Assumption 4.3: the second derivatives are at most L", sp.Le(most_bend, L)),
                Hypothesis("Assumption 4.4: they change at most at the rate rho", sp.Le(fastest_bend, rho)),
                Hypothesis("Assumption 4.5: the tasks' slopes differ by a bounded amount, here less than at w = 0 by at most L^2/(2 rho)", sp.Le(apart, L**2 / (2 * rho))),
                Hypothesis("Assumption 4.6: exact gradients and Hessians, all tasks in each batch", sp.Eq(sampling, 0)),
                Hypothesis("Assumption 4.7: rho alpha/L = O(1), for rho may be any number: with rho = L it is alpha, and at most 1", sp.Le((rho * alpha / L).subs(rho, L), 1)),
            ]
        },
        tight={"width": {meta_slope: epsilon}},
        weights={"reaches": Weight.RESULT},
        instead={
            "reaches": Statement(
                "reaches", r"On the two tasks of the derivation, started at 0, {}", sp.Eq(stalls, alpha * L * (1 - 3 * alpha * L) / 2 * slope), (sp.Le(alpha, 1 / (6 * L)),),
            )
        },
        reason=r"The rule for $\delta_k^i$ keeps the width of the difference at $1/(6\rho\alpha)$, so that where Hessians vary its error does not vanish with $\varepsilon$. Two tasks that meet the assumptions, all in "
        r"each batch, stop HF-MAML where $\|\nabla F\|$ is $\frac12\alpha L(1 - 3\alpha L)$ times a task's gradient. With $\delta_k^i$ times $\varepsilon/(\varepsilon + \sigma)$ and exact gradients of all tasks it reaches every $\varepsilon$, in $O(\Delta L/\varepsilon^2)$ steps.",
    )  # fmt: skip

"""[F] section 3: Hessian-free MAML and the central difference that it rests on."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Statement, Step, claim
from landscape.symbolic.notation import matrix, positive, quantity

rho, delta, alpha, beta = positive("rho delta alpha beta")
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


def sampled_difference():
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
    ),
)
def central_difference():
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
    ),
    Statement(
        "update",
        r"so that the update (10) is that of MAML, (5); with one task in the batch, {}",
        sp.Eq(free, w - beta * (identity - alpha * S_h) * (S_o * (w - alpha * (S_in * w - b_in)) - b_o)),
    ),
)
def hessian_free():
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

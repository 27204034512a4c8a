"""[F] Lemma 4.10, Theorem 4.11: what sampling the inner step does to the meta-gradient."""

from collections.abc import Callable

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, claim
from landscape.symbolic.claims.assumptions import away, d, nu, sample_spread
from landscape.symbolic.notation import Expr, positive, quantity
from landscape.symbolic.risk import isotropic_weight

L, alpha, rho, h, phi = positive("L alpha rho h phi")
tilde = quantity("sigma~", r"\tilde\sigma", positive=True)
sigma_H = quantity("sigma_H", r"\sigma_H", positive=True)
# A batch size is the square of a symbol for its root: the bounds are then rational.
root_in, root_o, root_test = (quantity(f"sqrt D_{name}", rf"\sqrt{{D_{{{name}}}}}", positive=True) for name in ("in", "o", "test"))  # fmt: skip
D_in, D_o, D_test = (quantity(f"D_{name}", rf"D_{{{name}}}", positive=True) for name in ("in", "o", "test"))
root_d = quantity("sqrt d", r"\sqrt{d}", positive=True)
bias = quantity("sup |e|", r"\sup_{f_i} \|e_{i,k}\|")
quadratic = quantity("|e|, quadratics", r"\|e_{i,k}\|")
slope = quantity("|f_i'(w+)|", r"\|\nabla f_i(w_k - \alpha\nabla f_i(w_k))\|", positive=True)
moment = quantity(
    "E|g|^2",
    r"\mathbb{E}\|\tilde\nabla f_i(w_k - \alpha\tilde\nabla f_i(w_k, \mathcal{D}_{in}^i), \mathcal{D}_o^i)\|^2",
)
gap = quantity("|grad F^ - grad F|", r"\|\nabla \hat F(w) - \nabla F(w)\|", positive=True)


def two_point(gradient: Callable[[Expr], Expr]) -> Expr:
    """E of a gradient after a step whose noise is plus or minus its standard deviation."""
    noise = alpha * tilde / root_in
    return sp.factor((gradient(noise) + gradient(-noise)) / 2)


@claim(
    "F-4.10",
    "[F] Lemma 4.10, (20), (21)",
    "the bias of the stochastic meta-gradient",
    Statement(
        "bias",
        r"Where the Hessian of $f_i$ is $\rho$-Lipschitz (Assumption 4.4) with $\rho\alpha\tilde\sigma \le 2L\sqrt{D_{in}}$: {}",
        sp.Le(bias, alpha * L * tilde / root_in),
        given=(sp.Le(rho, 2 * L * root_in / (alpha * tilde)),),
        quote=Quote(
            "Lemma 4.10, (20)",
            "It shows that the bias is bounded above by a constant which depends on",
            "where ) ei,k ) *",
        ),
    ),
    Statement(
        "second",
        r"(21), for any $\phi > 0$; on a quadratic of curvature $h \le L$ whose gradients have noise of variance $\tilde\sigma^2$: {}",
        sp.Le(
            moment,
            (1 + 1 / phi) * slope**2 + (1 + phi) * alpha**2 * L**2 * tilde**2 / D_in + tilde**2 / D_o,
        ),
        given=(sp.Le(h, L),),
        quote=Quote("Lemma 4.10, (21)", "Moreover, for arbitrary", "(1+ &)#2L 2÷$2"),
    ),
    Statement("quadratics", r"On quadratics the bias is {}", sp.Eq(quadratic, 0)),
)
def bias_of_meta_gradient() -> Derivation:
    """Expand the gradient around the point that the exact step reaches."""
    u = sp.Symbol("u")
    curved = two_point(lambda x: rho * x**2 / 2)
    straight = sp.expand(two_point(lambda x: h * (x + u)) - h * u)
    exact = slope**2 + sp.expand(two_point(lambda x: (h * x) ** 2)) + tilde**2 / D_o
    return Derivation(
        steps=[
            Step(
                r"$e_{i,k} = \mathbb{E}[\nabla f_i(w^+ - \alpha\xi)] - \nabla f_i(w^+)$ with the noise $\xi$ of the inner gradient, of mean 0 and variance at most $\tilde\sigma^2/D_{in}$: "
                r"$\mathcal{D}_o$ is independent of it. Taylor's theorem with a $\rho$-Lipschitz Hessian leaves $\tfrac12\rho\alpha^2\mathbb{E}\|\xi\|^2$, and a gradient that is quadratic "
                r"around $w^+$, $\tfrac12\rho x^2$ there, attains it: {}",
                sp.Eq(bias, curved),
            ),
            Step(
                r"On a quadratic the gradient is affine and the mean of the noise is 0: {}",
                sp.Eq(quadratic, straight),
            ),
            Step(r"The noise of both batches adds to the second moment {}", sp.Eq(moment, exact)),
            Step(
                r"The bias of order $1/D_{in}$ that does occur on quadratics belongs to $g_k$ with a Hessian from the same batch; see F-limits."
            ),
        ],
        quantities={D_in: root_in**2, D_o: root_o**2, bias: curved, quadratic: straight, moment: exact},
        corrections={
            "bias": sp.Eq(bias, rho * alpha**2 * tilde**2 / (2 * D_in)),
            "second": sp.Le(moment, slope**2 + alpha**2 * L**2 * tilde**2 / D_in + tilde**2 / D_o),
        },
        tight={"second": {h: L}},
    )


@claim(
    "F-4.11",
    "[F] Theorem 4.11, (22)",
    "the gap between the gradients of F and of F^, for linear regression",
    Statement(
        "gap",
        r"For linear regression with inputs $N(0, LI_d)$, $\tilde\sigma$ and $\sigma_H$ (in Frobenius norm) being those at $w$: {}",
        sp.Le(gap, 2 * alpha * L * tilde / root_test + alpha**2 * L * sigma_H * tilde / D_test),
        given=(sp.Ge(root_d, 1),),
        quote=Quote("Theorem 4.11, (22)", "Consider the functions", ")# öF (w) $ # F (w)) * 2#L"),
    ),
)
def gap_of_objectives() -> Derivation:
    """The weight of a task after a sampled step less that after an exact one."""
    count = quantity("n", positive=True)
    gained = sp.factor(isotropic_weight(rho, alpha, count, d) - isotropic_weight(rho, alpha, sp.oo, d)) * away
    noise, hessian = sample_spread()
    share = sp.factor(gained**2 / (alpha**4 * rho**2 * hessian * noise / count**2))
    quiet = sp.factor(share.subs(nu, 0))
    exact = alpha**2 * L * sigma_H * tilde / D_test * sp.sqrt(quiet).subs(sp.sqrt(d), root_d)
    return Derivation(
        steps=[
            Step(
                r"$F$ weighs a task by $(I - \alpha\Sigma)\Sigma(I - \alpha\Sigma)$ and $\hat F$ by the mean of $(I - \alpha S)\Sigma(I - \alpha S)$. For $\Sigma = \rho I$ the gradients differ by {}",
                gained,
            ),
            Step(r"The variance of a sample's gradient is {}", noise),
            Step(r"that of its Hessian {}", hessian),
            Step(
                r"The square of the gap is that of (22)'s second term times {}",
                share,
            ),
            Step(r"which is largest without label noise ($\nu = 0$). For linear regression the first term of (22) is not needed."),
        ],
        quantities={D_test: root_test**2, gap: exact},
        corrections={
            "gap": Statement("gap", r"Without label noise (with it, less) {}", sp.Eq(gap, alpha**2 * L * sigma_H * tilde / (root_d * D_test)))
        },
    )  # fmt: skip

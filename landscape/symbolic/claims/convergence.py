"""[L] appendix D: how fast solutions on finite data come near the population optima, in one dimension exactly."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Statement, Step, claim
from landscape.symbolic.notation import Expr, positive, quantity
from landscape.symbolic.wick import expected_word, isotropic, pairings

alpha, T, tau, n, n_1, n_2, rho, sigma, r, K, L, c, d = positive("alpha T tau n n_1 n_2 rho sigma r K L c d")
error_NAL = quantity("E(w_NAL - w*_NAL)^2", r"\mathbb{E}\,(w_{NAL} - w_{NAL}^*)^2")
error_MAML = quantity("E(w_MAML - w*_MAML)^2", r"\mathbb{E}\,(w_{MAML} - w_{MAML}^*)^2")
spread = quantity("Var Q", r"\frac{\mathrm{Var}(\hat Q)}{(\mathbb{E}\,\hat Q)^2}")
bound = quantity(
    "bound on Var Q(k,s)",
    r"\mathrm{Var}\big[\tfrac{1}{\tau n_1}\textstyle\sum_j \hat Q_{i,j}(k, s)\big]_{\text{highest order}}",
)
variance = quantity(
    "Var of mean Q", r"\mathrm{Var}\big[\tfrac{1}{\tau n_1}\textstyle\sum_j \hat Q_{i,j}\big]"
)
size = sp.Symbol("D", integer=True, positive=True)
S, identity = sp.MatrixSymbol("Sigma", size, size), sp.Identity(size)


def moment(order: int, samples: Expr, curvature: Expr) -> Expr:
    """E[s^k] of s = (x_1^2 + ... + x_n^2)/n for x ~ N(0, rho): pairings in one dimension."""
    return sp.factor(
        isotropic(expected_word([identity] * (order + 1), samples, S), S, curvature, sp.Integer(1))
    )


@claim(
    "L-thm2",
    "[L] Theorem 2, (44), (45)",
    "NAL's solution on T tasks of n samples",
    Statement(
        "tasks",
        r"The distance falls like $1/\sqrt{T}$; in one dimension with inputs of variance $\rho$, optima of variance $r$ and noise $\sigma^2$ {}",
        sp.Eq(sp.Limit(T * error_NAL, T, sp.oo), (1 + 2 / n) * r + sigma**2 / (n * rho)),
    ),
    Statement(
        "samples",
        r"The bound has a term of order $1/\sqrt{n}$, which many tasks do not remove: for some constant $K$ {}",
        sp.Le(sp.Limit(error_NAL, T, sp.oo), K**2 / n),
    ),
)
def nal_converges() -> Derivation:
    """Given the inputs the solution is a weighted mean of the tasks' optima; average its variance over the inputs."""
    second = moment(2, n, rho)
    total = moment(2, n * T, rho)
    shares = sp.factor(T * second / (T**2 * total))
    x, N = positive("x N")
    inverse = sp.simplify(
        sp.gammasimp(
            sp.integrate(x ** (N / 2 - 2) * sp.exp(-x / 2), (x, 0, sp.oo), conds="none")
            / (2 ** (N / 2) * sp.gamma(N / 2))
        )
    )
    exact = r * shares + sigma**2 / rho * inverse.subs(N, n * T)
    return Derivation(
        steps=[
            Step(
                r"With $s_i = \frac1n\sum x^2$ the solution (41) is $\sum s_i w_i^*/\sum s_i$ plus noise of variance $\sigma^2/(n\sum s_i)$, given the inputs. "
                r"So its squared error is $r\,\mathbb{E}[\sum s_i^2/(\sum s_i)^2] + \sigma^2\,\mathbb{E}[1/(n\sum s_i)]$."
            ),
            Step(
                r"Shares are independent of their total, so the first mean is a ratio of second moments: {}",
                shares,
            ),
            Step(r"and the second is the mean of an inverse chi-square of $N = nT$: {}", inverse),
            Step(r"Together, exactly (for $nT > 2$), {}", sp.Eq(error_NAL, exact)),
        ],
        quantities={error_NAL: exact},
        corrections={
            "samples": Statement(
                "samples", r"It vanishes at any fixed $n$: {}", sp.Eq(sp.Limit(error_NAL, T, sp.oo), 0)
            )
        },
    )


def preconditioned(order: int) -> Expr:
    """E[q^k] of q = (1 - alpha s_in)^2 s_out in one dimension."""
    s = sp.Symbol("s")
    powers = sp.Poly(sp.expand((1 - alpha * s) ** (2 * order)), s).all_coeffs()[::-1]
    inner = sum(coefficient * (moment(k, n_2, rho) if k else 1) for k, coefficient in enumerate(powers))
    return sp.factor(inner * moment(order, n_1, rho))


@claim(
    "L-thm3",
    "[L] Theorem 3, (92), (98)",
    "MAML's solution on T tasks of tau episodes",
    Statement(
        "tasks",
        r"The distance falls like $1/\sqrt{T}$; in one dimension with optima of variance $r$ and no noise, to first order, {}",
        sp.Eq(sp.Limit(T * error_MAML, T, sp.oo), r * (1 + spread / tau)),
    ),
    Statement(
        "episodes",
        r"The bound has a term of order $1/\sqrt{\tau}$, which many tasks do not remove: for some constant $K$ {}",
        sp.Le(sp.Limit(error_MAML, T, sp.oo), K**2 / tau),
    ),
    Statement(
        "constant",
        r"(98): the terms of highest order contribute at most (with the proof's absolute constant $c$) {}",
        sp.Eq(bound, 730 * c * d**2 * alpha**4 / tau),
    ),
    Statement(
        "small",
        r"(98) bounds the whole variance, so this vanishes with the inner step size; in one dimension {}",
        sp.Eq(sp.Limit(variance, alpha, 0), 0),
    ),
)
def maml_converges() -> Derivation:
    """The same with (1 - alpha s_in)^2 s_out for s; then count pairings and moments behind (98)."""
    first, second = preconditioned(1), preconditioned(2)
    scatter = sp.factor(second / first**2 - 1)
    error = r * (1 + scatter / tau) / T
    across = len(list(pairings([0, 1, 2, 3])))
    eighth, fourth = (len(list(pairings(list(range(k))))) for k in (8, 4))
    return Derivation(
        steps=[
            Step(r"In one dimension $\hat Q = (1 - \alpha s_{in})^2 s_{out}$, with mean {}", first),
            Step(r"and squared variation {}", sp.Eq(spread, scatter)),
            Step(
                r"The solution (43) is the mean of the tasks' optima, weighted by $\tau$ episodes' mean of $\hat Q$. To first order in $1/T$ its squared error "
                r"is {}",
                sp.Eq(error_MAML, r * (1 + spread / tau) / T),
            ),
            Step(
                rf"In (97) a term survives if the four outer indices pair up: in {across} ways, $r = l$ and $r' = l'$, $r = r'$ and $l = l'$, or $r = l'$ and "
                r"$l = r'$; the paper has the first two. Each way has at most $n_1^2 d^2$ terms."
            ),
            Step(
                rf"Each is at most the eighth moment times the fourth, ${eighth}L^4 \cdot {fourth}L^2 = {eighth * fourth}L^6$; $L^6$ is lost in (98)."
            ),
            Step(
                r"At $\alpha = 0$ the variance is that of the outer batch alone: {}",
                sp.factor((second - first**2).subs(alpha, 0) / tau),
            ),
        ],
        quantities={
            error_MAML: error,
            spread: scatter,
            bound: across * eighth * fourth * c * d**2 * alpha**4 * L**6 / tau,
            variance: (second - first**2) / tau,
        },
        corrections={
            "episodes": Statement(
                "episodes", r"It vanishes at any fixed $\tau$: {}", sp.Eq(sp.Limit(error_MAML, T, sp.oo), 0)
            ),
            "constant": sp.Eq(bound, 945 * c * d**2 * alpha**4 * L**6 / tau),
        },
        instead={
            "small": Statement(
                "small",
                r"The outer batch alone leaves {}",
                sp.Eq(sp.Limit(variance, alpha, 0), 2 * rho**2 / (n_1 * tau)),
            )
        },
        reason=r"(98) loses $L^6$, prints 730 for $2 \cdot 315 = 630$ and forgets one of three pairings (945). Bounding all terms by those of highest order also "
        r"fails for small $\alpha$: there the variance does not vanish. The terms in $1/\sqrt{n}$, $1/\sqrt{\tau}$ of Theorems 2 and 3 are not needed.",
    )

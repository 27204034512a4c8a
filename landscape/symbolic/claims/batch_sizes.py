"""[F] Corollaries 4.13 and 4.16, Table 1: batch sizes and iterations, from Theorems 4.12 and 4.15."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, claim
from landscape.symbolic.notation import positive, quantity

alpha, L, B, C_1, C_2, k = positive("alpha L B C_1 C_2 k")
epsilon = quantity("eps", r"\varepsilon", positive=True)
sigma, tilde = quantity("sigma", r"\sigma", positive=True), quantity("sigma~", r"\tilde\sigma", positive=True)
D_in, outer = quantity("D_in", r"D_{in}", positive=True), quantity("B D_o", r"BD_o", positive=True)
level = quantity(
    "square of the root in (23)",
    r"\frac{\sigma^2}{B} + \frac{\tilde\sigma^2}{BD_o} + \frac{\tilde\sigma^2}{D_{in}}",
    positive=True,
)
floor = quantity(
    "square of the root in (26)",
    r"\sigma^2\left(\alpha^2L^2 + \frac1B\right) + \frac{\tilde\sigma^2}{BD_o} + \frac{\tilde\sigma^2}{D_{in}}",
    positive=True,
)
count = quantity(
    "second term of the minimum after (26)",
    r"\frac{L}{\sigma^2(\alpha^2L^2 + B^{-1})} + \frac{L(BD_o + D_{in})}{\tilde\sigma^2}",
    positive=True,
)
at_shots = quantity(
    "square of the root in (26), D_in = k^2",
    r"\left(\text{root in (26)}\right)^2_{D_{in} = k^2}",
    positive=True,
)
samples = quantity("B D_in", r"BD_{in}", positive=True)


@claim(
    "F-4.13",
    "[F] Corollary 4.13, Table 1",
    "batch sizes of MAML",
    Statement(
        "level",
        r"With $B \ge C_1\sigma^2/\varepsilon^2$ and $D_{in}$, $BD_o \ge C_2\tilde\sigma^2/\varepsilon^2$ the root in (23) is of the order $\varepsilon$: {}",
        sp.Le(level, (1 / C_1 + 2 / C_2) * epsilon**2),
        given=(
            sp.Ge(B, C_1 * sigma**2 / epsilon**2), sp.Ge(D_in, C_2 * tilde**2 / epsilon**2), sp.Ge(outer, C_2 * tilde**2 / epsilon**2),
        ),
        quote=Quote("Corollary 4.13, (25)", "for some constants", "B % (C1$2)/! 2, D in , BD o % (C2÷$2)/! 2, (25)"),
    ),
    Statement(
        "samples",
        r"Table 1: such batches hold $O(1/\varepsilon^4)$ samples, the least of them {}",
        sp.Eq(samples, C_1 * C_2 * sigma**2 * tilde**2 / epsilon**4),
        quote=Quote("Table 1", "Iteration # samples/ Runtime/ Best accuracy", "O(1/✏2) O(1/✏4) O (d2 )"),
    ),
    Statement(
        "shots",
        r"Table 1: with $D_{in} = K$ samples inside, all other batches large, the square of the level is {}",
        sp.Eq(sp.Limit(sp.Limit(level, B, sp.oo), outer, sp.oo), tilde**2 / D_in),
        quote=Quote("Table 1, K-shot learning", scan="krF (w)k  ✏ O(1/✏2)"),
    ),
)  # fmt: skip
def maml_batches() -> Derivation:
    """Put the batch sizes into Theorem 4.12."""
    return Derivation(
        steps=[
            Step(r"Each of the three terms of (23) is at most $\varepsilon^2$ over its constant; the minimum in (24) is at most its first term, $L/\varepsilon^2$."),
            Step(r"The least product of the sizes is {}", C_1 * sigma**2 / epsilon**2 * C_2 * tilde**2 / epsilon**2),
        ],
        quantities={level: sigma**2 / B + tilde**2 / outer + tilde**2 / D_in, samples: C_1 * sigma**2 / epsilon**2 * C_2 * tilde**2 / epsilon**2},
        tight={"level": {B: C_1 * sigma**2 / epsilon**2, D_in: C_2 * tilde**2 / epsilon**2, outer: C_2 * tilde**2 / epsilon**2}},
    )  # fmt: skip


SIZES = {
    B: C_1 / (alpha * L) ** 2,
    D_in: C_2 * (tilde / (alpha * sigma * L)) ** 2,
    outer: C_2 * (tilde / (alpha * sigma * L)) ** 2,
}


@claim(
    "F-4.16",
    "[F] Corollary 4.16, Table 1",
    "batch sizes of first-order MAML",
    Statement(
        "level",
        r"With the batch sizes of (27) the root in (26) is of the order $\alpha\sigma L$: {}",
        sp.Le(floor, (1 + 1 / C_1 + 2 / C_2) * (alpha * sigma * L) ** 2),
        given=tuple(sp.Ge(name, size) for name, size in SIZES.items()),
        quote=Quote("Corollary 4.16, (27)", "then FO-MAML finds", "O(#$L ), after at most ! O(1/ (#2$2L)) iterations"),
    ),
    Statement(
        "iterations",
        r"and, with the least sizes, the number of iterations over $\Delta$ is of the order $1/(\alpha^2\sigma^2L)$: {}",
        sp.Le(count, (1 + 2 * C_2) / (alpha**2 * sigma**2 * L)),
        quote=Quote("Corollary 4.16, (27)", "then FO-MAML finds", "O(#$L ), after at most ! O(1/ (#2$2L)) iterations"),
    ),
    Statement(
        "shots",
        r"Table 1: with $D_{in} = K$ samples inside, all other batches large, the level is at most $\alpha\sigma L + \tilde\sigma/\sqrt{K}$, written with $k = \sqrt{K}$: its square is {}",
        sp.Le(sp.Limit(sp.Limit(at_shots, B, sp.oo), outer, sp.oo), (alpha * sigma * L + tilde / k) ** 2),
        quote=Quote("Table 1, K-shot learning", scan="O(d) krF (w)k  O("),
    ),
    Statement(
        "samples",
        r"Table 1: such batches hold $O(1/(\alpha^4\sigma^2))$ samples, the least of them {}",
        sp.Eq(samples, C_1 * C_2 * tilde**2 / (alpha**4 * sigma**2 * L**4)),
        quote=Quote("Table 1", scan="O(1/(↵2�2)) O(1/(↵4�2)) O(d)"),
    ),
)  # fmt: skip
def first_order_batches() -> Derivation:
    """Put the batch sizes into Theorem 4.15."""
    steps = L / (sigma**2 * (alpha**2 * L**2 + 1 / SIZES[B])) + L * (SIZES[outer] + SIZES[D_in]) / tilde**2
    return Derivation(
        steps=[
            Step(r"Each term of (26) is at most $(\alpha\sigma L)^2$ over its constant."),
            Step(r"With the least sizes the second term of the minimum is {}", sp.factor(steps)),
            Step(r"and the product of the sizes {}", SIZES[B] * SIZES[D_in]),
        ],
        quantities={at_shots: sigma**2 * (alpha**2 * L**2 + 1 / B) + tilde**2 / outer + tilde**2 / k**2, floor: sigma**2 * (alpha**2 * L**2 + 1 / B) + tilde**2 / outer + tilde**2 / D_in, count: steps, samples: SIZES[B] * SIZES[D_in]},
        tight={"level": SIZES},
        corrections={
            "shots": sp.Eq(sp.Limit(sp.Limit(at_shots, B, sp.oo), outer, sp.oo), (alpha * sigma * L) ** 2 + tilde**2 / k**2),
            "iterations": sp.Eq(count, (C_1 / (C_1 + 1) + 2 * C_2) / (alpha**2 * sigma**2 * L)),
        },
    )  # fmt: skip

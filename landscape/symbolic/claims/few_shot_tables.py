"""[L] section 5, Tables 1 and 2: what the printed accuracies say, and what can be learned from labels in random order."""

from collections.abc import Mapping

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, Weight, claim
from landscape.symbolic.notation import Expr, positive, quantity

OMNIGLOT = {
    ("Large", "MAML"): ("99.2", "96.0", "98.0", "81.2"),
    ("Large", "NAL-1"): ("69.4", "41.5", "57.8", "45.2"),
    ("Small", "MAML"): ("99.2", "99.1", "98.1", "95.4"),
    ("Small", "NAL-1"): ("69.2", "46.0", "55.8", "45.8"),
}
CIFAR = {
    ("0.99", "MAML"): ("92.9", "50.1", "84.6", "21.7"),
    ("0.99", "NAL"): ("78.2", "9.9", "74.8", "9.5"),
    ("0.5", "MAML"): ("93.6", "41.1", "84.3", "17.9"),
    ("0.5", "NAL"): ("81.9", "9.5", "76.5", "8.6"),
    ("0.01", "MAML"): ("94.0", "15.7", "85.0", "11.8"),
    ("0.01", "NAL"): ("82.4", "7.6", "76.9", "8.2"),
}
PARTS = ("easy train", "hard train", "easy test", "hard test")


def gains(table: Mapping[tuple[str, str], tuple[str, ...]], pooled: str) -> dict[tuple[str, str], Expr]:
    """Subtract the printed accuracies: MAML's less those of pooled training, by row and part, in points."""
    return {
        (row, part): sp.Rational(maml) - sp.Rational(nal)
        for row, method in table
        if method == "MAML"
        for part, maml, nal in zip(PARTS, table[row, "MAML"], table[row, pooled], strict=True)
    }


PRINTED = gains(OMNIGLOT, "NAL-1") | gains(CIFAR, "NAL")
G = {
    (row, part): quantity(f"G {row}, {part}", rf"G_{{\text{{{row}, {part}}}}}", positive=True)
    for row, part in PRINTED
}
"""The gains by name."""

N = sp.Symbol("N", positive=True, integer=True)
a, b, alpha = positive("a b alpha")
w, x, y = (quantity(name) for name in ("w", "x", "y"))
x_in, y_in = quantity("x_in", r"x^{in}"), quantity("y_in", r"y^{in}")
one_hot = quantity("E y", r"\mathbb{E}\,y")
w_NAL, w_MAML = (quantity(f"w_{name}", rf"w_{{{name}}}^*") for name in ("NAL", "MAML"))
odds = quantity("exp(-2 E log p)", r"e^{2\,\mathbb{E}[-\log p]}", positive=True)


@claim(
    "L-table1",
    "[L] section 5, Table 1",
    "gains on Omniglot",
    Statement(
        "unseen",
        r"MAML's gain over NAL-1 increases with smaller $r_H$, on unseen hard tasks (in points): {}",
        sp.Gt(G["Small", "hard test"], G["Large", "hard test"]),
        quote=Quote("section 5", "relative gain over NAL increases with smaller"),
    ),
    Statement(
        "seen",
        r"MAML's performance improves with smaller $r_H$ while NAL's does not change substantially, so that the gain grows on hard tasks of the alphabets of training, too: {}",
        sp.Gt(G["Small", "hard train"], G["Large", "hard train"]),
        quote=Quote(
            "section 5",
            "performance improves significantly with more closely-packed hard tasks ... not change substantially",
        ),
    ),
    Statement(
        "hardest",
        r"MAML outperforms NAL primarily by high accuracy on the hard tasks, so where $r_H$ is Large its gain is larger on unseen hard than on unseen easy ones: {}",
        sp.Gt(G["Large", "hard test"], G["Large", "easy test"]),
        why="the conclusion with which section 5 calls Table 2 consistent",
    ),
    Statement(
        "target",
        r"Where a task's $N$ classes are numbered in random order, the mean target of a picture (one-hot, less $1/N$) is, in each output, {}",
        sp.Eq(one_hot, 0),
    ),
    Statement(
        "pooled", r"so that of a linear head with squared loss the pooled optimum is {}", sp.Eq(w_NAL, 0)
    ),
    Statement("adapted", r"and MAML's likewise, whatever the step: {}", sp.Eq(w_MAML, 0)),
    Statement(
        "entropy",
        r"No outputs, of whatever network, have a mean cross-entropy below $\log N$ before a step: for two classes with odds $a$ and $b$ {}",
        sp.Ge(odds, 4),
    ),
)
def omniglot_gains() -> Derivation:
    """Subtract the printed numbers; average targets and losses over the orders of the classes."""
    # a class has each number with probability 1/N: 1 - 1/N if it is the output's, -1/N if not
    mean = sp.simplify((1 - 1 / N) / N + (N - 1) / N * (-1 / N))
    points = {w_NAL: w, w_MAML: w - alpha * x_in * (x_in * w - y_in)}
    slopes = {name: sp.expand(sp.diff((x * point - y) ** 2 / 2, w)) for name, point in points.items()}
    # each slope is linear in the targets, so that their means can take their place
    optima = {name: sp.solve(slope.subs({y: mean, y_in: mean}), w)[0] for name, slope in slopes.items()}
    return Derivation(
        steps=[
            Step(r"The printed gains over NAL-1 in points, easy and hard seen, easy and hard unseen, with $r_H$ Large and Small: {}",
                 sp.Tuple(*(sp.Float(PRINTED[row, part], 3) for row in ("Large", "Small") for part in PARTS))),
            Step(r"On hard tasks of training it falls (as a ratio from 2.31 to 2.15), since there NAL-1 rises by 4.5 points and MAML by 3.1; over NAL-10 it grows on both. With $r_H$ Large the easy gain exceeds the hard one."),
            Step(r"A class has the output's number with probability $1/N$, so its target is in the mean {}", mean),
            Step(r"In one dimension the slope of what NAL minimises is {}", slopes[w_NAL]),
            Step(r"and that of what MAML minimises, with a shot $x^{in}$ of target $y^{in}$, {}", sp.collect(slopes[w_MAML], w)),
            Step(r"Both are linear in the targets, as in any dimension and after any number of steps, and vanish in the mean at 0: the gain of one optimum over the other is 1."),
            Step(r"Over both orders of two classes $-\log p$ has the mean of its values at $a/(a + b)$ and $b/(a + b)$, twice which is the logarithm of {}; with more classes it is the same, by the convexity of $-\log$", (a + b) ** 2 / (a * b)),
        ],
        quantities={
            **{G[key]: PRINTED[key] for key in G},
            one_hot: mean, **optima, odds: (a + b) ** 2 / (a * b),
        },
        corrections={
            "unseen": Statement("unseen", r"In points the gain grows there by {}", sp.Eq(G["Small", "hard test"] - G["Large", "hard test"], sp.Rational(136, 10))),
            "seen": Statement("seen", r"In points the gain on hard tasks of training is {}", sp.Eq(G["Small", "hard train"], sp.Rational(531, 10))),
            "hardest": Statement("hardest", r"There the gain on easy tasks is the larger, by {}", sp.Eq(G["Large", "easy test"] - G["Large", "hard test"], sp.Rational(42, 10))),
        },
        tight={"entropy": {a: 1, b: 1}},
        weights={"seen": Weight.CONSTANT},
        reason=r"On hard tasks of training the gain falls with $r_H$ Small (54.5 to 53.1).",
        numerical=True,
    )  # fmt: skip


@claim(
    "L-table2",
    "[L] section 5, Table 2",
    "gains on FS-CIFAR100",
    *(
        Statement(
            f"largest, p = {p}",
            rf"The largest performance gains are on the hard tasks; with $p = {p}$, unseen, {{}}",
            sp.Gt(G[p, "hard test"], G[p, "easy test"]),
            quote=Quote("section 5", "the largest performance gains", "for MAML in Table 2 are on the hard tasks"),
        )
        for p in ("0.99", "0.5")
    ),
    Statement(
        "disappears",
        r"The improvement by MAML on the hard tasks disappears when they are scarce ($p = 0.01$); unseen, within the sum of the printed errors, {}",
        sp.Le(G["0.01", "hard test"], sp.Rational(7, 10)),
        quote=Quote("section 5", "on the hard tasks disappears when the hard tasks are scarce"),
    ),
)  # fmt: skip
def cifar_gains() -> Derivation:
    """Subtract the printed numbers."""
    return Derivation(
        steps=[
            Step(rf"The printed gains in points with $p = {p}$, easy and hard seen, easy and hard unseen: {{}}", sp.Tuple(*(sp.Float(PRINTED[p, part], 3) for part in PARTS)))
            for p in ("0.99", "0.5", "0.01")
        ]
        + [Step(r"The printed errors of unseen hard tasks are 0.3 and 0.4 where $p = 0.01$: the gain there is smaller than on easy tasks, but not gone. With labels in random order pooled training has no target, so that NAL's rows may be those of an untrained network.")],
        quantities={G[key]: PRINTED[key] for key in G},
        corrections={
            **{
                f"largest, p = {p}": Statement(f"largest, p = {p}", r"There it is larger by {}", sp.Eq(G[p, "hard test"] - G[p, "easy test"], more))
                for p, more in (("0.99", sp.Rational(24, 10)), ("0.5", sp.Rational(15, 10)))
            },
            "disappears": Statement("disappears", r"It is then, in points, {}", sp.Eq(G["0.01", "hard test"], sp.Rational(36, 10))),
        },
        weights={"disappears": Weight.WORDING},
        reason=r"With $p = 0.01$ the gain is 3.6 points, and not gone.",
        numerical=True,
    )  # fmt: skip

"""[L] sections 2 and 3, A.1: Gaussian linear regression with any covariances."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Quote, Statement, Step, claim
from landscape.symbolic.notation import matrix, positive
from landscape.symbolic.risk import weight_matrix
from landscape.symbolic.wick import expected_word

d = sp.Symbol("d", positive=True, integer=True)
n, s, alpha = positive("n s alpha")
Sigma, A, identity = matrix("Sigma", d), matrix("A", d), sp.Identity(d)
second = matrix("E[SAS]", d, r"\mathbb{E}\left[\tfrac1n X^\top X\, A\, \tfrac1n X^\top X\right]")
weight = matrix("Q", d, r"Q_i^{(s)}")


@claim(
    "L-lemma2",
    "[L] Lemma 2, (77)",
    "second moment of a sample covariance",
    Statement(
        "moment",
        r"Let $A$ be symmetric and let the rows of $X \in \mathbb{R}^{n \times d}$ be independent $N(0, \Sigma)$. Then {}",
        sp.Eq(second, Sigma * A * Sigma + (sp.Trace(Sigma * A) * identity + Sigma * A) * Sigma / n),
        quote=Quote(
            "D.2, Lemma 2, (77)",
            "multivariate Gaussian random vectors with mean 0 and diagonal covariance",
            "(tr(ΣA)Id+ΣA)Σ",
        ),
    ),
)
def second_moment() -> Derivation:
    """Pair the four entries of X in all three ways."""
    derived = expected_word([identity, A, identity], n, Sigma)
    return Derivation(
        steps=[
            Step(
                r"Entries of $X$ have covariance $[k = l]\,\Sigma_{ab}$, so the expectation of four is a sum over three pairings: within each "
                r"$X^\top X$ (two free samples, $n^2$), and across in two ways (one free sample, $n$). Across, the inner entries are paired "
                r"with one another, which closes a trace, or with the outer ones: {}",
                sp.Eq(second, derived),
            ),
            Step(
                r"No step used that $\Sigma$ is diagonal, which the paper assumes: the result is a sum of words for any $\Sigma$ and $d$."
            ),
        ],
        quantities={second: derived},
    )


@claim(
    "L-q",
    "[L] section 3, (84)",
    "the weight Q of a task after one step",
    Statement(
        "weight",
        r"For a step on $s$ samples, $\mathbb{E}[(I - \alpha S)\,\Sigma_i\,(I - \alpha S)]$ is {}",
        sp.Eq(
            weight,
            (identity - alpha * Sigma) * Sigma * (identity - alpha * Sigma)
            + alpha**2 / s * (sp.Trace(Sigma**2) * Sigma + Sigma**3),
        ),
        quote=Quote("section 3; D.2, (84)", scan="Q(is):=(Id−αΣi)Σi(Id−αΣi)+αs2(tr(Σi2)Σi+Σi3)"),
    ),
)
def weight_after_a_step() -> Derivation:
    """Expand the product and take the moments of S, S and S Sigma S."""
    middle = expected_word([identity, Sigma, identity], s, Sigma)
    derived = weight_matrix(Sigma, alpha, s)
    return Derivation(
        steps=[
            Step(r"$S = X^\top X/s$ has mean $\Sigma$, so the terms in $\alpha$ are $-2\alpha\Sigma^2$."),
            Step(
                r"The term in $\alpha^2$ is the mean of $S \Sigma S$ (Lemma 2 with $A = \Sigma$): {}", middle
            ),
            Step(r"Together {}", sp.Eq(weight, derived)),
        ],
        quantities={weight: derived},
    )

r"""The risk after one step, from first principles: what several claims about linear regression start from.

A task has inputs N(0, Sigma) and labels x'w_i + z. With S = X'X/n of the step's own batch the step maps w -
w_i to (I - alpha S)(w - w_i) + alpha X'z/n, and the risk is half the expected squared error after it.
"""

import sympy as sp

from landscape.symbolic.typing import Expr
from landscape.symbolic.wick import expected_word, isotropic
from landscape.symbolic.words import words


def weight_matrix(covariance: Expr, alpha: Expr, n: Expr) -> Expr:
    """Compute E[(I - alpha S) Sigma (I - alpha S)], the Hessian of the risk after one step on n samples."""
    identity = sp.Identity(covariance.shape[0])
    one = expected_word([identity, covariance], n, covariance)
    other = expected_word([covariance, identity], n, covariance)
    two = expected_word([identity, covariance, identity], n, covariance)
    return (covariance - alpha * one - alpha * other + alpha**2 * two).doit()


def isotropic_weight(rho: Expr, alpha: Expr, n: Expr, d: Expr) -> Expr:
    """Compute the same for Sigma = rho I, as the number in front of I."""
    size = sp.Symbol("D", integer=True, positive=True)
    covariance = sp.MatrixSymbol("Sigma", size, size)
    return sp.collect(sp.expand(isotropic(weight_matrix(covariance, alpha, n), covariance, rho, d)), alpha)


def gradient(form: Expr, w: Expr) -> Expr:
    """Compute the gradient of a quadratic form (1 x 1) in the vector w: the part of form(w + h) linear in h."""
    step = sp.MatrixSymbol("h", *w.shape)
    total = sp.ZeroMatrix(*w.shape)
    for (word, _), scalar in words(form.xreplace({w: w + step})).items():
        if sum(letter in (step, step.T) for letter in word) != 1:
            continue
        if word[0] != step.T:
            word = tuple(
                sp.Transpose(letter).doit() if 1 in letter.shape else letter for letter in reversed(word)
            )
        total = total + scalar * sp.MatMul(*word[1:])
    return total.doit()


def stationary(slope: Expr, w: Expr) -> tuple[Expr, Expr]:
    """Find H and b of a gradient H w - b."""
    hessian, rest = sp.ZeroMatrix(w.shape[0], w.shape[0]), sp.ZeroMatrix(*w.shape)
    for (word, _), scalar in words(slope).items():
        if word[-1] == w:
            hessian = hessian + scalar * sp.MatMul(*word[:-1])
        else:
            rest = rest - scalar * sp.MatMul(*word)
    return hessian.doit(), rest.doit()

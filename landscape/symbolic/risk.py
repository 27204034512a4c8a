r"""The risk after one step, from first principles: what several claims about linear regression start from.

A task has inputs N(0, Sigma) and labels x'w_i + z. With S = X'X/n of the step's own batch the step maps w - w_i to
(I - alpha S)(w - w_i) + alpha X'z/n, and the risk is half the expected squared error after it.
"""

import sympy as sp

from landscape.symbolic.wick import expected_word, isotropic


def weight_matrix(covariance, alpha, n):
    """E[(I - alpha S) Sigma (I - alpha S)]: the Hessian of a task's risk after one step on n samples."""
    identity = sp.Identity(covariance.shape[0])
    one = expected_word([identity, covariance], n, covariance)
    other = expected_word([covariance, identity], n, covariance)
    two = expected_word([identity, covariance, identity], n, covariance)
    return (covariance - alpha * one - alpha * other + alpha**2 * two).doit()


def isotropic_weight(rho, alpha, n, d):
    """The same for Sigma = rho I, as the number in front of I."""
    size = sp.Symbol("D", integer=True, positive=True)
    covariance = sp.MatrixSymbol("Sigma", size, size)
    return sp.collect(sp.expand(isotropic(weight_matrix(covariance, alpha, n), covariance, rho, d)), alpha)

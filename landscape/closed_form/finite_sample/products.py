r"""Products of factors on independent batches: E[W K psi] for W = M_k ... M_1, each M = a I + b S on a batch of its own.

An inner step is I - alpha S, an outer Hessian S. Of E[W X W'] every entry is wanted here, not only what a symmetric X
leaves, for W K psi has its two random factors side by side.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from landscape.core import Array, Scalar
from landscape.linalg import Diagonal, Matrix, Operator
from landscape.tasks import Empirical, Gaussian


class Factor(NamedTuple):
    """M = a I + b S with S the second moment of n samples.

    Attributes
    ----------
    a, b : float
    n : float
        Perhaps inf.
    """

    a: Scalar
    b: Scalar
    n: float


def gaussian_product(inputs: Gaussian, factors: Sequence[Factor], K: Operator) -> Operator:
    r"""Compute E[W K W] for Gaussian inputs and symmetric K; factors in the order in which they act.

    In the eigenbasis of Sigma the signs of coordinates may be turned, so that E[W_ij W_kl] vanishes unless its indices
    are equal in pairs. With q = b^2/n and m_i = a + b lambda_i a factor takes

    .. math::
        E[W_{ii} W_{kk}] &\to m_i m_k E[W_{ii} W_{kk}] + q\lambda_i\lambda_k E[W_{ik} W_{ki}], \\
        E[W_{ik} W_{ki}] &\to m_i m_k E[W_{ik} W_{ki}] + q\lambda_i\lambda_k E[W_{ii} W_{kk}], \quad i \ne k, \\
        E[W_{ij}^2] &\to (m_i^2 + q\lambda_i^2) E[W_{ij}^2] + q\lambda_i \sum_k \lambda_k E[W_{kj}^2],

    from Cov(S_ij, S_kl) = (Sigma_ik Sigma_jl + Sigma_il Sigma_jk)/n. The last is kept as a part on the diagonal, which
    distinct coordinates of one eigenvalue do not share, and the rest.
    """
    Sigma = inputs.Sigma
    if isinstance(Sigma, Diagonal) and isinstance(K, Diagonal):
        lam, counts = Sigma.entries, Sigma.multiplicity
    else:
        lam, V = np.linalg.eigh(Sigma.matrix())
        counts = np.ones(len(lam), dtype=int)
    outer = lam[:, None] * lam
    along, crossed = np.ones(outer.shape), np.zeros(outer.shape)
    own, square = np.ones(lam.shape), np.zeros(outer.shape)
    for factor in factors:
        m, q = factor.a + factor.b * lam, factor.b**2 / factor.n
        mm, turned = m[:, None] * m, q * outer
        along, crossed = mm * along + turned * crossed, mm * crossed + turned * along
        both = m**2 + q * lam**2
        square = both[:, None] * square + q * lam[:, None] * (lam * own + (counts * lam) @ square)
        own = both * own
    k = K.diagonal() if isinstance(K, Diagonal) else np.diagonal(V.T @ K.matrix() @ V)
    diagonal = (own + square.diagonal() - crossed.diagonal()) * k + crossed @ (counts * k)
    if isinstance(Sigma, Diagonal) and isinstance(K, Diagonal):
        return Diagonal(diagonal, counts)
    inside = (along + square) * (V.T @ K.matrix() @ V)
    np.fill_diagonal(inside, diagonal)
    return Matrix(V @ inside @ V.T)


def product_on_rows(inputs: Empirical, factors: Sequence[Factor], K: Operator, delta: Array) -> Array:
    r"""Compute E[W K psi] for a task given by rows, psi the meta-gradient at distance delta.

    With z = (x, -e) and (delta, 1) for the distance a gradient is J S (delta, 1), S the mean of zz' and J the identity
    but for the last coordinate, which stays 1: noise and its third moments are then in S. One column of W at a time,
    E[W e_j psi'] goes through the factors as X -> M X M' does.
    """
    Z, d = np.column_stack([inputs.X, -inputs.e]), len(delta)
    S, J = Z.T @ Z / len(Z), np.append(np.ones(d), 0.0)
    out, start = np.zeros(d), np.append(delta, 1.0)
    for j, row in enumerate(K.matrix()):
        X = np.zeros((d + 1, d + 1))
        X[j] = start
        for factor in factors:
            M = factor.a * np.eye(d + 1) + factor.b * J[:, None] * S
            fourth = (np.vecdot(Z @ X, Z)[:, None] * Z).T @ Z / len(Z)
            X = M @ X @ M.T + factor.b**2 / factor.n * J[:, None] * (fourth - S @ X @ S) * J
        out += X[:d, :d] @ row
    return out

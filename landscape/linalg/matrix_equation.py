r"""Solve sum_i p_i S_i P G_i = R for a matrix P: the normal equations of a quadratic function of a matrix.

:math:`\tfrac12\sum_i p_i\,\mathrm{tr}(S_i P G_i P^\top) - \mathrm{tr}(R P)` is minimised over matrices of one
kind, with S_i, G_i and R symmetric and S_i, G_i positive semidefinite. What does not matter is 0, in
coordinates that do not depend on units. Shapes: p (K,), S and G (K, d, d), R (d, d).
"""

from __future__ import annotations

import numpy as np

from landscape.core.errors import warn
from landscape.core.tolerances import EPS, SINGULAR
from landscape.core.typing import Array
from landscape.linalg.operators import Matrix

DIRECT = 12
"""Up to this d the d^2 unknowns are solved for directly, in d^6; beyond by conjugate gradients, each iteration in K d^3."""


def scalar(p: Array, S: Array, G: Array, R: Array, guess: Array | None = None) -> Array:
    """Find the best multiple of the identity, as its diagonal (d,)."""
    bend = float(p @ np.vecdot(S, G).sum(axis=1))
    return np.full(len(R), np.trace(R) / bend if bend > 0 else 0.0)


def diagonal(p: Array, S: Array, G: Array, R: Array, guess: Array | None = None) -> Array:
    """Find the best diagonal (d,): (sum p S o G) diag(P) = diag(R), with o entry by entry."""
    return Matrix(np.tensordot(p, S * G, 1)).solve(np.diagonal(R))


def symmetric(p: Array, S: Array, G: Array, R: Array, guess: Array | None = None) -> Array:
    """Find the best symmetric matrix: sum p (S P G + G P S) = 2 R."""
    P = _solve(p, S, G, R, guess, True)
    return (P + P.T) / 2


def full(p: Array, S: Array, G: Array, R: Array, guess: Array | None = None) -> Array:
    """Find the best matrix: sum p S P G = R. For K = 1 it is symmetric, else in general not."""
    return _solve(p, S, G, R, guess, False)


def _solve(p: Array, S: Array, G: Array, R: Array, guess: Array | None, is_symmetric: bool) -> Array:
    """P = V Q V' in the basis where the means of S and of G are diagonal: one pair is solved there at sight."""
    mean = np.tensordot(p, S, 1)
    V = common_basis(mean, np.tensordot(p, G, 1))
    S, G, R = (V.T @ X @ V for X in (S, G, R))
    if len(R) <= DIRECT:
        return V @ _direct(p, S, G, R, is_symmetric) @ V.T
    near = None if guess is None else V.T @ mean @ guess @ mean @ V  # V'mean V = I
    return V @ _iterated(p, S, G, R, near, is_symmetric) @ V.T


def common_basis(S: Array, G: Array) -> Array:
    """Find V (d, rank of S) with V'SV = I and V'GV diagonal."""
    size = np.sqrt(np.diagonal(S))
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
    values, vectors = np.linalg.eigh(scale[:, None] * S * scale)
    keep = values > SINGULAR * len(S)
    V: Array = scale[:, None] * vectors[:, keep] / np.sqrt(values[keep])
    return V @ np.linalg.eigh(V.T @ G @ V)[1]


def _direct(p: Array, S: Array, G: Array, R: Array, is_symmetric: bool) -> Array:
    """All unknowns at once; symmetric ones are those on and above the diagonal."""
    r = len(R)
    M = np.einsum("i,iac,ibe->abce", p, S, G).reshape(r * r, r * r)
    if not is_symmetric:
        return Matrix(M).solve(R.ravel()).reshape(r, r)
    rows, columns = np.triu_indices(r)
    T, k = np.zeros((r, r, len(rows))), np.arange(len(rows))
    T[rows, columns, k] = T[columns, rows, k] = 1.0
    basis = T.reshape(r * r, -1)
    return (basis @ Matrix(basis.T @ M @ basis).solve(basis.T @ R.ravel())).reshape(r, r)


def _iterated(p: Array, S: Array, G: Array, R: Array, guess: Array | None, is_symmetric: bool) -> Array:
    """Conjugate gradients, scaled by the diagonal of the equations."""
    from scipy.sparse.linalg import LinearOperator, cg  # optional: importing it takes 0.1 s

    r = len(R)
    weighted = p[:, None, None] * S

    def product(q: Array) -> Array:
        out: Array = (weighted @ q.reshape(r, r) @ G).sum(axis=0)
        return ((out + out.T) / 2 if is_symmetric else out).ravel()

    size = np.einsum("iaa,ibb->ab", weighted, G)
    size = (size + size.T) / 2 if is_symmetric else size
    inverse = np.divide(1.0, size, out=np.zeros_like(size), where=size > EPS * size.max()).ravel()
    operator, scaled = (LinearOperator((r * r, r * r), f) for f in (product, lambda q: inverse * q.ravel()))
    q, failed = cg(
        operator, R.ravel(), guess if guess is None else guess.ravel(), rtol=1e-13, maxiter=20 * r, M=scaled
    )
    if failed:
        left = np.linalg.norm(product(q) - R.ravel()) / np.linalg.norm(R)
        if left > 1e-9:
            warn("the matrix step keeps only few digits: some directions have nearly no inputs; drop them")
    out: Array = q.reshape(r, r)
    return out

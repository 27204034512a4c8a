r"""Solve sum_i p_i S_i P G_i = R for a matrix P: the normal equations of a quadratic function of a matrix.

:math:`\tfrac12\sum_i p_i\,\mathrm{tr}(S_i P G_i P^\top) - \mathrm{tr}(R P)` is minimised over matrices of one
kind, with S_i, G_i and R symmetric and positive semidefinite, and R nowhere beyond a multiple of the mean of G. What does not matter is 0, in
coordinates that do not depend on units. Shapes: p (K,), S and G (K, d, d), R (d, d).
"""

from __future__ import annotations

import numpy as np

from landscape.core.errors import warn
from landscape.core.tolerances import ILL_CONDITIONED, RESIDUAL, SINGULAR
from landscape.core.typing import Array
from landscape.linalg.operators import Matrix

DIRECT = 16
"""Up to this d the d^2 unknowns are solved for directly, in d^6; beyond by conjugate gradients, each iteration in K d^3."""
MOST_DIRECT = 45
"""Up to this d they are where conjugate gradients do not get there: 1 s."""


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
    """P = V Q V' in the basis where the means of S and of G are diagonal: one pair is solved there at sight.

    R is at most the mean of G, so both are 0 in directions where the latter is rounding.
    """
    mean = np.tensordot(p, S, 1)
    V, values = common_basis(mean, np.tensordot(p, G, 1))
    live = values > SINGULAR * len(values) * values.max(initial=0.0)
    S, G, R = V.T @ S @ V, V.T @ G @ V * np.outer(live, live), V.T @ R @ V * np.outer(live, live)
    equations = _Equations(p, S, G, R, is_symmetric)
    near = None if guess is None else V.T @ mean @ guess @ mean @ V  # V'mean V = I
    Q = equations.direct() if len(R) <= DIRECT else equations.iterated(near)
    if equations.residual(Q) > RESIDUAL and DIRECT < len(R) <= MOST_DIRECT:
        Q = equations.direct()
    spread = values[live].min(initial=np.inf) / values.max(initial=0.0) if live.any() else 1.0
    if equations.residual(Q) > RESIDUAL or spread * equations.condition < ILL_CONDITIONED:
        warn(
            "the matrix step keeps only few digits: tasks' columns differ in size by too much, or some directions have "
            "nearly no inputs; rescale or drop them"
        )
    return V @ Q @ V.T


def common_basis(S: Array, G: Array) -> tuple[Array, Array]:
    """Find V (d, rank of S) with V'SV = I and V'GV diagonal, and that diagonal."""
    size = np.sqrt(np.diagonal(S))
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
    values, vectors = np.linalg.eigh(scale[:, None] * S * scale)
    keep = values > SINGULAR * len(S)
    V: Array = scale[:, None] * vectors[:, keep] / np.sqrt(values[keep])
    values, vectors = np.linalg.eigh(V.T @ G @ V)
    return V @ vectors, values


class _Equations:
    """sum p S Q G = R over all r x r matrices, or over symmetric ones; residuals are scaled to unit diagonal."""

    def __init__(self, p: Array, S: Array, G: Array, R: Array, is_symmetric: bool) -> None:
        self.S, self.G, self.R, self.is_symmetric = p[:, None, None] * S, G, R, is_symmetric
        size = np.einsum("iaa,ibb->ab", self.S, G)
        size = (size + size.T) / 2 if is_symmetric else size
        kept = size > 0
        self.scale = np.where(kept, 1 / np.sqrt(np.where(kept, size, 1.0)), 0.0)
        self.condition = 1.0
        """Reciprocal, scaled to unit diagonal; known where all unknowns were solved for at once."""

    def product(self, Q: Array) -> Array:
        """Compute sum p S Q G, or its symmetric part."""
        out: Array = (self.S @ Q @ self.G).sum(axis=0)
        return (out + out.T) / 2 if self.is_symmetric else out

    def residual(self, Q: Array) -> float:
        """Compute the share of R that is left."""
        left, size = (np.linalg.norm(self.scale * X) for X in (self.product(Q) - self.R, self.R))
        return float(left / size) if size else 0.0

    def direct(self) -> Array:
        """Solve for all unknowns that matter at once; symmetric ones are those on and above the diagonal."""
        r = len(self.R)
        M = np.einsum("iac,ibe->abce", self.S, self.G).reshape(r * r, r * r)
        rows, columns = np.nonzero(np.triu(self.scale) if self.is_symmetric else self.scale)
        T, k = np.zeros((r, r, len(rows))), np.arange(len(rows))
        T[rows, columns, k] = 1.0
        if self.is_symmetric:
            T[columns, rows, k] = 1.0
        basis = T.reshape(r * r, -1)
        if not len(k):
            return np.zeros((r, r))
        factor = Matrix(basis.T @ M @ basis).factor()
        self.condition = factor.reciprocal_condition
        return (basis @ factor.solve(basis.T @ self.R.ravel())).reshape(r, r)

    def iterated(self, guess: Array | None) -> Array:
        """Solve by conjugate gradients, the equations scaled to unit diagonal."""
        from scipy.sparse.linalg import LinearOperator, cg  # optional: importing it takes 0.1 s

        shape, scale = self.R.shape, self.scale
        operator = LinearOperator(
            (scale.size, scale.size), lambda z: (scale * self.product(scale * z.reshape(shape))).ravel()
        )
        first = (
            None if guess is None else np.divide(guess, scale, out=np.zeros(shape), where=scale > 0).ravel()
        )
        z, _ = cg(operator, (scale * self.R).ravel(), first, rtol=1e-13, maxiter=20 * len(scale))
        out: Array = scale * z.reshape(shape)
        return out

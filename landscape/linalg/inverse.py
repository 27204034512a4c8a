"""The inverse of matrices that may be singular."""

import numpy as np

from landscape.core.tolerances import ILL_CONDITIONED, SINGULAR
from landscape.core.typing import Array, Scalar


def pseudo_inverse(A: Array, *, scaled: bool = True) -> Array:
    """Compute A^- with A A^- A = A of positive semidefinite matrices (*, d, d).

    Scaled, to a diagonal of 1, units of coordinates do not matter; else it is Moore and Penrose's, which gives the
    solution of least norm in the given ones.
    """
    d = A.shape[-1]
    size = np.sqrt(np.diagonal(A, axis1=-2, axis2=-1)) if scaled else np.ones(d)
    scale = np.divide(1.0, size, out=np.zeros(size.shape), where=size > 0)  # 0 for what does not vary
    both = scale[..., :, None] * scale[..., None, :]
    inverse: Array = both * np.linalg.pinv(both * A, rcond=SINGULAR * d, hermitian=True)
    return inverse


def ridge_inverse(A: Array, g: Scalar) -> tuple[Array, Array]:
    """Compute (A + g I)^-1 of positive semidefinite matrices (*, d, d) off their null spaces, and the projections onto those.

    For a right-hand side in A's range that is the solution, however small g is beside the rounding of A; at g = 0 it
    is the one of least norm.
    """
    d = A.shape[-1]
    B, none = A + g * np.eye(d), np.zeros_like(A)
    diagonal = np.diagonal(B, axis1=-2, axis2=-1)
    if g > ILL_CONDITIONED * diagonal.sum(axis=-1).max(initial=0.0):  # there may be none
        return np.linalg.inv(B), none
    scale = np.divide(1.0, np.sqrt(diagonal), out=np.zeros(diagonal.shape), where=diagonal > 0)
    least = np.linalg.eigvalsh(scale[..., :, None] * B * scale[..., None, :])[..., :1, None]
    eigenvalues, V = np.linalg.eigh(A)
    kept = eigenvalues > SINGULAR * d * eigenvalues[..., -1:]
    inverse = np.divide(1.0, eigenvalues + g, out=np.zeros_like(eigenvalues), where=kept)
    # Coordinates of very different units leave eigenvalues as small, and a solution that is safe: as B's scaled ones say.
    safe = least > ILL_CONDITIONED
    plain = np.linalg.inv(np.where(safe, B, np.eye(d)))
    spectral = (V * inverse[..., None, :]) @ V.mT
    return np.where(safe, plain, spectral), np.where(safe, none, (V * ~kept[..., None, :]) @ V.mT)

"""Matrices of order d that differ from a multiple of I in two directions: all costs of order d."""

from collections.abc import Callable

import numpy as np

from landscape.core import Array, Scalar


class Block:
    """The matrix level I + ww w w' + wu (w u' + u w') + uu u u'.

    Parameters
    ----------
    level, ww, wu, uu : float or array, shape (...)
    w, u : array, shape (..., d)
    """

    def __init__(self, level: Scalar, ww: Scalar, wu: Scalar, uu: Scalar, w: Array, u: Array) -> None:
        self.level, ww, wu, uu = np.broadcast_arrays(level, ww, wu, uu)
        self.core = np.stack([ww, wu, wu, uu], axis=-1).reshape(*ww.shape, 2, 2)
        self.vectors = np.stack(np.broadcast_arrays(w, u), axis=-2)

    def times(self, rows: Array) -> Array:
        """Compute its product with each row of (..., r, d); with those of the identity, the matrix."""
        reduced = rows @ self.vectors.swapaxes(-1, -2) @ self.core @ self.vectors
        return self.level[..., None, None] * rows + reduced

    def trace(self, identity: Scalar, scale: Callable[[Array], Array]) -> Array:
        """Compute the trace of its product with S^2.

        Parameters
        ----------
        identity : float
            The trace of S^2.
        scale : callable
            Multiplies rows by S.
        """
        scaled = scale(self.vectors)
        return self.level * identity + np.einsum("...ab,...ad,...bd->...", self.core, scaled, scaled)


def written_out(level: Array, core: Array, frame: Array) -> Array:
    """Write out level_kl I + frame' core_kl frame for all neurons k, l.

    Parameters
    ----------
    level : array, shape (..., M, M)
    core : array, shape (..., M, n, M, n)
    frame : array, shape (..., n, d)

    Returns
    -------
    array, shape (..., M, d, M, d)
    """
    inside: Array = np.einsum("...ni,...knlm,...mj->...kilj", frame, core, frame, optimize=True)
    return inside + level[..., :, None, :, None] * np.eye(frame.shape[-1])[:, None, :]

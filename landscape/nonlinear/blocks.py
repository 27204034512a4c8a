"""Matrices of order d that differ from a multiple of the identity in two directions: products and traces at a cost of order d."""

import numpy as np


class Block:
    """level I + ww w w' + wu (w u' + u w') + uu u u'.

    Parameters
    ----------
    level, ww, wu, uu : ndarray (...), or float
    w, u : ndarray (..., d)
    """

    def __init__(self, level, ww, wu, uu, w, u):
        self.level, ww, wu, uu = np.broadcast_arrays(level, ww, wu, uu)
        self.core = np.stack([ww, wu, wu, uu], axis=-1).reshape(*ww.shape, 2, 2)
        self.vectors = np.stack(np.broadcast_arrays(w, u), axis=-2)

    def times(self, rows):
        """Its product with each row of (..., r, d); with those of the identity, the matrix."""
        return (
            self.level[..., None, None] * rows
            + rows @ np.swapaxes(self.vectors, -1, -2) @ self.core @ self.vectors
        )

    def trace(self, identity, scale):
        """The trace of its product with S^2, from that of S^2 and from ``scale``, which multiplies rows by S."""
        scaled = scale(self.vectors)
        return self.level * identity + np.einsum("...ab,...ad,...bd->...", self.core, scaled, scaled)


def written_out(level, core, frame):
    """level_kl I + frame' core_kl frame for all neurons k, l: from (..., M, M), (..., M, n, M, n), (..., n, d), (..., M, d, M, d)."""
    inside = np.einsum("...ni,...knlm,...mj->...kilj", frame, core, frame, optimize=True)
    return inside + level[..., :, None, :, None] * np.eye(frame.shape[-1])[:, None, :]

"""The mean of the inverse of a sample covariance, and of its pseudo-inverse on fewer samples than dimensions."""

import numpy as np

from landscape.core import Array, Scalar


def inverse_trace(m: Scalar, d: int, copies: float = 1.0) -> Array:
    """Compute E tr(Sigma (X'X)^-) for m normal rows: d/(m - d - 1), isotropic below d m/(d - m - 1); between them infinite.

    Parameters
    ----------
    m : float or array, shape (*grid)
    d : int
    copies : float
        How many times as large the problem is, in rows and dimensions.
    """
    room = np.maximum(np.abs(m - d) - 1 / copies, 0.0)
    out: Array = np.divide(np.minimum(m, d), room, out=np.full(np.shape(room), np.inf), where=room > 0)
    return out

"""The inverse of matrices that may be singular."""

import numpy as np

from landscape.core.tolerances import SINGULAR
from landscape.core.typing import Array


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

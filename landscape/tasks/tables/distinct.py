"""Rows of a task drawn without replacement."""

import numpy as np

from landscape.core.typing import Array


def distinct_rows(N: int, size: int, n: int, rng: np.random.Generator) -> Array:
    """Draw `size` sets of n different numbers below N, every set equally likely, shape (size, n)."""
    return np.argpartition(rng.random((size, N)), n - 1, axis=1)[:, :n]

"""Other ways to draw a batch than row by row: few pseudo-rows of the same law, and rows that all differ."""

from __future__ import annotations

import numpy as np

from landscape.core.typing import Array
from landscape.tasks.inputs import Empirical, Inputs


def draw_compressed(inputs: Inputs, size: int, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw `size` batches of few pseudo-rows whose X'X and X'e have the joint law of n rows.

    Of a Gaussian task d rows (Bartlett): with X = T R, R'R = Sigma, T upper triangular with chi-distributed
    diagonal and normal entries above, X'X is Wishart; given X, X'e is normal with covariance sigma^2 X'X for
    n rows and for d pseudo-rows alike. Of a task given by its N rows, each of these times the root of how
    often it comes up among n.

    Returns
    -------
    X : array, shape (size, rows, d)
    e : array, shape (size, rows)
    """
    if isinstance(inputs, Empirical):
        N = len(inputs.X)
        if n <= N:
            return inputs.draw(size, n, rng)
        root = np.sqrt(rng.multinomial(n, np.full(N, 1 / N), size=size))
        return inputs.with_ridge(root[:, :, None] * inputs.X, root * inputs.e, n)
    d = inputs.Sigma.d
    if n <= d:
        return inputs.draw(size, n, rng)
    T = np.zeros((size, d, d))
    above = np.triu_indices(d, 1)
    T[:, above[0], above[1]] = rng.standard_normal((size, len(above[0])))
    T[:, np.arange(d), np.arange(d)] = np.sqrt(rng.chisquare(n - np.arange(d), size=(size, d)))
    return inputs.colour(T), inputs.draw_noise((size, d), rng)


def draw_distinct(inputs: Inputs, size: int, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw `size` batches of n different rows of a task given by data: without replacement."""
    if not isinstance(inputs, Empirical):
        raise ValueError('sampling="without_replacement" takes tasks given by data')
    index = distinct(len(inputs.X), size, n, rng)
    return inputs.with_ridge(inputs.X[index], inputs.e[index], n)


def draw_rows(inputs: Inputs, size: int, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw `size` batches of n rows, one by one."""
    return inputs.draw(size, n, rng)


def distinct(N: int, size: int, n: int, rng: np.random.Generator) -> Array:
    """Draw `size` sets of n different numbers below N, every set equally likely, shape (size, n)."""
    return np.argpartition(rng.random((size, N)), n - 1, axis=1)[:, :n]


def row_count(inputs: Inputs, n: float, sampling: str) -> float:
    """How many rows stand for a batch of n samples."""
    compressed = len(inputs.X) if isinstance(inputs, Empirical) else inputs.Sigma.d
    if sampling == "without_replacement":
        return compressed
    return n if sampling == "raw" else min(n, compressed)


SAMPLERS = {"bartlett": draw_compressed, "raw": draw_rows, "without_replacement": draw_distinct}

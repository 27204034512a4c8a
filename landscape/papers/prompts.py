"""Prompts of linear regression and layers of linear attention, written out: what figures on learning in context draw."""

import numpy as np

from landscape.core import Array


def draw_prompts(
    covariance: Array, optima: Array, noise: float, context: int, rng: np.random.Generator
) -> tuple[Array, Array, Array, Array]:
    """Draw a context X (n, m, d), y (n, m), and a query x (n, d) with its label (n,), of each of n tasks.

    Inputs are normal with the variances (d,) of their coordinates; optima are (n, d).
    """
    X = rng.standard_normal((len(optima), context + 1, len(covariance))) * np.sqrt(covariance)
    y = np.einsum("nmd,nd->nm", X, optima) + np.sqrt(noise) * rng.standard_normal(X.shape[:2])
    return X[:, :-1], y[:, :-1], X[:, -1], y[:, -1]


def attend(X: Array, y: Array, x: Array, P: Array, layers: int) -> Array:
    """Predict the query's label by layers that subtract from each label those of the context, weighted by x_i' P' x_j."""
    seen, asked = y, np.zeros(len(y))
    for _ in range(layers):
        change = np.einsum("nm,nmd->nd", seen, X) @ P.T / X.shape[1]
        seen, asked = seen - np.einsum("nmd,nd->nm", X, change), asked - np.einsum("nd,nd->n", x, change)
    return -asked

"""A slow, obvious batch of rows and what one does with it: the twin of the simulator, and independent of it."""

from __future__ import annotations

from typing import Any

import numpy as np


class Rows:
    """n rows of each of several tasks: X (tasks, n, d), y (tasks, n)."""

    def __init__(self, X: np.ndarray, y: np.ndarray) -> None:
        self.X, self.y = X, y

    def gradient(self, W: np.ndarray) -> np.ndarray:
        return np.einsum("tni,tnj->tij", self.X, self.X @ W - self.y[:, :, None]) / self.X.shape[1]

    def hessian_times(self, V: np.ndarray) -> np.ndarray:
        return np.einsum("tni,tnj->tij", self.X, self.X @ V) / self.X.shape[1]

    def hessian(self) -> np.ndarray:
        return np.einsum("tni,tnj->tij", self.X, self.X) / self.X.shape[1]


def drawer(covariance: np.ndarray, noise: float, optima: np.ndarray, rng: np.random.Generator) -> Any:
    """Make a function n -> fresh rows of Gaussian tasks with these optima (tasks, d)."""
    root = np.linalg.cholesky(covariance)

    def draw(n: float) -> Rows:
        if np.isinf(n):  # d rows with this very covariance and no noise stand for infinitely many
            d = len(root)
            X = np.broadcast_to(np.sqrt(d) * root.T, (len(optima), d, d))
            return Rows(X, np.einsum("tni,ti->tn", X, optima))
        X = rng.standard_normal((len(optima), int(n), len(root))) @ root.T
        e = np.sqrt(noise) * rng.standard_normal(X.shape[:2])
        return Rows(X, np.einsum("tni,ti->tn", X, optima) + e)

    return draw


def losses(covariance: np.ndarray, noise: float, points: np.ndarray, optima: np.ndarray) -> np.ndarray:
    """Compute the population loss of each task at a point of its own, (tasks, d)."""
    e = points - optima
    return (np.einsum("ti,ij,tj->t", e, covariance, e) + noise) / 2

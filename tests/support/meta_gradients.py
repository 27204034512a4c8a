"""Meta-gradients and training routines by hand, right and wrong, for the checker's frozen verdicts."""

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray


def _gradient(v: Array, X: Array, y: Array) -> Array:
    """Give the gradient of half the mean squared error."""
    return X.T @ (X @ v - y) / len(y)


def _shrink(X: Array, a: float) -> Array:
    """Give I - a H."""
    return np.eye(X.shape[1]) - a * X.T @ X / len(X)


def _inner(w: Array, X: Array, y: Array, a: float, steps: int = 1) -> Array:
    """Take inner steps."""
    for _ in range(steps):
        w = w - a * _gradient(w, X, y)
    return w


def _maml(w: Array, X: Array, y: Array, U: Array, v: Array, a: float) -> Array:
    """Give MAML's meta-gradient."""
    return _shrink(X, a) @ _gradient(_inner(w, X, y, a), U, v)


def _maml3(w: Array, X: Array, y: Array, U: Array, v: Array, a: float) -> Array:
    """Give MAML's meta-gradient with three inner steps."""
    return np.linalg.matrix_power(_shrink(X, a), 3) @ _gradient(_inner(w, X, y, a, 3), U, v)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "MAML": _maml,
    "three steps": _maml3,
    "first order": lambda w, X, y, U, v, a: _gradient(_inner(w, X, y, a), U, v),
    "displacement": lambda w, X, y, U, v, a: w - _inner(w, X, y, a, 3),
    "plain": lambda w, X, y, U, v, a: _gradient(w, U, v),
    "twice the inner loss": lambda w, X, y, U, v, a: _maml(w, X, y, U, v, 2 * a),
    "batches swapped": lambda w, X, y, U, v, a: _maml(w, U, v, X, y, a),
    "inner batch reused": lambda w, X, y, U, v, a: _maml(w, X, y, X, y, a),
    "alpha twice": lambda w, X, y, U, v, a: _maml(w, X, y, U, v, a * a),
    "stale point": lambda w, X, y, U, v, a: _shrink(X, a) @ _gradient(w, U, v),
    "last step only": lambda w, X, y, U, v, a: _shrink(X, a) @ _gradient(_inner(w, X, y, a, 3), U, v),
    "Hessian elsewhere": lambda w, X, y, U, v, a: _shrink(U, a) @ _gradient(_inner(w, X, y, a), U, v),
    "two bugs": lambda w, X, y, U, v, a: -_gradient(_inner(w, X, y, 2 * a), U, v),
    "zero": lambda w, X, y, U, v, a: np.zeros(len(w)),
    "something else": lambda w, X, y, U, v, a: np.sin(_maml(w, X, y, U, v, a)) + w**2,
}


def _solved(first_order: bool, factor: float = 1.0, plain: bool = False) -> Callable[..., Array]:
    """Make a routine that solves for the point where the mean meta-gradient of 1000 tasks vanishes."""

    def train(draw: Callable[[], Any], alpha: float) -> Array:
        """Train on drawn tasks."""
        A, b = 0.0, 0.0
        for _ in range(1000):
            X, y, U, v = draw()
            H, h, s = U.T @ U / len(U), U.T @ v / len(v), X.T @ y / len(y)
            P = np.eye(X.shape[1]) if plain else _shrink(X, factor * alpha)
            left = np.eye(X.shape[1]) if first_order or plain else P
            pull = 0 * s if plain else factor * alpha * s
            A, b = A + left @ H @ P, b + left @ (h - H @ pull)
        return np.linalg.solve(A, b)

    return train


ROUTINES: dict[str, Callable[..., Array]] = {
    "MAML": _solved(first_order=False),
    "first order": _solved(first_order=True),
    "twice the inner loss": _solved(first_order=False, factor=2.0),
    "plain": _solved(first_order=False, plain=True),
}

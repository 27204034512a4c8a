"""Batches of random problems: the loss on each, and what a model may make of their inputs."""

from collections.abc import Callable, Sequence

import numpy as np

from landscape.core import Array

_first, _second = lambda n: slice(n // 2), lambda n: slice(n // 2, None)
_but_last, _but_first = lambda n: slice(n - 1), lambda n: slice(1, None)
BATCHES: dict[str, tuple[str, Callable[[int], slice]]] = {
    "X_in": ("in", lambda n: slice(None)),
    "X_out": ("out", lambda n: slice(None)),
    "both batches": ("both", lambda n: slice(None)),
    "the first half of X_in": ("in", _first),
    "the second half of X_in": ("in", _second),
    "the first half of X_out": ("out", _first),
    "the second half of X_out": ("out", _second),
    "X_in without its last row": ("in", _but_last),
    "X_out without its last row": ("out", _but_last),
    "X_in without its first row": ("in", _but_first),
    "X_out without its first row": ("out", _but_first),
}


class Batch:
    """The loss on one batch in each of P problems: gradient H v - b at v.

    Attributes
    ----------
    rows : list of (X, y)
    H : array, shape (P, d, d)
    b : array, shape (P, d)
        Mean of x y.
    b_broadcast : array, shape (P, d)
        Mean of x times mean of y: what b becomes where y has shape (n, 1) and predictions have (n,).
    """

    def __init__(self, rows: Sequence[tuple[Array, Array]], scale: float) -> None:
        self.rows, self.scale = rows, scale
        self.H = scale * np.array([X.T @ X / len(X) for X, _ in rows])
        self.b = scale * np.array([X.T @ y / len(X) for X, y in rows])
        self.b_broadcast = scale * np.array([X.mean(axis=0) * y.mean() for X, y in rows])

    @classmethod
    def stacked(cls, X: Array, y: Array, scale: float) -> "Batch":
        """Make it of arrays (P, n, d) and (P, n) at once."""
        new = object.__new__(cls)
        new.rows, new.scale, n = list(zip(X, y, strict=True)), scale, X.shape[1]
        new.H = scale * (X.swapaxes(1, 2) @ X) / n
        new.b = scale * (X.swapaxes(1, 2) @ y[..., None])[..., 0] / n
        new.b_broadcast = scale * X.mean(axis=1) * y.mean(axis=1)[:, None]
        return new

    def gradient(self, v: Array, broadcast: bool = False) -> Array:
        """Compute the gradient of the mean loss at v (P, d)."""
        return self.times(v) - (self.b_broadcast if broadcast else self.b)

    def times(self, v: Array) -> Array:
        """Compute the Hessian times v (P, d)."""
        return (self.H @ v[..., None])[..., 0]

    def huber_gradient(self, v: Array, delta: float) -> Array:
        """Compute the gradient of Huber's loss at v (P, d): residuals beyond delta count as delta."""
        return self.scale * np.array(
            [
                X.T @ np.clip(X @ at - y, -delta, delta) / len(y)
                for (X, y), at in zip(self.rows, v, strict=True)
            ]
        )

    def huber_times(self, u: Array, v: Array, delta: float) -> Array:
        """Compute the Hessian of Huber's loss at v times u (P, d): rows beyond delta have no curvature."""
        listed = zip(self.rows, u, v, strict=True)
        return self.scale * np.array(
            [X.T @ ((np.abs(X @ at - y) < delta) * (X @ one)) / len(y) for (X, y), one, at in listed]
        )


def _bias(X: Array, X_in: Array) -> Array:
    return np.hstack([X, np.ones((len(X), 1))])


def _standardised(eps: float) -> Callable[[Array, Array], Array]:
    return lambda X, X_in: (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + eps)


VIEWS: dict[str, Callable[[Array, Array], Array]] = {
    "bias": _bias,
    "standardised": _standardised(0.0),
    "batch norm": _standardised(1e-5),
    "by the inner batch": lambda X, X_in: (X - X_in.mean(axis=0)) / X_in.std(axis=0),
    "centred": lambda X, X_in: X - X.mean(axis=0),
}
"""What a model may make of its inputs before it multiplies them: of a batch, and of the inner batch beside it."""


def as_float(array: Array) -> Array:
    return array.astype(float)


def as_floats(arrays: Sequence[Array]) -> tuple[Array, Array, Array, Array]:
    X_in, y_in, X_out, y_out = map(as_float, arrays)
    return X_in, y_in, X_out, y_out


def taken_rows(
    rows: Sequence[Array], which: str, taken: Callable[[int], slice], part: tuple[int, int] | None
) -> tuple[Array, Array]:
    X_in, y_in, X_out, y_out = as_floats(rows)
    joined = np.vstack([X_in, X_out]), np.hstack([y_in, y_out])
    X, y = {"in": (X_in, y_in), "out": (X_out, y_out), "both": joined}[which]
    where = np.arange(len(X))[taken(len(X))]
    if part is not None:
        if len(where) < part[1]:  # too few rows to share out: a loss of nothing, which is not a number
            return np.full((1, X.shape[1]), np.nan), np.full(1, np.nan)
        where = np.array_split(where, part[1])[part[0]]
    return X[where], y[where]

"""Random linear problems on which the right meta-gradient is known exactly."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from landscape.core import Array, checks

BATCHES: dict[str, tuple[str, int | None]] = {
    "X_in": ("in", None),
    "X_out": ("out", None),
    "both batches": ("both", None),
    "the first half of X_in": ("in", 0),
    "the second half of X_in": ("in", 1),
    "the first half of X_out": ("out", 0),
    "the second half of X_out": ("out", 1),
}


class Batch:
    """The loss on one batch in each of P problems: gradient H v - b at v.

    Attributes
    ----------
    H : array, shape (P, d, d)
    b : array, shape (P, d)
        Mean of x y.
    b_broadcast : array, shape (P, d)
        Mean of x times mean of y: what b becomes where y has shape (n, 1) and predictions have (n,).
    """

    def __init__(self, rows: Sequence[tuple[Array, Array]], scale: float) -> None:
        self.H = scale * np.array([X.T @ X / len(X) for X, _ in rows])
        self.b = scale * np.array([X.T @ y / len(X) for X, y in rows])
        self.b_broadcast = scale * np.array([X.mean(axis=0) * y.mean() for X, y in rows])

    def gradient(self, v: Array, broadcast: bool = False) -> Array:
        """Compute the gradient of the mean loss at v (P, d)."""
        return self.times(v) - (self.b_broadcast if broadcast else self.b)

    def times(self, v: Array) -> Array:
        """Compute the Hessian times v (P, d)."""
        return (self.H @ v[..., None])[..., 0]


@dataclass(frozen=True, eq=False)
class Probes:
    """P random problems of one dimension d, with batches of different sizes.

    Attributes
    ----------
    w : array, shape (P, d)
    rows : list of tuple of array
        X_in, y_in, X_out, y_out of each problem.
    alpha : array, shape (P,)
    scale : float
        1 for the loss with the factor 1/2, 2 without.
    """

    w: Array
    rows: list[tuple[Array, Array, Array, Array]]
    alpha: Array
    scale: float

    @cached_property
    def n_in(self) -> Array:
        """Inner samples, shape (P,)."""
        return np.array([float(len(X)) for X, _, _, _ in self.rows])

    @cached_property
    def n_out(self) -> Array:
        """Outer samples, shape (P,)."""
        return np.array([float(len(X)) for _, _, X, _ in self.rows])

    @property
    def d(self) -> int:
        """Dimension."""
        return self.w.shape[1]

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def _batches(self) -> dict[str, Batch]:
        return {
            name: Batch([_part(rows, *where) for rows in self.rows], self.scale)
            for name, where in BATCHES.items()
        }

    def batch(self, name: str) -> Batch:
        """Return the loss on one of `BATCHES`."""
        return self._batches[name]

    def arguments(self, p: int) -> list[Any]:
        """Copy what a function under test is called with in problem p."""
        return [self.w[p].copy(), *(array.copy() for array in self.rows[p]), float(self.alpha[p])]


def _part(rows: Sequence[Array], which: str, half: int | None) -> tuple[Array, Array]:
    X_in, y_in, X_out, y_out = (array.astype(float) for array in rows)
    joined = np.vstack([X_in, X_out]), np.hstack([y_in, y_out])
    X, y = {"in": (X_in, y_in), "out": (X_out, y_out), "both": joined}[which]
    cut = len(X) // 2
    taken = {None: slice(None), 0: slice(cut), 1: slice(cut, None)}[half]
    return X[taken], y[taken]


def probes(count: int, rng: int | np.random.Generator | None, **settings: Any) -> Probes:
    """Draw problems; for one seed the same object each time, so that what is computed from it is computed once."""
    if rng is None or isinstance(rng, np.random.Generator):
        return draw_probes(count, rng=checks.generator(rng), **settings)
    return _seeded(count, checks.seed("rng", rng), **settings)


@lru_cache(maxsize=8)
def _seeded(count: int, seed: int, **settings: Any) -> Probes:
    return draw_probes(count, rng=checks.generator(seed), **settings)


def draw_probes(
    count: int,
    d: int,
    rng: np.random.Generator,
    *,
    n_in: int | None = None,
    n_out: int | None = None,
    alpha: float | None = None,
    scale: float = 1.0,
    dtype: Any = np.float64,
) -> Probes:
    """Draw problems that tell formulas apart.

    Batches differ in size from each other and from problem to problem, so that a sum never looks like a mean;
    the means of x and y are not 0, so that a target of the wrong shape shows; inputs are scaled so that alpha
    times the largest curvature lies between 0.3 and 0.7, so that the inner step matters and converges. The
    last problem has the first one's w, so that what a function remembers by its parameters shows.
    """
    w: list[Array] = []
    rows: list[tuple[Array, Array, Array, Array]] = []
    alphas: list[float] = []
    for p in range(count):
        step = rng.uniform(0.05, 0.6) if alpha is None else alpha
        inner = n_in or int(rng.choice([n for n in range(3, 15) if n != n_out]))
        outer = n_out or int(rng.choice([n for n in range(3, 15) if n != inner]))
        X = rng.standard_normal((inner + outer, d)) + rng.uniform(-1, 1, d)
        largest = max(np.linalg.eigvalsh(part.T @ part / len(part))[-1] for part in (X[:inner], X[inner:]))
        X *= np.sqrt(rng.uniform(0.3, 0.7) / (abs(step) * scale * largest))
        steady = False
        while not steady:
            noise = rng.uniform(1, 2) + 0.5 * rng.standard_normal(inner + outer)
            start = w[0].astype(float) if 0 < p == count - 1 else rng.standard_normal(d)
            y = X @ rng.standard_normal(d) + X.std() * noise
            steady = _steady(start, X[:inner], y[:inner], X[inner:], y[inner:], step * scale)
        X, y = X.astype(dtype), y.astype(dtype)
        w.append(start.astype(dtype))
        rows.append((X[:inner], y[:inner], X[inner:], y[inner:]))
        alphas.append(step)
    return Probes(np.array(w), rows, np.array(alphas), scale)


def _steady(v: Array, X: Array, y: Array, X_out: Array, y_out: Array, step: float) -> bool:
    """Say whether gradients on the way of the inner steps are no small differences of large terms, which rounding would spoil."""
    for k in range(11):
        for inputs, targets in ((X, y), (X_out, y_out))[k > 0 :]:
            terms = inputs.T @ (inputs @ v), inputs.T @ targets
            if np.linalg.norm(terms[0] - terms[1]) < 0.1 * sum(map(np.linalg.norm, terms)):
                return False
        v = v - step * X.T @ (X @ v - y) / len(y)
    return True

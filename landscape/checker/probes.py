"""Random linear problems on which the right meta-gradient is known exactly."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

import numpy as np

from landscape.checker.precision import rounded
from landscape.core import Array, checks

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


Walk: TypeAlias = tuple[list[Array], list[Array], list[Array | float]]
"""Points, gradients and shares of the gradients that were followed, step by step."""


@dataclass(frozen=True, eq=False)
class Probes:
    """P random problems of one dimension d, with batches of different sizes.

    Attributes
    ----------
    w : array, shape (P, d)
    rows : list of tuple of array
        X_in, y_in, X_out, y_out of each problem.
    alpha : array, shape (P,) or (P, d)
        Inner step size, or one a coordinate.
    scale : float
        1 for the loss with the factor 1/2, 2 without.
    tasks : int
        Where it is more than 1, so many problems in a row share their w and are handed out as one meta-batch.
    strength : bool
        Whether the last argument is the strength of a pull to the start, one over alpha.
    """

    w: Array
    rows: Sequence[tuple[Array, Array, Array, Array]]
    alpha: Array
    scale: float
    tasks: int = 1
    strength: bool = False

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
        return len(self.rows) // self.tasks

    @cached_property
    def _memo(self) -> dict[Any, Any]:
        return {}

    @cached_property
    def walks(self) -> dict[Any, Walk]:
        """Inner steps that were taken, by the choices that they follow from."""
        return {}

    @cached_property
    def factors(self) -> dict[tuple[str, ...], Array]:
        """Products of named factors."""
        return {}

    def batch(self, name: str, part: tuple[int, int] | None = None) -> Batch:
        """Return the loss on one of `BATCHES`, or on the j-th of its k parts."""
        key = name, part
        if key not in self._memo:
            self._memo[key] = Batch([_part(rows, *BATCHES[name], part) for rows in self.rows], self.scale)
        found: Batch = self._memo[key]
        return found

    def viewed(self, name: str) -> "Probes":
        """Return the problems as a model sees them that does one of `VIEWS` to its inputs."""
        if name not in self._memo:
            view = VIEWS[name]
            rows: list[tuple[Array, Array, Array, Array]] = []
            for X_in, y_in, X_out, y_out in map(_floats, self.rows):
                rows.append((view(X_in, X_in), y_in, view(X_out, X_in), y_out))
            more = rows[0][0].shape[1] - self.d
            w = np.pad(_float(self.w), ((0, 0), (0, more)))
            alpha = np.pad(self.alpha, ((0, 0), (0, more))) if self.alpha.ndim > 1 else self.alpha
            self._memo[name] = replace(self, rows=rows, w=w, alpha=alpha)
        found: Probes = self._memo[name]
        return found

    @cached_property
    def pooled(self) -> "Probes":
        """Return the problems with the tasks of each meta-batch joined to one."""
        rows: list[tuple[Array, Array, Array, Array]] = []
        for p in range(len(self)):
            parts = zip(*self.rows[p * self.tasks : (p + 1) * self.tasks], strict=True)
            X_in, y_in, X_out, y_out = map(np.concatenate, parts)
            rows += [(X_in, y_in, X_out, y_out)] * self.tasks
        return replace(self, rows=rows)

    def arguments(self, p: int) -> list[Any]:
        """Copy what a function under test is called with in problem p."""
        first = p * self.tasks
        alpha = 1 / self.alpha[first] if self.strength else self.alpha[first]
        last = alpha.copy() if alpha.ndim else float(alpha)
        if self.tasks == 1:
            return [self.w[p].copy(), *(array.copy() for array in self.rows[p]), last]
        parts = zip(*self.rows[first : first + self.tasks], strict=True)
        return [self.w[first].copy(), *map(np.stack, parts), last]


def _float(array: Array) -> Array:
    return array.astype(float)


def _floats(arrays: Sequence[Array]) -> tuple[Array, Array, Array, Array]:
    X_in, y_in, X_out, y_out = map(_float, arrays)
    return X_in, y_in, X_out, y_out


def _part(
    rows: Sequence[Array], which: str, taken: Callable[[int], slice], part: tuple[int, int] | None
) -> tuple[Array, Array]:
    X_in, y_in, X_out, y_out = _floats(rows)
    joined = np.vstack([X_in, X_out]), np.hstack([y_in, y_out])
    X, y = {"in": (X_in, y_in), "out": (X_out, y_out), "both": joined}[which]
    where = np.arange(len(X))[taken(len(X))]
    if part is not None:
        if len(where) < part[1]:  # too few rows to share out: a loss of nothing, which is not a number
            return np.full((1, X.shape[1]), np.nan), np.full(1, np.nan)
        where = np.array_split(where, part[1])[part[0]]
    return X[where], y[where]


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
    dtype: str = "float64",
    carrier: str | None = None,
    steady: float = 0.1,
    parts: int = 1,
    tasks: int = 1,
    last: str = "step",
) -> Probes:
    """Draw problems that tell formulas apart.

    Batches differ in size from each other and between even and odd problems, so that a sum never looks like a
    mean, and a function that compiles meets two shapes only; the means of x and y are not 0, so that a target
    of the wrong shape shows; inputs are scaled so that alpha times the largest curvature lies between 0.3 and
    0.7, so that the inner step matters and converges. The last problem has the first one's w, so that what a
    function remembers by its parameters shows. An inner batch has a multiple of `parts` rows; `last` says what
    the last argument is: a step, steps (one a coordinate), or the strength of a pull. Numbers are rounded to
    `dtype`, in arrays of the type `carrier`, if that is another.
    """

    def kept(array: Array) -> Array:
        return rounded(array, dtype).astype(carrier) if carrier else rounded(array, dtype)

    w: list[Array] = []
    rows: list[tuple[Array, Array, Array, Array]] = []
    alphas: list[Any] = []
    sizes: list[tuple[int, int]] = []
    for p in range(count):
        if p < 2:
            sizes.append(_sizes(rng, n_in, n_out, parts, sizes))
        inner, outer = sizes[p % 2]
        step = rng.uniform(0.05, 0.6) if alpha is None else alpha
        steps = step * rng.uniform(0.5, 1.3, d) if last == "steps" else step
        start = w[0].astype(float) if 0 < p == count - 1 else np.zeros(d)
        for t in range(tasks):
            free = t == 0 and not 0 < p == count - 1
            start, found = _task(rng, d, inner, outer, step * scale, None if free else start, steady)
            rows.append(tuple(map(kept, found)))  # type: ignore[arg-type]
            w.append(kept(start))
            alphas.append(steps)
    return Probes(np.array(w), rows, np.array(alphas), scale, tasks, last == "strength")


def _sizes(
    rng: np.random.Generator,
    n_in: int | None,
    n_out: int | None,
    parts: int,
    others: Sequence[tuple[int, int]],
) -> tuple[int, int]:
    """Draw samples of the two batches, unlike each other, and unlike those before where that is free."""
    taken = {n for pair in others for n in pair}
    inner = n_in or int(rng.choice([n for n in range(3, 15) if n != n_out and n not in taken])) * parts
    outer = n_out or int(rng.choice([n for n in range(3, 15) if n != inner and n not in taken]))
    return inner, outer


def _task(
    rng: np.random.Generator, d: int, inner: int, outer: int, step: float, start: Array | None, steady: float
) -> tuple[Array, tuple[Array, Array, Array, Array]]:
    """Draw one task, and a start where none is given: w, and X_in, y_in, X_out, y_out."""
    X = rng.standard_normal((inner + outer, d)) + rng.uniform(-1, 1, d)
    largest = max(np.linalg.eigvalsh(part.T @ part / len(part))[-1] for part in (X[:inner], X[inner:]))
    X *= np.sqrt(rng.uniform(0.3, 0.7) / (abs(step) * largest))
    while True:
        noise = rng.uniform(1, 2) + 0.5 * rng.standard_normal(inner + outer)
        w = rng.standard_normal(d) if start is None else start
        y = X @ rng.standard_normal(d) + X.std() * noise
        found = X[:inner], y[:inner], X[inner:], y[inner:]
        if _steady(w, *found, step, steady):
            return w, found


def _steady(v: Array, X: Array, y: Array, X_out: Array, y_out: Array, step: float, least: float) -> bool:
    """Say whether gradients on the way of the inner steps are no small differences of large terms, which rounding would spoil."""
    for k in range(11):
        for inputs, targets in ((X, y), (X_out, y_out))[k > 0 :]:
            terms = inputs.T @ (inputs @ v), inputs.T @ targets
            if np.linalg.norm(terms[0] - terms[1]) < least * sum(map(np.linalg.norm, terms)):
                return False
        v = v - step * X.T @ (X @ v - y) / len(y)
    return True

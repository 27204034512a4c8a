"""Random linear problems on which the right meta-gradient is known exactly."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

import numpy as np

from landscape.checker.batches import BATCHES, VIEWS, Batch, as_float, as_floats, taken_rows
from landscape.checker.precision import rounded
from landscape.core import Array, checks
from landscape.core.typing import RNG

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
            self._memo[key] = Batch(
                [taken_rows(rows, *BATCHES[name], part) for rows in self.rows], self.scale
            )
        found: Batch = self._memo[key]
        return found

    def viewed(self, name: str) -> "Probes":
        """Return the problems as a model sees them that does one of `VIEWS` to its inputs."""
        if name not in self._memo:
            view = VIEWS[name]
            rows: list[tuple[Array, Array, Array, Array]] = []
            for X_in, y_in, X_out, y_out in map(as_floats, self.rows):
                rows.append((view(X_in, X_in), y_in, view(X_out, X_in), y_out))
            more = rows[0][0].shape[1] - self.d
            w = np.pad(as_float(self.w), ((0, 0), (0, more)))
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


def probes(count: int, rng: RNG, **settings: Any) -> Probes:
    """Draw problems; for one seed the same object each time, so that what is computed from it is computed once."""
    if checks.is_source(rng):
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

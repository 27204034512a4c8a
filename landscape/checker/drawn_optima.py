r"""Where a candidate's exact solution lies on the very episodes that a routine has drawn.

The mean meta-gradient of T episodes is affine in w, :math:`\bar A w - \bar b`, and the exact solution
:math:`\hat w = \bar A^{-1}\bar b` has a bias of order 1/T about the optimum. Where no formula is known for it, the
halves of the episodes tell: their solutions have twice the bias, so that

.. math:: \hat\beta = \tfrac12(\hat w_1 + \hat w_2) - \hat w

estimates it (the jackknife in two groups). A routine that solves exactly returns :math:`\hat w`; one that descends
is not biased in this way, and returns something about :math:`\hat w - \hat\beta`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landscape.checker.batches import BATCHES, Batch
from landscape.checker.episodes import Episodes
from landscape.checker.formulas import meta_gradient
from landscape.checker.probes import Probes
from landscape.checker.routine import Routine
from landscape.core import Array

CHUNK = 4096  # episodes evaluated at a time
MOST = 400_000  # episodes in all repeats that are gone through; with more the bias is next to nothing


@dataclass(frozen=True, eq=False)
class Drawn:
    """The exact solutions of one candidate, by repeat.

    Attributes
    ----------
    exact : array, shape (repeats, d)
    bias : array, shape (repeats, d)
        Estimated from the halves of each repeat.
    A : array, shape (repeats, d, d)
    b : array, shape (repeats, d)
        Of the mean meta-gradient A w - b.
    """

    exact: Array
    bias: Array
    A: Array
    b: Array


class _Stacked(Probes):
    """Episodes of equal sizes as problems, without a loop over them."""

    stacks: Sequence[Array]

    def batch(self, name: str, part: tuple[int, int] | None = None) -> Batch:
        key = name, part
        if key not in self._memo:
            X_in, y_in, X_out, y_out = self.stacks
            both = np.concatenate([X_in, X_out], axis=1), np.concatenate([y_in, y_out], axis=1)
            which, taken = BATCHES[name]
            X, y = {"in": (X_in, y_in), "out": (X_out, y_out), "both": both}[which]
            where = np.arange(X.shape[1])[taken(X.shape[1])]
            if part is not None:
                where = np.array_split(where, part[1])[part[0]]
            self._memo[key] = Batch.stacked(X[:, where], y[:, where], self.scale)
        found: Batch = self._memo[key]
        return found


def drawn_optima(
    routines: Sequence[Routine], samplers: Sequence[Episodes], counts: Sequence[int], alpha: float
) -> list[Drawn]:
    """Solve exactly for each routine on the first episodes of each sampler.

    Parameters
    ----------
    routines : sequence of Routine
    samplers : sequence of Episodes
        Fresh ones, which draw what the routine under test has drawn.
    counts : sequence of int
        Episodes of each.
    """
    solved = [_of_one(routines, draw, count, alpha) for draw, count in zip(samplers, counts, strict=True)]
    return [Drawn(*map(np.array, zip(*column, strict=True))) for column in zip(*solved, strict=True)]


def _of_one(
    routines: Sequence[Routine], draw: Episodes, count: int, alpha: float
) -> list[tuple[Array, Array, Array, Array]]:
    """The exact solution, its bias and its system for each routine, on the episodes of one repeat."""
    sums: list[list[tuple[Array, Array]]] = [[] for _ in routines]
    half = (count + 1) // 2
    for part in (half, count - half):
        total: list[tuple[Array, Array] | None] = [None] * len(routines)
        for size in [CHUNK] * (part // CHUNK) + [part % CHUNK]:
            if size:
                for i, (A, b) in enumerate(_systems(routines, draw.take(size), alpha)):
                    before = total[i]
                    total[i] = (A, b) if before is None else (before[0] + A, before[1] + b)
        for kept, one in zip(sums, total, strict=True):
            if one is not None:
                kept.append(one)
    found = []
    for parts in sums:
        A = np.sum([part[0] for part in parts], axis=0) / count
        b = np.sum([part[1] for part in parts], axis=0) / count
        whole = _solve(A, b)
        found.append((whole, np.mean([_solve(*part) for part in parts], axis=0) - whole, A, b))
    return found


def _solve(A: Array, b: Array) -> Array:
    return np.linalg.lstsq(A, b, rcond=None)[0]


def _systems(
    routines: Sequence[Routine], episodes: Sequence[Array], alpha: float
) -> list[tuple[Array, Array]]:
    """The sums of A and b over episodes, of each routine."""
    P, d = len(episodes[0]), episodes[0].shape[2]
    rows = list(zip(*episodes, strict=True))
    memo: dict[object, object] = {}
    points = []
    for w in (np.zeros(d), *np.eye(d)):
        probes = _Stacked(np.tile(w, (P, 1)), rows, np.full(P, alpha), 1.0)
        probes.__dict__.update(stacks=episodes, _memo=memo)  # the batches are the same at all points
        points.append(probes)
    out = []
    for routine in routines:
        zero, *others = (meta_gradient(routine, probes).sum(axis=0) for probes in points)
        out.append((np.column_stack([g - zero for g in others]), -zero))
    return out

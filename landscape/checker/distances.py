"""How far trained points are from where each candidate should end up, and with which chance."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from landscape.checker.drawn_optima import MOST, Drawn, drawn_optima
from landscape.checker.episodes import Episodes
from landscape.checker.expected_optima import Expectation, Prediction
from landscape.checker.reports import Distance
from landscape.checker.target import Target
from landscape.core import Array
from landscape.core.tolerances import TINY
from landscape.tasks import Environment

FALSE_ALARM = 1e-3  # chance that a right routine that has converged is held to be elsewhere
EQUAL = 1e-6  # relative distance from an exact solution that rounding, or a solver that stops, explains
SHARES = np.linspace(0, 1, 11)  # of the bias of an exact solution that a routine may have


@dataclass(frozen=True, eq=False)
class Ground:
    """What a routine is trained on: it can be drawn again."""

    environment: Environment
    alpha: float
    n_in: int
    n_out: int
    streams: tuple[np.random.Generator, ...]

    def samplers(self, shift: Array | None = None, until: float = np.inf) -> list[Episodes]:
        """Make a sampler for each repeat, of the same episodes each time, optima of all or the first ones moved by a shift."""
        return [
            Episodes(self.environment, self.n_in, self.n_out, deepcopy(stream), shift, until)
            for stream in self.streams
        ]


class Row(NamedTuple):
    """A candidate, how far the points are from where it should end up, and its exact solutions where they were drawn."""

    expectation: Expectation
    distance: Distance
    drawn: Drawn | None = None


def is_wanted(expected: Expectation, wanted: Target) -> bool:
    """Say whether a candidate is what was asked for."""
    return expected.bug is None and wanted.kind in (expected.kind, expected.alike)


def measured(
    points: Array, predicted: Sequence[Prediction], wanted: Target, ground: Ground, counts: Sequence[int]
) -> list[Row]:
    """Hold points against all predictions, the likeliest first: by formula, or by the episodes drawn, or both for what is wanted."""
    drawable = sum(counts) <= MOST and min(counts) > 1
    by_drawing: dict[int, Drawn] = {}
    asked = [p for p in predicted if drawable and is_wanted(p.expectation, wanted)]
    others = [p for p in predicted if drawable and p.finite is None and p not in asked]
    for listed in (asked, others):
        routines = [p.expectation.routine for p in listed]
        drawn = drawn_optima(routines, ground.samplers(), counts, ground.alpha) if listed else []
        by_drawing |= dict(zip(map(id, listed), drawn, strict=True))
        if any(_of_drawn(points, found)[0] == 1 for found in drawn):
            break  # it solves exactly what is wanted: nothing else can fit as well
    rows = []
    for prediction in predicted:
        found = by_drawing.get(id(prediction))
        tried = [] if found is None else [_of_drawn(points, found)]
        if prediction.optimum is not None and (prediction.finite is not None or not drawable):
            tried.append(_of_formula(points, prediction))
        if tried:
            rows.append(_row(points, prediction, wanted, max(tried, key=lambda fit: fit[0]), found))
    return sorted(rows, key=lambda row: row.distance.z)


def _row(
    points: Array, prediction: Prediction, wanted: Target, fit: tuple[float, Array], drawn: Drawn | None
) -> Row:
    from scipy.special import ndtri  # optional here: only finished training needs it

    p, gap = fit
    expected, best = prediction.expectation, prediction.optimum
    if best is None:
        assert drawn is not None  # or nothing had been tried
        best = (drawn.exact - drawn.bias).mean(axis=0)
    distance = Distance(
        candidate=expected.name,
        asked=is_wanted(expected, wanted),
        optimum=best,
        distance=float(np.linalg.norm(gap)),
        z=float(-ndtri(max(p, TINY) / 2)),
        p=float(p),
        predicted_deviation=prediction.deviation,
        deviation=points.std(axis=0, ddof=1),
    )
    return Row(expected, distance, drawn)


def _of_formula(points: Array, prediction: Prediction) -> tuple[float, Array]:
    """p and the gap between the mean of the points and the nearest place on the way from the optimum to the mean exact solution."""
    best = prediction.optimum
    assert best is not None
    shift = np.zeros_like(best) if prediction.finite is None else prediction.finite - best
    return max((hotelling(points - best - share * shift) for share in SHARES), key=lambda fit: fit[0])


def _of_drawn(points: Array, drawn: Drawn) -> tuple[float, Array]:
    """The same, repeat by repeat, for exact solutions on the episodes that were drawn."""
    gap = points - drawn.exact
    if np.abs(gap).max() <= EQUAL * max(np.abs(drawn.exact).max(), np.ptp(points)):
        return 1.0, gap.mean(axis=0)
    return max((hotelling(gap + share * drawn.bias) for share in SHARES), key=lambda fit: fit[0])


def hotelling(gaps: Array) -> tuple[float, Array]:
    """The chance that independent gaps (R, d) of mean 0 have a mean as far from it, and that mean."""
    from scipy.special import fdtrc  # optional here: only finished training needs it

    repeats, d = gaps.shape
    mean, covariance = gaps.mean(axis=0), np.cov(gaps.T).reshape(d, d) / repeats
    T2 = float(mean @ np.linalg.lstsq(covariance, mean, rcond=None)[0])
    return float(fdtrc(d, repeats - d, max(T2, 0.0) * (repeats - d) / (d * (repeats - 1)))), mean

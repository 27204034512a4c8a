r"""Has a training routine converged, and what would be seen if its step size were off?

All methods here follow their tasks: where every optimum moves by c, so does theirs. A routine that is given the same
episodes, moved, and whose point moves by c - Kc, has kept K of where it started: for gradient descent of step eta
:math:`K = (I - \eta A)^T`, which falls with training; with weight decay
:math:`K = \lambda(A + \lambda I)^{-1}`, however long one trains.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.analysis.optimum import optimum
from landscape.checker.calling import as_array, judged_by_its_answer
from landscape.checker.distances import EQUAL, FALSE_ALARM, Ground, Row, hotelling
from landscape.checker.expected_optima import expectations
from landscape.checker.target import Kind, Target
from landscape.core import Array

AGAIN = 2  # repeats that are run again
OFF = 1.1  # a step size 10% off
MATTERS = 0.5  # standard errors of the mean: less lag moves no verdict
LIKE_DECAY = 0.1  # relative distance from K c to that of a weight decay
SOLVED = 1e-3  # relative distance from an exact solution with a penalty
MOST_LAG = 0.9  # with more a routine has hardly been trained, or its steps are of limited length
KNOWN = 0.3  # relative deviation of the mean curvature among repeats; with more it is not known (heavy tails)
FORGOTTEN = 0.2  # of the lag: what stopped early has kept more of its first half


@dataclass(frozen=True, eq=False)
class Lag:
    """What the point lacks, K c, where all optima move by c.

    Attributes
    ----------
    moved : array, shape (d,)
        c.
    each : array, shape (repeats again, d)
        K c in each of the repeats that were run again.
    early : array, shape (d,)
        How far the point moves where the optima of the first half of the episodes do.
    """

    moved: Array
    each: Array
    early: Array

    @property
    def lacking(self) -> Array:
        """The mean of K c, shape (d,)."""
        return np.asarray(self.each.mean(axis=0))

    @property
    def share(self) -> float:
        """How much of the way is lacking."""
        return float(np.linalg.norm(self.lacking) / np.linalg.norm(self.moved))

    @property
    def whole(self) -> bool:
        """Whether it does not move at all."""
        return bool(np.allclose(self.lacking, self.moved, rtol=1e-12, atol=0))

    def matters(self, points: Array) -> bool:
        """Say whether it could move the mean of the points (R, d) by more than chance does."""
        covariance = np.cov(points.T).reshape(points.shape[1], -1) / len(points)
        size = self.lacking @ np.linalg.lstsq(covariance, self.lacking, rcond=None)[0]
        return bool(self.share > 1e-4 and size > MATTERS**2)


def lagging(train: Callable[..., Any], points: Array, ground: Ground) -> Lag | None:
    """Train again where all optima have moved by twice the points' size; None for routines that draw numbers of their own, or fail."""
    shift = 2 * np.where(np.abs(points.mean(axis=0)) > 0, points.mean(axis=0), 1.0)
    same, moved = ground.samplers(), ground.samplers(shift)
    try:
        with judged_by_its_answer():
            again = as_array(train(same[0], ground.alpha)).ravel()
            half = ground.samplers(shift, until=same[0].count // 2)[0]
            early = as_array(train(half, ground.alpha)).ravel() - points[0]
            after = np.array([as_array(train(draw, ground.alpha)).ravel() for draw in moved[:AGAIN]])
    except Exception:  # it could train on the tasks as they were: no word on these
        return None
    if np.abs(again - points[0]).max() > EQUAL * np.abs(points).max() or not np.isfinite(after).all():
        return None
    return Lag(shift, shift - (after - points[:AGAIN]), early)


def weight_decay(asked: Row, lag: Lag, points: Array) -> float | None:
    """Find the strength with which what is wanted lags like this and ends at the points; None where none does, or too short training may.

    Training that stops early has kept more of its first half than of its start. What has forgotten the first half, and yet lags, is
    pulled; so is what solves the penalised problem exactly, repeat by repeat.
    """
    if asked.drawn is None or lag.share > MOST_LAG:
        return None
    A, b = asked.drawn.A.mean(axis=0), asked.drawn.b.mean(axis=0)
    eye = np.eye(len(b))
    # K c = strength (A + strength)^-1 c, so that A K c = strength (c - K c)
    here = lag.moved - lag.each
    there = (asked.drawn.A[: len(here)] @ lag.each[..., None])[..., 0]
    strength = float((there * here).sum() / (here * here).sum())
    if not strength > 0:
        return None
    penalised = asked.drawn.A + strength * eye
    solved = np.linalg.solve(penalised, asked.drawn.b[..., None])[..., 0]
    if np.abs(points - solved).max() < SOLVED * np.abs(points.mean(axis=0) - asked.distance.optimum).max():
        return strength
    if np.linalg.norm(asked.drawn.A.std(axis=0)) > KNOWN * np.linalg.norm(A):
        return None
    lacking = strength * np.linalg.solve(A + strength * eye, lag.moved)
    alike = np.linalg.norm(lacking - lag.lacking) < LIKE_DECAY * np.linalg.norm(lag.lacking)
    forgotten = np.linalg.norm(lag.early) < FORGOTTEN * np.linalg.norm(lag.lacking)
    p, _ = hotelling(points - np.linalg.solve(A + strength * eye, b))
    return strength if alike and forgotten and p >= FALSE_ALARM else None


def power(points: Array, ground: Ground, wanted: Target) -> float | None:
    """Compute the chance that a step size 10% off would be held to be elsewhere; None where no formula says where it ends."""
    from scipy.special import fdtri, ncfdtr  # optional here: only finished training needs it

    if wanted.kind in (Kind.PLAIN, Kind.REPTILE) and wanted.steps == 1:
        return None  # it moves no optimum
    ends = []
    for alpha in (ground.alpha, OFF * ground.alpha):
        listed = expectations(alpha, ground.n_in, ground.n_out, wanted.steps)
        method = next(e.method for e in listed if e.kind is wanted.kind and e.bug is None)
        try:
            ends.append(np.asarray(optimum(ground.environment, method, draws=0).value))
        except ValueError:
            return None
    gap = ends[1] - ends[0]
    repeats, d = points.shape
    covariance = np.cov(points.T).reshape(d, d) / repeats
    noncentral = float(gap @ np.linalg.solve(covariance, gap))
    limit = fdtri(d, repeats - d, 1 - FALSE_ALARM)
    return float(1 - ncfdtr(d, repeats - d, noncentral, limit))

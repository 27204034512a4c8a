"""The first time at which a norm along a path reaches a level."""

import math
from collections.abc import Callable

import numpy as np

from landscape.core import Array

HALVINGS = 42  # of 256 cells: as narrow as rounding


def first_time_below(
    norm: Callable[[Array], Array],
    slope: Callable[[Array, Array], Array],
    level: float,
    end: float,
    most: int,
) -> float:
    """Find the first time in [0, end] at which a norm is <= level; inf if there is none.

    Cells in which it cannot get so low are left out and the others halved, to the end of rounding: no dip is
    too brief.

    Parameters
    ----------
    norm : callable
        Times (n,) -> norms (n,).
    slope : callable
        Cells' ends a, b (n,) -> what the norm's slope in [a, b] does not exceed in size, (n,).
    level, end : float
        The norm is above the level at time 0.
    most : int
        Cells that are held at once. More are needed only where a dip ends within rounding of the level.
    """
    edges = np.linspace(0, end, 257)
    left, right = edges[:-1], edges[1:]
    low, high = norm(left), norm(right)
    for _ in range(HALVINGS):
        may = low + high - slope(left, right) * (right - left) <= 2 * level
        reached = np.flatnonzero(high <= level)
        if len(reached):
            may[reached[0]], may[reached[0] + 1 :] = True, False
        left, right, low, high = left[may], right[may], low[may], high[may]
        if not 0 < len(left) <= most:
            break
        middle = (left + right) / 2
        between = norm(middle)
        left, right = np.stack([left, middle], 1).ravel(), np.stack([middle, right], 1).ravel()
        low, high = np.stack([low, between], 1).ravel(), np.stack([between, high], 1).ravel()
    reached = np.flatnonzero(high <= level)
    if not len(reached):
        return math.inf
    a, b = float(left[reached[0]]), float(right[reached[0]])
    excess = _excess(norm, level)
    if excess(a) <= 0 or excess(b) >= 0:  # the cell is as narrow as rounding
        return b
    return _root(excess, a, b)


def first_crossing(
    norm: Callable[[Array], Array], level: float, times: Array, *, upwards: bool = False
) -> float:
    """Find the first of given times at which a norm is <= level (upwards: >= level), refined within its cell.

    A crossing back and forth between two of the times is not seen; inf if there is none.
    """
    excess = norm(times) / level - 1
    reached = np.flatnonzero((excess >= 0) if upwards else (excess <= 0))
    if not len(reached):
        return math.inf
    first = reached[0]
    return float(times[0]) if first == 0 else _root(_excess(norm, level), times[first - 1], times[first])


def _excess(norm: Callable[[Array], Array], level: float) -> Callable[[float], float]:
    return lambda t: float(norm(np.array([t]))[0] / level - 1)


def _root(excess: Callable[[float], float], a: float, b: float) -> float:
    from scipy.optimize import brentq  # optional here: importing it takes 0.2 s

    return float(brentq(excess, a, b, xtol=1e-300, rtol=1e-14))

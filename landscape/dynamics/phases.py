r"""Stretches of a path that are known exactly: a gradient flow or a gradient descent on one quadratic.

In the eigenbasis of H each coordinate of w - centre is multiplied by :math:`e^{-\lambda t}` in the flow and by
:math:`(1-\eta\lambda)^k` in k steps of size eta, so any moment is reached without those before it.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from landscape.dynamics.bowls import Bowl

SCAN = 4001  # moments at which a norm that need not fall is looked at before its crossing is refined
MOST = 2_000_000  # iterations that are looked at one by one


def crossing(points, norm, level, times, sign=1):
    """The first of `times` at which a norm is <= level (sign -1: >= level), refined within its cell; inf if none."""
    from scipy.optimize import brentq

    def excess(moments):
        return sign * (norm(points(moments)) / level - 1)

    over = np.flatnonzero(excess(times) <= 0)
    if not len(over):
        return math.inf
    first = over[0]
    if first == 0:
        return float(times[0])
    return brentq(lambda t: excess(t)[0], times[first - 1], times[first], xtol=1e-300, rtol=1e-14)


@dataclass(frozen=True)
class Phase:
    """A flow (rate None) or a descent on one bowl.

    Attributes
    ----------
    begin : float
        Time or iteration at which it starts.
    start : ndarray, shape (d,)
    bowl : Bowl
    rate : float or None
        Step size of a descent.
    name : str
    """

    begin: float
    start: np.ndarray
    bowl: Bowl
    rate: float | None
    name: str

    @cached_property
    def _modes(self):
        values, vectors = self.bowl.eigen()
        away = self.start - self.bowl.centre
        return values, vectors, away if vectors is None else vectors.T @ away

    def points(self, elapsed):
        """Points (n, d) after so much time, or so many iterations, of this phase."""
        elapsed = np.atleast_1d(np.asarray(elapsed, dtype=float))[:, None]
        values, vectors, away = self._modes
        with np.errstate(over="ignore", invalid="ignore"):
            factors = np.exp(-values * elapsed) if self.rate is None else (1 - self.rate * values) ** elapsed
            modes = np.where(away == 0, 0.0, factors * away)
            points = self.bowl.centre + (modes if vectors is None else modes @ vectors.T)
        if not np.isfinite(points).all():
            raise ValueError(
                f"the path diverges and overflows: the {self.name} phase expands some direction; take a smaller rate or alpha"
            )
        return points

    @cached_property
    def slowest(self):
        """Rate of decay of the slowest coordinate that is not at rest, per unit of time or iteration."""
        values, _, away = self._modes
        active = values[np.abs(away) > 1e-15 * max(np.abs(away).max(), 1e-300)]
        if not len(active):
            return math.inf
        if self.rate is None:
            return float(active.min())
        with np.errstate(divide="ignore"):
            return float(-np.log(np.abs(1 - self.rate * active)).max())

    def first_below(self, bowl, level, longest):
        """How long after the start the gradient norm of a bowl first is <= level, inf if that is not within `longest`.

        Parameters
        ----------
        bowl : Bowl
            Where it is the phase's own, its gradient norm only falls.
        level, longest : float
        """
        norm = bowl.gradient_norm
        if norm(self.start) <= level:
            return 0.0 if self.rate is None else 0
        end = min(longest, self._horizon(norm, level))
        if end <= 0 or not math.isfinite(end):
            return math.inf
        if self.rate is None:
            times = np.union1d(np.linspace(0, end, SCAN), np.geomspace(end * 1e-9, end, SCAN))
            return crossing(self.points, norm, level, times)
        end = int(min(math.ceil(end), longest))
        if self.slowest > 0 and self._is_own(bowl):
            return self._bisect(norm, level, end)
        return self._scan(norm, level, end)

    def _horizon(self, norm, level):
        """By when all that still moves is a thousandth of the level."""
        if self.slowest <= 0:
            return 300 / max(np.abs(self._modes[0]).max() * (self.rate or 1), 1e-300)
        reach = norm(self.start) + norm(self.bowl.centre)
        return (math.log(max(reach / level, 1.0)) + 7) / self.slowest + 1

    def _is_own(self, bowl):
        own = self.bowl
        return np.allclose(bowl.H, own.H, rtol=1e-12, atol=0) and np.allclose(bowl.centre, own.centre, rtol=1e-10)

    def _bisect(self, norm, level, end):
        """The first iteration of a norm that only falls."""
        if norm(self.points(end))[0] > level:
            return math.inf
        low, high = 0, end
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if norm(self.points(middle))[0] <= level else (middle, high)
        return high

    def _scan(self, norm, level, end):
        """The first iteration of any norm, looked at one by one."""
        if end > MOST:
            raise ValueError(f"the level {level:g} would take up to {end:,} iterations: take a larger level or rate")
        size = max(1, min(4096, 2**22 // len(self.start)))
        for k in range(0, end + 1, size):
            steps = np.arange(k, min(k + size, end + 1))
            low = np.flatnonzero(norm(self.points(steps)) <= level)
            if len(low):
                return int(steps[low[0]])
        return math.inf

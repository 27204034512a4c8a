r"""Stretches of a path that are known exactly: a gradient flow or a gradient descent on one quadratic.

In the eigenbasis of H each coordinate of w - centre is multiplied by :math:`e^{-\lambda t}` in the flow and by
:math:`(1-\eta\lambda)^k` in k steps of size eta, so any moment is reached without those before it.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from landscape.dynamics.bowls import Bowl

MOST = 2_000_000  # iterations that are looked at one by one
NUMBERS = 2**22  # coordinates of points that are held at once


def first_crossing(norm, slope, level, end, most):
    """The first time in [0, end] at which a norm is <= level, inf if there is none.

    Cells in which it cannot get so low are left out and the others halved, to the end of rounding: no dip is too brief.

    Parameters
    ----------
    norm : callable
        Of an array of times.
    slope : callable
        Of arrays a, b: what the norm's slope in [a, b] does not exceed in size.
    level, end : float
        The norm is above the level at time 0.
    most : int
        Cells that are held at once. More are needed only where a dip ends within rounding of the level.
    """
    from scipy.optimize import brentq

    edges = np.linspace(0, end, 257)
    left, right = edges[:-1], edges[1:]
    low, high = norm(left), norm(right)
    for _ in range(42):
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

    def excess(t):
        return norm(np.array([t]))[0] / level - 1

    a, b = float(left[reached[0]]), float(right[reached[0]])
    if excess(a) <= 0 or excess(b) >= 0:  # the cell is as narrow as rounding
        return b
    return brentq(excess, a, b, xtol=1e-300, rtol=1e-14)


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
        """Eigenvalues, eigenvectors, and the coordinates of start - centre, 0 where they are rounding."""
        values, vectors = self.bowl.eigen()
        away, noise = self.start - self.bowl.centre, 1e-15 * (np.abs(self.start) + np.abs(self.bowl.centre))
        if vectors is not None:
            away, noise = vectors.T @ away, np.linalg.norm(noise)
        return values, vectors, np.where(np.abs(away) > noise, away, 0.0)

    @cached_property
    def _decay(self):
        """Rates of decay per unit of time or iteration, shape (d,); negative where the path expands."""
        values = self._modes[0]
        if self.rate is None:
            return values
        with np.errstate(divide="ignore"):
            return -np.log(np.abs(1 - self.rate * values))

    def points(self, elapsed):
        """Points (n, d) after so much time, or so many iterations, of this phase."""
        elapsed = np.atleast_1d(np.asarray(elapsed, dtype=float))[:, None]
        values, vectors, away = self._modes
        # in two halves: a factor may overflow where its mode does not
        half = elapsed / 2 if self.rate is None else elapsed // 2
        with np.errstate(over="ignore", invalid="ignore"):
            first, second = (
                np.exp(-values * part) if self.rate is None else (1 - self.rate * values) ** part
                for part in (half, elapsed - half)
            )
            modes = np.where(away == 0, 0.0, first * away * second)
            points = self.bowl.centre + (modes if vectors is None else modes @ vectors.T)
        if not np.isfinite(points).all():
            raise ValueError(
                f"the path diverges and overflows: the {self.name} phase expands some direction; take a smaller rate or alpha"
            )
        return points

    @cached_property
    def slowest(self):
        """Rate of decay of the slowest coordinate that is not at rest, per unit of time or iteration."""
        active = self._decay[self._modes[2] != 0]
        return float(active.min()) if len(active) else math.inf

    @property
    def limit(self):
        """Where the phase leads, shape (d,); None where it diverges."""
        return np.array(self.bowl.centre) if self.slowest > 0 else None

    @property
    def span(self):
        """How long there is something to see: until the slowest coordinate has come down to a ten-millionth."""
        return 16 / self.slowest if 0 < self.slowest < math.inf else 1.0

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
        end = min(longest, self._horizon(bowl, level))
        if end <= 0 or not math.isfinite(end):
            return math.inf
        if self.rate is None:
            most = max(NUMBERS // len(self.start), 1000)
            return first_crossing(lambda times: norm(self.points(times)), self._slope(bowl), level, end, most)
        end = int(min(math.ceil(end), longest))
        if self.slowest >= 0 and self._is_own(bowl):
            return self._bisect(norm, level, end)
        return self._scan(norm, level, end)

    def _horizon(self, bowl, level):
        """When the gradient norm of a bowl surely does not fall any more.

        Either all that decays is 1e-13 of the level by then, or something that grows outweighs all else.
        """
        away, weight = self._modes[2], self._weights(bowl)
        reach = bowl.gradient_norm(self.bowl.centre) + np.abs(away) @ weight
        falls = self._decay[(away != 0) & (self._decay > 0)]
        settled = 1 + ((math.log(max(reach / level, 1.0)) + 30) / falls.min() if len(falls) else 0.0)
        rises = (away != 0) & (self._decay < 0)
        if not rises.any():
            return settled
        with np.errstate(divide="ignore"):  # at 1e150 a path that the bowl does not see is about to overflow
            size = np.minimum(math.log(1e6 * reach) - np.log(weight[rises]), math.log(1e150))
        outweighed = 1 + ((size - np.log(np.abs(away[rises]))) / -self._decay[rises]).min()
        return min(settled, outweighed) if self._is_own(bowl) else outweighed

    def _weights(self, bowl):
        """The gradient norm of a bowl that each of the phase's eigenvectors adds, shape (d,)."""
        vectors = self._modes[1]
        if vectors is None and bowl.H.ndim == 1:
            return np.abs(bowl.H)
        return np.linalg.norm(bowl.matrix() if vectors is None else bowl.matrix() @ vectors, axis=0)

    def _slope(self, bowl):
        """What the slope of a bowl's gradient norm along the flow does not exceed in a cell of time."""
        values, _, away = self._modes
        moves = away != 0
        values, most = values[moves], np.abs(values * away * self._weights(bowl))[moves]

        def slope(a, b):
            steepest = np.where(values > 0, a[:, None], b[:, None])
            return np.exp(-values * steepest) @ most

        return slope

    def _is_own(self, bowl):
        own = self.bowl
        return np.allclose(bowl.H, own.H, rtol=1e-12, atol=0) and np.allclose(
            bowl.centre, own.centre, rtol=1e-10
        )

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
            raise ValueError(
                f"the level {level:g} would take up to {end:,} iterations: take a larger level or rate"
            )
        size = max(1, min(4096, NUMBERS // len(self.start)))
        for k in range(0, end + 1, size):
            steps = np.arange(k, min(k + size, end + 1))
            low = np.flatnonzero(norm(self.points(steps)) <= level)
            if len(low):
                return int(steps[low[0]])
        return math.inf

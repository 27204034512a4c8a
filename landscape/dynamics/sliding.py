r"""BI-MAML's Algorithm 1 as printed: the test :math:`\|\nabla f\| \ge \varepsilon_0` is made at every moment.

Outside the surface :math:`\|\nabla f\| = \varepsilon_0` the path follows :math:`-\nabla f`, which leads in; inside it
follows :math:`-\nabla F`. Where that leads out again the path can only slide along the surface (Filippov's
solution): the mixture of both fields that is tangent to it. Sliding has no closed form for d > 1 and is integrated.
"""

import math
from dataclasses import dataclass

import numpy as np

from landscape.dynamics.phases import Phase

MOST_PHASES = 30
SCAN = 4001  # moments at which a norm is looked at where nothing bounds its slope, before its crossing is refined


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
class Slide:
    """A stretch on the surface, integrated; at rest after `duration` unless it is left then.

    Attributes
    ----------
    begin, duration : float
    start : ndarray, shape (d,)
    solution : callable
        Time since the start to points (d, n).
    stays : bool
        Whether the path ends at rest on the surface.
    """

    begin: float
    start: np.ndarray
    duration: float
    solution: object
    stays: bool
    name: str = "sliding"
    rate = None

    @property
    def limit(self):
        """Where the path is in the end, shape (d,)."""
        return self.points(self.duration)[0]

    @property
    def span(self):
        """How long there is something to see: the whole stretch, and as long as all before it where it rests at once."""
        return self.duration or self.begin

    def points(self, elapsed):
        """Points (n, d) after so much time of this phase."""
        return self.solution(np.minimum(np.atleast_1d(elapsed), self.duration)).T

    def first_below(self, bowl, level, longest):
        """How long after the start the gradient norm of a bowl first is <= level; inf if never."""
        return crossing(
            self.points, bowl.gradient_norm, level, np.linspace(0, min(longest, self.duration), SCAN)
        )


def field(f, F, point):
    """Sliding velocity on the surface, and the rate at which -grad F alone would leave it (> 0: outwards)."""
    g, G = f.gradient(point), F.gradient(point)
    normal = f.times(g)
    inwards, outwards = -normal @ g, -normal @ G
    share = inwards / (inwards - outwards)
    return -(1 - share) * g - share * G, outwards


def sliding_phases(f, F, start, threshold):
    """The phases of Algorithm 1 as printed, in continuous time."""
    phases, begin, point = [], 0.0, start
    inside = f.gradient_norm(start) < threshold
    if not inside:
        first = Phase(0.0, start, f, None, "pooled")
        begin = first.first_below(f, threshold, math.inf)
        phases, point = [first], first.points(begin)[0]
        inside = field(f, F, point)[1] <= 0
    while len(phases) < MOST_PHASES:
        if inside:
            phase = Phase(begin, point, F, None, "MAML")
            phases.append(phase)
            lasts = _back_at_surface(phase, f, threshold)
            if math.isinf(lasts):
                return phases
            begin, point, inside = begin + lasts, phase.points(lasts)[0], False
            continue
        slide = _slide(f, F, begin, point, threshold)
        phases.append(slide)
        if slide.stays:
            return phases
        end = _onto_surface(f, slide.points(slide.duration)[0], threshold)
        begin, point, inside = begin + slide.duration, end, True
    raise ValueError(
        f"the path changes between phases more than {MOST_PHASES} times: take a larger threshold"
    )


def _off_surface(f, point, threshold):
    """The step from the surface to a point near it, to first order."""
    g = f.gradient(point)
    normal = f.times(g)
    return (g @ g - threshold**2) / 2 * normal / (normal @ normal)


def _onto_surface(f, point, threshold):
    """The point without what integrating has left it off by: just outside, a path that leaves would seem to be back."""
    for _ in range(3):
        point = point - _off_surface(f, point, threshold)
    return point


def _back_at_surface(phase, f, threshold):
    """How long until the norm of grad f is back at the threshold from below; inf if it stays below."""
    if math.isinf(phase.slowest):
        return math.inf
    end = 40 / phase.slowest
    times = np.union1d(np.linspace(0, end, SCAN), np.geomspace(end * 1e-6, end, SCAN))
    excess = f.gradient_norm(phase.points(times)) / threshold - 1
    inside, outside = excess < -1e-9, excess > 1e-9  # it may start on the surface itself
    if not outside.any():
        return math.inf
    first = np.argmax(inside)
    if not inside.any() or first > np.argmax(outside):
        return 0.0
    return crossing(phase.points, f.gradient_norm, threshold, times[first:], sign=-1)


def _slide(f, F, begin, point, threshold):
    from scipy.integrate import solve_ivp

    def rate(t, w):
        # rounding drifts off the surface: pull back, proportional to the distance
        return field(f, F, w)[0] - _off_surface(f, w, threshold)

    def leaves(t, w):
        return field(f, F, w)[1] - 1e-12 * threshold

    def rests(t, w):
        return np.linalg.norm(field(f, F, w)[0]) - 1e-11 * threshold

    leaves.terminal, leaves.direction, rests.terminal = True, -1, True  # type: ignore[attr-defined]
    slowest = min(bowl.eigen()[0].min() for bowl in (f, F))
    horizon = 100 / max(slowest, 1e-12)
    if np.linalg.norm(field(f, F, point)[0]) <= 1e-11 * threshold:  # in one dimension it rests at once
        return Slide(
            begin, point, 0.0, lambda t: np.repeat(point[:, None], len(np.atleast_1d(t)), axis=1), True
        )
    run = solve_ivp(
        rate,
        (0, horizon),
        point,
        method="DOP853",
        rtol=1e-11,
        atol=1e-13,
        dense_output=True,
        events=(leaves, rests),
    )
    return Slide(begin, point, float(run.t[-1]), run.sol, len(run.t_events[0]) == 0)

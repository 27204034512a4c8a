r"""BI-MAML's Algorithm 1 as printed: the test :math:`\|\nabla f\| \ge \varepsilon_0` is made at every moment.

Outside the surface :math:`\|\nabla f\| = \varepsilon_0` the path follows :math:`-\nabla f`, which leads in;
inside it follows :math:`-\nabla F`. Where that leads out again the path can only slide along the surface
(Filippov's solution): the mixture of both fields that is tangent to it. Sliding has no closed form for d > 1
and is integrated.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from landscape.closed_form.dynamics.crossing import first_crossing
from landscape.closed_form.dynamics.forms import eigen, gradient_norm
from landscape.closed_form.dynamics.phases import Phase
from landscape.core import Array
from landscape.linalg import QuadraticForm

MOST_PHASES = 30
SCAN = 4001  # moments at which a norm is looked at where nothing bounds its slope, before its crossing is refined
ON_SURFACE = 1e-9  # relative distance from the surface that may be rounding
AT_REST = 1e-11  # velocity, relative to the threshold, at which sliding counts as at rest
LEAVING = 1e-12  # outward velocity, relative to the threshold, at which the surface is left


@dataclass(frozen=True)
class Slide:
    """A stretch on the surface, integrated; at rest after `duration` unless it is left then.

    Attributes
    ----------
    begin, duration : float
    start : array, shape (d,)
    solution : callable
        Times since the start (n,) -> points (d, n).
    stays : bool
        Whether the path ends at rest on the surface.
    """

    begin: float
    start: Array
    duration: float
    solution: Callable[[Array], Array]
    stays: bool
    name: ClassVar[str] = "sliding"

    @property
    def limit(self) -> Array:
        """Where the path is in the end, shape (d,)."""
        return self.points(self.duration)[0]

    @property
    def span(self) -> float:
        """How long there is something to see; where it rests at once, as long as all before."""
        return self.duration or self.begin

    def points(self, elapsed: float | Array) -> Array:
        """Compute points (n, d) after so much time of this phase."""
        return self.solution(np.minimum(np.atleast_1d(elapsed), self.duration)).T

    def first_below(self, form: QuadraticForm, level: float, longest: float) -> float:
        """Find how long after its start the gradient norm of a form first is <= level; inf if never."""
        times = np.linspace(0, min(longest, self.duration), SCAN)
        return first_crossing(lambda t: gradient_norm(form, self.points(t)), level, times)


def sliding_velocity(f: QuadraticForm, F: QuadraticForm, w: Array) -> tuple[Array, float]:
    """Compute the velocity on the surface (d,), and how fast -grad F alone would lead outwards."""
    g, G = f.gradient(w), F.gradient(w)
    normal = f.A @ g
    inwards, outwards = -normal @ g, -normal @ G
    share = inwards / (inwards - outwards)
    return -(1 - share) * g - share * G, float(outwards)


def sliding_phases(f: QuadraticForm, F: QuadraticForm, start: Array, threshold: float) -> list[Phase | Slide]:
    """Find the phases of Algorithm 1 as printed, in continuous time."""
    phases: list[Phase | Slide] = []
    begin, point = 0.0, start
    inside = bool(gradient_norm(f, start) < threshold)
    if not inside:
        first = Phase(0.0, start, f, None, "pooled")
        begin = first.first_below(f, threshold, math.inf)
        phases, point = [first], first.points(begin)[0]
        inside = sliding_velocity(f, F, point)[1] <= 0
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
        begin, point, inside = begin + slide.duration, _onto_surface(f, slide.limit, threshold), True
    raise ValueError(
        f"the path changes between phases more than {MOST_PHASES} times: take a larger threshold"
    )


def _off_surface(f: QuadraticForm, w: Array, threshold: float) -> Array:
    """The step from the surface to a point near it, to first order."""
    g = f.gradient(w)
    normal = f.A @ g
    return (g @ g - threshold**2) / 2 * normal / (normal @ normal)


def _onto_surface(f: QuadraticForm, w: Array, threshold: float) -> Array:
    """The point on the surface: just outside, a path that leaves would seem to be back."""
    for _ in range(3):
        w = w - _off_surface(f, w, threshold)
    return w


def _back_at_surface(phase: Phase, f: QuadraticForm, threshold: float) -> float:
    """How long until the norm of grad f is back at the threshold from below; inf if it stays below."""
    if math.isinf(phase.slowest):
        return math.inf

    def norm(t: Array) -> Array:
        return gradient_norm(f, phase.points(t))

    end = 40 / phase.slowest
    times = np.union1d(np.linspace(0, end, SCAN), np.geomspace(end * 1e-6, end, SCAN))
    excess = norm(times) / threshold - 1
    inside, outside = excess < -ON_SURFACE, excess > ON_SURFACE  # it may start on the surface itself
    if not outside.any():
        return math.inf
    first = np.argmax(inside)
    if not inside.any() or first > np.argmax(outside):
        return 0.0
    return first_crossing(norm, threshold, times[first:], upwards=True)


def _slide(f: QuadraticForm, F: QuadraticForm, begin: float, point: Array, threshold: float) -> Slide:
    from scipy.integrate import solve_ivp  # optional here: importing it takes 0.2 s

    def velocity(t: float, w: Array) -> Array:
        # rounding drifts off the surface: pull back, proportional to the distance
        return sliding_velocity(f, F, w)[0] - _off_surface(f, w, threshold)

    def leaves(t: float, w: Array) -> float:
        return sliding_velocity(f, F, w)[1] - LEAVING * threshold

    def rests(t: float, w: Array) -> float:
        return float(np.linalg.norm(sliding_velocity(f, F, w)[0])) - AT_REST * threshold

    leaves.terminal, leaves.direction, rests.terminal = True, -1, True  # type: ignore[attr-defined]
    if rests(0.0, point) <= 0:  # in one dimension it rests at once
        return Slide(begin, point, 0.0, lambda t: np.repeat(point[:, None], len(t), axis=1), True)
    slowest = min(eigen(form.A)[0].min() for form in (f, F))
    run = solve_ivp(
        velocity, (0, 100 / max(slowest, 1e-12)), point, method="DOP853", rtol=1e-11, atol=1e-13, dense_output=True,
        events=(leaves, rests),
    )  # fmt: skip
    return Slide(begin, point, float(run.t[-1]), run.sol, len(run.t_events[0]) == 0)

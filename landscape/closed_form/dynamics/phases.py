r"""Stretches of a path that are known exactly: a gradient flow or a gradient descent on one quadratic form.

In the eigenbasis of its Hessian each coordinate of w - w* is multiplied by :math:`e^{-\lambda t}` in the flow
and by :math:`(1-\eta\lambda)^k` in k steps of size eta, so any moment is reached without those before it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from landscape.closed_form.dynamics.crossing import first_crossing, first_time_below
from landscape.closed_form.dynamics.forms import coincide, eigen, entries, gradient_norm
from landscape.core import Array, Scalar
from landscape.linalg import Diagonal, Operator, QuadraticForm

MOST_ITERATIONS = 2_000_000  # that are looked at one by one
NUMBERS = 2**22  # coordinates of points that are held at once
AT_REST = 1e-15  # times |w| + |w*|: a coordinate this near to the optimum does not move
STABLE = 1e-12  # by how much a factor of a step may exceed 1 in size
LARGEST_MODE = 1e150  # a path is about to overflow: its squares still fit


@dataclass(frozen=True)
class Phase:
    """A flow or a descent on one quadratic form.

    Attributes
    ----------
    begin : float
        Time or iteration at which it starts.
    start : array, shape (d,)
    form : QuadraticForm
        What it descends on.
    rate : float or None
        Step size of a descent; None for a flow.
    name : str
    """

    begin: float
    start: Array
    form: QuadraticForm
    rate: float | None
    name: str

    @cached_property
    def modes(self) -> tuple[Array, Operator, Array]:
        """Eigenvalues (d,), eigenvectors, and w(0) - w* in their basis (d,), 0 where it is rounding."""
        values, vectors = eigen(self.form.A)
        centre = self.form.minimiser
        rounding: Scalar = AT_REST * (np.abs(self.start) + np.abs(centre))
        if not isinstance(vectors, Diagonal):
            rounding = float(np.linalg.norm(rounding))
        delta = vectors.T @ (self.start - centre)
        return values, vectors, np.where(np.abs(delta) > rounding, delta, 0.0)

    @cached_property
    def decay(self) -> Array:
        """Rates of decay of the modes, by time or iteration, (d,); negative where the path expands."""
        values = self.modes[0]
        if self.rate is None:
            return values
        with np.errstate(divide="ignore"):
            return -np.log(np.abs(1 - self.rate * values))

    @cached_property
    def slowest(self) -> float:
        """Rate of decay of the slowest mode that is not at rest, per unit of time or iteration."""
        active = self.decay[self.modes[2] != 0]
        return float(active.min()) if len(active) else math.inf

    @property
    def diverges(self) -> bool:
        """Whether a descent multiplies some mode by more than 1."""
        values, _, delta = self.modes
        return self.rate is not None and bool((np.abs(1 - self.rate * values[delta != 0]) > 1 + STABLE).any())

    @property
    def largest_rate(self) -> float:
        """The step size below which descents converge, 2/lambda_max; 0 where a curvature is negative."""
        values, _, delta = self.modes
        if (values[delta != 0] < 0).any():
            return 0.0
        return float(2 / values.max()) if values.max() > 0 else math.inf

    @property
    def limit(self) -> Array | None:
        """Where the phase leads, shape (d,); None where it diverges."""
        return self.form.minimiser.copy() if self.slowest > 0 else None

    @property
    def span(self) -> float:
        """How long there is something to see: until the slowest mode has come down to a ten-millionth."""
        return 16 / self.slowest if 0 < self.slowest < math.inf else 1.0

    def points(self, elapsed: float | Array) -> Array:
        """Compute points (n, d) after so much time, or so many iterations, of this phase."""
        t = np.atleast_1d(np.asarray(elapsed, dtype=float))[:, None]
        values, vectors, delta = self.modes
        # in two halves: a factor may overflow where its mode does not
        half = t / 2 if self.rate is None else t // 2
        with np.errstate(over="ignore", invalid="ignore"):
            first, second = (
                np.exp(-values * part) if self.rate is None else (1 - self.rate * values) ** part
                for part in (half, t - half)
            )
            points = self.form.minimiser + vectors @ np.where(delta == 0, 0.0, first * delta * second)
        if not np.isfinite(points).all():
            raise ValueError(
                f"the path diverges and overflows: the {self.name} phase expands some direction; take a smaller rate or "
                "alpha"
            )
        return points

    def first_below(self, form: QuadraticForm, level: float, longest: float) -> float:
        """Find how long after its start the gradient norm of a form first is <= level.

        Parameters
        ----------
        form : QuadraticForm
            Where it is the phase's own, its gradient norm only falls.
        level : float
        longest : float
            Time or iterations to look at.

        Returns
        -------
        float or int
            inf if that is not within `longest`.
        """

        block = max(1, min(4096, NUMBERS // len(self.start)))

        def norm(elapsed: float | Array) -> Array:
            return _in_blocks(lambda t: gradient_norm(form, self.points(t)), block, elapsed)

        if gradient_norm(form, self.start) <= level:
            return 0.0 if self.rate is None else 0
        own = coincide(form, self.form)
        end = min(longest, self._horizon(form, level, own))
        if end <= 0 or not math.isfinite(end):
            return math.inf
        only_falls = own and self.slowest >= 0
        if self.rate is None and only_falls:
            return first_crossing(norm, level, np.array([0.0, end]))
        if self.rate is None:
            most = max(NUMBERS // len(self.start), 1000)
            slope = self.slope_bound(form)
            return first_time_below(norm, lambda a, b: _in_blocks(slope, block, a, b), level, end, most)
        last = int(min(math.ceil(end), longest))
        return _bisect(norm, level, last) if only_falls else _scan(norm, level, last, block)

    def _horizon(self, form: QuadraticForm, level: float, own: bool) -> float:
        """When the gradient norm of a form surely does not fall any more.

        Either all that decays is 1e-13 of the level by then, or something that grows outweighs all else.
        """
        delta, weight = self.modes[2], self._weights(form)
        reach = float(gradient_norm(form, self.form.minimiser) + np.abs(delta) @ weight)
        falls = self.decay[(delta != 0) & (self.decay > 0)]
        settled = 1 + ((math.log(max(reach / level, 1.0)) + 30) / float(falls.min()) if len(falls) else 0.0)
        rises = (delta != 0) & (self.decay < 0)
        if not rises.any():
            return settled
        with np.errstate(divide="ignore"):  # a path that the form does not see ends where it overflows
            size = np.minimum(math.log(1e6 * reach) - np.log(weight[rises]), math.log(LARGEST_MODE))
        outweighed = 1 + float(((size - np.log(np.abs(delta[rises]))) / -self.decay[rises]).min())
        return min(settled, outweighed) if own else outweighed

    def _weights(self, form: QuadraticForm) -> Array:
        """The gradient norm of a form that each unit mode of the phase adds, shape (d,)."""
        turned = form.A @ self.modes[1]
        columns = entries(turned)
        return np.abs(columns) if isinstance(turned, Diagonal) else np.linalg.norm(columns, axis=0)

    def slope_bound(self, form: QuadraticForm) -> Callable[[Array, Array], Array]:
        """Make the bound on the slope of a form's gradient norm along the flow, between times a and b."""
        values, _, delta = self.modes
        moves = delta != 0
        values, most = values[moves], np.abs(values * delta * self._weights(form))[moves]

        def slope(a: Array, b: Array) -> Array:
            steepest = np.where(values > 0, a[:, None], b[:, None])
            return np.exp(-values * steepest) @ most

        return slope


def _in_blocks(f: Callable[..., Array], size: int, *times: float | Array) -> Array:
    """Evaluate a function of times `size` of them at once: memory stays bounded in many dimensions."""
    lists = [np.atleast_1d(t) for t in times]
    return np.concatenate([f(*(t[i : i + size] for t in lists)) for i in range(0, len(lists[0]), size)])


def _bisect(norm: Callable[[float], Array], level: float, end: int) -> float:
    """The first iteration at which a norm that only falls is <= level."""
    if norm(end)[0] > level:
        return math.inf
    low, high = 0, end
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if norm(middle)[0] <= level else (middle, high)
    return high


def _scan(norm: Callable[[Array], Array], level: float, end: int, size: int) -> float:
    """The first iteration at which any norm is <= level, looked at one by one."""
    if end > MOST_ITERATIONS:
        raise ValueError(
            f"the level {level:g} would take up to {end:,} iterations: take a larger level or rate"
        )
    for k in range(0, end + 1, size):
        steps = np.arange(k, min(k + size, end + 1))
        low = np.flatnonzero(norm(steps) <= level)
        if len(low):
            return int(steps[low[0]])
    return math.inf

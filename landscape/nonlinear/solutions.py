"""Where an objective has its minima: many starts, exact gradients."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from landscape.adaptations import Adaptation, GradientSteps
from landscape.core import Array, LandscapeWarning, Result, bar, checks, record, whole
from landscape.core.typing import RNG
from landscape.nonlinear.environment import (
    NonlinearEnvironment,
    as_gradient_steps,
    check_nonlinear,
    is_sampled,
)

STATIONARY = 1e-8
"""Gradient norm at a solution, relative to the largest at the starts."""
SAME = 1e-4
"""Distance of solutions taken for one, relative to the size of the teachers."""
NEAR, ROOM = 3.0, 10.0
"""Solutions are sought within so many times the teachers' size; if that is too small, in the second."""


@record
class Solutions(Result):
    """Local minima of an objective, the best one first; that none better was missed is not proved.

    Attributes
    ----------
    environment : NonlinearEnvironment
    adaptation : GradientSteps or None
        Whose objective it is; None is the pooled loss.
    points : array, shape (K, M, d)
    losses, gradient_norms, least_curvatures : array, shape (K,)
        Value, norm of the gradient, and least eigenvalue of the Hessian there.
    found : array of int, shape (K,)
        How many starts ended there.
    lost : int
        Starts that ended at no minimum within the box (saddles, plateaus, infinity).
    """

    environment: NonlinearEnvironment
    adaptation: GradientSteps | None
    points: Array
    losses: Array
    gradient_norms: Array
    least_curvatures: Array
    found: Array
    lost: int

    @property
    def best(self) -> Array:
        """The best minimum found, shape (M, d)."""
        return self.points[0]

    def distances(self) -> Array:
        """Compute distances of solutions and teachers, neurons in their best order, shape (K, tasks)."""
        return np.array([[distance(W, V) for V in self.environment.teachers] for W in self.points])

    def headline(self) -> str:
        """Say how many minima there are, and the value of the best."""
        objective = "pooled loss" if self.adaptation is None else "loss after adaptation"
        many = "minimum" if len(self.losses) == 1 else "minima"
        return f"{len(self.losses)} {many} of the {objective} found, the best {self.losses[0]:.5g}"

    def columns(self) -> Mapping[str, Any]:
        """Give one row a minimum, with its distance from each task's teacher."""
        columns = {
            "loss": self.losses, "best": np.arange(len(self.losses)) == 0, "found": self.found,
            "gradient_norm": self.gradient_norms, "least_curvature": self.least_curvatures,
        }  # fmt: skip
        names = [f"distance_{task.name}" for task in self.environment.tasks]
        return columns | dict(zip(names, self.distances().T, strict=True))


def distance(W: Array, V: Array) -> float:
    """Compute the distance of two sets of neurons (M, d), in the order that brings them nearest."""
    from scipy.optimize import linear_sum_assignment  # optional: importing it takes 0.2 s

    squares = ((W[:, None] - V[None]) ** 2).sum(axis=-1)
    return float(np.sqrt(squares[linear_sum_assignment(squares)].sum()))


def minima(
    environment: NonlinearEnvironment,
    adaptation: Adaptation | float | None = None,
    *,
    starts: int = 24,
    rng: RNG = 0,
    progress: bool = False,
) -> Solutions:
    """Find local minima of the pooled loss, or of the loss after adaptation.

    Starts are the teachers, their mean and random points; each is followed by L-BFGS in the fewest dimensions
    that hold the landscape, then by Newton's method. With finite m the search starts anew from the minima for
    m = inf. The best of them is the global minimum if any start leads there, which no search of this kind can
    promise.

    Parameters
    ----------
    environment : NonlinearEnvironment
    adaptation : GradientSteps or float, optional
        None for the pooled loss (NAL), else as in `NonlinearEnvironment.risk` (MAML).
    starts : int
        Random ones.
    rng : numpy.random.Generator or int
    progress : bool

    Returns
    -------
    Solutions

    Raises
    ------
    ValueError
        If no start ends at a minimum.

    Examples
    --------
    >>> from landscape import NeuronTask, NonlinearEnvironment
    >>> hard, easy = NeuronTask("hard", [-0.6, -0.6], 0.5), NeuronTask("easy", [0.6, 0.9])
    >>> neurons = NonlinearEnvironment([hard, easy])
    >>> minima(neurons, starts=2).points[0].round(3)
    array([[0.256, 0.479]])
    """
    environment = check_nonlinear(environment)
    given = None if adaptation is None else as_gradient_steps(adaptation)
    starts = whole(0).check("starts", starts)
    small, basis = environment.reduced()
    size = float(np.sqrt((small.teachers**2).sum(axis=-1).max()))
    if size == 0:
        raise ValueError("at least one teacher must differ from 0")
    begin = _starts(small, size, starts, checks.generator(rng))
    # what cannot be computed at all is an error here, not a lost start
    small.gradient(begin[len(small.tasks)], given)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", LandscapeWarning
        )  # on the way only: the solutions are evaluated below
        sampled = given is not None and is_sampled(given)
        search = _Search(small, replace(given, m=np.inf) if given is not None and sampled else given, size)
        kept = _distinct((search.descend(W) for W in bar(begin, progress, desc="starts")), size)
        if sampled:
            search = _Search(small, given, size)
            again = [search.descend(end.point) for end in kept]
            kept = _distinct(again, size, [end.found for end in kept])
    if not kept:
        raise ValueError(
            f"none of {len(begin)} starts ended at a minimum within {ROOM:g} times the teachers' size: give more "
            "starts, or another alpha"
        )
    points = np.array([end.point for end in kept]) @ basis
    losses = np.asarray(environment.risk(points, given))
    order = np.argsort(losses, kind="stable")
    norms, curvatures, found = (
        np.array([getattr(end, name) for end in kept])[order] for name in ("norm", "curvature", "found")
    )
    lost = len(begin) - int(found.sum())
    return Solutions(environment, given, points[order], losses[order], norms, curvatures, found, lost)


def _starts(
    environment: NonlinearEnvironment, size: float, count: int, rng: np.random.Generator
) -> list[Array]:
    """The teachers, a point beside their mean, and random points of their size."""
    mean = environment.teachers.mean(axis=0)
    random = size * rng.standard_normal((count, *environment.shape)) / np.sqrt(environment.shape[1])
    return [*environment.teachers, mean + 1e-3 * size * rng.standard_normal(mean.shape), *random]


@dataclass
class _Minimum:
    """Where starts ended: the point, the gradient's norm, the least curvature, how many starts."""

    point: Array
    norm: float
    curvature: float
    found: int = 1


def _distinct(
    ends: Iterable[_Minimum | None], size: float, found: Iterable[int] | None = None
) -> list[_Minimum]:
    """The different ends; each counts once, or as many times as `found` says."""
    kept: list[_Minimum] = []
    ends = list(ends)
    for end, times in zip(ends, [1] * len(ends) if found is None else found, strict=True):
        if end is None:
            continue
        twin = next((other for other in kept if distance(end.point, other.point) < SAME * size), None)
        if twin is None:
            kept.append(replace(end, found=times))
        else:
            twin.found += times
    return kept


@dataclass(frozen=True)
class _Search:
    """An objective to be minimised, as a function of flat points w (..., Md); `size` is the teachers'."""

    environment: NonlinearEnvironment
    adaptation: GradientSteps | None
    size: float

    def gradient(self, w: Array) -> Array:
        W = w.reshape(*w.shape[:-1], *self.environment.shape)
        return self.environment.gradient(W, self.adaptation).reshape(w.shape)

    def value(self, w: Array) -> tuple[float, Array]:
        W = w.reshape(self.environment.shape)
        return float(self.environment.risk(W, self.adaptation)), self.gradient(w)

    def descend(self, start: Array) -> _Minimum | None:
        """Where a start ends, or None if that is no minimum in the box."""
        try:
            return self._descend(start.ravel())
        except (np.linalg.LinAlgError, ValueError):  # singular, or led beyond what integrals are kept for
            return None

    def _descend(self, w: Array) -> _Minimum | None:
        from scipy.optimize import minimize  # optional: importing it takes 0.2 s

        size, nearby = self.size, 1.1 * w + 0.01 * self.size
        scale = float(np.linalg.norm(self.gradient(w)) + np.linalg.norm(self.gradient(nearby)))
        for room in (NEAR, ROOM):  # far away losses cost more: their series are long
            box, options = [(-room * size, room * size)] * w.size, {"ftol": 1e-15, "gtol": 1e-10}
            w = minimize(self.value, w, jac=True, method="L-BFGS-B", bounds=box, options=options).x
            if np.abs(w).max() < 0.99 * room * size:
                break
        for _ in range(5):
            g, H = self.gradient(w), self._hessian(w)
            least = np.linalg.eigvalsh(H)[0]
            if np.linalg.norm(g) < 1e-3 * STATIONARY * scale or least <= 0:
                break
            step = np.linalg.solve(H, g)
            if np.linalg.norm(step) > 0.1 * size:
                break
            w = w - step
        norm = float(np.linalg.norm(self.gradient(w)))
        outside = np.abs(w).max() > 0.99 * ROOM * size
        if outside or norm > max(STATIONARY * scale, 1e-10) or least < -1e-6 * scale / size:
            return None
        return _Minimum(w.reshape(self.environment.shape), norm, float(least))

    def _hessian(self, w: Array) -> Array:
        """The objective's Hessian, from central differences of its gradient, some directions at a time."""
        h, n = 1e-5 * self.size, len(w)
        pieces = np.array_split(
            h * np.eye(n), 1 + n**3 // 10_000
        )  # a gradient after adaptation needs n^2 numbers a point
        rows = [self.gradient(w + moves) - self.gradient(w - moves) for moves in pieces if len(moves)]
        H = np.concatenate(rows) / (2 * h)
        return (H + H.T) / 2

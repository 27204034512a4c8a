"""Where an objective has its minima: many starts, exact gradients."""

import warnings
from dataclasses import dataclass, replace

import numpy as np

from landscape import checks
from landscape.nonlinear.environment import check_nonlinear
from landscape.results import Result

STATIONARY = 1e-8  # gradient norm at a solution, relative to the largest at the starts
SAME = 1e-4  # distance of solutions taken for one, relative to the size of the teachers
# solutions are sought within so many times the teachers' size, then, where that is too small, within so many
NEAR, ROOM = 3.0, 10.0


@dataclass(frozen=True, eq=False, repr=False)
class Solutions(Result):
    """Local minima of an objective, the best one first; that none better was missed is not proved.

    Attributes
    ----------
    environment, adaptation
        Whose objective it is; adaptation None is the pooled loss.
    points : ndarray, shape (K, M, d)
    losses, gradient_norms, least_curvatures : ndarray, shape (K,)
        Value, norm of the gradient, and least eigenvalue of the Hessian there.
    found : ndarray of int, shape (K,)
        How many starts ended there.
    lost : int
        Starts that ended at no minimum within the box (saddles, plateaus, infinity).
    """

    environment: object
    adaptation: object
    points: np.ndarray
    losses: np.ndarray
    gradient_norms: np.ndarray
    least_curvatures: np.ndarray
    found: np.ndarray
    lost: int

    @property
    def best(self):
        """The best minimum found, shape (M, d)."""
        return self.points[0]

    def distances(self):
        """Distance of each solution from each teacher, neurons in their best order, shape (K, tasks)."""
        return np.array([[distance(W, V) for V in self.environment.teachers] for W in self.points])

    def to_frame(self):
        """One row a minimum, with its distance from each task's teacher."""
        import pandas as pd

        columns = {
            "loss": self.losses, "best": np.arange(len(self.losses)) == 0, "found": self.found,
            "gradient_norm": self.gradient_norms, "least_curvature": self.least_curvatures,
        }  # fmt: skip
        names = [f"distance_{task.name}" for task in self.environment.tasks]
        return pd.DataFrame(columns | dict(zip(names, self.distances().T, strict=True)))


def distance(W, V):
    """Distance of two sets of neurons (M, d), in the order that brings them nearest."""
    from scipy.optimize import linear_sum_assignment

    squares = ((W[:, None] - V[None]) ** 2).sum(axis=-1)
    return float(np.sqrt(squares[linear_sum_assignment(squares)].sum()))


def minima(environment, adaptation=None, *, starts=24, seed=0, progress=False):
    """Local minima of the pooled loss, or of the loss after adaptation.

    Starts are the teachers, their mean and random points; each is followed by L-BFGS in the fewest dimensions that hold the
    landscape, then by Newton's method. With finite m the search starts anew from the minima for m = inf. The best of them is the
    global minimum if any start leads there, which no search of this kind can promise.

    Parameters
    ----------
    environment : NonlinearEnvironment
    adaptation : Adaptation, optional
        None for the pooled loss (NAL), else as in `NonlinearEnvironment.risk` (MAML).
    starts : int
        Random ones.
    seed : int
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
    >>> neurons = NonlinearEnvironment([NeuronTask("hard", [-0.6, -0.6], 0.5), NeuronTask("easy", [0.6, 0.9])])
    >>> minima(neurons, starts=2).points[0].round(3)
    array([[0.256, 0.479]])
    """
    from tqdm.auto import tqdm

    check_nonlinear(environment)
    starts = checks.number("starts", starts, at_least=0, whole=True)
    rng = np.random.default_rng(checks.seed(seed))
    small, basis = environment.reduced()
    size = np.sqrt((small.teachers**2).sum(axis=-1).max())
    if size == 0:
        raise ValueError("at least one teacher must differ from 0")
    mean = small.teachers.mean(axis=0)
    random = size * rng.standard_normal((starts, *small.shape)) / np.sqrt(small.shape[1])
    begin = [*small.teachers, mean + 1e-3 * size * rng.standard_normal(mean.shape), *random]
    # what cannot be computed at all is an error here, not a lost start
    small.gradient(begin[len(small.tasks)], adaptation)
    sampled = adaptation is not None and np.isfinite(adaptation.m)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", checks.LandscapeWarning
        )  # on the way only: the solutions are evaluated below
        full = replace(adaptation, m=np.inf) if sampled else adaptation
        ends = [(_descend(small, full, W, size), 1) for W in tqdm(begin, disable=not progress, desc="starts")]
        kept = _distinct(ends, size)
        if sampled:
            kept = _distinct([(_descend(small, adaptation, end[0], size), end[-1]) for end in kept], size)
    if not kept:
        raise ValueError(
            f"none of {len(begin)} starts ended at a minimum within {ROOM:g} times the teachers' size: give more starts, or another alpha"
        )
    points, norms, curvatures, found = (np.array(x) for x in zip(*kept, strict=True))
    losses = environment.risk(points @ basis, adaptation)
    order = np.argsort(losses, kind="stable")
    return Solutions(
        environment, adaptation, points[order] @ basis, losses[order], norms[order], curvatures[order], found[order],
        len(begin) - int(found.sum()),
    )  # fmt: skip


def _distinct(ends, size):
    """Different ends (point, gradient norm, least curvature, times found) of (end or None, times found)."""
    kept: list = []
    for end, times in ends:
        if end is None:
            continue
        twin = next((other for other in kept if distance(end[0], other[0]) < SAME * size), None)
        if twin is None:
            kept.append([*end, times])
        else:
            twin[-1] += times
    return kept


def _descend(environment, adaptation, start, size):
    """Point, gradient norm and least curvature where a start ends, or None if that is no minimum in the box."""
    from scipy.optimize import minimize

    shape = start.shape

    def gradient(w):
        """At points (..., Md)."""
        return environment.gradient(w.reshape(*w.shape[:-1], *shape), adaptation).reshape(w.shape)

    def value(w):
        return float(environment.risk(w.reshape(shape), adaptation)), gradient(w)

    try:
        scale = np.linalg.norm(gradient(start.ravel())) + np.linalg.norm(
            gradient(1.1 * start.ravel() + 0.01 * size)
        )
        options = {"ftol": 1e-15, "gtol": 1e-10}
        w = start.ravel()
        for room in (NEAR, ROOM):  # far away losses cost more: their series are long
            box = [(-room * size, room * size)] * w.size
            w = minimize(value, w, jac=True, method="L-BFGS-B", bounds=box, options=options).x
            if np.abs(w).max() < 0.99 * room * size:
                break
        for _ in range(5):
            g, H = gradient(w), _curvature(gradient, w, size)
            least = np.linalg.eigvalsh(H)[0]
            if np.linalg.norm(g) < 1e-3 * STATIONARY * scale or least <= 0:
                break
            step = np.linalg.solve(H, g)
            if np.linalg.norm(step) > 0.1 * size:
                break
            w = w - step
    except (np.linalg.LinAlgError, ValueError):  # singular, or led beyond what integrals are kept for
        return None
    norm = np.linalg.norm(gradient(w))
    if (
        np.abs(w).max() > 0.99 * ROOM * size
        or norm > max(STATIONARY * scale, 1e-10)
        or least < -1e-6 * scale / size
    ):
        return None
    return w.reshape(shape), norm, least


def _curvature(gradient, w, size):
    """The objective's Hessian, from central differences of its gradient, some directions at a time."""
    h, n = 1e-5 * size, len(w)
    pieces = np.array_split(
        h * np.eye(n), 1 + n**3 // 10_000
    )  # a gradient after adaptation needs n^2 numbers a point
    H = np.concatenate([gradient(w + moves) - gradient(w - moves) for moves in pieces if len(moves)]) / (
        2 * h
    )
    return (H + H.T) / 2

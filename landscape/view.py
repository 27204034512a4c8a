"""A landscape as a picture: the pooled loss and the loss after adaptation over a plane."""

from dataclasses import dataclass, replace

import numpy as np

from landscape import checks, grid
from landscape.adaptation import Adaptation
from landscape.closed_form import optimum, risk_quadratic
from landscape.environment import check_environment
from landscape.methods import MAML, NAL, as_methods
from landscape.results import Result, labels


@dataclass(frozen=True, eq=False, repr=False)
class View(Result):
    """What a picture of a landscape shows, in coordinates of its plane.

    Attributes
    ----------
    environment, adaptation, methods
        What is shown.
    origin, directions : ndarray, shapes (d,) and (2, d)
        The plane; for d = 2 the coordinates themselves.
    x, y : ndarray, shapes (nx,) and (ny,)
    pooled, adapted : ndarray, shape (ny, nx)
        The pooled loss f and the risk after adaptation F_m.
    families : list of str
    optima : list of ndarray, shape (tasks, 2)
        Sampled optima of each family.
    centres : ndarray, shape (families, 2)
    solutions : ndarray, shape (methods, 2)
        The methods' population optima.
    steps : ndarray, shape (methods, families, 2)
        Where one expected adaptation step from each solution leads on each family's central task.
    """

    environment: object
    adaptation: Adaptation
    methods: tuple
    origin: np.ndarray
    directions: np.ndarray
    x: np.ndarray
    y: np.ndarray
    pooled: np.ndarray
    adapted: np.ndarray
    families: list
    optima: list
    centres: np.ndarray
    solutions: np.ndarray
    steps: np.ndarray

    @property
    def labels(self):
        """A name for each method."""
        return labels(self.methods)

    def to_frame(self):
        """One row a point of the plane."""
        import pandas as pd

        x, y = np.meshgrid(self.x, self.y)
        columns = {"x": x, "y": y, "pooled": self.pooled, "adapted": self.adapted}
        return pd.DataFrame({name: values.ravel() for name, values in columns.items()})

    def plot(self, axes=None):
        """The two landscapes side by side, on two given axes or new ones."""
        from landscape import plotting

        return plotting.landscapes(self, axes=axes)


def landscape_view(environment, adaptation, methods=None, *, samples=80, resolution=80, seed=0):
    """Compute a picture of a landscape.

    Parameters
    ----------
    environment, adaptation, methods, samples, resolution, seed
        As for `plot_landscape`.

    Returns
    -------
    View

    Examples
    --------
    >>> landscape_view(hard_easy(), Adaptation(1.0, m=50), resolution=20).pooled.shape
    (20, 20)
    """
    check_environment(environment)
    checks.instance("adaptation", adaptation, Adaptation)
    methods = as_methods([NAL(), MAML.matching(adaptation)] if methods is None else methods)
    samples = checks.number("samples", samples, at_least=1, whole=True)
    if grid.shape(environment, adaptation, *(m.resolved for m in methods)):
        raise ValueError("a picture needs numbers for all arguments; plot_series draws one picture a value")
    if environment.d < 2:
        raise ValueError(f"a picture needs d >= 2, got d = {environment.d}")
    tasks = [task.expanded() for task in environment.tasks()]
    centres = np.array([task.centre for task in tasks])
    solutions = np.array([optimum(environment, method) for method in methods])
    origin, directions = _plane(np.vstack([centres, solutions]))
    stepped = np.array([[_step(task, w, adaptation.alpha) for task in tasks] for w in solutions])
    families, optima = environment.sample(samples, checks.seed(seed))

    def project(points):
        return (points - origin) @ directions.T

    shown = np.vstack([project(points) for points in (centres, solutions, optima)])
    low, high = np.quantile(shown, [0.03, 0.97], axis=0)
    low, high = np.minimum(low, project(centres).min(axis=0)), np.maximum(high, project(centres).max(axis=0))
    middle, half = (low + high) / 2, 0.62 * max((high - low).max(), 1e-3)
    x, y = (
        np.linspace(c - half, c + half, checks.number("resolution", resolution, at_least=2, whole=True))
        for c in middle
    )
    pooled = replace(adaptation, steps=0)
    return View(
        environment, adaptation, tuple(methods), origin, directions, x, y,
        _values(environment, pooled, origin, directions, x, y), _values(environment, adaptation, origin, directions, x, y),
        [task.name for task in tasks], [project(optima[families == i]) for i in range(len(tasks))],
        project(centres), project(solutions), project(stepped),
    )  # fmt: skip


def _plane(points):
    """Origin and two orthonormal directions of the plane that the points span best."""
    d = points.shape[1]
    if d == 2:
        return np.zeros(2), np.eye(2)
    origin = points.mean(axis=0)
    directions = np.linalg.svd(np.vstack([points - origin, np.zeros((2, d))]))[2][:2]
    leading = np.abs(directions).argmax(axis=1)
    return origin, directions * np.sign(directions[np.arange(2), leading])[:, None]


def _step(task, w, alpha):
    """Where one expected step from w leads on the family's central task."""
    return w - alpha * task.inputs.apply(task.inputs.value, w - task.centre)


def _values(environment, adaptation, origin, directions, x, y):
    """F over the plane: it is a quadratic there too."""
    floor, best, M = risk_quadratic(environment, adaptation)
    H, away = directions @ M @ directions.T, origin - best
    slope = directions @ M @ away
    u, v = np.meshgrid(x, y)
    plane = np.stack([u, v])
    quadratic = np.einsum("aij,ab,bij->ij", plane, H, plane) / 2 + np.tensordot(slope, plane, 1)
    return floor + away @ M @ away / 2 + quadratic


def plot_landscape(environment, adaptation, methods=None, *, axes=None, samples=80, resolution=80, seed=0):
    """Draw the pooled loss and the loss after adaptation side by side.

    Contours of f and F_m, sampled optima of the tasks, the methods' solutions, and one adaptation step
    from each solution towards each family as an arrow. In d = 2 the axes are the coordinates; in higher
    dimensions they span the plane through the family centres and the solutions.

    Parameters
    ----------
    environment : Environment
    adaptation : Adaptation
    methods : Method or sequence of Method, optional
        NAL and matching MAML by default.
    axes : pair of matplotlib Axes, optional
    samples : int
        Task optima to show.
    resolution : int
        Points of the plane a side.
    seed : int
        For the sampled optima.

    Returns
    -------
    ndarray of matplotlib Axes, shape (2,)

    Examples
    --------
    >>> axes = plot_landscape(hard_easy(), Adaptation(1.0, m=50), resolution=20)
    >>> len(axes)
    2
    """
    view = landscape_view(environment, adaptation, methods, samples=samples, resolution=resolution, seed=seed)
    return view.plot(axes=axes)


def plot_series(environment, adaptation, name, values, methods=None, *, samples=80, resolution=80, seed=0):
    """Small multiples: a landscape for each value of one argument, fit for slides.

    Parameters
    ----------
    environment, adaptation, methods, samples, resolution, seed
        As for `plot_landscape`.
    name : str
        An argument of the environment or the adaptation, for example ``"rho_hard"``.
    values : sequence of float

    Returns
    -------
    matplotlib.figure.Figure
        One column a value; save it as PNG, SVG or PDF by its ``savefig``.

    Examples
    --------
    >>> figure = plot_series(hard_easy(), Adaptation(1.0, m=50), "rho_hard", [0.1, 0.5], resolution=20)
    >>> figure.savefig("series.png")  # doctest: +SKIP
    """
    from landscape import plotting

    check_environment(environment)
    if methods is None:
        methods = [NAL(), MAML.matching(adaptation)]
    values = checks.number("values", values, grid=True, infinite=True)
    if np.ndim(values) != 1:
        raise ValueError(f"values must be a list of at least one value, got {checks.short(values)}")
    views = []
    for value in values:
        env, adapt, here = grid.points_along({name: [value]}, environment, adaptation, as_methods(methods))
        env, adapt, *here = (grid.at(r, (0,), (1,)) for r in (env, adapt, *(m.resolved for m in here)))
        views.append(landscape_view(env, adapt, here, samples=samples, resolution=resolution, seed=seed))
    return plotting.series(views, name, values)

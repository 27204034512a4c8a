"""A landscape as a picture: the pooled loss and the loss after adaptation over a plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.adaptations import Adaptation, GradientSteps
from landscape.analysis.evaluate import Setting
from landscape.analysis.optimum import optimum
from landscape.analysis.risk import gain, risk_landscape
from landscape.core import Array, Result, checks, count, record, short, whole
from landscape.core.typing import RNG
from landscape.linalg import Matrix, QuadraticForm
from landscape.methods import MAML, NAL, Method, as_methods, labels
from landscape.plotting.planes import draw_pair, draw_series
from landscape.plotting.style import symbol
from landscape.tasks import Environment, Task, check_environment

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@record
class View(Result):
    """What a picture of a landscape shows, in coordinates of its plane.

    Attributes
    ----------
    environment, adaptation, methods
        What is shown.
    labels : list of str
        A name for each method.
    origin, directions : array, shapes (d,) and (2, d)
        The plane; for d = 2 the coordinates themselves.
    x, y : array, shapes (nx,) and (ny,)
    pooled, adapted : array, shape (ny, nx)
        The pooled loss f and the risk after adaptation F_m.
    families : list of str
    optima : list of array, shape (tasks, 2)
        Sampled optima of each family.
    centres : array, shape (families, 2)
    solutions : array, shape (methods, 2)
        The methods' population optima.
    adapted_points : array, shape (methods, families, 2)
        Where adaptation from each solution leads on each family's central task, in expectation.
    """

    environment: Environment
    adaptation: Adaptation
    methods: tuple[Method, ...]
    labels: list[str]
    origin: Array
    directions: Array
    x: Array
    y: Array
    pooled: Array
    adapted: Array
    families: list[str]
    optima: list[Array]
    centres: Array
    solutions: Array
    adapted_points: Array

    def headline(self) -> str:
        """Say what is gained, and what is shown."""
        families = f"{len(self.families)} families of tasks with the solutions of {', '.join(self.labels)}"
        return f"{self.gained() or 'pooled training'}, in a landscape of {families}"

    def gained(self) -> str:
        """Say in a few words what each method gains over pooled training; nothing where that is all there is."""
        pairs = zip(self.labels, self.methods, strict=True)
        return ", ".join(
            f"{label} gains {float(gain(self.environment, method, self.adaptation)):.3g}"
            for label, method in pairs
            if method != NAL()
        )

    def columns(self) -> Mapping[str, Any]:
        """Give one row a point of the plane."""
        x, y = np.meshgrid(self.x, self.y)
        return {
            "x": x.ravel(),
            "y": y.ravel(),
            "pooled": self.pooled.ravel(),
            "adapted": self.adapted.ravel(),
        }

    def plot(self, axes: Any = None) -> Any:
        """Draw the two landscapes side by side, on two given axes or new ones."""
        return draw_pair(self, axes=axes)


def landscape_view(
    environment: Environment,
    adaptation: Adaptation | float,
    methods: Method | Sequence[Method] | None = None,
    *,
    samples: int = 80,
    resolution: int = 80,
    rng: RNG = 0,
) -> View:
    """Compute a picture of a landscape.

    Parameters
    ----------
    environment, adaptation, methods, samples, resolution, rng
        As for `plot_landscape`.

    Returns
    -------
    View

    Examples
    --------
    >>> from landscape import GradientSteps, HardEasy
    >>> landscape_view(HardEasy(), GradientSteps(1.0, m=50), resolution=20).pooled.shape
    (20, 20)
    """
    given = as_methods([NAL(), MAML()] if methods is None else methods)
    setting = Setting(check_environment(environment), adaptation, given)
    return _views(setting, samples, resolution, rng)[0]


def _views(
    setting: Setting,
    samples: int,
    resolution: int,
    rng: RNG,
) -> list[View]:
    """The picture at each point of a setting's grid, all in one window; methods are named as they were given."""
    samples, resolution = count.check("samples", samples), whole(2).check("resolution", resolution)
    if setting.is_symbolic:
        raise ValueError("a picture needs numbers for all parameters; plot_series draws one picture a value")
    if checks.is_source(rng):
        rng = int(checks.generator(rng).integers(2**32))  # the same draws for every value
    names, shown = labels(setting.starts), []
    for _, environment, adaptation, methods in setting.points():
        if environment.d < 2:
            raise ValueError(f"a picture needs d >= 2, got d = {environment.d}")
        solutions = np.array([optimum(environment, method).value for method in methods])
        shown.append((environment, adaptation, methods, solutions, *environment.sample(samples, rng)))
    centres = [[task.expanded().centre for task in environment.tasks()] for environment, *_ in shown]
    solutions = np.vstack([solutions for _, _, _, solutions, *_ in shown])
    origin, directions = _plane(np.vstack([*centres, solutions]))
    points = np.vstack([*centres, solutions, *(optima for *_, optima in shown)])
    frame = (origin, directions, *_window((points - origin) @ directions.T, resolution))
    return [_view(*found, names, frame) for found in shown]


def _view(
    environment: Environment,
    adaptation: Adaptation,
    methods: list[Method],
    solutions: Array,
    families: Array,
    optima: Array,
    names: list[str],
    frame: tuple[Array, Array, Array, Array],
) -> View:
    """One picture, given where the methods end and the sampled tasks, in a plane and its window."""
    origin, directions, x, y = frame

    def project(points: Any) -> Array:
        return np.asarray((points - origin) @ directions.T)

    tasks = [task.expanded() for task in environment.tasks()]
    pooled, adapted = (
        np.asarray(form(np.stack(np.meshgrid(x, y), axis=-1)))
        for form in _forms_in_plane(environment, adaptation, origin, directions)
    )
    return View(
        environment, adaptation, tuple(methods), names, origin, directions, x, y, pooled, adapted,
        [task.name for task in tasks], [project(optima[families == i]) for i in range(len(tasks))],
        project(np.array([task.centre for task in tasks])), project(solutions),
        project(_adapted(tasks, adaptation, solutions)),
    )  # fmt: skip


def _plane(points: Array) -> tuple[Array, Array]:
    """Origin and two orthonormal directions of the plane that the points span best."""
    d = points.shape[1]
    if d == 2:
        return np.zeros(2), np.eye(2)
    origin = points.mean(axis=0)
    directions = np.linalg.svd(np.vstack([points - origin, np.zeros((2, d))]), full_matrices=False)[2][:2]
    leading = np.abs(directions).argmax(axis=1)
    return origin, directions * np.sign(directions[np.arange(2), leading])[:, None]


def _window(points: Array, resolution: int) -> tuple[Array, Array]:
    """Return the two axes of a square that holds all points, with a margin."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = 0.55 * max(float((high - low).max()), 1e-3)
    x, y = (np.linspace(c - half, c + half, resolution) for c in (low + high) / 2)
    return x, y


def _adapted(tasks: list[Task], adaptation: Adaptation, solutions: Array) -> Array:
    """Where adaptation leads in expectation, w - (I - E[R])(w - w_i), shape (methods, families, d)."""
    pulls = [adaptation.pull(task.inputs) for task in tasks]
    return np.array(
        [[w - pull @ (w - task.centre) for task, pull in zip(tasks, pulls, strict=True)] for w in solutions]
    )


def _forms_in_plane(
    environment: Environment, adaptation: Adaptation, origin: Array, directions: Array
) -> list[QuadraticForm]:
    """Write the pooled loss and the loss after adaptation over a plane: quadratics of two coordinates, whatever d."""
    out = []
    for a in (GradientSteps(0.0, steps=0), adaptation):
        form = risk_landscape(environment, a)
        H = np.array([[row @ (form.A @ column) for column in directions] for row in directions])
        out.append(QuadraticForm(Matrix(H), -directions @ form.gradient(origin), 2 * form(origin)))
    return out


def plot_landscape(
    environment: Environment,
    adaptation: Adaptation | float,
    methods: Method | Sequence[Method] | None = None,
    *,
    axes: Any = None,
    samples: int = 80,
    resolution: int = 80,
    rng: RNG = 0,
) -> Any:
    """Draw the pooled loss and the loss after adaptation side by side.

    Contours of f and F_m, sampled optima of the tasks, the methods' solutions, and an arrow from each
    solution to where adaptation leads on each family. In d = 2 the axes are the coordinates; in higher
    dimensions they span the plane through the family centres and the solutions.

    Parameters
    ----------
    environment : Environment
    adaptation : Adaptation or float
    methods : Method or sequence of Method, optional
        NAL and MAML trained for the adaptation by default.
    axes : pair of matplotlib Axes, optional
    samples : int
        Task optima to show.
    resolution : int
        Points of the plane a side.
    rng : numpy.random.Generator or int
        For the sampled optima.

    Returns
    -------
    array of matplotlib Axes, shape (2,)

    Raises
    ------
    ValueError, NoClosedForm
        As for `risk_landscape`.

    Examples
    --------
    >>> from landscape import GradientSteps, HardEasy
    >>> len(plot_landscape(HardEasy(), GradientSteps(1.0, m=50), resolution=20))
    2
    """
    view = landscape_view(environment, adaptation, methods, samples=samples, resolution=resolution, rng=rng)
    return view.plot(axes=axes)


def plot_series(
    environment: Environment,
    adaptation: Adaptation | float,
    name: str,
    values: Sequence[Any] | Array,
    methods: Method | Sequence[Method] | None = None,
    *,
    samples: int = 80,
    resolution: int = 80,
    rng: RNG = 0,
) -> Figure:
    """Draw small multiples: a landscape for each value of one name, fit for slides.

    All share a window, which holds every point, and in a row the levels of the contours: what differs between two
    columns is the landscape. Titles say what the methods gain there.

    Parameters
    ----------
    environment, adaptation, methods, samples, resolution, rng
        As for `plot_landscape`; environment and adaptation may be functions of `name`.
    name : str
        What varies: any name that `compare` takes in ``over``, for example ``"rho_hard"``.
    values : sequence

    Returns
    -------
    matplotlib.figure.Figure
        One column a value; save it as PNG, SVG or PDF by its ``savefig``.

    Examples
    --------
    >>> from landscape import GradientSteps, HardEasy
    >>> figure = plot_series(HardEasy(), GradientSteps(1.0, m=50), "rho_hard", [0.1, 0.5], resolution=20)
    >>> figure.savefig("series.png")  # doctest: +SKIP
    """
    given = as_methods([NAL(), MAML()] if methods is None else methods)
    setting = Setting(environment, adaptation, given, {name: values})
    views = _views(setting, samples, resolution, rng)
    sign = symbol(name, setting.environment, setting.adaptation, *given)
    (listed,) = setting.grid.axes.values()
    return draw_series(views, [f"{sign} = {_said(value)}" for value in listed])


def _said(value: Any) -> str:
    return f"{value:g}" if np.ndim(value) == 0 else short(value.tolist())

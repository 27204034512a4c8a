"""The questions of `compare`, answered by drawing: train on drawn tasks, adapt to new ones, repeat."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation, as_adaptation
from landscape.analysis.evaluate import Setting
from landscape.core import checks
from landscape.core.domains import whole
from landscape.core.grids import Grid, Over, arguments
from landscape.core.parameters import record
from landscape.core.results import Estimate, Result, ratio
from landscape.core.typing import RNG, Array
from landscape.methods.base import Method, as_methods, labels
from landscape.methods.budget import Training
from landscape.methods.pooled import NAL
from landscape.simulator import sgd
from landscape.simulator.draw_samples import seed_of
from landscape.simulator.runs import Point, run
from landscape.tasks.environment import Environment


@record
class Simulation(Result):
    """Trained solutions and their losses after adaptation, repeat by repeat.

    Parameters
    ----------
    environment, methods, adaptation, training
        What was simulated.
    grid : Grid
    solutions : array, shape (*grid, methods, repeats, d)
        Trained points.
    losses : array, shape (*grid, methods, repeats)
        Mean loss after adaptation over `tasks` new tasks, the same for all methods of a repeat.
    above_noise : array, shape (*grid, methods, repeats)
        The same less the loss from each task's own optimum on the same samples.
    covariances : array, shape (*grid, repeats, methods, methods)
        Covariance of the mean losses, given the trained points.
    tasks : int
    seed : int
        ``rng=seed`` gives the same numbers again.
    sampling : str or None
        As given to `simulate`.
    engine : {"numba", "numpy"} or None
        What runs SGD by thin batches here: the seed gives the same numbers again with the same engine only.
        None with another solver or sampling.
    """

    environment: Any
    methods: tuple[Method, ...]
    adaptation: Any
    training: Training
    grid: Grid
    solutions: Array
    losses: Array
    above_noise: Array
    covariances: Array
    tasks: int
    seed: int
    sampling: str | None
    engine: str | None

    @property
    def labels(self) -> list[str]:
        """A name for each method."""
        return labels(self.methods)

    @property
    def baseline(self) -> str:
        """What gains are measured against: pooled training, or the first method."""
        pooled = [name for name, m in zip(self.labels, self.methods, strict=True) if m == NAL()]
        return (pooled or self.labels)[0]

    def points(self) -> Iterator[tuple[tuple[int, ...], Point]]:
        """Walk over the grid: the index of each point, and what was simulated there."""
        over: dict[str, Any] = {**self.grid.axes, **self.grid.derived}
        return _points(Setting(self.environment, self.adaptation, self.methods, over))

    def mean(self, label: str, of: str = "above_noise") -> Estimate:
        """Compute a method's mean over repeats of ``above_noise`` or ``losses``, each repeat left out in turn.

        Returns
        -------
        Estimate, shape (*grid)
            Those of several methods are paired: their ratio and difference have the right errors.
        """
        known = {"above_noise": self.above_noise, "losses": self.losses}
        values = known[checks.known("quantity", of, known)][..., self._index(label), :]
        total, repeats = values.sum(axis=-1), values.shape[-1]
        left = (total[..., None] - values) / (repeats - 1)
        return Estimate(total / repeats, np.moveaxis(left, -1, 0))

    def gain(self, label: str, against: str | None = None) -> Estimate:
        """Compute how many times less a method leaves above the noise than another (NAL, or the first).

        Returns
        -------
        Estimate, shape (*grid)
            Ratio of mean ``above_noise``, with its standard error over repeats.
        """
        worse = self.mean(self.baseline if against is None else against)
        return worse.with_(self.mean(label), ratio)

    def _index(self, label: str) -> int:
        return self.labels.index(checks.known("method", label, self.labels))

    def headline(self) -> str:
        """Say the largest gain, its error, and over what."""
        gains = {name: self.gain(name) for name in self.labels}
        best = max(gains, key=lambda name: float(np.max(gains[name].value)))
        where = int(np.argmax(gains[best].value))
        largest, error = np.ravel(gains[best].value)[where], np.ravel(gains[best].standard_error)[where]
        axes = " x ".join(f"{name} ({n})" for name, n in zip(self.grid.dims, self.grid.shape, strict=True))
        runs = f"{', '.join(self.labels)}, {self.losses.shape[-1]} repeats" + (
            f" over {axes}" if axes else ""
        )
        return f"{runs}: {best} gains {'up to ' if axes else ''}{largest:.3g} +- {error:.2g} over {self.baseline}"

    def columns(self) -> Mapping[str, Any]:
        """Give one row a grid point, method and repeat."""
        shape = self.losses.shape
        names = np.broadcast_to(np.array(self.labels, dtype=object)[:, None], shape)
        errors = np.sqrt(np.diagonal(self.covariances, axis1=-2, axis2=-1))
        more = {
            "method": names,
            "repeat": np.broadcast_to(np.arange(shape[-1]), shape),
            "coordinate": self.solutions.mean(axis=-1),
            "loss": self.losses,
            "loss_standard_error": np.swapaxes(errors, -1, -2),
            "above_noise": self.above_noise,
        }
        where = {
            name: np.repeat(values, shape[-2] * shape[-1]) for name, values in self.grid.columns(more).items()
        }
        return where | {name: np.asarray(values).ravel() for name, values in more.items()}

    def plot(self, ax: Any = None, x: str | None = None, y: str = "above_noise") -> Any:
        """Draw means over repeats with 95% intervals against the varying name `x`."""
        from landscape import plotting  # optional: pyplot takes 0.35 s

        return plotting.simulated(self, ax=ax, x=x, y=y)


def simulate(
    environment: Environment,
    methods: Method | Sequence[Method],
    adaptation: Adaptation | float,
    training: Training,
    over: Over = None,
    *,
    repeats: int = 10,
    tasks: int = 3000,
    sampling: str | None = None,
    engine: str | None = None,
    rng: RNG = 0,
    progress: bool = True,
) -> Simulation:
    """Train each method on drawn tasks and measure its loss after adaptation on new ones.

    Parameters
    ----------
    environment : Environment
        Or a function of names in `over` that makes one, as for `compare`.
    methods : Method or sequence of Method
    adaptation : Adaptation or float
        A number stands for full gradient steps of that size; or a function of names in `over`.
    training : Training
    over : dict of str to sequence, optional
        A grid: names of parameters and the values they take; see `compare`.
    repeats : int
        Independent repetitions at each grid point.
    tasks : int
        New tasks to adapt to, the same for all methods.
    sampling : {"thin", "bartlett", "raw", "without_replacement"}, optional
        How the data of a batch are drawn; the first three have the law of its n rows in everything that is
        measured here. Row by row ("raw"); as d pseudo-rows with the same second moments ("bartlett"); or not
        at all ("thin"): SGD draws the two products that a meta-gradient takes of a batch, O(d) numbers
        whatever n. By default thin where it serves (SGD on Gaussian inputs, unless a method takes more of a
        batch), else bartlett. Losses after adaptation take pseudo-rows also with "thin"; after several steps on one batch of normal inputs they are means
        over `tasks` batches with optima and label noise integrated out, those that carry rare, large losses drawn more often.
        "without_replacement" takes different rows of a data task in each batch, as practice does: another law
        than the theory's, and `agreement` (or `replacement_effect`, exactly) shows the difference.
    engine : {"numba", "numpy"}, optional
        What runs SGD by thin batches. By default numba, where it is installed (the extra ``fast``) and NumPy would
        take more than half a minute, so that nobody waits for a compiler for less (`landscape warmup` compiles
        beforehand). Compiled code knows NAL, HF-MAML, and MAML, FO-MAML and Reptile with fresh gradient steps;
        others run in NumPy. The same law by other numbers: name the engine where numbers must not depend on what
        is installed. The result says which it was.
    rng : numpy.random.Generator or int
        A seed gives the same numbers each time, with the same engine.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    Simulation

    Raises
    ------
    ValueError
        If an argument is not usable, training and a method contradict each other, or SGD or the adaptation diverges.

    Warns
    -----
    LandscapeWarning
        If the data do not determine a solution, and the one of least norm is taken, of first-order methods the one that descent
        from 0 finds; if losses after adaptation have infinite
        variance, or a few tasks carry it.

    Examples
    --------
    >>> from landscape import MAML, NAL, GradientSteps, HardEasy, Training
    >>> simulation = simulate(
    ...     HardEasy(), [NAL(), MAML()], GradientSteps(1.0, m=50), Training(T=100), repeats=3, tasks=100, progress=False
    ... )
    >>> simulation.losses.shape  # methods, repeats
    (2, 3)
    """
    checks.instance("training", training, Training)
    listed = as_methods(methods)
    repeats, tasks = whole(2).check("repeats", repeats), whole(2).check("tasks", tasks)
    training.check_rates(listed)
    for method in listed:
        training.check(method)
    if not arguments(adaptation):
        adaptation = as_adaptation(adaptation)
    setting = Setting(environment, adaptation, listed, over)
    if setting.is_symbolic:
        raise ValueError("simulate needs numbers for all parameters: replace the symbols")
    seed = seed_of(rng)
    trainings = [training.of(method) for method in listed]
    points = [point for _, point in _points(setting)]
    chains, d = len(points) * repeats, points[0].environment.d
    seconds = sgd.seconds_in_numpy(points[0].methods, trainings, d, chains)
    used = sgd.engine_for(engine, training, sampling, seconds)
    drawn = run(
        points, trainings,
        repeats=repeats, tasks=tasks, sampling=sampling, engine=used, seed=seed, progress=progress,
    )  # fmt: skip
    parts = ("solutions", "losses", "above_noise", "covariances")
    arrays = {k: getattr(drawn, k).reshape(*setting.grid.shape, *getattr(drawn, k).shape[1:]) for k in parts}
    return Simulation(
        setting.environment, tuple(listed), setting.adaptation, training, setting.grid,
        tasks=tasks, seed=seed, sampling=sampling, engine=used, **arrays,
    )  # fmt: skip


def _points(setting: Setting) -> Iterator[tuple[tuple[int, ...], Point]]:
    for where, environment, adaptation, methods in setting.points():
        yield where, Point(environment, adaptation, methods)

"""Whole experiments: train on drawn tasks, adapt to new ones, repeat."""

from dataclasses import dataclass

import numpy as np

from landscape import checks, grid
from landscape.adaptation import Adaptation
from landscape.environment import check_environment
from landscape.methods import as_methods
from landscape.progress import bar
from landscape.results import Result, axis_columns, labels
from landscape.simulator import chains
from landscape.simulator.draws import SAMPLING
from landscape.simulator.losses import post_adaptation_losses
from landscape.simulator.runs import thin_runs
from landscape.simulator.solutions import trained_point
from landscape.training import Training


@dataclass(frozen=True, eq=False, repr=False)
class Simulation(Result):
    """Trained solutions and their losses after adaptation, repeat by repeat.

    Attributes
    ----------
    environment, methods, adaptation, training
        What was simulated; arguments that vary are arrays that broadcast to the grid.
    solutions : ndarray, shape (*grid, methods, repeats, d)
        Trained points.
    losses : ndarray, shape (*grid, methods, repeats)
        Mean loss after adaptation over `tasks` new tasks, the same for all methods of a repeat.
    above_noise : ndarray, shape (*grid, methods, repeats)
        The same less the loss from each task's own optimum on the same samples.
    covariances : ndarray, shape (*grid, repeats, methods, methods)
        Covariance of the mean losses, given the trained points.
    seed, tasks, sampling
        As given to `simulate`.
    engine : {"numba", "numpy"} or None
        What runs SGD by thin batches here: the seed gives the same numbers again with the same engine only. None with another solver
        or sampling.
    """

    environment: object
    methods: tuple
    adaptation: Adaptation
    training: Training
    solutions: np.ndarray
    losses: np.ndarray
    above_noise: np.ndarray
    covariances: np.ndarray
    seed: int
    tasks: int
    sampling: str | None
    engine: str | None

    @property
    def grid(self):
        """Shape of the grid of varying arguments."""
        return self.losses.shape[:-2]

    @property
    def labels(self):
        """A name for each method."""
        return labels(self.methods)

    def at(self, where):
        """Environment, adaptation and resolved methods at one grid point (a tuple of integers)."""
        env, adaptation, *methods = (
            grid.at(r, where, self.grid)
            for r in (self.environment, self.adaptation, *(m.resolved for m in self.methods))
        )
        return env, adaptation, methods

    def gain(self, label, over="NAL"):
        """Ratio of mean ``above_noise``, of `over` to that of the method named, with a standard error.

        Returns
        -------
        mean, error : ndarray, shape (*grid)
            The error is by the delta method, over repeats.
        """
        better, worse = (self.above_noise[..., self._index(name), :] for name in (label, over))
        mean = worse.mean(axis=-1) / better.mean(axis=-1)
        scatter = (worse - mean[..., None] * better) / better.mean(axis=-1, keepdims=True)
        return mean, scatter.std(axis=-1, ddof=1) / np.sqrt(scatter.shape[-1])

    def _index(self, label):
        return self.labels.index(checks.known("method", label, self.labels))

    def to_frame(self):
        """One row a grid point, method and repeat."""
        import pandas as pd

        shape = self.losses.shape
        axes = axis_columns(self.grid, self.environment, self.adaptation, self.methods)
        columns = {
            name: np.broadcast_to(np.stack([own[name] for own in axes], axis=-1)[..., None], shape)
            for name in axes[0]
        }
        columns["method"] = np.broadcast_to(np.array(self.labels, dtype=object)[:, None], shape)
        columns["repeat"] = np.broadcast_to(np.arange(shape[-1]), shape)
        columns["coordinate"] = self.solutions.mean(axis=-1)
        columns["loss"] = self.losses
        errors = np.sqrt(np.diagonal(self.covariances, axis1=-2, axis2=-1))
        columns["loss_standard_error"] = np.swapaxes(errors, -1, -2)
        columns["above_noise"] = self.above_noise
        return pd.DataFrame({name: np.asarray(v).ravel() for name, v in columns.items()})

    def plot(self, ax=None, x=None, y="above_noise"):
        """Means over repeats with 95% intervals against the varying argument x."""
        from landscape import plotting

        return plotting.simulated(self, ax=ax, x=x, y=y)


def simulate(
    environment,
    methods,
    adaptation,
    training,
    repeats=10,
    seed=0,
    *,
    over=None,
    tasks=3000,
    sampling=None,
    engine=None,
    progress=True,
):
    """Train each method on drawn tasks and measure its loss after adaptation on new ones.

    Parameters
    ----------
    environment : Environment
        Arguments that are arrays, here and in `adaptation`, span a grid.
    methods : Method or sequence of Method
    adaptation : Adaptation
    training : Training
    repeats : int
        Independent repetitions at each grid point.
    seed : int
        The same seed gives the same numbers, with the same engine.
    over : dict of str to sequence, optional
        Names of arguments and the values they take, one grid axis each.
    tasks : int
        New tasks to adapt to, the same for all methods.
    sampling : {"thin", "bartlett", "raw", "without_replacement"}, optional
        How the data of a batch are drawn; the first three have the law of its n rows in everything that is measured here. Row by row ("raw");
        as d pseudo-rows with the same second moments ("bartlett"); or not at all ("thin"): SGD draws the two products that
        a meta-gradient takes of a batch, O(d) numbers whatever n. By default thin where it serves (SGD on Gaussian inputs, unless a
        method takes a batch's whole Hessian), else bartlett. Losses after adaptation take pseudo-rows also with "thin".
        "without_replacement" takes different rows of a data task in each batch, as practice does: another law than the theory's, and
        `agreement` (or `replacement_effect`, exactly) shows the difference.
    engine : {"numba", "numpy"}, optional
        What runs SGD by thin batches; numba where it is installed (the extra ``fast``) by default. The same law by
        other numbers: name the engine where numbers must not depend on what is installed. The result says which it was.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    Simulation

    Raises
    ------
    ValueError
        If an argument is not usable, training and a method contradict each other, the data do not determine a solution, or SGD or
        the adaptation diverges.

    Examples
    --------
    >>> adaptation = Adaptation(1.0, m=50)
    >>> methods = [NAL(), MAML.matching(adaptation)]
    >>> simulation = simulate(hard_easy(), methods, adaptation, Training(T=100), repeats=3, tasks=100, progress=False)
    >>> simulation.losses.shape  # methods, repeats
    (2, 3)
    """
    check_environment(environment)
    checks.instance("adaptation", adaptation, Adaptation)
    checks.instance("training", training, Training)
    methods = as_methods(methods)
    repeats = checks.number("repeats", repeats, at_least=2, whole=True)
    tasks = checks.number("tasks", tasks, at_least=2, whole=True)
    seed = checks.seed(seed)
    if sampling is not None:
        checks.known("sampling", sampling, SAMPLING)
    if engine is not None:
        checks.known("engine", engine, chains.ENGINES)
    training.check_rates(methods)
    environment, adaptation, methods = grid.points_along(over, environment, adaptation, methods)
    _warn_heavy_tails(adaptation, methods)
    records = (environment, adaptation, *(m.resolved for m in methods))
    full = grid.shape(*records)
    if any(
        checks.is_symbolic(getattr(r, name))
        for r in (*records, training)
        for name in (*r._varying, "d")
        if hasattr(r, name)
    ):
        raise ValueError("simulate needs numbers for all arguments: replace the symbols")
    M = len(methods)
    engine = chains.engine_for(engine, training, sampling)
    result = Simulation(
        environment, tuple(methods), adaptation, training, np.empty((*full, M, repeats, environment.d)),
        np.empty((*full, M, repeats)), np.empty((*full, M, repeats)), np.empty((*full, repeats, M, M)), seed, tasks, sampling, engine,
    )  # fmt: skip
    cells = [(where, repeat) for where in np.ndindex(*full) for repeat in range(repeats)]
    streams = np.random.SeedSequence(seed).spawn(len(cells) + M)
    trained = thin_runs(result, cells, streams[len(cells) :], progress)
    rows = "bartlett" if sampling in (None, "thin") else sampling
    runs = bar(cells, progress, desc="simulating", unit="run", leave=False)
    for (where, repeat), stream in zip(runs, streams, strict=False):
        env, adapt, resolved = result.at(where)
        *train, test = (np.random.default_rng(s) for s in stream.spawn(M + 1))
        points = np.array([
            trained_point(env, m, training.of(given), adapt.m, rows, rng) if own is None else own[(*where, repeat)]
            for given, m, rng, own in zip(methods, resolved, train, trained, strict=True)
        ])  # fmt: skip
        with np.errstate(over="ignore", invalid="ignore"):
            losses, floors = post_adaptation_losses(env, points, adapt, tasks, rows, test)
        if not np.isfinite(losses).all():
            raise ValueError(
                f"adaptation diverges: {adapt!r} multiplies the distance from the optimum until it overflows"
            )
        result.solutions[(*where, slice(None), repeat)] = points
        result.losses[(*where, slice(None), repeat)] = losses.mean(axis=0)
        result.above_noise[(*where, slice(None), repeat)] = (losses - floors[:, None]).mean(axis=0)
        result.covariances[(*where, repeat)] = np.atleast_2d(np.cov(losses.T)) / tasks
    return result


def _warn_heavy_tails(adaptation, methods):
    batches = [adaptation.m, *(m.resolved.n2 for m in methods if m.resolved.n2 is not None)]
    smallest = min(np.min(batch) for batch in batches)
    if smallest < 2:
        checks.warn(
            "with a single sample a step the losses have heavy tails: standard errors are unreliable below "
            "several thousand tasks"
        )

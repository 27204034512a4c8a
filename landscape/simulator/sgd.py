"""Stochastic gradient descent of many chains at once, by thin batches: grid points and repeats side by side.

A chain is one run of SGD. All chains take their steps together, so an iteration costs a few array operations,
and none of them grows with the number of samples. With numba the same steps run compiled, for the methods
that `landscape.simulator.compiled` knows.
"""

import dataclasses
import os
from collections.abc import Callable, Sequence
from functools import reduce
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np

from landscape.core import Array, Scalar, checks
from landscape.core.parameters import Record, parameters, with_values
from landscape.methods import Method, Training
from landscape.simulator.draw_samples import CHUNK, SAMPLING
from landscape.simulator.solve import family_weights, normalised
from landscape.simulator.thin import Thin, times_transposed
from landscape.tasks import Environment, Gaussian, Task

R = TypeVar("R", bound=Record)

ENGINES = ("numba", "numpy")


COMPILING = 15.0
"""Seconds of a processor that numba takes to compile the chains, once a machine and version: about this on one of 2024."""
PRODUCT, NUMBER = 60e-6, 60e-9
"""Seconds that NumPy takes for a product of a batch with something, and for each number of it, likewise."""


def engine_for(name: str | None, training: Training, sampling: str | None, seconds: float) -> str | None:
    """Choose the engine of the chains: the one named, or by the work; None where no method takes chains.

    Parameters
    ----------
    name : str, optional
    training : Training
    sampling : str, optional
    seconds : float
        What NumPy is expected to take, see `seconds_in_numpy`: numba is chosen where that repays compiling twice. It
        follows from the arguments alone, so a seed gives the same numbers on machines fast and slow.

    Raises
    ------
    ValueError
        If there is no such engine or sampling, or numba is asked for and missing.
    """
    if sampling is not None:
        checks.known("sampling", sampling, SAMPLING)
    if name is not None:
        checks.known("engine", name, ENGINES)
    if training.solver != "sgd" or sampling not in (None, "thin"):
        return None
    installed = find_spec("numba") is not None
    if name == "numba" and not installed:
        raise ValueError(
            'engine="numba" needs the package numba: pip install "task-landscape[fast]", or engine="numpy"'
        )
    return name or ("numba" if installed and seconds > 2 * COMPILING else "numpy")


def seconds_in_numpy(methods: Sequence[Method], trainings: Sequence[Training], d: int, chains: int) -> float:
    """Estimate the processor's seconds that NumPy takes for all methods, each in so many chains side by side."""
    total = 0.0
    for method, training in zip(methods, trainings, strict=True):
        products = 1 + 2 * getattr(getattr(method, "inner", None), "steps", 0)
        steps = training.T / training.task_batch * training.tau * products
        total += steps * (PRODUCT + NUMBER * d * chains * training.task_batch)
    return total


def must_compile(engine: str) -> bool:
    """Say whether the chains are still to be compiled: then the first result takes a while."""
    if engine != "numba":
        return False
    from landscape.simulator import compiled  # optional: numba takes a second to import

    return not compiled.is_ready()


class TaskTable:
    """The families of several environments as arrays, to draw the tasks of all chains at once.

    Parameters
    ----------
    environments : sequence of Environment
        One a chain.
    method : Method
        Whose weights the tasks have.

    Attributes
    ----------
    bounds : array, shape (families, chains)
        Cumulative probabilities.
    first : array of int, shape (chains,)
        Where each chain's families begin in the following.
    roots : array, shape (d or 1, families of all) or (families of all, d, d)
        R with R'R = Sigma of each family, as `landscape.simulator.thin.times` takes them.
    centres : array, shape (d, families of all)
    spreads : array or None
        Roots of the optima's covariances, like `roots`.
    deviations, weights : array, shape (families of all,)
    """

    def __init__(self, environments: Sequence[Environment], method: Method) -> None:
        places = {id(environment): environment for environment in environments}
        tasks = {key: [task.expanded() for task in env.tasks()] for key, env in places.items()}
        starts = dict(zip(tasks, np.cumsum([0, *map(len, tasks.values())]), strict=False))
        flat = [task for family in tasks.values() for task in family]
        chains = [id(environment) for environment in environments]
        self.first = np.array([starts[key] for key in chains])
        self.bounds = np.ones((max(map(len, tasks.values())), len(chains)))
        for chain, key in enumerate(chains):
            bounds = np.cumsum([float(task.probability) for task in tasks[key]])
            self.bounds[: len(bounds) - 1, chain] = bounds[:-1]
        roots, spreads = [_input_root(task) for task in flat], [_spread_root(task) for task in flat]
        if any(root.ndim == 2 for root in (*roots, *spreads)):
            roots, spreads = ([np.diag(r) if r.ndim == 1 else r for r in own] for own in (roots, spreads))
        self.roots = _side_by_side(roots)
        stacked = _side_by_side(spreads)
        self.spreads: Array | None = stacked if stacked.any() else None
        self.centres = np.stack([task.centre for task in flat], axis=1).astype(float)
        self.deviations = np.sqrt([float(task.inputs.noise_variance) for task in flat])
        self.weights = np.concatenate([family_weights(env, method) for env in places.values()])

    def draw(self, iterations: int, batch: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw tasks: families (iterations, chains x batch) and optima (d, iterations, chains x batch)."""
        u = rng.random((iterations, len(self.first), batch))
        drawn = np.empty(u.shape, dtype=int)
        for chain, first in enumerate(self.first):
            drawn[:, chain] = first + np.searchsorted(self.bounds[:-1, chain], u[:, chain], side="right")
        families = drawn.reshape(iterations, -1)
        optima: Array = self.centres[:, families]
        if self.spreads is not None:
            normal = rng.standard_normal(optima.shape)
            roots = pick(self.spreads, families.ravel())
            optima += times_transposed(roots, normal.reshape(len(normal), -1)).reshape(normal.shape)
        return families, optima


def _input_root(task: Task) -> Array:
    assert isinstance(task.inputs, Gaussian), "why_not_thin has looked"
    return task.inputs.root


def _spread_root(task: Task) -> Array:
    return np.zeros(len(task.centre)) if task.spread is None else Gaussian(task.spread).root


def _side_by_side(roots: Sequence[Array]) -> Array:
    """Stack roots of all families; entries that agree in all coordinates are kept once."""
    if roots[0].ndim == 2:
        return np.ascontiguousarray(np.stack(roots))  # of transposed roots, a stack is in another order
    stacked = np.stack(roots, axis=1)
    return stacked[:1] if (stacked == stacked[0]).all() else stacked


def pick(table: Array, families: Array) -> Array:
    """Return the roots of the given families."""
    return table[:, families] if table.ndim == 2 else table[families]


def descend(
    environments: Sequence[Environment],
    methods: Sequence[Method],
    inner: Array,
    training: Training,
    rng: np.random.Generator,
    engine: str,
    progress: Callable[[int], Any] = lambda steps: None,
) -> Array:
    """Descend from 0 along one chain for each environment, a batch of tasks an iteration, by thin batches.

    Parameters
    ----------
    environments : sequence of Environment
    methods : sequence of Method
        One a chain; they have the same `structure`.
    inner : array, shape (chains,)
        Inner samples n2.
    training : Training
    rng : numpy.random.Generator
    engine : {"numba", "numpy"}
        Methods that compiled code does not know are run by NumPy.
    progress : callable
        Called with the number of steps of chains just done.

    Returns
    -------
    array, shape (chains, d)
        Not finite where a chain diverged.
    """
    table, inner = TaskTable(environments, methods[0]), np.asarray(inner, dtype=float)
    if engine == "numba":
        from landscape.simulator import compiled  # optional: numba takes a second to import, more to compile

        if compiled.kind_of(methods[0]) is not None:
            return compiled.descend_in_groups(table, methods, inner, training, rng, progress)
    batch, d, rate = training.task_batch, len(table.centres), training.rate(methods[0])
    n2 = once(np.repeat(inner, batch))
    trained = [method.trained_on(n) for method, n in zip(methods, inner.tolist(), strict=True)]
    method = merged([m for m in trained for _ in range(batch)])
    w = np.zeros((d, len(methods)))
    iterations, is_noisy = training.T // batch, table.deviations.any()
    size = max(1, CHUNK // (4 * w.size * batch))
    for start in range(0, iterations, size):
        families, optima = table.draw(min(size, iterations - start), batch, rng)
        weights = _weights(table, families, method)
        with np.errstate(over="ignore", invalid="ignore"):
            for i, family in enumerate(families):
                root, here = pick(table.roots, family), np.ascontiguousarray(optima[:, i])
                deviation = table.deviations[family] if is_noisy else 0.0

                def draw(
                    n: Scalar, root: Array = root, here: Array = here, deviation: Scalar = deviation
                ) -> Thin:
                    return Thin(root, here, deviation, np.ravel(n) if np.ndim(n) else n, rng)

                W = (np.repeat(w, batch, axis=1) if batch > 1 else w).T[:, :, None]
                episodes = (method.meta_gradient(W, draw, training.n1, n2) for _ in range(training.tau))
                g = reduce(np.add, episodes)[:, :, 0].T
                g = g if weights is None else g * weights[i]
                w = w - (rate / training.tau) * (g.reshape(d, -1, batch).mean(axis=2) if batch > 1 else g)
        progress(len(families) * len(methods))
    return w.T


def _weights(table: TaskTable, families: Array, method: Method) -> Array | None:
    """Each task's weight (iterations, chains x batch), None where all are 1."""
    weights: Array = table.weights[families]
    if method.task_batch is not None:
        weights = normalised(weights, method.task_batch)
    return None if (weights == 1).all() else weights


def structure(record: R) -> R:
    """Blank the parameters of a record that may differ between chains side by side: what is left must be equal."""
    blank: dict[str, Any] = {p.name: None for p in parameters(record) if p.grid}
    return with_values(record, blank | {k: structure(v) for k, v in _parts(record)})


def merged(records: Sequence[R]) -> R:
    """Make one record of several with the same `structure`: parameters that differ become arrays (records, 1, 1)."""
    values: dict[str, Any] = {}
    for p in parameters(records[0]):
        column = [getattr(record, p.name) for record in records]
        if p.grid and column[0] is not None:
            values[p.name] = once(np.array(column, dtype=float)[:, None, None])
    parts = {name: merged([getattr(record, name) for record in records]) for name, _ in _parts(records[0])}
    return with_values(records[0], values | parts)


def _parts(record: Record) -> list[tuple[str, Record]]:
    """Records inside a record: a method's inner adaptation."""
    fields = ((f.name, getattr(record, f.name)) for f in dataclasses.fields(record))  # type: ignore[arg-type]
    return [(name, value) for name, value in fields if isinstance(value, Record)]


def once(values: Array) -> Scalar:
    """Return a number where all agree: arithmetic with it is faster."""
    return float(values.flat[0]) if (values == values.flat[0]).all() else values


def processors() -> int:
    """Count the processors that this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""Stochastic gradient descent of many chains at once, by thin batches: grid points and repeats side by side.

A chain is one run of SGD. All chains take their steps together, so an iteration costs a few array operations, and none of them grows
with the number of samples. With numba the same steps run compiled.
"""

import os
from importlib.util import find_spec

import numpy as np

from landscape import grid
from landscape.algebra import Rows
from landscape.methods import FOMAML, HFMAML, MAML, NAL, Reptile
from landscape.simulator.draws import CHUNK
from landscape.simulator.gradients import meta_gradient
from landscape.simulator.solutions import family_weights, normalised
from landscape.simulator.thin import ThinBatch, roots, times

ENGINES = ("numba", "numpy")


def engine_for(name, training, sampling):
    """The engine of the chains: the one named, or numba where it is installed and none is named; None where no method takes chains.

    Raises
    ------
    ValueError
        If numba is asked for and missing.
    """
    if training.solver != "sgd" or sampling not in (None, "thin"):
        return None
    installed = find_spec("numba") is not None
    if name == "numba" and not installed:
        raise ValueError(
            'engine="numba" needs the package numba: pip install "task-landscape[fast]", or engine="numpy"'
        )
    return name or ("numba" if installed else "numpy")


def unfit(environment, method):
    """Why thin batches cannot serve, or None where they can."""
    method = method.resolved
    if any(isinstance(task.inputs, Rows) for task in environment.tasks()):
        return "tasks given by data are not Gaussian"
    if type(method) not in (NAL, MAML, FOMAML, HFMAML, Reptile):
        return f"{method.label} takes more of a batch than two products"
    if getattr(method, "batches", "fresh") == "same" and method.steps > 1:
        return f"{method!r} comes back to one batch step after step"
    return None


class Deck:
    """The families of several environments as arrays, to draw the tasks of all chains at once.

    Parameters
    ----------
    environments : sequence of Mixture
        One a chain.
    method : Method
        Whose weights the tasks have.

    Attributes
    ----------
    bounds : ndarray, shape (families, chains)
        Cumulative probabilities.
    first : ndarray, shape (chains,)
        Where each chain's families begin in the following.
    roots : ndarray, shape (d or 1, families of all) or (families of all, d, d)
        Root of each family's covariance, as `times` takes them.
    centres, spreads : ndarray, shape (d, families of all); spreads like roots, or None
    deviations, weights : ndarray, shape (families of all,)
    """

    def __init__(self, environments, method):
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
        self.roots = _stack([roots(task.inputs) for task in flat])
        spreads = _stack([roots(task.optima) for task in flat])
        self.spreads = spreads if spreads.any() else None
        self.centres = np.stack([task.centre for task in flat], axis=1).astype(float)
        self.deviations = np.sqrt([float(task.inputs.noise_variance) for task in flat])
        self.weights = np.concatenate([family_weights(env, method) for env in places.values()])

    def draw(self, iterations, batch, rng):
        """Tasks for each iteration and chain: families (iterations, chains x batch) and optima (d, iterations, chains x batch)."""
        u = rng.random((iterations, len(self.first), batch))
        families = np.empty(u.shape, dtype=int)
        for chain, first in enumerate(self.first):
            families[:, chain] = first + np.searchsorted(self.bounds[:-1, chain], u[:, chain], side="right")
        families = families.reshape(iterations, -1)
        optima = self.centres[:, families]
        if self.spreads is not None:
            noise = rng.standard_normal(optima.shape)
            optima += times(_pick(self.spreads, families.ravel()), noise.reshape(len(noise), -1)).reshape(
                noise.shape
            )
        return families, optima


def _stack(values):
    """Roots of all families side by side; entries that agree in all coordinates are kept once."""
    if values[0].shape[1] > 1:
        return np.stack(values)
    stacked = np.hstack(values)
    return stacked[:1] if (stacked == stacked[0]).all() else stacked


def _pick(table, families):
    """The roots of the given families."""
    return table[:, families] if table.ndim == 2 else table[families]


def descend(environments, methods, inner, training, rng, engine, progress=None):
    """SGD from 0 of one chain for each environment, a batch of tasks an iteration, by thin batches.

    Parameters
    ----------
    environments : sequence of Mixture
    methods : sequence of Method
        Resolved, one a chain; they may differ in step size and inner batch only.
    inner : ndarray, shape (chains,)
        Inner samples n2.
    training : Training
    rng : numpy.random.Generator
    engine : {"numba", "numpy"}
    progress : callable, optional
        Called with the number of steps of chains just done.

    Returns
    -------
    ndarray, shape (chains, d)
        Not finite where a chain diverged.
    """
    deck, rate = Deck(environments, methods[0]), training.rate(methods[0])
    run = _descend_compiled if engine == "numba" else _descend_together
    return run(
        deck, methods, np.asarray(inner, dtype=float), training, rate, rng, progress or (lambda steps: None)
    )


def _descend_together(deck, methods, inner, training, rate, rng, progress):
    """All chains side by side in NumPy."""
    batch, d = training.task_batch, len(deck.centres)
    method, n2 = _side_by_side(methods, batch), _once(np.repeat(inner, batch))
    w = np.zeros((d, len(methods)))
    iterations = training.T // batch
    size = max(1, CHUNK // (4 * w.size * batch))
    for start in range(0, iterations, size):
        families, optima = deck.draw(min(size, iterations - start), batch, rng)
        weights = _weights(deck, families, methods[0])
        deviations = deck.deviations[families] if deck.deviations.any() else np.zeros((len(families), 1))
        for i, family in enumerate(families):
            root, here, deviation = (
                _pick(deck.roots, family),
                np.ascontiguousarray(optima[:, i]),
                deviations[i],
            )

            def draw(n, root=root, here=here, deviation=deviation):
                return ThinBatch(root, here, deviation, n, rng)

            W = (np.repeat(w, batch, axis=1) if batch > 1 else w).T[:, :, None]
            with np.errstate(over="ignore", invalid="ignore"):
                g = sum(meta_gradient(method, W, draw, training.n1, n2) for _ in range(training.tau))[
                    :, :, 0
                ].T
                if weights is not None:
                    g = g * weights[i]
                w = w - (rate / training.tau) * (g.reshape(d, -1, batch).mean(axis=2) if batch > 1 else g)
        progress(len(families) * len(methods))
    return w.T


def _descend_compiled(deck, methods, inner, training, rate, rng, progress):
    """Groups of chains in compiled code, on as many threads as there are processors."""
    from concurrent.futures import ThreadPoolExecutor

    from landscape.simulator import compiled

    chains, d = len(methods), len(deck.centres)
    kind, steps, n1 = _compiled_kind(methods[0], training, inner)
    none = deck.roots[:0] if deck.roots.ndim == 3 else deck.roots[:, :0]  # no families: no spread
    tables = [
        _families_first(deck.roots, d),
        np.ascontiguousarray(deck.centres.T),
        _families_first(none if deck.spreads is None else deck.spreads, d),
        deck.deviations,
        deck.weights,
    ]
    alpha = np.array([getattr(method, "alpha", 0.0) for method in methods], dtype=float)
    numbers = training.T // training.task_batch, training.task_batch, training.tau, rate

    def group(at, rng):
        lanes = (
            np.arange(at, at + compiled.LANES) % chains
        )  # the last group is filled up with chains that are not kept
        bounds = np.ascontiguousarray(deck.bounds.T[lanes])
        own = alpha[lanes], steps, n1[lanes], inner[lanes]
        out = compiled.descend(
            deck.first[lanes], bounds, *tables, methods[0].batch is not None, kind, *own, *numbers, rng
        )
        progress(training.T // training.task_batch * min(compiled.LANES, chains - at))
        return out.T[: chains - at]

    starts = range(0, chains, compiled.LANES)
    with ThreadPoolExecutor(processors()) as pool:
        return np.concatenate(list(pool.map(group, starts, rng.spawn(len(starts)))))


def processors():
    """Processors that this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _families_first(table, d):
    """A table of roots as (families, d) or (families, d, d), row by row: another order would be compiled once more."""
    return table if table.ndim == 3 else np.array(np.broadcast_to(table.T, (table.shape[1], d)), order="C")


def _compiled_kind(method, training, inner):
    """What the compiled code calls the method, its inner steps and each chain's outer samples."""
    from landscape.simulator import compiled

    n1 = np.full(len(inner), float(training.n1))
    if isinstance(method, NAL):
        return compiled.POOLED, 0, n1 + inner
    if isinstance(method, HFMAML):
        return compiled.INDEPENDENT, 1, n1
    if isinstance(method, MAML):
        return (compiled.SHARED if method.hessian == "shared" else compiled.INDEPENDENT), method.steps, n1
    return (compiled.FIRST_ORDER if isinstance(method, FOMAML) else compiled.REPTILE), method.steps, n1


def _weights(deck, families, method):
    """Each task's weight (iterations, chains x batch), None where all are 1."""
    weights = deck.weights[families]
    if method.batch is not None:
        weights = normalised(weights, method.batch)
    return None if (weights == 1).all() else weights


def _once(values):
    """A number where all agree: arithmetic with it is faster."""
    return float(values[0]) if (values == values[0]).all() else np.asarray(values, dtype=float)


def _side_by_side(methods, batch):
    """One method whose varying arguments hold every chain's value, shaped to multiply (chains x batch, d, 1)."""
    values = {}
    for name in methods[0]._varying:
        column = np.array([getattr(method, name) for method in methods], dtype=object)
        if column[0] is not None:
            column = _once(np.repeat(column.astype(float), batch))
            values[name] = column if np.ndim(column) == 0 else column[:, None, None]
    return grid._unchecked_replace(methods[0], values)

"""Meta-gradients of drawn tasks, and the points that training on them finds."""

import math

import numpy as np

from landscape.methods import NAL
from landscape.simulator.draws import CHUNK, by_family
from landscape.simulator.gradients import meta_gradient


def task_gradients(environment, method, W, training, m, T, sampling, rng):
    """Meta-gradients of T drawn tasks, each averaged over its tau episodes.

    Parameters
    ----------
    environment : Mixture
    method : Method
    W : ndarray, shape (d, J)
        Points, one a column.
    training : Training
    m : float
        Samples of the adaptation, the inner batch of methods without one.
    T : int
        Number of tasks.
    sampling : {"thin", "bartlett", "raw", "without_replacement"}
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (T, d, J)
        Weighted as the method weighs tasks.
    """
    method = method.resolved
    n2 = training.inner(method, m)
    families, optima = environment.sample(T, rng)
    gradients = np.zeros((T, *W.shape))
    for where, _, draw in by_family(environment, families, optima, training.n1 + n2, sampling, rng):
        for _ in range(training.tau):  # pooled training: tau batches of n1 + n2 are one of tau (n1 + n2)
            gradients[where] += meta_gradient(method, W[None], draw, training.n1, n2) / training.tau
    return gradients * _weights(environment, method, families)[:, None, None]


def family_weights(environment, method):
    """How much a task of each family counts, before any normalising within batches."""
    names = [task.name for task in environment.tasks()]
    weighted = isinstance(method, NAL) and method.task_weights is not None
    return np.array(method.weights(names), dtype=float) if weighted else np.ones(len(names))


def _weights(environment, method, families):
    """Weight of each drawn task: its family's, normalised within batches where the method says so."""
    weights = family_weights(environment, method)[families]
    return weights if method.batch is None else normalised(weights, method.batch)


def normalised(weights, batch):
    """Weights (..., tasks) over their mean within each batch of so many tasks."""
    groups = weights.reshape(*weights.shape[:-1], -1, batch)
    return (batch * groups / groups.sum(axis=-1, keepdims=True)).reshape(weights.shape)


def trained_point(environment, method, training, m, sampling, rng):
    """The point that training finds, by the training's solver.

    Parameters
    ----------
    environment, method, training, m, sampling, rng
        As for `task_gradients`.

    Returns
    -------
    ndarray, shape (d,)
    """
    training.check(method)
    solve = _descend if training.solver == "sgd" else _solve
    return solve(
        _affine_gradients(environment, method, training, m, sampling, rng), environment.d, method, training
    )


def _affine_gradients(environment, method, training, m, sampling, rng):
    """Chunks (tasks, d, d + 1) of the training tasks' meta-gradients at 0 and at the unit vectors.

    A meta-gradient on given data is affine in w: these values determine it.
    """
    d = environment.d
    W = np.hstack([np.zeros((d, 1)), np.eye(d)])
    together = math.lcm(training.task_batch, method.resolved.batch or 1)
    size = max(1, CHUNK // (W.size * together)) * together
    for start in range(0, training.T, size):
        yield task_gradients(
            environment, method, W, training, m, min(size, training.T - start), sampling, rng
        )


def _solve(chunks, d, method, training):
    """The root of the mean meta-gradient.

    For NAL and MAML it is the minimiser of the training loss, Collins et al., eqs. (41) and (43).
    """
    with np.errstate(over="ignore", invalid="ignore"):
        total = sum(chunk.sum(axis=0) for chunk in chunks)
    if not np.isfinite(total).all():
        raise ValueError(f"the meta-gradients of {method!r} overflow: take a smaller alpha or fewer steps")
    H = total[:, 1:] - total[:, :1]
    if np.linalg.matrix_rank(H) < d:
        raise ValueError(
            f"{training!r} is too little data for a unique solution of {method!r} in d = {d}: take more tasks or samples"
        )
    return np.linalg.solve(H, -total[:, 0])


def _descend(chunks, d, method, training):
    """Stochastic gradient descent from 0, a batch of tasks an iteration, each task used once."""
    rate = training.rate(method)
    w = np.zeros(d)
    for chunk in chunks:
        batches = rate * chunk.reshape(-1, training.task_batch, d, d + 1).mean(axis=1)
        maps, shifts = np.eye(d) - (batches[:, :, 1:] - batches[:, :, :1]), -batches[:, :, 0]
        with np.errstate(over="ignore", invalid="ignore"):
            for A, b in zip(maps, shifts, strict=True):
                w = A @ w + b
    check_converged(w, method, training)
    return w


def check_converged(points, method, training):
    """Raise where SGD ran away."""
    if not np.isfinite(points).all() or np.abs(points).max() > 1e100:
        raise ValueError(
            f"SGD on {method!r} diverges at learning_rate {training.rate(method):g}: take a smaller one"
        )


def mean_gradient(environment, method, point, training, m, T, sampling, rng):
    """Mean over T drawn tasks of the meta-gradient at a point, with its standard error.

    Returns
    -------
    mean : ndarray, shape (d,)
    covariance : ndarray, shape (d, d)
        Of the mean.
    """
    batch = method.resolved.batch or 1  # weights tie the tasks of a batch together
    T = -(-T // batch) * batch
    W = np.reshape(point, (-1, 1))
    size = max(1, CHUNK // (W.size * batch)) * batch
    parts = [
        task_gradients(environment, method, W, training, m, min(size, T - start), sampling, rng)[:, :, 0]
        for start in range(0, T, size)
    ]
    values = np.concatenate(parts).reshape(-1, batch, environment.d).mean(axis=1)
    return values.mean(axis=0), np.atleast_2d(np.cov(values.T)) / len(values)

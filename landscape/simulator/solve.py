"""Meta-gradients of drawn tasks, and the points that training on them finds."""

import math
from collections.abc import Iterable, Iterator
from functools import partial, reduce

import numpy as np

from landscape.core import Array, Scalar, warn
from landscape.core.tolerances import EPS
from landscape.methods import NAL, Estimator, Method, Training
from landscape.simulator.bartlett import SAMPLERS
from landscape.simulator.draw_samples import CHUNK, by_family
from landscape.tasks import Environment

FAR = 1e100
"""A point this far away has run away."""

ROUNDED = 1e-9
"""By so much a Hessian may be asymmetric or indefinite by rounding, as a share of its largest eigenvalue."""

FROM_0 = "the training data are too few for a unique solution: of all solutions the one {}{}"
RUNS_AWAY = ", along whose directions it also runs away: the inner step is large"
"""Where the meta-gradient points away from the solution in some direction that descent goes."""


def task_gradients(
    environment: Environment,
    method: Method,
    W: Array,
    training: Training,
    m: Scalar,
    T: int,
    sampling: str,
    rng: np.random.Generator,
) -> Array:
    """Compute meta-gradients of T drawn tasks, each averaged over its tau episodes.

    Parameters
    ----------
    environment : Environment
    method : Method
    W : array, shape (d, J)
        Points, one a column.
    training : Training
    m : float
        Samples of the adaptation, the inner batch of methods that leave its size open.
    T : int
        Number of tasks.
    sampling : str
        One of `landscape.simulator.draw_samples.SAMPLING`.
    rng : numpy.random.Generator

    Returns
    -------
    array, shape (T, d, J)
        Weighted as the method weighs tasks.
    """
    n2 = training.inner(method, m)
    method = method.trained_on(n2)
    families, optima = environment.sample(T, rng)
    weights = family_weights(environment, method)[families]
    if method.task_batch is not None:
        weights = normalised(weights, method.task_batch)
    gradients = np.empty((T, *W.shape))
    for where, _, draw in by_family(environment, families, optima, training.n1 + n2, sampling, rng):
        points = np.broadcast_to(W, (len(where), *W.shape))
        episodes = (method.meta_gradient(points, draw, training.n1, n2) for _ in range(training.tau))
        total = reduce(np.add, episodes)  # pooled training: tau batches of n1 + n2 are one of tau (n1 + n2)
        gradients[where] = (weights[where] / training.tau)[:, None, None] * total
    return gradients


def family_weights(environment: Environment, method: Method) -> Array:
    """Return how much a task of each family counts, before any normalising within batches; 1 as a rule."""
    tasks = environment.tasks()
    if isinstance(method, NAL):
        return np.array(method.weights([task.name for task in tasks]), dtype=float)
    if not method.is_worst_case:
        return np.ones(len(tasks))
    p = np.array([task.probability for task in tasks], dtype=float)
    return np.divide([float(s) for s in method.shares(tasks)], p, out=np.zeros_like(p), where=p > 0)


def normalised(weights: Array, batch: int) -> Array:
    """Divide weights (..., tasks) by their mean within each batch of so many tasks."""
    groups = weights.reshape(*weights.shape[:-1], -1, batch)
    return (batch * groups / groups.sum(axis=-1, keepdims=True)).reshape(weights.shape)


def trained_point(
    environment: Environment,
    method: Method,
    training: Training,
    m: Scalar,
    sampling: str,
    rng: np.random.Generator,
) -> Array:
    """Find the point that training finds, by the training's solver; arguments as for `task_gradients`.

    Returns
    -------
    array, shape (d,)
    """
    training.check(method)
    d = environment.d
    if isinstance(method, Estimator):
        own, drawn = rng.spawn(2)
        draw = partial(next, _tasks(environment, training, training.inner(method, m), sampling, drawn))
        return method.start(draw, d, own)
    W = np.hstack([np.zeros((d, 1)), np.eye(d)])  # a meta-gradient on given data is affine in w
    together = math.lcm(training.task_batch, method.task_batch or 1)
    size = max(1, CHUNK // (W.size * together)) * together
    chunks = (
        task_gradients(environment, method, W, training, m, min(size, training.T - start), sampling, rng)
        for start in range(0, training.T, size)
    )
    return (descend if training.solver == "sgd" else solve)(chunks, d, method, training)


def _tasks(
    environment: Environment, training: Training, n2: Scalar, sampling: str, rng: np.random.Generator
) -> Iterator[tuple[Array, Array]]:
    """Give rows and targets of the training's tasks, one after another: real rows also where pseudo-rows would do."""
    n = training.n1 + n2
    if not np.isfinite(n):
        raise ValueError("an Estimator needs rows: give the training finite n1 and n2")
    sample = SAMPLERS[sampling if sampling == "without_replacement" else "raw"]
    tasks = environment.tasks()
    for _ in range(training.T):
        families, optima = environment.sample(1, rng)
        X, e = sample(tasks[families[0]].inputs, 1, int(n), rng)
        yield X[0], X[0] @ optima[0] + e[0]
    raise ValueError(f"draw() was called more often than the training has tasks: T = {training.T}")


def solve(chunks: Iterable[Array], d: int, method: Method, training: Training) -> Array:
    """Find the root of the mean meta-gradient, from its values (tasks, d, d + 1) at 0 and at the unit vectors.

    For NAL and MAML it is the minimiser of the training loss, Collins et al., eqs. (41) and (43). Where the data do not
    determine it, it is the one that descent from 0 finds, in the range of the Hessian H: of a loss the solution of least norm,
    of first-order MAML :math:`X^\top (BX^\top)^{-1} z` of the outer rows X and the equations Bw = z that MAML solves, too.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        total: Array = np.sum([chunk.sum(axis=0) for chunk in chunks], axis=0)
    if not np.isfinite(total).all():
        raise ValueError(f"the meta-gradients of {method!r} overflow: take a smaller alpha or fewer steps")
    H = total[:, 1:] - total[:, :1] + training.T * training.ridge * np.eye(d)
    size = np.sqrt(np.abs(np.diagonal(H)))
    size = np.where(size == 0, 1.0, size)  # columns of unlike units must not look dependent
    unit, aim = H / np.outer(size, size), -total[:, 0] / size
    left, found, right = np.linalg.svd(unit)
    rounding = d * EPS * max(found[0], np.max(np.abs(total[:, 0]) / size) / np.max(size))
    known = found > rounding
    if known.all():
        return np.linalg.solve(unit, aim) / size
    # Directions that the data tell are those of the scaled matrix; descent goes along the columns of H as it is.
    told, reached = right[known] * size, np.linalg.qr(size[:, None] * left[:, known])[0]
    if np.abs(unit - unit.T).max() <= ROUNDED * found[0]:
        runs_away = np.linalg.eigvalsh(unit + unit.T)[0] / 2 < -ROUNDED * found[0]
        warn(
            FROM_0.format(
                "of least norm is taken, which gradient descent from 0 finds", RUNS_AWAY if runs_away else ""
            )
        )
    else:
        runs_away = np.linalg.eigvals(reached.T @ H @ reached).real.min() < 0
        warn(FROM_0.format("is taken that descent from 0 finds", RUNS_AWAY if runs_away else ""))
    return reached @ np.linalg.solve(told @ reached, (left.T @ aim)[known] / found[known])


def descend(chunks: Iterable[Array], d: int, method: Method, training: Training) -> Array:
    """Descend from 0 by stochastic gradients, a batch of tasks an iteration, each task used once."""
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


def check_converged(points: Array, method: Method, training: Training) -> None:
    """Raise where SGD ran away."""
    if not np.isfinite(points).all() or np.abs(points).max() > FAR:
        raise ValueError(
            f"SGD on {method!r} diverges at learning_rate {training.rate(method):g}: take a smaller one"
        )


def mean_gradient(
    environment: Environment,
    method: Method,
    point: Array,
    training: Training,
    m: Scalar,
    T: int,
    sampling: str,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Compute the mean over T drawn tasks of the meta-gradient at a point (d,); arguments as for `task_gradients`.

    Returns
    -------
    mean : array, shape (d,)
    covariance : array, shape (d, d)
        Of the mean.
    """
    batch = method.task_batch or 1  # weights tie the tasks of a batch together
    T = -(-T // batch) * batch
    W = np.reshape(point, (-1, 1))
    size = max(1, CHUNK // (W.size * batch)) * batch
    parts = [
        task_gradients(environment, method, W, training, m, min(size, T - start), sampling, rng)[:, :, 0]
        for start in range(0, T, size)
    ]
    values = np.concatenate(parts).reshape(-1, batch, environment.d).mean(axis=1)
    return values.mean(axis=0), np.atleast_2d(np.cov(values.T)) / len(values)

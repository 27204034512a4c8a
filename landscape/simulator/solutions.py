"""Meta-gradients of drawn tasks, and the empirical solutions where their mean vanishes."""

import numpy as np

from landscape.methods import NAL
from landscape.simulator.draws import by_family
from landscape.simulator.gradients import meta_gradient


def task_gradients(environment, method, W, training, m, rng, T=None):
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
    rng : numpy.random.Generator
    T : int, optional
        Number of tasks; the training's by default.

    Yields
    ------
    where : ndarray of int
        Positions of the tasks, which are weighted as the method says.
    gradients : ndarray, shape (len(where), d, J)
    """
    method = method.resolved
    n2 = training.inner(method, m)
    T = T or training.T
    families, optima = environment.sample(T, rng)
    weights = _weights(environment, method, families)
    for where, _, draw in by_family(environment, families, optima, training.n1 + n2, rng):
        mean = 0
        for _ in range(training.tau):  # pooled training: tau batches of n1 + n2 are one of tau (n1 + n2)
            mean = mean + meta_gradient(method, W, draw, training.n1, n2) / training.tau
        yield where, weights[where, None, None] * mean


def _weights(environment, method, families):
    """Weight of each drawn task: its family's, normalised within batches where the method says so."""
    if not isinstance(method, NAL) or method.task_weights is None:
        return np.ones(len(families))
    weights = np.array(method.weights([task.name for task in environment.tasks()]))[families]
    if method.batch is None:
        return weights
    if len(weights) % method.batch:
        raise ValueError(f"T must be a multiple of the batch of {method.batch} tasks, got {len(weights)}")
    batches = weights.reshape(-1, method.batch)
    return (method.batch * batches / batches.sum(axis=1, keepdims=True)).ravel()


def empirical_solution(environment, method, training, m, rng):
    """The point where the mean meta-gradient over the drawn tasks vanishes.

    For NAL and MAML it is the minimiser of the training loss, Collins et al., eqs. (41) and (43). The
    gradient is affine in w, so its values at 0 and at the unit vectors determine it.

    Returns
    -------
    ndarray, shape (d,)
    """
    d = environment.d
    W = np.hstack([np.zeros((d, 1)), np.eye(d)])
    total = np.zeros_like(W)
    for _, gradients in task_gradients(environment, method, W, training, m, rng):
        total += gradients.sum(axis=0)
    H = total[:, 1:] - total[:, :1]
    if np.linalg.matrix_rank(H) < d:
        raise ValueError(
            f"{training!r} is too little data for a unique solution of {method!r} in d = {d}: take more tasks or samples"
        )
    return np.linalg.solve(H, -total[:, 0])


def mean_gradient(environment, method, point, training, m, T, rng):
    """Mean over T drawn tasks of the meta-gradient at a point, with its standard error.

    Returns
    -------
    mean : ndarray, shape (d,)
    covariance : ndarray, shape (d, d)
        Of the mean.
    """
    values = np.empty((T, environment.d))
    for where, gradients in task_gradients(environment, method, np.reshape(point, (-1, 1)), training, m, rng, T):
        values[where] = gradients[:, :, 0]
    batch = getattr(method.resolved, "batch", None) or 1
    values = values.reshape(-1, batch, environment.d).mean(axis=1)  # weights tie the tasks of a batch together
    return values.mean(axis=0), np.atleast_2d(np.cov(values.T)) / len(values)

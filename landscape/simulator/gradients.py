"""One task's meta-gradient from data, for every method: chosen by the method's type.

Each function takes points as the columns of W, so that one draw serves many points (common random
numbers) and the d + 1 points that determine an affine gradient.
"""

from functools import singledispatch

import numpy as np

from landscape.methods import FOMAML, HFMAML, IMAML, MAML, NAL, BaMAML, Reptile


@singledispatch
def meta_gradient(method, W, draw, n1, n2):
    """The meta-gradient of one episode of each task.

    Parameters
    ----------
    method : Method
    W : ndarray, shape (tasks or 1, d, J)
        Points, one a column; the same for all tasks or each task's own.
    draw : callable
        n -> a fresh batch of n samples of each task.
    n1, n2 : float
        Outer and inner samples.

    Returns
    -------
    ndarray, shape (tasks, d, J)
    """
    raise TypeError(f"no meta-gradient is known for {type(method).__name__}")


@meta_gradient.register
def _nal(method: NAL, W, draw, n1, n2):
    return draw(n1 + n2).gradient(W)


def _descend(method, W, draw, n2):
    """The adapted points after the inner steps, and the batches they used."""
    alpha, points, batches = method.alpha, W, []
    for step in range(method.steps):
        batch = batches[0] if step and method.batches == "same" else draw(n2)
        points = points - alpha * batch.gradient(points)
        batches.append(batch)
    return points, batches


@meta_gradient.register
def _maml(method: MAML, W, draw, n1, n2):
    adapted, batches = _descend(method, W, draw, n2)
    g = draw(n1).gradient(adapted)
    for batch in reversed(batches):  # the chain rule, last step first
        hessian = batch if method.hessian == "shared" else draw(n2)
        g = g - method.alpha * hessian.hessian_times(g)
    return g


@meta_gradient.register
def _fomaml(method: FOMAML, W, draw, n1, n2):
    adapted, _ = _descend(method, W, draw, n2)
    return draw(n1).gradient(adapted)


@meta_gradient.register
def _hfmaml(method: HFMAML, W, draw, n1, n2):
    adapted = W - method.alpha * draw(n2).gradient(W)
    g = draw(n1).gradient(adapted)
    other, half = draw(n2), 0.5  # any difference is exact on a quadratic
    return g - method.alpha * (other.gradient(W + half * g) - other.gradient(W - half * g)) / (2 * half)


@meta_gradient.register
def _reptile(method: Reptile, W, draw, n1, n2):
    adapted, _ = _descend(method, W, draw, n2)
    return W - adapted


def _regularised_solve(batch, g, V):
    """(H + g I)^-1 V for the batch's Hessian H."""
    d = V.shape[1]
    H = np.broadcast_to(batch.hessian_times(np.eye(d)[None]), (len(V), d, d))
    return np.linalg.solve(H + g * np.eye(d), V)


@meta_gradient.register
def _imaml(method: IMAML, W, draw, n1, n2):
    inner, g = draw(n2), method.strength
    # The inner solution v minimises f(v) + g/2 |v - w|^2: one Newton step from w is exact.
    adapted = W - _regularised_solve(inner, g, inner.gradient(W))
    return g * _regularised_solve(inner, g, draw(n1).gradient(adapted))


@meta_gradient.register
def _bamaml(method: BaMAML, W, draw, n1, n2):
    # -log p(held-out | training samples) at its population limit, by the posterior: mean v, and
    # precision N s (H + g I), which adds (1 - s)/s H (H + g I)^-1 to the predictive covariance.
    task, g, s = draw(np.inf), method.strength, method.train_share
    adapted = W - _regularised_solve(task, g, task.gradient(W))
    d = W.shape[1]
    added = task.hessian_times(_regularised_solve(task, g, np.eye(d)[None])) * (1 - s) / s
    return g * _regularised_solve(task, g, np.linalg.solve(np.eye(d) + added, task.gradient(adapted)))

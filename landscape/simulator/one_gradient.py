r"""Losses of drawn tasks from several points on the same samples, and of all batches of a task of few rows.

A batch of Gaussian inputs enters one gradient step only by X'[r_1 ... r_J], r_j = X delta_j - e its residuals
from J points. With G = [U, e/sigma] of n rows of d + 1 independent standard normals and a_j = (R delta_j,
-sigma), X = U R, the residuals are G a_j. For an orthonormal basis Q of the a_j, Q'G'G Q is Wishart, = T T' with
T lower triangular (Bartlett), and the rest of G'G Q is (I - QQ') Xi T' with Xi normal, independent of T. So a
batch costs J (d + 1) normal numbers and J chi-squares, whatever n; nothing is inverted, so that points may
coincide.
"""

from collections.abc import Callable
from itertools import combinations_with_replacement
from math import comb
from typing import Any

import numpy as np

from landscape.adaptations import Adaptation
from landscape.core import Array, Scalar
from landscape.simulator.draw_samples import CHUNK, Population, Rows, chunk_size, drawer
from landscape.simulator.losses import losses_at
from landscape.simulator.thin import MORE, TakesMore
from landscape.tasks import Empirical, Environment, Gaussian, Inputs

MOST_BATCHES = 20_000
"""Batches of a data task that are listed rather than drawn."""


class OneGradient:
    """n samples of each of several tasks, seen through one gradient at each of several points.

    Parameters
    ----------
    inputs : Gaussian
    optima : array, shape (tasks, d)
    n : int
    rng : numpy.random.Generator
    """

    def __init__(self, inputs: Gaussian, optima: Array, n: int, rng: np.random.Generator) -> None:
        self.inputs, self.optima, self.n, self.rng = inputs, optima, n, rng
        self.used = False

    def gradient(self, W: Array) -> Array:
        """Draw the gradients of the mean squared loss at the columns of W (tasks or 1, d, J)."""
        if self.used:
            raise TakesMore(MORE)
        self.used = True
        root, normal = self.inputs.root, self.rng.standard_normal
        delta = W - self.optima[:, :, None]
        tasks, d, J = delta.shape
        whitened = root[:, None] * delta if root.ndim == 1 else root @ delta
        sigma = np.broadcast_to(-np.sqrt(self.inputs.noise_variance), (tasks, 1, J))
        Q, B = np.linalg.qr(np.concatenate([whitened, sigma], axis=1))
        rank, columns = Q.shape[2], min(Q.shape[2], self.n)
        T = np.tril(normal((tasks, rank, columns)), -1)
        j = np.arange(columns)
        T[:, j, j] = np.sqrt(self.rng.chisquare(self.n - j, size=(tasks, columns)))
        TB = T.swapaxes(1, 2) @ B
        Xi = normal((tasks, d + 1, columns))
        products = Q @ (T @ TB - Q.swapaxes(1, 2) @ Xi @ TB) + Xi @ TB
        u = products[:, :d] / self.n
        out: Array = root[:, None] * u if root.ndim == 1 else root.T @ u
        return out

    def hessian_times(self, V: Array) -> Array:
        """Refuse: one gradient is all that is drawn."""
        raise TakesMore(MORE)

    def hessian(self) -> Array:
        """Refuse: one gradient is all that is drawn."""
        raise TakesMore(MORE)


def drawn_losses(
    environment: Environment, adaptation: Adaptation, points: Array, draws: int, seed: int
) -> tuple[Array, Array]:
    """Draw tasks and their samples, and compute the losses after adaptation from several points.

    Parameters
    ----------
    environment : Environment
    adaptation : Adaptation
    points : array, shape (J, d)
    draws, seed : int

    Returns
    -------
    losses : array, shape (draws, J)
        The task's population loss at each adapted point, on the same samples.
    families : array of int, shape (draws,)
    """
    rng = np.random.default_rng(seed)
    families, optima = environment.sample(draws, rng)
    losses = np.empty((draws, len(points)))
    for index, task in enumerate(environment.tasks()):
        inputs, positions = task.inputs.expanded(), np.flatnonzero(families == index)
        once = _takes_one_gradient(adaptation, inputs, points)
        size = (
            max(1, CHUNK // (4 * points.size + 4)) if once else chunk_size(inputs, adaptation.m, "bartlett")
        )
        for at in range(0, len(positions), size):
            where = positions[at : at + size]
            own = optima[where]
            W = np.broadcast_to(points.T, (len(where), *points.T.shape))
            draw = _once(inputs, own, rng) if once else drawer(inputs, own, "bartlett", rng)
            losses[where] = losses_at(inputs, adaptation.adapt(W, draw).points, own)
    return losses, families


def all_losses(inputs: Empirical, adaptation: Adaptation, point: Array) -> tuple[Array, Array] | None:
    """Compute the loss after adaptation on every batch of m rows, and how likely each is.

    Returns
    -------
    tuple of array, shape (batches,), or None
        None where an adaptation draws more than one batch, or there are more than `MOST_BATCHES`.
    """
    N, m = len(inputs.X), adaptation.m
    if adaptation.cost(1).batches != 1 or np.isinf(m) or comb(N + int(m) - 1, int(m)) > MOST_BATCHES:
        return None
    index = np.array(list(combinations_with_replacement(range(N), int(m))))
    ways = np.ones(len(index))  # the multinomial coefficient over N^m, one row after another
    for k in range(int(m)):
        ways *= (k + 1) / (N * np.sum(index[:, : k + 1] == index[:, k : k + 1], axis=1))
    X, e = inputs.with_ridge(inputs.X[index], inputs.e[index], int(m))
    optima = np.broadcast_to(inputs.optimum, (len(index), len(inputs.optimum)))
    W = np.broadcast_to(point[None, :, None], (len(index), len(point), 1))
    adapted = adaptation.adapt(W, lambda n: Rows(X, e, optima, int(n)))
    return losses_at(inputs, adapted.points, optima)[:, 0], ways


def _once(inputs: Inputs, optima: Array, rng: np.random.Generator) -> Callable[[Scalar], Any]:
    def draw(n: Scalar) -> OneGradient | Population:
        if np.isinf(n):
            return Population(inputs.Sigma, optima)
        assert isinstance(inputs, Gaussian)
        return OneGradient(inputs, optima, int(n), rng)

    return draw


def _takes_one_gradient(adaptation: Adaptation, inputs: Inputs, points: Array) -> bool:
    """Whether each batch of an adaptation serves for one gradient: it is run on one to see."""
    if not isinstance(inputs, Gaussian):
        return False
    draw = _once(inputs, np.zeros((1, points.shape[1])), np.random.default_rng(0))
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            adaptation.adapt(points.T[None], draw)
    except TakesMore:
        return False
    return True

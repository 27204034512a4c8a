"""The loss after adaptation, on drawn tasks with drawn samples."""

import numpy as np

from landscape.adaptations import Adaptation
from landscape.core import Array
from landscape.simulator.draw_samples import by_family, hessian_times
from landscape.tasks import Environment
from landscape.tasks.inputs import Inputs


def post_adaptation_losses(
    environment: Environment,
    points: Array,
    adaptation: Adaptation,
    T: int,
    sampling: str,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Measure the loss after adaptation of T drawn tasks from each point, by common random numbers.

    Parameters
    ----------
    environment : Environment
    points : array, shape (J, d)
    adaptation : Adaptation
    T : int
    sampling : str
        One of `landscape.simulator.draw_samples.SAMPLING`, but for "thin".
    rng : numpy.random.Generator

    Returns
    -------
    losses : array, shape (T, J)
        The task's population loss at the adapted point.
    floors : array, shape (T,)
        The same from the task's own optimum, on the same samples: the cost of label noise alone.
    """
    families, optima = environment.sample(T, rng)
    losses = np.empty((T, len(points) + 1))
    for where, inputs, draw in by_family(environment, families, optima, adaptation.m, sampling, rng):
        starts = np.broadcast_to(points.T, (len(where), *points.T.shape))
        W = np.concatenate([starts, optima[where][:, :, None]], axis=2)
        losses[where] = losses_at(inputs, adaptation.adapt(W, draw).points, optima[where])
    return losses[:, :-1], losses[:, -1]


def losses_at(inputs: Inputs, points: Array, optima: Array) -> Array:
    """Compute the population losses of tasks with optima (tasks, d) at points (tasks, d, J), shape (tasks, J)."""
    delta = points - optima[:, :, None]
    squares = np.einsum("tdj,tdj->tj", delta, hessian_times(inputs.Sigma, delta))
    return (squares + inputs.noise_variance) / 2

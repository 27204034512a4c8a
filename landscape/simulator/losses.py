"""The loss after adaptation, on drawn tasks with drawn samples."""

from dataclasses import replace

import numpy as np

from landscape.adaptations import Adaptation
from landscape.core import Array
from landscape.simulator.draw_samples import by_family, hessian_times, seed_of
from landscape.simulator.landscapes import GROUPS, mean_losses
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


def integrated_losses(
    environment: Environment, points: Array, adaptation: Adaptation, T: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Measure the same over T batches in all, optima and label noise integrated out and rare large losses drawn more often.

    For several steps on one batch of normal inputs, whose plain draws miss the few batches that carry the mean: see `tilted`.
    Each family has as many of the batches, whatever its probability.

    Returns
    -------
    losses : array, shape (1 + GROUPS, J)
        The mean over batches, and with each group of them left out.
    floors : array, shape (1 + GROUPS,)
    """
    tasks = [task.expanded() for task in environment.tasks()]
    forms = mean_losses(tasks, adaptation, max(GROUPS, -(-T // len(tasks))), seed_of(rng))
    losses, floors = np.zeros((1 + GROUPS, len(points))), np.zeros(1 + GROUPS)
    for task, form in zip(tasks, forms, strict=True):
        spread = 0.0 if task.spread is None else form.A.inner(task.spread) / 2
        here = [replace(form, origin=task.centre)(point) + spread for point in points]
        losses += float(task.probability) * np.stack(here, axis=-1)
        floors += float(task.probability) * np.asarray(form.c) / 2
    return losses, floors


def losses_at(inputs: Inputs, points: Array, optima: Array) -> Array:
    """Compute the population losses of tasks with optima (tasks, d) at points (tasks, d, J), shape (tasks, J)."""
    delta = points - optima[:, :, None]
    squares = np.einsum("tdj,tdj->tj", delta, hessian_times(inputs.Sigma, delta))
    return (squares + inputs.noise_variance) / 2

"""The loss after adaptation, on drawn tasks with drawn samples."""

import numpy as np

from landscape.simulator.draws import by_family


def post_adaptation_losses(environment, points, adaptation, T, sampling, rng):
    """Loss after adaptation of T drawn tasks from each point, by common random numbers.

    Parameters
    ----------
    environment : Mixture
    points : ndarray, shape (J, d)
    adaptation : Adaptation
    T : int
    sampling : {"bartlett", "raw", "without_replacement"}
    rng : numpy.random.Generator

    Returns
    -------
    losses : ndarray, shape (T, J)
        The task's population loss at the adapted point.
    floors : ndarray, shape (T,)
        The same from the task's own optimum, on the same samples: the cost of label noise alone.
    """
    families, optima = environment.sample(T, rng)
    losses = np.empty((T, len(points) + 1))
    for where, inputs, draw in by_family(environment, families, optima, adaptation.m, sampling, rng):
        start = np.broadcast_to(points.T, (len(where), *points.T.shape))
        w = np.concatenate([start, optima[where][:, :, None]], axis=2)
        batch = None
        for _ in range(adaptation.steps):
            if batch is None or adaptation.batches == "fresh":
                batch = draw(adaptation.m)
            w = w - adaptation.alpha * batch.gradient(w)
        away = w - optima[where][:, :, None]
        losses[where] = (np.einsum("tdj,tdj->tj", away, inputs.matrix() @ away) + inputs.noise_variance) / 2
    return losses[:, :-1], losses[:, -1]

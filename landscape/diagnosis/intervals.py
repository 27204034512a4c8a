"""How sure a predicted cut is: a bootstrap over tasks."""

import numpy as np

from landscape.core import Array

REPLICATES = 2000


def bootstrap(
    losses: Array, by_step: Array, training: Array, shares: Array, seed: int
) -> tuple[Array, Array]:
    r"""Compute intervals for 1 - (mean loss of a method)/(mean loss of pooled training) on new tasks.

    Two things were drawn: the tasks that the loss is measured on, and those that the methods were trained and
    their step sizes chosen on. They are resampled independently of one another: the loss is measured on the
    first, what the second do to training enters by the first-order change of the mean loss, and in half of
    the replicates they choose the step anew. (In all of them the interval need not hold the prediction, in
    none it is too narrow where tasks differ much.) Deviations are widened by Student's t over normal
    quantiles, and T/(T - 1), for few tasks.

    Parameters
    ----------
    losses, training : array, shape (methods, T)
        `HeldOut.chosen` and `HeldOut.training` for one number of shots; pooled training comes first.
    by_step : array, shape (methods, steps, T)
        `HeldOut.by_step`.
    shares : array, shape (T,)
    seed : int

    Returns
    -------
    low, high : array, shape (methods,)
        95% intervals, at most 1; both -inf for a method whose losses are infinite, because its training has
        no minimum.
    """
    from scipy.special import ndtri, stdtrit  # optional here: importing it takes 0.1 s

    T = len(shares)
    if not losses[0].any():  # nothing is lost, so nothing can be cut
        return np.zeros(len(losses)), np.zeros(len(losses))
    rng = np.random.default_rng(seed)
    measured, trained = (rng.multinomial(T, np.full(T, 1 / T), size=REPLICATES) * shares for _ in range(2))
    finite = np.asarray(np.isfinite(losses).all(axis=1))
    usable = np.isfinite(by_step).all(axis=2, keepdims=True)
    by_step = np.where(usable, by_step, 0.0)
    best = np.where(usable, by_step @ trained.T, np.inf).argmin(
        axis=1, keepdims=True
    )  # (methods, 1, replicates)
    means = np.take_along_axis(by_step @ measured.T, best, axis=1)[:, 0]
    losses = np.where(finite[:, None], losses, 0.0)
    means[:, ::2] = losses @ measured[::2].T
    means += np.where(finite[:, None], training, 0.0) @ trained.T
    mean = (losses @ shares / (losses[0] @ shares))[:, None]
    wider = stdtrit(T - 1, 0.975) / ndtri(0.975) * np.sqrt(T / (T - 1))
    deviations = np.quantile(means / means[0] - mean, [0.975, 0.025], axis=1)
    low, high = 1 - mean[:, 0] - deviations * wider
    high = np.minimum(high, 1.0)  # no more can be cut than all of the loss
    return np.where(finite, low, -np.inf), np.where(finite, high, -np.inf)

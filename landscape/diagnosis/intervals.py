"""How sure a predicted cut is: a bootstrap over tasks."""

import numpy as np

REPLICATES = 2000


def bootstrap(losses, training, pooled, pooled_training, shares, seed):
    r"""Intervals for 1 - (mean loss of a method)/(mean loss of pooled training) on new tasks.

    Two things were drawn: the tasks that the loss is measured on, and those that the methods were trained on. They are
    resampled independently of one another; a task's part in training enters by the first-order change of the mean loss.
    Deviations are widened by Student's t over normal quantiles, and T/(T - 1), for few tasks.

    Parameters
    ----------
    losses, training : ndarray, shape (methods, T)
        As in `HeldOut`, for one number of shots.
    pooled, pooled_training : ndarray, shape (T,)
    shares : ndarray, shape (T,)
    seed : int

    Returns
    -------
    low, high : ndarray, shape (methods,)
        95% intervals; both -inf for a method whose losses are infinite, because its training has no minimum.
    """
    from scipy.special import ndtri, stdtrit

    T = len(shares)
    rng = np.random.default_rng(seed)
    measured, trained = (rng.multinomial(T, np.full(T, 1 / T), size=REPLICATES) * shares for _ in range(2))
    finite = np.isfinite(losses).all(axis=1, keepdims=True)
    losses, training = np.where(finite, losses, 0.0), np.where(finite, training, 0.0)
    if not pooled.any():  # nothing is lost, so nothing can be cut
        return np.zeros(len(losses)), np.zeros(len(losses))
    mean = losses @ shares / (pooled @ shares)
    replicates = (losses @ measured.T + training @ trained.T) / (pooled @ measured.T + pooled_training @ trained.T)
    wider = stdtrit(T - 1, 0.975) / ndtri(0.975) * np.sqrt(T / (T - 1))
    high, low = (1 - mean - (np.quantile(replicates, q, axis=1) - mean) * wider for q in (0.025, 0.975))
    return np.where(finite[:, 0], low, -np.inf), np.where(finite[:, 0], high, -np.inf)

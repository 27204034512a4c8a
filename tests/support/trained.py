"""Many trained points at once: what `ls.simulate` finds run by run, for the price of one large draw."""

import numpy as np

from landscape.simulator.solve import task_gradients

TASKS = 20_000


def trained_points(environment, method, training, m, repeats, sampling="raw", rng=0):
    """Draw tasks of so many runs, and solve (or descend) all of them side by side: shape (repeats, d).

    `test_points_side_by_side_are_those_of_the_package` holds one run against the package's own.
    """
    rng, d = np.random.default_rng(rng), environment.d
    W = np.hstack([np.zeros((d, 1)), np.eye(d)])  # a meta-gradient on given data is affine in w
    block, points = max(1, TASKS // training.T), []
    for start in range(0, repeats, block):
        runs = min(block, repeats - start)
        g = task_gradients(environment, method, W, training, m, runs * training.T, sampling, rng)
        b, H = g[:, :, 0], g[:, :, 1:] - g[:, :, :1]
        b, H = b.reshape(runs, training.T, d), H.reshape(runs, training.T, d, d)
        if training.solver == "exact":
            points.append(np.linalg.solve(H.sum(axis=1), -b.sum(axis=1)[:, :, None])[:, :, 0])
            continue
        w = np.zeros((runs, d))
        for first in range(0, training.T, training.task_batch):
            batch = slice(first, first + training.task_batch)
            step = b[:, batch].mean(axis=1) + (H[:, batch].mean(axis=1) @ w[:, :, None])[:, :, 0]
            w = w - training.rate(method) * step
        points.append(w)
    return np.concatenate(points)

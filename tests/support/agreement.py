"""Drawn data beside theory: all z-scores of a check are judged together."""

from math import erf, sqrt

import numpy as np

import landscape as ls
from landscape.simulator.losses import post_adaptation_losses
from landscape.simulator.solve import mean_gradient
from landscape.simulator.thin import why_not_thin

from .worlds import random_world

FALSE_ALARMS = 1e-4


def check_z(z):
    """All z-scores together, at a family-wise false-alarm rate of FALSE_ALARMS."""
    z = np.asarray(z)
    chance = 1 - erf(np.abs(z).max() / sqrt(2)) ** z.size
    assert chance > FALSE_ALARMS, f"largest |z| of {z.size} is {np.abs(z).max():.2f}"


def check_losses(seed, kind, tasks=20_000, sampling="raw", plant=None):
    """Loss after adaptation at two points, and its difference, for one and two steps."""
    environment, _, alpha, rng = random_world(seed, kind)
    believed = environment if plant is None else plant(environment.families)
    points = rng.standard_normal((2, environment.d))
    z = []
    for m, steps in [(3, 1), (8, 2), (np.inf, 1)]:
        adaptation = ls.GradientSteps(alpha, m, steps)
        losses, floors = post_adaptation_losses(environment, points, adaptation, tasks, sampling, rng)
        exact = ls.risk_landscape(believed, adaptation)(points)
        pairs = [(losses[:, 0], exact[0]), (losses[:, 1] - losses[:, 0], exact[1] - exact[0])]
        if not any(isinstance(family, ls.DataTask) for family in environment.families):
            # from its own optimum a Gaussian task pays for noise alone
            pairs.append((floors, ls.risk(believed, 0.0, adaptation).noise.value))
        for values, theory in pairs:
            if values.std() > 1e-12:
                z.append((values.mean() - theory) / (values.std(ddof=1) / np.sqrt(tasks)))
            else:
                np.testing.assert_allclose(values.mean(), theory, atol=1e-10)
    check_z(z)


def check_gradients(seed, kind, tasks=6000, sampling="raw", plant=None, maml=ls.MAML):
    """The mean meta-gradient vanishes at the predicted optimum, for every method."""
    environment, _, alpha, rng = random_world(seed, kind)
    believed = environment if plant is None else plant(environment.families)
    training, z = ls.Training(T=2, n1=4, tau=2), []
    names = [f.name for f in environment.families]
    for method in [
        ls.NAL(), ls.NAL({names[0]: 3.0}), ls.NAL({names[0]: 3.0}, batch=5), maml(ls.GradientSteps(alpha, 3)),
        maml(ls.GradientSteps(alpha, 3, 2)), maml(ls.GradientSteps(alpha, 4), hessian="independent"), maml(alpha),
        ls.FOMAML(alpha), ls.HFMAML(alpha), ls.Reptile(ls.GradientSteps(alpha, steps=3)), ls.IMAML(0.7), ls.BaMAML(0.7, 0.4),
    ]:  # fmt: skip
        if sampling == "thin" and why_not_thin(environment, method):
            continue
        best = ls.optimum(believed, method).value
        mean, covariance = mean_gradient(environment, method, best, training, 3, tasks, sampling, rng)
        values, vectors = np.linalg.eigh(covariance)
        sure = values > 1e-9 * max(values.max(), 1e-12)  # directions in which the gradient scatters at all
        z.extend((vectors.T @ mean)[sure] / np.sqrt(values[sure]))
        np.testing.assert_allclose((vectors.T @ mean)[~sure], 0, atol=1e-5)
    check_z(z)

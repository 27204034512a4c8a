"""Random tasks, methods and adaptations: the z-scores of theory against simulation, which should be standard normal."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

import landscape as ls
from support import random_worlds

ADAPTATIONS: list[Callable[[float, int], ls.Adaptation]] = [
    lambda alpha, m: ls.GradientSteps(alpha, m),
    lambda alpha, m: ls.GradientSteps(alpha, m, 2),
    lambda alpha, m: ls.GradientSteps(alpha),
    lambda alpha, m: ls.RidgeToStart(1.0),
]
METHODS: list[Callable[[float, int], ls.Method]] = [
    lambda alpha, m: ls.NAL(),
    lambda alpha, m: ls.MAML(ls.GradientSteps(alpha, m)),
    lambda alpha, m: ls.FOMAML(ls.GradientSteps(alpha, m)),
    lambda alpha, m: ls.Reptile(ls.GradientSteps(alpha, m, 3)),
    lambda alpha, m: ls.MAML(ls.GradientSteps(alpha, m), hessian="independent"),
    lambda alpha, m: ls.IMAML(0.7),
]


def simulations(count: int, seed: int, tasks: int = 1000) -> Iterator[ls.Simulation]:
    """Simulate random mixtures in one to five dimensions, each with a random adaptation and two random methods."""
    for rng in np.random.default_rng(seed).spawn(count):
        kind = str(rng.choice(random_worlds.KINDS))
        world = random_worlds.environment(kind, rng, int(rng.integers(1, 6)))
        alpha, m = float(rng.uniform(0.05, 0.4)), int(rng.integers(8, 40))
        adaptation = ADAPTATIONS[rng.integers(len(ADAPTATIONS))](alpha, m)
        methods = [METHODS[i](alpha, m) for i in rng.choice(len(METHODS), 2, replace=False)]
        training = ls.Training(60, n1=10)
        yield ls.simulate(
            world, methods, adaptation, training, repeats=2, tasks=tasks, rng=int(rng.integers(2**31)), progress=False
        )  # fmt: skip


def scores(simulation: ls.Simulation, error: float = 0.0) -> np.ndarray:
    """Return the z-scores of one simulation; `error` is a relative error planted into the tasks that theory believes in."""
    if error:
        world = ls.Mixture([
            dataclasses.replace(f, y=f.y * (1 + error)) if isinstance(f, ls.DataTask)
            else dataclasses.replace(f, covariance=f.covariance * (1 + error))
            for f in simulation.environment.families
        ])  # fmt: skip
        simulation = dataclasses.replace(simulation, environment=world)
    table = ls.agreement(simulation).to_frame()
    z = table["z"].to_numpy()
    return z[~np.isnan(z)]

"""Where along training does the linear story hold: a step of the network against that of its tangent."""

from collections.abc import Iterator, Mapping

import numpy as np

from landscape.papers.images.episodes import Draw
from landscape.papers.images.evaluation import Linearised, linearised_step
from landscape.papers.images.network import Parameters

STAGES = (0, 10, 30, 100, 300, 1000, 3000, 10_000, 20_000)
"""Iterations after which MAML's network is looked at."""


def stages(
    parameters: Parameters, drawn: Mapping[str, Draw], rate: float, seed: int, tasks: int
) -> Iterator[tuple[str, str, float, float]]:
    """Give quantity, part, mean and standard error over unseen tasks of what a step and its linearisation do."""
    for part in ("easy_test", "hard_test"):
        rng = np.random.default_rng([seed, 2])
        values = np.array([linearised_step(parameters, drawn[part](rng), rate) for _ in range(tasks)])
        for name, column in zip(Linearised._fields, values.T, strict=True):
            yield f"step: {name}", part, float(column.mean()), float(column.std(ddof=1) / tasks**0.5)

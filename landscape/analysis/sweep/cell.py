"""One cell of a sweep: a simulation with numbers for everything, which any process can compute."""

from dataclasses import dataclass

import numpy as np

from landscape.adaptations.base import Adaptation
from landscape.analysis.simulate import simulate
from landscape.core.typing import Array
from landscape.methods.base import Method
from landscape.methods.budget import Training
from landscape.simulator.runs import check_run
from landscape.tasks.environment import Environment

MEASURED = ("repeat", "coordinate", "loss", "loss_standard_error", "above_noise")
"""Columns of numbers in the table of a simulation, after those that say where a row is and its method."""


@dataclass(frozen=True)
class Cell:
    """What `run_cell` simulates; the methods follow the adaptation already.

    Attributes
    ----------
    labels : tuple of str
        What the methods are called in the table: the same in every cell.
    """

    environment: Environment
    methods: tuple[Method, ...]
    adaptation: Adaptation
    training: Training
    labels: tuple[str, ...]
    repeats: int
    tasks: int
    sampling: str | None
    engine: str | None
    seed: int

    def check(self) -> None:
        """Raise where the simulator would refuse it, before any work is done."""
        for method in self.methods:
            self.training.check(method)
        check_run(self.environment, self.adaptation, self.methods, self.training, self.sampling)


def run_cell(cell: Cell) -> dict[str, Array]:
    """Simulate one cell: its rows as columns of plain arrays, to travel between processes."""
    result = simulate(
        cell.environment, cell.methods, cell.adaptation, cell.training, repeats=cell.repeats, tasks=cell.tasks,
        sampling=cell.sampling, engine=cell.engine, rng=cell.seed, progress=False,
    )  # fmt: skip
    columns = {name: np.asarray(values) for name, values in result.columns().items()}
    names = dict(zip(result.labels, cell.labels, strict=True))
    columns["method"] = np.array([names[label] for label in columns["method"]], dtype=object)
    return columns

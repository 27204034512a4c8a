"""Which tasks are hard, and where the solutions of hard and easy tasks lie."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from landscape.core import Array, Result, record
from landscape.diagnosis.task_sums import TaskSums

STEEP = 2.0
"""How much faster than three quarters of the tasks the fastest may descend before rates count as unbounded.

In 200 tables each, log-normal rates (sigma = 1, 30 tasks) exceed it in 91%; rates of 40 tasks of 10 rows, which differ by
chance alone, in 10%. At 2.5 these are 83% and none: a missed warning costs more than a needless one.
"""


@record
class Geography(Result):
    r"""Hardness of single tasks, and the landscape's two numbers.

    Parameters
    ----------
    names : tuple of str
    spectrum : array, shape (T, d)
        Eigenvalues of each task's second moment of inputs, smallest first.
    curvature : array, shape (T,)
        Rate of descent, tr(Sigma^2)/tr(Sigma): twice it is the share of a task's excess loss that gradient
        descent removes per unit of step size at first, on average over directions weighted by their loss.
    hard : array of bool, shape (T,)
        Whether a task is in the slower of the two groups into which the logarithms of the curvatures fall
        best.
    solutions : array, shape (T, 2)
        The tasks' optima in the plane that spans most of their scatter, in units of the loss.
    methods : tuple of str
    trained : array, shape (methods, 2)
        Solutions of these methods there.
    hardness : float
        Mean curvature of hard over that of easy tasks; the analogue of rho_H/rho_E.
    separation : float
        Squared distance of the centres of hard and easy optima over the spread of the hard ones, measured by
        the mean second moment; the analogue of R^2/r_H, and equal to it for isotropic families. Infinite for
        a single hard task.
    """

    names: tuple[str, ...]
    spectrum: Array
    curvature: Array
    hard: Array
    solutions: Array
    methods: tuple[str, ...]
    trained: Array
    hardness: float
    separation: float

    def headline(self) -> str:
        """Say how hard the hard tasks are, and how far apart they lie."""
        return (
            f"{int(self.hard.sum())} of {len(self.names)} tasks are hard: they descend at "
            f"{self.hardness:.2f} times the rate of the others; separation over spread {self.separation:.2g}"
        )

    @property
    def steepness(self) -> float:
        """How many times as fast as three quarters of the tasks the fastest one descends."""
        return float(self.curvature.max() / np.quantile(self.curvature, 0.75))

    @property
    def steepest(self) -> str:
        """The name of the task that descends fastest."""
        return self.names[int(self.curvature.argmax())]

    @property
    def is_steep(self) -> bool:
        """Whether rates differ so widely that steeper tasks are to be expected, on which steps chosen here may fail."""
        return self.steepness > STEEP

    def columns(self) -> Mapping[str, Any]:
        """Give one row a task."""
        return {
            "task": list(self.names),
            "hard": self.hard,
            "curvature": self.curvature,
            "steepest": self.spectrum[:, -1],
            "flattest": self.spectrum[:, 0],
        }


def geography(tasks: TaskSums, starts: Mapping[str, Array]) -> Geography:
    """Compute hardness and geography of single tasks.

    Parameters
    ----------
    tasks : TaskSums
    starts : dict of str to array (d,)
        Trained points, shown among the tasks' own solutions.

    Returns
    -------
    Geography
    """
    shares, second = tasks.shares, tasks.S
    spectrum = np.clip(np.linalg.eigvalsh(second), 0, None)
    curvature = (spectrum**2).sum(axis=1) / spectrum.sum(axis=1)
    hard = slower(np.log(curvature), shares)
    values, vectors = np.linalg.eigh(np.tensordot(shares, second, 1))
    root = vectors * np.sqrt(np.clip(values, 0, None))
    measured = (tasks.optima - tasks.origin) @ root  # |.|^2 is now the loss that a distance costs
    middle = shares @ measured
    plane = np.linalg.svd(np.sqrt(shares)[:, None] * (measured - middle), full_matrices=False)[2]
    plane = np.vstack([plane, np.zeros((1, len(middle)))])[:2]
    trained = np.array(list(starts.values())) - tasks.origin
    return Geography(
        tasks.names,
        spectrum,
        curvature,
        hard,
        (measured - middle) @ plane.T,
        tuple(starts),
        (trained @ root - middle) @ plane.T,
        float(
            np.average(curvature[hard], weights=shares[hard])
            / np.average(curvature[~hard], weights=shares[~hard])
        ),
        _separation(measured, hard, shares, 1e-20 * tasks.size),
    )


def _separation(measured: Array, hard: Array, shares: Array, rounding: float) -> float:
    """Squared distance of the centres of hard and easy optima over the spread of the hard ones."""
    weights = {
        group: np.where(hard == group, shares, 0) / shares[hard == group].sum() for group in (True, False)
    }
    centres = {group: weight @ measured for group, weight in weights.items()}
    spread = float(weights[True] @ ((measured - centres[True]) ** 2).sum(axis=1))
    distance = float(((centres[True] - centres[False]) ** 2).sum())
    if spread > rounding:
        return distance / spread
    return float("inf") if distance > rounding else 0.0


def slower(values: Array, shares: Array) -> Array:
    """Find the lower of the two groups whose means lie farthest apart, by the variance between them."""
    order = np.argsort(values, kind="stable")
    weight, moment = np.cumsum(shares[order])[:-1], np.cumsum((shares * values)[order])[:-1]
    both = (weight > 1e-12) & (weight < 1 - 1e-12)
    between = np.zeros_like(weight)
    np.divide((moment - weight * (shares @ values)) ** 2, weight * (1 - weight), out=between, where=both)
    if np.ptp(values) < 1e-9:  # all alike: halves
        between = weight * (1 - weight)
    hard = np.zeros(len(values), dtype=bool)
    hard[order[: between.argmax() + 1]] = True
    return hard

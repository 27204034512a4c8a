"""Which tasks are hard, and where the solutions of hard and easy tasks lie."""

from dataclasses import dataclass

import numpy as np

from landscape.results import Result


@dataclass(frozen=True, eq=False, repr=False)
class Geography(Result):
    r"""Hardness of single tasks, and the landscape's two numbers.

    Attributes
    ----------
    names : tuple of str
    spectrum : ndarray, shape (T, d)
        Eigenvalues of each task's second moment of inputs, smallest first.
    curvature : ndarray, shape (T,)
        Rate of descent, tr(Sigma^2)/tr(Sigma): twice it is the share of a task's excess loss that gradient descent
        removes per unit of step size at first, on average over directions weighted by their loss.
    hard : ndarray of bool, shape (T,)
        Whether a task is in the slower of the two groups into which the logarithms of the curvatures fall best.
    solutions : ndarray, shape (T, 2)
        The tasks' optima in the plane that spans most of their scatter, in units of the loss.
    methods : tuple of str
    trained : ndarray, shape (methods, 2)
        Solutions of these methods there.
    hardness : float
        Mean curvature of hard over that of easy tasks; the analogue of rho_H/rho_E.
    separation : float
        Squared distance of the centres of hard and easy optima over the spread of the hard ones, measured by the mean
        second moment; the analogue of R^2/r_H, and equal to it for isotropic families. Infinite for a single hard task.
    """

    names: tuple
    spectrum: np.ndarray
    curvature: np.ndarray
    hard: np.ndarray
    solutions: np.ndarray
    methods: tuple
    trained: np.ndarray
    hardness: float
    separation: float

    def to_frame(self):
        """One row a task."""
        import pandas as pd

        columns = {"task": self.names, "hard": self.hard, "curvature": self.curvature}
        return pd.DataFrame(columns | {"steepest": self.spectrum[:, -1], "flattest": self.spectrum[:, 0]})


def geography(tasks, trained):
    """Hardness and geography of single tasks.

    Parameters
    ----------
    tasks : list of Task
        Expanded, each with a single optimum.
    trained : dict of str to ndarray (d,)
        Solutions to show among the tasks' own.

    Returns
    -------
    Geography
    """
    shares = np.array([task.probability for task in tasks], dtype=float)
    eigenvalues = np.clip([np.linalg.eigvalsh(task.inputs.matrix()) for task in tasks], 0, None)
    optima = np.array([task.centre for task in tasks])
    curvature = (eigenvalues**2).sum(axis=1) / eigenvalues.sum(axis=1)
    hard = _slower(np.log(curvature), shares)
    mean = sum(p * task.inputs.matrix() for p, task in zip(shares, tasks, strict=True))
    values, vectors = np.linalg.eigh(mean)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    measured = optima @ root  # |.|^2 is now the loss that a distance costs
    centres = {}
    for group in (True, False):
        weight = np.where(hard == group, shares, 0)
        centres[group] = weight @ measured / weight.sum()
    weight = np.where(hard, shares, 0) / shares[hard].sum()
    spread = weight @ ((measured - centres[True]) ** 2).sum(axis=1)
    distance = ((centres[True] - centres[False]) ** 2).sum()
    centre = shares @ measured
    rounding = 1e-20 * (shares @ (measured**2).sum(axis=1))
    plane = np.linalg.svd(np.sqrt(shares)[:, None] * (measured - centre))[2]
    plane = np.vstack([plane, np.zeros((1, len(centre)))])[:2]
    return Geography(
        tuple(task.name for task in tasks), eigenvalues, curvature, hard, (measured - centre) @ plane.T,
        tuple(trained), (np.array(list(trained.values())) @ root - centre) @ plane.T,
        float(np.average(curvature[hard], weights=shares[hard]) / np.average(curvature[~hard], weights=shares[~hard])),
        float(distance / spread) if spread > rounding else (np.inf if distance > rounding else 0.0),
    )  # fmt: skip


def _slower(values, shares):
    """The lower of the two groups whose means lie farthest apart, by the variance between them."""
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

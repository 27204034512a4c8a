"""Single tasks as sums over their rows, side by side: the tasks are the leading axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landscape.core import Array
from landscape.core.tolerances import ILL_CONDITIONED
from landscape.tasks import Task
from landscape.tasks.inputs import Empirical, Inputs


@dataclass(frozen=True)
class TaskSums:
    """T tasks, each with a single optimum. Points are measured from `origin`, so that nothing cancels far from 0.

    Attributes
    ----------
    names : tuple of str
    shares : array, shape (T,)
        Their probabilities.
    inputs : tuple of Gaussian or Empirical
    optima : array, shape (T, d)
        Of rows with a ridge, that of the penalised loss.
    S : array, shape (T, d, d)
        Mean of xx', without any ridge.
    b : array, shape (T, d)
        Mean of xy.
    c : array, shape (T,)
        Mean of y^2.
    rows : array, shape (T,)
        How many rows; infinite where the law is given.
    origin : array, shape (d,)
        Where pooled training ends up.
    size : float
        Mean of y^2 measured from 0, beside which a loss may be rounding.
    """

    names: tuple[str, ...]
    shares: Array
    inputs: tuple[Inputs, ...]
    optima: Array
    S: Array
    b: Array
    c: Array
    rows: Array
    origin: Array
    size: float

    @property
    def d(self) -> int:
        """Number of coordinates."""
        return self.S.shape[-1]

    def residuals(self, i: int) -> Array:
        """Compute what y is above the origin's prediction on the rows of a task."""
        one = self.inputs[i]
        assert isinstance(one, Empirical)  # of a law one draws them
        return one.e + one.X @ (one.optimum - self.origin)


def task_sums(tasks: Sequence[Task]) -> TaskSums:
    """Sum up tasks that have one entry a coordinate, around what pooled training finds on them."""
    inputs, shares = (
        tuple(task.inputs for task in tasks),
        np.array([task.probability for task in tasks], dtype=float),
    )
    optima = np.array([task.centre for task in tasks])
    parts = [_around(one, w, optima[0]) for one, w in zip(inputs, optima, strict=True)]
    S, b = np.array([part[0] for part in parts]), np.array([part[1] for part in parts])
    step = stationary(np.tensordot(shares, S, 1)[None], (shares @ b)[None])[0]
    origin = optima[0] + step
    parts = [_around(one, w, origin) for one, w in zip(inputs, optima, strict=True)]
    rows = [len(one.X) if isinstance(one, Empirical) else np.inf for one in inputs]
    names = tuple(task.name for task in tasks)
    b, c = np.array([part[1] for part in parts]), np.array([part[2] for part in parts])
    size = sum(
        p * _around(one, w, np.zeros(len(w)))[2] for p, one, w in zip(shares, inputs, optima, strict=True)
    )
    return TaskSums(names, shares, inputs, optima, S, b, c, np.array(rows, dtype=float), origin, float(size))


def _around(one: Inputs, optimum: Array, origin: Array) -> tuple[Array, Array, float]:
    """Means of xx', xy and y^2, y measured from an origin's prediction."""
    if isinstance(one, Empirical):
        y = one.e + one.X @ (one.optimum - origin)
        return one.X.T @ one.X / len(y), one.X.T @ y / len(y), float(np.mean(y**2))
    S, delta = one.Sigma.matrix(), optimum - origin
    return S, S @ delta, float(delta @ S @ delta + one.noise_variance)


def stationary(M: Array, v: Array) -> Array:
    """Solve M w = v for several matrices (K, d, d), symmetric or not; NaN where descent along Mw - v runs away.

    A direction without any curvature, up to `ILL_CONDITIONED` of the matrix scaled to unit diagonal, keeps the value 0:
    training never gets anywhere in it.
    """
    size = np.sqrt(np.abs(np.diagonal(M, axis1=-2, axis2=-1)))
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
    unit = scale[:, :, None] * M * scale[:, None, :]
    values = np.linalg.eigvals(unit).real
    points: Array = scale * np.matvec(np.linalg.pinv(unit, rcond=ILL_CONDITIONED), scale * v)
    points[(values < -ILL_CONDITIONED * np.abs(values).max(axis=-1, keepdims=True)).any(axis=-1)] = np.nan
    return points

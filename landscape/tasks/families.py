"""Families of tasks, and single tasks given by data: what a user puts into a `Mixture`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from landscape.core import (
    Array,
    Record,
    Scalar,
    checks,
    count,
    nonnegative,
    parameter,
    probability,
    real,
    record,
)
from landscape.linalg import Operator, QuadraticForm
from landscape.linalg.operators import stacked_arrays, stacked_operators
from landscape.tasks.inputs import Empirical, Gaussian, Inputs


@dataclass(frozen=True)
class Task:
    """A family as the formulas use it.

    Attributes
    ----------
    name : str
    probability : float or array, shape (*grid)
    inputs : Gaussian or Empirical
    centre : array, shape (*grid, k)
        Mean of the optima.
    spread : Operator or None
        Covariance of the optima around the centre; None for a single optimum.
    is_stack : bool
        Whether it stands for several tasks: all fields have a leading axis then; see `stacked`.
    """

    name: str
    probability: Scalar
    inputs: Inputs
    centre: Array
    spread: Operator | None
    is_stack: bool = False

    def total(self, values: Any) -> Any:
        """Sum what is known of each task of a stack (a form, or an array); of one task it is the sum."""
        if not self.is_stack:
            return values
        return values.sum() if isinstance(values, QuadraticForm) else np.sum(values, axis=0)

    def expanded(self) -> Task:
        """Return the task with one entry a coordinate."""
        inputs = self.inputs.expanded()
        centre = self.centre
        if centre.shape[-1] != inputs.Sigma.d:
            centre = np.repeat(centre, inputs.Sigma.d // centre.shape[-1], axis=-1)
        spread = None if self.spread is None else self.spread.expanded()
        return Task(self.name, self.probability, inputs, centre, spread)

    def with_limits(self) -> Task:
        """Return the task with inputs for which the limit of large problems will do."""
        return replace(self, inputs=self.inputs.with_limits())

    def enlarged(self, copies: float) -> Task:
        """Return the task of as many copies of each coordinate; its fields are those of one copy."""
        return replace(self, inputs=self.inputs.enlarged(copies))


def optima_law(tasks: Sequence[Task]) -> tuple[Array, Array]:
    """Compute the mean (d,) and the covariance (d, d) of the optima of all tasks (expanded, without a grid)."""
    shares = np.array([task.probability for task in tasks], dtype=float)
    centres = np.array([task.centre for task in tasks])
    mean = shares @ centres
    delta = centres - mean
    covariance = (shares[:, None] * delta).T @ delta
    for p, task in zip(shares, tasks, strict=True):
        covariance = covariance + (0.0 if task.spread is None else p * task.spread.matrix())
    return mean, covariance


def stacked(tasks: Sequence[Task], probabilities: Sequence[Scalar], axes: int) -> Task:
    """Put Gaussian tasks of one kind side by side: a task whose fields have a leading axis before `axes` of a grid."""
    sources = [task.inputs for task in tasks]
    inputs = Gaussian(
        stacked_operators([source.Sigma for source in sources], axes),
        stacked_arrays([source.noise_variance for source in sources], axes),
    )
    spreads = [task.spread for task in tasks if task.spread is not None]
    return Task(
        "stack",
        stacked_arrays(probabilities, axes),
        inputs,
        stacked_arrays([task.centre for task in tasks], axes + 1),
        stacked_operators(spreads, axes) if spreads else None,
        is_stack=True,
    )


@record
class TaskFamily(Record):
    r"""Tasks y = <w_i, x> + z with x ~ N(0, Sigma), z ~ N(0, sigma^2) and random optima w_i.

    Arrays are vectors and matrices, never grids: to vary a family write ``over={"NAME.centre": [...]}``.

    Parameters
    ----------
    name : str
    covariance : float, array (d,) or (d, d)
        :math:`\Sigma`: isotropic, diagonal or dense.
    centre : float or array (d,)
        Mean of the optima; a number stands for every coordinate.
    spread : float, array (d,) or (d, d)
        Covariance of the optima (a variance, not a standard deviation).
    probability : float, optional
        Chance that a task is of this family; left out everywhere, all families are equally likely.
    d : int, optional
        Dimension, where no array says it.

    Raises
    ------
    ValueError
        If an argument is not finite, a covariance is not symmetric or not positive, or the shapes contradict
        one another.

    Examples
    --------
    >>> TaskFamily("hard", covariance=[0.1, 0.2], centre=3.0, spread=0.5).dimension
    2
    """

    name: str
    covariance: Any
    centre: Any = 0.0
    spread: Any = 0.0
    probability: float | None = None
    noise: Scalar = parameter(
        nonnegative, default=0.0, symbol=r"\sigma^2", label="variance of the label noise", grid=True
    )
    d: int | None = None

    def __post_init__(self) -> None:
        checks.name(self.name)
        where = f"of family {self.name!r}"
        covariance = checks.positive_semidefinite(f"covariance {where}", self.covariance)
        spread = checks.positive_semidefinite(f"spread {where}", self.spread)
        centre = real.check_many(f"centre {where}", self.centre)
        if centre.ndim > 1:
            raise ValueError(f"centre {where} must be a number or a vector (d,), got shape {centre.shape}")
        if np.max(covariance) <= 0:
            raise ValueError(f"covariance {where} must not vanish, got 0")
        sizes = {} if self.d is None else {"d": count.check("d", self.d)}
        given = [("covariance", covariance), ("centre", centre), ("spread", spread)]
        sizes |= {k: np.shape(v)[0] for k, v in given if np.ndim(v)}
        if len(set(sizes.values())) > 1:
            listed = ", ".join(f"{k} has d = {v}" for k, v in sizes.items())
            raise ValueError(f"the dimensions {where} differ: {listed}")
        if self.probability is not None:
            self._set(probability=probability.check("probability", self.probability))
        self._set(covariance=covariance, spread=spread, d=sizes.get("d"))
        self._set(centre=centre if centre.ndim else float(centre))
        super().__post_init__()

    @property
    def dimension(self) -> int | None:
        """Dimension d, or None where every argument is a number and d was not given."""
        if self.d is not None:
            return self.d
        return next((np.shape(v)[0] for v in (self.covariance, self.centre, self.spread) if np.ndim(v)), None)


@record
class DataTask(Record):
    r"""One task given by its rows, with no assumption about them.

    The data set is the population: adaptation draws its samples from the rows, independently and with
    replacement, and the loss after adaptation is the mean over all rows.

    Parameters
    ----------
    name : str
    X : array (N, d)
        Inputs; add a column of ones for an intercept.
    y : array (N,)
        Targets.
    probability : float, optional
        As for `TaskFamily`.

    Examples
    --------
    >>> DataTask("exact", X=[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], y=[1.0, 2.0, 3.0]).optimum.round(6)
    array([1., 2.])
    """

    name: str
    X: Any
    y: Any
    probability: float | None = None
    ridge: float = parameter(
        nonnegative, default=0.0, symbol="g", label="penalty that is part of the task's loss, g/2 |w|^2"
    )

    def __post_init__(self) -> None:
        checks.name(self.name)
        X, y = checks.rows(f"task {self.name!r}", self.X, self.y)
        if not X.any():
            raise ValueError(f"X of task {self.name!r} must not vanish, got only zeros")
        if self.probability is not None:
            self._set(probability=probability.check("probability", self.probability))
        self._set(X=X, y=y)
        super().__post_init__()

    @property
    def dimension(self) -> int:
        """Number of features d."""
        return int(self.X.shape[1])

    @cached_property
    def inputs(self) -> Empirical:
        """Moments and draws of the rows."""
        return Empirical(self.X, self.y, self.ridge)

    @property
    def optimum(self) -> Array:
        """The least-squares (or ridge) solution w_i, shape (d,)."""
        return self.inputs.optimum

"""Families of tasks, and single tasks given by data."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from landscape import checks
from landscape.algebra import Dense, Rows, Spectrum
from landscape.record import Record


class Task(NamedTuple):
    """A family in the form the formulas use: inputs, first two moments of its optima, probability."""

    name: str
    probability: object
    inputs: object
    centre: object
    spread: object  # covariance of the optima around the centre; None for a single optimum

    @property
    def optima(self):
        """The law of the optima around the centre, where they have a spread: a covariance, which can draw."""
        if isinstance(self.inputs, Dense):
            return Dense(self.spread)
        return Spectrum(self.spread, self.inputs.multiplicity)

    def expanded(self):
        """The task with one entry a coordinate, for points that are not the same in all of them."""
        if isinstance(self.inputs, Dense):
            return self
        counts = np.asarray(self.inputs.multiplicity, dtype=int)
        centre, spread = (np.repeat(entries, counts, axis=0) for entries in (self.centre, self.spread))
        return self._replace(inputs=self.inputs.expanded(), centre=centre, spread=spread)


@dataclass(frozen=True, eq=False, repr=False)
class TaskFamily(Record):
    r"""Tasks y = <w_i, x> + z with x ~ N(0, Sigma), z ~ N(0, sigma^2) and random optima w_i.

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
    noise : float
        Variance :math:`\sigma^2` of the label noise.
    d : int, optional
        Dimension, needed where all three are numbers.

    Raises
    ------
    ValueError
        If an argument is not finite, a covariance is not symmetric or not positive, or the shapes
        contradict one another.

    Examples
    --------
    >>> TaskFamily("hard", covariance=[0.1, 0.2], centre=3.0, spread=0.5).dimension
    2
    """

    name: str
    covariance: object
    centre: object = 0.0
    spread: object = 0.0
    probability: float | None = None
    noise: float = 0.0
    d: int | None = None

    def __post_init__(self):
        checks.name(self.name)
        where = f"of family {self.name!r}"
        covariance = checks.positive_semidefinite(f"covariance {where}", self.covariance)
        spread = checks.positive_semidefinite(f"spread {where}", self.spread)
        centre = checks.array(f"centre {where}", self.centre)
        if centre.ndim > 1:
            raise ValueError(f"centre {where} must be a number or a vector (d,), got shape {centre.shape}")
        centre = centre if centre.ndim else float(centre)
        if np.max(covariance) <= 0:
            raise ValueError(f"covariance {where} must not vanish, got 0")
        d = None if self.d is None else checks.number("d", self.d, at_least=1, whole=True)
        sizes = {"d": d} if d is not None else {}
        sizes |= {
            k: np.shape(v)[0]
            for k, v in [("covariance", covariance), ("centre", centre), ("spread", spread)]
            if np.ndim(v)
        }
        if len(set(sizes.values())) > 1:
            listed = ", ".join(f"{k} has d = {v}" for k, v in sizes.items())
            raise ValueError(f"the dimensions {where} differ: {listed}")
        probability = self.probability
        if probability is not None:
            probability = checks.number("probability", probability, at_least=0, at_most=1)
        noise = checks.number("noise", self.noise, at_least=0)
        self._set(
            covariance=covariance, centre=centre, spread=spread, probability=probability, noise=noise, d=d
        )

    @property
    def dimension(self):
        """d, or None where every argument is a number and d was not given."""
        if self.d is not None:
            return self.d
        return next((np.shape(v)[0] for v in (self.covariance, self.centre, self.spread) if np.ndim(v)), None)

    @property
    def form(self):
        """How much structure is left: 0 isotropic, 1 diagonal, 2 dense."""
        return max(np.ndim(self.covariance), np.ndim(self.spread), np.ndim(self.centre))

    def task(self, d, form, probability):
        """The family as a `Task` with entries for one block (form 0), d coordinates (1) or matrices (2)."""
        if form == 2:
            inputs = Dense(_matrix(self.covariance, d), self.noise)
            return Task(self.name, probability, inputs, _entries(self.centre, d), _matrix(self.spread, d))
        count, multiplicity = (1, [d]) if form == 0 else (d, np.ones(d))
        inputs = Spectrum(_entries(self.covariance, count), np.asarray(multiplicity, dtype=float), self.noise)
        return Task(
            self.name, probability, inputs, _entries(self.centre, count), _entries(self.spread, count)
        )


def _entries(value, count):
    return np.full(count, value) if np.ndim(value) == 0 else np.asarray(value)


def _matrix(value, d):
    return np.asarray(value) if np.ndim(value) == 2 else np.diag(_entries(value, d))


@dataclass(frozen=True, eq=False, repr=False)
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
    ridge : float
        A penalty :math:`\tfrac g2\|w\|^2` that is part of the task's loss, in adaptation as in training.

    Examples
    --------
    >>> DataTask("exact", X=[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], y=[1.0, 2.0, 3.0]).optimum.round(6)
    array([1., 2.])
    """

    name: str
    X: object
    y: object
    probability: float | None = None
    ridge: float = 0.0

    form = 2

    def __post_init__(self):
        checks.name(self.name)
        X, y = checks.rows(f"task {self.name!r}", self.X, self.y)
        if not X.any():
            raise ValueError(f"X of task {self.name!r} must not vanish, got only zeros")
        self._set(X=X, y=y, ridge=checks.number("ridge", self.ridge, at_least=0))
        if self.probability is not None:
            self._set(probability=checks.number("probability", self.probability, at_least=0, at_most=1))

    @property
    def dimension(self):
        """Number of features d."""
        return self.X.shape[1]

    @cached_property
    def optimum(self):
        """The least-squares solution w_i, of smallest norm where it is not unique; the ridge solution where there is one."""
        if not self.ridge:
            return np.linalg.lstsq(self.X, self.y, rcond=None)[0]
        N = len(self.X)
        return np.linalg.solve(
            self.X.T @ self.X / N + self.ridge * np.eye(self.X.shape[1]), self.X.T @ self.y / N
        )

    def task(self, d, form, probability):
        """The task in the form the formulas use."""
        inputs = Rows(self.X, self.y - self.X @ self.optimum, self.ridge)
        return Task(self.name, probability, inputs, self.optimum, None)

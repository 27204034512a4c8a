r"""The tasks of an environment in a basis in which second moments stay small.

Where families are isotropic, with centres alike in all coordinates, there are two kinds of directions only:
the diagonal 1_d and those across it. In a basis that begins with 1_d/sqrt(d) every operator of interest is
`Diagonal` with two entries of multiplicities 1 and d - 1, and every vector (v, 0): cost does not grow with d.
Everything else becomes dense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landscape.adaptations import Adaptation
from landscape.core import Array
from landscape.core.tolerances import SINGULAR
from landscape.linalg.operators import Diagonal, Factor, Matrix, Operator, is_isotropic, multiple_of_identity
from landscape.tasks import Empirical, Environment, Gaussian, Task


@dataclass(frozen=True, eq=False)
class Basis:
    """An environment's tasks with dense operators, or rotated so that two entries along and across 1_d do.

    Attributes
    ----------
    environment : Environment
    tasks : list of Task
        Their spreads are never None.
    is_rotated : bool
    """

    environment: Environment
    tasks: list[Task]
    is_rotated: bool

    @classmethod
    def of(cls, environment: Environment) -> Basis:
        """Choose the basis: rotated where that is possible."""
        tasks, d = environment.tasks(), environment.d
        if all(_is_one_entry(task.inputs.Sigma) for task in tasks):
            return cls(environment, [_rotated(task, d) for task in tasks], True)
        return cls(environment, [_dense(task) for task in tasks], False)

    def suited(self, adaptation: Adaptation) -> Basis:
        """Return this basis, or the one of coordinates for an adaptation that tells directions apart."""
        if not self.is_rotated:
            return self
        hessians = [adaptation.expected(task.inputs).A for task in self.environment.tasks()]
        if all(map(_is_one_entry, hessians)):
            return self
        return Basis(self.environment, [_dense(task) for task in self.environment.tasks()], False)

    @property
    def d(self) -> int:
        """Number of coordinates."""
        return self.environment.d

    def outer(self, u: Array, v: Array) -> Operator:
        """Compute the symmetric part of u v'; rotated vectors lie along 1_d."""
        if self.is_rotated:
            return Diagonal(u * v, self._multiplicity)
        uv = np.outer(u, v)
        return Matrix((uv + uv.T) / 2)

    def operator(self, flat: Array) -> Operator:
        """Make a symmetric operator of its free entries; see `flat`."""
        if self.is_rotated:
            return Diagonal(flat, self._multiplicity)
        half = np.zeros((self.d, self.d))
        half[self._upper] = flat
        return Matrix(half + np.triu(half, 1).T)

    def flat(self, A: Operator) -> Array:
        """List the free entries of a symmetric operator: its eigenvalues, or the upper triangle."""
        return A.diagonal() if self.is_rotated else A.matrix()[self._upper]

    def point(self, v: Array) -> Array:
        """Write a vector of this basis in coordinates, shape (d,)."""
        return np.full(self.d, v[0] / np.sqrt(self.d)) if self.is_rotated else v

    def matrix(self, A: Operator) -> Array:
        """Write an operator of this basis in coordinates, shape (d, d)."""
        if not self.is_rotated:
            return A.matrix()
        along, across = A.diagonal()[0], A.diagonal()[-1]  # one and the same where d = 1
        return across * np.eye(self.d) + (along - across) / self.d

    def direction(self, u: Array) -> Array:
        """Make a vector v with v'Av = u'Au, for u in coordinates and every operator A of this basis."""
        if not self.is_rotated:
            return u
        along = u.sum() / np.sqrt(self.d)
        across = max(u @ u - along**2, 0.0) / max(self.d - 1, 1)
        return np.array([along, np.sqrt(across)])[: len(self._multiplicity)]

    @property
    def _multiplicity(self) -> Array:
        return _along_and_across(self.d)

    @property
    def _upper(self) -> tuple[Array, ...]:
        return np.triu_indices(self.d)


def is_isotropic_family(tasks: Sequence[Task]) -> bool:
    """Say whether inputs and optima are normal, isotropic and alike in all tasks that occur, but for the spread and the noise."""
    first, *_ = tasks = _that_occur(tasks)
    if not all(isinstance(task.inputs, Gaussian) for task in tasks):
        return False
    if any(one_number(A) is None for task in tasks for A in (task.inputs.Sigma, task.spread)):
        return False
    d = first.inputs.Sigma.d

    def alike(u: Array, v: Array) -> bool:
        return bool(np.max(np.abs(u - v)) <= SINGULAR * d * np.max(np.abs(v)))

    rho = first.inputs.Sigma.diagonal()[:1]
    return all(
        alike(task.inputs.Sigma.diagonal()[:1], rho) and alike(task.centre, first.centre) for task in tasks
    )


def of_family(tasks: Sequence[Task]) -> tuple[Array, float, float, float]:
    """Compute mu, rho, the mean spread and the mean noise of an isotropic family."""
    tasks = _that_occur(tasks)
    rho = one_number(tasks[0].inputs.Sigma)
    assert rho is not None
    spread = sum(float(task.probability) * (one_number(task.spread) or 0.0) for task in tasks)
    noise = sum(float(task.probability * task.inputs.noise_variance) for task in tasks)
    return np.asarray(tasks[0].centre), rho, spread, noise


def _that_occur(tasks: Sequence[Task]) -> list[Task]:
    return [task for task in tasks if task.probability]


def one_number(A: Operator | None) -> float | None:
    """What A is a multiple of the identity by, but for rounding as of a matrix that was turned; None if it is not."""
    if A is None:
        return 0.0
    if is_isotropic(A):
        return float(A.diagonal()[0])
    number = multiple_of_identity(A.expanded().matrix())
    return None if number is None else float(number)


def inverse(A: Operator, factor: Factor) -> Operator:
    """Compute A^-1 by the factor that was found for A."""
    if isinstance(A, Diagonal):
        return Diagonal(factor.solve(np.ones(len(A.multiplicity))), A.multiplicity)
    return Matrix(factor.solve(np.eye(A.d)))


def _is_one_entry(A: Operator) -> bool:
    return isinstance(A, Diagonal) and len(A.multiplicity) == 1


def _along_and_across(d: int) -> Array:
    return np.array([1, d - 1][: min(d, 2)])


def _rotated(task: Task, d: int) -> Task:
    multiplicity = _along_and_across(d)

    def entries(A: Operator | None) -> Diagonal:
        one = 0.0 if A is None else A.diagonal()[0]
        return Diagonal(np.full(len(multiplicity), one), multiplicity)

    inputs = Gaussian(entries(task.inputs.Sigma), task.inputs.noise_variance)
    centre = np.array([task.centre[0] * np.sqrt(d), 0.0])[: len(multiplicity)]
    return Task(task.name, task.probability, inputs, centre, entries(task.spread))


def _dense(task: Task) -> Task:
    task = task.expanded()
    inputs = task.inputs
    spread = 0 * inputs.Sigma if task.spread is None else task.spread
    if not isinstance(inputs, Empirical):
        inputs = Gaussian(inputs.Sigma.dense(), inputs.noise_variance)
    return Task(task.name, task.probability, inputs, task.centre, spread.dense())

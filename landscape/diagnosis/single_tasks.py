"""Many single tasks at once: their losses and objectives are forms with a leading task axis.

Leaving tasks out of training then costs sums and small solves only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from landscape.adaptations import Adaptation
from landscape.core import Array
from landscape.core.tolerances import ILL_CONDITIONED
from landscape.linalg import Matrix, Operator, QuadraticForm
from landscape.methods import Method
from landscape.tasks import Task
from landscape.tasks.inputs import CountedMoments, Inputs


class TaskMoments(CountedMoments):
    """Moments of T tasks with a leading task axis: what follows from them is computed for all at once.

    Parameters
    ----------
    inputs : sequence of Gaussian or Empirical
        Expanded.
    """

    def __init__(self, inputs: Sequence[Inputs]) -> None:
        self.inputs = inputs
        super().__init__(
            Matrix(np.array([one.Sigma.matrix() for one in inputs])),
            np.array([float(one.noise_variance) for one in inputs]),
        )

    def _maps(self, A: Operator) -> tuple[Array, Array, Array]:
        """Scatter (T, d, d), third (T, d) and noise (T,), task by task."""
        scatter, third, noise = (
            np.empty(A.matrix().shape),
            np.zeros(A.matrix().shape[:2]),
            np.empty(len(self.inputs)),
        )
        for i, (one, array, product) in enumerate(
            zip(self.inputs, A.matrix(), self.times(A).matrix(), strict=True)
        ):
            own: Operator = one.Sigma if A is self.Sigma else Matrix(array)
            SA = Matrix(product)
            scatter[i], noise[i] = one.scatter(own, SA).matrix(), one.noise(own, SA)
            skewed = one.third(own)
            if skewed is not None:
                third[i] = skewed
        return scatter, third, noise

    def scatter(self, A: Operator, SA: Operator) -> Operator:
        """Return each task's E[(x'Ax) xx'] - Sigma A Sigma."""
        return Matrix(self._at(A)[0])


@dataclass(frozen=True)
class SingleTasks:
    """T tasks, each with a single optimum.

    Attributes
    ----------
    names : tuple of str
    shares : array, shape (T,)
        Their probabilities.
    centres : array, shape (T, d)
        Their optima.
    moments : TaskMoments
    """

    names: tuple[str, ...]
    shares: Array
    centres: Array
    moments: TaskMoments

    def risk(self, adaptation: Adaptation) -> QuadraticForm:
        """Compute each task's expected loss after adaptation, as a form around its own optimum."""
        return self._around_centres(adaptation.expected(self.moments))

    def objective(self, method: Method) -> QuadraticForm:
        """Compute what a method minimises on each task, as a form around the task's optimum."""
        return self._around_centres(method.objective(self.moments))

    def _around_centres(self, form: QuadraticForm) -> QuadraticForm:
        return QuadraticForm(form.A, form.b, form.c, self.centres)

    def trained(self, method: Method) -> Array:
        """Compute a method's solution on all tasks, shape (d,)."""
        return minimisers(sums(self.objective(method), self.shares[None]))[0]


def single_tasks(tasks: Sequence[Task]) -> SingleTasks:
    """Put a leading task axis on single tasks, which have one entry a coordinate."""
    return SingleTasks(
        tuple(task.name for task in tasks),
        np.array([task.probability for task in tasks], dtype=float),
        np.array([task.centre for task in tasks]),
        TaskMoments([task.inputs for task in tasks]),
    )


def sums(form: QuadraticForm, weights: Array, origin: Array | float = 0.0) -> QuadraticForm:
    """Compute weighted sums of the forms along the leading axis, one for each row of weights (groups, T)."""
    form = form.at(origin)
    A, b = form.A.matrix(), form.b
    assert b is not None  # a form written around another origin has a linear part
    total = (weights @ A.reshape(len(A), -1)).reshape(-1, *A.shape[1:])
    return QuadraticForm(Matrix(total), weights @ b, weights @ form.c, origin)


def taken(form: QuadraticForm, index: Array) -> QuadraticForm:
    """Take some of several forms around one origin."""
    assert form.b is not None  # as `sums` makes them
    return QuadraticForm(
        Matrix(form.A.matrix()[index]), form.b[index], np.asarray(form.c)[index], form.origin
    )


def minimisers(form: QuadraticForm) -> Array:
    """Compute where each of several forms is least, shape (n, d); NaN where one has no minimum.

    A direction without any curvature keeps the value 0, as gradient descent from 0 leaves it.
    """
    form = form.at(0.0)
    assert form.b is not None  # written around 0
    solve, is_indefinite = solver(form.A)
    points = solve(form.b)
    points[is_indefinite] = np.nan
    return points


def solver(A: Operator) -> tuple[Callable[[Array], Array], Array]:
    """Prepare v -> A^+ v for several operators, and say which of them have negative eigenvalues.

    Directions in which the curvature, scaled to unit diagonal, is below `ILL_CONDITIONED` count as flat:
    training never gets anywhere in them.
    """
    factor = A.factor()
    if factor.reciprocal_condition > ILL_CONDITIONED:
        return factor.solve, factor.is_indefinite
    size = np.sqrt(np.abs(A.diagonal()))
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
    values, vectors = np.linalg.eigh(scale[:, :, None] * A.matrix() * scale[:, None, :])
    least = ILL_CONDITIONED * np.abs(values).max(axis=-1, keepdims=True)
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=values > least)

    def solve(v: Array) -> Array:
        return scale * np.matvec(vectors, inverse * np.vecmat(scale * v, vectors))

    return solve, (values < -least).any(axis=-1)

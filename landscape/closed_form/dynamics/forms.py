"""The quadratic forms that paths run on, and what is asked of them: gradient norms, eigenvalues, equality."""

from collections.abc import Sequence

import numpy as np

from landscape.adaptations import Adaptation
from landscape.closed_form.population import landscape_of, risk_forms
from landscape.core import Array, Record, is_symbolic_record
from landscape.linalg import Diagonal, Matrix, Operator, QuadraticForm
from landscape.tasks import Environment, Mixture, Task, check_environment

GRADIENT_ROUNDING = 1e-14
"""Times |w| + |w*| and the largest entry of the Hessian: a gradient norm this small is rounding."""

SAME_FORM = 1e-12
"""Relative difference up to which two forms, computed in different ways, are the same."""


def numeric_tasks(environment: Environment, *others: Record) -> list[Task]:
    """Return the tasks of an environment with one entry a coordinate; refuse symbols, in others too."""
    families = environment.families if isinstance(check_environment(environment), Mixture) else ()
    if any(is_symbolic_record(record) for record in (environment, *families, *others)):
        raise ValueError(
            "a path needs numbers: replace the symbols in environment, method and adaptation by one value each"
        )
    return [task.expanded() for task in environment.tasks()]


def loss_after(tasks: Sequence[Task], adaptation: Adaptation) -> QuadraticForm:
    """Compute the mean loss after adaptation, F; with ``GradientSteps(0.0, steps=0)`` the pooled loss f."""
    return landscape_of(tasks, risk_forms(tasks, adaptation)).form


def gradient_norm(form: QuadraticForm, w: Array) -> Array:
    """Compute the Euclidean norm of a form's gradient at points (..., d), shape (...)."""
    return np.linalg.norm(form.gradient(w), axis=-1)


def gradient_rounding(form: QuadraticForm, start: Array) -> float:
    """Compute the size below which gradient norms on a path from `start` are rounding."""
    size = np.linalg.norm(start) + np.linalg.norm(form.minimiser)
    return float(GRADIENT_ROUNDING * size * np.abs(entries(form.A)).max())


def entries(A: Operator) -> Array:
    """Return the diagonal (d,) of a diagonal operator, all entries (d, d) of another."""
    return A.expanded().diagonal() if isinstance(A, Diagonal) else A.matrix()


def eigen(A: Operator) -> tuple[Array, Operator]:
    """Compute the eigenvalues (d,) of A and its eigenvectors, as columns of an operator."""
    if isinstance(A, Diagonal):
        return A.expanded().entries, A.expanded().identity()
    values, vectors = np.linalg.eigh(A.matrix())
    return values, Matrix(vectors)


def coincide(one: QuadraticForm, other: QuadraticForm) -> bool:
    """Say whether two forms have the same Hessian and are stationary at the same point."""
    A, B, centre = entries(one.A), entries(other.A), other.minimiser
    if A.shape != B.shape or not np.allclose(A, B, rtol=SAME_FORM, atol=0):
        return False
    return float(gradient_norm(one, centre)) <= SAME_FORM * float(np.linalg.norm(centre) * np.abs(A).max())

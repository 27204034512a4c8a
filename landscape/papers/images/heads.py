"""The linear story told of a deep network: its features with a linear head, squared loss and one-hot targets are data tasks.

Targets are centred, 1 - 1/N for a picture's class and -1/N for the others, and classes are numbered in random
order, anew in each task. An output's target is then one of the task's N classes, each as likely as the others:
the landscape of one output is that of a mixture of N data tasks for each task, and all outputs have the same one.
The N targets add up to 0, and whatever a method minimises is quadratic in w with a linear term that is linear in
the targets: it averages to 0, and every optimum, pooled or MAML's, is w = 0. Their gain over one another is 1.

Nor is there anything to learn for a network of any depth that takes no step: given all pictures of a task, each
order of its classes is as likely as any other, so that the best output is the same for all classes, and the mean
cross-entropy is at least log N.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from landscape.adaptations import GradientSteps
from landscape.analysis.best_step import best_step
from landscape.analysis.risk import risk
from landscape.core import Array
from landscape.tasks import DataTask, Mixture

Labelled = tuple[Array, Array]
"""Features (pictures, d) of a task and its labels (pictures,)."""


def with_intercept(F: Array) -> Array:
    """Put a column of ones before the features."""
    return np.column_stack([np.ones(len(F)), F])


def centred(labels: Array) -> Array:
    """Make one-hot targets that add up to 0, shape (pictures, N)."""
    return np.eye(int(labels.max()) + 1)[labels] - 1 / (labels.max() + 1)


def output_tasks(tasks: Sequence[Labelled]) -> Mixture:
    """Make the data tasks of one output of a linear head, under labels in random order.

    Parameters
    ----------
    tasks : sequence of (features, labels)

    Returns
    -------
    Mixture
    """
    return Mixture(
        [
            DataTask(f"task {i}, class {c}", with_intercept(F), target)
            for i, (F, labels) in enumerate(tasks)
            for c, target in enumerate(centred(labels).T)
        ]
    )


class HeadStep(NamedTuple):
    """What one step of a linear head from 0 does, as shares of the loss before it.

    Attributes
    ----------
    step : float
        The step size that is best for it, exactly, on features of mean square 1.
    predicted : float
        The loss that the step leaves, exactly.
    measured, error : float
        The same by drawing shots, and its standard error.
    accuracy : float
        After the step, on pictures that are no shots, one shot a class.
    """

    step: float
    predicted: float
    measured: float
    error: float
    accuracy: float


def head_step(tasks: Sequence[Labelled], shots: int, repeats: int, rng: np.random.Generator) -> HeadStep:
    """Predict what one step of a linear head leaves of the loss, from the exact landscape, and draw shots to see.

    Parameters
    ----------
    tasks : sequence of (features, labels)
    shots : int
        Of the step: drawn from all of a task's pictures.
    repeats : int
        Draws of a task.
    rng : numpy.random.Generator

    Returns
    -------
    HeadStep
    """
    scale = np.sqrt(np.mean([np.mean(F**2) for F, _ in tasks]))
    tasks = [(F / scale, labels) for F, labels in tasks]
    landscape, start = output_tasks(tasks), np.zeros(tasks[0][0].shape[1] + 1)
    alpha = float(best_step(landscape, start, m=shots))
    before, after = (float(risk(landscape, start, GradientSteps(a, shots)).total) for a in (0.0, alpha))
    kept, right = [], []
    for F, labels in tasks:
        X, Y = with_intercept(F), centred(labels)
        for _ in range(repeats):
            drawn = rng.integers(len(X), size=shots)
            W = alpha * X[drawn].T @ Y[drawn] / shots
            kept.append(np.mean((X @ W - Y) ** 2) / 2)
            one = np.array([rng.choice(np.flatnonzero(labels == c)) for c in range(Y.shape[1])])
            others = np.setdiff1d(np.arange(len(X)), one)
            scores = X[others] @ (X[one].T @ Y[one])
            right.append(np.mean(scores.argmax(axis=1) == labels[others]))
    by_task = np.reshape(kept, (len(tasks), repeats))
    error = float(np.sqrt(by_task.var(axis=1, ddof=1).mean() / by_task.size))  # given the tasks
    return HeadStep(
        alpha, after / before, float(by_task.mean()) / before, error / before, float(np.mean(right))
    )

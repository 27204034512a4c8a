r"""The best step size at meta-test: after one step F_m is exactly quadratic in alpha."""

from collections.abc import Sequence

import numpy as np

from landscape.adaptations import is_full
from landscape.closed_form.population import optimum
from landscape.core import Array, Scalar
from landscape.linalg import QuadraticForm
from landscape.methods import Method
from landscape.tasks import Task


def step_forms(task: Task, m: Scalar) -> tuple[QuadraticForm, QuadraticForm]:
    r"""Compute half of -F'(0) and half of F''(0) of a task's risk after one step of size alpha, as forms of the start.

    For Gaussian inputs :math:`\delta^\top\Sigma^2\delta` and :math:`\delta^\top(\Sigma^3(1+1/m) +
    \mathrm{tr}(\Sigma^2)\Sigma/m)\delta + \sigma^2 \mathrm{tr}(\Sigma^2)/m`, averaged over the task's optima.
    """
    inputs = task.inputs
    square = inputs.times(inputs.Sigma)
    curve, linear = square @ inputs.Sigma, None
    noise: Scalar = 0
    if not is_full(m):
        third = inputs.third(inputs.Sigma)
        linear = None if third is None else third / np.asarray(m)[..., None]
        noise = inputs.noise(inputs.Sigma, square) / m
        curve = curve + inputs.scatter(inputs.Sigma, square) / m
    spread = (0, 0) if task.spread is None else (square.inner(task.spread), curve.inner(task.spread))
    return (
        QuadraticForm(square, None, spread[0], task.centre),
        QuadraticForm(curve, linear, noise + spread[1], task.centre),
    )


def step_coefficients(tasks: Sequence[Task], m: Scalar, start: Method | Array) -> tuple[Scalar, Scalar]:
    """Compute half of -F'(0) and half of F''(0) of the risk after one step: their ratio is the best step size."""
    point = optimum(tasks, start) if isinstance(start, Method) else start
    slope: Scalar = 0
    bend: Scalar = 0
    for task in tasks:
        for_slope, for_bend = step_forms(task, m)
        slope, bend = slope + task.probability * for_slope(point), bend + task.probability * for_bend(point)
    return slope, bend


def best_step_size(slope: Scalar, bend: Scalar) -> Scalar:
    """Divide them, unless the risk does not depend on the step."""
    if np.asarray(bend).dtype != object and np.any(np.asarray(bend) <= 0):
        raise ValueError(
            "start is the optimum of every task and noise does not matter at this m: any alpha is as good"
        )
    return slope / bend

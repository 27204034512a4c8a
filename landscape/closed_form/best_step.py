r"""The best step size at meta-test: after one step F_m is exactly quadratic in alpha."""

from collections.abc import Sequence

import numpy as np

from landscape.adaptations import is_full
from landscape.closed_form.population import optimum
from landscape.core import Array, Scalar
from landscape.linalg import difference
from landscape.methods import Method
from landscape.tasks import Task


def step_coefficients(tasks: Sequence[Task], m: Scalar, start: Method | Array) -> tuple[Scalar, Scalar]:
    r"""Compute -F'(0) and F''(0) of the risk after one step on m samples, as a function of alpha.

    For Gaussian inputs :math:`E[\delta^\top\Sigma^2\delta]` and :math:`E[\delta^\top(\Sigma^3(1+1/m) +
    \mathrm{tr}(\Sigma^2)\Sigma/m)\delta + \sigma^2 \mathrm{tr}(\Sigma^2)/m]`; their ratio is the best step
    size.
    """
    point = optimum(tasks, start) if isinstance(start, Method) else start
    slope: Scalar = 0
    bend: Scalar = 0
    for task in tasks:
        inputs, p, delta = task.inputs, task.probability, difference(point, task.centre)
        Sigma2 = inputs.times(inputs.Sigma)
        curve = Sigma2 @ inputs.Sigma
        noise: Scalar = 0.0
        if not is_full(m):
            third = inputs.third(inputs.Sigma)
            linear = 0 if third is None else 2 * np.sum(third * delta, axis=-1)
            noise = (inputs.noise(inputs.Sigma, Sigma2) - linear) / m
            curve = curve + inputs.scatter(inputs.Sigma, Sigma2) / m
        bend = bend + p * (curve.quad(delta) + noise)
        slope = slope + p * Sigma2.quad(delta)
        if task.spread is not None:
            slope, bend = slope + p * Sigma2.inner(task.spread), bend + p * curve.inner(task.spread)
    return slope, bend

"""Which step size is best at meta-test?"""

from __future__ import annotations

from typing import Any

import numpy as np

from landscape.adaptations.gradient_steps import GradientSteps
from landscape.analysis.evaluate import Setting, instead_of_learning
from landscape.closed_form.best_step import best_step_size, step_coefficients
from landscape.closed_form.sampling_error import best_step_estimate
from landscape.core.domains import batch_size
from landscape.core.grids import Over
from landscape.core.results import Estimate
from landscape.core.typing import Array, Scalar
from landscape.methods.base import Method
from landscape.tasks.environment import Environment
from landscape.tasks.families import Task
from landscape.tasks.sampled import SampledEnvironment


def best_step(
    environment: Environment, start: Method | float | Array, m: Scalar = np.inf, over: Over = None
) -> Estimate:
    r"""Compute the step size :math:`\alpha^*` that minimises the risk after one step on m samples.

    Parameters
    ----------
    environment : Environment
    start : Method, float or array, shape (d,)
        As for `risk`.
    m : float
        Samples of the step.
    over : dict of str to sequence, optional
        A grid: names of parameters (``"m"`` among them) and the values they take; see `compare`.

    Returns
    -------
    Estimate, shape (*grid)
        With a ``standard_error`` on tasks from `from_sampler`.

    Raises
    ------
    ValueError
        If the point is the optimum of every task and no noise matters: then any alpha is as good.

    Notes
    -----
    F_m after one step is exactly quadratic in alpha: `landscape.closed_form.best_step`.

    Examples
    --------
    >>> from landscape import NAL, HardEasy
    >>> best_step(HardEasy(), NAL(), m=50).round(3)
    0.915
    """
    step = GradientSteps(0.0, batch_size.check("m", m, symbols=True))
    setting = Setting(environment, step, [start], over)
    if setting.learns:
        raise ValueError(
            f"best_step takes no method that learns its step: take {instead_of_learning(setting.starts)}"
        )
    axes, sampled = len(setting.grid.shape), isinstance(setting.environment, SampledEnvironment)

    def question(tasks: list[Task], adaptation: Any, starts: list[Any]) -> list[Any]:
        if sampled:
            return [best_step_estimate(tasks, adaptation.m, starts[0], axes)]
        return [best_step_size(*step_coefficients(tasks, adaptation.m, starts[0]))]

    return setting.answer(question)[0]

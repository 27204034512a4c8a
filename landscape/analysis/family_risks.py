"""How well does each family adapt from one point?"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation, as_adaptation
from landscape.analysis.drawn import Draws, answer
from landscape.analysis.evaluate import Setting
from landscape.closed_form.population import optimum_of, risk_parts
from landscape.core.grids import Over
from landscape.core.provenance import EXACT
from landscape.core.results import Estimate
from landscape.core.typing import Array
from landscape.methods.base import Method
from landscape.tasks.environment import Environment
from landscape.tasks.families import Task


def family_risks(
    environment: Environment,
    start: Method | float | Array,
    adaptation: Adaptation | float,
    over: Over = None,
    *,
    draws: int | None = None,
    rng: np.random.Generator | int | None = 0,
) -> Estimate:
    """Compute the risk after adaptation of each family from one start: the largest is what TR-MAML minimises.

    Parameters
    ----------
    environment, start, adaptation, over, draws, rng
        As for `risk`.

    Returns
    -------
    Estimate, shape (*grid, families)
        In the order of ``environment.families``; their mean by probability is the ``total`` of `risk`. On
        tasks from `from_sampler` one number for each task that was drawn, given these tasks: unless their samples are
        drawn it has no ``standard_error`` (their mean has one: that of `risk`).

    Raises
    ------
    ValueError, NoClosedForm
        As for `risk`.

    Examples
    --------
    >>> from landscape import MAML, TRMAML, TwoTasks
    >>> family_risks(TwoTasks(d=2), MAML(), 0.8).round(3)
    array([0.04 , 0.079])
    >>> np.max(family_risks(TwoTasks(d=2), TRMAML(), 0.8), axis=-1).round(3)
    0.061
    """
    setting = Setting(environment, adaptation, [start], over)
    if setting.adaptation is None:
        as_adaptation(None)  # says what is wanted; only `optimum` needs none

    def question(tasks: list[Task], adaptation: Any, starts: list[Any]) -> list[Any]:
        point, how = optimum_of(tasks, starts[0]) if isinstance(starts[0], Method) else (starts[0], EXACT)
        alone = [risk_parts([replace(task, probability=1.0)], adaptation, [point]) for task in tasks]
        zero = Estimate(np.zeros(()), how=how)
        found = [zero + noise + dispersion + above for noise, dispersion, above in alone]
        values = np.stack(np.broadcast_arrays(*[f.value for f in found]), axis=-1)
        return [Estimate(values, how=reduce(or_, [f.how for f in found]).of_vectors())]

    def ask(draws: Draws, adaptation: Any, starts: list[Any]) -> list[Array]:
        return [replace(draws, leaves_out_tasks=False).family_risks(adaptation, starts[0])]

    return answer(setting, question, ask, draws, rng)[0]

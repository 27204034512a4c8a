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
from landscape.core.typing import RNG, Array
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
    rng: RNG = 0,
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
        return [_of_families(tasks, adaptation, start, tasks) for start in starts]

    def ask(draws: Draws, adaptation: Any, starts: list[Any]) -> list[Array]:
        return replace(draws, leaves_out_tasks=False).family_risks(adaptation, starts)

    return answer(setting, question, ask, draws, rng)[0]


def worst_risks(setting: Setting, draws: int | None = None, rng: RNG = 0) -> list[Estimate]:
    """Compute for each start of a setting the risk of the family in which it is largest, shape (*grid).

    Families of probability 0 do not count.
    """

    def question(tasks: list[Task], adaptation: Any, starts: list[Any]) -> list[Any]:
        met = [task for task in tasks if np.any(task.probability)]
        return [_largest(_of_families(tasks, adaptation, start, met)) for start in starts]

    def ask(draws: Draws, adaptation: Any, starts: list[Any]) -> list[Array]:
        met = [bool(np.any(task.probability)) for task in draws.tasks]
        return [found[:, met].max(axis=-1) for found in draws.family_risks(adaptation, starts)]

    return answer(setting, question, ask, draws, rng)


def _of_families(
    tasks: list[Task], adaptation: Adaptation, start: Method | Array, judged: list[Task]
) -> Estimate:
    """The risks of some of the tasks, shape (*grid, judged), from a start that is made for all."""
    point, how = optimum_of(tasks, start) if isinstance(start, Method) else (start, EXACT)
    alone = [risk_parts([replace(task, probability=1.0)], adaptation, [point]) for task in judged]
    zero = Estimate(np.zeros(()), how=how)
    found = [zero + noise + dispersion + above for noise, dispersion, above in alone]
    values = np.stack(np.broadcast_arrays(*[f.value for f in found]), axis=-1)
    return Estimate(values, how=reduce(or_, [f.how for f in found]).of_vectors())


def _largest(risks: Estimate) -> Estimate:
    """The largest of the families' risks, and how it was had."""
    place, errors = np.argmax(risks.value, axis=-1)[..., None], risks.how.expected_error
    error = np.take_along_axis(np.broadcast_to(errors, risks.shape), place, axis=-1)[..., 0]
    return Estimate(risks.value.max(axis=-1), how=replace(risks.how, expected_error=error))

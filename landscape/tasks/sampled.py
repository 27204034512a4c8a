"""Environments known only through a sampler: T drawn tasks stand for all, with standard errors."""

from collections.abc import Callable
from typing import Any

import numpy as np

from landscape.core import checks, record, short, whole
from landscape.core.typing import RNG
from landscape.tasks.environment import Environment, Mixture
from landscape.tasks.families import TaskFamily


@record
class SampledEnvironment(Mixture):
    """An environment of tasks that were drawn, all equally likely: what is computed on it has a standard error.

    Parameters
    ----------
    families : sequence of TaskFamily
    """

    def __repr__(self) -> str:
        return f"<environment of {len(self.families)} drawn tasks, d = {self.d}>"


def from_sampler(draw: Callable[[np.random.Generator], Any], T: int, rng: RNG) -> SampledEnvironment:
    """Make an environment of a function that draws tasks.

    Parameters
    ----------
    draw : callable
        ``draw(rng)`` returns (covariance, optimum, noise) of one task: a number, (d,) or (d, d); (d,); a
        variance. ``rng`` is a numpy Generator and must be the only source of randomness.
    T : int
        Tasks to draw, at least 2. Standard errors shrink with the square root of T.
    rng : numpy.random.Generator or int
        A seed gives the same tasks each time.

    Returns
    -------
    SampledEnvironment

    Raises
    ------
    TypeError, ValueError
        If `draw` is not callable, or what it returns is no task.

    Examples
    --------
    >>> def draw(rng):
    ...     hardness = rng.uniform(0.1, 1.0)
    ...     return hardness, rng.normal(1 / hardness, 1.0, size=3), 0.1
    >>> environment = from_sampler(draw, T=2000, rng=0)
    >>> environment
    <environment of 2000 drawn tasks, d = 3>
    >>> from landscape import MAML, GradientSteps, risk
    >>> risk(environment, MAML(), GradientSteps(0.8, m=20)).total
    0.9263 +- 0.028 (drawn)
    """
    if not callable(draw):
        raise TypeError(f"draw must be a function of a numpy Generator, got {draw!r}")
    T = whole(2).check("T", T)
    generator = checks.generator(rng)
    families = []
    for index in range(T):
        drawn = draw(generator)
        try:
            covariance, optimum, noise = drawn
        except (TypeError, ValueError):
            raise ValueError(f"draw must return (covariance, optimum, noise), got {short(drawn)}") from None
        optimum = checks.vector("optimum returned by draw", optimum)
        families.append(TaskFamily(f"task {index}", covariance, optimum, noise=noise))
    return SampledEnvironment(tuple(families))


def why_no_prior(environment: Environment) -> str | None:
    """Say why the law of an environment's tasks is not known, if it is not."""
    if isinstance(environment, SampledEnvironment):
        return "of these tasks, which were drawn by a sampler, only the draws are known"
    rows = next((task.name for task in environment.tasks() if not task.inputs.is_gaussian), None)
    return None if rows is None else f"task {rows!r} is given by its rows alone"

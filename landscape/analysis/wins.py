"""How often one method beats another on a new task, adapted to the same samples."""

import numpy as np

from landscape.adaptations import Adaptation
from landscape.analysis.drawn import Draws
from landscape.analysis.evaluate import Setting, Start
from landscape.closed_form.population import optimum_of
from landscape.core import Array, Estimate, NoClosedForm, Over, whole
from landscape.core.errors import OVERFLOW
from landscape.core.provenance import Provenance
from landscape.core.tolerances import SAME_LOSS
from landscape.core.typing import RNG
from landscape.methods import NAL, Method
from landscape.simulator.draw_samples import seed_of
from landscape.simulator.landscapes import GROUPS
from landscape.simulator.one_gradient import drawn_losses
from landscape.tasks import Environment
from landscape.tasks.sampled import SampledEnvironment


def losses_on_same_samples(
    environment: Environment, starts: list[Start], adaptation: Adaptation, draws: int, seed: int
) -> tuple[Array, Array]:
    """Draw tasks with their samples: losses after adaptation from each start (draws, starts), and the tasks' families."""
    points = [
        np.broadcast_to(_point(environment, s, draws, seed) if isinstance(s, Method) else s, environment.d)
        for s in starts
    ]
    with np.errstate(over="ignore", invalid="ignore"):
        losses, families = drawn_losses(environment, adaptation, np.array(points), draws, seed)
    if not np.isfinite(losses).all():
        raise ValueError(OVERFLOW)
    return losses, families


def _point(environment: Environment, method: Method, draws: int, seed: int) -> Array:
    """A method's optimum: by its formula, by its limit, else by drawing."""
    try:
        return optimum_of([task.expanded() for task in environment.tasks()], method)[0]
    except NoClosedForm:
        return Draws(environment, draws, seed).optimum(method)[0]


def win_probability(
    environment: Environment,
    method: Method | float | Array,
    adaptation: Adaptation | float,
    over: Over = None,
    *,
    against: Method | float | Array | None = None,
    draws: int = 10_000,
    rng: RNG = 0,
) -> Estimate:
    r"""Estimate how often a method does better than another on a new task, adapted to the same samples.

    Parameters
    ----------
    environment : Environment
    method : Method, float or array, shape (d,)
        A method stands for its population optimum.
    adaptation : Adaptation or float
    over : dict of str to sequence, optional
        A grid: names of parameters and the values they take; see `compare`.
    against : Method, float or array, shape (d,), optional
        What it is compared with; pooled training, `NAL`, by default.
    draws : int
        New tasks with their samples. One gradient step costs the same on any number of samples.
    rng : numpy.random.Generator or int
        A seed gives the same tasks each time, and at each point of the grid.

    Returns
    -------
    Estimate, shape (*grid)
        The share of tasks on which the loss after adaptation is smaller, with its standard error; ties count
        half.

    Raises
    ------
    ValueError
        If an argument is out of its domain, or the optimum of a method is not unique.

    Examples
    --------
    >>> from landscape import MAML, GradientSteps, HardEasy
    >>> win_probability(HardEasy(), MAML(), GradientSteps(1 / 0.9, m=500), draws=4000)
    0.6258 +- 0.0078 (4000 draws)
    """
    setting = Setting(environment, adaptation, [method, NAL() if against is None else against], over)
    if setting.is_symbolic:
        raise ValueError("win_probability needs numbers for all parameters: replace the symbols")
    draws, seed = whole(GROUPS).check("draws", draws), seed_of(rng)
    value, replicates = np.empty(setting.grid.shape), np.empty((*setting.grid.shape, GROUPS))
    for where, at, adapt, starts in setting.points():
        losses, families = losses_on_same_samples(at, starts, adapt, draws, seed)
        own, other = losses.T
        tie = np.abs(own - other) <= SAME_LOSS * other
        won = np.where(tie, 0.5, own < other)
        member = (families if isinstance(at, SampledEnvironment) else np.arange(draws)) % GROUPS
        sums, sizes = (np.bincount(member, w, GROUPS) for w in (won, np.ones(draws)))
        value[where] = won.mean()
        replicates[where] = (sums.sum() - sums) / (draws - sizes)
    return Estimate(value, np.moveaxis(replicates, -1, 0), Provenance("drawn", draws=draws))

"""Where does a method end up?"""

from typing import Any

import numpy as np

from landscape.analysis.drawn import Draws, answer
from landscape.analysis.evaluate import Setting
from landscape.closed_form import population
from landscape.closed_form.sampling_error import optimum_estimate
from landscape.core import checks
from landscape.core.domains import is_symbolic
from landscape.core.grids import Over, arguments
from landscape.core.results import Estimate
from landscape.core.typing import RNG, Array
from landscape.methods.base import Method
from landscape.tasks.environment import Environment
from landscape.tasks.families import Task
from landscape.tasks.sampled import SampledEnvironment


def optimum(
    environment: Environment,
    method: Method,
    over: Over = None,
    *,
    draws: int | None = None,
    rng: RNG = 0,
) -> Estimate:
    r"""Compute the population optimum of a method, :math:`w^* = E[W_i]^{-1} E[W_i w_i]`.

    Parameters
    ----------
    environment : Environment
        Or a function of names in `over` that makes one.
    method : Method
    over : dict of str to sequence, optional
        A grid: names of parameters and the values they take; see `compare`.
    draws, rng
        As for `risk`: where no formula is known, the least mean risk over so many draws of each task's samples, or
        the root of the mean meta-gradient. What is known stays exact.

    Returns
    -------
    Estimate, shape (*grid, d)
        Serves as an array; drawn, and on tasks from `from_sampler`, with a ``standard_error``. Its ``how`` says
        whether it is exact, a limit (`MAML` or `TRMAML` with a ridge on m samples inside) or drawn.

    Raises
    ------
    ValueError
        If E[W] vanishes or is singular.
    NoClosedForm
        If no formula is known for symbols, or with ``draws=0``.

    Notes
    -----
    Collins et al., eq. (5), for every method and any data: the weight is the `objective` of the method, plus
    E[b_i] on the right where inputs are not Gaussian.

    Examples
    --------
    >>> from landscape import MAML, NAL, RidgeToStart, TwoTasks
    >>> optimum(TwoTasks(d=2), MAML(0.8)).round(3)
    array([0.358, 0.358])
    >>> optimum(TwoTasks(d=2), NAL(), over={"rho_hard": [0.1, 0.5]}).round(3)
    array([[-0.818, -0.818],
           [-0.333, -0.333]])
    >>> optimum(TwoTasks(d=2), MAML(RidgeToStart(0.5, m=10)), draws=1000)  # iMAML with ten samples
    array([-0.39562645, -0.39601164]), 1000 draws, standard error array([0.01116768, 0.00945886])
    """
    if not arguments(method):
        checks.instance("method", method, Method)
    setting = Setting(environment, None, [method], over)
    d = _dimension(setting)
    sampled = isinstance(setting.environment, SampledEnvironment)
    if setting.learns and sampled:
        raise ValueError(
            "the standard error of a start that is learned with its step is not known: take "
            "MetaSGD(...).learn(environment).start, without one"
        )

    def question(tasks: list[Task], adaptation: Any, starts: list[Any]) -> list[Any]:
        if setting.learns:
            return [starts[0]]
        if sampled:
            return [optimum_estimate(tasks, starts[0], len(setting.grid.shape))]
        point, how = population.optimum_of(tasks, starts[0])
        return [Estimate(point, how=how.of_vectors())]

    def ask(draws: Draws, adaptation: Any, starts: list[Any]) -> list[Array]:
        return [draws.point(starts[0])]

    (point,) = answer(setting, question, ask, draws, rng)
    return point.map(lambda v: np.repeat(v, d // v.shape[-1], axis=-1))


def _dimension(setting: Setting) -> int:
    environment = next(setting.blocks())[1]
    if is_symbolic(environment.d):
        raise ValueError("d must be a number to list the coordinates of an optimum; risk() takes a symbol")
    return environment.d

"""Between which two numbers the least risk of any way to adapt lies: both in closed form."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from landscape.adaptations import Adaptation, GradientSteps, PreconditionedSteps
from landscape.adaptations.own_shots import OwnShots
from landscape.closed_form.population import risk_parts
from landscape.core import Array, NoClosedForm, is_symbolic_record, whole
from landscape.tasks import Environment, Task, check_environment
from landscape.tasks.sampled import why_no_prior


class Bounds(NamedTuple):
    """A lower and an upper bound.

    Attributes
    ----------
    lower, upper : float
    """

    lower: float
    upper: float


def bayes_bounds(environment: Environment, m: int) -> Bounds:
    r"""Bound the Bayes risk with m samples, the least expected loss that any way to adapt can have.

    Parameters
    ----------
    environment : Environment
        Of families with normal inputs, with numbers for all parameters.
    m : int
        Samples of a new task; at 0 both bounds are the risk of pooled training's optimum as it is.

    Returns
    -------
    Bounds
        ``lower`` and ``upper``, total risks.

    Raises
    ------
    ValueError
        If m < 0, or a parameter is an expression.
    NoClosedForm
        For tasks given by data or drawn by a sampler, whose law is not known.

    Notes
    -----
    With normal optima of covariance C the Bayes risk of one family is
    :math:`\tfrac12 (\sigma^2 + E\,tr\,\Sigma (C^{-1} + \tfrac{m}{\sigma^2} S)^{-1})`, which is convex in S: by
    Jensen's inequality it is smallest at :math:`S = \Sigma`. The mean of that over families, which supposes
    that one is told the family, is the lower bound. The upper one is the risk of a single linear step from the
    mean optimum, :math:`P = D ((1 + \tfrac1m) \Sigma D + \tfrac{tr(\Sigma D) + \sigma^2}{m} I)^{-1}`, D the
    covariance of all optima (of one family it is the best step), or of own shots where that is smaller; it holds
    whatever the law of the optima.

    Examples
    --------
    >>> from landscape import HardEasy, Mixture, MixedModel, PriorMean, TaskFamily, risk
    >>> tasks = Mixture([TaskFamily("one", 0.9, 0.0, 1.0, noise=0.3, d=3)])
    >>> lower, upper = bayes_bounds(tasks, m=10)
    >>> bool(lower < risk(tasks, PriorMean(), MixedModel.of(tasks, m=10)).total < upper)
    True
    """
    m = whole(0).check("m", m)
    if is_symbolic_record(check_environment(environment)):
        raise ValueError("bayes_bounds needs numbers for all parameters: replace the symbols")
    why = why_no_prior(environment)
    if why is not None:
        raise NoClosedForm(f"the Bayes risk needs the law of the tasks, and {why}")
    tasks = [task.expanded() for task in environment.tasks()]
    if m == 0:
        noise, dispersion = risk_parts(tasks, GradientSteps(0.0, steps=0), [])
        least = float(np.asarray(noise + dispersion))
        return Bounds(least, least)
    lower = sum(float(task.probability) * _told_the_family(task, m) for task in tasks)
    mean, P = _linear_step(tasks, m)
    ways: list[Adaptation] = [PreconditionedSteps(P, m)]
    is_regular = not any(np.any(task.inputs.Sigma.factor().is_singular) for task in tasks)
    if is_regular and m >= tasks[0].inputs.Sigma.d + 2:
        ways.append(OwnShots(m))
    totals = [sum(np.asarray(part) for part in risk_parts(tasks, way, [mean])) for way in ways]
    return Bounds(lower, float(min(totals)))


def _told_the_family(task: Task, m: int) -> float:
    """(sigma^2 + sum tau sigma^2/(sigma^2 + m tau))/2 over the spectrum of R C R', R'R = Sigma."""
    noise = float(task.inputs.noise_variance)
    if task.spread is None or noise == 0:
        return noise / 2
    R = task.inputs.Sigma.root().matrix()
    tau = np.clip(np.linalg.eigvalsh(R @ task.spread.matrix() @ R.T), 0.0, None)
    return float(noise + np.sum(tau * noise / (noise + m * tau))) / 2


def _linear_step(tasks: Sequence[Task], m: int) -> tuple[Array, Array]:
    """The mean optimum, and the best matrix of one step from it, were all tasks alike in their inputs."""
    p = np.array([float(task.probability) for task in tasks])
    centres = np.array([task.centre for task in tasks])
    mean = p @ centres
    away = centres - mean
    D = (p[:, None] * away).T @ away
    Sigma = np.zeros_like(D)
    noise = 0.0
    for share, task in zip(p, tasks, strict=True):
        D = D + (0.0 if task.spread is None else share * task.spread.matrix())
        Sigma = Sigma + share * task.inputs.Sigma.matrix()
        noise += share * float(task.inputs.noise_variance)
    scale = (np.trace(Sigma @ D) + noise) / m
    if scale == 0:  # all optima are the mean: no step is needed
        return mean, D
    P = np.linalg.solve((1 + 1 / m) * D @ Sigma + scale * np.eye(len(D)), D)
    return mean, (P + P.T) / 2

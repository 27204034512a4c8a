r"""Environments known only through a sampler: T drawn tasks stand for all, with standard errors."""

from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.environment import Environment
from landscape.families import TaskFamily
from landscape.formulas import population_optimum


@dataclass(frozen=True, eq=False, repr=False)
class SampledEnvironment(Environment):
    """An environment of tasks that were drawn, all equally likely.

    Whatever is computed on it is an estimate; `landscape.risk` then carries a standard error, and
    `landscape.optimum_standard_error` gives that of an optimum.
    """

    needs_single_points = True  # type: ignore[assignment]

    def __repr__(self):
        return f"<environment of {len(self.families)} drawn tasks, d = {self.d}>"


def from_sampler(draw, T, rng):
    """An environment given by a function that draws tasks.

    Parameters
    ----------
    draw : callable
        ``draw(rng)`` returns (covariance, optimum, noise) of one task: a number, (d,) or (d, d); (d,);
        a variance. ``rng`` is a numpy Generator and must be the only source of randomness.
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
    >>> from landscape import MAML, Adaptation, risk
    >>> estimate = risk(environment, MAML(0.8, n2=20), Adaptation(0.8, m=20))
    >>> f"{estimate.total:.2f} +- {estimate.standard_error:.2f}"
    '0.93 +- 0.03'
    """
    if not callable(draw):
        raise TypeError(f"draw must be a function of a numpy Generator, got {draw!r}")
    T = checks.number("T", T, at_least=2, whole=True)
    rng = checks.generator(rng)
    families = []
    for index in range(T):
        drawn = draw(rng)
        try:
            covariance, optimum, noise = drawn
        except (TypeError, ValueError):
            raise ValueError(f"draw must return (covariance, optimum, noise), got {drawn!r}") from None
        optimum = checks.vector("optimum returned by draw", optimum)
        families.append(TaskFamily(f"task {index}", covariance, optimum, noise=noise))
    return SampledEnvironment(families)


def _scores(tasks, method, point):
    """Each task's mean meta-gradient at the point, shape (T, d), and their mean Hessian."""
    shares = [p * len(tasks) for p in method.shares(tasks)]
    quadratics = [method.quadratic(task.inputs) for task in tasks]
    scores = [
        p * t.inputs.apply(q.A, point - t.centre) for p, t, q in zip(shares, tasks, quadratics, strict=True)
    ]
    return np.array(scores), sum(p * q.A for p, q in zip(shares, quadratics, strict=True)) / len(tasks)


def optimum_error(tasks, method):
    """Standard error of each coordinate of the optimum: H^-1 Cov(s_i) H^-1 / T."""
    point = population_optimum(tasks, method)
    scores, H = _scores(tasks, method, point)
    moved = np.array([tasks[0].inputs.solve(H, score) for score in scores])
    return list(moved.std(axis=0, ddof=1) / np.sqrt(len(tasks)))


def risk_error(tasks, adaptation, start):
    """Standard error of the total risk from a start (method or given point).

    The estimate is a mean of F_i(w) over tasks, and a method's w moves with the sample by -H^-1 s_i for
    each task's score s_i: to first order task i adds F_i(w) - grad F(w)' H^-1 s_i.
    """
    inputs = tasks[0].inputs
    point = start if isinstance(start, np.ndarray) else population_optimum(tasks, start)
    quadratics = [adaptation.quadratic(task.inputs) for task in tasks]
    slopes = np.array([t.inputs.apply(q.A, point - t.centre) for t, q in zip(tasks, quadratics, strict=True)])
    added = [
        (slope @ (point - t.centre) + q.c) / 2 for slope, t, q in zip(slopes, tasks, quadratics, strict=True)
    ]
    if not isinstance(start, np.ndarray):
        scores, H = _scores(tasks, start, point)
        added = np.array(added) - scores @ inputs.solve(H, slopes.mean(axis=0))
    return [np.std(added, ddof=1) / np.sqrt(len(tasks))]

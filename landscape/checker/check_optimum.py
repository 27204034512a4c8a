"""Is a whole training routine right? Judged by where it converges, for code whose gradients cannot be called."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from landscape.checker.calling import (
    UnusableAnswer,
    check_callable,
)
from landscape.checker.convergence import lagging, power, weight_decay
from landscape.checker.distances import FALSE_ALARM, Ground, Row, is_wanted, measured
from landscape.checker.episodes import check_drawable, checking_ground
from landscape.checker.expected_optima import predictions
from landscape.checker.instead import instead
from landscape.checker.reports import OptimumReport, Verdict
from landscape.checker.target import Kind, Target, settled, target
from landscape.checker.trained_points import trained_points
from landscape.core import Array, checks, count, real, whole
from landscape.core.typing import RNG
from landscape.methods import Method
from landscape.tasks import Environment, check_environment

MOST_STEPS = 5
FEW = 200  # episodes: with fewer, what was trained has a bias that is not known well enough to call it a bug
JUDGED = (Kind.MAML, Kind.INDEPENDENT, Kind.FIRST_ORDER, Kind.REPTILE, Kind.PLAIN)


def check_optimum(
    train: Callable[..., Any],
    method: str | Method | type[Method] = "MAML",
    *,
    alpha: float | None = None,
    steps: int | None = None,
    environment: Environment | None = None,
    n_in: int | None = None,
    n_out: int = 12,
    repeats: int = 12,
    rng: RNG = 0,
    progress: bool = True,
) -> OptimumReport:
    r"""Say which method a training routine implements, by where it converges.

    Parameters
    ----------
    train : callable
        ``train(draw, alpha)`` -> trained point, shape (d,). Each call ``draw()`` gives the two batches of a
        new task: X_in (n_in, d), y_in (n_in,), X_out (n_out, d), y_out (n_out,). How many it draws, and how
        it optimises, is up to the routine.
    method : str, Method or class
        What it is meant to be, as for `check_meta_gradient`; its inner steps all use (X_in, y_in). An
        instance also says the number of steps, their size, and n_in.
    alpha : float, optional
        Inner step size; 0.8 by default.
    steps : int, optional
        Inner steps, up to 5; 1 by default.
    environment : Environment, optional
        What the tasks are drawn from; by default one in the plane on which the methods' optima lie far apart.
    n_in, n_out : int
        Samples in the batches; 4 and 12 by default.
    repeats : int
        Times the routine is run, on tasks of its own each time; at least d + 2.
    rng : int or numpy.random.Generator
    progress : bool
        Show a bar.

    Returns
    -------
    OptimumReport

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range. What the routine itself raises is part of the report.

    Notes
    -----
    With the mean of the trained points, :math:`\bar w`, and their covariance S over R repeats, Hotelling's
    :math:`T^2 = R(\bar w - w_m)^\top S^{-1}(\bar w - w_m)` is held against each method's optimum w_m; z is
    the standard normal score of the same chance. As an exact solution on T episodes is off its optimum by
    some b/T, and SGD is not, the nearest point between the two counts. Where no formula gives w_m or b, and
    for what was asked for, each trained point is compared with the exact solution on the very episodes that
    it was drawn from, whose bias their halves tell. A routine that is right and has converged is called
    otherwise with a chance of at most 1e-3: of 3,000 right routines in
    tests/benchmarks/optimum_false_alarms.py none was called wrong. With fewer than 200 episodes nothing is
    called a bug.

    Before anything is called a bug, some repeats are run again with all optima moved by some c. What has
    converged moves by c; what lags behind remembers where it started, and should be trained for longer, or
    is pulled to a fixed point by weight decay, which lags by :math:`\lambda(A+\lambda I)^{-1}c`.

    A factor on the meta-gradient moves no optimum, nor does a Hessian on a part of the inner batch. With the
    outer batch's Hessian the optimum lies near that of an independent one: an exact solution tells the two
    apart by its points; after SGD the report may say that both fit. Use `check_meta_gradient` where gradients
    can be called.

    Examples
    --------
    >>> def pooled(draw, alpha):
    ...     episodes = [draw() for _ in range(1000)]
    ...     X, y = (np.concatenate([episode[part] for episode in episodes]) for part in (2, 3))
    ...     return np.linalg.lstsq(X, y, rcond=None)[0]
    >>> check_optimum(pooled, progress=False)
    <wrong: wanted MAML, computes plain gradient (or Reptile): no inner step>
    """
    check_callable(train, ("draw", "alpha"), "train")
    wanted = target(method, steps, MOST_STEPS)
    alpha = real.check("alpha", settled("alpha", alpha, wanted.alpha, 0.8))
    n_in = count.check("n_in", settled("n_in", n_in, wanted.n_in, 4))
    n_out = whole(2).check("n_out", n_out)
    environment = checking_ground() if environment is None else check_environment(environment)
    check_drawable(environment)
    repeats = whole(environment.d + 2).check("repeats", repeats)
    if alpha == 0 or n_in == n_out:
        raise ValueError("alpha must not be 0, and n_in and n_out must differ")
    if wanted.kind not in JUDGED or wanted.fresh:
        known = ", ".join(kind.value for kind in JUDGED)
        raise ValueError(
            f"check_optimum judges {known}, with all inner steps on one batch; got {wanted.name}: use check_meta_gradient"
        )
    ground = Ground(environment, alpha, n_in, n_out, tuple(checks.generator(rng).spawn(repeats)))
    samplers = ground.samplers()
    try:
        points = trained_points(train, alpha, environment.d, samplers, progress)
    except UnusableAnswer as answer:
        return OptimumReport.unusable(wanted.name, answer)
    counts = [draw.count for draw in samplers]
    episodes = round(np.mean(counts))
    predicted = predictions(environment, alpha, n_in, n_out, wanted.steps, episodes)
    rows = measured(points, predicted, wanted, ground, counts)
    if not any(is_wanted(row.expectation, wanted) for row in rows):
        raise ValueError(
            f"{wanted.name} has no optimum that is known here: take a smaller alpha, or another environment"
        )
    return _judge(rows, wanted, episodes, points, ground, train)


def _judge(
    rows: Sequence[Row],
    wanted: Target,
    episodes: int,
    points: Array,
    ground: Ground,
    train: Callable[..., Any],
) -> OptimumReport:
    """Decide what the rows, in order of z, say."""
    report = partial(
        OptimumReport,
        wanted=wanted.name,
        computes="none of these",
        episodes=episodes,
        points=points,
        distances=tuple(row.distance for row in rows),
    )
    fits = _fitting(rows)
    first, also = (
        (fits[0].expectation, tuple(row.expectation.name for row in fits[1:4])) if fits else (None, ())
    )
    asked = next(row for row in rows if is_wanted(row.expectation, wanted))
    looks: list[str] = []
    if any(row.distance.asked for row in fits):
        assert first is not None
        if also:
            looks = ["several fit: more episodes or repeats would tell them apart"]
            return report(verdict=Verdict.CANNOT_TELL, computes=first.name, looks=tuple(looks), also=also)
        seen = power(points, ground, wanted)
        if seen is not None:
            looks.append(f"a step size 10% off would be seen in {100 * seen:.0f} of 100 checks")
        near = [row.expectation.name for row in rows if _is_dependent(row) and _fits(row)]
        looks += [f"{name} fits as well: check_meta_gradient tells them apart" for name in near]
        return report(verdict=Verdict.RIGHT, computes=first.name, looks=tuple(looks))
    lag = lagging(train, points, ground)
    if lag is not None and lag.whole:
        bug = "the trained point does not depend on the targets"
        look = "it stays where it is where all optima move: nothing is learned from y"
        return report(verdict=Verdict.WRONG, bugs=(bug,), looks=(look,))
    if episodes < FEW:
        look = f"{episodes} episodes are too few to tell a bug from chance: train on {FEW} or more"
        return report(verdict=Verdict.CANNOT_TELL, looks=(look,))
    if lag is not None and lag.matters(points):
        decay = weight_decay(asked, lag, points)
        if decay is not None:
            name, bug = f"{asked.expectation.name} + weight decay", f"weight decay of about {decay:.2g}"
            look = "weight_decay= of an optimiser, or a penalty in the loss: it pulls the trained point to 0 however long one trains"
            return report(verdict=Verdict.WRONG, computes=name, bugs=(bug,), looks=(look,))
        look = (
            f"it has not converged: where all optima move, the trained point comes {lag.share:.0%} short of moving as far. Train longer, "
            "or with larger steps that fall at the end; if there is a weight decay, take it out"
        )
        also = tuple(row.expectation.name for row in fits[:3])
        return report(verdict=Verdict.CANNOT_TELL, looks=(look,), also=also)
    if first is None and next(row for row in rows if not _is_dependent(row)).distance.asked:
        look = "it is nearest to what is wanted: does it train for long enough, with a small enough step?"
        return report(verdict=Verdict.CANNOT_TELL, looks=(look,))
    if first is None:
        return report(verdict=Verdict.WRONG, bugs=("converges elsewhere",))
    bugs, looks = ([], []) if is_wanted(first, wanted) else instead(first.kind, wanted.kind)
    if first.bug is not None:
        bugs.append(first.bug)
    return report(verdict=Verdict.WRONG, computes=first.name, bugs=tuple(bugs), looks=tuple(looks), also=also)


def _fits(row: Row) -> bool:
    return row.distance.p >= FALSE_ALARM


def _is_dependent(row: Row) -> bool:
    return row.expectation.kind is Kind.DEPENDENT


def _fitting(rows: Sequence[Row]) -> list[Row]:
    """The rows that fit: what equals an exact solution on the episodes drawn, else what somebody may ask for, else all."""
    fits = list(filter(_fits, rows))
    equal = [row for row in fits if row.distance.p == 1]
    return equal or [row for row in fits if not _is_dependent(row)] or fits

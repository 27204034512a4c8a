"""Is a whole training routine right? Judged by where it converges, for code whose gradients cannot be called."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from landscape.checker.calling import (
    HUGE,
    UnusableAnswer,
    as_array,
    check_callable,
    exits,
    judged_by_its_answer,
)
from landscape.checker.candidates import INSTEAD
from landscape.checker.episodes import Episodes, check_drawable, checking_ground
from landscape.checker.expected_optima import Expectation, Prediction, predictions
from landscape.checker.reports import Distance, OptimumReport, Verdict
from landscape.checker.target import Kind, Target, settled, target
from landscape.core import Array, bar, checks, count, real, whole
from landscape.core.tolerances import TINY
from landscape.methods import Method
from landscape.tasks import Environment, check_environment

MOST_STEPS = 3
FALSE_ALARM = 1e-3  # chance that a right routine that has converged is held to be elsewhere


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
    rng: int | np.random.Generator | None = 0,
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
        Inner steps, up to 3; 1 by default.
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
    the standard normal score of the same chance. As an exact solution on T episodes is off its optimum by a
    known b/T, and SGD is not, the nearest point between the two counts. A routine that is right and has
    converged is called otherwise with a chance of at most 1e-3. A factor on the meta-gradient moves no
    optimum, nor does a Hessian on a part of the inner batch: use `check_meta_gradient` where gradients can be
    called.

    Examples
    --------
    >>> def pooled(draw, alpha):
    ...     episodes = [draw() for _ in range(300)]
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
    streams = checks.generator(rng).spawn(repeats)
    samplers = [Episodes(environment, n_in, n_out, stream) for stream in streams]
    try:
        points = _train(train, alpha, environment.d, samplers, progress)
    except UnusableAnswer as answer:
        return OptimumReport.unusable(wanted.name, answer)
    episodes = round(np.mean([draw.count for draw in samplers]))
    predicted = predictions(environment, alpha, n_in, n_out, wanted.steps, episodes)
    found = sorted((_measured(points, p, wanted) for p in predicted), key=lambda row: row.distance.z)
    if not any(_is(row.expectation, wanted) for row in found):
        raise ValueError(
            f"{wanted.name} has no optimum that is known here: take a smaller alpha, or another environment"
        )
    return _judge(found, wanted, episodes, points)


def _train(
    train: Callable[..., Any], alpha: float, d: int, samplers: Sequence[Episodes], progress: bool
) -> Array:
    """The trained points (repeats, d)."""
    points = np.empty((len(samplers), d))
    for r, draw in enumerate(bar(samplers, progress, desc="training")):
        try:
            with judged_by_its_answer():
                answer = train(draw, alpha)
        except SystemExit as error:
            raise exits(error) from error
        except Exception as error:
            what = f"raises {type(error).__name__}: {error}"
            raise UnusableAnswer(what, "run train(draw, alpha) by itself", False) from error
        points[r] = _point(answer, d)
    if min(draw.count for draw in samplers) == 0:
        raise UnusableAnswer(
            "never calls draw()", "each call of draw() gives the two batches of a new task", False
        )
    spread = np.cov(points.T).reshape(d, -1)
    if np.ptp(points) < 1 / HUGE or np.linalg.matrix_rank(spread) < d:
        looks = "the trained point does not depend on the tasks drawn"
        raise UnusableAnswer("returns points that do not scatter", looks, True)
    return points


def _point(answer: Any, d: int) -> Array:
    """A trained point, shape (d,)."""
    try:
        with judged_by_its_answer():
            point = as_array(answer)
    except Exception:  # whatever a framework raises when it is asked for an array
        point = np.empty(0)
    if point.size != d:
        wanted = f"the trained point must have shape ({d},)"
        raise UnusableAnswer(f"returns {type(answer).__name__} of shape {point.shape}", wanted, True)
    if not (np.abs(point) < HUGE).all():  # NaN is not
        looks = "training diverges: a sign, a sum for a mean, or too large a step"
        raise UnusableAnswer(f"returns NaN, infinity or numbers beyond {HUGE:g}", looks, True)
    return point.ravel()


class _Row(NamedTuple):
    """A candidate, and how far the points are from where it should end up."""

    expectation: Expectation
    distance: Distance


def _measured(points: Array, prediction: Prediction, wanted: Target) -> _Row:
    """Hold the points against one prediction, by Hotelling's statistic."""
    from scipy.special import fdtrc, ndtri  # optional here: only finished training needs it

    repeats, d = points.shape
    mean, covariance = points.mean(axis=0), np.cov(points.T).reshape(d, d) / repeats
    best, shift = prediction.optimum, prediction.finite - prediction.optimum
    along = np.linalg.solve(covariance, shift)
    part = np.clip(along @ (mean - best) / (along @ shift), 0, 1) if shift.any() else 0.0
    gap = mean - best - part * shift
    T2 = gap @ np.linalg.solve(covariance, gap)
    p = fdtrc(d, repeats - d, T2 * (repeats - d) / (d * (repeats - 1)))
    expected = prediction.expectation
    return _Row(
        expected,
        Distance(
            candidate=expected.name,
            asked=expected.bug is None and _is(expected, wanted),
            optimum=best,
            distance=float(np.linalg.norm(gap)),
            z=float(-ndtri(max(p, TINY) / 2)),
            p=float(p),
            predicted_deviation=prediction.deviation,
            deviation=points.std(axis=0, ddof=1),
        ),
    )


def _judge(rows: Sequence[_Row], wanted: Target, episodes: int, points: Array) -> OptimumReport:
    """Decide what the rows, in order of z, say."""
    report = partial(
        OptimumReport,
        wanted=wanted.name,
        episodes=episodes,
        points=points,
        distances=tuple(row.distance for row in rows),
    )
    likely = [row for row in rows if row.expectation.kind is not Kind.DEPENDENT]
    fits = _fitting(likely) or _fitting(rows)  # what nobody asks for explains only what the others do not
    if not fits and likely[0].distance.asked:
        look = "it is nearest to what is wanted: does it train for long enough, with a small enough step?"
        return report(verdict=Verdict.CANNOT_TELL, computes="none of these", looks=(look,))
    if not fits:
        return report(verdict=Verdict.WRONG, computes="none of these", bugs=("converges elsewhere",))
    first, *others = fits
    computes, also = first.expectation.name, tuple(row.expectation.name for row in others[:3])
    if any(row.distance.asked for row in fits):
        if not also:
            return report(verdict=Verdict.RIGHT, computes=computes)
        look = "several fit: more episodes or repeats would tell them apart"
        return report(verdict=Verdict.CANNOT_TELL, computes=computes, looks=(look,), also=also)
    found = [] if _is(first.expectation, wanted) else [INSTEAD[first.expectation.kind]]
    bugs, looks = [bug for bug, _ in found], tuple(look for _, look in found)
    if first.expectation.bug is not None:
        bugs.append(first.expectation.bug)
    return report(verdict=Verdict.WRONG, computes=computes, bugs=tuple(bugs), looks=looks, also=also)


def _fitting(rows: Sequence[_Row]) -> list[_Row]:
    return [row for row in rows if row.distance.p >= FALSE_ALARM]


def _is(expected: Expectation, wanted: Target) -> bool:
    return wanted.kind in (expected.kind, expected.alike)

"""Whole experiments: train on drawn tasks, adapt to new ones, repeat, point of a grid by point."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from landscape.adaptations import Adaptation
from landscape.core import Array, bar, counter, warn
from landscape.methods import NAL, Estimator, Method, Training
from landscape.simulator import sgd
from landscape.simulator.landscapes import CARRIED, ENOUGH, is_carried_by_few
from landscape.simulator.losses import integrated_losses, post_adaptation_losses
from landscape.simulator.solve import check_converged, trained_point
from landscape.simulator.thin import why_not_thin
from landscape.tasks import Empirical, Environment


class Point(NamedTuple):
    """What is simulated at one point of a grid, with numbers for all parameters."""

    environment: Environment
    adaptation: Adaptation
    methods: Sequence[Method]


DEEP = 4
"""From so many steps on one batch on plain draws miss what carries the mean, and their standard errors do not say so: in 20
dimensions with 40 samples z-scores are honest at 5 steps, and 3 to 7 times too large at 10."""


@dataclass(frozen=True)
class Drawn:
    """Trained points and their losses after adaptation.

    Attributes
    ----------
    solutions : array, shape (points, methods, repeats, d)
    losses, above_noise : array, shape (points, methods, repeats)
        Mean loss over the new tasks of a repeat; the same less the loss from each task's own optimum.
    covariances : array, shape (points, repeats, methods, methods)
        Covariance of the mean losses, given the trained points.
    """

    solutions: Array
    losses: Array
    above_noise: Array
    covariances: Array


def run(
    points: Sequence[Point],
    trainings: Sequence[Training],
    *,
    repeats: int,
    tasks: int,
    sampling: str | None,
    engine: str | None,
    seed: int,
    progress: bool,
) -> Drawn:
    """Train each method and measure it, at each point and as often as asked.

    Parameters
    ----------
    points : sequence of Point
    trainings : sequence of Training
        Of each method, with its own learning rate.
    repeats, tasks : int
        Repetitions; new tasks to adapt to in each.
    sampling, engine : str, optional
        See `landscape.simulate`.
    seed : int
    progress : bool

    Returns
    -------
    Drawn
    """
    count, d = len(trainings), points[0].environment.d
    if any(point.environment.d != d for point in points):
        raise ValueError("d must be the same at all points of a grid: simulate one d after another")
    thin = [check_run(*point, training=trainings[0], sampling=sampling) for point in points]
    _warn_heavy_tails(points)
    cells = [(i, repeat) for i in range(len(points)) for repeat in range(repeats)]
    streams = np.random.SeedSequence(seed).spawn(len(cells) + count)
    solutions = np.empty((len(points), count, repeats, d))
    by_chains = np.all(thin, axis=0)
    for k in np.flatnonzero(by_chains).tolist():
        rng = np.random.default_rng(streams[len(cells) + k])
        solutions[:, k] = _chains(points, k, trainings[k], repeats, engine or "numpy", rng, progress)
    losses, above_noise = np.empty((2, len(points), count, repeats))
    second, fourth = np.zeros(
        (2, len(points), count)
    )  # sums of powers of distances from the mean, over repeats
    covariances = np.empty((len(points), repeats, count, count))
    rows = "bartlett" if sampling in (None, "thin") else sampling
    for (i, repeat), stream in zip(
        bar(cells, progress, desc="simulating", unit="run", leave=False), streams, strict=False
    ):
        environment, adaptation, methods = points[i]
        *train, test = (np.random.default_rng(s) for s in stream.spawn(count + 1))
        for k in np.flatnonzero(~by_chains).tolist():
            solutions[i, k, repeat] = trained_point(
                environment, methods[k], trainings[k], adaptation.m, rows, train[k]
            )
        is_integrated = sampling in (None, "thin") and _takes_forms(environment, adaptation)
        with np.errstate(over="ignore", invalid="ignore"):
            if is_integrated:
                drawn, floors = integrated_losses(
                    environment, solutions[i, :, repeat], adaptation, tasks, test
                )
            else:
                drawn, floors = post_adaptation_losses(
                    environment, solutions[i, :, repeat], adaptation, tasks, rows, test
                )
        if not np.isfinite(drawn).all():
            raise ValueError(
                f"adaptation diverges: {adaptation!r} multiplies the distance from the optimum until it overflows"
            )
        above = drawn - floors[:, None]
        if is_integrated:  # the mean, and replicates that leave a group of draws out
            losses[i, :, repeat], above_noise[i, :, repeat] = drawn[0], above[0]
            groups = len(drawn) - 1
            covariances[i, repeat] = np.atleast_2d(np.cov(drawn[1:].T)) * (groups - 1) ** 2 / groups
            continue
        squares = (above - above.mean(axis=0)) ** 2
        second[i] += squares.sum(axis=0)
        fourth[i] += np.sum(squares**2, axis=0)
        losses[i, :, repeat], above_noise[i, :, repeat] = drawn.mean(axis=0), above.mean(axis=0)
        covariances[i, repeat] = np.atleast_2d(np.cov(drawn.T)) / tasks
    if tasks >= ENOUGH and np.any(is_carried_by_few(second, fourth)):
        warn(CARRIED)
    return Drawn(solutions, losses, above_noise, covariances)


def _chains(
    points: Sequence[Point],
    k: int,
    training: Training,
    repeats: int,
    engine: str,
    rng: np.random.Generator,
    progress: bool,
) -> Array:
    """One method's points (points, repeats, d) by SGD with thin batches, those of like structure side by side."""
    groups: dict[Method, list[int]] = {}
    for i, point in enumerate(points):
        groups.setdefault(sgd.structure(point.methods[k]), []).append(i)
    out = np.empty((len(points), repeats, points[0].environment.d))
    total = len(points) * repeats * (training.T // training.task_batch)
    name = f"SGD, {points[0].methods[k].label}" + (", compiling, once" if sgd.must_compile(engine) else "")
    with counter(progress, total=total, desc=name, unit="step", unit_scale=True, leave=False) as count:
        for members in groups.values():
            chains = [points[i] for i in members for _ in range(repeats)]
            inner = np.array([training.inner(p.methods[k], p.adaptation.m) for p in chains], dtype=float)
            methods = [p.methods[k] for p in chains]
            ends = sgd.descend([p.environment for p in chains], methods, inner, training, rng, engine, count)
            check_converged(ends, methods[0], training)
            out[members] = ends.reshape(len(members), repeats, -1)
    return out


def check_run(
    environment: Environment,
    adaptation: Adaptation,
    methods: Sequence[Method],
    training: Training,
    sampling: str | None,
) -> list[bool]:
    """Raise where a method cannot be trained as asked, before any work is done; say which methods take thin batches.

    Parameters
    ----------
    environment, adaptation, methods, training
        At one grid point.
    sampling : str, optional
        As for `landscape.simulate`.

    Returns
    -------
    list of bool
    """
    thin = []
    if sampling == "without_replacement":
        _check_rows(environment, adaptation, methods, training)
    for method in methods:
        training.inner(method, adaptation.m)
        method.shares(environment.tasks())  # refuses weights that leave a batch empty, or are for no family
        if isinstance(method, Estimator):
            thin.append(False)
            continue
        why: str | None = 'it draws gradients at one point: it needs solver="sgd"'
        if training.solver == "sgd" and sampling in (None, "thin"):
            why = why_not_thin(environment, method)
        if why is not None and sampling == "thin":
            raise ValueError(f'sampling="thin" does not serve: {why}; leave sampling out, or take "bartlett"')
        thin.append(why is None and sampling in (None, "thin"))
    return thin


def _check_rows(
    environment: Environment, adaptation: Adaptation, methods: Sequence[Method], training: Training
) -> None:
    """Raise where a task has no rows, or fewer than a batch takes."""
    batches = [adaptation.m]
    for method in methods:
        n1, n2 = training.n1, training.inner(method, adaptation.m)
        batches += [n1 + n2] if isinstance(method, NAL) else [n1, n2]
    most = max(n for n in batches if np.isfinite(n))
    for task in environment.tasks():
        if not isinstance(task.inputs, Empirical):
            raise ValueError(
                f'sampling="without_replacement" takes tasks given by data, and {task.name!r} is not: leave sampling out'
            )
        if len(task.inputs.X) < most:
            raise ValueError(
                f"task {task.name!r} has {len(task.inputs.X)} rows, and a batch takes {most:g} different ones: "
                "take smaller m, n1 and n2"
            )


def _takes_forms(environment: Environment, adaptation: Adaptation) -> bool:
    """Whether losses are means of forms: after several steps on one batch, of normal inputs."""
    is_deep = adaptation.polynomial()[0] >= 2 * DEEP
    return is_deep and not any(isinstance(task.inputs, Empirical) for task in environment.tasks())


def _warn_heavy_tails(points: Sequence[Point]) -> None:
    for adaptation, inputs in ((p.adaptation, t.inputs) for p in points for t in p.environment.tasks()):
        if np.any(adaptation.is_infinite(inputs) | adaptation.has_heavy_tails(inputs)):
            warn(
                "the losses after adaptation have infinite variance, if not an infinite mean: their standard errors cannot be "
                "trusted, however many tasks; take m further from d, a ridge, or risk(...), which is exact"
            )
    batches = [n for p in points for n in (p.adaptation.m, *(m.n2 for m in p.methods)) if n is not None]
    if min(np.min(batch) for batch in batches) < 2:
        warn(
            "with a single sample a step the losses have heavy tails: standard errors are unreliable below "
            "several thousand tasks"
        )

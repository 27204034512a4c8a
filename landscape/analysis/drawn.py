"""Risk in its parts by drawing: for adaptations without a closed form, with standard errors."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation
from landscape.adaptations.bayes_estimator import BayesEstimator
from landscape.analysis.evaluate import EXPANDS, Setting
from landscape.closed_form import population
from landscape.core.domains import whole
from landscape.core.errors import OVERFLOW, NoClosedForm, warn
from landscape.core.results import Estimate
from landscape.core.typing import Array
from landscape.linalg.operators import Matrix
from landscape.linalg.quadratic import QuadraticForm
from landscape.methods.base import Method
from landscape.simulator.draw_samples import seed_of
from landscape.simulator.landscapes import GROUPS, mean_excesses, mean_gradients, mean_losses
from landscape.tasks.environment import Environment
from landscape.tasks.families import Task
from landscape.tasks.sampled import SampledEnvironment, why_no_prior


def drawn_risks(
    setting: Setting, draws: int, rng: np.random.Generator | int | None, best: Array | None = None
) -> list[Estimate]:
    """Estimate noise, dispersion and the suboptimality of each start of a setting, over its grid.

    All points of the grid are drawn with the same random numbers: curves are smooth, and differences between
    points have smaller errors than the points.

    Parameters
    ----------
    setting : Setting
    draws : int
        Draws of the samples of each task, at least 20.
    rng : numpy.random.Generator or int
    best : array, shape (*grid), optional
        Judge the best possible adaptation to so many samples in place of the setting's own, whatever the start.

    Returns
    -------
    list of Estimate, shape (*grid)
    """
    draws, seed = _checked(setting, draws, rng)
    values: list[Array] = []
    warned = False
    for where, environment, adaptation, starts in (
        setting.points() if best is not None else setting.judged(by_point=True)
    ):
        if best is not None:
            adaptation, starts = BayesEstimator(best[where]), []
        tasks = [task.expanded() for task in environment.tasks()]
        if not setting.learns:
            warned = warned or any(adaptation.expands(t.inputs) for t in tasks if t.probability)
        with np.errstate(over="ignore", invalid="ignore"):
            if adaptation.knows_environment:
                parts = _known_parts(environment, tasks, adaptation, len(starts), draws, seed)
            else:
                sampled = isinstance(environment, SampledEnvironment)
                parts = _risk_parts(tasks, adaptation, starts, draws, seed, sampled)
        if not values:
            values = [np.empty((*setting.grid.shape, len(part))) for part in parts]
        for target, part in zip(values, parts, strict=True):
            target[where] = part
    if warned:
        warn(EXPANDS)
    if not all(np.isfinite(value).all() for value in values):
        raise ValueError(OVERFLOW)
    return [Estimate(value[..., 0], np.moveaxis(value[..., 1:], -1, 0)) for value in values]


def drawn_optimum(setting: Setting, draws: int, rng: np.random.Generator | int | None) -> Estimate:
    """Find the optimum of a setting's one method, by drawing where no formula is known; arguments as for `drawn_risks`.

    Returns
    -------
    Estimate, shape (*grid, d)
    """
    draws, seed = _checked(setting, draws, rng)
    points = []
    for _, environment, _, (method, *_) in setting.points():
        tasks = [task.expanded() for task in environment.tasks()]
        sampled = isinstance(environment, SampledEnvironment)
        points.append(_optimum(_without_tasks(tasks) if sampled else tasks, method, draws, seed, sampled))
    values = np.array(points).reshape(*setting.grid.shape, *points[0].shape)
    if points[0].ndim == 1:
        return Estimate(values)
    return Estimate(values[..., 0, :], np.moveaxis(values[..., 1:, :], -2, 0))


def _checked(setting: Setting, draws: int, rng: np.random.Generator | int | None) -> tuple[int, int]:
    """How many draws, and the seed; no symbols."""
    draws = whole(GROUPS).check("draws", draws)
    if setting.is_symbolic:
        raise ValueError("draws= needs numbers for all parameters: replace the symbols, or leave draws out")
    return draws, seed_of(rng)


def _risk_parts(
    tasks: Sequence[Task], adaptation: Adaptation, starts: Sequence[Any], draws: int, seed: int, sampled: bool
) -> list[Array]:
    """Each part at one grid point: the value and its replicates, shape (1 + groups,)."""
    _check_finite(tasks, adaptation)
    forms = mean_losses(tasks, adaptation, draws, seed, 1 if sampled else GROUPS)
    if not all(np.isfinite(form.A.matrix()).all() for form in forms):
        raise ValueError(OVERFLOW)  # before a solve says the same in words of its own
    if sampled:
        tasks, forms = _without_tasks(tasks), [_first(form) for form in forms]
    own = [
        QuadraticForm(form.A, form.b, form.c, task.centre).completed()
        for form, task in zip(forms, tasks, strict=True)
    ]
    landscape = population.landscape_of(tasks, own)
    out = [np.asarray(landscape.noise), np.asarray(landscape.dispersion)]
    for start in starts:
        if isinstance(start, Method) and start.minimises() == adaptation:
            point = np.asarray(landscape.form.origin)
        else:
            point = _optimum(tasks, start, draws, seed, sampled) if isinstance(start, Method) else start
        out.append(np.asarray(landscape.suboptimality(point)))
    return [np.broadcast_to(part, out[0].shape) for part in out]


def _check_finite(tasks: Sequence[Task], adaptation: Adaptation) -> None:
    """Refuse what the theory refuses where it has a formula: draws have a mean where the expected loss is infinite."""
    for task in tasks:
        with contextlib.suppress(NoClosedForm):
            adaptation.expected(task.with_limits().inputs)


def _known_parts(
    environment: Environment,
    tasks: Sequence[Task],
    adaptation: Adaptation,
    starts: int,
    draws: int,
    seed: int,
) -> list[Array]:
    """The parts of an adaptation that knows the environment: the tasks' own noise, what is lost above it, and 0."""
    check_prior(environment, adaptation)
    excesses = mean_excesses(tasks, adaptation.excess_given(tasks), adaptation.m, draws, seed)
    noise, lost = np.zeros(1), np.zeros(1)
    for task, excess in zip(tasks, excesses, strict=True):
        noise = noise + task.probability * np.asarray(task.inputs.noise_variance) / 2
        lost = lost + task.probability * excess
    return [np.broadcast_to(noise, lost.shape), lost, *[np.zeros(lost.shape)] * starts]


def check_prior(environment: Environment, adaptation: Adaptation) -> None:
    """Refuse an adaptation to samples that knows the environment, where the law of its tasks is not known."""
    why = why_no_prior(environment) if adaptation.knows_environment else None
    if why is not None and np.isfinite(adaptation.m):
        raise NoClosedForm(
            f"{adaptation!r} needs the law of the tasks, and {why}: take the best row of a comparison in its place"
        )


def _without_tasks(tasks: Sequence[Task]) -> list[Task]:
    """Tasks that were drawn, all of them and with each group of them left out: probabilities (1 + groups,).

    A task's own draws are left out with it, so that the errors hold both.
    """
    T = len(tasks)
    groups = min(GROUPS, T)
    member = np.arange(T) % groups
    kept = np.vstack([np.ones(T), np.arange(groups)[:, None] != member])
    shares = kept / kept.sum(axis=1, keepdims=True)
    return [replace(task, probability=share) for task, share in zip(tasks, shares.T, strict=True)]


def _first(form: QuadraticForm) -> QuadraticForm:
    """The form of all draws."""
    assert form.b is not None
    return QuadraticForm(Matrix(form.A.matrix()[0]), form.b[0], np.asarray(form.c)[0])


def _optimum(tasks: Sequence[Task], method: Method, draws: int, seed: int, sampled: bool) -> Array:
    """A method's optimum: exact where a formula is known, else where its drawn mean meta-gradient vanishes, (1 + groups, d)."""
    try:
        return population.optimum(tasks, method)
    except NoClosedForm:
        found = mean_gradients(tasks, method, draws, seed, 1 if sampled else GROUPS)
    H: Array | float = 0.0
    v: Array | float = 0.0
    for task, share, (A, b) in zip(tasks, method.shares(tasks), found, strict=True):
        A, b, p = (
            (A[0], b[0], np.asarray(share)[..., None]) if sampled else (A, b, np.asarray(share)[..., None])
        )
        H, v = H + p[..., None] * A, v + p * (np.matvec(A, task.centre) + b)
    point: Array = np.linalg.solve(H, np.asarray(v)[..., None])[..., 0]
    return point

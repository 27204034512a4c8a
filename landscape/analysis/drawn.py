"""Answers by drawing, with standard errors: on request, and where neither a formula nor a limit is known."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from landscape.adaptations.base import Adaptation
from landscape.adaptations.bayes_estimator import BayesEstimator
from landscape.analysis.evaluate import EXPANDS, Question, Setting, Start, averaged, check_finite
from landscape.closed_form import population
from landscape.closed_form.sampling_error import check_mean_over_tasks
from landscape.core.domains import whole
from landscape.core.errors import OVERFLOW, NoClosedForm, warn
from landscape.core.provenance import Provenance
from landscape.core.results import Estimate
from landscape.core.typing import RNG, Array
from landscape.linalg.operators import Matrix
from landscape.linalg.quadratic import QuadraticForm, mean_form
from landscape.methods.base import Method
from landscape.simulator.draw_samples import seed_of
from landscape.simulator.landscapes import GROUPS, mean_excesses, mean_gradients, mean_losses
from landscape.tasks.environment import Environment
from landscape.tasks.families import Task
from landscape.tasks.sampled import SampledEnvironment, why_no_prior

DRAWS, FEWEST = 4000, 200
"""How often samples are drawn where nobody says: so many times in all, shared among the tasks, but so many of each."""


@dataclass(frozen=True)
class Draws:
    """What is estimated at one grid point by drawing the samples of each task `count` times.

    Everything is an array with one leading axis: the estimate from all draws, and with each group of them left out, or
    (`leaves_out_tasks`) of the tasks that were drawn themselves. Its length is 1 where nothing was drawn.
    """

    environment: Environment
    count: int
    seed: int
    leaves_out_tasks: bool = False

    @classmethod
    def of(cls, environment: Environment, draws: int, rng: RNG) -> Draws:
        """Check how many draws, and take a seed."""
        return cls(environment, whole(GROUPS).check("draws", draws), seed_of(rng))

    @cached_property
    def tasks(self) -> list[Task]:
        """The tasks; leaving some out, with probabilities (1 + groups,): a task's own draws are left out with it."""
        tasks = [task.expanded() for task in self.environment.tasks()]
        if not self.leaves_out_tasks:
            return tasks
        groups = min(GROUPS, len(tasks))
        kept = np.vstack([np.ones(len(tasks)), np.arange(groups)[:, None] != np.arange(len(tasks)) % groups])
        shares = kept / kept.sum(axis=1, keepdims=True)
        return [replace(task, probability=share) for task, share in zip(tasks, shares.T, strict=True)]

    @property
    def _groups(self) -> int:
        return 1 if self.leaves_out_tasks else GROUPS

    def losses(self, adaptation: Adaptation) -> list[QuadraticForm]:
        """Estimate each task's expected loss after adaptation as a form of w, around the task's own best point."""
        for task in self.tasks:  # refuses what the theory refuses where it has a formula
            with contextlib.suppress(NoClosedForm):
                adaptation.expected(task.with_limits().inputs)
        forms = mean_losses(self.tasks, adaptation, self.count, self.seed, self._groups)
        if not all(np.isfinite(form.A.matrix()).all() for form in forms):
            raise ValueError(OVERFLOW)  # before a solve says the same in words of its own
        if self.leaves_out_tasks:
            forms = [_first(form) for form in forms]
        around = []
        for form, task in zip(forms, self.tasks, strict=True):
            c = np.full_like(form.c, np.inf) if adaptation.is_infinite(task.inputs) else form.c
            around.append(replace(form, c=c, origin=task.centre).completed())
        return around

    def landscape(self, adaptation: Adaptation) -> QuadraticForm:
        """Estimate the risk after adaptation as a function of the start, from all draws."""
        form = population.landscape_of(self.tasks, self.losses(adaptation)).form
        return QuadraticForm(
            Matrix(form.A.matrix()[0]), None, np.asarray(form.c)[0], np.asarray(form.origin)[0]
        )

    def optimum(self, method: Method) -> Array:
        """Find a method's optimum: exactly where a formula is known, else of the drawn risks or mean meta-gradients."""
        if self.leaves_out_tasks:
            check_mean_over_tasks(method)
        try:
            point = population.optimum(self.tasks, method)
            return point if self.leaves_out_tasks else point[None]
        except NoClosedForm:
            inner = method.trains_for()
        if inner is not None:
            risks = self.losses(inner)
            mean = mean_form(method.shares(self.tasks, risks), risks)
            return np.asarray(mean.completed(population.check_stationary(mean.A, method, 0.0)).origin)
        found = mean_gradients(self.tasks, method, self.count, self.seed, self._groups)
        H: Array | float = 0.0
        v: Array | float = 0.0
        for task, share, (A, b) in zip(self.tasks, method.shares(self.tasks), found, strict=True):
            p = np.asarray(share)[..., None]
            A, b = (A[0], b[0]) if self.leaves_out_tasks else (A, b)
            H, v = H + p[..., None] * A, v + p * (np.matvec(A, task.centre) + b)
        root: Array = np.linalg.solve(H, np.asarray(v)[..., None])[..., 0]
        return root

    def risks(self, adaptation: Adaptation, starts: Sequence[Start]) -> list[Array]:
        """Estimate noise, dispersion and the suboptimality of each start."""
        if adaptation.knows_environment:
            noises, excesses = self._known(adaptation)
            noise, lost = (
                sum(task.probability * part for task, part in zip(self.tasks, parts, strict=True))
                for parts in (noises, excesses)
            )
            return list(np.broadcast_arrays(noise, lost, *[0.0] * len(starts)))
        landscape = population.landscape_of(self.tasks, self.losses(adaptation))
        best = np.asarray(landscape.form.origin)
        points = [
            best if isinstance(start, Method) and start.minimises() == adaptation else self.point(start)
            for start in starts
        ]
        return list(np.broadcast_arrays(*landscape.parts(points)))

    def family_risks(self, adaptation: Adaptation, starts: Sequence[Start]) -> list[Array]:
        """Estimate the risk of each family from each start, shape (1 + groups, families)."""
        if adaptation.knows_environment:
            noises, excesses = self._known(adaptation)
            return [(noises[:, None] + excesses).T for _ in starts]
        forms, out = self.losses(adaptation), []
        for point in map(self.point, starts):
            risks = []
            for task, form in zip(self.tasks, forms, strict=True):
                spread = 0.0 if task.spread is None else form.A.inner(task.spread) / 2
                risks.append(np.asarray(form(point) + spread))
            out.append(np.stack(np.broadcast_arrays(*risks), axis=-1))
        return out

    def point(self, start: Start) -> Array:
        """Find where adaptation starts."""
        return self.optimum(start) if isinstance(start, Method) else start[None]

    def _known(self, adaptation: Adaptation) -> tuple[Array, Array]:
        """Of an adaptation that knows the environment: each task's noise (tasks,), and what is lost above it."""
        check_prior(self.environment, adaptation)
        excess = adaptation.excess_given(self.tasks)
        lost = mean_excesses(self.tasks, excess, adaptation.m, self.count, self.seed)
        noises = [np.asarray(task.inputs.noise_variance) / 2 for task in self.tasks]
        return np.array(noises), np.array(lost)


Ask: TypeAlias = Callable[[Draws, Any, list[Any]], list[Array]]
"""Takes the draws of a grid point, the adaptation and the starts; gives arrays with the leading axis of `Draws`."""


def answer(
    setting: Setting,
    question: Question,
    ask: Ask,
    draws: int | None,
    rng: RNG,
) -> list[Estimate]:
    """Answer on the whole grid: exactly or as a limit where that is known everywhere, else by drawing.

    Parameters
    ----------
    setting : Setting
    question : callable
        What `Setting.answer` asks.
    ask : callable
        The same of draws.
    draws : int, optional
        Draw so often, whatever is known; 0 never draws.
    rng : numpy.random.Generator or int

    Returns
    -------
    list of Estimate, shape (*grid), or (*grid, k)

    Raises
    ------
    NoClosedForm
        Where no formula is known, for symbols or with `draws` = 0.
    """
    if draws is None or draws == 0:
        try:
            return setting.answer(question)
        except NoClosedForm:
            if draws == 0 or setting.is_symbolic:
                raise
    return drawn(setting, ask, draws, rng)


def drawn(
    setting: Setting,
    ask: Ask,
    draws: int | None,
    rng: RNG,
    best: Array | None = None,
) -> list[Estimate]:
    """Ask draws at each point of a setting's grid, all with the same random numbers.

    Curves are smooth, and differences between points have smaller errors than the points. With `best` (*grid) the best
    possible adaptation to so many samples is judged in place of the setting's own, whatever the start.
    """
    if draws is not None:
        draws = whole(GROUPS).check("draws", draws)
    if setting.is_symbolic:
        raise ValueError("draws= needs numbers for all parameters: replace the symbols, or leave draws out")
    seed, found, warned, fewest = seed_of(rng), [], False, DRAWS
    walk: Iterator[Any] = setting.judged(by_point=True)
    if best is not None:
        walk = ((where, there, [(BayesEstimator(best[where]), [])]) for where, there, *_ in setting.points())
    for _, environment, pairs in walk:
        tasks, adaptation = environment.tasks(), pairs[0][0]
        if best is None and adaptation is not None and not setting.learns:
            warned = warned or any(adaptation.expands(t.inputs) for t in tasks if t.probability)
        count = max(FEWEST, DRAWS // len(tasks)) if draws is None else draws
        fewest = min(fewest, count)
        sampled = isinstance(environment, SampledEnvironment)
        with np.errstate(over="ignore", invalid="ignore"):
            asked = zip(
                *(ask(Draws(environment, count, seed, sampled), *pair) for pair in pairs), strict=True
            )
            found.append([averaged(draws) for draws in asked])
        check_finite(found[-1], tasks, adaptation)
    if warned:
        warn(EXPANDS)
    out = []
    for parts in zip(*found, strict=True):
        values = np.stack(np.broadcast_arrays(*parts), axis=1)
        values = values.reshape(len(values), *setting.grid.shape, *values.shape[2:])
        how = Provenance("drawn", draws=fewest if draws is None else draws)
        out.append(Estimate(values[0], values[1:], how) if len(values) > 1 else Estimate(values[0]))
    return out


def check_prior(environment: Environment, adaptation: Adaptation) -> None:
    """Refuse an adaptation to samples that knows the environment, where the law of its tasks is not known."""
    why = why_no_prior(environment) if adaptation.knows_environment else None
    if why is not None and np.isfinite(adaptation.m):
        raise NoClosedForm(
            f"{adaptation!r} needs the law of the tasks, and {why}: take the best row of a comparison in its place"
        )


def _first(form: QuadraticForm) -> QuadraticForm:
    """The form of all draws."""
    assert form.b is not None
    return QuadraticForm(Matrix(form.A.matrix()[0]), form.b[0], np.asarray(form.c)[0])

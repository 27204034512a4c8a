"""Compare methods and adaptations on one grid: exactly, or by drawing, and with the best possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation, as_adaptation
from landscape.analysis.comparison import Comparison
from landscape.analysis.drawn import Draws, drawn
from landscape.analysis.evaluate import Setting, unknown_name
from landscape.analysis.family_risks import worst_risks
from landscape.analysis.risk import Risk, risks
from landscape.analysis.rows import Row, as_rows
from landscape.core import checks
from landscape.core.domains import count
from landscape.core.errors import NoClosedForm
from landscape.core.grids import Over, arguments
from landscape.core.results import Estimate
from landscape.core.typing import RNG, Array
from landscape.methods.base import Cost, Method
from landscape.simulator.draw_samples import seed_of
from landscape.tasks.environment import Environment
from landscape.tasks.sampled import SampledEnvironment, why_no_prior


def compare(
    environment: Environment,
    methods: Any,
    adaptation: Adaptation | float | None = None,
    over: Over = None,
    *,
    n1: int = 25,
    draws: int | None = None,
    rng: RNG = 0,
    best: bool | None = None,
    worst: bool = False,
) -> Comparison:
    """Compute risk after adaptation, gain and cost of several methods and adaptations: exactly, or by drawing.

    Parameters
    ----------
    environment : Environment
        Or a function of names in `over` that makes one: ``lambda R: Mixture([...])``.
    methods : Method, Adaptation, pair, or a sequence of them
        A row each: a method, whose optimum the `adaptation` starts from; a pair (method, adaptation); or an
        adaptation alone where the start has no say: `OwnShots` from d samples on, `MixedModel` about the prior
        mean, `BayesEstimator`.
    adaptation : Adaptation or float
        Of the rows that have none of their own. A number stands for full gradient steps of that size; or a
        function of names in `over`.
    over : dict of str to sequence, optional
        Names and the values they take, one grid axis each, in this order. A name belongs to the environment
        (``"rho_hard"``; of one's own families ``"hard.centre"``, whose values may be vectors or matrices),
        else to the adaptation (``"alpha"``, which methods without an adaptation of their own follow), else to
        one row (``"MAML.inner.alpha"``, ``"MAML + ridge.strength"``), or it is an argument of a function.
        ``"m"`` moves the adaptations of all rows. A value may be a function of
        other names: ``{"rho_easy": [...], "alpha": lambda rho_easy: 1 / rho_easy}``.
    n1 : int
        Outer samples of a training episode, for the column of samples.
    draws, rng
        As for `risk`: estimates by so many draws of each task's samples, the same for all rows and grid
        points. They draw every row, those with an exact risk too, so that differences between rows are paired; without
        them only rows are drawn that have neither a formula nor a limit, see the column ``how``.
    best : bool, optional
        Whether to set each row against the best possible with as many samples of a new task as it takes (columns
        ``best_possible`` and ``share``, see `Comparison.share`); by default where there are `draws`. All rows are
        drawn with the same random numbers, and so is the best, once for each number of samples. Its cost grows with
        the square of the number of families. For tasks whose law is not known, those given by data or by a sampler,
        the best of the rows that take no more samples stands in its place (column ``best_row``).
    worst : bool
        Whether to say, too, what each row loses in the family, or task, in which it loses most (column ``worst``): what
        `TRMAML` minimises, at a price in the mean.

    Returns
    -------
    Comparison
        Its table has one row a grid point and row.

    Raises
    ------
    ValueError
        If a name in `over` belongs to nothing, or an argument is out of its domain.

    Examples
    --------
    >>> from landscape import MAML, NAL, GradientSteps, HardEasy, OwnShots, RidgeToStart
    >>> table = compare(HardEasy(), [NAL(), MAML()], GradientSteps(1 / 0.9, m=500), over={"R": [1, 2]}).to_frame()
    >>> table[["R", "method", "gain"]].round(3).values.tolist()
    [[1.0, 'NAL', 1.0], [2.0, 'NAL', 1.0], [1.0, 'MAML', 1.235], [2.0, 'MAML', 1.764]]
    >>> rows = [NAL(), MAML(), (MAML(), RidgeToStart(0.1, m=12)), OwnShots(12)]
    >>> compare(HardEasy(d=3, noise=0.5), rows, GradientSteps(0.5, m=12), draws=1000)
    <NAL, MAML, MAML + ridge, own shots: own shots cuts 0.862 +- 0.00058 (1000 draws) of the loss of NAL, 0.986 +- 0.00031 of what can be cut>
    """
    n1 = count.check("n1", n1)
    if adaptation is not None and not arguments(adaptation):
        adaptation = as_adaptation(adaptation)
    rng = seed_of(rng)  # one for all: a Generator would give each its own
    rows = as_rows(methods, adaptation)
    names = list(over) if isinstance(over, Mapping) else []
    groups = _alike(rows, names)
    settings = [
        Setting(
            environment,
            group[0].adaptation if group[0].own else adaptation,
            [row.start for row in group],
            over,
            elsewhere=names,
            names=[row.name for row in group],
            own=group[0].own,
        )
        for group in groups
    ]
    _check_names(settings)
    grid = settings[0].grid.without_functions()
    found: dict[str, tuple[Risk, Cost, bool]] = {}
    for setting, group in zip(settings, groups, strict=True):
        ignoring = _ignoring_start(setting, group)
        noise, dispersion, *parts = risks(setting, draws, rng)
        for row, part, cost, ignores in zip(group, parts, _costs(setting, n1), ignoring, strict=True):
            found[row.name] = Risk(noise, dispersion, part, grid), cost, ignores
    _check_names(settings)
    risks_of = {row.name: found[row.name][0] for row in rows}
    lowest = _worst(settings, groups, draws, rng) if checks.flag("worst", worst) else None
    floors, no_prior = None, None
    shots: dict[str, Array] | None = None
    if best or (best is None and draws is not None):
        if any(setting.is_symbolic for setting in settings):
            raise ValueError(
                "best=True needs numbers for all parameters: replace the symbols, or leave it out"
            )
        shots = {}
        for setting, group in zip(settings, groups, strict=True):
            shots |= dict.fromkeys((row.name for row in group), _shots(setting))
        no_prior = why_no_prior(next(settings[0].points())[1])
        if no_prior is None:
            floors = _best(settings[0], shots, draws, rng)
        else:
            floors = _best_rows(shots, {name: risk.total for name, risk in risks_of.items()})
    return Comparison(
        None if arguments(environment) else settings[0].environment,
        tuple(rows),
        None if arguments(adaptation) else adaptation,
        grid,
        risks_of,
        {row.name: found[row.name][1] for row in rows},
        tuple(row.name for row in rows if found[row.name][2]),
        floors,
        shots,
        no_prior,
        None if lowest is None else {row.name: lowest[row.name] for row in rows},
    )


def _worst(
    settings: Sequence[Setting],
    groups: Sequence[Sequence[Row]],
    draws: int | None,
    rng: RNG,
) -> dict[str, Estimate]:
    """The largest of the families' risks, by the name of the row."""
    if any(setting.is_symbolic for setting in settings):
        raise ValueError("worst=True needs numbers for all parameters: replace the symbols, or leave it out")
    if isinstance(next(settings[0].points())[1], SampledEnvironment):
        raise ValueError(
            "worst=True needs families: the worst of tasks that were drawn by a sampler is no mean over tasks, and has no "
            "standard error"
        )
    out: dict[str, Estimate] = {}
    for setting, group in zip(settings, groups, strict=True):
        found = worst_risks(setting, draws, rng)
        out |= {row.name: largest for row, largest in zip(group, found, strict=True)}
    return out


def _shots(setting: Setting) -> Array:
    """The samples of a new task that the rows of a setting take, shape (*grid)."""
    out = np.zeros(setting.grid.shape)
    for where, environment, adaptation, starts in setting.points():
        out[where] = starts[0].n2 if setting.learns else adaptation.samples(environment.d)
    return out


def _best(
    setting: Setting,
    shots: Mapping[str, Array],
    draws: int | None,
    rng: RNG,
) -> dict[str, Estimate]:
    """The least possible total on each row's samples, with the same random numbers: once for each number of them."""
    if draws == 0 and not all(np.isinf(taken).all() for taken in shots.values()):
        raise NoClosedForm(
            "the best possible with finitely many samples has no exact risk: leave draws=0 out"
        )
    known: dict[bytes, Estimate] = {}
    for taken in shots.values():
        if taken.tobytes() not in known:
            noise, lost = drawn(setting, Draws.risks, draws or None, rng, taken)
            known[taken.tobytes()] = noise + lost
    return {name: known[taken.tobytes()] for name, taken in shots.items()}


def _best_rows(shots: Mapping[str, Array], totals: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """The smallest total of the rows that take no more samples than each, with its own replicates."""
    values = np.array([total.value for total in totals.values()])
    taken = np.array([shots[name] for name in totals])
    how = reduce(or_, [total.how for total in totals.values()])
    drawn = [total.replicates for total in totals.values() if total.replicates is not None]
    repeated = [
        np.broadcast_to(t.value, drawn[0].shape) if t.replicates is None else t.replicates
        for t in totals.values()
        if drawn
    ]
    out = {}
    for name in totals:
        first = np.where(taken <= shots[name], values, np.inf).argmin(axis=0)[None]
        lowest = np.take_along_axis(values, first, axis=0)[0]
        own = np.take_along_axis(np.array(repeated), first[:, None], axis=0)[0] if drawn else None
        out[name] = Estimate(lowest, own, how)
    return out


def _alike(rows: Sequence[Row], names: Sequence[str]) -> list[list[Row]]:
    """Rows with one adaptation: they are judged together. One that `over` addresses, or that learns its own, stands alone."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        alone = row.learns_step or (row.own and any(name.startswith(row.name + ".") for name in names))
        groups.setdefault(
            (row.own, row.adaptation if row.own else None, row.name if alone else None), []
        ).append(row)
    return list(groups.values())


def _check_names(settings: Sequence[Setting]) -> None:
    """Refuse names in `over` that none of the settings has taken."""
    for name in settings[0].left:
        if all(name in setting.left for setting in settings):
            names = dict.fromkeys(known for setting in settings for known in setting.left[name])
            raise ValueError(unknown_name(name, list(names)))


def _ignoring_start(setting: Setting, rows: Sequence[Row]) -> list[bool]:
    """Whether the start has no say in each row, anywhere on the grid; a row without a method must not need one."""
    if setting.learns:
        return [False]
    points = [here for _, *here in setting.points()] if setting.functions else [list(setting.whole())]
    ignored = all(adaptation.ignores_start(environment.d) for environment, adaptation, _ in points)
    for row in rows:
        if row.method is None and not row.has_own_start and not ignored:
            raise ValueError(
                f"{row.name} depends on where it starts, at least for some m: give a pair, for example "
                f"(NAL(), {row.adaptation!r})"
            )
    return [ignored or row.method is None for row in rows]


def _costs(setting: Setting, n1: int) -> list[Cost]:
    """The cost of each row; samples are an array that broadcasts to the grid where they vary."""

    def costs(environment: Environment, adaptation: Any, starts: list[Any]) -> list[Cost]:
        return [
            s.cost(environment.d, n1, adaptation.m if s.n2 is None else s.n2)
            if isinstance(s, Method)
            else Cost(0, 0, 0)
            for s in starts
        ]

    if not setting.functions:
        return costs(*setting.whole())
    found = [costs(*here) for _, *here in setting.points()]
    shape = setting.grid.shape
    samples = np.array([[cost.samples for cost in row] for row in found]).T.reshape(-1, *shape)
    return [Cost(c.gradients, c.hessian_vector_products, s) for c, s in zip(found[0], samples, strict=True)]

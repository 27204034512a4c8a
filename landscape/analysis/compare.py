"""Methods side by side: what each leaves above the noise, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation, as_adaptation
from landscape.analysis.evaluate import Setting, unknown_name
from landscape.analysis.risk import Risk, risks
from landscape.analysis.rows import Row, as_rows
from landscape.closed_form.hardness import window_boundary
from landscape.core import checks
from landscape.core.domains import count
from landscape.core.grids import Grid, Over, arguments
from landscape.core.parameters import record
from landscape.core.results import Estimate, Result, ratio
from landscape.core.typing import Array
from landscape.methods.base import Cost, Method
from landscape.methods.pooled import NAL
from landscape.tasks.environment import Environment


@record
class Comparison(Result):
    """Risks of several methods and adaptations over one grid.

    Parameters
    ----------
    environment : Environment, optional
        None where a function made it.
    rows : tuple of Row
        Each with its ``name``, ``method``, ``adaptation``, and whether that is its ``own``.
    adaptation : Adaptation, optional
        The one that rows without their own share; None where there is none, or a function made it.
    grid : Grid
    risks : dict of str to Risk
        By the row's name.
    costs : dict of str to Cost
        What one task costs an iteration of training.
    ignoring_start : tuple of str
        Names of the rows in which the start has no say.
    """

    environment: Any
    rows: tuple[Row, ...]
    adaptation: Any
    grid: Grid
    risks: dict[str, Risk]
    costs: dict[str, Cost]
    ignoring_start: tuple[str, ...] = ()

    @property
    def labels(self) -> list[str]:
        """A name for each row."""
        return list(self.risks)

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods of the rows that have one."""
        return tuple(row.method for row in self.rows if row.method is not None)

    def risk(self, label: str) -> Risk:
        """Return the risk of the row of that name."""
        return self.risks[checks.known("row", label, self.labels)]

    def gain(self, label: str, against: str | None = None) -> Estimate:
        """Compute how many times less a row leaves above the noise than another (NAL, or the first).

        Raises
        ------
        ValueError
            If their adaptations let label noise through unequally: then only totals compare, by `cut`.
        """
        against = self.baseline if against is None else against
        if not self._same_noise(label, against):
            raise ValueError(
                f"{label} and {against} adapt differently and label noise costs them differently, so what they leave above "
                f"it does not compare: use cut({label!r})"
            )
        return self.risk(against).above_noise.with_(self.risk(label).above_noise, ratio)

    def cut(self, label: str, against: str | None = None) -> Estimate:
        """Compute the share of the loss after adaptation that a row saves of another's (NAL's, or the first's)."""
        return 1 - self.risk(label).total / self.risk(self.baseline if against is None else against).total

    def _same_noise(self, label: str, other: str) -> bool:
        return bool(np.array_equal(self.risk(label).noise.value, self.risk(other).noise.value))

    def cost(self, label: str) -> Cost:
        """Count gradients, Hessian-vector products and samples that one task costs an iteration of training."""
        return self.costs[checks.known("row", label, self.labels)]

    @property
    def baseline(self) -> str:
        """What rows are measured against: pooled training with the shared adaptation, or the first row."""
        pooled = [row.name for row in self.rows if row.method == NAL() and not row.own]
        return (pooled or self.labels)[0]

    def headline(self) -> str:
        """Say what gains most, or, where label noise costs rows differently, which cuts the loss most; over what."""
        like = all(self._same_noise(name, self.baseline) for name in self.labels)
        measure = {name: self.gain(name) if like else self.cut(name) for name in self.labels}
        best = max(self.labels, key=lambda name: float(np.max(np.asarray(measure[name].value, dtype=float))))
        largest = float(np.max(np.asarray(measure[best].value, dtype=float)))
        over, up_to, error = "", "", ""
        if self.grid.dims:
            over = " over " + " x ".join(
                f"{name} ({n})" for name, n in zip(self.grid.dims, self.grid.shape, strict=True)
            )
            up_to = "up to "
        elif measure[best].standard_error is not None:
            error = f" +- {measure[best].standard_error:.2g}"
        does = f"gains {up_to}{largest:.3g}" if like else f"cuts {up_to}{largest:.3g}"
        return f"{', '.join(self.labels)}{over}: {best} {does}{error} {'over' if like else 'of the loss of'} {self.baseline}"

    def columns(self) -> Mapping[str, Any]:
        """Give one row a grid point and row: risk in its parts, gain and cut, and cost.

        The gain is blank (nan) where label noise costs the row something else than what it is measured against.
        """
        tables: list[dict[str, Any]] = []
        for row in self.rows:
            label, axes, parts = row.name, self.grid.columns(), dict(self.risks[row.name].columns())
            comparable = self._same_noise(label, self.baseline)
            measures = {"gain": self.gain(label) if comparable else None, "cut": self.cut(label)}
            more: dict[str, Any] = {}
            for name, value in measures.items():
                more[name] = np.nan if value is None else value.value
                if self._has_errors:
                    error = None if value is None else value.standard_error
                    more[f"{name}_error"] = (np.nan if value is None else 0.0) if error is None else error
            more |= self.cost(label).columns()
            words = {
                "method": label,
                "adaptation": "given by a function" if row.adaptation is None else row.adaptation.label,
                "ignores_start": label in self.ignoring_start,
            }
            n = len(parts["noise"])
            said = {k: np.full(n, v, dtype=object if isinstance(v, str) else None) for k, v in words.items()}
            flat = {k: np.broadcast_to(v, self.grid.shape).ravel() for k, v in more.items()}
            tables.append({**axes, **said, **{k: v for k, v in parts.items() if k not in axes}, **flat})
        names = list(dict.fromkeys(name for table in tables for name in table))
        size = len(tables[0]["noise"])
        return {k: np.concatenate([table.get(k, np.zeros(size)) for table in tables]) for k in names}

    @property
    def _has_errors(self) -> bool:
        return any(risk.total.standard_error is not None for risk in self.risks.values())

    def plot(self, ax: Any = None, x: str | None = None, y: str = "above_noise") -> Any:
        """Draw one line a method of `y` against the varying name `x`."""
        from landscape import plotting  # optional: pyplot takes 0.35 s

        return plotting.comparison(self, ax=ax, x=x, y=y)

    def heatmap(self, x: str = "rho_hard", y: str = "m", label: str = "MAML", ax: Any = None) -> Any:
        """Draw the gain of a method over two varying names.

        Where they are rho_hard and m, and alpha = 1/rho_easy, the exact boundary of the `hardness_window` is
        drawn in.
        """
        from landscape import plotting  # optional: pyplot takes 0.35 s

        if set(self.grid.dims) != {x, y} or x == y:
            raise ValueError(
                f"a heat map needs exactly the varying names x and y, got {list(self.grid.dims)} for {x=}, {y=}"
            )
        checks.known("method", label, self.labels)
        return plotting.heatmap(self, ax=ax, x=x, y=y, label=label, boundary=self._window(x, y))

    def _window(self, x: str, y: str) -> tuple[Array, Array] | None:
        """The curve on which both tasks have equal say, in the coordinates of the heat map."""
        rho_easy = getattr(self.environment, "rho_easy", None)
        alpha = getattr(self.adaptation, "alpha", np.nan)
        if {x, y} != {"rho_hard", "m"} or rho_easy is None or abs(alpha * rho_easy - 1) > 1e-12:
            return None
        hardness = np.linspace(0, 1, 501)[1:-1]
        curve = {
            "rho_hard": hardness * rho_easy,
            "m": np.asarray(window_boundary(hardness, self.environment.d)),
        }
        return curve[x], curve[y]


def compare(
    environment: Environment,
    methods: Any,
    adaptation: Adaptation | float | None = None,
    over: Over = None,
    *,
    n1: int = 25,
    draws: int | None = None,
    rng: np.random.Generator | int | None = 0,
) -> Comparison:
    """Compute risk after adaptation, gain and cost of several methods and adaptations: exactly, or by drawing.

    Parameters
    ----------
    environment : Environment
        Or a function of names in `over` that makes one: ``lambda R: Mixture([...])``.
    methods : Method, Adaptation, pair, or a sequence of them
        A row each: a method, whose optimum the `adaptation` starts from; a pair (method, adaptation); or an
        adaptation alone where the start has no say: `OwnShots` from d samples on, `MixedModel` about the prior
        mean.
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
        points.

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
    >>> rows = [NAL(), MAML(), (MAML(), RidgeToStart(0.1, m=20)), OwnShots(20)]
    >>> compare(HardEasy(d=3, noise=0.1), rows, GradientSteps(0.5, m=20), draws=1000)
    <NAL, MAML, MAML + ridge, own shots: own shots cuts 0.972 +- 0.00016 of the loss of NAL>
    """
    n1 = count.check("n1", n1)
    if adaptation is not None and not arguments(adaptation):
        adaptation = as_adaptation(adaptation)
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
    return Comparison(
        None if arguments(environment) else settings[0].environment,
        tuple(rows),
        None if arguments(adaptation) else adaptation,
        grid,
        {row.name: found[row.name][0] for row in rows},
        {row.name: found[row.name][1] for row in rows},
        tuple(row.name for row in rows if found[row.name][2]),
    )


def _alike(rows: Sequence[Row], names: Sequence[str]) -> list[list[Row]]:
    """Rows with one adaptation: they are judged together. One that `over` addresses by its name stands alone."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        alone = row.own and any(name.startswith(row.name + ".") for name in names)
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

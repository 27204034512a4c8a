"""Methods and adaptations side by side: what each leaves above the noise, how near the best possible, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from landscape.analysis.risk import PARTS, Risk
from landscape.analysis.rows import Row
from landscape.closed_form.hardness import window_boundary
from landscape.core import checks
from landscape.core.grids import Grid
from landscape.core.parameters import record
from landscape.core.results import Estimate, Result, ratio
from landscape.core.tolerances import EQUAL
from landscape.core.typing import Array
from landscape.methods.base import Cost, Method
from landscape.methods.pooled import NAL


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
    best : dict of str to Estimate, optional
        The least total risk that is possible with as many samples of a new task as the row of that name takes; None
        where it was not asked for.
    shots : dict of str to array, shape (*grid), optional
        So many they are.
    no_prior : str, optional
        Why the best row, of those that take no more samples, stands for the best possible.
    worst : dict of str to Estimate, optional
        The risk in the family in which the row of that name loses most; None where it was not asked for.
    """

    environment: Any
    rows: tuple[Row, ...]
    adaptation: Any
    grid: Grid
    risks: dict[str, Risk]
    costs: dict[str, Cost]
    ignoring_start: tuple[str, ...] = ()
    best: dict[str, Estimate] | None = None
    shots: dict[str, Array] | None = None
    no_prior: str | None = None
    worst: dict[str, Estimate] | None = None

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

    def share(self, label: str) -> Estimate:
        """Compute how much of what can be saved a row saves: (R_0 - R)/(R_0 - R_best), all three totals.

        R_0 is NAL's (or the first row's) on its own samples, R_best the least that is possible with as many samples
        as this row takes. Where nothing can be saved it is 1 for a row that loses nothing, and nan for one that does:
        no share of nothing is a loss. nan, too, where R_0 takes more samples than the row: the best that is possible
        with fewer may then lie above it, and what the samples are worth would count as a failure.
        """
        if self.best is None or self.shots is None:
            raise ValueError("the best possible was not asked for: give compare draws=, or best=True")
        baseline, risk = self.risk(self.baseline).total, self.risk(label).total
        rounding = EQUAL * np.abs(baseline.value)

        def of_what_can_be(saved: Array, possible: Array) -> Array:
            saved, possible = (np.where(np.abs(x) <= rounding, 0.0, x) for x in (saved, possible))
            out: Array = np.asarray(ratio(saved, possible))
            return np.where(np.isinf(out) & (possible == 0), np.nan, out)

        share = (baseline - risk).with_(baseline - self.best[label], of_what_can_be)
        fewer = self.shots[label] < self.shots[self.baseline]
        repeated = None if share.replicates is None else np.where(fewer, np.nan, share.replicates)
        return Estimate(np.where(fewer, np.nan, share.value), repeated, share.how)

    def _same_noise(self, label: str, other: str) -> bool:
        return bool(np.array_equal(self.risk(label).noise.value, self.risk(other).noise.value))

    @property
    def has_same_noise(self) -> bool:
        """Whether label noise costs all rows alike, so that what they leave above it compares."""
        return all(self._same_noise(name, self.baseline) for name in self.labels)

    def cost(self, label: str) -> Cost:
        """Count gradients, Hessian-vector products and samples that one task costs an iteration of training."""
        return self.costs[checks.known("row", label, self.labels)]

    @property
    def baseline(self) -> str:
        """What rows are measured against: pooled training, with the shared adaptation if there, or the first row."""
        pooled = sorted((row for row in self.rows if row.method == NAL()), key=lambda row: row.own)
        return pooled[0].name if pooled else self.labels[0]

    def headline(self) -> str:
        """Say what gains most, or, where label noise costs rows differently, which cuts the loss most; over what."""
        judged = [row.name for row in self.rows if not row.knows_environment] or self.labels
        alike = all(self._same_noise(name, self.baseline) for name in judged)
        measures = {name: self.gain(name) if alike else self.cut(name) for name in judged}
        if any(measure.value.dtype == object for measure in measures.values()):
            return f"{', '.join(self.labels)}: the {'gain' if alike else 'cut'} over {self.baseline} is a formula"
        largest = {k: float(np.max(np.asarray(v.value, dtype=float))) for k, v in measures.items()}
        best = max(judged, key=largest.__getitem__)
        over = up_to = ""
        number = f"{largest[best]:.3g}"
        if self.grid.dims:
            sizes = zip(self.grid.dims, self.grid.shape, strict=True)
            over, up_to = " over " + " x ".join(f"{name} ({n})" for name, n in sizes), "up to "
        elif measures[best].standard_error is not None:
            number += f" +- {measures[best].standard_error:.2g}"
        number += f" ({measures[best].how})"
        did = f"gains {up_to}{number} over" if alike else f"cuts {up_to}{number} of the loss of"
        out = f"{', '.join(self.labels)}{over}: {best} {did} {self.baseline}"
        if self.no_prior is not None:
            return f"{out} (shares are of the best row's cut: {self.no_prior})"
        if self.best is not None and not self.grid.dims:
            share = self.share(best)
            if np.isnan(float(share)):
                return out
            error = "" if share.standard_error is None else f" +- {share.standard_error:.2g}"
            out += f", {float(share):.3g}{error} of what can be cut"
        return out

    def columns(self) -> Mapping[str, Any]:
        """Give one row a grid point and row: risk in its parts, gain, cut, share of the best possible, and cost.

        The gain is blank (nan) where label noise costs the row something else than what it is measured against, the
        share where the row takes fewer samples than that. What varies stands before; a name that another column has,
        too, as ``over_noise``.
        """
        totals = [*(risk.total for risk in self.risks.values()), *(self.best or {}).values()]
        drawn = any(total.replicates is not None for total in totals)
        tables = [self._table(row, drawn) for row in self.rows]
        return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}

    def _table(self, row: Row, drawn: bool) -> dict[str, Any]:
        """The columns of one row; with errors where any row has some, which are 0 for what is exact."""
        label, shape = row.name, self.grid.shape
        blank = Estimate(np.full(shape, np.nan))
        numbers = {name: getattr(self.risk(label), name) for name in PARTS}
        numbers["gain"] = self.gain(label) if self._same_noise(label, self.baseline) else blank
        numbers["cut"] = self.cut(label)
        if self.worst is not None:
            numbers["worst"] = self.worst[label]
        if self.best is not None:
            numbers |= {
                "best_row" if self.no_prior else "best_possible": self.best[label],
                "share": self.share(label),
            }
        out: dict[str, Any] = {
            "method": label,
            "adaptation": row.adaptation_label,
            "ignores_start": label in self.ignoring_start,
            "how": self.risk(label).how.rows(shape),
        }
        for name, number in numbers.items():
            out[name] = number.value
            if drawn:
                out[f"{name}_error"] = (
                    0.0 * number.value if number.replicates is None else number.standard_error
                )
        out |= self.cost(label).columns()
        return self.grid.columns(out) | {name: _column(value, shape) for name, value in out.items()}

    def plot(self, ax: Any = None, x: str | None = None, y: str | None = None) -> Any:
        """Draw one line a row of `y` against the varying name `x`.

        By default risk above the noise, or in total where label noise costs rows differently.
        """
        from landscape import plotting  # optional: pyplot takes 0.35 s

        return plotting.comparison(
            self, ax=ax, x=x, y=y or ("above_noise" if self.has_same_noise else "total")
        )

    def heatmap(self, x: str | None = None, y: str | None = None, label: str = "MAML", ax: Any = None) -> Any:
        """Draw the gain of a method over the two names that vary, the first of them across unless x or y says else.

        Where they are rho_hard and m, and alpha = 1/rho_easy, the exact boundary of the `hardness_window` is
        drawn in.
        """
        from landscape import plotting  # optional: pyplot takes 0.35 s

        dims = self.grid.dims
        if len(dims) == 2:
            x = next(name for name in dims if name != y) if x is None else x
            y = next(name for name in dims if name != x) if y is None else y
        if x is None or y is None or x == y or {x, y} != set(dims):
            raise ValueError(
                f"a heat map needs exactly the varying names x and y, got {list(dims)} for {x=}, {y=}"
            )
        self.gain(label)  # an error where there is none
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


def _column(value: Any, shape: tuple[int, ...]) -> Array:
    """A column of the table: one entry a grid point."""
    array = np.asarray(value, dtype=object if isinstance(value, str) else None)
    return (
        array
        if array.ndim == 1 and len(array) == np.prod(shape, dtype=int)
        else np.broadcast_to(array, shape).ravel()
    )

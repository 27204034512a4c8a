"""Results against one argument: theory as lines, simulation as points with error bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.analysis.comparison import Comparison
from landscape.analysis.risk import Risk
from landscape.core import checks, short
from landscape.plotting.style import (
    STYLES,
    axes_or_new,
    finish,
    half_widths,
    lines,
    points,
    scale_axis,
    style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from landscape.analysis.agreement import Agreement
    from landscape.analysis.simulate import Simulation
    from landscape.analysis.sweep import Sweep


def comparison(
    result: Comparison, ax: Axes | None = None, x: str | None = None, y: str = "above_noise"
) -> Axes:
    """Draw lines of `y` against `x`, one a method; where nothing varies, a bar a method.

    With more than one name that varies, the others must be fixed beforehand.
    """
    frame = result.to_frame()
    first = list(frame.columns).index("method")
    if not result.grid.dims:
        checks.known("quantity", y, list(frame.columns[first + 1 :]))
        error = frame[f"{y}_error"] if f"{y}_error" in frame else 0.0 * frame[y]
        return bars(frame["method"], frame[y], 1.96 * error, y, ax, (result.environment, result.adaptation))
    ax = axes_or_new(ax)
    names = list(result.grid.columns())
    x = _the_axis(result.grid.dims, x, names)
    at = frame.columns[names.index(x)]  # where another column has its name, over_...
    checks.known("quantity", y, list(frame.columns[first + 1 :]))
    for label in result.labels:
        row = frame[frame["method"] == label]
        if row[y].notna().any():  # where the adaptation differs there is no gain
            lines(ax, label, row, at, y, among=result.labels)
    if y == "total" and "best_possible" in frame and "best possible" not in result.labels:
        floors = {tuple(row["best_possible"]): label for label, row in frame.groupby("method", sort=False)}
        for label in floors.values():  # rows that take equally many samples share one
            name = None if len(floors) == 1 else f"best possible with the samples of {label}"
            lines(ax, "best possible", frame[frame["method"] == label], at, "best_possible", name)
    scale_axis(ax.xaxis, frame[at])
    return finish(ax, x, y, records=(result.environment, result.adaptation, *result.methods))


def bars(
    labels: Sequence[str],
    values: Sequence[float],
    half_widths: Sequence[float],
    y: str,
    ax: Axes | None,
    records: Sequence[Any] = (),
) -> Axes:
    """Draw a bar a row of a result without a grid, the first on top, with its value and 95% interval."""
    ax = axes_or_new(ax, (5.2, 0.8 + 0.45 * len(labels)))
    for place, (label, value, half) in enumerate(zip(labels, values, half_widths, strict=True)):
        if np.isnan(value):  # where the adaptation differs there is no gain
            continue
        known = half if half > 0 else 0.0  # one run says nothing about its scatter
        ax.barh(place, value, color=style(label, labels)[0], alpha=0.75, xerr=known or None, capsize=2.5)
        ax.annotate(
            f"{value:.3g}", (max(value, 0) + known, place), (4, 0), textcoords="offset points", va="center"
        )
    ax.set_yticks(range(len(labels)), labels)
    ax.invert_yaxis()
    ax.margins(x=0.14)
    finish(ax, y, "", legend=False, records=records)
    ax.grid(visible=False, axis="y")
    return ax


def simulated(
    result: Simulation, ax: Axes | None = None, x: str | None = None, y: str = "above_noise"
) -> Axes:
    """Draw means over repeats with 95% intervals of `y` against `x`; where nothing varies, a bar a method."""
    records = (result.environment, result.adaptation, result.training, *result.methods)
    frame = result.to_frame()
    columns = dict(zip(result.grid.dims, frame.columns, strict=False))
    return _measured(frame, result.grid.dims, ax, x, y, records, columns)


def sweep(result: Sweep, ax: Axes | None = None, x: str | None = None, y: str = "above_noise") -> Axes:
    """Draw means over runs with 95% intervals of `y` against the name `x` swept over; a bar a method where none is."""
    return _measured(result.table, result.axes, ax, x, y)


def _measured(
    frame: Any,
    axes: Sequence[str],
    ax: Axes | None,
    x: str | None,
    y: str,
    records: Sequence[Any] = (),
    columns: Mapping[str, str] = MappingProxyType({}),
) -> Axes:
    """Means of runs with 95% intervals, one row of the table a run; `columns` says where a name has another column."""
    checks.known("quantity", y, ["coordinate", "loss", "above_noise"])
    told = {"mean": "mean", "error": "sem", "count": "count"}
    labels = list(dict.fromkeys(frame["method"]))
    if not axes:
        means = frame.groupby("method", sort=False)[y].agg(**told)
        return bars(labels, means["mean"], half_widths(means), y, ax, records)
    ax = axes_or_new(ax)
    x = _the_axis(axes, x, axes)
    for label in labels:
        groups = frame[frame["method"] == label].groupby(columns.get(x, x))[y]
        points(ax, label, groups.agg(**told), among=labels)
    scale_axis(ax.xaxis, frame[columns.get(x, x)])
    return finish(ax, x, y, records=records)


def _the_axis(dims: Sequence[str], x: str | None, allowed: Sequence[str]) -> str:
    """The one name that varies, or another one that is a function of it."""
    if len(dims) > 1:
        raise ValueError(f"a line plot needs one varying name, got {list(dims)}: fix the others first")
    if x is not None and x not in allowed:
        raise ValueError(f"x must be one of the varying names {list(allowed)}, got {x!r}")
    return x or dims[0]


def risk_parts(risk: Risk, ax: Axes | None = None) -> Axes:
    """Draw noise, dispersion and suboptimality stacked, a bar a grid point."""
    ax = axes_or_new(ax)
    frame = risk.to_frame()
    bottom = np.zeros(len(frame))
    looks = {"noise": ("#BBBBBB", ""), "dispersion": ("#56B4E9", "//"), "suboptimality": ("#D55E00", "xx")}
    for name, (colour, hatch) in looks.items():
        ax.bar(
            frame.index, frame[name], bottom=bottom, color=colour, hatch=hatch, edgecolor="white", label=name
        )
        bottom = bottom + frame[name].to_numpy()
    dims = risk.grid.dims
    if len(dims) == 1:
        values = list(risk.grid.axes[dims[0]])
        ax.set_xticks(frame.index, [f"{v:g}" if np.ndim(v) == 0 else short(list(v)) for v in values])
        return finish(ax, dims[0], "total")
    ax.set_xticks(frame.index if dims else [])
    return finish(ax, "grid point" if dims else "", "total")


def z_scores(result: Agreement, ax: Axes | None = None) -> Axes:
    """Draw the z-scores by quantity, with the 95% band of a standard normal."""
    ax = axes_or_new(ax)
    table = result.to_frame().dropna(subset="z")
    ax.axhspan(-1.96, 1.96, color="#DDDDDD", label="95% band", zorder=0)
    rows = np.arange(len(table))
    colours = [colour for colour, _, _ in STYLES.values()]
    for quantity, marker, colour in zip(table["quantity"].unique(), "osD", colours, strict=False):
        here = (table["quantity"] == quantity).to_numpy()
        z = table["z"].to_numpy()[here]
        ax.plot(rows[here], z, marker, color=colour, markerfacecolor="white", label=quantity)
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_ylim(-(reach := max(3.0, 1.1 * table["z"].abs().max())), 1.6 * reach)  # room for the legend
    ax.locator_params(axis="x", integer=True)
    finish(ax, "comparison", "z", legend=False).legend(
        loc="upper center", ncols=2, fontsize="small", frameon=False
    )
    return ax


def sgd_curve(curve: Any, ax: Axes | None = None) -> Axes:
    """Draw the predicted mean coordinate over iterations with a band of two standard deviations."""
    ax = axes_or_new(ax)
    frame = curve.to_frame()
    label = curve.method.label
    colour, dashes, _ = style(label)
    mean, error = frame["coordinate"], frame["standard_deviation"]
    ax.plot(frame["iteration"], mean, color=colour, linestyle=dashes, label=f"{label}, mean")
    ax.fill_between(
        frame["iteration"],
        mean - 2 * error,
        mean + 2 * error,
        color=colour,
        alpha=0.2,
        label="2 standard deviations",
    )
    return finish(ax, "iteration", "coordinate")


def answer(result: Any, ax: Axes | None = None) -> Axes:
    """Draw expected suboptimality over the unknown, what is wanted, and the answer."""
    ax = axes_or_new(ax)
    ax.plot(result.values, result.curve, color=STYLES["MAML"][0], label="expected suboptimality")
    if result.wanted is not None:
        ax.axhline(result.wanted, color="0.4", linestyle="--", linewidth=1, label="wanted")
    if result.value is not None and not isinstance(result.value, tuple):
        name = f"answer: {result.value:.4g}"
        ax.plot(result.value, result.suboptimality, "o", color=STYLES["NAL"][0], label=name)
    if np.min(result.values) > 0 and np.max(result.values) > 30 * np.min(result.values):
        ax.set_xscale("log")
    finite = result.curve[np.isfinite(result.curve) & (result.curve > 0)]
    if len(finite) and finite.max() > 30 * finite.min():
        ax.set_yscale("log")
    return finish(ax, result.unknown, "suboptimality")


def loss_law(result: Any, ax: Axes | None = None, label: str = "") -> Axes:
    """Draw a distribution function between the losses of 0.1% and 99%."""
    ax = axes_or_new(ax)
    low, high = result.quantile([0.001, 0.99]).value
    losses = np.linspace(low, high, 81) if high > low else np.array([low])
    found = result.cdf(losses)
    (line,) = ax.plot(losses, found.value, linewidth=1.8, label=label or result.headline().partition(":")[0])
    if found.standard_error is not None:
        half = 1.96 * found.standard_error
        ax.fill_between(
            losses, found.value - half, found.value + half, color=line.get_color(), alpha=0.2, linewidth=0
        )
    finish(ax, "loss after adaptation", "probability", legend=bool(label))
    return ax

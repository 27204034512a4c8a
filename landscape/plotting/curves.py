"""Results against one argument: theory as lines, simulation as points with error bars."""

import numpy as np

from landscape import checks
from landscape.plotting.style import STYLES, axes_or_new, finish, lines, points, style


def comparison(result, ax=None, x=None, y="above_noise"):
    """Lines of `y` against `x`, one a method; other varying arguments must be fixed beforehand."""
    ax = axes_or_new(ax)
    frame = result.to_frame()
    axes = _axes_of(frame)
    x = _the_axis(frame, x, axes)
    checks.known("quantity", y, list(frame.columns[len(axes) + 1 :]))
    for label in result.labels:
        lines(ax, label, frame[frame["method"] == label], x, y, among=result.labels)
    return finish(ax, x, y)


def simulated(result, ax=None, x=None, y="above_noise"):
    """Means over repeats with 95% intervals of `y` against `x`."""
    frame = result.to_frame()
    return _measured(frame, _axes_of(frame), ax, x, y)


def sweep(result, ax=None, x=None, y="above_noise"):
    """Means over runs with 95% intervals of `y` against the name `x` swept over."""
    return _measured(result.table, result.axes, ax, x, y)


def _measured(frame, axes, ax, x, y):
    """Means of runs with 95% intervals, one row of the table a run."""
    ax = axes_or_new(ax)
    x = _the_axis(frame, x, axes)
    checks.known("quantity", y, ["coordinate", "loss", "above_noise"])
    labels = list(dict.fromkeys(frame["method"]))
    for label in labels:
        groups = frame[frame["method"] == label].groupby(x)[y]
        points(ax, label, groups.agg(mean="mean", error="sem", count="count"), among=labels)
    return finish(ax, x, y)


def _the_axis(frame, x, allowed):
    names = [name for name in frame.columns if name in allowed]
    if not names:
        raise ValueError("nothing varies, so there is nothing to draw against: pass over={name: values}")
    if len(names) > 1:
        raise ValueError(f"a line plot needs one varying argument, got {names}: fix the others first")
    if x not in (None, names[0]):
        raise ValueError(f"x must be one of the varying arguments {names}, got {x!r}")
    return names[0]


def _axes_of(frame):
    """The varying arguments: what stands before the method in a table."""
    columns = list(frame.columns)
    return columns[: columns.index("method")]


def risk_parts(risk, ax=None):
    """Noise, dispersion and suboptimality stacked, a bar a grid point."""
    ax = axes_or_new(ax)
    frame = risk.to_frame()
    bottom = np.zeros(len(frame))
    shades = {"noise": "#BBBBBB", "dispersion": "#56B4E9", "suboptimality": "#D55E00"}
    hatches = {"noise": "", "dispersion": "//", "suboptimality": "xx"}
    for name, colour in shades.items():
        ax.bar(
            frame.index,
            frame[name],
            bottom=bottom,
            color=colour,
            hatch=hatches[name],
            edgecolor="white",
            label=name,
        )
        bottom = bottom + frame[name].to_numpy()
    ax.set_xticks(frame.index if len(frame) > 1 else [])
    return finish(ax, "grid point" if len(frame) > 1 else "", "total")


def z_scores(result, ax=None):
    """The z-scores by quantity, with the 95% band of a standard normal."""
    ax = axes_or_new(ax)
    table = result.to_frame().dropna(subset="z")
    ax.axhspan(-1.96, 1.96, color="#DDDDDD", label="95% band")
    rows = np.arange(len(table))
    for i, (quantity, marker) in enumerate(zip(table["quantity"].unique(), "osD", strict=False)):
        here = (table["quantity"] == quantity).to_numpy()
        colour = list(STYLES.values())[i][0]
        ax.plot(
            rows[here],
            table["z"].to_numpy()[here],
            marker,
            color=colour,
            markerfacecolor="white",
            label=quantity,
        )
    ax.axhline(0, color="black", linewidth=0.8)
    return finish(ax, "comparison", "z")


def sgd_curve(curve, ax=None):
    """Predicted mean coordinate over iterations with a band of two standard deviations."""
    ax = axes_or_new(ax)
    frame = curve.to_frame()
    colour, dashes, _ = style(curve.method.label)
    ax.plot(
        frame["iteration"],
        frame["coordinate"],
        color=colour,
        linestyle=dashes,
        label=f"{curve.method.label}, mean",
    )
    low = frame["coordinate"] - 2 * frame["standard_deviation"]
    high = frame["coordinate"] + 2 * frame["standard_deviation"]
    ax.fill_between(frame["iteration"], low, high, color=colour, alpha=0.2, label="2 standard deviations")
    return finish(ax, "iteration", "coordinate")


def answer(result, ax=None):
    """Expected suboptimality over the unknown, what is wanted, and the answer."""
    ax = axes_or_new(ax)
    ax.plot(result.values, result.curve, color=STYLES["MAML"][0], label="expected suboptimality")
    if result.wanted is not None:
        ax.axhline(result.wanted, color="0.4", linestyle="--", linewidth=1, label="wanted")
    if result.value is not None and not isinstance(result.value, tuple):
        ax.plot(
            result.value,
            result.suboptimality,
            "o",
            color=STYLES["NAL"][0],
            label=f"answer: {result.value:.4g}",
        )
    if np.min(result.values) > 0 and np.max(result.values) > 30 * np.min(result.values):
        ax.set_xscale("log")
    finite = result.curve[np.isfinite(result.curve) & (result.curve > 0)]
    if len(finite) and finite.max() > 30 * finite.min():
        ax.set_yscale("log")
    return finish(
        ax,
        {"n1": "outer samples $n_1$", "T": "tasks $T$"}.get(result.unknown, result.unknown),
        "suboptimality",
    )

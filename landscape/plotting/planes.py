"""Results over two axes: landscapes with their optima and solutions, and the gain as a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.analysis.comparison import Comparison
from landscape.core import Array, Scalar
from landscape.plotting.style import FINE, axes_or_new, axis_label, is_geometric, scale_axis, style, two_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from landscape.plotting.landscapes import View

FAMILY_STYLES = [("#7A4B9A", "^"), ("#6E6E6E", "."), ("#B8860B", "v"), ("#2E8B57", "<"), ("#8B2252", ">")]
"""Colour and marker of each family's tasks."""


def draw_pair(view: View, axes: Any = None) -> Any:
    """Draw the pooled loss and the loss after adaptation side by side."""
    if axes is None:
        from matplotlib import pyplot as plt  # optional: it takes 0.35 s

        axes = plt.subplots(1, 2, figsize=(8.6, 4.3), sharex=True, sharey=True, layout="constrained")[1]
    axes = two_axes(axes)
    draw_plane(axes[0], view, view.pooled, arrows=False)
    draw_plane(axes[1], view, view.adapted, arrows=True)
    axes[0].set_title("pooled loss $f$", fontsize="medium")
    after = rf"loss after adaptation $F_m$, $m = {_plain(view.adaptation.m)}$"
    axes[1].set_title("\n".join(filter(None, (after, view.gained()))), fontsize="medium")
    axes[1].set_ylabel("")
    handles, names = axes[0].get_legend_handles_labels()
    outside = "outside " if axes[0].figure.get_layout_engine() else ""
    axes[0].figure.legend(
        handles, names, loc=f"{outside}lower center", ncols=len(names), frameon=False, fontsize="small"
    )
    return axes


def _plain(m: Scalar) -> str:
    return r"\infty" if np.isinf(m) else f"{m:g}"


def draw_plane(ax: Axes, view: View, values: Array, arrows: bool, levels: Array | None = None) -> None:
    """Draw one landscape: contours, sampled optima, solutions and, if wanted, where adaptation leads from them."""
    levels = contour_levels([values]) if levels is None else levels
    ax.contourf(view.x, view.y, values, levels=levels, cmap="Greys", alpha=0.55)
    ax.contour(view.x, view.y, values, levels=levels, colors="0.35", linewidths=0.5)
    few = len(view.families) <= len(FAMILY_STYLES)  # with many families one look serves all
    for i, (name, optima) in enumerate(zip(view.families, view.optima, strict=True)):
        colour, marker = FAMILY_STYLES[i if few else 0]
        label = f"{name} tasks" if few else "tasks" if i == 0 else None
        ax.plot(*optima.T, marker, color=colour, markersize=4.5, alpha=0.7, label=label)
    for label, point, ends in zip(view.labels, view.solutions, view.adapted_points, strict=True):
        colour, dashes, marker = style(label, view.labels)
        arrow = {"arrowstyle": "->", "color": colour, "linestyle": dashes, "linewidth": 1.5}
        for end in ends if arrows and few else ():
            ax.annotate("", end, point, arrowprops=arrow)
        first = (
            label == view.labels[0] and len(view.labels) > 1
        )  # open and larger, so that none covers another
        look = {"markerfacecolor": "white", "markeredgewidth": 2.2} if first else {"markeredgecolor": "white"}
        ax.plot(
            *point,
            marker,
            color=colour,
            markersize=11 if first else 7.5,
            linestyle="none",
            label=label,
            **look,
        )
    ax.set_xlim(view.x[0], view.x[-1])
    ax.set_ylim(view.y[0], view.y[-1])
    ax.set_aspect("equal")
    plane = view.environment.d == 2
    ax.set_xlabel("first coordinate" if plane else "along the solutions")
    ax.set_ylabel("second coordinate" if plane else "across")


def contour_levels(surfaces: Sequence[Array]) -> Array:
    """Return levels for surfaces that are compared, denser where the lowest of them is flat."""
    low, high = min(map(np.min, surfaces)), max(map(np.max, surfaces))
    return np.asarray(low + (high - low) * np.linspace(0, 1, 15) ** 2)


def draw_series(views: Sequence[View], titles: Sequence[str]) -> Figure:
    """Draw small multiples of landscapes: pooled loss above, loss after adaptation below, a column a view.

    A row has the same levels in all columns.
    """
    from matplotlib.figure import Figure  # optional: it takes 0.35 s

    figure = Figure(figsize=(2.6 * len(views) + 0.6, 5.8), layout="constrained")
    axes = figure.subplots(2, len(views), squeeze=False)
    levels = [contour_levels([v.pooled for v in views]), contour_levels([v.adapted for v in views])]
    for column, view, title in zip(axes.T, views, titles, strict=True):
        draw_plane(column[0], view, view.pooled, arrows=False, levels=levels[0])
        draw_plane(column[1], view, view.adapted, arrows=True, levels=levels[1])
        column[0].set_title("\n".join([title, *view.gained().split(", ")]).strip(), fontsize="medium")
        column[0].set_xlabel("")
    for row, label in zip(axes, ("pooled loss $f$", "after adaptation $F_m$"), strict=True):
        row[0].set_ylabel(label)
        for ax in row[1:]:
            ax.set_ylabel("")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)
    return figure


def edges(values: Any) -> Array:
    """Return the edges of cells around the numbers of a grid, shape (n + 1,), halfway on the grid's own scale."""
    forth, back = (np.log, np.exp) if is_geometric(values) else (np.asarray, np.asarray)
    x = forth(np.asarray(values, dtype=float))
    if len(x) < 2:
        return np.asarray(back(x[0] + np.array([-0.5, 0.5])))
    middle = (x[1:] + x[:-1]) / 2
    return np.asarray(back(np.concatenate([[2 * x[0] - middle[0]], middle, [2 * x[-1] - middle[-1]]])))


LOSES = 0.95
"""A gain below which a method does worse than what it is measured against, and not by rounding alone."""


def heatmap(
    result: Comparison,
    ax: Axes | None = None,
    *,
    x: str,
    y: str,
    label: str = "MAML",
    boundary: tuple[Array, Array] | None = None,
) -> Axes:
    """Draw the gain of a method over two varying names, and a boundary curve.

    Parameters
    ----------
    result : Comparison
        With exactly the two varying names x and y.
    boundary : pair of arrays, optional
        Points of a curve to draw.
    """
    from matplotlib.colors import LogNorm  # optional: it takes 0.35 s

    ax = axes_or_new(ax)
    frame = result.to_frame()
    across, up = (frame.columns[result.grid.dims.index(name)] for name in (x, y))
    table = frame[frame["method"] == label].pivot(index=up, columns=across, values="gain")
    values = table.to_numpy()
    low, high = max(values.min(), 1e-3), values.max()
    loses = low < LOSES  # then white is no gain, and both sides have one scale
    if loses:
        low, high = min(low, 1 / high), max(high, 1 / low)
    norm = LogNorm(low, high) if loses or high > 3 * low else None
    fine = min(values.shape) >= FINE
    x_edges, y_edges = (np.asarray(side) if fine else edges(side) for side in (table.columns, table.index))
    mesh = ax.pcolormesh(
        x_edges,
        y_edges,
        values,
        cmap="RdBu" if loses else "cividis",
        norm=norm,
        shading="gouraud" if fine else "flat",
        rasterized=True,
    )
    bar = ax.figure.colorbar(mesh, ax=ax, label=f"gain of {label} over {result.baseline}", format="{x:.3g}")
    if norm is not None:
        near = np.array([1, 1.05, 1.1, 1.2, 1.3, 1.5])
        up = near if high < 1.6 else np.array([1, 1.2, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100])
        ticks = np.concatenate([1 / up[::-1], up]) if loses else up
        bar.set_ticks(ticks[(ticks >= low) & (ticks <= high)])
        bar.minorticks_off()
    if boundary is not None:
        ax.plot(*boundary, color="white", linewidth=2.6)
        ax.plot(*boundary, color="black", linewidth=1.4, linestyle="--", label="hardness window")
        ax.legend(frameon=True, fontsize="small", loc="upper right")
    ax.set_xlim(x_edges[0], x_edges[-1])
    ax.set_ylim(y_edges[0], y_edges[-1])
    scale_axis(ax.xaxis, table.columns)
    scale_axis(ax.yaxis, table.index)
    records = (result.environment, result.adaptation, *result.methods)
    ax.set_xlabel(axis_label(x, *records))
    ax.set_ylabel(axis_label(y, *records))
    return ax

"""Results in, artists out, for nonlinear landscapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.core import Array
from landscape.plotting.style import style, two_axes

if TYPE_CHECKING:
    from landscape.nonlinear.comparison import NonlinearComparison
    from landscape.nonlinear.environment import NonlinearEnvironment
    from landscape.nonlinear.view import NonlinearView

TASKS = {"hard": ("^", "#FFFFFF"), "easy": ("o", "#BFBFBF")}


def limits_of(surfaces: Sequence[Array]) -> tuple[float, float]:
    """Return the ends of a logarithmic scale for surfaces that are compared: four decades at most."""
    high = float(max(map(np.max, surfaces)))
    return max(float(min(map(np.min, surfaces))), 1e-4 * high), high


def contours(ax: Any, x: Array, y: Array, values: Array, limits: tuple[float, float] | None = None) -> Any:
    """Draw filled contours on a logarithmic scale; return them, for a colour bar."""
    from matplotlib.colors import LogNorm  # optional: importing it takes 0.2 s

    low, high = limits or limits_of([values])
    levels = np.geomspace(low, high * (1 + 1e-9), 16)
    shown = np.maximum(values, low)
    filled = ax.contourf(x, y, shown, levels=levels, cmap="Greys", norm=LogNorm(low, 4 * high), alpha=0.8)
    ax.contour(x, y, values, levels=levels, colors="0.35", linewidths=0.4)
    ax.set_aspect("equal")
    ax.set_xlabel("$w_1$")
    ax.set_ylabel("$w_2$")
    return filled


def colour_bar(filled: Any, axes: Any, **where: Any) -> None:
    """Draw the scale of contours, in plain numbers, beside the axes that share it."""
    from matplotlib.ticker import NullLocator  # optional: importing it takes 0.2 s

    figure = np.ravel(axes)[0].figure
    bar = figure.colorbar(filled, ax=axes, ticks=filled.levels[::3], format="{x:.2g}", **where)
    bar.long_axis.set_minor_locator(NullLocator())


def teachers(ax: Any, environment: NonlinearEnvironment) -> None:
    """Draw the teachers: a triangle for tasks whose name starts with "hard", a circle for others."""
    named = set()
    for task in environment.tasks:
        kind = "hard" if task.name.startswith("hard") else "easy"
        marker, face = TASKS[kind]
        label = None if kind in named else f"{kind} task's teacher"
        named.add(kind)
        look = {"markeredgecolor": "black", "markersize": 7.5, "linestyle": "none", "zorder": 4}
        ax.plot(*task.teacher[0], marker, color=face, label=label, **look)


def solutions(ax: Any, comparison: NonlinearComparison) -> None:
    """Draw NAL's solution open and MAML's filled, so that none covers the other, and the linear theory's as crosses."""
    for label, open_, size, cross in (("NAL", True, 12, "+"), ("MAML", False, 7, "x")):
        colour, _, marker = style(label)
        exact, linear = comparison.solutions[label].best[0], comparison.predicted[label][0]
        look = {"markerfacecolor": "white", "markeredgecolor": colour, "markeredgewidth": 2.4}
        look = look if open_ else {"color": colour, "markeredgecolor": "white"}
        ax.plot(*exact, marker, markersize=size, linestyle="none", label=label, zorder=6, **look)
        ax.plot(
            *linear, cross, color=colour, markersize=size + 3, markeredgewidth=1.8, linestyle="none",
            label=f"{label}, linear theory", zorder=5 if open_ else 7,
        )  # fmt: skip


def view(picture: NonlinearView, axes: Any = None, scales: Sequence[tuple[float, float]] = ()) -> Any:
    """Draw pooled loss and loss after adaptation side by side; with `scales`, of both, the colour bars are the caller's."""
    alone = axes is None
    if alone:
        from matplotlib import pyplot as plt  # optional: importing it takes 0.35 s

        axes = plt.subplots(1, 2, figsize=(9.2, 4.7), layout="constrained")[1]
    axes = two_axes(axes)
    m = picture.comparison.adaptation.m
    after = r"$m = \infty$" if np.isinf(m) else f"$m = {m:g}$"
    titles = ("NAL: pooled loss", f"MAML after a step, {after}: gains {picture.comparison.gain:.3g}")
    surfaces = (picture.pooled, picture.adapted)
    for ax, values, title, scale in zip(axes, surfaces, titles, scales or (None, None), strict=True):
        filled = contours(ax, picture.x, picture.y, values, scale)
        if not scales:
            colour_bar(filled, ax, shrink=0.85)
        teachers(ax, picture.comparison.environment)
        solutions(ax, picture.comparison)
        ax.set_title(title, fontsize="medium")
    if alone:
        legend(axes[0].figure, axes[0], columns=3)
    return axes


def legend(figure: Any, ax: Any, columns: int = 6) -> None:
    """Draw one legend for the figure, below it."""
    handles, names = ax.get_legend_handles_labels()
    look = {"ncols": columns, "frameon": False, "fontsize": "small"}
    figure.legend(handles, names, loc="outside lower center", **look)

"""Results in, artists out, for nonlinear landscapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.core import Array
from landscape.plotting.style import style, two_axes

if TYPE_CHECKING:
    from landscape.nonlinear.comparison import NonlinearComparison
    from landscape.nonlinear.environment import NonlinearEnvironment
    from landscape.nonlinear.view import NonlinearView

TASKS = {"hard": ("^", "#FFFFFF"), "easy": ("o", "#BFBFBF")}


def contours(ax: Any, x: Array, y: Array, values: Array) -> Any:
    """Draw filled contours on a logarithmic scale, with a colour bar of plain numbers."""
    from matplotlib.colors import LogNorm  # optional: importing it takes 0.2 s
    from matplotlib.ticker import NullLocator  # optional

    low, high = max(values.min(), 1e-4 * values.max()), values.max()
    levels = np.geomspace(low, high * (1 + 1e-9), 16)
    shown = np.maximum(values, low)
    filled = ax.contourf(x, y, shown, levels=levels, cmap="cividis", norm=LogNorm(low, high))
    ax.contour(x, y, values, levels=levels, colors="white", linewidths=0.4, alpha=0.6)
    bar = ax.figure.colorbar(filled, ax=ax, ticks=levels[::3], format="{x:.2g}", shrink=0.85)
    bar.ax.yaxis.set_minor_locator(NullLocator())
    ax.set_aspect("equal")
    ax.set_xlabel("$w_1$")
    ax.set_ylabel("$w_2$")
    return ax


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
    """Draw solutions filled, the linear theory's prediction hollow."""
    for label in ("NAL", "MAML"):
        colour, _, marker = style(label)
        size = 11 if label == "NAL" else 8  # either is seen where they coincide
        exact, linear = comparison.solutions[label].best[0], comparison.predicted[label][0]
        ax.plot(
            *exact, marker, color=colour, markeredgecolor="white", markersize=size, linestyle="none", label=label, zorder=6
        )  # fmt: skip
        ax.plot(
            *linear, marker, color="none", markeredgecolor=colour, markeredgewidth=1.8, markersize=size + 1, linestyle="none",
            label=f"{label}, linear theory", zorder=7,
        )  # fmt: skip


def view(picture: NonlinearView, axes: Any = None) -> Any:
    """Draw pooled loss and loss after adaptation side by side."""
    alone = axes is None
    if alone:
        from matplotlib import pyplot as plt  # optional: importing it takes 0.35 s

        axes = plt.subplots(1, 2, figsize=(9.2, 4.7), layout="constrained")[1]
    axes = two_axes(axes)
    m = picture.comparison.adaptation.m
    after = r"$m = \infty$" if np.isinf(m) else f"$m = {m:g}$"
    titles = ("NAL: pooled loss", f"MAML: after a step, {after}")
    for ax, values, title in zip(axes, (picture.pooled, picture.adapted), titles, strict=True):
        contours(ax, picture.x, picture.y, values)
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

"""Results in, artists out, for nonlinear landscapes."""

import numpy as np

from landscape.plotting import style, two_axes

TASKS = {"hard": ("^", "#FFFFFF"), "easy": ("o", "#BFBFBF")}


def contours(ax, x, y, values):
    """Filled contours on a logarithmic scale, with a colour bar of plain numbers."""
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import NullLocator

    low, high = max(values.min(), 1e-4 * values.max()), values.max()
    levels = np.geomspace(low, high * (1 + 1e-9), 16)
    filled = ax.contourf(
        x, y, np.maximum(values, low), levels=levels, cmap="cividis", norm=LogNorm(low, high)
    )
    ax.contour(x, y, values, levels=levels, colors="white", linewidths=0.4, alpha=0.6)
    bar = ax.figure.colorbar(filled, ax=ax, ticks=levels[::3], format="{x:.2g}", shrink=0.85)
    bar.ax.yaxis.set_minor_locator(NullLocator())
    ax.set_aspect("equal")
    ax.set_xlabel("$w_1$")
    ax.set_ylabel("$w_2$")
    return ax


def teachers(ax, environment):
    """Teachers: a triangle for tasks whose name starts with "hard", a circle for others."""
    named = set()
    for task in environment.tasks:
        kind = "hard" if task.name.startswith("hard") else "easy"
        marker, face = TASKS[kind]
        label = None if kind in named else f"{kind} task's teacher"
        named.add(kind)
        ax.plot(
            *task.teacher[0],
            marker,
            color=face,
            markeredgecolor="black",
            markersize=7.5,
            linestyle="none",
            label=label,
            zorder=4,
        )


def solutions(ax, comparison):
    """Solutions filled, the linear theory's prediction hollow."""
    for label in ("NAL", "MAML"):
        colour, _, marker = style(label)
        size = 11 if label == "NAL" else 8  # either is seen where they coincide
        exact, linear = comparison.solutions[label].best[0], comparison.predicted[label][0]
        ax.plot(
            *exact,
            marker,
            color=colour,
            markeredgecolor="white",
            markersize=size,
            linestyle="none",
            label=label,
            zorder=6,
        )
        ax.plot(
            *linear, marker, color="none", markeredgecolor=colour, markeredgewidth=1.8, markersize=size + 1, linestyle="none",
            label=f"{label}, linear theory", zorder=7,
        )  # fmt: skip


def view(picture, axes=None):
    """Pooled loss and loss after adaptation side by side."""
    alone = axes is None
    if alone:
        from matplotlib import pyplot as plt

        axes = plt.subplots(1, 2, figsize=(9.2, 4.7), layout="constrained")[1]
    axes = two_axes(axes)
    m = picture.comparison.adaptation.m
    after = r"$m = \infty$" if np.isinf(m) else f"$m = {m:g}$"
    for ax, values, title in zip(
        axes,
        (picture.pooled, picture.adapted),
        ("NAL: pooled loss", f"MAML: after a step, {after}"),
        strict=True,
    ):
        contours(ax, picture.x, picture.y, values)
        teachers(ax, picture.comparison.environment)
        solutions(ax, picture.comparison)
        ax.set_title(title, fontsize="medium")
    if alone:
        legend(axes[0].figure, axes[0], columns=3)
    return axes


def legend(figure, ax, columns=6):
    """One legend for the figure, below it."""
    figure.legend(
        *ax.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize="small",
    )

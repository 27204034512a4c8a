"""Results over two axes: landscapes with their optima and solutions, and the gain as a map."""

import numpy as np

from landscape.plotting.style import NAMES, axes_or_new, style, two_axes

FAMILY_STYLES = [("#7A4B9A", "^"), ("#6E6E6E", "."), ("#B8860B", "v"), ("#2E8B57", "<"), ("#8B2252", ">")]


def landscapes(view, axes=None):
    """Pooled loss and loss after adaptation side by side."""
    if axes is None:
        from matplotlib import pyplot as plt

        axes = plt.subplots(1, 2, figsize=(8.6, 4.3), sharex=True, sharey=True, layout="constrained")[1]
    axes = two_axes(axes)
    titles = "pooled loss $f$", rf"loss after adaptation $F_m$, $m = {_plain(view.adaptation.m)}$"
    for ax, values, title, arrows in zip(
        axes, (view.pooled, view.adapted), titles, (False, True), strict=True
    ):
        landscape(ax, view, values, arrows=arrows)
        ax.set_title(title, fontsize="medium")
    axes[1].set_ylabel("")
    handles, names = axes[0].get_legend_handles_labels()
    outside = "outside " if axes[0].figure.get_layout_engine() else ""
    axes[0].figure.legend(
        handles, names, loc=f"{outside}lower center", ncols=len(names), frameon=False, fontsize="small"
    )
    return axes


def _plain(m):
    return r"\infty" if np.isinf(m) else f"{m:g}"


def landscape(ax, view, values, arrows):
    """One landscape: contours, sampled optima, solutions and, if wanted, adaptation steps."""
    low, high = values.min(), values.max()
    levels = low + (high - low) * np.linspace(0, 1, 15) ** 2  # denser where the landscape is flat
    ax.contourf(view.x, view.y, values, levels=levels, cmap="Greys", alpha=0.55)
    ax.contour(view.x, view.y, values, levels=levels, colors="0.35", linewidths=0.5)
    families = view.families if len(view.families) <= len(FAMILY_STYLES) else ["tasks"] * len(view.families)
    for i, (name, points) in enumerate(zip(families, view.optima, strict=True)):
        colour, marker = FAMILY_STYLES[i if families is view.families else 0]
        label = f"{name} tasks" if families is view.families else (name if i == 0 else None)
        ax.plot(*points.T, marker, color=colour, markersize=4.5, alpha=0.7, label=label)
    for label, point, steps in zip(view.labels, view.solutions, view.steps, strict=True):
        colour, dashes, marker = style(label, view.labels)
        if arrows and len(steps) <= len(FAMILY_STYLES):
            for end in steps:
                ax.annotate(
                    "",
                    end,
                    point,
                    arrowprops={"arrowstyle": "->", "color": colour, "linestyle": dashes, "linewidth": 1.5},
                )
        ax.plot(
            *point, marker, color=colour, markersize=9, markeredgecolor="white", linestyle="none", label=label
        )
    ax.set_xlim(view.x[0], view.x[-1])
    ax.set_ylim(view.y[0], view.y[-1])
    ax.set_aspect("equal")
    plane = view.environment.d == 2
    ax.set_xlabel("first coordinate" if plane else "along the solutions")
    ax.set_ylabel("second coordinate" if plane else "across")


def series(views, name, values):
    """Small multiples of landscapes: pooled loss above, loss after adaptation below, a column a value."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.6 * len(views) + 0.6, 5.8), layout="constrained")
    axes = figure.subplots(2, len(views), squeeze=False)
    symbol = NAMES.get(name, name).rsplit(" ", 1)[-1]
    for column, view, value in zip(axes.T, views, values, strict=True):
        landscape(column[0], view, view.pooled, arrows=False)
        landscape(column[1], view, view.adapted, arrows=True)
        column[0].set_title(f"{symbol} = {value:g}", fontsize="medium")
        column[0].set_xlabel("")
    for row, label in zip(axes, ("pooled loss $f$", "after adaptation $F_m$"), strict=True):
        row[0].set_ylabel(label)
        for ax in row[1:]:
            ax.set_ylabel("")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)
    return figure


def heatmap(result, ax=None, x="rho_hard", y="m", label="MAML", boundary=None):
    """Gain of a method over two varying arguments, and a boundary curve.

    Parameters
    ----------
    result : Comparison
        With exactly the two varying arguments x and y, y first or last.
    boundary : pair of arrays, optional
        Points of a curve to draw.
    """
    from matplotlib.colors import LogNorm

    ax = axes_or_new(ax)
    frame = result.to_frame()
    frame = frame[frame["method"] == label]
    table = frame.pivot(index=y, columns=x, values="gain")
    values = table.to_numpy()
    norm = LogNorm(max(values.min(), 1e-3), values.max()) if values.max() > 3 * values.min() else None
    mesh = ax.pcolormesh(
        table.columns, table.index, values, cmap="cividis", norm=norm, shading="gouraud", rasterized=True
    )
    bar = ax.figure.colorbar(mesh, ax=ax, label=f"gain of {label} over NAL", format="{x:g}")
    if norm is not None:
        candidates = np.array([1, 1.2, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100])
        ticks = candidates[(candidates >= values.min()) & (candidates <= values.max())]
        bar.set_ticks(ticks)
        bar.minorticks_off()
    if boundary is not None:
        ax.plot(*boundary, color="white", linewidth=2.6)
        ax.plot(*boundary, color="black", linewidth=1.4, linestyle="--", label="hardness window")
        ax.legend(frameon=True, fontsize="small", loc="upper right")
    ax.set_xlim(table.columns.min(), table.columns.max())
    ax.set_ylim(table.index.min(), table.index.max())
    if table.index.max() / max(table.index.min(), 1e-12) > 20:
        ax.set_yscale("log")
    ax.set_xlabel(NAMES.get(x, x))
    ax.set_ylabel(NAMES.get(y, y))
    return ax

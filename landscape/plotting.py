"""Results in, artists out: nothing is computed here but what a picture needs.

Theory is drawn as lines, simulation as points with error bars. A method has one colour, one line
style and one marker everywhere (Okabe and Ito's colour-blind safe palette, told apart in grey).
"""

import numpy as np

from landscape import checks

STYLES = {
    "NAL": ("#D55E00", "--", "s"),
    "MAML": ("#0072B2", "-", "o"),
    "FO-MAML": ("#009E73", "-.", "^"),
    "HF-MAML": ("#56B4E9", ":", "v"),
    "Reptile": ("#CC79A7", (0, (5, 1)), "D"),
    "iMAML": ("#E69F00", (0, (3, 1, 1, 1)), "P"),
    "BaMAML": ("#000000", (0, (1, 1)), "X"),
    "BI-MAML": ("#8C3B1F", (0, (6, 1, 1, 1, 1, 1)), "d"),
}
SPARES = [("#555555", (0, (6, 2, 2, 2)), "*"), ("#555555", (0, (2, 2)), "h"), ("#555555", (0, (8, 2)), "<")]

NAMES = {
    "above_noise": "risk above the noise floor",
    "total": "risk after adaptation",
    "loss": "risk after adaptation",
    "gain": "gain over pooled training",
    "suboptimality": "risk above the best initial point",
    "dispersion": "dispersion floor",
    "noise": "noise floor",
    "coordinate": "mean coordinate of the solution",
    "rho_hard": r"curvature of the hard tasks $\rho_H$",
    "rho_easy": r"curvature of the easy tasks $\rho_E$",
    "R": "distance of the centres $R$",
    "r_hard": "spread of the hard tasks $r_H$",
    "r_easy": "spread of the easy tasks $r_E$",
    "p_hard": "share of hard tasks $p_H$",
    "m": "samples for adaptation $m$",
    "n2": "inner samples in training $n_2$",
    "alpha": r"step size $\alpha$",
}


def axes_or_new(ax):
    """`ax`, or fresh axes of a new figure."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(5.2, 3.6), layout="constrained")[1]


def style(label, among=()):
    """Colour, line style and marker of a method by its label; the second of a kind gets another look."""
    kind = _kind(label)
    twins = [name for name in among if _kind(name) == kind]
    base = STYLES.get(kind, SPARES[0])
    place = twins.index(label) if label in twins else 0
    return base if place == 0 else (base[0], *SPARES[(place - 1) % len(SPARES)][1:])


def _kind(label):
    names = {"FOMAML": "FO-MAML", "HFMAML": "HF-MAML", "IMAML": "iMAML", "BIMAML": "BI-MAML"}
    short = label.split("(")[0].split(" #")[0].split(".")[0]
    return names.get(short, short)


def _the_axis(frame, x, allowed):
    names = [name for name in frame.columns if name in allowed]
    if not names:
        raise ValueError("nothing varies, so there is nothing to draw against: pass over={name: values}")
    if len(names) > 1:
        raise ValueError(f"a line plot needs one varying argument, got {names}: fix the others first")
    if x is None:
        if len(names) != 1:
            raise ValueError(f"x must be one of the varying arguments {names}: give x=")
        return names[0]
    if x not in names:
        raise ValueError(f"x must be one of the varying arguments {names}, got {x!r}")
    return x


def _axes_of(result):
    columns = list(result.to_frame().columns)
    return columns[: columns.index("method")]


def comparison(result, ax=None, x=None, y="above_noise"):
    """Lines of `y` against `x`, one a method; other varying arguments must be fixed beforehand."""
    ax = axes_or_new(ax)
    frame = result.to_frame()
    axes = _axes_of(result)
    x = _the_axis(frame, x, axes)
    checks.known("quantity", y, list(frame.columns[len(axes) + 1 :]))
    for label in result.labels:
        lines(ax, label, frame[frame["method"] == label], x, y, among=result.labels)
    return finish(ax, x, y)


def lines(ax, label, frame, x, y, name=None, among=()):
    """Theory: a line in the method's style."""
    colour, dashes, _ = style(label, among)
    ax.plot(frame[x], frame[y], color=colour, linestyle=dashes, linewidth=1.8, label=name or label)


def band(ax, label, x, low, high):
    """What is predicted of single runs: a shade behind the points."""
    colour, _, _ = style(label)
    ax.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0, zorder=1)


def points(ax, label, means, name=None, among=()):
    """Simulation: points with 95% intervals in the method's style.

    Parameters
    ----------
    means : DataFrame
        Indexed by x, with columns ``mean``, ``error`` (a standard error) and ``count`` (of repeats).
    """
    from scipy.special import stdtrit

    colour, _, marker = style(label, among)
    half_width = stdtrit(means["count"] - 1, 0.975) * means["error"]
    ax.errorbar(
        means.index, means["mean"], yerr=half_width, color=colour, marker=marker, markersize=5.5,
        markerfacecolor="white", markeredgewidth=1.4, linestyle="none", capsize=2.5, label=name or f"{label}, simulated",
    )  # fmt: skip


def simulated(result, ax=None, x=None, y="above_noise"):
    """Means over repeats with 95% intervals of `y` against `x`."""
    ax = axes_or_new(ax)
    frame = result.to_frame()
    x = _the_axis(frame, x, _axes_of(result))
    checks.known("quantity", y, ["coordinate", "loss", "above_noise"])
    for label in result.labels:
        groups = frame[frame["method"] == label].groupby(x)[y]
        points(ax, label, groups.agg(mean="mean", error="sem", count="count"), among=result.labels)
    return finish(ax, x, y)


def sweep(result, ax=None, x=None, y="above_noise"):
    """Means over runs with 95% intervals of `y` against the name `x` swept over."""
    ax = axes_or_new(ax)
    x = _the_axis(result.table, x, list(result.axes))
    checks.known("quantity", y, ["coordinate", "loss", "above_noise"])
    labels = list(dict.fromkeys(result.table["method"]))
    for label in labels:
        groups = result.table[result.table["method"] == label].groupby(x)[y]
        points(ax, label, groups.agg(mean="mean", error="sem", count="count"), among=labels)
    return finish(ax, x, y)


def finish(ax, x, y, legend=True):
    """Labels, a light grid and the legend."""
    ax.set_xlabel(NAMES.get(x, x))
    ax.set_ylabel(NAMES.get(y, y))
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    if legend:
        ax.legend(frameon=False, fontsize="small")
    return ax


def risk_parts(risk, ax=None):
    """Noise, dispersion and suboptimality stacked, a bar a grid point."""
    ax = axes_or_new(ax)
    frame = risk.to_frame()
    bottom = np.zeros(len(frame))
    shades = {"noise": "#BBBBBB", "dispersion": "#56B4E9", "suboptimality": "#D55E00"}
    hatches = {"noise": "", "dispersion": "//", "suboptimality": "xx"}
    for name, colour in shades.items():
        ax.bar(
            frame.index, frame[name], bottom=bottom, color=colour, hatch=hatches[name], edgecolor="white", label=name
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
        ax.plot(rows[here], table["z"].to_numpy()[here], marker, color=colour, markerfacecolor="white", label=quantity)
    ax.axhline(0, color="black", linewidth=0.8)
    return finish(ax, "comparison", "z")


FAMILY_STYLES = [("#7A4B9A", "^"), ("#6E6E6E", "."), ("#B8860B", "v"), ("#2E8B57", "<"), ("#8B2252", ">")]


def landscapes(view, axes=None):
    """Pooled loss and loss after adaptation side by side."""
    if axes is None:
        from matplotlib import pyplot as plt

        axes = plt.subplots(1, 2, figsize=(8.6, 4.3), sharex=True, sharey=True, layout="constrained")[1]
    titles = "pooled loss $f$", rf"loss after adaptation $F_m$, $m = {_plain(view.adaptation.m)}$"
    for ax, values, title, arrows in zip(axes, (view.pooled, view.adapted), titles, (False, True), strict=True):
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
        ax.plot(*point, marker, color=colour, markersize=9, markeredgecolor="white", linestyle="none", label=label)
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


def sgd_curve(curve, ax=None):
    """Predicted mean coordinate over iterations with a band of two standard deviations."""
    ax = axes_or_new(ax)
    frame = curve.to_frame()
    colour, dashes, _ = style(curve.method.label)
    ax.plot(
        frame["iteration"], frame["coordinate"], color=colour, linestyle=dashes, label=f"{curve.method.label}, mean"
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
        ax.plot(result.value, result.suboptimality, "o", color=STYLES["NAL"][0], label=f"answer: {result.value:.4g}")
    if np.min(result.values) > 0 and np.max(result.values) > 30 * np.min(result.values):
        ax.set_xscale("log")
    finite = result.curve[np.isfinite(result.curve) & (result.curve > 0)]
    if len(finite) and finite.max() > 30 * finite.min():
        ax.set_yscale("log")
    return finish(
        ax, {"n1": "outer samples $n_1$", "T": "tasks $T$"}.get(result.unknown, result.unknown), "suboptimality"
    )

"""Results in, artists out: nothing is computed here but what a picture needs.

Theory is drawn as lines, simulation as points with error bars. A method has one colour, one line
style and one marker everywhere (Okabe and Ito's colour-blind safe palette, told apart in grey).
"""

import numpy as np

STYLES = {
    "NAL": ("#D55E00", "--", "s"),
    "MAML": ("#0072B2", "-", "o"),
    "FO-MAML": ("#009E73", "-.", "^"),
    "HF-MAML": ("#56B4E9", ":", "v"),
    "Reptile": ("#CC79A7", (0, (5, 1)), "D"),
    "iMAML": ("#E69F00", (0, (3, 1, 1, 1)), "P"),
    "BaMAML": ("#000000", (0, (1, 1)), "X"),
}
SPARE = ("#555555", (0, (6, 2, 2, 2)), "*")

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


def style(label):
    """Colour, line style and marker of a method by its label."""
    return STYLES.get(label.split("(")[0], SPARE)


def _the_axis(frame, x, allowed):
    names = [name for name in frame.columns if name in allowed]
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
    if len(axes) > 1:
        raise ValueError(f"a line plot needs one varying argument, got {axes}: compare with fewer")
    for label in result.labels:
        lines(ax, label, frame[frame["method"] == label], x, y)
    return finish(ax, x, y)


def lines(ax, label, frame, x, y, name=None):
    """Theory: a line in the method's style."""
    colour, dashes, _ = style(label)
    ax.plot(frame[x], frame[y], color=colour, linestyle=dashes, linewidth=1.8, label=name or label)


def points(ax, label, means, name=None):
    """Simulation: points with 95% intervals in the method's style.

    Parameters
    ----------
    means : DataFrame
        Indexed by x, with columns ``mean`` and ``error`` (a standard error).
    """
    colour, _, marker = style(label)
    ax.errorbar(
        means.index, means["mean"], yerr=1.96 * means["error"], color=colour, marker=marker, markersize=5.5,
        markerfacecolor="white", markeredgewidth=1.4, linestyle="none", capsize=2.5, label=name or f"{label}, simulated",
    )  # fmt: skip


def simulated(result, ax=None, x=None, y="above_noise"):
    """Means over repeats with 95% intervals of `y` against `x`."""
    ax = axes_or_new(ax)
    frame = result.to_frame()
    x = _the_axis(frame, x, _axes_of(result))
    for label in result.labels:
        groups = frame[frame["method"] == label].groupby(x)[y]
        points(ax, label, groups.agg(mean="mean", error="sem"))
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

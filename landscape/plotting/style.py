"""How things look: a method has one colour, one line style and one marker everywhere.

The palette is Okabe and Ito's, safe for the colour-blind; line styles and markers tell methods apart in grey.
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


def axes_or_new(ax, size=(5.2, 3.6)):
    """`ax`, or fresh axes of a new figure."""
    from matplotlib import pyplot as plt

    return (
        plt.subplots(figsize=size, layout="constrained")[1]
        if ax is None
        else checks.instance("ax", ax, plt.Axes)
    )


def two_axes(axes):
    """`axes`, if they are two."""
    from matplotlib import pyplot as plt

    pair = list(axes) if np.iterable(axes) else [axes]
    if len(pair) != 2:
        raise ValueError(f"axes must be two matplotlib Axes, got {checks.short(axes)}")
    for ax in pair:
        checks.instance("each of axes", ax, plt.Axes)
    return axes


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


def finish(ax, x, y, legend=True):
    """Labels, a light grid and the legend."""
    ax.set_xlabel(NAMES.get(x, x))
    ax.set_ylabel(NAMES.get(y, y))
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    if legend:
        ax.legend(frameon=False, fontsize="small")
    return ax

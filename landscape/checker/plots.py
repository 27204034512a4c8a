"""Pictures of diagnoses: results in, artists out."""

import numpy as np

from landscape.plotting import STYLES, axes_or_new


def residuals(diagnosis, ax=None, most=10):
    """The nearest candidates and their residuals, on a logarithmic axis."""
    from landscape.checker.matching import DOUBLE, SINGLE

    ax = axes_or_new(ax)
    frame = diagnosis.to_frame().head(most).iloc[::-1]
    ax.axvspan(1e-17, DOUBLE, color="#CFE3F1", label="equal in double precision")
    ax.axvspan(DOUBLE, SINGLE, color="0.92", label="equal in single precision")
    colour, _, marker = STYLES["MAML"]
    ax.plot(frame["residual"].clip(lower=2e-17), range(len(frame)), marker, color=colour, markerfacecolor="white")
    ax.set_yticks(range(len(frame)), frame["candidate"], fontsize="small")
    ax.set_xscale("log")
    ax.set_xlim(1e-17, 3)
    ax.set_xlabel("relative distance to the function under test")
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return ax


def optima(diagnosis, ax=None):
    """The trained points with a 99% ellipse for their mean, and the candidates' optima, in the first two coordinates."""
    ax = axes_or_new(ax)
    table, points = diagnosis.table, diagnosis.points
    if table is None or points.shape[1] < 2:
        raise ValueError("there is nothing to draw: it takes trained points in two or more dimensions")
    ax.plot(points[:, 0], points[:, 1], ".", color="0.55", label="trained points")
    ax.plot(*_ellipse(points[:, :2]), color="black", linewidth=1, label="their mean, 99%")
    fits = table["p"] >= 1e-3
    colour, _, marker = STYLES["MAML"]
    ax.plot(table["optimum_1"], table["optimum_2"], "x", color="0.35", markersize=5, label="predicted optima")
    ax.plot(
        table["optimum_1"][fits],
        table["optimum_2"][fits],
        marker,
        color=colour,
        markersize=9,
        fillstyle="none",
        label="fits",
    )
    for _, row in table.head(4).iterrows():
        ax.annotate(
            row["candidate"],
            (row["optimum_1"], row["optimum_2"]),
            xytext=(6, 4),
            textcoords="offset points",
            fontsize="x-small",
        )
    ax.set_xlabel("first coordinate")
    ax.set_ylabel("second coordinate")
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize="small")
    return ax


def _ellipse(points):
    """The 99% confidence ellipse of the mean of points (R, 2), by Hotelling's statistic."""
    from scipy.special import fdtri

    R = len(points)
    radius = np.sqrt(2 * (R - 1) / (R - 2) * fdtri(2, R - 2, 0.99) / R)
    angle = np.linspace(0, 2 * np.pi, 100)
    root = np.linalg.cholesky(np.cov(points.T))
    return points.mean(axis=0)[:, None] + radius * root @ np.array([np.cos(angle), np.sin(angle)])

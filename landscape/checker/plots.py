"""Pictures of reports: results in, artists out."""

from typing import Any

import numpy as np

from landscape.checker.precision import DOUBLE, SINGLE
from landscape.checker.reports import GradientReport, OptimumReport
from landscape.core import Array
from landscape.plotting import STYLES, axes_or_new


def residuals(report: GradientReport, ax: Any = None, most: int = 10) -> Any:
    """Draw the nearest candidates and their residuals, on a logarithmic axis."""
    frame = report.to_frame().head(most).iloc[::-1]
    ax = axes_or_new(ax, (8.4, 1.2 + 0.27 * len(frame)))
    ax.axvspan(1e-17, DOUBLE, color="#CFE3F1", label="equal in double precision")
    ax.axvspan(DOUBLE, SINGLE, color="0.92", label="equal in single precision")
    colour, _, marker = STYLES["MAML"]
    ax.plot(
        frame["residual"].clip(lower=2e-17), range(len(frame)), marker, color=colour, markerfacecolor="white"
    )
    ax.set_yticks(range(len(frame)), frame["candidate"], fontsize="small")
    ax.set_xscale("log")
    ax.set_xlim(1e-17, 10)
    ax.set_xlabel("relative distance to the function under test")
    _finish(ax)
    ax.legend(frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return ax


def optima(report: OptimumReport, ax: Any = None, most: int = 5) -> Any:
    """Draw the trained points, a 99% ellipse for their mean, the nearest candidates and the wanted one, in two coordinates."""
    points = report.points
    if points is None or points.shape[1] < 2:
        raise ValueError("there is nothing to draw: it takes trained points in two or more dimensions")
    ax = axes_or_new(ax, (8.4, 3.6))
    ax.plot(points[:, 0], points[:, 1], ".", color="0.6", label="trained points")
    ax.plot(*_ellipse(points[:, :2]), color="black", linewidth=1.2, label="their mean, 99%")
    shown = [row for i, row in enumerate(report.distances) if i < most or row.asked]
    for row, marker in zip(shown, "os^vDP", strict=False):
        colour, _, _ = STYLES.get(row.candidate.split(" ")[0], STYLES["NAL"])
        label = f"{row.candidate} (z = {row.z:.1f})"
        ax.plot(*row.optimum[:2], marker, color=colour, markersize=8, label=label)
    ax.set_xlabel("first coordinate")
    ax.set_ylabel("second coordinate")
    _finish(ax)
    ax.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def _finish(ax: Any) -> None:
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def _ellipse(points: Array) -> Array:
    """The 99% confidence ellipse of the mean of points (R, 2), by Hotelling's statistic."""
    from scipy.special import fdtri  # optional here: only this picture needs it

    R = len(points)
    radius = np.sqrt(2 * (R - 1) / (R - 2) * fdtri(2, R - 2, 0.99) / R)
    angle = np.linspace(0, 2 * np.pi, 100)
    root = np.linalg.cholesky(np.cov(points.T))
    return points.mean(axis=0)[:, None] + radius * root @ np.array([np.cos(angle), np.sin(angle)])

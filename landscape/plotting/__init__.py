"""Results in, artists out: nothing is computed here but what a picture needs."""

from landscape.plotting.curves import answer, comparison, risk_parts, sgd_curve, simulated, sweep, z_scores
from landscape.plotting.planes import heatmap, landscape, landscapes, series
from landscape.plotting.style import NAMES, STYLES, axes_or_new, band, finish, lines, points, style, two_axes

__all__ = [
    "NAMES",
    "STYLES",
    "answer",
    "axes_or_new",
    "band",
    "comparison",
    "finish",
    "heatmap",
    "landscape",
    "landscapes",
    "lines",
    "points",
    "risk_parts",
    "series",
    "sgd_curve",
    "simulated",
    "style",
    "sweep",
    "two_axes",
    "z_scores",
]

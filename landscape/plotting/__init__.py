"""Results in, artists out: nothing is computed here but what a picture needs."""

from landscape.plotting.curves import (
    answer,
    comparison,
    loss_law,
    risk_parts,
    sgd_curve,
    simulated,
    sweep,
    z_scores,
)
from landscape.plotting.landscapes import View, landscape_view, plot_landscape, plot_series
from landscape.plotting.planes import heatmap
from landscape.plotting.sizes import resize
from landscape.plotting.style import (
    QUANTITIES,
    STYLES,
    axes_or_new,
    axis_label,
    band,
    finish,
    lines,
    points,
    style,
    symbol,
    two_axes,
)

__all__ = [
    "QUANTITIES",
    "STYLES",
    "View",
    "answer",
    "axes_or_new",
    "axis_label",
    "band",
    "comparison",
    "finish",
    "heatmap",
    "landscape_view",
    "lines",
    "loss_law",
    "plot_landscape",
    "plot_series",
    "points",
    "resize",
    "risk_parts",
    "sgd_curve",
    "simulated",
    "style",
    "sweep",
    "symbol",
    "two_axes",
    "z_scores",
]

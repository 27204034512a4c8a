"""Pictures for a column, a page or a slide: their width, and type that can be read there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.core import checks, warn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZES = {"column": (3.4, 6.5), "page": (6.9, 8.5), "slide": (10.0, 14.0)}
"""Width in inches, and the size of plain text in points."""

DRAWN = 10.0
"""Points of plain text in pictures as they are drawn."""

ROOM = 1.1
"""Times as large as in a picture that is merely shrunk type may be, so that no label runs into another."""


LEGIBLE = 5.0
"""Points below which printed type is not read."""

TALLEST = 2.4
"""Times as high as wide that panels one below the other may be together: a column of a page."""


def resize(figure: Figure, size: str) -> Figure:
    """Give a figure the width of a column, a page or a slide, and its type, lines, markers and legends the size for it.

    Type gets 6.5, 8.5 or 14 points where there is room. Panels side by side whose type would be too small to be read are put one
    below the other; where that does not do, a warning says so.

    Parameters
    ----------
    figure : Figure
        Changed in place; once, for a second call would change it again.
    size : {"column", "page", "slide"}

    Returns
    -------
    Figure
        The same, to be saved as PDF or SVG by its ``savefig``.

    Raises
    ------
    ValueError
        For another size.

    Examples
    --------
    >>> figure = compare(HardEasy(), [NAL(), MAML()], 0.5).plot().figure
    >>> print(resize(figure, "column").get_figwidth())
    3.4
    """
    width, points = SIZES[checks.known("size", size, SIZES)]
    if ROOM * width / figure.get_figwidth() * DRAWN < LEGIBLE:
        _stack(figure, ROOM * width * DRAWN / LEGIBLE)
    before, height = figure.get_size_inches()
    scale = min(points / DRAWN, ROOM * width / before)
    if scale * DRAWN < LEGIBLE - 1e-9:
        warn(
            f"its panels leave type of {scale * DRAWN:.0f} points only in a {size}: size 'page' suits this figure"
        )
    figure.set_size_inches(width, width * height / before)
    for artist in set(figure.findobj()):
        _rescale(artist, scale)
    for axes in figure.axes:  # last: what it sets holds for ticks that are there and for those to come
        for axis in (axes.xaxis, axes.yaxis):
            _rescale_ticks(axis, scale)
    return figure


def _stack(figure: Figure, widest: float) -> None:
    """Turn a grid of panels that is too wide, so that its rows become columns, or put all into one column.

    Each panel then has the labels, ticks and title that it shared with those beside it.
    """
    from matplotlib.gridspec import GridSpec  # optional: it takes 0.35 s

    places = {(spec.rowspan.start, spec.colspan.start): panel
              for panel in figure.axes if (spec := panel.get_subplotspec()) is not None}  # fmt: skip
    rows, columns = (max(place[k] for place in places) + 1 for k in (0, 1)) if places else (1, 1)
    if not len(figure.axes) == len(places) == rows * columns:
        return  # no plain grid: colour bars, panels over several places
    width, height = figure.get_size_inches() / (columns, rows)
    turned = rows * width <= widest
    grid = GridSpec(columns if turned else rows * columns, rows if turned else 1, figure=figure)
    for (row, column), panel in sorted(places.items()):
        panel.set_subplotspec(grid[column, row] if turned else grid[row * columns + column, 0])
        left, below, above = places[row, 0], places[rows - 1, column], places[0, column]
        panel.set_ylabel(panel.get_ylabel() or left.get_ylabel())
        if np.array_equal(panel.get_xlim(), below.get_xlim()):
            panel.set_xlabel(panel.get_xlabel() or below.get_xlabel())
        panel.set_title(panel.get_title() or above.get_title(), fontsize=above.title.get_fontsize())
        panel.tick_params(
            labelleft=left.yaxis.get_tick_params().get("labelleft", True),
            labelbottom=below.xaxis.get_tick_params().get("labelbottom", True),
        )
    across = min(width * grid.ncols, widest)
    figure.set_size_inches(across, min(height * grid.nrows * across / (width * grid.ncols), TALLEST * across))
    drawn: dict[str, Any] = {}  # an error bar's own mark; a legend keeps a part of it
    for panel in figure.axes:
        handles, names = panel.get_legend_handles_labels()
        drawn |= dict(zip(names, handles, strict=True))
    for legend in list(figure.legends):
        texts = legend.get_texts()
        shown = {text.get_text(): mark for text, mark in zip(texts, legend.legend_handles, strict=True)}
        marks = [drawn.get(name, mark) for name, mark in shown.items()]
        size = texts[0].get_fontsize()
        legend.remove()
        figure.legend(
            handles=marks,
            labels=list(shown),
            loc="outside lower center",
            ncols=2,
            frameon=False,
            fontsize=size,
        )


def _rescale(artist: Any, scale: float) -> None:
    """Scale what a thing in a figure measures in points."""
    from matplotlib import (  # optional: 0.35 s
        collections,
        legend,
        lines,
        offsetbox,
        patches,
        text,
        transforms,
    )
    from matplotlib.artist import Artist  # optional: it takes 0.35 s

    if isinstance(artist, text.Text):
        artist.set_fontsize(scale * float(artist.get_fontsize()))
        if isinstance(artist, text.Annotation) and artist.anncoords == "offset points":
            artist.xyann = (scale * artist.xyann[0], scale * artist.xyann[1])
    elif isinstance(artist, lines.Line2D):
        artist.set(
            linewidth=scale * artist.get_linewidth(),
            markersize=scale * artist.get_markersize(),
            markeredgewidth=scale * artist.get_markeredgewidth(),
        )
    elif isinstance(artist, patches.Patch):
        artist.set_linewidth(scale * artist.get_linewidth())
    elif isinstance(artist, collections.Collection):
        artist.set_linewidth(list(scale * np.atleast_1d(artist.get_linewidth())))
        if isinstance(artist, collections.PathCollection):
            artist.set_sizes(scale**2 * np.asarray(artist.get_sizes()))
    elif isinstance(artist, legend.Legend):
        artist.borderaxespad *= scale
    elif isinstance(artist, offsetbox.PackerBase):  # a legend's rows and columns
        artist.sep, artist.pad = scale * (artist.sep or 0), scale * (artist.pad or 0)
    elif isinstance(artist, offsetbox.DrawingArea):  # the marks in a legend
        for name in ("width", "height", "xdescent", "ydescent"):
            setattr(artist, name, scale * getattr(artist, name))
        for mark in artist.get_children():
            mark.set_transform(transforms.Affine2D().scale(scale) + Artist.get_transform(mark))


def _rescale_ticks(axis: Any, scale: float) -> None:
    """Scale an axis's ticks, their labels and their distances."""
    from matplotlib import rcParams as defaults  # optional: it takes 0.35 s
    from matplotlib.font_manager import FontProperties  # optional

    rc: Any = defaults
    axis.labelpad *= scale
    for which in ("major", "minor"):
        told, tick = axis.get_tick_params(which), f"{axis.axis_name}tick"
        sizes = {
            "length": told.get("length", rc[f"{tick}.{which}.size"]),
            "width": told.get("width", rc[f"{tick}.{which}.width"]),
            "pad": told.get("pad", rc[f"{tick}.{which}.pad"]),
            "labelsize": FontProperties(
                size=told.get("labelsize", rc[f"{tick}.labelsize"])
            ).get_size_in_points(),
            "grid_linewidth": told.get("grid_linewidth", rc["grid.linewidth"]),
        }
        axis.set_tick_params(which=which, **{name: scale * value for name, value in sizes.items()})

"""Pictures for a column, a page or a slide: their width, and type that can be read there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from landscape.core import checks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZES = {"column": (3.4, 6.5), "page": (6.9, 8.5), "slide": (10.0, 14.0)}
"""Width in inches, and the size of plain text in points."""

DRAWN = 10.0
"""Points of plain text in pictures as they are drawn."""

ROOM = 1.2
"""Times as large as in a picture that is merely shrunk type may be, so that no label runs into another."""


def resize(figure: Figure, size: str) -> Figure:
    """Give a figure the width of a column, a page or a slide, and its type, lines and markers the size for it.

    Type gets 6.5, 8.5 or 14 points where there is room; figures of many panels are for a page.

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
    from matplotlib.lines import Line2D  # optional: it takes 0.35 s
    from matplotlib.text import Text  # optional

    width, points = SIZES[checks.known("size", size, SIZES)]
    before, height = figure.get_size_inches()
    scale = min(points / DRAWN, ROOM * width / before)
    figure.set_size_inches(width, width * height / before)
    for text in set(figure.findobj(Text)):
        text.set_fontsize(scale * text.get_fontsize())
    for line in set(figure.findobj(Line2D)):
        line.set(
            linewidth=scale * line.get_linewidth(),
            markersize=scale * line.get_markersize(),
            markeredgewidth=scale * line.get_markeredgewidth(),
        )
    return figure

"""A landscape as SVG text: sharp at any width, and quick enough to be drawn again while a slider moves.

Level sets of quadratics are ellipses, so no grid is needed, and no matplotlib.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np

from landscape.core.typing import Array
from landscape.linalg.quadratic import QuadraticForm
from landscape.plotting.landscapes import View, forms_in_plane, window
from landscape.plotting.planes import FAMILY_STYLES
from landscape.plotting.style import style

SIDE = 356
"""Width and height of a landscape, in a picture 800 wide."""

LEVELS = 14
"""Contours from the valley to the highest point of the pooled loss in the window, denser where it is flat."""

MOST_LEVELS = 60
"""Contours drawn of a landscape that is much steeper."""

LONGEST = 1e5
"""Half an axis, in pixels, of the contours of a landscape that is flat in some direction."""

DASHES = {"-": "", "--": "6 3", "-.": "6 2 1 2", ":": "1 2"}

MARKERS = {
    "s": "m-1-1h2v2h-2z", "o": "m-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0z", "^": "m0-1.1l1 1.9h-2z", "v": "m0 1.1l1-1.9h-2z",
    "D": "m0-1.2l1.2 1.2-1.2 1.2-1.2-1.2z", "d": "m0-1.3l.8 1.3-.8 1.3-.8-1.3z", "<": "m-1.1 0l1.9-1v2z", ">": "m1.1 0l-1.9-1v2z",
    "P": "m-.4-1h.8v.6h.6v.8h-.6v.6h-.8v-.6h-.6v-.8h.6z", "X": "m-1-.4l.6-.6.4.4.4-.4.6.6-.4.4.4.4-.6.6-.4-.4-.4.4-.6-.6.4-.4z",
    "*": "m0-1.2l.3.8.8 0-.6.5.2.9-.7-.5-.7.5.2-.9-.6-.5.8 0z", "h": "m0-1.1l1 .6v1l-1 .6-1-.6v-1z",
    ".": "m-.7 0a.7.7 0 1 0 1.4 0a.7.7 0 1 0-1.4 0z",
}  # fmt: skip
"""Shapes of matplotlib's markers, of a radius of about 1, as moves from their middle."""


def draw_svg(view: View, headline: str, more: str = "", level: float | None = None) -> str:
    """Draw the pooled loss and the loss after adaptation side by side.

    Parameters
    ----------
    view : View
    headline : str
        What the picture says, above it.
    more : str
        Beside the headline, smaller.
    level : float, optional
        How high the k-th contour lies above the valley is k^2 times this, on both sides; by default what
        `first_level` gives for this picture.

    Returns
    -------
    str
        An SVG element, 800 wide, that takes any width.
    """
    level = first_level(view) if level is None else level
    m = view.adaptation.m
    said = "∞" if np.isinf(m) else f"{m:g}"
    titles = (
        "pooled loss <tspan font-style='italic'>f</tspan>",
        f"loss after adaptation {_sub('F', 'm')}, m = {said}",
    )
    forms = forms_in_plane(view.environment, view.adaptation, view.origin, view.directions)
    panels = [
        _panel(view, form, level, left=38 + side * (SIDE + 30), title=title, arrows=bool(side))
        for side, (form, title) in enumerate(zip(forms, titles, strict=True))
    ]
    height = SIDE + 96
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 {height}" role="img" aria-label="{escape(headline)}" '
        f'style="width:100%;max-height:55vh" font-family="system-ui, DejaVu Sans, sans-serif" font-size="12">'
        f'<rect width="800" height="{height}" fill="#fff"/>'
        f'<text x="38" y="18" font-size="15" font-weight="600" fill="#111">{escape(headline)}</text>'
        f'<text x="780" y="18" text-anchor="end" fill="#333">{escape(more)}</text>'
        f"{''.join(panels)}{_legend(view, height - 10)}</svg>"
    )


def first_level(view: View) -> float:
    """Choose the height of the first contour above the valley: the pooled loss in the window has `LEVELS`."""
    pooled = forms_in_plane(view.environment, view.adaptation, view.origin, view.directions)[0]
    highest = float(np.max(pooled.above_minimum(_corners(view))))
    return highest / LEVELS**2 if highest > 0 else 1.0


def _corners(view: View) -> Array:
    """The corners of the window, where a convex function is highest."""
    return np.array([[x, y] for x in view.x[[0, -1]] for y in view.y[[0, -1]]])


def fitted(view: View) -> View:
    """Give a picture a square window that holds all its points, with a margin."""
    x, y = window(_points(view), len(view.x))
    return replace(view, x=x, y=y)


def _points(view: View) -> Array:
    """Sampled tasks, centres and solutions."""
    return np.vstack([*view.optima, view.centres, view.solutions])


def outside(view: View) -> int:
    """Count the points that the window leaves out."""
    points = _points(view)
    low, high = np.array([view.x[0], view.y[0]]), np.array([view.x[-1], view.y[-1]])
    return int(np.sum(np.any((points < low) | (points > high), axis=1)))


def _panel(view: View, form: QuadraticForm, level: float, left: float, title: str, arrows: bool) -> str:
    """One landscape in its frame: contours, tasks, arrows and solutions."""
    top = 50
    low, scale = np.array([view.x[0], view.y[0]]), SIDE / (view.x[-1] - view.x[0])

    def place(points: Array) -> Array:
        return np.array([0.0, SIDE]) + (np.asarray(points) - low) * [scale, -scale]

    parts = [
        f'<text x="{left}" y="{top - 8}" fill="#333">{title}</text><svg x="{left}" y="{top}" width="{SIDE}" height="{SIDE}">'
    ]
    parts += _contours(
        form, level, place(form.minimiser), scale, float(np.max(form.above_minimum(_corners(view))))
    )
    few = len(view.families) <= len(FAMILY_STYLES)
    for i, optima in enumerate(view.optima):
        colour, marker = FAMILY_STYLES[i if few else 0]
        parts.append(_marks(place(optima), marker, f'fill="{colour}" fill-opacity=".75"', 3.4))
    solutions = place(view.solutions)
    if arrows and few:
        for label, point, ends in zip(view.labels, solutions, place(view.adapted_points), strict=True):
            parts += [_arrow(label, view, point, end) for end in ends]
    parts += [
        _mark_of_method(label, view, point) for label, point in zip(view.labels, solutions, strict=True)
    ]
    parts.append(
        f'</svg><rect x="{left}" y="{top}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#666"/>'
    )
    for value in _ticks(view.x[0], view.x[-1]):
        x = left + (value - view.x[0]) * scale
        parts.append(
            f'<text x="{x:.1f}" y="{top + SIDE + 14}" text-anchor="middle" fill="#444" font-size="11">{_said(value)}</text>'
        )
        parts.append(f'<path d="M{x:.1f} {top + SIDE}v3" stroke="#666"/>')
    for value in _ticks(view.y[0], view.y[-1]):
        y = top + SIDE - (value - view.y[0]) * scale
        parts.append(f'<path d="M{left} {y:.1f}h-3" stroke="#666"/>')
        if not arrows:  # the landscape on the right shares the axis of the other
            parts.append(
                f'<text x="{left - 5}" y="{y + 4:.1f}" text-anchor="end" fill="#444" font-size="11">{_said(value)}</text>'
            )
    return "".join(parts)


def _contours(
    form: QuadraticForm, level: float, centre: Array, scale: float, highest: float
) -> Iterator[str]:
    """Ellipses around the minimiser where the form is level, 4 level, 9 level ... above it."""
    curvatures, axes = np.linalg.eigh(form.A.matrix())
    if not curvatures[-1] > 0:
        return
    radii = np.minimum(np.sqrt(2 * level / np.maximum(curvatures, 1e-300)) * scale, LONGEST)
    turn = -np.degrees(np.arctan2(axes[1, 0], axes[0, 0]))  # y points down on a screen
    last = min(int(np.sqrt(highest / level)) + 1, MOST_LEVELS)
    yield f'<g transform="translate({centre[0]:.2f} {centre[1]:.2f}) rotate({turn:.2f})" stroke="#888" stroke-width=".6">'
    for k in range(last, 0, -1):
        grey = max(255 - 7 * k, 150)  # the higher the darker, on both sides alike
        yield (
            f'<ellipse rx="{min(k * radii[0], LONGEST):.2f}" ry="{min(k * radii[1], LONGEST):.2f}" '
            f'fill="#{grey:02x}{grey:02x}{grey:02x}"/>'
        )
    yield "</g>"


def _marks(points: Array, marker: str, look: str, size: float) -> str:
    """Points as one marker each, all in one path: the picture is sent anew at every move of a slider."""
    shapes = "".join(f"M{x:.5g} {y:.5g}{MARKERS[marker]}" for x, y in np.asarray(points) / size)
    return f'<path d="{shapes}" {look} transform="scale({size})"/>'


def _mark_of_method(label: str, view: View, point: Any, size: float = 6.5) -> str:
    """A solution: the first method's mark is open and larger, so that none covers another."""
    colour, _, marker = style(label, view.labels)
    first = label == view.labels[0] and len(view.labels) > 1
    inside, size = ("#fff", size + 1.5) if first else (colour, size - 1)
    edge = colour if first else "#fff"
    look = f'fill="{inside}" stroke="{edge}" stroke-width="{2.5 if first else 1.2}" vector-effect="non-scaling-stroke"'
    return _marks([point], marker, look, size)  # type: ignore[arg-type]


def _arrow(label: str, view: View, start: Array, end: Array) -> str:
    """From a solution to where adaptation leads on a family; nothing where that is the same place."""
    along = end - start
    length = float(np.hypot(*along))
    if length < 12:
        return ""
    colour, dashes, _ = style(label, view.labels)
    dash = DASHES.get(dashes) if isinstance(dashes, str) else " ".join(map(str, dashes[1]))
    across = 4 * np.array([-along[1], along[0]]) / length
    neck = end - 8 * along / length
    head = "L".join(f"{x:.1f} {y:.1f}" for x, y in (neck + across, end, neck - across))
    look = f'stroke="{colour}" stroke-width="1.6" fill="none"'
    line = f'<path d="M{start[0]:.1f} {start[1]:.1f}L{end[0]:.1f} {end[1]:.1f}" {look} stroke-dasharray="{dash}"/>'
    return f'{line}<path d="M{head}" {look}/>'


def _legend(view: View, y: float) -> str:
    """Names of families and methods beside their marks."""
    parts, x = [], 44.0
    few = len(view.families) <= len(FAMILY_STYLES)
    for i, family in enumerate(view.families if few else ["tasks"]):
        colour, marker = FAMILY_STYLES[i]
        name = f"{family} tasks" if few else family
        parts.append(_marks([(x, y - 4)], marker, f'fill="{colour}"', 4.5) + _name(name, x, y))  # type: ignore[arg-type]
        x += 28 + 7 * len(name)
    for label in view.labels:
        parts.append(_mark_of_method(label, view, (x, y - 4), 5.5) + _name(label, x, y))
        x += 28 + 7 * len(label)
    return "".join(parts)


def _name(text: str, x: float, y: float) -> str:
    return f'<text x="{x + 11:.1f}" y="{y}" fill="#222">{escape(text)}</text>'


def round_step(least_wanted: float, least: float = 0.0) -> float:
    """Choose a step of 1, 2 or 5 times a power of ten that is not below what is wanted, nor below `least`."""
    power = 10.0 ** np.floor(np.log10(max(least_wanted, least)))
    return float(max(least, next(f * power for f in (1, 2, 5, 10) if f * power >= least_wanted * (1 - 1e-9))))


def _ticks(low: float, high: float) -> Array:
    """Round numbers between two ends, three to six."""
    step = round_step((high - low) / 6)
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step


def _said(value: float) -> str:
    return f"{value + 0.0:.6g}".replace("-", "−")


def _sub(letter: str, index: str) -> str:
    """A letter with an index, in SVG."""
    return f'<tspan font-style="italic">{letter}<tspan font-size="9" dy="3">{index}</tspan></tspan><tspan dy="-3">\u200b</tspan>'

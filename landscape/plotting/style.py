"""How things look: a method has one colour, one line style and one marker everywhere, an axis says what was declared.

The palette is Okabe and Ito's, safe for the colour-blind; line styles and markers tell methods apart in grey.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from landscape.adaptations import Adaptation
from landscape.core import Array, checks, short
from landscape.core.parameters import Parameter, Record, parameters
from landscape.methods import MAML, LinearAttention, MetaSGD, Method, Training
from landscape.tasks import HardEasy, TwoTasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Style: TypeAlias = tuple[str, Any, str]
"""Colour, line style and marker."""

Pair = TypeVar("Pair")

STYLES: dict[str, Style] = {
    "NAL": ("#D55E00", "--", "s"),
    "MAML": ("#0072B2", "-", "o"),
    "FO-MAML": ("#009E73", "-.", "^"),
    "HF-MAML": ("#56B4E9", ":", "v"),
    "Reptile": ("#CC79A7", (0, (5, 1)), "D"),
    "iMAML": ("#E69F00", (0, (3, 1, 1, 1)), "P"),
    "BaMAML": ("#000000", (0, (1, 1)), "X"),
    "BI-MAML": ("#8C3B1F", (0, (6, 1, 1, 1, 1, 1)), "d"),
    "Meta-SGD": ("#009E73", (0, (5, 1, 1, 1)), "^"),
    "linear attention": ("#56B4E9", (0, (7, 1, 1, 1)), "D"),
    "pooled": ("#D55E00", "--", "s"),
    "not adapted": ("#999999", ":", "_"),
    "ridge": ("#E69F00", (0, (3, 1, 1, 1)), "P"),
    "own shots": ("#6E6E6E", (0, (1, 2)), "x"),
    "mixed model": ("#6A3D9A", (0, (4, 2)), "p"),
    "best possible": ("#000000", "-", "+"),
}
"""By the label of a method, or of an adaptation that needs none."""

FINE = 20
"""Points from which on a grid is fine: of fewer, a line between them would pass for a curve."""

SPARES: list[Style] = [
    ("#555555", (0, (6, 2, 2, 2)), "*"),
    ("#555555", (0, (2, 2)), "h"),
    ("#555555", (0, (8, 2)), "<"),
]
"""For methods that are not listed, and for the second of a kind."""

QUANTITIES = {
    "above_noise": "risk above the noise floor",
    "total": "risk after adaptation",
    "loss": "risk after adaptation",
    "gain": "gain over pooled training",
    "cut": "share of the loss that is cut",
    "share": "share of what can be cut",
    "best_possible": "least risk possible",
    "suboptimality": "risk above the best initial point",
    "dispersion": "dispersion floor",
    "noise": "noise floor",
    "coordinate": "mean coordinate of the solution",
    "n2": "inner samples in training $n_2$",
}
"""Columns of results that are no parameter of anything."""


def style(label: str, among: Sequence[str] = ()) -> Style:
    """Choose colour, line style and marker of a method by its label; the second of a kind gets another look."""
    kind = _kind(label)
    twins = [name for name in among if _kind(name) == kind]
    place = twins.index(label) if label in twins else 0
    # A checksum, not hash(): the same look for a new method in every session.
    base = STYLES.get(kind, SPARES[zlib.crc32(kind.encode()) % len(SPARES)])
    return base if place == 0 else (base[0], *SPARES[(place - 1) % len(SPARES)][1:])


def _kind(label: str) -> str:
    """The label of a method's kind: ``MAML(RidgeToStart(0.5))`` is an iMAML, ``NAL #2`` pooled training."""
    name, inner = re.match(r"([^(#.+]*)\(?(\w*)", label).groups()  # type: ignore[union-attr]  # matches any text
    method, adaptation = Method.registry.get(name.strip()), Adaptation.registry.get(inner)
    if method is MAML and adaptation is not None:
        return adaptation.maml_label
    for own, called in ((MetaSGD, "Meta-SGD"), (LinearAttention, "linear attention")):
        if method is own:  # whose kind is that of its matrix
            return called
    return str(getattr(method, "kind", name.strip()))


def axis_label(name: str, *records: Any) -> str:
    """Name an axis: the label and symbol that a parameter was declared with, or the quantity in words.

    Parameters
    ----------
    name : str
        Of a parameter (``"rho_hard"``, ``"MAML.inner.alpha"``) or a column.
    records : Record
        Whose parameters it may be; then those of the package are searched.
    """
    head, _, last = name.rpartition(".")
    known = [record for record in records if isinstance(record, Record)]
    package = [HardEasy, TwoTasks, Training, *Adaptation.registry.values(), *Method.registry.values()]
    for record in (*known, *package):
        for p in parameters(record):
            if p.name == last:
                return _words(p) + (f" ({head.partition('.')[0]})" if head else "")
    return QUANTITIES.get(name, name)


def symbol(name: str, *records: Any) -> str:
    """Return a parameter's symbol as mathematics, for titles; its name where none is declared."""
    words = axis_label(name, *records)
    return words[words.index("$") : words.rindex("$") + 1] if "$" in words else name


def _words(p: Parameter) -> str:
    words = p.label.partition(" (")[0]
    return f"{words} ${p.symbol}$" if p.symbol else words or p.name


def axes_or_new(ax: Axes | None, size: tuple[float, float] = (5.2, 3.6)) -> Axes:
    """Return `ax`, or fresh axes of a new figure."""
    from matplotlib import axes, pyplot  # optional: they take 0.35 s

    if ax is not None:
        return checks.instance("ax", ax, axes.Axes)
    return pyplot.subplots(figsize=size, layout="constrained")[1]


def two_axes(axes: Pair) -> Pair:
    """Return `axes`, if they are two."""
    from matplotlib.axes import Axes  # optional: it takes 0.35 s

    pair: list[Any] = list(axes) if np.iterable(axes) else [axes]
    if len(pair) != 2:
        raise ValueError(f"axes must be two matplotlib Axes, got {short(axes)}")
    for ax in pair:
        checks.instance("each of axes", ax, Axes)
    return axes


def lines(
    ax: Axes,
    label: str,
    frame: Mapping[str, Any],
    x: str,
    y: str,
    name: str | None = None,
    among: Sequence[str] = (),
) -> None:
    """Draw theory: a line in the method's style; of a coarse grid the points, joined by a thin line to guide the eye."""
    colour, dashes, marker = style(label, among)
    look: dict[str, Any] = {"linewidth": 1.8}
    if len(frame[x]) < FINE:
        look = {"linewidth": 0.8, "marker": marker, "markersize": 5, "markeredgecolor": "white"}
    ax.plot(frame[x], frame[y], color=colour, linestyle=dashes, label=name or label, **look)


def band(ax: Axes, label: str, x: Array, low: Array, high: Array) -> None:
    """Draw what is predicted of single runs: a broad bar behind each point, for between two points nothing is said."""
    colour, _, _ = style(label)
    ax.vlines(
        x, low, high, color=colour, alpha=0.28, linewidth=8, zorder=1, label=f"{label}, 95% of single runs"
    )


def half_widths(means: Any) -> Any:
    """Compute the half widths of 95% intervals of means from their ``error`` and ``count``, by Student's law."""
    from scipy.special import stdtrit  # optional: only intervals need it

    return stdtrit(means["count"] - 1, 0.975) * means["error"]


def points(ax: Axes, label: str, means: Any, name: str | None = None, among: Sequence[str] = ()) -> None:
    """Draw simulation: points with 95% intervals in the method's style.

    Parameters
    ----------
    means : DataFrame
        Indexed by x, with columns ``mean``, ``error`` (a standard error) and ``count`` (of repeats).
    """
    colour, _, marker = style(label, among)
    ax.errorbar(
        means.index, means["mean"], yerr=half_widths(means), color=colour, marker=marker, markersize=5.5,
        markerfacecolor="white", markeredgewidth=1.4, linestyle="none", capsize=2.5, label=name or f"{label}, simulated",
    )  # fmt: skip


def is_geometric(values: Any) -> bool:
    """Say whether a grid is rather geometric than even, so that a logarithmic axis shows it evenly.

    Parameters
    ----------
    values : array, shape (n,)
        Fewer than three, and grids with a number that is not positive, are even.
    """
    if np.asarray(values).dtype.kind not in "fiu":
        return False
    x = np.unique(np.asarray(values, dtype=float))
    x = x[np.isfinite(x)]
    if len(x) < 3 or x[0] <= 0:
        return False
    gaps, ratios = np.diff(x), np.diff(np.log(x))
    return bool(ratios.max() / ratios.min() < gaps.max() / gaps.min())


def scale_axis(axis: Any, values: Any) -> None:
    """Give an axis of matplotlib the scale of a grid: logarithmic, with plain numbers, where it is geometric."""
    if not is_geometric(values):
        return
    from matplotlib.ticker import LogFormatter  # optional: it takes 0.35 s

    x = np.asarray(values, dtype=float)
    x = x[np.isfinite(x)]
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    if x.min() > 1e-3 and x.max() < 1e5:
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(1.5, 0.4)))


def finish(ax: Axes, x: str, y: str, legend: bool = True, records: Sequence[Any] = ()) -> Axes:
    """Label the axes by the names of a parameter and a quantity, add a light grid and the legend."""
    ax.set_xlabel(axis_label(x, *records))
    ax.set_ylabel(QUANTITIES.get(y) or axis_label(y, *records))
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    if legend:
        ax.legend(frameon=False, fontsize="small")
    return ax

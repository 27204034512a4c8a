"""Pictures of a diagnosis."""

from typing import Any, Final

import numpy as np

from landscape import plotting
from landscape.core import Array
from landscape.diagnosis.diagnosis import Diagnosis
from landscape.diagnosis.held_out import METHODS

HARD: Final = {"color": "#7A4B9A", "marker": "^", "markerfacecolor": "#7A4B9A", "linestyle": "none"}
EASY: Final = {"color": "#6E6E6E", "marker": "o", "markerfacecolor": "white", "linestyle": "none"}


def cuts(diagnosis: Diagnosis, ax: Any = None) -> Any:
    """Draw the predicted cut of each method against the number of shots, with 95% intervals."""
    ax = plotting.axes_or_new(ax)
    table, shots = diagnosis.to_frame(), np.array(diagnosis.shots)[_some(len(diagnosis.shots))]
    table = table[table["shots"].isin(shots)]
    places = np.arange(len(shots))
    for k, label in enumerate(METHODS[1:]):
        rows = table[table["method"] == label]
        finite = np.isfinite(rows["cut"].to_numpy())
        colour, _, marker = plotting.style(label)
        cut, low, high = (100 * rows[name].to_numpy()[finite] for name in ("cut", "low", "high"))
        look = {"color": colour, "marker": marker, "markerfacecolor": "white", "markeredgewidth": 1.4}
        errors = [np.maximum(cut - low, 0), np.maximum(high - cut, 0)]
        x = places[finite] + 0.16 * (k - 1.5)
        ax.errorbar(x, cut, yerr=errors, markersize=5.5, linestyle="none", capsize=2.5, label=label, **look)
    ax.axhline(0, color="black", linewidth=0.8)
    ax.axhspan(0, 100 * diagnosis.worth, color="0.9", zorder=0)
    shown = 100 * table[["low", "high"]].to_numpy(dtype=float)
    maml = 100 * table.loc[table["method"] == "MAML", ["low", "high"]].to_numpy(dtype=float)
    if np.isfinite(shown).any():  # a method that does great harm must not flatten the others
        low = max(shown[np.isfinite(shown)].min(), np.append(maml[np.isfinite(maml)], 0).min() - 30)
        high = shown[np.isfinite(shown)].max()
        room = 0.06 * (high - low)
        ax.set_ylim(min(low, 0) - room, max(high, 100 * diagnosis.worth) + room)
    ax.set_xticks(places, [str(m) for m in shots])
    ax = plotting.finish(ax, "shots of a new task", "cut of the loss over pooled training (%)", legend=False)
    ax.legend(frameon=False, fontsize="small", ncols=2)
    return ax


def _some(count: int, most: int = 12) -> Array:
    """At most so many of the places 0 to count - 1, evenly spaced, both ends among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def steps(diagnosis: Diagnosis, ax: Any = None, shots: int | None = None) -> Any:
    """Draw the loss on held-out tasks against the step size, for each method at one number of shots."""
    ax = plotting.axes_or_new(ax)
    shots = diagnosis.known_shots(shots)
    frame = diagnosis.steps().query("shots == @shots and step > 0")
    table = diagnosis.to_frame().query("shots == @shots").set_index("method")
    for label in METHODS:
        rows = frame[(frame["method"] == label) & np.isfinite(frame["loss"])]
        plotting.lines(ax, label, rows, "step", "loss")
        if table.loc[label, "step"] > 0:
            colour, _, marker = plotting.style(label)
            best = rows.loc[rows["loss"].idxmin()]
            look = {"color": colour, "markerfacecolor": "white", "markeredgewidth": 1.4}
            ax.plot(best["step"], best["loss"], marker, **look)
    unadapted = diagnosis.steps().query("shots == @shots and step == 0 and method == 'NAL'")["loss"]
    if len(unadapted):
        ax.axhline(unadapted.item(), color="0.5", linewidth=1, linestyle=":", label="pooled, not adapted")
        least = frame["loss"].min()
        reach = max(unadapted.item() - least, 0.05 * least)
        if reach > 0:
            ax.set_ylim(least - 0.15 * reach, least + 2 * reach)
    ax.set_xscale("log")
    plotting.finish(ax, "step size", "loss on held-out tasks")
    ax.set_title(f"{shots} shot{'s' * (shots > 1)}", fontsize="medium")
    return ax


def landscape(diagnosis: Diagnosis, ax: Any = None) -> Any:
    """Draw where the tasks' solutions lie, hard and easy ones told apart, and that of pooled training."""
    ax = plotting.axes_or_new(ax)
    where = diagnosis.geography
    for group, look, label in (
        (where.hard, HARD, "slower (hard) tasks"),
        (~where.hard, EASY, "faster (easy) tasks"),
    ):
        ax.plot(*where.solutions[group].T, markersize=5, alpha=0.75, label=label, **look)
    for name, point in zip(where.methods, where.trained, strict=True):
        colour, _, marker = plotting.style(name)
        ax.plot(
            *point,
            marker,
            color=colour,
            markersize=9,
            markeredgecolor="black",
            linestyle="none",
            label=f"trained: {name}",
        )
    low, high = np.quantile(where.solutions, [0.02, 0.98], axis=0)
    half = 0.65 * max((high - low).max(), 1e-9)
    for set_limits, middle in zip((ax.set_xlim, ax.set_ylim), (low + high) / 2, strict=True):
        set_limits(middle - half, middle + half)
    ax.set_aspect("equal")
    ax.locator_params(nbins=5)
    return plotting.finish(ax, "first direction (in units of the loss's root)", "second direction")


def hardness(diagnosis: Diagnosis, ax: Any = None) -> Any:
    """Draw each task's spectrum and its rate of descent, the slowest task first."""
    ax = plotting.axes_or_new(ax)
    where = diagnosis.geography
    order = np.argsort(where.curvature, kind="stable")
    place, spectrum = np.arange(len(order)), where.spectrum[order]
    floor = max(1e-3 * spectrum[:, -1].max(), spectrum[:, 0].min())
    width = min(3, 200 / len(order))
    low = np.maximum(spectrum[:, 0], floor)
    ax.vlines(place, low, spectrum[:, -1], color="0.75", linewidth=width, label="spectrum")
    hard, curvature = where.hard[order], where.curvature[order]
    for group, look, kind in ((hard, HARD, "hard"), (~hard, EASY, "easy")):
        ax.plot(place[group], curvature[group], markersize=4, label=f"rate of descent, {kind}", **look)
    ax.set_yscale("log")
    ax.set_ylim(bottom=0.9 * floor)
    ax.xaxis.get_major_locator().set_params(integer=True)
    plotting.finish(ax, "tasks, slowest first", "curvature", legend=False)
    ax.legend(frameon=False, fontsize="small", loc="lower right")
    return ax


def winners(diagnosis: Diagnosis, ax: Any = None, shots: int | None = None) -> Any:
    """Draw the loss of each held-out task with MAML against pooled training."""
    from matplotlib.ticker import LogLocator, NullFormatter  # optional here, as all of matplotlib

    ax = plotting.axes_or_new(ax)
    frame = diagnosis.tasks(shots)
    shots = diagnosis.known_shots(shots)
    hard = frame["hard"].to_numpy()
    for group, look, kind in ((hard, HARD, "hard"), (~hard, EASY, "easy")):
        rows = frame[group]
        ax.plot(rows["pooled"], rows["loss"], markersize=5, alpha=0.75, label=kind, **look)
    low, high = (f(frame["pooled"].agg(n), frame["loss"].agg(n)) for f, n in ((min, "min"), (max, "max")))
    ax.plot([low, high], [low, high], color="black", linewidth=0.8)
    if low > 0 and high > 10 * low:
        for scale, axis in ((ax.set_xscale, ax.xaxis), (ax.set_yscale, ax.yaxis)):
            scale("log")
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
    plotting.finish(ax, "loss with pooled training", "loss with MAML")
    share = float(np.mean(frame["cut"] > 0))
    title = f"{shots} shot{'s' * (shots > 1)}: {100 * share:.0f}% of tasks win (below the line)"
    ax.set_title(title, fontsize="medium")
    return ax


def grid(diagnosis: Diagnosis, ax: Any = None, method: str = "MAML") -> Any:
    """Draw the cut by a method for each number of shots and step size, over pooled training at its best."""
    ax = plotting.axes_or_new(ax)
    frame = diagnosis.steps().query("method == @method and step > 0")
    cut = 100 * frame.pivot(index="shots", columns="step", values="cut").replace(-np.inf, np.nan)
    values = cut.to_numpy(dtype=float)
    top = max(np.nanmax(values), 1.0)
    y, x = map(np.arange, values.shape)
    edges = (np.arange(n + 1) - 0.5 for n in (len(x), len(y)))  # a single row does not say how high it is
    image = ax.pcolormesh(*edges, np.clip(values, -2 * top, None), cmap="cividis", vmin=-2 * top, vmax=top)
    if min(values.shape) > 1 and np.nanmin(values) < 0 < np.nanmax(values):
        ax.contour(x, y, np.nan_to_num(values, nan=-1e3), levels=[0], colors="white", linewidths=1.5)
    best = np.nanargmax(values, axis=1)
    ax.plot(best, y, "o", color="black", markerfacecolor="white", label="best step")
    ax.set_xticks(_some(len(x), 8), [f"{cut.columns[i]:.2g}" for i in _some(len(x), 8)])
    ax.set_yticks(_some(len(y)), [str(cut.index[j]) for j in _some(len(y))])
    ax.set_xlabel("step size")
    ax.set_ylabel("shots")
    ax.figure.colorbar(image, ax=ax, label=f"cut of the loss by {method} (%)", extend="min")
    ax.legend(frameon=True, fontsize="small", loc="upper left")
    return ax

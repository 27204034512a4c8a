"""Pictures of a diagnosis."""

from typing import Any, Final

import numpy as np

from landscape import plotting
from landscape.core import Array
from landscape.diagnosis.diagnosis import Diagnosis
from landscape.diagnosis.learners import LEARNERS

HARD: Final = {"color": "#7A4B9A", "marker": "^", "markerfacecolor": "#7A4B9A", "linestyle": "none"}
POOLED: Final = "pooled (1 step)"
EASY: Final = {"color": "#6E6E6E", "marker": "o", "markerfacecolor": "white", "linestyle": "none"}


def cuts(diagnosis: Diagnosis, ax: Any = None) -> Any:
    """Draw the predicted cut of each method against the number of shots, with 95% intervals."""
    ax = plotting.axes_or_new(ax)
    table, shots = diagnosis.to_frame(), np.array(diagnosis.shots)[_some(len(diagnosis.shots))]
    table = table[table["shots"].isin(shots)]
    names = [name for name in table["method"].unique() if name != POOLED]
    places = np.arange(len(shots))
    for k, label in enumerate(names):
        rows = table[table["method"] == label]
        finite = np.isfinite(rows["cut"].to_numpy())
        colour, _, marker = plotting.style(label, names)
        cut, low, high = (100 * rows[name].to_numpy()[finite] for name in ("cut", "low", "high"))
        look = {"color": colour, "marker": marker, "markerfacecolor": "white", "markeredgewidth": 1.4}
        errors = [np.maximum(cut - low, 0), np.maximum(high - cut, 0)]
        x = places[finite] + 0.8 * ((k + 0.5) / len(names) - 0.5)
        ax.errorbar(x, cut, yerr=errors, markersize=4.5, linestyle="none", capsize=2, label=label, **look)
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_ylim(*_room(100 * table["cut"].to_numpy(dtype=float)))
    ax.set_xticks(places, [str(m) for m in shots])
    ax = plotting.finish(ax, "shots of a new task", "cut of the loss over a pooled step (%)", legend=False)
    ax.legend(frameon=False, fontsize="x-small", ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return ax


def _room(cut: Array) -> tuple[float, float]:
    """The part of the axis to show: what does great harm must not flatten the rest."""
    finite = cut[np.isfinite(cut)]
    top = max(float(finite.max(initial=0.0)), 5.0)
    return max(float(finite.min(initial=0.0)), -1.5 * top) - 0.15 * top, 1.15 * top


def _some(count: int, most: int = 12) -> Array:
    """At most so many of the places 0 to count - 1, evenly spaced, both ends among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def steps(diagnosis: Diagnosis, ax: Any = None, shots: int | None = None) -> Any:
    """Draw the loss on held-out tasks against the step size, for each method at one number of shots."""
    ax = plotting.axes_or_new(ax)
    shots = diagnosis.known_shots(shots)
    frame = diagnosis.steps().query("shots == @shots")
    table = diagnosis.to_frame().query("shots == @shots").set_index("method")
    names = [name for name in table.index if LEARNERS[name].tuned == "alpha"]
    frame = frame[frame["method"].isin(names) & (frame["value"] > 0) & np.isfinite(frame["loss"])]
    for label in names:
        rows = frame[frame["method"] == label]
        plotting.lines(ax, label, rows, "value", "loss", among=names)
        if table.loc[label, "step"] > 0:
            colour, _, marker = plotting.style(label, names)
            best = rows.loc[rows["loss"].idxmin()]
            look = {"color": colour, "markerfacecolor": "white", "markeredgewidth": 1.4}
            ax.plot(best["value"], best["loss"], marker, **look)
    unadapted = float(table.loc["not adapted", "loss"])
    ax.axhline(unadapted, color="0.5", linewidth=1, linestyle=":", label="not adapted")
    least = float(frame["loss"].min()) if len(frame) else unadapted
    reach = max(unadapted - least, 0.05 * least)
    if reach > 0:
        ax.set_ylim(least - 0.15 * reach, least + 2 * reach)
    if len(frame):  # else nothing but 0 was tried, and a logarithmic axis has nothing to show
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
    shown = np.vstack([where.solutions, where.trained])
    low, high = shown.min(axis=0), shown.max(axis=0)
    half = 0.55 * max((high - low).max(), 1e-9)
    for set_limits, middle in zip((ax.set_xlim, ax.set_ylim), (low + high) / 2, strict=True):
        set_limits(middle - half, middle + half)
    ax.set_aspect("equal")
    ax.locator_params(nbins=5)
    return plotting.finish(ax, "first direction (distance² = loss)", "second direction")


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


def winners(diagnosis: Diagnosis, ax: Any = None, shots: int | None = None, method: str | None = None) -> Any:
    """Draw the loss of each held-out task with a method, the advised one by default, against the pooled start and step."""
    from matplotlib.ticker import LogLocator, NullFormatter  # optional here, as all of matplotlib

    ax = plotting.axes_or_new(ax)
    shots = diagnosis.known_shots(shots)
    method = method or diagnosis.advised(shots).name
    frame = diagnosis.tasks(shots, method)
    hard = frame["hard"].to_numpy()
    for group, look, kind in ((hard, HARD, "hard"), (~hard, EASY, "easy")):
        rows = frame[group]
        ax.plot(rows["pooled"], rows["loss"], markersize=5, alpha=0.75, label=kind, **look)
    low, high = (f(frame["pooled"].agg(n), frame["loss"].agg(n)) for f, n in ((min, "min"), (max, "max")))
    ax.plot([low, high], [low, high], color="black", linewidth=0.8)
    if low > 0 and high > 10 * low:
        for scale, axis in ((ax.set_xscale, ax.xaxis), (ax.set_yscale, ax.yaxis)):
            scale("log")
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
    plotting.finish(ax, "loss after one step from the pooled start", f"loss, {method}")
    share = float(np.mean(frame["cut"] > 0))
    title = f"{shots} shot{'s' * (shots > 1)}: {100 * share:.0f}% of tasks win (below the line)"
    ax.set_title(title, fontsize="medium")
    return ax


def grid(diagnosis: Diagnosis, ax: Any = None) -> Any:
    """Draw the cut of each method at each number of shots over the pooled start with its best step: blue wins, red loses."""
    ax = plotting.axes_or_new(ax)
    frame = diagnosis.to_frame()
    cut = 100 * frame.pivot(index="method", columns="shots", values="cut").replace(-np.inf, np.nan)
    cut = cut.loc[list(frame["method"].unique())]
    values = cut.to_numpy(dtype=float)
    top = max(float(np.nanmax(values)), 1.0)
    edges = (np.arange(n + 1) - 0.5 for n in values.shape[::-1])  # a single row does not say how high it is
    image = ax.pcolormesh(*edges, values, cmap="RdBu", vmin=-top, vmax=top)
    ax.set_xticks(_some(len(cut.columns)), [str(cut.columns[j]) for j in _some(len(cut.columns))])
    ax.set_yticks(np.arange(len(cut)), list(cut.index), fontsize="small")
    ax.invert_yaxis()
    for j, m in enumerate(cut.columns):
        ax.plot(
            j, list(cut.index).index(diagnosis.advised(m).name), "o", color="black", markerfacecolor="white"
        )
    ax.plot([], [], "o", color="black", markerfacecolor="white", label="advised")
    ax.set_xlabel("shots")
    ax.figure.colorbar(image, ax=ax, label="cut of the loss (%)", extend="min")
    ax.legend(frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0.0, 1.0))
    return ax

"""Fallah et al., Table 1: how small a gradient MAML, FO-MAML and HF-MAML reach, how fast, and at what cost."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape import plotting
from landscape.closed_form.dynamics import descent
from landscape.papers import bounds
from landscape.papers import convergence_columns as columns
from landscape.papers.convergence_columns import ALPHA, LEVELS, NOISE, D, environment, methods
from landscape.papers.reproduction import Finding, Reproduction, finding, interval_of

TITLE = (
    "Fallah et al., Table 1: best gradient norm against eps, alpha, sigma and K, iterations, cost against d"
)
PARTS = ("full", "floor", "K-shot", "cost", "difference")


def run(quick: bool, seed: int, progress: bool) -> Reproduction:
    """Compute exact paths with full batches, runs with K samples, and operation counts."""
    repeats = 5 if quick else 10
    shots, length = ((4, 100, 2500), 200) if quick else ((1, 4, 16, 64, 256, 1024, 4096), 800)
    sizes = (32, 128, 512) if quick else (32, 64, 128, 256, 512, 1024, 2048)
    tables = [
        columns.full_batches(),
        columns.first_order_floor(),
        columns.few_samples(shots, length, repeats, seed, progress),
        columns.cost(sizes, 3 if quick else 7),
        columns.printed_difference(),
    ]
    table = pd.concat([t.assign(part=n) for t, n in zip(tables, PARTS, strict=True)], ignore_index=True)
    table.insert(0, "part", table.pop("part"))
    figure = Figure(figsize=(11, 7), layout="constrained")
    _draw(figure.subplots(2, 2).ravel(), tables)
    full, _, shot, cost, difference = tables
    last = full[full["eps"] == LEVELS[-1]]
    parts = [
        last[["method", "eps", "iterations", "guaranteed", "best_gradient_norm"]],
        shot.groupby(["method", "K"], sort=False)["gradient_norm"].mean().reset_index(),
        cost[cost["d"] == sizes[-1]][["method", "d", "operations", "seconds"]],
        difference,
    ]
    notes = _notes(full, cost, difference)
    return Reproduction(
        table, figure, pd.concat(parts, ignore_index=True), notes, pd.DataFrame(_findings(tables))
    )


def _slope(x: Any, y: Any) -> float:
    """Compute the slope of a line through log y against log x."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def _findings(tables: Sequence[pd.DataFrame]) -> list[Finding]:
    full, floor, shot, cost, difference = tables
    best = full.groupby("method")["best_gradient_norm"].max()
    ends = difference[difference["method"] == "HF-MAML, printed delta"]["gradient_norm"].max()
    rows = [
        *(finding(f"{label} reaches any eps on linear tasks", "its limit has a gradient norm below 1e-12", best[label], best[label],
                  best[label] < 1e-12) for label in ("MAML", "HF-MAML")),
        finding("HF-MAML with the printed delta reaches any eps on logistic tasks", "where it stops the gradient norm is below 1e-6 at every alpha",
                ends, ends, ends < 1e-6),
    ]  # fmt: skip
    for name, x in (("alpha", "alpha"), ("apart", "sigma")):
        here = floor[floor["varies"] == name]
        slope = _slope(here[x], here["gradient_norm"])
        rows.append(
            finding(f"FO-MAML stalls in proportion to {x}", "log-log slope within 0.9 to 1.1", slope, slope, 0.9 < slope < 1.1)
        )  # fmt: skip
    for label in shot["method"].unique():
        rows.append(_stalls(shot, best[label]) if label == "FO-MAML" else _falls(shot, label))
    big = cost[cost["d"] >= cost["d"].median()]
    for label, part in big.groupby("method", sort=False):
        slope = _slope(part["d"], part["operations"])
        order = 2 if label == "MAML, Hessian" else 1
        rows.append(finding(f"{label}: operations grow as d^{order}", f"log-log slope within {order - 0.15:g} to {order + 0.15:g}", slope, slope,
                            abs(slope - order) < 0.15))  # fmt: skip
    exact = full[full["method"] == "MAML"]
    slope = -_slope(exact["eps"], exact["iterations"])
    rows.append(
        finding("iterations grow as 1/eps^2", "log-log slope in 1/eps within 1.8 to 2.2", slope, slope, 1.8 < slope < 2.2)
    )  # fmt: skip
    return rows


def _falls(shot: pd.DataFrame, label: str) -> Finding:
    """Decide whether a method's norm falls with the samples."""
    runs = shot[shot["method"] == label].groupby("repeat")[["K", "gradient_norm"]]
    low, high = interval_of(runs.apply(lambda g: _slope(g["K"], g["gradient_norm"])))
    return finding(f"{label}: the K-shot norm falls as 1/sqrt(K)", "interval of the log-log slope within -0.6 to -0.4", low, high,
                   low > -0.6 and high < -0.4)  # fmt: skip


def _stalls(shot: pd.DataFrame, floor: float) -> Finding:
    """Decide whether FO-MAML keeps its floor at the largest K."""
    top = shot[shot["K"] == shot["K"].max()].pivot(index="repeat", columns="method", values="gradient_norm")
    low, high = interval_of(top["FO-MAML"] - top["MAML"])
    return finding("FO-MAML keeps its floor however many samples", f"interval of its norm less MAML's at the largest K above half the exact floor {floor:.3g}",
                   low, high, low > floor / 2)  # fmt: skip


def _draw(axes: Sequence[Axes], tables: Sequence[pd.DataFrame]) -> None:
    _, floor, shot, cost, _ = tables
    world = environment()
    L, _ = bounds.curvatures(world)
    for label, method in methods(ALPHA).items():
        path = descent(world, method, 4.0, 1 / (48 * L))
        moments = np.unique(np.geomspace(1, 6000, 120).astype(int))
        plotting.lines(axes[0], label, path.to_frame(moments), "iteration", "gradient_norm_F")
    axes[0].set_ylim(1e-5, None)
    _logarithmic(axes[0])
    plotting.finish(axes[0], "iteration", r"$\|\nabla F\|$")
    axes[0].set_title("(a) linear tasks, full batches: only FO-MAML stalls", fontsize="medium")
    _draw_floor(axes[1], floor)
    for beside, (label, part) in zip((0.88, 1, 1.14), shot.groupby("method", sort=False), strict=True):
        means = part.groupby(beside * part["K"])["gradient_norm"].agg(mean="mean", error="sem", count="count")
        plotting.points(axes[2], label, means, name=label)  # side by side, so that none covers another
    _logarithmic(axes[2])
    plotting.finish(axes[2], "samples K of every batch", r"mean $\|\nabla F\|$")
    axes[2].set_title("(c) K-shot learning", fontsize="medium")
    for label, part in cost.groupby("method", sort=False):
        colour, dashes, marker = plotting.style(label.split(",")[0])
        matrices = label.endswith("Hessian")
        axes[3].plot(part["d"], part["operations"], marker=marker, color=colour, linestyle="-" if matrices else dashes,
                     markerfacecolor=colour if matrices else "white", label=label)  # fmt: skip
    _logarithmic(axes[3])
    plotting.finish(axes[3], "dimension d", "multiplications an update and task")
    axes[3].set_title("(d) cost of an iteration, 50 rows", fontsize="medium")


def _draw_floor(ax: Axes, floor: pd.DataFrame) -> None:
    colour, dashes, marker = plotting.style("FO-MAML")
    for name, face, x in (("alpha", "white", floor["alpha"] / ALPHA), ("apart", colour, floor["sigma"])):
        here = floor["varies"] == name
        label = r"against $\alpha/0.1$" if name == "alpha" else r"against $\sigma$"
        look: dict[str, Any] = {"color": colour, "linestyle": dashes, "markerfacecolor": face}
        ax.plot(x[here], floor[here]["gradient_norm"], marker, label=label, **look)
    ax.plot(floor["sigma"][floor["varies"] == "apart"], floor["bound"][floor["varies"] == "apart"], color="0.4", linestyle=":",
            label=r"bound $\alpha L\sigma/\sqrt{1-\alpha^2L^2}$")  # fmt: skip
    _logarithmic(ax)
    plotting.finish(ax, r"$\alpha/0.1$ or $\sigma$", r"$\|\nabla F\|$ where FO-MAML stops")
    ax.set_title(r"(b) FO-MAML's floor is of order $\alpha\sigma$", fontsize="medium")


def _logarithmic(ax: Axes) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    low, high = ax.get_xlim()
    ticks = [m * 10.0**e for e in range(-3, 5) for m in (1, 2, 5) if low <= m * 10.0**e <= high]
    ax.set_xticks(ticks if high < 300 * low else ticks[::3], minor=False)
    ax.xaxis.set_minor_formatter("")


def _notes(full: pd.DataFrame, cost: pd.DataFrame, difference: pd.DataFrame) -> list[str]:
    ends = difference.pivot(index="alpha", columns="method", values="gradient_norm")
    top = cost[cost["d"] == cost["d"].max()].set_index("method")["seconds"]
    maml = full[full["method"] == "MAML"].iloc[-1]
    return [
        f"Reading: two linear tasks in d = {D} with commuting but different Hessians, noise {NOISE:g}, alpha = {ALPHA:g} <= 1/(10 L), the theorems' step sizes "
        "1/(4 L c). Full batches are exact; K-shot runs take 1/(16 L), for a smaller step only makes them slower, draw K samples for the inner step, the outer gradient and the Hessian of each task, start at "
        "the method's own limit and average over the second half. The tasks are not sampled: with B drawn tasks the floor would be O(sigma/sqrt(B)).",
        f"Iterations to eps grow with log(1/eps), not 1/eps^2: at eps = {maml['eps']:g} MAML takes {maml['iterations']:,.0f}, the descent lemma guarantees "
        f"{maml['guaranteed']:,.3g}. The theorem's own assumption 4.5 fails on these tasks (the spread of gradients grows with ||w||); full batches do not need it.",
        "FO-MAML's path may pass through points of smaller gradient norm on its way to where it stops (column passes_only).",
        "Theorem 4.17 takes delta = 1/(6 rho alpha ||g||), so that HF-MAML looks 1/(6 rho alpha) to both sides however small the gradient is. Where the Hessian "
        f"varies it then stalls too: on four logistic tasks (full batches, alpha = 1/(6L) to 1/(96L)) at {ends['HF-MAML, printed delta'].iloc[-1]:.2g} to "
        f"{ends['HF-MAML, printed delta'].iloc[0]:.2g} (FO-MAML {ends['FO-MAML'].iloc[-1]:.2g} to {ends['FO-MAML'].iloc[0]:.2g}), and as alpha falls its floor becomes FO-MAML's. "
        f"With delta = 1e-4 it gets to {ends['HF-MAML, delta 1e-4'].max():.1g}: delta must fall with eps, which the theorem does not ask. Its rule was written down after a first look at such tasks.",
        f"Seconds an update at d = {cost['d'].max()}: Hessian {top['MAML, Hessian'] / top['FO-MAML']:.1f} times FO-MAML, products "
        f"{top['MAML, products'] / top['FO-MAML']:.1f} times (measured in this run). O(d^2) is the cost of forming a Hessian: with products MAML is O(d) too.",
    ]

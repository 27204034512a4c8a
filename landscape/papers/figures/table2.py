"""Collins et al., Table 2 (5): FS-CIFAR100, where hard tasks have 20 classes and 5 shots, at three shares of hard tasks."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape import plotting
from landscape.core import Array
from landscape.papers.images.cifar import HOW
from landscape.papers.images.cifar_jobs import (
    DEFAULT,
    PRINTED,
    PROBABILITIES,
    QUICK,
    cifar_jobs,
    cifar_work,
    classes,
)
from landscape.papers.images.jobs import Budget, carry_out, checkpoints, device_for, processes_for
from landscape.papers.printed_numbers import printed
from landscape.papers.reproduction import Reproduction, finding, interval_of

TITLE = "Collins et al., Table 2: pictures of things told apart, with few or many hard tasks (numbers of ours need --data)"

PARTS = ("easy train", "hard train", "easy test", "hard test")
METHODS = ("NAL", "MAML")


def run(
    quick: bool,
    seed: int,
    progress: bool,
    *,
    data: str | None = None,
    full: bool = False,
    folder: str | Path | None = None,
) -> Reproduction:
    """Train MAML and NAL on FS-CIFAR100 where its files are given; else show the printed numbers alone."""
    budget = PRINTED if full else QUICK if quick else DEFAULT
    ours = pd.DataFrame(columns=["probability", "method", "seed", "part", "value", "standard_error"])
    if data is not None:
        device = device_for(full)
        classes(data)  # what is missing is said before anything is trained
        folder = checkpoints(folder, "cifar100", quick, full)
        processes = processes_for(quick, full, device)
        listed = cifar_jobs(budget, seed, data, folder, device, progress and processes == 1)
        ours = carry_out(cifar_work, listed, folder, processes, progress)
    table = beside(ours)
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axes = figure.subplots(1, 2)
    _draw(axes, table)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize="small")
    summary = table.pivot(index=["p", "method"], columns="part", values=["accuracy", "printed"]) if len(ours) else table.pivot(
        index=["p", "method"], columns="part", values="printed"
    )  # fmt: skip
    summary.columns = [" ".join(c[::-1]) if isinstance(c, tuple) else f"{c} printed" for c in summary.columns]
    return Reproduction(
        table, figure, summary.reset_index(), _notes(ours, budget), _findings(ours) if len(ours) else None
    )


def beside(ours: pd.DataFrame) -> pd.DataFrame:
    """Lay accuracies in percent, with half of their 95% intervals over seeds, beside the printed ones."""
    paper = printed("table2").pivot(index="panel", columns="quantity", values="value")
    keys = [(p, m) for p in PROBABILITIES for m in METHODS]
    more = ours[["probability", "method"]].drop_duplicates().itertuples(index=False)
    keys += [(p, m) for p, m in more if m not in METHODS]
    rows = []
    for p, method in keys:
        for part in PARTS:
            values = 100 * _of(ours, p, method, part)
            low, high = interval_of(values) if len(values) > 1 else (np.nan, np.nan)
            known = method in METHODS
            rows.append({
                "p": p, "method": method, "part": part, "accuracy": values.mean() if len(values) else np.nan, "interval": (high - low) / 2,
                "printed": paper.loc[f"p={p:g} {method}", part] if known else np.nan,
                "printed interval": paper.loc[f"p={p:g} {method}", f"{part} interval"] if known else np.nan,
            })  # fmt: skip
    return pd.DataFrame(rows)


def _of(ours: pd.DataFrame, p: float, method: str, part: str) -> Array:
    chosen = ours[(ours["probability"] == p) & (ours["method"] == method) & (ours["part"] == part)]
    return chosen.sort_values("seed")["value"].to_numpy(dtype=float)


def _draw(axes: list[Axes], table: pd.DataFrame) -> None:
    for ax, kind in zip(axes, ("easy", "hard"), strict=True):
        for method in METHODS:
            colour, _, marker = plotting.style(method)
            for part, dashes in ((f"{kind} train", "--"), (f"{kind} test", "-")):
                mine = table[(table["method"] == method) & (table["part"] == part)]
                x, label = np.arange(len(mine)), f"{method}, {part[5:]} classes"
                ax.errorbar(x, mine["printed"], mine["printed interval"], linestyle=dashes, marker=marker, markersize=5, color=colour,
                            label=f"{label}, printed")  # fmt: skip
                if mine["accuracy"].notna().any():
                    ax.errorbar(x + 0.08, mine["accuracy"], mine["interval"], linestyle="none", marker=marker, markersize=8, color=colour,
                                markerfacecolor="white" if dashes == "--" else colour, label=label)  # fmt: skip
        ax.set_xticks(range(len(PROBABILITIES)), [f"{p:g}" for p in PROBABILITIES])
        plotting.finish(
            ax, "share p of hard tasks in training", f"accuracy on {kind} tasks (%)", legend=False
        )


def _findings(ours: pd.DataFrame) -> pd.DataFrame:
    def gain(p: float, part: str) -> Array:
        return _of(ours, p, "MAML", part) - _of(ours, p, "NAL", part)

    hard = interval_of(gain(0.5, "hard test"))
    scarce = interval_of(gain(0.99, "hard test") - gain(0.01, "hard test"))
    return pd.DataFrame([
        finding("MAML is above NAL on hard unseen tasks at p = 0.5", "interval of the difference above 0", *hard, hard[0] > 0),
        finding("and less so where hard tasks are scarce", "interval of the gain at p = 0.99 less that at 0.01 above 0", *scarce, scarce[0] > 0),
    ])  # fmt: skip


def _notes(ours: pd.DataFrame, budget: Budget) -> list[str]:
    readings = [
        "Readings: easy tasks are (N, K) = (2, 50) and hard ones (20, 5), as C.5 corrects section 5. C.5 prints both 8 tasks on 20,000 iterations and 2 on "
        "10,000; `--full` takes the first. The network has 20 outputs, of which a task of 2 classes takes the first two. NAL sees 15 pictures of "
        "each class and takes 5 steps at test, MAML one. Chance is 50% on easy and 5% on hard tasks.",
        "At the printed rate, 0.000001, NAL hardly leaves the untrained network, and with labels in random order it has no target: see table1.",
    ]
    if ours.empty:
        return [
            f"No numbers of ours: no stand-in for CIFAR-100 is at hand. Give --data FOLDER with {HOW}.",
            *readings,
        ]
    return [
        f"Setting: {budget.filters} filters, {budget.tasks} tasks an iteration, {budget.maml_iterations:,} iterations of MAML and {budget.nal_iterations:,} of NAL, "
        f"{budget.seeds} seeds.",
        *readings,
    ]

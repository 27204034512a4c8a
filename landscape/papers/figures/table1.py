"""Collins et al., Table 1 (4): few-shot classification of characters by a deep network, MAML and NAL on easy and hard tasks."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape import plotting
from landscape.core import Array
from landscape.papers.images.jobs import (
    DEFAULT,
    PRINTED,
    QUICK,
    Budget,
    alphabets,
    carry_out,
    checkpoints,
    device_for,
    jobs,
    processes_for,
    split,
    work,
)
from landscape.papers.images.splits import WAYS
from landscape.papers.printed_numbers import printed
from landscape.papers.reproduction import Finding, Reproduction, finding, interval_of

TITLE = (
    "Collins et al., Table 1: characters told apart by a deep network, MAML beside NAL and beside no training"
)

PARTS = {
    "easy_train": "easy train",
    "hard_train": "hard train",
    "easy_test": "easy test",
    "hard_test": "hard test",
}
ROWS = {
    ("nearest neighbour", 1): "nearest neighbour",
    ("untrained", 1): "untrained",
    ("NAL", 1): "NAL-1",
    ("MAML, head only", 1): "MAML, head only",
    ("MAML", 1): "MAML",
    ("untrained", 10): "untrained, 10 shots",
    ("NAL", 10): "NAL-10",
}
COLOURS = {"nearest neighbour": "0.6", "untrained": "0.3", "NAL-1": "#D55E00", "NAL-10": "#E8A07A", "MAML, head only": "#56B4E9",
           "MAML": "#0072B2", "untrained, 10 shots": "0.8"}  # fmt: skip

FAR = 0.2
"""Accuracy by which MAML counts as far above NAL."""

PLATEAU = 0.05
"""How near to log 5 NAL's loss counts as being there."""


def run(
    quick: bool,
    seed: int,
    progress: bool,
    *,
    data: str | None = None,
    full: bool = False,
    folder: str | Path | None = None,
) -> Reproduction:
    """Train MAML and NAL on Omniglot, or on glyphs that stand in for it, and judge them beside untrained networks."""
    budget, device = PRINTED if full else QUICK if quick else DEFAULT, device_for(full)
    source = alphabets(data).source  # what is missing is said before anything is trained
    folder = checkpoints(folder, "glyphs" if data is None else "omniglot", quick, full)
    processes = processes_for(quick, full, device)
    listed = jobs(budget, seed, data, folder, device, progress and processes == 1)
    table = carry_out(work, listed, folder, processes, progress)
    hard = [split(data, seed + i, small).hard for small in (False, True) for i in range(budget.seeds)]
    return assemble(table, budget, source, list(dict.fromkeys(hard)))


def assemble(table: pd.DataFrame, budget: Budget, source: str, hard: list[str]) -> Reproduction:
    """Lay the rows of all jobs beside the printed numbers.

    Parameters
    ----------
    table : DataFrame
        Rows of `landscape.papers.images.jobs.work`.
    budget : Budget
    source : str
        What the pictures are.
    hard : list of str
        Which alphabets are hard.

    Returns
    -------
    Reproduction
    """
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    right = by_row(table)
    _draw(figure.subplots(2, 2).ravel(), table, right)
    notes = _notes(table, right, budget, source, hard)
    return Reproduction(table, figure, _summary(right), notes, findings(table, right))


Right = dict[tuple[str, str, str], Array]
"""Accuracies by setting, row and part, each of shape (seeds,)."""


def by_row(table: pd.DataFrame) -> Right:
    """Return the accuracies by setting ("Large", "Small"), row of the table and part; NaN where there are none."""
    rows = table[table["quantity"] == "accuracy"].sort_values("seed")
    cells = rows.groupby(["setting", "method", "shots", "part"])["value"]
    known = {key: values.to_numpy() for key, values in cells}
    none = np.full(rows["seed"].nunique(), np.nan)
    return {
        (setting, name, part): known.get((setting, *row, part), none)
        for setting in ("Large", "Small")
        for row, name in ROWS.items()
        for part in PARTS
    }


def half_width(values: Array) -> float:
    """Compute half of the 95% interval (Student's t) over seeds."""
    low, high = interval_of(values)
    return (high - low) / 2


def _summary(right: Right) -> pd.DataFrame:
    paper = printed("table1").pivot(index="panel", columns="quantity", values="value")
    rows = []
    for setting in ("Large", "Small"):
        for name in ROWS.values():
            row: dict[str, object] = {"r_H": setting, "method": name}
            for part, words in PARTS.items():
                values = 100 * right[setting, name, part]
                row[words] = (
                    "" if np.isnan(values).any() else f"{values.mean():.1f} ± {half_width(values):.1f}"
                )
                known = f"{setting} {name}" in paper.index
                row[f"{words}, printed"] = paper.loc[f"{setting} {name}", words] if known else np.nan
            rows.append(row)
    return pd.DataFrame(rows)


def _draw(axes: list[Axes], table: pd.DataFrame, right: Right) -> None:
    paper = printed("table1").pivot(index="panel", columns="quantity", values="value")
    for ax, setting in zip(axes[:2], ("Large", "Small"), strict=True):
        for i, name in enumerate(ROWS.values()):
            x = np.arange(len(PARTS)) + 0.12 * (i - 3)
            values = [100 * right[setting, name, part] for part in PARTS]
            if np.isnan(values).any():  # not trained yet
                continue
            ax.bar(
                x,
                [v.mean() for v in values],
                0.11,
                color=COLOURS[name],
                label=name if setting == "Large" else None,
            )
            ax.errorbar(
                x,
                [v.mean() for v in values],
                [half_width(v) for v in values],
                fmt="none",
                ecolor="black",
                elinewidth=0.7,
            )
            if f"{setting} {name}" in paper.index:
                numbers = paper.loc[f"{setting} {name}", list(PARTS.values())]
                label = "printed, Omniglot" if setting == "Large" and name == "MAML" else None
                ax.plot(x, numbers, "x", color="black", markersize=5, label=label)
        ax.axhline(100 / WAYS, color="black", linewidth=0.6, linestyle=":")
        ax.set_xticks(range(len(PARTS)), list(PARTS.values()))
        ax.set_ylim(0, 105)
        ax.set_ylabel("accuracy (%)")
        ax.set_title(f"{setting} $r_H$", fontsize="medium")
    axes[0].figure.legend(loc="outside lower center", ncols=4, fontsize="small", frameon=False)
    stage = table[(table["method"] == "MAML") & table["quantity"].str.startswith("step: ")]
    lines = {"network": ("a step of the network", "-o", "#0072B2"), "linear": ("of its tangent", "--s", "#7A4B9A"),
             "before": ("before a step", ":", "0.4")}  # fmt: skip
    for ax, part in zip(axes[2:], ("easy_test", "hard_test"), strict=True):
        for name, (label, style, colour) in lines.items():
            means = (
                stage[(stage["quantity"] == f"step: {name}") & (stage["part"] == part)]
                .groupby("iteration")["value"]
                .mean()
            )
            ax.plot(
                np.arange(len(means)), 100 * means, style, color=colour, label=label, markerfacecolor="white"
            )
        ax.set_xticks(np.arange(len(means)), [f"{i:,}" for i in means.index])
        plotting.finish(ax, "iterations of MAML", "accuracy (%)")
        ax.set_title(
            f"unseen {part[:4]} tasks: does the network step as its tangent does?", fontsize="medium"
        )


def findings(table: pd.DataFrame, right: Right) -> pd.DataFrame:
    """Decide the findings by their rules; those of which rows are missing are left out."""

    def differences(more: str, less: str, part: str, setting: str = "Large") -> Array:
        return right[setting, more, part] - right[setting, less, part]

    gaps = {part: interval_of(differences("MAML", "NAL-1", part)) for part in ("easy_test", "hard_test")}
    nearer = interval_of(right["Small", "MAML", "hard_test"] - right["Large", "MAML", "hard_test"])
    relative = interval_of(
        differences("MAML", "NAL-1", "hard_test", "Small") - differences("MAML", "NAL-1", "hard_test")
    )
    losses = table[table["quantity"] == "loss"]["value"].to_numpy()
    away = interval_of(losses - np.log(WAYS))
    less = interval_of(differences("MAML", "NAL-10", "easy_test"))
    rows: list[Finding] = [
        finding("MAML is far above NAL on easy unseen tasks (accuracies, Large)", f"interval of the difference above {FAR}", *gaps["easy_test"],
                gaps["easy_test"][0] > FAR),
        finding("MAML is above NAL on hard unseen tasks", "interval of the difference above 0", *gaps["hard_test"], gaps["hard_test"][0] > 0),
        finding("and with one shot above NAL with ten, on easy unseen tasks", "interval of the difference above 0", *less, less[0] > 0),
        finding("MAML does better on hard unseen tasks where r_H is Small than where it is Large", "interval of the difference above 0", *nearer,
                nearer[0] > 0),
        finding("MAML's gain over NAL on hard unseen tasks is larger where r_H is Small", "interval of the difference of gaps above 0", *relative,
                relative[0] > 0),
        finding("NAL's loss stays at log 5, as labels in random order must have it (of all seeds, settings and shots)",
                f"interval of its distance within {PLATEAU} of 0", *away, max(map(abs, away)) < PLATEAU),
    ]  # fmt: skip
    return pd.DataFrame(row for row in rows if np.isfinite(row.low))


def _words(values: Array) -> str:
    """Say a mean difference of accuracies in points with its 95% interval."""
    low, high = interval_of(100 * values)
    return f"{100 * values.mean():.1f} points ({low:.1f} to {high:.1f})"


def _notes(table: pd.DataFrame, right: Right, budget: Budget, source: str, hard: list[str]) -> list[str]:
    def gap(more: str, less: str, part: str) -> Array:
        return right["Large", more, part] - right["Large", less, part]

    last, nal = budget.maml_iterations, budget.nal_iterations
    networks = {"untrained": ("MAML", 0), "NAL's": ("NAL", nal), "MAML's": ("MAML", last)}

    def heads(kind: str) -> str:
        rows = table[table["quantity"].str.startswith(f"{kind}: ") & (table["part"] == "easy_test")]
        means = 100 * rows.groupby(["method", "iteration", "quantity"])["value"].mean().unstack()
        left = {
            name: means.loc[network].rename(lambda quantity: quantity.partition(": ")[2])
            for name, network in networks.items()
        }
        said = (
            f"{row['predicted']:.1f}% on {name} features ({row['measured']:.1f}% measured)"
            for name, row in left.items()
        )
        points = (f"{row['accuracy']:.0f}" for row in left.values())
        return f"{', '.join(said)}, with accuracies of {', '.join(points)}%"

    errors = (
        table[(table["quantity"] == "step: error") & (table["method"] == "MAML")]
        .groupby("iteration")["value"]
        .mean()
    )
    stages = table[
        (table["method"] == "MAML") & (table["part"] == "easy_test") & (table["iteration"] == last)
    ]

    def stage(name: str) -> float:
        return float(stages[stages["quantity"] == f"step: {name}"]["value"].mean())

    both = gap("MAML", "NAL-1", "easy_test") - gap("MAML", "NAL-1", "hard_test")
    return [
        f"Data: {source}. 5 classes, 1 shot (NAL-10: 10), 10 targets a class; intervals are 95% over {budget.seeds} seeds, each with a network"
        f"{', a split' if len(hard) > 2 else ''} and tasks of its own. Alphabets of hard tasks: {' / '.join(hard)}. The printed Small "
        "setting changes the alphabet of the test too; where there are few alphabets the unseen one here is the same in both settings.",
        f"Setting: {budget.filters} filters, {budget.tasks} tasks an iteration, Adam, {last:,} iterations at {budget.maml_rate:g} for MAML and {nal:,} at "
        f"{budget.nal_rate:g} for NAL; printed are 64, 8 and 20,000, at 0.001 and 0.000001. C.4 says SGD; the code that it adapts has Adam. NAL sees all "
        "of a task's pictures, shots and targets, without an inner step. Batch norms take the statistics of the pictures at hand, which at test shows "
        "the network all of a task's targets at once.",
        f"How much of NAL's rows is the untrained network? On unseen tasks NAL-1 is above it by {_words(gap('NAL-1', 'untrained', 'easy_test'))} on easy "
        f"and {_words(gap('NAL-1', 'untrained', 'hard_test'))} on hard ones; NAL-10 above it with 10 shots by "
        f"{_words(gap('NAL-10', 'untrained, 10 shots', 'easy_test'))} on easy ones. With labels in random order pooled training has no target: its "
        "loss cannot fall below log 5 = 1.609, whatever the network, and for a linear head with squared loss the optima of NAL and MAML are "
        "both 0 and their gain is exactly 1. What NAL trains is at best a by-product, and at the printed rate of 0.000001 next to nothing.",
        f"Gaps of MAML over NAL-1 on unseen tasks: easy {_words(gap('MAML', 'NAL-1', 'easy_test'))}, hard {_words(gap('MAML', 'NAL-1', 'hard_test'))}; easy "
        f"minus hard {_words(both)}: no sign was asserted, since in the paper's own Large setting the easy gap is the larger (40.2 against 36.0).",
        "A linear head on fixed features (easy unseen tasks, squared loss, best step from 0): the exact landscape predicts that a step leaves of the loss "
        f"{heads('head')}. These are the features of the last layer; on tangent features, the gradients of an output by all parameters, it leaves "
        f"{heads('tangent')}: to first order MAML trains a step on these. The theory speaks of the step; which features are learned it does not say.",
        "Distance between the outputs after a step and those of the tangent at the network's parameters, as a share of the move: "
        + ", ".join(f"{value:.2f} after {int(i):,}" for i, value in errors.items())
        + " iterations. The outputs are not the tangent's; the accuracy is more nearly: at the end "
        + " and ".join(
            f"{100 * stage(name):.0f}% {words}"
            for name, words in (("network", "after the network's step"), ("linear", "after its tangent's"))
        )
        + " on easy unseen tasks.",
    ]

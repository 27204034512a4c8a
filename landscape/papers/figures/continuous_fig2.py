"""Xu et al., Figure 2: BI-MAML against MAML on four sets of tasks, its steps and its cost."""

import math
import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from landscape import plotting
from landscape.adaptations import GradientSteps
from landscape.core import Array, LandscapeWarning, bar
from landscape.methods import BIMAML, MAML, Method
from landscape.papers.biphasic_problems import PROBLEMS, Problem
from landscape.papers.convergence_columns import operations
from landscape.papers.images.digits import digits
from landscape.papers.reproduction import Finding, Reproduction, finding, interval_of
from landscape.simulator.training import History, LossTasks, train

TITLE = "Xu et al., Figure 2: BI-MAML against MAML on regression, Diabetes, SVM and digits: steps and cost"

EARLY, PRINTED = 25, 50  # the iterations that the paper speaks of
SUMMARY = [
    "problem", "reading", "MAML diverged", "BI-MAML diverged", "early ratio", "last ratio", "steps saved", "switch",
    "saved, products", "saved, matrices", "saved, time", "paper",
]  # fmt: skip


def run(quick: bool, seed: int, progress: bool, problems: Mapping[str, Problem] = PROBLEMS) -> Reproduction:
    """Run both methods from the same starts on the same tasks, in every reading."""
    repeats = 3 if quick else 10
    rows: list[dict[str, Any]] = []
    missing: dict[str, None] = {}
    curves: dict[tuple[str, str], list[dict[str, History]]] = {}
    cells = [
        (name, reading, i) for name, p in problems.items() for reading in p.readings for i in range(repeats)
    ]
    for name, reading, i in bar(cells, progress, desc="readings"):
        try:
            row, histories = both(name, reading, i, seed, quick)
        except ImportError as error:
            missing[str(error)] = None
            continue
        rows.append(row)
        curves.setdefault((name, reading), []).append(histories)
    table = pd.DataFrame(rows)
    figure = Figure(figsize=(13, 6.2), layout="constrained")
    for j, (column, name) in enumerate(zip(figure.subplots(2, 4).T, PROBLEMS, strict=True)):
        for ax, quantity, letters in zip(column, ("F", "gradient_norm_F"), ("abcd", "efgh"), strict=True):
            _draw(
                ax, name, quantity, curves.get((name, PROBLEMS[name].drawn)), legend=j == 0, letter=letters[j]
            )
    means = table.groupby(["problem", "reading"], sort=False).mean(numeric_only=True).reset_index()
    notes = _notes(table, list(missing))
    return Reproduction(table, figure, means[SUMMARY], notes, pd.DataFrame(_findings(table, problems)))


def both(
    name: str, reading: str, i: int, seed: int, quick: bool
) -> tuple[dict[str, Any], dict[str, History]]:
    """Run both methods on one draw of the tasks: a row of the table, and what happened on the way."""
    problem = PROBLEMS[name]
    rng = np.random.default_rng([seed, i, list(PROBLEMS).index(name)])
    tasks = problem.readings[reading](rng)
    if quick:
        tasks = LossTasks(tasks.losses[:10])
    start = rng.standard_normal(tasks.d)
    step = GradientSteps(problem.alpha)
    threshold = problem.threshold * float(np.linalg.norm(tasks.pooled_gradient(start)))
    methods: dict[str, Method] = {"MAML": MAML(step), "BI-MAML": BIMAML(step, threshold)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LandscapeWarning)  # divergence is a column of the table
        histories = {k: train(tasks, method, start, problem.beta, PRINTED) for k, method in methods.items()}
    row: dict[str, Any] = {"problem": name, "reading": reading, "repeat": i, "paper": problem.saving}
    row |= {f"{label} diverged": history.diverged for label, history in histories.items()}
    row["switch"] = _first_phase(histories["BI-MAML"].table.iloc[-1], len(tasks.losses))
    diverged = any(history.diverged for history in histories.values())
    row["smoothness"] = tasks.smoothness if diverged else math.nan
    if not diverged:
        row |= _savings(tasks, histories)
        timed = i < (1 if quick else 3)
        row["saved, time"] = _time_saved(tasks, methods, start, problem.beta) if timed else math.nan
    return row, histories


def _savings(tasks: LossTasks, histories: Mapping[str, History]) -> dict[str, float]:
    """Compare gradient norms, steps to the smallest norm that both reach, and exact work."""
    maml, bi = (histories[label].table for label in ("MAML", "BI-MAML"))
    theirs, ours = (t["gradient_norm_F"] for t in (maml, bi))
    row = {}
    for when, k in (("early", EARLY), ("last", PRINTED)):
        row[f"{when} ratio"] = theirs[k] / ours[k] if ours[k] else math.nan
    small = max(theirs.min(), ours.min())
    row["steps saved"] = int((theirs <= small).argmax() - (ours <= small).argmax())
    n, d = tasks.losses[0].samples, tasks.d
    counts = [dict(t.iloc[-1]) for t in (bi, maml)]
    row["saved, products"] = 1 - operations(counts[0], n, d) / operations(counts[1], n, d)
    as_matrices = [
        c | {"hessians": c["hessian_vector_products"], "hessian_vector_products": 0} for c in counts
    ]
    row["saved, matrices"] = 1 - operations(as_matrices[0], n, d) / operations(as_matrices[1], n, d)
    return row


def _first_phase(last: Mapping[str, Any], T: int) -> int:
    """Count the steps of BI-MAML's first phase: all those that took no Hessian-vector product."""
    return int(last["iteration"] - last["hessian_vector_products"] / T)


def _time_saved(tasks: LossTasks, methods: Mapping[str, Method], start: Array, beta: float) -> float:
    """Measure the share of the running time that BI-MAML saves over the printed iterations, with products; the best of three."""
    seconds = dict.fromkeys(methods, math.inf)
    for label, method in [*methods.items()] * 3:
        begin = time.perf_counter()
        train(tasks, method, start, beta, PRINTED, record_every=PRINTED)
        seconds[label] = min(seconds[label], time.perf_counter() - begin)
    return 1 - seconds["BI-MAML"] / seconds["MAML"]


def _findings(table: pd.DataFrame, problems: Mapping[str, Problem]) -> list[Finding]:
    rows = []
    for name, problem in problems.items():
        for reading in problem.readings:
            part = table[(table["problem"] == name) & (table["reading"] == reading)]
            if part.empty or "early ratio" not in part or part["early ratio"].isna().any():
                continue
            which = f"{problem.title} ({reading}): BI-MAML"
            low, high = np.exp(interval_of(np.log(part["early ratio"])))
            rows.append(finding(f"{which}'s gradient norm is clearly smaller after {EARLY} steps",
                                "interval of MAML's norm over BI-MAML's above 1.2", low, high, low > 1.2))  # fmt: skip
            low, high = interval_of(part["steps saved"])
            rows.append(finding(f"{which} takes fewer steps to a small gradient norm",
                                f"interval of the steps it saves to the smallest norm that both reach in {PRINTED} above 0", low, high, low > 0))  # fmt: skip
            low, high = interval_of(part["saved, products"])
            rows.append(finding(f"{which} saves work in {PRINTED} steps (paper: {problem.saving:.0%} of the time)",
                                "interval of the share of multiplications saved above 0, and every run reaches the second phase", low, high,
                                low > 0 and (part["switch"] < PRINTED).all()))  # fmt: skip
    return rows


def _draw(
    ax: Axes, name: str, quantity: str, drawn: list[dict[str, History]] | None, *, legend: bool, letter: str
) -> None:
    """Draw F or its gradient norm over the iterations, in the first runs of both methods."""
    if drawn is None:
        ax.text(0.5, 0.5, "data set not installed", ha="center", transform=ax.transAxes)
        return
    for label in ("MAML", "BI-MAML"):
        colour, dashes, marker = plotting.style(label)
        for i, histories in enumerate(drawn[:5]):
            frame = histories[label].table
            ax.plot(frame["iteration"], frame[quantity], color=colour, linestyle=dashes, linewidth=1.1, alpha=0.75,
                    label=label if i == 0 else None)  # fmt: skip
            switch = int((frame["phase"][1:] == "pooled").sum())
            if label == "BI-MAML" and switch < PRINTED:
                place = (switch, frame[quantity].iloc[switch])
                ax.plot(*place, marker, color=colour, markeredgecolor="white", markersize=6)
    plotting.finish(ax, "iteration", "$F(w_k)$" if quantity == "F" else r"$\|\nabla F(w_k)\|$", legend=legend)
    title = f"({letter})  {PROBLEMS[name].title}"
    if quantity == "F":
        title += "\n" + PROBLEMS[name].drawn.replace("; ", ";\n")
    else:
        ax.set_yscale("log")
        low, high = ax.get_ylim()
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5, 7)))
        ax.yaxis.set_minor_formatter("{x:g}" if high < 10 * low else "")
    ax.set_title(title, fontsize="small")


def _notes(table: pd.DataFrame, missing: list[str]) -> list[str]:
    notes = [
        f"Readings: {PRINTED} iterations, full batches, starts drawn from N(0, I) as printed. The threshold eps_0 is not printed: 0.1 of the first pooled gradient "
        "norm is taken (0.7 for the digits, where 0.1 is not reached), which ends the first phase of the synthetic regression near the 25 steps that the paper names. "
        "Gradient norms are those of F in both phases (the paper draws that of f in the first); dots mark the change of phase.",
        "The rules were written down after a first look at other seeds (their thresholds were raised then, which turned findings from yes to no), and eps_0 and the readings drawn "
        "were settled then too; they have not been changed since. The rule for the steps saved was written down before any had been counted. Run with a --seed of your own for a test that nothing was fitted to.",
    ]
    either = table[table["MAML diverged"] | table["BI-MAML diverged"]]
    for (name, reading), L in either.groupby(["problem", "reading"], sort=False)["smoothness"].mean().items():
        alpha = PROBLEMS[name].alpha
        notes.append(
            f"{PROBLEMS[name].title} with {reading!r} diverges at the printed alpha = {alpha:g}: alpha L = {alpha * L:.3g} on average."
        )
    if (table["problem"] == "regression").any() and "early ratio" in table:
        means = table[table["problem"] == "regression"].groupby("reading")["early ratio"].mean().dropna()
        listed = ", ".join(f"{ratio:.2f} with {reading!r}" for reading, ratio in means.items())
        notes.append(
            f"After {EARLY} steps, where the paper sees BI-MAML converged and MAML far from it, MAML's gradient norm is larger by a factor of {listed}."
        )
    notes += [
        "f(w) = ReLU(y - Xw) is not the hinge loss: any w with Xw >= 1 is best for every task. Both have no curvature where they are smooth, so the Hessian that BI-MAML "
        "saves is zero: there MAML is FO-MAML, and the first phase can save one inner gradient a step but no second derivatives that matter.",
        "saved, products and saved, matrices: exact multiplications with Hessian-vector products or with Hessians as matrices; saved, time: measured in this run, with products. "
        "Each is bounded by the share of the steps that are taken in the first phase, so the printed percentages fix little but that share.",
    ]
    if (table["problem"] == "mnist").any():
        notes.append(
            f"Digits: {digits()[2]}; each task is 100 pictures of one odd digit against 100 of even ones, pixels in [0, 1]."
        )
    return notes + [f"Left out: {text}" for text in missing]

"""Xu et al., Figure 2: BI-MAML against MAML on four sets of tasks, its steps and its cost."""

import math
import time
import warnings

import numpy as np

from landscape import plotting
from landscape.algorithms import train
from landscape.checks import LandscapeWarning
from landscape.losses import LossTasks
from landscape.methods import BIMAML, MAML
from landscape.reproduce import Reproduction, finding, interval_of
from landscape.reproduce._continuous_data import PROBLEMS
from landscape.reproduce._convergence_parts import operations
from landscape.reproduce._digits import digits

TITLE = "Xu et al., Figure 2: BI-MAML against MAML on regression, Diabetes, SVM and digits: steps and cost"

EARLY, PRINTED = 25, 50  # the iterations that the paper speaks of


def run(quick, seed, progress):
    """Both methods from the same starts on the same tasks, in every reading."""
    import pandas as pd
    from matplotlib.figure import Figure
    from tqdm.auto import tqdm

    repeats, rows, missing, curves = (3 if quick else 10), [], [], {}
    cells = [
        (name, reading, i)
        for name, problem in PROBLEMS.items()
        for reading in problem[-1]
        for i in range(repeats)
    ]
    for name, reading, i in tqdm(cells, desc="readings", disable=not progress):
        try:
            row, histories = _compare(name, reading, i, seed, quick)
        except ImportError as error:
            if str(error) not in missing:
                missing.append(str(error))
            continue
        rows.append(row)
        curves.setdefault((name, reading), []).append(histories)
    table = pd.DataFrame(rows)
    figure = Figure(figsize=(13, 6.2), layout="constrained")
    _draw(figure.subplots(2, 4), curves)
    summary = (
        table.groupby(["problem", "reading"], sort=False)
        .mean(numeric_only=True)
        .drop(columns="repeat")
        .reset_index()
    )
    columns = [
        "problem",
        "reading",
        "MAML diverged",
        "BI-MAML diverged",
        "early ratio",
        "last ratio",
        "steps saved",
        "switch",
        "saved, products",
        "saved, matrices",
        "saved, time",
        "paper",
    ]
    return Reproduction(
        table, figure, summary[columns], _notes(table, missing), pd.DataFrame(_findings(table))
    )


def _compare(name, reading, i, seed, quick):
    """One row: both methods on one draw of the tasks."""
    title, alpha, beta, share, printed, readings = PROBLEMS[name]
    rng = np.random.default_rng([seed, i, list(PROBLEMS).index(name)])
    tasks = readings[reading](rng)
    if quick:
        tasks = LossTasks(tasks.losses[:10])
    start = rng.standard_normal(tasks.d)
    threshold = share * float(np.linalg.norm(tasks.pooled_gradient(start)))
    methods = {"MAML": MAML(alpha), "BI-MAML": BIMAML(alpha, threshold)}
    row = {"problem": name, "reading": reading, "repeat": i, "paper": printed}
    histories = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LandscapeWarning)  # divergence is a column of the table
        for label, method in methods.items():
            histories[label] = train(tasks, method, start, beta, PRINTED)
            row[f"{label} diverged"] = histories[label].diverged
    maml, bi = (histories[label].table for label in methods)
    row["switch"] = _first_phase(bi.iloc[-1], len(tasks.losses))
    diverged = row["MAML diverged"] or row["BI-MAML diverged"]
    row["smoothness"] = tasks.smoothness if diverged else math.nan
    if not diverged:
        norms = [t["gradient_norm_F"] for t in (maml, bi)]
        for when, k in (("early", EARLY), ("last", PRINTED)):
            row[f"{when} ratio"] = norms[0][k] / norms[1][k] if norms[1][k] else math.nan
        small = max(norm.min() for norm in norms)  # the smallest that both reach
        row["steps saved"] = int((norms[0] <= small).argmax() - (norms[1] <= small).argmax())
        n, d = tasks.losses[0].samples, tasks.d
        row["saved, products"] = 1 - operations(bi.iloc[-1], n, d) / operations(maml.iloc[-1], n, d)
        as_matrices = [
            dict(t.iloc[-1])
            | {"hessians": t["hessian_vector_products"].iloc[-1], "hessian_vector_products": 0}
            for t in (bi, maml)
        ]
        row["saved, matrices"] = 1 - operations(as_matrices[0], n, d) / operations(as_matrices[1], n, d)
        row["saved, time"] = _time_saved(tasks, methods, start, beta) if i < (1 if quick else 3) else math.nan
    return row, histories


def _first_phase(last, T):
    """Steps of BI-MAML's first phase: all those that took no Hessian-vector product."""
    return int(last["iteration"] - last["hessian_vector_products"] / T)


def _time_saved(tasks, methods, start, beta):
    """Share of the running time that BI-MAML saves over the printed iterations, in one run, with products; the best of three."""
    seconds = dict.fromkeys(methods, math.inf)
    for label, method in [*methods.items()] * 3:
        begin = time.perf_counter()
        train(tasks, method, start, beta, PRINTED, record_every=PRINTED)
        seconds[label] = min(seconds[label], time.perf_counter() - begin)
    return 1 - seconds["BI-MAML"] / seconds["MAML"]


def _findings(table):
    rows = []
    for name, problem in PROBLEMS.items():
        for reading in problem[-1]:
            part = table[(table["problem"] == name) & (table["reading"] == reading)]
            if part.empty or "early ratio" not in part or part["early ratio"].isna().any():
                continue
            low, high = np.exp(interval_of(np.log(part["early ratio"])))
            rows.append(finding(f"{problem[0]} ({reading}): BI-MAML's gradient norm is clearly smaller after {EARLY} steps",
                                "interval of MAML's norm over BI-MAML's above 1.2", low, high, low > 1.2))  # fmt: skip
            low, high = interval_of(part["steps saved"])
            rows.append(finding(f"{problem[0]} ({reading}): BI-MAML takes fewer steps to a small gradient norm",
                                f"interval of the steps it saves to the smallest norm that both reach in {PRINTED} above 0", low, high, low > 0))  # fmt: skip
            low, high = interval_of(part["saved, products"])
            rows.append(finding(f"{problem[0]} ({reading}): BI-MAML saves work in {PRINTED} steps (paper: {problem[4]:.0%} of the time)",
                                "interval of the share of multiplications saved above 0, and every run reaches the second phase", low, high,
                                low > 0 and (part["switch"] < PRINTED).all()))  # fmt: skip
    return rows


def _draw(axes, curves):
    for j, (name, problem) in enumerate(PROBLEMS.items()):
        reading = next(iter(problem[-1]))
        drawn = curves.get((name, reading))
        for ax, column, letter in ((axes[0, j], "F", "abcd"[j]), (axes[1, j], "gradient_norm_F", "efgh"[j])):
            if drawn is None:
                ax.text(0.5, 0.5, "data set not installed", ha="center", transform=ax.transAxes)
                continue
            for label in ("MAML", "BI-MAML"):
                colour, _, marker = plotting.style(label)
                for i, histories in enumerate(drawn[:5]):
                    frame = histories[label].table
                    ax.plot(frame["iteration"], frame[column], color=colour, linestyle=plotting.style(label)[1], linewidth=1.1, alpha=0.75,
                            label=label if i == 0 else None)  # fmt: skip
                    switch = int((frame["phase"][1:] == "pooled").sum())
                    if label == "BI-MAML" and switch < PRINTED:
                        ax.plot(
                            switch,
                            frame[column].iloc[switch],
                            marker,
                            color=colour,
                            markeredgecolor="white",
                            markersize=6,
                        )
            plotting.finish(
                ax, "iteration", "$F(w_k)$" if column == "F" else r"$\|\nabla F(w_k)\|$", legend=j == 0
            )
            if column != "F":
                ax.set_yscale("log")
                low, high = ax.get_ylim()
                ax.yaxis.set_major_formatter("{x:g}")
                ax.yaxis.set_minor_formatter("{x:g}" if high < 10 * low else "")
            ax.set_title(
                f"({letter})  {problem[0]}" + ("\n" + reading.replace("; ", ";\n") if column == "F" else ""),
                fontsize="small",
            )


def _notes(table, missing):
    notes = [
        f"Readings: {PRINTED} iterations, full batches, starts drawn from N(0, I) as printed. The threshold eps_0 is not printed: 0.1 of the first pooled gradient "
        "norm is taken (0.7 for the digits, where 0.1 is not reached), which ends the first phase of the synthetic regression near the 25 steps that the paper names. "
        "Gradient norms are those of F in both phases (the paper draws that of f in the first); dots mark the change of phase.",
        "The rules were written down after a first look at other seeds (their thresholds were raised then, which turned findings from yes to no), and eps_0 and the readings drawn "
        "were settled then too; they have not been changed since. The rule for the steps saved was written down before any had been counted. Run with a --seed of your own for a test that nothing was fitted to.",
    ]
    diverging = (
        table[table["MAML diverged"] | table["BI-MAML diverged"]]
        .groupby(["problem", "reading"], sort=False)["smoothness"]
        .mean()
    )
    for (name, reading), L in diverging.items():
        alpha = PROBLEMS[name][1]
        notes.append(
            f"{PROBLEMS[name][0]} with {reading!r} diverges at the printed alpha = {alpha:g}: alpha L = {alpha * L:.3g} on average."
        )
    if (table["problem"] == "regression").any() and "early ratio" in table:
        means = table[table["problem"] == "regression"].groupby("reading")["early ratio"].mean().dropna()
        listed = ", ".join(f"{ratio:.2f} with {reading!r}" for reading, ratio in means.items())
        notes.append(
            f"After {EARLY} steps, where the paper sees BI-MAML converged and MAML far from it, MAML's gradient norm is larger by a factor of {listed}."
        )
    notes.append(
        "f(w) = ReLU(y - Xw) is not the hinge loss: any w with Xw >= 1 is best for every task. Both have no curvature where they are smooth, so the Hessian that BI-MAML "
        "saves is zero: there MAML is FO-MAML, and the first phase can save one inner gradient a step but no second derivatives that matter."
    )
    notes.append(
        "saved, products and saved, matrices: exact multiplications with Hessian-vector products or with Hessians as matrices; saved, time: measured in this run, with products. "
        "Each is bounded by the share of the steps that are taken in the first phase, so the printed percentages fix little but that share."
    )
    if (table["problem"] == "mnist").any():
        notes.append(
            f"Digits: {digits()[2]}; each task is 100 pictures of one odd digit against 100 of even ones, pixels in [0, 1]."
        )
    return notes + [f"Left out: {text}" for text in missing]

"""What Figures 2 and 8 of Collins et al. share: two tasks, solutions and risks against the hardness of one of them."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape import plotting
from landscape.adaptations import GradientSteps
from landscape.analysis.agreement import agreement
from landscape.analysis.compare import compare
from landscape.analysis.comparison import Comparison
from landscape.analysis.optimum import optimum
from landscape.analysis.simulate import Simulation, simulate
from landscape.closed_form.hardness import hardness_window
from landscape.core import Array
from landscape.methods import MAML, NAL, Training
from landscape.papers.reproduction import Finding, Reproduction, finding, interval, interval_of
from landscape.tasks import TwoTasks

TASKS = TwoTasks()
LABELS = ("NAL", "MAML")


def hardness_panels(
    samples: Sequence[int],
    trainings: Mapping[str, Callable[[int], Training]],
    rho_hard: Array,
    *,
    repeats: int,
    tasks: int,
    seed: int,
    progress: bool,
    axis_limits: Mapping[int, float],
    notes: Sequence[str],
) -> Reproduction:
    """Lay theory and simulation side by side for each m = n2, a column of two panels each.

    Parameters
    ----------
    samples : list of int
        Values of m = n2.
    trainings : dict of str to function
        Name of a way to train, and m -> Training; the first is drawn.
    rho_hard : array
        Where to simulate.
    axis_limits : dict of int to float
        Largest tick of the paper's risk axis by m.
    """
    figure = Figure(figsize=(3.4 * len(samples) + 0.6, 5.6), layout="constrained")
    axes = figure.subplots(2, len(samples), sharex=True, squeeze=False)
    tables, findings = [], []
    for column, m in zip(axes.T, samples, strict=True):
        adaptation = GradientSteps(1.0, m)
        methods = [NAL(), MAML(adaptation)]
        theory = compare(TASKS, methods, adaptation, over={"rho_hard": np.linspace(0.005, 1, 200)})
        runs = [
            simulate(
                TASKS, methods, adaptation, training(m), over={"rho_hard": rho_hard}, repeats=repeats, tasks=tasks, rng=seed,
                engine="numpy", progress=progress,
            )
            for training in trainings.values()
        ]  # fmt: skip
        found = [
            agreement(run).to_frame().assign(m=m, trained=k) for k, run in zip(trainings, runs, strict=True)
        ]
        tables += found
        _shade(column, found[0])
        _draw(column, m, theory, runs[0])
        findings += _findings(m, rho_hard, runs[0])
    for ax in axes[:, 1:].flat:
        ax.set_ylabel("")  # as in the first column
    for ax, label in zip(
        axes[:, 0], ("mean coordinate\nof the solution", "risk above\nthe noise floor"), strict=True
    ):
        ax.set_ylabel(label)
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "m", table.pop("m"))
    table.insert(1, "trained", table.pop("trained"))
    table["paper_axis_reaches"] = table["m"].map(axis_limits).where(table["quantity"] == "above_noise")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    summary = table[table["quantity"].isin(["coordinate", "above_noise", "loss difference"])]
    return Reproduction(table, figure, summary, [*notes, *_window_notes(samples)], pd.DataFrame(findings))


def _shade(column: Sequence[Axes], table: pd.DataFrame) -> None:
    """Draw the bars that hold 95% of single runs."""
    for ax, quantity in zip(column, ("coordinate", "above_noise"), strict=True):
        for label in LABELS:
            rows = table[(table["quantity"] == quantity) & (table["method"] == label)]
            plotting.band(ax, label, rows["rho_hard"], rows["finite_low"], rows["finite_high"])


def _draw(column: Sequence[Axes], m: int, theory: Comparison, simulation: Simulation) -> None:
    where, risk = column
    measured, exact = simulation.to_frame(), theory.to_frame()
    where.axhline(1, color="0.3", linewidth=0.9)
    where.axhline(-1, color="0.3", linewidth=0.9)
    where.annotate("hard task", (0.99, 1.03), ha="right", va="bottom", fontsize="x-small", color="0.3")
    where.annotate("easy task", (0.99, -1.03), ha="right", va="top", fontsize="x-small", color="0.3")
    for label, method in zip(theory.labels, theory.methods, strict=True):
        first_coordinate = optimum(TASKS, method, over=theory.grid.axes).value[:, 0]
        here = exact[exact["method"] == label].assign(coordinate=first_coordinate)
        plotting.lines(where, label, here, "rho_hard", "coordinate", name=f"{label}, exact")
        plotting.lines(risk, label, here, "rho_hard", "above_noise")
        groups = measured[measured["method"] == label].groupby("rho_hard")
        plotting.points(where, label, groups["coordinate"].agg(mean="mean", error="sem", count="count"))
        plotting.points(risk, label, groups["above_noise"].agg(mean="mean", error="sem", count="count"))
    plotting.finish(where, "", "coordinate", legend=False).set_ylim(-1.35, 1.35)
    plotting.finish(risk, "rho_hard", "above_noise", legend=False).set_ylim(bottom=0)
    where.set_title(f"$m = n_2 = {m}$", fontsize="medium")
    window = hardness_window(TASKS.d, m)
    if window:
        for ax in column:
            ax.axvspan(*window, color="0.93", zorder=0, label="hardness window")


def _findings(m: int, rho_hard: Array, simulation: Simulation) -> list[Finding]:
    """Decide the paper's statements about section 3.1, at the simulated hardness nearest to 0.2."""
    at = int(np.abs(rho_hard - 0.2).argmin())
    gain = simulation.gain("MAML")
    gap = simulation.solutions[at, 1].mean(axis=-1) - simulation.solutions[at, 0].mean(axis=-1)
    ratio = interval(gain.value[at], gain.standard_error[at], len(gap))
    apart = interval_of(gap)
    where = f"m = {m}, rho_H = {rho_hard[at]:.2g}"
    return [
        finding(f"{where}: MAML starts nearer the hard task than NAL", "interval of the difference of coordinates above 0",
                *apart, apart[0] > 0),
        finding(f"{where}: MAML's risk is significantly smaller", "interval of the ratio above 1.2", *ratio, ratio[0] > 1.2),
    ]  # fmt: skip


def _window_notes(samples: Sequence[int]) -> list[str]:
    shown = {m: hardness_window(TASKS.d, m) for m in samples}
    parts = [f"m = {m}: " + (f"{w[0]:.3f} to {w[1]:.3f}" if w else "nowhere") for m, w in shown.items()]
    return [
        "Shaded: where MAML gives the hard task more say than the easy one, exactly (the paper has 'x(1-x)^2 >> d/m'): "
        + "; ".join(parts)
        + ".",
        "The paper's eq. (9) leaves out the factor ||w1 - w2||^2/4, which is d = 10 here; its axes include it.",
    ]

"""What Figures 2 and 8 share: two tasks, solutions and risks against the hardness of one of them."""

import numpy as np

from landscape import plotting
from landscape.adaptation import Adaptation
from landscape.agreement import agreement
from landscape.comparison import compare
from landscape.hardness import hardness_window
from landscape.isotropic import two_tasks
from landscape.methods import MAML, NAL
from landscape.reproduce import Reproduction, finding, interval, interval_of
from landscape.simulator.simulation import simulate

D = 10
LABELS = ("NAL", "MAML")


def reproduce_panels(samples, trainings, rho_hard, repeats, tasks, seed, progress, notes, limits):
    """Theory and simulation for each m = n2, one column of two panels each.

    Parameters
    ----------
    samples : list of int
        Values of m = n2.
    trainings : dict of str to function
        Name of a way to train, and m -> Training; the first is drawn.
    rho_hard : ndarray
        Where to simulate.
    limits : dict of int to float
        Largest tick of the paper's risk axis by m.
    """
    import pandas as pd
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * len(samples) + 0.6, 5.6), layout="constrained")
    axes = figure.subplots(2, len(samples), sharex=True, squeeze=False)
    tables, findings = [], []
    for column, m in zip(axes.T, samples, strict=True):
        adaptation = Adaptation(1.0, m)
        methods = [NAL(), MAML.matching(adaptation)]
        fine = np.linspace(0.005, 1, 200)
        theory = compare(two_tasks(rho_hard=fine), methods, adaptation)
        runs = {}
        for name, training in trainings.items():
            environment = two_tasks(rho_hard=rho_hard)
            runs[name] = simulate(
                environment, methods, adaptation, training(m), repeats, seed, tasks=tasks, engine="numpy", progress=progress
            )  # fmt: skip
            tables.append(agreement(runs[name]).to_frame().assign(m=m, trained=name))
            if len(runs) == 1:
                _shade(column, tables[-1])
        first = next(iter(runs.values()))
        _draw(column, m, theory, first)
        findings += _findings(m, first)
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "m", table.pop("m"))
    table.insert(1, "trained", table.pop("trained"))
    table["paper_axis_reaches"] = table["m"].map(limits).where(table["quantity"] == "above_noise")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    summary = table[table["quantity"].isin(["coordinate", "above_noise", "loss difference"])]
    return Reproduction(table, figure, summary, [*notes, *_window_notes(samples)], pd.DataFrame(findings))


def _shade(column, table):
    """The bands that hold 95% of single runs."""
    for ax, quantity in zip(column, ("coordinate", "above_noise"), strict=True):
        for label in LABELS:
            rows = table[(table["quantity"] == quantity) & (table["method"] == label)]
            plotting.band(ax, label, rows["rho_hard"], rows["finite_low"], rows["finite_high"])


def _coordinates(theory, label):
    """The method's optimum in one coordinate, over the grid of rho_hard."""
    from landscape.closed_form import optimum

    method = theory.methods[theory.labels.index(label)]
    return optimum(theory.environment, method)[:, 0]


def _draw(column, m, theory, simulation):
    where, risk = column
    measured, exact = simulation.to_frame(), theory.to_frame()
    where.axhline(1, color="0.3", linewidth=0.9)
    where.axhline(-1, color="0.3", linewidth=0.9)
    where.annotate("hard task", (0.99, 1.03), ha="right", va="bottom", fontsize="x-small", color="0.3")
    where.annotate("easy task", (0.99, -1.03), ha="right", va="top", fontsize="x-small", color="0.3")
    for label in LABELS:
        here = exact[exact["method"] == label].assign(coordinate=_coordinates(theory, label))
        plotting.lines(where, label, here, "rho_hard", "coordinate", name=f"{label}, exact")
        plotting.lines(risk, label, here, "rho_hard", "above_noise")
        groups = measured[measured["method"] == label].groupby("rho_hard")
        plotting.points(where, label, groups["coordinate"].agg(mean="mean", error="sem", count="count"))
        plotting.points(risk, label, groups["above_noise"].agg(mean="mean", error="sem", count="count"))
    plotting.finish(where, "", "coordinate", legend=False).set_ylim(-1.35, 1.35)
    plotting.finish(risk, "rho_hard", "above_noise", legend=False).set_ylim(bottom=0)
    where.set_title(f"$m = n_2 = {m}$", fontsize="medium")
    window = hardness_window(D, m)
    if window:
        for ax in column:
            ax.axvspan(*window, color="0.93", zorder=0, label="hardness window")


def _findings(m, simulation):
    """The paper's statements about section 3.1, at the simulated hardness nearest to 0.2."""
    rho = simulation.environment.rho_hard
    at = int(np.abs(rho - 0.2).argmin())
    mean, error = simulation.gain("MAML")
    gap = simulation.solutions[at, 1].mean(axis=-1) - simulation.solutions[at, 0].mean(axis=-1)
    ratio = interval(mean[at], error[at], len(gap))
    apart = interval_of(gap)
    return [
        finding(
            f"m = {m}, rho_H = {rho[at]:.2g}: MAML starts nearer the hard task than NAL",
            "interval of the difference of coordinates above 0",
            *apart,
            apart[0] > 0,
        ),
        finding(
            f"m = {m}, rho_H = {rho[at]:.2g}: MAML's risk is significantly smaller",
            "interval of the ratio above 1.2",
            *ratio,
            ratio[0] > 1.2,
        ),
    ]


def _window_notes(samples):
    shown = {m: hardness_window(D, m) for m in samples}
    parts = [f"m = {m}: " + (f"{w[0]:.3f} to {w[1]:.3f}" if w else "nowhere") for m, w in shown.items()]
    return [
        "Shaded: where MAML gives the hard task more say than the easy one, exactly (the paper has 'x(1-x)^2 >> d/m'): "
        + "; ".join(parts)
        + ".",
        "The paper's eq. (9) leaves out the factor ||w1 - w2||^2/4, which is d = 10 here; its axes include it.",
    ]

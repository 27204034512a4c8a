"""Collins et al., Figure 7: logistic regression on two tasks, against the hard one's hardness."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape import plotting
from landscape.adaptations import GradientSteps
from landscape.core import counter
from landscape.nonlinear.comparison import METHODS, nonlinear_comparison
from landscape.nonlinear.environment import NonlinearEnvironment
from landscape.nonlinear.logistic import LogisticTask
from landscape.nonlinear.sampling import sampled_risk
from landscape.papers.reproduction import Finding, Reproduction, finding

TITLE = "Collins et al., Figure 7: logistic regression, solutions and risks of NAL and MAML against hardness"

D, M, RHO_EASY = 10, 500, 1.0
DOTS: dict[str, Any] = {"NAL": (0, (1, 1.6)), "MAML": (2, (4, 1.6, 1, 1.6))}
CROSSES = {"NAL": "+", "MAML": "x"}
SUMMARY = ["alpha", "rho_hard", "method", "coordinate", "above_floor", "gain", "empirical", "standard_error"]


def tasks(rho_hard: float) -> NonlinearEnvironment:
    """Make two logistic tasks with teachers 1 and -1 in every coordinate, as in Figure 2."""
    ones = np.ones(D)
    return NonlinearEnvironment([LogisticTask("hard", ones, rho_hard), LogisticTask("easy", -ones, RHO_EASY)])


def run(quick: bool, seed: int, progress: bool) -> Reproduction:
    """Compute exact solutions over a grid of rho_H, for two readings of the step size, and draw their risks."""
    rho = np.r_[0.02, 0.03, 0.05, np.linspace(0.1, 0.9, 9), 0.95, 0.98, 1.0]
    rho = np.array([0.05, 0.2, 0.5, 1.0]) if quick else rho
    easy = tasks(0.5).tasks[1]
    # the largest curvature anywhere: sigmoid' is 1/4 at 0
    curvature = np.linalg.eigvalsh(easy.hessian(np.zeros(D)))[-1]
    readings = {r"\alpha = 1/\rho_E": 1 / RHO_EASY, r"\alpha = 1/L_E": 1 / curvature}
    figure = Figure(figsize=(8.2, 5.6), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    frames = []
    with counter(progress, total=len(rho) * len(readings), desc="fig7") as done:
        for column, (title, alpha) in zip(axes.T, readings.items(), strict=True):
            rows: list[dict[str, Any]] = []
            for value in rho:
                rows += _rows(value, GradientSteps(alpha, M), 30 if quick else 300, seed)
                done(1)
            frames.append(pd.DataFrame(rows))
            _draw(column, frames[-1], f"$m = {M}$, ${title}$")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    table = pd.concat(frames, ignore_index=True)
    findings = [row for frame in frames for row in _findings(frame)]
    return Reproduction(table, figure, table[SUMMARY], _notes(table, curvature), pd.DataFrame(findings))


def _rows(rho: float, adaptation: GradientSteps, draws: int, seed: int) -> Iterator[dict[str, Any]]:
    environment = tasks(rho)
    comparison = nonlinear_comparison(environment, adaptation, starts=0, rng=seed)
    floor = sum(float(t.loss(t.teacher)) for t in environment.tasks) / 2
    frame = comparison.to_frame().set_index(["method", "source"])
    for label in METHODS:
        exact, linear = comparison.solutions[label].best[0], comparison.predicted[label][0]
        measured = sampled_risk(environment, exact, adaptation, draws, rng=seed)
        above = frame.loc[label, "exact"]["risk"] - floor
        yield {
            "alpha": adaptation.alpha, "rho_hard": rho, "method": label, "coordinate": exact.mean(), "off_diagonal": np.ptp(exact),
            "above_floor": above, "gain": (frame.loc["NAL", "exact"]["risk"] - floor) / above,
            "linear_coordinate": linear.mean(), "linear_above_floor": frame.loc[label, "linear theory"]["linear_risk"] - floor,
            "empirical": measured.value - floor, "standard_error": measured.standard_error, "expansion_error": measured.expansion_error,
        }  # fmt: skip


def _draw(column: Sequence[Axes], frame: pd.DataFrame, title: str) -> None:
    where, risk = column
    for height, name in ((1, "hard task"), (-1, "easy task")):
        where.axhline(height, color="0.3", linewidth=0.9)
        side = "bottom" if height > 0 else "top"
        where.annotate(name, (0.99, height * 1.03), ha="right", va=side, fontsize="x-small", color="0.3")
    for label in METHODS:
        here = frame[frame["method"] == label]
        colour, _, marker = plotting.style(label)
        drawn: dict[str, Any] = {
            "color": colour, "marker": marker, "markersize": 5, "markerfacecolor": "white", "linestyle": "none",
        }  # fmt: skip
        plotting.lines(where, label, here, "rho_hard", "coordinate", name=f"{label}, exact")
        plotting.lines(risk, label, here, "rho_hard", "above_floor")
        for ax, y in ((where, "linear_coordinate"), (risk, "linear_above_floor")):
            dots: dict[str, Any] = {"color": colour, "linestyle": DOTS[label], "linewidth": 0.8}
            dots |= {"marker": CROSSES[label], "markersize": 6}
            ax.plot(here["rho_hard"], here[y], label=f"{label}, linear theory", **dots)
        risk.errorbar(
            here["rho_hard"], here["empirical"], yerr=1.96 * here["standard_error"], capsize=2, **drawn
        )
        where.plot([], [], label=f"{label}, drawn samples", **drawn)
    plotting.finish(where, "", "coordinate", legend=False).set_ylim(-1.35, 1.35)
    where.set_ylabel("coordinate of the solution")
    plotting.finish(
        risk, r"input variance of the hard task $\rho_H$", "risk above the floor", legend=False
    ).set_ylim(bottom=0)
    where.set_title(title, fontsize="medium")


def _findings(frame: pd.DataFrame) -> list[Finding]:
    nal, maml = (frame[frame["method"] == label].set_index("rho_hard") for label in METHODS)
    inside = nal.index[nal.index < RHO_EASY]
    nearer = (maml["coordinate"] - nal["coordinate"])[inside]
    gain = maml["gain"]
    where = f"alpha = {frame['alpha'].iloc[0]:.3g}"
    return [
        finding(f"{where}: MAML starts nearer the hard task", "difference of coordinates above 0 for every rho_H < rho_E", nearer.min(), nearer.max(), nearer.min() > 0),
        finding(f"{where}: MAML's risk is smaller for appropriate rho_H", "ratio of risks above 1.2 for some rho_H", gain.min(), gain.max(), gain.max() > 1.2),
    ]  # fmt: skip


def _notes(table: pd.DataFrame, curvature: float) -> list[str]:
    best = table.loc[table.groupby("alpha")["gain"].idxmax()]
    gains = "; ".join(
        f"{row.gain:.3g} at rho_H = {row.rho_hard:.2g} (alpha = {row.alpha:.3g})" for row in best.itertuples()
    )
    maml = table[table["method"] == "MAML"]
    off = (maml["linear_coordinate"] - maml["coordinate"]).groupby(maml["alpha"]).agg(lambda x: x.abs().max())
    return [
        "Reading: 'analogous to the m = 500 column of Figure 2': d = 10, teachers 1 and -1 in every coordinate, Sigma = rho_H I and I, labels "
        "drawn from the logistic model. The step size is not printed: alpha = 1/rho_E as in Figure 2, and 1 over the easy task's "
        f"largest curvature, which is rho_E/4 = {curvature:g}, since a logistic loss is flatter than a square. The figure is an image "
        "without text: it prints no value to hold these against.",
        f"Largest gain: {gains}. By symmetry solutions lie on the diagonal; coordinates differ by at most {table['off_diagonal'].max():.1e}.",
        f"The expansion in 1/m is off by at most {table['expansion_error'].abs().max():.1e} (measured; the points' 95% intervals are shown).",
        "Linear theory (each task's Hessian at its teacher): MAML's coordinate is off by up to "
        + " and ".join(f"{value:.2f} (alpha = {alpha:.3g})" for alpha, value in off.items()) + ".",
    ]  # fmt: skip

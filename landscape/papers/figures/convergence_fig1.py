"""Fallah et al., Figure 1: where pooled training and meta-learning start, for an easy, a hard and a middling task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape import plotting
from landscape.adaptations import GradientSteps
from landscape.analysis.optimum import optimum
from landscape.analysis.risk import risk_landscape
from landscape.closed_form.population import risk_forms
from landscape.core import Array
from landscape.methods import MAML, NAL, Method
from landscape.papers.reproduction import Finding, Reproduction, finding, interval_of
from landscape.tasks import Mixture, TaskFamily

TITLE = (
    "Fallah et al., Figure 1: the pooled optimum w and MAML's w^ on three tasks, two gradient steps from each"
)

CURVATURES = {"T1": 1.0, "T2": 0.12, "T3": 0.45}  # easiest, hardest, in between
OPTIMA = {"T1": (-1.0, -0.6), "T2": (1.6, 1.4), "T3": (1.2, -1.0)}
ALPHA, STEPS = 0.8, 2
ADAPTATION = GradientSteps(ALPHA, steps=STEPS)
STARTS: dict[str, Method] = {"NAL": NAL(), "MAML": MAML(ADAPTATION)}


@dataclass(frozen=True)
class Scene:
    """Three tasks, and for each start the point, the steps from it and the loss after them, by task."""

    families: tuple[TaskFamily, ...]
    points: dict[str, Array]
    paths: dict[tuple[str, str], Array]
    losses: dict[tuple[str, str], float]


def scene(optima: Mapping[str, Any]) -> Scene:
    """Compute the exact picture for given optima of the three tasks."""
    families = tuple(TaskFamily(name, CURVATURES[name], optima[name]) for name in CURVATURES)
    environment = Mixture(families)
    points = {label: optimum(environment, method).value for label, method in STARTS.items()}
    risks = risk_forms(environment.tasks(), ADAPTATION)
    paths, losses = {}, {}
    for label, point in points.items():
        for family, risk in zip(families, risks, strict=True):
            centre = np.asarray(family.centre)
            shrink = (1 - ALPHA * family.covariance) ** np.arange(STEPS + 1)
            paths[label, family.name] = centre + shrink[:, None] * (point - centre)
            losses[label, family.name] = float(risk(point))
    return Scene(families, points, paths, losses)


def run(quick: bool, seed: int, progress: bool) -> Reproduction:
    """Draw the picture for one placement of the tasks, and decide the paper's statements over random ones."""
    rng, count = np.random.default_rng(seed), 100 if quick else 2000
    rows = []
    for i in range(count + 1):
        here = scene(OPTIMA if i == 0 else {name: rng.normal(0, 1.2, 2) for name in CURVATURES})
        for name, curvature in CURVATURES.items():
            nal, maml = (here.losses[label, name] for label in STARTS)
            rows.append({
                "placement": i, "task": name, "curvature": curvature, "from_w": nal, "from_w_hat": maml, "saved": nal - maml,
            })  # fmt: skip
    table = pd.DataFrame(rows)
    figure = Figure(figsize=(5.6, 5.0), layout="constrained")
    _draw(figure.subplots(), scene(OPTIMA))
    notes = [
        f"The paper draws the idea without numbers. Reading: isotropic curvatures {CURVATURES}, alpha = {ALPHA:g}, {STEPS} full steps, equal shares; "
        "placement 0 of the table is the one drawn, the others have optima drawn from N(0, 1.44 I).",
        "In each placement MAML with two steps is exactly optimal for the mean loss after them, so the first finding can fail for single "
        "tasks only; how much each task gains is what the picture claims.",
    ]
    return Reproduction(table, figure, table[table["placement"] == 0], notes, pd.DataFrame(_findings(table)))


def _findings(table: pd.DataFrame) -> list[Finding]:
    drawn = table[table["placement"] > 0]
    saved = drawn.pivot(index="placement", columns="task", values="saved")

    def row(claim: str, rule: str, values: Array, holds: Callable[[float, float], bool]) -> Finding:
        low, high = interval_of(values)
        return finding(claim, rule, low, high, holds(low, high))

    scale = drawn["from_w"].mean()
    return [
        row("the mean loss after two steps is smaller from w^", "interval of the mean saving above 0", saved.mean(axis=1), lambda low, high: low > 0),
        row("the hardest task T2 gains most from w^", "interval of its saving less the larger other one above 0",
            saved["T2"] - saved[["T1", "T3"]].max(axis=1), lambda low, high: low > 0),
        row("on the easiest task T1 both end close to the optimum", f"interval of |saving| below 5% of the mean loss {scale:.2g}",
            saved["T1"].abs(), lambda low, high: high < 0.05 * scale),
        row("on T3 both starts end up almost the same", f"interval of |saving| below 5% of the mean loss {scale:.2g}",
            saved["T3"].abs(), lambda low, high: high < 0.05 * scale),
    ]  # fmt: skip


def _draw(ax: Axes, here: Scene) -> None:
    line = np.linspace(-2.2, 2.6, 161)
    F = risk_landscape(Mixture(here.families), ADAPTATION)
    ax.contour(
        line, line, F(np.stack(np.meshgrid(line, line), axis=-1)), levels=14, colors="0.8", linewidths=0.7
    )
    for (label, _), path in here.paths.items():
        colour, dashes, _ = plotting.style(label)
        ax.plot(*path.T, color=colour, linestyle=dashes, linewidth=1.4, marker=".", markersize=5)
    for family, marker, below in zip(here.families, "^hv", (True, False, True), strict=True):
        ax.plot(*family.centre, marker, color="black", markersize=9)
        text = f"${family.name[0]}_{family.name[1]}$, curvature {family.covariance:g}"
        place = (0, -18 if below else 9)
        ax.annotate(text, family.centre, place, textcoords="offset points", ha="center", fontsize="small")
    for label, point in here.points.items():
        colour, _, marker = plotting.style(label)
        name = "w, pooled" if label == "NAL" else r"$\hat w$, MAML"
        ax.plot(
            *point, marker, color=colour, markersize=10, markeredgecolor="white", linestyle="none", label=name
        )
    ax.set_aspect("equal")
    plotting.finish(ax, "first coordinate", "second coordinate")
    ax.set_title(
        f"{STEPS} steps of gradient descent from each start\n(contours: mean loss after them)",
        fontsize="medium",
    )

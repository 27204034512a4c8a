"""Collins et al., Figure 5: the four task losses behind Figure 4 (a-b)."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from landscape.core import Array
from landscape.nonlinear.environment import NonlinearEnvironment
from landscape.nonlinear.task import NonlinearTask
from landscape.nonlinear.view import square
from landscape.papers.figures.fig4 import EQUAL
from landscape.papers.reproduction import Reproduction, finding
from landscape.plotting.nonlinear import colour_bar, contours, teachers

TITLE = "Collins et al., Figure 5: the losses of the four tasks of Figure 4 (a-b), and their quadratic approximations"

LEVELS = [0.01, 0.1, 0.5]
NOTES = [
    "The teachers are those chosen for Figure 4 (a-b); the paper does not print its own.",
    "quadratic_ratio: the quadratic approximation over the loss, in the mean over the square. The approximation is steeper than "
    "the loss on the far side of the origin, where the neuron is switched off.",
]


def run(quick: bool, seed: int, progress: bool) -> Reproduction:
    """Compute the four losses on a grid, hold them against drawn data, and draw the quadratic at each teacher."""
    line = np.linspace(-2, 2, 40 if quick else 160)
    points = square(line, line)
    figure = Figure(figsize=(7.4, 7.4), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    limits = (1e-3, max(float(task.loss(points).max()) for task in EQUAL.tasks))
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    single = []
    for ax, task in zip(axes.flat, EQUAL.tasks, strict=True):
        exact = task.loss(points)
        H = task.hessian(task.teacher)
        delta = points[..., 0, :] - task.teacher[0]
        linear = np.einsum("...i,ij,...j->...", delta, H, delta) / 2
        filled = contours(ax, line, line, exact, limits)
        ax.contour(line, line, linear, levels=LEVELS, colors="#D55E00", linestyles="--", linewidths=1.6)
        ax.contour(line, line, exact, levels=LEVELS, colors="#0072B2", linewidths=1.6)
        teachers(ax, NonlinearEnvironment([task]))
        ax.set_title(task.name.replace("easy", "task"), fontsize="medium")
        rows += _checks(task, exact, linear, 20_000 if quick else 1_000_000, rng)
        single.append(exact.argmin() == np.linalg.norm(delta, axis=-1).argmin())
    colour_bar(filled, axes, location="bottom", shrink=0.7, aspect=40)
    figure.suptitle(
        "blue: loss 0.01, 0.1, 0.5; dashed: the same levels of the quadratic at the teacher",
        fontsize="medium",
    )
    table, nearest = pd.DataFrame(rows), float(np.mean(single))
    findings = [
        finding("each task's loss is least at its teacher", "grid minimum at the nearest grid point, all four", nearest, nearest,
                nearest == 1)
    ]  # fmt: skip
    return Reproduction(table, figure, table, NOTES, pd.DataFrame(findings))


def _checks(
    task: NonlinearTask, exact: Array, linear: Array, draws: int, rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    """Lay theory beside drawn data at the origin and at the opposite of the teacher."""
    for place, W in (("origin", 0 * task.teacher), ("opposite", -task.teacher)):
        x, y = task.draw((draws,), rng)
        losses = (np.logaddexp(0, x @ W[0]) - y) ** 2 / 2
        theory, error = float(task.loss(W)), losses.std() / np.sqrt(draws)
        yield {
            "task": task.name, "at": place, "theory": theory, "empirical": losses.mean(), "standard_error": error,
            "z": (losses.mean() - theory) / error, "quadratic_ratio": float(linear.mean() / exact.mean()),
        }  # fmt: skip

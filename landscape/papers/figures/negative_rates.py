"""Bernacchia (2021), Figure 2: MAML with fewer training samples than parameters, by its step sizes at test and in training."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape import plotting
from landscape.adaptations import GradientSteps
from landscape.analysis.risk import risk_landscape
from landscape.closed_form.finite_sample.asymptotics import asymptotics
from landscape.core import Array
from landscape.methods import MAML, Training
from landscape.papers.reproduction import Finding, Reproduction, finding, interval_of
from landscape.tasks import Mixture, TaskFamily

TITLE = "Bernacchia (2021), Figure 2: test loss of overparameterised MAML against both its step sizes"

D, TASKS, INNER, OUTER, SHOTS = 60, 3, 30, 2, 20
"""p, m, n_t, n_v and n_r of the paper."""
NOISE, SPREAD = 1.0, 0.5**2
"""sigma^2, and nu^2, the sum of the optima's variances."""
FIXED = 0.2
"""The step size that does not vary, alpha_t in panel a and alpha_r in panel b."""
ENVIRONMENT = Mixture([TaskFamily("tasks", 1.0, 0.0, SPREAD / D, noise=NOISE, d=D)])


def run(quick: bool, seed: int, progress: bool) -> Reproduction:
    """Train by the solution of least norm on drawn tasks, at each step size the same draws; the test is exact."""
    runs = 400 if quick else 4000
    training, test = np.linspace(-2.0, 1.0, 16 if quick else 31), np.linspace(-0.2, 0.6, 17)
    norms = squared_norms(np.append(training, [0.0, FIXED]), runs, np.random.default_rng(seed))
    rows = []
    for alpha in test:
        rows.append(
            _row(
                "a, at test",
                alpha,
                losses(norms[:, -1], float(alpha)),
                losses(expected_norm(FIXED), float(alpha)),
            )
        )
    for k, alpha in enumerate(training):
        rows.append(
            _row(
                "b, in training",
                alpha,
                losses(norms[:, k], FIXED),
                losses(expected_norm(float(alpha)), FIXED),
            )
        )
    table = pd.DataFrame(rows)
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    for ax, (panel, part) in zip(figure.subplots(1, 2), table.groupby("panel"), strict=True):
        _draw(ax, str(panel), part)
    return Reproduction(table, figure, table, _notes(table), pd.DataFrame(_findings(table, training, norms)))


def squared_norms(alphas: Sequence[float] | Array, runs: int, rng: np.random.Generator) -> Array:
    r"""Compute |w|^2 of MAML's solution of least norm, shape (runs, alphas): the distance from the tasks' mean, 0.

    With B the rows X_v (I - alpha S_t) of all tasks and r the residuals there of a start at 0, w = B' (BB')^-1 r.
    """
    out = np.empty((runs, len(alphas)))
    for run in range(runs):
        X_in, X_out = (rng.standard_normal((TASKS, n, D)) for n in (INNER, OUTER))
        w = rng.standard_normal((TASKS, D)) * np.sqrt(SPREAD / D)
        z_in, z_out = (np.sqrt(NOISE) * rng.standard_normal((TASKS, n)) for n in (INNER, OUTER))
        y_in, y_out = np.einsum("tnd,td->tn", X_in, w) + z_in, np.einsum("tnd,td->tn", X_out, w) + z_out
        slope = X_out @ X_in.swapaxes(1, 2) / INNER  # X_v X_t'/n_t
        for k, alpha in enumerate(alphas):
            B = (X_out - alpha * slope @ X_in).reshape(-1, D)
            r = (y_out - alpha * np.einsum("tij,tj->ti", slope, y_in)).ravel()
            out[run, k] = r @ np.linalg.solve(B @ B.T, r)
    return out


def expected_norm(alpha: float) -> float:
    """Compute E|w|^2 in the limit of many dimensions, exact at alpha = 0: by the law of the solution of least norm."""
    law = asymptotics(ENVIRONMENT, MAML(GradientSteps(alpha, INNER)), Training(TASKS, n1=OUTER))
    return D * float(law.covariance[0, 0] + law.mean[0] ** 2)


def losses(squared_norm: Array | float, alpha: float) -> Array:
    """Compute the exact loss on new tasks after a step on SHOTS samples from a start at a distance from their mean."""
    F = risk_landscape(ENVIRONMENT, GradientSteps(alpha, SHOTS))
    unit = np.eye(D)[0]
    return np.asarray(
        F.minimum + (F(unit) - F.minimum) * np.asarray(squared_norm)
    )  # the minimum is at 0, in all directions alike


def _row(panel: str, alpha: float, drawn: Array, theory: Array) -> dict[str, object]:
    error = drawn.std(ddof=1) / len(drawn) ** 0.5
    return {
        "panel": panel, "alpha": float(alpha), "loss": float(theory), "drawn": drawn.mean(), "drawn_error": error,
        "gap": float(theory) / drawn.mean() - 1,
    }  # fmt: skip


def _findings(table: pd.DataFrame, training: Array, norms: Array) -> list[Finding]:
    at_test = table[table["panel"] == "a, at test"].set_index("alpha")["drawn"]
    best_test = float(at_test.idxmin())
    half, other = np.array_split(norms, 2)  # one half finds the best step size, the other judges it
    best = int(half[:, : len(training)].mean(axis=0).argmin())
    saved = losses(other[:, -2], FIXED) - losses(other[:, best], FIXED)
    grown = losses(other[:, -1], FIXED) - losses(other[:, -2], FIXED)
    low, high = interval_of(saved)
    up, top = interval_of(grown)
    zero = abs(expected_norm(0.0) - norms[:, -2].mean()) / (norms[:, -2].std(ddof=1) / len(norms) ** 0.5)
    gap = table["gap"].abs()
    return [
        finding("the best step size at test is positive", "loss least at alpha_r > 0 of the grid", best_test, best_test, best_test > 0),
        finding("the best step size in training is negative", f"best of one half of the runs below 0 (alpha_t = {training[best]:.1f}), and "
                "interval of what it saves over alpha_t = 0 in the other half above 0", low, high, training[best] < 0 < low),
        finding(f"a positive step size in training, {FIXED:g}, loses more than none", "interval of the difference above 0", up, top, up > 0),
        finding("without a step in training the solution of least norm is as far off as the exact formula says", "|z| below 4", 0.0, zero, zero < 4),
        finding("in the limit of many dimensions the theory has the losses", "within 3% everywhere", gap.min(), gap.max(), gap.max() < 0.03),
    ]  # fmt: skip


def _notes(table: pd.DataFrame) -> list[str]:
    inner = table[table["panel"] == "b, in training"]
    best = inner.loc[inner["drawn"].idxmin()]
    return [
        f"Settings are those of the figure's caption, read in full: p = {D} parameters, m = {TASKS} training tasks of n_t = {INNER} samples for the step and "
        f"n_v = {OUTER} for the loss, n_r = {SHOTS} at test, sigma = 1, nu = 0.5, w_0 = omega_0 = 0; alpha_t = {FIXED:g} in panel a, alpha_r = {FIXED:g} in panel b. "
        "The paper's text was not read; the caption has no numbers to compare with.",
        "Readings: inputs N(0, I); optima N(0, nu^2 I/p), so that nu^2 is a task's share of a label's variance; losses with the factor 1/2; training to the "
        "solution nearest to 0. The paper tests each of 100 to 1,000 runs on 100 tasks of 50 samples; here the test is exact, given the trained point.",
        f"Theory: the law of the solution of least norm (`asymptotics`) in the limit of many dimensions, derived anew (exact at alpha_t = 0); the paper's own formula was not read. In training alpha_t = {best['alpha']:.1f} is "
        f"best: {best['drawn']:.3f} for {float(inner.loc[inner['alpha'].abs().idxmin(), 'drawn']):.3f} without a step.",
    ]


def _draw(ax: Axes, panel: str, part: pd.DataFrame) -> None:
    colour, is_test = plotting.style("MAML")[0], panel.startswith("a")
    alphas = np.linspace(part["alpha"].min(), part["alpha"].max(), 300)
    norms = np.array([expected_norm(FIXED if is_test else float(alpha)) for alpha in alphas])
    theory = [
        losses(norm, float(alpha) if is_test else FIXED) for norm, alpha in zip(norms, alphas, strict=True)
    ]
    ax.plot(alphas, theory, color=colour, label="theory, many dimensions")
    ax.errorbar(
        part["alpha"], part["drawn"], 2 * part["drawn_error"], color="black", fmt="o", markerfacecolor="white", markersize=4,
        label="solutions of least norm",
    )  # fmt: skip
    ax.axvline(0.0, color="0.7", linestyle=":")
    name = r"$\alpha_r$, at test" if is_test else r"$\alpha_t$, in training"
    plotting.finish(ax, f"step size {name}", "loss on new tasks")

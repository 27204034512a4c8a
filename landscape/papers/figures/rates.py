"""Theorems 2 and 3 of Collins et al.: how fast trained solutions approach the population optimum."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape import plotting
from landscape.adaptations import GradientSteps
from landscape.analysis.optimum import optimum
from landscape.analysis.simulate import simulate
from landscape.closed_form.finite_sample.asymptotics import asymptotics
from landscape.methods import MAML, NAL, Training
from landscape.papers.reproduction import Finding, Reproduction, finding, interval
from landscape.tasks import HardEasy

TITLE = "Collins et al., Theorems 2 and 3: distance to the population optimum against T, n and tau"

ENVIRONMENT = HardEasy(d=5, R=2.0, r_hard=0.5, r_easy=0.5, noise=0.2)
ADAPTATION = GradientSteps(0.8, 20)
METHODS = {"NAL": NAL(), "MAML": MAML(ADAPTATION)}
BASE = Training(500, n1=10, n2=20)
NAMES = {"T": "tasks $T$", "n1": "outer samples $n_1$", "tau": r"episodes $\tau$"}
SUMMARY = ["method", "varies", "value", "simulated", "standard_error", "predicted", "floor", "bound"]


def run(quick: bool, seed: int, progress: bool) -> Reproduction:
    """Lay the root mean square distance, simulated and predicted, beside the theorems' bounds with constants 1."""
    sweeps = {
        "T": (250, 1000, 4000) if quick else (250, 500, 1000, 2000, 4000, 8000),
        "n1": (2, 10, 100) if quick else (2, 5, 10, 30, 100, 300),
        "tau": (1, 4, 16) if quick else (1, 2, 4, 8, 16, 32),
    }
    repeats = 30 if quick else 200
    figure = Figure(figsize=(10.5, 3.8), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    tables = []
    for ax, (name, values) in zip(axes, sweeps.items(), strict=True):
        here = pd.DataFrame(
            [_point(label, name, value, repeats, seed, progress) for label in METHODS for value in values]
        )
        tables.append(here)
        _draw(ax, name, here)
    axes[0].set_ylim(0.02, 1.0)
    axes[0].set_yticks([0.03, 0.1, 0.3], ["0.03", "0.1", "0.3"])
    axes[0].set_ylabel(r"distance $\|\hat w - w^*\|$, rms")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    table = pd.concat(tables, ignore_index=True)
    return Reproduction(table, figure, table[SUMMARY], _notes(table), pd.DataFrame(_findings(table, repeats)))


def _point(
    label: str, name: str, value: int, repeats: int, seed: int, progress: bool
) -> dict[str, str | float]:
    """Make one row: what a method trained on a budget gives, where one number of the budget is changed."""
    method = METHODS[label]
    changes: dict[str, Any] = {"n2": BASE.n2 if label == "NAL" else None, name: value}
    training = dataclasses.replace(BASE, **changes)
    law = asymptotics(ENVIRONMENT, method, training)
    squared = np.trace(law.covariance) + ((law.mean - law.optimum) ** 2).sum()
    between = float(law.between.trace()) / training.T
    made = simulate(
        ENVIRONMENT, method, ADAPTATION, training, repeats=repeats, tasks=2, rng=seed, progress=progress
    )
    squares = ((made.solutions[0] - optimum(ENVIRONMENT, method).value) ** 2).sum(axis=-1)
    rms = np.sqrt(squares.mean())
    error = squares.std(ddof=1) / np.sqrt(repeats) / (2 * rms)
    return {
        "method": label, "varies": name, "value": value, "simulated": rms, "standard_error": error,
        "predicted": np.sqrt(squared), "floor": np.sqrt(between), "bound": _bound(label, training),
    }  # fmt: skip


def _bound(label: str, training: Training) -> float:
    """Compute the leading terms of (44) and (81) without logarithms, every absolute constant 1."""
    e, d, alpha, n2 = ENVIRONMENT, ENVIRONMENT.d, ADAPTATION.alpha, 20
    low, high = e.rho_hard, e.rho_easy
    B = np.sqrt(d) * (e.R + 2 * np.sqrt(e.r_hard))  # nearly all optima; normal optima have no bound
    if label == "NAL":
        n = training.tau * (training.n1 + n2)
        spread = ((high - low) / 2) ** 2
        between = (high * B / low**2 * spread + spread * B / low) / np.sqrt(training.T)
        return float(high**2 * B / low**2 * np.sqrt(d / n) + between)
    low_hat = low * (1 - alpha * high) ** 2 + alpha**2 * low**3 * (d + 1) / n2
    high_hat = high * (1 - alpha * low) ** 2 + alpha**2 * high**3 * (d + 1) / n2
    within = 16 * high_hat * B * d / low_hat**2 * np.sqrt(alpha**4 * high**6 / training.tau)
    return float(within + high_hat * B / low_hat**2 * high_hat**2 / 4 / np.sqrt(training.T))


def _draw(ax: Axes, name: str, rows: pd.DataFrame) -> None:
    bounds = []
    for label, here in rows.groupby("method", sort=False):
        colour, _, marker = plotting.style(label)
        plotting.lines(ax, label, here, "value", "predicted", name=f"{label}, predicted")
        ax.plot(
            here["value"],
            here["floor"],
            color=colour,
            linestyle=":",
            linewidth=1.2,
            label=f"{label}, between tasks",
        )
        ax.errorbar(
            here["value"], here["simulated"], 1.96 * here["standard_error"], fmt=marker, color=colour, markerfacecolor="white",
            capsize=2.5, label=f"{label}, simulated",
        )  # fmt: skip
        bounds.append(f"bound for {label}: {here['bound'].min():,.0f} to {here['bound'].max():,.0f}")
    values = rows["value"].unique()
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(values, [f"{value:,}" for value in values], minor=False)
    ax.minorticks_off()
    text = "\n".join(["off the scale (constants 1):", *sorted(bounds)])
    ax.annotate(text, (0.97, 0.97), xycoords="axes fraction", ha="right", va="top", fontsize="x-small")
    plotting.finish(ax, name, "", legend=False)
    ax.set_xlabel(NAMES[name])


def _findings(table: pd.DataFrame, repeats: int) -> list[Finding]:
    rows = []
    for label in METHODS:
        here = table[(table["method"] == label) & (table["varies"] == "T")].iloc[[0, -1]]
        span = float(np.diff(np.log(here["value"]))[0])
        slope = float(np.diff(np.log(here["simulated"]))[0]) / span
        relative = float(np.hypot(*(here["standard_error"] / here["simulated"])))
        low, high = interval(slope, relative / span, repeats)
        rows.append(finding(f"{label}: the distance falls as 1/sqrt(T) at fixed n", "interval of the log-log slope within -0.6 to -0.4",
                            low, high, low > -0.6 and high < -0.4))  # fmt: skip
    return rows


def _notes(table: pd.DataFrame) -> list[str]:
    loose = table["bound"] / table["simulated"]
    by = loose.groupby(table["method"]).agg(["min", "max"])
    return [
        "The solutions are consistent in T at any fixed n and tau (left): the bounds' terms in 1/sqrt(n) and 1/sqrt(tau), which do "
        "not fall with T, are loose. More samples or episodes remove the scatter within tasks only (middle, right): with tau the "
        "distance tends to the dotted line, the part between tasks; more outer samples alone leave MAML the scatter of its inner "
        "batches.",
        "The bounds leave absolute constants open; with all of them 1 and no logarithms they exceed the simulated distance by a "
        f"factor of {by.loc['NAL', 'min']:.3g} to {by.loc['NAL', 'max']:.3g} for NAL and {by.loc['MAML', 'min']:.3g} to "
        f"{by.loc['MAML', 'max']:.3g} for MAML (column bound, printed in the corners). They assume bounded optima, which normal ones are not: B is "
        "taken as R + 2 sqrt(r_H) a coordinate.",
    ]

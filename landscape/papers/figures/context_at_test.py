"""Letey, Lu & Pehlevan (2025): linear attention pretrained on few tasks and prompts, against the context at test."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape import plotting
from landscape.core import Array
from landscape.papers.prompts import draw_prompts
from landscape.papers.reproduction import Finding, Reproduction, finding

TITLE = "Letey, Lu & Pehlevan (2025): error of pretrained linear attention against the context at test"

CONTEXT, PROMPTS, DIVERSITY, NOISE, RIDGE = 2.0, 4.0, 1.0, 0.01, 1e-6
"""alpha, tau, kappa, rho, lambda: samples over d, prompts over d^2, different tasks over d, label noise, ridge."""
PRINTED_D, PRINTED_RUNS = 120, 5
PRINTED = {1.0: (0.869144, 0.003096), 1.5: (0.727190, 0.003730), 2.0: (0.656213, 0.004048), 2.5: (0.613627, 0.004239), 3.0: (0.585236, 0.004367)}  # fmt: skip
"""The authors' own simulation at d = 120: context at test over d, mean and standard deviation of five runs."""


def run(quick: bool, seed: int, progress: bool) -> Reproduction:
    """Pretrain by least squares on drawn prompts in several dimensions, and go on to theirs by a line in 1/d."""
    runs = {10: 200, 16: 80, 24: 30} if quick else {10: 1000, 16: 500, 24: 200, 36: 40}
    rng, rows = np.random.default_rng(seed), []
    for d, count in runs.items():
        parts = np.array([error_parts(d, rng) for _ in range(count)])
        for ratio in PRINTED:
            errors = parts[:, 0] + parts[:, 1] / ratio
            rows.append(
                {
                    "d": d,
                    "ratio": ratio,
                    "error": errors.mean(),
                    "standard_error": errors.std(ddof=1) / count**0.5,
                }
            )
    own = pd.DataFrame(rows)
    for ratio, (mean, deviation) in PRINTED.items():
        here = own[own["ratio"] == ratio]
        value, error = along(here, 1 / PRINTED_D)
        limit, limit_error = along(here, 0.0)
        printed = {"printed": mean, "printed_error": deviation / PRINTED_RUNS**0.5}
        rows.append({"d": PRINTED_D, "ratio": ratio, "error": value, "standard_error": error} | printed)
        rows.append({"d": np.inf, "ratio": ratio, "error": limit, "standard_error": limit_error})
    table = pd.DataFrame(rows)
    table["limit"] = [limit_of(ratio) for ratio in table["ratio"]]
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    _draw(figure.subplots(), table)
    return Reproduction(
        table, figure, table[table["d"] >= PRINTED_D], _notes(), pd.DataFrame(_findings(table))
    )


def error_parts(d: int, rng: np.random.Generator) -> tuple[float, float]:
    r"""Pretrain once; the squared error at a context of r d samples is the first part plus the second over r.

    The model predicts :math:`x^\top \Gamma h`, h = ((d/m) X'y, (1/m) y'y), with Gamma (d, d + 1) by least squares on prompts whose
    tasks are drawn among kappa d. Inputs are N(0, I/d), tasks N(0, I).
    """
    n, m = int(PROMPTS * d * d), int(CONTEXT * d)
    tasks = rng.standard_normal((int(DIVERSITY * d), d))
    optima = tasks[rng.integers(len(tasks), size=n)]
    X, y, x, label = draw_prompts(np.full(d, 1 / d), optima, NOISE, m, rng)
    h = np.concatenate(
        [np.einsum("nm,nmd->nd", y, X) * (d / m), np.sum(y**2, axis=1, keepdims=True) / m], axis=1
    )
    features = np.einsum("ni,nj->nij", x, h).reshape(n, -1)
    normal = features.T @ features + n / d * RIDGE * np.eye(features.shape[1])
    return parts_of(np.linalg.solve(normal, features.T @ label).reshape(d, d + 1))


def parts_of(Gamma: Array) -> tuple[float, float]:
    r"""Compute the two parts of a model's error on new tasks, without what is smaller by 1/d.

    With G the first d columns of Gamma and g the last it is :math:`1 + \rho - \tfrac2d tr G + \tfrac1d |G|^2 + \tfrac{(1 + \rho)^2}d
    |g|^2 + \tfrac{1 + \rho}{r d} |G|^2`.
    """
    d, G, g = len(Gamma), Gamma[:, :-1], Gamma[:, -1]
    size = 1 + NOISE
    fixed = size - 2 / d * np.trace(G) + np.sum(G**2) / d + size**2 / d * (g @ g)
    return float(fixed), float(size / d * np.sum(G**2))


def along(rows: pd.DataFrame, inverse: float) -> tuple[float, float]:
    """Fit a parabola in 1/d by weights, and say its value at some 1/d with its error."""
    basis = np.vander(1 / rows["d"].to_numpy(), 3 if len(rows) > 3 else 2, increasing=True)
    weight = 1 / rows["standard_error"].to_numpy()
    covariance = np.linalg.inv((basis * weight[:, None] ** 2).T @ basis)
    there = inverse ** np.arange(basis.shape[1])
    return float(there @ covariance @ (basis.T @ (weight**2 * rows["error"]))), float(
        np.sqrt(there @ covariance @ there)
    )


def limit_of(ratio: float) -> float:
    """Compute the limit for large d as the authors state it for tasks N(0, I) and tau > 1, with the Marchenko-Pastur law of kappa d tasks."""
    nu, k = (1 + NOISE) / CONTEXT, 1 / DIVERSITY
    root = np.sqrt((nu + 1 - k) ** 2 + 4 * nu * k)
    M = 2 / (nu + 1 - k + root)  # E (lambda + nu)^-1 over the eigenvalues of the tasks' second moment
    slope = -(M**2) * (1 + (nu + 1 + k) / root) / 2
    spread = (1 + NOISE) / ratio + 1
    fit = 1 - 2 * nu * M - nu**2 * slope
    scatter = (NOISE + nu - nu**2 * M) / (PROMPTS - 1)
    return float(1 + NOISE - 2 * (1 - nu * M) + spread * (fit + scatter * M))


def _findings(table: pd.DataFrame) -> list[Finding]:
    drawn = table[np.isfinite(table["d"]) & (table["d"] != PRINTED_D)]
    printed = table[table["d"] == PRINTED_D]
    largest = drawn[drawn["d"] == drawn["d"].max()].sort_values("ratio")["error"].to_numpy()
    steps = largest[1:] / largest[:-1]
    inverse = 1 / printed["ratio"].to_numpy()
    line = np.polyfit(inverse, printed["printed"], 1)
    bent = np.abs(np.polyval(line, inverse) - printed["printed"]).max()
    z = (printed["error"] - printed["printed"]) / np.hypot(
        printed["standard_error"], printed["printed_error"]
    )
    limit = table[~np.isfinite(table["d"])]
    z_limit = (limit["error"] - limit["limit"]) / limit["standard_error"]
    return [
        finding("a longer context at test lowers the error", "ratio to the next shorter one below 1", steps.min(), steps.max(), steps.max() < 1),
        finding("the printed errors are a line in d over the context", "largest deviation below 1e-4", 0.0, bent, bent < 1e-4),
        finding(f"ours, taken to d = {PRINTED_D}, agree with the printed ones", "all z within -4 to 4", z.min(), z.max(), z.abs().max() < 4),
        finding("ours, taken to infinite d, agree with the authors' limit", "all z within -4 to 4", z_limit.min(), z_limit.max(), z_limit.abs().max() < 4),
    ]  # fmt: skip


def _notes() -> list[str]:
    return [
        f"Settings are those of the authors' code (github.com/mletey/ICL-structured-data, Linear_Simulations/test_time_scaling, read in full): alpha = "
        f"{CONTEXT:g}, tau = {PROMPTS:g}, kappa = {DIVERSITY:g}, rho = {NOISE:g}, lambda = {RIDGE:g}, isotropic tasks; of the paper only the abstract. Printed numbers are "
        f"the means and standard deviations of {PRINTED_RUNS} runs at d = {PRINTED_D} that it stores (testime_d120_option0_5average).",
        "Their d asks for 14,520 unknowns on 57,600 prompts. Ours are small, and are taken to theirs by a line in 1/d (a parabola where there are four d).",
        "A later run of theirs at d = 100 with a larger ridge (d100_rhofix) has 0.437 for a context without end, where d = 120 gives 0.443: nearly three standard errors "
        "of theirs, which says how large these are.",
    ]


def _draw(ax: Axes, table: pd.DataFrame) -> None:
    fine: Array = np.linspace(0.9, 3.2, 60)
    ax.plot(fine, [limit_of(ratio) for ratio in fine], color="black", label="limit, $d = \\infty$")
    for shade, (d, rows) in zip(
        ("#BBDDEE", "#88BBDD", "#56B4E9", "#0072B2"), table[table["d"] < PRINTED_D].groupby("d"), strict=False
    ):
        ax.errorbar(
            rows["ratio"],
            rows["error"],
            2 * rows["standard_error"],
            color=shade,
            marker="o",
            label=f"d = {d:.0f}, drawn",
        )
    rows = table[table["d"] == PRINTED_D]
    ax.errorbar(
        rows["ratio"],
        rows["printed"],
        2 * rows["printed_error"],
        color="#D55E00",
        fmt="s",
        label=f"d = {PRINTED_D}, printed",
    )
    plotting.finish(ax, "samples at test, over d", "squared error of the query")

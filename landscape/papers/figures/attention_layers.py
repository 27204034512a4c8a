"""Ahn et al. (2023), loss against the number of layers: linear attention beside plain and preconditioned gradient descent."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape import plotting
from landscape.adaptations import GradientSteps
from landscape.analysis.risk import risk
from landscape.core import Array
from landscape.methods import LinearAttention
from landscape.papers.prompts import attend, draw_prompts
from landscape.papers.reproduction import Finding, Reproduction, finding
from landscape.tasks import Mixture, TaskFamily

TITLE = "Ahn et al. (2023): loss of linear attention against its layers, beside steps of gradient descent"

SCALES = np.array([1.0, 1.0, 0.5, 0.25, 1.0])
"""D: inputs N(0, D^2) and optima N(0, D^-2), up to a rotation that changes no loss here."""
TOKENS = Mixture([TaskFamily("tokens", SCALES**2, 0.0, SCALES**-2)])
WHITE = Mixture([TaskFamily("tokens", 1.0, 0.0, 1.0, d=5)])
"""The same in coordinates D^-1 x, in which preconditioned steps are plain ones."""
RATES = (0.001, 0.002, 0.004, 0.008, 0.01, 0.02, 0.04, 0.08, 0.16)
"""Tried by the authors' notebook for a step on the sum over a context; the best is kept."""
CONTEXT, UNUSED = 20, 1
"""Samples in a prompt, and how many of them the notebook's gradient descent leaves out."""
LOOPED, PLAIN, PRECONDITIONED = "linear attention, looped", "gradient descent", "preconditioned descent"
LOOKS = {LOOPED: ("#56B4E9", "-", "D"), PLAIN: ("#555555", "--", "o"), PRECONDITIONED: ("#009E73", "-.", "^")}
"""Colour, dashes and marker."""


def run(quick: bool, seed: int, progress: bool) -> Reproduction:
    """Lay exact losses of one to four layers beside those of drawn prompts."""
    table = curves([(CONTEXT, k) for k in (1, 2, 3, 4)], 20_000 if quick else 100_000, seed)
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    draw(figure.subplots(), table, "layers", "layers, or steps")
    deeper = table[table["learner"] == LOOPED].sort_values("layers")["loss"].to_numpy()
    found = shared_findings(table)
    ratio = deeper[1:] / deeper[:-1]
    found.append(
        finding(
            "each layer helps", "ratio to one layer less below 1", ratio.min(), ratio.max(), ratio.max() < 1
        )
    )
    P = LinearAttention(CONTEXT).learn(TOKENS).P
    theorem = np.diag(SCALES**-2.0) / (1 + (1 + len(SCALES)) / CONTEXT)
    off = np.abs(P - theorem).max() / theorem.max()
    found.append(finding("the best layer is a preconditioned step, shorter for a short context (Theorem 1)",
                         "largest deviation from D^-2/(1 + (1 + d)/N), as a share, below 1e-10", 0.0, off, off < 1e-10))  # fmt: skip
    return Reproduction(table, figure, table, notes(), pd.DataFrame(found))


def curves(points: Iterable[tuple[int, int]], count: int, seed: int) -> pd.DataFrame:
    """Make a row for each learner at each (context, layers): loss in theory, and the mean over drawn prompts with z."""
    rows, rng = [], np.random.default_rng(seed)
    for context, layers in points:
        optima = rng.standard_normal((count, len(SCALES))) / SCALES
        X, y, x, label = draw_prompts(SCALES**2, optima, 0.0, context, rng)
        for learner in LOOKS:
            used = context if learner == LOOPED else context - UNUSED
            world = TOKENS if learner == PLAIN else WHITE
            steps = GradientSteps(0.0, used, layers, "same")
            if learner == LOOPED:
                alphas: Sequence[float] = [float(LinearAttention(context, layers).learn(WHITE).P)]
            else:
                alphas = [used * rate for rate in RATES if used * rate < 2]  # longer ones expand
            losses = [2 * risk(world, 0.0, replace(steps, alpha=alpha), rng=seed).total for alpha in alphas]
            best = int(np.argmin([float(loss) for loss in losses]))
            P = alphas[best] * (np.eye(5) if learner == PLAIN else np.diag(SCALES**-2.0))
            drawn = (attend(X[:, :used], y[:, :used], x, P, layers) - label) ** 2
            error = float(drawn.std(ddof=1)) / len(drawn) ** 0.5
            own = float(losses[best].standard_error or 0.0)
            rows.append({
                "learner": learner, "context": context, "layers": layers, "step": alphas[best], "loss": float(losses[best]),
                "how": losses[best].how.kind, "drawn": drawn.mean(), "drawn_error": error,
                "z": (drawn.mean() - float(losses[best])) / np.hypot(error, own),
            })  # fmt: skip
    return pd.DataFrame(rows)


def shared_findings(table: pd.DataFrame) -> list[Finding]:
    """Decide what both figures on these prompts say, by rules stated beforehand."""
    loss = table.pivot(index=["context", "layers"], columns="learner", values="loss")
    plain, learned = loss[PRECONDITIONED] / loss[PLAIN], loss[LOOPED] / loss[PRECONDITIONED]
    z = table["z"]
    return [
        finding("losses of drawn prompts agree with the theory", "all z within -4 to 4", z.min(), z.max(), z.abs().max() < 4),
        finding("preconditioned descent loses less than plain descent", "ratio of losses below 1 everywhere", plain.min(), plain.max(), plain.max() < 1),
        finding("linear attention loses no more than preconditioned descent", "ratio of losses below 1 everywhere",
                learned.min(), learned.max(), learned.max() < 1),
    ]  # fmt: skip


def draw(ax: Axes, table: pd.DataFrame, along: str, label: str) -> None:
    """Draw theory, joined by thin lines from one whole number to the next, and beside it the means of drawn prompts."""
    aside = 0.012 * np.ptp(table[along])
    for learner, rows in table.groupby("learner", sort=False):
        colour, dashes, marker = LOOKS[str(learner)]
        ax.semilogy(
            rows[along],
            rows["loss"],
            dashes,
            color=colour,
            marker=marker,
            markersize=5,
            linewidth=1,
            label=learner,
        )
        half: Array = 2 * rows["drawn_error"].to_numpy()
        ax.errorbar(rows[along] + aside, rows["drawn"], half, color=colour, fmt=marker, markersize=6, markerfacecolor="white", capsize=3,
                    label="drawn prompts, two standard errors" if learner == LOOPED else None)  # fmt: skip
    ax.set_xticks(sorted(set(table[along])))
    ax.set_yticks([0.2, 0.5, 1.0, 2.0, 4.0], ["0.2", "0.5", "1", "2", "4"])
    ax.minorticks_off()
    plotting.finish(ax, label, "squared error of the query")


def notes() -> list[str]:
    """Say where the settings are from, and what was read how."""
    lost = []
    for used in (CONTEXT, CONTEXT - UNUSED):
        steps = [GradientSteps(used * rate, used) for rate in RATES if used * rate < 2]
        lost.append(2 * min(float(risk(TOKENS, 0.0, step).total) for step in steps))
    return [
        "Settings are those of the authors' notebooks (github.com/chengxiang/LinearTransformer, variable_L_exp.ipynb and variable_N_exp.ipynb), "
        "which were read in full; of the paper only the abstract. d = 5, inputs N(0, U D^2 U'), optima N(0, U D^-2 U'), D = diag(1, 1, 1/2, 1/4, 1), "
        "no noise. U is a random rotation and changes no loss here, so it is left out. No numbers are printed.",
        f"The notebooks' gradient descent slices its context one short, Z[0:N-1] with N the context, and uses {CONTEXT - UNUSED} samples of {CONTEXT}; "
        f"it is done here as there. One plain step would lose {lost[0]:.3f} on all {CONTEXT}, and loses {lost[1]:.3f} on {CONTEXT - UNUSED}.",
        "Their transformer has matrices of its own in each layer, and blocks that move the inputs; it is trained by AdamW. Here the layers "
        "share one matrix (looped), optimised exactly: an upper bound for what theirs can reach.",
        "Step sizes of descent are the best of the notebooks' grid, for a sum over the context. Of four plain steps on one context no formula is "
        "known: that loss in theory is drawn, too, with its error in z. Points have plain standard errors, which rare prompts make too small at four steps.",
    ]

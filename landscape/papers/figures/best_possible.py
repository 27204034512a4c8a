"""What is the best one can do with m samples, and how far from it is one gradient step? A picture of no paper."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape import plotting
from landscape.adaptations import Adaptation, GradientSteps, PreconditionedSteps, RidgeToStart
from landscape.adaptations.bayes_estimator import BayesEstimator
from landscape.adaptations.mixed_model import MixedModel
from landscape.adaptations.own_shots import OwnShots
from landscape.analysis.best_step import best_step
from landscape.analysis.risk import risk
from landscape.analysis.simulate import simulate
from landscape.closed_form.bayes_bounds import bayes_bounds
from landscape.methods import MAML, NAL, MetaSGD, Method, Training
from landscape.methods.prior_mean import PriorMean
from landscape.papers.reproduction import Finding, Reproduction, finding
from landscape.tasks import Mixture, TaskFamily

TITLE = "The best one can do with m samples, and how far from it one gradient step is (a figure of no paper)"

D, NOISE = 10, 0.5
DECAY = np.geomspace(1.0, 0.1, D)
"""Variances of the inputs, as shares of the largest."""
ENVIRONMENT = Mixture([
    TaskFamily("hard", 0.1 * DECAY, 2.0, 0.2, noise=NOISE), TaskFamily("easy", 0.9 * DECAY, 0.0, 2.0, noise=NOISE),
])  # fmt: skip
STEPS, STRENGTHS = np.linspace(0.02, 2.2, 219), np.geomspace(3e-4, 3.0, 80)
"""What is tried to find the best: up to alpha rho = 2, where steps begin to expand."""

Approach = tuple[Method, Adaptation]
NAMES = {
    "NAL": "pooled, best step", "MAML": "MAML", "Meta-SGD": "Meta-SGD", "ridge": "ridge to pooled",
    "mixed model": "mixed model", "own shots": "own samples alone", "best possible": "best possible",
}  # fmt: skip
FLOOR = NOISE / 2
SHOTS = 20
"""Where findings are decided: twice as many samples as coordinates."""


def run(quick: bool, seed: int, progress: bool) -> Reproduction:
    """Lay lines (exact, limit, or drawn) of seven approaches over m beside solutions trained and judged on drawn data."""
    fine = np.unique(np.geomspace(2, 300, 14 if quick else 50).round().astype(int))
    coarse = [2, 5, SHOTS, 100] if quick else [2, 5, 10, SHOTS, 40, 100, 300]
    draws, T, repeats, tasks = (400, 1000, 2, 1000) if quick else (4000, 5000, 8, 3000)
    lines = pd.DataFrame([row for m in sorted({*fine, *coarse, D + 2}) for row in _line(m, draws, seed)])
    points = [
        row
        for k, m in enumerate(coarse)
        for row in _drawn(m, draws, T, repeats, tasks, seed + 1 + k, progress)
    ]
    table = lines.merge(pd.DataFrame(points), how="left", on=["m", "approach"])
    figure = Figure(figsize=(8, 5.6), layout="constrained")
    _draw(figure.subplots(), table)
    shown = table[table["drawn"].notna()]
    return Reproduction(table, figure, shown, _notes(table), pd.DataFrame(findings(table)))


def approaches(m: int) -> dict[str, Approach]:
    """Pair where each approach starts with how it adapts to m samples; steps and strengths are the best for m."""
    of_steps = risk(ENVIRONMENT, MAML(), GradientSteps(0.0, m), over={"alpha": STEPS}).total.value
    of_strengths = risk(ENVIRONMENT, NAL(), RidgeToStart(1.0, m), over={"strength": STRENGTHS}).total.value
    learned = MetaSGD(m=m).learn(ENVIRONMENT)
    out: dict[str, Approach] = {
        "NAL": (NAL(), GradientSteps(float(best_step(ENVIRONMENT, NAL(), m)), m)),
        "MAML": (MAML(), GradientSteps(float(STEPS[of_steps.argmin()]), m)),
        "Meta-SGD": (MAML(), PreconditionedSteps(learned.P, m)),
        "ridge": (NAL(), RidgeToStart(float(STRENGTHS[of_strengths.argmin()]), m)),
        "mixed model": (PriorMean(), MixedModel.of(ENVIRONMENT, m)),
    }
    return out | ({"own shots": (NAL(), OwnShots(m))} if m >= D + 2 else {})


def _line(m: int, draws: int, seed: int) -> list[dict[str, object]]:
    """Make a row for each approach: its loss in theory, and how that was had; the best possible is drawn."""
    rows = []
    lower, upper = bayes_bounds(ENVIRONMENT, m)
    known = {label: risk(ENVIRONMENT, *pair).total for label, pair in approaches(m).items()}
    known["best possible"] = risk(ENVIRONMENT, 0.0, BayesEstimator(m), draws=draws, rng=seed).total
    for label, total in known.items():
        bounds = {"lower": lower, "upper": upper} if label == "best possible" else {}
        rows.append(
            {"m": m, "approach": label, "loss": float(total), "how": total.how.kind,
             "loss_error": float(total.standard_error or 0.0), "expected_error": float(total.how.expected_error), **bounds}
        )  # fmt: skip
    return rows


def _drawn(
    m: int, draws: int, T: int, repeats: int, tasks: int, seed: int, progress: bool
) -> list[dict[str, object]]:
    """Make a row for each approach: trained on T drawn tasks and judged on new ones; and z, or how far a limit is off.

    Trained solutions are off their optima: z compares with the loss in theory at the very points that were trained.
    """
    rows: list[dict[str, object]] = []
    for label, (method, adaptation) in approaches(m).items():
        made = simulate(
            ENVIRONMENT, method, adaptation, Training(T), repeats=repeats, tasks=tasks, rng=seed, progress=progress
        )  # fmt: skip
        error = float(np.sqrt(made.covariances.sum()) / repeats)
        there = [risk(ENVIRONMENT, point, adaptation).total for point in made.solutions[0]]
        gap = float(made.losses.mean() - np.mean([float(total) for total in there]))
        allowed = max(float(total.how.expected_error * total) for total in there)
        rows.append(_point(m, label, float(made.losses.mean()), error, gap, allowed))
    best = risk(ENVIRONMENT, 0.0, BayesEstimator(m), draws=draws, rng=seed).total
    return [*rows, _point(m, "best possible", float(best), float(best.standard_error or 0.0), np.nan, 0.0)]


def _point(m: int, label: str, drawn: float, error: float, gap: float, allowed: float) -> dict[str, object]:
    z = np.nan if allowed else gap / error
    return {
        "m": m,
        "approach": label,
        "drawn": drawn,
        "drawn_error": error,
        "gap": gap,
        "z": z,
        "allowed": allowed,
    }


def _draw(ax: Axes, table: pd.DataFrame) -> None:
    """Lines, points with 95% intervals, names at the lines' ends; out of reach is what lies below the best possible."""
    ends: dict[str, float] = {}
    for label, rows in table.groupby("approach", sort=False):
        colour, dashes, marker = plotting.style(str(label))
        width = 3.0 if label == "best possible" else 2.2
        ax.plot(rows["m"], rows["loss"] - FLOOR, color=colour, linestyle=dashes, linewidth=width)
        at = rows[rows["drawn"].notna()]
        ax.errorbar(
            at["m"], at["drawn"] - FLOOR, 1.96 * at["drawn_error"], color=colour, marker=marker, markersize=8, markerfacecolor="white",
            markeredgewidth=1.6, linestyle="none", capsize=3,
        )  # fmt: skip
        ends[str(label)] = float(rows["loss"].iloc[-1] - FLOOR)
    best = table[table["approach"] == "best possible"]
    low, high = 0.6 * ends["best possible"], 3.0
    ax.fill_between(best["m"], best["loss"] - FLOOR, low, color="0.92", linewidth=0, zorder=0)
    ax.text(3, 2.2 * low, "out of reach\nof any way to adapt", fontsize=14, color="0.35")
    ax.set(
        xscale="log", yscale="log", xlim=(best["m"].min() * 0.93, best["m"].max() * 1.07), ylim=(low, high)
    )
    ax.set_xticks([2, 5, 10, 20, 50, 100, 300], ["2", "5", "10", "20", "50", "100", "300"])
    ax.set_yticks([0.01, 0.1, 1.0], ["0.01", "0.1", "1"])
    ax.minorticks_off()
    ax.tick_params(labelsize=13)
    plotting.finish(ax, "m", "", legend=False)
    ax.set_xlabel(f"samples for adaptation $m$ ($d$ = {D})", fontsize=14)
    ax.set_ylabel("loss above the label noise", fontsize=14)
    ax.set_title(_message(table), fontsize=14, loc="left")
    places = _apart([np.log(end / low) / np.log(high / low) for end in ends.values()], 0.062)
    for (label, end), place in zip(ends.items(), places, strict=True):
        ax.annotate(
            NAMES[label], (best["m"].max(), end), (1.04, place), textcoords="axes fraction", fontsize=14, va="center",
            color=plotting.style(label)[0], annotation_clip=False, arrowprops={"arrowstyle": "-", "color": "0.7", "relpos": (0.0, 0.5), "shrinkB": 2},
        )  # fmt: skip


def _apart(places: Sequence[float], gap: float) -> list[float]:
    """Push names apart that would lie closer than `gap`, as little as is needed from below."""
    out = list(places)
    order = np.argsort(places)
    for lower, upper in zip(order, order[1:], strict=False):
        out[upper] = max(out[upper], out[lower] + gap)
    return out


def _message(table: pd.DataFrame) -> str:
    at = _at(table, SHOTS)
    ratio = (at["MAML"] - FLOOR) / (at["best possible"] - FLOOR)
    return (
        f"One step from MAML's start leaves {ratio:.1f} times the least possible\n"
        f"at {SHOTS} samples; from {first_win()} on, own samples alone do better"
    )


def first_win() -> int:
    """Find from how many samples on least squares on a task's own samples beats one step from MAML's start."""
    m = np.arange(D + 2, 10 * D)
    over = {"m": m, "alpha": STEPS}
    step = risk(ENVIRONMENT, MAML(), GradientSteps(0.0), over=over).total.value.min(axis=1)
    own = risk(ENVIRONMENT, 0.0, OwnShots(D + 2), over={"m": m}).total.value
    return int(m[np.flatnonzero(own >= step).max(initial=-1) + 1])


def _at(table: pd.DataFrame, m: int, column: str = "loss") -> "pd.Series[float]":
    return table[table["m"] == m].set_index("approach")[column]


def findings(table: pd.DataFrame) -> list[Finding]:
    """Decide what the picture says, by rules stated beforehand, from its table."""
    here = table[table["drawn"].notna()]
    z = here["z"].dropna()
    limits = here[here["allowed"] > 0]
    off = limits["gap"].abs() / (limits["allowed"] + 4 * limits["drawn_error"])
    best = here[here["approach"] == "best possible"].set_index("m")
    inside = np.minimum(best["drawn"] - best["lower"], best["upper"] - best["drawn"]) / best["drawn_error"]
    least, error = here["m"].map(best["drawn"]), here["m"].map(best["drawn_error"])
    above = ((here["drawn"] - least) / np.hypot(here["drawn_error"], error))[
        here["approach"] != "best possible"
    ]
    drawn, errors = _at(table, SHOTS, "drawn"), _at(table, SHOTS, "drawn_error")
    exact, of_best = _at(table, SHOTS), 1.96 * _at(table, SHOTS, "loss_error")["best possible"]

    def less(one: str, other: str) -> tuple[float, float]:
        half = 1.96 * np.hypot(errors[one], errors[other])
        return drawn[one] - drawn[other] - half, drawn[one] - drawn[other] + half

    def share(label: str) -> tuple[float, float]:
        saved, most = exact["NAL"] - exact[label], exact["NAL"] - exact["best possible"]
        return saved / (most + of_best), saved / (most - of_best)

    own, learned, ridge = less("own shots", "MAML"), less("Meta-SGD", "MAML"), less("ridge", "Meta-SGD")
    by_step, by_ridge = share("MAML"), share("ridge")
    return [
        finding("exact lines agree with trained solutions judged on new tasks", "all z within -4 to 4", z.min(), z.max(), z.abs().max() < 4),
        finding("limits are as near the truth as they say", "|gap| at most the expected error and 4 standard errors: ratio below 1", off.min(), off.max(), off.max() < 1),
        finding("the best possible lies between its bounds", "at each m not 3 standard errors outside: their number above -3", inside.min(), inside.max(), inside.min() > -3),
        finding("nothing gets below the best possible", "at each m no approach 3 standard errors below: their number above -3", above.min(), above.max(), above.min() > -3),
        finding(f"own samples alone beat one step from MAML's start at {SHOTS} samples", "interval of the difference below 0", *own, own[1] < 0),
        finding(f"a learned step per coordinate beats one step size at {SHOTS} samples", "interval of the difference below 0", *learned, learned[1] < 0),
        finding(f"ridge regression towards the pooled point beats the learned step at {SHOTS} samples", "interval of the difference below 0", *ridge, ridge[1] < 0),
        finding(f"one step from MAML's start saves little of what can be saved at {SHOTS} samples", "interval of the share below 0.1", *by_step, by_step[1] < 0.1),
        finding(f"ridge regression towards the pooled point saves most of it at {SHOTS} samples", "interval of the share above 0.9", *by_ridge, by_ridge[0] > 0.9),
    ]  # fmt: skip


def _notes(table: pd.DataFrame) -> list[str]:
    errors = table[table["how"] == "limit"]
    worst = errors.loc[errors["expected_error"].idxmax()]
    few = table["m"].min()
    here, there = _at(table, few), _at(table, SHOTS)
    lost = {
        m: (at["MAML"] - FLOOR) / (at["best possible"] - FLOOR) for m, at in ((few, here), (SHOTS, there))
    }
    return [
        "This picture is of no paper. Hard and easy tasks, d = 10, equally likely: inputs N(0, rho diag(1, ..., 0.1)), rho = 0.1 and 0.9, optima "
        "normal around 2 with variance 0.2 and around 0 with variance 2, label noise 0.5. Step sizes (of pooled training, MAML, Meta-SGD) and "
        "ridge strengths are the best for each m; MAML and Meta-SGD are trained as they are tested.",
        "Lines: exact for steps and own samples; for ridge and mixed model the limit of large problems with its first correction in 1/m, whose "
        f"expected error is {100 * worst['expected_error']:.2g}% at worst (m = {worst['m']:.0f}). The best possible, the point of least expected loss "
        "under the true mixture, has no formula: its line is drawn, with other random numbers than its points, and lies between exact bounds.",
        "Points: trained on drawn tasks, adapted to new tasks by drawing their samples (95% intervals; given the trained points).",
        f"One step leaves {lost[few]:.2g} times the least possible above the label noise at {few} samples, {lost[SHOTS]:.2g} times at {SHOTS}: with few "
        "samples nobody does much better, with many a single step cannot use them, for inputs of unlike variances need unlike step sizes.",
        "The step is a single one, as in the theory of the papers; more steps on the same samples come nearer to least squares. Meta-SGD is "
        "given the axes of the inputs: turned, its diagonal would help less.",
    ]

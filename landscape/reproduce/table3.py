"""Collins et al., Table 3: pooled training with hard tasks weighted up."""

import numpy as np

from landscape import plotting
from landscape.adaptation import Adaptation
from landscape.closed_form import optimum, risk
from landscape.finite.sgd import sgd_curve
from landscape.isotropic import hard_easy
from landscape.methods import MAML, NAL
from landscape.reproduce import Reproduction, finding, interval_of, printed
from landscape.simulator.simulation import simulate
from landscape.training import Training

TITLE = "Collins et al., Table 3: weighting hard tasks up in pooled training, beside MAML"

ENVIRONMENT = hard_easy(rho_hard=0.1, rho_easy=1.0, R=2.0, r_hard=1.0, r_easy=1.0, noise=0.01)
ALPHA, BATCH = 1.0, 10
METHODS: dict = {"NAL": NAL()} | {f"NAL nu={nu}": NAL({"hard": float(nu)}, batch=BATCH) for nu in (2, 5, 10)}
METHODS["MAML"] = MAML(ALPHA, n2=500)
READINGS = {"m = inf": np.inf, "m = 500": 500, "m = 25": 25}


def run(quick, seed, progress):
    """Theory for every weight, and SGD in batches of ten tasks."""
    import pandas as pd

    paper = printed("table3").pivot(index="panel", columns="quantity", values="value")
    iterations, repeats, tasks = (1000, 3, 500) if quick else (4000, 5, 3000)
    training = Training(
        iterations * BATCH,
        n1=25,
        n2=500,
        solver="sgd",
        learning_rate={"NAL": 0.025, "MAML": 0.05},
        task_batch=BATCH,
    )
    given, options = (
        (ENVIRONMENT, list(METHODS.values()), Adaptation(ALPHA)),
        {"tasks": tasks, "progress": progress},
    )
    run = simulate(*given, training, repeats, seed, engine="numpy", **options)
    empirical = simulate(*given, Training(iterations * BATCH, n1=25, n2=500), repeats, seed + 1, **options)
    rows = []
    for i, (name, method) in enumerate(METHODS.items()):
        coordinates = run.solutions[i].mean(axis=-1)
        row = {
            "method": name,
            "theory": optimum(ENVIRONMENT, method)[0],
            "unnormalised": _ratio_weights(method),
        }
        error = coordinates.std(ddof=1) / np.sqrt(repeats)
        row |= {"sgd": coordinates.mean(), "sgd_sd": coordinates.std(ddof=1), "sgd_standard_error": error}
        row |= {"t": (coordinates.mean() - row["theory"]) / error}
        row |= {
            "empirical": empirical.solutions[i].mean(),
            "empirical_sd": empirical.solutions[i].mean(axis=-1).std(ddof=1),
        }
        row |= {"predicted_sd": sgd_curve(ENVIRONMENT, method, training).stationary_standard_deviation()}
        row |= {"paper": paper.loc[name, "coordinate"], "paper_sd": paper.loc[name, "coordinate sd"]}
        row |= {"away": (row["paper"] - row["theory"]) / row["paper_sd"]}
        for reading, m in READINGS.items():
            row[f"error, {reading}"] = risk(ENVIRONMENT, method, Adaptation(ALPHA, m)).total
        row |= {"error, sgd": run.losses[i].mean(), "error, sgd sd": run.losses[i].std(ddof=1)}
        row |= {
            "error, paper": paper.loc[name, "test error"],
            "error, paper sd": paper.loc[name, "test error sd"],
        }
        rows.append(row)
    table = pd.DataFrame(rows)
    columns = [
        "method",
        "theory",
        "unnormalised",
        "sgd",
        "sgd_sd",
        "predicted_sd",
        "t",
        "empirical",
        "paper",
        "paper_sd",
        "error, m = inf",
        "error, sgd",
        "error, paper",
    ]
    return Reproduction(
        table, _draw(table), table[columns], _notes(table), pd.DataFrame(_findings(table, run))
    )


def _ratio_weights(method):
    """The optimum if weights were not normalised within a batch."""
    if isinstance(method, NAL) and method.task_weights:
        method = NAL(method.task_weights)
    return optimum(ENVIRONMENT, method)[0]


def _draw(table):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    x = np.arange(len(table))
    for ax, exact, sgd, sd, paper, paper_sd, label in [
        (left, "theory", "sgd", "sgd_sd", "paper", "paper_sd", "mean coordinate of the solution"),
        (
            right,
            "error, m = inf",
            "error, sgd",
            "error, sgd sd",
            "error, paper",
            "error, paper sd",
            "test error",
        ),
    ]:
        ax.bar(
            x,
            table[exact],
            color="#BFD7EA",
            width=0.7,
            label="exact" + (", full gradient at test" if ax is right else ""),
        )
        ax.errorbar(
            x - 0.15,
            table[sgd],
            table[sd],
            fmt="o",
            color="#0072B2",
            markerfacecolor="white",
            capsize=3,
            label="SGD",
        )
        ax.errorbar(
            x + 0.15, table[paper], table[paper_sd], fmt="s", color="#D55E00", capsize=3, label="printed"
        )
        if ax is left:
            ax.errorbar(
                x,
                table[exact],
                table["predicted_sd"],
                fmt="none",
                ecolor="0.55",
                elinewidth=9,
                alpha=0.5,
                label="predicted for SGD",
            )
        ax.set_xticks(x, [name.replace("NAL nu=", r"NAL, $\nu$=") for name in table["method"]], rotation=20)
        plotting.finish(ax, "", "")
        ax.set_ylabel(label)
    left.set_title("where it ends up (bars: 1 standard deviation)", fontsize="medium")
    right.set_title("how well it adapts", fontsize="medium")
    return figure


def _findings(table, run):
    rows = []
    for low, high in zip(range(4), range(1, 5), strict=True):
        drop = run.losses[low] - run.losses[high]
        bounds = interval_of(drop)
        names = table["method"]
        rows.append(
            finding(f"{names[high]} has a smaller test error than {names[low]}", "interval of the difference above 0", *bounds, bounds[0] > 0)
        )  # fmt: skip
    return rows


def _notes(table):
    worst = table["away"].abs().max()
    swapped = optimum(ENVIRONMENT, MAML(ALPHA, n2=25))[0]
    gaps = (table["error, paper"] - table["error, m = inf"]) / table["error, paper sd"]
    at_500 = (table["error, paper"] - table["error, m = 500"]) / table["error, paper sd"]
    return [
        "Reading: weights are normalised within each batch of 10 tasks, so their effect is less than that of nu rho_H against rho_E "
        f"(column unnormalised). All five printed coordinates then lie within {worst:.2g} of their printed standard deviations.",
        f"The printed n2 = 25, n1 = 500 cannot be what was run: MAML's coordinate would be {swapped:.3f}. With the two swapped it is "
        f"{table['theory'].iloc[-1]:.3f} (printed: 1.58). alpha is not printed; 1/rho_E = 1 is assumed.",
        "SGD takes the meta-rates of C.1 (0.025 for NAL, n2/10000 for MAML), from 0; it has converged, so Student's t (one degree of freedom less than repeats) compares its mean "
        "with theory. Column empirical: the minimiser of the training loss on as many tasks (41), (43).",
        "predicted_sd is the exact standard deviation at which SGD's mean coordinate settles: "
        f"{table['predicted_sd'].min():.3f} to {table['predicted_sd'].max():.3f}, where the paper prints 0.01 to 0.03 over 5 runs.",
        "Test error: the total risk after a full gradient step (m = inf) reproduces the order and the size, "
        f"with gaps of {gaps.min():.1f} to {gaps.max():.1f} printed standard deviations, all NAL values being printed lower; "
        f"m = 500 gives gaps of {at_500.min():.1f} to {at_500.max():.1f}. No reading tried reproduces the row exactly: how many tasks "
        "were averaged, and whether they were shared between methods, is not printed.",
    ]

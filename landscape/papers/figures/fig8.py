"""Collins et al., Figure 8: Figure 2 with solutions trained by SGD."""

import numpy as np

from landscape.methods import Training
from landscape.papers.hardness_panels import hardness_panels
from landscape.papers.printed_numbers import printed
from landscape.papers.reproduction import Reproduction

TITLE = "Collins et al., Figure 8: Figure 2 with solutions trained by SGD, for m = 2000, 500 and 50"

NOTES = [
    "Reading: as for Figure 2. SGD as in C.1: one task an iteration, 5,000 iterations, n1 = 25, meta-learning rates n2/10000 for "
    "MAML and 0.025 for NAL, from 0 (the start is not printed); losses are means over samples. --quick takes 1,000 iterations.",
    "SGD that has not converged is pulled towards its start: compare the rows trained by sgd with those of the empirical "
    "solutions (41), (43) on as many tasks, which the table holds too (trained = exact).",
    "The coloured bands hold 95% of single runs, predicted from the exact mean and covariance of SGD's iterates (risk: by a gamma law "
    "with the mean and variance of a normal iterate).",
    "Figure 7 refers to 'the m = 500 column in Figure 2', which exists in Figure 8 only.",
]


def run(quick: bool, seed: int, progress: bool) -> Reproduction:
    """Lay theory beside SGD and empirical solutions."""
    paper = printed("fig8")
    rho = np.array([0.05, 0.2, 0.6, 1.0]) if quick else np.linspace(0.1, 1, 10)
    T, repeats, tasks = (1000, 4, 500) if quick else (5000, 10, 3000)
    trainings = {
        "sgd": lambda m: Training(T, solver="sgd", learning_rate={"NAL": 0.025, "MAML": m / 10_000}),
        "exact": lambda m: Training(T),
    }
    samples = [int(m) for m in paper[paper["quantity"] == "m"]["value"]]
    limits = dict(zip(samples, paper[paper["quantity"].str.startswith("largest tick")]["value"], strict=True))
    return hardness_panels(
        samples, trainings, rho, repeats=repeats, tasks=tasks, seed=seed, progress=progress, axis_limits=limits, notes=NOTES
    )  # fmt: skip

"""Collins et al., Figure 2: where NAL and MAML end up, and their risks, against the hard task's hardness."""

import numpy as np

from landscape.methods import Training
from landscape.papers.hardness_panels import hardness_panels
from landscape.papers.reproduction import Reproduction

TITLE = "Collins et al., Figure 2: solutions and risks of NAL and MAML for two tasks, against hardness"

NOTES = [
    "Reading: rho_E = 1 and alpha = 1/rho_E, which the paper does not print; w1 = 1, w2 = -1, d = 10, noise variance 0.01.",
    "The small m contradicts itself: the caption and the labels of (c), (d) say 100, the text of section 3.1 says 500. "
    "Both are shown.",
    "The paper shows population solutions; the points here are empirical solutions (41), (43), which must scatter around them; "
    "the broad bars hold 95% of single runs, predicted to order 1/T.",
]


def run(quick: bool, seed: int, progress: bool) -> Reproduction:
    """Lay theory beside empirical solutions on drawn tasks."""
    rho = np.array([0.05, 0.2, 0.6, 1.0]) if quick else np.linspace(0.1, 1, 10)
    T, repeats, tasks = (300, 4, 500) if quick else (5000, 10, 3000)
    return hardness_panels(
        [2000, 500, 100], {"exact": lambda m: Training(T)}, rho, repeats=repeats, tasks=tasks, seed=seed,
        progress=progress, axis_limits={2000: 1, 100: 1}, notes=NOTES,
    )  # fmt: skip

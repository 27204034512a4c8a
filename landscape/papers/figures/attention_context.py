"""Ahn et al. (2023), loss against the context: three layers of linear attention beside three steps of gradient descent."""

import pandas as pd
from matplotlib.figure import Figure

from landscape.papers.figures.attention_layers import LOOPED, curves, draw, notes, shared_findings
from landscape.papers.reproduction import Reproduction, finding

TITLE = "Ahn et al. (2023): loss of three layers of linear attention against the samples in the prompt"

LAYERS = 3


def run(quick: bool, seed: int, progress: bool) -> Reproduction:
    """Lay exact losses at contexts of 2 to 20 samples beside those of drawn prompts."""
    contexts = [2, 8, 14, 20] if quick else range(2, 21, 2)
    table = curves([(m, LAYERS) for m in contexts], 20_000 if quick else 100_000, seed)
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    draw(figure.subplots(), table, "context", "samples in the prompt")
    longer = table[table["learner"] == LOOPED].sort_values("context")["loss"].to_numpy()
    ratio = longer[1:] / longer[:-1]
    found = shared_findings(table)
    found.append(
        finding(
            "a longer context helps",
            "ratio to the next shorter one below 1",
            ratio.min(),
            ratio.max(),
            ratio.max() < 1,
        )
    )
    return Reproduction(table, figure, table, notes(), pd.DataFrame(found))

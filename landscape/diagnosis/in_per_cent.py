"""The table of methods as it is read: texts, shares in per cent. For machines there is `Diagnosis.to_frame`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from landscape.diagnosis.learners import LEARNERS
from landscape.diagnosis.verdict import percent

if TYPE_CHECKING:
    import pandas as pd

    from landscape.diagnosis.diagnosis import Diagnosis
    from landscape.diagnosis.intervals import Cut


def in_per_cent(diagnosis: Diagnosis) -> pd.DataFrame:
    """Write one row of texts a number of shots and method, as `Diagnosis.columns` gives them in numbers.

    Returns
    -------
    pandas.DataFrame
        Its columns are shots, method, step, strength, loss, cut (against the pooled start and its best step) and its 95%
        interval, share of the possible, cut over not adapting and its 95% interval, takes.
    """
    import pandas as pd  # optional here: importing it takes 0.3 s

    rows = []
    for line in diagnosis.lines:
        learner, finite = LEARNERS[line.name], np.isfinite(line.loss)
        own = _interval(line.unadapted) if finite and line.name != "not adapted" else ("", "")
        pooled = _interval(line.pooled) if finite and line.name != "pooled (1 step)" else ("", "")
        share = f"{percent(line.share)}%" if pooled[0] and not np.isnan(line.share) else ""
        step, strength = (
            f"{line.value:.3g}" if learner.tuned == kind else "" for kind in ("alpha", "strength")
        )
        name = f"{line.name} (advised)" if line == diagnosis.advised(line.shots) else line.name
        cells = [line.shots, name, "0" if line.name == "not adapted" else step, strength, f"{line.loss:.4g}"]
        rows.append([*cells, *(pooled if finite else ("without bound", "")), share, *own, learner.takes])
    return pd.DataFrame(
        rows,
        columns=[
            "shots", "method", "step", "strength", "loss", "cut", "95% interval", "share of the possible", "cut over not adapting",
            "95% interval of that", "takes",
        ],
    )  # fmt: skip


def _interval(cut: Cut) -> tuple[str, str]:
    return f"{percent(cut.value)}%", f"{percent(cut.low)} to {percent(cut.high)}%"

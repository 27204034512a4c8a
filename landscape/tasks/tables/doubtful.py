"""What a table holds that may not be meant: row numbers, copies of the target, columns that tell tasks apart, outliers.

Columns that nobody has chosen are left out where they cannot be meant; what is named in ``features=`` is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from landscape.core import Array, warn
from landscape.tasks.tables.columns import Rows
from landscape.tasks.tables.select import Selection, listed
from landscape.tasks.tables.treatments import CONSTANT, is_constant, without

if TYPE_CHECKING:
    import pandas as pd

COPY = 1e-8
"""A feature that leaves this share of the target's variance is the target, in other units or rounded to single precision."""
DECIDES = 0.5
"""Share of a column's variance with which one row decides what is found of it."""
OUTLYING = 10
"""Interquartile ranges from the median beyond which a value is an outlier."""
LEAST_ROWS = 10
"""In fewer rows a column may look like a row number, or like the target, by chance."""
ENOUGH_ROWS = 20
"""In fewer rows the largest of ordinary values may carry most of the variance."""
NAMES_OF_ROWS = {"id", "index", "obs", "row", "row_id", "rowid", "rownames", "row_names", "unnamed: 0"}


def without_row_numbers(selection: Selection, account: list[str]) -> Selection:
    """Leave out columns that number the rows, among those that nobody has chosen."""
    frame = selection.frame
    if not selection.all_others:
        return selection
    found = [name for name in frame.columns if _numbers_rows(str(name), frame[name])]
    for name in found:
        sentence = f"{name!r} numbers the rows and was left out; to keep it, name it in features="
        account.append(f"{sentence}.")
        warn(sentence)
    if len(found) == len(frame.columns):
        raise ValueError(f"there is no feature beside row numbers ({listed(found)}): name one in features=")
    return selection._replace(frame=frame.drop(columns=found)) if found else selection


def _numbers_rows(name: str, values: pd.Series) -> bool:
    """Whether values are 1 to N, or 0 to N - 1, in any order, or different whole numbers by a name of row numbers."""
    if len(values) < LEAST_ROWS or values.dtype.kind not in "iuf" or values.isna().any():
        return False
    least, most = values.min(), values.max()
    runs = least in (0, 1) and most - least == len(values) - 1
    if not runs and name.strip().casefold() not in NAMES_OF_ROWS:
        return False
    return bool((values % 1 == 0).all()) and values.is_unique


def without_task_constants(rows: Rows, all_others: bool, account: list[str]) -> Rows:
    """Leave out columns that are constant within every task, among those that nobody has chosen: no task tells their slope."""
    within = rows.X - rows.X[_first_rows(rows)][rows.codes]
    still: Array = np.abs(within).max(axis=0) <= CONSTANT * np.abs(rows.X).max(axis=0)
    del within  # a copy of the rows
    still &= ~is_constant(rows.X)  # a constant that is left serves as intercept
    if not still.any():
        return rows
    names = listed(name for name, s in zip(rows.features, still, strict=True) if s)
    if not all_others:
        account.append(f"these features do not vary within any task, so no task tells their slope: {names}.")
        return rows
    if still.all():
        raise ValueError(f"no feature varies within a task: {names}; is the column of tasks the right one?")
    sentence = f"left out, for no task tells the slope of what does not vary within it: {names}"
    account.append(f"{sentence}; to keep a feature, name it in features=.")
    warn(f"{sentence}; to keep a feature, name it in features=")
    return without(rows, still)


def _first_rows(rows: Rows) -> Array:
    """The place of each task's first row."""
    return np.unique(rows.codes, return_index=True)[1]


def check_copies(rows: Rows, target: str) -> None:
    """Refuse features that are the target, in whatever units.

    Raises
    ------
    ValueError
        If a feature leaves nothing of the target's variance.
    """
    y = rows.y - rows.y.mean()
    total = float(y @ y)
    if len(y) < LEAST_ROWS or is_constant(rows.y):
        return
    for name, x in zip(rows.features, rows.X.T, strict=True):
        if is_constant(x):
            continue
        x = x - x.mean()
        x /= np.abs(x).max()
        residual = y - (x @ y) / (x @ x) * x
        if residual @ residual <= COPY * total:
            raise ValueError(
                f"feature {name!r} is the target {target!r} again, up to its units: leave it out by features="
            )


def warn_of_outliers(rows: Rows, places: pd.Index, target: str, account: list[str]) -> None:
    """Name rows that carry most of the variance of a column, and so decide what is found of it."""
    if len(rows.y) < ENOUGH_ROWS:
        return
    for what, x in ((f"target {target!r}", rows.y), *zip(map(repr, rows.features), rows.X.T, strict=True)):
        square = (x - x.mean()) ** 2
        row = int(square.argmax())
        if square[row] <= DECIDES * square.sum() or _has_two_values(x):
            continue
        low, middle, high = np.quantile(x, [0.25, 0.5, 0.75])
        if abs(x[row] - middle) <= OUTLYING * (high - low):
            continue
        sentence = (
            f"row {places[row]} (task {rows.names[rows.codes[row]]!r}) carries {100 * square[row] / square.sum():.0f}% "
            f"of the variance of {what}: it is {x[row]:g}, half of all rows lie between {low:g} and {high:g}; correct "
            "it, leave it out, or take logarithms"
        )
        account.append(f"{sentence}.")
        warn(sentence)


def warn_of_classes(y: Array, target: str, account: list[str]) -> None:
    """Say that a target of two values is taken as a number."""
    if is_constant(y) or not _has_two_values(y):
        return
    sentence = (
        f"target {target!r} has two values only, {y.min():g} and {y.max():g}: losses are squared errors of a linear "
        "model, not errors of classification; for logistic regression see NonlinearEnvironment and LogisticTask"
    )
    account.append(f"{sentence}.")
    warn(sentence)


def _has_two_values(x: Array) -> bool:
    return bool(np.all((x == x.min()) | (x == x.max())))

"""Columns to numbers: what is taken, what is turned into something else, and what is refused."""

from __future__ import annotations

import numbers
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from landscape.core import Array
from landscape.core.tolerances import LARGEST
from landscape.tasks.tables.select import Selection

if TYPE_CHECKING:
    import pandas as pd

MOST_LEVELS = 20
"""Of a category: more look like a name, or a number written as text."""
MOST_NUMBERS = 1 << 27
"""Rows times columns: 1 GiB."""


class Rows(NamedTuple):
    """All rows as numbers.

    Attributes
    ----------
    X : array, shape (N, k)
    y : array, shape (N,)
    codes : array of int, shape (N,)
        Which of `names` a row's task is.
    names : list of str
        Of the tasks.
    features : list of str
    """

    X: Array
    y: Array
    codes: Array
    names: list[str]
    features: list[str]


def as_numbers(selection: Selection, categories: str, account: list[str], most: int = MOST_NUMBERS) -> Rows:
    """Turn columns without missing values into numbers.

    Parameters
    ----------
    selection : Selection
    categories : {"indicators", "error"}
    account : list of str
        Sentences about what was done are added to it.
    most : int
        Rows times columns that are taken.

    Returns
    -------
    Rows
    """
    import pandas as pd  # optional here: importing it takes 0.3 s

    frame, target, task = selection
    columns: list[Array] = []
    features: list[str] = []
    for name in frame.columns:
        values = frame[name]
        if _is_number(values):
            columns.append(_floats(f"feature {name!r}", values))
            features.append(str(name))
            continue
        levels = _levels(name, values, categories)
        columns += [(values == level).to_numpy(dtype=float) for level in levels[1:]]
        features += [f"{name}={level}" for level in levels[1:]]
        account.append(
            f"{name!r} is a category: one 0/1 column for each of its levels but the first, {levels[0]!r}."
        )
    if len(target) * max(len(features), 1) > most:
        raise ValueError(
            f"{len(target):,} rows of {len(features)} features are more than {most:,} numbers: take "
            "a sample of each task's rows, for example frame.groupby(task).sample(frac=0.1)"
        )
    if not _is_number(target):
        _refuse_target(target)
    y = _floats(f"target {target.name!r}", target)
    try:
        codes, names = pd.factorize(task, sort=_is_sortable(task))
    except TypeError:  # lists and the like, which cannot be told apart quickly
        raise ValueError(f"task {task.name!r} must hold names or numbers, got {task.iloc[0]!r}") from None
    texts = [str(name) for name in names]
    if len(set(texts)) < len(texts) or "" in texts:
        bad = next(text for text in texts if not text or texts.count(text) > 1)
        raise ValueError(
            f"values of task {task.name!r} must be different and not empty as text, got {bad!r}: rename them"
        )
    return Rows(np.column_stack(columns), y, codes, texts, features)


def _is_number(values: pd.Series) -> bool:
    import pandas as pd  # optional here: importing it takes 0.3 s

    if values.dtype == object:  # numbers that pandas keeps as Python objects
        return all(isinstance(value, (numbers.Real, np.bool_, Decimal)) for value in values)
    return pd.api.types.is_numeric_dtype(values.dtype) and values.dtype.kind != "c"


def _floats(what: str, values: pd.Series) -> Array:
    array: Array = values.to_numpy(dtype=float)
    infinite = ~np.isfinite(array)
    if infinite.any():
        raise ValueError(
            f"{what} must be finite, got {array[infinite][0]:g} in row {values.index[infinite.argmax()]} "
            f"(rows in all: {infinite.sum():,}): correct or drop these rows"
        )
    size = np.abs(array).max()
    if size and not 1 / LARGEST <= size <= LARGEST:  # sixth powers must neither overflow nor vanish
        raise ValueError(
            f"the largest entry of {what} must be 0 or {1 / LARGEST:g} to {LARGEST:g} in size, got {size:g}: "
            "choose other units"
        )
    return array


def _parses(text: pd.Series) -> Array:
    """Which texts are numbers."""
    import pandas as pd  # optional here: importing it takes 0.3 s

    return pd.to_numeric(text, errors="coerce").notna().to_numpy()


def _first_text(values: pd.Series) -> tuple[str, Any, float]:
    """The first entry that is no number, its row, and the share of entries that are numbers."""
    text = values.astype(str)
    parsed = _parses(text)
    where = int((~parsed).argmax())
    return text.iloc[where], values.index[where], float(parsed.mean())


def _foreign_type(values: pd.Series) -> Any:
    """The type of the first entry (or of all) that is no number, no text, no declared category; else None."""
    import pandas as pd  # optional here: importing it takes 0.3 s

    if isinstance(values.dtype, pd.CategoricalDtype):
        return None
    if not pd.api.types.is_string_dtype(values.dtype):  # True for objects, whatever they are
        return values.dtype
    kinds = (str, numbers.Real, np.bool_, Decimal)
    return next((type(value).__name__ for value in values if not isinstance(value, kinds)), None)


def _check_text(name: Any, values: pd.Series) -> None:
    """Refuse texts that are numbers, all or some of them: as a category they would mean something else."""
    text, row, share = _first_text(values)
    if share == 1:
        raise ValueError(
            f"feature {name!r} holds numbers written as text, such as {text!r}: turn them into numbers by "
            "pandas.to_numeric"
        )
    if _parses(values.astype(str).str.replace(",", "")).all():
        raise ValueError(
            f"feature {name!r} holds numbers with a comma, such as {text!r}: write decimals with a point, "
            "and thousands without a mark"
        )
    if share > 0:
        raise ValueError(
            f"feature {name!r} mixes numbers with text, got {text!r} in row {row}: correct it or leave it out"
        )


def _levels(name: Any, values: pd.Series, categories: str) -> list[Any]:
    """The levels of a category in order; an error for what is none."""
    import pandas as pd  # optional here: importing it takes 0.3 s

    foreign = _foreign_type(values)
    if foreign:
        raise ValueError(
            f"feature {name!r} must be numbers or a category, got {foreign}: turn it into numbers (for a "
            "date, say, days since the first) or leave it out by features="
        )
    if not isinstance(values.dtype, pd.CategoricalDtype):  # a declared category may have numbers for names
        _check_text(name, values)
    levels = sorted(values.unique(), key=str)
    if categories == "error":
        raise ValueError(
            f"feature {name!r} is a category (got {levels[0]!r}): leave it out, or choose "
            "categories='indicators'"
        )
    if len(levels) > MOST_LEVELS:
        raise ValueError(
            f"feature {name!r} has {len(levels):,} different levels such as {str(levels[0])!r}, too many for "
            f"a category (at most {MOST_LEVELS}): join some, or leave it out by features="
        )
    return levels


def _refuse_target(target: pd.Series) -> None:
    text, row, _ = _first_text(target)
    raise ValueError(
        f"target {target.name!r} must be a number in every row, got {text!r} in row {row}: for two classes "
        "use 0 and 1; if decimals are written with a comma, write points"
    )


def _is_sortable(values: pd.Series) -> bool:
    try:
        values.iloc[:1000].sort_values()
        return values.dtype != object or values.map(type).nunique() == 1
    except TypeError:
        return False

"""Columns to numbers: what is taken, what is turned into something else, and what is refused."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
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


class Coordinate(NamedTuple):
    """What one coordinate is: (x - centre)/scale, x a column or the 0/1 indicator of a level."""

    column: str
    level: str | None = None
    centre: float = 0.0
    scale: float = 1.0

    @property
    def name(self) -> str:
        """The column's name, with the level where there is one."""
        return self.column if self.level is None else f"{self.column}={self.level}"


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
    coordinates : list of Coordinate
        One a column of X.
    """

    X: Array
    y: Array
    codes: Array
    names: list[str]
    coordinates: list[Coordinate]

    @property
    def features(self) -> list[str]:
        """Names of the columns of X."""
        return [one.name for one in self.coordinates]


def find_levels(frame: pd.DataFrame, categories: str, account: list[str]) -> dict[str, tuple[str, ...]]:
    """Find the levels of the columns that are categories, as texts in order; refuse what is no number and no category.

    Parameters
    ----------
    frame : pandas.DataFrame
    categories : {"indicators", "error"}
    account : list of str
        Sentences about what was done are added to it.
    """
    levels = {}
    for name in frame.columns:
        if not is_number(frame[name]):
            found = levels[str(name)] = _levels(name, frame[name], categories)
            account.append(
                f"{name!r} is a category: one 0/1 column for each of its levels but the first, {found[0]!r}."
            )
    return levels


def as_numbers(selection: Selection, levels: Mapping[str, Sequence[str]], most: int = MOST_NUMBERS) -> Rows:
    """Turn columns without missing values into numbers.

    Parameters
    ----------
    selection : Selection
    levels : dict of str to sequence of str
        Of the categories; the first of each has no column.
    most : int
        Rows times columns that are taken.

    Returns
    -------
    Rows
    """
    import pandas as pd  # optional here: importing it takes 0.3 s

    frame, target, task = selection.frame, selection.target, selection.task
    coordinates = []
    for name in map(str, frame.columns):
        coordinates += (
            [Coordinate(name, level) for level in levels[name][1:]] if name in levels else [Coordinate(name)]
        )
    if len(target) * max(len(coordinates), 1) > most:
        raise ValueError(
            f"{len(target):,} rows of {len(coordinates)} features are more than {most:,} numbers: take "
            "a sample of each task's rows, for example frame.groupby(task).sample(frac=0.1)"
        )
    X = expanded(frame, coordinates)
    if not is_number(target):
        _refuse_target(target)
    y = _floats(f"target {target.name!r}", target)
    try:
        codes, names = pd.factorize(task, sort=_is_sortable(task))
    except TypeError:  # lists and the like, which cannot be told apart quickly
        raise ValueError(f"task {task.name!r} must hold names or numbers, got {task.iloc[0]!r}") from None
    texts = [", ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in names]
    if len(set(texts)) < len(texts) or "" in texts:
        bad = next(text for text in texts if not text or texts.count(text) > 1)
        raise ValueError(
            f"values of task {task.name!r} must be different and not empty as text, got {bad!r}: rename them"
        )
    return Rows(X, y, codes, texts, coordinates)


def by_name(frame: pd.DataFrame) -> dict[str, Any]:
    """The columns of a table by their names as texts."""
    return {str(name): name for name in frame.columns}


def expanded(frame: pd.DataFrame, coordinates: Sequence[Coordinate]) -> Array:
    """Compute columns and indicators as numbers, not centred nor scaled, shape (rows, coordinates)."""
    known = by_name(frame)
    X = np.empty((len(frame), len(coordinates)))
    last, texts = None, None
    for j, one in enumerate(coordinates):
        values = frame[known[one.column]]
        if one.level is None:
            if not is_number(values):
                _refuse_text(one.column, values)
            X[:, j] = _floats(f"feature {one.column!r}", values)
            continue
        if one.column != last:
            last, texts = one.column, values.astype(str)
        X[:, j] = texts == one.level
    return X


def is_number(values: pd.Series) -> bool:
    """Say whether a column holds real numbers, of whatever type."""
    """Say whether a column holds real numbers, of whatever type."""
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
            f"feature {name!r} holds numbers with a comma, such as {text!r}: if it is a decimal comma, read the "
            "file with decimal=','; write thousands without a mark"
        )
    if share > 0:
        raise ValueError(
            f"feature {name!r} mixes numbers with text, got {text!r} in row {row}: correct it or leave it out"
        )


def _refuse_text(name: str, values: pd.Series) -> None:
    text, row, _ = _first_text(values)
    raise ValueError(f"feature {name!r} must be a number in every row, got {text!r} in row {row}")


def _levels(name: Any, values: pd.Series, categories: str) -> tuple[str, ...]:
    """The levels of a category as texts in order; an error for what is none."""
    import pandas as pd  # optional here: importing it takes 0.3 s

    foreign = _foreign_type(values)
    if foreign:
        raise ValueError(
            f"feature {name!r} must be numbers or a category, got {foreign}: turn it into numbers (for a "
            "date, say, days since the first) or leave it out by features="
        )
    if not isinstance(values.dtype, pd.CategoricalDtype):  # a declared category may have numbers for names
        _check_text(name, values)
    found = values.unique()
    levels = sorted({str(level) for level in found})
    if len(levels) < len(found):
        raise ValueError(
            f"levels of feature {name!r} must be different as text, got {len(found)} of {len(levels)} texts"
        )
    if categories == "error":
        raise ValueError(
            f"feature {name!r} is a category (got {levels[0]!r}): leave it out, or choose "
            "categories='indicators'"
        )
    if len(levels) > MOST_LEVELS:
        raise ValueError(
            f"feature {name!r} has {len(levels):,} different levels such as {levels[0]!r}, too many for "
            f"a category (at most {MOST_LEVELS}): join some, or leave it out by features="
        )
    return tuple(levels)


def _refuse_target(target: pd.Series) -> None:
    text, row, _ = _first_text(target)
    raise ValueError(
        f"target {target.name!r} must be a number in every row, got {text!r} in row {row}: for two classes "
        "use 0 and 1; if decimals are written with a comma, read the file with decimal=','"
    )


def _is_sortable(values: pd.Series) -> bool:
    try:
        values.iloc[:1000].sort_values()
        return values.dtype != object or values.map(type).nunique() == 1
    except TypeError:
        return False

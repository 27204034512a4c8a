"""Columns to numbers: what is taken, what is turned into something else, and what is refused."""

import numbers

import numpy as np

from landscape import checks

MOST_LEVELS = 20  # of a category: more look like a name or a number written as text
MOST_NUMBERS = 1 << 27  # rows times columns, 1 GiB


def as_numbers(frame, target, task, categories):
    """Features, target and task of a table without missing values, as arrays.

    Parameters
    ----------
    frame : pandas.DataFrame
        The features.
    target, task : pandas.Series
    categories : {"indicators", "error"}

    Returns
    -------
    X : ndarray, shape (N, k)
    y : ndarray, shape (N,)
    codes : ndarray of int, shape (N,)
    names : list of str
        Of the tasks.
    features : list of str
    account : list of str
    """
    import pandas as pd

    columns, features, account = [], [], []
    for name in frame.columns:
        values = frame[name]
        if _is_number(values):
            columns.append(_floats(f"feature {name!r}", values))
            features.append(str(name))
            continue
        levels = _levels(name, values, categories)
        columns += [(values == level).to_numpy(dtype=float) for level in levels[1:]]
        features += [f"{name}={level}" for level in levels[1:]]
        account.append(f"{name!r} is a category: one 0/1 column for each of its levels but the first, {levels[0]!r}.")
    if len(target) * max(len(features), 1) > MOST_NUMBERS:
        raise ValueError(
            f"{len(target):,} rows of {len(features)} features are more than {MOST_NUMBERS:,} numbers: take a sample of each "
            "task's rows, for example frame.groupby(task).sample(frac=0.1)"
        )
    if not _is_number(target):
        _refuse_target(target)
    y = _floats(f"target {target.name!r}", target)
    codes, names = pd.factorize(task, sort=_sortable(task))
    return np.column_stack(columns), y, codes, [str(name) for name in names], features, account


def _is_number(values):
    import pandas as pd

    if values.dtype == object:  # numbers that pandas keeps as Python objects
        return all(isinstance(value, (numbers.Real, np.bool_)) for value in values)
    return pd.api.types.is_numeric_dtype(values.dtype) and values.dtype.kind != "c"


def _floats(what, values):
    array = values.to_numpy(dtype=float)
    infinite = ~np.isfinite(array)
    if infinite.any():
        raise ValueError(
            f"{what} must be finite, got {array[infinite][0]:g} in row {values.index[infinite.argmax()]} (rows in all: "
            f"{infinite.sum():,}): correct or drop these rows"
        )
    if np.abs(array).max() > checks.LARGEST:
        raise ValueError(f"{what} must be at most {checks.LARGEST:g} in size, got {np.abs(array).max():g}")
    return array


def _first_text(values):
    """The first entry that is no number, with its row, and how many of the different ones are numbers."""
    import pandas as pd

    text = values.astype(str)
    numbers = pd.to_numeric(text, errors="coerce").notna().to_numpy()
    where = int((~numbers).argmax())
    return text.iloc[where], values.index[where], numbers.mean()


def _levels(name, values, categories):
    """The levels of a category in order; an error for what is none."""
    import pandas as pd

    if not (values.dtype == object or isinstance(values.dtype, (pd.CategoricalDtype, pd.StringDtype))):
        raise ValueError(
            f"feature {name!r} must be numbers or a category, got {values.dtype}: turn it into numbers (for a date, say, "
            "days since the first) or leave it out by features="
        )
    text, row, share = _first_text(values)
    written = not isinstance(
        values.dtype, pd.CategoricalDtype
    )  # what is declared a category may have numbers for names
    if written and share == 1:
        raise ValueError(
            f"feature {name!r} holds numbers written as text, such as {text!r}: turn them into numbers by pandas.to_numeric"
        )
    if written and share > 0:
        raise ValueError(
            f"feature {name!r} mixes numbers with text, got {text!r} in row {row}: correct it or leave it out"
        )
    if categories == "error":
        raise ValueError(
            f"feature {name!r} is a category (got {text!r}): leave it out, or choose categories='indicators'"
        )
    levels = sorted(values.unique(), key=str)
    if len(levels) > MOST_LEVELS:
        comma = "; is it a number with a decimal comma?" if text.replace(",", "").lstrip("-").isdigit() else ""
        raise ValueError(
            f"feature {name!r} has {len(levels)} different texts such as {text!r}, too many for a category (at most "
            f"{MOST_LEVELS}){comma or ': leave it out by features='}"
        )
    return levels


def _refuse_target(target):
    text, row, _ = _first_text(target)
    raise ValueError(
        f"target {target.name!r} must be a number in every row, got {text!r} in row {row}: for two classes use 0 and 1; "
        "if decimals are written with a comma, write points"
    )


def _sortable(values):
    try:
        values.iloc[:1000].sort_values()
        return values.dtype != object or values.map(type).nunique() == 1
    except TypeError:
        return False

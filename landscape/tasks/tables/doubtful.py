"""What a table holds that may not be meant: row numbers, copies of the target, columns that tell tasks apart, outliers.

Columns that nobody has chosen are left out where they cannot be meant; what is named in ``features=`` is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from landscape.core import Array, warn
from landscape.core.tolerances import TINY
from landscape.tasks.tables.columns import Rows
from landscape.tasks.tables.select import Selection, listed
from landscape.tasks.tables.treatments import CONSTANT, is_constant, without

if TYPE_CHECKING:
    import pandas as pd

COPY, NEAR = 1e-8, 1e-3
"""A feature that leaves the first share of the target's variance is the target, in other units or rounded to single precision;
one that leaves the second may be: the target rounded to a ninth of its standard deviation leaves so much."""
DECIDES, MISLEADS = 0.5, 0.1
"""Share of a column's variance, and of the squared error of one model for all rows, with which rows decide what is found."""
OUTLYING = 10
"""Interquartile ranges from the median beyond which a value is an outlier; and median distances within its own task."""
HANDFUL = 0.04
"""More than this share of the rows are no outliers but a part of the table."""
REPEATED = 0.01
"""Share of rows that may repeat another."""
MIXED = np.uint64(0x9E3779B97F4A7C15)
"""An odd factor whose bits look random."""
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
    """Whether values count from 0, 1 or their step on in whole steps, in any order, or are whole numbers named as row numbers."""
    if len(values) < LEAST_ROWS or values.dtype.kind not in "iuf" or values.isna().any():
        return False
    least, step = values.min(), (values.max() - values.min()) / (len(values) - 1)
    runs = 1 <= step < np.inf and step % 1 == 0 and least in (0, 1, step)
    if not runs and name.strip().casefold() not in NAMES_OF_ROWS:
        return False
    return bool(((values - least) % (step if runs else 1) == 0).all()) and values.is_unique


def without_task_constants(rows: Rows, all_others: bool, account: list[str]) -> Rows:
    """Leave out columns that are constant within every task, among those that nobody has chosen: no task tells their slope."""
    first = np.unique(rows.codes, return_index=True)[1]
    # a column at a time: no copy of the table
    still = np.array([np.abs(x - x[first][rows.codes]).max() <= CONSTANT * np.abs(x).max() for x in rows.X.T])
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


def check_copies(rows: Rows, target: str, account: list[str]) -> None:
    """Refuse features that are the target, in whatever units or rounded; name what nearly is, or is less a constant of each task.

    Raises
    ------
    ValueError
        If a feature leaves nothing of the target's variance, or is the target rounded.
    """
    y = rows.y
    if len(y) < LEAST_ROWS or is_constant(y):
        return
    counts = np.bincount(rows.codes)
    inside = len(y) - len(counts) >= LEAST_ROWS  # in fewer a slope fits what it should not
    for name, x in zip(rows.features, rows.X.T, strict=True):
        if is_constant(x):
            continue
        whole, parts = _left(x - x.mean(), y - y.mean()), np.inf
        if whole <= COPY or _is_rounded(x, y):
            again = "again, up to its units" if whole <= COPY else "rounded"
            raise ValueError(f"feature {name!r} is the target {target!r} {again}: leave it out by features=")
        if inside:
            parts = _left_within(rows.codes, counts, x, y)
        if min(whole, parts) <= NEAR:
            place = "" if whole <= NEAR else " within tasks"
            much = f"{100 * min(whole, parts):.2g}%" if min(whole, parts) > COPY else "nothing"
            _tell(
                f"{name!r} leaves {much} of the variance of target {target!r}{place}: if it is made of the target, leave it out by "
                "features=",
                account,
            )


def warn_of_repeats(rows: Rows, account: list[str]) -> None:
    """Say that rows stand in their task more than once: drawn as a shot, one tells the loss of the other.

    Where values are few, rows agree by chance: then more of them agree in the target alone, or in the features alone.
    """
    features = rows.codes.astype(np.uint64)
    for x in rows.X.T:  # a column at a time: no copy of the table
        features = features * MIXED + _hashed(x)
    target = rows.codes.astype(np.uint64) * MIXED + _hashed(rows.y)
    again, same_features, same_target = (
        len(keys) - len(np.unique(keys)) for keys in (features * MIXED + target, features, target)
    )
    if again > REPEATED * len(rows.y) and 2 * again > max(same_features, same_target):
        _tell(
            f"{again:,} of {len(rows.y):,} rows repeat another of their task: a repeat among the shots gives away the row that is "
            "judged; leave repeats out, as by drop_duplicates()",
            account,
        )


def _hashed(x: Array) -> Array:
    from pandas.util import hash_array  # optional: arrays need no pandas

    out: Array = hash_array(np.ascontiguousarray(x))
    return out


def _left(x: Array, y: Array) -> float:
    """The share of y's squares that the multiple of x nearest to it leaves; 1 where either is nothing."""
    size, total = np.abs(x).max(), float(y @ y)
    if size == 0 or total == 0:
        return 1.0
    x = x / size
    residual = y - (x @ y) / (x @ x) * x
    return float(residual @ residual) / total


def _left_within(codes: Array, counts: Array, x: Array, y: Array) -> float:
    """The share of y's squares within tasks that a multiple of x leaves: the same for all, or, where nothing, each task's own."""
    x, y = (v - (np.bincount(codes, v) / counts)[codes] for v in (x, y))
    both = [np.bincount(codes, product) for product in (x * x, x * y, y * y)]
    own = np.divide(both[1] ** 2, both[0], out=np.zeros(len(counts)), where=both[0] > 0).sum() / max(
        both[2].sum(), TINY
    )
    enough = len(y) - 2 * len(counts) >= LEAST_ROWS
    return 0.0 if enough and own >= 1 - COPY else _left(x, y)


def _is_rounded(x: Array, y: Array) -> bool:
    """Whether x is y to a number of decimals, or of zeros before the point: rounded, or up, down or towards 0."""
    beyond = y - x
    low, high = float(beyond.min()), float(beyond.max())
    size = max(high, -low)
    unit = 10.0 ** np.ceil(np.log10(size) - 1e-9) if size > 0 else 0.0  # of which x is less than one off
    if size > unit / 2 * (1 + 1e-9) and not (low >= 0 or high <= 0 or bool(np.all(np.abs(x) <= np.abs(y)))):
        return False
    whole = np.rint(x / unit) if unit > 0 else np.zeros_like(x)
    return bool(np.ptp(whole) > 0 and np.all(np.abs(x / unit - whole) <= COPY))


def warn_of_outliers(rows: Rows, places: pd.Index, target: str, account: list[str]) -> None:
    """Name a few rows that carry most of a column's variance, or much of the error of one model for all rows, and so decide."""
    if len(rows.y) < ENOUGH_ROWS:
        return
    said = False
    for what, x in ((f"target {target!r}", rows.y), *zip(map(repr, rows.features), rows.X.T, strict=True)):
        if not _has_two_values(x):
            said |= _warn_of_outliers(
                x, rows, places, (f"the variance of {what}: it is", _cure(x)), DECIDES, account
            )
    errors = _errors(rows)
    if not said and errors.std() > CONSTANT * np.abs(rows.y).max():  # else they are rounding
        of = f"the squared error of one linear model of {target!r} for all rows: its error is"
        _warn_of_outliers(errors, rows, places, (of, _cure(rows.y)), MISLEADS, account)


def _cure(x: Array) -> str:
    return "correct it, leave it out, or take logarithms" if x.min() > 0 else "correct it or leave it out"


def _warn_of_outliers(
    x: Array, rows: Rows, places: pd.Index, words: tuple[str, str], decides: float, account: list[str]
) -> bool:
    """Name a row with half of the squares, or a handful, outliers of their tasks too, with the share that decides."""
    square = (x - x.mean()) ** 2
    total, largest = float(square.sum()), int(square.argmax())
    if square[largest] * HANDFUL * len(x) <= total * decides:  # no handful can carry so much
        return False
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75])
    far = np.flatnonzero(np.abs(x - middle) > OUTLYING * (high - low))
    few = far if high > low and len(far) <= HANDFUL * len(x) else far[:0]
    few = few[_stand_out(x, rows.codes, few)]
    met = [
        g for g, least in ((few, decides), (far[far == largest], DECIDES)) if square[g].sum() > least * total
    ]
    if not met:
        return False
    first, more = met[0][square[met[0]].argmax()], len(met[0]) - 1
    _tell(
        f"row {places[first]} (task {rows.names[rows.codes[first]]!r}){f' and {more:,} more carry' if more else ' carries'} "
        f"{100 * square[met[0]].sum() / total:.0f}% of {words[0]} {x[first]:g}, half of all rows lie between {low:g} and {high:g}; "
        f"{words[1]}",
        account,
    )
    return True


def _stand_out(x: Array, codes: Array, far: Array) -> Array:
    """Which rows are outliers of their own tasks too: a task that lies far from all others is none."""
    out = np.empty(len(far), dtype=bool)
    for k, row in enumerate(far):
        own = x[codes == codes[row]]
        middle = np.median(own)
        out[k] = abs(x[row] - middle) > OUTLYING * np.median(np.abs(own - middle))
    return out


def _errors(rows: Rows) -> Array:
    """What least squares with an intercept leave of the target, all rows alike; sums are of columns about their means."""
    N, middle = len(rows.y), rows.X.mean(axis=0)
    S = rows.X.T @ rows.X - N * np.outer(middle, middle)
    b = rows.X.T @ rows.y - N * middle * rows.y.mean()
    size = np.sqrt(np.maximum(np.diagonal(S), 0))
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
    w = scale * (np.linalg.pinv(scale[:, None] * S * scale, rcond=1e-8, hermitian=True) @ (scale * b))
    left = rows.y - rows.X @ w
    return left - left.mean()


def _tell(sentence: str, account: list[str]) -> None:
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

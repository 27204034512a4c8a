"""What is done to a table before it becomes tasks: a treatment adds a sentence to the account, or refuses."""

from collections.abc import Sequence

import numpy as np

from landscape.core import Array
from landscape.tasks.tables.columns import Rows
from landscape.tasks.tables.select import Selection, listed

CONSTANT = 1e-12
"""A column whose standard deviation is this share of its largest entry is constant up to rounding."""
DEPENDENT = 1e-10
"""Columns of mean square 1 whose least curvature is this share of the largest depend on one another."""


def without_missing(selection: Selection, missing: str, account: list[str]) -> Selection:
    """Keep the rows that have a value in every column that is used."""
    frame, target, task, all_others = selection
    if not len(target):
        raise ValueError("the table has no rows")
    holes = frame.isna().assign(
        **{f"target {target.name!r}": target.isna(), f"task {task.name!r}": task.isna()}
    )
    lacking = holes.any(axis=1)
    if not lacking.any():
        return selection
    counts = holes.sum()
    where = ", ".join(f"{name} ({count:,})" for name, count in counts[counts > 0].items())
    if missing == "error":
        raise ValueError(
            f"{lacking.sum():,} of {len(target):,} rows lack a value in {where}: leave these rows out with "
            "missing='drop', leave out the columns by features=, or fill them in"
        )
    if lacking.all():
        raise ValueError(f"every row lacks a value in {where}: leave out such columns by features=")
    account.append(f"{lacking.sum():,} of {len(target):,} rows left out, which lack a value in {where}.")
    return Selection(frame[~lacking], target[~lacking], task[~lacking], all_others)


def without_small(rows: Rows, least_rows: int, account: list[str]) -> Rows:
    """Keep the tasks with enough rows."""
    counts = np.bincount(rows.codes, minlength=len(rows.names))
    small = counts < least_rows
    if small.any():
        fewer = f"{least_rows} rows" if least_rows > 1 else "1 row"
        account.append(f"{small.sum():,} of {len(small):,} tasks left out, which have fewer than {fewer}.")
    if (~small).sum() < 2:
        raise ValueError(
            f"at least two tasks with {least_rows} or more rows are needed, got {(~small).sum()} (of "
            f"{len(small):,} different values; rows of the largest: {counts.max():,}): is the column of "
            "tasks the right one?"
        )
    if not small.any():
        return rows
    keep = ~small[rows.codes]
    renumbered = np.cumsum(~small) - 1
    names = [name for name, s in zip(rows.names, small, strict=True) if not s]
    return Rows(rows.X[keep], rows.y[keep], renumbered[rows.codes[keep]], names, rows.coordinates)


def without_constant(rows: Rows, serves: bool, account: list[str]) -> Rows:
    """Keep the columns that vary; where a constant one serves (as an intercept) only zeros are left out."""
    constant = np.asarray(~rows.X.any(axis=0)) if serves else is_constant(rows.X)
    if constant.all():
        raise ValueError(f"no feature varies: {listed(rows.features)}")
    for name in np.array(rows.features, dtype=object)[constant]:
        account.append(f"{name!r} is constant (to 12 digits) and was left out.")
    return without(rows, constant)


def without(rows: Rows, left_out: Array) -> Rows:
    """Leave out columns."""
    if not left_out.any():
        return rows
    kept = [one for one, out in zip(rows.coordinates, left_out, strict=True) if not out]
    return rows._replace(X=rows.X[:, ~left_out], coordinates=kept)


def sorted_by_task(rows: Rows) -> tuple[Rows, list[slice]]:
    """Bring the rows of each task together, and say where they are."""
    order = np.argsort(rows.codes, kind="stable")
    rows = rows._replace(X=rows.X[order], y=rows.y[order], codes=rows.codes[order])
    ends = np.searchsorted(rows.codes, np.arange(len(rows.names) + 1)).tolist()
    return rows, [slice(*pair) for pair in zip(ends[:-1], ends[1:], strict=True)]


def standardised(
    rows: Rows, tasks: list[slice], how: str | None, account: list[str]
) -> tuple[Rows, float, float]:
    """Give features mean 0 and variance 1, over all rows or within tasks, and the target over all rows.

    Returns
    -------
    rows : Rows
        Its coordinates know the centres and scales taken over all rows.
    target_centre, target_scale : float
    """
    if how is None:
        account.append("features and target were left as they are, not standardised.")
        return rows, 0.0, 1.0
    y = rows.y
    if is_constant(y):
        raise ValueError(f"the target is the same in every row, {y[0]:g}: there is nothing to predict")
    centre, scale = float(y.mean()), float(y.std())
    rows = rows._replace(y=(y - centre) / scale)
    if how == "across":
        account.append("features and target have mean 0 and variance 1 over all rows.")
        centres, scales = _scale(rows.X)
        moved = zip(rows.coordinates, centres.tolist(), scales.tolist(), strict=True)
        coordinates = [one._replace(centre=c, scale=s) for one, c, s in moved]
        return rows._replace(coordinates=coordinates), centre, scale
    constant = sum(int(np.isinf(_scale(rows.X[where])[1]).sum()) for where in tasks)
    account.append(
        "features have mean 0 and variance 1 within each task, the target over all rows; a new task's shots "
        "alone cannot tell its means and variances."
    )
    if constant:
        account.append(f"{constant:,} times a feature is constant within a task: it is 0 there.")
    return rows, centre, scale


def is_constant(X: Array) -> Array:
    """Which columns are constant, up to rounding; one at a time, so that the table is not copied."""
    if X.ndim == 1:
        return X.std() <= CONSTANT * np.abs(X).max()
    return np.array([is_constant(x) for x in X.T], dtype=bool)


def _scale(X: Array) -> tuple[Array, Array]:
    """Give columns mean 0 and variance 1 in their place; return their centres and scales: infinite where constant, which gives 0."""
    centres, constant = X.mean(axis=0), is_constant(X)
    X -= centres
    scales = np.where(constant, np.inf, [x.std() for x in X.T])
    X /= scales
    return centres, scales


def _curvatures(X: Array, size: Array) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors of the second moment of columns scaled to mean square 1: free of units."""
    values, vectors = np.linalg.eigh(X.T @ X / len(X) / np.outer(size, size))
    return values, vectors


def check_independent(X: Array, features: Sequence[str]) -> None:
    """Refuse a feature that is a linear combination of others over all rows: E[W] would be singular."""
    size = np.sqrt(np.einsum("ij,ij->j", X, X) / len(X))
    if not size.all():
        name = features[int((size == 0).argmax())]
        raise ValueError(
            f"{name!r} does not vary within any task: leave it out by features=, or standardise across"
        )
    values, vectors = _curvatures(X, size)
    if values[0] <= DEPENDENT * values[-1]:
        involved = [name for name, v in zip(features, vectors[:, 0], strict=True) if abs(v) > 1e-4]
        raise ValueError(
            f"over all rows these features are linear combinations of one another: {listed(involved)}; leave "
            "one out by features="
        )


def is_undetermined(X: Array) -> bool:
    """Say whether the rows leave a task's optimum open, whatever the units of the columns."""
    size = np.sqrt(np.einsum("ij,ij->j", X, X) / len(X))
    if len(X) < X.shape[1] or not size.all():
        return True
    values = _curvatures(X, size)[0]
    return bool(values[0] <= DEPENDENT * values[-1])

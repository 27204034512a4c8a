"""What is done to a table before it becomes tasks: each treatment adds a sentence to the account, or refuses."""

import numpy as np

from landscape.tabular.select import listed


def without_missing(frame, target, task, missing, account):
    """Rows with a value in every column that is used."""
    if not len(target):
        raise ValueError("the table has no rows")
    holes = frame.isna().assign(
        **{f"target {target.name!r}": target.isna(), f"task {task.name!r}": task.isna()}
    )
    lacking = holes.any(axis=1)
    if not lacking.any():
        return frame, target, task
    counts = holes.sum()
    where = ", ".join(f"{name} ({count:,})" for name, count in counts[counts > 0].items())
    if missing == "error":
        raise ValueError(
            f"{lacking.sum():,} of {len(target):,} rows lack a value in {where}: leave these rows out with missing='drop', "
            "leave out the columns by features=, or fill them in"
        )
    if lacking.all():
        raise ValueError(f"every row lacks a value in {where}: leave out such columns by features=")
    account.append(f"{lacking.sum():,} of {len(target):,} rows left out, which lack a value in {where}.")
    return frame[~lacking], target[~lacking], task[~lacking]


def without_small(X, y, codes, names, least_rows, account):
    """Tasks with enough rows."""
    counts = np.bincount(codes, minlength=len(names))
    small = counts < least_rows
    if small.any():
        rows = f"{least_rows} rows" if least_rows > 1 else "1 row"
        account.append(f"{small.sum():,} of {len(names):,} tasks left out, which have fewer than {rows}.")
    if (~small).sum() < 2:
        raise ValueError(
            f"at least two tasks with {least_rows} or more rows are needed, got {(~small).sum()} (of {len(names):,} different "
            f"values; rows of the largest: {counts.max():,}): is the column of tasks the right one?"
        )
    if not small.any():
        return X, y, codes, names
    keep = ~small[codes]
    renumbered = np.cumsum(~small) - 1
    return X[keep], y[keep], renumbered[codes[keep]], [n for n, s in zip(names, small, strict=True) if not s]


def without_constant(X, features, serves, account):
    """Columns that vary; where a constant one serves (as an intercept), only columns of zeros are left out."""
    constant = ~X.any(axis=0) if serves else _still(X)
    if constant.all():
        raise ValueError(f"no feature varies: {listed(features)}")
    for name in (name for name, c in zip(features, constant, strict=True) if c):
        account.append(f"{name!r} is constant (to 12 digits) and was left out.")
    if not constant.any():
        return X, features
    return X[:, ~constant], [name for name, c in zip(features, constant, strict=True) if not c]


def standardised(X, y, starts, standardise, account):
    """Mean 0 and variance 1 of the features, over all rows or within tasks, and of the target over all rows."""
    if standardise is None:
        account.append("features and target were left as they are, not standardised.")
        return X, y
    if _still(y):
        raise ValueError(f"the target is the same in every row, {y[0]:g}: there is nothing to predict")
    y = (y - y.mean()) / y.std()
    if standardise == "across":
        account.append("features and target have mean 0 and variance 1 over all rows.")
        return _scaled(X)[0], y
    X, constant = X.copy(), 0
    for start, end in zip(starts[:-1], starts[1:], strict=True):
        X[start:end], still = _scaled(X[start:end])
        constant += still
    account.append(
        "features have mean 0 and variance 1 within each task, the target over all rows; a new task's shots alone cannot tell "
        "its means and variances."
    )
    if constant:
        account.append(f"{constant:,} times a feature is constant within a task: it is 0 there.")
    return X, y


def _still(X):
    """Which columns are constant, up to rounding."""
    return X.std(axis=0) <= 1e-12 * np.abs(X).max(axis=0)


def _scaled(X):
    """Columns with mean 0 and variance 1 (0 where constant), and how many are constant."""
    still = _still(X)
    centred = X - X.mean(axis=0)
    return np.where(still, 0.0, centred) / np.where(still, 1.0, centred.std(axis=0)), int(still.sum())


def check_independent(X, features):
    """Raise where a feature is a linear combination of others over all rows: E[W] would be singular."""
    size = np.sqrt((X**2).mean(axis=0))
    gone = [name for name, s in zip(features, size, strict=True) if s == 0]
    if gone:
        raise ValueError(
            f"{gone[0]!r} does not vary within any task: leave it out by features=, or standardise across"
        )
    second = (X / size).T @ (X / size) / len(X)
    values, vectors = np.linalg.eigh(second)
    if values[0] <= 1e-10 * values[-1]:
        involved = [name for name, v in zip(features, vectors[:, 0], strict=True) if abs(v) > 1e-4]
        raise ValueError(
            f"over all rows these features are linear combinations of one another: {listed(involved)}; leave one out by features="
        )


def is_undetermined(X):
    """Whether the rows leave a task's optimum open, whatever the units of the columns."""
    size = np.sqrt((X**2).mean(axis=0))
    if len(X) < X.shape[1] or not size.all():
        return True
    values = np.linalg.eigvalsh((X / size).T @ (X / size) / len(X))
    return bool(values[0] <= 1e-10 * values[-1])

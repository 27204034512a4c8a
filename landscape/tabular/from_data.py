"""Environments of tasks given by a table."""

import html
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from landscape import checks
from landscape.environment import Environment
from landscape.families import DataTask
from landscape.tabular.columns import as_numbers
from landscape.tabular.read import check_distinct, read_table


@dataclass(frozen=True, eq=False, repr=False)
class TabularEnvironment(Environment):
    """Tasks given by the rows of a table, with an account of what was done to them.

    Attributes
    ----------
    families : tuple of DataTask
    features : tuple of str
        Names of the coordinates, the intercept among them.
    account : tuple of str
        What was left out, changed or added, a sentence each.
    """

    features: tuple = ()
    account: tuple = ()

    def __repr__(self):
        rows = sum(len(task.y) for task in self.families)
        return f"<{len(self.families)} tasks from data, {rows:,} rows, d = {self.d}>\n" + "\n".join(
            f"* {sentence}" for sentence in self.account
        )

    def _repr_html_(self):
        first, *rest = repr(self).split("\n")
        listed = "".join(f"<li>{html.escape(sentence[2:])}</li>" for sentence in rest)
        return f"<p>{html.escape(first)}; features: {html.escape(', '.join(self.features))}</p><ul>{listed}</ul>"


def from_data(
    source,
    target=None,
    task=None,
    features=None,
    *,
    weigh="tasks",
    standardise="across",
    intercept=True,
    ridge=0.01,
    missing="error",
    categories="indicators",
    least_rows=2,
    delimiter=None,
):
    r"""An environment whose tasks are given by data, with no assumption about inputs or noise.

    Each task's rows are its population: adaptation draws its samples from them, with replacement, and the loss after
    adaptation is the mean over them. The model is linear in the features; for a linear head on a fixed network the
    features are what comes out of that network.

    Parameters
    ----------
    source : pandas.DataFrame, str, Path or dict
        A table; a CSV or Parquet file (lines before the header that start with # are comments); or a dict of task name
        to (X, y), then `target` and `task` are left out.
    target, task : str
        Names of the columns that hold what is predicted, and which task a row belongs to.
    features : sequence of str, optional
        Columns to predict from; all others by default. For a dict of arrays, names for the columns of X.
    weigh : {"tasks", "rows"}
        Whether all tasks are equally likely, or each in proportion to its rows.
    standardise : {"across", "within", None}
        Give features mean 0 and variance 1 over all rows, within each task, or leave everything as it is. The
        target is given mean 0 and variance 1 over all rows in the first two cases, so losses are shares of its variance
        (halved, like all losses here).
    intercept : bool
        Add a column of ones.
    ridge : float
        A task with fewer independent rows than features has no unique optimum: its loss is given the penalty
        :math:`\tfrac g2\|w\|^2`, g = `ridge` times the mean of its curvatures. 0 takes the optimum of smallest norm.
    missing : {"error", "drop"}
        What to do with rows that lack a value in a column that is used.
    categories : {"indicators", "error"}
        What to do with features that are texts: a 0/1 column for each level but the first, or refuse.
    least_rows : int
        Tasks with fewer rows are left out.
    delimiter : str, optional
        What separates the columns of a text file; by default a comma, or a tab in a .tsv file.

    Returns
    -------
    TabularEnvironment
        Its ``account``, which it also shows, says what was left out, changed or added.

    Raises
    ------
    ValueError
        If a column is missing, named twice, infinite or no number; if features are linear combinations of one another
        over all rows; or if fewer than two tasks are left.
    TypeError
        If `source` is none of the above.
    ImportError
        For a Parquet file without pyarrow.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> tasks = {}
    >>> for slope in (1.0, 2.0, 3.0):
    ...     X = rng.exponential(size=(50, 2))
    ...     tasks[f"slope {slope:g}"] = (X, slope * X[:, 0] + rng.normal(size=50))
    >>> from_data(tasks)
    <3 tasks from data, 150 rows, d = 3>
    * features and target have mean 0 and variance 1 over all rows.
    * an intercept was added.
    * all tasks are equally likely.
    """
    import pandas as pd

    checks.known("weigh", weigh, ["tasks", "rows"])
    checks.known("missing", missing, ["error", "drop"])
    checks.known("categories", categories, ["indicators", "error"])
    if standardise is not None:
        checks.known("standardise", standardise, ["across", "within"])
    ridge = checks.number("ridge", ridge, at_least=0)
    least_rows = checks.number("least_rows", least_rows, at_least=1, whole=True)
    account = []
    if isinstance(source, dict):
        if target is not None or task is not None:
            raise ValueError("target and task name columns of a table: leave them out for a dict of (X, y)")
        frame, target, task = _stack(source, features)
    else:
        if isinstance(source, (str, Path)):
            source, account = read_table(source, delimiter)
        if not isinstance(source, pd.DataFrame):
            raise TypeError(
                f"source must be a DataFrame, a path, or a dict of name to (X, y), got {type(source).__name__}"
            )
        frame, target, task = _choose(source, target, task, features)

    frame, target, task = _without_missing(frame, target, task, missing, account)
    X, y, codes, names, features, more = as_numbers(frame, target, task, categories)
    del frame
    account += more
    X, y, codes, names = _without_small(X, y, codes, names, least_rows, account)
    X, features = _without_constant(X, features, intercept, account)
    order = np.argsort(codes, kind="stable")
    X, y, codes = X[order], y[order], codes[order]
    starts = np.searchsorted(codes, np.arange(len(names) + 1))
    X, y = _standardised(X, y, starts, standardise, account)
    if intercept:
        X, features = np.column_stack([np.ones(len(X)), X]), ["intercept", *features]
        account.append("an intercept was added.")
    _check_independent(X, features)
    rows = [slice(*ends) for ends in zip(starts[:-1], starts[1:], strict=True)]
    undetermined = [_is_undetermined(X[where]) for where in rows]
    if any(undetermined):
        which = f"{sum(undetermined):,} of {len(names):,} tasks have fewer independent rows than features"
        account.append(
            f"{which}: their loss has a ridge of {ridge:g} times their mean curvature."
            if ridge
            else f"{which}: of their many optima the smallest is taken."
        )
    families = []
    for name, where, open_ in zip(names, rows, undetermined, strict=True):
        share = len(y[where]) / len(y) if weigh == "rows" else None
        penalty = ridge * float(np.mean(X[where] ** 2)) if open_ else 0.0
        families.append(DataTask(name, X[where], y[where], share, penalty))
    account.append(
        "all tasks are equally likely." if weigh == "tasks" else "tasks are likely in proportion to their rows."
    )
    return TabularEnvironment(families, tuple(features), tuple(account))


def _choose(frame, target, task, features):
    """The columns asked for."""
    check_distinct(list(frame.columns), "the table")
    for role, name in (("target", target), ("task", task)):
        if name is None:
            raise ValueError(f"{role} must name a column of the table, got None; there are {_listed(frame.columns)}")
        checks.known(f"column for {role}", name, list(frame.columns))
    if target == task:
        raise ValueError(f"target and task must be different columns, got {target!r} for both")
    if features is None:
        features = [name for name in frame.columns if name not in (target, task)]
    features = [features] if isinstance(features, str) else list(features)
    check_distinct(features, "features")
    for name in features:
        checks.known("column in features", name, list(frame.columns))
        if name in (target, task):
            raise ValueError(f"features must not hold the target or the task, got {name!r}")
    if not features:
        raise ValueError("features must name at least one column, got none")
    return (
        frame[features].reset_index(drop=True),
        frame[target].reset_index(drop=True),
        frame[task].reset_index(drop=True),
    )


def _listed(names):
    names = [str(name) for name in names]
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _stack(tasks, features):
    """A dict of name to (X, y) as one table."""
    import pandas as pd

    if not tasks:
        raise ValueError("source must hold at least two tasks, got an empty dict")
    frames, targets, labels = [], [], []
    for name, pair in tasks.items():
        try:
            X, y = pair
        except (TypeError, ValueError):
            raise ValueError(f"task {name!r} must be a pair (X, y), got {checks._short(pair)}") from None
        if not isinstance(X, pd.DataFrame):
            if np.ndim(X) != 2:
                raise ValueError(f"X of task {name!r} must have shape (rows, features), got {np.shape(X)}")
            given = features or [f"x{j + 1}" for j in range(np.shape(X)[1])]
            if len(given) != np.shape(X)[1]:
                raise ValueError(f"X of task {name!r} must have {len(given)} columns, got {np.shape(X)[1]}")
            X = pd.DataFrame(np.asarray(X), columns=list(given))
        elif features is not None:
            raise ValueError("features names the columns of arrays: select the columns of DataFrames before")
        check_distinct(list(X.columns), f"task {name!r}")
        if frames and list(X.columns) != list(frames[0].columns):
            raise ValueError(
                f"X of task {name!r} must have the columns {_listed(frames[0].columns)}, got {_listed(X.columns)}"
            )
        if np.shape(y) != (len(X),):
            raise ValueError(f"y of task {name!r} must have shape ({len(X)},) to match X, got {np.shape(y)}")
        frames.append(X)
        targets.append(pd.Series(np.asarray(y)))
        labels.append(pd.Series([str(name)] * len(X), dtype=object))
    target = pd.concat(targets, ignore_index=True).rename("y")
    return pd.concat(frames, ignore_index=True), target, pd.concat(labels, ignore_index=True).rename("task")


def _without_missing(frame, target, task, missing, account):
    """Rows with a value in every column that is used."""
    if not len(target):
        raise ValueError("the table has no rows")
    holes = frame.isna().assign(**{f"target {target.name!r}": target.isna(), f"task {task.name!r}": task.isna()})
    lacking = holes.any(axis=1)
    if not lacking.any():
        return frame, target, task
    counts = holes.sum()
    listed = ", ".join(f"{name} ({count:,})" for name, count in counts[counts > 0].items())
    if missing == "error":
        raise ValueError(
            f"{lacking.sum():,} of {len(target):,} rows lack a value in {listed}: leave these rows out with missing='drop', "
            "leave out the columns by features=, or fill them in"
        )
    if lacking.all():
        raise ValueError(f"every row lacks a value in {listed}: leave out such columns by features=")
    account.append(f"{lacking.sum():,} of {len(target):,} rows left out, which lack a value in {listed}.")
    return frame[~lacking], target[~lacking], task[~lacking]


def _without_small(X, y, codes, names, least_rows, account):
    """Tasks with enough rows."""
    counts = np.bincount(codes, minlength=len(names))
    small = counts < least_rows
    if small.any():
        rows = f"{least_rows} rows" if least_rows > 1 else "1 row"
        account.append(f"{small.sum():,} of {len(names):,} tasks left out, which have fewer than {rows}.")
    if (~small).sum() < 2:
        raise ValueError(
            f"at least two tasks with {least_rows} or more rows are needed, got {(~small).sum()} (of {len(names):,} different "
            f"values; the largest has {counts.max():,} rows): is the column of tasks the right one?"
        )
    if not small.any():
        return X, y, codes, names
    keep = ~small[codes]
    renumbered = np.cumsum(~small) - 1
    return X[keep], y[keep], renumbered[codes[keep]], [n for n, s in zip(names, small, strict=True) if not s]


def _without_constant(X, features, intercept, account):
    """Columns that vary; without an intercept a constant column may serve as one."""
    constant = (X[0] == X).all(axis=0)
    if not intercept:
        constant &= X[0] == 0
    if constant.all():
        raise ValueError(f"no feature varies: {_listed(features)}")
    for name in (name for name, c in zip(features, constant, strict=True) if c):
        account.append(f"{name!r} is constant and was left out.")
    if not constant.any():
        return X, features
    return X[:, ~constant], [name for name, c in zip(features, constant, strict=True) if not c]


def _standardised(X, y, starts, standardise, account):
    """Mean 0 and variance 1 of the features, over all rows or within tasks, and of the target over all rows."""
    if standardise is None:
        account.append("features and target were left as they are, not standardised.")
        return X, y
    if np.ptp(y) <= 1e-12 * np.abs(y).max():
        raise ValueError(f"the target is the same in every row, {y[0]:g}: there is nothing to predict")
    y = (y - y.mean()) / y.std()
    if standardise == "across":
        account.append("features and target have mean 0 and variance 1 over all rows.")
        return (_scaled(X)[0]), y
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


def _scaled(X):
    """Columns with mean 0 and variance 1 (0 where constant), and how many are constant."""
    centred = X - X.mean(axis=0)
    scale = np.abs(X).max(axis=0)
    deviation = centred.std(axis=0)
    still = deviation <= 1e-12 * scale
    return np.where(still, 0.0, centred) / np.where(still, 1.0, deviation), int(still.sum())


def _check_independent(X, features):
    """Raise where a feature is a linear combination of others over all rows: E[W] would be singular."""
    size = np.sqrt((X**2).mean(axis=0))
    gone = [name for name, s in zip(features, size, strict=True) if s == 0]
    if gone:
        raise ValueError(f"{gone[0]!r} does not vary within any task: leave it out by features=, or standardise across")
    second = (X / size).T @ (X / size) / len(X)
    values, vectors = np.linalg.eigh(second)
    if values[0] <= 1e-10 * values[-1]:
        involved = [name for name, v in zip(features, vectors[:, 0], strict=True) if abs(v) > 1e-4]
        raise ValueError(
            f"over all rows these features are linear combinations of one another: {_listed(involved)}; leave one out by features="
        )


def _is_undetermined(X):
    """Whether the rows leave a task's optimum open."""
    if len(X) < X.shape[1]:
        return True
    values = np.linalg.eigvalsh(X.T @ X / len(X))
    return bool(values[0] <= 1e-10 * values[-1])

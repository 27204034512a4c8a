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
from landscape.tabular.select import choose, stack
from landscape.tabular.treatments import (
    check_independent,
    is_undetermined,
    standardised,
    without_constant,
    without_missing,
    without_small,
)


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
        return (
            f"<p>{html.escape(first)}; features: {html.escape(', '.join(self.features))}</p><ul>{listed}</ul>"
        )


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
    checks.flag("intercept", intercept)
    checks.known("categories", categories, ["indicators", "error"])
    if standardise is not None:
        checks.known("standardise", standardise, ["across", "within"])
    ridge = checks.number("ridge", ridge, at_least=0)
    least_rows = checks.number("least_rows", least_rows, at_least=1, whole=True)
    account = []
    if delimiter is not None and not isinstance(source, (str, Path)):
        raise ValueError(
            f"delimiter is for text files, got {delimiter!r} with a {type(source).__name__}: leave it out"
        )
    if isinstance(source, dict):
        if target is not None or task is not None:
            raise ValueError("target and task name columns of a table: leave them out for a dict of (X, y)")
        frame, target, task = stack(source, features)
    else:
        if isinstance(source, (str, Path)):
            source, account = read_table(source, delimiter)
        if not isinstance(source, pd.DataFrame):
            raise TypeError(
                f"source must be a DataFrame, a path, or a dict of name to (X, y), got {type(source).__name__}"
            )
        frame, target, task = choose(source, target, task, features)

    frame, target, task = without_missing(frame, target, task, missing, account)
    X, y, codes, names, features, more = as_numbers(frame, target, task, categories)
    del frame
    account += more
    X, y, codes, names = without_small(X, y, codes, names, least_rows, account)
    X, features = without_constant(X, features, not intercept and standardise is None, account)
    order = np.argsort(codes, kind="stable")
    X, y, codes = X[order], y[order], codes[order]
    starts = np.searchsorted(codes, np.arange(len(names) + 1))
    X, y = standardised(X, y, starts, standardise, account)
    if intercept:
        X, features = np.column_stack([np.ones(len(X)), X]), ["intercept", *features]
        account.append("an intercept was added.")
    check_distinct(features, "the result (the intercept and levels of categories among them)")
    check_independent(X, features)
    rows = [slice(*ends) for ends in zip(starts[:-1], starts[1:], strict=True)]
    undetermined = [is_undetermined(X[where]) for where in rows]
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
        "all tasks are equally likely."
        if weigh == "tasks"
        else "tasks are likely in proportion to their rows."
    )
    return TabularEnvironment(families, tuple(features), tuple(account))

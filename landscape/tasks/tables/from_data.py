"""Environments of tasks given by a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from landscape.core import checks, count, nonnegative, record
from landscape.tasks.environment import Mixture
from landscape.tasks.families import DataTask
from landscape.tasks.tables.columns import Rows, as_numbers
from landscape.tasks.tables.read import check_distinct, read_table
from landscape.tasks.tables.select import Selection, choose, join
from landscape.tasks.tables.treatments import (
    check_independent,
    is_undetermined,
    sorted_by_task,
    standardised,
    with_intercept,
    without_constant,
    without_missing,
    without_small,
)


@record
class TabularEnvironment(Mixture):
    """Tasks given by the rows of a table, with an account of what was done to them.

    Parameters
    ----------
    families : tuple of DataTask
    features : tuple of str
        Names of the coordinates, the intercept among them.
    account : tuple of str
        What was left out, changed or added, a sentence each.
    """

    features: tuple[str, ...] = ()
    account: tuple[str, ...] = ()

    def __repr__(self) -> str:
        rows = sum(len(task.y) for task in self.families if isinstance(task, DataTask))
        first = f"<{len(self.families)} tasks from data, {rows:,} rows, d = {self.d}>"
        return "\n".join([first, *(f"* {sentence}" for sentence in self.account)])

    def _repr_html_(self) -> str:
        import html

        first, features = repr(self).split("\n")[0], ", ".join(self.features)
        listed = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.account)
        return f"<p>{html.escape(first)}; features: {html.escape(features)}</p><ul>{listed}</ul>"


def from_data(
    source: Any,
    target: Any = None,
    task: Any = None,
    features: Sequence[Any] | None = None,
    *,
    weigh: str = "tasks",
    standardise: str | None = "across",
    intercept: bool = True,
    ridge: float = 0.01,
    missing: str = "error",
    categories: str = "indicators",
    least_rows: int = 2,
    delimiter: str | None = None,
) -> TabularEnvironment:
    r"""Make an environment whose tasks are given by data, with no assumption about inputs or noise.

    Each task's rows are its population: adaptation draws its samples from them, with replacement, and the
    loss after adaptation is the mean over them. The model is linear in the features; for a linear head on a
    fixed network the features are what comes out of that network.

    Parameters
    ----------
    source : pandas.DataFrame, str, Path or dict
        A table; a CSV or Parquet file (lines before the header that start with # are comments); or a dict of
        task name to (X, y), then `target` and `task` are left out.
    target, task : str
        Names of the columns that hold what is predicted, and which task a row belongs to.
    features : sequence of str, optional
        Columns to predict from; all others by default. For a dict of arrays, names for the columns of X.
    weigh : {"tasks", "rows"}
        Whether all tasks are equally likely, or each in proportion to its rows.
    standardise : {"across", "within", None}
        Give features mean 0 and variance 1 over all rows, within each task, or leave everything as it is. The
        target is given mean 0 and variance 1 over all rows in the first two cases, so losses are shares of
        its variance (halved, like all losses here).
    intercept : bool
        Add a column of ones.
    ridge : float
        A task with fewer independent rows than features has no unique optimum: its loss is given the penalty
        :math:`\tfrac g2\|w\|^2`, g = `ridge` times the mean of its curvatures. 0 takes the optimum of
        smallest norm.
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
        If a column is missing, named twice, infinite or no number; if features are linear combinations of one
        another over all rows; or if fewer than two tasks are left.
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
    checks.known("weigh", weigh, ["tasks", "rows"])
    checks.known("missing", missing, ["error", "drop"])
    checks.flag("intercept", intercept)
    checks.known("categories", categories, ["indicators", "error"])
    if standardise is not None:
        checks.known("standardise", standardise, ["across", "within"])
    ridge = nonnegative.check("ridge", ridge)
    least_rows = count.check("least_rows", least_rows)
    account: list[str] = []
    selection = without_missing(
        _selected(source, target, task, features, delimiter, account), missing, account
    )
    rows = as_numbers(selection, categories, account)
    del selection  # a copy of the table
    rows = without_small(rows, least_rows, account)
    rows = without_constant(rows, not intercept and standardise is None, account)
    rows, places = sorted_by_task(rows)
    rows = standardised(rows, places, standardise, account)
    if intercept:
        rows = with_intercept(rows, account)
    check_distinct(rows.features, "the result (the intercept and levels of categories among them)")
    check_independent(rows)
    families = _families(rows, places, ridge, weigh, account)
    likely = (
        "all tasks are equally likely" if weigh == "tasks" else "tasks are likely in proportion to their rows"
    )
    return TabularEnvironment(tuple(families), tuple(rows.features), (*account, f"{likely}."))


def _selected(
    source: Any, target: Any, task: Any, features: Any, delimiter: str | None, account: list[str]
) -> Selection:
    """The columns asked for, whatever the source is."""
    import pandas as pd  # optional here: importing it takes 0.3 s

    if delimiter is not None and not isinstance(source, (str, Path)):
        kind = type(source).__name__
        raise ValueError(f"delimiter is for text files, got {delimiter!r} with a {kind}: leave it out")
    if isinstance(source, dict):
        if target is not None or task is not None:
            raise ValueError("target and task name columns of a table: leave them out for a dict of (X, y)")
        return join(source, features)
    if isinstance(source, (str, Path)):
        source, told = read_table(source, delimiter)
        account += told
    if not isinstance(source, pd.DataFrame):
        kind = type(source).__name__
        raise TypeError(f"source must be a DataFrame, a path, or a dict of name to (X, y), got {kind}")
    return choose(source, target, task, features)


def _families(
    rows: Rows, places: list[slice], ridge: float, weigh: str, account: list[str]
) -> list[DataTask]:
    """One task a name; those whose rows leave their optimum open have a ridge."""
    undetermined = [is_undetermined(rows.X[where]) for where in places]
    if any(undetermined):
        which = f"{sum(undetermined):,} of {len(places):,} tasks have fewer independent rows than features"
        account.append(
            f"{which}: their loss has a ridge of {ridge:g} times their mean curvature."
            if ridge
            else f"{which}: of their many optima the smallest is taken."
        )
    families = []
    for name, where, is_open in zip(rows.names, places, undetermined, strict=True):
        X, y = rows.X[where], rows.y[where]
        share = len(y) / len(rows.y) if weigh == "rows" else None
        penalty = ridge * float(np.mean(X**2)) if is_open else 0.0
        families.append(DataTask(name, X, y, share, penalty))
    return families

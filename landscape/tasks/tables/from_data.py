"""Environments of tasks given by a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from landscape.core import checks, count, nonnegative, record
from landscape.tasks.environment import Mixture
from landscape.tasks.families import DataTask
from landscape.tasks.tables.columns import Rows, as_numbers, find_levels
from landscape.tasks.tables.doubtful import (
    check_copies,
    warn_of_classes,
    warn_of_outliers,
    warn_of_repeats,
    without_row_numbers,
    without_task_constants,
)
from landscape.tasks.tables.preprocessing import Preprocessing
from landscape.tasks.tables.read import TextFormat, check_distinct, check_not_given, read_table
from landscape.tasks.tables.select import Selection, choose, join, listed, pick
from landscape.tasks.tables.treatments import (
    check_independent,
    is_constant,
    is_undetermined,
    sorted_by_task,
    standardised,
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
    preprocessing : Preprocessing
        What was done to the columns; it does the same to the rows of a new task.
    """

    features: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None

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
    decimal: str = ".",
    encoding: str | None = None,
) -> TabularEnvironment:
    r"""Make an environment whose tasks are given by data, with no assumption about inputs or noise.

    It takes the memory of the table twice, one of them for good, beside what was given: measured for 0.5 and 2 million
    rows of 20 features alike. `diagnose` adds what it takes for the tasks' second moments, whatever their rows.

    Each task's rows are its population: adaptation draws its samples from them, with replacement, and the
    loss after adaptation is the mean over them. The model is linear in the features; for a linear head on a
    fixed network the features are what comes out of that network.

    Parameters
    ----------
    source : pandas.DataFrame, str, Path, tuple or dict
        A table (also one of polars or arrow); a CSV (also with .gz after it) or Parquet file (lines before the header that start with # are
        comments); arrays (X, y, groups), groups the task of each row; or a dict of task name to (X, y). For arrays
        `target` and `task` are left out.
    target : str
        Name of the column that holds what is predicted.
    task : str or list of str
        Name of the column, or columns, that tell which task a row belongs to.
    features : sequence of str, optional
        Columns to predict from. By default all others but those that number the rows and those that do not vary
        within any task. For arrays, names for the columns of X.
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
        What separates the columns of a text file; by default a comma (a semicolon where `decimal` is a comma), or
        a tab in a .tsv file.
    decimal : {".", ","}
        The decimal mark of a text file.
    encoding : str, optional
        What the letters of a text file are written in, such as "latin-1"; by default UTF-8, or UTF-16 where the
        file begins with its byte order mark.

    Returns
    -------
    TabularEnvironment
        Its ``account``, which it also shows, says what was left out, changed or added; its ``preprocessing`` does
        the same to the rows of a new task.

    Raises
    ------
    ValueError
        If a column is missing, named twice, infinite or no number; if a feature is the target again, in whatever
        units, or rounded; if features are linear combinations of one another over all rows; or if fewer than two tasks are left.
    TypeError
        If `source` is none of the above.
    ImportError
        For a Parquet file without pyarrow.

    Warns
    -----
    LandscapeWarning
        Where a column that nobody has chosen is left out; a feature leaves a thousandth of the target's variance, over all rows or within tasks; one
        row, or a handful, carries most of a column's variance or a tenth of the squared error of one model for all
        rows; or the target has two values only.

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
    written = TextFormat(delimiter, decimal, encoding)
    selection = without_row_numbers(_selected(source, target, task, features, written, account), account)
    selection = without_missing(selection, missing, account)
    levels = find_levels(selection.frame, categories, account)
    rows = as_numbers(selection, levels)
    columns, places, all_others = (
        tuple(map(str, selection.frame.columns)),
        selection.frame.index,
        selection.all_others,
    )
    named = str(selection.target.name)
    tasks = tuple(map(str, task)) if isinstance(task, list) else (str(selection.task.name),)
    del selection  # a copy of the table
    warn_of_outliers(rows, places, named, account)
    rows = without_small(rows, least_rows, account)
    check_copies(rows, named, account)
    warn_of_classes(rows.y, named, account)
    warn_of_repeats(rows, account)
    rows = without_constant(rows, not intercept and standardise is None, account)
    rows = without_task_constants(rows, all_others, account)
    rows, where = sorted_by_task(rows)
    rows, centre, scale = standardised(rows, where, standardise, account)
    preprocessing = Preprocessing(
        named,
        tasks,
        columns,
        levels,
        tuple(rows.coordinates),
        intercept,
        centre,
        scale,
        standardise == "within",
    )
    if intercept:
        account.append("an intercept was added.")
        rows = rows._replace(X=np.column_stack([np.ones(len(rows.X)), rows.X]))
    check_distinct(preprocessing.features, "the result (the intercept and levels of categories among them)")
    check_independent(rows.X, preprocessing.features)
    families = _families(rows, where, ridge, weigh, account)
    likely = (
        "all tasks are equally likely" if weigh == "tasks" else "tasks are likely in proportion to their rows"
    )
    account.append(f"{likely}.")
    return TabularEnvironment(tuple(families), preprocessing.features, tuple(account), preprocessing)


def _selected(
    source: Any, target: Any, task: Any, features: Any, written: TextFormat, account: list[str]
) -> Selection:
    """The columns asked for, whatever the source is."""
    import pandas as pd  # optional here: importing it takes 0.3 s

    if isinstance(source, (str, Path)):
        source, told = read_table(source, written)
        account += told
    else:
        check_not_given(written, f"a {type(source).__name__}")
    if isinstance(source, (dict, tuple)):
        if target is not None or task is not None:
            raise ValueError("target and task name columns of a table: leave them out for arrays")
        return join(source, features) if isinstance(source, dict) else pick(source, features)
    if hasattr(source, "to_pandas"):  # of polars, arrow and their kind
        source = source.to_pandas()
    if not isinstance(source, pd.DataFrame):
        raise TypeError(
            "source must be a DataFrame, a path, arrays (X, y, groups), or a dict of name to (X, y), got "
            f"{type(source).__name__}"
        )
    return choose(source, target, task, features)


def _families(
    rows: Rows, places: list[slice], ridge: float, weigh: str, account: list[str]
) -> list[DataTask]:
    """One task a name; those whose rows leave their optimum open have a ridge."""
    undetermined = [is_undetermined(rows.X[where]) for where in places]
    if any(undetermined):
        opened = [rows.X[where] for where, is_open in zip(places, undetermined, strict=True) if is_open]
        still = np.sum([is_constant(X) for X in opened], axis=0)[-len(rows.coordinates) :]
        named = [f"{one.name} (in {n:,})" for one, n in zip(rows.coordinates, still, strict=True) if n]
        cure = (
            f"their loss has a ridge of {ridge:g} times their mean curvature"
            if ridge
            else "of their many optima the smallest is taken"
        )
        account.append(
            f"{len(opened):,} of {len(places):,} tasks have fewer independent rows than features: {cure}"
            + (f"; constant within some of them: {listed(named)}." if named else ".")
        )
    families = []
    for name, where, is_open in zip(rows.names, places, undetermined, strict=True):
        X, y = rows.X[where], rows.y[where]
        share = len(y) / len(rows.y) if weigh == "rows" else None
        penalty = ridge * float(np.mean(X**2)) if is_open else 0.0
        families.append(DataTask(name, X, y, share, penalty))
    return families

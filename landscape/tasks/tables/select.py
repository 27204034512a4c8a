"""The columns asked for: from a table, from arrays, or from a dict of tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from landscape.core import checks, short
from landscape.tasks.tables.read import check_distinct

if TYPE_CHECKING:
    import pandas as pd


class Selection(NamedTuple):
    """The columns asked for: the features, the target, and which task a row belongs to.

    Attributes
    ----------
    frame : pandas.DataFrame
    target, task : pandas.Series
        Where several columns name the task, its values are tuples, and its name their names.
    all_others : bool
        Whether the features are whatever columns were there: nobody has chosen them.
    """

    frame: pd.DataFrame
    target: pd.Series
    task: pd.Series
    all_others: bool = False


def choose(frame: pd.DataFrame, target: Any, task: Any, features: Any) -> Selection:
    """Select the columns asked for by name."""
    if frame.columns.nlevels > 1:
        levels = frame.columns.nlevels
        raise ValueError(
            f"columns of the table must have one name each, got {levels} levels: join them to one"
        )
    check_distinct(list(frame.columns), "the table")
    tasks = task if isinstance(task, list) and task else [task]
    for role, name in (("target", target), *(("task", name) for name in tasks)):
        if name is None:
            raise ValueError(
                f"{role} must name a column of the table, got None; there are {listed(frame.columns)}"
            )
        checks.known(f"column for {role}", name, list(frame.columns))
    check_distinct(tasks, "task")
    if target in tasks:
        raise ValueError(f"target and task must be different columns, got {target!r} for both")
    all_others = features is None
    if features is None:
        features = [name for name in frame.columns if name not in (target, *tasks)]
    features = _as_list(features)
    check_distinct(features, "features")
    for name in features:
        checks.known("column in features", name, list(frame.columns))
        if name in (target, *tasks):
            raise ValueError(f"features must not hold the target or the task, got {name!r}")
    if not features:
        raise ValueError("features must name at least one column, got none")
    frame = frame.reset_index(drop=True)
    return Selection(frame[features], frame[target], _joined(frame[tasks]), all_others)


def _joined(tasks: pd.DataFrame) -> pd.Series:
    """One column that tells tasks apart: the only one, or tuples of several, None where one lacks a value."""
    import pandas as pd  # optional here: importing it takes 0.3 s

    if len(tasks.columns) == 1:
        return tasks.iloc[:, 0]
    pairs = pd.Series(list(tasks.itertuples(index=False, name=None)), index=tasks.index, dtype=object)
    return pairs.where(~tasks.isna().any(axis=1), None).rename(", ".join(map(str, tasks.columns)))


def _as_list(features: Any) -> list[Any]:
    if isinstance(features, str):
        return [features]
    try:
        return list(features)
    except TypeError:
        raise ValueError(f"features must be a list of names, got {features!r}") from None


def listed(names: Iterable[Any]) -> str:
    """Write out names for a message, at most ten of them."""
    texts = [str(name) for name in names]
    return ", ".join(texts[:10]) + (f" and {len(texts) - 10} more" if len(texts) > 10 else "")


def join(tasks: Mapping[Any, Any], features: Any) -> Selection:
    """Write a dict of task name to (X, y) as one table."""
    import pandas as pd  # optional here: importing it takes 0.3 s

    if not tasks:
        raise ValueError("source must hold at least two tasks, got an empty dict")
    frames: list[pd.DataFrame] = []
    targets, labels = [], []
    features = None if features is None else _as_list(features)
    for name, pair in tasks.items():
        try:
            X, y = pair
        except (TypeError, ValueError):
            raise ValueError(f"task {name!r} must be a pair (X, y), got {short(pair)}") from None
        X = _as_frame(f"X of task {name!r}", X, features)
        if frames and list(X.columns) != list(frames[0].columns):
            wanted, got = listed(frames[0].columns), listed(X.columns)
            raise ValueError(f"X of task {name!r} must have the columns {wanted}, got {got}")
        if np.shape(y) != (len(X),):
            raise ValueError(f"y of task {name!r} must have shape ({len(X)},) to match X, got {np.shape(y)}")
        frames.append(X)
        targets.append(pd.Series(np.asarray(y)))
        labels.append(pd.Series([name] * len(X), dtype=object))
    target = pd.concat(targets, ignore_index=True).rename("y")
    task = pd.concat(labels, ignore_index=True).rename("task")
    return Selection(pd.concat(frames, ignore_index=True), target, task, features is None)


def pick(arrays: tuple[Any, ...], features: Any) -> Selection:
    """Write inputs, targets and groups (X, y, groups) as one table."""
    import pandas as pd  # optional here: importing it takes 0.3 s

    if len(arrays) != 3:
        raise ValueError(f"source must be three arrays (X, y, groups), got {len(arrays)}")
    X, y, groups = arrays
    frame = _as_frame("X", X, None if features is None else _as_list(features))
    for name, values in (("y", y), ("groups", groups)):
        if np.shape(values) != (len(frame),):
            raise ValueError(f"{name} must have shape ({len(frame)},) to match X, got {np.shape(values)}")
    frame = frame.reset_index(drop=True)
    # through lists of pandas' own: NumPy would make texts of numbers and texts together
    target, task = (pd.Series(np.asarray(v) if hasattr(v, "__array__") else list(v)) for v in (y, groups))
    return Selection(frame, target.rename("y"), task.rename("groups"), features is None)


def _as_frame(what: str, X: Any, features: list[Any] | None) -> pd.DataFrame:
    """Inputs as a table."""
    import pandas as pd  # optional here: importing it takes 0.3 s

    if not isinstance(X, pd.DataFrame):
        if np.ndim(X) != 2 or 0 in np.shape(X):
            raise ValueError(f"{what} must have shape (rows, features), got {np.shape(X)}")
        given = features or [f"x{j + 1}" for j in range(np.shape(X)[1])]
        if len(given) != np.shape(X)[1]:
            raise ValueError(f"{what} must have {len(given)} columns, got {np.shape(X)[1]}")
        X = pd.DataFrame(np.asarray(X), columns=given)
    elif features is not None:
        raise ValueError("features names the columns of arrays: select the columns of DataFrames before")
    if X.empty:
        raise ValueError(f"{what} must have rows and columns, got shape {X.shape}")
    check_distinct(list(X.columns), what)
    return X

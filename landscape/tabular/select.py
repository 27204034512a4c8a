"""The columns asked for, from a table or from a dict of tasks."""

import numpy as np

from landscape import checks
from landscape.tabular.read import check_distinct


def choose(frame, target, task, features):
    """The columns asked for."""
    if frame.columns.nlevels > 1:
        raise ValueError(
            f"columns of the table must have one name each, got {frame.columns.nlevels} levels: join them to one"
        )
    check_distinct(list(frame.columns), "the table")
    for role, name in (("target", target), ("task", task)):
        if name is None:
            raise ValueError(
                f"{role} must name a column of the table, got None; there are {listed(frame.columns)}"
            )
        checks.known(f"column for {role}", name, list(frame.columns))
    if target == task:
        raise ValueError(f"target and task must be different columns, got {target!r} for both")
    if features is None:
        features = [name for name in frame.columns if name not in (target, task)]
    features = _listed(features)
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


def _listed(features):
    if isinstance(features, str):
        return [features]
    try:
        return list(features)
    except TypeError:
        raise ValueError(f"features must be a list of names, got {features!r}") from None


def listed(names):
    names = [str(name) for name in names]
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def stack(tasks, features):
    """A dict of name to (X, y) as one table."""
    import pandas as pd

    if not tasks:
        raise ValueError("source must hold at least two tasks, got an empty dict")
    frames, targets, labels = [], [], []
    features = None if features is None else _listed(features)
    for name, pair in tasks.items():
        try:
            X, y = pair
        except (TypeError, ValueError):
            raise ValueError(f"task {name!r} must be a pair (X, y), got {checks.short(pair)}") from None
        if not isinstance(X, pd.DataFrame):
            if np.ndim(X) != 2 or 0 in np.shape(X):
                raise ValueError(f"X of task {name!r} must have shape (rows, features), got {np.shape(X)}")
            given = features or [f"x{j + 1}" for j in range(np.shape(X)[1])]
            if len(given) != np.shape(X)[1]:
                raise ValueError(f"X of task {name!r} must have {len(given)} columns, got {np.shape(X)[1]}")
            X = pd.DataFrame(np.asarray(X), columns=list(given))
        elif features is not None:
            raise ValueError("features names the columns of arrays: select the columns of DataFrames before")
        if X.empty:
            raise ValueError(f"X of task {name!r} must have rows and columns, got shape {X.shape}")
        check_distinct(list(X.columns), f"task {name!r}")
        if frames and list(X.columns) != list(frames[0].columns):
            raise ValueError(
                f"X of task {name!r} must have the columns {listed(frames[0].columns)}, got {listed(X.columns)}"
            )
        if np.shape(y) != (len(X),):
            raise ValueError(f"y of task {name!r} must have shape ({len(X)},) to match X, got {np.shape(y)}")
        frames.append(X)
        targets.append(pd.Series(np.asarray(y)))
        labels.append(pd.Series([name] * len(X), dtype=object))
    target = pd.concat(targets, ignore_index=True).rename("y")
    return pd.concat(frames, ignore_index=True), target, pd.concat(labels, ignore_index=True).rename("task")

"""A table of new tasks: rows with a target are shots, the others are predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from landscape.adaptations.mixed_model import MixedModel
from landscape.core import checks
from landscape.diagnosis.model import TrainedModel
from landscape.tasks.tables.columns import by_name

if TYPE_CHECKING:
    import pandas as pd

PREDICTION, ERROR = "prediction", "standard_error"


def predictions(model: TrainedModel, frame: pd.DataFrame) -> pd.DataFrame:
    """Adapt a model to each task of a table by the rows that have a target, and predict the others.

    Parameters
    ----------
    model : TrainedModel
    frame : pandas.DataFrame
        With the columns of the model's inputs. Where it has the columns that name the task, each task is adapted
        to by its own rows, else all rows are of one task; without a column of targets nothing is adapted.

    Returns
    -------
    pandas.DataFrame
        The rows without a target, with columns ``prediction`` and, for mixed models, ``standard_error``, of a single
        target.

    Raises
    ------
    ValueError
        If there is no row, every row has a target, some of the columns that name the task are missing, or inputs do not fit.

    Examples
    --------
    >>> import pandas as pd
    >>> from landscape import GradientSteps
    >>> from landscape.tasks.tables.preprocessing import Preprocessing
    >>> model = TrainedModel(Preprocessing.none(1), [1.0], GradientSteps(0.5, m=1))
    >>> predictions(model, pd.DataFrame({"x1": [1.0, 2.0], "y": [3.0, None]}))
        x1   y  prediction
    1  2.0 NaN         4.0
    """
    known, target = by_name(frame), model.preprocessing.target
    for name in (PREDICTION, ERROR):
        if name in known:
            raise ValueError(f"the table has a column {name!r} already: rename it")
    if not len(frame):
        raise ValueError(
            "the table has no rows: give the rows to predict, and the shots of their tasks with a target"
        )
    has_target = np.zeros(len(frame), dtype=bool)
    if target in known:
        has_target = frame[known[target]].notna().to_numpy()
    if has_target.all():
        raise ValueError(
            f"every row has a target {target!r}: leave it empty in the rows to predict; the others are the shots"
        )
    out = frame[~has_target].copy()
    out[PREDICTION] = np.nan
    if isinstance(model.adaptation, MixedModel):
        out[ERROR] = np.nan
    for where in _tasks(frame, model.preprocessing.task):
        asked = where[~has_target[where]]
        if not len(asked):
            continue
        rows, place = frame.iloc[asked], np.cumsum(~has_target)[asked] - 1
        shots = frame.iloc[where[has_target[where]]]
        adapted = model.adapt(shots, shots[known[target]]) if len(shots) else model.unadapted()
        if ERROR in out:
            out.iloc[place, -1] = adapted.standard_error(rows, of="target")
        out.iloc[place, out.columns.get_loc(PREDICTION)] = adapted.predict(rows)
    return out


def _tasks(frame: pd.DataFrame, names: tuple[str, ...]) -> list[np.ndarray]:
    """The places of each task's rows; all, where no column names tasks."""
    known = by_name(frame)
    missing = [name for name in names if name not in known]
    if len(missing) == len(names):
        return [np.arange(len(frame))]
    for name in missing:
        checks.known("column for task", name, known)
    columns = frame[[known[name] for name in names]]
    if columns.isna().any(axis=None):
        raise ValueError(f"every row must name its task by {', '.join(names)}: some have gaps there")
    return list(frame.groupby(list(columns), sort=False).indices.values())

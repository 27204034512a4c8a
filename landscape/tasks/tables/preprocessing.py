"""What was done to columns, kept as a value: it does the same to the rows of a new task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.core import Array, Record, record
from landscape.core.domains import float_array, real
from landscape.tasks.tables.columns import Coordinate, by_name, expanded

if TYPE_CHECKING:
    import pandas as pd


@record
class Preprocessing(Record):
    r"""How rows of a table become coordinates: columns, levels, centres, scales, and those of the target.

    A coordinate is :math:`(x - c)/s` of a column, or of the 0/1 indicator of a level. `from_data` learns it, and
    it transforms the rows of a new task in the same way.

    Parameters
    ----------
    target : str
        What is predicted.
    task : tuple of str
        The columns that name the task.
    columns : tuple of str
        The columns of an array of inputs, those left out among them.
    levels : dict of str to tuple of str
        The levels of each category; the first has no coordinate.
    coordinates : tuple of Coordinate
        (column, level or None, centre, scale) of each coordinate but the intercept.
    intercept : bool
        Whether the first coordinate is 1.
    target_centre, target_scale : float
    within : bool
        Whether columns were centred and scaled within each task: then a new task's shots cannot tell how.

    Examples
    --------
    >>> from landscape import from_data
    >>> tasks = {"a": ([[1.0], [3.0]], [2.0, 4.0]), "b": ([[5.0], [7.0]], [6.0, 1.0])}
    >>> preprocessing = from_data(tasks, features=["km"]).preprocessing
    >>> preprocessing.features
    ('intercept', 'km')
    >>> preprocessing.transform([[4.0], [7.0]]).round(3).tolist()
    [[1.0, 0.0], [1.0, 1.342]]
    """

    target: str
    task: tuple[str, ...]
    columns: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    coordinates: tuple[Coordinate, ...]
    intercept: bool = True
    target_centre: float = 0.0
    target_scale: float = 1.0
    within: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the coordinates, the intercept among them."""
        return (*(["intercept"] if self.intercept else []), *(one.name for one in self.coordinates))

    @property
    def _centres(self) -> Array:
        return np.array([one.centre for one in self.coordinates])

    @property
    def _scales(self) -> Array:
        return np.array([one.scale for one in self.coordinates])

    def transform(self, rows: Any) -> Array:
        """Compute the coordinates of rows, shape (n, d).

        Parameters
        ----------
        rows : pandas.DataFrame, or array of shape (n, columns)
            A table may have more columns than are used.

        Raises
        ------
        ValueError
            If a column or a value is missing, a number is text or infinite, or a category has a level that no
            task had.
        """
        self.check_across()
        frame = self._checked(rows)
        X = (expanded(frame, self.coordinates) - self._centres) / self._scales
        return np.column_stack([np.ones(len(X)), X]) if self.intercept else X

    def check_across(self) -> None:
        """Refuse scales of each task's own."""
        if self.within:
            raise ValueError(
                "features were scaled within each task, by all of its rows, which a new task's shots cannot tell: "
                "make the tasks with standardise='across'"
            )

    @classmethod
    def none(cls, d: int) -> Preprocessing:
        """Take d columns x1 to xd as they are."""
        columns = tuple(f"x{j + 1}" for j in range(d))
        return cls("y", ("task",), columns, {}, tuple(map(Coordinate, columns)), intercept=False)

    def _checked(self, rows: Any) -> pd.DataFrame:
        """The rows as a table that has all columns and no holes."""
        import pandas as pd  # optional here: importing it takes 0.3 s

        if hasattr(rows, "to_pandas"):
            rows = rows.to_pandas()
        if not isinstance(rows, pd.DataFrame):
            rows = np.asarray(rows)
            if rows.ndim != 2 or rows.shape[1] != len(self.columns):
                raise ValueError(
                    f"X must be a table, or have shape (rows, {len(self.columns)}) with the columns "
                    f"{', '.join(self.columns)}, got {rows.shape}"
                )
            rows = pd.DataFrame(rows, columns=list(self.columns))
        if not len(rows):
            raise ValueError("X must have at least one row, got none")
        known = by_name(rows)
        used = self._used()
        missing = [name for name in used if name not in known]
        if missing:
            raise ValueError(
                f"X lacks the column{'s' * (len(missing) > 1)} {', '.join(map(repr, missing))}, which the tasks had; "
                f"it has {', '.join(known)}"
            )
        chosen: pd.DataFrame = rows[[known[name] for name in used]].reset_index(drop=True)
        holes = chosen.isna()
        if holes.any(axis=None):
            name = chosen.columns[holes.any()][0]
            row = int(holes[name].to_numpy().argmax())
            raise ValueError(
                f"column {str(name)!r} lacks a value in row {row} of X (rows with gaps in all: "
                f"{holes.any(axis=1).sum():,}): fill it in, or leave these rows out"
            )
        for name, levels in self.levels.items():
            if name in used:
                self._check_levels(name, chosen[known[name]].astype(str), levels)
        return chosen

    def _used(self) -> list[str]:
        return list(dict.fromkeys(one.column for one in self.coordinates))

    @staticmethod
    def _check_levels(name: str, texts: pd.Series, levels: Iterable[str]) -> None:
        new = ~texts.isin(levels).to_numpy()
        if new.any():
            row = int(new.argmax())
            raise ValueError(
                f"column {name!r} has the level {texts.iloc[row]!r} in row {row} of X, which no task had: known are "
                f"{', '.join(levels)}; leave such rows out, or train with tasks that have it"
            )

    def transform_target(self, y: Any) -> Array:
        """Compute the target's standard values, shape (n,)."""
        values = real.check_many("y", float_array("y", y))
        return (values - self.target_centre) / self.target_scale

    def restore(self, values: Array) -> Array:
        """Compute targets in their own units from standard ones."""
        return self.target_centre + self.target_scale * values

    def raw_map(self) -> tuple[Array, Array]:
        r"""Compute T and t of v = T w + t, the coefficients of a constant and the raw columns.

        With :math:`y = c_y + s_y (w_0 + \sum_j w_j (x_j - c_j)/s_j)` they are :math:`v_j = s_y w_j / s_j` and
        :math:`v_0 = c_y + s_y w_0 - \sum_j v_j c_j`.

        Returns
        -------
        T : array, shape (coordinates + 1, d)
        t : array, shape (coordinates + 1,)
            The first entries belong to the constant.
        """
        slopes = np.diag(1 / self._scales)
        T = np.vstack([-self._centres / self._scales, slopes])
        if self.intercept:
            T = np.column_stack([np.eye(len(T))[0], T])
        t = np.zeros(len(T))
        t[0] = self.target_centre
        return self.target_scale * T, t

    def coefficients(self, w: Any) -> dict[str, float]:
        """Write a point of the d coordinates as coefficients of the raw columns, the intercept first.

        Parameters
        ----------
        w : array, shape (d,)

        Examples
        --------
        >>> from landscape import from_data
        >>> tasks = {"a": ([[1.0], [3.0]], [2.0, 4.0]), "b": ([[5.0], [7.0]], [6.0, 1.0])}
        >>> preprocessing = from_data(tasks, features=["km"]).preprocessing
        >>> {name: round(value, 3) for name, value in preprocessing.coefficients([0.0, 1.0]).items()}
        {'intercept': -0.185, 'km': 0.859}
        """
        T, t = self.raw_map()
        names = ["intercept", *(one.name for one in self.coordinates)]
        return dict(zip(names, (T @ np.asarray(w, dtype=float) + t).tolist(), strict=True))

"""The base of all results, and the risk."""

from dataclasses import dataclass, fields

import numpy as np

from landscape.record import Record


class Result(Record):
    """What every result can do: a tidy table, a picture, and HTML in Jupyter."""

    def to_frame(self):
        """A tidy `pandas.DataFrame`: one row an observation."""
        raise TypeError(f"{type(self).__name__} has no table")

    def _repr_html_(self):
        frame = self.to_frame()
        more = f"<p>{len(frame):,} rows, the first 20 shown</p>" if len(frame) > 20 else ""
        return frame.head(20).to_html(index=False, float_format=lambda x: f"{x:.4g}") + more


@dataclass(frozen=True, eq=False, repr=False)
class Risk(Result):
    r"""Risk after adaptation, F_m(w) = noise + dispersion + suboptimality.

    Attributes
    ----------
    noise : float or ndarray, shape (*grid)
        What label noise costs, whatever the initial point: no task could be served better.
    dispersion : float or ndarray
        What the tasks' disagreement costs even the best initial point.
    suboptimality : float or ndarray
        What this point adds: excess risk as Collins et al. define it in eq. (2).
    standard_error : float, ndarray or None
        Of the total, where the tasks are a sample.
    """

    noise: object
    dispersion: object
    suboptimality: object
    standard_error: object = None

    @property
    def above_noise(self):
        """Dispersion + suboptimality: what Collins et al., eqs. (6), (7), (9)-(11) call excess risk."""
        return self.dispersion + self.suboptimality

    @property
    def total(self):
        """The expected loss after adaptation, F_m(w)."""
        return self.noise + self.above_noise

    def to_frame(self):
        """One row a grid point: the three parts, above_noise and total."""
        import pandas as pd

        columns = [f.name for f in fields(self) if getattr(self, f.name) is not None] + [
            "above_noise",
            "total",
        ]
        arrays = np.broadcast_arrays(*(np.asarray(getattr(self, name)) for name in columns))
        return pd.DataFrame({name: array.ravel() for name, array in zip(columns, arrays, strict=True)})

    def plot(self, ax=None):
        """The three parts as a stacked bar a grid point."""
        from landscape import plotting

        return plotting.risk_parts(self, ax=ax)


def labels(methods):
    """A name for each method: short where that tells them apart, else its repr, numbered if need be."""
    short = [method.label for method in methods]
    names = [name if short.count(name) == 1 else repr(m) for name, m in zip(short, methods, strict=True)]
    return [
        name if names.count(name) == 1 else f"{name} #{names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    ]


def axis_columns(shape, environment, adaptation, methods):
    """The varying arguments by name, a list for each method of what they are on the grid.

    An argument of methods is a column of its own: ``training_alpha`` where the adaptation's alpha
    varies too, and NaN for methods without it if those that have it differ.
    """
    shared = {}
    for record in (environment, adaptation):
        for name in record._varying:
            value = getattr(record, name)
            if isinstance(value, np.ndarray):
                shared[name] = np.broadcast_to(value, shape)
    columns = [dict(shared) for _ in methods]
    for name in dict.fromkeys(name for method in methods for name in method._varying):
        values = [getattr(m, name) if name in m._varying else None for m in methods]
        arrays = [value for value in values if isinstance(value, np.ndarray)]
        if not arrays:
            continue
        same = all(np.array_equal(arrays[0], value) for value in values if value is not None)
        key = f"training_{name}" if name in shared else name
        for column, value in zip(columns, values, strict=True):
            own = arrays[0] if same else (np.nan if value is None else value)
            column[key] = np.broadcast_to(own, shape)
    return columns


def family_table(environment):
    """An environment as an HTML table: its families, or its parameters where they are grids or symbols."""
    import html

    def row(cells, tag="td"):
        return "<tr>" + "".join(f"<{tag}>{html.escape(_cell(cell))}</{tag}>" for cell in cells) + "</tr>"

    if any(not isinstance(getattr(environment, name), (int, float)) for name in environment._varying):
        rows = [row(["parameter", "value"], "th")] + [
            row([n, getattr(environment, n)]) for n in environment._varying
        ]
    else:
        rows = [row(_COLUMNS, "th")]
        for family in environment.families:
            rows.append(row([getattr(family, name, "from data") for name in _COLUMNS]))
    return f"<table><caption>{environment.d} dimensions</caption>{''.join(rows)}</table>"


_COLUMNS = ("name", "probability", "covariance", "centre", "spread", "noise")


def _cell(value):
    if value is None:
        return "equal share"
    return f"array {value.shape}" if isinstance(value, np.ndarray) else str(value)

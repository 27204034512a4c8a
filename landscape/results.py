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
    """

    noise: object
    dispersion: object
    suboptimality: object

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

        columns = [f.name for f in fields(self)] + ["above_noise", "total"]
        arrays = np.broadcast_arrays(*(np.asarray(getattr(self, name)) for name in columns))
        return pd.DataFrame({name: array.ravel() for name, array in zip(columns, arrays, strict=True)})

    def plot(self, ax=None):
        """The three parts as a stacked bar a grid point."""
        from landscape import plotting

        return plotting.risk_parts(self, ax=ax)


def labels(methods):
    """A short name for each method: its own where that tells them apart, else its repr."""
    short = [method.label for method in methods]
    return [name if short.count(name) == 1 else repr(m) for name, m in zip(short, methods, strict=True)]


def axis_columns(shape, environment, adaptation, *methods):
    """The varying arguments by name, each broadcast to the grid."""
    columns = {}
    for record in (environment, adaptation, *methods):
        for name in record._varying:
            value = getattr(record, name)
            if isinstance(value, np.ndarray):
                key = name if name not in columns else f"{record.label} {name}"
                columns[key] = np.broadcast_to(value, shape)
    return columns


def family_table(environment):
    """An environment as an HTML table."""
    import html

    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(_cell(getattr(f, name, '')))}</td>" for name in _COLUMNS) + "</tr>"
        for f in environment.families
    )
    head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    return f"<table><caption>{environment.d} dimensions</caption><tr>{head}</tr>{rows}</table>"


_COLUMNS = ("name", "probability", "covariance", "centre", "spread", "noise")


def _cell(value):
    if value is None:
        return "equal share"
    return f"array {value.shape}" if isinstance(value, np.ndarray) else str(value)

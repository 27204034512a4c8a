"""The base of all results, and numbers that carry their uncertainty."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.core.domains import is_symbolic
from landscape.core.parameters import Record
from landscape.core.provenance import DRAWN, EXACT, Provenance
from landscape.core.typing import Array

if TYPE_CHECKING:
    import pandas as pd


PERCENT = ("cut", "cut_error", "share", "share_error")
"""Columns that are shown in per cent to a reader; in `to_frame` they are numbers."""


class Result(Record, ABC):
    """Base of all results: a subclass says one sentence and gives its columns, everything else follows."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in list(vars(self).items()):
            if isinstance(value, np.ndarray):
                self._set(**{name: value.view()})  # read-only here; whoever computed it may hold it writable

    @abstractmethod
    def headline(self) -> str:
        """Say the answer in one line."""

    @abstractmethod
    def columns(self) -> Mapping[str, Any]:
        """Give the columns of the tidy table, all of one length."""

    def to_frame(self) -> pd.DataFrame:
        """Return a tidy `pandas.DataFrame`: one row an observation."""
        import pandas as pd  # optional here: importing it takes 0.3 s

        return pd.DataFrame(dict(self.columns()))

    def to_xarray(self) -> Any:
        """Return an `xarray.Dataset`: a dimension for each column that tells rows apart, a variable for each other one.

        A single row has no dimension; where no columns tell the rows apart, their number is the dimension ``row``.

        Raises
        ------
        ImportError
            Without the package xarray (the extra ``data``).
        """
        from landscape.core.exports import to_xarray  # optional: it needs pandas

        return to_xarray(self.to_frame())

    def to_latex(self, columns: Sequence[str] | None = None) -> str:
        """Return the table in LaTeX (with the package booktabs), its headline as the caption.

        Parameters
        ----------
        columns : sequence of str, optional
            Of `to_frame`; all by default.
        """
        from landscape.core.exports import to_latex  # optional: it needs pandas

        return to_latex(self.to_frame(), self.headline(), columns, PERCENT)

    def to_file(self, path: str | Path) -> Path:
        """Write the headline and the table to a file, whole or not at all, which `SavedResult.load` reads.

        Parameters
        ----------
        path : str or Path
            Ends in ``.json``, or in ``.parquet`` (the extra ``data``).

        Raises
        ------
        ValueError
            If the file cannot be written, or a cell is no number, text or truth value.
        """
        from landscape.core.saved import write  # optional: it needs pandas

        return write(type(self).__name__, self.headline(), self.to_frame(), path)

    def __repr__(self) -> str:
        return f"<{self.headline()}>"

    def _repr_html_(self) -> str:
        import html

        frame = self.to_frame()
        more = f"<p>{len(frame):,} rows, the first 20 shown</p>" if len(frame) > 20 else ""
        table = frame.head(20).to_html(
            index=False,
            float_format=lambda x: f"{x:.4g}",
            formatters={
                name: "{:.1%}".format for name in PERCENT if name in frame and frame[name].dtype.kind == "f"
            },
        )
        return f"<p><strong>{html.escape(self.headline())}</strong></p>{table}{more}"


@dataclass(frozen=True, eq=False, repr=False)
class Estimate(Record):
    """A number, or an array over a grid, with its uncertainty.

    Arithmetic between estimates of the same draws keeps their correlation. An estimate serves as a number or
    an array wherever one is wanted (`float`, `numpy.asarray`, indexing, `round`, formatting, comparison).

    Parameters
    ----------
    value : array, shape (*grid)
    replicates : array, shape (groups, *grid), optional
        The value with each group of draws left out; None where nothing was drawn.
    how : Provenance
        Exact, a limit, or drawn; arithmetic keeps what is less certain.
    """

    value: Array
    replicates: Array | None = None
    how: Provenance = EXACT

    def __post_init__(self) -> None:
        self._set(value=np.asarray(self.value))
        if self.replicates is not None:
            self._set(
                replicates=self.replicates, how=self.how if self.how.kind == "drawn" else self.how | DRAWN
            )

    @property
    def standard_error(self) -> Any:
        """Jackknife standard error, shape (*grid); None where nothing was drawn."""
        if self.replicates is None:
            return None
        groups, infinite = len(self.replicates), np.isinf(self.replicates)
        finite = np.where(
            infinite, 0.0, self.replicates
        )  # infinite in all replicates is sure, in some is not
        away = finite - finite.mean(axis=0)
        out = np.sqrt((groups - 1) / groups * np.sum(away**2, axis=0))
        out = np.where(infinite.any(axis=0) & ~infinite.all(axis=0), np.inf, out)
        return out if out.ndim else float(out)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """Number of axes of the value."""
        return self.value.ndim

    @property
    def flat(self) -> Iterator[Any]:
        """Iterate over all entries; a number has one, which pytest.approx asks for."""
        return self.value.flat

    def with_(self, other: Any, f: Callable[[Any, Any], Any]) -> Estimate:
        """Combine with a number or another estimate of the same draws, replicate by replicate."""
        theirs = other if isinstance(other, Estimate) else Estimate(np.asarray(other))
        value, how = f(self.value, theirs.value), self.how | theirs.how
        if self.replicates is None and theirs.replicates is None:
            return Estimate(value, how=how)
        a = self.value if self.replicates is None else self.replicates
        b = theirs.value if theirs.replicates is None else theirs.replicates
        return Estimate(value, f(a, b), how)

    def map(self, f: Callable[[Array], Array]) -> Estimate:
        """Apply a function to the value and to every replicate."""
        return Estimate(f(self.value), None if self.replicates is None else f(self.replicates), self.how)

    def __add__(self, other: Any) -> Estimate:
        return self._sum(other, lambda a, b: a + b)

    def __sub__(self, other: Any) -> Estimate:
        return self._sum(other, lambda a, b: a - b)

    def _sum(self, other: Any, f: Callable[[Any, Any], Any]) -> Estimate:
        """Combine as `with_` does; the expected errors of limits are shares of the terms."""
        out = self.with_(other, f)
        if out.how is EXACT or not np.any(out.how.expected_error):
            return out
        theirs = other if isinstance(other, Estimate) else Estimate(np.asarray(other))
        with np.errstate(invalid="ignore"):  # infinity without an error
            errors = sum(np.abs(e.value) * e.how.expected_error for e in (self, theirs))
        size = np.abs(out.value)
        share = np.divide(errors, size, out=np.zeros(np.shape(errors)), where=(size > 0) & np.isfinite(size))
        return Estimate(out.value, out.replicates, Provenance(out.how.kind, share, out.how.draws))

    def __mul__(self, other: Any) -> Estimate:
        return self.with_(other, lambda a, b: a * b)

    def __truediv__(self, other: Any) -> Estimate:
        return self.with_(other, ratio)

    def __rsub__(self, other: Any) -> Estimate:
        return self.with_(other, lambda a, b: b - a)

    def __rtruediv__(self, other: Any) -> Estimate:
        return self.with_(other, lambda a, b: ratio(b, a))

    __radd__ = __add__
    __rmul__ = __mul__

    def __matmul__(self, other: Any) -> Any:
        return self.value @ np.asarray(other)

    def __rmatmul__(self, other: Any) -> Any:
        return np.asarray(other) @ self.value

    def __pow__(self, power: Any) -> Estimate:
        return self.map(lambda a: a**power)

    def __neg__(self) -> Estimate:
        return self.map(lambda a: -a)

    def __abs__(self) -> Estimate:
        return self.map(np.abs)

    def __lt__(self, other: Any) -> Any:
        return self.value < np.asarray(other)

    def __le__(self, other: Any) -> Any:
        return self.value <= np.asarray(other)

    def __gt__(self, other: Any) -> Any:
        return self.value > np.asarray(other)

    def __ge__(self, other: Any) -> Any:
        return self.value >= np.asarray(other)

    def __eq__(self, other: object) -> Any:
        return super().__eq__(other) if isinstance(other, Estimate) else self.value == np.asarray(other)

    __hash__ = Record.__hash__

    def __getitem__(self, index: Any) -> Any:
        """Index the value; without replicates the entry itself, as of an array."""
        if self.replicates is None:
            return self.value[index]
        replicates = self.replicates[(slice(None), *np.index_exp[index])]
        errors = np.broadcast_to(self.how.expected_error, self.shape)[index]
        return Estimate(self.value[index], replicates, Provenance(self.how.kind, errors, self.how.draws))

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __float__(self) -> float:
        return float(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __round__(self, digits: int | None = None) -> Any:
        return self.round(digits or 0)

    def round(self, digits: int = 0) -> Any:
        """Round the value: a float, or an array."""
        out = np.round(self.value, digits)
        return out if out.ndim else float(out)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Apply a NumPy function to the value and replicate by replicate: ``np.log(gain)`` keeps its error."""
        if method == "reduce" and inputs[0] is self and options.get("out") is None:
            return self._reduced(ufunc, *inputs[1:], **options)
        if method != "__call__" or options.get("out") is not None:
            return NotImplemented
        if ufunc is np.matmul:
            return np.asarray(inputs[0]) @ np.asarray(inputs[1])
        values = [x.value if isinstance(x, Estimate) else x for x in inputs]
        value = np.asarray(ufunc(*values, **options))
        drawn = [x.replicates for x in inputs if isinstance(x, Estimate) and x.replicates is not None]
        if value.dtype == bool:
            return value
        how = reduce(or_, (x.how for x in inputs if isinstance(x, Estimate)))
        if not drawn:
            return Estimate(value, how=how)
        pieces = [x if not isinstance(x, Estimate) or x.replicates is None else x.replicates for x in inputs]
        return Estimate(
            value,
            ufunc(*[v if r is x else r for v, r, x in zip(values, pieces, inputs, strict=True)], **options),
            how,
        )

    def _reduced(self, ufunc: Any, axis: Any = 0, **options: Any) -> Any:
        """Sum, take the largest, ... over axes of the grid, replicate by replicate."""
        axes = range(self.ndim) if axis is None else np.atleast_1d(axis)
        own = tuple(int(a) % self.ndim for a in axes)
        value = np.asarray(ufunc.reduce(self.value, axis=own, **options))
        if value.dtype == bool:
            return value
        how = Provenance(self.how.kind, np.max(self.how.expected_error), self.how.draws)
        if self.replicates is None:
            return Estimate(value, how=how)
        return Estimate(value, ufunc.reduce(self.replicates, axis=tuple(a + 1 for a in own), **options), how)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.value, dtype=dtype) if copy else np.asarray(self.value, dtype=dtype)

    def item(self) -> Any:
        """Return the value as a Python number or SymPy expression."""
        return self.value.item()

    def tolist(self) -> Any:
        """Return the value as nested lists of Python numbers."""
        return self.value.tolist()

    def __format__(self, spec: str) -> str:
        if self.value.ndim:
            return format(str(self.value), spec)
        return format(self.item(), spec)

    def __repr__(self) -> str:
        error, how = self.standard_error, self.how
        if self.value.ndim:
            return f"{self.value!r}, {how}" + ("" if error is None else f", standard error {error!r}")
        if is_symbolic(self.item()):
            return repr(self.item())
        if error is not None:
            return f"{float(self):.4g} +- {error:.2g} ({how})"
        return f"{self.item() if how.is_exact else format(float(self), '.4g')!s} ({how})"

    def _repr_latex_(self) -> str | None:
        if self.value.dtype != object or self.value.ndim > 1:
            return None
        import sympy  # optional here: only symbols need it

        entries = [sympy.factor(entry) for entry in self.value.ravel()]
        if len(set(entries)) == 1:
            more = f" (each of {len(entries)} entries)" if self.value.ndim else ""
            return f"${sympy.latex(entries[0])}${more}"
        return f"${sympy.latex(sympy.Matrix(entries))}$"


def _symbolic_ratio(worse: Any, better: Any) -> Any:
    """The ratio of formulas, or of a formula and a number."""
    if better != 0:
        return worse / better
    import sympy  # optional: it is loaded already where formulas are

    return sympy.Integer(1) if worse == 0 else sympy.oo


def ratio(worse: Any, better: Any) -> Any:
    """worse/better, 1 where both are 0 or both infinite, and inf where only `better` is 0."""
    worse, better = np.broadcast_arrays(worse, better)
    if worse.dtype == object or better.dtype == object:
        return np.asarray(np.vectorize(_symbolic_ratio, otypes=[object])(worse, better))
    same = np.where(worse == 0, 1.0, np.where(worse > 0, np.inf, -np.inf))
    with np.errstate(invalid="ignore"):
        out = np.divide(worse, better, out=same, where=better != 0)
    return np.where(np.isinf(worse) & (worse == better), 1.0, out)

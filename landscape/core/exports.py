"""Tables of results for other packages: xarray and LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.core import checks
from landscape.core.domains import is_symbolic

if TYPE_CHECKING:
    import pandas as pd


def to_xarray(frame: pd.DataFrame) -> Any:
    """Return an `xarray.Dataset`: a dimension for each column that tells rows apart; see `Result.to_xarray`."""
    try:
        import xarray  # optional: an extra
    except ImportError:
        raise ImportError('to_xarray needs xarray: pip install "task-landscape[data]"') from None
    index: list[str] = []
    told = 1
    for name in frame.columns:
        groups = len(frame[[*index, name]].drop_duplicates())
        if groups > told:
            index, told = [*index, name], groups
        if told == len(frame):
            break
    if told == len(frame) == 1:  # no column is needed to tell one row apart
        return xarray.Dataset({name: ((), frame[name].iloc[0]) for name in frame.columns})
    if told != len(frame):  # nor do all columns together
        return frame.rename_axis("row").to_xarray()
    return frame.set_index(index).to_xarray()


def to_latex(
    frame: pd.DataFrame, caption: str, columns: Sequence[str] | None, percents: Sequence[str]
) -> str:
    """Return a table in LaTeX, with some columns in per cent; see `Result.to_latex`."""
    if columns is not None:
        columns = [columns] if isinstance(columns, str) else columns
        frame = frame[[checks.known("column", c, frame.columns) for c in columns]]
    shown = [name in percents for name in frame.columns]
    lines = [
        " & ".join(_latex(value, percent) for value, percent in zip(row, shown, strict=True)) + r" \\"
        for row in (tuple(frame.columns), *frame.itertuples(index=False, name=None))
    ]
    kinds = "".join("r" if frame[name].dtype.kind in "if" else "l" for name in frame.columns)
    head = [r"\begin{table}", rf"\caption{{{_latex(caption, False)}}}", rf"\begin{{tabular}}{{{kinds}}}"]
    rules = [r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"]
    return "\n".join([*head, *rules, r"\end{tabular}", r"\end{table}", ""])


def _latex(value: Any, percent: bool) -> str:
    """Write a cell of a table in LaTeX: numbers with four digits, symbols, text with its special characters escaped."""
    if is_symbolic(value):
        import sympy  # optional here: only symbols need it

        return f"${sympy.latex(value)}$"
    if isinstance(value, (float, np.floating)):
        text = f"{value:.1%}" if percent else f"{value:.4g}"
        return "--" if np.isnan(value) else r"$" + text.replace("%", r"\%").replace("inf", r"\infty") + "$"
    special = {c: "\\" + c for c in "&%$#_{}"} | {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\^{}",
    }
    return "".join(special.get(c, c) for c in str(value))

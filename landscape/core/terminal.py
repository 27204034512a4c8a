"""What commands print fits the terminal; what is written to a file or a pipe keeps its lines whole."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame

NARROWEST = 40
"""Columns below which lines are not broken: nothing would be left of them."""


def columns() -> int | None:
    """Return the width of the terminal that is written to; None where it is none.

    The variable COLUMNS is obeyed everywhere, as by other programs.
    """
    said = os.environ.get("COLUMNS", "")
    try:
        wide = int(said) if said.isdigit() else os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):  # a file, a pipe, or a stream that is no file
        return None
    return wide if wide >= NARROWEST else None


def fitted(text: str, wide: int | None) -> str:
    """Break lines between words where a terminal ends, and indent what follows as the line began.

    Lines with wide gaps inside are rows of tables or drawn formulas and stay as they are.

    Examples
    --------
    >>> print(fitted("* one two three four five six seven eight nine ten", 40))
    * one two three four five six seven
      eight nine ten
    """
    if wide is None:
        return text
    return "\n".join(_broken(line, wide) for line in text.split("\n"))


def table(frame: DataFrame, wide: int | None, **formats: Any) -> str:
    """Write a table; where it is wider than the terminal each block of columns begins with what its rows are.

    What a row is, its leading columns say: as many as it takes to tell all rows apart.

    Parameters
    ----------
    frame : DataFrame
    wide : int or None
        Columns of the terminal.
    **formats
        Passed on to its ``to_string``.
    """
    whole = frame.to_string(index=False, **formats)
    if wide is None or max(map(len, whole.split("\n"))) <= wide:
        return whole
    told = (k for k in range(1, frame.shape[1]) if not frame.iloc[:, :k].duplicated().any())
    names = list(frame.columns[: next(told, 0)])
    shown = {"index": False, "header": False} | formats
    written = [[name, *map(str.strip, frame[[name]].to_string(**shown).split("\n"))] for name in names]
    padded = [[cell.ljust(max(map(len, column))) for cell in column] for column in written]
    head, *rows = map(" ".join, zip(*padded, strict=True)) if names else [whole]
    if len(head) > wide * 2 / 3:
        return frame.to_string(index=False, line_width=wide, **formats)
    keyed = frame.drop(columns=names).set_axis(rows).rename_axis(columns=head)
    return keyed.to_string(line_width=wide, **formats)


def _broken(line: str, wide: int) -> str:
    lead = re.match(r"\s*(?:\* |\d+\. |\[.{3}\] |\S+(?: \w+)?  +)?", line)
    assert lead is not None  # it matches the empty string too
    if len(line) <= wide or re.search(r"\S {3,}\S", line[lead.end() :]):
        return line
    return textwrap.fill(
        line, wide, initial_indent="", subsequent_indent=" " * lead.end(), drop_whitespace=True,
        break_long_words=False, break_on_hyphens=False, replace_whitespace=False,
    )  # fmt: skip

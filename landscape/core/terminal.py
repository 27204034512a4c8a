"""What commands print fits the terminal; what is written to a file or a pipe keeps its lines whole."""

from __future__ import annotations

import os
import re
import sys
import textwrap

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


def _broken(line: str, wide: int) -> str:
    lead = re.match(r"\s*(?:\* |\d+\. |\[.{3}\] |\S+(?: \w+)?  +)?", line)
    assert lead is not None  # it matches the empty string too
    if len(line) <= wide or re.search(r"\S {3,}\S", line[lead.end() :]):
        return line
    return textwrap.fill(
        line, wide, initial_indent="", subsequent_indent=" " * lead.end(), drop_whitespace=True,
        break_long_words=False, break_on_hyphens=False, replace_whitespace=False,
    )  # fmt: skip

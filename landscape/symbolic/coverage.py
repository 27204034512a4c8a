"""What the three papers state, item by item: the claims that decide it, or why it is no claim to decide."""

import re

from landscape.core import Record, record
from landscape.symbolic.shipped import rows


@record
class Item(Record):
    """A theorem, an equation, a figure, a table or a sentence of a paper.

    Attributes
    ----------
    paper : str
    name : str
        For example ``"Theorem 1"`` or ``"(12)"``.
    claims : tuple of str
        Ids of the claims that decide it.
    reason : str
        Where there are none, why not.
    """

    paper: str
    name: str
    claims: tuple[str, ...]
    reason: str


def items() -> list[Item]:
    """List the items, ranges of equations one by one."""
    return [
        Item(row["paper"], name, tuple(row["claims"].split()), row["reason"])
        for row in rows("papers_statements.csv")
        for name in _names(row["item"])
    ]


def _names(item: str) -> list[str]:
    found = re.fullmatch(r"\((\d+\.)?(\d+)\)-\((?:\d+\.)?(\d+)\)", item)
    if found is None:
        return [item]
    section = found[1] or ""
    return [f"({section}{number})" for number in range(int(found[2]), int(found[3]) + 1)]

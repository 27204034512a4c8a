"""A diagnosis in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from landscape.diagnosis.geography import Geography

if TYPE_CHECKING:
    import pandas as pd

PAYS, DOES_NOT, UNSURE = "pays", "does not pay", "cannot tell"

Row: TypeAlias = Any
"""A row of the table, with its columns as attributes."""


def answer(cut: float, low: float, high: float, worth: float) -> str:
    """Say whether a cut pays, from its 95% interval and the smallest cut worth having."""
    if high < worth:
        return DOES_NOT
    return PAYS if low > 0 and cut >= worth else UNSURE


def percent(x: float) -> str:
    """Write a share in per cent, with a decimal where it is small."""
    text = f"{100 * x:.0f}" if abs(x) >= 0.0995 else f"{100 * x:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def sentences(table: pd.DataFrame, geography: Geography, winners: pd.DataFrame, worth: float) -> list[str]:
    """Write the verdict: where MAML pays, where it does not, where one cannot tell; what else would; and why.

    Parameters
    ----------
    table : pandas.DataFrame
        As made by `Diagnosis.to_frame`.
    geography : Geography
    winners : DataFrame of bool, shape (T, shots)
        Whether a task's loss is smaller with MAML, a column a number of shots.
    worth : float

    Returns
    -------
    list of str
    """
    maml = table[table["method"] == "MAML"].reset_index(drop=True)
    groups = {kind: list(maml[maml["answer"] == kind].itertuples()) for kind in (PAYS, DOES_NOT, UNSURE)}
    said: list[str] = []
    if groups[PAYS]:
        cuts = [
            f"by {_cut(row)} at {_shots([row])} with step size {row.step:.2g}" for row in _few(groups[PAYS])
        ]
        said.append(
            f"MAML is predicted to cut post-adaptation loss {_and(cuts)}, compared with pooled training with "
            "its best step size."
        )
        if len(groups[PAYS]) > len(cuts):
            said.append(f"It pays at {_shots(groups[PAYS])}.")
        surest = max(groups[PAYS], key=lambda row: row.low)
        share = winners[surest.shots].mean()
        if share < 0.95:
            said.append(f"Not every task gains: {percent(share)}% do at {_shots([surest])}, the others lose.")
    if groups[DOES_NOT]:
        what = "it does" if said else "MAML does"
        said.append(f"At {_shots(groups[DOES_NOT])} {what} not pay: {_bound(groups[DOES_NOT], worth)}.")
    if groups[UNSURE]:
        said.append(_too_few(groups[UNSURE], len(winners), worth, bool(said)))
    said += _instead(table, maml)
    if not (table["answer"] == PAYS).any():
        said += _pooled(table)
    return [*said, _why(geography)]


def _cut(row: Row) -> str:
    return f"{percent(row.cut)}% (95%: {percent(row.low)} to {percent(row.high)}%)"


def _few(rows: Sequence[Row]) -> Sequence[Row]:
    """At most three of several rows: the first, the surest and the last."""
    if len(rows) <= 3:
        return rows
    surest = max(rows, key=lambda row: row.low)
    return [row for row in rows if row in (rows[0], surest, rows[-1])]


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def _shots(rows: Sequence[Row]) -> str:
    counts = [row.shots for row in rows]
    unbroken = len(rows) > 3 and rows[-1].Index - rows[0].Index == len(rows) - 1
    text = f"{counts[0]} to {counts[-1]}" if unbroken else _and([str(m) for m in counts])
    return f"{text} shot{'' if counts == [1] else 's'}"


def _bound(rows: Sequence[Row], worth: float) -> str:
    highest = max(row.high for row in rows)
    if highest < 0:
        return "it is predicted to raise the loss"
    return f"a cut of {percent(worth)}% or more can be ruled out"


def _too_few(rows: Sequence[Row], T: int, worth: float, before: bool) -> str:
    """What so few tasks leave open, and how many would settle it."""
    row = max(rows, key=lambda row: row.cut)
    share = (row.cut - row.low) / row.cut if row.cut >= worth else (row.high - row.cut) / (worth - row.cut)
    wanted = T * share**2  # intervals shrink with the root of the number of tasks
    needed = "more than 100,000"
    if wanted < 1e5:
        needed = f"about {max(round(wanted, 1 - int(np.floor(np.log10(wanted)))), T + 1):,.0f}"
    sure = f"of a cut of {percent(row.cut)}%" if row.cut >= worth else f"that it is below {percent(worth)}%"
    return (
        f"At {_shots(rows)} these {T} tasks are too few to tell whether {'it' if before else 'MAML'} pays: "
        f"the cut is {_cut(row)} at {_shots([row])}, and {needed} such tasks would be needed to be sure "
        f"{sure}."
    )


def _instead(table: pd.DataFrame, maml: pd.DataFrame) -> list[str]:
    """A method that does nearly as well for less, or better; or to adapt less, or not at all."""
    said = []
    others = table[(table["answer"] == PAYS) & (table["method"] != "MAML")]
    paying = maml[maml["answer"] == PAYS]
    if len(paying):
        at = paying.loc[paying["low"].idxmax()]
        first_order = others[(others["shots"] == at["shots"]) & (others["method"] == "FO-MAML")]
        for row in first_order[first_order["cut"] >= 0.9 * at["cut"]].itertuples():
            said.append(
                f"FO-MAML gets {_cut(row)} at {_shots([row])} for less: it needs no second derivatives."
            )
    elif len(others):
        row = others.loc[others["low"].idxmax()]
        said.append(f"{row['method']} is predicted to cut it by {_cut(row)} at {_shots([row])}.")
    idle = table[(table["method"] == "NAL") & (table["step"] == 0)]
    if len(idle):
        where = _shots(list(idle.itertuples()))
        said.append(f"At {where} a pooled model is best left as it is: adapting it does not help.")
    return said


def _pooled(table: pd.DataFrame) -> list[str]:
    """How to adapt a pooled model, where nothing is surely better."""
    rows = [row for row in table[table["method"] == "NAL"].itertuples() if row.step > 0]
    if not rows:
        return []
    steps = [f"{row.step:.2g} at {_shots([row])}" for row in (rows if len(rows) < 3 else [rows[0], rows[-1]])]
    return [f"A pooled model adapts best with step size {_and(steps)}."]


def _why(geography: Geography) -> str:
    """What the landscape has to do with it."""
    hardness, separation = geography.hardness, geography.separation
    shown = f"{separation:.2g}" if separation < 10 else f"{separation:,.0f}"
    if hardness > 0.8:
        rate = f"{hardness:.2f} times the rate of the others"
        return f"Tasks are about equally hard: the slower ones descend at {rate}."
    if geography.hard.sum() == 1:
        return f"The slowest task descends at {hardness:.2f} times the rate of the others."
    place = "close together and apart" if separation > 1 else "scattered rather than apart"
    return (
        f"The slower tasks ({percent(geography.hard.mean())}% of them) descend at {hardness:.2f} times the "
        f"rate of the others, and their solutions lie {place} from the others' (separation over spread, "
        f"R^2/r_H: {shown})."
    )

"""Quotations held against the papers' texts: what stands under "quoted" must be found there."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from landscape.core import Record, record
from landscape.symbolic.claim import Claim, Quote

FOLDER = "LANDSCAPE_PAPERS"
"""Environment variable: a folder with the papers' texts, files that end with .txt."""

TELLING = {
    "L": "TASK LANDSCAPE AFFECT MAML PERFORMANCE",
    "F": "Lemma 4.10",
    "C": "BI-MAML ODE",
}
"""Paper -> words that only its own text has."""

_DROPPED = re.compile(r"[\s\-_*\[\]]+")


def normalised(text: str) -> str:
    """Bring a text to a form in which line ends, hyphenation, ligatures and marks of emphasis do not matter."""
    text = unicodedata.normalize("NFKC", text).replace("Þ", "fi")
    text = re.sub(r"(?<=[a-z])!(?=[a-z])", "ffi", text)  # ligatures as one of the scans has them
    text = re.sub(r'(?<=[a-z])"(?=[a-z])', "ff", text)
    return _DROPPED.sub("", text)


def scans(folder: Path) -> dict[str, list[str]]:
    """Read the papers' texts in a folder: paper -> its scans, normalised."""
    found: dict[str, list[str]] = {paper: [] for paper in TELLING}
    for path in sorted(folder.glob("*.txt")):
        text = normalised(path.read_text(encoding="utf-8", errors="replace"))
        for paper, words in TELLING.items():
            if normalised(words) in text:
                found[paper].append(text)
    return found


@record
class Quotation(Record):
    """A part of a quote that was looked for, and in how many of the paper's scans it is.

    Attributes
    ----------
    claim, statement : str
    part : str
    found, scans : int
    """

    claim: str
    statement: str
    part: str
    found: int
    scans: int


def look_up(quote: Quote, texts: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield each part of a quote with the number of texts that have it."""
    for part in quote.parts():
        yield part, sum(normalised(part) in text for text in texts)


def quotations(claims: Mapping[str, Claim], texts: Mapping[str, Sequence[str]]) -> list[Quotation]:
    """Look up every quote of the claims in the texts of its paper."""
    return [
        Quotation(claim.id, statement.name, part, found, len(texts[claim.id[0]]))
        for claim in claims.values()
        for statement in claim.statements
        if statement.quote is not None
        for part, found in look_up(statement.quote, texts[claim.id[0]])
    ]

"""The ledger: claims decided, as a table, in Markdown, LaTeX or JSON, and as a letter to the authors."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.core import Record, Result, checks, record, short
from landscape.symbolic.shipped import rows

if TYPE_CHECKING:
    from landscape.symbolic.claim import Claim, Derivation, Verdict
    from landscape.symbolic.judge import Judgement

PAPERS = {
    "L": "Collins et al., How does the task landscape affect MAML performance?",
    "F": "Fallah et al., On the convergence theory of gradient-based model-agnostic meta-learning algorithms",
    "C": "Xu et al., Meta learning in the continuous time limit",
}
KINDS = ("quoted", "implied", "ours")


@record
class Entry(Record):
    """A claim with its derivation, the judgement of each of its statements, and the time that took."""

    claim: Claim
    derivation: Derivation
    judgements: tuple[Judgement, ...]
    seconds: float

    @property
    def verdict(self) -> Verdict:
        """That of the worst statement that the paper prints."""
        from landscape.symbolic.judge import worst  # optional: SymPy takes 0.3 s

        return worst(judgement.verdict for judgement in self.of("quoted"))

    def of(self, kind: str) -> list[Judgement]:
        """List the judgements of one kind of statement: quoted, implied or ours."""
        return [judgement for judgement in self.judgements if judgement.statement.kind == kind]

    @property
    def summary(self) -> str:
        """The verdict, with what the paper implies and what goes beyond it."""
        from landscape.symbolic.judge import worst  # optional: SymPy takes 0.3 s

        implied = [judgement.verdict for judgement in self.of("implied")]
        said = f"{self.verdict}" + " (numerical)" * self.derivation.numerical
        said += f"; what it implies {worst(implied)}" if implied else ""
        return said + ("; and beyond" if self.of("ours") else "")

    @property
    def verdicts(self) -> str:
        """Kinds and verdicts of all statements, as one text: what the record in data/ holds."""
        return "; ".join(f"{j.statement.kind} {j.verdict}" for j in self.judgements)

    def __repr__(self) -> str:
        return f"<{self.claim.id}: {self.verdict}>"

    def markdown(self) -> str:
        """Write statements, derivation and what holds, in Markdown with LaTeX."""
        from landscape.symbolic.report import entry_markdown  # optional: SymPy takes 0.3 s

        return entry_markdown(self)

    def _repr_markdown_(self) -> str:
        return self.markdown()


def decide(claim: Claim) -> Entry:
    """Run a claim's derivation and judge its statements."""
    from sympy.core.random import rng  # optional: SymPy takes 0.3 s

    from landscape.symbolic.judge import judge  # optional: SymPy takes 0.3 s

    start, state = time.process_time(), rng.getstate()
    rng.seed(0)  # SymPy factors with random numbers: the same claim should take the same steps each time
    try:
        derivation = claim.derive()
        judgements = tuple(judge(statement, derivation) for statement in claim.statements)
    finally:
        rng.setstate(state)
    return Entry(claim, derivation, judgements, time.process_time() - start)


@record
class Ledger(Result):
    """Claims of the papers, each with its verdict and the evidence for it; made by `verify`.

    Attributes
    ----------
    entries : tuple of Entry
    """

    entries: tuple[Entry, ...] = ()

    def __getitem__(self, id: str) -> Entry:
        checks.known("claim", id, [entry.claim.id for entry in self.entries])
        return next(entry for entry in self.entries if entry.claim.id == id)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def headline(self) -> str:
        """Say how many claims there are, and how they were decided."""
        counts = Counter(str(entry.verdict) for entry in self.entries)
        return f"{len(self.entries)} claims: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.items())

    def kinds(self) -> dict[str, Counter[str]]:
        """Count the verdicts of each kind of statement: kind -> verdict -> number."""
        out: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
        for entry in self.entries:
            for judgement in entry.judgements:
                out[judgement.statement.kind][str(judgement.verdict)] += 1
        return out

    def columns(self) -> Mapping[str, Any]:
        """Give one row a claim, with its verdict, those of its statements, and seconds."""
        return {
            "id": [e.claim.id for e in self.entries],
            "source": [e.claim.source for e in self.entries],
            "claim": [e.claim.title for e in self.entries],
            "verdict": [str(e.verdict) for e in self.entries],
            "summary": [e.summary for e in self.entries],
            "statements": [e.verdicts for e in self.entries],
            "numerical": [e.derivation.numerical for e in self.entries],
            "seconds": [e.seconds for e in self.entries],
        }

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_html_(self) -> None:  # type: ignore[override]
        return None  # Jupyter then takes the Markdown, whose formulas it typesets

    def differences(self) -> list[tuple[str, str, str]]:
        """List claims whose verdicts are not those of the record in data/: (id, recorded, found)."""
        known = recorded()
        found = {entry.claim.id: entry.verdicts for entry in self.entries}
        return [(id, known.get(id, "no record"), said) for id, said in found.items() if known.get(id) != said]

    def markdown(self) -> str:
        """Write a table in Markdown: the claims with what holds in place of what does not."""
        from landscape.symbolic.report import ledger_markdown  # optional: SymPy takes 0.3 s

        return ledger_markdown(self)

    def latex(self) -> str:
        """Write a LaTeX document's body: a description of each claim."""
        from landscape.symbolic.report import ledger_latex  # optional: SymPy takes 0.3 s

        return ledger_latex(self)

    def json(self) -> str:
        """Write a list of objects with id, source, statement, verdict, correction, seconds."""
        from landscape.symbolic.report import as_object  # optional: SymPy takes 0.3 s

        return json.dumps([as_object(entry) for entry in self.entries], indent=2, ensure_ascii=False)

    def errata(self, form: str = "markdown") -> str:
        """Write letters to the authors, one a paper: what holds, what is sharp, slips by weight, assumptions.

        Parameters
        ----------
        form : {"markdown", "latex"}
        """
        from landscape.symbolic.letter import letters  # optional: SymPy takes 0.3 s

        return letters(self, form)


def recorded() -> dict[str, str]:
    """Return the verdicts on record: id -> verdicts of its statements."""
    return {row["id"]: row["statements"] for row in rows("verdicts.csv")}


def verify(
    ids: str | Iterable[str] | None = None, *, paper: str | None = None, progress: bool = True
) -> Ledger:
    """Derive claims of the three papers from first principles and decide them.

    Parameters
    ----------
    ids : str or list of str, optional
        Claims, for example ``"L-prop1"``; all by default.
    paper : {"L", "F", "C"}, optional
        Only the claims of one paper: Collins et al. on the task landscape, Fallah et al. on convergence, Xu
        et al. on continuous time.
    progress : bool

    Returns
    -------
    Ledger

    Raises
    ------
    ValueError
        For an unknown id, with the nearest ones.

    Examples
    --------
    >>> ledger = verify("L-aH", progress=False)
    >>> print(ledger["L-aH"].verdict)
    holds as corrected
    """
    from tqdm.auto import tqdm  # optional: shows which claim is worked on

    from landscape.symbolic.claims import claims  # optional: SymPy takes 0.3 s

    known = claims()
    if ids is None:
        ids = known
    elif isinstance(ids, str):
        ids = [ids]
    elif not np.iterable(ids):
        raise TypeError(f"ids must be an id, or a list of them, got {short(ids)}")
    ids = list(ids)
    if paper is not None:
        checks.known("paper", paper, PAPERS)
    for id in ids:
        checks.known("claim", id, known)
    if not ids:
        raise ValueError("ids must hold at least one id")
    chosen = [id for id in ids if paper is None or id.startswith(f"{paper}-")]
    if not chosen:
        raise ValueError(f"none of the claims {', '.join(ids)} is from paper {paper!r}")
    bar = tqdm(chosen, disable=not progress, leave=False, unit="claim")
    entries: list[Entry] = []
    for id in bar:
        bar.set_description(id)
        entries.append(decide(known[id]))
    return Ledger(tuple(entries))

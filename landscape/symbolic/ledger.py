"""The ledger: claims decided, as a table, in Markdown, LaTeX or JSON, and as a letter to the authors."""

import json
import time
from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.results import Result
from landscape.symbolic.shipped import rows

PAPERS = {
    "L": "Collins et al., How does the task landscape affect MAML performance?",
    "F": "Fallah et al., On the convergence theory of gradient-based model-agnostic meta-learning algorithms",
    "C": "Xu et al., Meta-learning in continuous time",
}


@dataclass(frozen=True, eq=False, repr=False)
class Entry:
    """A claim with its derivation, the judgement of each of its statements, and the time that took."""

    claim: object
    derivation: object
    judgements: tuple
    seconds: float

    @property
    def verdict(self):
        """That of the worst statement."""
        from landscape.symbolic.judge import worst

        return worst([judgement.verdict for judgement in self.judgements])

    @property
    def verdicts(self):
        """Those of all statements, as one text: what the record in data/ holds."""
        return "; ".join(str(judgement.verdict) for judgement in self.judgements)

    def __repr__(self):
        return f"<{self.claim.id}: {self.verdict}>"

    def markdown(self):
        """Statements, derivation and what holds, in Markdown with LaTeX."""
        from landscape.symbolic.report import entry_markdown

        return entry_markdown(self)

    def _repr_markdown_(self):
        return self.markdown()


def decide(claim):
    """Run a claim's derivation and judge its statements."""
    from sympy.core.random import rng

    from landscape.symbolic.judge import judge

    start, state = time.perf_counter(), rng.getstate()
    rng.seed(0)  # SymPy factors with random numbers: the same claim should take the same steps each time
    try:
        derivation = claim.derive()
        judgements = tuple(judge(statement, derivation) for statement in claim.statements)
    finally:
        rng.setstate(state)
    return Entry(claim, derivation, judgements, time.perf_counter() - start)


@dataclass(frozen=True, eq=False, repr=False)
class Ledger(Result):
    """Claims of the papers, each with its verdict and the evidence for it; made by `verify`.

    Attributes
    ----------
    entries : tuple of Entry
    """

    entries: tuple = ()

    def __repr__(self):
        return f"<Ledger of {len(self.entries)} claims>"

    def __getitem__(self, id):
        checks.known("claim", id, [entry.claim.id for entry in self.entries])
        return next(entry for entry in self.entries if entry.claim.id == id)

    def __iter__(self):
        return iter(self.entries)

    def __len__(self):
        return len(self.entries)

    def to_frame(self):
        """One row a claim: id, source, claim, verdict, verdicts of its statements, whether numerical, seconds."""
        import pandas as pd

        return pd.DataFrame(
            [
                (
                    e.claim.id,
                    e.claim.source,
                    e.claim.title,
                    str(e.verdict),
                    e.verdicts,
                    e.derivation.numerical,
                    e.seconds,
                )
                for e in self.entries
            ],
            columns=["id", "source", "claim", "verdict", "statements", "numerical", "seconds"],
        )

    def _repr_markdown_(self):
        return self.markdown()

    def _repr_html_(self):
        return None  # Jupyter then takes the Markdown, whose formulas it typesets

    def differences(self):
        """Claims whose verdicts are not those of the record in data/: (id, recorded, found)."""
        known = recorded()
        found = {entry.claim.id: entry.verdicts for entry in self.entries}
        return [
            (id, known.get(id, "no record"), verdicts)
            for id, verdicts in found.items()
            if known.get(id) != verdicts
        ]

    def markdown(self):
        """A table in Markdown: the claims with what holds in place of what does not."""
        from landscape.symbolic.report import ledger_markdown

        return ledger_markdown(self)

    def latex(self):
        """A LaTeX document's body: a description of each claim."""
        from landscape.symbolic.report import ledger_latex

        return ledger_latex(self)

    def json(self):
        """A list of objects with id, source, statement, verdict, correction, seconds."""
        from landscape.symbolic.report import as_object

        return json.dumps([as_object(entry) for entry in self.entries], indent=2, ensure_ascii=False)

    def errata(self):
        """What to tell the authors, in Markdown: printed form, corrected form, and why, wherever a claim does not hold as printed."""
        from landscape.symbolic.report import errata

        return errata(self)


def recorded():
    """The verdicts on record: id -> verdicts of its statements."""
    return {row["id"]: row["statements"] for row in rows("verdicts.csv")}


def verify(ids=None, *, paper=None, progress=True):
    """Derive claims of the three papers from first principles and decide them.

    Parameters
    ----------
    ids : str or list of str, optional
        Claims, for example ``"L-prop1"``; all by default.
    paper : {"L", "F", "C"}, optional
        Only the claims of one paper: Collins et al. on the task landscape, Fallah et al. on convergence, Xu et al. on continuous time.
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
    from tqdm.auto import tqdm

    from landscape.symbolic.claims import claims

    known = claims()
    if ids is None:
        ids = known
    elif isinstance(ids, str):
        ids = [ids]
    elif not np.iterable(ids):
        raise TypeError(f"ids must be an id, or a list of them, got {checks.short(ids)}")
    ids = list(ids)
    if paper is not None:
        checks.known("paper", paper, PAPERS)
    for id in ids:
        checks.known("claim", id, known)
    chosen = [id for id in ids if paper is None or id.startswith(f"{paper}-")]
    if not chosen:
        raise ValueError(
            f"none of the claims {', '.join(ids)} is from paper {paper!r}"
            if ids
            else "ids must hold at least one id"
        )
    bar = tqdm(chosen, disable=not progress, leave=False, unit="claim")
    entries = []
    for id in bar:
        bar.set_description(id)
        entries.append(decide(known[id]))
    return Ledger(tuple(entries))

"""A ledger in words: Markdown, LaTeX, plain objects, the terminal, and a letter to the authors."""

import re
from collections.abc import Iterator
from typing import Any

from landscape.core.terminal import fitted
from landscape.symbolic.claim import Statement, Verdict
from landscape.symbolic.judge import Judgement
from landscape.symbolic.ledger import PAPERS, Entry, Ledger
from landscape.symbolic.notation import condition, latex, sentence, terminal
from landscape.symbolic.typing import Values

INSTEAD = {
    Verdict.CONSERVATIVE: "Sharp",
    Verdict.CORRECTED: "Corrected",
    Verdict.NOT_APPLICABLE: "What holds instead",
    Verdict.FAILS: "What is true instead",
}


def point(values: Values) -> str:
    """Write a counterexample in LaTeX: values of symbols, matrices included."""
    return r",\ ".join(f"{latex(symbol)} = {latex(value)}" for symbol, value in values.items())


def entry_markdown(entry: Entry) -> str:
    """Write a claim with its statements, their verdicts, the derivation and what holds."""
    claim, derivation = entry.claim, entry.derivation
    parts = [
        f"### {claim.id}: {claim.title}",
        f"*{claim.source}*. Verdict: **{entry.verdict}**{_numerical(entry)}",
    ]
    for judgement in entry.judgements:
        parts += [
            f"**As printed** ({judgement.verdict}). {judgement.statement.markdown()}",
            *_evidence(judgement),
        ]
    if derivation.reason:
        parts.append(f"**Why.** {derivation.reason}")
    parts.append("**Derivation.**")
    parts += [
        f"{number}. {sentence(step.sentence, step.formula)}"
        for number, step in enumerate(derivation.steps, 1)
    ]
    return "\n\n".join(parts)


def _evidence(judgement: Judgement) -> Iterator[str]:
    if judgement.verdict != Verdict.HOLDS:
        yield f"**{INSTEAD[judgement.verdict]}.** {judgement.accepted.markdown()}"
    if judgement.looseness is not None:
        yield f"The printed bound is loose by the factor ${latex(judgement.looseness)}$."
    if judgement.counterexample and judgement.verdict in (Verdict.FAILS, Verdict.NOT_APPLICABLE):
        yield f"Counterexample: ${point(judgement.counterexample)}$."


def _numerical(entry: Entry) -> str:
    return " (numerical)" if entry.derivation.numerical else ""


def ledger_markdown(ledger: Ledger) -> str:
    """Write the claims as a table with verdicts, then what holds in place of those that do not."""
    lines = ["| id | source | claim | verdict | seconds |", "|---|---|---|---|---|"]
    for e in ledger:
        cells = [e.claim.id, e.claim.source, e.claim.title, f"{e.verdict}{_numerical(e)}", f"{e.seconds:.2f}"]
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    parts = ["\n".join(lines)]
    for e in ledger:
        parts.append(f"#### {e.claim.id}: {e.claim.title}")
        for judgement in e.judgements:
            parts.append(f"({judgement.verdict}) {judgement.statement.markdown()}")
            parts += _evidence(judgement)
    return "\n\n".join(parts)


def ledger_latex(ledger: Ledger) -> str:
    """Write the same as the body of a LaTeX document."""
    lines = [r"% needs amsmath, amssymb", r"\begin{description}"]
    for e in ledger:
        verdict = rf"\textbf{{{e.verdict}{_numerical(e)}}}"
        lines.append(rf"\item[{e.claim.id}] ({_text(e.claim.source)}) {_text(e.claim.title)}: {verdict}")
        for judgement in e.judgements:
            lines.append(rf"\par {_displayed(judgement.statement)} (\emph{{{judgement.verdict}}})")
            if judgement.verdict != Verdict.HOLDS:
                lines.append(rf"\par {INSTEAD[judgement.verdict]}: {_displayed(judgement.accepted)}")
    return "\n".join([*lines, r"\end{description}"])


def _displayed(statement: Statement) -> str:
    text = re.sub(r"\s*\$\$(.*?)\$\$\s*", r" \n\\[ \1 \\]\n", statement.markdown(), flags=re.S)
    pieces = re.split(r"(\$[^$]*\$|\\\[.*?\\\])", text, flags=re.S)
    return "".join(piece if piece.startswith(("$", "\\[")) else _text(piece) for piece in pieces)


def _text(words: str) -> str:
    """Words outside formulas, safe for LaTeX."""
    for character in "&%#_^":
        words = words.replace(character, rf"\{character}" + ("{}" if character == "^" else ""))
    return words.replace("~", r"\textasciitilde{}")


def as_object(entry: Entry) -> dict[str, Any]:
    """Give id, source, statement, verdict, correction, seconds, with formulas in LaTeX."""
    corrections = [j.accepted.markdown() for j in entry.judgements if j.verdict != Verdict.HOLDS]
    return {
        "id": entry.claim.id,
        "source": entry.claim.source,
        "statement": "\n\n".join(judgement.statement.markdown() for judgement in entry.judgements),
        "verdict": str(entry.verdict),
        "correction": "\n\n".join(corrections) or None,
        "seconds": round(entry.seconds, 3),
    }


def errata(ledger: Ledger) -> str:
    """Write printed form, corrected form and reason of each statement that does not hold as printed."""
    parts: list[str] = []
    paper = None
    for e in ledger:
        wrong = [j for j in e.judgements if j.verdict not in (Verdict.HOLDS, Verdict.CONSERVATIVE)]
        if not wrong:
            continue
        if paper != e.claim.id[0]:
            paper = e.claim.id[0]
            parts.append(f"# [{paper}] {PAPERS[paper]}")
        parts.append(f"## {e.claim.source}: {e.claim.title}")
        for judgement in wrong:
            parts.append(f"Printed ({judgement.verdict}). {judgement.statement.markdown()}")
            parts.append(f"{INSTEAD[judgement.verdict]}. {judgement.accepted.markdown()}")
        parts.append(f"Reason. {e.derivation.reason}")
    return "\n\n".join(parts) or "Every claim asked for holds as printed."


def entry_terminal(entry: Entry, wide: int | None = None) -> str:
    """Write a claim with all of its evidence, for a terminal of so many columns."""
    lines = [
        f"{entry.claim.id}  {entry.claim.title}  [{entry.claim.source}]",
        f"verdict: {entry.verdict}{_numerical(entry)}",
    ]
    for judgement in entry.judgements:
        lines += ["", f"  as printed: {judgement.verdict}", _drawn(judgement.statement, wide)]
        if judgement.verdict != Verdict.HOLDS:
            lines += ["", f"  {INSTEAD[judgement.verdict].lower()}:", _drawn(judgement.accepted, wide)]
        if judgement.looseness is not None:
            lines.append(f"  loose by the factor {judgement.looseness}")
        if judgement.counterexample and judgement.verdict in (Verdict.FAILS, Verdict.NOT_APPLICABLE):
            lines.append(
                "  counterexample: " + ", ".join(f"{s} = {v}" for s, v in judgement.counterexample.items())
            )
    if entry.derivation.reason:
        lines += ["", "  why:", terminal(entry.derivation.reason)]
    lines += ["", "  derivation:"]
    for number, step in enumerate(entry.derivation.steps, 1):
        lines.append(f"  {number}." + terminal(step.sentence, step.formula, wide=wide)[3:])
    return fitted("\n".join(lines), wide)


def _drawn(statement: Statement, wide: int | None) -> str:
    text = terminal(statement.sentence, statement.relation, wide=wide)
    if statement.given:
        text += "\n    for " + ", ".join(map(condition, statement.given))
    return text

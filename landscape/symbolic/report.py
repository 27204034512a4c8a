"""A ledger in words: Markdown, LaTeX, plain objects and the terminal."""

import re
from collections.abc import Iterator
from typing import Any

from landscape.core.terminal import fitted
from landscape.symbolic.claim import Kind, Statement, Verdict, Weight
from landscape.symbolic.judge import Judgement
from landscape.symbolic.ledger import Entry, Ledger
from landscape.symbolic.notation import condition, latex, sentence, terminal
from landscape.symbolic.typing import Values

WEIGHTS = {
    Weight.RESULT: "changes a result",
    Weight.CONSTANT: "changes a constant or a condition",
    Weight.WORDING: "is typographical, or a matter of wording",
}
ONE_SCAN = " It hangs on a character that was read in a machine-made text, which may be wrong."
INSTEAD = {
    Verdict.CONSERVATIVE: "Sharp",
    Verdict.CORRECTED: "Corrected",
    Verdict.NOT_APPLICABLE: "What holds instead",
    Verdict.FAILS: "What is true instead",
}


def heading(judgement: Judgement) -> str:
    """Say whose statement it is, and how it was judged."""
    statement = judgement.statement
    if statement.kind == Kind.OURS:
        return "Beyond the paper"
    if statement.kind == Kind.IMPLIED:
        return f"Implied, for {statement.why} ({judgement.verdict})"
    place = statement.quote.place if statement.quote is not None else ""
    return f"As printed, {place} ({judgement.verdict})"


def notes(judgement: Judgement) -> list[str]:
    """Say what is quoted, how much a slip matters, what a counterexample meets and what would decide."""
    quote, found = judgement.statement.quote, []
    if quote is not None and quote.words:
        read = "one machine-made text" if quote.texts == 1 else f"{quote.texts} machine-made texts"
        words = " ... ".join(f'"{part}"' for part in quote.words.split(" ... "))
        found.append(f"In the paper, as read in {read}: {words}.")
    if judgement.weight is not None:
        found.append(f"This {WEIGHTS[judgement.weight]}." + ONE_SCAN * bool(quote and quote.character))
    if judgement.hypotheses:
        met = "; ".join(hypothesis.words for hypothesis in judgement.hypotheses)
        found.append(f"The counterexample meets, checked in exact arithmetic: {met}.")
    if judgement.open:
        found.append(f"What would decide it: {judgement.open}.")
    return found


def point(values: Values) -> str:
    """Write a counterexample in LaTeX: values of symbols, matrices included."""
    return r",\ ".join(f"{latex(symbol)} = {latex(value)}" for symbol, value in values.items())


def entry_markdown(entry: Entry) -> str:
    """Write a claim with its statements, their verdicts, the derivation and what holds."""
    claim, derivation = entry.claim, entry.derivation
    parts = [
        f"### {claim.id}: {claim.title}",
        f"*{claim.source}*. Verdict: **{entry.summary}**",
    ]
    for judgement in entry.judgements:
        parts += [
            f"**{heading(judgement)}.** {judgement.statement.markdown()}",
            *notes(judgement),
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
    if judgement.verdict in INSTEAD:
        yield f"**{INSTEAD[judgement.verdict]}.** {judgement.accepted.markdown()}"
    if judgement.looseness is not None:
        yield f"The printed bound is loose by the factor ${latex(judgement.looseness)}$."
    if judgement.counterexample and judgement.verdict in (Verdict.FAILS, Verdict.NOT_APPLICABLE):
        yield f"Counterexample: ${point(judgement.counterexample)}$."


def ledger_markdown(ledger: Ledger) -> str:
    """Write the claims as a table with verdicts, then what holds in place of those that do not."""
    lines = ["| id | source | claim | verdict | seconds |", "|---|---|---|---|---|"]
    for e in ledger:
        cells = [e.claim.id, e.claim.source, e.claim.title, e.summary, f"{e.seconds:.2f}"]
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    parts = ["\n".join(lines)]
    for e in ledger:
        parts.append(f"#### {e.claim.id}: {e.claim.title}")
        for judgement in e.judgements:
            parts.append(
                f"({judgement.statement.kind}: {judgement.verdict}) {judgement.statement.markdown()}"
            )
            parts += _evidence(judgement)
    return "\n\n".join(parts)


def ledger_latex(ledger: Ledger) -> str:
    """Write the same as the body of a LaTeX document."""
    lines = [r"% needs amsmath, amssymb", r"\begin{description}"]
    for e in ledger:
        verdict = rf"\textbf{{{e.summary}}}"
        lines.append(rf"\item[{e.claim.id}] ({plain(e.claim.source)}) {plain(e.claim.title)}: {verdict}")
        for judgement in e.judgements:
            lines += displayed(judgement)
    return "\n".join([*lines, r"\end{description}"])


def displayed(judgement: Judgement) -> list[str]:
    """Write a statement, its verdict and what holds in its place as paragraphs of LaTeX."""
    lines = [
        rf"\par {typeset(judgement.statement.markdown())} (\emph{{{judgement.statement.kind}: {judgement.verdict}}})"
    ]
    if judgement.verdict in INSTEAD:
        lines.append(rf"\par {INSTEAD[judgement.verdict]}: {typeset(judgement.accepted.markdown())}")
    return lines


def typeset(text: str) -> str:
    """Write Markdown with formulas as LaTeX."""
    text = re.sub(r"\s*\$\$(.*?)\$\$\s*", r" \n\\[ \1 \\]\n", text, flags=re.S)
    pieces = re.split(r"(\$[^$]*\$|\\\[.*?\\\])", text, flags=re.S)
    return "".join(piece if piece.startswith(("$", "\\[")) else plain(piece) for piece in pieces)


def plain(words: str) -> str:
    """Words outside formulas, safe for LaTeX."""
    for character in "&%#_^":
        words = words.replace(character, rf"\{character}" + ("{}" if character == "^" else ""))
    return words.replace("~", r"\textasciitilde{}")


def as_object(entry: Entry) -> dict[str, Any]:
    """Give id, source, statement, verdict, correction, seconds, with formulas in LaTeX."""
    corrections = [j.accepted.markdown() for j in entry.judgements if j.verdict in INSTEAD]
    return {
        "id": entry.claim.id,
        "source": entry.claim.source,
        "statement": "\n\n".join(judgement.statement.markdown() for judgement in entry.judgements),
        "verdict": str(entry.verdict),
        "statements": [
            {"name": j.statement.name, "kind": str(j.statement.kind), "verdict": str(j.verdict)}
            for j in entry.judgements
        ],
        "correction": "\n\n".join(corrections) or None,
        "seconds": round(entry.seconds, 3),
    }


def entry_terminal(entry: Entry, wide: int | None = None) -> str:
    """Write a claim with all of its evidence, for a terminal of so many columns."""
    lines = [
        f"{entry.claim.id}  {entry.claim.title}  [{entry.claim.source}]",
        f"verdict: {entry.summary}",
    ]
    for judgement in entry.judgements:
        said = heading(judgement)
        lines += ["", f"  {said[0].lower()}{said[1:]}:", _drawn(judgement.statement, wide)]
        lines += [terminal(note) for note in notes(judgement)]
        if judgement.verdict in INSTEAD:
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

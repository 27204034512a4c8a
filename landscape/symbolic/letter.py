"""Letters to the authors: a page on what holds and what does not, and an appendix with the formulas."""

import re
from collections.abc import Iterable, Iterator

from landscape.core import Record, checks, record
from landscape.symbolic.claim import Kind, Verdict, Weight
from landscape.symbolic.judge import Judgement
from landscape.symbolic.ledger import Entry, Ledger
from landscape.symbolic.report import INSTEAD, ONE_SCAN, plain, typeset


@record
class Address(Record):
    """To whom a letter goes, and about what."""

    authors: str
    title: str
    venue: str
    scans: str


ADDRESSES = {
    "L": Address(
        "L. Collins, A. Mokhtari and S. Shakkottai", "How Does the Task Landscape Affect MAML Performance?",
        "Conference on Lifelong Learning Agents, 2022", "one machine-made text of the anonymous submission (what we note may be mended in the published paper)",
    ),
    "F": Address(
        "A. Fallah, A. Mokhtari and A. Ozdaglar", "On the Convergence Theory of Gradient-Based Model-Agnostic Meta-Learning Algorithms",
        "AISTATS, 2020", "two machine-made texts of the paper, without its appendices",
    ),
    "C": Address(
        "R. Xu, L. Chen and A. Karbasi", "Meta Learning in the Continuous Time Limit", "AISTATS, 2021",
        "one machine-made text of the paper, without its appendices",
    ),
}  # fmt: skip
OPENINGS = {
    Weight.RESULT: "Slips that change a result",
    Weight.CONSTANT: "Slips that change a constant or a condition",
    Weight.WORDING: "Typographical, or a matter of wording",
}


def letters(ledger: Ledger, form: str) -> str:
    """Write a letter for each paper that the ledger has claims of."""
    checks.known("form", form, ("markdown", "latex"))
    papers = [paper for paper in ADDRESSES if any(entry.claim.id[0] == paper for entry in ledger)]
    written = [letter(paper, [e for e in ledger if e.claim.id[0] == paper]) for paper in papers]
    if form == "markdown":
        return "\n\n".join(written)
    if len(papers) > 1:
        raise ValueError(f"a LaTeX document holds one letter: choose a paper, one of {', '.join(papers)}")
    return document(written[0])


def letter(paper: str, entries: list[Entry]) -> str:
    """Write one letter in Markdown."""
    to = ADDRESSES[paper]
    printed = [(entry, judgement) for entry in entries for judgement in entry.of(Kind.QUOTED)]
    parts = [
        f"# {to.title}",
        f"To {to.authors} ({to.venue}).",
        f"We derived {len(printed)} statements of your paper again by computer algebra, from {to.scans}; where a digit, an exponent or a root decides we say so, for the text may be misread.",
        *_standing(printed),
    ]
    for weight, opening in OPENINGS.items():
        lines = [_slips(entry) for entry in entries if _heaviest(entry) == weight]
        if lines:
            parts += [f"## {opening}", "\n".join(f"- {line}" for line in lines)]
    parts += _others(printed)
    return "\n\n".join([*parts, "## Appendix", *_appendix(entries)])


def _standing(printed: list[tuple[Entry, Judgement]]) -> Iterator[str]:
    """What holds as printed, and which bounds have a sharp form."""
    held = [entry.claim for entry, judgement in printed if judgement.verdict == Verdict.HOLDS]
    loose = [entry.claim for entry, judgement in printed if judgement.verdict == Verdict.CONSERVATIVE]
    if held:
        yield f"**{len(held)} hold as printed**, statements on {_listed(claim.title for claim in held)}."
    if loose:
        yield (
            f"**{len(loose)} hold with room to spare**, and the appendix has the sharp form: "
            f"statements on {_listed(claim.title for claim in loose)}."
        )


def _listed(titles: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(titles))


def _heaviest(entry: Entry) -> Weight | None:
    """How much the worst slip of a claim matters."""
    weights = [judgement.weight for judgement in entry.of(Kind.QUOTED)]
    return next((weight for weight in Weight if weight in weights), None)


def _slips(entry: Entry) -> str:
    """Where a claim's slips are, and what is wrong."""
    slips = [judgement.statement.quote for judgement in entry.of(Kind.QUOTED) if judgement.weight is not None]
    places = "; ".join(dict.fromkeys(quote.place for quote in slips if quote is not None))
    unsure = any(quote is not None and quote.character for quote in slips)
    return f"**{places}.** {entry.derivation.reason}" + " (Read in a machine-made text.)" * unsure


def _others(printed: list[tuple[Entry, Judgement]]) -> Iterator[str]:
    beyond = [(e, j) for e, j in printed if j.verdict == Verdict.NOT_APPLICABLE]
    if beyond:
        places = "; ".join(dict.fromkeys(j.statement.quote.place for _, j in beyond if j.statement.quote))
        yield "## Assumptions"
        yield f"Examples that your text gives beside the theorems, but that do not meet their assumptions: {places}."
    left = [(e, j) for e, j in printed if j.verdict == Verdict.UNDECIDED]
    if left:
        yield "## Undecided"
        lines = [
            f"- {j.statement.quote.place}: it would take {j.open}." for _, j in left if j.statement.quote
        ]
        yield "\n".join(dict.fromkeys(lines))


def _appendix(entries: list[Entry]) -> Iterator[str]:
    for entry in entries:
        shown = [j for j in entry.of(Kind.QUOTED) if j.verdict in INSTEAD]
        if not shown:
            continue
        yield f"### {entry.claim.source}: {entry.claim.title}"
        for judgement in shown:
            quote = judgement.statement.quote
            yield f"Printed ({judgement.verdict}). {judgement.statement.markdown()}"
            yield f"{INSTEAD[judgement.verdict]}. {judgement.accepted.markdown()}"
            if judgement.hypotheses:
                met = "; ".join(hypothesis.words for hypothesis in judgement.hypotheses)
                yield f"The example meets: {met}."
            if judgement.weight is not None and quote is not None and quote.character:
                yield ONE_SCAN.strip()
        if entry.derivation.reason:
            yield f"Reason. {entry.derivation.reason}"


HEAD = r"""\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{amsmath,amssymb,graphicx}
\usepackage[margin=18mm]{geometry}
\setlength{\parindent}{0pt}\setlength{\parskip}{3pt}
\makeatletter
\renewcommand{\subsection}{\@startsection{subsection}{2}{0pt}{6pt}{2pt}{\normalsize\bfseries}}
\makeatother
\newsavebox{\formula}
\newcommand{\shown}[1]{\sbox{\formula}{$\displaystyle #1$}
\ifdim\wd\formula>\linewidth\resizebox{\linewidth}{!}{\usebox{\formula}}\else\usebox{\formula}\fi}
\begin{document}
\small
"""
APPENDIX = r"\section*{Appendix}\typeout{The appendix begins on page \thepage}"


def document(markdown: str) -> str:
    """Write a letter as a LaTeX document that compiles."""
    page, _, appendix = markdown.partition("\n\n## Appendix\n\n")
    return "\n".join(
        [HEAD + _latex(page), r"\newpage\normalsize", APPENDIX, _latex(appendix), r"\end{document}", ""]
    )


def _latex(markdown: str) -> str:
    lines: list[str] = []
    listed = False
    for block in markdown.split("\n\n"):
        items = block.startswith("- ")
        if listed != items:
            lines.append(
                r"\begin{itemize}\setlength{\itemsep}{0pt}\setlength{\parskip}{0pt}"
                if items
                else r"\end{itemize}"
            )
        listed = items
        if items:
            lines += [r"\item " + _bold(line[2:]) for line in block.split("\n")]
        elif found := re.fullmatch(r"(#+) (.*)", block):
            lines.append(rf"\{'sub' * (len(found[1]) - 1)}section*{{{plain(found[2])}}}")
        elif block.startswith("$$"):
            lines.append(rf"\[ \shown{{{block.strip('$ ')}}} \]")
        else:
            lines.append(_bold(block) + "\n")
    return "\n".join([*lines, r"\end{itemize}"] if listed else lines)


def _bold(text: str) -> str:
    return re.sub(r"\*\*(.*?)\*\*", r"\\textbf{\1}", typeset(text))

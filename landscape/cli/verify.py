"""Derive the claims of the papers again and decide them."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from landscape.core.terminal import columns, fitted

if TYPE_CHECKING:
    from landscape.symbolic.ledger import Ledger

HELP = "derive the claims of the papers again and decide them"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="claims, for example L-prop1 (default: all)")
    parser.add_argument("--paper", choices=["L", "F", "C"], help="only the claims of one paper")
    parser.add_argument("--show", metavar="ID", help="statement, derivation and correction of one claim")
    parser.add_argument("--format", choices=["markdown", "latex", "json"], help="print in this form")
    parser.add_argument(
        "--errata",
        action="store_true",
        help="a letter to the authors of each paper: what holds, what does not",
    )


def run(options: Namespace) -> int:
    """Decide the claims asked for; 1 if a verdict differs from the record."""
    from landscape.symbolic.ledger import verify  # optional: SymPy takes 0.3 s

    if options.show and (options.ids or options.paper):
        raise ValueError("--show takes a single claim: leave out other ids and --paper")
    if options.errata and options.format == "json":
        raise ValueError("--errata is a letter, in Markdown or LaTeX: leave out --format json")
    ids = [options.show] if options.show else options.ids or None
    ledger = verify(ids, paper=options.paper, progress=sys.stderr.isatty())
    print(_text(ledger, options))
    differences = ledger.differences()
    for id, recorded, found in differences:
        print(f"landscape: {id} was recorded as {recorded!r} and is now {found!r}", file=sys.stderr)
    return 1 if differences else 0


def _text(ledger: Ledger, options: Namespace) -> str:
    from landscape.symbolic.report import entry_terminal  # optional: SymPy takes 0.3 s

    if options.errata:
        return ledger.errata(options.format or "markdown")
    if options.format == "json":
        return ledger.json()
    if options.format == "latex":
        return ledger.latex()
    if options.show:
        entry = ledger[options.show]
        return entry.markdown() if options.format == "markdown" else entry_terminal(entry, columns())
    return ledger.markdown() if options.format == "markdown" else _table(ledger, columns())


def _table(ledger: Ledger, wide: int | None) -> str:
    """A row a claim, or a paragraph where rows do not fit."""
    rows = [(e.claim.id, e.claim.source, e.claim.title, e.summary) for e in ledger]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines = [f"{line}  {entry.seconds:6.2f} s" for line, entry in zip(lines, ledger, strict=True)]
    if wide is not None and max(map(len, lines)) > wide:
        texts = [f"{id}: {verdict}\n    {source}, {title}" for id, source, title, verdict in rows]
        lines = [fitted(text, wide) for text in texts]
    total = sum(entry.seconds for entry in ledger)
    said = [
        f"{kind}: {counts.total()} statements"
        + f" ({', '.join(f'{n} {name}' for name, n in counts.items())})" * bool(counts)
        for kind, counts in ledger.kinds().items()
    ]
    ending = fitted("\n".join([*said, f"{ledger.headline()}; {total:.1f} s of CPU"]), wide)
    return "\n".join([*lines, "", ending])

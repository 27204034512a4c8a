"""Write the pages of the site that are made of something else: lessons, gallery, ledger, reference, project files.

A file is only written where it changes, so that Sphinx reads again no more than it must.
"""

import hashlib
import json
import os
import re
from copy import deepcopy
from pathlib import Path

import build  # notebooks/build.py
import pandas as pd
import public_names
from public_names import put

ROOT = Path(__file__).parent.parent
PAGES = {
    "README.md": "../index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "RELEASING.md": "releasing.md",
    "docs/architecture.md": "architecture.md",
}
"""Files of the repository that are pages of the folder `project`, by the names under which they link to one another."""


MADE = {"table1": "--data OMNIGLOT"}
"""How a picture of the gallery was made, if not with ``--quick``."""


def write(docs: Path) -> None:
    """Write all pages into their folders."""
    course(docs / "course")
    gallery(docs / "gallery")
    ledger(docs / "ledger")
    public_names.write(docs / "reference")
    project(docs / "project")


# lessons


def course(folder: Path) -> None:
    """Write the index of the course, the notes for instructors, and each lesson with checks and solutions folded."""
    index = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    page = "`landscape/plotting/explorable.html`"
    student = build.index_for_students(index).replace(
        page, '<a href="../explorable.html">the explorable page</a>'
    )
    notes = index.partition("## For instructors\n")[2].partition("\n## ")[0]
    put(folder / "instructors.md", f"# For instructors\n{notes}\n")
    tree = ["For instructors <instructors>"]
    for path in build.lessons():
        book = reading(build.read(path))
        title = book["cells"][0]["source"].partition("\n")[0].removeprefix("# ")
        tree.insert(-1, f"{build.number(path)} {title} <{path.stem}>")
        put(folder / path.name, json.dumps(book, ensure_ascii=False))
    put(folder / "index.md", f"{student}\n```{{toctree}}\n:hidden:\n\n" + "\n".join(tree) + "\n```\n")


def reading(book: build.Book) -> build.Book:
    """Return a lesson for the site: what is a student's to write is folded, and so are the checks."""
    cells = []
    for cell in deepcopy(book["cells"]):
        tags = cell["metadata"].setdefault("tags", [])
        if build.has_region(cell):
            cell = build.without_region(cell)
        elif build.is_solution(cell) and cell["cell_type"] == "markdown":
            text = cell["source"].removeprefix("**Solution.**").strip()
            cell["source"] = f"::::{{dropdown}} Solution\n{text}\n::::"
        elif build.is_solution(cell):
            tags.append("hide-cell")
            cell["metadata"]["mystnb"] = {
                "code_prompt_show": "Show the solution's code",
                "code_prompt_hide": "Fold it",
            }
        elif "hide-cell" in tags:
            cell["metadata"]["mystnb"] = {
                "code_prompt_show": "Show the check",
                "code_prompt_hide": "Fold the check",
            }
        cells.append(cell)
    return book | {"cells": cells}


# figures


def gallery(folder: Path) -> None:
    """Write a page with all figures: picture, what one sees, command, and what was found in each."""
    from landscape.papers.figures import figures

    found = pd.read_csv(ROOT / "docs" / "pictures" / "findings.csv")
    seen = pd.read_csv(ROOT / "docs" / "pictures" / "seen.csv", index_col="figure")["seen"]
    parts = [
        "# Gallery",
        "Every figure and table of the papers that the package makes again, from small settings (`--quick`), and one figure of no paper. "
        "The command under a picture makes it, with a table of its numbers; without `--quick` it does so at the paper's size, or as near to it as minutes allow. "
        "Below stand the findings, each decided by a rule that was stated beforehand.",
    ]
    for name, title in figures().items():
        parts += [
            f"## {title}",
            f"![{title}](../pictures/{name}.png)",
            f"*{seen[name]}*",
            f"```sh\nlandscape reproduce {name} {MADE.get(name, '--quick')}\n```",
        ]
        rows = found[found["figure"] == name]
        if len(rows):
            table = ["| finding | rule | holds |", "|---|---|---|"]
            table += [f"| {line} |" for line in cells_of(rows)]
            parts.append("\n".join(table))
    put(folder / "index.md", "\n\n".join(parts) + "\n")


def cells_of(rows: pd.DataFrame) -> list[str]:
    """Return the cells of a table's rows; bars of norms, |w|, are no borders."""
    lines = rows[["finding", "rule", "holds"]].astype(str).itertuples(index=False)
    return [" | ".join(cell.replace("|", "\\|") for cell in line) for line in lines]


# claims


def ledger(folder: Path) -> None:
    """Write a page a paper with its claims typeset; derive them again only if the derivations' code is new.

    Where the environment's CLAIMS names some, "L-aH F-fo C-3.6", only those are derived: all of them take 40 s.
    """
    from landscape.symbolic.ledger import PAPERS

    wanted = os.environ.get("CLAIMS", "").split()
    sources = sorted((ROOT / "landscape" / "symbolic").rglob("*.py"))
    content = b"".join(path.read_bytes() for path in sources) + " ".join(wanted).encode()
    digest = hashlib.sha256(content).hexdigest()
    stamp = folder / "digest"
    if stamp.exists() and stamp.read_text() == digest:
        return
    from landscape import verify

    ids = {paper: [id for id in wanted if id.startswith(paper)] or None for paper in PAPERS}
    decided = {paper: verify(ids[paper], paper=paper, progress=False) for paper in PAPERS}
    tree = "\n".join(PAPERS)
    intro = (
        "# The ledger of claims\n\n"
        "What the three papers claim about linear tasks, derived again and decided: what is printed, what it implies and what goes beyond it, a derivation, a verdict "
        "that is computed, and what holds in its place. Only what is printed sets a verdict. `landscape verify` decides them all on your machine; "
        "`landscape verify --errata` writes a letter to the authors of each paper.\n\n"
    )
    table = ["| claim | of | verdict |", "|---|---|---|"]
    for paper, claims in decided.items():
        table += [
            f"| [{entry.claim.id}]({paper}.md#{anchor(entry.claim.id)}): {entry.claim.title} | {entry.claim.source} | {entry.summary} |"
            for entry in claims
        ]
        body = "\n\n".join(
            f"({anchor(entry.claim.id)})=\n" + re.sub(r"^### ", "## ", entry.markdown()) for entry in claims
        )
        put(folder / f"{paper}.md", f"# {PAPERS[paper]}\n\n{body}\n")
    put(folder / "index.md", intro + "\n".join(table) + f"\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n")
    put(stamp, digest)


def anchor(id: str) -> str:
    """Return the name under which a claim can be linked to."""
    return "claim-" + re.sub(r"\W+", "-", id).lower()


# the repository's own files


def project(folder: Path) -> None:
    """Write release notes, architecture and the guide for contributors, with links to one another as on the site."""
    for name, page in PAGES.items():
        if not page.startswith("../"):
            put(folder / page, linked((ROOT / name).read_text(encoding="utf-8")))
    put(folder / "architecture.svg", (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8"))


def linked(text: str) -> str:
    """Point links at pages of the site; a file that is no page is named, not linked."""

    def link(match: re.Match[str]) -> str:
        words, target = match[1], match[2].removeprefix("../")
        page = PAGES.get(target)
        return f"[{words}]({page})" if page else f"`{words.strip('`')}`"

    return re.sub(r"(?<!!)\[([^\]]+)\]\((?!https?://|#)([^)]+)\)", link, text)

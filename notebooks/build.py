"""Write the course for its readers: students, instructors, an audience.

    python notebooks/build.py --student course --instructor with_solutions --slides slides

A lesson has one source, its notebook beside this file. It holds the solutions too, in cells that are marked as nbgrader
marks them: where the metadata say `solution`, a cell, or what stands between BEGIN SOLUTION and END SOLUTION, is the
student's to write. Cells tagged `hide-cell` check numbers of the text, and those tagged `hide-input` draw.

Students get the lessons without solutions and without outputs, and the index without the notes for instructors.
Instructors get everything, unfolded, with the notes on each lesson at its top. Slides are made of the lessons whose
cells say what is a slide; this needs nbconvert, which JupyterLab brings along.
"""

import json
import re
from argparse import ArgumentParser
from copy import deepcopy
from itertools import groupby
from pathlib import Path
from typing import Any

Cell = dict[str, Any]
Book = dict[str, Any]

HERE = Path(__file__).parent
REGION = re.compile(r"### BEGIN SOLUTION\n.*?### END SOLUTION\n", re.S)
SCREEN = 1280, 720
"""Width and height of a slide, in pixels."""

LOOK = """<style>
.reveal .jp-RenderedHTMLCommon { font-size: 25px; line-height: 1.3; }
.reveal .jp-RenderedHTMLCommon h1 { font-size: 56px; margin: 0 0 .4em; }
.reveal .jp-RenderedHTMLCommon h2 { font-size: 38px; margin: 0 0 .4em; }
.reveal .jp-RenderedHTMLCommon p { margin: 0 0 .5em; }
.reveal .MJXc-display { margin: .3em 0 !important; }
.reveal div.highlight > pre, .reveal div.jp-OutputArea-output > pre { font-size: 18px; line-height: 1.2; white-space: pre-wrap; }
.reveal section img { display: block; margin: 0 auto; height: 290px; max-width: none; }
.reveal section > div.jp-Cell:only-child img { height: 440px; }
</style>"""
"""Sizes that can be read from the last row; no line of code is cut."""

STUBS = {"markdown": "*Your answer:*", "code": "# your code"}


def lessons() -> list[Path]:
    """List the lessons' notebooks in their order."""
    return sorted(HERE.glob("[0-9]*.ipynb"))


def number(path: Path) -> str:
    """Return a lesson's number: 0 to 10, or 6b."""
    return path.stem.partition("_")[0].lstrip("0") or "0"


def read(path: Path) -> Book:
    """Read a notebook; the source of each cell becomes one string."""
    book: Book = json.loads(path.read_text(encoding="utf-8"))
    for cell in book["cells"]:
        cell["source"] = "".join(cell["source"])
    return book


def is_solution(cell: Cell) -> bool:
    """Say whether a cell is a student's to write."""
    return bool(cell["metadata"].get("nbgrader", {}).get("solution", False))


def has_region(cell: Cell) -> bool:
    """Say whether only a part of a cell is a student's to write."""
    return is_solution(cell) and bool(REGION.search(cell["source"]))


def without_region(cell: Cell) -> Cell:
    """Return a cell without the solution in it, and without what the solution put out."""
    return _emptied(cell | {"source": REGION.sub("", cell["source"])})


def student(book: Book) -> Book:
    """Return a lesson without solutions and outputs; each answer has a cell for text and one for code."""
    cells: list[Cell] = []
    for asked, group in groupby(deepcopy(book["cells"]), key=is_solution):
        found = list(group)
        if asked:
            parts = [without_region(cell) for cell in found if has_region(cell)]
            found = parts or [_stub(kind, found) for kind in STUBS]
        cells += [_emptied(cell) for cell in found]
    return book | {"cells": cells}


def instructor(book: Book, notes: str = "") -> Book:
    """Return a lesson with solutions unfolded and the notes for its instructor after its opening."""
    cells = deepcopy(book["cells"])
    for cell in filter(is_solution, cells):
        cell["metadata"].pop("jupyter", None)
    if notes:
        text = f"> **For the instructor.** {notes}".replace("\n", "\n> ")
        cells.insert(1, {"cell_type": "markdown", "id": "instructor", "metadata": {}, "source": text})
    return book | {"cells": cells}


def notes(index: str, lesson: str) -> str:
    """Return what the index says to the instructor of a lesson, by its number."""
    found = re.search(rf"^\*\*Lesson {lesson}\.\*\* (.*?)(?=^\*\*Lesson |^## )", index, re.M | re.S)
    return found[1].strip() if found else ""


def index_for_students(index: str) -> str:
    """Return the index without the section for instructors."""
    index = re.sub(r"^## For instructors\n.*?(?=^## )", "", index, flags=re.M | re.S)
    return index.replace(" · [For instructors](#for-instructors)", "")


def slides(path: Path) -> str:
    """Return a lesson as slides: one HTML page, which loads reveal.js and MathJax from the web."""
    from nbconvert import SlidesExporter  # optional: comes with JupyterLab
    from traitlets.config import Config

    config = Config()
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_cell_tags = {"hide-cell"}
    config.TagRemovePreprocessor.remove_input_tags = {"hide-input"}
    width, height = map(str, SCREEN)
    exporter = SlidesExporter(
        config=config, reveal_scroll=True, reveal_transition="none", reveal_width=width, reveal_height=height
    )
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    page, _ = exporter.from_filename(str(path))
    # Printed, a slide is one page: copies of it, one for each thing that appears, would lack their formulas.
    whole = page.replace("Reveal.initialize({", "Reveal.initialize({ pdfSeparateFragments: false,", 1)
    return str(whole.replace("</head>", LOOK + "</head>", 1))


def has_slides(book: Book) -> bool:
    """Say whether a lesson's cells say what is a slide."""
    return any("slideshow" in cell["metadata"] for cell in book["cells"])


def write(book: Book, path: Path) -> None:
    """Write a notebook as Jupyter does: a line of source a line of the file."""
    cells = [cell | {"source": cell["source"].splitlines(keepends=True)} for cell in book["cells"]]
    text = json.dumps(book | {"cells": cells}, indent=1, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def _emptied(cell: Cell) -> Cell:
    return cell | {"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell


def _stub(kind: str, solution: list[Cell]) -> Cell:
    """Return an empty cell in a solution's place, with its marks."""
    first = next((cell for cell in solution if cell["cell_type"] == kind), solution[0])
    marks = {"nbgrader": first["metadata"]["nbgrader"]}
    cell = {"cell_type": kind, "id": f"{solution[0]['id']}-{kind}", "metadata": marks, "source": STUBS[kind]}
    return _emptied(cell)


def main() -> None:
    """Write what is asked for."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--student", type=Path, metavar="FOLDER", help="lessons without solutions")
    parser.add_argument("--instructor", type=Path, metavar="FOLDER", help="lessons with solutions and notes")
    parser.add_argument("--slides", type=Path, metavar="FOLDER", help="lesson 0 as slides")
    wanted = parser.parse_args()
    if not (wanted.student or wanted.instructor or wanted.slides):
        parser.error("say what to write: --student, --instructor or --slides, each with a folder")
    folders = [folder for folder in (wanted.student, wanted.instructor) if folder]
    if any(folder.resolve() == HERE.resolve() for folder in folders):
        parser.error(f"{HERE} holds the sources: name another folder")
    index = (HERE / "README.md").read_text(encoding="utf-8")
    for path in lessons():
        book = read(path)
        if wanted.student:
            write(student(book), wanted.student / path.name)
        if wanted.instructor:
            write(instructor(book, notes(index, number(path))), wanted.instructor / path.name)
        if wanted.slides and has_slides(book):
            wanted.slides.mkdir(parents=True, exist_ok=True)
            page = slides(path)
            (wanted.slides / f"{path.stem}.slides.html").write_text(page, encoding="utf-8")
    if wanted.student:
        (wanted.student / "README.md").write_text(index_for_students(index), encoding="utf-8")
    if wanted.instructor:
        (wanted.instructor / "README.md").write_text(index, encoding="utf-8")


if __name__ == "__main__":
    main()

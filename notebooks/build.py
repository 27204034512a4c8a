"""Write the course for its readers: students, instructors, an audience.

    python notebooks/build.py --student course --instructor with_solutions --slides slides

A lesson has one source, its notebook beside this file. It holds the solutions too, in cells that are marked as nbgrader
marks them: where the metadata say `solution`, a cell, or what stands between BEGIN SOLUTION and END SOLUTION, is the
student's to write. Cells tagged `hide-cell` check numbers of the text, and those tagged `hide-input` draw.

Students get the lessons without solutions and without outputs, and the index without the notes for instructors.
Instructors get everything, unfolded, with the notes on each lesson at its top. Slides are made of the lessons whose
cells say what is a slide; this needs nbconvert and latex2mathml, of the extra `notebooks`.
"""

import json
import re
from argparse import ArgumentParser
from copy import deepcopy
from html import escape, unescape
from itertools import groupby
from pathlib import Path
from typing import Any

Cell = dict[str, Any]
Book = dict[str, Any]

HERE = Path(__file__).parent
REGION = re.compile(r"### BEGIN SOLUTION\n.*?### END SOLUTION\n", re.S)
CODE = re.compile(r"(<pre.*?</pre>|<code.*?</code>)", re.S)
FORMULA = re.compile(r"(\$\$?)(.+?)\1", re.S)

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


def slides(book: Book) -> str:
    """Return a lesson as slides: one HTML page, with keys, buttons and swipes, that needs no network."""
    from pygments.formatters import HtmlFormatter  # optional: comes with nbconvert

    shown: list[list[str]] = []
    for cell in book["cells"]:
        kind = cell["metadata"].get("slideshow", {}).get("slide_type", "")
        if kind == "skip" or "hide-cell" in tags(cell):
            continue
        if kind in ("slide", "subslide"):
            shown.append([])
        shown[-1].append(
            f'<div class="part">{on_slide(cell)}</div>' if kind == "fragment" else on_slide(cell)
        )
    sections = [
        f'<section class="{"alone" if len(parts) == 1 else ""}">{"".join(parts)}</section>' for parts in shown
    ]
    page = (HERE / "slides.html").read_text(encoding="utf-8")
    page = page.replace("{{TITLE}}", book["cells"][0]["source"].partition("\n")[0].lstrip("# "))
    page = page.replace("/*CODE*/", HtmlFormatter().get_style_defs(".highlight"))
    return page.replace("<!--SLIDES-->", "\n".join(sections))


def on_slide(cell: Cell) -> str:
    """Return a cell as HTML: formulas as MathML, which browsers draw themselves; pictures inside the text."""
    from nbconvert.filters import Highlight2HTML, markdown2html  # optional: comes with JupyterLab

    if cell["cell_type"] == "markdown":
        return with_mathml(markdown2html(cell["source"]))
    code = "" if "hide-input" in tags(cell) else Highlight2HTML()(cell["source"])
    return code + "".join(map(output_on_slide, cell["outputs"]))


def tags(cell: Cell) -> list[str]:
    """List a cell's tags."""
    return list(cell["metadata"].get("tags", []))


def output_on_slide(output: dict[str, Any]) -> str:
    """Return what a cell put out: a picture, a table or text."""
    data = {
        name: "".join(text) for name, text in output.get("data", {"text/plain": output.get("text")}).items()
    }
    if "image/png" in data:
        return f'<img alt="" src="data:image/png;base64,{data["image/png"].strip()}">'
    return data.get("text/html") or f"<pre>{escape(data['text/plain'])}</pre>"


def with_mathml(html: str) -> str:
    """Return HTML with MathML for its formulas in LaTeX; dollars in code are money."""
    from latex2mathml.converter import convert  # optional: comes with the extra "notebooks"

    def formula(found: re.Match[str]) -> str:
        return str(convert(unescape(found[2]), display="block" if found[1] == "$$" else "inline"))

    parts = CODE.split(html)
    return "".join(part if i % 2 else FORMULA.sub(formula, part) for i, part in enumerate(parts))


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
            (wanted.slides / f"{path.stem}.slides.html").write_text(slides(book), encoding="utf-8")
    if wanted.student:
        (wanted.student / "README.md").write_text(index_for_students(index), encoding="utf-8")
    if wanted.instructor:
        (wanted.instructor / "README.md").write_text(index, encoding="utf-8")


if __name__ == "__main__":
    main()

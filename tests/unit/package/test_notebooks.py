"""Every lesson runs from top to bottom in a new kernel: first as students get it, then with its solutions."""

import importlib.util
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "notebooks"
SPEC = importlib.util.spec_from_file_location("build", FOLDER / "build.py")
build = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(build)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", build.lessons(), ids=lambda path: path.stem)
def test_lesson_runs(path):
    """The instructor's cells, solutions last: before them stands all that students run, and none of it needs a solution."""
    import nbformat
    from nbclient import NotebookClient

    book = build.instructor(build.read(path))
    assert any(cell.get("outputs") for cell in book["cells"]), "lessons are committed with their outputs"
    handed_out = build.student(book)["cells"]
    solutions = [cell | {"id": f"{cell['id']}-solved"} for cell in book["cells"] if build.is_solution(cell)]
    notebook = nbformat.from_dict(book | {"cells": [*handed_out, *solutions]})
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    asserted = sum(cell.source.count("assert ") for cell in notebook.cells if cell.cell_type == "code")
    assert asserted >= 5, "a lesson asserts the numbers it claims"


def test_there_are_lessons():
    assert len(build.lessons()) >= 10

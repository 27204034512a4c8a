"""Every notebook runs from top to bottom, and its assertions hold."""

from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[3] / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    committed = [cell.get("outputs") for cell in notebook.cells if cell.cell_type == "code"]
    assert any(committed), "notebooks are committed with their outputs"
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    asserted = sum(cell.source.count("assert ") for cell in notebook.cells if cell.cell_type == "code")
    assert asserted >= 5, "a notebook asserts the numbers it claims"


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 2

"""Examples in docstrings, in README and on the site's pages run, and say what the code says."""

import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import landscape
from landscape.core.results import Result

ROOT = Path(__file__).parents[3]
MODULES = [
    m.name for m in pkgutil.walk_packages(landscape.__path__, "landscape.") if "__main__" not in m.name
]

SLOW = {
    "landscape.closed_form.finite_sample.best",
    "landscape.checker.check_optimum",
    "landscape.analysis.loss_law",
}
NEEDS_EXTRA = {"landscape.simulator.compiled": "numba"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in MODULES]
)
def test_docstring_examples(name):
    if name in NEEDS_EXTRA:
        pytest.importorskip(NEEDS_EXTRA[name])
    module = importlib.import_module(name)
    result = doctest.testmod(
        module, extraglobs={n: getattr(landscape, n) for n in dir(landscape)} | {"landscape": landscape}
    )
    assert result.failed == 0


def test_what_users_call_says_how():
    """Public functions, and classes that users make, document every argument and show a call that runs."""
    public = [value for name in landscape.__all__ if callable(value := getattr(landscape, name))]
    results = (Result, BaseException)
    made = [
        v for v in public if not (inspect.isclass(v) and (issubclass(v, results) or inspect.isabstract(v)))
    ]
    assert len(made) > 40
    for value in made:
        text = inspect.getdoc(value)
        listed = text.partition("Parameters\n----")[2].partition("\n\n")[0]
        for argument in inspect.signature(value).parameters:
            assert re.search(rf"\b{argument}\b", listed), (
                f"{value.__name__}: {argument} is not among the parameters"
            )
        assert re.search(r"Examples\n-+\n(.|\n)*>>> ", text), f"{value.__name__} has no example"


PAGES = [ROOT / "README.md", ROOT / "docs" / "index.md", *sorted((ROOT / "docs" / "howto").glob("*.md"))]


SLOW_PAGES = {"what-papers-prove", "beyond-linear", "worst-case"}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.slow if page.stem in SLOW_PAGES else (), id=page.stem)
        for page in PAGES
    ],
)
def test_examples_on_pages(page):
    """README and the site's own pages: a page's blocks share their names, and each page stands by itself."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    scope = {}
    for number, block in enumerate(blocks):
        test = parser.get_doctest(block, scope, f"{page.name}, example {number + 1}", page.name, 0)
        assert test.examples, "examples are doctests"
        runner.run(test, clear_globs=False)
        scope = test.globs
    assert blocks or page.stem == "index"
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_pages_lead_somewhere(page):
    """Files of the repository, or pages that docs/pages.py writes."""
    written = {"course": "notebooks", "gallery": None, "ledger": None, "reference": None, "project": None}
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        path = (page.parent / target).resolve()
        room = path.relative_to(ROOT / "docs").parts[0] if path.is_relative_to(ROOT / "docs") else ""
        if room not in written:
            assert path.exists(), target
        elif path.suffix == ".ipynb":
            assert (ROOT / "notebooks" / path.name).exists(), target


def test_readme_is_short_and_has_the_lines_that_machines_read():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) < 90
    lines = re.findall(r"^python3 -m venv .*$", text, re.M)
    assert len(lines) == 2
    assert lines[0].endswith("landscape reproduce fig3 --quick")
    assert "pip install -e '.[test]'" in lines[1]


def arrows(root):
    """Run the contracts of pyproject.toml on the package in a folder."""
    line = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
        "--no-cache",
    ]
    config = ["--config", str(ROOT / "pyproject.toml")]
    return subprocess.run([*line, *config], cwd=root, capture_output=True, text=True)


def test_imports_keep_the_arrows():
    pytest.importorskip("importlinter", reason="extra test is not installed")
    done = arrows(ROOT)
    assert done.returncode == 0, done.stdout


def test_the_test_of_arrows_can_fail(tmp_path):
    """A copy of the package in which the simulator asks the theory."""
    pytest.importorskip("importlinter", reason="extra test is not installed")
    for path in (ROOT / "landscape").rglob("*.py"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    with (tmp_path / "landscape" / "simulator" / "thin.py").open("a") as file:
        file.write("\nimport landscape.closed_form.population\n")
    done = arrows(tmp_path)
    assert done.returncode == 1
    assert "landscape.simulator.thin -> landscape.closed_form.population" in done.stdout

"""Examples in docstrings and in the README run, and say what the code says."""

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

NEEDS_EXTRA = {"landscape.simulator.compiled": "numba"}


@pytest.mark.parametrize("name", MODULES)
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


def test_readme_examples():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert blocks
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    scope = {}
    for number, block in enumerate(blocks):
        test = parser.get_doctest(block, scope, f"README example {number + 1}", "README.md", 0)
        assert test.examples, "README examples are doctests"
        runner.run(test, clear_globs=False)
        scope = test.globs
    assert runner.summarize(verbose=False).failed == 0


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

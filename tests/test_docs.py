"""Examples in docstrings and in the README run, and say what the code says."""

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import landscape
from landscape import results as results_base

ROOT = Path(__file__).parent.parent
MODULES = [
    m.name for m in pkgutil.walk_packages(landscape.__path__, "landscape.") if "__main__" not in m.name
]

NEEDS_EXTRA = {"landscape.simulator.compiled": "numba"}


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    if name in NEEDS_EXTRA:
        pytest.importorskip(NEEDS_EXTRA[name])
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs=vars(landscape) | {"landscape": landscape})
    assert result.failed == 0


def test_what_users_call_says_how():
    """Public functions, and classes that users make, document every argument and show a call that runs."""
    results = (results_base.Result, BaseException)
    makes = [value for name in landscape.__all__ if callable(value := getattr(landscape, name))]
    makes = [value for value in makes if not (inspect.isclass(value) and issubclass(value, results))]
    assert len(makes) > 50
    for value in makes:
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


def test_imports_keep_the_arrows():
    """The simulator never imports the theory, nor the theory the simulator; formulas know no pictures."""
    theory = {
        "formulas",
        "finite",
        "closed_form",
        "comparison",
        "hardness",
        "agreement",
        "dynamics",
        "diagnosis",
    }
    forbidden = {
        "simulator": theory | {"plotting", "reproduce", "cli"},
        "closed_form": {"simulator", "plotting", "agreement", "comparison", "reproduce"},
        "comparison": {"simulator", "agreement", "reproduce"},
        "algebra": theory | {"simulator", "families", "environment", "methods", "adaptation", "grid"},
        "environment": theory | {"simulator", "methods", "adaptation"},
        "adaptation": theory | {"simulator", "methods", "environment"},
        "methods": theory | {"simulator", "environment"},
        "tabular": {"simulator", "finite", "agreement", "diagnosis", "plotting", "reproduce"},
        "diagnosis": {"simulator", "agreement", "reproduce"},
        "plotting": theory | {"simulator", "reproduce"},
        "dynamics": {"simulator", "algorithms", "losses", "reproduce", "cli"},
        "losses": theory | {"simulator", "algorithms", "methods", "adaptation", "reproduce"},
        "algorithms": theory | {"simulator", "reproduce", "cli"},
        "checker": {"agreement", "comparison", "reproduce", "cli"},
        "quadrature": theory | {"simulator", "nonlinear", "environment", "methods", "adaptation", "plotting"},
        "nonlinear": {"simulator", "finite", "agreement", "plotting", "reproduce", "cli"},
    }
    for path in sorted((ROOT / "landscape").rglob("*.py")):
        room = path.relative_to(ROOT / "landscape").parts[0].removesuffix(".py")
        imported = set(re.findall(r"^ *(?:from|import) landscape\.(\w+)", path.read_text(), re.M))
        imported |= {name for line in re.findall(r"^ *from landscape import (.*)", path.read_text(), re.M)
                     for name in re.split(r", *", line)}  # fmt: skip
        bad = imported & forbidden.get(room, set())
        if room not in ("checker", "commands", "__init__"):
            bad |= imported & {"checker"}  # it is asked by users, never by the theory it judges by
        if not re.search(r"^from landscape import .*plotting", path.read_text(), re.M):
            bad -= {"plotting"}  # Result.plot() imports it inside the function
        assert not bad, f"{path} imports {bad}"


def test_the_ledger_derives_everything_itself():
    """The symbolic module shares nothing with the numeric one but the base of results and checks of arguments."""
    for path in sorted((ROOT / "landscape" / "symbolic").rglob("*.py")):
        imports = re.findall(
            r"^ *(?:from|import) landscape(?:\.(\w+))?(?:.* import (.*))?", path.read_text(), re.M
        )
        rooms = {room for first, rest in imports for room in ([first] if first else re.split(r", *", rest))}
        assert rooms <= {"symbolic", "record", "results", "checks"}, f"{path} imports {rooms}"


def test_arrow_test_can_fail():
    source = "from landscape.closed_form import risk\n"
    assert re.findall(r"^ *(?:from|import) landscape\.(\w+)", source, re.M) == ["closed_form"]

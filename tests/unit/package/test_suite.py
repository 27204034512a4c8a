"""What is written about the tests is so: every room has a folder and a budget, and drawn verdicts state their odds."""

import ast
import re
from pathlib import Path

import pytest
from support import budget

import landscape

TESTS = Path(__file__).parents[2]
ROOMS = sorted(p.name for p in Path(landscape.__file__).parent.iterdir() if (p / "__init__.py").exists())
STATED = ("Seeds", "False alarms", "Seen")


def unstated(text):
    """What of seed, rate of false alarms and smallest error seen a module's docstring lacks."""
    words = ast.get_docstring(ast.parse(text)) or ""
    return {name for name in STATED if not re.search(rf"^{name}: \S", words, re.M)}


@pytest.mark.parametrize(
    "path", sorted((TESTS / "statistical").glob("test_*.py")), ids=lambda path: path.stem
)
def test_drawn_verdicts_state_seed_rate_and_power(path):
    text = path.read_text(encoding="utf-8")
    assert unstated(text) == set()
    for name in STATED:
        assert unstated(text.replace(f"\n{name}:", "\n", 1)) == {name}


def test_every_room_has_tests_and_a_budget():
    rooms = {path.name for path in (TESTS / "unit").iterdir() if any(path.glob("test_*.py"))}
    assert set(ROOMS) - {"data"} <= rooms
    assert rooms | {"statistical"} == set(budget.SECONDS)
    assert sum(budget.SECONDS.values()) + budget.REST <= 360


def test_tests_are_counted_by_their_folder():
    assert budget.room("tests/unit/core/test_records.py") == "core"
    assert budget.room("tests/statistical/test_thin.py") == "statistical"

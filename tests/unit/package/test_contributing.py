"""The recipes of CONTRIBUTING.md, done as they stand in a copy of the package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"```(?:python|text)\n# (\S+)\n(.*?)```", re.S)
TESTS = {
    "adaptation": ["tests/unit/methods/test_registry.py", "-k", "DampedNewton"],
    "method": ["tests/unit/methods/test_registry.py", "-k", "SmallGradients"],
    "claim": ["tests/unit/symbolic/test_symbolic.py", "-k", "L-pooled-share"],
    "examples": ["tests/unit/package/test_docs.py", "-k", "damped_newton or small_gradients or pooled_point"],
}
EXPECTED = {"adaptation": 3, "method": 2, "claim": 3, "examples": 3}


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy package, data and tests, and add the files that CONTRIBUTING.md shows."""
    clone = tmp_path_factory.mktemp("clone")
    for name in ("landscape", "data", "tests"):
        shutil.copytree(
            ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__", "pictures"), symlinks=True
        )
    shutil.copy(ROOT / "pyproject.toml", clone)
    if not (clone / "landscape" / "data").exists():
        (clone / "landscape" / "data").symlink_to(clone / "data")
    blocks = BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(blocks) == 7
    for name, text in blocks:
        with (clone / name).open("a", encoding="utf-8") as file:
            file.write(text)
    return clone


def run(clone: Path, *line: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(clone)}
    return subprocess.run([sys.executable, *line], cwd=clone, env=environment, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", TESTS)
def test_the_tests_named_there_hold_the_new_file(recipe: str, changed: Path) -> None:
    done = run(changed, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS[recipe])
    assert done.returncode == 0, done.stdout[-3000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, done.stdout
    assert int(passed[1]) >= EXPECTED[recipe]


@pytest.mark.slow
def test_a_wrong_form_is_seen(changed: Path) -> None:
    """Planted: the recipe's adaptation with its form 10% off."""
    path = changed / "landscape" / "adaptations" / "damped_newton.py"
    right = path.read_text(encoding="utf-8")
    wrong = right.replace("(1 - self.share) ** 2 * moments", "1.1 * (1 - self.share) ** 2 * moments")
    assert wrong != right
    path.write_text(wrong, encoding="utf-8")
    try:
        done = run(changed, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS["adaptation"])
    finally:
        path.write_text(right, encoding="utf-8")
    assert "test_theory_is_what_drawing_gives" in done.stdout
    assert done.returncode == 1, done.stdout[-3000:]


@pytest.mark.slow
def test_the_figure_is_listed_and_written(changed: Path) -> None:
    listed = run(changed, "-m", "landscape", "reproduce", "--list").stdout
    assert "gain-over-m" in listed
    done = run(changed, "-m", "landscape", "reproduce", "gain-over-m", "--quick")
    assert done.returncode == 0, done.stderr
    assert "[yes] MAML gains more with more samples" in re.sub(r"\s+", " ", done.stdout).replace(
        "[ yes", "[yes"
    )
    assert {path.name for path in (changed / "out").iterdir()} == {"gain-over-m.csv", "gain-over-m.png"}


@pytest.mark.slow
def test_the_new_files_keep_style_and_arrows(changed: Path) -> None:
    pytest.importorskip("ruff", reason="extra test is not installed")
    pytest.importorskip("importlinter", reason="extra test is not installed")
    files = [
        name
        for name, _ in BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
        if name.endswith(".py") and "__init__" not in name
    ]
    for check in (["check"], ["format", "--check"]):
        done = run(changed, "-m", "ruff", *check, *files)
        assert done.returncode == 0, done.stdout
    arrows = "from importlinter.cli import lint_imports_command as run; run()"
    done = run(changed, "-c", arrows, "--no-cache")
    assert done.returncode == 0, done.stdout

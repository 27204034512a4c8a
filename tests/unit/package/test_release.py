"""What a release needs agrees with itself: versions, lowest versions, the changelog's form, the picture of the imports."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

import landscape as ls

ROOT = Path(__file__).parents[3]
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_citation_names_this_version() -> None:
    assert f"\nversion: {ls.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_changelog_keeps_its_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (.*)$", text, re.M)
    assert versions[0] == "[Unreleased]" or ls.__version__ in versions[0]
    assert all(re.fullmatch(r"\[(Unreleased|\d+\.\d+\.\d+)\]( - \d{4}-\d{2}-\d{2})?", v) for v in versions), (
        versions
    )
    assert set(re.findall(r"^### (.*)$", text, re.M)) <= KINDS


def test_every_requirement_has_a_lower_bound_and_no_upper_one() -> None:
    """The session `floors` of noxfile.py makes its constraints of these."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    texts = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    wanted = {line.strip() for text in texts for line in text.splitlines() if line.strip()}
    for line in wanted - {"task-landscape[fast,distributed,data]"}:
        assert re.fullmatch(r"[\w-]+>=[\d.]+", line), line


def test_pythons_tested_are_those_promised() -> None:
    text = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    promised = re.findall(r"Python :: (3\.\d+)$", text, re.M)
    (tested,) = re.findall(r"^PYTHONS = \[(.*)\]$", (ROOT / "noxfile.py").read_text(encoding="utf-8"), re.M)
    assert promised == re.findall(r"3\.\d+", tested)
    assert f"python_requires = >={promised[0]}\n" in text


def draw(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(root / "docs" / "draw_architecture.py"), *arguments]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True)


def test_the_picture_shows_the_imports(tmp_path: Path) -> None:
    pytest.importorskip("grimp", reason="extra test is not installed")
    done = draw(ROOT, "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    copy = tmp_path / "docs"
    copy.mkdir()
    for name in ("draw_architecture.py", "architecture.md", "architecture.svg"):
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        (copy / name).write_text(
            text.replace("| `linalg` | core |", "| `linalg` | core, tasks |"), encoding="utf-8"
        )
    (tmp_path / "pyproject.toml").write_text(
        (ROOT / "pyproject.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    done = draw(tmp_path, "--check")
    assert done.returncode == 1
    assert "architecture.md is out of date" in done.stdout


def test_numbers_in_the_paper_are_computed() -> None:
    text = (ROOT / "paper.md").read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```python\n(.*?)```", text, re.S))
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(doctest.DocTestParser().get_doctest(blocks, {}, "paper.md", "paper.md", 0))
    done = runner.summarize(verbose=False)
    assert done.failed == 0
    assert done.attempted > 15
    cited = set(re.findall(r"@(\w+)", text))
    assert cited == set(re.findall(r"^@\w+\{(\w+),", (ROOT / "paper.bib").read_text(encoding="utf-8"), re.M))

"""The type check can fail: a wrong type planted in any room is found."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import landscape

pytest.importorskip("mypy")
ROOT = Path(landscape.__file__).parent
PLANTED = '\n\ndef planted_by_a_test() -> int:\n    nonsense: int = "text"\n    return nonsense\n'


@pytest.mark.slow
def test_a_wrong_type_in_any_module_is_an_error(tmp_path: Path) -> None:
    copy = tmp_path / "landscape"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("__pycache__", "data"))
    shutil.copy(ROOT.parent / "pyproject.toml", tmp_path)
    modules = [file for file in copy.rglob("*.py") if file.name != "__init__.py"]
    for file in modules:
        file.write_text(file.read_text() + PLANTED)
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--cache-dir", str(tmp_path / "cache")]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    for file in modules:
        assert f"{file.relative_to(tmp_path)}:" in found, f"mypy does not look into {file.name}"

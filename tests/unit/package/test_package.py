"""What is shipped is whole: the wheel, made from the source distribution, works outside the clone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("build")
ROOT = Path(__file__).parents[3]
USE = """
import importlib, importlib.resources, pathlib, pkgutil, sys
import landscape
assert pathlib.Path(landscape.__file__).is_relative_to(sys.argv[1]), landscape.__file__
names = [m.name for m in pkgutil.walk_packages(landscape.__path__, "landscape.") if "recipes" not in m.name]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
data = {f.name for f in importlib.resources.files("landscape.data").iterdir()}
assert {"diabetes.csv", "grunfeld.csv", "printed_numbers.csv", "verdicts.csv"} <= data, data
assert importlib.resources.files("landscape").joinpath("py.typed").is_file()
pages = importlib.resources.files("landscape.plotting")
assert all(pages.joinpath(name).is_file() for name in ("explorable.html", "explore.html"))
print(len(names), "modules")
"""


@pytest.mark.slow
def test_wheel_from_sdist_works_outside_the_clone(tmp_path: Path) -> None:
    if not (ROOT / "setup.py").exists():
        pytest.skip("runs in a clone")
    quiet = {"capture_output": True, "text": True, "check": True}
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(tmp_path), str(ROOT)], **quiet)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, **quiet)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PYTHONPATH": str(site)}
    used = subprocess.run([sys.executable, "-c", USE, str(site)], cwd=tmp_path, env=environment, **quiet)
    files = len(list((ROOT / "landscape").rglob("*.py")))
    assert int(used.stdout.split()[0]) > 0.9 * files
    command = [sys.executable, "-m", "landscape", "reproduce", "--list"]
    listed = subprocess.run(command, cwd=tmp_path, env=environment, **quiet).stdout
    assert "fig3" in listed

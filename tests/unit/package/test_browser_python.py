"""A browser's Python has no compiler and no processes: the package does without them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[3] / "README.md"

HIDDEN = (
    "numba",
    "llvmlite",
    "fcntl",
    "msvcrt",
    "multiprocessing",
    "_multiprocessing",
    "concurrent.futures.process",
)

HIDE = f"""
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if any(name == hidden or name.startswith(hidden + ".") for hidden in {HIDDEN!r}):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
for name in {HIDDEN!r}:
    try:
        __import__(name)
    except ImportError:
        continue
    raise AssertionError(f"{{name}} is not hidden")
"""

SWEEP = """
given = ls.TwoTasks(d=2), ls.NAL(), 0.5, ls.Training(50, 5, 4)
swept = ls.sweep(*given, over={"rho_hard": [0.1, 0.5]}, repeats=2, tasks=5, workers=4, file=sys.argv[1], progress=False)
assert len(swept.to_frame()) == 2 * 2, swept.to_frame()
simulated = ls.simulate(*given, repeats=3, tasks=5, rng=0, progress=False)
assert len(simulated.to_frame()) == 3, simulated.to_frame()
assert not set(sys.modules) & {"numba", "fcntl", "multiprocessing"}
"""


def ten_lines() -> tuple[str, str]:
    """The code of README's section "Ten lines", and what it says that it prints."""
    block = re.search(r"## Ten lines\n.*?```python\n(.*?)```", README.read_text(), re.S).group(1)
    code = [line[4:] for line in block.splitlines() if line.startswith((">>> ", "... "))]
    printed = [
        line.rstrip() for line in block.splitlines() if line.strip() and not line.startswith((">>> ", "... "))
    ]
    return "\n".join(code), "\n".join(printed)


def test_ten_lines_a_sweep_and_a_simulation_run_there(tmp_path: Path) -> None:
    code, printed = ten_lines()
    script = tmp_path / "script.py"
    script.write_text(HIDE + code + SWEEP)
    run = [sys.executable, str(script), str(tmp_path / "cells.db")]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\n".join(line.rstrip() for line in done.stdout.splitlines()) == printed
    assert b"NAL" in (tmp_path / "cells.db").read_bytes()

"""Learn which fast test executes which line of the package, once; `run.py` reads it.

`python tests/mutation/which_tests.py [FILE ...]` runs the tests of each file under coverage in a process of its own and
keeps what it learned in `.mutation/`, one file for a test file. A second call runs what is missing there.
It needs `coverage` (the extra `mutation`).
"""

import os
import pickle
import signal
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".mutation"
ROOMS = ("linalg", "tasks", "adaptations", "methods", "closed_form", "simulator", "analysis")

# The tests of the rooms mutated, and those of all rooms; of the latter not those of style and documents.
ASKED = [*(f"unit/{room}" for room in (*ROOMS, "core", "package")), "unit/diagnosis/test_diagnose.py"]
ASKED += ["unit/symbolic/test_symbolic_agrees.py", "statistical"]
NOT_ASKED = [
    *(
        "browser_python",
        "contributing",
        "independence",
        "lessons",
        "notebooks",
        "package",
        "release",
        "types",
    ),
    *("symbolic_simulated", "check_optimum"),
]
LONGEST = 2.0  # seconds of processor time: a test that takes longer is not asked
NOT_COUNTED = ("says_how", "arrows")  # tests of documents and of imports, by words of their names


class Lines:
    """A plugin of pytest that notes each test's seconds, outcome and executed lines."""

    def __init__(self, coverage):
        self.coverage, self.seconds, self.failed = coverage, {}, set()

    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if not any(word in item.nodeid for word in NOT_COUNTED)]

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item):
        self.coverage.switch_context(item.nodeid)
        start = time.process_time()
        signal.signal(signal.SIGPROF, lambda *_: pytest.fail("takes too long to be asked"))
        signal.setitimer(signal.ITIMER_PROF, LONGEST)
        yield
        signal.setitimer(signal.ITIMER_PROF, 0)
        self.seconds[item.nodeid] = time.process_time() - start
        self.coverage.switch_context("")

    def pytest_runtest_logreport(self, report):
        if not report.passed:
            self.failed.add(report.nodeid)

    def learned(self):
        """Return test: (seconds, {file: lines}) of the tests that passed."""
        data, found = self.coverage.get_data(), {}
        for test in self.seconds.keys() - self.failed:
            data.set_query_context(test)
            lines = {str(Path(f).relative_to(ROOT)): data.lines(f) or [] for f in data.measured_files()}
            found[test] = self.seconds[test], {file: frozenset(seen) for file, seen in lines.items() if seen}
        return found


def warm_up():
    """Import what every child needs, so that a forked one begins at once."""
    import importlib
    import pkgutil

    import landscape

    os.chdir(ROOT)
    for module in pkgutil.walk_packages(landscape.__path__, "landscape."):
        if "__main__" not in module.name and "papers" not in module.name:
            importlib.import_module(module.name)


def cached(file):
    """Return where what is known of a test file is kept."""
    return CACHE / (str(Path(file).relative_to("tests")).replace("/", "-") + ".pickle")


def asked(files):
    """Return the test files that may kill a mutant, of those given or of all."""
    if files:
        return files
    every = sorted(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py"))
    asked = [str(path) for path in every if path.stem.removeprefix("test_") not in NOT_ASKED]
    return [path for place in ASKED for path in asked if path.startswith(f"tests/{place}")]


def learn(file):
    """Run one file's tests under coverage in a child, and keep what it executes."""
    if child := os.fork():
        os.waitpid(child, 0)
        return
    import coverage

    measured = coverage.Coverage(data_file=None, include=[f"{ROOT}/landscape/{room}/*" for room in ROOMS])
    plugin = Lines(measured)
    measured.start()
    pytest.main(["-q", "--tb=line", "-p", "no:randomly", "-p", "no:cacheprovider", file], plugins=[plugin])
    measured.stop()
    cached(file).write_bytes(pickle.dumps(plugin.learned()))
    os._exit(0)


def known(files=()):
    """Return test: (seconds, {file: lines}) of all files learned."""
    found = {}
    for path in sorted(CACHE.glob("*.pickle")):
        found |= pickle.loads(path.read_bytes())
    return found


if __name__ == "__main__":
    CACHE.mkdir(exist_ok=True)
    warm_up()
    for name in asked(sys.argv[1:]):
        if not cached(name).exists():
            learn(name)

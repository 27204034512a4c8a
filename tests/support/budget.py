"""CPU seconds that the fast tests of a room may take, and how many they take: `pytest -n auto --budget`.

Seconds are of all processes together (workers, and programs that tests start), on two cores of 2024, and the sum stays below
360. Nothing fails where a room takes more: a machine may be slow or busy. Whoever adds a test that is dear makes another cheaper, or
marks it `slow`.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import PurePath
from typing import Any

import pytest

SECONDS = {
    "core": 4, "linalg": 8, "tasks": 5, "adaptations": 14, "methods": 16, "closed_form": 38, "simulator": 12, "analysis": 28,
    "diagnosis": 28, "checker": 14, "nonlinear": 20, "plotting": 5, "papers": 11, "symbolic": 22, "cli": 14, "package": 26,
    "statistical": 60,
}  # fmt: skip
REST = 35
"""What importing, collecting and the workers themselves may take."""
SHOWN = 60


def room(path: str) -> str:
    """Name the room that a test file belongs to: the folder in which it lies."""
    parts = PurePath(path).parts
    return parts[parts.index("tests") + 1 : -1][-1] if "tests" in parts[:-2] else "other"


def used() -> float:
    """Count CPU seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


class Budget:
    """Adds up the seconds of all workers, and prints them by room and by test."""

    def __init__(self, config: pytest.Config) -> None:
        self.output: dict[str, Any] | None = getattr(config, "workeroutput", None)  # of a worker of xdist
        self.begun = used() if self.output is None else 0.0
        self.tests: Counter[str] = Counter()
        self.whole = 0.0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        before = used()
        done = yield
        self.tests[item.nodeid] += used() - before
        return done

    def pytest_sessionfinish(self) -> None:
        if self.output is not None:
            self.output["seconds"] = dict(self.tests), used()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        tests, whole = getattr(node, "workeroutput", {}).get("seconds", ({}, 0.0))
        self.tests.update(tests)
        self.whole += whole

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        rooms: Counter[str] = Counter()
        for name, seconds in self.tests.items():
            rooms[room(name.split("::")[0])] += seconds
        whole = max(
            self.whole, used()
        )  # xdist's workers are children of this process, and may have ended or not
        terminalreporter.section("CPU seconds by room, and what they may take")
        for name in sorted({*rooms, *SECONDS}):
            terminalreporter.write_line(f"{name:14}{rooms[name]:8.1f}{SECONDS.get(name, 0):8}")
        terminalreporter.write_line(f"{'imports, rest':14}{whole - sum(rooms.values()):8.1f}{REST:8}")
        terminalreporter.write_line(f"{'together':14}{whole:8.1f}{sum(SECONDS.values()) + REST:8}")
        terminalreporter.section("the dearest tests")
        for name, seconds in self.tests.most_common(SHOWN):
            terminalreporter.write_line(f"{seconds:8.2f}  {name}")

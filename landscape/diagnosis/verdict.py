"""A diagnosis in words: what to do, what meta-learning adds, how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from landscape.diagnosis.learners import LEARNERS
from landscape.tasks import DataTask, Environment
from landscape.tasks.tables.from_data import TabularEnvironment

if TYPE_CHECKING:
    from landscape.diagnosis.diagnosis import Diagnosis, Line

PARTS = 3
"""How many numbers of shots are spoken of: the first, the last, and the one between where advice changes."""
WORDS, NAME_WORDS = 90, 4
"""How many words a verdict has at most, and a task's name in it."""
FEWEST = 20
"""Tasks from which 95% intervals held the truth in 92 to 99% of tables in all designs that were tried; with 12 of ten rows each in
87 to 94%, with 6 to 10 tasks in 82 to 98% (tests/benchmarks/test_interval_coverage.py)."""
ROUNDING = 1e-12
"""By which targets may lie above 0 for no other reason, in their standard deviations."""


def percent(x: float) -> str:
    """Write a share in per cent, with a decimal where it is small."""
    text = f"{100 * x:.0f}" if abs(x) >= 0.0995 else f"{100 * x:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def sentences(diagnosis: Diagnosis) -> list[str]:
    """Write the verdict in three sentences of at most 90 words together: the fewer details, the more advice changes."""
    second = _what_meta_learning_adds(diagnosis)
    for parts, in_full in ((PARTS, True), (PARTS, False), (2, False), (1, False)):
        said = [_what_to_do(diagnosis, parts), second, _how_sure(diagnosis, in_full)]
        if len(" ".join(said).split()) <= WORDS:
            break
    return said


def _what_to_do(diagnosis: Diagnosis, most: int = PARTS) -> str:
    """The advice for each number of shots, and what it brings at the most of them; for the most shots alone if asked for one part."""
    lines = [diagnosis.advised(m) for m in diagnosis.shots][-1 if most == 1 else 0 :]
    parts = []
    for name, group in groupby(lines, key=lambda line: line.name):
        parts.append(f"{_shots([line.shots for line in group])} {LEARNERS[name].advice}")
    shown = parts
    if len(parts) > most:
        shown = [parts[0], *parts[len(parts) // 2 :][: most - 2], parts[-1]]
    text = "; ".join(shown)
    helping = [line for line in lines if line.name != "not adapted"]
    if helping:
        last = helping[-1]
        where = "" if len(lines) == 1 else f" at {last.shots}"
        low, high = percent(last.unadapted.low), percent(last.unadapted.high)
        cut = percent(last.unadapted.value)
        text += f": that cuts the loss of not adapting by {cut}% (95%: {low} to {high}%){where}"
    return text[0].upper() + text[1:] + "."


def _what_meta_learning_adds(diagnosis: Diagnosis) -> str:
    """How much of what can be cut MAML realises, and what to do with gradient steps only."""
    m = diagnosis.shots[-1]
    lines = {line.name: line for line in diagnosis.lines if line.shots == m}
    best, free, steps = diagnosis.best(m), diagnosis.advised(m, None), diagnosis.advised(m, "gradient")
    possible = 1 - best.loss / lines["pooled (1 step)"].loss if lines["pooled (1 step)"].loss > 0 else 0.0
    meta = [line for line in lines.values() if LEARNERS[line.name].is_meta]
    if possible < diagnosis.worth or not meta:
        return f"Meta-learning adds nothing to that at {_plain(m)}."
    top = lines["MAML"] if "MAML" in lines else min(meta, key=lambda line: line.loss)
    said = f"At {_plain(m)} {top.name} realises {percent(max(top.share, 0))}% of the cut that is possible beyond a pooled gradient step"
    if diagnosis.only == "gradient":
        if free.name == steps.name:
            return said + "."
        return f"{said}; free to choose, {LEARNERS[free.name].advice} ({percent(max(free.share, 0))}%)."
    if steps.name == free.name:
        return said + "."
    return f"{said}; if you can only take gradient steps, {LEARNERS[steps.name].advice} ({percent(max(steps.share, 0))}%)."


def _how_sure(diagnosis: Diagnosis, in_full: bool = True) -> str:
    """Whether the interval can be trusted, and what would make it surer."""
    line = carried_line(diagnosis)
    T = len(diagnosis.environment.families)
    if line.carriers:
        first, *others = (repr(_short(name)) for name in line.carriers)
        if not others:
            named, cure = f"one task, {first}, carries", "look at it, leave it out, or collect more like it"
        else:
            named = f"{len(line.carriers)} tasks, {', '.join([first, *others[:-1]]) if in_full else first + ' the first'}"
            named += f" and {others[-1]}, carry" if in_full else ", carry"
            either = (
                "take logarithms of the target" if _is_positive(diagnosis.environment) else "look at them"
            )
            cure = f"{either}, or collect more tasks like them"
        where = "" if line.shots == diagnosis.shots[-1] else f" at {_plain(line.shots)}"
        return f"No interval can be trusted: {named} {percent(line.carried)}% of the loss{where}; {cure}."
    if diagnosis.geography.is_steep:
        found = diagnosis.geography
        said = f"One task, {_short(found.steepest)!r}, descends {found.steepness:.2g} times as fast as three quarters of the others: "
        if not in_full:
            return said + "gradient steps' intervals cannot be trusted."
        return said + "on a steeper one gradient steps may fail, and their intervals cannot be trusted."
    if line.name == "not adapted":
        return f"That rests on {T} tasks{'; more would show smaller gains' * in_full}."
    cut = line.unadapted
    if cut.low > 0:
        if T < FEWEST:
            return f"With {T} tasks that is not sure: intervals from fewer than {FEWEST} are too narrow."
        more = "; four times as many would halve the interval" if in_full else ""
        return f"These {T} tasks are enough to be sure that it helps{more}."
    wanted = T * ((cut.value - cut.low) / cut.value) ** 2 if cut.value > 0 else np.inf
    if wanted > 20 * T:
        return f"These {T} tasks do not show that it helps."
    return f"These {T} tasks are too few to be sure that it helps: about {_round(max(wanted, FEWEST))} would be needed."


def carried_line(diagnosis: Diagnosis) -> Line:
    """Find the advised line of the most shots at which few tasks carry the loss; that of the most shots where they never do."""
    lines = [diagnosis.advised(m) for m in diagnosis.shots]
    return next((line for line in reversed(lines) if line.carriers), lines[-1])


def _is_positive(environment: Environment) -> bool:
    """Whether all targets are, in the units of the table."""
    known = environment.preprocessing if isinstance(environment, TabularEnvironment) else None
    zero = -known.target_centre / known.target_scale if known is not None else 0.0
    targets = [one.y for one in environment.families if isinstance(one, DataTask)]
    return bool(targets) and all(y.min() > zero + ROUNDING for y in targets)


def _short(name: str) -> str:
    words = name.split(" ")
    return name if len(words) <= NAME_WORDS else " ".join(words[:NAME_WORDS]) + "..."


def _round(count: float) -> str:
    return f"{round(count, 1 - int(np.floor(np.log10(count)))):,.0f}"


def _plain(m: int) -> str:
    return f"{m} shot{'s' * (m > 1)}"


def _shots(counts: Sequence[int]) -> str:
    if len(counts) == 1:
        return f"at {_plain(counts[0])}"
    if len(counts) == 2:
        return f"at {counts[0]} and {_plain(counts[1])}"
    return f"at {counts[0]} to {_plain(counts[-1])}"

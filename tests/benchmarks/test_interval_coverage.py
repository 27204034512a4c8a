"""Do intervals cover the cut of the very solutions trained, on new tasks? Designs that can be trusted, and such that cannot.

`pytest tests/benchmarks/test_interval_coverage.py -m slow` runs 200 tables a design: some ten minutes.
"""

import numpy as np
import pytest

import landscape as ls
from landscape.diagnosis.episodes import draw_episodes
from landscape.diagnosis.held_out import judge
from landscape.diagnosis.task_sums import task_sums

TABLES, NEW = 200, 3000
PAIRS = (("mixed model", "not adapted"), ("MAML", "pooled (1 step)"), ("ridge", "pooled (1 step)"))


def equal(rng):
    return 0.5, np.ones(3), 0.3


def hard_and_easy(rng):
    hard = rng.random() < 0.5
    return (0.1 if hard else 0.9), rng.normal(2.0 if hard else 0.0, 0.5, size=2), 0.1


def many_features(rng):
    hard = rng.random() < 0.4
    return (0.2 if hard else 0.8), rng.normal(1.0 if hard else 0.0, 0.4, size=10), 0.3


def small_tasks(rng):
    X = rng.normal(size=(10, 2))
    return X, X @ rng.normal(size=2) + 0.5 * rng.normal(size=10)


def heavy_rates(rng):
    return 0.3 * np.exp(rng.normal()), rng.normal(size=2), 0.3


DESIGNS = {
    "equal tasks": (equal, 30, 5, True),
    "hard and easy": (hard_and_easy, 40, 5, True),
    "few tasks": (hard_and_easy, 12, 20, True),
    "many features": (many_features, 30, 20, True),
    "small tasks": (small_tasks, 40, 4, True),
    "heavy-tailed rates": (heavy_rates, 30, 5, False),
}
"""Sampler, tasks, shots, and whether intervals are to be trusted."""


def tasks_of(draw, T, rng):
    made = [draw(rng) for _ in range(T)]
    return ls.Mixture([
        ls.DataTask(f"{i}", *one) if len(one) == 2 else ls.TaskFamily(f"{i}", one[0], one[1], noise=one[2]) for i, one in enumerate(made)
    ])  # fmt: skip


def coverage(name, tables=TABLES):
    """The share of tables that are trusted, and of these the shares in which each pair's interval holds the truth."""
    draw, T, m, _ = DESIGNS[name]
    rng = np.random.default_rng(99)
    new = task_sums([task.expanded() for task in tasks_of(draw, NEW, rng).tasks()])
    episodes = draw_episodes(new, m, rng)
    held, trusted = [], 0
    for table in range(tables):
        environment = tasks_of(draw, T, np.random.default_rng([7, table]))
        diagnosis = ls.diagnose(environment, [m], methods=["mixed model", "MAML", "ridge"], progress=False)
        lines = {line.name: line for line in diagnosis.lines}
        if diagnosis.geography.is_steep or lines["mixed model"].task is not None:
            continue
        trusted += 1
        true = {one: judge(diagnosis.trained(one), new, episodes).mean() for one in lines}
        cuts = [lines[own].unadapted if other == "not adapted" else lines[own].pooled for own, other in PAIRS]
        held.append([
            cut.low - 1e-9 <= 1 - true[own] / true[other] <= cut.high + 1e-9 for cut, (own, other) in zip(cuts, PAIRS, strict=True)
        ])  # fmt: skip
    shares = np.mean(held, axis=0) if held else np.full(len(PAIRS), np.nan)
    print(
        f"{name:20s} trusted {trusted / tables:.2f}, covered "
        + ", ".join(f"{own} {x:.3f}" for (own, _), x in zip(PAIRS, shares, strict=True))
    )
    return trusted / tables, shares


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_intervals_cover_or_are_not_trusted(name):
    """Nominal 95%; with 200 tables 1.5 points are one standard error. Tasks of 10 rows look steep by chance in a tenth."""
    trusted, shares = coverage(name)
    if DESIGNS[name][3]:
        assert trusted > 0.85
        assert (shares > 0.87).all()
        assert shares.mean() > 0.9
    else:
        assert trusted < 0.1

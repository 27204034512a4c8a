"""Advice is judged by what it loses on new tasks, and by what it costs: ours, and that of advisers who always say the same."""

from functools import cache

import numpy as np
import pytest
from support.judging import Judged, World, judged, random_world

import landscape as ls
from landscape.diagnosis.learners import LEARNERS


def same(scale, centre, spread, noise, d):
    """Laws of tasks of one kind."""
    scale, centre, spread = (np.broadcast_to(value, (d,)) for value in (scale, centre, spread))
    return lambda rng, n: (
        np.tile(scale, (n, 1)),
        centre + spread * rng.normal(size=(n, d)),
        np.full(n, noise),
    )


def hard_and_easy(rng, n):
    """Lay tasks out as Collins et al. do: curvatures 0.1 and 0.9, hard ones packed together, far from the easy ones."""
    hard = (rng.random(n) < 0.5)[:, None]
    scales = np.tile(np.sqrt(np.where(hard, 0.1, 0.9)), (1, 4))
    return scales, np.where(hard, 2.0, 0.0) + 0.5 * rng.normal(size=(n, 4)), np.full(n, 0.1)


WORLDS = {
    "equal tasks": World(same(0.7, [1.0, 2.0, 3.0], 0.0, 0.3, 3), 40, 5),
    "unrelated tasks, many shots": World(same([1.0, 0.5, 0.3], 0.0, 3.0, 0.3, 3), 40, 30),
    "related tasks, few shots": World(same(0.7, 1.0, [2.0, 0.0, 0.0], 1.0, 3), 60, 2),
    "few tasks, many features": World(same(1.0, 1.0, 0.5, 0.5, 10), 15, 12),
    "hard and easy, gradient steps only": World(hard_and_easy, 80, 100, only="gradient"),
}
RIGHT = {
    "equal tasks": {"not adapted"}, "unrelated tasks, many shots": {"own shots"}, "related tasks, few shots": {"mixed model"},
    "few tasks, many features": {"ridge"}, "hard and easy, gradient steps only": {"FO-MAML (5 steps)", "MAML", "MAML (5 steps)"},
}  # fmt: skip


@cache
def judged_world(name: str) -> Judged:
    return judged(WORLDS[name], 0, 2000)


def faults(adviser) -> dict[str, str]:
    """What is wrong with an adviser, by the world; an adviser takes a diagnosis and names a row."""
    found = {
        name: judged_world(name).fault(adviser(judged_world(name).diagnosis, world))
        for name, world in WORLDS.items()
    }
    return {name: fault for name, fault in found.items() if fault is not None}


def test_our_advice_loses_and_costs_no_more_than_it_must():
    assert faults(lambda diagnosis, world: diagnosis.advised(world.shots).name) == {}
    for name, world in WORLDS.items():
        assert judged_world(name).diagnosis.advised(world.shots).name in RIGHT[name]


def test_an_adviser_that_always_says_the_same_fails():
    """By its losses, not only by its costs: each is more than 5% over the best somewhere, the mixed model where tasks are few."""
    for always in (name for name, one in LEARNERS.items() if one.is_default):
        assert faults(lambda diagnosis, world, always=always: always), always
        free = [name for name, world in WORLDS.items() if world.only is None]
        assert max(judged_world(name).excess(always) for name in free) > 0.05, always
    assert judged_world("few tasks, many features").excess("mixed model") > 0.1
    assert (
        judged_world("equal tasks").fault("mixed model")
        == "mixed model costs more than not adapted, which is as good"
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_advice_is_within_two_per_cent_of_the_best_on_random_landscapes(seed):
    """Twelve of the fifty of tests/benchmarks/test_advice_on_random_landscapes.py, which see; half of them skewed."""
    world = random_world(seed, tasks=2000)
    found = judged(world, seed, 20_000)
    assert found.excess(found.diagnosis.advised(world.shots).name) < 0.02


@pytest.mark.slow
def test_forty_tasks_of_forty_rows_are_enough_where_they_are():
    """Hard and easy tasks, d = 2, 5 shots: the half width was 0.108 where 1.96 errors are 0.073, and no table was enough."""
    widths, sure = [], 0
    for seed in range(12):
        rng, tasks = np.random.default_rng([8, seed]), []
        for i in range(40):
            hard = rng.random() < 0.5
            X = np.sqrt(0.1 if hard else 0.9) * rng.normal(size=(40, 2))
            w = rng.normal(2.0 if hard else 0.0, 0.5, size=2)
            tasks.append(ls.DataTask(f"{i}", X, X @ w + np.sqrt(0.1) * rng.normal(size=40)))
        diagnosis = ls.diagnose(ls.Mixture(tasks), [5], methods="MAML", progress=False)
        cut = next(line.pooled for line in diagnosis.lines if line.name == "MAML")
        widths.append((cut.high - cut.low) / 2)
        sure += "These 40 tasks are enough to be sure that it helps" in diagnosis.verdict
    assert 0.073 < np.median(widths) < 0.095
    assert sure >= 11


@pytest.mark.parametrize(
    ("tasks", "said"), [(19, "fewer than 20 are too narrow"), (20, "are enough to be sure")]
)
def test_few_tasks_are_never_sure(tasks, said):
    """Tasks with solutions of their own, of many rows: adapting helps in each, but intervals of so few hold too little."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(tasks, 40, 2))
    y = np.matvec(X, rng.normal(size=(tasks, 2)))
    world = ls.Mixture(
        [ls.DataTask(f"{i}", *one) for i, one in enumerate(zip(X, y + rng.normal(size=y.shape), strict=True))]
    )
    assert said in ls.diagnose(world, [10], methods="ridge", progress=False).verdict

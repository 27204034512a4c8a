"""Do intervals cover the cut of the very solutions trained, on new tasks? Designs that can be trusted, and such that cannot.

`pytest tests/benchmarks/test_interval_coverage.py -m slow` runs 200 tables of each of 7 designs: seven minutes.
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
    X = rng.normal(size=(30, 3))
    return X, X @ np.ones(3) + 0.5 * rng.normal(size=30)


def hard_and_easy(rng):
    hard = rng.random() < 0.5
    return (0.1 if hard else 0.9), rng.normal(2.0 if hard else 0.0, 0.5, size=2), 0.1


def rows_of_hard_and_easy(rng):
    rate, optimum, noise = hard_and_easy(rng)
    X = np.sqrt(rate) * rng.normal(size=(40, 2))
    return X, X @ optimum + np.sqrt(noise) * rng.normal(size=40)


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
    "hard and easy, rows": (rows_of_hard_and_easy, 40, 5, True),
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
    """Compute the share of tables that are trusted; of these, for each pair, the share whose interval holds the truth, and widths.

    Widths are the median half width over 1.96 root mean squared errors of the predicted cut: 1 where nothing is wasted.
    """
    draw, T, m, _ = DESIGNS[name]
    rng = np.random.default_rng(99)
    new = task_sums([task.expanded() for task in tasks_of(draw, NEW, rng).tasks()])
    episodes = draw_episodes(new, m, rng)
    held, widths, errors, trusted = [], [], [], 0
    for table in range(tables):
        environment = tasks_of(draw, T, np.random.default_rng([7, table]))
        diagnosis = ls.diagnose(environment, [m], methods=["mixed model", "MAML", "ridge"], progress=False)
        lines = {line.name: line for line in diagnosis.lines}
        if diagnosis.geography.is_steep or lines["mixed model"].carriers:
            continue
        trusted += 1
        true = {one: judge(diagnosis.trained(one), new, episodes).mean() for one in lines}
        cuts = [lines[own].unadapted if other == "not adapted" else lines[own].pooled for own, other in PAIRS]
        truth = np.array([1 - true[own] / true[other] for own, other in PAIRS])
        low, high, value = (np.array([getattr(cut, end) for cut in cuts]) for end in ("low", "high", "value"))
        held.append((low - 1e-9 <= truth) & (truth <= high + 1e-9))
        widths.append((high - low) / 2)
        errors.append(value - truth)
    if not held:
        return 0.0, np.full(len(PAIRS), np.nan), np.full(len(PAIRS), np.nan)
    shares = np.mean(held, axis=0)
    wide = np.median(widths, axis=0) / (1.96 * np.sqrt(np.mean(np.square(errors), axis=0)))
    print(
        f"{name:20s} trusted {trusted / tables:.2f}, covered (and width) "
        + ", ".join(f"{own} {x:.3f} ({y:.2f})" for (own, _), x, y in zip(PAIRS, shares, wide, strict=True))
    )
    return trusted / tables, shares, wide


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_intervals_cover_or_are_not_trusted(name):
    """Cover 92 to 98% of the truths, up to one standard error of 200 tables (1.5 points), of tables that are trusted.

    Measured, in per cent, for mixed model, MAML, ridge; and the half width over 1.96 root mean squared errors:

    =================== ======= ================== ================
    design              trusted covered            width
    =================== ======= ================== ================
    equal tasks         100     92.5, 97.5, 94.0   0.78, 0.97, 0.41
    hard and easy       100     92.5, 97.0, 94.5   0.94, 1.04, 0.96
    hard and easy, rows 100     93.5, 97.0, 98.0   0.97, 0.97, 1.11
    few tasks           95      92.6, 97.9, 98.4   0.96, 1.50, 1.10
    many features       100     93.5, 94.0, 96.0   0.93, 1.05, 1.02
    small tasks         89      96.6, 97.2, 92.1   1.07, 0.85, 0.91
    heavy-tailed rates  9       of no use          of no use
    =================== ======= ================== ================

    Of fewer tasks 150 tables each were tried; fewer than 20 are not called sure by a verdict:

    =========== ================ ================ ================ ================ ================
    design      6 tasks          8 tasks          10 tasks         12 tasks         20 tasks
    =========== ================ ================ ================ ================ ================
    few tasks   84.7, 97.1, 94.9 90.0, 96.2, 96.9 93.8, 97.9, 97.9 (above)
    small tasks 82.1, 93.1, 86.2 89.8, 89.8, 85.7 89.7, 91.8, 85.6 86.7, 93.7, 89.5 98.6, 95.7, 92.8
    =========== ================ ================ ================ ================ ================

    Cuts are nearly 0 on equal tasks: half widths of 0.2% of the loss for the mixed model, less than 0.1% for MAML and ridge.
    Of 929 tables of few tasks 96.7% are covered for MAML and 98.4% for ridge. Tasks of 10 rows look steep by chance in a tenth
    of the tables.
    """
    trusted, shares, wide = coverage(name)
    if DESIGNS[name][3]:
        assert trusted > 0.85
        assert (shares > 0.92 - 0.015).all()
        assert (shares < 0.98 + 0.015 + 1e-9).all()
        assert 0.92 < shares.mean() < 0.98
        assert (wide < 1.6).all()
        if name.startswith("hard and easy"):  # once half as wide again as it had to be
            assert (wide < 1.2).all()
    else:
        assert trusted <= 0.1

"""Rows of a comparison: methods, pairs of method and adaptation, and adaptations that need no start."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import landscape as ls
from landscape.adaptations.base import AdaptationCost, loss_form
from landscape.core.parameters import record
from landscape.linalg.quadratic import QuadraticForm
from landscape.tasks.inputs import Moments

TASKS = ls.HardEasy(d=3, noise=0.3)
STEP = ls.GradientSteps(0.5, m=20)
RIDGE = ls.RidgeToStart(0.4)


def total(start: Any, adaptation: Any, env: Any = TASKS) -> float:
    return float(ls.risk(env, start, adaptation).total)


def test_each_row_is_the_risk_of_its_own_start_and_adaptation() -> None:
    mixed = ls.MixedModel.of(TASKS)
    rows = [ls.NAL(), ls.MAML(), (ls.MAML(), RIDGE), (ls.NAL(), 0.3), ls.OwnShots(12), mixed]
    found = ls.compare(TASKS, rows, STEP)
    wanted = {
        "NAL": total(ls.NAL(), STEP),
        "MAML": total(ls.MAML(STEP), STEP),
        "MAML + ridge": total(ls.MAML(RIDGE), RIDGE),
        "NAL + gradient steps": total(ls.NAL(), 0.3),
        "own shots": total(0.0, ls.OwnShots(12)),
        "mixed model": total(ls.PriorMean(), mixed),
    }
    assert {name: float(found.risk(name).total) for name in found.labels} == pytest.approx(wanted, rel=1e-13)
    table = found.to_frame()
    assert list(table["method"]) == list(wanted)
    assert list(table["adaptation"]) == [
        "gradient steps", "gradient steps", "ridge", "gradient steps", "own shots", "mixed model",
    ]  # fmt: skip
    assert list(table["ignores_start"]) == [False] * 4 + [True] * 2
    assert list(table["cut"]) == pytest.approx([1 - x / wanted["NAL"] for x in wanted.values()])
    assert pickle.loads(pickle.dumps(found)) == found


def test_an_adaptation_beside_a_method_may_ignore_its_start_too() -> None:
    found = ls.compare(TASKS, [ls.NAL(), (ls.NAL(), ls.OwnShots(12)), (ls.NAL(), ls.OwnShots(1))], STEP)
    assert found.ignoring_start == ("NAL + OwnShots(12)".replace("NAL", "NAL()"),)
    assert found.cost("NAL() + OwnShots(1)").gradients == 1


def test_m_moves_every_adaptation_and_other_names_the_shared_one() -> None:
    rows = [ls.NAL(), (ls.NAL(), ls.GradientSteps(0.2, m=7)), (ls.MAML(0.3), STEP), ls.OwnShots(30)]
    found = ls.compare(TASKS, rows, STEP, over={"m": [10, 40], "alpha": [0.1, 0.4]})
    _, own, judged, _ = found.labels
    for i, m in enumerate((10, 40)):
        for j, alpha in enumerate((0.1, 0.4)):
            assert found.risk("NAL").total[i, j] == pytest.approx(total(ls.NAL(), ls.GradientSteps(alpha, m)))
            assert found.risk(own).total[i, j] == pytest.approx(total(ls.NAL(), ls.GradientSteps(0.2, m)))
            assert found.risk(judged).total[i, j] == pytest.approx(
                total(ls.MAML(0.3), ls.GradientSteps(0.5, m))
            )
            assert found.risk("own shots").total[i, j] == pytest.approx(total(0.0, ls.OwnShots(m)))


def test_a_row_is_addressed_by_its_name() -> None:
    rows = [ls.NAL(), (ls.NAL(), RIDGE), (ls.MAML(), RIDGE), (ls.FOMAML(0.3), RIDGE)]
    over = {"MAML + ridge.strength": [0.2, 0.9], "FO-MAML + ridge.inner.alpha": [0.1, 0.4]}
    found = ls.compare(TASKS, rows, STEP, over=over)
    for i, g in enumerate((0.2, 0.9)):
        for j, alpha in enumerate((0.1, 0.4)):
            here = {
                "NAL + ridge": total(ls.NAL(), RIDGE),
                "MAML + ridge": total(ls.MAML(), ls.RidgeToStart(g)),
                "FO-MAML + ridge": total(ls.FOMAML(alpha), RIDGE),
            }
            assert {k: float(found.risk(k).total[i, j]) for k in here} == pytest.approx(here)


def test_functions_reach_the_rows_they_are_given_for() -> None:
    rows = [ls.NAL(), (ls.NAL(), RIDGE)]
    found = ls.compare(
        lambda R: ls.HardEasy(d=3, R=R, noise=0.3), rows, lambda a: ls.GradientSteps(a, 20), {"R": [1, 2], "a": [0.1, 0.5]}
    )  # fmt: skip
    env = ls.HardEasy(d=3, R=2, noise=0.3)
    assert found.risk("NAL").total[1, 0] == pytest.approx(total(ls.NAL(), ls.GradientSteps(0.1, 20), env))
    assert found.risk("NAL + ridge").total[1, 0] == pytest.approx(total(ls.NAL(), RIDGE, env))
    assert set(found.to_frame()["adaptation"]) == {"given by a function", "ridge"}


def test_gains_compare_what_noise_costs_alike_and_cuts_compare_all() -> None:
    found = ls.compare(TASKS, [ls.NAL(), ls.MAML(), ls.OwnShots(12)], STEP)
    alone = ls.compare(TASKS, [ls.NAL(), ls.MAML()], STEP)
    assert found.gain("MAML") == alone.gain("MAML")
    assert np.isnan(found.to_frame()["gain"]).tolist() == [False, False, True]
    with pytest.raises(ValueError, match=r"use cut\('own shots'\)"):
        found.gain("own shots")
    assert "own shots cuts 0.909" in found.headline()
    assert "MAML gains" in alone.headline()
    limit = ls.compare(TASKS, [ls.NAL(), (ls.MAML(), ls.RidgeToStart(0.3, m=20))], STEP).headline()
    assert "limit, expected error about" in limit
    silent = ls.compare(ls.HardEasy(d=3, noise=0.0), [ls.NAL(), (ls.MAML(), RIDGE)], STEP)
    wanted = total(ls.NAL(), STEP, ls.HardEasy(d=3, noise=0.0)) / total(
        ls.MAML(), RIDGE, ls.HardEasy(d=3, noise=0.0)
    )
    assert float(silent.gain("MAML + ridge")) == pytest.approx(wanted)


def test_rows_with_an_adaptation_each_need_no_shared_one() -> None:
    found = ls.compare(TASKS, [ls.OwnShots(12), (ls.NAL(), STEP), (ls.MAML(), STEP)])
    assert found.baseline == "NAL + gradient steps"
    assert found.adaptation is None


@pytest.mark.parametrize(
    ("rows", "shared", "over", "message"),
    [
        ([ls.NAL()], None, None, "must be an adaptation"),
        ([ls.OwnShots(2)], 0.5, None, "depends on where it starts"),
        ([ls.OwnShots(20)], 0.5, {"m": [1, 20]}, "depends on where it starts"),
        ([RIDGE], 0.5, None, r"give a pair, for example \(NAL\(\), RidgeToStart"),
        ([(ls.NAL(), "ridge")], 0.5, None, "adaptation of a row"),
        ([(ls.NAL(),)], 0.5, None, "a pair"),
        ([ls.NAL, ls.MAML()], 0.5, None, r"write NAL\(\.\.\.\)"),
        ([], 0.5, None, "at least one"),
        ([ls.NAL(), (ls.NAL(), RIDGE)], 0.5, {"strength": [0.1, 0.2]}, r"NAL \+ ridge.strength"),
        ([ls.NAL(), ls.OwnShots(12)], 0.5, {"alfa": [0.1]}, "did you mean alpha"),
    ],
)
def test_what_is_no_row_is_an_error_that_says_so(rows: Any, shared: Any, over: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        ls.compare(TASKS, rows, shared, over)


def test_own_shots_over_a_grid_of_samples() -> None:
    m = [1.0, 20.0, np.inf]
    found = ls.risk(TASKS, 0.7, ls.OwnShots(5), over={"m": m, "noise": [0.0, 0.3]}).total
    for i, samples in enumerate(m):
        for j, noise in enumerate((0.0, 0.3)):
            env = ls.HardEasy(d=3, noise=noise)
            assert found[i, j] == pytest.approx(total(0.7, ls.OwnShots(samples), env), rel=1e-13)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_where_the_mean_is_infinite_it_says_so_drawn_too(m: int) -> None:
    """E tr (X'X)^-1 does not exist for |m - d| <= 1: any number of draws has a mean, which says nothing."""
    slanted = ls.Mixture([ls.TaskFamily("a", [1.0, 0.2, 0.1], [1.0, 2.0, 3.0], noise=0.3)])
    flat = ls.Mixture(
        [ls.TaskFamily("a", np.diag([1.0, 0.5, 0.2, 0.0]), 1.0, noise=0.3)]
    )  # varies in three directions
    sampled = ls.from_sampler(lambda rng: (np.eye(3), rng.normal(size=3), 0.2), 30, rng=1)
    for env in (TASKS, slanted, flat, sampled):
        for draws in (50,) if env is flat else (None, 50):
            found = ls.risk(env, 0.7, ls.OwnShots(m), draws=draws)
            assert float(found.noise) == float(found.total) == np.inf
            assert np.isfinite(float(found.above_noise))
            assert found.total.standard_error in (None, 0.0)
    grid = ls.risk(slanted, 0.7, ls.OwnShots(m), over={"m": [1, m, 8]}).total
    assert grid[1] == np.inf
    assert [grid[0], grid[2]] == [pytest.approx(total(0.7, ls.OwnShots(n), slanted)) for n in (1, 8)]
    assert np.isinf(ls.family_risks(slanted, 0.7, ls.OwnShots(m))).all()
    with pytest.raises(ValueError, match="is infinite, whatever the start"):
        ls.risk_landscape(slanted, ls.OwnShots(m))
    own = ls.OwnShots(m)
    found = ls.compare(
        TASKS, [ls.NAL(), (ls.NAL(), own), (ls.MAML(STEP), own)], ls.GradientSteps(0.5, m), draws=50
    )
    table = found.to_frame()
    assert table["total"].tolist()[1:] == [np.inf, np.inf]
    assert table["cut"].tolist()[1:] == [-np.inf, -np.inf]
    assert table["share"].tolist()[1:] == [-np.inf, -np.inf]
    assert found.headline().endswith("0 of what can be cut")
    both = ls.compare(TASKS, [(ls.NAL(), own), (ls.MAML(STEP), own)])
    assert both.to_frame()["cut"].tolist() == [0.0, 0.0]


def test_an_infinite_loss_of_tasks_that_never_come_or_without_noise_counts_for_nothing() -> None:
    never = ls.TaskFamily("never", 1.0, 0.0, noise=0.3, probability=0.0, d=3)
    always = ls.TaskFamily("always", 1.0, 1.0, probability=1.0, d=3)
    assert total(0.7, ls.OwnShots(3), ls.Mixture([never, always])) == 0
    assert float(ls.risk(ls.Mixture([never, always]), 0.7, ls.OwnShots(4), draws=50).total) < 1e-15


@pytest.mark.parametrize("m", [2, 3, 4])
def test_near_d_samples_are_harmless_without_noise(m: int) -> None:
    silent = ls.HardEasy(d=3, noise=0.0)
    found = ls.risk(silent, 0.7, ls.OwnShots(m), draws=400).total
    if m >= 3:
        assert float(found) < 1e-15
    else:
        assert float(found) > 0.01
    rows = [(ls.NAL(), ls.OwnShots(8)), ls.NAL()]
    infinite = ls.compare(TASKS, rows, 0.5, over={"m": [1, m, 8, 16]}).risk("NAL + own shots").total.value
    assert np.isinf(infinite).tolist() == [False, True, False, False]
    with pytest.warns(
        ls.LandscapeWarning, match="cannot be trusted"
    ):  # m = d - 2: a finite mean of infinite variance
        assert ls.compare(TASKS, rows, 0.5, over={"m": [1, 8, 16]}, draws=50).grid.shape == (3,)


def test_a_new_adaptation_says_itself_what_rows_ask() -> None:
    """One class: where it starts when nothing says, and whether it is a floor, which no headline praises."""

    @record
    class Prior(ls.Adaptation, register=False):
        has_own_start = True

        def form(self, moments: Moments) -> QuadraticForm:
            return loss_form(moments)

        def adapt(self, W: Any, draw: Any) -> Any:
            raise NotImplementedError

        def cost(self, d: int) -> AdaptationCost:
            return AdaptationCost(0, 0, 0, 0)

    class Oracle(Prior, register=False):
        has_own_start = False
        knows_environment = True

        def ignores_start(self, d: int) -> bool:
            return True

        def form(self, moments: Moments) -> QuadraticForm:
            return QuadraticForm(0 * moments.Sigma, None, moments.noise_variance)

    found = ls.compare(TASKS, [ls.NAL(), Prior(), Oracle()], STEP)
    assert float(found.risk("prior").total) == total(ls.PriorMean(), ls.GradientSteps(0.0, steps=0))
    assert float(found.risk("oracle").above_noise) == 0
    assert found.ignoring_start == ("prior", "oracle")
    assert found.headline().endswith(": NAL cuts 0 (exact) of the loss of NAL")


def test_pictures_show_all_rows() -> None:
    from matplotlib import pyplot as plt

    found = ls.compare(
        TASKS,
        [ls.NAL(), ls.MAML(), (ls.MAML(), ls.GradientSteps(0.2, 9)), ls.OwnShots(9)],
        STEP,
        {"m": [9, 20]},
    )
    ax = found.plot(ax=plt.figure().add_subplot(), y="total")
    drawn = {line.get_label(): line for line in ax.get_lines()}
    assert list(drawn) == found.labels
    assert drawn["MAML"].get_color() == drawn["MAML + gradient steps"].get_color()
    assert drawn["MAML"].get_linestyle() != drawn["MAML + gradient steps"].get_linestyle()
    assert len({line.get_color() for line in ax.get_lines()}) == 3
    assert len(found.plot(ax=plt.figure().add_subplot(), y="gain").get_lines()) == 2
    with pytest.raises(ValueError, match="use cut"):
        ls.compare(TASKS, [ls.NAL(), ls.OwnShots(9)], STEP, {"R": [1, 2], "m": [9, 20]}).heatmap(
            "R", "m", "own shots"
        )

"""What of the best possible a row of a comparison reaches, and the errors of cuts and shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy

import landscape as ls

TASKS = ls.Mixture([
    ls.TaskFamily("a", [0.5, 0.9], [1.0, -1.0], 1.0, 0.3, 0.3), ls.TaskFamily("b", [0.4, 0.2], [0.0, 0.5], 0.2, 0.7, 0.1),
])  # fmt: skip
STEP = ls.GradientSteps(0.7, m=6)
ROWS = [ls.NAL(), ls.MAML(), (ls.MAML(), ls.RidgeToStart(0.2, m=6)), ls.OwnShots(6), ls.BayesEstimator(6)]


def test_shares_are_of_what_the_same_samples_allow() -> None:
    found = ls.compare(TASKS, ROWS, STEP, draws=400, rng=3)
    floor = ls.risk(TASKS, 0.0, ls.BayesEstimator(6), draws=400, rng=3).total
    table = found.to_frame().set_index("method")
    pooled = table["total"]["NAL"]
    assert (table["best_possible"] == float(floor)).all()
    for name in found.labels:
        wanted = (pooled - table["total"][name]) / (pooled - float(floor))
        assert table["share"][name] == pytest.approx(wanted)
        share = found.share(name)
        apart = np.hypot(table["total_error"][name], table["total_error"]["NAL"]) / (pooled - float(floor))
        assert share.standard_error < apart
    assert (table["share"]["NAL"], table["share"]["best possible"]) == (0, 1)
    assert "of what can be cut" in found.headline()
    assert not found.headline().startswith("best possible")


def test_a_generator_serves_all_rows_alike() -> None:
    """One adaptation given twice, shared and as a row's own: the same numbers, and the best on the same draws."""
    rows = [ls.NAL(), (ls.NAL(), STEP), ls.BayesEstimator(6)]
    found = ls.compare(TASKS, rows, STEP, draws=40, rng=np.random.default_rng(7))
    assert found.risk("NAL").total == found.risk("NAL + gradient steps").total
    assert found.best["NAL"].value == found.risk("best possible").total.value


def test_every_sample_that_an_adaptation_takes_counts() -> None:
    """Two fresh batches of 3 are 6 samples, two steps on one batch of 6 too, and no step takes none."""
    six = ls.risk(TASKS, 0.0, ls.BayesEstimator(6), draws=40).total
    for adaptation in (
        ls.GradientSteps(0.5, 3, 2), ls.GradientSteps(0.5, 6, 2, "same"), ls.RidgeToStart(0.3, m=6),
    ):  # fmt: skip
        rows = [(ls.NAL(), ls.GradientSteps(0.5, 6, 0)), (ls.NAL(), adaptation)]
        none, taking = ls.compare(TASKS, rows, draws=40).best.values()
        assert taking == six
    found = ls.compare(TASKS, rows, draws=40)
    assert float(none) == pytest.approx(float(found.risk(found.labels[0]).total))  # pooled training as it is
    assert found.share(found.labels[0]) == 1


def test_each_row_has_the_floor_of_its_own_samples() -> None:
    """The same draws as `BayesEstimator` at that m; no share against a baseline that takes more samples."""
    few, many = (ls.NAL(), ls.OwnShots(6)), (ls.MAML(), ls.RidgeToStart(0.2, m=24))
    rows = [(ls.NAL(), ls.GradientSteps(0.7, 12)), few, many, (ls.MAML(), ls.GradientSteps(0.7))]
    found = ls.compare(TASKS, rows, draws=200, rng=4)
    table = found.to_frame().set_index("method")
    pooled = table["total"].iloc[0]
    for name, m in zip(found.labels, (12, 6, 24, np.inf), strict=True):
        floor = ls.risk(TASKS, 0.0, ls.BayesEstimator(m), draws=200, rng=4).total
        assert table["best_possible"][name] == float(floor)
        if m < 12:
            assert np.isnan(table["share"][name])
            assert np.isnan(table["share_error"][name])
        else:
            wanted = (pooled - table["total"][name]) / (pooled - float(floor))
            assert table["share"][name] == pytest.approx(wanted)
    assert table["share_error"].notna().sum() == 3
    against_all = ls.compare(TASKS, [(ls.NAL(), ls.GradientSteps(0.7)), few], draws=40)
    assert np.isnan(float(against_all.share(against_all.labels[1])))
    said = ls.compare(TASKS, [(ls.NAL(), 1e-9), ls.OwnShots(6)], draws=40).headline()
    assert "own shots cuts" in said
    assert "of what can be cut" not in said
    full_and_few = [(ls.NAL(), ls.GradientSteps(0.7)), (ls.NAL(), ls.GradientSteps(0.7, 6))]
    with pytest.raises(ls.NoClosedForm, match="leave draws=0 out"):
        ls.compare(TASKS, full_and_few, best=True, draws=0)
    unasked = ls.compare(TASKS, full_and_few, best=True)  # only what is not known is drawn
    assert [unasked.best[name].standard_error is None for name in unasked.labels] == [True, False]
    assert list(unasked.to_frame()["how"]) == ["exact", "exact"]
    assert unasked.best[unasked.labels[1]].how.kind == "drawn"


def test_the_best_row_takes_no_more_samples() -> None:
    rows = [(ls.NAL(), ls.GradientSteps(0.7, m)) for m in (6, 24)]
    for draws in (None, 40):
        found = ls.compare(sampled(), rows, draws=draws, best=True)
        totals = found.to_frame()["total"]
        assert totals[1] < totals[0]
        assert list(found.to_frame()["best_row"]) == list(totals)


def test_over_a_grid_each_point_has_its_own() -> None:
    over = {"m": [3, 6, np.inf], "a.noise": [0.3, 0.6]}
    found = ls.compare(TASKS, ROWS[:3], STEP, over, draws=40)
    best = found.best["NAL"]
    assert best.shape == (3, 2)
    one = ls.compare(TASKS, ROWS[:3], STEP, {"a.noise": [0.3, 0.6]}, draws=40)
    np.testing.assert_allclose(best.value[1], one.best["NAL"].value, rtol=1e-13)
    np.testing.assert_allclose(best.value[2], [(0.3 * s + 0.7 * 0.1) / 2 for s in (0.3, 0.6)])
    made = ls.compare(
        lambda s: TASKS, ROWS[:3], lambda m: ls.GradientSteps(0.7, m), {"s": [0.0], "m": [3, 6]}, draws=40
    )
    np.testing.assert_allclose(made.best["NAL"].value[0], best.value[:2, 0], rtol=1e-13)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_no_share_of_nothing_is_a_loss(noise: float) -> None:
    """One full step of size 1/rho solves every task: nothing is left to be saved, and another step loses."""
    env = ls.Mixture([ls.TaskFamily("a", 0.3, [1.0, -1.0], 2.0, noise=noise)])
    steps = (ls.GradientSteps(1 / 0.3), ls.GradientSteps(1 / 0.3, steps=2), ls.GradientSteps(0.4))
    found = ls.compare(env, [(ls.NAL(), step) for step in steps], best=True)
    np.testing.assert_array_equal([float(found.share(name)) for name in found.labels], [1.0, 1.0, np.nan])


def test_it_is_asked_for_and_never_guessed() -> None:
    exact = ls.compare(TASKS, ROWS[:2], STEP)
    assert "share" not in exact.to_frame()
    with pytest.raises(ValueError, match="give compare draws="):
        exact.share("NAL")
    with pytest.raises(ls.NoClosedForm, match="leave draws=0 out"):
        ls.compare(TASKS, ROWS[:2], STEP, best=True, draws=0)
    assert "share" not in ls.compare(TASKS, ROWS[:2], STEP, draws=20, best=False).to_frame()
    with pytest.raises(ValueError, match="replace the symbols"):
        ls.compare(ls.HardEasy(d=2, R=sympy.Symbol("R")), ROWS[:2], STEP, best=True)
    full = ls.compare(TASKS, [ls.NAL(), ls.MAML(), (ls.MAML(), ls.RidgeToStart(0.1))], 0.7, best=True)
    noise = (0.3 * 0.3 + 0.7 * 0.1) / 2
    totals = [float(full.risk(name).total) for name in full.labels]
    wanted = [(totals[0] - total) / (totals[0] - noise) for total in totals]
    assert [float(full.share(name)) for name in full.labels] == pytest.approx(wanted)


def data() -> ls.Mixture:
    rng = np.random.default_rng(0)
    return ls.Mixture([ls.DataTask(f"{i}", rng.normal(size=(9, 2)), rng.normal(i, 1, 9)) for i in range(3)])


def sampled(seed: int = 0, T: int = 60) -> Any:
    return ls.from_sampler(lambda rng: (rng.uniform(0.2, 1, 2), rng.normal(1, 1, 2), 0.3), T, rng=seed)


@pytest.mark.parametrize(
    ("env", "why"), [(data(), "given by its rows alone"), (sampled(), "drawn by a sampler")]
)
def test_where_no_law_is_known_the_best_row_stands_in(env: Any, why: str) -> None:
    rows = [ls.NAL(), ls.MAML(), (ls.NAL(), ls.GradientSteps(0.2, 6))]
    for draws in (None, 40):
        found = ls.compare(env, rows, STEP, {"m": [4, 8]}, draws=draws, best=True)
        table = found.to_frame()
        assert "best_possible" not in table
        assert why in found.headline()
        lowest = table.groupby("m")["total"].min()
        np.testing.assert_allclose(table["best_row"], lowest[table["m"]])
        assert (table.groupby("m")["share"].max() == 1).all()
        assert ("share_error" in table) == (draws is not None or env != data())


class TooWell(ls.BayesEstimator):
    """Planted: the family is known from the start."""

    def excess_given(self, tasks: Any) -> Any:
        parts = [super(TooWell, self).excess_given([task]) for task in tasks]
        return lambda index, X, e, rng: parts[index](0, X, e, rng)


def test_knowing_the_family_would_be_worth_more() -> None:
    """So the posterior of the family is at work: with it the floor lies above by many standard errors."""
    known = ls.risk(TASKS, 0.0, TooWell(1), draws=1000).total
    margin = ls.risk(TASKS, 0.0, ls.BayesEstimator(1), draws=1000).total - known
    assert float(margin) > 5 * margin.standard_error


@pytest.mark.slow
def test_stated_errors_of_shares_are_their_scatter() -> None:
    """60 seeds: the ratio of two standard deviations lies within 30% (3.3 of its own); adaptations take unequal draws."""
    rows = [ls.NAL(), (ls.NAL(), ls.GradientSteps(0.5, 3, 2)), (ls.MAML(), ls.RidgeToStart(0.2, m=6))]
    found: dict[str, list[float]] = {}
    stated: dict[str, list[float]] = {}
    for seed in range(60):
        result = ls.compare(TASKS, rows, STEP, draws=60, rng=seed)
        for name in result.labels[1:]:
            for kind, value in (("cut", result.cut(name)), ("share", result.share(name))):
                found.setdefault(f"{kind} of {name}", []).append(float(value))
                stated.setdefault(f"{kind} of {name}", []).append(value.standard_error)
    for name, values in found.items():
        assert np.mean(stated[name]) == pytest.approx(np.std(values, ddof=1), rel=0.3), name


@pytest.mark.slow
def test_stated_errors_of_cuts_on_drawn_tasks_are_their_scatter() -> None:
    """The same over 60 samples of 60 tasks, between adaptations that differ."""
    rows, values, stated = [ls.NAL(), (ls.MAML(), ls.RidgeToStart(0.2))], [], []
    for seed in range(60):
        result = ls.compare(sampled(seed), rows, 0.7)
        cut = result.cut("MAML + ridge")
        values.append(float(cut))
        stated.append(cut.standard_error)
    assert np.mean(stated) == pytest.approx(np.std(values, ddof=1), rel=0.3)
    apart = [
        result.risk(name).total.standard_error / float(result.risk(name).total) for name in result.labels
    ]
    assert stated[-1] < 0.9 * np.hypot(*apart) * (1 - values[-1])


def test_pictures_show_the_floor() -> None:
    from matplotlib import pyplot as plt

    found = ls.compare(TASKS, ROWS[:4], STEP, {"m": [6, 12]}, draws=40)
    ax = found.plot(ax=plt.figure().add_subplot())
    drawn = {line.get_label(): line.get_ydata() for line in ax.get_lines()}
    assert list(drawn) == [*found.labels, "best possible"]
    np.testing.assert_array_equal(drawn["best possible"], found.best["NAL"].value)
    assert len(found.plot(ax=plt.figure().add_subplot(), y="share").get_lines()) == 4

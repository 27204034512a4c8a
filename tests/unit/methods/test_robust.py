"""Task-robust MAML: duality, the closed form for two tasks, units, what it costs in the mean."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy
from scipy.optimize import minimize
from support import random_worlds as worlds

import landscape as ls
from landscape.linalg.minimax import minimax_weights
from landscape.linalg.operators import isotropic
from landscape.linalg.quadratic import QuadraticForm

ADAPTATION = ls.GradientSteps(0.5, 12)


def duality_gap(env: ls.Environment, adaptation: ls.Adaptation) -> float:
    """The largest family risk less its bound from below, the weighted mean's minimum, as a share of the first."""
    tasks = [task.with_limits() for task in env.tasks()]
    weights = np.array(ls.TRMAML(adaptation).shares(tasks), dtype=float)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1, rel=1e-12)
    risks = np.asarray(ls.family_risks(env, ls.TRMAML(adaptation), adaptation))
    return float((risks.max() - weights @ risks) / risks.max())


@pytest.mark.parametrize("kind", worlds.KINDS)
def test_the_worst_risk_is_the_dual_value(kind: str) -> None:
    """The weighted mean's minimum bounds every worst risk from below: where both meet, nothing is better."""
    for seed in range(12):
        env = worlds.environment(kind, np.random.default_rng(seed))
        assert abs(duality_gap(env, ADAPTATION)) < 1e-9


def two_tasks(
    a: Any, b: Any, floors: tuple[Any, Any], dense: bool = True, D: Any = 3.0
) -> list[QuadraticForm]:
    """Isotropic forms of curvatures a, b in two dimensions, their minimisers a distance D apart."""
    away = np.stack([np.asarray(D, dtype=float), np.zeros(np.shape(D))], axis=-1)
    forms = [
        QuadraticForm(isotropic(np.asarray(k), 2), None, 2 * np.asarray(c), o)
        for k, c, o in zip((a, b), floors, (0 * away, away), strict=True)
    ]
    return [replace(form, A=form.A.dense()) for form in forms] if dense else forms


@pytest.mark.parametrize("dense", [True, False])
def test_two_tasks_in_closed_form(dense: bool) -> None:
    """p_i a_i proportional to sqrt(a_i); the worst risk is a b D^2/(2 (sqrt a + sqrt b)^2)."""
    a, b = 0.3, 2.0
    p = np.array(minimax_weights(two_tasks(a, b, (0.0, 0.0), dense)))
    np.testing.assert_allclose(p[0] * a / (p[1] * b), np.sqrt(a / b), rtol=1e-9)
    env = ls.Mixture([ls.TaskFamily("a", a, [0.0, 0.0]), ls.TaskFamily("b", b, [3.0, 0.0])])
    full = ls.GradientSteps(0.0, steps=0)
    risks = np.asarray(ls.family_risks(env, ls.TRMAML(), full))
    np.testing.assert_allclose(risks, a * b * 9 / (2 * (np.sqrt(a) + np.sqrt(b)) ** 2), rtol=1e-9)
    point = np.asarray(ls.optimum(env, ls.TRMAML(full)))
    np.testing.assert_allclose(point, [3 * np.sqrt(b) / (np.sqrt(a) + np.sqrt(b)), 0.0], rtol=1e-9)


@pytest.mark.parametrize("dense", [True, False])
def test_unequal_floors(dense: bool) -> None:
    """a s^2 D^2/2 + c_1 = b (1-s)^2 D^2/2 + c_2; where c_1 >= c_2 + b D^2/2 the first family takes all weight."""
    a, b, D2 = 0.3, 2.0, 9.0
    c1, c2 = 1.0, 0.4
    p = minimax_weights(two_tasks(a, b, (c1, c2), dense))
    s = p[1] * b / (p[0] * a + p[1] * b)
    assert a * s**2 * D2 / 2 + c1 == pytest.approx(b * (1 - s) ** 2 * D2 / 2 + c2, rel=1e-9)
    assert [float(x) for x in minimax_weights(two_tasks(a, b, (c2 + b * D2 / 2 + 0.1, c2), dense))] == [
        1.0,
        0.0,
    ]


def test_the_closed_form_is_what_the_general_solver_finds() -> None:
    """Isotropic forms kept as one number take the closed form, as matrices the interior-point method."""
    rng = np.random.default_rng(0)
    a, b, c1, c2, D = (
        rng.uniform(low, high, 40) for low, high in ((0.1, 3),) * 2 + ((0, 2),) * 2 + ((0.5, 3),)
    )
    found = minimax_weights(two_tasks(a, b, (c1, c2), False, D))
    np.testing.assert_allclose(found, minimax_weights(two_tasks(a, b, (c1, c2), True, D)), atol=1e-9)
    assert 0 < np.sum(found[0] == 1) < 40, "in some pairs one family is the worst even at its optimum"
    np.testing.assert_allclose(sum(found), 1, rtol=1e-15)
    wrong = minimax_weights(two_tasks(a, b, (c2, c1), False, D))  # planted: floors mixed up
    assert np.abs(wrong[0] - found[0]).max() > 0.1


@pytest.mark.parametrize(("gap", "share"), [(0.3, 1.0), (-0.3, 0.0), (0.0, 0.5)])
def test_two_tasks_at_one_point(gap: float, share: float) -> None:
    p = minimax_weights(two_tasks(0.3, 2.0, (1 + gap, 1.0), False, 0.0))
    np.testing.assert_array_equal(p, [share, 1 - share])


def test_floors_that_all_but_decide_keep_their_digits() -> None:
    """k = -a_1 (1 - e): p_1 is e a_2/(2 a_1) to first order in e, and not rounding."""
    near = 1e-9
    for a, b in ((0.3, 2.0), (2.0, 0.3)):
        p = minimax_weights(two_tasks(a, b, (0.0, a / 2 * (1 - near)), False, 1.0))
        assert float(p[0]) == pytest.approx(near * b / (2 * a), rel=1e-6)


@pytest.mark.slow
def test_a_generic_minimiser_finds_nothing_better() -> None:
    env = worlds.environment("dense", np.random.default_rng(5))

    def worst(w: np.ndarray) -> float:
        return float(np.max(ls.family_risks(env, w, ADAPTATION)))

    best = worst(np.asarray(ls.optimum(env, ls.TRMAML(ADAPTATION))))
    for seed in range(3):
        start = np.random.default_rng(seed).normal(size=3)
        assert (
            minimize(worst, start, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10}).fun
            > best - 1e-8
        )


def test_spread_and_noise_raise_the_floor_only() -> None:
    """A family of scattered optima counts by its mean loss over them."""
    plain = ls.Mixture([ls.TaskFamily("a", 0.5, 0.0, d=2), ls.TaskFamily("b", 0.9, 2.0)])
    wide = ls.Mixture(
        [ls.TaskFamily("a", 0.5, 0.0, spread=0.4, noise=0.3, d=2), ls.TaskFamily("b", 0.9, 2.0)]
    )
    assert float(ls.TRMAML(0.5).shares(wide.tasks())[0]) > float(ls.TRMAML(0.5).shares(plain.tasks())[0])
    assert abs(duality_gap(wide, ls.GradientSteps(0.5))) < 1e-9


@pytest.mark.parametrize("kind", ["diagonal", "dense", "data"])
def test_units_of_columns_and_targets(kind: str) -> None:
    rng = np.random.default_rng(1)
    env, scale = worlds.environment(kind, rng), np.array([1e-6, 1.0, 1e5])
    steps = [ls.PreconditionedSteps(0.3 / s**2, 25) for s in (np.ones(3), scale)]
    wanted = [float(p) for p in ls.TRMAML(steps[0]).shares(env.tasks())]
    found = [float(p) for p in ls.TRMAML(steps[1]).shares(worlds.rescaled(env, scale).tasks())]
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)
    if kind == "data":
        larger = ls.Mixture([ls.DataTask(f.name, f.X, 1e7 * f.y, f.probability) for f in env.families])
        np.testing.assert_allclose(
            [float(p) for p in ls.TRMAML(steps[0]).shares(larger.tasks())], wanted, rtol=1e-6, atol=1e-9
        )


def test_grids_are_their_points() -> None:
    env, R = ls.HardEasy(d=3, noise=0.1), [0.0, 0.5, 2.0]
    for m in (5.0, np.inf):
        swept = ls.family_risks(env, ls.TRMAML(), ls.GradientSteps(0.8, m), over={"R": R})
        assert swept.shape == (3, 2)
        for value, r in zip(swept.value, R, strict=True):
            one = ls.family_risks(ls.HardEasy(d=3, noise=0.1, R=r), ls.TRMAML(), ls.GradientSteps(0.8, m))
            np.testing.assert_allclose(value, one, rtol=1e-9)


def test_the_price_in_the_mean() -> None:
    """MAML is best in the mean, TR-MAML for the worst family; probabilities do not matter to it."""
    env = ls.HardEasy(d=3, p_hard=0.2, noise=0.1)
    table = ls.compare(env, [ls.MAML(), ls.TRMAML()], ADAPTATION)
    assert float(table.risk("TR-MAML").total) > float(table.risk("MAML").total)
    worst = [float(np.max(ls.family_risks(env, m, ADAPTATION))) for m in (ls.MAML(), ls.TRMAML())]
    assert worst[1] < worst[0]
    risks = ls.family_risks(env, ls.MAML(), ADAPTATION)
    assert np.array([0.2, 0.8]) @ risks == pytest.approx(float(table.risk("MAML").total), rel=1e-12)
    other = ls.HardEasy(d=3, p_hard=0.7, noise=0.1)
    np.testing.assert_allclose(
        ls.optimum(env, ls.TRMAML(ADAPTATION)), ls.optimum(other, ls.TRMAML(ADAPTATION)), rtol=1e-9
    )


def test_one_family_alike_families_and_families_left_out() -> None:
    alone = ls.Mixture([ls.TaskFamily("a", 0.5, [1.0, 2.0])])
    np.testing.assert_allclose(ls.optimum(alone, ls.TRMAML(0.5)), [1.0, 2.0])
    twins = ls.Mixture([ls.TaskFamily("a", 0.5, [1.0, 2.0]), ls.TaskFamily("b", 0.5, [1.0, 2.0])])
    np.testing.assert_allclose(ls.optimum(twins, ls.TRMAML(0.5)), [1.0, 2.0], rtol=1e-9)
    never = ls.Mixture(
        [ls.TaskFamily("a", 0.5, [1.0, 2.0], 0.0, 1.0), ls.TaskFamily("b", 0.5, [9.0, 9.0], 0.0, 0.0)]
    )
    np.testing.assert_allclose(ls.optimum(never, ls.TRMAML(0.5)), [1.0, 2.0])


def test_where_risks_are_limits() -> None:
    """The drawn risks of both families are equal at the point found, and the larger one is below that of MAML's."""
    families = [
        ls.TaskFamily("a", np.linspace(0.1, 0.6, 8), 0.0, noise=0.2),
        ls.TaskFamily("b", np.linspace(1.5, 0.5, 8), 1.0, noise=0.1),
    ]
    env, ridge = ls.Mixture(families), ls.RidgeToStart(0.5, 20)
    point = ls.optimum(env, ls.TRMAML(ridge))
    assert "limit, expected error" in str(point.how)
    assert point.how.expected_error.max() < 0.05
    robust, plain = (
        np.array([float(ls.risk(ls.Mixture([f]), w, ridge, draws=4000).total) for f in alone])
        for w, alone in (
            (w, [ls.TaskFamily(f.name, f.covariance, f.centre, noise=f.noise) for f in families])
            for w in (np.asarray(point), np.asarray(ls.optimum(env, ls.MAML(ridge))))
        )
    )
    assert robust[0] == pytest.approx(robust[1], rel=0.02)
    assert plain.max() > 1.05 * robust.max()
    assert abs(duality_gap(env, ridge)) < 1e-9
    assert ls.compare(env, [ls.MAML(), ls.TRMAML()], ridge).risk("TR-MAML").how.kind == "limit"
    assert np.asarray(ls.optimum(env, ls.TRMAML(ls.MixedModel.of(env, 20)))).shape == (8,)


@pytest.mark.parametrize(
    "inner", [ls.OwnShots(8), ls.MixedModel(np.ones(2), 0.3), ls.BayesEstimator(6), ls.BayesEstimator()], ids=repr
)  # fmt: skip
def test_where_the_start_has_no_say_nothing_trains_it(inner: ls.Adaptation) -> None:
    env = ls.TwoTasks(d=2, noise=0.1)
    for method in (ls.MAML(inner), ls.TRMAML(inner), ls.FOMAML(inner)):
        for draws in (None, 100):
            with pytest.raises(ValueError, match="the start has no say"):
                ls.optimum(env, method, draws=draws)
    if np.isinf(inner.m):  # Reptile goes to where tasks are adapted to, whatever the start
        np.testing.assert_allclose(ls.optimum(env, ls.Reptile(inner)), ls.optimum(env, ls.PriorMean()))


def test_imaml_names_its_own_argument() -> None:
    with pytest.raises(ValueError, match="^n2 must be a whole number"):
        ls.IMAML(0.3, n2=0)


def test_steps_that_reach_every_optimum_leave_nothing_to_choose() -> None:
    env = ls.Mixture([ls.TaskFamily("a", 1.0, [0.0, 1.0]), ls.TaskFamily("b", 1.0, [3.0, 1.0])])
    with pytest.raises(ValueError, match="singular, so its optimum is not unique"):
        ls.optimum(env, ls.TRMAML(1.0))


def test_what_has_no_answer_says_so() -> None:
    with pytest.raises(ValueError, match="TRMAML"):
        ls.optimum(ls.TwoTasks(), ls.TRMAML())
    sampled = ls.from_sampler(lambda rng: (0.5, rng.normal(size=2), 0.1), 10, rng=0)
    each = ls.family_risks(sampled, ls.MAML(), 0.5)  # given the tasks they are exact; their mean has an error
    total = ls.risk(sampled, ls.MAML(), 0.5).total
    assert each.standard_error is None
    assert total.standard_error > 0
    assert np.mean(each) == pytest.approx(float(total), rel=1e-12)
    with pytest.raises(ls.NoClosedForm, match="no mean over tasks"):
        ls.risk(sampled, ls.TRMAML(), 0.5)
    with pytest.raises(ls.NoClosedForm, match="no mean over tasks"):
        ls.risk(sampled, ls.TRMAML(), 0.5, draws=100)
    with pytest.raises(ls.NoClosedForm, match="the scatter of TR-MAML on finite data is not known"):
        ls.asymptotics(ls.TwoTasks(), ls.TRMAML(0.5), ls.Training(100))


def test_training_takes_the_weights() -> None:
    """Simulated with the weights as found: meta-gradients at the optimum and losses agree with the theory."""
    env = ls.HardEasy(d=2, p_hard=0.3, noise=0.1)
    run = ls.simulate(
        env, ls.TRMAML(), ADAPTATION, ls.Training(200, n1=10), repeats=4, tasks=2000, progress=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ls.LandscapeWarning)
        assert ls.agreement(run).worst < 4


def test_the_worst_case_needs_finite_numbers() -> None:
    noisy = [
        ls.TaskFamily(name, [1.0, 0.5, 0.2], centre, noise=0.3) for name, centre in (("a", 0.0), ("b", 1.0))
    ]
    s = sympy.Symbol("s", positive=True)
    symbolic = [ls.TaskFamily(name, 1.0, centre, noise=s, d=3) for name, centre in (("a", 0.0), ("b", 1.0))]
    for families, inner in ((noisy, ls.OwnShots(2)), (symbolic, ls.GradientSteps(0.3))):
        with pytest.raises(ValueError, match="weights of the worst case need finite numbers"):
            ls.optimum(ls.Mixture(families), ls.TRMAML(inner))


@pytest.mark.slow
def test_the_worst_family_is_a_column_of_a_comparison() -> None:
    """As asked family by family: exact, a limit, drawn, learned, over a grid and of data; who never comes does not count."""
    rng = np.random.default_rng(0)
    data = ls.Mixture([ls.DataTask(f"{i}", rng.normal(size=(12, 2)), rng.normal(size=12)) for i in range(4)])
    never = [
        replace(f, probability=p)
        for f, p in zip(ls.TwoTasks(d=2, noise=0.1).families, (1.0, 0.0), strict=True)
    ]
    step, ridge = ls.GradientSteps(0.3, 6), ls.RidgeToStart(0.5, 6)
    rows = [ls.MAML(), ls.TRMAML(), (ls.MAML(), ridge), (ls.NAL(), ls.OwnShots(9))]
    for env, draws in ((ls.TwoTasks(d=2, noise=0.1), None), (ls.TwoTasks(d=2, noise=0.1), 60), (data, 60)):
        table = ls.compare(env, rows, step, draws=draws, worst=True).to_frame()
        for row, found in zip(rows, table.to_dict("records"), strict=True):
            method, adaptation = row if isinstance(row, tuple) else (row, step)
            families = ls.family_risks(env, method, adaptation, draws=draws)
            assert found["worst"] == np.max(families.value)
            if draws:
                assert found["worst_error"] == np.max(families, axis=-1).standard_error
            assert found["worst"] >= found["total"]
    assert float(ls.compare(env, ls.MetaSGD(starts=1), step, worst=True).worst["Meta-SGD"]) > 0
    only = ls.compare(ls.Mixture(never), ls.NAL(), step, worst=True)
    assert float(only.worst["NAL"]) == pytest.approx(float(only.risk("NAL").total))
    grid = ls.compare(ls.TwoTasks(d=2), rows, step, over={"m": [6, 12]}, worst=True)
    assert grid.worst["MAML"].shape == (2,)
    assert "limit" in repr(grid.worst["MAML + ridge"])
    assert "worst" not in ls.compare(ls.TwoTasks(d=2), rows, step).to_frame()
    drawn = ls.from_sampler(lambda rng: (np.eye(2), rng.normal(size=2), 0.1), 5, rng=0)
    symbolic = ls.TwoTasks(noise=sympy.Symbol("s", positive=True))
    for env, message in ((drawn, "worst=True needs families"), (symbolic, "worst=True needs numbers")):
        with pytest.raises(ValueError, match=message):
            ls.compare(env, ls.NAL(), 0.3, worst=True)

"""Limits and special cases that must hold exactly."""

import numpy as np
import pytest
from support.worlds import random_world

import landscape as ls

METHODS = [
    ls.NAL(),
    ls.MAML(ls.GradientSteps(0.4, 7)),
    ls.MAML(0.4),
    ls.FOMAML(0.4),
    ls.Reptile(ls.GradientSteps(0.4, steps=2)),
    ls.IMAML(1.0),
    ls.BaMAML(1.0, 0.5),
]


def same_tasks_three_ways(d=4):
    rng = np.random.default_rng(0)
    rho, mu, r = rng.uniform(0.2, 1.2, (3, 2))

    def build(shape, centre):
        return ls.Mixture(
            [
                ls.TaskFamily(f"{i}", shape(rho[i]), centre(mu[i]), shape(r[i]), noise=0.2, d=d)
                for i in range(2)
            ]
        )

    return [
        build(float, float),
        build(lambda v: np.full(d, v), lambda v: np.full(d, v)),
        build(lambda v: v * np.eye(d), float),
    ]


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_isotropic_is_diagonal_is_dense(method):
    adaptation = ls.GradientSteps(0.6, 5, steps=2)
    worlds = same_tasks_three_ways()
    points = [ls.optimum(world, method) for world in worlds]
    risks = [ls.risk(world, method, adaptation) for world in worlds]
    for point, risk in zip(points[1:], risks[1:], strict=True):
        np.testing.assert_allclose(point, points[0], rtol=1e-12)
        for part in ("noise", "dispersion", "suboptimality"):
            np.testing.assert_allclose(getattr(risk, part), getattr(risks[0], part), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("kind", ["diagonal", "dense", "rows"])
def test_many_samples_approach_the_full_gradient(kind):
    environment, _, alpha, rng = random_world(1, kind)
    w = rng.standard_normal(environment.d)
    limit = ls.risk(environment, w, ls.GradientSteps(alpha)).total
    gaps = [ls.risk(environment, w, ls.GradientSteps(alpha, m)).total - limit for m in (10**6, 2 * 10**6)]
    assert gaps[0] == pytest.approx(2 * gaps[1], rel=1e-3)
    assert abs(gaps[0]) < 1e-4 * max(limit, 1)


@pytest.mark.parametrize("kind", ["isotropic", "dense", "rows"])
def test_no_step_is_the_pooled_loss(kind):
    environment, twins, _, rng = random_world(2, kind)
    w = rng.standard_normal(environment.d)
    still = ls.risk(environment, w, ls.GradientSteps(0.0, 3)).total
    assert still == pytest.approx(ls.risk(environment, w, ls.GradientSteps(0.3, 3, steps=0)).total, rel=1e-13)
    quick = sum(
        t["p"] * ((w - t["mu"]) @ t["S"] @ (w - t["mu"]) + np.trace(t["S"] @ t["C"]) + t["e2"]) / 2
        for t in twins
    )
    assert still == pytest.approx(quick, rel=1e-12)
    np.testing.assert_allclose(
        ls.optimum(environment, ls.MAML(ls.GradientSteps(0.0, 4))),
        ls.optimum(environment, ls.NAL()),
        rtol=1e-9,
    )


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_one_family_is_solved_at_its_centre(method):
    environment = ls.Mixture([ls.TaskFamily("only", [0.5, 1.0], [3.0, -1.0], 2.0)])
    np.testing.assert_allclose(ls.optimum(environment, method), [3.0, -1.0], rtol=1e-12)


def test_equal_centres_leave_nothing_to_gain():
    adaptation = ls.GradientSteps(1.0, 50)
    environment = ls.HardEasy(R=0.0)
    for method in METHODS:
        np.testing.assert_array_equal(ls.optimum(environment, method), 0)
    assert ls.gain(environment, ls.MAML(), adaptation) == 1


def test_equal_curvatures_leave_nothing_to_gain():
    adaptation = ls.GradientSteps(1.0, 50)
    environment = ls.HardEasy(rho_hard=0.9)
    assert ls.gain(environment, ls.MAML(), adaptation) == pytest.approx(1, rel=1e-14)


def test_two_exact_steps_of_maml_are_four_of_fo_maml():
    environment, _, alpha, _ = random_world(4, "dense")
    np.testing.assert_allclose(
        ls.optimum(environment, ls.MAML(ls.GradientSteps(alpha, steps=2))),
        ls.optimum(environment, ls.FOMAML(ls.GradientSteps(alpha, steps=4))),
        rtol=1e-9,
    )


def test_shared_and_independent_hessian_have_different_limits():
    environment = ls.HardEasy()
    shared, independent = (
        ls.optimum(environment, ls.MAML(ls.GradientSteps(1.0, 20), hessian=h))
        for h in ("shared", "independent")
    )
    assert np.min(np.abs(shared - independent)) > 0.1
    np.testing.assert_allclose(independent, ls.optimum(environment, ls.HFMAML(1.0)), rtol=1e-14)


def test_strong_and_weak_proximal_terms():
    environment = ls.HardEasy()
    np.testing.assert_allclose(
        ls.optimum(environment, ls.IMAML(1e9)), ls.optimum(environment, ls.NAL()), rtol=1e-8
    )
    weak = ls.optimum(environment, ls.IMAML(1e-9))  # weight g^2/lam: the mean of optima, hard tasks first
    hard, easy = 1 / 0.1, 1 / 0.9
    np.testing.assert_allclose(weak, 2 * hard / (hard + easy), rtol=1e-7)


def test_hardness_window_is_where_the_weights_cross():
    for d, m in [(1, 20), (10, 72), (10, 500), (100, 10**4)]:
        low, high = ls.hardness_window(d, m)
        for x in (low, high):
            environment = ls.TwoTasks(d=d, rho_hard=x)
            hard_share = (1 + ls.optimum(environment, ls.MAML(ls.GradientSteps(1.0, m)))[0]) / 2
            assert hard_share == pytest.approx(0.5, abs=1e-9)
        inside = ls.optimum(ls.TwoTasks(d=d, rho_hard=(low + high) / 2), ls.MAML(ls.GradientSteps(1.0, m)))[0]
        assert inside > 0
    for d in (1, 10, 57):
        assert ls.hardness_window(d, ls.least_samples(d)) is not None
        assert ls.hardness_window(d, ls.least_samples(d) - 1) is None
    assert ls.hardness_window(3, np.inf) == (0.0, 1.0)

"""Every loss: derivatives against finite differences, constants against the derivatives, batches unbiased."""

import math

import numpy as np
import pytest
from support.worlds import random_psd

import landscape as ls
from landscape.simulator.training import (
    Hinge,
    LeastSquares,
    Logistic,
    LossTasks,
    Quadratic,
    Rectified,
    RippledParabola,
    SquaredHinge,
)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 4)) @ np.diag([0.3, 1.0, 1.5, 2.0])
LABELS = np.where(X @ RNG.standard_normal(4) + 0.5 * RNG.standard_normal(30) > 0, 1.0, -1.0)
LOSSES = [
    Quadratic(random_psd(RNG, 4), RNG.standard_normal(4), 0.3), LeastSquares(X, X @ np.ones(4) + LABELS), LeastSquares(X, LABELS, 0.2, 60.0),
    LeastSquares(X[:3], LABELS[:3], 0.2), Logistic(X, LABELS), Logistic(X, LABELS, ridge=0.1), Hinge(X, LABELS), Hinge(X, LABELS, 0.3), SquaredHinge(X, LABELS),
    SquaredHinge(X, LABELS, ridge=0.5), Rectified(X, LABELS), RippledParabola(1.01, 1.0, 1.0), RippledParabola(1.01, 1e-4, 100.0),
]  # fmt: skip
NAMES = [f"{type(loss).__name__}{i}" for i, loss in enumerate(LOSSES)]


def differences(function, w, h):
    """Central differences of a function along each coordinate."""
    return np.array([(function(w + h * e) - function(w - h * e)) / (2 * h) for e in np.eye(len(w))]).T


@pytest.mark.parametrize("loss", LOSSES, ids=NAMES)
def test_derivatives_against_differences(loss):
    rng = np.random.default_rng(1)
    h = 1e-6
    for _ in range(10):
        w, v = rng.standard_normal((2, loss.d))
        np.testing.assert_allclose(loss.gradient(w), differences(loss.value, w, h), rtol=2e-5, atol=2e-6)
        np.testing.assert_allclose(loss.hessian(w), differences(loss.gradient, w, h), rtol=2e-5, atol=2e-5)
        np.testing.assert_allclose(loss.hessian_times(w, v), loss.hessian(w) @ v, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES, ids=NAMES)
def test_constants_hold_at_random_points(loss):
    rng = np.random.default_rng(2)
    for _ in range(200):
        w, u = 3 * rng.standard_normal((2, loss.d))
        near = w + 1e-4 * u
        if math.isfinite(loss.smoothness):
            change = np.linalg.norm(loss.gradient(near) - loss.gradient(w)) / np.linalg.norm(near - w)
            assert change <= loss.smoothness * (1 + 1e-6)
            assert (loss.gradient(near) - loss.gradient(w)) @ (near - w) >= (
                loss.strong_convexity * np.sum((near - w) ** 2) * (1 - 1e-6) - 1e-15
            )
        if math.isfinite(loss.hessian_lipschitz):
            change = np.linalg.norm(loss.hessian(u) - loss.hessian(w), 2)
            assert change <= loss.hessian_lipschitz * np.linalg.norm(u - w) + 1e-12


def test_constants_that_are_attained():
    for loss in LOSSES[:4]:  # the last has fewer rows than features
        values = np.linalg.eigvalsh(loss.hessian(np.zeros(4)))
        assert [loss.strong_convexity, loss.smoothness] == pytest.approx([values[0], values[-1]])
        assert loss.hessian_lipschitz == 0
    line = np.linspace(-4, 4, 200_001)
    for loss in LOSSES[-2:]:
        assert [loss.curve(line).min(), loss.curve(line).max()] == pytest.approx([0.01, 2.01], abs=1e-4)
        assert np.abs(np.diff(loss.curve(line))).max() / np.diff(line)[0] == pytest.approx(
            loss.hessian_lipschitz, rel=1e-4
        )
    z = np.linspace(-6, 6, 100_001)
    logistic = Logistic([[1.0]], [1.0])
    bend = logistic.curve(z, 1.0)
    assert bend.max() == pytest.approx(0.25)
    assert np.abs(np.gradient(bend, z)).max() == pytest.approx(1 / (6 * math.sqrt(3)), rel=1e-6)
    scaled, line = Logistic([[2.0]], [1.0], ridge=0.1, scale=3.0), np.linspace(-1, 1, 2001)  # z = 2 w
    bend = np.array([scaled.hessian([w])[0, 0] for w in line])
    assert bend.max() == pytest.approx(scaled.smoothness)
    assert np.abs(np.gradient(bend, line)).max() == pytest.approx(scaled.hessian_lipschitz, rel=1e-4)


def test_smoothness_of_a_rippled_cap():
    line = np.linspace(-4, 4, 100_001)
    for c in (-5.0, -0.5, 0.0):
        loss = RippledParabola(c, 1.0, 1.0)
        assert loss.smoothness == pytest.approx(np.abs(loss.curve(line)).max(), rel=1e-6)
        assert loss.strong_convexity == pytest.approx(loss.curve(line).min(), rel=1e-6)


def test_third_derivative_against_differences():
    loss, line = RippledParabola(0.3, 2.0, 1.7), np.linspace(-2, 2, 9)
    h = 1e-5
    np.testing.assert_allclose(
        loss.twist(line), (loss.curve(line + h) - loss.curve(line - h)) / (2 * h), rtol=1e-8
    )


def test_rounding_of_differences_is_bounded_at_an_optimum_far_from_zero():
    """There the gradient is 0, and what is rounded is the point: without that part the bound would be 0."""
    loss, v = Quadratic([1.0, 0.3], [100.0, -70.0]), np.array([0.3, 1.1])
    for delta in (1e-3, 1e-6, 1e-9):
        at = [loss.gradient(loss.optimum + side * delta * v) for side in (1, -1)]
        missed = np.linalg.norm((at[0] - at[1]) / (2 * delta) - loss.hessian_times(loss.optimum, v))
        assert 0 < missed <= loss.difference_rounding(loss.optimum, delta)


def test_constants_that_do_not_exist():
    assert Hinge(X, LABELS).smoothness == Rectified(X, LABELS).smoothness == math.inf
    assert SquaredHinge(X, LABELS).hessian_lipschitz == Hinge(X, LABELS).hessian_lipschitz == math.inf
    assert Logistic(X, LABELS).strong_convexity == 0
    assert Logistic(X, LABELS, ridge=0.1).strong_convexity == 0.1


def test_at_a_kink_derivatives_are_those_of_the_flat_side():
    for kind in (Hinge, SquaredHinge):
        loss = kind([[1.0], [2.0]], [-1.0, 1.0], ridge=0.3)  # the second row is at the kink for w = 1/2
        flat = kind([[1.0]], [-1.0], ridge=0.3, scale=0.5)
        np.testing.assert_array_equal(loss.gradient(0.5), flat.gradient(0.5))
        np.testing.assert_array_equal(loss.hessian(0.5), flat.hessian(0.5))
    assert Rectified([[2.0]], [1.0]).gradient(0.5) == 0


def test_planted_wrong_gradient_is_caught():
    class Wrong(Logistic):
        def slope(self, z, y):
            return super().slope(z, y) * 1.001

    with pytest.raises(AssertionError):
        test_derivatives_against_differences(Wrong(X, LABELS))


@pytest.mark.parametrize("loss", LOSSES[:-2], ids=NAMES[:-2])
def test_batches_are_unbiased(loss):
    # 5 coordinates of 4000 means, |z| < 4.5: a false alarm once in about 30,000 runs; finds 7% of a deviation
    rng, w = np.random.default_rng(3), np.full(loss.d, 0.3)
    draws = [loss.batch(3, rng) for _ in range(4000)]
    gradients = np.array([[*batch.gradient(w), batch.hessian(w)[0, 1]] for batch in draws])
    wanted = np.array([*loss.gradient(w), loss.hessian(w)[0, 1]])
    error = gradients.std(axis=0) / math.sqrt(len(draws))
    assert (np.abs(gradients.mean(axis=0) - wanted) <= 4.5 * error + 1e-12).all()
    if error[0] > 0:
        assert (np.abs(gradients.mean(axis=0) - 1.2 * wanted) > 4.5 * error).any()  # it would find 20%
    assert loss.batch(math.inf, rng) is loss


def test_rows_are_drawn_with_replacement():
    loss, rng = LeastSquares(X, LABELS), np.random.default_rng(0)
    assert loss.batch(90, rng).samples == 90
    assert not np.allclose(loss.batch(30, rng).gradient(np.ones(4)), loss.gradient(np.ones(4)))


def test_batches_have_the_noise_of_the_task():
    # the mean of 20,000 squares is off by 1% of itself: 5 of these in one of 10^6 runs; the root of the noise would be 0.55
    loss = Quadratic(1.0, [0.5, -1.0], noise=0.3)
    assert loss.batch(20_000, np.random.default_rng(0)).value(loss.optimum) == pytest.approx(
        0.3 / 2, rel=0.05
    )


def test_tasks_agree_with_the_closed_form():
    tasks = ls.TwoTasks(d=3)
    ours, w = LossTasks.of(tasks), np.array([0.3, -1.0, 2.0])
    adaptation = ls.GradientSteps(0.5)
    assert ours.adapted(w, 0.5) == pytest.approx(ls.risk(tasks, w, adaptation).total.value)
    assert ours.pooled(w) == pytest.approx(ls.risk(tasks, w, ls.GradientSteps(0.5, steps=0)).total.value)
    np.testing.assert_allclose(ours.adapted_gradient(ls.optimum(tasks, ls.MAML(0.5)), 0.5), 0, atol=1e-14)
    np.testing.assert_allclose(ours.pooled_gradient(ls.optimum(tasks, ls.NAL())), 0, atol=1e-14)
    assert (ours.smoothness, ours.strong_convexity, ours.hessian_lipschitz) == (1.0, 0.1, 0.0)
    assert len(LossTasks.of(ls.HardEasy(), T=7, rng=0).losses) == 7
    data = ls.Mixture([ls.DataTask("a", X, LABELS)])
    np.testing.assert_allclose(LossTasks.of(data).pooled_gradient(ls.optimum(data, ls.NAL())), 0, atol=1e-12)
    unadapted = ls.risk(data, np.ones(4), ls.GradientSteps(0.5, steps=0)).total.value
    assert LossTasks.of(data).pooled(np.ones(4)) == pytest.approx(unadapted)


def test_a_task_thrice_as_likely_is_three_tasks():
    one, other, w = Logistic(X, LABELS), Quadratic(0.5, np.ones(4)), np.full(4, 0.3)
    weighted, listed = LossTasks([one, other], [0.25, 0.75]), LossTasks([one, other, other, other])
    for of in (LossTasks.pooled, LossTasks.pooled_gradient, LossTasks.spread):
        np.testing.assert_allclose(of(weighted, w), of(listed, w))
    np.testing.assert_allclose(weighted.adapted_gradient(w, 0.5), listed.adapted_gradient(w, 0.5))
    assert weighted.spread(w) > 0.1


def test_gradient_after_several_steps_against_differences():
    """Where the Hessian changes along the way, the order of the factors in the chain rule matters."""
    tasks, w = (
        LossTasks([Logistic(X, LABELS, scale=4.0), SquaredHinge(X, -LABELS)]),
        np.array([0.5, -0.4, 0.1, 0.2]),
    )
    for steps in (1, 2, 3):
        wanted = differences(lambda v, steps=steps: tasks.adapted(v, 0.4, steps), w, 1e-6)
        np.testing.assert_allclose(tasks.adapted_gradient(w, 0.4, steps), wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: Logistic(X, np.arange(30.0)), "labels -1 and 1, got 0"),
        (lambda: Logistic(X, LABELS > 0), r"labels -1 and 1, got True and False: write np.where\(y, 1, -1\)"),
        (lambda: Hinge(X, LABELS, ridge=-1), "ridge must be"),
        (lambda: Quadratic([1.0, 2.0], [1.0]), "covariance has d = 2 but optimum has d = 1"),
        (lambda: Quadratic([1.0], [1.0, 2.0, 3.0]), "covariance has d = 1 but optimum has d = 3"),
        (lambda: LeastSquares(X, LABELS[:3]), "must have shape"),
        (lambda: Quadratic(np.eye(2), np.ones(3)), "covariance has d = 2"),
        (lambda: RippledParabola(1, 1, 0), "frequency must be"),
        (lambda: RippledParabola(1, 1, 1).batch(3, np.random.default_rng(0)), "no samples to draw"),
        (lambda: LossTasks([]), "at least one Loss"),
        (lambda: LossTasks([Quadratic(1.0, [0.0]), Quadratic(1.0, [0.0, 1.0])]), "same dimension"),
        (
            lambda: LossTasks([Quadratic(1.0, [0.0])] * 2, [0.5, 0.6]),
            "probabilities must be .* sum to 1 over the losses",
        ),
        (lambda: LossTasks([Quadratic(1.0, [0.0])], [0.5, 0.5]), "one a loss"),
        (lambda: LossTasks.of(ls.HardEasy()), "give T"),
        (lambda: LossTasks([Logistic(X, LABELS)]).adapted(1.0, math.nan), "alpha must be finite, got nan"),
        (
            lambda: LossTasks([Logistic(X, LABELS)]).adapted_gradient(1.0, 0.1, -1),
            "steps must be .* >= 0 .*, got -1",
        ),
        (lambda: Logistic(X, LABELS).batch("a", np.random.default_rng(0)), "size must be a number"),
        (lambda: Logistic(X, LABELS).batch(0, np.random.default_rng(0)), "size must be .* >= 1"),
    ],
)
def test_errors(call, match):
    with pytest.raises(ValueError, match=match):
        call()


@pytest.mark.parametrize("loss", LOSSES, ids=NAMES)
def test_points_are_checked(loss):
    calls = [loss.value, loss.gradient, loss.hessian, lambda w: loss.hessian_times(w, np.ones(loss.d))]
    if isinstance(loss, Quadratic):
        del calls[2:]  # do not depend on w
    for call in calls:
        np.testing.assert_array_equal(call([0.5] * loss.d), call(np.full(loss.d, 0.5)))
        np.testing.assert_array_equal(call(0.5), call(np.full(loss.d, 0.5)))
        for bad in (np.ones(loss.d + 1), np.ones((loss.d, 2)), [], "x", None, math.nan):
            with pytest.raises(ValueError, match=r"^w must"):
                call(bad)
    for bad in (np.ones(loss.d + 1), "x", None, math.nan):
        with pytest.raises(ValueError, match=r"^v must"):
            loss.hessian_times(0.5, bad)


def test_batches_need_a_generator():
    with pytest.raises(TypeError, match="rng must be Generator, got None"):
        Logistic(X, LABELS).batch(3, None)


def test_a_loss_that_is_none():
    with pytest.raises(TypeError, match="each of losses"):
        LossTasks([3])


def test_data_tasks_keep_their_ridge():
    rng = np.random.default_rng(0)
    rows = [(rng.normal(size=(20, 3)), rng.normal(size=20)) for _ in range(3)]
    environment = ls.Mixture([ls.DataTask(f"task {i}", X, y, ridge=0.5) for i, (X, y) in enumerate(rows)])
    tasks, w = LossTasks.of(environment), np.array([1.0, -2.0, 0.5])
    by_hand = np.mean([np.mean((X @ w - y) ** 2) + 0.5 * w @ w for X, y in rows]) / 2
    assert tasks.pooled(w) == pytest.approx(by_hand)
    assert tasks.adapted(w, 0.3, 2) == pytest.approx(
        ls.risk(environment, w, ls.GradientSteps(0.3, steps=2)).total.value
    )

"""Training by steps: against the closed form, against one another, and every gradient counted."""

import math

import numpy as np
import pytest

import landscape as ls
from landscape.simulator import training as tr
from landscape.simulator.training import (
    Hinge,
    LeastSquares,
    Logistic,
    Quadratic,
    RippledParabola,
    SquaredHinge,
)
from landscape.simulator.training.counting import Count
from landscape.simulator.training.directions import Options, direction

RNG = np.random.default_rng(5)
TWO = ls.Mixture(
    [
        ls.TaskFamily("a", [[1.0, 0.3], [0.3, 0.5]], [1.0, -1.0], noise=0.2),
        ls.TaskFamily("b", [[0.3, -0.1], [-0.1, 0.8]], [-1.0, 2.0], noise=0.2),
    ]
)
TASKS = tr.LossTasks.of(TWO)
X = RNG.standard_normal((40, 3))


def logistic_tasks(ridge=0.0):
    rng = np.random.default_rng(1)
    labels = [
        np.where(X @ rng.standard_normal(3) + 0.3 * rng.standard_normal(40) > 0, 1.0, -1.0) for _ in range(4)
    ]
    return tr.LossTasks([Logistic(X, y, ridge) for y in labels])


@pytest.mark.parametrize(
    "method", [ls.NAL(), ls.MAML(0.4), ls.MAML(ls.GradientSteps(0.4, steps=3)), ls.FOMAML(0.4), ls.FOMAML(ls.GradientSteps(0.4, steps=2)), ls.HFMAML(0.4),
               ls.Reptile(ls.GradientSteps(0.4, steps=3)), ls.BIMAML(0.4, 0.3)], ids=repr,
)  # fmt: skip
def test_full_batches_follow_the_closed_form(method):
    adaptation = ls.GradientSteps(0.0) if isinstance(method, ls.NAL) else None
    path = ls.descent(TWO, method, [3.0, 3.0], 0.3, adaptation)
    run = tr.train(TASKS, method, [3.0, 3.0], 0.3, 60)
    np.testing.assert_allclose(run.points, path.at(np.arange(61)), rtol=1e-10, atol=1e-10)
    expected = path.to_frame(np.arange(61))  # F after as many steps as the method takes
    for column in ("gradient_norm_f", "gradient_norm_F", "f", "F"):
        np.testing.assert_allclose(run.table[column], expected[column], rtol=1e-8, atol=1e-12)
    if isinstance(method, ls.BIMAML):
        assert path.switch == run.table["phase"].tolist().index("MAML") - 1 > 0


def test_hf_maml_is_maml_on_quadratics_sample_by_sample():
    batches = tr.Batches(B=2, D_in=3, D_o=4, D_h=5)
    data = tr.LossTasks(
        [LeastSquares(X, X @ RNG.standard_normal(3) + RNG.standard_normal(40)) for _ in range(3)]
    )
    for tasks in (TASKS, data):
        for delta in (None, 1e-2, 10.0):
            start = np.ones(tasks.d)
            maml = tr.train(tasks, ls.MAML(0.3, hessian="independent"), start, 0.1, 50, batches, rng=3)
            hf = tr.train(tasks, ls.HFMAML(0.3), start, 0.1, 50, batches, rng=3, delta=delta)
            np.testing.assert_allclose(hf.points, maml.points, rtol=1e-9, atol=1e-9)
            assert np.linalg.norm(maml.points[-1] - start) > 0.1


@pytest.mark.parametrize("batches", ["fresh", "same"])
@pytest.mark.parametrize("products", [True, False])
def test_maml_is_the_derivative_of_the_outer_loss_by_the_inner_steps(batches, products):
    """With a batch for each step, and Hessians that change along the way: neither points nor batches may change places."""
    rng = np.random.default_rng(2)
    *inner, outer = (Logistic(size * X, np.sign(rng.standard_normal(40)), scale=3.0) for size in (1, 2, 3, 2))
    steps = inner if batches == "fresh" else inner[:1] * 3
    w, h, asked = np.array([0.3, -0.2, 0.5]), 1e-6, []

    def value(w):
        for loss in steps:
            w = w - 0.5 * loss.gradient(w)
        return outer.value(w)

    def draw(use):
        asked.append(use)
        return inner[asked.count("in") - 1] if use == "in" else outer

    found = direction(ls.MAML(ls.GradientSteps(0.5, 20, 3, batches)), w, draw, Options(products, None, 0.0))
    wanted = [(value(w + h * e) - value(w - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-8)
    assert asked == ["in"] * (3 if batches == "fresh" else 1) + ["o"]


def test_tasks_are_drawn_by_their_probabilities():
    # a share of 10,000 draws is off by 0.005: 5 of these in one of 10^6 runs
    tasks = tr.LossTasks(TASKS.losses, [0.8, 0.2])
    index, weights = tr.Batches(B=10_000).draw_tasks(tasks, np.random.default_rng(0))
    assert (index == 0).mean() == pytest.approx(0.8, abs=0.025)
    assert weights.sum() == pytest.approx(1)


def test_hf_maml_elsewhere_is_second_order_in_delta():
    loss, w = logistic_tasks().losses[0], np.array([0.5, -1.0, 2.0])
    exact = direction(ls.MAML(1.0), w, lambda use: loss, Options(True, None, 0.0))
    g = loss.gradient(w - loss.gradient(w))

    def gap(delta):
        return np.linalg.norm(
            direction(ls.HFMAML(1.0), w, lambda use: loss, Options(True, delta, 0.0)) - exact
        )

    gaps = [gap(delta) for delta in (0.4, 0.2, 0.1)]
    np.testing.assert_allclose(np.array(gaps[:-1]) / gaps[1:], 4, rtol=0.02)
    # (9): at most rho delta^2 ||v||^2 each product; the sharp constant is 1/2 by Taylor with a Lipschitz Hessian
    for delta, error in zip((0.4, 0.2, 0.1), gaps, strict=True):
        assert error <= loss.hessian_lipschitz * delta * (g @ g) / 2


def test_hf_maml_stalls_with_the_printed_delta():
    """1/(6 rho alpha ||g||) looks as far to both sides however small g is; on quadratics that does no harm."""
    rng = np.random.default_rng(1)
    rows = [rng.standard_normal((40, 3)) * rng.uniform(0.5, 2, 3) for _ in range(4)]
    tasks = tr.LossTasks(
        [Logistic(X, np.where(X @ rng.standard_normal(3) > 0, 1.0, -1.0), 0.2) for X in rows]
    )
    method = ls.HFMAML(1 / (6 * tasks.smoothness))
    ends = [
        tr.train(tasks, method, 0.0, 1 / tasks.smoothness, 200, delta=delta, record_every=200)
        for delta in (None, 1e-4)
    ]
    floors = [run.table["gradient_norm_F"].iloc[-1] for run in ends]
    assert floors[0] > 1e-4
    assert floors[1] < 1e-9
    # at rest what is left of grad F is what the differences miss
    w, alpha, missed = ends[0].w, method.adaptation.alpha, np.zeros(3)
    for loss in tasks.losses:
        g = loss.gradient(w - alpha * loss.gradient(w))
        side = g / (6 * tasks.hessian_lipschitz * alpha * np.linalg.norm(g))
        difference = (
            (loss.gradient(w + side) - loss.gradient(w - side))
            * np.linalg.norm(g)
            / (2 * np.linalg.norm(side))
        )
        missed += alpha * (difference - loss.hessian_times(w, g)) / 4
    assert np.linalg.norm(missed) == pytest.approx(floors[0], rel=1e-6)


def test_one_sided_difference_would_be_caught():
    """Negative control of the sample-by-sample agreement: a first-order difference fails elsewhere."""
    loss, w = logistic_tasks().losses[0], np.array([0.5, -1.0, 2.0])
    exact = direction(ls.MAML(1.0), w, lambda use: loss, Options(True, None, 0.0))
    g = loss.gradient(w - loss.gradient(w))
    wrong = [g - (loss.gradient(w + d * g) - loss.gradient(w)) / d - exact for d in (0.2, 0.1)]
    assert np.linalg.norm(wrong[0]) / np.linalg.norm(wrong[1]) < 2.5


def test_counts():
    per_task = {
        ls.NAL(): (1, 0), ls.MAML(0.1): (2, 1), ls.MAML(ls.GradientSteps(0.1, steps=3)): (4, 3), ls.FOMAML(0.1): (2, 0), ls.HFMAML(0.1): (4, 0),
        ls.Reptile(ls.GradientSteps(0.1, steps=2)): (2, 0),
    }  # fmt: skip
    for method, (gradients, products) in per_task.items():
        assert method.cost(2, 1, 1).gradients == gradients
        assert method.cost(2, 1, 1).hessian_vector_products == products
        last = tr.train(TASKS, method, 1.0, 0.1, 10).table.iloc[-1]
        assert (last["gradients"], last["hessian_vector_products"]) == (10 * 2 * gradients, 10 * 2 * products)
        sizes = {"D_in": 2, "D_o": 3}
        if isinstance(method, (ls.NAL, ls.Reptile)):  # which draw one batch
            del sizes["D_in" if isinstance(method, ls.NAL) else "D_o"]
        batches = tr.Batches(B=5, **sizes)
        assert tr.train(TASKS, method, 1.0, 0.1, 10, batches).table.iloc[-1]["gradients"] == 50 * gradients
    run = tr.train(
        TASKS,
        ls.MAML(0.1, hessian="independent"),
        1.0,
        0.1,
        10,
        tr.Batches(3, 2, 5, 7),
        second_order="matrices",
    )
    assert run.table.iloc[-1][["hessians", "hessian_vector_products"]].tolist() == [30, 0]
    assert run.table.iloc[-1]["samples"] == 10 * 3 * (2 + 5 + 7)


def test_bimaml_counts_phase_by_phase():
    run = tr.train(TASKS, ls.BIMAML(0.4, 0.3), 3.0, 0.3, 60)
    first = (run.table["phase"][1:] == "pooled").sum()
    second = 60 - first
    # the test that ends the first phase takes one gradient a task more
    assert run.table.iloc[-1]["gradients"] == 2 * (first + 1 + 2 * second)
    assert run.table.iloc[-1]["hessian_vector_products"] == 2 * second
    printed = tr.train(TASKS, ls.BIMAML(0.4, 0.02, latched=False), 3.0, 0.05, 600)
    assert printed.table["phase"].iloc[-200:].nunique() == 2  # it jumps to and fro
    assert printed.table["gradient_norm_F"].iloc[-1] > 0.02


@pytest.mark.parametrize("hessian", ["shared", pytest.param("independent", marks=pytest.mark.slow)])
@pytest.mark.slow
def test_shared_and_independent_hessian_reach_their_two_points(hessian):
    """The mean of SGD's iterates is the predicted point, for the mean update is affine.

    Batch means of 20 blocks, 2 coordinates, |t_19| < 4.5: a false alarm once in 2,000 runs. The two points are
    0.34 apart, 9 standard errors.
    """
    n2 = 2
    method = ls.MAML(ls.GradientSteps(0.6, n2), hessian=hessian)
    run = tr.train(
        TASKS,
        method,
        ls.optimum(TWO, method).value,
        0.2,
        3_000,
        tr.Batches(B=2, D_o=4),
        rng=1,
        record_every=3,
    )
    blocks = run.points[1:].reshape(20, 50, 2).mean(axis=1)
    t = (blocks.mean(axis=0) - ls.optimum(TWO, method).value) / (blocks.std(axis=0, ddof=1) / math.sqrt(20))
    assert np.abs(t).max() < 4.5
    other = ls.optimum(
        TWO, ls.MAML(ls.GradientSteps(0.6, n2), hessian="independent" if hessian == "shared" else "shared")
    ).value
    away = (blocks.mean(axis=0) - other) / (blocks.std(axis=0, ddof=1) / math.sqrt(20))
    assert np.abs(away).max() > 6  # the negative control


@pytest.mark.slow
def test_first_order_floor_is_reached_and_scales_as_alpha_times_sigma():
    def floor(alpha, spread):
        tasks = tr.LossTasks([Quadratic(1.0, [spread]), Quadratic(0.5, [-spread])])
        run = tr.train(tasks, ls.FOMAML(alpha), 0.0, 0.5, 400)
        return run.table["gradient_norm_F"].iloc[-1], tasks.spread(run.w)

    (base, sigma), (half, _), (double, twice) = floor(0.02, 1.0), floor(0.01, 1.0), floor(0.02, 2.0)
    assert base / half == pytest.approx(2, rel=0.05)
    assert double / base == pytest.approx(2, rel=1e-9)
    assert twice == pytest.approx(2 * sigma, rel=1e-9)
    # by hand: w = (a - b)/(a + b), a = 1 - alpha, b = (1 - alpha/2)/2, floor alpha |a (w - 1) + b (w + 1)/2| / 2
    a, b = 0.98, 0.99 / 2
    w = (a - b) / (a + b)
    assert base == pytest.approx(0.02 * abs(a * (w - 1) + 0.5 * b * (w + 1)) / 2, rel=1e-9)
    assert tr.train(tr.LossTasks([Quadratic(1.0, [1.0]), Quadratic(0.5, [-1.0])]), ls.HFMAML(0.02), 0.0, 0.5, 400).table[
        "gradient_norm_F"
    ].iloc[-1] < 1e-12  # fmt: skip


def test_random_step_follows_16_and_17():
    tasks, w = logistic_tasks(), np.ones(3)
    L, rho = tasks.smoothness, tasks.hessian_lipschitz
    alpha = 0.5 / L
    norm = np.mean([np.linalg.norm(loss.gradient(w)) for loss in tasks.losses])
    run = tr.train(tasks, ls.MAML(alpha), w, tr.RandomStep(), 1)
    step = 1 / (12 * (4 * L + 2 * rho * alpha * norm))
    np.testing.assert_allclose(run.w, w - step * tasks.adapted_gradient(w, alpha), rtol=1e-12)
    assert run.table["gradients"].iloc[-1] == 4 + 8  # the rule's own gradients are counted
    quadratic = tr.train(TASKS, ls.FOMAML(0.3), 1.0, tr.RandomStep(B=3, D=5), 1)
    assert quadratic.table["gradients"].iloc[-1] == 4  # rho = 0: nothing is drawn
    g = tr.train(TASKS, ls.FOMAML(0.3), 1.0, 1.0, 1)
    np.testing.assert_allclose((1 - quadratic.w) * 18 * 4 * TASKS.smoothness, 1 - g.w)


def test_the_rule_for_random_steps_draws_samples():
    tasks = tr.LossTasks([Logistic(4 * X, np.where(X[:, 0] > 0, 1.0, -1.0))])
    step, rng, w = tr.RandomStep(B=2, D=3), np.random.default_rng(0), np.array([0.1, -0.2, 0.5])
    count = Count()
    rates = [step.rate(tasks, ls.MAML(0.5 / tasks.smoothness), w, rng, count) for _ in range(5)]
    assert len(set(rates)) == 5
    assert (count.gradients, count.samples) == (5 * 2, 5 * 2 * 3)


def test_batches_of_18_by_hand():
    # L = 6 and rho = 8: rho alpha/L = 1/6, so that B' is (30/6)^2/2 = 12.5 and D (2 * 15/6)^2 = 25, rounded up
    tasks = tr.LossTasks([RippledParabola(2.0, 1.0, 2.0)])
    assert (tasks.smoothness, tasks.hessian_lipschitz) == (6, 8)
    assert tr.least_step_batches(tasks, 0.125, 30.0, 15.0 - 1e-9) == (13, 25)


def test_last_iteration_is_recorded():
    run = tr.train(TASKS, ls.NAL(), 1.0, 0.1, 10, record_every=4)
    assert run.table["iteration"].tolist() == [0, 4, 8, 10]
    norms = run.table["gradient_norm_F"]
    assert run.time_to(norms[2]) == 8  # at most, not below


def test_nothing_is_printed_unless_asked(capsys):
    tr.train(TASKS, ls.NAL(), 1.0, 0.1, 10)
    assert capsys.readouterr() == ("", "")
    tr.train(TASKS, ls.NAL(), 1.0, 0.1, 10, progress=True)
    assert capsys.readouterr().err


def test_a_start_far_away_is_no_divergence():
    run = tr.train(tr.LossTasks([Quadratic(1e-9, [0.0])]), ls.NAL(), 1e9, 1.0, 5)
    assert not run.diverged
    assert run.table["iteration"].iloc[-1] == 5


def test_a_method_may_bring_its_inner_batch():
    batches = tr.Batches(B=4, D_o=7)
    own, given = (
        tr.train(TASKS, method, 1.0, 0.1, 10, sizes, rng=3)
        for method, sizes in (
            (ls.MAML(ls.GradientSteps(0.1, 3)), batches),
            (ls.MAML(0.1), tr.Batches(B=4, D_in=3, D_o=7)),
        )
    )
    np.testing.assert_array_equal(own.points, given.points)
    assert own.table["samples"].iloc[-1] == 10 * 4 * (
        3 + 7 + 3
    )  # the shared Hessian looks at its samples once more


def test_bimaml_takes_hessians_on_a_batch_of_their_own():
    run = tr.train(TASKS, ls.BIMAML(0.1, 1e6), 1.0, 0.1, 1, tr.Batches(B=2, D_in=3, D_o=5, D_h=11))
    assert run.table["phase"].iloc[-1] == "MAML"
    assert run.table["samples"].iloc[-1] == 2 * (
        5 + 3 + 5 + 11
    )  # the test of the first phase takes an outer batch


def test_bimaml_begins_pooled_at_its_very_threshold():
    run = tr.train(tr.LossTasks([Quadratic(1.0, [0.0])]), ls.BIMAML(0.5, 1.0), 1.0, 0.5, 2)
    assert run.table["phase"].tolist() == ["pooled", "pooled", "MAML"]


def test_ode_against_flow_and_small_steps():
    times = np.array([0.0, 1.0, 4.0, 20.0])
    for method in (
        ls.NAL(),
        ls.MAML(0.4),
        ls.MAML(ls.GradientSteps(0.4, steps=3)),
        ls.FOMAML(0.4),
        ls.BIMAML(0.4, 0.3),
    ):
        out, path = tr.ode(TASKS, method, [3.0, 3.0], times), ls.flow(TWO, method, [3.0, 3.0])
        np.testing.assert_allclose(out.points, path.at(times), atol=1e-6)
        for column in ("gradient_norm_F", "F"):
            np.testing.assert_allclose(out.table[column], path.to_frame(times)[column], atol=1e-5)
    tasks = logistic_tasks(0.1)
    out = tr.ode(tasks, ls.MAML(0.5), 1.0, [2.0]).w
    gaps = [np.linalg.norm(tr.train(tasks, ls.MAML(0.5), 1.0, 2 / n, n).w - out) for n in (100, 200)]
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.05)  # Euler is of first order


def test_ode_ends_soon_or_says_why():
    np.testing.assert_allclose(tr.ode(logistic_tasks(), ls.MAML(0.1), 1.0, 1e-100).w, 1.0)
    with pytest.raises(ValueError, match=r"took 20 evaluations to get to time .*take a larger rtol"):
        tr.ode(logistic_tasks(), ls.MAML(0.1), 1.0, [5.0], most=20)


def test_same_seed_same_numbers():
    batches = tr.Batches(2, 3, 4, 5)
    runs = [tr.train(TASKS, ls.HFMAML(0.3), 1.0, 0.1, 20, batches, rng=seed).w for seed in (1, 1, 2)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.allclose(runs[0], runs[2])


def test_divergence_stops_and_names_the_cure():
    with pytest.warns(ls.LandscapeWarning, match="take a smaller rate, below 2/L"):
        run = tr.train(TASKS, ls.NAL(), 1.0, 50.0, 1000)
    assert run.diverged
    assert len(run.table) < 100
    with pytest.warns(ls.LandscapeWarning, match="the inner step expands: take alpha < 1/L"):
        assert tr.train(TASKS, ls.MAML(50.0), 1.0, 0.1, 1000).diverged
    with pytest.warns(ls.LandscapeWarning) as warned:  # up to alpha L = 2 an inner step does not expand
        assert tr.train(TASKS, ls.FOMAML(1.5 / TASKS.smoothness), 1.0, 50.0, 1000).diverged
    assert "inner step" not in str(warned[0].message)


HINGE = tr.LossTasks([Hinge(X, np.sign(X[:, 0]))])
MIXED = tr.LossTasks([SquaredHinge(X, np.sign(X[:, 0])), Hinge(X, np.sign(X[:, 0]))])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: tr.train(TASKS, ls.MAML(ls.GradientSteps(0.1, 3)), 0.0, 0.1, 1, tr.Batches(D_in=4)), "leave one out"),
        (lambda: tr.train(TASKS, ls.MAML(0.1), 0.0, 0.1, 1, tr.Batches(D_h=4)), 'hessian="independent"'),
        (lambda: tr.train(TASKS, ls.MAML(0.1), 0.0, -0.1, 1), "rate must be"),
        (lambda: tr.train(TASKS, ls.MAML(0.1), [0.0], 0.1, 1), "start must be a number or a vector of d = 2"),
        (lambda: tr.train(TASKS, ls.MAML(0.1), 0.0, 0.1, 1, second_order="both"), "unknown second_order"),
        (lambda: tr.train(HINGE, ls.HFMAML(0.1), 0.0, 0.1, 1), "give delta"),
        (lambda: tr.train(HINGE, ls.MAML(0.1), 0.0, tr.RandomStep(), 1), "Hinge has no L"),
        (lambda: tr.train(tr.LossTasks([SquaredHinge(X, np.sign(X[:, 0]))]), ls.MAML(0.1), 0.0, tr.RandomStep(), 1), "has no rho"),
        (lambda: tr.train(TASKS, ls.MAML(5.0), 0.0, tr.RandomStep(), 1), r"alpha must be in \[0, 1/L\]"),
        (lambda: tr.train(TASKS, ls.NAL(), 0.0, tr.RandomStep(), 1), "no divisor for NAL"),
        (lambda: tr.train(tr.LossTasks([RippledParabola(1, 1, 1)]), ls.NAL(), 0.0, 0.1, 1, tr.Batches(D_o=3)), "no samples to draw"),
        (lambda: tr.Batches(B=0), "B must be"),
        (lambda: tr.train(TASKS, ls.NAL({"a": 2.0}), 0.0, 0.1, 1), "task_weights"),
        (lambda: tr.ode(TASKS, ls.HFMAML(0.1), 0.0, [1.0]), "use MAML"),
        (lambda: tr.ode(TASKS, ls.MAML(ls.GradientSteps(0.1, 3)), 0.0, [1.0]), "full batches"),
        (lambda: tr.ode(TASKS, ls.FOMAML(5.0), 3.0, [0.0, 1e5], rtol=1e-3), "the path diverges"),
        (lambda: tr.ode(TASKS, ls.NAL(), 0.0, [1.0, 0.5]), "increasing"),
        (lambda: tr.ode(TASKS, ls.NAL(), 0.0, [1.0, 1.0]), "increasing"),
        (lambda: tr.smoothness_bound(TASKS, 1.5 / TASKS.smoothness, 1.0), r"alpha must be in \[0, 1/L\]"),
        (lambda: tr.train(MIXED, ls.MAML(0.1), 1.0, tr.RandomStep(), 5), "^Hinge has no L"),
        (lambda: tr.train(TASKS, ls.FOMAML(0.1), 0.0, 0.1, 1, tr.Batches(D_h=3)), "D_h = 3 means nothing to FO-MAML"),
        (lambda: tr.train(TASKS, ls.NAL(), 0.0, 0.1, 1, tr.Batches(D_in=3)), "D_in = 3 means nothing to NAL"),
        (lambda: tr.train(TASKS, ls.Reptile(ls.GradientSteps(0.1, steps=2)), 0.0, 0.1, 1, tr.Batches(D_o=3)), "D_o = 3 means nothing to Reptile"),
        (lambda: tr.train(TASKS, ls.MAML(0.1), 0.0, 0.1, 1, delta=0.1), "delta is for HFMAML"),
        (lambda: tr.train(TASKS, ls.FOMAML(0.1), 0.0, 0.1, 1, second_order="matrices"), "takes no Hessians"),
        (lambda: tr.smoothness_bound(TASKS, 0.1, math.nan), "mean_norm must be"),
        (lambda: tr.smoothness_bound(TASKS, 0.1, -1.0), "mean_norm must be"),
        (lambda: tr.least_step_batches(TASKS, "x", 1.0, 1.0), "alpha must be a number"),
        (lambda: tr.train(TASKS, ls.MAML(1e160), 1.0, 0.1, 5), r"alpha must be .*at most 1e\+40 in size"),
        (lambda: tr.train(tr.LossTasks([Quadratic(0.0, [1.0])]), ls.MAML(0.1), 1.0, tr.RandomStep(), 5), "losses are flat"),
        (lambda: tr.ode(HINGE, ls.MAML(0.1), 0.0, [0.0, 5.0]), "gradient of Hinge jumps.*use SquaredHinge"),
        (lambda: tr.train(TASKS, ls.NAL(), 0.0, 0.1, 1).time_to(math.nan), "level must be"),
        (lambda: tr.train(TASKS, ls.NAL(), 0.0, 0.1, 1).time_to(-1), "level must be"),
        (lambda: tr.train(TASKS, ls.NAL(), 0.0, 0.1, 1).time_to(0.1, of="g"), "unknown loss in of"),
        (lambda: tr.train(TASKS, ls.NAL(), 0.0, 0.1, 1).plot(of="g"), "unknown loss in of"),
        (lambda: tr.ode(TASKS, ls.BIMAML(0.1, 0.1, latched=False), 0.0, [1.0]), "not latched"),
        (lambda: tr.ode(TASKS, ls.MAML(0.1), 0.0, [1.0], atol=math.nan), "atol must be finite"),
        (lambda: tr.ode(TASKS, ls.MAML(0.1), 0.0, [1.0], rtol=0), "rtol must be finite and >= 1e-13"),
        (lambda: tr.least_step_batches(TASKS, 0.1, 1e200, 1.0), "sigma must be at most 1e[+]40"),
    ],
)  # fmt: skip
def test_errors(call, match):
    with pytest.raises(ValueError, match=match):
        call()


@pytest.mark.parametrize("start", [0.0, 1.0, 100.0])
def test_differences_that_are_rounding(start):
    tasks, start = logistic_tasks(), start * np.array([1.0, 0.1, -0.1])
    with pytest.warns(ls.LandscapeWarning, match="delta is so small .* take a larger delta"):
        tr.train(tasks, ls.HFMAML(0.1), start, 0.1, 1, delta=1e-17)
    tr.train(tasks, ls.HFMAML(0.1), start, 0.1, 1, delta=1e-3)
    tr.train(tasks, ls.HFMAML(0.1), start, 0.1, 1, delta=1e-10)  # some digits are left
    tr.train(tasks, ls.HFMAML(1e-8), start, 0.1, 1, delta=1e-17)  # and here curvature does not matter


def test_environments_are_no_losses():
    with pytest.raises(TypeError, match="tasks must be LossTasks"):
        tr.least_step_batches(TWO, 0.1, 1.0, 1.0)


def test_unknown_method():
    with pytest.raises(TypeError, match="train knows"):
        tr.train(TASKS, ls.IMAML(1.0), 0.0, 0.1, 1)


def test_history_draws():
    run = tr.train(TASKS, ls.BIMAML(0.4, 0.3), 3.0, 0.3, 20)
    assert run.plot().get_yscale() == "log"
    assert "<table" in run._repr_html_()


@pytest.mark.slow
def test_moments_of_the_random_step():
    """Lemma 4.9 on logistic tasks: E >= 0.8/L(w), E of the square <= 3.125/L(w)^2; 2,000 draws, error below 0.5%."""
    X = 4 * RNG.standard_normal((40, 3))
    tasks = tr.LossTasks([Logistic(X, np.where(X[:, i] > 0, 1.0, -1.0)) for i in range(3)])
    alpha, w, rng = 1 / tasks.smoothness, np.array([1.0, -2.0, 0.5]), np.random.default_rng(0)
    single = [
        np.linalg.norm(loss.batch(1, rng).gradient(w) - loss.gradient(w))
        for loss in tasks.losses
        for _ in range(200)
    ]
    B, D = tr.least_step_batches(tasks, alpha, tasks.spread(w), math.sqrt(np.mean(np.square(single))))
    norm = np.mean([np.linalg.norm(loss.gradient(w)) for loss in tasks.losses])
    L_w = tr.smoothness_bound(tasks, alpha, norm)
    step, method, count = tr.RandomStep(B, D, divisor=1), ls.MAML(alpha), Count()
    steps = L_w * np.array([step.rate(tasks, method, w, rng, count) for _ in range(2000)])
    assert steps.std() > 0.01  # it is random
    assert steps.mean() >= 0.8
    assert (steps**2).mean() <= 3.125
    assert count.gradients == 2000 * B


def test_records():
    names = vars(ls) | vars(tr)
    for thing in (tr.Batches(), tr.Batches(B=3, D_in=2), tr.RandomStep(), tr.RandomStep(B=2, divisor=5.0), ls.BIMAML(0.5, 0.1),
                  ls.BIMAML(0.5, 0.1, latched=False)):  # fmt: skip
        again = eval(repr(thing), names)
        assert again == thing
        assert hash(again) == hash(thing)
    run = tr.train(TASKS, ls.MAML(0.4), 3.0, 0.3, 5)
    assert repr(run).startswith("<MAML(GradientSteps(0.4)), iteration 5, gradient norm")
    assert run == tr.train(TASKS, ls.MAML(0.4), 3.0, 0.3, 5)

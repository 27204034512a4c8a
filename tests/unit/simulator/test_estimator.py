"""A function of one's own is trained and judged as methods are: pooled least squares is NAL's exact solution."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape.analysis.sweep.fingerprint import digest

WORLD = ls.TwoTasks(d=3)
STEP = ls.GradientSteps(0.5, 20)
T = 60


def pooled(draw, rng):
    """Minimise the pooled loss of all rows: what NAL is."""
    A, b = np.zeros((3, 3)), np.zeros(3)
    for _ in range(T):
        X, y = draw()
        A, b = A + X.T @ X, b + X.T @ y
    return np.linalg.solve(A, b)


def half(draw, rng):
    """The planted error: pooled training that ends half the way."""
    return pooled(draw, rng) / 2


def guess(draw, rng):
    return rng.normal(size=3)


def simulate(*methods, **options):
    given = {
        "repeats": 60,
        "tasks": 50,
        "rng": 0,
        "progress": False,
        "training": ls.Training(T, n1=5, n2=5),
    } | options
    return ls.simulate(WORLD, list(methods), STEP, **given)


def distance(function):
    """Standard errors between the mean start of a function and NAL's."""
    starts = simulate(ls.NAL(), ls.Estimator(function), repeats=25).solutions
    nal, own = starts[0].mean(axis=1), starts[1].mean(axis=1)
    return abs(nal.mean() - own.mean()) / np.hypot(nal.std(), own.std()) * np.sqrt(len(nal))


def test_pooled_least_squares_is_nal():
    """Seed 0, 25 trainings each: below 3.5 standard errors; half the way is seen."""
    assert distance(pooled) < 3.5
    assert distance(half) > 5


def test_it_is_judged_with_standard_errors_beside_the_others():
    simulation = simulate(ls.NAL(), ls.Estimator(guess, name="guess"), repeats=3)
    assert simulation.labels == ["NAL", "guess"]
    frame = simulation.to_frame()
    assert (frame[frame["method"] == "guess"]["loss_standard_error"] > 0).all()
    assert ls.agreement(simulation).worst < 5
    again = simulate(ls.NAL(), ls.Estimator(guess, name="guess"), repeats=3)
    assert np.array_equal(again.solutions, simulation.solutions)


def test_rows_of_data_without_replacement():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3))
    tasks = ls.Mixture([ls.DataTask("a", X, X @ [1.0, 2.0, 3.0])])
    exact = ls.simulate(
        tasks,
        ls.Estimator(pooled),
        STEP,
        ls.Training(T, n1=5, n2=5),
        sampling="without_replacement",
        repeats=2,
        tasks=5,
        progress=False,
    )
    assert np.allclose(exact.solutions, [1.0, 2.0, 3.0])


def test_sgd_by_rates_a_method_needs_none_for_it():
    plan = ls.Training(T, n1=5, n2=5, solver="sgd", learning_rate={"NAL": 0.1})
    assert simulate(ls.NAL(), ls.Estimator(pooled), training=plan, repeats=2).solutions.shape == (2, 2, 3)


def test_a_sweep_by_processes():
    given = {"over": {"rho_hard": [0.2, 0.5]}, "seeds": [0], "repeats": 2, "tasks": 5, "progress": False}
    both = [
        ls.sweep(WORLD, [ls.NAL(), ls.Estimator(pooled)], STEP, ls.Training(T, n1=5, n2=5), workers=w, **given).table
        for w in (1, 2)
    ]  # fmt: skip
    pd.testing.assert_frame_equal(*both, check_exact=True)
    with pytest.raises(
        ValueError, match="cannot be sent to workers .*at the top of a module, or give workers=1"
    ):
        ls.sweep(
            WORLD,
            ls.Estimator(lambda draw, rng: np.zeros(3)),
            STEP,
            ls.Training(T, n1=5, n2=5),
            workers=2,
            **given,
        )


def test_a_file_tells_functions_apart():
    def make(scale):
        return eval(f"lambda draw, rng: [{scale}, [z for z in (1, {scale})]]")

    one, same, other = (ls.Estimator(make(scale), name="f") for scale in (1, 1, 2))
    assert digest(one) == digest(same) != digest(other)


def test_a_file_tells_values_apart_that_a_function_has_with_it():
    def bound(scale):
        return lambda draw, rng: scale * np.ones(3)

    def preset(scale):
        def f(draw, rng, s=scale):
            return s * np.ones(3)

        return f

    def scaled(scale, draw, rng):
        return scale * np.ones(3)

    class Called:
        def __init__(self, scale):
            self.scale = scale

        def __call__(self, draw, rng):
            return self.scale * np.ones(3)

    def calls_itself(scale):
        def first(draw, rng):
            return second(draw, rng)

        def second(draw, rng):
            return first(draw, rng) * scale

        return first

    for make in (
        bound,
        preset,
        lambda scale: partial(scaled, scale),
        Called,
        lambda scale: Called(scale).__call__,
        calls_itself,
    ):
        for a, b in (
            (1.0, 2.0),
            (np.ones(3), np.array([1.0, 1.0, 2.0])),
            ("a", "b"),
            (np.sin, np.cos),
            (np.sin, pooled),
        ):
            one, same, other = (ls.Estimator(make(value)) for value in (a, a, b))
            assert digest(one) == digest(same) != digest(other)
            assert repr(one) == repr(same)  # the same in every process


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (
            lambda draw, rng: [draw() for _ in range(T + 1)],
            {},
            "more often than the training has tasks: T = 60",
        ),
        (lambda draw, rng: np.zeros(2), {}, "must return 3 finite numbers, got float64 of shape"),
        (lambda draw, rng: np.full(3, np.nan), {}, "must return 3 finite numbers"),
        (lambda draw, rng: "here", {}, "must return 3 finite numbers"),
        (
            pooled,
            {"training": ls.Training(T, n1=5, n2=float("inf"))},
            "needs rows: give the training finite n1 and n2",
        ),
    ],
)
def test_what_does_not_fit_is_said(function, options, message):
    with pytest.raises(ValueError, match=message):
        simulate(ls.Estimator(function), repeats=2, **options)


def test_no_formula_is_known():
    own = ls.Estimator(pooled)
    for ask in (lambda: ls.optimum(WORLD, own), lambda: ls.compare(WORLD, [ls.NAL(), own], STEP)):
        with pytest.raises(
            ls.NoClosedForm, match="pooled is a function of your own.*judge it by simulate or sweep"
        ):
            ask()
    for bad in (3, {"function": pooled, "name": 3}):
        with pytest.raises(TypeError, match="function must be|name must be"):
            ls.Estimator(**bad) if isinstance(bad, dict) else ls.Estimator(bad)

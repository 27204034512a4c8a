"""Environments by a sampler: estimates near the truth, with standard errors that mean what they say.

Seeds: fixed, 80 to 120 samples of tasks where scatter is counted.
False alarms: 2e-3 for the spread of 120 z-scores; the other comparisons are exact.
Seen: a standard error that is 20% off; one without the optimum's movement, half as large again, is planted.
"""

from dataclasses import replace

import numpy as np
import pytest

import landscape as ls

TRUE = ls.HardEasy(d=3, R=3.0, r_hard=0.1, r_easy=0.1, noise=0.2)
ADAPT = ls.GradientSteps(1 / 0.9, 500)


def draw(rng):
    hard = rng.random() < 0.5
    return (0.1 if hard else 0.9), rng.normal(3.0 if hard else 0.0, np.sqrt(0.1), 3), 0.2


STARTS = [ls.NAL(), ls.MAML(ADAPT), ls.FOMAML(0.6), np.array([1.0, 0.0, -1.0])]


@pytest.mark.slow
@pytest.mark.parametrize("start", STARTS, ids=lambda s: getattr(s, "label", "point"))
def test_risks_scatter_as_their_standard_errors_say(start):
    """120 samples of 200 tasks: the z-scores' spread is 1 within 0.2 (false alarms 2e-3).

    Their mean is 0 within 0.5: a plug-in risk is biased by O(1/T), which is small here.
    """
    exact = ls.risk(TRUE, start, ADAPT).total
    z = []
    for seed in range(120):
        estimate = ls.risk(ls.from_sampler(draw, 200, seed), start, ADAPT)
        z.append(float(estimate.total - exact) / estimate.total.standard_error)
    assert 0.8 < np.std(z) < 1.2
    assert abs(np.mean(z)) < 0.5


@pytest.mark.slow
def test_optima_scatter_as_their_standard_errors_say():
    method = ls.MAML(ADAPT)
    exact = ls.optimum(TRUE, method)
    z = []
    for seed in range(80):
        environment = ls.from_sampler(draw, 200, seed)
        found = ls.optimum(environment, method)
        z.append((found.value - exact.value) / found.standard_error)
    assert 0.8 < np.std(z) < 1.2  # 240 numbers
    assert abs(np.mean(z)) < 0.3


@pytest.mark.slow
def test_a_wrong_standard_error_is_caught():
    """Without the movement of the optimum, NAL's error is half as large again as it should be."""
    exact, z = float(ls.risk(TRUE, ls.NAL(), ADAPT).total), []
    for seed in range(120):
        environment = ls.from_sampler(draw, 200, seed)
        at = ls.optimum(environment, ls.NAL())
        off = float(ls.risk(environment, ls.NAL(), ADAPT).total - exact)
        z.append(off / ls.risk(environment, at.value, ADAPT).total.standard_error)
    assert not 0.8 < np.std(z) < 1.2


def reweighted(families, i, by):
    """The drawn tasks as families with probabilities, the i-th with a share of `by` more."""
    p = np.full(len(families), (1 - by) / len(families))
    p[i] += by
    return ls.Mixture([replace(f, probability=q) for f, q in zip(families, p, strict=True)])


def influence(families, value, step=1e-5):
    """How much `value` of the environment moves with each task's share, by central differences."""
    moved = [[value(reweighted(families, i, by)) for by in (step, -step)] for i in range(len(families))]
    return np.array([(np.asarray(up) - down) / (2 * step) for up, down in moved])


@pytest.mark.parametrize("noise", [0.0, 0.7])
@pytest.mark.parametrize("start", [*STARTS, ls.NAL({"task 0": 3.0})], ids=repr)
def test_standard_errors_are_those_of_the_influence_of_each_task(start, noise):
    """Six tasks only, so that T and T - 1 differ: to first order in the shares both routes are the same numbers."""

    def few(rng):
        return rng.uniform(0.2, 0.9), rng.normal(1.0, 1.0, 3), noise * rng.random()

    environment = ls.from_sampler(few, 6, 1)
    risks = influence(environment.families, lambda e: float(ls.risk(e, start, ADAPT).total))
    by_hand = risks.std(ddof=1) / np.sqrt(6)
    assert ls.risk(environment, start, ADAPT).total.standard_error == pytest.approx(by_hand, rel=1e-6)
    steps = influence(environment.families, lambda e: float(ls.best_step(e, start, 7)))
    found = ls.best_step(environment, start, over={"m": [7, 20]})
    assert found.standard_error[0] == pytest.approx(steps.std(ddof=1) / np.sqrt(6), rel=1e-6)
    families = reweighted(environment.families, 0, 0.0)
    np.testing.assert_allclose(found, ls.best_step(families, start, over={"m": [7, 20]}), rtol=1e-12)
    if isinstance(start, ls.Method):
        moved = ls.best_step(environment, ls.optimum(environment, start).value, 7).standard_error
        assert moved != pytest.approx(found.standard_error[0], rel=1e-3), (
            "the optimum moves with the tasks, too"
        )
        optima = influence(environment.families, lambda e: ls.optimum(e, start).value)
        by_hand = optima.std(axis=0, ddof=1) / np.sqrt(6)
        np.testing.assert_allclose(ls.optimum(environment, start).standard_error, by_hand, rtol=1e-6)


def test_the_same_seed_gives_the_same_tasks():
    first, again, other = (ls.from_sampler(draw, 5, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert repr(first) == "<environment of 5 drawn tasks, d = 3>"


def test_dense_draws_and_grids():
    def dense(rng):
        root = rng.standard_normal((2, 3))
        return root @ root.T / 3, rng.standard_normal(2), 0.0

    environment = ls.from_sampler(dense, 40, 0)
    risk = ls.risk(environment, ls.NAL(), ls.GradientSteps(0.1, 10), over={"alpha": [0.1, 0.3]})
    assert risk.total.shape == risk.total.standard_error.shape == (2,)
    assert (risk.total.standard_error > 0).all()
    assert "total_error" in risk.to_frame().columns


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (3, "must be a function"),
        (lambda rng: 1.0, r"must return \(covariance, optimum, noise\)"),
        (lambda rng: (1.0, 0.0, 0.0), "optimum returned by draw must be a vector"),
        (lambda rng: (-1.0, [0.0, 1.0], 0.0), "covariance of family 'task 0'"),
    ],
)
def test_bad_samplers(bad, message):
    with pytest.raises((TypeError, ValueError), match=message):
        ls.from_sampler(bad, 5, 0)


def test_two_tasks_are_the_fewest():
    assert len(ls.from_sampler(draw, 2, 0).families) == 2
    with pytest.raises(ValueError, match="T must be"):
        ls.from_sampler(draw, 1, 0)


def test_what_is_known_exactly_has_no_standard_error():
    assert ls.risk(TRUE, ls.NAL(), ADAPT).total.standard_error is None
    assert ls.optimum(TRUE, ls.NAL()).standard_error is None

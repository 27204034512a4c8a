"""The best possible adaptation, against posteriors written out row by row, bounds, limits and every other adaptation.

Where numbers are drawn, tests are t-tests on 19 degrees of freedom at fixed seeds: |t| < 5 has a false-alarm rate of 1e-4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy
from support import random_worlds

import landscape as ls
from landscape.core.results import Estimate

POINTS = ls.Mixture([
    ls.TaskFamily("a", [[0.5, 0.2], [0.2, 0.9]], [1.0, -1.0], probability=0.3, noise=0.5),
    ls.TaskFamily("b", [0.4, 0.6], [0.0, 0.5], probability=0.7, noise=0.8),
])  # fmt: skip
SPREAD = ls.Mixture([
    ls.TaskFamily("a", [[0.5, 0.2], [0.2, 0.9]], [1.0, -1.0], [[1.0, 0.4], [0.4, 0.3]], 0.3, 0.5),
    ls.TaskFamily("b", [0.4, 0.6], [0.0, 0.5], 0.2, 0.2, 0.8),
    ls.TaskFamily("c", 0.3, 2.0, 0.0, 0.5, 0.1),
])  # fmt: skip
ONE = ls.Mixture(
    [ls.TaskFamily("a", [[0.5, 0.2], [0.2, 0.9]], [1.0, 2.0], [[1.0, 0.3], [0.3, 0.5]], noise=0.3)]
)


def best(env: Any, m: float, draws: int = 2000, rng: int = 0) -> Estimate:
    return ls.risk(env, 0.0, ls.BayesEstimator(m), draws=draws, rng=rng).total


def by_hand(env: ls.Mixture, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Posterior probabilities of the families, and the point of least expected loss, one task's rows at a time."""
    weights, A, b = [], np.zeros((env.d, env.d)), np.zeros(env.d)
    for task in (t.expanded() for t in env.tasks()):
        S, C, mu = task.inputs.Sigma.matrix(), task.spread.matrix(), task.centre
        K = X @ C @ X.T + task.inputs.noise_variance * np.eye(len(y))
        r = y - X @ mu
        density = np.exp(-r @ np.linalg.solve(K, r) / 2) / np.sqrt(np.linalg.det(2 * np.pi * K))
        for x in X:
            density *= np.exp(-x @ np.linalg.solve(S, x) / 2) / np.sqrt(np.linalg.det(2 * np.pi * S))
        weights.append(task.probability * density)
        A += weights[-1] * S
        b += weights[-1] * S @ (mu + C @ X.T @ np.linalg.solve(K, r))
    return np.array(weights) / sum(weights), np.linalg.solve(A, b)


@pytest.mark.parametrize("m", [1, 2, 5])
def test_points_are_told_apart_as_by_hand(m: int) -> None:
    """Two single tasks: nothing but the batch is random, and each batch is compared to rounding."""
    tasks, rng = [t.expanded() for t in POINTS.tasks()], np.random.default_rng(m)
    excess = ls.BayesEstimator(m).excess_given(tasks)
    for i, task in enumerate(tasks):
        X, e = task.inputs.draw(30, m, rng)
        points = [by_hand(POINTS, x, x @ task.centre + z)[1] for x, z in zip(X, e, strict=True)]
        delta = np.array(points) - task.centre
        wanted = np.einsum("nd,de,ne->n", delta, task.inputs.Sigma.matrix(), delta) / 2
        np.testing.assert_allclose(excess(i, X, e, rng), wanted, rtol=1e-9, atol=1e-14)


def simulated(env: ls.Mixture, m: int, count: int, seed: int) -> np.ndarray:
    """Losses of the point found by hand, on drawn tasks with drawn rows: nothing is integrated out."""
    rng, out = np.random.default_rng(seed), np.empty(count)
    families, optima = env.sample(count, rng)
    tasks = [t.expanded() for t in env.tasks()]
    for n, (k, w) in enumerate(zip(families, optima, strict=True)):
        X, e = tasks[k].inputs.draw(1, m, rng)
        v = by_hand(env, X[0], X[0] @ w + e[0])[1]
        out[n] = (tasks[k].inputs.Sigma.quad(v - w) + tasks[k].inputs.noise_variance) / 2
    return out


class WrongShares(ls.BayesEstimator):
    """Planted: families held to be equally likely."""

    def excess_given(self, tasks: Any) -> Any:
        return super().excess_given([replace(t, probability=1 / len(tasks)) for t in tasks])


class WrongNoise(ls.BayesEstimator):
    """Planted: every family held to have the first one's noise."""

    def excess_given(self, tasks: Any) -> Any:
        inputs = [type(t.inputs)(t.inputs.Sigma, tasks[0].inputs.noise_variance) for t in tasks]
        return super().excess_given([replace(t, inputs=x) for t, x in zip(tasks, inputs, strict=True)])


@pytest.mark.slow
def test_drawn_risks_are_those_of_full_simulation() -> None:
    """m on both sides of d; an error of 8% in the risk is four standard errors of 1,500 tasks."""
    for m in (1, 3):
        losses = simulated(SPREAD, m, 1500, m)
        found = best(SPREAD, m)
        z = (losses.mean() - float(found)) / np.hypot(losses.std() / np.sqrt(1500), found.standard_error)
        assert abs(z) < 4, (m, z)


@pytest.mark.parametrize("wrong", [WrongShares, WrongNoise])
def test_planted_errors_are_caught(wrong: type) -> None:
    """Whatever is wrong about the prior costs something, on the same draws."""
    found = ls.risk(SPREAD, 0.0, wrong(2), draws=2000).total - best(SPREAD, 2)
    if wrong is WrongShares:
        assert float(found) > 5 * found.standard_error
    else:
        assert abs(float(found)) > 5 * found.standard_error


@pytest.mark.parametrize("m", [1, 2, 3, 30])
def test_of_one_family_it_is_the_mixed_model_between_its_bounds(m: int) -> None:
    """The Bayes risk lies between Jensen's bound and the best linear step from the mean."""
    found, family = best(ONE, m, 4000), ONE.families[0]
    mixed = ls.risk(ONE, ls.PriorMean(), ls.MixedModel.of(ONE, m), draws=4000, rng=1).total
    assert abs(float(found) - float(mixed)) < 5 * np.hypot(found.standard_error, mixed.standard_error)
    S, C, s2 = family.covariance, family.spread, family.noise
    lowest = (s2 + np.trace(S @ np.linalg.inv(np.linalg.inv(C) + m * S / s2))) / 2
    P = C @ np.linalg.inv((1 + 1 / m) * S @ C + (np.trace(S @ C) + s2) / m * np.eye(2))
    highest = float(ls.risk(ONE, family.centre, ls.PreconditionedSteps((P + P.T) / 2, m)).total)
    assert lowest - 5 * found.standard_error < float(found) < highest + 5 * found.standard_error
    assert highest < 2 * lowest  # the bracket says something


def test_without_samples_it_is_pooled_training() -> None:
    for env in (SPREAD, ls.HardEasy(d=3, noise=0.2)):
        pooled = ls.risk(env, ls.NAL(), ls.GradientSteps(0.5, steps=0)).total
        assert float(best(env, 0, 20)) == pytest.approx(float(pooled), rel=1e-12)
        mean = ls.risk(env, ls.PriorMean(), ls.GradientSteps(0.5, steps=0)).total
        assert float(mean) > 1.05 * float(pooled)  # the posterior mean is not the point of least loss


def test_with_many_samples_it_is_least_squares_and_in_the_end_the_noise() -> None:
    noise = float(ls.risk(SPREAD, 0.0, ls.BayesEstimator()).total)
    assert noise == pytest.approx((0.3 * 0.5 + 0.2 * 0.8 + 0.5 * 0.1) / 2)
    assert float(best(SPREAD, np.inf)) == pytest.approx(noise)
    found = best(SPREAD, 3000)  # d sigma^2/2m in each family but the single task, which is known
    rate = (0.3 * 0.5 + 0.2 * 0.8) * 2 / (2 * 3000)
    assert float(found) - noise == pytest.approx(rate, rel=0.05)


def test_without_noise_d_samples_tell_all() -> None:
    env = ls.HardEasy(d=3, noise=0.0)
    assert 0 <= float(best(env, 3)) < 1e-12  # the root of the noise that stands for none
    assert float(best(env, 2)) > 0.1
    assert float(best(ls.TwoTasks(d=3, noise=0.0), 1)) == 0  # one sample tells two points apart
    alike = [ls.TaskFamily(n, 1.0, 1.0, d=2) for n in "ab"]
    assert float(best(ls.Mixture(alike), 1)) == 0


@pytest.mark.parametrize("spread", [1e12, 1e16])
def test_flat_priors_leave_a_tasks_own_samples(spread: float) -> None:
    """Noise is not rounded up beside optima that spread widely: sigma^2 (m - 1)/(m - d - 1)/2."""
    tasks = ls.Mixture([ls.TaskFamily("a", [1.0, 0.5], 0.0, [spread, 10 * spread], noise=0.6)])
    found, exact = best(tasks, 8), float(ls.risk(tasks, 0.0, ls.OwnShots(8)).total)
    assert abs(float(found) - exact) < 5 * found.standard_error < 0.05 * exact


@pytest.mark.parametrize("m", [1, 4])
def test_families_far_apart_are_told_apart_whatever_the_distance(m: int) -> None:
    def apart(distance: float) -> Estimate:
        spreads = {"a": 1.0, "b": [0.5, 0.0], "c": 0.0}  # b spreads in one direction only, c is a single task
        families = [
            ls.TaskFamily(name, 1.0, k * distance, spread, noise=0.3, d=2)
            for k, (name, spread) in enumerate(spreads.items())
        ]
        return best(ls.Mixture(families), m)

    near, far = apart(1e4), apart(1e8)
    assert abs(float(far) - float(near)) < 5 * near.standard_error < 0.05 * float(near)


@pytest.mark.parametrize("kind", ["isotropic", "diagonal", "dense"])
def test_units_and_the_way_a_matrix_is_stored_do_not_matter(kind: str) -> None:
    env = random_worlds.environment(kind, np.random.default_rng(3))
    wanted = best(env, 4, 400)
    for other in (random_worlds.stored_dense(env), random_worlds.rescaled(env, np.array([1e-4, 1.0, 1e4]))):
        found = best(other, 4, 400)
        assert abs(float(found) - float(wanted)) < 5 * np.hypot(found.standard_error, wanted.standard_error)


def others(env: Any, m: int) -> list[Any]:
    ridge = ls.RidgeToStart(0.3, m)
    own = [(ls.NAL(), ls.OwnShots(m))] if abs(m - env.d) > 1 else []  # else its expected loss is infinite
    return [ls.NAL(), ls.MAML(), (ls.MAML(), ridge), *own, ls.MixedModel.of(env, m)]


def below_all(count: int, draws: int, seed: int) -> tuple[list[float], list[bool]]:
    """Paired t of every row against the best possible, and whether the mixed model was not the best of the rest."""
    rng, t, beaten = np.random.default_rng(seed), [], []
    for i in range(count):
        env = random_worlds.environment(("isotropic", "diagonal", "dense")[i % 3], rng, d=2)
        m = int(rng.integers(1, 12))
        rows = [*others(env, m), ls.BayesEstimator(m)]
        found = ls.compare(env, rows, ls.GradientSteps(0.7, m), draws=draws, rng=i)
        floor, totals = found.risk("best possible").total, [found.risk(n).total for n in found.labels[:-1]]
        t += [float(x - floor) / (x - floor).standard_error for x in totals]
        lower, upper = ls.bayes_bounds(env, m)
        t += [float(floor - lower) / floor.standard_error, float(upper - floor) / floor.standard_error]
        margins = [totals[-1] - x for x in totals[:-1]]
        beaten.append(any(float(x) > 4 * x.standard_error for x in margins))
    return t, beaten


def test_nothing_beats_it_on_random_mixtures() -> None:
    t, beaten = below_all(5, 200, 0)
    assert min(t) > -5
    assert np.mean(np.array(t) > 4) > 0.7


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:a few draws carry most of the scatter")  # of own shots on d + 2 samples
def test_nothing_beats_it_on_200_random_mixtures() -> None:
    """1,000 paired comparisons; the mixed model, whose prior is one normal law, is beaten by plain rows here and there."""
    t, beaten = below_all(200, 400, 1)
    assert min(t) > -6
    assert 0 < np.mean(beaten) < 0.5


def test_it_is_drawn_on_the_same_samples_as_the_rest() -> None:
    """Of one family the mixed model is the same: the difference has a small part of the errors."""
    rows = [ls.MixedModel.of(ONE, 3), ls.BayesEstimator(3)]
    found = ls.compare(ONE, rows, draws=2000)
    a, b = (found.risk(name).total for name in found.labels)
    assert (a - b).standard_error < 0.8 * np.hypot(a.standard_error, b.standard_error)


def test_what_has_no_prior_is_refused() -> None:
    data = ls.Mixture([ls.DataTask("rows", np.eye(2), [1.0, 2.0])])
    with pytest.raises(ValueError, match="'rows' is given by its rows alone: take the best row"):
        best(data, 3)
    assert float(best(data, np.inf)) == 0
    sampled = ls.from_sampler(lambda rng: (0.5, rng.normal(size=2), 0.1), 10, rng=0)
    with pytest.raises(ValueError, match="drawn by a sampler"):
        best(sampled, 3)
    with pytest.raises(ValueError, match="replace the symbols"):
        best(ls.HardEasy(d=2, R=sympy.Symbol("R")), 3)
    with pytest.raises(ls.NoClosedForm, match="estimate it by drawing"):
        ls.risk(SPREAD, 0.0, ls.BayesEstimator(3), draws=0)
    with pytest.raises(ls.NoClosedForm, match="needs the environment"):
        ls.simulate(
            SPREAD, ls.NAL(), ls.BayesEstimator(3), ls.Training(20), repeats=2, tasks=10, progress=False
        )
    flat = [ls.TaskFamily("a", [1.0, 0.0], 1.0), ls.TaskFamily("b", [1.0, 0.5], 0.0)]
    with pytest.raises(ValueError, match="covariance of family 'a' must not be singular"):
        best(ls.Mixture(flat), 3)
    same = [replace(flat[0], name=n, centre=c, noise=0.1) for n, c in (("a", 0.0), ("b", 1.0))]
    assert 0.05 < float(best(ls.Mixture(same), 3)) < 0.2


@pytest.mark.parametrize("draws", [None, 100])
def test_without_the_law_of_the_tasks_the_same_is_said_with_and_without_draws(draws: int | None) -> None:
    rng = np.random.default_rng(0)
    rows = ls.Mixture([ls.DataTask("rows", rng.normal(size=(20, 2)), rng.normal(size=20))])
    sampled = ls.from_sampler(lambda rng: (0.5, rng.normal(size=2), 0.1), 30, rng=0)
    for env, why in ((rows, "given by its rows alone"), (sampled, "only the draws are known")):
        with pytest.raises(ls.NoClosedForm, match=why):
            ls.risk(env, 0.0, ls.BayesEstimator(6), draws=draws)
        assert float(ls.risk(env, 0.0, ls.BayesEstimator()).above_noise) == pytest.approx(0, abs=1e-12)


def test_who_draws_is_named_by_what_does_not() -> None:
    env = ls.HardEasy(d=3, noise=0.5)
    with pytest.raises(
        ls.NoClosedForm, match="risk, gain, compare, optimum and family_risks estimate it by drawing"
    ):
        ls.risk_landscape(env, ls.BayesEstimator(6))
    with pytest.raises(ls.NoClosedForm, match="judge it by risk, gain, compare or family_risks"):
        ls.risk_landscape(env, ls.BayesEstimator(6), draws=100)


def test_centres_close_to_each_other_and_far_from_0_are_told_apart() -> None:
    """Without noise one row tells: how far both are from 0 must not blur it."""
    near = ls.Mixture([
        ls.TaskFamily("a", 1.0, 1e6, probability=0.5, d=1), ls.TaskFamily("b", 1.0, 1e6 + 1e-8, probability=0.5)
    ])  # fmt: skip
    assert float(ls.risk(near, 1e6, ls.BayesEstimator(1), draws=200, rng=0).total) < 1e-12 * 1e-16


def test_noise_alone_tells_families_apart() -> None:
    """50 rows say which of two noises is a task's, though d pseudo-rows stand for them: 0.4% off at this seed, 3% without their noise."""
    quiet, loud = (ls.TaskFamily(f"{v}", 1.0, 0.0, 1.0, 0.5, noise=v, d=2) for v in (0.1, 2.0))
    worlds = [ls.Mixture([quiet, loud]), *(ls.Mixture([replace(f, probability=1.0)]) for f in (quiet, loud))]
    both, *alone = (
        float(ls.risk(env, 0.0, ls.BayesEstimator(50), draws=2000, rng=0).above_noise) for env in worlds
    )
    assert both == pytest.approx(np.mean(alone), rel=0.015)

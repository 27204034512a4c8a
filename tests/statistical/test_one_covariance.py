"""Pooled training on tasks of one covariance: mean and covariance at any T, n and d, against least squares on raw rows.

Rows are drawn and solved here, without the package.

Seeds: fixed, 20,000 runs each.
False alarms: |z| < 4.5 in every entry, 7e-6 each, so less than 3e-4 for the 41 at most of a test together.
Seen: the standard error of an entry of the covariance is about 1.5% of the largest: 10% in all of them, which is planted.
"""

from dataclasses import replace

import numpy as np
import pytest

import landscape as ls
from landscape.closed_form.finite_sample.asymptotics import Asymptotics
from landscape.core.typing import Array

RUNS = 20_000
ADAPTATION = ls.GradientSteps(0.4, 6)


def world(d: int, seed: int = 0) -> ls.Mixture:
    """Two families of one dense covariance: other centres, spreads and noises."""
    rng = np.random.default_rng(seed)
    roots = rng.standard_normal((2, d, d + 2))
    Sigma, C = roots @ roots.swapaxes(1, 2) / (d + 2) + 0.1 * np.eye(d)
    return ls.Mixture([
        ls.TaskFamily("a", Sigma, rng.standard_normal(d), C, 0.3, noise=0.3),
        ls.TaskFamily("b", Sigma, rng.standard_normal(d), 0.2, 0.7, noise=1.1),
    ])  # fmt: skip


def solutions(env: ls.Mixture, T: int, n: int, seed: int, runs: int = RUNS) -> Array:
    """Least squares on n rows of each of T tasks, shape (runs, d)."""
    rng, d = np.random.default_rng(seed), env.d
    which, optima = env.sample(T * runs, rng)
    X = rng.standard_normal((T * runs, n, d)) @ np.linalg.cholesky(env.families[0].covariance).T
    noise = np.sqrt([f.noise for f in env.families])[which]
    y = (X @ optima[:, :, None])[:, :, 0] + noise[:, None] * rng.standard_normal((T * runs, n))
    X, y = X.reshape(runs, T * n, d), y.reshape(runs, T * n, 1)
    out: Array = np.linalg.solve(X.swapaxes(1, 2) @ X, X.swapaxes(1, 2) @ y)[:, :, 0]
    return out


def worst_z(values: Array, exact: Array) -> float:
    error = values.std(axis=0) / np.sqrt(len(values))
    return float(np.abs((values.mean(axis=0) - exact) / error).max())


def law_of(env: ls.Mixture, T: int, n: int) -> Asymptotics:
    return ls.asymptotics(env, ls.NAL(), ls.Training(T, n1=n - 1, n2=1))


@pytest.mark.parametrize(("T", "n", "d"), [(5, 2, 5), (4, 10, 3), (6, 3, 4), (1, 9, 3), (4, 2, 5)])
def test_every_entry_of_the_covariance(T: int, n: int, d: int) -> None:
    """Tasks of fewer rows than d, of more, and a single one; N = d + 3 (the last) has heavy tails."""
    env = world(d)
    law = law_of(env, T, n)
    assert law.is_exact
    away = solutions(env, T, n, seed=d) - law.mean
    assert worst_z(away, np.zeros(d)) < 4.5
    assert worst_z(away[:, :, None] * away[:, None, :], law.covariance) < 4.5
    F = ls.risk_landscape(env, ADAPTATION)
    assert worst_z(F.above_minimum(away + law.mean)[:, None], np.array(law.suboptimality(ADAPTATION))) < 4.5


def test_an_error_of_a_tenth_and_the_first_order_are_seen() -> None:
    env = world(3)
    law = law_of(env, 4, 4)
    away = solutions(env, 4, 4, seed=3) - law.mean
    squares = away[:, :, None] * away[:, None, :]
    assert worst_z(squares, law.covariance) < 4.5
    wrong = replace(law, between=1.1 * law.between, within=1.1 * law.within)
    for planted in (wrong, replace(law, within=law_of(env, 4, 5).within), nearly(env, 4, 4)):
        assert worst_z(squares, planted.covariance) > 4.5


def nearly(env: ls.Mixture, T: int, n: int) -> Asymptotics:
    """The same, but for covariances that differ in the twelfth digit: to first order in 1/T."""
    a, b = env.families
    other = ls.Mixture([a, replace(b, covariance=b.covariance * (1 + 1e-12))])
    with pytest.warns(ls.LandscapeWarning) if T < 100 else np.errstate():
        law = law_of(other, T, n)
    assert not law.is_exact
    return law


def test_the_limit_of_many_tasks_is_the_first_order() -> None:
    for T, digits in ((10**4, 1e-3), (10**7, 1e-6)):
        exact, first = law_of(world(3), T, 5), nearly(world(3), T, 5)
        np.testing.assert_allclose(exact.covariance, first.covariance, rtol=digits)
        np.testing.assert_allclose(exact.between.matrix(), first.between.matrix(), rtol=1e-9)
        np.testing.assert_allclose(exact.mean, first.mean, rtol=1e-8)


def test_endless_samples_and_one_dimension() -> None:
    """With n = inf only the optima are random; in d = 1 chi-square variables: E[sum g_i^2/g^2], E[1/g]."""
    env = world(3)
    law = ls.asymptotics(env, ls.NAL(), ls.Training(6, n1=3, n2=np.inf))
    np.testing.assert_allclose(law.covariance, law.between.matrix() / 6, rtol=1e-12)
    line = ls.Mixture([ls.TaskFamily("a", 0.7, 1.0, 0.4, noise=0.5, d=1)])
    T, n = 3, 4
    N = T * n
    square = n * (n + 2) / (N * (N + 2))  # of one task's share, which is a beta variable
    assert law_of(line, T, n).covariance == pytest.approx(T * square * 0.4 + 0.5 / 0.7 / (N - 2))


def test_isotropic_families_cost_nothing_and_agree_with_matrices() -> None:
    families = [ls.TaskFamily("a", 0.8, 1.0, 0.3, noise=0.2, d=4), ls.TaskFamily("b", 0.8, -1.0, 0.1, d=4)]
    dense = ls.Mixture([replace(f, covariance=f.covariance * np.eye(4)) for f in families])
    a, b = law_of(ls.Mixture(families), 7, 3), law_of(dense, 7, 3)
    assert a.is_exact
    assert b.is_exact
    np.testing.assert_allclose(a.covariance, b.covariance, rtol=1e-12)
    assert a.suboptimality(ADAPTATION) == pytest.approx(b.suboptimality(ADAPTATION), rel=1e-12)
    wide = ls.Mixture([replace(f, d=10**6) for f in families])
    assert law_of(wide, 10**6, 3).is_exact


def test_the_package_s_own_training_scatters_so() -> None:
    env, training = world(3), ls.Training(5, n1=4, n2=2)
    law = ls.asymptotics(env, ls.NAL(), training)
    run = ls.simulate(env, ls.NAL(), ADAPTATION, training, repeats=300, tasks=2, progress=False)
    away = run.solutions[0] - law.mean
    assert worst_z(away[:, :, None] * away[:, None, :], law.covariance) < 4.5


def test_what_is_not_exact_does_not_say_so() -> None:
    env, training = world(2), ls.Training(5000, n1=4, n2=2)
    assert "(exact)" in repr(ls.asymptotics(env, ls.NAL(), training))
    assert ls.asymptotics(env, ls.NAL(), training).to_frame()["how"].item() == "exact"
    for other, method in (
        (env, ls.NAL({"a": 2.0})),
        (env, ls.MAML(ls.GradientSteps(0.3, 2))),
        (ls.HardEasy(d=2), ls.NAL()),
    ):
        law = ls.asymptotics(other, method, training)
        assert not law.is_exact
        assert "(exact)" not in repr(law)
        assert law.to_frame()["how"].item() == "to first order in 1/T"


def test_infinite_covariances_are_refused() -> None:
    env = world(4)
    with pytest.raises(ValueError, match="infinite covariance in d = 4.*at least 6 in all"):
        law_of(env, 1, 5)
    with pytest.raises(ValueError, match="no unique solution in d = 4"):
        law_of(env, 1, 3)
    assert np.isfinite(law_of(env, 1, 6).covariance).all()


@pytest.mark.parametrize("n", [2, 30])
def test_required_tasks_counts_with_the_exact_law(n: int) -> None:
    env = ls.Mixture([replace(f, centre=1.0) for f in world(3).families])
    training = ls.Training(1, n1=n - 1, n2=1)
    for wanted in (0.5, 0.05, 0.005):
        answer = ls.required_tasks(env, ls.NAL(), ADAPTATION, training, suboptimality=wanted)
        law = ls.asymptotics(env, ls.NAL(), replace(training, T=answer.value))
        assert answer.suboptimality == law.suboptimality(ADAPTATION) <= wanted
        if (answer.value - 1) * n >= env.d + 2:
            law = ls.asymptotics(env, ls.NAL(), replace(training, T=answer.value - 1))
            assert law.suboptimality(ADAPTATION) > wanted

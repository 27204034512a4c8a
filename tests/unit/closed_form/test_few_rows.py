"""Training on few rows of several covariances: the law against trained solutions, and against laws known otherwise."""

from dataclasses import replace

import numpy as np
import pytest

import landscape as ls
from landscape.closed_form.finite_sample import few_rows
from landscape.closed_form.finite_sample.asymptotics import solution_law
from landscape.closed_form.finite_sample.basis import Basis

D, DRAWS = 8, 800
STEP = ls.GradientSteps(0.5, 10)
rng = np.random.default_rng(5)
A, B = rng.standard_normal((2, D, D))
SPREAD = np.diag(np.linspace(0.1, 1.0, D))
FIRST = ls.TaskFamily("a", 0.6 * A @ A.T / D, np.ones(D), 0.3 * np.eye(D), noise=0.5)
DENSE = ls.Mixture([FIRST, ls.TaskFamily("b", 0.6 * B @ B.T / D, -np.ones(D), SPREAD, noise=0.1)])
ONE = ls.Mixture([FIRST])
HARD_EASY = ls.HardEasy(d=D, R=2.0, r_hard=0.5, r_easy=0.5, noise=0.2)
EXPECTED = "ignore:the scatter of"


def trained(environment, method, training, seed=0):
    """Solutions of least norm, or with a ridge, of rows drawn by hand."""
    rng, tasks = np.random.default_rng(seed), [task.expanded() for task in environment.tasks()]
    shares = [float(task.probability) for task in tasks]
    roots = np.array([np.linalg.cholesky(task.inputs.Sigma.matrix()) for task in tasks])
    spread = [np.sqrt(task.spread.matrix()) for task in tasks]  # they are diagonal
    noise = np.sqrt([float(task.inputs.noise_variance) for task in tasks])
    inner = method.adaptation if isinstance(method, ls.MAML) else ls.GradientSteps(0.0, 1)
    n, m, T = (
        training.n1 if isinstance(method, ls.MAML) else training.n1 + training.n2,
        int(inner.m),
        training.T,
    )
    out = []
    for _ in range(DRAWS):
        f = rng.choice(len(tasks), size=T, p=shares)
        w = np.array([tasks[k].centre + spread[k] @ rng.standard_normal(D) for k in f])
        X, near = (rng.standard_normal((T, size, D)) @ roots[f].swapaxes(1, 2) for size in (n, m))
        e, e_near = (noise[f][:, None] * rng.standard_normal((T, size)) for size in (n, m))
        rows = X @ (np.eye(D) - inner.alpha * near.swapaxes(1, 2) @ near / m)
        moved = inner.alpha * np.einsum("tmd,tm->td", near, e_near) / m
        y = np.einsum("tnd,td->tn", rows, w) + e - np.einsum("tnd,td->tn", X, moved)
        rows, y = rows.reshape(-1, D), y.ravel()
        if training.ridge:
            out.append(np.linalg.solve(rows.T @ rows + training.ridge * len(y) * np.eye(D), rows.T @ y))
        else:
            out.append(np.linalg.lstsq(rows, y, rcond=None)[0])
    return np.array(out)


def off(points, law):
    """How far the law's total variance is from that of drawn points, as a share, with its standard error; and the mean coordinate."""
    squares = np.sum((points - points.mean(axis=0)) ** 2, axis=1)
    shift = float(law.mean.mean() - points.mean()), points.mean(axis=1).std() / np.sqrt(DRAWS)
    return (
        np.trace(law.covariance) / squares.mean() - 1,
        squares.std() / squares.mean() / np.sqrt(DRAWS),
        shift,
    )


CASES = [
    (HARD_EASY, ls.MAML(STEP), ls.Training(24, n1=1)),
    (HARD_EASY, ls.NAL(), ls.Training(2, n1=1, n2=1)),
    (DENSE, ls.MAML(STEP), ls.Training(8, n1=3)),
    (DENSE, ls.NAL(), ls.Training(10, n1=1, n2=1, ridge=0.1)),
    (ONE, ls.NAL(), ls.Training(4, n1=1, n2=1, ridge=0.05)),
    (ONE, ls.MAML(STEP), ls.Training(5, n1=1)),
    (ONE, ls.MAML(STEP), ls.Training(8, n1=3)),
]


@pytest.mark.filterwarnings(EXPECTED)
@pytest.mark.parametrize(
    ("environment", "method", "training"),
    [*CASES[:4:2], *(pytest.param(*case, marks=pytest.mark.slow) for case in [*CASES[1:4:2], *CASES[4:]])],
    ids=["above", "dense, above", "below", "dense, ridge", "one, ridge", "one, below", "one, above"],
)
def test_the_law_is_that_of_trained_solutions(environment, method, training):
    """Within the error that it states, 5 to 20%, and four standard errors, 2 to 7% each; the mean within a tenth of the scatter."""
    law, points = ls.asymptotics(environment, method, training), trained(environment, method, training)
    wrong, error, (shift, its_error) = off(points, law)
    assert law.how == "limit of many dimensions"
    assert abs(wrong) < law.expected_error + 4 * error
    assert abs(shift) < 4 * its_error + 0.1 * np.sqrt(np.trace(law.covariance) / D)
    assert error < 0.1


@pytest.mark.filterwarnings(EXPECTED)
def test_the_first_order_and_planted_errors_are_seen():
    environment, method, training = CASES[0]
    points = trained(environment, method, training)
    first = solution_law(environment, method, training)
    assert first.how == "to first order in 1/T"
    assert off(points, first)[0] < -0.35
    for planted in (
        ls.asymptotics(environment, method, replace(training, T=14)),
        ls.asymptotics(replace(environment, noise=2.0), method, training),
    ):
        wrong, error, _ = off(points, planted)
        assert abs(wrong) > law_error(environment, method, training) + 4 * error


def law_error(*case):
    return ls.asymptotics(*case).expected_error


@pytest.mark.parametrize("environment", [HARD_EASY, DENSE], ids=["isotropic", "dense"])
def test_many_tasks_have_the_first_order(environment):
    method, training = ls.MAML(STEP), ls.Training(10**5, n1=3)
    first, basis = solution_law(environment, method, training), Basis.of(environment)
    whole = first.between + first.within
    mean, by_optima, by_noise, _ = few_rows.law(
        basis, method, training, 3, 10, (first.bias_in_basis, whole, first.hessian_relative_variance)
    )
    np.testing.assert_allclose(basis.matrix(by_optima + by_noise), basis.matrix(whole), rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(basis.point(mean), first.mean, rtol=1e-4)


@pytest.mark.filterwarnings(EXPECTED)
def test_families_that_are_one_are_one_and_matrices_are_numbers():
    """Another solver where there are several; and isotropic families as numbers and as matrices."""
    halves = ls.Mixture([FIRST, replace(FIRST, name="c")])
    dense = ls.Mixture([replace(f, covariance=f.covariance * np.eye(D), d=None) for f in HARD_EASY.families])
    for one, other, method in ((ONE, halves, ls.MAML(STEP)), (HARD_EASY, dense, ls.NAL())):
        for training in (
            ls.Training(3, n1=1, n2=None if isinstance(method, ls.MAML) else 1),
            ls.Training(5, n1=3, n2=None if isinstance(method, ls.MAML) else 1, ridge=0.2),
        ):
            a, b = (ls.asymptotics(env, method, training) for env in (one, other))
            np.testing.assert_allclose(a.covariance, b.covariance, rtol=1e-7, atol=1e-9)
            np.testing.assert_allclose(a.mean, b.mean, rtol=1e-8, atol=1e-9)


@pytest.mark.filterwarnings(EXPECTED)
@pytest.mark.parametrize("T", [2, 5, 40, 120])
def test_where_a_law_is_exact_it_is_near(T):
    """Pooled training of one isotropic family of 60 dimensions on 2T rows, of least norm or with more rows than dimensions."""
    tasks = ls.Mixture([ls.TaskFamily("a", 0.8, 0.5, 0.3, noise=0.5, d=60)])
    training = ls.Training(T, n1=1, n2=1)
    exact = ls.asymptotics(tasks, ls.NAL(), training)
    if exact.is_regularised:
        mean, *parts, error = few_rows.law(Basis.of(tasks), ls.NAL(), training, 2, 1)
        found = sum(part.matrix()[-1, -1] for part in parts) / T
        assert mean[0] == pytest.approx(exact.law.mean[0], rel=1e-9)
        assert found == pytest.approx(exact.covariance[0, 0] - exact.covariance[0, 1], rel=error)
    else:
        mean, *parts, error = few_rows.law(Basis.of(tasks), ls.NAL(), training, 2, 1)
        assert sum(part.trace() for part in parts) / T == pytest.approx(np.trace(exact.covariance), rel=0.02)


@pytest.mark.filterwarnings(EXPECTED)
def test_a_large_ridge_leaves_nothing_and_a_step_that_undoes_all_is_refused():
    law = ls.asymptotics(HARD_EASY, ls.NAL(), ls.Training(3, n1=5, n2=5, ridge=1e9))
    assert law.standard_deviation() < 1e-8
    assert np.all(np.abs(law.mean) < 1e-8)
    tasks = ls.Mixture([ls.TaskFamily("a", 0.9, 0.0, 1.0, noise=0.1, d=D)])
    with pytest.raises(ValueError, match="is singular"):
        ls.asymptotics(tasks, ls.MAML(1 / 0.9), ls.Training(2, n1=2))

"""Train-train against train-validation: the scatter of trained solutions, and which is better."""

import numpy as np
import pytest

import landscape as ls
from landscape.closed_form.finite_sample.asymptotics import solution_law

TASKS = ls.Mixture([ls.TaskFamily("a", 0.8, 0.5, 0.3, noise=0.5, d=12)])
JUDGE, REPEATS, T = ls.GradientSteps(0.3, m=10), 60, 300
RIDGE, STEPS = ls.RidgeToStart(0.5, 20), ls.GradientSteps(0.5, 20, 3, "same")
CASES = [
    ls.TrainTrain(RIDGE),
    ls.TrainTrain(STEPS),
    ls.MAML(RIDGE),
    ls.MAML(STEPS),
    ls.MAML(ls.RidgeToStart(0.5)),
]


def score(trained, method):
    """How many standard errors the variance of a coordinate is from what is predicted."""
    found = ls.simulate(
        TASKS, trained, JUDGE, ls.Training(T, n1=8), repeats=REPEATS, tasks=2, progress=False, rng=1
    )
    squares = np.mean((found.solutions[0] - 0.5) ** 2, axis=1)
    predicted = solution_law(TASKS, method, ls.Training(T, n1=8)).covariance[0, 0]
    return (squares.mean() - predicted) / (squares.std(ddof=1) / np.sqrt(REPEATS))


@pytest.mark.parametrize(
    "method", [CASES[0], *(pytest.param(m, marks=pytest.mark.slow) for m in CASES[1:])], ids=repr
)
def test_the_law_is_that_of_trained_solutions(method):
    """The error of the limit at d = 12 is below the standard error, 4% of the variance; a chance of 3e-4 to fail."""
    law = solution_law(TASKS, method, ls.Training(T, n1=8))
    assert law.how == ("exact" if np.isinf(method.n2) else "limit of many dimensions")
    assert abs(score(method, method)) < 4


@pytest.mark.slow
def test_planted_errors_are_seen():
    """A split taken for none, and another strength."""
    assert score(CASES[0], CASES[2]) < -5
    assert score(CASES[0], ls.TrainTrain(ls.RidgeToStart(0.05, 20))) < -5


def test_steps_are_exact_and_the_limit_of_ridge_regression_is_as_near_as_it_says():
    """By 4,000 drawn spectra of 16 samples in 12 dimensions, on many tasks."""
    generator, n = np.random.default_rng(3), 16
    X = generator.standard_normal((4000, n, 12))
    s = np.linalg.eigvalsh(X.swapaxes(1, 2) @ X / n)
    noiseless = ls.Mixture([ls.TaskFamily("a", 1.0, 0.5, 0.3, d=12)])
    for inner, r, off in (
        (ls.GradientSteps(0.2, n, 2, "same"), (1 - 0.2 * s) ** 2, 0.01),
        (ls.RidgeToStart(0.5, n), 0.5 / (s + 0.5), 0.04),
    ):
        law = solution_law(noiseless, ls.TrainTrain(inner), ls.Training(10**7))
        drawn = np.mean(s**2 * r**4) / np.mean(s * r**2) ** 2
        assert law.covariance[0, 0] * 10**7 / 0.3 == pytest.approx(drawn, rel=off)


def test_without_noise_no_split_is_as_good_as_none():
    """Theorem 3 of Bai et al. (2021): the best strength of train-train beats all splits of the same 30 samples and strengths."""
    tasks = ls.Mixture([ls.TaskFamily("a", 1.0, 0.0, 1.0, d=30)])

    def scatter(method, n1=1):
        return solution_law(tasks, method, ls.Training(1000, n1=n1)).covariance[0, 0]

    strengths = np.geomspace(0.01, 100, 25)
    together = min(scatter(ls.TrainTrain(ls.RidgeToStart(g, 30))) for g in strengths)
    apart = min(
        scatter(ls.MAML(ls.RidgeToStart(g, 30 - n1)), n1) for g in strengths for n1 in (5, 15, 25, 29)
    )
    assert together < 0.75 * apart


def test_what_takes_several_batches_is_refused():
    with pytest.raises(ValueError, match="takes one batch"):
        ls.TrainTrain(ls.GradientSteps(0.5, 20, 3))
    with pytest.raises(ls.NoClosedForm, match="known for gradient steps"):
        ls.optimum(TASKS, ls.TrainTrain(RIDGE), draws=0)
    with pytest.raises(ValueError, match="does not adapt"):
        ls.optimum(TASKS, ls.TrainTrain(ls.GradientSteps(0.0, 20)))

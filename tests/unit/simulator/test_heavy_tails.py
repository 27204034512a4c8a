"""Losses whose error bars lie: integrated out where that is known, said where it is not."""

import warnings

import numpy as np
import pytest

import landscape as ls

D = 10
TASKS = ls.Mixture([ls.TaskFamily("task", 1.0, 0.0, 1 / D, noise=0.1, d=D)])
TRAINING = ls.Training(60, n1=20, n2=20)


def scores(adaptation, judged=None, tasks=300, repeats=8, **options):
    """Each repeat's error of the mean loss, in standard errors as they are told."""
    found = ls.simulate(
        TASKS,
        [ls.NAL(), ls.PriorMean()],
        adaptation,
        TRAINING,
        repeats=repeats,
        tasks=tasks,
        progress=False,
        rng=3,
        **options,
    )
    exact = ls.risk_landscape(TASKS, judged or adaptation)(found.solutions)
    return (found.losses - exact) / np.sqrt(np.diagonal(found.covariances, axis1=1, axis2=2).T)


def test_ten_steps_on_one_batch_have_honest_errors():
    """By the isotropic moments, exact; of plain draws the scores are several times too large, and it is said."""
    deep = ls.GradientSteps(0.66, 20, 10, "same")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        honest = scores(deep)
    assert np.sqrt(np.mean(honest**2)) < 1.6
    assert abs(honest.mean()) < 4 / np.sqrt(honest.shape[1])
    with pytest.warns(ls.LandscapeWarning, match="a few draws carry most of the scatter"):
        plain = scores(deep, sampling="bartlett")
    assert np.sqrt(np.mean(plain**2)) > 2


@pytest.mark.slow
def test_a_planted_error_is_seen():
    """A step 1% larger than what is judged."""
    off = scores(
        ls.GradientSteps(0.60, 20, 10, "same"), judged=ls.GradientSteps(0.606, 20, 10, "same"), repeats=16
    )
    assert abs(off.mean()) > 4 / np.sqrt(off.shape[1])


def test_floors_are_what_label_noise_costs():
    """From each task's own optimum; families of unlike chances and noises."""
    two = ls.Mixture(
        [
            ls.TaskFamily("a", [0.3, 0.9], 0.0, 1.0, noise=0.5, probability=0.2),
            ls.TaskFamily("b", [0.8, 0.2], 1.0, 0.5, probability=0.8),
        ]
    )
    steps = ls.GradientSteps(0.5, 8, 4, "same")
    found = ls.simulate(two, ls.NAL(), steps, TRAINING, repeats=4, tasks=1000, progress=False)
    plain = ls.simulate(
        two, ls.NAL(), steps, TRAINING, repeats=4, tasks=4000, sampling="bartlett", progress=False
    )
    np.testing.assert_array_equal(found.solutions, plain.solutions)
    for part in ("losses", "above_noise"):
        difference = getattr(found, part) - getattr(plain, part)
        assert abs(difference.mean()) < 4 * np.sqrt(np.mean(found.covariances + plain.covariances) / 4)


@pytest.mark.parametrize("m", [D - 3, D - 2, D + 1, D + 2, D + 3])
def test_own_shots_near_the_dimension_are_told(m):
    with pytest.warns(ls.LandscapeWarning, match="infinite variance"):
        ls.simulate(TASKS, ls.NAL(), ls.OwnShots(m), TRAINING, repeats=2, tasks=20, progress=False)


def test_drawn_risks_tell_it_too_and_others_do_not():
    with pytest.warns(ls.LandscapeWarning, match="cannot be trusted"):
        ls.risk(TASKS, 0.0, ls.OwnShots(D + 3), draws=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ls.risk(TASKS, 0.0, ls.OwnShots(D + 4), draws=20)
        ls.simulate(
            TASKS, ls.NAL(), ls.GradientSteps(0.5, 20), TRAINING, repeats=2, tasks=200, progress=False
        )

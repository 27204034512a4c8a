"""Value objects: repr evaluates back, equality and hash know arrays, replace works."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

import landscape as ls
from landscape import (
    BIMAML,
    FOMAML,
    HFMAML,
    MAML,
    NAL,
    BaMAML,
    DataTask,
    GradientSteps,
    HardEasy,
    Mixture,
    PreconditionedSteps,
    Reptile,
    RidgeToStart,
    TaskFamily,
    Training,
    TwoTasks,
)

OBJECTS = [
    HardEasy(), HardEasy(d=3, rho_hard=0.2, noise=1.0), TwoTasks(w_easy=0.0), GradientSteps(0.5), GradientSteps(0.5, m=20, steps=2),
    NAL(), NAL({"hard": 2.0}, batch=10), MAML(0.5), MAML(GradientSteps(0.5, m=20), hessian="independent"), FOMAML(0.1), HFMAML(0.1),
    Reptile(GradientSteps(0.1, steps=3)), MAML(RidgeToStart(1.0)), BaMAML(1.0, train_share=0.5), Training(100, tau=2), MAML(), FOMAML(),
    MAML(PreconditionedSteps([0.1, 0.5], m=4)), BIMAML(0.5, threshold=0.1), Training(100, n2=float("inf")),
    Training(20, solver="sgd", learning_rate={"NAL": 0.1}), Mixture([TaskFamily("a", [[1.0, 0.2], [0.2, 1.0]], spread=2.0, noise=0.5)]),
    Mixture([DataTask("a", [[1.0, 0.0], [0.0, 2.0]], [1.0, 2.0], ridge=0.1)]),
]  # fmt: skip


@pytest.mark.parametrize("thing", OBJECTS, ids=repr)
def test_repr_evaluates_back(thing):
    again = eval(repr(thing))
    assert again == thing
    assert hash(again) == hash(thing)
    assert repr(again) == repr(thing)


@pytest.mark.parametrize("thing", OBJECTS, ids=repr)
def test_pickles_come_back(thing):
    assert pickle.loads(pickle.dumps(thing)) == thing


def test_defaults_are_left_out():
    assert repr(HardEasy(R=3)) == "HardEasy(R=3.0)"
    assert repr(MAML(GradientSteps(0.5, m=20))) == "MAML(GradientSteps(0.5, m=20))"


def test_arrays_compare_by_value():
    first, same, other = (TaskFamily("a", 1.0, centre) for centre in ([1, 2], [1.0, 2.0], [1, 3]))
    assert first == same
    assert hash(first) == hash(same)
    assert first != other
    assert first != TaskFamily("a", 1.0, d=2)


def test_minus_zero_is_zero():
    """What is equal has one hash: version one told [-0, 1] from [0, 1]."""
    first, same = (TaskFamily("a", 1.0, centre) for centre in ([0.0, 1.0], [-0.0, 1.0]))
    assert first == same
    assert hash(first) == hash(same)


def test_replace_checks_again():
    assert replace(HardEasy(), R=3).R == 3.0
    with pytest.raises(ValueError, match="rho_hard must be"):
        replace(HardEasy(), rho_hard=-1)


def test_arrays_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        TaskFamily("a", 1.0, [1.0, 2.0]).centre[0] = 5


def test_a_callers_array_stays_writable_and_apart():
    mine = np.eye(2)
    family = TaskFamily("a", mine)
    mine[0, 0] = 7
    assert family.covariance[0, 0] == 1


def test_classes_are_what_they_are_called():
    for name in ("HardEasy", "TwoTasks", "Mixture", "TaskFamily", "NAL", "MAML", "GradientSteps", "Training"):
        kind = getattr(ls, name)
        assert isinstance(kind, type)
        assert kind.__name__ == name
    assert all(issubclass(kind, ls.Environment) for kind in (HardEasy, TwoTasks, Mixture))
    assert not issubclass(TaskFamily, ls.Environment)


def test_families_of_the_papers_environments():
    hard, easy = HardEasy(noise=0.2).families
    rebuilt = Mixture([hard, easy])
    adaptation = GradientSteps(1.0, m=20)
    for method in (NAL(), MAML()):
        total = ls.risk(rebuilt, method, adaptation).total
        assert total == pytest.approx(ls.risk(HardEasy(noise=0.2), method, adaptation).total)


@pytest.mark.parametrize("thing", [HardEasy(), GradientSteps(0.5, 3), MAML(0.5), OBJECTS[-2]], ids=repr)
def test_jupyter_shows_something(thing):
    shown = thing._repr_html_() if hasattr(thing, "_repr_html_") else thing._repr_latex_()
    assert shown.startswith(("$", "<table"))


def test_sampled_optima_have_the_stated_moments():
    rng = np.random.default_rng(0)
    spread = np.array([[1.0, 0.6], [0.6, 2.0]])
    environment = Mixture(
        [TaskFamily("a", np.eye(2), [1.0, -1.0], spread, 0.3), TaskFamily("b", 1.0, 5.0, probability=0.7)]
    )
    families, optima = environment.sample(40_000, rng)
    here = optima[families == 0]
    assert (families == 0).mean() == pytest.approx(0.3, abs=0.01)
    np.testing.assert_allclose(here.mean(axis=0), [1, -1], atol=0.05)
    np.testing.assert_allclose(np.cov(here.T), spread, atol=0.06)
    np.testing.assert_array_equal(optima[families == 1], 5)

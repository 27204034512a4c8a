"""Value objects: repr evaluates back, equality and hash know arrays, replace works."""

from dataclasses import replace

import numpy as np
import pytest

import landscape as ls
from landscape import (
    FOMAML,
    HFMAML,
    IMAML,
    MAML,
    NAL,
    Adaptation,
    BaMAML,
    Reptile,
    Training,
    hard_easy,
    two_tasks,
)

OBJECTS = [
    hard_easy(), hard_easy(d=3, rho_hard=0.2, noise=1.0), two_tasks(w_easy=0.0), Adaptation(0.5), Adaptation(0.5, m=20, steps=2),
    NAL(), NAL({"hard": 2.0}, batch=10), MAML(0.5), MAML(0.5, n2=20, hessian="independent"), FOMAML(0.1), HFMAML(0.1),
    Reptile(0.1, steps=3), IMAML(1.0), BaMAML(1.0, train_share=0.5), Training(100, tau=2), MAML.matching(Adaptation(0.5, m=20)),
]  # fmt: skip


@pytest.mark.parametrize("thing", OBJECTS, ids=repr)
def test_repr_evaluates_back(thing):
    again = eval(repr(thing))
    assert again == thing
    assert hash(again) == hash(thing)


def test_defaults_are_left_out():
    assert repr(hard_easy(R=3)) == "hard_easy(R=3.0)"
    assert repr(MAML(0.5, n2=20)) == "MAML(0.5, n2=20)"


def test_arrays_compare_by_value():
    first, same, other = (hard_easy(R=R) for R in ([1, 2], [1.0, 2.0], [1, 3]))
    assert first == same
    assert hash(first) == hash(same)
    assert first != other
    assert first != hard_easy()


def test_replace_checks_again():
    assert replace(hard_easy(), R=3).R == 3.0
    with pytest.raises(ValueError, match="rho_hard must be"):
        replace(hard_easy(), rho_hard=-1)


def test_arrays_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        hard_easy(R=[1.0, 2.0]).R[0] = 5


def test_a_callers_array_stays_writable_and_apart():
    mine = np.eye(2)
    family = ls.TaskFamily("a", mine)
    mine[0, 0] = 7
    assert family.covariance[0, 0] == 1


def test_families_of_the_papers_environments():
    hard, easy = hard_easy(noise=0.2).families
    rebuilt = ls.Environment([hard, easy])
    adaptation = Adaptation(1.0, m=20)
    for method in (NAL(), MAML.matching(adaptation)):
        assert ls.risk(rebuilt, method, adaptation).total == pytest.approx(
            ls.risk(hard_easy(noise=0.2), method, adaptation).total
        )


@pytest.mark.parametrize("thing", [hard_easy(), Adaptation(0.5, 3), MAML(0.5)], ids=repr)
def test_jupyter_shows_something(thing):
    shown = thing._repr_latex_() if hasattr(thing, "_repr_latex_") else thing._repr_html_()
    assert shown.startswith(("$", "<table"))


def test_sampled_optima_have_the_stated_moments():
    rng = np.random.default_rng(0)
    spread = np.array([[1.0, 0.6], [0.6, 2.0]])
    environment = ls.Environment(
        [
            ls.TaskFamily("a", np.eye(2), [1.0, -1.0], spread, 0.3),
            ls.TaskFamily("b", 1.0, 5.0, probability=0.7),
        ]
    )
    families, optima = environment.sample(40_000, rng)
    here = optima[families == 0]
    assert (families == 0).mean() == pytest.approx(0.3, abs=0.01)
    np.testing.assert_allclose(here.mean(axis=0), [1, -1], atol=0.05)
    np.testing.assert_allclose(np.cov(here.T), spread, atol=0.06)
    np.testing.assert_array_equal(optima[families == 1], 5)

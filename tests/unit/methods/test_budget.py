"""How much data a training has: what it refuses, and whose learning rate is whose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import landscape as ls

BY_NAME = ls.Training(20, n2=5, solver="sgd", learning_rate={repr(ls.MAML(0.5)): 0.1, "NAL": 0.2})


def test_learning_rates_are_found_by_label_or_by_the_whole_method() -> None:
    methods = [ls.MAML(0.5), ls.NAL()]
    BY_NAME.check_rates(methods)
    assert [BY_NAME.rate(method) for method in methods] == [0.1, 0.2]
    assert [BY_NAME.of(method).learning_rate for method in methods] == [0.1, 0.2]
    with pytest.raises(ValueError, match="method in learning_rate 'NAL'"):
        BY_NAME.check_rates(methods[:1])
    with pytest.raises(ValueError, match="method in learning_rate 'FO-MAML'"):
        BY_NAME.check(ls.FOMAML(0.5))
    one = ls.Training(20, solver="sgd", learning_rate=0.3)
    assert one.of(ls.NAL()) is one
    assert one.rate(ls.NAL()) == 0.3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"T": 10, "task_batch": 2}, 'task_batch belong to solver="sgd"'),
        ({"T": 10, "learning_rate": 0.1}, 'learning_rate and task_batch belong to solver="sgd"'),
        ({"T": 10, "solver": "sgd"}, "needs a learning_rate"),
        ({"T": 10, "solver": "sgd", "learning_rate": 0.1, "task_batch": 3}, "multiple of task_batch = 3, got 10"),
        ({"T": 10, "solver": "sgd", "learning_rate": {"NAL": -1.0}}, r"learning_rate\['NAL'\]"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ls.Training(**given)


def test_batches_of_a_method_and_of_a_training_agree_or_are_refused() -> None:
    weighed = ls.NAL({"hard": 2.0}, batch=4)
    plan = {"solver": "sgd", "learning_rate": 0.1}
    ls.Training(8, task_batch=4, **plan).check(weighed)
    ls.Training(8).check(weighed)
    with pytest.raises(ValueError, match="set task_batch=4"):
        ls.Training(8, task_batch=2, **plan).check(weighed)
    with pytest.raises(ValueError, match="multiple of the batch of 4 tasks"):
        ls.Training(6).check(weighed)


def test_who_says_how_many_inner_samples() -> None:
    open_, own = ls.MAML(0.5), ls.MAML(ls.GradientSteps(0.5, 7))
    assert ls.Training(5).inner(ls.NAL(), 12) == 12
    assert ls.Training(5, n2=9).inner(ls.NAL(), 12) == 9
    assert ls.Training(5, n2=7).inner(own, 12) == 7
    assert ls.Training(5).inner(own, 12) == 7
    assert np.isinf(ls.Training(5).inner(open_, np.inf))
    with pytest.raises(ValueError, match="contradicts"):
        ls.Training(5, n2=9).inner(own, 12)


def test_what_is_left_open() -> None:
    """Collins et al., C.1, take 25 outer samples of a task."""
    assert ls.Training(5) == ls.Training(T=5, tau=1, n1=25, n2=None, solver="exact", task_batch=1)
    assert ls.Training(5) != ls.Training(5, n1=24)

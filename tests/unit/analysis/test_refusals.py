"""What cannot be answered is said, with the cure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import landscape as ls

ONE = ls.Mixture([ls.TaskFamily("a", 1.0, 0.0, d=1)])
EXPLODES = ls.GradientSteps(1e20, 5, steps=30)


@pytest.mark.parametrize(
    "asked",
    [
        lambda: ls.risk(ONE, 1.0, EXPLODES, draws=40),
        lambda: ls.gain(ONE, 0.0, EXPLODES, against=1.0, draws=40),
        lambda: ls.win_probability(ONE, 0.0, EXPLODES, against=1.0, draws=40),
        lambda: ls.win_probability(ONE, 1.0, EXPLODES, against=0.0, draws=40),
    ],
)
def test_one_start_that_explodes_is_said(asked: Callable[[], Any]) -> None:
    """Also where other starts stay small; never a warning of NumPy."""
    with pytest.raises(ValueError, match="too large"):
        asked()


HARD = ls.HardEasy(d=2)
ROWS = ls.from_data({name: (np.eye(4, 2) + k, np.arange(4.0)) for k, name in enumerate("ab")})
REFUSED = {
    "own shots of data": (lambda: ls.risk_landscape(ROWS, ls.OwnShots(5)), "OwnShots has no exact risk for these inputs"),
    "a class for a start": (lambda: ls.risk(HARD, ls.NAL, 0.5), r"got <class .*NAL'>; write NAL\(\.\.\.\)$"),
    "text for a start": (lambda: ls.risk(HARD, "NAL", 0.5), "or a point, got 'NAL'$"),
    "a function of nothing": (lambda: ls.risk(lambda q: HARD, 0.0, 0.5), r"a function of 'q' was given.*over={'q'"),
    "two steps": (lambda: ls.HFMAML(ls.GradientSteps(0.5, 5, 2)), "one gradient step, got GradientSteps"),
    "no steps": (lambda: ls.HFMAML(ls.RidgeToStart(1.0)), "one gradient step, got RidgeToStart"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_why(name: str) -> None:
    asked, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError, ls.NoClosedForm), match=message):
        asked()


def test_where_nothing_is_exact_agreement_says_that_nothing_is_compared() -> None:
    """Limits are no exact answers: no z-score, and no chance of one."""
    ridge = ls.RidgeToStart(0.3, 10)
    options = {"repeats": 2, "tasks": 20, "progress": False}
    made = ls.simulate(ls.HardEasy(d=2), ls.MAML(ridge), ridge, ls.Training(T=30), **options)
    check = ls.agreement(made, gradient_tasks=0)
    assert check.headline().startswith("nothing is compared")
    assert check.chance() == 1
    exact = ls.simulate(ls.HardEasy(d=2), ls.MAML(), 0.3, ls.Training(T=30), **options)
    assert ls.agreement(exact, gradient_tasks=0).headline().startswith("largest |z| of 1 comparison")

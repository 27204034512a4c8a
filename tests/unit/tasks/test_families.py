"""Families and environments of one's own: how they are kept and declared, and what is taken for one by mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import landscape as ls
from landscape.core import real
from landscape.core.parameters import keyword_record, parameters
from landscape.nonlinear import LogisticTask, NonlinearEnvironment
from landscape.tasks.presets import IsotropicPair, varying


def test_numbers_stay_one_entry_in_any_dimension() -> None:
    numbers = [ls.TaskFamily("a", 0.5, 1.0, 0.3, noise=0.1), ls.TaskFamily("b", 2.0, -1.0, 0.2, d=10**6)]
    for task in ls.Mixture(numbers).tasks():
        assert task.inputs.Sigma.d == 10**6
        assert task.centre.shape == task.inputs.Sigma.diagonal().shape == task.spread.diagonal().shape == (1,)
    vector = ls.Mixture([ls.TaskFamily("a", 0.5, 1.0), ls.TaskFamily("b", 2.0, [1.0, 2.0, 3.0])])
    assert [task.centre.tolist() for task in vector.tasks()] == [[1.0, 1.0, 1.0], [1.0, 2.0, 3.0]]
    matrix = ls.Mixture([ls.TaskFamily("a", 0.5, 1.0), ls.TaskFamily("b", [[2.0, 0.3], [0.3, 1.0]], -1.0)])
    assert [task.centre.tolist() for task in matrix.tasks()] == [[1.0, 1.0], [-1.0, -1.0]]


def test_an_environment_of_ones_own_has_defaults_and_grids() -> None:
    @keyword_record
    class Mirrored(IsotropicPair):
        """Declared as the papers' environments are."""

        u: float = varying(real, 0.75, "u", "optimum of the hard task; the easy one's is -u", (-1.0, 1.0))

        def _rows(self) -> Iterator[tuple[str, Any, Any, Any, Any]]:
            yield "hard", 0.5, self.rho_hard, self.u, 0.0
            yield "easy", 0.5, self.rho_easy, -self.u, 0.0

    mine = Mirrored(rho_hard=0.3, d=2)
    assert repr(mine) == "Mirrored(d=2, rho_hard=0.3)"
    assert mine.u == 0.75
    declared = {p.name: p for p in parameters(Mirrored)}["u"]
    assert (declared.domain, declared.symbol, declared.typical) == (real, "u", (-1.0, 1.0))
    found = ls.optimum(mine, ls.MAML(0.6), over={"u": [0.75, 2.0]})
    for point, u in zip(found, (0.75, 2.0), strict=True):
        same = ls.TwoTasks(rho_hard=0.3, d=2, rho_easy=0.9, w_hard=u, w_easy=-u)
        np.testing.assert_allclose(point, ls.optimum(same, ls.MAML(0.6)), rtol=1e-12)
    with pytest.raises(ValueError, match="u must be"):
        Mirrored(u=np.inf)


def test_typical_values_are_allowed_and_the_default_is_one() -> None:
    declared = [(getattr(env, p.name), p) for env in (ls.HardEasy(), ls.TwoTasks()) for p in parameters(env)]
    for default, p in declared:
        low, high = p.typical
        assert low <= default <= high
        assert low < high
        assert [p.check(value) for value in p.typical] == [low, high]


def test_the_two_tasks_may_be_swapped_and_mirrored() -> None:
    """Neither the sign nor the order of optima means anything: so they move in the same range, about 0."""
    here, there = (ls.TwoTasks(w_hard=s * 1.5, w_easy=s * 0.4).tasks() for s in (1, -1))
    assert (
        [task.centre.tolist() for task in here]
        == [(-task.centre).tolist() for task in there]
        == [[1.5], [0.4]]
    )
    ranges = {p.name: p.typical for p in parameters(ls.TwoTasks)}
    low, high = ranges["w_hard"]
    assert ranges["w_easy"] == (low, high) == (-high, -low)


@pytest.mark.parametrize(
    ("value", "cure"),
    [
        (3, ""),
        (None, ""),
        (ls.TaskFamily("a", 1.0, d=2), "; wrap it: Mixture([family])"),
        ({"y": [1.0]}, "; make one of it by from_data(table, target, task)"),
        ("rows.csv", "; make one of it by from_data(table, target, task)"),
        (ls.HardEasy, "; write HardEasy(...)"),
        (NonlinearEnvironment([LogisticTask("a", [1.0, 1.0])]), "or take landscape.nonlinear.linearised(environment)"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_no_environment_is_told_how_to_make_one(value: Any, cure: str) -> None:
    with pytest.raises(
        TypeError, match=r"must be an Environment, .* got .*" + re.escape(cure) + "$"
    ) as caught:
        ls.optimum(value, ls.NAL())
    assert bool(cure) == ("; " in str(caught.value))
    if not cure:
        assert str(caught.value).endswith(f"got {value}")

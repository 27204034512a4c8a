"""Several steps with a matrix that is not symmetric: every batch of a few rows, one after another, by hand."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import landscape as ls
from landscape.core.parameters import record
from landscape.linalg.quadratic import QuadraticForm

RNG = np.random.default_rng(8)
X, Y, START = RNG.exponential(size=(3, 2)) - 0.4, RNG.exponential(size=3), RNG.normal(size=2)
P = np.array([[0.5, 0.3], [-0.2, 0.4]])


def enumerated(P: np.ndarray, m: int, steps: int, ridge: float) -> float:
    """The loss over all rows after steps on every sequence of batches with replacement, in the mean."""
    batches = [list(rows) for rows in itertools.product(range(3), repeat=m)]
    losses = []
    for path in itertools.product(batches, repeat=steps):
        v = START
        for rows in path:
            v = v - P @ (X[rows].T @ (X[rows] @ v - Y[rows]) / m + ridge * v)
        losses.append(np.mean((X @ v - Y) ** 2) / 2 + ridge * v @ v / 2)
    return float(np.mean(losses))


def risk(step: Any, ridge: float) -> float:
    return float(ls.risk(ls.Mixture([ls.DataTask("a", X, Y, ridge=ridge)]), START, step).total)


@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize(("m", "steps"), [(1, 1), (2, 1), (1, 2), (2, 2), (1, 3)])
@pytest.mark.parametrize("matrix", [P, np.diag([0.5, 0.2])], ids=["full", "diagonal"])
def test_all_batches_of_rows_after_several_steps(
    matrix: np.ndarray, m: int, steps: int, ridge: float
) -> None:
    step = matrix if matrix[0, 1] else np.diag(matrix)
    wanted = enumerated(matrix, m, steps, ridge)
    assert risk(ls.PreconditionedSteps(step, m, steps), ridge) == pytest.approx(wanted, rel=1e-11)


@record
class LinearTermDropped(ls.PreconditionedSteps):
    """Planted: what the later steps' noise owes to the rows is forgotten by the earlier ones."""

    def after_step(self, moments: Any, form: Any, K: Any) -> QuadraticForm:
        return super().after_step(moments, QuadraticForm(form.A, None, form.c), K)


def test_a_forgotten_linear_term_is_seen() -> None:
    wrong = LinearTermDropped(P, 1, 2)
    assert abs(risk(wrong, 0.0) / enumerated(P, 1, 2, 0.0) - 1) > 0.01
    assert risk(ls.PreconditionedSteps(P.T, 1, 2), 0.0) != pytest.approx(enumerated(P, 1, 2, 0.0), rel=0.01)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_reptile_goes_to_the_mean_weighed_by_what_steps_take_off(steps: int) -> None:
    """A = I - (I - P Sigma)^k, where the step sizes and the inputs are by coordinate."""
    rng = np.random.default_rng(9)
    S, centres, sizes = rng.uniform(0.2, 1, (2, 3)), rng.normal(size=(2, 3)), np.array([0.9, 0.3, 0.5])
    env = ls.Mixture([ls.TaskFamily(f"{i}", s, w) for i, (s, w) in enumerate(zip(S, centres, strict=True))])
    taken = 1 - (1 - sizes * S) ** steps
    found = ls.optimum(env, ls.Reptile(ls.PreconditionedSteps(sizes, 7, steps)))
    np.testing.assert_allclose(found, np.sum(taken * centres, axis=0) / taken.sum(axis=0), rtol=1e-12)
    with pytest.raises(ls.NoClosedForm, match="not a minimum"):
        ls.optimum(env, ls.Reptile(ls.PreconditionedSteps(np.diag(sizes), 7, steps)), draws=0)

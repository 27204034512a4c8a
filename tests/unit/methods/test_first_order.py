"""Methods without second derivatives: what they are known for, at general parameters, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import landscape as ls

FAMILIES = [
    ls.TaskFamily("a", [[0.9, 0.3], [0.3, 0.5]], [1.0, -2.0], probability=0.3, noise=0.2),
    ls.TaskFamily("b", [0.4, 1.1], [-0.5, 0.7], 0.6, probability=0.7),
]
ALPHA, STEPS = 0.7, 3


def weight(kind: type, S: np.ndarray, k: int) -> np.ndarray:
    """A of a task's form (w - w_i)'A(w - w_i)/2, written out."""
    K = np.linalg.matrix_power(np.eye(2) - ALPHA * S, k)
    return {ls.FOMAML: S @ K, ls.Reptile: np.eye(2) - K, ls.HFMAML: K @ S @ K}[kind]


@pytest.mark.parametrize("m", [4, np.inf])
@pytest.mark.parametrize(("kind", "k"), [(ls.FOMAML, STEPS), (ls.Reptile, STEPS), (ls.HFMAML, 1)])
def test_optima_are_means_weighed_as_written_out(kind: Any, k: int, m: float) -> None:
    """Whatever the batch sizes, for gradients are linear in the data."""
    A, b = np.zeros((2, 2)), np.zeros(2)
    for f in FAMILIES:
        S = f.covariance if f.covariance.ndim == 2 else np.diag(f.covariance)
        W = f.probability * weight(kind, S, k)
        A, b = A + W, b + W @ f.centre
    found = ls.optimum(ls.Mixture(FAMILIES), kind(ls.GradientSteps(ALPHA, m, k)))
    np.testing.assert_allclose(found, np.linalg.solve(A, b), rtol=1e-11)


def test_hessian_free_maml_is_known_for_one_gradient_step() -> None:
    env = ls.Mixture(FAMILIES)
    assert np.isfinite(ls.optimum(env, ls.HFMAML(ls.GradientSteps(0.5, 20)))).all()
    more, none = ls.GradientSteps(0.5, steps=2), ls.GradientSteps(0.5, steps=0)
    for inner in (more, none, ls.RidgeToStart(0.5, 20), ls.PreconditionedSteps([0.5, 0.2]), ls.OwnShots(20)):
        for make in (lambda inner=inner: ls.HFMAML(inner), lambda inner=inner: ls.HFMAML().within(inner)):
            with pytest.raises(ValueError, match=r"for one gradient step, got \w+\(.*write HFMAML\(0.5\)"):
                make()

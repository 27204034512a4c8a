"""Drawn tasks are computed side by side: their values are those of a mixture of the same tasks, one after another."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from support import registry

import landscape as ls

D, T = 3, 5
ADAPTATIONS = registry.adaptations()
METHODS = [kind for kind in registry.methods() if not kind.learns_step]


def drawn(kind: str = "dense") -> ls.SampledEnvironment:
    def draw(rng: np.random.Generator) -> tuple[Any, np.ndarray, float]:
        root = rng.standard_normal((D, D)) / 3
        covariance = {
            "dense": root @ root.T + 0.2 * np.eye(D),
            "diagonal": rng.uniform(0.2, 1, D),
            "one": 0.4,
        }
        return covariance[kind], rng.normal(2, 1, D), rng.uniform(0.1, 0.5)

    return ls.from_sampler(draw, T, 0)


def one_by_one(environment: ls.SampledEnvironment) -> ls.Mixture:
    return ls.Mixture(environment.families)


def parts(environment: Any, start: Any, adaptation: Any, over: Any = None) -> np.ndarray:
    after = ls.risk(environment, start, adaptation, over, draws=0)
    return np.array([after.noise, after.dispersion, after.suboptimality])


def agree(environment: ls.SampledEnvironment, start: Any, adaptation: Any, over: Any = None) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ls.LandscapeWarning)
        ours = parts(environment, start, adaptation, over)
        theirs = parts(one_by_one(environment), start, adaptation, over)
    return bool(np.allclose(ours, theirs, rtol=1e-9, atol=1e-12))


@pytest.mark.parametrize("kind", ADAPTATIONS)
def test_risks_of_every_adaptation(kind: type) -> None:
    adaptation = registry.typical(kind, np.random.default_rng(1), D)
    try:
        assert agree(drawn(), 0.5, adaptation)
    except ls.NoClosedForm:
        assert agree(drawn(), 0.5, registry.typical(kind, np.random.default_rng(1), D, m=np.inf))


@pytest.mark.parametrize("kind", METHODS)
def test_optima_of_every_method(kind: type) -> None:
    inner = ls.GradientSteps(0.3) if kind is ls.BIMAML else ls.GradientSteps(0.3, 7)
    method = registry.typical_method(kind, np.random.default_rng(1), D, inner)
    try:
        found = np.asarray(ls.optimum(drawn(), method, draws=0))
    except ls.NoClosedForm as refusal:
        pytest.skip(str(refusal))
    np.testing.assert_allclose(found, ls.optimum(one_by_one(drawn()), method), rtol=1e-9)
    assert agree(drawn(), method, ls.GradientSteps(0.5, 10))


@pytest.mark.parametrize("kind", ["dense", "diagonal", "one"])
@pytest.mark.parametrize(
    "over",
    [
        {"alpha": [0.1, 0.2], "m": [5, 10, 20]},
        {"task 3.noise": [0.1, 0.3, 0.9]},
        {"task 2.centre": [0.0, 4.0], "m": [5, 10, 20]},
        {"task 1.probability": [0.1, 0.4]},
    ],
    ids=str,
)
def test_grids(kind: str, over: Any) -> None:
    """The parameters of the adaptation, and those of one of the tasks, over the grid."""
    for start in (ls.MAML(), ls.NAL({"task 0": 3.0}), 0.5):
        assert agree(drawn(kind), start, ls.GradientSteps(0.1, 20, steps=2), over)


def test_the_risk_from_a_point_leaves_out_each_task_exactly() -> None:
    """It is a mean over tasks: its replicates are the means over all others."""
    environment, adaptation = drawn(), ls.GradientSteps(0.3, 10)
    for i, replicate in enumerate(ls.risk(environment, 0.5, adaptation).total.replicates):
        others = [f for j, f in enumerate(environment.families) if j != i]
        np.testing.assert_allclose(replicate, ls.risk(ls.Mixture(others), 0.5, adaptation).total, rtol=1e-12)


class OneNoiseForAll(ls.GradientSteps):
    """Planted: every task has the noise of the first of those beside it."""

    def form(self, moments: Any) -> Any:
        form = super().form(moments)
        return type(form)(form.A, form.b, form.c + first(moments), form.origin)


def first(moments: Any) -> Any:
    """How much larger the noise of the first task is than each one's own."""
    return np.ravel(moments.noise_variance)[0] - moments.noise_variance


def test_tasks_that_are_mixed_up_are_seen() -> None:
    assert agree(drawn(), 0.5, ls.GradientSteps(0.3, 10))
    assert not agree(drawn(), 0.5, OneNoiseForAll(0.3, 10))

"""The way back: `pullback` multiplies by the transpose of what `adapt` does to a start, on the very batches drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import registry, rows

import landscape as ls
from landscape.adaptations.base import Adaptation, Adapted

D, TASKS = 3, 4
SIGMA = np.array([[1.0, 0.4, -0.1], [0.4, 0.6, 0.2], [-0.1, 0.2, 0.3]])
KINDS = [kind for kind in registry.adaptations() if kind is not ls.BayesEstimator]  # which takes no start


def adapted(adaptation: Adaptation, W: np.ndarray) -> Adapted:
    rng = np.random.default_rng(3)
    optima = rng.standard_normal((TASKS, D))
    return adaptation.adapt(W, rows.drawer(SIGMA, 0.3, optima, rng))


def apart(adaptation: Adaptation) -> float:
    """How far g'(R v) and (R'g)'v lie apart, where R v is what a start moved by v moves the end."""
    rng = np.random.default_rng(4)
    v, g = rng.standard_normal((2, TASKS, D, 1))
    moved = adapted(adaptation, v).points - adapted(adaptation, np.zeros((TASKS, D, 1))).points
    back = adapted(adaptation, v).pullback(g)
    return float(np.max(np.abs(np.sum(g * moved, axis=1) - np.sum(back * v, axis=1))))


def made() -> list[Any]:
    typical = [registry.typical(kind, np.random.default_rng(seed), D) for kind in KINDS for seed in range(3)]
    own = [
        ls.GradientSteps(0.4, 5, 3),
        ls.GradientSteps(0.4, 5, 3, "same"),
        ls.MixedModel(SIGMA @ SIGMA, 0.4, 5),
    ]
    P = np.array([[0.4, 0.3, 0.0], [0.0, 0.5, -0.2], [0.1, 0.0, 0.3]])
    return [
        *typical,
        *own,
        ls.MixedModel([0.5, 1.0, 0.2], 0.4, 2),
        ls.PreconditionedSteps(P, 5, 2),
        ls.OwnShots(2),
    ]


@pytest.mark.parametrize("adaptation", made(), ids=repr)
def test_the_way_back_is_the_transpose_of_the_way_there(adaptation: Adaptation) -> None:
    assert apart(adaptation) < 1e-10


class OneStepBack(ls.GradientSteps):
    """Planted: goes back through the last step alone."""

    def adapt(self, W: np.ndarray, draw: Any) -> Adapted:
        there = super().adapt(W, draw)
        return Adapted(there.points, ls.GradientSteps(self.alpha, self.m).adapt(W, draw).pullback)


def test_a_wrong_way_back_is_seen() -> None:
    assert apart(OneStepBack(0.4, 5, 3)) > 1e-2

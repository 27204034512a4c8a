"""What an episode costs: the batches that a method draws, and the gradients it asks for, are those that it counts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from support import registry, rows

import landscape as ls

D, N1, N2 = 3, 11, 7


class Counted:
    """A batch that counts what is asked of it."""

    def __init__(self, batch: rows.Rows, counts: Counter[str]) -> None:
        self.batch, self.counts = batch, counts

    def __getattr__(self, name: str) -> Any:
        self.counts[name] += 1
        return getattr(self.batch, name)


def counted(method: ls.Method) -> Counter[str]:
    """Draw one episode of one task and count rows, gradients and products."""
    counts: Counter[str] = Counter()
    draw = rows.drawer(np.eye(D), 0.3, np.ones((1, D)), np.random.default_rng(0))

    def counting(n: float) -> Counted:
        counts["samples"] += int(n)
        return Counted(draw(n), counts)

    method.meta_gradient(np.zeros((1, D, 1)), counting, N1, N2)
    return counts


def methods() -> list[ls.Method]:
    steps, same = ls.GradientSteps(0.1, N2, steps=3), ls.GradientSteps(0.1, N2, 3, "same")
    matrix = ls.PreconditionedSteps(np.diag([0.1, 0.2, 0.3]), N2, steps=3)
    inner = [steps, same, matrix, ls.RidgeToStart(0.5, N2)]
    made = [kind(i) for i in inner for kind in (ls.MAML, ls.FOMAML, ls.Reptile, ls.TRMAML)]
    made += [ls.MAML(steps, hessian="independent"), ls.HFMAML(ls.GradientSteps(0.1, N2))]
    made += [ls.TrainTrain(i) for i in (same, ls.RidgeToStart(0.5, N2))]
    return [*made, ls.NAL(), ls.PriorMean()]


@pytest.mark.parametrize("method", methods(), ids=repr)
def test_what_is_drawn_and_asked_is_what_is_counted(method: ls.Method) -> None:
    """Solves of at most d products each ask for the Hessian itself, and are counted by hand below.

    Hessian-free MAML computes its difference as one product, and an independent Hessian's batches are met on a second walk.
    """
    found, cost = counted(method), method.cost(D, N1, N2)
    assert found["samples"] == cost.samples
    if not found["hessian"] and not isinstance(method, ls.HFMAML) and "independent" not in repr(method):
        assert found["gradient"] == cost.gradients
        assert found["hessian_times"] == cost.hessian_vector_products


def test_every_method_that_draws_episodes_is_asked() -> None:
    """BI-MAML, Meta-SGD and linear attention change their gradient on the way: `train` counts the first's. Bayesian MAML's law of rows is exact."""
    asked = {type(method) for method in methods()}
    assert set(registry.methods()) - asked == {ls.BIMAML, ls.MetaSGD, ls.LinearAttention, ls.BaMAML}


def test_linear_solves_and_what_changes_on_the_way_by_hand() -> None:
    """A solve takes at most d products each way."""
    counts = {
        ls.PriorMean(): (1, D, N1 + N2),
        ls.BaMAML(0.5, 0.4): (1, 2 * D, N1 + N2),
        ls.TRMAML(ls.RidgeToStart(0.5, N2)): (2, 2 * D, N1 + N2),
        ls.FOMAML(ls.RidgeToStart(0.5, N2)): (2, D, N1 + N2),
        ls.MetaSGD(m=N2): (2, 1, N1 + N2),
        ls.BIMAML(0.1, 0.2): (2, 1, N1 + N2),
        ls.LinearAttention(N2, 3): (4, 3, N1 + N2),
    }
    for method, (gradients, products, samples) in counts.items():
        cost = method.cost(D, N1, N2)
        assert (cost.gradients, cost.hessian_vector_products, cost.samples) == (gradients, products, samples)

"""What holds for every adaptation and method that registers itself: a new file is held to it without a new test."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from support import registry, rows

import landscape as ls
import landscape.adaptations
from landscape.adaptations.base import Adapted

ADAPTATIONS = registry.adaptations()
METHODS = registry.methods()
D = 3


def test_every_adaptation_is_listed() -> None:
    for kind in ADAPTATIONS:
        assert kind.__name__ in landscape.adaptations.__all__
        assert kind.__name__ in ls.__all__


def families(rng: np.random.Generator) -> list[ls.TaskFamily]:
    made = []
    for i in range(2):
        root = rng.standard_normal((D, D)) / 2
        S = root @ root.T + 0.2 * np.eye(D)
        made.append(ls.TaskFamily(f"{i}", S / np.linalg.eigvalsh(S)[-1], rng.normal(size=D), 0.3, noise=0.4))
    return made


def score(adaptation: Any, theory: Any, count: int = 40_000, seed: int = 0) -> float:
    """Standard errors between the exact risk from a point (of `theory`) and drawn losses (of `adaptation`)."""
    rng = np.random.default_rng(seed)
    env = ls.Mixture(families(rng))
    start, means, variance = rng.normal(size=D), [], 0.0
    for f in env.families:
        optima = f.centre + np.sqrt(f.spread) * rng.standard_normal((count, D))
        W = np.broadcast_to(start[None, :, None], (count, D, 1))
        points = adaptation.adapt(W, rows.drawer(f.covariance, f.noise, optima, rng)).points[:, :, 0]
        drawn = rows.losses(f.covariance, f.noise, points, optima)
        means.append(drawn.mean() / 2)
        variance += drawn.var() / count / 4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ls.LandscapeWarning)
        exact = float(ls.risk(env, start, theory).total)
    rounding = 1e-12 * exact  # where the adaptation finds each task's solution, all losses are the noise
    return float((sum(means) - exact) / np.hypot(np.sqrt(variance), rounding))


def is_exact(env: ls.Mixture, adaptation: Any) -> bool:
    try:
        return ls.risk(env, 0.0, adaptation, draws=0).how.is_exact
    except ls.NoClosedForm:
        return False


def exactly_known(kind: type, rng: np.random.Generator) -> Any:
    """Draw a typical adaptation; where no exact formula is known for its number of samples, with full batches."""
    adaptation = registry.typical(kind, rng, D)
    env = ls.Mixture(families(np.random.default_rng(0)))
    return adaptation if is_exact(env, adaptation) else dataclasses.replace(adaptation, m=np.inf)


@pytest.mark.parametrize("seeds", [[0], pytest.param([1, 2], marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ADAPTATIONS)
def test_theory_is_what_drawing_gives(kind: type, seeds: list[int]) -> None:
    """False alarms 1e-4; an error of 2% of the loss is about five standard errors."""
    for seed in seeds:
        adaptation = exactly_known(kind, np.random.default_rng(seed))
        z = score(adaptation, adaptation, seed=seed)
        assert abs(z) < 4, (adaptation, z)


def test_same_batch_and_fresh_batches_are_told_apart() -> None:
    fresh, same = (ls.GradientSteps(0.9, 5, 3, batches) for batches in ("fresh", "same"))
    assert abs(score(same, same)) < 4
    assert abs(score(fresh, fresh)) < 4
    env = ls.Mixture(families(np.random.default_rng(0)))
    assert float(ls.risk(env, 0.5, same).total) > 1.05 * float(ls.risk(env, 0.5, fresh).total)


class NoisyForm(ls.GradientSteps):
    """Planted: label noise counted 5% too high."""

    def form(self, moments: Any) -> Any:
        form = super().form(moments)
        return type(form)(form.A, form.b, form.c + 0.05 * moments.noise_variance, form.origin)


class CrookedStart(ls.GradientSteps):
    """Planted: steps begin 2% off."""

    def adapt(self, W: np.ndarray, draw: Any) -> Adapted:
        return super().adapt(1.02 * W, draw)


def test_planted_errors_are_seen() -> None:
    right = ls.GradientSteps(0.5, 10)
    assert abs(score(right, right)) < 4
    assert abs(score(right, NoisyForm(0.5, 10))) > 4
    assert abs(score(CrookedStart(0.5, 10), right, count=400_000)) > 4


@pytest.mark.parametrize("kind", METHODS)
def test_the_mean_meta_gradient_is_zero_at_the_optimum(kind: type) -> None:
    """Hotelling's T^2 over tasks, seed 1; false alarms below 1e-4."""
    rng = np.random.default_rng(1)
    inner = ls.GradientSteps(0.5, 12) if kind is not ls.BIMAML else ls.GradientSteps(0.5)
    if kind in (ls.BIMAML, ls.MetaSGD, ls.LinearAttention):
        pytest.skip("its gradient changes on the way: training is tested with train(), and in test_meta_sgd")
    method = registry.typical_method(kind, rng, D, inner)
    env, count, parts = ls.Mixture(families(rng)), 60_000, []
    point = np.asarray(ls.optimum(env, method))
    shares = [float(p) for p in method.shares(env.tasks())]
    for f, share in zip(env.families, shares, strict=True):
        optima = f.centre + np.sqrt(f.spread) * rng.standard_normal((count, D))
        W = np.broadcast_to(point[None, :, None], (count, D, 1))
        drawn = method.meta_gradient(W, rows.drawer(f.covariance, f.noise, optima, rng), 5, 12)[:, :, 0]
        parts.append(2 * share * drawn)
    mean = np.mean([part.mean(axis=0) for part in parts], axis=0)
    covariance = sum(np.cov(part.T) for part in parts) / count / 4
    assert mean @ np.linalg.solve(covariance, mean) < 24, method  # chi^2 with 3 degrees of freedom: 2.5e-5
    off = point + 0.1
    W = np.broadcast_to(off[None, :, None], (count, D, 1))
    f = env.families[0]
    optima = f.centre + np.sqrt(f.spread) * rng.standard_normal((count, D))
    moved = method.meta_gradient(W, rows.drawer(f.covariance, f.noise, optima, rng), 5, 12)[:, :, 0].mean(
        axis=0
    )
    moved = (2 * shares[0] * moved + parts[1].mean(axis=0)) / 2
    assert moved @ np.linalg.solve(covariance, moved) > 24, "a point 0.1 off is not told from the optimum"


def made_of_all() -> list[Any]:
    rng = np.random.default_rng(2)
    made: list[Any] = [registry.typical(kind, rng, D) for kind in ADAPTATIONS]
    for kind in METHODS:
        inner = ls.GradientSteps(0.3) if kind is ls.BIMAML else ls.GradientSteps(0.3, 7)
        made.append(registry.typical_method(kind, rng, D, inner))
    made += [ls.HardEasy(), ls.TwoTasks(d=4), ls.Training(40), ls.NAL({"hard": 2.0}), ls.MAML()]
    made += [ls.Mixture([ls.TaskFamily("a", [0.1, 0.2], 1.0), ls.TaskFamily("b", np.eye(2))])]
    made += [ls.DataTask("rows", np.eye(2), [1.0, 2.0])]
    return made


@pytest.mark.parametrize("value", made_of_all(), ids=repr)
def test_records_show_themselves_compare_and_travel(value: Any) -> None:
    names = {name: getattr(ls, name) for name in dir(ls)} | {"array": np.array, "inf": np.inf}
    again = eval(repr(value), names)
    for other in (again, pickle.loads(pickle.dumps(value)), copy.deepcopy(value)):
        assert other == value
        assert hash(other) == hash(value)
        assert repr(other) == repr(value)
    assert value != "something else"
    assert value._repr_latex_() is None or value._repr_latex_().startswith("$")


@pytest.mark.parametrize("kind", ADAPTATIONS)
def test_own_steps_are_refused_by_name(kind: type) -> None:
    """Every declared parameter refuses a value outside its domain, and says its name."""
    from landscape.core.parameters import parameters

    good = registry.typical(kind, np.random.default_rng(0), D)
    values = {p.name: getattr(good, p.name) for p in parameters(kind)}
    for p in parameters(kind):
        for bad in (np.nan, "seven", None, -1e99):
            with pytest.raises((ValueError, TypeError), match=p.name):
                kind(**values | {p.name: bad})


def test_a_class_defined_again_replaces_the_old_one() -> None:
    """A notebook cell is run twice."""
    for _ in range(2):

        class Twice(ls.GradientSteps):
            pass

    assert ls.Adaptation.registry["Twice"] is Twice
    del ls.Adaptation.registry["Twice"]

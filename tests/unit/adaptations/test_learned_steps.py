"""The best matrix of an inner step at a given start: against the risk itself, enumeration and papers."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support import random_worlds as worlds
from support.matrix_steps import KINDS, M, least, matrix, risk, three_families

import landscape as ls
from landscape.core.parameters import record
from landscape.linalg import matrix_equation
from landscape.tasks.inputs import Empirical, Gaussian


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("world", ["diagonal", "dense", "data", "mixed"])
def test_the_best_matrix_is_where_the_risk_is_least(world: str, kind: str) -> None:
    rng = np.random.default_rng(5)
    env, w = worlds.environment(world, rng), rng.normal(size=3)
    found = ls.best_preconditioner(env, w, M, kind)
    P, wanted = least(lambda P: risk(env, w, P), kind, 3)
    assert found.risk == pytest.approx(wanted, rel=1e-10)
    np.testing.assert_allclose(matrix(found.P), P, rtol=1e-7, atol=1e-8)
    assert risk(env, w, found.P) == pytest.approx(found.risk, rel=1e-12)


def data_world(kind: type = ls.DataTask, ridge: float = 0.0) -> ls.Mixture:
    rng = np.random.default_rng(2)
    return ls.Mixture(
        [
            kind(f"{i}", rng.exponential(size=(4, 2)), rng.exponential(size=4) * (i + 1), ridge=ridge)
            for i in range(3)
        ]
    )


def enumerated(env: Any, w: np.ndarray, P: np.ndarray, batches: Sequence[Sequence[int]]) -> float:
    """The loss after one step averaged over every batch of rows, one by one."""
    total = 0.0
    for task in env.families:
        for rows in map(list, batches):
            X, y = task.X[rows], task.y[rows]
            v = w - P @ (X.T @ (X @ w - y) / len(rows) + task.ridge * w)
            total += np.mean((task.X @ v - task.y) ** 2) / 2 + task.ridge * v @ v / 2
    return total / len(batches) / len(env.families)


WITH, WITHOUT = list(itertools.product(range(4), repeat=2)), list(itertools.combinations(range(4), 2))


@pytest.mark.parametrize("ridge", [0.0, 0.4])
@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_all_batches_of_rows(kind: str, replacement: bool, ridge: float) -> None:
    env, w = data_world(ridge=ridge), np.array([0.3, -1.0])
    batches = WITH if replacement else WITHOUT
    found = ls.best_preconditioner(env, w, 2, kind, replacement=replacement)
    P, wanted = least(lambda P: enumerated(env, w, P, batches), kind, 2)
    assert found.risk == pytest.approx(wanted, rel=1e-11)
    np.testing.assert_allclose(matrix(found.P), P, rtol=1e-9)
    other = ls.best_preconditioner(env, w, 2, kind, replacement=not replacement)
    assert np.abs(matrix(other.P) - P).max() > 1e-3 * np.abs(P).max()


def test_all_rows_without_replacement_are_the_task() -> None:
    env, w = data_world(), np.array([0.3, -1.0])
    all_rows = ls.best_preconditioner(env, w, 4, "full", replacement=False)
    np.testing.assert_allclose(all_rows.P, ls.best_preconditioner(env, w, kind="full").P, rtol=1e-12)
    with pytest.raises(ValueError, match="4 rows: 5 cannot be drawn"):
        ls.best_preconditioner(env, w, 5, replacement=False)


class WithoutThirdMoments(Empirical):
    """Planted: noise counted as if it were independent of the inputs."""

    def __init__(self, X: np.ndarray, y: np.ndarray, ridge: float) -> None:
        super().__init__(X, y, ridge)

    def gradient_covariance(self, delta: np.ndarray, mean: np.ndarray) -> Any:
        both = super().gradient_covariance(delta, mean) + super().gradient_covariance(-delta, -mean)
        return both / 2


class Forgetful(ls.DataTask):
    @property
    def inputs(self) -> Any:
        return WithoutThirdMoments(self.X, self.y, self.ridge)


def test_third_moments_matter() -> None:
    w = np.array([0.3, -1.0])
    P, _ = least(lambda P: enumerated(data_world(), w, P, WITH), "full", 2)
    np.testing.assert_allclose(ls.best_preconditioner(data_world(), w, 2, "full").P, P, rtol=1e-9)
    wrong = ls.best_preconditioner(data_world(Forgetful), w, 2, "full").P
    assert np.abs(wrong - P).max() > 0.01 * np.abs(P).max()


def attention(S: np.ndarray, m: float, noise: float) -> np.ndarray:
    """The weight of one trained layer: Gamma^-1 of Zhang, Frei & Bartlett (2024), with noise as in Wu et al. (2024)."""
    d = len(S)
    return np.linalg.inv((1 + 1 / m) * S + (np.trace(S) + noise) / m * np.eye(d))


class WithoutTrace(Gaussian):
    """Planted: tr Sigma forgotten."""

    def scatter(self, A: Any, SA: Any) -> Any:
        return SA @ self.Sigma

    def expanded(self) -> Any:
        return self


@record
class Planted(ls.Mixture):
    def tasks(self) -> Any:
        return [
            replace(t, inputs=WithoutTrace(t.inputs.Sigma, t.inputs.noise_variance)) for t in super().tasks()
        ]


@pytest.mark.parametrize("noise", [0.0, 0.7])
@pytest.mark.parametrize("m", [1, 8])
def test_linear_attention(m: int, noise: float) -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(5, 8))
    S = root @ root.T / 8
    family = [ls.TaskFamily("tokens", S, 0.0, 1.0, noise=noise)]
    for kind in ("symmetric", "full"):
        found = ls.best_preconditioner(ls.Mixture(family), 0.0, m, kind)
        np.testing.assert_allclose(found.P, attention(S, m, noise), rtol=0, atol=1e-12)
    wrong = ls.best_preconditioner(Planted(family), 0.0, m, "full").P
    assert np.abs(wrong - attention(S, m, noise)).max() > 0.01


@pytest.mark.parametrize(("d", "loss"), [(10, 0.4750), (40, 0.4600), (160, 0.4561), (640, 0.4552)])
def test_the_loss_of_one_layer_of_linear_attention(d: int, loss: float) -> None:
    """Squared error on 2d tokens, |w| = 1 in the mean, noise variance 0.1; for large d it tends to 0.45484."""
    env = ls.Mixture([ls.TaskFamily("tokens", 1.0, 0.0, 1 / d, noise=0.1, d=d)])
    step = ls.GradientSteps(float(ls.best_step(env, 0.0, 2 * d)), 2 * d)
    found = 2 * float(ls.risk(env, 0.0, step).total)
    assert found == pytest.approx(loss, abs=5e-5)
    assert found == pytest.approx(1.1 - 1 / (1 + 1 / (2 * d) + 1.1 / 2), rel=1e-12)
    assert found > 0.45484


def test_one_family_with_any_law_of_its_optima() -> None:
    rng = np.random.default_rng(1)
    R, root = rng.normal(size=(4, 6)), rng.normal(size=(4, 2))
    S, C, delta = R @ R.T / 6, root @ root.T, rng.normal(size=4)
    env = ls.Mixture([ls.TaskFamily("a", S, delta, C, noise=0.3)])
    D = C + np.outer(delta, delta)
    wanted = D @ np.linalg.inv((1 + 1 / M) * S @ D + (np.trace(S @ D) + 0.3) / M * np.eye(4))
    for kind in ("symmetric", "full"):
        np.testing.assert_allclose(ls.best_preconditioner(env, 0.0, M, kind).P, wanted, atol=1e-12)


def test_kinds_that_hold_one_another() -> None:
    """With several families the best matrix is not symmetric."""
    env = three_families()
    found = {kind: ls.best_preconditioner(env, ls.NAL(), M, kind) for kind in KINDS}
    risks = [found[kind].risk for kind in ("full", "symmetric", "diagonal", "scalar")]
    assert all(a < b * (1 - 1e-5) for a, b in itertools.pairwise(risks))
    assert np.abs(found["full"].P - found["full"].P.T).max() > 0.001
    np.testing.assert_allclose(found["scalar"].P, float(ls.best_step(env, ls.NAL(), M)), rtol=1e-12)
    for method in (ls.MAML(), ls.MAML(0.1), 0.5):
        alpha = float(ls.best_step(env, method, M))
        np.testing.assert_allclose(ls.best_preconditioner(env, method, M, "scalar").P, alpha, rtol=1e-12)


def test_many_samples() -> None:
    """One family at m = inf: P is the inverse covariance, and each task is solved."""
    env = ls.Mixture([ls.TaskFamily("a", [1.0, 0.2, 3.0], 1.0, 0.5)])
    for kind in ("diagonal", "symmetric", "full"):
        found = ls.best_preconditioner(env, 0.0, kind=kind)
        np.testing.assert_allclose(matrix(found.P), np.diag([1.0, 5.0, 1 / 3]), atol=1e-10)
        assert found.risk < 1e-20
        far = ls.best_preconditioner(three_families(), 0.0, 1e9, kind).P
        np.testing.assert_allclose(far, ls.best_preconditioner(three_families(), 0.0, kind=kind).P, atol=1e-6)


@pytest.mark.parametrize("kind", ["diagonal", "symmetric", "full"])
@pytest.mark.parametrize("world", ["dense", "data"])
def test_units(world: str, kind: str) -> None:
    rng = np.random.default_rng(7)
    env, w, scale = worlds.environment(world, rng), rng.normal(size=3), np.array([1e-6, 1.0, 1e5])
    other = worlds.rescaled(env, scale)
    here, there = (ls.best_preconditioner(e, v, M, kind) for e, v in ((env, w), (other, w / scale)))
    assert there.risk == pytest.approx(here.risk, rel=1e-9)
    np.testing.assert_allclose(matrix(there.P) * np.outer(scale, scale), matrix(here.P), rtol=1e-7, atol=1e-9)
    learned = [ls.MetaSGD(kind, M, starts=2).learn(e) for e in (env, other)]
    assert learned[1].risk == pytest.approx(learned[0].risk, rel=1e-9)


def test_directions_without_inputs() -> None:
    """A column of zeros, and a column that is another one: P there is 0, and the risk that of the rest."""
    S = np.array([[1.0, 0.4], [0.4, 0.5]])
    few = ls.Mixture(
        [ls.TaskFamily("a", S, [1.0, 2.0], 0.3, noise=0.1), ls.TaskFamily("b", 2 * S, -1.0, 0.3)]
    )
    B = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 2.0]])  # x -> (x1, x2, 0, 2 x2)
    more = ls.Mixture(
        [
            ls.TaskFamily(f.name, B @ f.covariance @ B.T, np.r_[np.broadcast_to(f.centre, 2), 5.0, 0.0],
                          np.diag([0.3, 0.3, 1.0, 0.0]), noise=f.noise)
            for f in few.families
        ]
    )  # fmt: skip
    for kind in ("symmetric", "full"):
        wanted = ls.best_preconditioner(few, 0.0, M, kind)
        found = ls.best_preconditioner(more, 0.0, M, kind)
        assert found.risk == pytest.approx(wanted.risk, rel=1e-10)
        np.testing.assert_array_equal(found.P[2], 0.0)
        np.testing.assert_allclose(B.T @ found.P @ B, wanted.P, atol=1e-10)
    assert ls.best_preconditioner(more, 0.0, M).P[2] == 0.0
    with pytest.raises(ValueError, match="any P is as good"):
        ls.best_preconditioner(ls.Mixture([ls.TaskFamily("a", S, 1.0)]), 1.0, M)


def test_conjugate_gradients_are_the_direct_solution() -> None:
    rng = np.random.default_rng(3)
    d = matrix_equation.DIRECT + 2
    p, A, B, C = np.array([0.2, 0.8]), *rng.normal(size=(3, 2, d, d + 5))
    S, G, R = A @ A.swapaxes(1, 2), B @ B.swapaxes(1, 2), C[0] @ C[0].T
    equations = sum(q * np.kron(s, g) for q, s, g in zip(p, S, G, strict=True))
    wanted = np.linalg.solve(equations, R.ravel()).reshape(d, d)
    found = matrix_equation.full(p, S, G, R)
    np.testing.assert_allclose(found, wanted, atol=1e-9 * np.abs(wanted).max())
    P = matrix_equation.symmetric(p, S, G, R)
    left = sum(q * (s @ P @ g + g @ P @ s) for q, s, g in zip(p, S, G, strict=True))
    np.testing.assert_allclose(left, 2 * R, atol=1e-9 * np.abs(R).max())
    np.testing.assert_allclose(P, P.T, rtol=0, atol=0)


@pytest.mark.parametrize("seed", [30, 54, 0])
def test_equations_that_lose_their_digits_are_told(seed: int) -> None:
    """Full batches of two tasks: both can be solved exactly, but if columns differ in size by 10^6 no double says how."""
    rng = np.random.default_rng(seed)
    wide, rows = seed > 0, (4, 3)
    tasks = [
        ls.DataTask(
            f"{i}", rng.normal(size=rows) * 10.0 ** (wide * rng.integers(-3, 4, 3)), rng.normal(size=4)
        )
        for i in range(2)
    ]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = ls.best_preconditioner(ls.Mixture(tasks), 1.0, kind="full")
    floor = sum(float(task.inputs.noise_variance) for task in tasks) / 4
    assert bool(caught) == wide
    assert (found.risk > 1.1 * floor) if wide else (found.risk == pytest.approx(floor, rel=1e-10))

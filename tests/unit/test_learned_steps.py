"""The best matrix of an inner step, and the best start with it: against the risk itself, enumeration and papers."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from support import random_worlds as worlds

import landscape as ls
from landscape.core.parameters import record
from landscape.linalg import matrix_equation
from landscape.methods.one_step import SOLVERS, OneStep
from landscape.tasks.inputs import Empirical, Gaussian

KINDS = list(SOLVERS)
M = 6


def bases(kind: str, d: int) -> np.ndarray:
    """A basis of the matrices of a kind, (n, d, d)."""
    E = np.eye(d * d).reshape(d * d, d, d)
    if kind == "scalar":
        return np.eye(d)[None]
    if kind == "diagonal":
        return E[:: d + 1]
    return (
        E
        if kind == "full"
        else np.array([E[i * d + j] + E[j * d + i] for i in range(d) for j in range(i + 1)])
    )


def least(risk: Callable[[np.ndarray], float], kind: str, d: int) -> tuple[np.ndarray, float]:
    """Minimise a quadratic function of P over a kind, from its values alone."""
    basis = bases(kind, d)
    at = lambda x: risk(np.tensordot(x, basis, 1))  # noqa: E731
    n, zero = len(basis), at(np.zeros(len(basis)))
    unit = np.eye(n)
    plus, minus = (np.array([at(s * e) for e in unit]) for s in (1.0, -1.0))
    H = np.diag(plus + minus - 2 * zero)
    for i, j in itertools.combinations(range(n), 2):
        H[i, j] = H[j, i] = at(unit[i] + unit[j]) - plus[i] - plus[j] + zero
    x = np.linalg.solve(H, (minus - plus) / 2)
    return np.tensordot(x, basis, 1), at(x)


def matrix(P: np.ndarray) -> np.ndarray:
    return np.diag(P) if P.ndim == 1 else P


def risk(env: Any, w: Any, P: np.ndarray, m: float = M) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ls.LandscapeWarning)
        return float(ls.risk(env, w, ls.PreconditionedSteps(P, m)).total)


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

    def residual_scatter(self, delta: np.ndarray) -> Any:
        return super().residual_scatter(0 * delta)


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


def test_one_family_with_any_law_of_its_optima() -> None:
    rng = np.random.default_rng(1)
    R, root = rng.normal(size=(4, 6)), rng.normal(size=(4, 2))
    S, C, delta = R @ R.T / 6, root @ root.T, rng.normal(size=4)
    env = ls.Mixture([ls.TaskFamily("a", S, delta, C, noise=0.3)])
    D = C + np.outer(delta, delta)
    wanted = D @ np.linalg.inv((1 + 1 / M) * S @ D + (np.trace(S @ D) + 0.3) / M * np.eye(4))
    for kind in ("symmetric", "full"):
        np.testing.assert_allclose(ls.best_preconditioner(env, 0.0, M, kind).P, wanted, atol=1e-12)


def three_families(d: int = 3, seed: int = 0) -> ls.Mixture:
    rng = np.random.default_rng(seed)
    made = []
    for i in range(3):
        A, B = rng.normal(size=(2, d, d + 2))
        made.append(ls.TaskFamily(f"{i}", A @ A.T / d, 2 * rng.normal(size=d), B @ B.T / d / 3, noise=0.3))
    return ls.Mixture(made)


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


@pytest.mark.parametrize("kind", KINDS)
def test_learned_together(kind: str) -> None:
    """The start is MAML's for the step, the step is the best for the start, and BFGS from NAL finds nothing lower."""
    env = three_families(2, seed=4)
    found = ls.MetaSGD(kind, M, starts=2).learn(env)
    np.testing.assert_allclose(ls.optimum(env, ls.MAML(found.adaptation)), found.start, atol=1e-6)
    again = ls.best_preconditioner(env, found.start, M, kind)
    np.testing.assert_allclose(again.P, found.P, rtol=1e-6)
    assert again.risk == pytest.approx(found.risk, rel=1e-12)
    assert found.risk < ls.MetaSGD(kind, M, learn_start=False).learn(env).risk
    basis = bases(kind, 2)
    problem = OneStep(env.tasks(), kind, M)

    def value(x: np.ndarray) -> float:
        return risk(env, x[:2], np.tensordot(x[2:], basis, 1))

    x0 = np.r_[problem.pooled, 0.3 * np.tensordot(basis, np.eye(2), 2)]
    limit = minimize(value, x0, method="BFGS", options={"gtol": 1e-7})
    assert min(found.limits, key=lambda r: abs(r - limit.fun)) == pytest.approx(limit.fun, rel=1e-9)


def test_alternating_never_raises_the_risk() -> None:
    for seed in range(8):
        env, rng = three_families(3, seed), np.random.default_rng(seed)
        problem = OneStep(env.tasks(), KINDS[seed % 4], [3, 20, np.inf][seed % 3])
        w = 3 * rng.normal(size=3)
        before = problem.risk(w, problem.forms(problem.best_matrix(w)))
        ended, v, P = problem.alternate(w)
        assert ended <= before
        assert ended == pytest.approx(risk(env, v, P, problem.m), rel=1e-12)
        assert problem.alternate(v)[0] == pytest.approx(ended, rel=1e-9)


def mirrored() -> ls.Mixture:
    """Two families that are one another with the coordinates swapped and the centre mirrored."""
    return ls.Mixture(
        [ls.TaskFamily("hard", [0.1, 1.0], [3.0, -3.0]), ls.TaskFamily("easy", [1.0, 0.1], [-3.0, 3.0])]
    )


def test_local_minima_are_counted() -> None:
    """From NAL's optimum alone one does not get to the best limit; the same seed gives the same."""
    found = ls.MetaSGD(m=200).learn(mirrored())
    assert len(found.limits) == 2
    assert found.starts == 10
    assert found.limits[0] == found.risk < 0.85 * found.limits[1]
    alone = ls.MetaSGD(m=200, starts=1).learn(mirrored())
    assert alone.risk == pytest.approx(found.limits[1], rel=1e-6)
    assert "a local minimum, the least of 2 limits from 10 starts" in repr(found)
    np.testing.assert_array_equal(ls.MetaSGD(m=200).learn(mirrored()).P, found.P)
    assert list(found.to_frame()["starts"]) == list(found.found)
    flat = ls.MetaSGD("full", np.inf).learn(ls.Mixture([ls.TaskFamily("a", [1.0, 0.3], 1.0, 0.5)]))
    assert len(flat.limits) == 1, "one family at m = inf: any start will do, and all are one limit"


def test_rows_of_compare_are_judged_by_their_own_step() -> None:
    env, over = mirrored(), {"m": [5, 20], "hard.noise": [0.0, 1.0]}
    learned, alone = ls.MetaSGD(starts=2), ls.MetaSGD("full", learn_start=False)
    table = ls.compare(env, [ls.NAL(), learned, alone], ls.GradientSteps(0.5, 7), over=over)
    for i, j in np.ndindex(2, 2):
        here = ls.Mixture(
            [replace(f, noise=over["hard.noise"][j] if f.name == "hard" else 0.0) for f in env.families]
        )
        for row in (learned, alone):
            found = replace(row, m=over["m"][i]).learn(here)
            assert table.risk(row.label).total[i, j] == pytest.approx(found.risk, rel=1e-12)
    assert set(table.to_frame()["adaptation"]) == {"gradient steps", "learned"}
    best = ls.best_preconditioner(env, ls.NAL(), 20, "full")
    assert float(ls.risk(env, alone, ls.GradientSteps(0.5, 20)).total) == pytest.approx(best.risk, rel=1e-12)
    step, worse = ls.GradientSteps(0.5, 20), ls.risk(env, ls.NAL(), ls.GradientSteps(0.5, 20)).total
    assert float(ls.gain(env, learned, step)) == pytest.approx(
        float(worse) / float(ls.risk(env, learned, step).total), rel=1e-12
    )
    point = ls.optimum(env, ls.MetaSGD(m=20, starts=2), over={"hard.noise": [0.0, 1.0]})
    np.testing.assert_allclose(point[0], ls.MetaSGD(m=20, starts=2).learn(env).start, rtol=1e-9)
    drawn = ls.risk(env, learned, step, draws=2000).total
    assert abs(float(drawn) - float(ls.risk(env, learned, step).total)) < 4 * drawn.standard_error < 0.1


def test_drawn_tasks_have_errors_but_no_start_has() -> None:
    env = ls.from_sampler(lambda rng: (rng.uniform(0.1, 1, 2), rng.normal(size=2), 0.1), T=60, rng=0)
    total = ls.risk(env, ls.MetaSGD(starts=1), ls.GradientSteps(0.5, 20)).total
    assert 0 < total.standard_error < float(total)
    with pytest.raises(ValueError, match="standard error of a start that is learned"):
        ls.optimum(env, ls.MetaSGD(m=20, starts=1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda env: ls.best_preconditioner(env, 0.0, kind="banana"), "kind must be one of"),
        (lambda env: ls.best_preconditioner(env, [0.0], 5), "d = 2"),
        (lambda env: ls.best_preconditioner(env, 0.0, 0.5), "m must be"),
        (lambda env: ls.best_preconditioner(env, 0.0, replacement=1), "replacement must be True or False"),
        (lambda env: ls.MetaSGD(learn_start=2), "learn_start must be True or False"),
        (lambda env: ls.MetaSGD(starts=0), "starts must be"),
        (lambda env: ls.MetaSGD().learn(env), r"write MetaSGD\(m=20\)"),
        (lambda env: ls.risk(env, ls.MetaSGD(), ls.GradientSteps(0.5, 20, 3)), "learns one step"),
        (lambda env: ls.compare(env, [(ls.MetaSGD(), 0.5)]), "give it without an adaptation"),
        (lambda env: ls.simulate(env, ls.MetaSGD(m=5), 0.5, ls.Training(9)), "no quadratic form"),
        (lambda env: ls.FOMAML(ls.PreconditionedSteps([[1.0, 0.2], [0.0, 1.0]])), "not symmetric"),
        (lambda env: ls.gain(env, ls.MetaSGD(m=5, starts=1), ls.GradientSteps(0.5, 5)), "does not compare"),
    ],
)
def test_bad_arguments(call: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(
            ls.Mixture([ls.TaskFamily("a", [1.0, 0.3], 1.0, 0.5, noise=0.1), ls.TaskFamily("b", [0.5, 0.5])])
        )


def test_symbols_are_refused() -> None:
    sympy = pytest.importorskip("sympy")
    with pytest.raises(ValueError, match="replace symbols"):
        ls.best_preconditioner(ls.HardEasy(d=2, R=sympy.Symbol("R", positive=True)), 0.0, 5)


def stepped(P: np.ndarray, count: int = 60_000) -> tuple[float, float]:
    """Mean loss after two steps on one batch of 5 rows, and its standard error: raw draws, seed 0."""
    rng, S = np.random.default_rng(0), np.array([[1.0, 0.3], [0.3, 0.5]])
    X = rng.standard_normal((count, 5, 2)) @ np.linalg.cholesky(S).T
    y = np.sqrt(0.2) * rng.standard_normal((count, 5))
    w = np.broadcast_to([1.0, -2.0], (count, 2))
    for _ in range(2):
        w = w - np.einsum("tni,tn->ti", X, np.einsum("tni,ti->tn", X, w) - y) @ P.T / 5
    losses = (np.einsum("ti,ij,tj->t", w, S, w) + 0.2) / 2
    return float(losses.mean()), float(losses.std() / np.sqrt(count))


def test_a_matrix_that_is_not_symmetric_on_one_batch() -> None:
    """False alarms 6e-5; the transpose is 30 standard errors away."""
    P = np.array([[0.4, 0.3], [-0.2, 0.6]])
    env = ls.Mixture([ls.TaskFamily("a", [[1.0, 0.3], [0.3, 0.5]], noise=0.2)])
    mean, error = stepped(P)
    exact, wrong = (
        float(ls.risk(env, [1.0, -2.0], ls.PreconditionedSteps(Q, 5, 2, "same")).total) for Q in (P, P.T)
    )
    assert abs(exact - mean) < 4 * error
    assert abs(wrong - mean) > 10 * error

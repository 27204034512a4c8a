"""The matrix of an inner step learned together with its start, and as a row of a comparison."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from support import random_worlds as worlds
from support.matrix_steps import KINDS, M, bases, risk, three_families

import landscape as ls
from landscape.linalg.quadratic import mean_form
from landscape.methods.one_step import OneStep


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


def test_descending_never_raises_the_risk() -> None:
    for seed in range(8):
        env, rng = three_families(3, seed), np.random.default_rng(seed)
        problem = OneStep(env.tasks(), KINDS[seed % 4], [3, 20, np.inf][seed % 3])
        w = 3 * rng.normal(size=3)
        before = problem.risk(w, problem.forms(problem.best_matrix(w)))
        end = problem.descend(w)
        assert end.risk <= before
        assert end.risk == pytest.approx(risk(env, end.w, end.P, problem.m), rel=1e-12)
        assert problem.descend(end.w).risk == pytest.approx(end.risk, rel=1e-9)


def spectra(condition: float, rotated: bool, seed: int, d: int = 4) -> ls.Mixture:
    """Three families whose inputs have eigenvalues from 1 down to 1/condition, along axes of their own."""
    rng, made = np.random.default_rng(seed), []
    for i, scale in enumerate((0.2, 0.6, 1.5)):
        values = scale * rng.permutation(np.geomspace(1, 1 / condition, d))
        V = np.linalg.qr(rng.normal(size=(d, d)))[0] if rotated else np.eye(d)
        made.append(
            ls.TaskFamily(f"{i}", (V * values) @ V.T, rng.normal(size=d), 0.1 * np.eye(d), noise=0.05)
        )
    return ls.Mixture(made)


def twin_risk(env: ls.Mixture, m: float) -> Callable[[np.ndarray], float]:
    """The risk of w and of a diagonal P, stacked, written out for Gaussian inputs: the slow twin."""
    known = [(f.covariance, f.centre, f.spread, f.noise) for f in env.families]

    def value(x: np.ndarray) -> float:
        w, P, total = x[: env.d], np.diag(x[env.d :]), 0.0
        for S, centre, C, noise in known:
            D = C + np.outer(w - centre, w - centre)
            K, B = np.eye(env.d) - P @ S, P @ S @ P
            total += np.trace(K.T @ S @ K @ D) + noise
            total += (np.trace(S @ B @ S @ D) + np.trace(S @ B) * (np.trace(S @ D) + noise)) / m
        return float(total / 2 / len(known))

    return value


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize("condition", [1.0, 1e3, 1e6])
def test_a_generic_minimiser_finds_nothing_lower(condition: float, rotated: bool) -> None:
    """BFGS from each limit stays there, and from random points and steps it gets to nothing lower."""
    env, m = spectra(condition, rotated, 3), 20
    value, rng = twin_risk(env, m), np.random.default_rng(0)
    found = ls.MetaSGD(m=m, starts=6).learn(env)
    best = np.r_[found.start, found.P]
    assert value(best) == pytest.approx(found.risk, rel=1e-12)
    unit = np.r_[np.ones(env.d), np.maximum(np.abs(found.P), 1.0)]  # along steep directions steps are long
    starts = [best, *(np.r_[rng.normal(size=env.d), rng.uniform(0, 2, env.d)] for _ in range(1))]
    for x in starts:
        lowest = minimize(lambda z: value(z * unit), x / unit, method="BFGS", options={"gtol": 1e-9}).fun
        assert lowest > found.risk * (1 - 1e-8)


@pytest.mark.parametrize("world", ["diagonal", "dense", "data", "mixed"])
def test_the_gradient_by_the_start_is_that_of_the_form(world: str) -> None:
    """`at` knows the risk and its gradient without the form that the risk is, as a function of the start."""
    for seed, kind in itertools.product(range(3), KINDS):
        rng = np.random.default_rng(seed)
        tasks, w = worlds.environment(world, rng).tasks(), rng.normal(size=3)
        problem = OneStep(tasks, kind, [3, 20, np.inf][seed])
        here = problem.at(w)
        forms = problem.forms(here.P)
        assert here.risk == pytest.approx(problem.risk(w, forms), abs=1e-13 * problem.size)
        wanted = mean_form(problem.p, forms).gradient(w)
        np.testing.assert_allclose(here.slope, wanted, rtol=1e-10, atol=1e-12 * problem.size)


def test_a_start_that_comes_near_a_limit_ends_there() -> None:
    problem = OneStep(spectra(1e2, True, 0).tasks(), "diagonal", 20)
    limit = problem.descend(problem.pooled)
    assert problem.descend(problem.pooled + 0.5, [limit]) is limit
    assert problem.descend(problem.pooled + 0.5) is not limit
    far = replace(limit, w=limit.w + 1.0)  # planted: as low, elsewhere
    assert problem.descend(problem.pooled + 0.5, [far]) is not far


@pytest.mark.parametrize("m", [20, 2000])
def test_how_near_a_limit_is_the_same_one(m: float) -> None:
    """Within 1e-6 of its own risk, however much larger that of the start; and as near along its own curvature."""
    problem = OneStep(spectra(1e2, True, 0).tasks(), "diagonal", m)
    limit, start = problem.descend(problem.pooled), problem.pooled + 0.5
    assert limit.curvature is not None
    step = np.array([1.0, -2.0, 0.5, 1.0])
    step *= np.sqrt(1e-6 * limit.risk / float(limit.curvature.quad(step)))
    for known, is_same in (
        (replace(limit, risk=(1 + 5e-7) * limit.risk), True),
        (replace(limit, risk=(1 + 2.5e-6) * limit.risk), False),
        (replace(limit, risk=(1 - 2.5e-6) * limit.risk), False),
        (replace(limit, w=limit.w + step), True),
        (replace(limit, w=limit.w + 2 * step), False),
    ):
        assert (problem.descend(start, [known]) is known) == is_same


def test_a_risk_that_is_lowest_at_infinity() -> None:
    """P = 11'/3 undoes every distance along 1 in both families, so the farther the start, the more else P can do."""
    along = np.ones((2, 2))
    env = ls.Mixture(
        [
            ls.TaskFamily("a", [1.0, 2.0], [1.0, 0.0], along),
            ls.TaskFamily("b", [2.0, 1.0], [-1.0, 0.0], along),
        ]
    )
    for start in (1, 2):
        with pytest.warns(ls.LandscapeWarning, match="falls towards .* as the start goes to infinity"):
            far = ls.MetaSGD("symmetric", np.inf, starts=start).learn(env)
    np.testing.assert_allclose(far.P, along / 3, atol=0.01)
    risks = [ls.best_preconditioner(env, t * np.ones(2), kind="symmetric").risk for t in (1, 10, 100, 1000)]
    assert all(after < before / 10 for before, after in itertools.pairwise(risks))
    near = ls.MetaSGD("symmetric", 100, starts=2).learn(env)
    assert np.abs(near.start).max() < 10, "of few samples a far start's gradients are too noisy"


@pytest.mark.parametrize("m", [20, np.inf])
def test_tasks_that_agree_leave_nothing_to_learn(m: float) -> None:
    """Of one optimum and without noise: the start is there, at risk 0, and no descent looks for less."""
    env = ls.Mixture([ls.TaskFamily("a", [1.0, 0.3], [1.0, 2.0]), ls.TaskFamily("b", [0.5, 0.7], [1.0, 2.0])])
    for kind in KINDS:
        found = ls.MetaSGD(kind, m, starts=2).learn(env)
        np.testing.assert_array_equal(found.start, [1.0, 2.0])
        assert (found.risk, list(found.limits), found.starts) == (0.0, [0.0], 2)


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
    assert "a local minimum, the least of 2 limits that 10 starts found; others may exist" in repr(found)
    missed = ls.MetaSGD(m=200, rng=3).learn(mirrored())
    assert missed.risk > found.risk
    assert "all 10 starts ended there; others may exist" in repr(missed)
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


@pytest.mark.parametrize(
    "judge", [ls.GradientSteps(0.5, 20), ls.RidgeToStart(0.5, 20), ls.OwnShots(20)], ids=repr
)
def test_samples_are_its_own_or_those_of_whatever_judges_it(judge: Any) -> None:
    env = ls.Mixture([replace(f, noise=0.3) for f in mirrored().families])
    for row, m in ((ls.MetaSGD(learn_start=False), 20), (ls.MetaSGD(m=5, learn_start=False), 5)):
        found = ls.compare(env, [ls.NAL(), row], judge).risk(row.label).total
        assert float(found) == pytest.approx(replace(row, m=m).learn(env).risk, rel=1e-12)
    assert row.within(None) is row, "nothing judges it: it has samples of its own"
    with pytest.raises(ValueError, match="learns one step, and it is compared with 2"):
        ls.compare(env, [ls.NAL(), ls.MetaSGD()], ls.GradientSteps(0.5, 20, 2))


def test_drawn_tasks_have_errors_but_no_start_has() -> None:
    env = ls.from_sampler(lambda rng: (rng.uniform(0.1, 1, 2), rng.normal(size=2), 0.1), T=60, rng=0)
    total = ls.risk(env, ls.MetaSGD(starts=1), ls.GradientSteps(0.5, 20)).total
    assert 0 < total.standard_error < float(total)
    with pytest.raises(ValueError, match="standard error of a start that is learned"):
        ls.optimum(env, ls.MetaSGD(m=20, starts=1))
    for find in (ls.MetaSGD(m=20, starts=1).learn, lambda env: ls.best_preconditioner(env, 0.0, 20)):
        for environment, how in ((env, "drawn"), (ls.HardEasy(d=2), "exact")):
            found = find(environment)
            assert f"({how}) after one learned step" in repr(found)
            assert found.to_frame()["how"].tolist() == [how]


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
        (lambda env: ls.risk(env, ls.MetaSGD(m=5), ls.RidgeToStart(0.5, 5)), "RidgeToStart.* is no step"),
        (lambda env: ls.loss_law(env, ls.MetaSGD(m=5), 0.5), "found.start and found.adaptation"),
        (lambda env: ls.win_probability(env, ls.MetaSGD(m=5), 0.5), "found.start and found.adaptation"),
        (lambda env: ls.best_step(env, ls.MetaSGD(m=5), 5), "found.start and found.adaptation"),
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

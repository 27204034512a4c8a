"""Ridge regression and mixed models on m samples: the limit with its 1/m correction, beside draws, limits and other code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import brentq
from support import rows

import landscape as ls
from landscape.linalg.moments.resolvent import acting_strength, ridge_limit


def drawn_shares(lam: np.ndarray, g: float, m: int, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """g^2 E[Q Sigma Q]_jj/lambda_j and 1 + tr(Sigma E[QSQ])/m from drawn rows: means and standard errors (d + 1,)."""
    rng, d = np.random.default_rng(seed), len(lam)
    X = rng.standard_normal((draws, m, d)) * np.sqrt(lam)
    S = np.einsum("nki,nkj->nij", X, X) / m
    Q = np.linalg.inv(S + g * np.eye(d))
    left = g**2 * np.einsum("nij,j,nij->ni", Q, lam, Q) / lam
    noise = 1 + np.einsum("i,nij,njk,nik->n", lam, Q, S, Q, optimize=True) / m
    values = np.column_stack([left, noise])
    return values.mean(axis=0), values.std(axis=0) / np.sqrt(draws)


def problems(count: int) -> list[tuple[np.ndarray, float, int, np.ndarray]]:
    """Random spectra, strengths, numbers of samples and weights (optima's variances by coordinate, noise)."""
    rng, made = np.random.default_rng(7), []
    for i in range(count):
        d = (2, 3, 5, 10, 20)[i % 5]
        lam = (np.ones(d), 1 / np.arange(1, d + 1), np.exp(-3 * np.arange(d) / d))[i % 3]
        m, g = int(np.ceil(d * rng.choice([0.4, 0.7, 1, 1.5, 2, 5]))), 10 ** rng.uniform(-2, 0.5)
        made.append((lam, g, m, np.append(lam * rng.chisquare(1, d), rng.choice([0.0, 0.3, 1.0]))))
    return made


def test_the_expected_error_brackets_the_true_one() -> None:
    """60 random problems, raw rows: at most 5% beyond the expected error, none beyond twice it (and 3 standard errors)."""
    beyond = []
    for seed, (lam, g, m, weights) in enumerate(problems(60)):
        truth, error = drawn_shares(lam, g, m, 8_000 // len(lam), seed)
        limit, both = ridge_limit(lam, np.ones(len(lam)), g, m), np.append(lam, 0.0)
        share = limit.share(both)
        expected = weights @ (share * limit.expected_error(both))
        off, noise = abs(weights @ (share - truth)), 3 * np.sqrt(weights**2 @ error**2)
        beyond.append(max(off - noise, 0) / expected)
    assert np.mean(np.array(beyond) > 1) <= 0.05
    assert max(beyond) < 2


@pytest.mark.parametrize(("d", "largest"), [(5, 0.02), (10, 0.006), (20, 0.002)])
def test_the_error_falls_as_the_table_says(d: int, largest: float) -> None:
    """Spectrum 1/j, 2d samples, isotropic optima, noise .3: the correction takes out most of the leading term's error."""
    lam, weights = 1 / np.arange(1, d + 1), np.append(1 / np.arange(1, d + 1), 0.3)
    for g in (0.03, 0.1, 1.0):
        truth, error = drawn_shares(lam, g, 2 * d, 100_000 // d**2, d)
        limit = ridge_limit(lam, np.ones(d), g, 2 * d)
        off = weights @ limit.share(np.append(lam, 0.0)) / (weights @ truth) - 1
        assert abs(off) < largest + 3 * np.sqrt(weights**2 @ error**2) / (weights @ truth)


def drawn_total(lam: Any, g: float, m: int, weights: Any, draws: int) -> tuple[float, float]:
    """The weighted sum of the same shares, by regression on functions of S whose means are known, and its error."""
    rng, d, values, known = np.random.default_rng(1), len(lam), [], []
    for _ in range(draws // 2000):
        X = rng.standard_normal((2000, m, d)) * np.sqrt(lam)
        S = X.swapaxes(1, 2) @ X / m
        Q = np.linalg.inv(S + g * np.eye(d))
        left = g**2 * (Q**2 @ lam) / lam
        noise = (
            1 + (np.einsum("nii,i->n", Q, lam) - g * np.einsum("nij,i->n", Q**2, lam)) / m
        )  # QSQ = Q - g Q^2
        values.append(np.column_stack([left, noise]) @ weights)
        diagonal, square = np.einsum("nii->ni", S), np.sum(S**2, axis=(1, 2))
        of_square = np.sum(lam**2) * (1 + 1 / m) + np.sum(lam) ** 2 / m
        known.append(np.column_stack([diagonal - lam, square - of_square]))
    y, F = np.concatenate(values), np.concatenate(known)
    A = np.column_stack([np.ones(len(y)), F])
    fit = np.linalg.lstsq(A, y, rcond=None)[0]
    return float(fit[0]), float(np.std(y - A @ fit) / np.sqrt(len(y)))


@pytest.mark.slow
@pytest.mark.parametrize(("d", "draws"), [(5, 100_000), (20, 20_000)])
@pytest.mark.parametrize("spectrum", ["alike", "1/j", "exp"])
def test_the_errors_of_the_table(d: int, draws: int, spectrum: str) -> None:
    """Below, at and above d samples: the true error is at most what the documentation says, and what the result says."""
    j = np.arange(d)
    lam = {"alike": np.ones(d), "1/j": 1 / (j + 1), "exp": np.exp(-3 * j / d)}[spectrum]
    weights, both = np.append(lam, 0.3), np.append(lam, 0.0)
    for m, largest in ((d // 2, 0.018), (d, 0.035), (2 * d, 0.007), (4 * d, 0.003)):
        for g in (0.03, 0.1, 0.3, 1.0):
            truth, error = drawn_total(lam, g, m, weights, draws)
            limit = ridge_limit(lam, np.ones(d), g, m)
            share = limit.share(both)
            off = abs(weights @ share - truth) - 3 * error
            assert off < truth * largest * (1 if d == 5 else 0.3)
            assert off < weights @ (share * limit.expected_error(both))
            assert 3 * error < 0.0025 * truth


def environment(d: int = 5, noise: float = 0.3) -> ls.Mixture:
    """One dense family and one diagonal, optima with a covariance that commutes with neither."""
    rng = np.random.default_rng(d)
    root = rng.standard_normal((d, d)) / np.sqrt(d)
    spread = np.diag(1 / np.arange(1, d + 1)) + 0.3 * np.outer(root[0], root[0])
    first = ls.TaskFamily("a", root @ root.T + 0.1 * np.eye(d), rng.normal(size=d), spread, noise=noise)
    return ls.Mixture([first, ls.TaskFamily("b", 2 / np.arange(1, d + 1), 1.0, spread, noise=2 * noise)])


def score(adaptation: Any, judged: Any = None, d: int = 5, draws: int = 6_000) -> float:
    """How far the risk from a point is from the drawn one, in units of expected error and 3 standard errors."""
    limit = ls.risk(environment(d), 0.5, adaptation if judged is None else judged).total
    drawn = ls.risk(environment(d), 0.5, adaptation, draws=draws, rng=1).total
    room = np.asarray(limit.how.expected_error) * float(limit) + 3 * drawn.standard_error
    return float(abs(float(limit) - float(drawn)) / room)


class WithoutSquare(ls.RidgeToStart):
    """Planted: c_2 is the sum of x, not of x^2."""

    def limit(self, moments: Any) -> Any:
        lam, counts = moments.Sigma.spectrum()
        kappa = acting_strength(lam, counts, np.asarray(self.strength), np.asarray(self.m))
        c1, form = np.sum(counts * lam / (lam + kappa)) / self.m, super().limit(moments)
        A = moments.Sigma.apply(lambda lam: lam * (kappa / (lam + kappa)) ** 2 / (1 - c1))
        return replace(form, A=A, c=moments.noise_variance / (1 - c1))


class WithoutCorrection(ls.RidgeToStart):
    """Planted: the leading term alone."""

    def limit(self, moments: Any) -> Any:
        limit, form = ridge_limit(*moments.Sigma.spectrum(), self.strength, self.m), super().limit(moments)
        kappa, floor = limit.kappa, 1 - limit.c[0]
        A = moments.Sigma.apply(lambda lam: lam * (kappa / (lam + kappa)) ** 2 / floor)
        return replace(form, A=A, c=moments.noise_variance / floor)


def test_risks_are_what_drawing_gives_and_planted_errors_are_seen() -> None:
    """Seed 1, 6,000 draws: the standard error is about .2% of the risk, the expected one .5 to 2%."""
    for m in (3, 15):
        assert score(ls.RidgeToStart(0.3, m)) < 1
    right = ls.RidgeToStart(0.3, 12)
    assert score(right) < 1
    for wrong in (WithoutSquare(0.3, 12), WithoutCorrection(0.3, 12)):
        assert score(right, wrong) > 1.5, wrong


class NoiseDrawn(ls.RidgeToStart):
    """The same, with the samples' label noise drawn."""

    moves_by_gradient = False


class StartMoved(ls.RidgeToStart):
    """Planted: what it says of itself does not hold, for it shrinks the start first."""

    def adapt(self, W: Any, draw: Any) -> Any:
        return super().adapt(0.9 * W, draw)


def test_noise_that_is_integrated_out_is_that_which_is_drawn() -> None:
    """Below and above d; seed 0, 2,000 draws, |z| < 4; errors fall to less than six tenths."""

    def parts(kind: type, m: int) -> Any:
        return ls.risk(environment(), 0.5, kind(0.1, m), draws=2000)

    for m in (3, 12):
        exact, drawn, moved = (parts(kind, m) for kind in (ls.RidgeToStart, NoiseDrawn, StartMoved))
        assert exact.noise.standard_error < 0.6 * drawn.noise.standard_error
        for name in ("noise", "above_noise"):
            a, b = getattr(exact, name), getattr(drawn, name)
            assert abs(float(a) - float(b)) < 4 * np.hypot(a.standard_error, b.standard_error)
        assert abs(float(moved.noise) - float(drawn.noise)) > 4 * drawn.noise.standard_error


@pytest.mark.parametrize("m", [3, *(pytest.param(m, marks=pytest.mark.slow) for m in (6, 25))])
def test_mixed_models_too_whatever_the_tasks_are(m: int) -> None:
    """The assumed covariance and noise are not those of the tasks; also one that allows three directions only."""
    rng = np.random.default_rng(3)
    root = rng.standard_normal((5, 5)) / 2
    for covariance in (0.5, np.array([2.0, 1.0, 0.5, 0.2, 0.1]), root @ root.T, root[:, :3] @ root[:, :3].T):
        assert score(ls.MixedModel(np.full(5, 0.5) if np.ndim(covariance) == 0 else covariance, 0.4, m)) < 1


def test_one_covariance_for_all_is_ridge() -> None:
    """Penalty sigma^2/(m v): two ways through the code, dense and diagonal."""
    for covariance in (np.full(5, 0.5), 0.5 * np.eye(5)):
        for m in (3, 10, np.inf):
            model = ls.risk(environment(), 0.5, ls.MixedModel(covariance, 0.4, m))
            ridge = ls.risk(environment(), 0.5, ls.RidgeToStart(max(0.8 / m, 1e-140), m))
            for part in ("noise", "dispersion", "suboptimality"):
                assert float(getattr(model, part)) == pytest.approx(
                    float(getattr(ridge, part)), rel=1e-9, abs=1e-12
                )


@pytest.mark.parametrize("m", [4, 12, np.inf])
def test_units_and_bases_change_nothing(m: float) -> None:
    """Columns in other units, the prior with them: optima and spreads are divided, covariances of inputs multiplied."""
    env = environment()
    for scale in (
        np.array([1e-6, 1.0, 1e4, 1e2, 1e-3]),
        np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0],
    ):
        T = np.diag(scale) if scale.ndim == 1 else scale
        back = np.linalg.inv(T)
        moved = [
            ls.TaskFamily(f.name, T.T @ _matrix(f.covariance) @ T, back @ _vector(f.centre),
                          back @ _matrix(f.spread) @ back.T, noise=f.noise)
            for f in env.families
        ]  # fmt: skip
        C = np.diag([2.0, 1.0, 0.5, 0.2, 0.1])
        before = ls.risk(env, np.full(5, 0.5), ls.MixedModel(C, 0.4, m))
        after = ls.risk(ls.Mixture(moved), back @ np.full(5, 0.5), ls.MixedModel(back @ C @ back.T, 0.4, m))
        assert float(after.total) == pytest.approx(float(before.total), rel=1e-8)


def _matrix(value: Any) -> np.ndarray:
    return np.asarray(value) if np.ndim(value) == 2 else np.diag(_vector(value))


def _vector(value: Any) -> np.ndarray:
    return np.broadcast_to(value, 5)


@pytest.mark.parametrize("m", [3, 40])
def test_a_vector_of_variances_is_a_diagonal_matrix(m: int) -> None:
    env = ls.Mixture([ls.TaskFamily("a", [0.5, 1.5], [1.0, 2.0], [0.3, 0.1], noise=0.3)])
    vector, matrix = (ls.MixedModel(C, 0.3, m) for C in ([0.7, 0.2], np.diag([0.7, 0.2])))
    start = [0.2, -0.4]
    assert float(ls.risk(env, start, vector).total) == pytest.approx(
        float(ls.risk(env, start, matrix).total), rel=1e-12
    )


def test_limits() -> None:
    env = environment()
    still = ls.risk(env, 0.5, ls.GradientSteps(0.1, steps=0)).total
    assert float(ls.risk(env, 0.5, ls.RidgeToStart(1e9, 10)).total) == pytest.approx(float(still), rel=1e-6)
    full = ls.risk(env, 0.5, ls.RidgeToStart(0.3)).total
    assert float(ls.risk(env, 0.5, ls.RidgeToStart(0.3, 10**9)).total) == pytest.approx(float(full), rel=1e-6)
    for m in (11, 20, 60):  # from d + 2 on ridge of no strength is least squares, whose risk is known exactly
        own, ridge = (ls.risk(env, 0.5, a).total for a in (ls.OwnShots(m), ls.RidgeToStart(1e-9, m)))
        assert float(ridge) == pytest.approx(float(own), rel=float(np.max(ridge.how.expected_error)))
    alike = ls.Mixture([ls.TaskFamily("a", 0.7, 0.0, 1.0, d=12)])
    own, ridge = (ls.risk(alike, 0.5, a).total for a in (ls.OwnShots(4), ls.RidgeToStart(1e-9, 4)))
    assert float(ridge) == pytest.approx(
        float(own), rel=1e-6
    )  # without noise both are the share (1 - m/d), exactly


def test_the_bayes_risk_solves_its_own_equation_in_the_limit() -> None:
    """Leading term in d: r = 2 risk = sigma^2 + sum tau r/(m tau + r), tau the spectrum of C^1/2 Sigma C^1/2."""
    d, m, noise = 200, 120, 0.3
    lam, spread = 2 / np.arange(1, d + 1), np.linspace(0.2, 2, d)
    tasks = ls.Mixture([ls.TaskFamily("a", lam, 0.0, spread, noise=noise)])
    tau = lam * spread
    r = brentq(lambda r: noise + np.sum(tau * r / (m * tau + r)) - r, noise, noise + tau.sum())
    total = ls.risk(tasks, ls.PriorMean(), ls.MixedModel.of(tasks, m)).total
    assert float(total) == pytest.approx(r / 2, rel=2e-3)


def test_the_best_start_for_ridge_is_what_drawn_weights_give() -> None:
    """w = E[M]^-1 E[M w_i], M = g^2 E[Q Sigma Q], from 4,000 draws of rows each; standard error of M below .4%."""
    lam = {"a": np.full(10, 0.9), "b": 2 / np.arange(1, 11)}
    env = ls.Mixture([ls.TaskFamily(name, v, {"a": 0.0, "b": 1.0}[name], 0.1) for name, v in lam.items()])
    weight = {name: drawn_shares(v, 0.5, 20, 4000, 1)[0][:-1] * v for name, v in lam.items()}
    found = ls.optimum(env, ls.MAML(ls.RidgeToStart(0.5, m=20)))
    np.testing.assert_allclose(found, weight["b"] / (weight["a"] + weight["b"]), rtol=0.01)
    assert 0 < np.max(found.how.expected_error) < 0.01
    assert (np.asarray(ls.optimum(env, ls.IMAML(0.5, n2=20))) == np.asarray(found)).all()
    full = np.asarray(ls.optimum(env, ls.IMAML(0.5)))
    assert np.abs(full / np.asarray(found) - 1).max() > 0.1  # with all samples another point is best
    assert ls.risk(env, ls.MAML(), ls.RidgeToStart(0.5, m=20)).suboptimality == 0
    assert ls.risk(env, ls.IMAML(0.5), ls.RidgeToStart(0.5, m=20)).suboptimality > 0


def test_own_shots_below_d() -> None:
    """Against draws where inputs are not alike; exactly (1 - m/d) where they are; over a grid of m as one by one."""
    for m in (2, 4):
        assert score(ls.OwnShots(m), d=10, draws=3_000) < 1
    grid = ls.risk(environment(10), 0.5, ls.OwnShots(4), over={"m": [4, 14, np.inf]})
    alone = [ls.risk(environment(10), 0.5, ls.OwnShots(m)) for m in (4, 14, np.inf)]
    np.testing.assert_allclose(grid.total.value, [float(one.total) for one in alone], rtol=1e-12)
    assert [row.split(",")[0] for row in grid.to_frame()["how"]] == ["limit", "exact", "exact"]
    near = ls.risk(environment(10), 0.5, ls.OwnShots(8))
    assert np.max(near.how.expected_error) > 0.2  # near d the limit is poor, and says so
    infinite = ls.risk(environment(10), 0.5, ls.OwnShots(4), over={"m": [8, 9, 10, 11, 12]}).total.value
    assert np.isinf(infinite).tolist() == [False, True, True, True, False]


def test_all_of_a_tasks_samples_leave_its_noise() -> None:
    """Whatever the start and the inputs: normal ones, singular ones and rows."""
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(7, 2)), rng.normal(size=7)
    left = np.sum((y - X @ np.linalg.lstsq(X, y)[0]) ** 2) / 7
    for family, noise in (
        (ls.TaskFamily("a", [[1.0, 0.4], [0.4, 0.7]], [1.0, 2.0], 0.5, noise=0.3), 0.3),
        (ls.TaskFamily("a", np.ones((2, 2)), 1.0, noise=0.2), 0.2),
        (ls.DataTask("a", X, y), left),
    ):
        total = ls.risk(ls.Mixture([family]), [3.0, -4.0], ls.OwnShots(np.inf)).total
        assert float(total) == pytest.approx(noise / 2, rel=1e-12)
        assert total.how.is_exact
    m = sp.Symbol("m", positive=True)
    with pytest.raises(ls.NoClosedForm):
        ls.risk(ls.TwoTasks(d=2), 0.0, ls.OwnShots(m))


def test_answers_say_that_they_are_limits() -> None:
    env, ridge = environment(), ls.RidgeToStart(0.5, m=10)
    risk = ls.risk(env, ls.NAL(), ridge, over={"m": [10, np.inf], "strength": [0.5, 1.0]})
    assert risk.to_frame()["how"].str.split(",").str[0].tolist() == ["limit", "limit", "exact", "exact"]
    assert "expected error about" in ls.risk(env, ls.NAL(), ridge).headline()
    assert "expected error about" in repr(ls.gain(env, ls.MAML(), ridge))
    assert ls.risk(env, ls.MAML(ridge), ls.GradientSteps(0.3, 10)).how.kind == "limit"  # its start is one
    points = [
        float(ls.risk(env, ls.NAL(), ls.RidgeToStart(g, m)).total) for m in (10, np.inf) for g in (0.5, 1.0)
    ]
    np.testing.assert_allclose(risk.total.value.ravel(), points, rtol=1e-12)
    sampled = ls.from_sampler(lambda rng: (rng.uniform(0.2, 1.0), rng.normal(size=5), 0.1), 40, rng=0)
    found = ls.risk(sampled, ls.MAML(), ridge)
    assert found.how.kind == "drawn"
    assert "drawn of a limit, expected error" in str(found.how)
    assert "drawn of a limit" in str(ls.optimum(sampled, ls.MAML(ridge)).how)


def test_the_acting_strength_solves_its_equation() -> None:
    """300 spectra over nine decades, also without ridge below d: the largest root, by bisection."""
    rng = np.random.default_rng(1)
    for _ in range(300):
        lam, mult = 10.0 ** rng.uniform(-6, 3, 4), rng.integers(1, 20, 4)
        m, g = float(rng.integers(1, 100)), 10.0 ** rng.uniform(-8, 3) * (rng.random() > 0.2)
        if g == 0 and m >= mult.sum():
            continue

        def gap(kappa: float, lam: Any = lam, mult: Any = mult, m: float = m, g: float = g) -> float:
            return float(kappa - g - kappa / m * (mult * lam / (lam + kappa)).sum())

        above = g + (mult * lam).sum() / m
        found = float(acting_strength(lam, mult, np.asarray(g), np.asarray(m)))
        below = g if g else lam.min() * 1e-9
        assert found == pytest.approx(
            brentq(gap, below, above * (1 + 1e-9), xtol=1e-300, rtol=1e-14), rel=1e-8
        )
    equal = acting_strength(np.array([0.7]), np.array([5]), np.asarray(0.3), np.asarray(8.0))
    b = 0.7 * (1 - 5 / 8) - 0.3
    assert float(equal) == pytest.approx((np.sqrt(b**2 + 4 * 0.3 * 0.7) - b) / 2, rel=1e-14)


def test_where_no_limit_is_known() -> None:
    ridge, rows_of = ls.RidgeToStart(0.5, m=10), ls.DataTask("rows", np.eye(5), np.arange(5.0))
    for call in (
        lambda: ls.risk(ls.Mixture([rows_of]), 0.0, ridge, draws=0),
        lambda: ls.risk(ls.HardEasy(), 0.0, ls.RidgeToStart(sp.Symbol("g", positive=True), m=10)),
        lambda: ls.risk(environment(), 0.0, ls.MixedModel(np.ones(5), 0.0, 10), draws=0),
        lambda: ls.risk_landscape(environment(), ridge),  # which could not say what it is
        lambda: ls.optimum(environment(), ls.FOMAML(ridge), draws=0),
    ):
        with pytest.raises(ls.NoClosedForm):
            call()
    for draws in (None, 100):
        with pytest.raises(ValueError, match="as good as infinite"):
            ls.risk(environment(), 0.0, ls.RidgeToStart(1e-30, m=5), draws=draws)


def test_bayes_risks_lie_between_their_bounds() -> None:
    """One family each: 12 random ones, drawn; the mixed model is then the Bayes rule. False alarms: 4 standard errors."""
    rng = np.random.default_rng(5)
    for i in range(12):
        d, m = (1, 3, 6)[i % 3], (1, 4, 12, 40)[i % 4]
        root = rng.standard_normal((d, d))
        family = ls.TaskFamily("one", root @ root.T + 0.1 * np.eye(d), 0.0, rng.gamma(1.0, 1.0, d), noise=0.3)
        tasks = ls.Mixture([family])
        lower, upper = ls.bayes_bounds(tasks, m)
        bayes = ls.risk(tasks, ls.PriorMean(), ls.MixedModel.of(tasks, m), draws=400, rng=i).total
        assert lower - 4 * bayes.standard_error < float(bayes) < upper + 4 * bayes.standard_error
    many = environment()
    lower, upper = ls.bayes_bounds(many, 8)
    assert lower < float(ls.risk(many, ls.PriorMean(), ls.MixedModel.of(many, 8)).total)
    assert lower < upper
    assert ls.bayes_bounds(many, 8).upper <= float(ls.risk(many, 0.0, ls.OwnShots(8)).total)
    with pytest.raises(ValueError, match="replace the symbols"):
        ls.bayes_bounds(ls.HardEasy(noise=sp.Symbol("s", positive=True)), 3)
    sampled = ls.from_sampler(lambda rng: (0.5, rng.normal(size=2), 0.1), 10, rng=0)
    for known, why in (
        (ls.Mixture([ls.DataTask("rows", np.eye(2), [1.0, 2.0])]), "given by its rows alone"),
        (sampled, "only the draws are known"),
    ):
        with pytest.raises(ls.NoClosedForm, match=why):
            ls.bayes_bounds(known, 3)


def test_without_samples_the_bounds_are_the_bayes_risk() -> None:
    """Pooled training's optimum as it is: the Bayes estimator's risk on 0 samples, spread and noise included."""
    tasks = environment()
    lower, upper = ls.bayes_bounds(tasks, 0)
    pooled = ls.risk(tasks, ls.NAL(), ls.GradientSteps(0.0, steps=0)).total
    assert lower == upper == pytest.approx(float(pooled), rel=1e-12)
    assert lower == pytest.approx(float(ls.risk(tasks, 0.0, ls.BayesEstimator(0), draws=20).total), rel=1e-12)
    assert lower > ls.bayes_bounds(tasks, 1).upper
    with pytest.raises(ValueError, match="m must be"):
        ls.bayes_bounds(tasks, -1)


def batch(d: int, m: int, tasks: int, noise: float, seed: int) -> rows.Rows:
    rng = np.random.default_rng(seed)
    optima = rng.normal(1.0, 1.0, (tasks, d))
    made: rows.Rows = rows.drawer(np.eye(d), noise, optima, rng)(m)
    return made


@pytest.mark.slow
def test_ridge_is_scikit_learns_on_the_same_rows() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    for m in (3, 12):
        drawn, start = batch(5, m, 4, 0.3, m), np.linspace(-1, 1, 5)
        found = ls.RidgeToStart(0.4, m).adapt(np.tile(start[None, :, None], (4, 1, 1)), lambda n, b=drawn: b)  # type: ignore[misc]
        for i in range(4):
            fit = linear.Ridge(alpha=0.4 * m, fit_intercept=False).fit(
                drawn.X[i], drawn.y[i] - drawn.X[i] @ start
            )
            np.testing.assert_allclose(found.points[i, :, 0], start + fit.coef_, rtol=1e-8)


def test_mixed_models_are_statsmodels_predictions_on_the_same_rows() -> None:
    """Best linear unbiased predictions with all coefficients random, at the parameters that statsmodels estimates."""
    mixed = pytest.importorskip("statsmodels.regression.mixed_linear_model")
    d, m, tasks = 2, 8, 30
    drawn = batch(d, m, tasks, 0.3, 0)
    X, groups = drawn.X.reshape(-1, d), np.repeat(np.arange(tasks), m)
    fit = mixed.MixedLM(drawn.y.ravel(), X, groups, exog_re=X).fit()
    model = ls.MixedModel(np.asarray(fit.cov_re), float(fit.scale), m)
    start = np.tile(np.asarray(fit.fe_params)[None, :, None], (tasks, 1, 1))
    points = model.adapt(start, lambda n: drawn).points[:, :, 0]
    expected = [np.asarray(fit.fe_params) + np.asarray(fit.random_effects[i]) for i in range(tasks)]
    np.testing.assert_allclose(points, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("m", [1, 2, 5, np.inf])
@pytest.mark.parametrize("covariance", [[1.0, 0.0, 2.0], [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 2.0]]])
def test_mixed_models_that_assume_no_noise_interpolate_within_their_prior(covariance: Any, m: float) -> None:
    """They are the limit of little noise, also of a singular covariance and below d samples."""
    tasks = ls.Mixture([ls.TaskFamily("a", [1.0, 0.5, 0.8], 0.0, covariance, noise=0.0)])

    def drawn(noise: float) -> float:
        return float(ls.risk(tasks, 0.0, ls.MixedModel(covariance, noise, m), draws=90).total)

    assert drawn(0.0) == pytest.approx(drawn(1e-9) if np.isfinite(m) else 0.0, rel=1e-3, abs=1e-6)
    assert m > 1 or drawn(0.0) > 0.1  # two directions are not learned from one sample


@pytest.mark.parametrize("covariance", [[1.0, 0.0, 0.0], np.ones((3, 3))])
def test_own_shots_of_inputs_that_vary_in_one_direction_are_refused_or_drawn(covariance: Any) -> None:
    """The formula's d would have to be the rank: sigma^2 (m - 1)/(m - 2)/2."""
    tasks = ls.Mixture([ls.TaskFamily("a", covariance, 1.0, 0.5, noise=0.3)])
    with pytest.raises(ls.NoClosedForm, match="singular: leave out columns"):
        ls.risk(tasks, 0.0, ls.OwnShots(6), draws=0)
    found = ls.risk(tasks, 0.0, ls.OwnShots(6), draws=2000).total
    assert abs(float(found) - 0.3 * 5 / 4 / 2) < 5 * found.standard_error < 0.01
    lower, upper = ls.bayes_bounds(tasks, 6)  # which leave own shots out
    assert lower < float(ls.risk(tasks, 0.0, ls.BayesEstimator(6), draws=2000).total) < upper


@pytest.mark.parametrize("kind", [ls.TaskFamily, ls.DataTask])
@pytest.mark.parametrize("strength", [1e-140, 1e-16, 1e-14])
def test_next_to_no_pull_is_none(kind: Any, strength: float) -> None:
    """Below d samples, and where rows repeat, what is in the samples' null space is left alone: no rounding over g moves it."""
    rng = np.random.default_rng(4)
    if kind is ls.TaskFamily:
        tasks = [
            ls.TaskFamily(name, [1.0, 0.1, rho], [1.0, -1.0, 2.0], 1.0)
            for name, rho in (("a", 0.01), ("b", 3.0))
        ]
    else:
        tables = [(rng.standard_normal((9, 3)), rng.standard_normal(9)) for _ in range(2)]
        tasks = [ls.DataTask(f"{i}", X, y) for i, (X, y) in enumerate(tables)]
    env = ls.Mixture(tasks)
    for m in (1, 2):
        own = ls.risk(env, 0.3, ls.OwnShots(m), draws=300, rng=0).total
        for adaptation in (ls.RidgeToStart(strength, m), ls.MixedModel(np.ones(3), m * strength, m)):
            found = ls.risk(env, 0.3, adaptation, draws=300, rng=0).total
            assert float(found) == pytest.approx(float(own), rel=1e-9)


def test_next_to_no_pull_reads_coordinates_of_any_units() -> None:
    """As many samples as it takes: a coordinate that varies by 1e-10 is learned, though its square is lost beside the other's."""
    units = np.array([1.0, 1e-10])
    env = ls.Mixture([ls.TaskFamily("a", units**2, [1.0, 2.0] / units), ls.TaskFamily("b", units**2, 0.0)])
    found = ls.risk(env, 0.0, ls.RidgeToStart(1e-60, 8), draws=200, rng=0)
    assert float(found.total) < 1e-20
    assert float(ls.risk(env, 0.0, ls.RidgeToStart(1.0, 8), draws=200, rng=0).total) > 1


@pytest.mark.parametrize(("m", "truth"), [(4, 11.6), (6, 13.5)])
def test_one_sample_off_the_coordinates_next_to_no_ridge_leaves_no_trust(m: int, truth: float) -> None:
    """200,000 raw draws gave 11.6(5) and 13.5(4) at g = 1e-6, where the limit stays at 4.5 and 5.5, and grows on as log 1/g."""
    env = ls.Mixture([ls.TaskFamily("a", 1.0, 0.0, 0.0, noise=1.0, d=5)])
    for g, at_least in ((1e-6, truth), (1e-12, truth + min(m, 5) / 4 * np.log(1e6))):
        total = ls.risk(env, 0.0, ls.RidgeToStart(g, m)).total
        assert 0.9 < float(total) * (1 + float(total.how.expected_error)) / at_least < 1.2

"""Optimum and risk against slow twins, complete enumeration and the paper's formulas."""

from dataclasses import replace

import numpy as np
import pytest
from support import reference
from support.twin_methods import some_methods, twin_quadratics
from support.worlds import KINDS, random_world, skewed_rows

import landscape as ls
from landscape.core.parameters import record
from landscape.linalg.operators import Matrix, diagonal
from landscape.tasks.inputs import Empirical, Gaussian

SEEDS = range(8)


def check_world(seed, kind, planted=None, GradientSteps=ls.GradientSteps, MAML=ls.MAML):
    """Optimum of each method, and the parts of its risk, to 1e-10 of the twin.

    An error is planted by a subclass: of the inputs, the adaptation or the method.
    """
    environment, twins, alpha, rng = random_world(seed, kind)
    if planted is not None:
        environment = WithInputs(environment.families, planted)
    adaptation = GradientSteps(alpha, m=int(rng.integers(1, 51)), steps=int(rng.integers(1, 4)))
    evaluation = [reference.after(t, adaptation.alpha, adaptation.m, adaptation.steps) for t in twins]
    for method in [*some_methods(alpha, rng, MAML), MAML()]:
        w = reference.optimum(twins, twin_quadratics(twins, method.within(adaptation)))
        np.testing.assert_allclose(
            ls.optimum(environment, method.within(adaptation)), w, rtol=1e-10, atol=1e-10
        )
        parts = reference.risk_parts(twins, evaluation, w)
        risk = ls.risk(environment, method, adaptation)
        scale = max(1.0, sum(parts))
        np.testing.assert_allclose(
            [risk.noise, risk.dispersion, risk.suboptimality], parts, atol=1e-10 * scale
        )
        np.testing.assert_allclose(risk.total, reference.total_risk(twins, evaluation, w), rtol=1e-10)
        given = ls.risk(environment, w, adaptation)
        np.testing.assert_allclose(given.total, risk.total, rtol=1e-10)
    assert ls.risk(environment, MAML(), adaptation).suboptimality < 1e-10 * scale


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_random_environments_agree_with_the_twin(seed, kind):
    check_world(seed, kind)


@record
class WithInputs(ls.Mixture):
    """A mixture whose tasks have wrong moments: `planted` makes them of the right ones."""

    planted: type

    def tasks(self):
        return [replace(task, inputs=self.planted(task.inputs)) for task in super().tasks()]


class WithoutTrace(Gaussian):
    def __init__(self, inputs):
        super().__init__(inputs.Sigma, inputs.noise_variance)

    def scatter(self, A, SA):
        return SA @ self.Sigma


class WrongRows(Empirical):
    def __init__(self, inputs):
        super().__init__(inputs.X, inputs.X @ inputs.optimum + inputs.e)


class WithoutThird(WrongRows):
    def third(self, A):
        return None


class DoubledNoise(WrongRows):
    def noise(self, A, SA):
        return 2 * self.noise_variance * SA.trace()


class TrainedOn51(ls.MAML):
    def objective(self, moments):
        return replace(self.adaptation, m=51).form(moments)

    def minimises(self):
        return None


class DoubledLoss(ls.GradientSteps):
    def form(self, moments):
        return 2.0 * super().form(moments)


PLANTED = {
    "trace term dropped (diagonal)": ("diagonal", {"planted": WithoutTrace}),
    "trace term dropped (dense)": ("dense", {"planted": WithoutTrace}),
    "third moment dropped": ("rows", {"planted": WithoutThird}),
    "noise doubled": ("rows", {"planted": DoubledNoise}),
    "n1 in place of n2": ("isotropic", {"MAML": TrainedOn51}),
    "factor 2 in the risk": ("dense", {"GradientSteps": DoubledLoss}),
}


@pytest.mark.parametrize("error", PLANTED)
def test_planted_errors_are_caught(error):
    kind, planted = PLANTED[error]
    check_world(2, kind)
    with pytest.raises(AssertionError):
        check_world(2, kind, **planted)


def check_enumeration(seed, m, steps, planted=None):
    rng = np.random.default_rng(seed)
    X, y = skewed_rows(rng, 2, N=4)
    w, alpha = rng.standard_normal(2), 0.3
    environment = ls.Mixture([ls.DataTask("all resamples", X, y)])
    if planted is not None:
        environment = WithInputs(environment.families, planted)
    exact = reference.enumerate_risk(X, y, w, alpha, m, steps)
    total = ls.risk(environment, w, ls.GradientSteps(alpha, m, steps)).total
    np.testing.assert_allclose(total, exact, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:the inner step expands")
@pytest.mark.parametrize(("m", "steps"), [(1, 1), (2, 1), (5, 1), (1, 2), (2, 2), (3, 2), (1, 3)])
def test_rows_agree_with_complete_enumeration(m, steps):
    inputs = ls.DataTask("a", *skewed_rows(np.random.default_rng(3), 2, N=4)).inputs
    assert np.abs(inputs.third(inputs.Sigma)).max() > 1e-3
    check_enumeration(3, m, steps)
    with pytest.raises(AssertionError):
        check_enumeration(3, m, steps, WithoutThird)


@pytest.mark.parametrize("m", [1, 7, 500])
def test_corollary_1(m):
    rng = np.random.default_rng(m)
    for _ in range(20):
        rho_hard, rho_easy = np.sort(rng.uniform(0.05, 1.5, 2))
        R, r_hard, r_easy = rng.uniform(0, 5, 3)
        d, alpha = int(rng.integers(1, 30)), rng.uniform(0.1, 1) / rho_easy
        environment = ls.HardEasy(
            d=d, rho_hard=rho_hard, rho_easy=rho_easy, R=R, r_hard=r_hard, r_easy=r_easy
        )
        adaptation = ls.GradientSteps(alpha, m)
        nal, maml = reference.collins_10_11(rho_hard, rho_easy, R, r_hard, r_easy, d, m, alpha)
        np.testing.assert_allclose(ls.risk(environment, ls.NAL(), adaptation).above_noise, nal, rtol=1e-12)
        np.testing.assert_allclose(ls.risk(environment, ls.MAML(), adaptation).above_noise, maml, rtol=1e-12)
        np.testing.assert_allclose(ls.gain(environment, ls.MAML(), adaptation), nal / maml, rtol=1e-12)


def test_best_step_agrees_with_its_formula_and_with_neighbours():
    environment, twins, alpha, rng = random_world(5, "dense")
    w, m = rng.standard_normal(environment.d), 4
    top = bottom = 0.0
    for t in twins:
        S, M2 = t["S"], t["C"] + np.outer(w - t["mu"], w - t["mu"])
        curve = S @ S @ S * (1 + 1 / m) + np.trace(S @ S) * S / m
        top += t["p"] * np.trace(S @ S @ M2)
        bottom += t["p"] * (np.trace(curve @ M2) + t["e2"] * np.trace(S @ S) / m)
    best = ls.best_step(environment, w, m)
    assert best == pytest.approx(top / bottom, rel=1e-10)
    risks = [ls.risk(environment, w, ls.GradientSteps(float(best) * f, m)).total for f in (0.99, 1, 1.01)]
    assert risks[1] < min(risks[0], risks[2])


def test_best_step_over_a_grid_of_m():
    environment = ls.HardEasy(noise=0.3)
    best = ls.best_step(environment, ls.NAL(), over={"m": [2, 20, 200]})
    assert best.shape == (3,)
    assert best[1] == pytest.approx(float(ls.best_step(environment, ls.NAL(), 20)), rel=1e-12)


def test_batch_normalised_weights_by_enumeration_of_batches():
    """Three families, two of them with equal weights, every batch of 4 written out."""
    import itertools

    p, nu, batch = [0.2, 0.3, 0.5], [2.0, 1.0, 2.0], 4
    shares = np.zeros(3)
    for members in itertools.product(range(3), repeat=batch):
        chance, weights = np.prod([p[i] for i in members]), np.array([nu[i] for i in members])
        for i, share in zip(members, weights / weights.sum(), strict=True):
            shares[i] += chance * share
    families = [ls.TaskFamily(n, 1.0, d=1, probability=q) for n, q in zip("abc", p, strict=True)]
    method = ls.NAL({"a": 2.0, "c": 2.0}, batch=batch)
    np.testing.assert_allclose(method.shares(ls.Mixture(families).tasks()), shares, rtol=1e-12)


def test_grids_equal_single_points():
    over = {"rho_hard": [0.05, 0.2, 0.7], "m": [5, 500]}
    for method in [ls.NAL(), ls.MAML(), ls.FOMAML(ls.GradientSteps(0.9, steps=2))]:
        risk = ls.risk(ls.HardEasy(), method, ls.GradientSteps(1.1), over=over)
        points = ls.optimum(
            ls.HardEasy(), method.within(ls.GradientSteps(1.1, 5)), over={"rho_hard": over["rho_hard"]}
        )
        for i, rho in enumerate(over["rho_hard"]):
            single = ls.HardEasy(rho_hard=rho)
            for j, m in enumerate(over["m"]):
                total = ls.risk(single, method, ls.GradientSteps(1.1, m=m)).total
                assert total == pytest.approx(risk.total[i, j], rel=1e-13)
            here = ls.optimum(single, method.within(ls.GradientSteps(1.1, 5)))
            np.testing.assert_allclose(here, points[i], rtol=1e-13)


def test_dense_grids_are_those_of_single_points():
    environment, _, alpha, _ = random_world(1, "dense")
    alphas = alpha * np.array([0.5, 1.0])
    points = ls.optimum(environment, ls.MAML(ls.GradientSteps(alpha, 3)), over={"MAML.inner.alpha": alphas})
    assert points.shape == (2, environment.d)
    for step, point in zip(alphas, points, strict=True):
        adaptation = ls.GradientSteps(step, 3)
        np.testing.assert_allclose(point, ls.optimum(environment, ls.MAML(adaptation)))
        assert ls.risk(environment, point, adaptation).suboptimality == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("points", [4, pytest.param(None, marks=pytest.mark.slow)])
def test_the_formulas_serve_sympy(points):
    """At rational points drawn with a fixed seed, exactly: a wrong term would have to vanish at each. Slow: as rational functions."""
    import sympy

    rho_H, rho_E, R, r_H, r_E = sympy.symbols("rho_H rho_E R r_H r_E", positive=True)
    d, m, alpha = sympy.symbols("d m alpha", positive=True)
    environment = ls.HardEasy(
        d=d, rho_hard=rho_H, rho_easy=rho_E, R=R, r_hard=r_H, r_easy=r_E, p_hard=sympy.Rational(1, 2), noise=0
    )
    adaptation = ls.GradientSteps(alpha, m)
    nal, maml = reference.collins_10_11(rho_H, rho_E, R, r_H, r_E, d, m, alpha)
    for method, printed in [(ls.NAL(), nal), (ls.MAML(), maml)]:
        above_noise = ls.risk(environment, method, adaptation).above_noise.item()
        assert not above_noise.atoms(sympy.Float)
        difference = above_noise - printed
        if points is None:
            assert sympy.cancel(difference) == 0
            continue
        names, rng = sorted(difference.free_symbols, key=str), np.random.default_rng(0)
        assert len(names) == 8
        for _ in range(points):
            values = [sympy.Rational(*map(int, rng.integers(1, 100, 2))) for _ in names]
            assert difference.subs(dict(zip(names, values, strict=True))) == 0


@pytest.mark.parametrize("least", [1e-3, 1e-6, 1e-9, 0.0])
def test_dense_systems_are_solved_however_ill_conditioned(least):
    """Known eigenvalues and solution; where one vanishes, a solution."""
    rng = np.random.default_rng(0)
    vectors = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    values, x = np.array([least, 0.5, 1.0, 2.0]), vectors @ np.array([3.0 * (least > 0), 1.0, -2.0, 0.5])
    for sign in (1, -1):
        A = sign * (vectors * values) @ vectors.T
        found = Matrix(A).solve(A @ x)
        assert Matrix(A).factor().is_singular == (least == 0)
        np.testing.assert_allclose(A @ found, A @ x, atol=1e-13)
        if least:
            np.testing.assert_allclose(found, x, atol=1e-13 / least)


def test_a_direction_that_is_there_by_rounding_only_is_left_out():
    """Its Cholesky factor exists, and elimination would give [2, 0]."""
    A = np.array([[1.0, 1.0], [1.0, 1.0 + 2**-52]])
    np.testing.assert_allclose(Matrix(A).solve(np.array([2.0, 2.0])), [1.0, 1.0], rtol=1e-12)


def test_largest_curvatures_and_their_bounds():
    rng = np.random.default_rng(0)
    for d in (1, 2, 5):
        for _ in range(10):
            root = rng.standard_normal((d, d))
            dense, line = Matrix(root @ root.T), diagonal(rng.uniform(0.1, 2, d))
            largest = max(np.linalg.eigvalsh(dense.array))
            assert dense.largest() == pytest.approx(largest)
            assert dense.bound() >= largest * (1 - 1e-12)
            assert line.bound() == line.largest() == line.entries.max()
            for operator in (dense, line):
                assert (operator - 2 * operator.largest() * operator.identity()).factor().is_indefinite
                assert not (operator + operator.identity()).factor().is_indefinite


def test_a_step_that_expands_warns_whatever_the_signs_of_covariances():
    """Curvature 1.9 with a negative correlation: plain sums over columns would say 0.1."""
    environment = ls.Mixture([ls.TaskFamily("a", [[1.0, -0.9], [-0.9, 1.0]], 1.0)])
    with pytest.warns(ls.LandscapeWarning, match="the inner step expands"):
        ls.risk(environment, 0.0, ls.GradientSteps(1.1))
    ls.risk(environment, 0.0, ls.GradientSteps(1.05))


@pytest.mark.parametrize("unit", [1e-12, 1e9])
@pytest.mark.parametrize("kind", ["diagonal", "dense"])
def test_units_of_optima_do_not_matter(kind, unit):
    """Centres, spreads and points in other units: the risk above the noise is in the square of them."""
    families, adaptation = random_world(4, kind)[0].families, ls.GradientSteps(0.3, 5)
    found = []
    for u in (1.0, unit):
        environment = ls.Mixture(
            [replace(f, centre=f.centre * u, spread=f.spread * u**2, noise=0.0) for f in families]
        )
        risks = [ls.risk(environment, point, adaptation) for point in (ls.NAL(), 0.7 * u)]
        found.append([[risk.dispersion / u**2, risk.suboptimality / u**2] for risk in risks])
    assert np.min(found[0]) > 1e-6
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)

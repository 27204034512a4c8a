"""Optimum and risk against slow twins, complete enumeration and the paper's formulas."""

from dataclasses import replace

import numpy as np
import pytest
import reference
from worlds import KINDS, random_world, skewed_rows

import landscape as ls
from landscape import adaptation, algebra, formulas, methods

SEEDS = range(8)


def twin_quadratics(twins, method):
    """The quadratics of a method, from the table of weights, by index sums and eigenvectors."""
    n2 = method.n2 or np.inf
    zero = np.zeros(len(twins[0]["mu"]))

    def weight(f):
        return [(reference.matrix_function(t["S"], f), zero, 0.0) for t in twins]

    match method:
        case ls.NAL():
            return [(t["S"], zero, t["e2"]) for t in twins]
        case ls.MAML(alpha=a, steps=k, hessian="shared"):
            return [reference.after(t, a, n2, k) for t in twins]
        case ls.MAML(alpha=a, steps=k):
            return weight(lambda lam: lam * (1 - a * lam) ** (2 * k))
        case ls.FOMAML(alpha=a, steps=k):
            return weight(lambda lam: lam * (1 - a * lam) ** k)
        case ls.HFMAML(alpha=a):
            return weight(lambda lam: lam * (1 - a * lam) ** 2)
        case ls.Reptile(alpha=a, steps=k):
            return weight(lambda lam: 1 - (1 - a * lam) ** k)
        case ls.IMAML(strength=g):
            return weight(lambda lam: lam * (g / (lam + g)) ** 2)
        case ls.BaMAML(strength=g, train_share=s):
            return weight(lambda lam: lam / (1 + lam / g) / (1 + lam / (g * s)))


def some_methods(alpha, rng):
    n2 = int(rng.integers(1, 51))
    return [
        ls.NAL(), ls.MAML(alpha, n2), ls.MAML(alpha, n2, steps=2), ls.MAML(alpha), ls.MAML(alpha, n2, 2, hessian="independent"),
        ls.FOMAML(alpha), ls.FOMAML(alpha, 3), ls.HFMAML(alpha), ls.Reptile(alpha, 3), ls.IMAML(0.7), ls.BaMAML(0.7, 0.4),
    ]  # fmt: skip


def check_world(seed, kind):
    """Optimum of each method, and the parts of its risk, to 1e-10 of the twin."""
    environment, twins, alpha, rng = random_world(seed, kind)
    adaptation = ls.Adaptation(alpha, m=int(rng.integers(1, 51)), steps=int(rng.integers(1, 4)))
    evaluation = [reference.after(t, adaptation.alpha, adaptation.m, adaptation.steps) for t in twins]
    for method in [*some_methods(alpha, rng), ls.MAML.matching(adaptation)]:
        w = reference.optimum(twins, twin_quadratics(twins, method.resolved))
        np.testing.assert_allclose(ls.optimum(environment, method), w, rtol=1e-10, atol=1e-10)
        parts = reference.risk_parts(twins, evaluation, w)
        risk = ls.risk(environment, method, adaptation)
        scale = max(1.0, sum(parts))
        np.testing.assert_allclose(
            [risk.noise, risk.dispersion, risk.suboptimality], parts, atol=1e-10 * scale
        )
        np.testing.assert_allclose(risk.total, reference.total_risk(twins, evaluation, w), rtol=1e-10)
        given = ls.risk(environment, w, adaptation)
        np.testing.assert_allclose(given.total, risk.total, rtol=1e-10)
    assert ls.risk(environment, ls.MAML.matching(adaptation), adaptation).suboptimality < 1e-10 * scale


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_random_environments_agree_with_the_twin(seed, kind):
    check_world(seed, kind)


def _scatter_without_trace(self, A):
    return self.value * A * self.value if isinstance(self, algebra.Spectrum) else self._products(A)[1]


PLANTED = {
    "trace term dropped (diagonal)": (algebra.Spectrum, "scatter", _scatter_without_trace, "diagonal"),
    "trace term dropped (dense)": (algebra.Dense, "scatter", _scatter_without_trace, "dense"),
    "third moment dropped": (algebra.Rows, "third", lambda self, A: None, "rows"),
    "noise doubled": (algebra.Rows, "noise", lambda self, A: 2 * self.noise_variance * self.inner(self.value, A), "rows"),
    "n1 in place of n2": (
        methods.MAML, "quadratic", lambda self, inputs: adaptation.after(inputs, self.alpha, 51, self.steps), "isotropic"),
    "factor 2 in the risk": (
        formulas, "risk_parts", lambda t, a, f=formulas.risk_parts: (*(2 * x for x in f(t, a)[:2]), *f(t, a)[2:]),
        "dense"),
}  # fmt: skip


@pytest.mark.parametrize("error", PLANTED)
def test_planted_errors_are_caught(error, monkeypatch):
    owner, name, wrong, kind = PLANTED[error]
    check_world(2, kind)
    monkeypatch.setattr(owner, name, wrong)
    with pytest.raises(AssertionError):
        check_world(2, kind)


def check_enumeration(seed, m, steps):
    rng = np.random.default_rng(seed)
    X, y = skewed_rows(rng, 2, N=4)
    w, alpha = rng.standard_normal(2), 0.3
    environment = ls.Environment([ls.DataTask("all resamples", X, y)])
    exact = reference.enumerate_risk(X, y, w, alpha, m, steps)
    np.testing.assert_allclose(
        ls.risk(environment, w, ls.Adaptation(alpha, m, steps)).total, exact, rtol=1e-12
    )


@pytest.mark.filterwarnings("ignore:the inner step expands")
@pytest.mark.parametrize(("m", "steps"), [(1, 1), (2, 1), (5, 1), (1, 2), (2, 2), (3, 2), (1, 3)])
def test_rows_agree_with_complete_enumeration(m, steps, monkeypatch):
    inputs = (
        ls.Environment([ls.DataTask("a", *skewed_rows(np.random.default_rng(3), 2, N=4))]).tasks()[0].inputs
    )
    assert np.abs(inputs.third(inputs.value)).max() > 1e-3
    check_enumeration(3, m, steps)
    monkeypatch.setattr(algebra.Rows, "third", lambda self, A: None)
    with pytest.raises(AssertionError):
        check_enumeration(3, m, steps)


@pytest.mark.parametrize("m", [1, 7, 500])
def test_corollary_1(m):
    rng = np.random.default_rng(m)
    for _ in range(20):
        rho_hard, rho_easy = np.sort(rng.uniform(0.05, 1.5, 2))
        R, r_hard, r_easy = rng.uniform(0, 5, 3)
        d, alpha = int(rng.integers(1, 30)), rng.uniform(0.1, 1) / rho_easy
        environment = ls.hard_easy(
            d=d, rho_hard=rho_hard, rho_easy=rho_easy, R=R, r_hard=r_hard, r_easy=r_easy
        )
        adaptation = ls.Adaptation(alpha, m)
        nal, maml = reference.collins_10_11(rho_hard, rho_easy, R, r_hard, r_easy, d, m, alpha)
        np.testing.assert_allclose(ls.risk(environment, ls.NAL(), adaptation).above_noise, nal, rtol=1e-12)
        matched = ls.MAML.matching(adaptation)
        np.testing.assert_allclose(ls.risk(environment, matched, adaptation).above_noise, maml, rtol=1e-12)
        np.testing.assert_allclose(ls.gain(environment, matched, adaptation), nal / maml, rtol=1e-12)


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
    risks = [ls.risk(environment, w, ls.Adaptation(best * f, m)).total for f in (0.99, 1, 1.01)]
    assert risks[1] < min(risks[0], risks[2])


def test_best_step_over_a_grid_of_m():
    environment = ls.hard_easy(noise=0.3)
    m = np.array([2, 20, 200])
    best = ls.best_step(environment, ls.NAL(), m)
    assert best.shape == (3,)
    assert best[1] == pytest.approx(ls.best_step(environment, ls.NAL(), 20), rel=1e-12)


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
    np.testing.assert_allclose(method.shares(ls.Environment(families).tasks()), shares, rtol=1e-12)


def test_grids_equal_single_points():
    rho, m = np.array([0.05, 0.2, 0.7]), np.array([5, 500])
    environment = ls.hard_easy(rho_hard=rho[:, None])
    adaptation = ls.Adaptation(1.1, m=m)
    methods = [ls.NAL(), ls.MAML.matching(adaptation), ls.FOMAML(0.9, 2)]
    for method in methods:
        risk, points = ls.risk(environment, method, adaptation), ls.optimum(environment, method)
        for i, j in np.ndindex(3, 2):
            single = ls.hard_easy(rho_hard=rho[i])
            adapt = ls.Adaptation(1.1, m=m[j])
            one = ls.MAML.matching(adapt) if method is methods[1] else method
            assert ls.risk(single, one, adapt).total == pytest.approx(risk.total[i, j], rel=1e-13)
            here = points[i, j] if method is methods[1] else points[i, 0]
            np.testing.assert_allclose(ls.optimum(single, one), here, rtol=1e-13)


def test_dense_grids_are_walked_point_by_point():
    environment, _, alpha, _ = random_world(1, "dense")
    alphas = alpha * np.array([0.5, 1.0])
    points = ls.optimum(environment, ls.MAML(alphas, n2=3))
    assert points.shape == (2, environment.d)
    np.testing.assert_allclose(points[0], ls.optimum(environment, ls.MAML(alphas[0], n2=3)))
    risks = ls.risk(environment, points, ls.Adaptation(alphas, 3))
    assert risks.suboptimality == pytest.approx(np.zeros(2), abs=1e-12)


def test_the_formulas_serve_sympy():
    import sympy

    rho_H, rho_E, R, r_H, r_E = sympy.symbols("rho_H rho_E R r_H r_E", positive=True)
    d, m, alpha = sympy.symbols("d m alpha", positive=True)
    environment = ls.hard_easy(
        d=d, rho_hard=rho_H, rho_easy=rho_E, R=R, r_hard=r_H, r_easy=r_E, p_hard=sympy.Rational(1, 2), noise=0
    )
    adaptation = ls.Adaptation(alpha, m)
    nal, maml = reference.collins_10_11(rho_H, rho_E, R, r_H, r_E, d, m, alpha)
    for method, printed in [(ls.NAL(), nal), (ls.MAML.matching(adaptation), maml)]:
        risk = ls.risk(environment, method, adaptation)
        assert not (risk.above_noise.atoms(sympy.Float))
        assert sympy.cancel(risk.above_noise - printed) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_leading_axes_of_points_may_be_of_length_1(kind):
    environment = random_world(0, kind)[0]
    d, adapt = environment.d, ls.Adaptation(0.2, 7)
    assert d > 1
    points = np.random.default_rng(4).normal(size=(2, d))
    alone = [ls.risk(environment, point, adapt).total for point in points]
    for lead in [(1, 2), (2, 1), (1, 1, 2)]:
        total = ls.risk(environment, points.reshape(*lead, d), adapt).total
        assert total.shape == lead
        np.testing.assert_allclose(np.ravel(total), alone, rtol=1e-12)


@pytest.mark.parametrize("least", [1e-3, 1e-6, 1e-9, 0.0])
def test_dense_systems_are_solved_however_ill_conditioned(least):
    """Known eigenvalues and solution; where one vanishes the solution has nothing in that direction."""
    rng = np.random.default_rng(0)
    vectors = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    values, x = np.array([least, 0.5, 1.0, 2.0]), vectors @ np.array([3.0 * (least > 0), 1.0, -2.0, 0.5])
    for sign in (1, -1):
        A = sign * (vectors * values) @ vectors.T
        tolerance = 1e-14 / least if least else 1e-14
        np.testing.assert_allclose(algebra.Dense(A).solve(A, A @ x), x, atol=10 * tolerance)


def test_a_direction_that_is_there_by_rounding_only_is_left_out():
    """Its Cholesky factor exists, and elimination would give [2, 0]."""
    A = np.array([[1.0, 1.0], [1.0, 1.0 + 2**-52]])
    np.testing.assert_allclose(algebra.Dense(A).solve(A, np.array([2.0, 2.0])), [1.0, 1.0], rtol=1e-12)


def test_steepest_curvatures_and_sizes():
    rng = np.random.default_rng(0)
    for d in (1, 2, 5):
        for _ in range(10):
            root = rng.standard_normal((d, d))
            dense, line = algebra.Dense(root @ root.T), algebra.Spectrum(rng.uniform(0.1, 2, d), np.ones(d))
            steepest = max(np.abs(np.linalg.eigvals(dense.value)))
            assert dense.steepest() == pytest.approx(steepest)
            assert dense.steepest_bound() >= steepest * (1 - 1e-12)
            assert line.steepest_bound() == line.steepest() == line.value.max()
            for inputs in (dense, line):
                A = inputs.value - 0.5 * inputs.function(np.ones_like)  # of either sign
                np.testing.assert_array_equal(inputs.size(A), inputs.size(-A))
                assert np.max(inputs.size(A)) > 0
                low = np.min(inputs.eigenvalues(A))
                assert inputs.exceeds(A, low - 1e-9)
                assert not inputs.exceeds(A, low + 1e-9)


def test_a_step_that_expands_warns_whatever_the_signs_of_covariances():
    """Curvature 1.9 with a negative correlation: plain sums over columns would say 0.1."""
    environment = ls.Environment([ls.TaskFamily("a", [[1.0, -0.9], [-0.9, 1.0]], 1.0)])
    with pytest.warns(ls.LandscapeWarning, match="reaches 2.09"):
        ls.risk(environment, 0.0, ls.Adaptation(1.1))
    ls.risk(environment, 0.0, ls.Adaptation(1.05))


@pytest.mark.parametrize("unit", [1e-12, 1e9])
@pytest.mark.parametrize("kind", ["diagonal", "dense"])
def test_units_of_optima_do_not_matter(kind, unit):
    """Centres, spreads and points in other units: the risk above the noise is in the square of them."""
    families, adaptation = random_world(4, kind)[0].families, ls.Adaptation(0.3, 5)
    found = []
    for u in (1.0, unit):
        environment = ls.Environment(
            [replace(f, centre=f.centre * u, spread=f.spread * u**2, noise=0.0) for f in families]
        )
        risks = [ls.risk(environment, point, adaptation) for point in (ls.NAL(), 0.7 * u)]
        found.append([[risk.dispersion / u**2, risk.suboptimality / u**2] for risk in risks])
    assert np.min(found[0]) > 1e-6
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)

"""What the ledger derives for [L] is what the package computes, exactly; and both are what drawing data gives.

The one place where the two sides meet: the ledger never imports the package's formulas. Exact comparisons are at random rational
points. Simulations fix the seed; each is judged at 4.5 standard errors, a false alarm in 150,000 for each of about ten, and the
negative control shows that a misprint of the paper would be found.
"""

import random
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp

import landscape as ls
from landscape import formulas
from landscape.algebra import Spectrum
from landscape.moments import power_moment
from landscape.reproduce import table3
from landscape.symbolic.claims import convergence, gains, geography, hardness, population, slips, two_tasks
from landscape.symbolic.evaluate import replace, resolve
from landscape.symbolic.risk import isotropic_weight, weight_matrix
from landscape.symbolic.wick import expected_word, isotropic

RANDOM = random.Random(5)
SIZE = sp.Symbol("D", integer=True, positive=True)
SIGMA = sp.MatrixSymbol("Sigma", SIZE, SIZE)
HALF = sp.Rational(1, 2)


def rational(largest=30):
    return sp.Rational(RANDOM.randint(1, largest), RANDOM.randint(1, 20))


@cache
def derived(claim):
    """Each derivation runs once."""
    return claim.derive()


def whole(largest=40):
    return sp.Integer(RANDOM.randint(1, largest))


def point(*symbols):
    return {symbol: rational() for symbol in symbols}


def spectrum(entries, counts, noise=0):
    return Spectrum(np.array(entries, dtype=object), np.array(counts, dtype=object), noise)


@pytest.mark.parametrize("trial", range(5))
def test_weight_of_a_step(trial):
    """Any spectrum: the quadratic of MAML and its constant, against the weight matrix from pairings."""
    values, alpha, m, noise = [rational() for _ in range(3)], rational(), whole(), rational()
    quadratic = ls.MAML(alpha, n2=m).quadratic(spectrum(values, [1, 1, 1], noise))
    expected = replace(weight_matrix(SIGMA, alpha, m), {SIGMA: sp.ImmutableMatrix.diag(*values), SIZE: sp.Integer(3)})
    assert [expected[i, i] for i in range(3)] == list(quadratic.A)
    claim = derived(population.least_risk)
    at = {
        population.alpha: alpha,
        population.m: m,
        population.sigma: sp.sqrt(noise),
        population.trace: sum(v**2 for v in values),
    }
    after = ls.Adaptation(alpha, m).quadratic(spectrum(values, [1, 1, 1], noise))
    assert sp.simplify(claim.quantities[population.floor].subs(at) - sp.nsimplify(after.c) / 2) == 0


@pytest.mark.parametrize("trial", range(5))
def test_proposition_1(trial):
    """Two kinds of tasks in two dimensions: optimum and risk above the noise, against letters and words."""
    share, alpha, m, n2 = sp.Rational(RANDOM.randint(1, 9), 10), rational(), whole(), whole()
    inputs = [spectrum([rational(), rational()], [1, 1]) for _ in range(2)]
    centres = [np.array([rational(), rational()], dtype=object) for _ in range(2)]
    tasks = [
        SimpleNamespace(inputs=i, centre=c, spread=None, probability=p)
        for i, c, p in zip(inputs, centres, (share, 1 - share), strict=True)
    ]
    column = [sp.ImmutableMatrix(c.tolist()) for c in centres]
    matrices = {}
    for names, weights in (
        ((population.Sigma_1, population.Sigma_2, population.mean_Sigma), [i.value for i in inputs]),
        ((population.Q_1, population.Q_2, population.mean_Q), [ls.MAML(alpha, n2=n2).quadratic(i).A for i in inputs]),
        ((population.M_1, population.M_2, population.mean_M), [ls.MAML(alpha, n2=m).quadratic(i).A for i in inputs]),
    ):
        pair = [sp.ImmutableMatrix.diag(*w) for w in weights]
        matrices |= dict(zip(names, (*pair, share * pair[0] + (1 - share) * pair[1]), strict=True))
    at = matrices | {
        population.w_1: column[0],
        population.w_2: column[1],
        population.p: share,
        population.d: sp.Integer(2),
    }
    for method, name in ((ls.NAL(), population.A_NAL), (ls.MAML(alpha, n2=n2), population.A_MAML)):
        optimum = formulas.population_optimum(tasks, _labelled(method))
        quadratics = [ls.Adaptation(alpha, m).quadratic(i) for i in inputs]
        _, dispersion, best, M = formulas.risk_parts(tasks, quadratics)
        suboptimality = inputs[0].form(M, optimum - best) / 2
        (risk,) = replace(derived(population.excess_risks).quantities[name], at)
        assert sp.nsimplify(dispersion + suboptimality) == sp.nsimplify(risk)


def _labelled(method):
    return SimpleNamespace(quadratic=method.quadratic, shares=lambda tasks: [t.probability for t in tasks])


@pytest.mark.parametrize("trial", range(5))
def test_many_tasks(trial):
    """Corollaries 1 and 2: risks and gain of the environment of section 3.2, in rational numbers."""
    t, g = two_tasks, geography
    at = point(t.R, t.r_H, t.r_E, t.rho_H, t.rho_E) | {t.d: whole(9), t.m: whole()}
    environment = ls.hard_easy(
        d=int(at[t.d]),
        rho_hard=at[t.rho_H],
        rho_easy=at[t.rho_E],
        R=at[t.R],
        r_hard=at[t.r_H],
        r_easy=at[t.r_E],
        p_hard=HALF,
    )
    adaptation = ls.Adaptation(1 / at[t.rho_E], m=at[t.m])
    maml = ls.MAML.matching(adaptation)
    weights = dict(zip((t.a_H, t.a_E), [weight.subs(at) for weight in t.natural_weights()], strict=True))
    for method, name in ((ls.NAL(), g.E_NAL), (maml, g.E_MAML)):
        assert exact(ls.risk(environment, method, adaptation).above_noise) == derived(g.many_tasks).quantities[
            name
        ].subs(weights).subs(at)
    gain = derived(gains.gain_of_maml).quantities[gains.ratio].subs(at)
    assert exact(ls.gain(environment, maml, adaptation)) == gain


def exact(value):
    """A rational number: the package's constants 0.5 and 0.0 are exact in binary, so none is lost."""
    value = sp.nsimplify(value, rational=True) if isinstance(value, float) else value
    assert not sp.sympify(value).atoms(sp.Float), value
    return sp.sympify(value)


@pytest.mark.parametrize("trial", range(5))
def test_two_tasks(trial):
    """(8) and (9), corrected, with symbols in the package as well."""
    t = two_tasks
    at = point(t.rho_H, t.rho_E, t.alpha) | {t.d: whole(9), t.m: whole()}
    centres = {t.w_1: rational(), t.w_2: -rational()}
    inputs = [spectrum([at[t.rho_H]], [at[t.d]]), spectrum([at[t.rho_E]], [at[t.d]])]
    tasks = [
        SimpleNamespace(inputs=i, centre=np.array([c], dtype=object), spread=None, probability=HALF)
        for i, c in zip(inputs, centres.values(), strict=True)
    ]
    adaptation = ls.Adaptation(at[t.alpha], at[t.m])
    weights = {
        t.a_H: isotropic_weight(at[t.rho_H], at[t.alpha], at[t.m], at[t.d]),
        t.a_E: isotropic_weight(at[t.rho_E], at[t.alpha], at[t.m], at[t.d]),
        t.Delta: sp.sqrt(at[t.d]) * (centres[t.w_1] - centres[t.w_2]),
    }
    optima, risks = derived(t.two_optima).quantities, derived(t.two_risks).quantities
    for method, where, risk in ((ls.NAL(), t.w_NAL, t.E_NAL), (ls.MAML(at[t.alpha], n2=at[t.m]), t.w_MAML, t.E_MAML)):
        optimum = formulas.population_optimum(tasks, _labelled(method))
        assert sp.nsimplify(optimum[0]) == optima[where].subs(weights).subs(at).subs(centres)
        _, dispersion, suboptimality = formulas.risks_from(tasks, adaptation, optimum)
        assert sp.nsimplify(dispersion + suboptimality) == risks[risk].subs(weights).subs(at)


def test_hardness_window():
    h = hardness
    (_, (boundary_step)) = derived(h.hardness_window).steps[:2]
    boundary = boundary_step.formula.rhs
    for d in (1, 4, 10, 57):
        for x in np.linspace(0.05, 0.95, 7):
            ours = ls.window_boundary(float(x), d)
            assert float(boundary.subs({h.x: sp.Rational(str(x)), h.d: d})) == pytest.approx(ours, rel=1e-13)
        least = derived(h.hardness_window).quantities[h.least].subs(h.d, d)
        assert ls.least_samples(d) == sp.floor(least) + 1
        for edge in ls.hardness_window(d, 40 * d):
            assert float(boundary.subs({h.x: edge, h.d: d})) == pytest.approx(40 * d, rel=1e-10)


def test_peak_of_the_gain():
    """The root of the polynomial of degree 5 is where the package's gain is largest."""
    h, (d, m) = hardness, (10, 2000)
    polynomial = derived(h.peak_of_gain).steps[2].formula.lhs.subs(h.c, sp.Rational(d + 1, m))
    peak = [float(root) for root in sp.Poly(polynomial, h.x).nroots() if root.is_real and 0.02 < root < 0.9]
    x = np.linspace(0.05, 0.5, 20_001)
    adaptation = ls.Adaptation(1.0, m)
    gain = ls.gain(ls.two_tasks(d=d, rho_hard=x), ls.MAML.matching(adaptation), adaptation)
    assert min(abs(root - x[gain.argmax()]) for root in peak) < 1e-4
    coincide = (1 - (d + 1) / m) / (1 + (d + 1) / m)
    assert ls.gain(ls.two_tasks(d=d, rho_hard=coincide), ls.MAML.matching(adaptation), adaptation) == pytest.approx(
        1, abs=1e-12
    )


def test_directions_of_a_spectrum():
    h = hardness
    values, m = [sp.Integer(1), *(sp.Rational(1, k) for k in range(2, 6))], whole()
    square = sum(v**2 for v in values)
    weights = ls.MAML(sp.Integer(1), n2=m).quadratic(spectrum(values, [1] * 5)).A
    assert list(weights) == [h.direction_weight(v, square).subs(h.m, m) for v in values]


def test_moments():
    n, d = sp.symbols("n d", positive=True)
    for k in range(1, 5):
        expected = isotropic(expected_word([sp.Identity(SIZE)] * (k + 1), n, SIGMA), SIGMA, sp.Integer(1), d)
        assert sp.expand(expected * n**k - power_moment(k, n, d)) == 0


def test_finite_tasks():
    """Theorems 2 and 3 in one dimension: T times the squared error, against the asymptotics of the package."""
    c = convergence
    at = {c.n: 9, c.n_1: 5, c.n_2: 7, c.tau: 3, c.rho: 0.8, c.r: 1.7, c.alpha: 0.6}
    environment = ls.Environment([ls.TaskFamily("only", 0.8, 1.0, 1.7, d=1, noise=0.3)])
    nal = resolve(sp.Limit(c.T * c.error_NAL, c.T, sp.oo), derived(c.nal_converges).quantities)
    law = ls.asymptotics(environment, ls.NAL(), ls.Training(T=10**6, n1=8, n2=1))
    assert float(law.covariance[0, 0]) * 10**6 == pytest.approx(
        float(nal.subs(at).subs(c.sigma, sp.sqrt(0.3))), rel=1e-5
    )
    environment = ls.Environment([ls.TaskFamily("only", 0.8, 1.0, 1.7, d=1)])
    maml = resolve(c.T * c.error_MAML, derived(c.maml_converges).quantities)
    law = ls.asymptotics(environment, ls.MAML(0.6, n2=7), ls.Training(T=10**6, tau=3, n1=5, n2=7))
    assert float(law.covariance[0, 0]) * 10**6 == pytest.approx(float(maml.subs(at)), rel=1e-5)


def test_table_3():
    for factor in (2, 5, 10):
        ours = ls.optimum(table3.ENVIRONMENT, table3.METHODS[f"NAL nu={factor}"])[0]
        assert ours == pytest.approx(float(slips.weighted(factor)), rel=1e-13)
    quantities = derived(slips.table_3).quantities
    assert ls.optimum(table3.ENVIRONMENT, ls.MAML(1.0, n2=500))[0] == pytest.approx(
        float(quantities[slips.swapped]), rel=1e-13
    )
    ours = ls.risk(table3.ENVIRONMENT, table3.METHODS["NAL nu=2"], ls.Adaptation(1.0)).total
    assert ours == pytest.approx(float(quantities[slips.test_error]), rel=1e-12)


# the same by drawing data


def close(draws, value):
    draws = np.asarray(draws)
    error = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
    return np.all(np.abs(draws.mean(axis=0) - value) < 4.5 * error)


def test_second_moment_by_drawing():
    rng = np.random.default_rng(1)
    root, A = rng.standard_normal((2, 3, 3))
    A, Sigma, n = A + A.T, root @ root.T, 4
    X = rng.standard_normal((20_000, n, 3)) @ root.T
    S = np.swapaxes(X, 1, 2) @ X / n
    middle = sp.MatrixSymbol("A", SIZE, SIZE)
    word = expected_word([sp.Identity(SIZE), middle, sp.Identity(SIZE)], sp.Integer(n), SIGMA)
    at = {SIGMA: sp.ImmutableMatrix(Sigma), middle: sp.ImmutableMatrix(A), SIZE: sp.Integer(3)}
    value = np.array(replace(word, at).tolist(), dtype=float)
    assert close(S @ A @ S, value)
    assert not close(S @ A @ S, value - np.trace(Sigma @ A) * Sigma / n)  # without the trace


def test_risk_by_drawing():
    """The loss after a step from NAL's optimum over many tasks: Corollary 1 and the noise floor together."""
    rng, t = np.random.default_rng(2), two_tasks
    d, m, draws = 3, 12, 200_000
    at = {t.d: d, t.m: m, t.rho_H: 0.3, t.rho_E: 1.0, t.R: 1.5, t.r_H: 0.4, t.r_E: 2.0}
    weights = dict(zip((t.a_H, t.a_E), [w.subs(at) for w in t.natural_weights()], strict=True))
    hard = rng.random(draws) < 0.5
    rho = np.where(hard, 0.3, 1.0)
    w_i = (
        np.where(hard[:, None], 1.5, 0.0) + rng.standard_normal((draws, d)) * np.sqrt(np.where(hard, 0.4, 2.0))[:, None]
    )
    X = rng.standard_normal((draws, m, d)) * np.sqrt(rho)[:, None, None]
    z = 0.5 * rng.standard_normal((draws, m))
    floor = derived(population.least_risk).quantities[population.floor]
    noise = np.mean(
        [
            float(floor.subs({population.sigma: 0.5, population.alpha: 1, population.m: m, population.trace: d * v**2}))
            for v in (0.3, 1.0)
        ]
    )
    for name, (hard_weight, easy_weight) in ((geography.E_NAL, (0.3, 1.0)), (geography.E_MAML, weights.values())):
        start = 1.5 * float(hard_weight / (hard_weight + easy_weight))
        away = start - w_i
        after = away - np.einsum("imk,im->ik", X, np.einsum("imk,ik->im", X, away) - z) / m
        losses = (rho * (after**2).sum(axis=1) + 0.25) / 2
        value = float(derived(geography.many_tasks).quantities[name].subs(weights).subs(at))
        assert close(losses, value + noise)
        assert not close(losses, value + 2 * noise)  # (16) as printed, without the 1/2


def test_solutions_on_few_tasks_by_drawing():
    rng, c = np.random.default_rng(3), convergence
    T, n, rho, r, noise, draws = 4, 6, 0.7, 1.3, 0.5, 200_000
    X = np.sqrt(rho) * rng.standard_normal((draws, T, n))
    w_i = np.sqrt(r) * rng.standard_normal((draws, T))
    z = np.sqrt(noise) * rng.standard_normal((draws, T, n))
    solution = (X * (X * w_i[..., None] + z)).sum(axis=(1, 2)) / (X**2).sum(axis=(1, 2))
    at = {c.T: T, c.n: n, c.rho: rho, c.r: r, c.sigma: sp.sqrt(noise)}
    value = float(derived(c.nal_converges).quantities[c.error_NAL].subs(at))
    assert close(solution**2, value)
    assert not close(
        solution**2,
        float(resolve(sp.Limit(c.T * c.error_NAL, c.T, sp.oo), derived(c.nal_converges).quantities).subs(at)) / T,
    )


def test_episodes_by_drawing():
    """Variance of one entry of the preconditioned sample covariance, and what is left of it at alpha = 0."""
    rng, c = np.random.default_rng(4), convergence
    n1, n2, rho, draws = 5, 4, 0.8, 400_000
    quantities = derived(c.maml_converges).quantities
    inner, outer = (rho * rng.chisquare(n, draws) / n for n in (n2, n1))
    for alpha in (0.0, 0.9):
        q = (1 - alpha * inner) ** 2 * outer
        at = {c.alpha: alpha, c.n_1: n1, c.n_2: n2, c.rho: rho, c.tau: 1}
        assert close((q - q.mean()) ** 2, float(quantities[c.variance].subs(at)))
    assert float(quantities[c.variance].subs(at | {c.alpha: 0})) == pytest.approx(2 * rho**2 / n1)

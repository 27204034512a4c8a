"""What the ledger derives for [L] is what the package computes, exactly; and both are what drawing data gives.

The one place where the two sides meet: the ledger never imports the package's formulas. Exact comparisons are at random rational
points. Simulations fix the seed; each is judged at 4.5 standard errors, a false alarm in 150,000 for each of about ten, and the
negative control shows that a misprint of the paper would be found.
"""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp
from support.derivations import derived

import landscape as ls
from landscape.closed_form import population as formulas
from landscape.closed_form.finite_sample.basis import Basis
from landscape.closed_form.finite_sample.sampling import Distance
from landscape.closed_form.finite_sample.scores import TaskScore
from landscape.closed_form.hardness import window_boundary
from landscape.linalg.moments import power_moment
from landscape.linalg.operators import Diagonal
from landscape.methods import pooled
from landscape.papers.figures import table3
from landscape.symbolic.claims import (
    convergence,
    corollary_1,
    corollary_2,
    hardness,
    population,
    slips,
    two_tasks,
)
from landscape.symbolic.evaluate import replace, resolve
from landscape.symbolic.risk import isotropic_weight, weight_matrix
from landscape.symbolic.wick import expected_word, isotropic
from landscape.tasks.families import Task
from landscape.tasks.inputs import Gaussian

RANDOM = random.Random(5)
SIZE = sp.Symbol("D", integer=True, positive=True)
SIGMA = sp.MatrixSymbol("Sigma", SIZE, SIZE)
HALF = sp.Rational(1, 2)


def rational(largest=30):
    return sp.Rational(RANDOM.randint(1, largest), RANDOM.randint(1, 20))


def whole(largest=40):
    return sp.Integer(RANDOM.randint(1, largest))


def point(*symbols):
    return {symbol: rational() for symbol in symbols}


def inputs_of(entries, counts, noise=0):
    """Normal inputs of a spectrum, with exact numbers."""
    return Gaussian(Diagonal(np.array(entries, dtype=object), np.array(counts)), noise)


def maml(alpha, n2=np.inf):
    return ls.MAML(ls.GradientSteps(alpha, n2))


@pytest.mark.parametrize("trial", range(5))
def test_weight_of_a_step(trial):
    """Any spectrum: the quadratic of MAML and its constant, against the weight matrix from pairings."""
    values, alpha, m, noise = [rational() for _ in range(3)], rational(), whole(), rational()
    form = maml(alpha, m).objective(inputs_of(values, [1, 1, 1], noise))
    expected = replace(
        weight_matrix(SIGMA, alpha, m), {SIGMA: sp.ImmutableMatrix.diag(*values), SIZE: sp.Integer(3)}
    )
    assert [expected[i, i] for i in range(3)] == list(form.A.entries)
    claim = derived(population.least_risk)
    at = {
        population.alpha: alpha,
        population.m: m,
        population.sigma: sp.sqrt(noise),
        population.trace: sum(v**2 for v in values),
    }
    after = ls.GradientSteps(alpha, m).form(inputs_of(values, [1, 1, 1], noise))
    assert sp.simplify(claim.quantities[population.floor].subs(at) - after.c / 2) == 0


@pytest.mark.slow
@pytest.mark.parametrize("trial", range(5))
def test_proposition_1(trial):
    """Two kinds of tasks in two dimensions: optimum and risk above the noise, against letters and words."""
    share, alpha, m, n2 = sp.Rational(RANDOM.randint(1, 9), 10), rational(), whole(), whole()
    inputs = [inputs_of([rational(), rational()], [1, 1]) for _ in range(2)]
    centres = [np.array([rational(), rational()], dtype=object) for _ in range(2)]
    tasks = [
        Task("", p, i, centre, None) for p, i, centre in zip((share, 1 - share), inputs, centres, strict=True)
    ]
    column = [sp.ImmutableMatrix(c.tolist()) for c in centres]
    matrices = {}
    for names, weights in (
        ((population.Sigma_1, population.Sigma_2, population.mean_Sigma), [i.Sigma for i in inputs]),
        (
            (population.Q_1, population.Q_2, population.mean_Q),
            [maml(alpha, n2).objective(i).A for i in inputs],
        ),
        (
            (population.M_1, population.M_2, population.mean_M),
            [formulas.Q(i, ls.GradientSteps(alpha, m)) for i in inputs],
        ),
    ):
        pair = [sp.ImmutableMatrix.diag(*weight.entries) for weight in weights]
        matrices |= dict(zip(names, (*pair, share * pair[0] + (1 - share) * pair[1]), strict=True))
    at = matrices | {
        population.w_1: column[0],
        population.w_2: column[1],
        population.p: share,
        population.d: sp.Integer(2),
    }
    for method, name in ((ls.NAL(), population.A_NAL), (maml(alpha, n2), population.A_MAML)):
        _, dispersion, suboptimality = formulas.risk_parts(tasks, ls.GradientSteps(alpha, m), [method])
        (risk,) = replace(derived(population.excess_risks).quantities[name], at)
        assert dispersion + suboptimality == risk


@pytest.mark.parametrize("trial", range(5))
def test_many_tasks(trial):
    """Corollaries 1 and 2: risks and gain of the environment of section 3.2, in rational numbers."""
    t, g = two_tasks, corollary_1
    at = point(t.R, t.r_H, t.r_E, t.rho_H, t.rho_E) | {t.d: whole(9), t.m: whole()}
    environment = ls.HardEasy(
        d=int(at[t.d]),
        rho_hard=at[t.rho_H],
        rho_easy=at[t.rho_E],
        R=at[t.R],
        r_hard=at[t.r_H],
        r_easy=at[t.r_E],
        p_hard=HALF,
    )
    adaptation = ls.GradientSteps(1 / at[t.rho_E], m=at[t.m])
    weights = dict(zip((t.a_H, t.a_E), [weight.subs(at) for weight in t.natural_weights()], strict=True))
    for method, name in ((ls.NAL(), g.E_NAL), (ls.MAML(), g.E_MAML)):
        assert exact(ls.risk(environment, method, adaptation).above_noise.item()) == derived(
            g.many_tasks
        ).quantities[name].subs(weights).subs(at)
    gain = derived(corollary_2.gain_of_maml).quantities[corollary_2.ratio].subs(weights).subs(at)
    assert exact(ls.gain(environment, ls.MAML(), adaptation).item()) == gain


def exact(value):
    """In rational numbers: the package's constants 0.5 and 0.0 are exact in binary; multiples of 0.5 are read back."""
    value = sp.nsimplify(value, rational=True) if isinstance(value, float) or value.has(sp.Float) else value
    assert not sp.sympify(value).atoms(sp.Float), value
    return sp.sympify(value)


@pytest.mark.parametrize("trial", range(5))
def test_two_tasks(trial):
    """(8) and (9), corrected, with symbols in the package as well."""
    t = two_tasks
    at = point(t.rho_H, t.rho_E, t.alpha) | {t.d: whole(9), t.m: whole()}
    centres = {t.w_1: rational(), t.w_2: -rational()}
    inputs = [inputs_of([at[rho]], [int(at[t.d])]) for rho in (t.rho_H, t.rho_E)]
    tasks = [
        Task("", HALF, i, np.array([centre], dtype=object), None)
        for i, centre in zip(inputs, centres.values(), strict=True)
    ]
    adaptation = ls.GradientSteps(at[t.alpha], at[t.m])
    weights = {
        t.a_H: isotropic_weight(at[t.rho_H], at[t.alpha], at[t.m], at[t.d]),
        t.a_E: isotropic_weight(at[t.rho_E], at[t.alpha], at[t.m], at[t.d]),
        t.Delta: sp.sqrt(at[t.d]) * (centres[t.w_1] - centres[t.w_2]),
    }
    optima, risks = derived(t.two_optima).quantities, derived(t.two_risks).quantities
    for method, where, risk in (
        (ls.NAL(), t.w_NAL, t.E_NAL),
        (maml(at[t.alpha], at[t.m]), t.w_MAML, t.E_MAML),
    ):
        optimum = formulas.optimum(tasks, method)
        assert optimum[0] == optima[where].subs(weights).subs(at).subs(centres)
        _, dispersion, suboptimality = formulas.risk_parts(tasks, adaptation, [optimum])
        assert dispersion + suboptimality == risks[risk].subs(weights).subs(at)


@pytest.mark.parametrize("trial", range(5))
def test_hardness_window(trial):
    """The boundary in rational numbers; edges of the window are rational where the discriminant is a square."""
    h = hardness
    boundary = derived(h.hardness_window).steps[1].formula.rhs
    d, x = int(whole(60)), sp.Rational(RANDOM.randint(1, 99), 100)
    assert window_boundary(x, d) == boundary.subs({h.x: x, h.d: d})
    assert ls.least_samples(d) == sp.floor(derived(h.hardness_window).quantities[h.least].subs(h.d, d)) + 1
    k = RANDOM.randint(5, 9)  # 1 - 6c - 3c^2 is the square of 1 - kc at c = 2 (k - 3)/(k^2 + 3)
    c = sp.Rational(2 * (k - 3), k**2 + 3)
    root = 1 - k * c
    edges = [(1 - c - abs(root)) / (2 * (1 + c)), (1 - c + abs(root)) / (2 * (1 + c))]
    d, m = 2 * int(c.p) - 1, 2 * int(c.q)
    assert {boundary.subs({h.x: edge, h.d: d}) for edge in edges} == {sp.Integer(m)}
    assert ls.hardness_window(d, m) == pytest.approx([float(edge) for edge in edges], rel=1e-14)


@pytest.mark.slow
def test_peak_of_the_gain():
    """The polynomial of degree 5 divides the slope of the package's gain, which is 1 where the optima coincide."""
    h, (d, m) = hardness, (10, 2000)
    polynomial = derived(h.peak_of_gain).steps[2].formula.lhs.subs(h.c, sp.Rational(d + 1, m))
    adaptation = ls.GradientSteps(sp.Integer(1), m)
    gain = exact(ls.gain(ls.TwoTasks(d=d, rho_hard=h.x), ls.MAML(), adaptation).item())
    slope = sp.numer(sp.together(sp.diff(gain, h.x)))
    assert sp.rem(slope, polynomial, h.x) == 0
    assert sp.rem(slope, polynomial + 1, h.x) != 0
    peak = max(
        sp.Poly(polynomial, h.x).real_roots(),
        key=lambda root: gain.subs(h.x, root.n()) if 0 < root < 1 else 0,
    )
    assert gain.subs(h.x, peak.n()) > max(gain.subs(h.x, peak.n() + side) for side in (-1e-3, 1e-3))
    c = sp.Rational(d + 1, m)
    assert gain.subs(h.x, (1 - c) / (1 + c)) == 1


def test_directions_of_a_spectrum():
    h = hardness
    values, m = [sp.Integer(1), *(sp.Rational(1, k) for k in range(2, 6))], whole()
    square = sum(v**2 for v in values)
    weights = maml(sp.Integer(1), m).objective(inputs_of(values, [1] * 5)).A
    assert list(weights.entries) == [h.direction_weight(v, square).subs(h.m, m) for v in values]


def test_moments():
    n, d = sp.symbols("n d", positive=True)
    for k in range(1, 5):
        expected = isotropic(expected_word([sp.Identity(SIZE)] * (k + 1), n, SIGMA), SIGMA, sp.Integer(1), d)
        assert sp.expand(expected * n**k - power_moment(k, n, d)) == 0


@pytest.mark.parametrize("trial", range(3))
def test_finite_tasks(trial):
    """Theorems 2 and 3 in one dimension: T times the squared error, against the scores of the package."""
    c = convergence
    n_1, n_2, tau, noise = int(whole(9)), int(whole(9)), int(whole(4)), rational()
    at = point(c.rho, c.r, c.alpha) | {
        c.n: n_1 + n_2,
        c.n_1: n_1,
        c.n_2: n_2,
        c.tau: tau,
        c.sigma: sp.sqrt(noise),
    }
    rho, r, alpha = (at[symbol] for symbol in (c.rho, c.r, c.alpha))
    distance = Distance(inputs_of([r], [1]).Sigma, np.array([sp.Integer(0)], dtype=object))
    nal = resolve(sp.Limit(c.T * c.error_NAL, c.T, sp.oo), derived(c.nal_converges).quantities)
    nal = nal.subs({c.total_spread: c.rho * c.r, c.d: 1}).subs(at) / rho  # of w itself, not of rho^(1/2) w
    score = TaskScore.of(ls.NAL(), inputs_of([rho], [1], noise), ls.Training(2, n1=n_1), n_2)
    (second,) = score.episode.score_moment(distance).entries
    assert second / rho**2 == nal
    wanted = resolve(c.T * c.error_MAML, derived(c.maml_converges).quantities).subs(at)
    score = TaskScore.of(maml(alpha, n_2), inputs_of([rho], [1]), ls.Training(2, n1=n_1, tau=tau), n_2)
    basis = Basis.of(ls.Mixture([ls.TaskFamily("a", 1.0, d=1)]))
    (second,) = (score.between(basis, distance) + score.within(basis, distance)).entries
    (H,) = score.episode.form.A.entries
    assert float(second / H**2) == pytest.approx(float(wanted), rel=1e-12)  # Wishart moments come as floats


def test_table_3():
    """In rational numbers; the weights of batches come from the package's own sum over batches."""
    quantities = derived(slips.table_3).quantities
    kinds = [
        Task(
            name, HALF, inputs_of([rho], [10], sp.Rational(1, 100)), np.array([w], dtype=object),
            inputs_of([sp.Integer(1)], [10]).Sigma,
        )
        for name, rho, w in (("hard", sp.Rational(1, 10), sp.Integer(2)), ("easy", sp.Integer(1), sp.Integer(0)))
    ]  # fmt: skip
    for factor in (2, 5, 10):
        easy, hard = pooled._normalised([1, factor], [HALF, HALF], table3.BATCH)
        shares = {"hard": hard / 2, "easy": easy / 2}
        weighed = SimpleNamespace(
            objective=ls.NAL().objective, shares=lambda tasks, s=shares: [s[t.name] for t in tasks], factors=0
        )
        optimum = formulas.optimum(kinds, weighed)
        assert exact(optimum[0]) == slips.weighted(factor)
        assert float(optimum[0]) == pytest.approx(
            float(ls.optimum(table3.ENVIRONMENT, table3.METHODS[f"NAL nu={factor}"])[0])
        )
        if factor == 2:
            parts = formulas.risk_parts(kinds, ls.GradientSteps(sp.Integer(1)), [optimum])
            assert exact(sum(parts)) == quantities[slips.test_error]
    assert exact(formulas.optimum(kinds, maml(sp.Integer(1), 500))[0]) == quantities[slips.swapped]


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
        np.where(hard[:, None], 1.5, 0.0)
        + rng.standard_normal((draws, d)) * np.sqrt(np.where(hard, 0.4, 2.0))[:, None]
    )
    X = rng.standard_normal((draws, m, d)) * np.sqrt(rho)[:, None, None]
    z = 0.5 * rng.standard_normal((draws, m))
    floor = derived(population.least_risk).quantities[population.floor]
    noise = np.mean(
        [
            float(
                floor.subs(
                    {population.sigma: 0.5, population.alpha: 1, population.m: m, population.trace: d * v**2}
                )
            )
            for v in (0.3, 1.0)
        ]
    )
    for name, (hard_weight, easy_weight) in (
        (corollary_1.E_NAL, (0.3, 1.0)),
        (corollary_1.E_MAML, weights.values()),
    ):
        start = 1.5 * float(hard_weight / (hard_weight + easy_weight))
        away = start - w_i
        after = away - np.einsum("imk,im->ik", X, np.einsum("imk,ik->im", X, away) - z) / m
        losses = (rho * (after**2).sum(axis=1) + 0.25) / 2
        value = float(derived(corollary_1.many_tasks).quantities[name].subs(weights).subs(at))
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
    line, quantities = {c.total_spread: c.rho * c.r, c.d: 1}, derived(c.nal_converges).quantities
    value = float(quantities[c.error_NAL].subs(line).subs(at))
    assert close(rho * solution**2, value)
    limit = resolve(sp.Limit(c.T * c.error_NAL, c.T, sp.oo), quantities)
    assert not close(rho * solution**2, float(limit.subs(line).subs(at)) / T)


def test_solutions_in_three_dimensions_by_drawing():
    """Every entry of NAL's covariance, in coordinates in which Sigma = I, with fewer rows a task than dimensions."""
    rng, c = np.random.default_rng(3), convergence
    T, n, noise, draws = 5, 2, 0.5, 60_000
    C = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 0.4]])
    X = rng.standard_normal((draws, T, n, 3))
    w_i = rng.standard_normal((draws, T, 3)) @ np.linalg.cholesky(C).T
    y = (X @ w_i[..., None])[..., 0] + np.sqrt(noise) * rng.standard_normal((draws, T, n))
    solution = np.linalg.solve(np.einsum("mtij,mtik->mjk", X, X), np.einsum("mtij,mti->mj", X, y)[..., None])
    squares = solution * np.swapaxes(solution, 1, 2)
    a, b = (float(value.subs({c.N: n * T, c.n: n})) for value in c.beta_moments())
    at = {c.C: sp.ImmutableMatrix(C.tolist()), c.size: sp.Integer(3), c.T: T, c.sigma: sp.sqrt(noise), c.d: 3}
    formula = derived(c.nal_converges).quantities[c.covariance]

    def value(a, b):
        return np.array(replace(formula, at | {c.N: n * T, c.al: a, c.be: b}).tolist(), dtype=float)

    assert close(squares, value(a, b))
    assert not close(squares, value(a, 0))  # without what the tasks' frames do not share


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

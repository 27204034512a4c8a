"""What the ledger derives is what drawing data gives: risks, gains, optima and mean meta-gradients, without the package's formulas.

Seeds: fixed, one a test.
False alarms: every number is judged at 4.5 standard errors, 7e-6 each, so 1e-4 for the 14 at most of a test together.
Seen: 3% in a risk, gain or moment, about 15% in an edge of the window or the least m, and the papers' misprints must be; the peak of the
gain is only held against 0.4 and 2 times it.

Each formula of the package that test_symbolic_agrees.py and test_symbolic_guarantees.py hold equal to what is derived is held against
drawn data here, or by a test of its own room:

=====================================================  ==============================================================================
quadratic of MAML, any spectrum                        test_agreement.py::test_meta_gradients_vanish_at_the_predicted_optimum
quadratic after a step, with its floor of noise        test_agreement.py::test_losses_agree
closed_form.population.optimum                          test_optima_are_where_drawn_meta_gradients_vanish
closed_form.population.risk_parts                       test_risks_of_two_tasks
risk and gain of many tasks                            test_risks_and_gain_of_many_tasks
where the gain is largest, and where it is 1           test_where_maml_gains
hardness_window, window_boundary, least_samples        test_edges_of_the_window
power_moment                                           test_moments_of_a_sample_covariance
finite_sample.scores                                   test_scores_of_finite_tasks
NAL's weights within a batch, Table 3                  test_optimum_of_table_3
MAML by kind of Hessian                                test_mean_meta_gradients_by_kind_of_hessian
FO-MAML                                                test_where_first_order_maml_rests
HF-MAML, MAML without sampling                         test_agreement.py::test_meta_gradients_vanish_at_the_predicted_optimum
work of a step, counted in a run                       test_algorithms.py::test_counts
=====================================================  ==============================================================================
"""

import re
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from support.derivations import derived as derivation

import landscape as ls
from landscape.core.parameters import record
from landscape.simulator.losses import post_adaptation_losses
from landscape.simulator.solve import mean_gradient, task_gradients
from landscape.simulator.training import LossTasks, train
from landscape.simulator.training import losses as task_losses
from landscape.symbolic.claims import (
    convergence,
    corollary_1,
    corollary_2,
    first_order,
    hardness,
    hessian_free,
    slips,
    two_tasks,
)
from landscape.symbolic.evaluate import resolve
from landscape.symbolic.wick import expected_word, isotropic

D, M = 4, 30
HALF, TENTH = sp.Rational(1, 2), sp.Rational(1, 10)
MANY = {
    two_tasks.R: 2, two_tasks.r_H: HALF, two_tasks.r_E: 3, two_tasks.rho_H: 3 * TENTH, two_tasks.rho_E: sp.Rational(4, 5), two_tasks.d: D,
    two_tasks.m: M,
}  # fmt: skip


def derived(claim):
    return derivation(claim).quantities


def away(values, number):
    """How many standard errors the mean of draws is from a number."""
    return abs(values.mean() - float(number)) / (values.std(ddof=1) / np.sqrt(len(values)))


def above_noise(environment, points, adaptation, T=150_000, seed=0):
    """Draws of the loss after adaptation less that from each task's own optimum, one column a point."""
    losses, floors = post_adaptation_losses(
        environment, np.array(points), adaptation, T, "bartlett", np.random.default_rng(seed)
    )
    return losses - floors[:, None]


def many():
    environment = ls.HardEasy(d=D, rho_hard=0.3, rho_easy=0.8, R=2.0, r_hard=0.5, r_easy=3.0, noise=0.2)
    t = two_tasks
    weights = dict(zip((t.a_H, t.a_E), [weight.subs(MANY) for weight in t.natural_weights()], strict=True))
    a_H, a_E = (float(weights[a]) for a in (t.a_H, t.a_E))
    means = [(task.probability, float(task.centre[0])) for task in environment.tasks()]
    places = [
        sum(p * w * centre for (p, centre), w in zip(means, pair, strict=True))
        / sum(p * w for (p, _), w in zip(means, pair, strict=True))
        for pair in ((0.3, 0.8), (a_H, a_E))
    ]
    return environment, weights, np.outer(places, np.ones(D))


def test_risks_and_gain_of_many_tasks():
    """(10), (11) and the exact gain behind Corollary 2."""
    environment, weights, points = many()
    draws = above_noise(environment, points, ls.GradientSteps(1 / 0.8, M))
    risks = [
        derived(corollary_1.many_tasks)[name].subs(weights).subs(MANY)
        for name in (corollary_1.E_NAL, corollary_1.E_MAML)
    ]
    assert all(away(draws[:, i], risk) < 4.5 for i, risk in enumerate(risks))
    gain = derived(corollary_2.gain_of_maml)[corollary_2.ratio].subs(weights).subs(MANY)
    assert away(draws[:, 0] - float(gain) * draws[:, 1], 0) < 4.5
    assert away(draws[:, 0] - 1.05 * float(gain) * draws[:, 1], 0) > 4.5


def test_optima_are_where_drawn_meta_gradients_vanish():
    environment, _, points = many()
    training = ls.Training(2, n1=6)
    for method, point in zip((ls.NAL(), ls.MAML(ls.GradientSteps(1 / 0.8, M))), points, strict=True):
        for shift, vanishes in ((0.0, True), (0.2, False)):
            mean, covariance = mean_gradient(
                environment, method, point + shift, training, M, 40_000, "raw", np.random.default_rng(1)
            )
            z = mean.sum() / np.sqrt(covariance.sum())
            assert (abs(z) < 4.5) == vanishes, (method, shift, z)


def test_risks_of_two_tasks():
    """(8) and (9): with the factor |w1 - w2|^2/4 that the paper leaves out, and not without it."""
    t = two_tasks
    environment = ls.TwoTasks(d=D, rho_hard=0.3, rho_easy=1.0, w_hard=1.0, w_easy=-1.0, noise=0.1)
    at = {t.rho_H: 3 * TENTH, t.rho_E: 1, t.d: D, t.m: M, t.alpha: 1, t.w_1: 1, t.w_2: -1}
    weights = dict(zip((t.a_H, t.a_E), [weight.subs(at) for weight in t.natural_weights()], strict=True))
    optima, risks = derived(t.two_optima), derived(t.two_risks)
    points = [float(optima[where].subs(weights).subs(at)) * np.ones(D) for where in (t.w_NAL, t.w_MAML)]
    draws = above_noise(environment, points, ls.GradientSteps(1.0, M))
    for i, name in enumerate((t.E_NAL, t.E_MAML)):
        risk = risks[name].subs(weights | {t.Delta: 2 * sp.sqrt(D)}).subs(at)
        assert away(draws[:, i], risk) < 4.5
        assert away(draws[:, i], risk / D) > 4.5


def hard_and_easy(x):
    """One hard and one easy task, of curvatures x and 1, at 1 and at -1."""
    return ls.TwoTasks(d=D, rho_hard=x, rho_easy=1.0, w_hard=1.0, w_easy=-1.0)


def pull(x, m, point=0.0, T=40_000):
    """How many standard errors MAML's drawn meta-gradient is from 0 at a point; negative towards the hard task."""
    drawn = mean_gradient(
        hard_and_easy(x), ls.MAML(ls.GradientSteps(1.0, m)), np.full(D, point), ls.Training(2, n1=4), m, T, "bartlett", np.random.default_rng(4)
    )  # fmt: skip
    return drawn[0].sum() / np.sqrt(drawn[1].sum())


@pytest.mark.slow
def test_edges_of_the_window():
    """Half way between the tasks MAML is pulled to neither at the edges, to the hard one between them; as printed it would not be."""
    boundary = derivation(hardness.hardness_window).steps[1].formula.rhs.subs(hardness.d, D) - 50
    edges = [float(root) for root in sp.Poly(sp.numer(sp.together(boundary)), hardness.x).nroots()]
    printed = sp.Poly(hardness.x * (1 - hardness.x) ** 2 - sp.Rational(D, 50), hardness.x).nroots()
    assert all(abs(pull(x, 50)) < 4.5 for x in edges)
    below = [float(x) for x in printed if x < 1]
    assert len(below) == 2
    assert all(abs(pull(x, 50)) > 4.5 for x in below)
    within, beyond = sum(edges) / 2, (0.7 * edges[0], 1.15 * edges[1])
    assert pull(within, 50) < -4.5
    assert all(pull(x, 50) > 4.5 for x in beyond)
    least, best = (
        float(derived(hardness.hardness_window)[hardness.least].subs(hardness.d, D)),
        (np.sqrt(3) - 1) / 2,
    )
    assert abs(pull(best, round(least))) < 4.5
    assert pull(best, round(1.3 * least)) < -4.5 < 4.5 < pull(best, round(0.8 * least))


@pytest.mark.slow
def test_where_maml_gains():
    """The two optima coincide where the ledger says, not at a ratio near by; the gain is larger at its peak than at both sides."""
    c = sp.Rational(D + 1, 60)
    alike = float((1 - c) / (1 + c))
    assert abs(pull(alike, 60, (alike - 1) / (alike + 1))) < 4.5
    assert abs(pull(0.9 * alike, 60, (0.9 * alike - 1) / (0.9 * alike + 1))) > 4.5
    polynomial = derivation(hardness.peak_of_gain).steps[2].formula.lhs.subs(hardness.c, c)
    surplus = derived(hardness.peak_of_gain)[hardness.surplus].subs(hardness.c, c)
    peak = max(
        (r for r in sp.Poly(polynomial, hardness.x).nroots() if r.is_real and 0 < r < 1),
        key=lambda r: surplus.subs(hardness.x, r),
    )
    found = []
    for x in (0.4 * peak, peak, 2 * peak):
        a_H, a_E = (float(w.subs(hardness.x, x)) for w in hardness.scaled_weights(c))
        places = [(float(x) - 1) / (float(x) + 1), (a_H - a_E) / (a_H + a_E)]
        draws = above_noise(
            hard_and_easy(float(x)), np.outer(places, np.ones(D)), ls.GradientSteps(1.0, 60), 40_000
        )
        gain = draws[:, 0].mean() / draws[:, 1].mean()
        ratio = draws[:, 0] - gain * draws[:, 1]  # what moves the ratio of the means
        found.append((gain, ratio.std() / draws[:, 1].mean() / np.sqrt(len(draws))))
        assert abs(gain - 1 - float(surplus.subs(hardness.x, x))) < 4.5 * found[-1][1]
    assert all(
        found[1][0] - gain > 4.5 * np.hypot(found[1][1], error) for gain, error in (found[0], found[2])
    )


def test_moments_of_a_sample_covariance():
    """Traces of powers of drawn S; with n and d exchanged another number."""
    n, draws = 5, 60_000
    size = sp.Symbol("D", integer=True, positive=True)
    cov, one = sp.MatrixSymbol("Sigma", size, size), sp.Identity(size)
    X = np.random.default_rng(5).standard_normal((draws, n, D))
    S = np.swapaxes(X, 1, 2) @ X / n
    power = np.eye(D)
    for k in range(1, 5):
        power = power @ S
        traces = np.trace(power, axis1=1, axis2=2) / D
        number, other = (
            isotropic(expected_word([one] * (k + 1), sp.Integer(a), cov), cov, sp.Integer(1), sp.Integer(b))
            for a, b in ((n, D), (D, n))
        )
        assert away(traces, number) < 4.5
        assert k == 1 or away(traces, other) > 4.5


@pytest.mark.slow
def test_scores_of_finite_tasks():
    """Theorems 2 and 3 in one dimension: the drawn meta-gradient at the optimum has the square that the error is made of."""
    c, draws = convergence, 200_000
    at = {
        c.rho: sp.Rational(7, 10),
        c.r: sp.Rational(13, 10),
        c.alpha: sp.Rational(3, 5),
        c.n_1: 5,
        c.n_2: 4,
        c.n: 9,
        c.tau: 3,
    }
    quantities = derived(c.nal_converges) | derived(c.maml_converges)
    nal = resolve(sp.Limit(c.T * c.error_NAL, c.T, sp.oo), quantities)
    nal = nal.subs({c.total_spread: c.rho * c.r, c.d: 1}).subs(at) * at[c.rho]
    weight = at[c.rho] * ((1 - at[c.alpha] * at[c.rho]) ** 2 + 2 * (at[c.alpha] * at[c.rho]) ** 2 / at[c.n_2])
    maml = resolve(c.T * c.error_MAML, quantities) * weight**2
    cases = (
        (ls.NAL(), 0.5, ls.Training(2, n1=5, n2=4), nal.subs(c.sigma, sp.sqrt(HALF)), nal.subs(c.sigma, 0)),
        (
            ls.MAML(ls.GradientSteps(0.6, 4)),
            0.0,
            ls.Training(2, n1=5, tau=3),
            maml.subs(at),
            maml.subs(at | {c.tau: 1}),
        ),
        (
            ls.MAML(ls.GradientSteps(0.6, 4)),
            0.0,
            ls.Training(2, n1=5),
            maml.subs(at | {c.tau: 1}),
            maml.subs(at),
        ),
    )
    for method, noise, training, number, other in cases:
        environment = ls.Mixture([ls.TaskFamily("a", 0.7, 0.0, 1.3, noise=noise, d=1)])
        g = task_gradients(
            environment, method, np.zeros((1, 1)), training, 4, draws, "raw", np.random.default_rng(6)
        ).ravel()
        assert away(g**2, number) < 4.5
        assert away(g**2, other) > 4.5


def test_optimum_of_table_3():
    """Weights within a batch of ten: the drawn meta-gradient vanishes there, and not where weights without a batch would put it."""
    environment = ls.HardEasy(d=D, rho_hard=0.1, rho_easy=1.0, R=2.0, r_hard=1.0, r_easy=1.0, noise=0.01)
    for point, vanishes in ((slips.weighted(5), True), (2 * 0.5 / 1.5, False)):
        mean, covariance = mean_gradient(
            environment, ls.NAL({"hard": 5.0}, batch=10), np.full(D, float(point)), ls.Training(10, n1=4, n2=4), 4, 300_000, "bartlett",
            np.random.default_rng(7),
        )  # fmt: skip
        assert (abs(mean.sum()) < 4.5 * np.sqrt(covariance.sum())) == vanishes


@pytest.mark.parametrize("name", ["shared", "independent"])
def test_mean_meta_gradients_by_kind_of_hessian(name):
    """Fallah et al. against Collins et al.: the two means that the ledger derives, by drawing; the other one is refuted."""
    module, rho, alpha, n2 = first_order, sp.Rational(7, 10), sp.Rational(4, 5), 3
    at = {module.alpha: alpha, module.n: n2, module.d: D, module.rho: rho, module.away: 1}
    environment = ls.Mixture([ls.TaskFamily("a", 0.7, d=D, noise=0.3)])
    method = ls.MAML(ls.GradientSteps(0.8, n2), hessian=name)
    mean, covariance = mean_gradient(
        environment, method, np.ones(D), ls.Training(2, n1=4), n2, 60_000, "raw", np.random.default_rng(2)
    )
    error = np.sqrt(covariance.sum()) / D
    for kind in ("shared", "independent"):
        expected = float(derived(module.hessian_batches)[module.mean[kind]].subs(at))
        assert (abs(mean.mean() - expected) < 4.5 * error) == (kind == name)


def test_where_first_order_maml_rests():
    """Its own drawn gradient vanishes there, and MAML's has the norm of the floor."""
    alpha, p = 0.4, [0.2, 1.0]
    environment = ls.TwoTasks(d=1, rho_hard=p[0], rho_easy=p[1], noise=0.1)
    weights = [rho * (1 - alpha * rho) for rho in p]
    point = np.array([(weights[0] - weights[1]) / sum(weights)])
    floor = (
        sum((1 - alpha * rho) ** 2 * rho * (point[0] - w) for rho, w in zip(p, (1.0, -1.0), strict=True)) / 2
    )
    for method, expected in (
        (ls.FOMAML(alpha), 0.0),
        (ls.MAML(ls.GradientSteps(alpha, 4), hessian="independent"), floor),
    ):
        mean, covariance = mean_gradient(
            environment,
            method,
            point,
            ls.Training(2, n1=4, n2=4),
            4,
            200_000,
            "raw",
            np.random.default_rng(3),
        )
        assert abs(mean[0] - expected) < 4.5 * np.sqrt(covariance[0, 0])
    assert abs(floor) > 20 * np.sqrt(covariance[0, 0])


@record
class Bent(task_losses.Loss):
    """f'' = min(rho |w|, L) on the line, f'(0) = b."""

    b: float = 0.4

    d, smoothness, hessian_lipschitz, strong_convexity = 1, 1.5, 3.0, 0.0

    def parts(self, w):
        inside = np.minimum(np.abs(w), self.smoothness / self.hessian_lipschitz)
        return inside, np.abs(w) - inside, self.hessian_lipschitz * inside**2 / 2

    def value(self, w):
        inside, beyond, edge = self.parts(w)
        return float(np.sum(self.b * w + edge * inside / 3 + edge * beyond + self.smoothness * beyond**2 / 2))

    def gradient(self, w):
        _, beyond, edge = self.parts(w)
        return self.b + np.sign(w) * (edge + self.smoothness * beyond)

    def hessian(self, w):
        return np.minimum(self.hessian_lipschitz * np.abs(w), self.smoothness).reshape(1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [1 / 9, 0.05])
def test_hessian_free_maml_ends_where_the_ledger_says(alpha):
    """The two tasks of F-4.17, trained from 0 and from elsewhere; with a small delta the gradient vanishes."""
    bent = Bent()
    slope = bent.gradient(-alpha * bent.b)
    difference, balance, left = hessian_free.two_losses_that_stall()
    h = hessian_free
    values = {h.alpha: alpha, h.L: 1.5, h.rho: 3.0, h.slope: slope}
    optimum = -float(balance.subs(values)) / (1.5 * (1 - alpha * 1.5))
    tasks = LossTasks([bent, task_losses.Quadratic([1.5], [optimum])])
    for start in (0.0, 0.05):
        ends = [
            train(tasks, ls.HFMAML(alpha), start, 0.3, 3000, delta=delta, record_every=3000)
            for delta in (None, 1e-5)
        ]
        found, repaired = (end.table["gradient_norm_F"].iloc[-1] for end in ends)
        assert found == pytest.approx(float(left.subs(values)), rel=1e-6)
        assert repaired < 1e-6 < found


def test_a_difference_that_narrows_with_epsilon_repairs_it():
    """The two tasks of F-4.17 by hand, exact gradients, steps of 1/(25 L(w)): the bounds of its last two statements hold on the way, and
    |F'| comes below epsilon within so many steps; with the printed delta it never does.
    """
    h, alpha, rho, L, b = hessian_free, 1 / 9, 3.0, 1.5, 0.4

    def bent(w):  # f_1', f_1'' = min(rho |w|, L)
        u = min(abs(w), L / rho)
        return b + np.sign(w) * (rho * u**2 / 2 + L * (abs(w) - u))

    values = {h.alpha: alpha, h.L: L, h.rho: rho, h.slope: bent(-alpha * b)}
    optimum = -float(h.two_losses_that_stall()[1].subs(values)) / (L * (1 - alpha * L))
    tasks = ((bent, lambda w: min(rho * abs(w), L)), (lambda w: L * (w - optimum), lambda w: L))
    sigma, epsilon = (b + L * optimum + L**2 / (2 * rho)) / 2, 0.005

    def step_and_slope(w, narrow):
        step, slope, width = 0.0, 0.0, narrow / (6 * rho * alpha)
        for f, bend in tasks:
            v = f(w - alpha * f(w))
            d = v * (f(w + width) - f(w - width)) / (2 * width)
            step, slope = step + (v - alpha * d) / 2, slope + (1 - alpha * bend(w)) * v / 2
        return step, slope

    error, share, count = h.narrow_difference()
    taken = []
    for narrow in (epsilon / (epsilon + sigma), 1.0):
        w, off = 0.0, []
        step, slope = step_and_slope(w, narrow)
        while abs(slope) > epsilon and len(off) < 500:
            off.append(abs(step - slope) / abs(slope))
            w -= step / (25 * (4 * L + rho * alpha * sum(abs(f(w)) for f, _ in tasks)))
            step, slope = step_and_slope(w, narrow)
        taken.append((len(off), max(off) <= share))
    grid = np.linspace(min(w, 0) - 2, max(w, 0) + 2, 4001)
    loss = np.cumsum([step_and_slope(at, 1.0)[1] for at in grid]) * (grid[1] - grid[0])  # F up to a constant
    fall = np.interp(0.0, grid, loss) - loss.min()
    most = float(
        count.subs({h.Delta: fall, h.L: L, h.alpha: alpha, h.rho: rho, h.sigma: sigma, h.epsilon: epsilon})
    )
    (steps, within), (never, outside) = taken
    assert within
    assert 0 < steps <= most
    assert (never, outside) == (500, False)


def test_every_formula_names_a_test_that_exists():
    files = {
        path.name: path.read_text(encoding="utf-8") for path in Path(__file__).parents[1].rglob("test_*.py")
    }
    named = re.findall(r"  (?:(test_\w+\.py)::)?(test_\w+)$", __doc__, re.M)
    assert len(named) == len(re.findall(r"^\S.*  test_", __doc__, re.M)) == 14
    for file, test in named:
        assert f"def {test}(" in files[file or Path(__file__).name], test

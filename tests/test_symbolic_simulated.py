"""What the ledger derives is what drawing data gives: risks, gains, optima and mean meta-gradients, without the package's formulas.

Every number is judged at 4.5 standard errors, a false alarm in 150,000 each; errors of 3% are seen, and the papers' misprints must be.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import sympy as sp

import landscape as ls
from landscape.simulator.losses import post_adaptation_losses
from landscape.simulator.solutions import mean_gradient
from landscape.symbolic.claims import first_order, gains, geography, hessian_free, two_tasks

D, M = 4, 30
HALF, TENTH = sp.Rational(1, 2), sp.Rational(1, 10)
MANY = {
    two_tasks.R: 2, two_tasks.r_H: HALF, two_tasks.r_E: 3, two_tasks.rho_H: 3 * TENTH, two_tasks.rho_E: sp.Rational(4, 5), two_tasks.d: D,
    two_tasks.m: M,
}  # fmt: skip


@cache
def derived(claim):
    return claim.derive().quantities


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
    environment = ls.hard_easy(d=D, rho_hard=0.3, rho_easy=0.8, R=2.0, r_hard=0.5, r_easy=3.0, noise=0.2)
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
    draws = above_noise(environment, points, ls.Adaptation(1 / 0.8, M))
    risks = [
        derived(geography.many_tasks)[name].subs(weights).subs(MANY) for name in (geography.E_NAL, geography.E_MAML)
    ]
    assert all(away(draws[:, i], risk) < 4.5 for i, risk in enumerate(risks))
    gain = derived(gains.gain_of_maml)[gains.ratio].subs(weights).subs(MANY)
    assert away(draws[:, 0] - float(gain) * draws[:, 1], 0) < 4.5
    assert away(draws[:, 0] - 1.05 * float(gain) * draws[:, 1], 0) > 4.5


def test_optima_are_where_drawn_meta_gradients_vanish():
    environment, _, points = many()
    training = ls.Training(2, n1=6)
    for method, point in zip((ls.NAL(), ls.MAML(1 / 0.8, M)), points, strict=True):
        for shift, vanishes in ((0.0, True), (0.2, False)):
            mean, covariance = mean_gradient(
                environment, method, point + shift, training, M, 40_000, "raw", np.random.default_rng(1)
            )
            z = mean.sum() / np.sqrt(covariance.sum())
            assert (abs(z) < 4.5) == vanishes, (method, shift, z)


def test_risks_of_two_tasks():
    """(8) and (9): with the factor |w1 - w2|^2/4 that the paper leaves out, and not without it."""
    t = two_tasks
    environment = ls.two_tasks(d=D, rho_hard=0.3, rho_easy=1.0, w_hard=1.0, w_easy=-1.0, noise=0.1)
    at = {t.rho_H: 3 * TENTH, t.rho_E: 1, t.d: D, t.m: M, t.alpha: 1, t.w_1: 1, t.w_2: -1}
    weights = dict(zip((t.a_H, t.a_E), [weight.subs(at) for weight in t.natural_weights()], strict=True))
    optima, risks = derived(t.two_optima), derived(t.two_risks)
    points = [float(optima[where].subs(weights).subs(at)) * np.ones(D) for where in (t.w_NAL, t.w_MAML)]
    draws = above_noise(environment, points, ls.Adaptation(1.0, M))
    for i, name in enumerate((t.E_NAL, t.E_MAML)):
        risk = risks[name].subs(weights | {t.Delta: 2 * sp.sqrt(D)}).subs(at)
        assert away(draws[:, i], risk) < 4.5
        assert away(draws[:, i], risk / D) > 4.5


@pytest.mark.parametrize("name", ["shared", "independent"])
def test_mean_meta_gradients_by_kind_of_hessian(name):
    """Fallah et al. against Collins et al.: the two means that the ledger derives, by drawing; the other one is refuted."""
    module, rho, alpha, n2 = first_order, sp.Rational(7, 10), sp.Rational(4, 5), 3
    at = {module.alpha: alpha, module.n: n2, module.d: D, module.rho: rho, module.away: 1}
    environment = ls.Environment([ls.TaskFamily("a", 0.7, d=D, noise=0.3)])
    method = ls.MAML(0.8, n2, hessian=name)
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
    environment = ls.two_tasks(d=1, rho_hard=p[0], rho_easy=p[1], noise=0.1)
    weights = [rho * (1 - alpha * rho) for rho in p]
    point = np.array([(weights[0] - weights[1]) / sum(weights)])
    floor = sum((1 - alpha * rho) ** 2 * rho * (point[0] - w) for rho, w in zip(p, (1.0, -1.0), strict=True)) / 2
    for method, expected in ((ls.FOMAML(alpha), 0.0), (ls.MAML(alpha, 4, hessian="independent"), floor)):
        mean, covariance = mean_gradient(
            environment, method, point, ls.Training(2, n1=4, n2=4), 4, 200_000, "raw", np.random.default_rng(3)
        )
        assert abs(mean[0] - expected) < 4.5 * np.sqrt(covariance[0, 0])
    assert abs(floor) > 20 * np.sqrt(covariance[0, 0])


@dataclass(frozen=True)
class Bent(ls.losses.Loss):
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


@pytest.mark.parametrize("alpha", [1 / 9, 0.05])
def test_hessian_free_maml_ends_where_the_ledger_says(alpha):
    """The two tasks of F-4.17, trained from 0 and from elsewhere; with a small delta the gradient vanishes."""
    bent = Bent()
    slope = bent.gradient(-alpha * bent.b)
    difference, balance, left = hessian_free.two_losses_that_stall()
    h = hessian_free
    values = {h.alpha: alpha, h.L: 1.5, h.rho: 3.0, h.slope: slope}
    optimum = -float(balance.subs(values)) / (1.5 * (1 - alpha * 1.5))
    tasks = ls.LossTasks([bent, ls.losses.Quadratic([1.5], [optimum])])
    for start in (0.0, 0.05):
        ends = [
            ls.train(tasks, ls.HFMAML(alpha), start, 0.3, 3000, delta=delta, record_every=3000)
            for delta in (None, 1e-5)
        ]
        found, repaired = (end.table["gradient_norm_F"].iloc[-1] for end in ends)
        assert found == pytest.approx(float(left.subs(values)), rel=1e-6)
        assert repaired < 1e-6 < found

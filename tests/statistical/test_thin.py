"""A thin batch has the joint law of the two products that it stands for.

Compared are 40,000 batches each: means, the full covariance and random projections of (X'r, X'Xg)/n, where g depends on the first
product, and bounded features, which see more than moments; and each way to draw with the exact mean and covariance.

Seeds: fixed, one a way to draw.
False alarms: 1e-4 for all features of a test together.
Seen: 10% in the second moments of a product; the planted errors must be.
"""

import numpy as np
import pytest
from support.agreement import check_gradients, check_z
from support.worlds import small_inputs as inputs

from landscape.linalg.operators import Diagonal, Matrix
from landscape.simulator.draw_samples import drawer
from landscape.simulator.thin import Thin, one_root
from landscape.tasks.inputs import Gaussian

TASKS = 40_000
SINGULAR = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.5]])
KINDS = {
    "spectrum": inputs("spectrum"),
    "dense": inputs("dense"),
    "isotropic, no noise": Gaussian(Diagonal(np.array([0.7]), np.array([3])), 0.0),
    "singular, no noise": Gaussian(Matrix(SINGULAR), 0.0),
}
MIX = np.array([[0.5, -0.2, 0.3], [0.1, 0.4, 0.0], [-0.6, 0.2, 0.7]])


DELTA, G = np.array([0.8, -0.5, 0.3]), np.array([0.2, 0.1, -0.3])


def products(source, sampling, n, seed, away=1.0, batch=None, mix=MIX):
    """The first product, and the second with g = G + mix (first product): one row a task."""
    rng = np.random.default_rng([seed, n])
    optima = np.zeros((TASKS, 3))
    if batch is None:
        draw = drawer(source, optima, sampling, rng)
    else:

        def draw(n):
            return batch(one_root(source), optima.T, source.noise_variance**0.5, n, rng)

    W = np.broadcast_to(away * DELTA[None, :, None], (TASKS, 3, 1))
    one = draw(n)
    first = one.gradient(W)
    second = one.hessian_times(G[:, None] + mix @ first)
    return np.hstack([first[:, :, 0], second[:, :, 0]])


def check_same_law(one, other, seed=3):
    centre, scale = one.mean(axis=0), one.std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    one, other = (one - centre) / scale, (other - centre) / scale
    pairs = np.triu_indices(one.shape[1])
    projections = np.random.default_rng(seed).standard_normal((one.shape[1], 8)) / np.sqrt(one.shape[1])
    z = []
    for feature in (
        lambda v: v, lambda v: v[:, pairs[0]] * v[:, pairs[1]], lambda v: np.clip(v, -4, 4),
        lambda v: np.tanh(v[:, pairs[0]]) * np.tanh(v[:, pairs[1]]), lambda v: np.tanh(v @ projections),
        lambda v: np.cos(3 * v @ projections), lambda v: np.log1p((v @ projections) ** 2),
    ):  # fmt: skip
        a, b = feature(one), feature(other)
        z.extend((a.mean(axis=0) - b.mean(axis=0)) / np.sqrt((a.var(axis=0) + b.var(axis=0)) / TASKS + 1e-30))
    check_z(z)


@pytest.mark.parametrize(
    "n", [1, 3, pytest.param(2, marks=pytest.mark.slow), pytest.param(7, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("kind", KINDS)
def test_three_ways_to_draw_agree(kind, n):
    thin, bartlett, raw = (products(KINDS[kind], s, n, i) for i, s in enumerate(("thin", "bartlett", "raw")))
    check_same_law(raw, thin)
    check_same_law(raw, bartlett)


def test_from_the_optimum_itself_only_noise_is_left():
    """delta = 0: X'r is noise alone; without noise it vanishes, and the second product is a fresh one."""
    for variance in (0.3, 0.0):
        source = Gaussian(KINDS["dense"].Sigma, variance)
        thin, raw = (products(source, s, 4, i, away=0.0) for i, s in enumerate(("thin", "raw")))
        check_same_law(raw, thin)
        assert (np.abs(thin[:, :3]).max() == 0) == (variance == 0)


def check_exact_moments(source, sampling, n, batch=None):
    """Mean and full covariance of the joint law for a given g, and the mean where g follows the first product: all by Isserlis.

    Of one row x with residual r = x'delta - z: Cov(x r) = S delta delta'S + (delta'S delta + sigma^2) S,
    Cov(x r, x x'g) = delta'S g S + S g delta'S and Cov(x x'g) = S g g'S + g'S g S. And E[S_n M S_n] = S M S + (S M'S + tr(M S) S)/n
    for the mean S_n of n rows' x x'.
    """
    S = source.Sigma.matrix()
    sd, sg = S @ DELTA, S @ G
    ones = np.outer(sd, sd) + (DELTA @ sd + source.noise_variance) * S
    cross = DELTA @ sg * S + np.outer(sg, sd)
    exact = np.block([[ones, cross], [cross.T, np.outer(sg, sg) + G @ sg * S]]) / n
    drawn = products(source, sampling, n, 7, batch=batch, mix=0 * MIX) - np.concatenate([sd, sg])
    follows = products(source, sampling, n, 8, batch=batch)[:, 3:]
    follows -= sg + (S @ MIX @ S + (S @ MIX.T @ S + np.trace(MIX @ S) * S) / n) @ DELTA
    pairs = np.triu_indices(6)
    values = np.hstack([drawn, drawn[:, pairs[0]] * drawn[:, pairs[1]] - exact[pairs], follows])
    check_z(values.mean(axis=0) / np.maximum(values.std(axis=0) / np.sqrt(TASKS), 1e-12))


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sampling", ["thin", "bartlett", "raw"])
def test_exact_mean_and_covariance(sampling, kind, n):
    check_exact_moments(KINDS[kind], sampling, n)


class FreshFirstProduct(Thin):
    """Draws the first product anew for the second: the independent-Hessian method, silently."""

    def hessian_times(self, V):
        return Thin(self.root, self.optima, self.deviation, self.n, self.rng).hessian_times(V)


class ForgetsThatRIsFixed(Thin):
    """A degree of freedom too many in the rest of the sample space."""

    def _second(self, g):
        self.n = self.n + 1
        out = super()._second(g)
        self.n = self.n - 1
        return out * (self.n + 1) / self.n


class KeepsTheNoise(Thin):
    """K of a batch without noise, where there is some."""

    def _first(self, delta, deviation):
        out = super()._first(delta, deviation)
        self._shrink = 1 / np.einsum("dt,dt->t", delta, delta)
        return out


@pytest.mark.parametrize("wrong", [FreshFirstProduct, ForgetsThatRIsFixed, KeepsTheNoise])
def test_planted_errors_are_caught(wrong):
    raw = products(KINDS["dense"], "raw", 3, 2)
    check_same_law(raw, products(KINDS["dense"], "thin", 3, 1, batch=Thin))
    with pytest.raises(AssertionError):
        check_same_law(raw, products(KINDS["dense"], "thin", 3, 1, batch=wrong))
    with pytest.raises(AssertionError):
        check_exact_moments(KINDS["dense"], "thin", 3, batch=wrong)


def test_a_hessian_alone_knows_nothing_of_label_noise():
    """On the line it is v Sigma chi^2_n/n; the mean would be the same with noise. The variance is off by 2% of itself, 5 times less
    than allowed."""
    draw = drawer(
        Gaussian(Diagonal(np.array([0.7]), np.array([1])), 4.0),
        np.zeros((TASKS, 1)),
        "thin",
        np.random.default_rng(0),
    )
    product = draw(3).hessian_times(np.full((1, 1, 1), 2.0)).ravel()
    assert product.var() == pytest.approx(1.4**2 * 2 / 3, rel=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_without_end_of_samples_it_is_the_population(kind):
    rng, optima = np.random.default_rng(0), np.random.default_rng(1).standard_normal((4, 3))
    W, V = rng.standard_normal((2, 4, 3, 1))
    thin, population = (drawer(KINDS[kind], optima, s, rng)(np.inf) for s in ("thin", "raw"))
    np.testing.assert_allclose(thin.gradient(W), population.gradient(W), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(thin.hessian_times(V), population.hessian_times(V), rtol=1e-12, atol=1e-14)


def test_each_task_may_have_its_own_n_and_inputs():
    """Tasks with numbers of their own give what they would give alone, in mean and scatter."""
    rng, tasks = np.random.default_rng(0), 60_000
    n = np.repeat([1.0, 6.0, np.inf], tasks)
    root = np.repeat([[0.5, 1.0, 2.0]], tasks, axis=1)
    W = np.ones((1, 3, 1))
    values = Thin(root, np.zeros((3, 3 * tasks)), 0.0, n, rng).gradient(W)[:, :, 0].reshape(3, tasks, 3)
    for at, (size, lam) in enumerate([(1, 0.25), (6, 1.0), (np.inf, 4.0)]):
        variance = (1 + 3) * lam**2 / size
        assert np.abs(values[at].mean(axis=0) - lam).max() <= 5 * np.sqrt(variance / tasks) + 1e-12
        np.testing.assert_allclose(values[at].var(axis=0), variance, rtol=0.1, atol=1e-20)


@pytest.mark.parametrize("seed", [6, pytest.param(11, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["isotropic", "diagonal", "dense"])
def test_mean_meta_gradients_vanish_at_the_predicted_optimum(kind, seed):
    check_gradients(seed, kind, sampling="thin")


def test_a_third_product_is_refused():
    batch = drawer(KINDS["dense"], np.zeros((2, 3)), "thin", np.random.default_rng(0))(4)
    batch.gradient(np.ones((1, 3, 1)))
    batch.hessian_times(np.ones((1, 3, 1)))
    with pytest.raises(ValueError, match="draws two products"):
        batch.gradient(np.ones((1, 3, 1)))

"""Wishart moments: enumeration on signs, simulation, polynomials, and steps on one batch."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.special import roots_genlaguerre
from support.agreement import check_z

import landscape as ls
from landscape.core.errors import NoClosedForm
from landscape.core.parameters import record
from landscape.linalg.moments import expected_word, power_moment, quartic
from landscape.linalg.moments.batch_means import Mean, expected_product
from landscape.linalg.moments.same_batch import mean_shrinkage, same_batch_form
from landscape.linalg.operators import Diagonal, Matrix, diagonal, isotropic
from landscape.linalg.quadratic import QuadraticForm
from landscape.simulator.losses import post_adaptation_losses
from landscape.simulator.solve import mean_gradient
from landscape.tasks.inputs import Gaussian


def test_polynomials_in_n_and_d():
    """The first four, expanded by hand from the recursion's definition."""
    import sympy

    n, d = sympy.symbols("n d")
    expected = [
        n,
        n * (n + d + 1),
        n * (n**2 + 3 * n * (d + 1) + d**2 + 3 * d + 4),
        n * (n**3 + 6 * n**2 * (d + 1) + n * (6 * d**2 + 17 * d + 21) + d**3 + 6 * d**2 + 21 * d + 20),
    ]
    for j, polynomial in enumerate(expected, start=1):
        assert sympy.expand(power_moment(j, n, d) - polynomial) == 0


def test_one_dimension_is_chi_square():
    """E[G^j] = n (n + 2) ... (n + 2j - 2) for d = 1, to order 12."""
    for n in (1, 4, 9):
        for j in range(1, 13):
            assert power_moment(j, n, 1) == np.prod([n + 2 * i for i in range(j)], dtype=object)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, pytest.param(6, marks=pytest.mark.slow)])
def test_pairings_agree_with_the_recursion(order):
    d, n = 3, 7
    identity = np.eye(d)
    exact = power_moment(order, n, d) / n**order
    np.testing.assert_allclose(
        expected_word([identity] * (order + 1), identity, n), exact * identity, rtol=1e-12
    )
    for first in range(1, order):
        trace = [identity] * first
        value = expected_word([identity] * (order - first + 1), identity, n, [trace])
        np.testing.assert_allclose(
            value, power_moment(order - first, n, d, (first,)) / n**order * identity, rtol=1e-12
        )


def isserlis(word, Sigma, n):
    """E of a word by summing products of Gaussian moments over every index: nothing shared, very slow."""
    d, k = len(Sigma), len(word) - 1
    out = np.zeros((d, d))
    for samples in product(range(n), repeat=k):
        for indices in product(range(d), repeat=2 * k):
            legs = [(samples[i // 2], indices[i]) for i in range(2 * k)]
            moment = gaussian_moment(legs, Sigma)
            if moment:
                middle = np.prod([word[i][indices[2 * i - 1], indices[2 * i]] for i in range(1, k)])
                out += moment * middle * np.outer(word[0][:, indices[0]], word[k][indices[-1]])
    return out / n**k


def gaussian_moment(legs, Sigma):
    if not legs:
        return 1.0
    (sample, index), rest = legs[0], legs[1:]
    return sum(
        Sigma[index, other[1]] * gaussian_moment(rest[:i] + rest[i + 1 :], Sigma)
        for i, other in enumerate(rest)
        if other[0] == sample
    )


@pytest.mark.parametrize(("order", "n"), [(1, 3), (2, 1), (2, 3), (3, 1), (3, 2)])
def test_words_agree_with_sums_over_every_index(order, n):
    rng = np.random.default_rng(order)
    Sigma = np.array([[1.0, 0.4], [0.4, 0.7]])
    word = list(rng.standard_normal((order + 1, 2, 2)))
    np.testing.assert_allclose(expected_word(word, Sigma, n), isserlis(word, Sigma, n), rtol=1e-12)


def without_triples(f):
    """Forget the pairings in which more than two factors share a sample: what is left is a + b/n."""

    def wrong(*args):
        *before, n = args
        limit, many = f(*before, np.inf), 1e6
        return limit + (f(*before, many) - limit) * many / n

    return wrong


def check_words(traces, order, planted=lambda f: f, draws=100_000):
    rng = np.random.default_rng(1)
    d, n = 3, 5
    root = rng.standard_normal((d, d))
    Sigma = root @ root.T / d + 0.2 * np.eye(d)
    A = rng.standard_normal((order + 1, d, d))
    B = [tuple(rng.standard_normal((j, d, d))) for j in traces]
    x, _ = Gaussian(Matrix(Sigma)).draw(draws, n, rng)
    S = np.einsum("tni,tnj->tij", x, x) / n
    value = np.broadcast_to(A[0], (draws, d, d))
    for a in A[1:]:
        value = value @ S @ a
    for trace in B:
        product = np.eye(d)
        for b in trace:
            product = product @ b @ S
        value = value * np.trace(product, axis1=1, axis2=2)[:, None, None]
    exact = planted(lambda n: expected_word(list(A), Sigma, n, B))(n)
    check_z((value.mean(axis=0) - exact) / (value.std(axis=0) / np.sqrt(draws)))


CASES = [
    ((), 1),
    ((), 2),
    ((), 3),
    ((), 4),
    ((1,), 2),
    ((2,), 1),
    ((2,), 2),
    ((1, 1), 1),
    ((2,), 0),
    ((1, 2), 0),
]


@pytest.mark.parametrize(("traces", "order"), CASES)
def test_words_and_traces_agree_with_simulation(traces, order):
    check_words(traces, order)


def test_forgotten_pairings_are_caught():
    with pytest.raises(AssertionError):
        check_words((), 3, without_triples)


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize(("a", "b"), [(0, 1), (1, 1), (2, 1), (2, 2)])
def test_quartic_agrees_with_words(a, b, outside):
    d, n = 4, 6
    rng = np.random.default_rng(0)
    Y = rng.standard_normal((d, d))
    Y, identity = Y + Y.T, np.eye(d)
    x, y = quartic(a, b, n, d, outside=outside)
    if outside:
        value = expected_word([identity] * (b + 1), identity, n, [[Y] + [identity] * (a - 1)] if a else ())
        value = value if a else value * np.trace(Y)
    else:
        links = [identity] * (a + b + 1)
        links[a] = Y
        value = expected_word(links, identity, n)
    value = (value + value.T) / 2 * n ** (a + b)
    if a or not outside:
        np.testing.assert_allclose(value, x * Y + y * np.trace(Y) * identity, rtol=1e-10, atol=1e-8)


def test_moments_beyond_reach_say_so():
    with pytest.raises(ValueError, match="order 7"):
        expected_word([np.eye(2)] * 8, np.eye(2), 5)


def check_batch_means(kinds, n, planted=lambda f: f):
    """Products of batch means against every resample, written out."""
    rng = np.random.default_rng(0)
    N, shapes = 3, {"M": (2, 2), "v": (2, 1), "h": (1, 2), "s": (1, 1), "F": (2, 2)}
    values = [rng.standard_normal((N, *shapes[k])) + 1.0 for k in kinds]
    factors = [value[0] if kind == "F" else Mean(value) for kind, value in zip(kinds, values, strict=True)]
    total = 0
    for rows in product(range(N), repeat=n):
        out = None
        for kind, value in zip(kinds, values, strict=True):
            factor = value[0] if kind == "F" else value[list(rows)].mean(axis=0)
            out = factor if out is None else out @ factor
        total = total + out
    np.testing.assert_allclose(planted(expected_product)(factors, n), total / N**n, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize(
    "kinds", ["M", "FMF", "MFM", "MMM", "MFvhFM", "Mv", "MMMM", "vssh", "FMFMFMFv", "vhFvs"]
)
def test_batch_means_agree_with_every_resample(kinds, n):
    check_batch_means(kinds, n)


def test_forgotten_crossings_are_caught():
    def pairs_only(f):
        return lambda factors, n: f(factors, 1e6) + (f(factors, 1e5) - f(factors, 1e6)) / 9e-6 / n

    with pytest.raises(AssertionError):
        check_batch_means("MMMM", 4, pairs_only)


# ---- steps on one batch -------------------------------------------------------------------------


def worlds():
    tilted = [[1.0, 0.4], [0.4, 0.6]]
    return {
        "isotropic": ls.HardEasy(d=3, noise=0.3),
        "dense": ls.Mixture(
            [ls.TaskFamily("a", tilted, 1.0, 0.3, noise=0.5), ls.TaskFamily("b", 0.4, -1.0, 0.2, d=2)]
        ),
        "diagonal": ls.Mixture([ls.TaskFamily("a", [1.0, 0.3, 0.3], [1.0, 0.0, 2.0], noise=0.5)]),
    }


def check_same_batch_losses(kind, steps, believed=None, draws=60_000):
    environment, rng = worlds()[kind], np.random.default_rng(steps)
    adaptation = ls.GradientSteps(0.6, 4, steps, batches="same")
    believed = adaptation if believed is None else believed(0.6, 4, steps)
    points = np.stack([np.ones(environment.d), np.zeros(environment.d)])
    losses, floors = post_adaptation_losses(environment, points, adaptation, draws, "raw", rng)
    total, noise = ls.risk_landscape(environment, believed)(points), ls.risk(environment, 0.0, believed).noise
    pairs = [
        (losses[:, 0], total[0]),
        (losses[:, 0] - losses[:, 1], total[0] - total[1]),
        (floors, float(noise)),
    ]
    check_z([(v.mean() - theory) / (v.std() / np.sqrt(draws)) for v, theory in pairs])


@pytest.mark.parametrize("steps", [2, 3])
@pytest.mark.parametrize("kind", ["isotropic", "dense", "diagonal"])
def test_same_batch_losses_agree_with_simulation(kind, steps):
    check_same_batch_losses(kind, steps)


def test_fresh_batches_taken_for_the_same_are_caught():
    with pytest.raises(AssertionError):
        check_same_batch_losses("isotropic", 2, believed=ls.GradientSteps)


@record
class WithoutNoiseOfTheBatch(ls.GradientSteps):
    """Steps on one batch, as if its labels had no noise."""

    def form(self, moments):
        form = ls.GradientSteps(self.alpha, self.m, self.steps, "same").form(moments)
        return QuadraticForm(form.A, form.b, moments.noise_variance)


def test_noise_left_out_is_caught():
    with pytest.raises(AssertionError):
        check_same_batch_losses("dense", 2, believed=WithoutNoiseOfTheBatch)


@pytest.mark.parametrize("kind", ["isotropic", "dense", "diagonal"])
def test_same_batch_meta_gradients_vanish_at_the_optimum(kind):
    environment, rng, z = worlds()[kind], np.random.default_rng(0), []
    twice, thrice, four = (ls.GradientSteps(0.6, 4, steps, "same") for steps in (2, 3, 4))
    methods = [ls.MAML(twice), ls.MAML(thrice), ls.FOMAML(thrice), ls.Reptile(four)]
    for method in methods:
        best = np.asarray(ls.optimum(environment, method))
        mean, covariance = mean_gradient(
            environment, method, best, ls.Training(2, n1=4), 4, 20_000, "raw", rng
        )
        z.extend(mean / np.sqrt(np.diagonal(covariance)))
    check_z(z)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_one_batch_in_one_dimension_by_integration(steps):
    """There S is rho chi^2/n2: weights, and the noise that k steps leave behind, are integrals over its density."""
    rho, alpha, n2, noise = 0.7, 0.6, 5, 0.4
    (task,) = ls.Mixture([ls.TaskFamily("a", rho, 1.0, noise=noise, d=1)]).tasks()

    def mean(f):
        nodes, weights = roots_genlaguerre(8, n2 / 2 - 1)  # exact for polynomials in a chi^2
        return weights @ f(2 * rho * nodes / n2) / weights.sum()

    left = mean(lambda s: (1 - alpha * s) ** steps)
    square = mean(lambda s: (1 - alpha * s) ** (2 * steps))
    # each step adds alpha X'e/n2 and shrinks what was there: U = 1 + P + ... + P^(k-1), of variance S noise/n2
    added = mean(lambda s: s * sum((1 - alpha * s) ** j for j in range(steps)) ** 2) * alpha**2 * noise / n2
    inner = ls.GradientSteps(alpha, n2, steps, "same")
    fo, reptile, maml = (kind(inner).objective(task.inputs) for kind in (ls.FOMAML, ls.Reptile, ls.MAML))
    assert fo.A.diagonal() == pytest.approx([rho * left], rel=1e-9)
    assert reptile.A.diagonal() == pytest.approx([1 - left], rel=1e-9)
    assert maml.A.diagonal() == pytest.approx([rho * square], rel=1e-9)
    assert maml.c == pytest.approx(noise + rho * added, rel=1e-9)


def test_forms_agree_on_one_batch():
    """One entry, two entries and a matrix; and a step size as a number, a vector and a matrix."""
    one, two = isotropic(0.7, 3), Diagonal(np.array([0.7, 0.7]), np.array([1, 2]))
    dense, steps_of = Matrix(0.7 * np.eye(3)), (0.5, diagonal(np.full(3, 0.5)), Matrix(0.5 * np.eye(3)))
    for steps in (2, 3):
        A, c = same_batch_form(one, 0.5, 6, steps)
        E = mean_shrinkage(one, 0.5, 6, steps)
        for Sigma, step in product((one, two, dense), steps_of):
            other, noise = same_batch_form(Sigma, step, 6, steps)
            np.testing.assert_allclose(other.matrix(), A.matrix(), atol=1e-13)
            np.testing.assert_allclose(mean_shrinkage(Sigma, step, 6, steps).matrix(), E.matrix(), atol=1e-13)
            assert noise == pytest.approx(c, rel=1e-12)


def test_limits_of_one_batch():
    environment, w = worlds()["isotropic"], np.ones(3)
    for steps in (2, 5):
        exact = ls.risk(environment, w, ls.GradientSteps(0.6, steps=steps)).total
        many = ls.risk(environment, w, ls.GradientSteps(0.6, 10**9, steps, batches="same")).total
        assert many == pytest.approx(exact, rel=1e-6)
    one = [ls.risk(environment, w, ls.GradientSteps(0.6, 4, 1, batches=b)).total for b in ("fresh", "same")]
    assert one[0] == one[1]
    assert ls.risk(environment, ls.MAML(), ls.GradientSteps(0.6, 4, 3, batches="same")).suboptimality == 0


def test_endless_batches_are_the_same_fresh_or_not():
    """However many steps: nothing has to be expanded then."""
    environment = worlds()["dense"]
    risks = [
        ls.risk(environment, 0.3, ls.GradientSteps(0.6, steps=20, batches=b)).total for b in ("fresh", "same")
    ]
    assert risks[0] == risks[1]


def test_one_batch_and_fresh_ones_are_not_trained_for_alike():
    """MAML on fresh batches does not minimise the risk after steps on one batch; with one step both are the same."""
    environment = worlds()["isotropic"]
    for steps, alike in ((1, True), (2, False)):
        adaptation, method = (
            ls.GradientSteps(0.6, 4, steps, batches="same"),
            ls.MAML(ls.GradientSteps(0.6, 4, steps)),
        )
        found = ls.risk(environment, method, adaptation).suboptimality
        at_the_point = ls.risk(environment, ls.optimum(environment, method).value, adaptation).suboptimality
        assert found == pytest.approx(at_the_point, rel=1e-9, abs=1e-15)
        assert (found == 0) == alike


def test_many_steps_on_a_tiny_batch_keep_their_sign():
    """The sums alternate and their terms are huge: floating point alone gave a negative risk here."""
    environment = ls.HardEasy(d=3, noise=0.5)
    for steps in (6, 8, 10):
        risk = ls.risk(environment, ls.NAL(), ls.GradientSteps(1.0, 2, steps, batches="same"))
        assert risk.noise > 0
        assert risk.dispersion > 0
        assert risk.suboptimality >= 0


def test_symbols_on_one_batch():
    import sympy

    m = sympy.Symbol("m", positive=True)
    environment = ls.HardEasy(d=3)
    exact = ls.risk(environment, ls.NAL(), ls.GradientSteps(0.6, m, 2, batches="same")).total
    assert float(exact.item().subs(m, 7)) == pytest.approx(
        float(ls.risk(environment, ls.NAL(), ls.GradientSteps(0.6, 7, 2, batches="same")).total)
    )


def test_grids_on_one_batch():
    """One of the batch sizes may be infinite."""
    environment, sizes, steps = ls.HardEasy(d=3, noise=0.3), [5, 50, np.inf], [0.3, 0.6]
    adaptation = ls.GradientSteps(0.6, 4, 2, batches="same")
    total = ls.risk(environment, ls.NAL(), adaptation, over={"m": sizes, "alpha": steps}).total
    assert total.shape == (3, 2)
    for (i, m), (j, alpha) in product(enumerate(sizes), enumerate(steps)):
        one = ls.risk(environment, ls.NAL(), ls.GradientSteps(alpha, m, 2, batches="same")).total
        assert total[i, j] == pytest.approx(float(one), rel=1e-12)


@pytest.mark.parametrize("count", [2, 4])
def test_grids_on_one_batch_of_dense_inputs(count):
    """As many points as coordinates, and more: each is the number of its own call, label noise included."""
    environment, steps = worlds()["dense"], ls.GradientSteps(0.25, 6, 2, "same")
    tilted, other = environment.families

    def alone(name, value):
        if name == "a.covariance":
            return ls.Mixture([replace(tilted, covariance=value), other]), steps
        return environment, replace(steps, **{name: value})

    covariances = [np.array(tilted.covariance) * k for k in (1, 2, 0.5, 3)]
    for name, values in {
        "m": [5, 9, 30, 7],
        "alpha": [0.1, 0.3, 0.6, 0.2],
        "a.covariance": covariances,
    }.items():
        total = ls.risk(environment, 0.5, steps, over={name: values[:count]}).total
        each = [float(ls.risk(env, 0.5, a).total) for env, a in (alone(name, v) for v in values[:count])]
        np.testing.assert_allclose(total, each, rtol=1e-12)


def test_what_one_batch_cannot_do():
    data = ls.Mixture([ls.DataTask("a", np.eye(3), np.arange(3.0))])
    unknown = [
        (data, ls.GradientSteps(0.1, 2, 2, batches="same"), "Gaussian inputs only"),
        (worlds()["dense"], ls.GradientSteps(0.1, 2, 4, batches="same"), "moments of order 8"),
        (worlds()["isotropic"], ls.GradientSteps(0.1, 2, 11, batches="same"), "at most 10 steps"),
    ]
    for environment, adaptation, message in unknown:
        with pytest.raises(NoClosedForm, match=message):
            ls.risk(environment, 0.0, adaptation, draws=0)
    with pytest.raises(ValueError, match="another batch for each step"):
        ls.MAML(ls.GradientSteps(0.1, 2, 2, batches="same"), hessian="independent")
    with pytest.raises(ValueError, match="batches must be one of 'fresh', 'same', got 'sane'"):
        ls.GradientSteps(0.1, batches="sane")

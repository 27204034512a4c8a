"""Wishart moments: enumeration on signs, simulation, polynomials, and steps on one batch."""

import itertools

import numpy as np
import pytest
from scipy.special import roots_genlaguerre
from test_agreement import check_z

import landscape as ls
from landscape import same_batch
from landscape.algebra import Dense, Spectrum
from landscape.linalg.moments import expected_word, power_moment, quartic, words
from landscape.simulator.losses import post_adaptation_losses
from landscape.simulator.solutions import mean_gradient


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


@pytest.mark.parametrize("order", range(1, 7))
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
    for samples in itertools.product(range(n), repeat=k):
        for indices in itertools.product(range(d), repeat=2 * k):
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


def check_words(traces, order, draws=100_000):
    rng = np.random.default_rng(1)
    d, n = 3, 5
    root = rng.standard_normal((d, d))
    Sigma = root @ root.T / d + 0.2 * np.eye(d)
    A = rng.standard_normal((order + 1, d, d))
    B = [tuple(rng.standard_normal((j, d, d))) for j in traces]
    x, _ = Dense(Sigma).draw(draws, n, rng)
    S = np.einsum("tni,tnj->tij", x, x) / n
    value = np.broadcast_to(A[0], (draws, d, d))
    for a in A[1:]:
        value = value @ S @ a
    for trace in B:
        product = np.eye(d)
        for b in trace:
            product = product @ b @ S
        value = value * np.trace(product, axis1=1, axis2=2)[:, None, None]
    exact = expected_word(list(A), Sigma, n, B)
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


def test_a_forgotten_pairing_is_caught(monkeypatch):
    true = words._pairings
    monkeypatch.setattr(words, "_pairings", lambda orders: true(orders)[:-1])
    with pytest.raises(AssertionError):
        check_words((), 3)


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


def check_batch_means(kinds, n):
    """Products of batch means against every resample, written out."""
    from landscape.linalg.moments.batch_means import Mean, expected_product

    rng = np.random.default_rng(0)
    N, shapes = 3, {"M": (2, 2), "v": (2, 1), "h": (1, 2), "s": (1, 1), "F": (2, 2)}
    values = [rng.standard_normal((N, *shapes[k])) + 1.0 for k in kinds]
    factors = [value[0] if kind == "F" else Mean(value) for kind, value in zip(kinds, values, strict=True)]
    total = 0
    for rows in itertools.product(range(N), repeat=n):
        product = None
        for kind, value in zip(kinds, values, strict=True):
            factor = value[0] if kind == "F" else value[list(rows)].mean(axis=0)
            product = factor if product is None else product @ factor
        total = total + product
    np.testing.assert_allclose(expected_product(factors, n), total / N**n, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize(
    "kinds", ["M", "FMF", "MFM", "MMM", "MFvhFM", "Mv", "MMMM", "vssh", "FMFMFMFv", "vhFvs"]
)
def test_batch_means_agree_with_every_resample(kinds, n):
    check_batch_means(kinds, n)


def test_a_forgotten_crossing_is_caught(monkeypatch):
    from landscape.linalg.moments import batch_means

    monkeypatch.setattr(batch_means, "_crossed", lambda *rest: 0)
    with pytest.raises(AssertionError):
        check_batch_means("MMMM", 4)


# ---- steps on one batch -------------------------------------------------------------------------


def worlds():
    tilted = [[1.0, 0.4], [0.4, 0.6]]
    return {
        "isotropic": ls.hard_easy(d=3, noise=0.3),
        "dense": ls.Environment(
            [ls.TaskFamily("a", tilted, 1.0, 0.3, noise=0.5), ls.TaskFamily("b", 0.4, -1.0, 0.2, d=2)]
        ),
        "diagonal": ls.Environment([ls.TaskFamily("a", [1.0, 0.3, 0.3], [1.0, 0.0, 2.0], noise=0.5)]),
    }


def check_same_batch_losses(kind, steps, draws=60_000):
    environment, rng = worlds()[kind], np.random.default_rng(steps)
    adaptation = ls.Adaptation(0.6, 4, steps, batches="same")
    points = np.stack([np.ones(environment.d), np.zeros(environment.d)])
    losses, floors = post_adaptation_losses(environment, points, adaptation, draws, "raw", rng)
    risk = ls.risk(environment, points, adaptation)
    pairs = [
        (losses[:, 0], risk.total[0]),
        (losses[:, 0] - losses[:, 1], risk.total[0] - risk.total[1]),
        (floors, risk.noise[0]),
    ]
    check_z([(v.mean() - theory) / (v.std() / np.sqrt(draws)) for v, theory in pairs])


@pytest.mark.parametrize("steps", [2, 3])
@pytest.mark.parametrize("kind", ["isotropic", "dense", "diagonal"])
def test_same_batch_losses_agree_with_simulation(kind, steps):
    check_same_batch_losses(kind, steps)


def test_fresh_batches_taken_for_the_same_are_caught(monkeypatch):
    monkeypatch.setattr("landscape.adaptation.after_same", same_batch.after_fresh)
    with pytest.raises(AssertionError):
        check_same_batch_losses("isotropic", 2)


def test_noise_left_out_is_caught(monkeypatch):
    true = same_batch.after_same
    monkeypatch.setattr(
        "landscape.adaptation.after_same",
        lambda inputs, *rest: true(inputs, *rest)._replace(c=inputs.noise_variance),
    )
    with pytest.raises(AssertionError):
        check_same_batch_losses("dense", 2)


@pytest.mark.parametrize("kind", ["isotropic", "dense", "diagonal"])
def test_same_batch_meta_gradients_vanish_at_the_optimum(kind):
    environment, rng, z = worlds()[kind], np.random.default_rng(0), []
    for method in [
        ls.MAML(0.6, 4, 2, batches="same"), ls.MAML(0.6, 4, 3, batches="same"), ls.FOMAML(0.6, 3, n2=4, batches="same"),
        ls.Reptile(0.6, 4, n2=4, batches="same"),
    ]:  # fmt: skip
        best = ls.optimum(environment, method)
        mean, covariance = mean_gradient(
            environment, method, best, ls.Training(2, n1=4), 4, 20_000, "raw", rng
        )
        z.extend(mean / np.sqrt(np.diagonal(covariance)))
    check_z(z)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_one_batch_in_one_dimension_by_integration(steps):
    """There S is rho chi^2/n2: weights, and the noise that k steps leave behind, are integrals over its density."""
    rho, alpha, n2, noise = 0.7, 0.6, 5, 0.4
    (task,) = ls.Environment([ls.TaskFamily("a", rho, 1.0, noise=noise, d=1)]).tasks()

    def mean(f):
        nodes, weights = roots_genlaguerre(8, n2 / 2 - 1)  # exact for polynomials in a chi^2
        return weights @ f(2 * rho * nodes / n2) / weights.sum()

    left = mean(lambda s: (1 - alpha * s) ** steps)
    square = mean(lambda s: (1 - alpha * s) ** (2 * steps))
    # each step adds alpha X'e/n2 and shrinks what was there: U = 1 + P + ... + P^(k-1), of variance S noise/n2
    added = mean(lambda s: s * sum((1 - alpha * s) ** j for j in range(steps)) ** 2) * alpha**2 * noise / n2
    fo, reptile, maml = (
        ls.FOMAML(alpha, steps, n2, "same"), ls.Reptile(alpha, steps, n2, "same"), ls.MAML(alpha, n2, steps, "same")
    )  # fmt: skip
    assert pytest.approx([rho * left], rel=1e-9) == fo.quadratic(task.inputs).A
    assert pytest.approx([1 - left], rel=1e-9) == reptile.quadratic(task.inputs).A
    assert pytest.approx([rho * square], rel=1e-9) == maml.quadratic(task.inputs).A
    assert maml.quadratic(task.inputs).c == pytest.approx(noise + rho * added, rel=1e-9)


def test_kinds_agree_on_one_batch():
    spectrum = Spectrum(np.array([0.7]), np.array([3]), 0.2)
    dense = Dense(0.7 * np.eye(3), 0.2)
    diagonal = Spectrum(np.array([0.7, 0.7]), np.array([1, 2]), 0.2)
    for steps in (2, 3):
        results = [same_batch.after_same(inputs, 0.5, 6, steps) for inputs in (spectrum, dense, diagonal)]
        np.testing.assert_allclose(results[1].A, results[0].A[0] * np.eye(3), atol=1e-13)
        np.testing.assert_allclose(results[2].A, results[0].A[0], rtol=1e-12)
        np.testing.assert_allclose([r.c for r in results], results[0].c, rtol=1e-12)


def test_limits_of_one_batch():
    environment, w = worlds()["isotropic"], np.ones(3)
    for steps in (2, 5):
        exact = ls.risk(environment, w, ls.Adaptation(0.6, steps=steps)).total
        many = ls.risk(environment, w, ls.Adaptation(0.6, 10**9, steps, batches="same")).total
        assert many == pytest.approx(exact, rel=1e-6)
    one = [ls.risk(environment, w, ls.Adaptation(0.6, 4, 1, batches=b)).total for b in ("fresh", "same")]
    assert one[0] == one[1]
    matched = ls.MAML.matching(ls.Adaptation(0.6, 4, 3, batches="same"))
    assert ls.risk(environment, matched, matched.adaptation).suboptimality == 0


def test_endless_batches_are_the_same_fresh_or_not():
    """However many steps: nothing has to be expanded then."""
    environment = worlds()["dense"]
    risks = [
        ls.risk(environment, 0.3, ls.Adaptation(0.6, steps=20, batches=b)).total for b in ("fresh", "same")
    ]
    assert risks[0] == risks[1]


def test_one_batch_and_fresh_ones_are_not_trained_for_alike():
    """MAML on fresh batches does not minimise the risk after steps on one batch; with one step both are the same."""
    environment = worlds()["isotropic"]
    for steps, alike in ((1, True), (2, False)):
        adaptation, method = ls.Adaptation(0.6, 4, steps, batches="same"), ls.MAML(0.6, 4, steps)
        found = ls.risk(environment, method, adaptation).suboptimality
        at_the_point = ls.risk(environment, ls.optimum(environment, method), adaptation).suboptimality
        assert found == pytest.approx(at_the_point, rel=1e-9, abs=1e-15)
        assert (found == 0) == alike


def test_many_steps_on_a_tiny_batch_keep_their_sign():
    """The sums alternate and their terms are huge: floating point alone gave a negative risk here."""
    environment = ls.hard_easy(d=3, noise=0.5)
    for steps in (6, 8, 10):
        risk = ls.risk(environment, ls.NAL(), ls.Adaptation(1.0, 2, steps, batches="same"))
        assert risk.noise > 0
        assert risk.dispersion > 0
        assert risk.suboptimality >= 0


def test_symbols_on_one_batch():
    import sympy

    m = sympy.Symbol("m", positive=True)
    environment = ls.hard_easy(d=3)
    exact = ls.risk(environment, ls.NAL(), ls.Adaptation(0.6, m, 2, batches="same")).total
    assert float(exact.subs(m, 7)) == pytest.approx(
        ls.risk(environment, ls.NAL(), ls.Adaptation(0.6, 7, 2, batches="same")).total
    )


def test_grids_on_one_batch():
    environment = ls.hard_easy(d=3)
    risk = ls.risk(environment, ls.NAL(), ls.Adaptation([0.3, 0.6], [[5], [50], [500]], 2, batches="same"))
    assert risk.total.shape == (3, 2)
    assert risk.total[1, 1] == pytest.approx(
        ls.risk(environment, ls.NAL(), ls.Adaptation(0.6, 50, 2, batches="same")).total
    )


def test_a_grid_of_batches_may_reach_infinity():
    environment = ls.hard_easy(d=3, noise=0.3)
    risks = ls.risk(environment, 0.5, ls.Adaptation(0.6, [4, np.inf], 3, batches="same")).total
    for risk, m in zip(risks, (4, np.inf), strict=True):
        assert risk == pytest.approx(
            ls.risk(environment, 0.5, ls.Adaptation(0.6, m, 3, batches="same")).total, rel=1e-12
        )


def test_what_one_batch_cannot_do():
    data = ls.Environment([ls.DataTask("a", np.eye(3), np.arange(3.0))])
    cases = [
        (lambda: ls.risk(data, 0.0, ls.Adaptation(0.1, 2, 2, batches="same")), "needs Gaussian inputs"),
        (
            lambda: ls.risk(worlds()["dense"], 0.0, ls.Adaptation(0.1, 2, 4, batches="same")),
            "moments of order 8",
        ),
        (
            lambda: ls.risk(worlds()["isotropic"], 0.0, ls.Adaptation(0.1, 2, 11, batches="same")),
            "at most 10 steps",
        ),
        (lambda: ls.FOMAML(0.1, 2, batches="same"), "needs n2"),
        (lambda: ls.MAML(0.1, 2, 2, batches="same", hessian="independent"), "another batch for each step"),
        (lambda: ls.Adaptation(0.1, batches="sane"), "did you mean same"),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message):
            call()

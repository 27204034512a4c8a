"""The limit of large problems against larger and larger problems, drawn ones, and second solutions of its equations."""

import warnings
from math import comb

import numpy as np
import pytest
from numpy.polynomial import Polynomial
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import zeta

import landscape as ls
from landscape.closed_form.population import risk_parts
from landscape.linalg.quadratic import QuadraticForm
from landscape.tasks.inputs import Gaussian

rng = np.random.default_rng(0)
A, B = rng.standard_normal((2, 3, 3))
SIGMA, SPREAD, P = A @ A.T / 3 + 0.1 * np.eye(3), B @ B.T / 3, 0.1 * rng.standard_normal((3, 3))


def one_family(d):
    """The task of in-context learning: a context of 2d samples, label noise 0.1, signal 1."""
    return ls.Mixture([ls.TaskFamily("task", 1.0, 0.0, 1 / d, noise=0.1, d=d)])


def dense(copies=1):
    """A dense family, each coordinate so many times, by Kronecker products."""
    eye = np.eye(copies)
    return ls.Mixture(
        [ls.TaskFamily("task", np.kron(SIGMA, eye), 0.0, np.kron(SPREAD, eye) / copies, noise=0.1)]
    )


def enlarged(environment, adaptation, copies):
    tasks = [task.enlarged(copies) for task in environment.tasks()]
    return float(sum(np.asarray(part) for part in risk_parts(tasks, adaptation, [np.zeros(environment.d)])))


def copied(adaptation, copies):
    """The same adaptation to as many times the samples."""
    if isinstance(adaptation, ls.PreconditionedSteps):
        return ls.PreconditionedSteps(np.kron(P, np.eye(copies)), adaptation.m * copies, adaptation.steps)
    if isinstance(adaptation, ls.MixedModel):
        return ls.MixedModel(np.kron(SPREAD, np.eye(copies)) / copies, 0.1, adaptation.m * copies)
    return type(adaptation)(**(vars(adaptation) | {"m": adaptation.m * copies}))


def test_one_step_on_a_context_of_twice_the_dimension():
    sizes, exact = (10, 40, 160, 640), []
    for d in sizes:
        best = float(ls.best_step(one_family(d), 0.0, 2 * d))
        exact.append(2 * float(ls.risk(one_family(d), 0.0, ls.GradientSteps(best, 2 * d)).total))
    np.testing.assert_allclose(exact, [0.4750, 0.4600, 0.4561, 0.4552], atol=5e-5)
    # At the best step of the limit, 1/1.55, its value is the published 1.1 - 1/1.55, and the gap falls as 1/d.
    found = ls.limit(one_family, 0.0, lambda d: ls.GradientSteps(1 / 1.55, m=2 * d), over={"d": list(sizes)})
    np.testing.assert_allclose(2 * found.limit.total.value, 1.1 - 1 / 1.55, rtol=1e-12)
    np.testing.assert_allclose(2 * found.limit.total.value, 0.45484, atol=5e-6)
    np.testing.assert_allclose(found.gap.value * sizes, found.gap.value[0] * 10, rtol=1e-10)


ADAPTATIONS = [
    ls.GradientSteps(0.2, 6, steps=2),
    ls.GradientSteps(0.2, 6, steps=2, batches="same"),
    ls.PreconditionedSteps(P, 6, 2),
    ls.RidgeToStart(0.3, 2),
    ls.MixedModel(SPREAD, 0.1, 6),
    ls.OwnShots(7),
    ls.OwnShots(2),
]


def mismatch(adaptation, copies=3):
    """How far copies by formula are from copies that were made, relative; near own threshold both are infinite."""
    made = enlarged(dense(copies), copied(adaptation, copies), 1)
    return abs(enlarged(dense(), adaptation, copies) / made - 1)


@pytest.mark.parametrize("adaptation", ADAPTATIONS, ids=repr)
def test_copies_are_larger_problems_and_their_limit_is_the_limit(adaptation):
    assert mismatch(adaptation) < 1e-12
    limit = enlarged(dense(), adaptation, np.inf)
    far, farther = (enlarged(dense(), adaptation, copies) - limit for copies in (1e4, 2e4))
    assert far == pytest.approx(2 * farther, rel=1e-3)
    assert abs(far) < 1e-3 * limit


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_isotropic_steps_on_one_batch_by_narayana_numbers(steps):
    same = ls.GradientSteps(0.4, 20, steps=steps, batches="same")
    larger = ls.GradientSteps(0.4, 60, steps=steps, batches="same")
    assert enlarged(one_family(10), same, 3) == pytest.approx(enlarged(one_family(30), larger, 1), rel=1e-12)
    limit = enlarged(one_family(10), same, np.inf)
    gaps = [enlarged(one_family(10), same, k) - limit for k in (50, 100)]
    assert gaps[0] == pytest.approx(2 * gaps[1], rel=0.05)
    # Moments of the law of Marchenko and Pastur, ratio 1/2: of the bias (1 - x)^2k and the noise x (sum (1 - x)^i)^2.
    moment = [
        sum(comb(j, r) * comb(j - 1, r) // (r + 1) * 0.5**r for r in range(j)) if j else 1 for j in range(10)
    ]
    left = Polynomial([1, -0.4]) ** (2 * steps)
    learned = 0.16 * Polynomial([0, 1]) * sum(Polynomial([1, -0.4]) ** i for i in range(steps)) ** 2
    bias, noise = (sum(c * moment[j] for j, c in enumerate(p.coef)) for p in (left, learned))
    assert limit == pytest.approx((bias + 0.1 * noise / 2 + 0.1) / 2, rel=1e-12)


@pytest.mark.parametrize("steps", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_steps_on_one_large_batch_are_pairings_that_do_not_cross(steps):
    matrix = ls.PreconditionedSteps(0.2 * np.eye(3), 6, steps, "same")  # the general formula, of words
    number = ls.GradientSteps(0.2, 6, steps, "same")
    assert enlarged(dense(), number, np.inf) == pytest.approx(enlarged(dense(), matrix, np.inf), rel=1e-13)


def test_five_steps_on_one_batch_at_two_hundred_dimensions():
    """One batch is enough: the loss given the batch hardly varies."""
    lam = np.linspace(0.2, 2.0, 200)
    X = np.random.default_rng(2).standard_normal((300, 200)) * np.sqrt(lam)
    R = np.eye(200) - 0.25 * X.T @ X / 300
    U = sum(np.linalg.matrix_power(R, i) for i in range(5)) @ X.T * 0.25 / 300
    drawn = (
        np.sum(lam[:, None] * np.linalg.matrix_power(R, 5) ** 2) / 200
        + 0.1 * np.sum(lam[:, None] * U**2)
        + 0.1
    ) / 2
    tasks = ls.Mixture([ls.TaskFamily("task", lam, 0.0, 1 / 200, noise=0.1)])
    assert enlarged(tasks, ls.GradientSteps(0.25, 300, 5, "same"), np.inf) == pytest.approx(drawn, rel=0.01)


class Forgetful(ls.GradientSteps, register=False):
    """A form that leaves out that of the copies the trace alone is as large as the samples."""

    def form(self, moments):
        return super().form(Gaussian(moments.Sigma, moments.noise_variance))


class Louder(ls.RidgeToStart, register=False):
    """A limit whose noise is 0.1% too large."""

    def limit(self, moments):
        form = super().limit(moments)
        return QuadraticForm(form.A, form.b, 1.001 * form.c, error=form.error)


@pytest.mark.filterwarnings("ignore:the limit of large problems")
def test_planted_errors_are_seen():
    assert mismatch(Forgetful(0.2, 6, steps=2)) > 1e-3
    found = ls.deterministic_equivalent(SIGMA, 6, 0.3, spread=SPREAD, noise=0.1)
    right, wrong = (enlarged(dense(), kind(0.3, 6), np.inf) for kind in (ls.RidgeToStart, Louder))
    assert right == pytest.approx(found.total, rel=1e-12)
    assert wrong != pytest.approx(found.total, rel=1e-5)


LAM, D = rng.uniform(0.1, 2.0, (2, 30))


def complex_total(m, g, kappa):
    """The total by Newton's method in complex numbers, from a kappa nearby."""
    for _ in range(60):
        x = LAM / (LAM + kappa)
        kappa = kappa - (kappa * (1 - sum(x) / m) - g) / (1 - sum(x**2) / m)
    x = LAM / (LAM + kappa)
    return (sum(D * LAM * (1 - x) ** 2) + 0.3) / (1 - sum(x**2) / m) / 2


@pytest.mark.parametrize(("m", "g"), [(40, 0.1), (20, 0.0), (12, 0.03), (30, 1.0)])
def test_derivatives_by_complex_steps(m, g):
    found = ls.deterministic_equivalent(LAM, m, g, spread=D, noise=0.3)
    h = 1e-30
    assert complex_total(m, g, found.kappa) == pytest.approx(found.total, rel=1e-12)
    assert complex_total(m + 1j * h, g, found.kappa).imag / h == pytest.approx(found.by_m, rel=1e-9)
    assert complex_total(m, g + 1j * h, found.kappa).imag / h == pytest.approx(found.by_penalty, rel=1e-9)


def test_own_shots_and_their_derivative():
    found = ls.deterministic_equivalent(LAM, 60, 0.0, spread=D, noise=0.3)
    assert found.total == pytest.approx(0.15 / (1 - 30 / 60))
    assert found.by_m == pytest.approx(-0.15 * 30 / 60**2 / (1 - 30 / 60) ** 2)
    with pytest.raises(ValueError, match="as many samples as coordinates"):
        ls.deterministic_equivalent(LAM, 30, 0.0, noise=0.3)


@pytest.mark.filterwarnings("ignore:the limit of large problems")
def test_the_best_penalty_gives_the_bayes_risk():
    """r = 2 risk solves r = sigma^2 + sum r tau/(m tau + r); no other penalty is better."""
    found = ls.deterministic_equivalent(LAM, 40, spread=D, noise=0.3)
    tau = LAM * D
    r = brentq(lambda r: 0.3 + sum(r * tau / (40 * tau + r)) - r, 0.3, 100.0, xtol=1e-14)
    assert found.total == pytest.approx(r / 2, rel=1e-12) == pytest.approx(40 * found.kappa / 2, rel=1e-12)
    assert found.by_penalty == pytest.approx(0.0, abs=1e-10)
    assert found.total < min(
        ls.deterministic_equivalent(LAM, 40, g, spread=D, noise=0.3).total for g in (0.003, 0.01, 0.03)
    )
    joint = ls.deterministic_equivalent(SIGMA, 6, spread=SPREAD, noise=0.1)
    assert joint.total == pytest.approx(enlarged(dense(), ls.MixedModel(SPREAD, 0.1, 6), np.inf), rel=1e-12)
    best = ls.Mixture([ls.TaskFamily("task", LAM, 0.0, D, noise=0.3)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ls.LandscapeWarning)
        by_name = ls.limit(best, 0.0, ls.BayesEstimator(40), draws=200)
    assert float(by_name.limit.total) == pytest.approx(found.total, rel=1e-12)


@pytest.mark.parametrize(("m", "g"), [(20, 0.1), (20, 0.0), (80, 0.02)])
def test_random_matrices(m, g):
    """60 draws at d = 40, optima and noise integrated out: within four standard errors of the corrected value."""
    lam = np.linspace(0.2, 2.0, 40)
    X = np.random.default_rng(1).standard_normal((60, m, 40)) * np.sqrt(lam)
    inverse = np.linalg.pinv(X.swapaxes(1, 2) @ X / m + g * np.eye(40), hermitian=True, rcond=1e-10)
    fit = inverse @ X.swapaxes(1, 2) / m
    left = np.eye(40) - fit @ X
    losses = (np.sum(left**2, axis=2) @ lam + 0.5 * np.sum(fit**2, axis=2) @ lam + 0.5) / 2
    found = ls.deterministic_equivalent(lam, m, g, noise=0.5)
    error = np.std(losses, ddof=1) / np.sqrt(60)
    assert abs(np.mean(losses) - found.corrected) < 4 * error
    assert found.total == pytest.approx(np.mean(losses), rel=0.05)
    assert error < 0.01 * found.total


def test_laws():
    law = ls.Spectrum.of_law(lambda u: u**-0.4, d=50)
    exact = quad(lambda u: 50 * u**-0.4 / (u**-0.4 + 0.3), 0, 1, epsabs=1e-13)[0]
    assert law.sum(lambda lam: lam / (lam + 0.3)) == pytest.approx(exact, rel=1e-10)
    assert law.sum(lambda lam: lam) == pytest.approx(50 / 0.6, rel=1e-9)
    atoms = ls.deterministic_equivalent(ls.Spectrum([1.0, 0.2], [10, 30]), 60, 0.1, noise=0.1)
    listed = ls.deterministic_equivalent(np.r_[np.ones(10), np.full(30, 0.2)], 60, 0.1, noise=0.1)
    assert atoms.total == pytest.approx(listed.total, rel=1e-14)
    assert ls.Spectrum.power_law(1.5).sum(lambda lam: lam) == pytest.approx(zeta(1.5), rel=1e-9)
    for exponent in (1.1, 40.0):
        assert ls.Spectrum.power_law(exponent).sum(lambda lam: lam) == pytest.approx(zeta(exponent), rel=1e-8)
    assert ls.Spectrum.of_law(lambda u: 2.0, d=3).sum(lambda lam: lam) == pytest.approx(6.0)
    whole = ls.deterministic_equivalent(ls.Spectrum.power_law(1.5), 50, 0.01, noise=0.1).total
    cut = [
        ls.deterministic_equivalent(ls.Spectrum.power_law(1.5, d), 50, 0.01, noise=0.1).total
        for d in (10**3, 10**5)
    ]
    assert whole - cut[0] == pytest.approx(10 * (whole - cut[1]), rel=0.01)  # the rest of the trace
    sizes = np.array([10, 40, 160, 640])
    gaps = []
    for d in sizes:
        lam = ((np.arange(d) + 0.5) / d) ** 2
        limit = ls.deterministic_equivalent(
            ls.Spectrum.of_law(np.square, d), 2 * d, 0.1, spread=1 / d, noise=0.1
        )
        gaps.append(
            ls.deterministic_equivalent(lam, 2 * d, 0.1, spread=1 / d, noise=0.1).corrected - limit.total
        )
    np.testing.assert_allclose(gaps * sizes, gaps[-1] * 640, rtol=0.15)


@pytest.mark.filterwarnings("ignore:the limit of large problems")
def test_spread_along_the_eigenvectors():
    diagonal = np.linalg.eigh(SIGMA)[1].T @ SPREAD @ np.linalg.eigh(SIGMA)[1]
    one = ls.deterministic_equivalent(SIGMA, 6, 0.3, spread=SPREAD, noise=0.1)
    other = ls.deterministic_equivalent(
        ls.Spectrum(np.linalg.eigvalsh(SIGMA)), 6, 0.3, spread=np.diagonal(diagonal), noise=0.1
    )
    assert one.total == pytest.approx(other.total, rel=1e-12)
    assert ls.deterministic_equivalent(LAM, 40, 0.1, spread=lambda lam: 1 / lam).total == pytest.approx(
        ls.deterministic_equivalent(LAM, 40, 0.1, spread=1 / LAM).total
    )


def test_a_limit_far_from_its_range_warns_with_the_error():
    with pytest.warns(ls.LandscapeWarning, match="up to infinitely off here"):
        ls.limit(one_family(40), 0.0, ls.OwnShots(41))
    with pytest.warns(ls.LandscapeWarning, match="up to 20% off here"):
        ls.limit(one_family(40), 0.0, ls.OwnShots(46))
    with pytest.warns(ls.LandscapeWarning, match=r"off by \d+% or more here"):
        ls.deterministic_equivalent(np.ones(10), 8, 0.0, noise=0.3)
    with pytest.warns(ls.LandscapeWarning, match="up to 8% off here"):
        ls.limit(one_family(5), 0.0, ls.RidgeToStart(0.3, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ls.limit(one_family(20), 0.0, ls.RidgeToStart(0.3, 40), draws=100)
    assert abs(found.gap.value) < 0.05 * found.limit.total.value
    assert found.gap.standard_error > 0
    assert "draws" in repr(found)


@pytest.mark.parametrize(("g", "said"), [(1e-6, "60%"), (1e-4, "50%")])
def test_with_as_many_samples_as_dimensions_the_error_is_said(g, said):
    """6,000 drawn spectra at d = m = 10: what is off, and what is said, agree within 4 standard errors and a tenth of the risk."""
    X = np.random.default_rng(3).standard_normal((6000, 10, 10))
    s = np.linalg.svd(X, compute_uv=False) ** 2 / 10
    losses = (np.sum((g / (s + g)) ** 2, axis=1) / 10 + 0.1 / 10 * np.sum(s / (s + g) ** 2, axis=1) + 0.1) / 2
    with pytest.warns(ls.LandscapeWarning, match=f"up to {said} off here"):
        found = ls.limit(one_family(10), 0.0, ls.RidgeToStart(g, 10))
    off = losses.mean() / float(found.here.total) - 1
    error = losses.std() / np.sqrt(6000) / float(found.here.total)
    assert abs(off - found.here.how.expected_error) < 4 * error + 0.1
    assert off > 4 * error
    with pytest.warns(ls.LandscapeWarning, match=r"off by \d+% or more .* as dimensions\): draw it"):
        ls.deterministic_equivalent(np.ones(10), 10, g, spread=1 / 10, noise=0.1)


@pytest.mark.filterwarnings("ignore:the limit of large problems")
def test_a_singular_covariance_is_one_however_it_is_given():
    """Eigenvalues that rounding leaves are no directions: own shots learn ten, not up to fifteen, in any units."""
    lam, U = np.linspace(0.1, 2.0, 10), np.linalg.qr(np.random.default_rng(0).standard_normal((15, 10)))[0]
    turned, units = (U * lam) @ U.T, np.geomspace(1e-6, 1e6, 15)
    dense = ((turned + turned.T) / 2, units[:, None] * (turned + turned.T) / 2 * units)
    for m in (20, 30):
        totals = [
            ls.deterministic_equivalent(given, m, 0.0, noise=0.3).corrected
            for given in (lam, np.r_[lam, np.zeros(5)], np.diag(lam), *dense)
        ]
        np.testing.assert_allclose(totals, totals[0], rtol=1e-9)
    flat = ls.deterministic_equivalent(np.eye(15), 12, spread=dense[0])
    assert flat.total == 0  # no noise, and ten directions in which tasks differ


def test_where_nothing_can_be_learned_the_noise_is_left():
    for given, spread in ((np.zeros(3), 1.0), (np.ones(3), 0.0)):
        found = ls.deterministic_equivalent(given, 20, spread=spread, noise=0.2)
        assert (found.total, found.degrees_of_freedom, found.by_m) == (0.1, 0.0, 0.0)
    assert ls.deterministic_equivalent(np.zeros(3), 20).total == 0


def test_families_and_methods_grow_together():
    """Two families and starts of methods: four copies are the problem of four times the dimension."""
    small, large = (
        ls.Mixture(
            [
                ls.TaskFamily("a", 0.3, 1 / np.sqrt(k), 1 / k, noise=0.1, probability=0.25),
                ls.TaskFamily("b", 0.9, -1 / np.sqrt(k), 2 / k, noise=0.3, probability=0.75, d=5 * k),
            ]
        )
        for k in (1, 4)
    )
    for start in (ls.NAL, lambda inner: ls.MAML(inner), lambda inner: ls.MAML(ls.RidgeToStart(0.4, inner.m))):
        steps = [ls.GradientSteps(0.9, 10 * k) for k in (1, 4)]
        starts = [start() if start is ls.NAL else start(step) for step in steps]
        copies = risk_parts([task.enlarged(4) for task in small.tasks()], steps[0], [starts[0]])
        found = ls.risk(large, starts[1], steps[1])
        np.testing.assert_allclose(
            [float(np.asarray(p)) for p in copies],
            [found.noise, found.dispersion, found.suboptimality],
            rtol=1e-12,
            atol=1e-15,
        )


def test_what_has_no_limit_is_refused():
    table = ls.Mixture([ls.DataTask("rows", X=[[1.0], [2.0], [3.0]], y=[1.0, 2.0, 2.0])])
    with pytest.raises(ls.NoClosedForm, match="rows have no limit"):
        ls.limit(table, 0.0, ls.GradientSteps(0.1, 5))
    with pytest.raises(ls.NoClosedForm, match="known for one family"):
        ls.limit(ls.HardEasy(), 0.0, ls.BayesEstimator(10), draws=20)
    with pytest.raises(ValueError, match="give eigenvalues and counts"):
        ls.Spectrum.of_law(lambda u: np.where(u < 0.3, 1.0, 2.0), d=10)
    with pytest.raises(ValueError, match="counts must be above 0 for some eigenvalue"):
        ls.Spectrum([1.0, 2.0], [0.0, 0.0])
    with pytest.raises(ValueError, match=r"exponent must be at least 1\.1"):
        ls.Spectrum.power_law(1.0)
    with pytest.raises(ValueError, match="spread must fit"):
        ls.deterministic_equivalent(LAM, 40, 0.1, spread=np.ones(3))


def two_spectra(copies=1):
    """Two families of unlike covariances about 0, each coordinate so many times."""
    eye = np.eye(copies)
    pairs = [("a", SIGMA, SPREAD), ("b", np.diag([1.0, 2.0, 3.0]), 0.3 * np.eye(3))]
    return ls.Mixture(
        [
            ls.TaskFamily(name, np.kron(S, eye), 0.0, np.kron(C, eye) / copies, noise=0.1)
            for name, S, C in pairs
        ]
    )


@pytest.mark.filterwarnings("ignore:the limit of large problems")
@pytest.mark.parametrize("kind", ["full", "diagonal"])
def test_a_learned_step_is_learned_for_the_large_problem(kind):
    """One layer of linear attention, on copies that were made: its gap falls as 1/copies."""

    def found(copies):
        attention, judge = ls.LinearAttention(6 * copies, kind=kind), ls.GradientSteps(1.0, m=6 * copies)
        return ls.limit(two_spectra(copies), attention, judge)

    limit, gaps = found(1).limit.total, [float(found(copies).gap) for copies in (4, 8)]
    assert gaps[0] == pytest.approx(2 * gaps[1], rel=0.08)
    assert float(found(8).limit.total) == pytest.approx(float(limit), rel=1e-12)
    # Its matrix is that of the large problem: the one that is best at hand loses more there.
    here = ls.LinearAttention(6, kind=kind).learn(two_spectra())
    assert enlarged(two_spectra(), here.adaptation, np.inf) > float(limit) * 1.001


def test_one_layer_of_isotropic_attention_has_the_published_limit():
    tasks = one_family(160)
    for attention in (ls.LinearAttention(320), ls.LinearAttention(320, pretraining=one_family(160))):
        found = ls.limit(tasks, attention, ls.GradientSteps(1.0, m=320))
        assert 2 * float(found.limit.total) == pytest.approx(1.1 - 1 / 1.55, rel=1e-12)
    learned = ls.limit(tasks, ls.MetaSGD(learn_start=False), ls.GradientSteps(1.0, m=320))
    assert float(learned.limit.total) == pytest.approx(float(found.limit.total), rel=1e-12)
    layers = ls.limit(tasks, ls.LinearAttention(320, layers=2), ls.GradientSteps(1.0, m=320))
    assert float(layers.limit.total) < 0.7 * float(found.limit.total)


def test_what_has_no_limit_and_which_method_to_learn():
    judge = ls.GradientSteps(1.0, m=20)
    for attention in (ls.LinearAttention(20, prompts=30), ls.LinearAttention(20, layers=2)):
        with pytest.raises(ls.NoClosedForm, match="pretrained on drawn prompts is not known"):
            ls.limit(two_spectra(), attention, judge)
    with pytest.raises(ValueError, match=r"take found = LinearAttention\(...\).learn"):
        ls.best_step(one_family(10), ls.LinearAttention(20), 20)


def test_a_law_without_a_mean_is_refused():
    for tail in (0.5, 1.0, 1.05):
        with pytest.raises(ValueError, match="quantile must have a finite mean"):
            ls.Spectrum.of_law(lambda u, tail=tail: (1 - u) ** (-1 / tail), d=50)
    assert ls.Spectrum.of_law(lambda u: (1 - u) ** -0.5, 50).sum(lambda lam: lam) == pytest.approx(
        100.0, rel=1e-6
    )

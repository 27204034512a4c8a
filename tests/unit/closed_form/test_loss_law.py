"""The law of the loss after adaptation: against raw rows, enumeration, SciPy's laws, and the risk."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats

import landscape as ls
from landscape.closed_form.loss_law.families import family_law
from landscape.closed_form.loss_law.laws import ChiSquareParabola, SquaresMixture
from landscape.closed_form.loss_law.normal_squares import distribution
from landscape.closed_form.loss_law.rules import chi_rule
from landscape.core.results import Result

LEVELS = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
P = np.array([[0.5, 0.1, 0.0], [0.1, 0.4, -0.1], [0.0, -0.1, 0.6]])


def dense(noise: float, spread: Any = 0.0) -> ls.TaskFamily:
    S = np.array([[0.8, 0.2, 0.0], [0.2, 0.5, 0.1], [0.0, 0.1, 0.3]])
    return ls.TaskFamily("dense", S, [1.0, 2.0, -1.0], spread, noise=noise)


def isotropic(d: int, noise: float, spread: float) -> ls.TaskFamily:
    return ls.TaskFamily("isotropic", 0.8, 1.0, spread, noise=noise, d=d)


def raw_losses(family: ls.TaskFamily, step: Any, m: int, point: Any, count: int, seed: int) -> np.ndarray:
    """Losses after one step from each point (J, d), row by row: shape (count, J)."""
    rng, d = np.random.default_rng(seed), family.dimension
    assert d is not None
    S, C = (
        np.diag(np.broadcast_to(v, d)) if np.ndim(v) < 2 else v for v in (family.covariance, family.spread)
    )
    optima = family.centre + rng.standard_normal((count, d)) @ np.sqrt(C)  # spreads here are diagonal
    X = rng.standard_normal((count, m, d)) @ np.linalg.cholesky(S).T
    e = np.sqrt(family.noise) * rng.standard_normal((count, m, 1))
    away = np.atleast_2d(point)[None] - optima[:, None]  # (count, J, d)
    residual = X @ away.swapaxes(1, 2) - e
    moved = away - (residual.swapaxes(1, 2) @ X / m) @ (step * np.eye(d) if np.ndim(step) == 0 else step)
    return (np.einsum("kji,il,kjl->kj", moved, S, moved) + family.noise) / 2


CASES = [
    (dense(0.3), 0.6, 1), (dense(0.3), 0.6, 3), (dense(0.3), 0.6, 30), (dense(0.0), 0.6, 4), (dense(0.2), P, 3),
    (isotropic(1, 0.0, 0.0), 0.7, 1), (isotropic(1, 0.0, 0.0), 0.7, 9), (isotropic(1, 0.2, 0.4), 0.7, 5),
    (isotropic(2, 0.0, 0.0), 0.7, 8), (isotropic(2, 0.2, 0.4), 0.7, 3), (isotropic(3, 0.2, 0.0), 0.7, 6),
    (isotropic(6, 0.0, 0.4), 0.7, 1), (isotropic(6, 0.2, 0.02), 0.7, 20),
]  # fmt: skip


@pytest.mark.parametrize(("family", "step", "m"), CASES)
def test_quantiles_of_raw_rows(family: ls.TaskFamily, step: Any, m: int) -> None:
    """Seed 1, 20,000 tasks: |z| < 4 at seven levels, false alarms 5e-4 a case; 1% of probability is 3 to 14 z."""
    count, d = 20_000, family.dimension
    adaptation = ls.GradientSteps(step, m) if np.ndim(step) == 0 else ls.PreconditionedSteps(step, m)
    law = ls.loss_law(ls.Mixture([family]), 0.0, adaptation)
    losses = np.sort(raw_losses(family, step, m, np.zeros(d), count, 1)[:, 0])
    found = law.cdf(losses[(LEVELS * count).astype(int)]).value
    assert np.abs((found - LEVELS) / np.sqrt(LEVELS * (1 - LEVELS) / count)).max() < 4
    assert float(law.mean) == pytest.approx(
        float(ls.risk(ls.Mixture([family]), 0.0, adaptation).total), rel=1e-9
    )


@pytest.mark.parametrize("s", [1.0, 1e-12])
def test_sums_of_squares_against_scipy(s: float) -> None:
    """Central and non-central chi-squares, to 2e-9 from the far left to the far right."""
    for k, centre in product((1, 2, 5, 50), (0.0, 0.1, 10.0, 1e4, 1e6)):
        law = stats.ncx2(k, centre) if centre else stats.chi2(k)
        for p in (1e-9, 1e-4, 0.1, 0.5, 0.9, 1 - 1e-6):
            x = law.ppf(p)
            (found,) = distribution(x * s, np.array([[s]]), np.array([[centre * s]]), np.array([k]))
            assert abs(found - law.cdf(x)) < 2e-9


@pytest.mark.parametrize("d", [1, 2, 3, 10, 201, 202, 203, 1000])
def test_lengths_of_normal_vectors_have_their_moments(d: int) -> None:
    """Mean and variance of R^2, and its Laplace transform, by formula: few dimensions and many, near and far."""
    for centre, s in ((0.0, 1.3), (2.0, 1.3), (40.0, 0.7), (900.0, 0.5)):
        R, weights = chi_rule(d, centre, s)(100)
        mean = centre**2 + d * s**2
        t = 0.3 / mean
        assert weights @ R**2 == pytest.approx(mean, rel=1e-7)
        variance = 2 * d * s**4 + 4 * s**2 * centre**2
        assert weights @ (R**2 - mean) ** 2 == pytest.approx(variance, rel=1e-6)
        transform = (1 + 2 * t * s**2) ** (-d / 2) * np.exp(-t * centre**2 / (1 + 2 * t * s**2))
        assert weights @ np.exp(-t * R**2) == pytest.approx(transform, rel=1e-7)


def test_nodes_are_as_many_as_the_law_needs() -> None:
    """The loss is a(q, h) R^2/2 without label noise: by SciPy's law of R^2, and dense rules for q and h.

    Too few nodes would be inexact; too many would be refused.
    """
    d, m, step, spread, far = 30, 200, 0.187, 6e-4, 15.3
    family = ls.TaskFamily("wide", 0.8, far / np.sqrt(d), spread, d=d)
    law = family_law(ls.Mixture([family]).tasks()[0], ls.GradientSteps(step, m), np.zeros(d))
    y, w = np.polynomial.legendre.leggauss(80)

    def rule(freedom: int) -> tuple[np.ndarray, np.ndarray]:
        chi = stats.chi(freedom)
        low, high = chi.ppf(1e-13), chi.isf(1e-13)
        r = low + (high - low) * (y + 1) / 2
        weights = w * chi.pdf(r)
        return r**2, weights / weights.sum()

    (q, along), (h, across), k = rule(m), rule(d - 1), step * 0.8 / m
    a = 0.8 * ((1 - k * q[:, None]) ** 2 + k**2 * q[:, None] * h)
    for loss in law.mean * np.array([0.1, 0.8, 2.5]):
        wanted = along @ stats.ncx2.cdf(2 * loss / (a * spread), d, far**2 / spread) @ across
        assert law.probability(loss) == pytest.approx(wanted, abs=1e-6)


def test_a_fixed_part_moves_the_law() -> None:
    """Without label noise the part along delta does not scatter: 2 + chi^2_1, and nothing below 2."""
    variances, squares, one = np.array([[0.0, 1.0]]), np.array([[2.0, 0.0]]), np.ones(2)
    for x in (1.9, 2.0, 2.001, 3.0, 8.0):
        (found,) = distribution(x, variances, squares, one)
        assert abs(found - stats.chi2(1).cdf(x - 2)) < 1e-8


@pytest.mark.slow
def test_the_mean_of_the_law_is_the_risk() -> None:
    """By integrating the distribution function, of a mixture of families with noise and spread."""
    env, adaptation = ls.HardEasy(d=4, noise=0.3), ls.GradientSteps(0.9, 12)
    law = ls.loss_law(env, ls.MAML(), adaptation)
    y, weights = np.polynomial.legendre.leggauss(40)
    edges = np.concatenate([np.linspace(0.15, 6.0, 4), [20.0, 80.0, 300.0, 1200.0]])
    low, high = edges[:-1, None], edges[1:, None]
    x = low + (high - low) * (y + 1) / 2
    rest = np.sum((1 - law.cdf(x).value) * weights * (high - low) / 2)
    assert 0.15 + rest == pytest.approx(float(ls.risk(env, ls.MAML(), adaptation).total), rel=1e-6)


def test_many_dimensions_cost_nothing_and_follow_their_limit() -> None:
    """In d = 10^5 the loss of an isotropic family hardly scatters: its mean is the risk, its median near."""
    env, adaptation = ls.HardEasy(d=100_000, noise=0.1), ls.GradientSteps(0.5, 200_000)
    law = ls.loss_law(env, 0.0, adaptation)
    assert float(law.mean) == pytest.approx(float(ls.risk(env, 0.0, adaptation).total), rel=1e-6)
    one = ls.loss_law(ls.Mixture([isotropic(210, 0.1, 0.2)]), 0.0, ls.GradientSteps(0.5, 150))
    losses = np.sort(raw_losses(isotropic(210, 0.1, 0.2), 0.5, 150, np.zeros(210), 200, 1)[:, 0])
    assert abs(float(one.cdf(losses[100])) - 0.5) < 4 * 0.036


LONG, ROOTS = np.array([1.0, -0.5, 2.0]), np.array([[0.9, 0.2, 0.0], [0.1, 0.6, -0.3], [0.0, 0.4, 0.5]])
ALONG = 0.3 * np.outer(LONG, LONG) / np.sum((ROOTS @ LONG) ** 2) + 0.01 * np.eye(3)


@pytest.mark.parametrize(
    ("family", "step", "m"),
    [
        (ls.TaskFamily("noisy", 0.8, 0.3, noise=0.4, d=1500), 0.1, 2),
        (ls.TaskFamily("exact", 0.8, 0.7, d=3000), 0.5, 3),
        (ls.TaskFamily("dense", ROOTS.T @ ROOTS, LONG), ALONG, 4),
    ],
    ids=lambda v: getattr(v, "name", None),
)
def test_where_only_the_length_of_the_residuals_scatters(family: ls.TaskFamily, step: Any, m: int) -> None:
    """In many dimensions, or along one: the law is of one chi-square, and its mean is the risk."""
    env = ls.Mixture([family])
    adaptation = ls.GradientSteps(step, m) if np.ndim(step) == 0 else ls.PreconditionedSteps(step, m)
    law = family_law(env.tasks()[0], adaptation, np.zeros(env.d))
    assert isinstance(law, ChiSquareParabola)
    assert law.mean == pytest.approx(float(ls.risk(env, 0.0, adaptation).total), rel=1e-12)


@pytest.mark.slow
def test_many_more_dimensions_than_samples() -> None:
    """Of one optimum only the residuals' length q scatters; of many the law is not resolved, and says so."""
    family = isotropic(5_000, 0.1, 0.0)
    law = ls.loss_law(ls.Mixture([family]), 0.0, ls.GradientSteps(0.01, 20))
    q = np.quantile(np.random.default_rng(0).chisquare(20, 100_000), 0.9)
    k, far = 0.008 / 20, 0.8 * 5_000
    wanted = 0.05 + (far * (1 - k * q) ** 2 + k**2 * q * (0.1 + 4_999 * (far + 0.1))) / 2
    assert float(law.quantile(0.9)) == pytest.approx(wanted, rel=0.02)
    with pytest.raises(ls.NoClosedForm, match="in so many dimensions"):
        ls.loss_law(ls.Mixture([isotropic(1_000_000, 0.1, 0.2)]), 0.0, ls.GradientSteps(0.5, 20))


def test_nothing_scatters_from_the_optimum_without_noise() -> None:
    for family in (dense(0.0), isotropic(2, 0.0, 0.0)):
        law = ls.loss_law(ls.Mixture([family]), family.centre, ls.GradientSteps(0.5, 3))
        assert float(law.quantile(0.9)) == float(law.mean) == 0.0


def test_full_batches_with_any_spread() -> None:
    """(1 - alpha S)^2 S of a normal delta: exact for dense spreads, and for any adaptation."""
    family = dense(0.4, [0.3, 0.1, 0.6])
    law = ls.loss_law(ls.Mixture([family]), 0.5, ls.RidgeToStart(0.7))
    rng = np.random.default_rng(0)
    optima = family.centre + rng.standard_normal((40_000, 3)) * np.sqrt(family.spread)
    K = 0.7 * np.linalg.inv(family.covariance + 0.7 * np.eye(3))
    losses = np.sort(
        0.2 + np.einsum("ki,ij,kj->k", *[(0.5 - optima) @ K.T, family.covariance, (0.5 - optima) @ K.T]) / 2
    )
    found = law.cdf(losses[(LEVELS * 40_000).astype(int)]).value
    assert np.abs((found - LEVELS) / np.sqrt(LEVELS * (1 - LEVELS) / 40_000)).max() < 4


def test_all_batches_of_a_few_rows() -> None:
    """Every sequence of m rows by hand: the law is theirs, of one step and of three on one batch."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((5, 2)), rng.standard_normal(5)
    env = ls.Mixture([ls.DataTask("rows", X, y)])
    for adaptation in (ls.GradientSteps(0.3, 3), ls.GradientSteps(0.3, 3, 3, "same")):
        losses = []
        for batch in product(range(5), repeat=3):
            w = np.array([0.4, -0.2])
            for _ in range(adaptation.steps):
                w = w - 0.3 * X[list(batch)].T @ (X[list(batch)] @ w - y[list(batch)]) / 3
            losses.append(np.mean((X @ w - y) ** 2) / 2)
        law = ls.loss_law(env, [0.4, -0.2], adaptation)
        assert float(law.mean) == pytest.approx(np.mean(losses), rel=1e-12)
        np.testing.assert_allclose(
            law.quantile(LEVELS), np.quantile(losses, LEVELS, method="inverted_cdf"), rtol=1e-12
        )
        drawn = ls.loss_law(env, [0.4, -0.2], adaptation, draws=4000, rng=0)
        assert abs(float(drawn.mean - law.mean)) < 4 * drawn.mean.standard_error


def test_drawn_and_exact_laws_agree() -> None:
    """Two families, seed 3: distribution functions and quantiles within 4 of their stated errors."""
    env, adaptation = ls.HardEasy(d=3, noise=0.2), ls.GradientSteps(0.9, 5)
    exact = ls.loss_law(env, ls.NAL(), adaptation)
    drawn = ls.loss_law(env, ls.NAL(), adaptation, draws=20_000, rng=3)
    at = exact.quantile(LEVELS[1:6])
    np.testing.assert_allclose(exact.cdf(at.value), LEVELS[1:6], atol=1e-7)
    found = drawn.cdf(at.value)
    assert np.abs((found.value - LEVELS[1:6]) / found.standard_error).max() < 4
    away = drawn.quantile(LEVELS[1:6])
    assert np.abs((away.value - at.value) / away.standard_error).max() < 4
    assert (np.diff(at.value) > 0).all()
    assert exact.mean.standard_error is None


@pytest.mark.slow
def test_sampled_optima_have_errors() -> None:
    """Optima of T drawn tasks: exact given the tasks, with an error for the tasks."""

    def draw(rng: np.random.Generator) -> tuple[float, np.ndarray, float]:
        return 0.6, rng.normal(1.0, 1.0, size=2), 0.1

    env, adaptation = ls.from_sampler(draw, 20, rng=0), ls.GradientSteps(0.8, 6)
    law = ls.loss_law(env, 0.0, adaptation)
    assert float(law.mean) == pytest.approx(float(ls.risk(env, 0.0, adaptation).total), rel=1e-9)
    assert law.mean.standard_error == pytest.approx(
        ls.risk(env, 0.0, adaptation).total.standard_error, rel=0.3
    )
    whole = ls.loss_law(ls.Mixture([ls.TaskFamily("all", 0.6, 1.0, 1.0, noise=0.1, d=2)]), 0.0, adaptation)
    median = law.quantile(0.5)
    assert abs(float(median - whole.quantile(0.5))) < 4 * median.standard_error


def without_the_rank_one_part(family: ls.TaskFamily, m: int) -> SquaresMixture:
    """Planted: K = Sigma for K = Sigma - Sigma delta delta'Sigma/v^2."""
    law: Any = family_law(ls.Mixture([family]).tasks()[0], ls.GradientSteps(0.6, m), np.zeros(3))
    share = law.variances.sum() / 3
    return SquaresMixture(
        law.floor, law.weights, np.full_like(law.variances, share), law.squares, law.multiplicity
    )


def test_planted_errors_are_seen() -> None:
    family, count = dense(0.3), 40_000
    losses = np.sort(raw_losses(family, 0.6, 3, np.zeros(3), count, 1)[:, 0])
    at = losses[(LEVELS * count).astype(int)]

    def worst(law: Any) -> float:
        found = np.array([law.probability(x) for x in at])
        return float(np.abs((found - LEVELS) / np.sqrt(LEVELS * (1 - LEVELS) / count)).max())

    task = ls.Mixture([family]).tasks()[0]
    assert worst(family_law(task, ls.GradientSteps(0.6, 3), np.zeros(3))) < 4
    assert worst(without_the_rank_one_part(family, 3)) > 20
    wrong = family_law(
        task, ls.GradientSteps(0.6 * 2 / 3, 2), np.zeros(3)
    )  # alpha q/m as before, q ~ chi^2_(m-1)
    assert worst(wrong) > 20


@pytest.mark.parametrize(
    ("family", "step", "m", "noise"),
    [
        (dense(0.3), 0.6, 8, 1),
        (dense(0.3), 0.6, 1, 1),
        (dense(0.0), 0.6, 3, 0),
        (isotropic(1, 0.1, 0.3), 0.7, 2, 1),
    ],
)
def test_two_methods_on_the_same_draw(family: ls.TaskFamily, step: float, m: int, noise: float) -> None:
    """Raw rows, seed 2, and two-column draws, seed 0: shares within 4 errors; the differences' quantiles, too."""
    d = family.dimension
    assert d is not None
    points = np.array([np.full(d, 0.3), np.linspace(-1.0, 1.5, d)])
    raw = raw_losses(family, step, m, points, 30_000, 2)
    share = np.mean(raw[:, 0] < raw[:, 1])
    found = ls.win_probability(
        ls.Mixture([family]), points[0], ls.GradientSteps(step, m), against=points[1], draws=30_000
    )
    error = np.hypot(found.standard_error, np.sqrt(share * (1 - share) / 30_000))
    assert abs(float(found) - share) < 4 * error
    assert found.standard_error == pytest.approx(np.sqrt(share * (1 - share) / 30_000), rel=0.8)


def test_parallel_distances_without_noise() -> None:
    """V is singular: from twice as far the loss is four times as large on every draw."""
    family = dense(0.0)
    near, far = 0.5 * family.centre, 0.0 * family.centre
    env, adaptation = ls.Mixture([family]), ls.GradientSteps(0.6, 4)
    assert float(ls.win_probability(env, near, adaptation, against=far, draws=500)) == 1.0
    assert float(ls.win_probability(env, near, adaptation, against=near, draws=500)) == 0.5


def test_one_loss_that_overflows_is_enough() -> None:
    """Samples of the flat tasks never make so many steps explode, some of the others do."""
    flat, both = ls.HardEasy(d=3, rho_hard=1e-3, p_hard=1.0), ls.HardEasy(d=3, rho_hard=1e-3)
    steps = ls.GradientSteps(1.8, 4, 900, "same")
    assert 0 < float(ls.win_probability(flat, 0.5, steps, against=0.0, draws=20)) <= 1
    for ask in (ls.win_probability, ls.loss_law):
        with pytest.raises(ValueError, match="overflow"):
            ask(both, 0.5, steps, draws=20)


def test_wins_of_other_adaptations_and_of_rows() -> None:
    """Several steps on one batch take rows; the complement of a win is the other's; grids are by name.

    On rows against all batches, at 4.5 standard errors: a false alarm in 140,000 seeds; an error of 0.05 is seen.
    """
    env = ls.HardEasy(d=3, noise=0.2)
    for adaptation in (
        ls.GradientSteps(0.5, 4, 2, "same"),
        ls.RidgeToStart(0.5, 4),
        ls.GradientSteps(0.5, 4, 2),
    ):
        one = ls.win_probability(env, ls.MAML(0.5), adaptation, draws=2000)
        other = ls.win_probability(env, ls.NAL(), adaptation, against=ls.MAML(0.5), draws=2000)
        assert float(one + other) == pytest.approx(1.0, abs=5 * float(one.standard_error))
    grid = ls.win_probability(env, ls.MAML(), ls.GradientSteps(0.5, 4), over={"m": [1, 4, 50]}, draws=500)
    assert grid.shape == grid.standard_error.shape == (3,)
    alone = [ls.win_probability(env, ls.MAML(), ls.GradientSteps(0.5, m), draws=500) for m in (1, 4, 50)]
    assert grid.value.tolist() == [float(one) for one in alone]
    assert 0 < grid.value[0] < grid.value[1] < 1
    rows = ls.Mixture(
        [ls.DataTask("a", np.eye(3), [1.0, 2.0, 3.0]), ls.DataTask("b", np.eye(3) + 1, [0.0, 1.0, 1.0])]
    )
    points = [
        np.asarray(ls.optimum(rows, method)) for method in (ls.MAML(ls.GradientSteps(0.2, 3)), ls.NAL())
    ]
    wins = 0.0
    for task in rows.families:
        for batch in map(list, product(range(3), repeat=3)):
            gradients = [task.X[batch].T @ (task.X[batch] @ w - task.y[batch]) / 3 for w in points]
            first, second = (
                np.sum((task.X @ (w - 0.2 * g) - task.y) ** 2) for w, g in zip(points, gradients, strict=True)
            )
            wins += (first < second) / 27 / 2
    drawn = ls.win_probability(rows, ls.MAML(), ls.GradientSteps(0.2, 3), draws=4000)
    assert float(drawn) == pytest.approx(wins, abs=4.5 * float(drawn.standard_error))
    assert 4.5 * float(drawn.standard_error) < 0.05


def test_what_is_not_known_says_so() -> None:
    env = ls.HardEasy(d=3)
    spread = ls.Mixture([dense(0.1, 0.2)])
    many = ls.Mixture([ls.DataTask("rows", np.random.default_rng(0).normal(size=(50, 2)), np.ones(50))])
    cases = [
        (lambda: ls.loss_law(env, 0.0, ls.RidgeToStart(0.5, 5)), "only that after one gradient step"),
        (lambda: ls.loss_law(spread, 0.0, ls.GradientSteps(0.5, 5)), "not isotropic"),
        (lambda: ls.loss_law(many, 0.0, ls.GradientSteps(0.5, 9)), "different batches"),
        (
            lambda: ls.loss_law(env, 0.0, ls.BayesEstimator(5)),
            r"adaptation BayesEstimator\(5\) needs the environment",
        ),
        (
            lambda: ls.loss_law(env, 0.0, ls.BayesEstimator(5), draws=50),
            r"adaptation BayesEstimator\(5\) needs",
        ),
        (lambda: ls.loss_law(env, 0.0, 0.5, draws=5), "draws must be"),
        (lambda: ls.loss_law(env, [1.0, 2.0], 0.5), "start must be"),
        (
            lambda: ls.loss_law(env, 0.0, ls.PreconditionedSteps(np.ones(2), 5)),
            "P of PreconditionedSteps must fit the tasks' d = 3",
        ),
        (lambda: ls.loss_law(env, 0.0, 0.5).quantile(1.0), "probability must be"),
        (lambda: ls.loss_law(env, 0.0, 0.5).cdf("x"), "loss must be"),
        (lambda: ls.win_probability(env, 0.0, 0.5, draws=1), "draws must be"),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message):
            call()


def test_the_result_has_a_headline_a_table_and_a_plot() -> None:
    law = ls.loss_law(ls.HardEasy(d=3), ls.MAML(), 0.5)
    assert isinstance(law, Result)
    assert repr(law).startswith("<loss after adaptation: mean")
    assert repr(law).endswith(" (exact)>")
    assert repr(law.mean).endswith(" (exact)")
    assert set(law.to_frame()["how"]) == {"exact"}
    table = law.to_frame()
    assert list(table["probability"]) == list(LEVELS)
    assert (np.diff(table["loss"]) > 0).all()
    assert law.plot().get_xlabel() == "loss after adaptation"
    drawn = ls.loss_law(ls.HardEasy(d=3), ls.MAML(), 0.5, draws=400)
    assert repr(drawn).endswith(" (400 draws)>")
    assert repr(drawn.mean).endswith(" (400 draws)")
    assert set(drawn.to_frame()["how"]) == {"400 draws"}
    said = [drawn.mean, drawn.quantile(0.5), drawn.quantile(0.95)]
    for words, number in zip(("mean", "median", "95% below"), said, strict=True):
        assert f"{words} {float(number):.4g} +- {number.standard_error:.2g}" in repr(drawn)
    assert "loss_error" in drawn.to_frame()
    assert len(drawn.plot(label="MAML").collections) == 1


def test_nothing_scatters_where_all_is_learned() -> None:
    """The loss is the noise, for all tasks; the search for quantiles must end."""
    env = ls.HardEasy(d=3, noise=0.3)
    for adaptation in (ls.BayesEstimator(), ls.OwnShots(np.inf)):
        law = ls.loss_law(env, 0.0, adaptation)
        np.testing.assert_allclose(law.quantile([0.01, 0.5, 0.99]), 0.15, rtol=1e-12)
        assert law.cdf([0.149, 0.151]).tolist() == [0.0, 1.0]
    alike = ls.HardEasy(d=3, noise=0.3, rho_easy=0.3, rho_hard=0.3)
    law = ls.loss_law(alike, 0.0, ls.GradientSteps(1 / 0.3))  # up to rounding
    assert float(law.quantile(0.95)) == pytest.approx(0.15, rel=1e-9)


def test_quantiles_of_drawn_tasks_are_where_the_law_says() -> None:
    """The law at the quantile, and its error by the slope between quantiles on either side."""
    env = ls.from_sampler(lambda rng: (rng.uniform(0.2, 0.9, 2), rng.normal(size=2), 0.1), 6, rng=0)
    law = ls.loss_law(env, 0.0, ls.GradientSteps(0.8, 6))
    low, middle, high = law.quantile([0.94, 0.95, 0.96])
    at = law.cdf(float(middle))
    assert float(at) == pytest.approx(0.95, abs=1e-8)
    error = at.standard_error * (float(high) - float(low)) / 0.02
    assert middle.standard_error == pytest.approx(error, rel=0.05)


def test_bars_where_they_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    env = ls.from_sampler(lambda rng: (rng.uniform(0.2, 0.9, 2), rng.normal(size=2), 0.1), 3, rng=0)
    law = ls.loss_law(env, 0.0, ls.GradientSteps(0.8, 6))
    silent = float(law.cdf(1.0)), float(law.quantile(0.5))
    assert capsys.readouterr().err == ""
    assert (float(law.cdf(1.0, progress=True)), float(law.quantile(0.5, progress=True))) == silent
    shown = capsys.readouterr().err
    assert "laws: " in shown  # how far a bar is seen to get depends on how long it takes
    assert f"laws, losses up to {silent[1]:.4g}" in shown
    with pytest.raises(ValueError, match="progress must be True or False"):
        law.quantile(0.5, progress=2)  # type: ignore[arg-type]

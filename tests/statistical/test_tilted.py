"""Many steps on one batch by `draws=`: honest standard errors where plain draws miss what is rare and large.

The exact values that these are held against are polynomials in rational numbers (isotropic inputs, up to ten steps) and
words of up to three steps on dense covariances; the dense case of five steps has plain draws of raw rows beside it.

Seeds: fixed, one or two a test, 200 where coverage is counted (slow).
False alarms: |z| < 4.5 in each of 19 entries, 1.3e-4 a test; t with 19 degrees of freedom at 1e-3 where a docstring says so.
Seen: 5% of a part of a risk; weights of a batch of two rows more, which are planted.
"""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import t

import landscape as ls
from landscape.core.typing import Array
from landscape.linalg.moments import power_moment
from landscape.linalg.operators import Matrix
from landscape.tasks.inputs import Gaussian
from landscape.tasks.tilted import Tilts

DENSE = np.array([[1.0, 0.4, -0.1], [0.4, 0.6, 0.2], [-0.1, 0.2, 0.3]])


def isotropic(d: int) -> ls.Mixture:
    return ls.Mixture([ls.TaskFamily("a", 1.0, 0.0, 1.0, noise=0.1, d=d)])


def covered(adaptation: Any, d: int, seeds: int, draws: int, level: float = 0.95) -> tuple[float, Array]:
    """How often the interval of Student's t (20 groups) holds the exact risk from 0, and the scores."""
    exact = float(
        ls.risk(
            isotropic(d), 0.0, ls.GradientSteps(adaptation.alpha, adaptation.m, adaptation.steps, "same")
        ).total
    )
    scores = []
    for seed in range(seeds):
        drawn = ls.risk(isotropic(d), 0.0, adaptation, draws=draws, rng=seed).total
        scores.append((float(drawn) - exact) / drawn.standard_error)
    return float(np.mean(np.abs(scores) < t.ppf((1 + level) / 2, 19))), np.array(scores)


class Plain(ls.GradientSteps):
    """The same steps with batches drawn as they come."""

    def polynomial(self) -> tuple[int, None]:
        return 0, None


# ---- the laws that batches are drawn from -------------------------------------------------------


def drawn(tilts: Tilts, size: int = 20_000, seed: int = 0) -> tuple[Array, Array]:
    """S = X'X/m and its weight; seeds are fixed."""
    X, weight = tilts.draw(size, np.random.default_rng(seed))
    return X.swapaxes(1, 2) @ X / tilts.m, weight


def worst_z(values: Array, exact: Any) -> float:
    flat = values.reshape(len(values), -1)
    away = flat.mean(axis=0) - np.ravel(exact)
    return float(np.max(np.abs(away) / (flat.std(axis=0) / np.sqrt(len(flat)))))


def check_law(m: int, S: Array, weight: Array) -> float:
    """The mean of the weights, of S and of S S: exact at 1, Sigma and Sigma^2 + (Sigma^2 + tr(Sigma) Sigma)/m."""
    second = DENSE @ DENSE + (DENSE @ DENSE + np.trace(DENSE) * DENSE) / m
    w = weight[:, None, None]
    return max(worst_z(weight, 1.0), worst_z(w * S, DENSE), worst_z(w * (S @ S), second))


STEP = np.array([[0.5, 0.1, 0.0], [0.1, 0.8, 0.2], [0.0, 0.2, 1.1]])


@pytest.mark.parametrize("m", [1, 2, 3, 4, 12])
@pytest.mark.parametrize(
    "P", [None, Matrix(STEP), Matrix(np.diag([1.0, 0.0, -0.5]))], ids=["number", "matrix", "flat"]
)
def test_weights_give_the_law_of_a_batch_back(m: int, P: Any) -> None:
    """|z| < 4.5 in every entry; strata make it smaller than it would be. No weight exceeds 2."""
    S, weight = drawn(Tilts.of(Gaussian(Matrix(DENSE)), m, 6, P))
    assert check_law(m, S, weight) < 4.5
    assert weight.max() <= 2


@pytest.mark.parametrize("wrong", [{"m": 14}, {"scale": np.array([1.2, 0.5, 0.1])}], ids=["m", "scale"])
def test_wrong_weights_are_seen(wrong: Any) -> None:
    """Planted: weights of a batch of two rows more, or of swapped eigenvalues, for rows of the right law."""
    right = Tilts.of(Gaussian(Matrix(DENSE)), 12, 6, None)
    X, weight = right.draw(20_000, np.random.default_rng(0))
    S, Z = X.swapaxes(1, 2) @ X / 12, X @ np.linalg.inv(right.to_rows)
    np.testing.assert_allclose(right.weights(Z), weight, rtol=1e-8)
    assert check_law(12, S, weight) < 4.5
    assert check_law(12, S, replace(right, **wrong).weights(Z)) > 4.5


@pytest.mark.parametrize(("d", "m"), [(4, 9), (6, 4)])
def test_rare_values_have_their_share(d: int, m: int) -> None:
    """E tr(S^16)/d, which is all rare values, in rational numbers; its error is a few percent."""
    S, weight = drawn(Tilts.of(Gaussian(Matrix(np.eye(d))), m, 16, None), 4000)
    values = weight * np.sum(np.linalg.eigvalsh(S) ** 16, axis=1) / d
    exact = power_moment(16, m, d) / m**16
    assert worst_z(values, exact) < 4.5
    assert values.std() / np.sqrt(len(values)) < 0.05 * exact
    assert values.max() < 0.02 * values.sum()


# ---- risks --------------------------------------------------------------------------------------


def dense_world() -> ls.Mixture:
    return ls.Mixture([
        ls.TaskFamily("a", DENSE, [1.0, -1.0, 0.5], 0.3, 0.4, noise=0.3),
        ls.TaskFamily("b", [0.2, 0.9, 0.4], 0.0, 0.5, 0.6, noise=0.2),
    ])  # fmt: skip


@pytest.mark.parametrize(
    "adaptation",
    [
        ls.GradientSteps(0.9, 6, 3, "same"),
        pytest.param(ls.GradientSteps(0.5, 2, 3, "same"), marks=pytest.mark.slow),
        pytest.param(ls.PreconditionedSteps(STEP, 6, 3, "same"), marks=pytest.mark.slow),
        ls.PreconditionedSteps([0.9, 0.2, 0.5], 6, 2, "same"),
    ],
    ids=repr,
)
def test_dense_covariances_and_step_matrices_up_to_three_steps(adaptation: Any) -> None:
    """Against words; t with 19 degrees of freedom, six values at 1e-3 each, and no part drawn worse than 5%."""
    env = dense_world()
    exact = ls.risk(env, ls.NAL(), adaptation)
    for seed in range(2):
        found = ls.risk(env, ls.NAL(), adaptation, draws=2000, rng=seed)
        for name in ("noise", "above_noise", "total"):
            part = getattr(found, name)
            assert abs(float(part) - float(getattr(exact, name))) < t.ppf(1 - 5e-4, 19) * part.standard_error
            assert part.standard_error < 0.05 * float(part)


def test_five_steps_on_a_dense_covariance_by_raw_rows() -> None:
    """60,000 batches row by row, optima and noise drawn: no word reaches degree ten. |z| < 4."""
    env, w, m, size, rng = dense_world(), np.array([0.5, 0.0, -0.5]), 20, 30_000, np.random.default_rng(0)
    adaptation = ls.GradientSteps(0.6, m, 5, "same")
    with pytest.raises(ls.NoClosedForm, match="moments of order 10"):
        ls.risk(env, w, adaptation, draws=0)
    mean, variance = 0.0, 0.0
    for f, p in zip(env.families, (0.4, 0.6), strict=True):
        Sigma = np.diag(f.covariance) if np.ndim(f.covariance) == 1 else f.covariance
        optima = f.centre + np.sqrt(f.spread) * rng.standard_normal((size, 3))
        X = rng.standard_normal((size, m, 3)) @ np.linalg.cholesky(Sigma).T
        y = (X @ optima[:, :, None])[:, :, 0] + np.sqrt(f.noise) * rng.standard_normal((size, m))
        v = np.broadcast_to(w, (size, 3))
        for _ in range(5):
            v = v - 0.6 / m * (X.swapaxes(1, 2) @ ((X @ v[:, :, None])[:, :, 0] - y)[:, :, None])[:, :, 0]
        losses = (np.einsum("ti,ij,tj->t", v - optima, Sigma, v - optima) + f.noise) / 2
        mean, variance = mean + p * losses.mean(), variance + p**2 * losses.var() / size
    found = ls.risk(env, w, adaptation, draws=4000, rng=1).total
    assert abs(float(found) - mean) < 4 * np.hypot(found.standard_error, np.sqrt(variance))
    assert found.standard_error < 0.01 * mean


def test_steps_share_their_draws_along_a_grid() -> None:
    """Step sizes meet the same batches: a gain has a far smaller error than its risks."""
    over = {"alpha": [0.50, 0.51]}
    total = ls.risk(dense_world(), 0.0, ls.GradientSteps(0.5, 20, 5, "same"), over, draws=400).total
    assert (total[1] - total[0]).standard_error < 0.2 * total.standard_error.min()


def test_a_mean_that_few_draws_carry_has_a_warning() -> None:
    """Data with far outliers are drawn as they come, and say so; Gaussian inputs are drawn as they should be."""
    rng = np.random.default_rng(0)
    X = rng.standard_t(2, (2000, 2)) / 2
    data = ls.Mixture([ls.DataTask("rows", X, X @ [1.0, -1.0] + 0.1 * rng.standard_normal(2000))])
    steps = ls.GradientSteps(0.2, 10, 10, "same")
    with pytest.warns(ls.LandscapeWarning, match="a few draws carry most of the scatter"):
        ls.risk(data, 0.0, steps, draws=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ls.risk(isotropic(5), 0.0, ls.GradientSteps(0.7, 15, 10, "same"), draws=1000)
        even = ls.Mixture([ls.DataTask("rows", X.clip(-1, 1), X @ [1.0, -1.0])])
        ls.risk(even, 0.0, steps, draws=1000)


# ---- coverage -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::landscape.LandscapeWarning")
@pytest.mark.parametrize(
    ("d", "m", "steps", "alpha"),
    [(5, 15, 5, 0.5), (5, 15, 5, 0.9), (3, 30, 10, 0.7), (12, 8, 10, 0.4), (20, 40, 10, 0.8)],
)
def test_coverage_over_200_seeds(d: int, m: int, steps: int, alpha: float) -> None:
    """Moderate steps and large ones (a typical largest eigenvalue is beyond 2/alpha), m above and below d.

    400 draws each; nominal 95%, Monte Carlo error 1.5 points.
    """
    share, scores = covered(ls.GradientSteps(alpha, m, steps, "same"), d, 200, 400)
    assert 0.90 <= share <= 0.99
    assert abs(np.mean(scores)) < 0.45


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::landscape.LandscapeWarning")
def test_plain_draws_do_not_cover() -> None:
    """The case of a looped layer at depth 10: what is rare carries the mean, and 400 draws do not see it."""
    assert covered(Plain(0.7, 40, 10, "same"), 20, 60, 400)[0] < 0.5
    assert covered(ls.GradientSteps(0.7, 40, 10, "same"), 20, 60, 400)[0] > 0.87


def test_matrices_that_are_not_symmetric_are_drawn_for_by_their_singular_values() -> None:
    """Steps that turn: where one triangle was taken for the whole the error was 40 to 80% of the risk, here 9%. Seed 0."""
    P = 1.2 * np.array([[0.43, -0.57, 0.0], [0.5, 0.75, 0.0], [0.0, 0.0, 1.2]])
    tasks = ls.Mixture([ls.TaskFamily("a", [1.0, 0.56, 0.3], 0.0, 1.0, noise=0.1)])
    for turning in (P, P.T):
        found = ls.risk(tasks, 0.0, ls.PreconditionedSteps(turning, 8, 8, "same"), draws=2000).total
        assert found.standard_error < 0.15 * float(found)

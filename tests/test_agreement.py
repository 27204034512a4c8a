"""Theory against simulation by raw data, on unbiased quantities only.

Each check judges the largest |z| of n comparisons against a limit with a family-wise false-alarm rate
of 1e-4 (seeds are fixed, so a pass stays a pass). With the sample sizes below, standard errors are
about 1% of the losses: an error of 5% or more in a loss is seen with near certainty, as the planted
errors show.
"""

from functools import cache
from math import erf, sqrt

import numpy as np
import pytest
from worlds import KINDS, random_world

import landscape as ls
from landscape import adaptation, algebra, methods
from landscape.simulator.chains import unfit
from landscape.simulator.losses import post_adaptation_losses
from landscape.simulator.simulation import Simulation
from landscape.simulator.solutions import mean_gradient

FALSE_ALARMS = 1e-4


def check_z(z):
    """All z-scores together, at a family-wise false-alarm rate of FALSE_ALARMS."""
    z = np.asarray(z)
    chance = 1 - erf(np.abs(z).max() / sqrt(2)) ** z.size
    assert chance > FALSE_ALARMS, f"largest |z| of {z.size} is {np.abs(z).max():.2f}"


def check_losses(seed, kind, tasks=20_000, sampling="raw"):
    """Loss after adaptation at two points, and its difference, for one and two steps."""
    environment, _, alpha, rng = random_world(seed, kind)
    points = rng.standard_normal((2, environment.d))
    z = []
    for m, steps in [(3, 1), (8, 2), (np.inf, 1)]:
        adaptation = ls.Adaptation(alpha, m, steps)
        losses, floors = post_adaptation_losses(environment, points, adaptation, tasks, sampling, rng)
        risk = ls.risk(environment, points, adaptation)
        exact = risk.total
        pairs = [(losses[:, 0], exact[0]), (losses[:, 1] - losses[:, 0], exact[1] - exact[0])]
        if not any(isinstance(family, ls.DataTask) for family in environment.families):
            pairs.append((floors, risk.noise[0]))  # from its own optimum a Gaussian task pays for noise alone
        for values, theory in pairs:
            if values.std() > 1e-12:
                z.append((values.mean() - theory) / (values.std(ddof=1) / np.sqrt(tasks)))
            else:
                np.testing.assert_allclose(values.mean(), theory, atol=1e-10)
    check_z(z)


def check_gradients(seed, kind, tasks=6000, sampling="raw"):
    """The mean meta-gradient vanishes at the predicted optimum, for every method."""
    environment, _, alpha, rng = random_world(seed, kind)
    training, z = ls.Training(T=2, n1=4, tau=2), []
    names = [f.name for f in environment.families]
    for method in [
        ls.NAL(), ls.NAL({names[0]: 3.0}), ls.NAL({names[0]: 3.0}, batch=5), ls.MAML(alpha, 3), ls.MAML(alpha, 3, steps=2),
        ls.MAML(alpha, 4, hessian="independent"), ls.MAML(alpha), ls.FOMAML(alpha), ls.HFMAML(alpha), ls.Reptile(alpha, 3),
        ls.IMAML(0.7), ls.BaMAML(0.7, 0.4),
    ]:  # fmt: skip
        if sampling == "thin" and unfit(environment, method):
            continue
        best = ls.optimum(environment, method)
        mean, covariance = mean_gradient(environment, method, best, training, 3, tasks, sampling, rng)
        values, vectors = np.linalg.eigh(covariance)
        sure = values > 1e-9 * max(values.max(), 1e-12)  # directions in which the gradient scatters at all
        z.extend((vectors.T @ mean)[sure] / np.sqrt(values[sure]))
        np.testing.assert_allclose((vectors.T @ mean)[~sure], 0, atol=1e-5)
    check_z(z)


@pytest.mark.parametrize("kind", KINDS)
def test_losses_agree(kind):
    for seed in (1, 3):
        check_losses(seed, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_meta_gradients_vanish_at_the_predicted_optimum(kind):
    for seed in (1, 6):
        check_gradients(seed, kind)


def _dense_without_trace(self, A):
    return self._products(A)[1]


def _doubled_noise(self, A):
    return 2 * self.noise_variance * self.inner(self.value, A)


def _outer_for_inner(self, inputs):
    return adaptation.after(inputs, self.alpha, 4 if self.n2 == 3 else self.n2, self.steps)


@cache
def passes(check, seed, kind):
    """Without an error planted it does, at the size at which errors are sought."""
    check(seed, kind, 100_000)


@pytest.mark.parametrize(
    ("check", "seed", "kind", "owner", "name", "wrong"),
    [
        (check_losses, 3, "dense", algebra.Dense, "scatter", _dense_without_trace),
        (check_losses, 3, "rows", algebra.Rows, "third", lambda self, A: None),
        (check_losses, 1, "dense", algebra.Dense, "noise", _doubled_noise),
        (check_gradients, 6, "dense", algebra.Dense, "scatter", _dense_without_trace),
        (check_gradients, 6, "dense", methods.MAML, "quadratic", _outer_for_inner),
    ],
    ids=["trace dropped", "third dropped", "noise doubled", "trace dropped in training", "n1 for n2"],
)  # fmt: skip
def test_planted_errors_are_caught(check, seed, kind, owner, name, wrong, monkeypatch):
    passes(check, seed, kind)
    monkeypatch.setattr(owner, name, wrong)
    with pytest.raises(AssertionError):
        check(seed, kind, 100_000)


def small_simulation(seed=0, **changes):
    adapt = ls.Adaptation(1.0, 20)
    arguments = {
        "repeats": 4,
        "seed": seed,
        "tasks": 400,
        "progress": False,
        "over": {"R": [1.0, 3.0]},
    } | changes
    methods = [ls.NAL(), ls.MAML.matching(adapt)]
    return ls.simulate(ls.hard_easy(noise=0.1), methods, adapt, ls.Training(60, n1=5), **arguments)


def test_agreement_lays_theory_beside_simulation():
    result = ls.agreement(small_simulation())
    table = result.to_frame()
    assert list(table["quantity"].unique()) == [
        "loss at the trained points", "meta-gradient", "coordinate", "above_noise", "loss difference"]  # fmt: skip
    assert table["z"].notna().sum() == 2 * (2 + 3)
    assert result.chance() > FALSE_ALARMS
    assert result.worst == table["z"].abs().max()
    biased = table[table["quantity"].isin(["coordinate", "above_noise"])]
    assert biased["z"].isna().all()
    assert (biased["standard_error"] > 0).all()
    np.testing.assert_allclose(table["gap"], table["empirical"] - table["theory"])


def test_the_same_seed_gives_the_same_numbers():
    first, again, other = small_simulation(3), small_simulation(3), small_simulation(4)
    for name in ("solutions", "losses", "above_noise", "covariances"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.losses, other.losses)


def test_empirical_solutions_are_the_minimisers_41_and_43():
    """The root of the mean meta-gradient against least squares on the same data, written out."""
    from landscape.simulator.draws import Batch
    from landscape.simulator.gradients import meta_gradient

    rng = np.random.default_rng(0)
    d, T, n1, n2, alpha = 3, 6, 4, 5, 0.3
    inner = Batch(rng.standard_normal((T, n2, d)), rng.standard_normal((T, n2)), n2)
    outer = Batch(rng.standard_normal((T, n1, d)), rng.standard_normal((T, n1)), n1)
    W = np.hstack([np.zeros((d, 1)), np.eye(d)])
    batches = iter([inner, outer])
    gradients = meta_gradient(ls.MAML(alpha, n2), W[None], lambda n: next(batches), n1, n2).sum(axis=0)
    root = np.linalg.solve(gradients[:, 1:] - gradients[:, :1], -gradients[:, 0])
    design, target = [], []
    for t in range(T):
        P = np.eye(d) - alpha / n2 * inner.X[t].T @ inner.X[t]
        design.append(outer.X[t] @ P)
        target.append(outer.y[t] - alpha / n2 * outer.X[t] @ inner.X[t].T @ inner.y[t])
    expected = np.linalg.lstsq(np.vstack(design), np.concatenate(target), rcond=None)[0]
    np.testing.assert_allclose(root, expected, rtol=1e-10)


def test_more_tasks_bring_the_empirical_solution_nearer():
    adapt = ls.Adaptation(0.8, 10)
    environment, method = ls.hard_easy(d=3), ls.MAML.matching(adapt)
    best = ls.optimum(environment, method)
    away = []
    for T in (50, 5000):
        result = ls.simulate(
            environment, method, adapt, ls.Training(T, n1=5), repeats=8, tasks=10, progress=False
        )
        away.append(np.sqrt(((result.solutions - best) ** 2).sum(axis=-1).mean()))
    assert 5 < away[0] / away[1] < 20  # ten times nearer for a hundred times the tasks


def test_simulated_sample_is_a_simulation():
    result = small_simulation()
    assert isinstance(result, Simulation)
    assert result.to_frame().shape == (2 * 2 * 4, 7)
    assert "R" in result.to_frame().columns


def test_a_single_sample_a_step_warns_of_heavy_tails():
    with pytest.warns(ls.LandscapeWarning, match="heavy tails"):
        ls.simulate(
            ls.hard_easy(d=2),
            ls.NAL(),
            ls.Adaptation(0.5, 1),
            ls.Training(20, n1=3),
            2,
            tasks=10,
            progress=False,
        )

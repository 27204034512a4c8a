"""What Fallah et al. promise of drawn batches: each inequality at random points, the promise kept by runs, errors."""

import math
import sys

import numpy as np
import pytest

import landscape as ls
from landscape.algorithms import promise
from landscape.algorithms.directions import direction
from landscape.algorithms.train import Options
from landscape.losses import Hinge, Logistic, Quadratic

module = sys.modules["landscape.algorithms.promise"]
X = np.random.default_rng(0).standard_normal((3, 40, 3)) * [[[1.0, 0.5, 1.5]], [[0.4, 1.0, 0.7]], [[1.2, 1.2, 0.3]]]
# the logistic slope is at most 1 and its curvature at most 1/4, so that these hold for every w
NOISE = max(math.sqrt((rows**2).sum(axis=1).mean()) for rows in X)
BEND = max(math.sqrt(((rows**2).sum(axis=1) ** 2).mean()) / 4 for rows in X)


def tasks(ridge=0.1):
    return ls.LossTasks(
        [Logistic(rows, np.where(rows @ [1.0, -2.0, i] > 0, 1.0, -1.0), ridge) for i, rows in enumerate(X)]
    )


TASKS = tasks()
L, RHO = TASKS.smoothness, TASKS.hessian_lipschitz
METHODS = [ls.MAML(1 / (6 * L), hessian="independent"), ls.FOMAML(1 / (10 * L)), ls.HFMAML(1 / (6 * L))]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.label)
def test_each_inequality_at_random_points(method):
    """Means of 1,000 updates of each task; 5 standard errors of slack, so a false alarm in less than one of 10^5 runs.

    The updates are drawn from batches of 2, where the samples' part of each bound is largest.
    """
    rng, batches = np.random.default_rng(1), ls.Batches(D_in=2, D_o=2, D_h=2)
    options = Options(True, None, RHO)
    for reach in (0.3, 3.0):
        w = reach * rng.standard_normal(3)
        exact = TASKS.adapted_gradient(w, method.alpha)
        V, inner, _, kappa, lam, h = module.terms(method, batches, L, RHO, TASKS.spread(w), NOISE, BEND)
        size = V(np.linalg.norm(exact))
        updates = np.array(
            [
                [direction(method, w, lambda use, loss=loss: loss.batch(2, rng), options) for _ in range(1000)]
                for loss in TASKS.losses
            ]
        )
        error = np.linalg.norm(updates.std(axis=1)) / math.sqrt(3 * 1000)
        assert np.linalg.norm(updates.mean(axis=(0, 1)) - exact) <= kappa * inner + lam * size + 5 * error
        squares = (updates**2).sum(axis=-1)
        assert squares.mean() <= (kappa**2 + h**2) * size**2 + 5 * squares.std() / math.sqrt(3000)


def first_below(method, start, level, batches, seed=0):
    """The first iteration with a gradient norm of F of at most the level, by a run."""
    run = ls.train(TASKS, method, start, ls.RandomStep(), 200, batches, seed=seed, record_every=5)
    return run.time_to(level)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.label)
def test_runs_keep_the_promise(method):
    w = np.full(3, 6.0)
    sigma = 2 * max(TASKS.spread(share * w) for share in np.linspace(0, 1, 20))
    assert sigma < 2 * NOISE
    norm = np.linalg.norm(TASKS.adapted_gradient(w, method.alpha))
    found = promise(TASKS, method, w, 0.9 * norm, sigma=sigma)
    assert 0 < first_below(method, w, 0.9 * norm, None) <= found.iterations
    sizes = ls.Batches(D_in=400, D_o=400) if method.label == "FO-MAML" else ls.Batches(D_in=400, D_o=400, D_h=400)
    drawn = promise(TASKS, method, w, 0.9 * norm, sizes, sigma=sigma, sigma_tilde=NOISE, sigma_H=BEND)
    assert drawn.iterations > found.iterations
    assert drawn.floor > found.floor
    assert 0 < first_below(method, w, 0.9 * norm, sizes) <= drawn.iterations


def test_a_forgotten_bias_promises_what_does_not_happen(monkeypatch):
    """FO-MAML and HF-MAML stall above 0, and the floor says so; without the bias it would be 0."""
    true = module.terms
    for method in METHODS[1:]:
        run = ls.train(TASKS, method, 0.0, 0.5, 600, record_every=600)
        rest = run.table["gradient_norm_F"].iloc[-1]
        assert 1e-4 < rest <= promise(TASKS, method, 0.0, 10.0, sigma=TASKS.spread(run.w)).floor
        monkeypatch.setattr(module, "terms", lambda *args: (*true(*args)[:4], 0.0, true(*args)[-1]))
        assert promise(TASKS, method, 0.0, rest / 2, sigma=TASKS.spread(run.w)).iterations < math.inf
        monkeypatch.setattr(module, "terms", true)


def test_floors_as_printed():
    """(23): MAML's goes to 0 as 1/sqrt(samples) and 1/sqrt(tasks); (26): FO-MAML's to order alpha sigma."""

    def floor(method, sigma, *sizes):
        sizes = sizes[: 3 if method.label == "FO-MAML" else 4]
        return promise(TASKS, method, 0.0, 1e3, ls.Batches(*sizes), sigma=sigma, sigma_tilde=NOISE, sigma_H=BEND).floor

    big = [floor(METHODS[0], 0.5, n, n, n, 1000) for n in (10**6, 10**8)]
    assert big[0] / big[1] == pytest.approx(10, rel=0.1)
    assert promise(TASKS, METHODS[0], 0.0, 1e-9, sigma=0.5).floor == 0
    first = [
        promise(TASKS, ls.FOMAML(share / (10 * L)), 0.0, 10.0, sigma=s).floor
        for share, s in ((0.1, 0.5), (0.05, 0.5), (0.1, 1.0))
    ]
    assert first[0] / first[1] == pytest.approx(2, rel=0.1)
    assert first[2] / first[0] == pytest.approx(2)
    # full batches: the descent lemma alone is sharper, by the moments of the random step
    linear = ls.two_tasks(d=3)
    for method, c in ((ls.MAML(0.1), 12), (ls.HFMAML(0.1), 25)):
        lemma = ls.guarantees.iterations(linear, method, 2.0, 0.1)
        least = ls.descent(linear, method, 2.0, 0.1).F.floor
        found = promise(ls.LossTasks.of(linear), method, 2.0, 0.1, sigma=1.0, least=least)
        assert found.iterations == pytest.approx(lemma.bound * (1 - 1 / (2 * c)) / (0.4 - 3.125 / c), rel=1e-3)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: promise(TASKS, ls.MAML(1 / L), 1.0, 0.1, sigma=1.0), r"outside the range of Theorem 4.12: it needs alpha <= .* \(1/\(6L\)\)"),
        (lambda: promise(TASKS, ls.FOMAML(1 / (6 * L)), 1.0, 0.1, sigma=1.0), "Theorem 4.15"),
        (lambda: promise(TASKS, ls.MAML(0.1, steps=2), 1.0, 0.1, sigma=1.0), "one inner step"),
        (lambda: promise(TASKS, ls.MAML(0.1), 1.0, 0.1, ls.Batches(D_in=5), sigma=1.0), 'write MAML.*hessian="independent"'),
        (lambda: promise(TASKS, METHODS[0], 1.0, 0.1, ls.Batches(B=1), sigma=1.0), "nothing is promised: take larger batches, B >= 20"),
        (lambda: promise(TASKS, METHODS[1], 1.0, 1e-6, sigma=1.0), "level must be > .* nothing is promised below that"),
        (lambda: promise(TASKS, METHODS[0], 1.0, 0.0, sigma=1.0), "level must be finite and >= 1e-40"),
        (lambda: promise(TASKS, METHODS[0], 1.0, 0.1, sigma=math.inf), "sigma must be finite"),
        (lambda: promise(TASKS, METHODS[0], 1.0, 0.1, sigma=1.0, sigma_H=math.nan), "sigma_H must be finite"),
        (lambda: promise(TASKS, METHODS[0], 1.0, 0.1, sigma=1.0, least=5.0), "least must be a lower bound of F"),
        (lambda: promise(ls.LossTasks([Hinge(X[0], np.sign(X[0][:, 0]))]), ls.MAML(0.1), 1.0, 0.1, sigma=1.0), "Hinge has no L"),
        (lambda: promise(ls.LossTasks([Quadratic(0.0, [1.0])]), ls.MAML(0.1), 1.0, 0.1, sigma=1.0), "losses are flat"),
        (lambda: promise(TASKS, ls.FOMAML(0.1), 1.0, 0.1, ls.Batches(D_h=5), sigma=1.0), "D_h = 5 means nothing to FO-MAML"),
    ],
)  # fmt: skip
def test_errors(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_wrong_types():
    with pytest.raises(TypeError, match="tasks must be LossTasks"):
        promise(ls.two_tasks(), ls.MAML(0.1), 1.0, 0.1, sigma=1.0)
    with pytest.raises(TypeError, match="method must be MAML or FOMAML or HFMAML"):
        promise(TASKS, ls.NAL(), 1.0, 0.1, sigma=1.0)

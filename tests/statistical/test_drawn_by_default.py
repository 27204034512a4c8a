"""What has neither a formula nor a limit is drawn unasked, and says so: five steps on one batch before all.

Raw data judge it: 20,000 batches a task, row by row, steps typed by hand.

Seeds: fixed, one a test.
False alarms: 4 standard errors, 6e-5 for each number, where a docstring says nothing else.
Seen: both have errors below 1% of a risk, so that 5% is seen, as planted ones show.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from scipy.stats import t

import landscape as ls
from landscape.analysis.drawn import DRAWS, FEWEST
from landscape.core.typing import Array

STEPS = ls.GradientSteps(0.25, 20, steps=5, batches="same")
START = np.array([0.5, 0.0, -0.5])
DENSE = np.array([[1.0, 0.4, -0.1], [0.4, 0.6, 0.2], [-0.1, 0.2, 0.3]])


def dense() -> ls.Mixture:
    return ls.Mixture([
        ls.TaskFamily("a", 2 * DENSE, [1.0, -1.0, 0.5], 0.3, 0.4, noise=0.3),
        ls.TaskFamily("b", [0.2, 0.9, 1.4], 0.0, 0.5, 0.6, noise=0.2),
    ])  # fmt: skip


def data() -> ls.Mixture:
    rng = np.random.default_rng(3)
    tables = [rng.standard_normal((size, 3)) + shift for size, shift in ((30, 0.5), (40, -0.3))]
    return ls.Mixture(
        [
            ls.DataTask(n, X, X @ START + rng.standard_normal(len(X)))
            for n, X in zip("ab", tables, strict=True)
        ]
    )


def rows_of(
    task: Any, size: int, m: int, rng: np.random.Generator
) -> tuple[Array, Array, Callable[[Array], Array]]:
    """Batches X (size, m, d), y (size, m) of new tasks, and the loss of points (size, d) on all that the tasks hold."""
    if isinstance(task, ls.DataTask):
        own = rng.integers(len(task.X), size=(size, m))
        return task.X[own], task.y[own], lambda v: np.mean((v @ task.X.T - task.y) ** 2, axis=1) / 2
    Sigma = np.diag(task.covariance) if np.ndim(task.covariance) == 1 else task.covariance
    optima = task.centre + np.sqrt(task.spread) * rng.standard_normal((size, 3))
    X = rng.standard_normal((size, m, 3)) @ np.linalg.cholesky(Sigma).T
    y = (X @ optima[:, :, None])[:, :, 0] + np.sqrt(task.noise) * rng.standard_normal((size, m))
    return X, y, lambda v: (np.einsum("ti,ij,tj->t", v - optima, Sigma, v - optima) + task.noise) / 2


def raw_risks(env: ls.Mixture, w: Any, steps: int = 5, size: int = 20_000) -> tuple[Array, Array]:
    """The mean loss after steps on one batch of each family, and its standard error."""
    rng, means, errors = np.random.default_rng(0), [], []
    for task in env.families:
        X, y, loss = rows_of(task, size, 20, rng)
        v = np.broadcast_to(w, (size, 3))
        for _ in range(steps):
            v = v - 0.25 / 20 * (X.swapaxes(1, 2) @ ((X @ v[:, :, None])[:, :, 0] - y)[:, :, None])[:, :, 0]
        losses = loss(v)
        means.append(losses.mean())
        errors.append(losses.std() / np.sqrt(size))
    return np.array(means), np.array(errors)


def z_values(found: Any, means: Array, errors: Array) -> Array:
    assert np.all(found.standard_error < 0.01 * means)
    assert np.all(errors < 0.01 * means)
    out: Array = (np.asarray(found) - means) / np.hypot(found.standard_error, errors)
    return out


@pytest.mark.parametrize("env", [dense(), data()], ids=["dense", "data"])
def test_five_steps_on_one_batch_are_answered(env: ls.Mixture) -> None:
    found = ls.risk(env, START, STEPS)
    assert found.how.kind == "drawn"
    assert found.how.draws == DRAWS // 2
    assert f"({DRAWS // 2} draws)" in repr(found)
    assert (found.to_frame()["how"] == f"{DRAWS // 2} draws").all()
    shares = np.array([task.probability for task in env.tasks()])
    means, errors = raw_risks(env, START)
    assert abs(z_values(found.total, shares @ means, np.hypot(*(shares * errors)))) < 4
    families = ls.family_risks(env, START, STEPS)
    assert np.abs(z_values(families, means, errors)).max() < 4
    assert float(shares @ families.value) == pytest.approx(float(found.total), rel=1e-12)
    assert str(families.how) == str(found.how)
    wrong = raw_risks(env, START, steps=4)  # planted: a step less is seen
    assert np.abs(z_values(families, *wrong)).max() > 4


@pytest.mark.slow
def test_gains_optima_and_comparisons_are_answered() -> None:
    env = dense()
    maml = ls.optimum(env, ls.MAML(STEPS))
    assert maml.how.kind == "drawn"
    assert (maml.standard_error > 0).all()
    pooled = ls.optimum(env, ls.NAL())
    shares, away = np.array([0.4, 0.6]), []
    for point in (pooled.value, maml.value):
        means, errors = raw_risks(env, point)
        total = ls.risk(env, point, STEPS).total
        assert abs(z_values(total, shares @ means, np.hypot(*(shares * errors)))) < 4
        away.append(ls.risk(env, point, STEPS).above_noise)
    assert float(away[1]) < float(away[0])
    gain = ls.gain(env, ls.MAML(), STEPS)
    assert float(gain) == pytest.approx(float(away[0]) / float(away[1]), rel=1e-9)
    assert 0 < gain.standard_error < 0.005 * float(gain)
    table = ls.compare(env, [ls.NAL(), ls.MAML(), (ls.NAL(), ls.GradientSteps(0.25, 20))], STEPS)
    assert float(table.gain("MAML")) == float(gain)
    hows = table.to_frame()["how"]
    assert list(hows) == [f"{DRAWS // 2} draws"] * 2 + ["exact"]
    assert np.isnan(table.to_frame()["total_error"][2]) or table.to_frame()["total_error"][2] == 0


@pytest.mark.slow
def test_the_same_call_gives_the_same_number() -> None:
    default, again = (ls.risk(dense(), START, STEPS).total for _ in range(2))
    assert default == again == ls.risk(dense(), START, STEPS, draws=DRAWS // 2, rng=0).total
    assert default != ls.risk(dense(), START, STEPS, rng=1).total
    sampled = ls.from_sampler(lambda rng: (DENSE, rng.normal(size=3), 0.1), 40, rng=0)
    found = ls.risk(sampled, START, STEPS)
    assert found.how.draws == FEWEST
    assert found.total == ls.risk(sampled, START, STEPS, draws=FEWEST).total


@pytest.mark.slow
def test_over_a_grid_everything_is_drawn_with_the_same_batches() -> None:
    """Where some points have a formula and some have none: full batches have no error, and neighbours share theirs."""
    found = ls.risk(dense(), START, STEPS, {"m": [20, 21, np.inf]})
    assert found.how.kind == "drawn"
    full = float(ls.risk(dense(), START, ls.GradientSteps(0.25, steps=5)).total)
    assert float(found.total[2]) == pytest.approx(full, rel=1e-12)
    assert found.total.standard_error[2] < 1e-12 * full
    over = ls.risk(dense(), START, STEPS, {"alpha": [0.25, 0.26]}).total
    assert (over[1] - over[0]).standard_error < 0.2 * over.standard_error.min()
    points = ls.optimum(dense(), ls.MAML(STEPS), {"MAML.inner.m": [20, np.inf]})
    exact = ls.optimum(dense(), ls.MAML(ls.GradientSteps(0.25, steps=5)))
    np.testing.assert_allclose(points.value[1], exact.value, rtol=1e-10)
    assert (points.standard_error[0] > 1e-3).all()
    assert (points.standard_error[1] < 1e-12).all()


class WithoutFormula(ls.GradientSteps):
    """Steps of which only draws are known, beside those that have a formula."""

    def form(self, moments: Any) -> Any:
        raise ls.NoClosedForm("only drawn")


class WrongNoise(WithoutFormula):
    """A step that is 5% too long."""

    def adapt(self, W: Array, draw: Any) -> Any:
        return ls.GradientSteps(1.05 * self.alpha, self.m, self.steps, self.batches).adapt(W, draw)


def t_values(kind: type, method: type, seeds: int = 3) -> Array:
    """Optima and family risks, drawn less exact, in standard errors: 19 degrees of freedom."""
    own = (0.5, 12, 2)
    exact, drawn = ls.GradientSteps(*own), kind(*own)
    point, each = (
        np.asarray(f) for f in (ls.optimum(dense(), method(exact)), ls.family_risks(dense(), START, exact))
    )
    out: list[float] = []
    for seed in range(seeds):
        for found, truth in (
            (ls.optimum(dense(), method(drawn), rng=seed), point),
            (ls.family_risks(dense(), START, drawn, rng=seed), each),
        ):
            out.extend((found.value - truth) / found.standard_error)
    return np.array(out)


@pytest.mark.parametrize("method", [ls.MAML, ls.TRMAML])
def test_drawn_optima_and_family_risks_are_the_exact_ones(method: type) -> None:
    """15 values, in all at a false-alarm rate of 1e-3."""
    limit = t.isf(1e-3 / 30, 19)
    assert np.abs(t_values(WithoutFormula, method)).max() < limit
    assert np.abs(t_values(WrongNoise, method)).max() > limit


@pytest.mark.slow
def test_robust_training_for_five_steps() -> None:
    """Its families are equally well off: on the same draws exactly, and on raw data."""
    robust = ls.TRMAML(STEPS)
    point, each = ls.optimum(dense(), robust), ls.family_risks(dense(), robust, STEPS)
    assert float(each[0]) == pytest.approx(float(each[1]), rel=1e-9)
    assert (point.standard_error > 0).all()
    assert float(each[0]) < float(np.max(ls.family_risks(dense(), ls.MAML(), STEPS)))
    means, errors = raw_risks(dense(), point.value)
    at = ls.family_risks(dense(), point.value, STEPS)
    assert np.abs(z_values(at, means, errors)).max() < 4
    rows = ls.compare(dense(), [ls.MAML(), ls.TRMAML()], STEPS)
    assert rows.risk("TR-MAML").suboptimality > 0


def test_family_risks_of_the_best_possible_and_of_tasks_that_were_drawn() -> None:
    best = ls.BayesEstimator(20)
    each = ls.family_risks(dense(), 0.0, best, draws=200)
    total = ls.risk(dense(), 0.0, best, draws=200).total
    assert [0.4, 0.6] @ each.value == pytest.approx(float(total), rel=1e-12)
    assert (each.value < ls.family_risks(dense(), ls.MAML(), STEPS).value).all()
    sampled = ls.from_sampler(lambda rng: (DENSE, rng.normal(size=3), 0.1), 5, rng=0)
    given = ls.family_risks(sampled, START, STEPS, draws=1000)
    assert given.shape == given.standard_error.shape == (5,)
    assert float(np.mean(given)) == pytest.approx(
        float(ls.risk(sampled, START, STEPS, draws=1000).total), rel=0.05
    )


def test_a_landscape_is_drawn_on_request_only() -> None:
    """A form cannot say that it was drawn; at each point it is the risk of the same draws."""
    with pytest.raises(ls.NoClosedForm, match="risk_landscape with draws="):
        ls.risk_landscape(dense(), STEPS)
    form = ls.risk_landscape(dense(), STEPS, draws=400, rng=5)
    for w in (START, np.ones(3)):
        assert float(form(w)) == pytest.approx(
            float(ls.risk(dense(), w, STEPS, draws=400, rng=5).total), rel=1e-12
        )
    np.testing.assert_allclose(
        form.minimiser, ls.optimum(dense(), ls.MAML(STEPS), draws=400, rng=5), rtol=1e-9
    )
    with pytest.raises(ValueError, match="draws must be .*>= 20"):
        ls.risk_landscape(dense(), STEPS, draws=5)


def test_few_draws_that_carry_the_scatter_are_told() -> None:
    """Own shots on three of eight rows are as good as singular on a few batches, and these decide.

    A warning for steps on the same rows would be one too many, and so would one for own shots on many samples, or for
    many tasks one of which has such batches.
    """
    rng = np.random.default_rng(1)
    rows = [ls.DataTask(f"{i}", rng.normal(size=(8, 3)), rng.normal(size=8)) for i in range(3)]
    tasks = ls.Mixture(rows)
    with pytest.warns(ls.LandscapeWarning, match="a few draws carry most of the scatter"):
        found = ls.risk(tasks, 0.0, ls.OwnShots(3)).total
    assert found.standard_error > 10
    for adaptation in (
        ls.GradientSteps(0.2, 3),
        ls.RidgeToStart(0.5, 5),
        ls.OwnShots(30),
    ):  # warnings are errors here
        ls.risk(tasks, 0.0, adaptation, draws=1000)
    many = ls.Mixture([ls.DataTask(f"{i}", rng.normal(size=(40, 3)), rng.normal(size=40)) for i in range(60)])
    for adaptation in (ls.GradientSteps(0.2, 3, steps=3), ls.RidgeToStart(0.01, m=5)):
        ls.risk(many, 0.0, adaptation, draws=200)


def test_what_is_still_refused() -> None:
    for call in (
        lambda: ls.risk(dense(), START, STEPS, draws=0),
        lambda: ls.gain(dense(), ls.MAML(), STEPS, draws=0),
        lambda: ls.compare(dense(), ls.NAL(), STEPS, draws=0),
        lambda: ls.optimum(dense(), ls.MAML(STEPS), draws=0),
        lambda: ls.family_risks(dense(), START, STEPS, draws=0),
        lambda: ls.compare(dense(), ls.NAL(), 0.5, best=True, draws=0, over={"m": [3, 5]}),
    ):
        with pytest.raises(ls.NoClosedForm):
            call()
    eleven = ls.GradientSteps(0.25, 20, steps=11, batches="same")
    with pytest.raises(ls.NoClosedForm, match="for numbers"):
        ls.risk(ls.HardEasy(R=sympy.Symbol("R")), 0.0, eleven)
    with pytest.raises(ValueError, match="as good as infinite"):
        ls.risk(dense(), START, ls.RidgeToStart(1e-30, m=3))
    with pytest.raises(ValueError, match="as good as infinite"):
        ls.risk(dense(), START, ls.RidgeToStart(1e-30, m=3), draws=100)


def test_theory_that_is_judged_by_draws_is_not_drawn_itself() -> None:
    run = ls.simulate(dense(), ls.MAML(), STEPS, ls.Training(50, n1=10), repeats=2, tasks=200, progress=False)
    table = ls.agreement(run, gradient_tasks=50).to_frame()
    assert table["theory"].isna().all()
    assert not table["z"].notna().any()

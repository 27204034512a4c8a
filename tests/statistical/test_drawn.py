"""Risks by `draws=` against the exact ones, where these exist.

Seeds: fixed, two or three a test.
False alarms: 1e-4 for all numbers of a test together, each judged by Student's t with 19 degrees of freedom, for errors come
from 20 groups of draws.
Seen: with 4,000 draws standard errors are 1% of a risk or less: 5% in the noise of a formula, 2% in where adaptation starts;
planted ones show it.
"""

from dataclasses import replace

import numpy as np
import pytest
import sympy
from scipy.stats import t
from support.worlds import random_psd, skewed_rows

import landscape as ls
from landscape.core.errors import NoClosedForm
from landscape.simulator.landscapes import GROUPS

FALSE_ALARMS = 1e-4
PARTS = ("noise", "dispersion", "suboptimality", "above_noise", "total")


def world(kind, seed=0):
    rng = np.random.default_rng([seed, len(kind)])
    if kind == "isotropic":
        return ls.HardEasy(d=3, rho_hard=0.3, noise=0.4)
    if kind == "rows":
        tables = [skewed_rows(rng, 2) for _ in range(3)]
        size = max(np.linalg.norm(X, 2) / np.sqrt(len(X)) for X, _ in tables)
        return ls.Mixture(
            [ls.DataTask(f"{i}", X / size, y, ridge=0.1 * i) for i, (X, y) in enumerate(tables)]
        )
    return ls.Mixture([
        ls.TaskFamily("a", random_psd(rng, 3) / 2 + 0.1 * np.eye(3), [1.0, -1.0, 0.5], random_psd(rng, 3), 0.4, 0.3),
        ls.TaskFamily("b", [0.2, 0.9, 0.4], 0.0, 0.5, 0.6, 0.2),
    ])  # fmt: skip


def check_t(values, degrees=GROUPS - 1):
    """All t-values together, at a family-wise false-alarm rate of FALSE_ALARMS."""
    values = np.asarray(values)
    assert np.isfinite(values).all()
    if not values.size:  # nothing was random, and everything agreed
        return
    chance = 1 - (1 - 2 * t.sf(np.abs(values).max(), degrees)) ** values.size
    assert chance > FALSE_ALARMS, f"largest |t| of {values.size} is {np.abs(values).max():.2f}"


def t_values(exact, drawn):
    """The parts of a risk that scatter, in standard errors; others must agree."""
    out = []
    for name in PARTS:
        a, b = np.ravel(getattr(exact, name).value), np.ravel(getattr(drawn, name).value)
        error = np.ravel(getattr(drawn, name).standard_error)
        sure = error <= 1e-12 * np.abs(a)
        np.testing.assert_allclose(b[sure], a[sure], rtol=1e-10, atol=1e-13)
        out.extend((b - a)[~sure] / error[~sure])
    return out


STARTS = (ls.NAL(), ls.MAML(), 0.7)


def check_risks(kind, adaptation, starts=STARTS, draws=4000, seeds=2):
    environment, values = world(kind), []
    for start in starts:
        exact = ls.risk(environment, start, adaptation)
        for seed in range(seeds):
            values += t_values(exact, ls.risk(environment, start, adaptation, draws=draws, rng=seed))
    check_t(values)


@pytest.mark.parametrize("kind", ["isotropic", "dense", "rows"])
@pytest.mark.parametrize(
    "adaptation", [ls.GradientSteps(0.5, 12), ls.GradientSteps(0.4, 20, 2), ls.PreconditionedSteps([0.4], 12), ls.RidgeToStart(0.5)],
    ids=repr,
)  # fmt: skip
def test_drawn_risks_are_the_exact_ones(kind, adaptation):
    if isinstance(adaptation, ls.PreconditionedSteps):
        adaptation = replace(adaptation, P=[0.4, 0.5, 0.3][: world(kind).d])
    check_risks(kind, adaptation)


@pytest.mark.parametrize("kind", ["isotropic", pytest.param("dense", marks=pytest.mark.slow)])
def test_steps_on_one_batch_too(kind):
    check_risks(kind, ls.GradientSteps(0.4, 20, 3, "same"), (ls.MAML(), 0.7), draws=2000, seeds=1)


class NoiseTooLarge(ls.GradientSteps):
    """A formula that is wrong by 5% in the noise."""

    def form(self, moments):
        form = super().form(moments)
        return replace(form, c=1.05 * form.c)


class StartTooFar(ls.GradientSteps):
    """A simulator that begins 2% too far away."""

    def adapt(self, W, draw):
        return super().adapt(1.02 * W, draw)


@pytest.mark.parametrize("wrong", [NoiseTooLarge, StartTooFar])
def test_planted_errors_are_caught(wrong):
    check_risks("dense", ls.GradientSteps(0.4, 20))
    with pytest.raises(AssertionError, match="largest"):
        check_risks("dense", wrong(0.4, 20))


@pytest.mark.parametrize("wrong", [NoiseTooLarge, StartTooFar])
def test_agreement_catches_them_by_full_simulation(wrong):
    environment = ls.Mixture([
        ls.TaskFamily("a", 0.5, 5.0, 0.1, noise=0.5, d=3), ls.TaskFamily("b", 0.8, 5.5, 0.1, noise=0.5)
    ])  # fmt: skip
    worst, options = [], {"repeats": 4, "tasks": 20_000, "progress": False}
    for adaptation in (ls.GradientSteps(0.4, 20), wrong(0.4, 20)):
        result = ls.simulate(environment, ls.NAL(), adaptation, ls.Training(100, n1=10), **options)
        worst.append(ls.agreement(result, gradient_tasks=0).worst)
    assert worst[0] < 3.5  # 1 in 2,000
    assert worst[1] > 5


class WithoutFormula(ls.FOMAML):
    """A method of which only meta-gradients are known."""

    def objective(self, moments):
        raise NoClosedForm("only drawn")


@pytest.mark.parametrize("kind", ["isotropic", "dense", "rows"])
def test_optima_without_a_formula_are_drawn(kind):
    """The root of the drawn mean meta-gradient, beside the exact optimum of the same method."""
    environment, adaptation, values = world(kind), ls.GradientSteps(0.4, 20), []
    exact = ls.risk(environment, ls.FOMAML(ls.GradientSteps(0.5, 10, 2)), adaptation)
    for seed in range(3):
        start = WithoutFormula(ls.GradientSteps(0.5, 10, 2))
        values += t_values(exact, ls.risk(environment, start, adaptation, draws=4000, rng=seed))
    check_t(values)


@pytest.mark.parametrize("kind", ["isotropic", "dense", "rows"])
def test_drawn_optima_are_the_exact_ones(kind):
    inner, values = ls.GradientSteps(0.5, 10, 2), []
    exact = ls.optimum(world(kind), ls.FOMAML(inner))
    for seed in range(3):
        drawn = ls.optimum(world(kind), WithoutFormula(inner), draws=2000, rng=seed)
        values += list((drawn.value - exact.value) / drawn.standard_error)
    check_t(values)
    assert (
        ls.optimum(world(kind), ls.FOMAML(inner), draws=20) == exact.value
    ).all()  # what is known stays exact


def test_a_drawn_optimum_is_the_one_that_risks_are_of():
    """The same draws for both, over a grid, and of tasks that were drawn."""
    start, over = ls.MAML(ls.RidgeToStart(0.5, m=6)), {"b.noise": [0.1, 0.3]}
    points = ls.optimum(world("dense"), start, over, draws=60, rng=5)
    assert points.shape == points.standard_error.shape == (2, 3)
    risk = ls.risk(world("dense"), start, 0.4, over, draws=60, rng=5)
    at = [
        ls.risk(world("dense"), p, 0.4, {"b.noise": [n]}, draws=60, rng=5)
        for p, n in zip(points.value, (0.1, 0.3), strict=True)
    ]
    np.testing.assert_allclose(risk.suboptimality.value, [float(x.suboptimality[0]) for x in at], rtol=1e-10)
    sampled = ls.from_sampler(lambda rng: (0.5, rng.normal(size=2), 0.1), 12, rng=0)
    drawn = ls.optimum(sampled, start, draws=20)
    assert (drawn.standard_error > 0).all()
    with pytest.raises(ValueError, match="the start has no say"):
        ls.optimum(world("dense"), ls.MAML(ls.BayesEstimator(5)), draws=20)
    with pytest.raises(ValueError, match="replace the symbols"):
        ls.optimum(ls.TwoTasks(d=2, noise=sympy.Symbol("s")), start, draws=20)


def test_what_has_no_closed_form_is_drawn():
    environment = world("dense")
    for adaptation in (ls.RidgeToStart(0.5, m=10), ls.GradientSteps(0.25, 20, 5, "same")):
        with pytest.raises(NoClosedForm, match="with draws="):
            ls.risk_landscape(environment, adaptation)
        risk = ls.risk(environment, ls.MAML(), adaptation, draws=1000)
        assert 0 < risk.total.standard_error < 0.05 * float(risk.total)
        assert risk.suboptimality == 0
        assert {"total_error", "noise_error"} <= set(risk.to_frame().columns)


def test_a_drawn_comparison_is_paired():
    """Both methods on the same draws: the gain scatters far less than two independent risks."""
    environment, adaptation = world("dense"), ls.RidgeToStart(0.5, m=10)
    over = {"strength": [0.3, 1.0], "b.noise": [0.1, 0.2, 0.3]}
    result = ls.compare(environment, [ls.NAL(), ls.MAML(), ls.FOMAML()], adaptation, over, draws=1000, rng=1)
    gain = result.gain(
        "MAML() #1" if "MAML() #1" in result.labels else "iMAML" if "iMAML" in result.labels else "MAML"
    )
    assert gain.value.shape == gain.standard_error.shape == (2, 3)
    apart = result.risk("NAL").above_noise.standard_error / result.risk("NAL").above_noise.value
    assert (gain.standard_error / gain.value < 0.8 * apart).all()
    single = ls.gain(environment, ls.MAML(), adaptation, {"strength": [0.3, 1.0]}, draws=1000, rng=1)
    assert single.shape == (2,)
    assert "gain_error" in result.to_frame().columns


def test_grid_points_share_their_random_numbers():
    """Along a grid the drawn curve is smooth: neighbours differ with a far smaller error than each has."""
    risk = ls.risk(
        world("dense"), ls.NAL(), ls.RidgeToStart(0.5, m=10), {"strength": [0.50, 0.51]}, draws=1000
    )
    step = risk.total[1] - risk.total[0]
    assert step.standard_error < 0.1 * risk.total.standard_error.min()
    alone = ls.risk(world("dense"), ls.NAL(), ls.RidgeToStart(0.51, m=10), draws=1000)
    assert alone.total.value == pytest.approx(risk.total.value[1], rel=1e-12)


def test_a_start_that_is_forgotten_costs_nothing():
    """What rounding leaves of the start is no weight, and its minimiser no point."""
    for environment in (world("isotropic"), world("dense")):
        for start in (ls.MAML(), ls.NAL(), 3.0):
            risk = ls.risk(environment, start, ls.OwnShots(12), draws=1000)
            assert risk.above_noise == 0
            with np.errstate(all="raise"):
                check_t(
                    [
                        (risk.noise.value - ls.risk(environment, 0.0, ls.OwnShots(12)).noise.value)
                        / risk.noise.standard_error
                    ]
                )


def test_the_same_seed_gives_the_same_numbers():
    first, again, other = (ls.risk(world("dense"), 0.3, 0.5, draws=20, rng=seed).total for seed in (3, 3, 4))
    assert first == again
    assert first == other  # a full step is not random
    first, again, other = (
        ls.risk(world("dense"), 0.3, ls.GradientSteps(0.5, 5), draws=20, rng=seed).total for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("seeds", "least", "most"), [(15, 0.5, 1.6), pytest.param(50, 0.75, 1.3, marks=pytest.mark.slow)]
)
def test_drawn_tasks_with_drawn_batches_carry_both_errors(seeds, least, most):
    """50 samples (or 15) of 60 tasks with 40 draws each: the t-values' spread is 1 within a quarter, or a half (false alarms 1e-2)."""
    true, adaptation = (
        ls.HardEasy(d=2, R=1.0, rho_hard=0.5, r_hard=0.1, r_easy=0.1, noise=0.2),
        ls.GradientSteps(0.8, 20),
    )

    def draw(rng):
        hard = rng.random() < 0.5
        return (0.5 if hard else 0.9), rng.normal(1.0 if hard else 0.0, np.sqrt(0.1), 2), 0.2

    exact, values = float(ls.risk(true, ls.NAL(), adaptation).total), []
    for seed in range(seeds):
        drawn = ls.risk(ls.from_sampler(draw, 60, seed), ls.NAL(), adaptation, draws=40, rng=seed).total
        values.append((float(drawn) - exact) / drawn.standard_error)
    assert least < np.std(values) < most
    assert abs(np.mean(values)) < 4 / np.sqrt(seeds)


@pytest.mark.filterwarnings("ignore:the inner step expands")
@pytest.mark.parametrize(("alpha", "steps"), [(1e4, 50), (1e30, 6), (1e22, 8)])
def test_steps_that_overflow_say_so(alpha, steps):
    """Many, or few enough for a formula in large fractions, which says whether means are finite."""
    adaptation, env = ls.GradientSteps(alpha, 4, steps, "same"), ls.HardEasy(d=1)
    for ask in (ls.risk, ls.gain):
        with pytest.raises(ValueError, match="overflows"):
            ask(env, ls.MAML(0.5), adaptation, draws=20)
    if steps < 10:  # known exactly
        for question in (ls.risk_landscape, lambda *given: ls.flow(given[0], ls.MAML(given[1]), 1.0)):
            with pytest.raises(ValueError, match="overflows"):
                question(env, adaptation)


@pytest.mark.parametrize("draws", [0, 20])
def test_a_step_too_large_is_warned_of_where_such_tasks_occur(draws):
    def ask(share):
        families = [ls.TaskFamily("a", 0.5, [1.0, 2.0], probability=1 - share)]
        families += [ls.TaskFamily("steep", 5.0, 0.0, probability=share)]
        return ls.risk(ls.Mixture(families), 0.0, ls.GradientSteps(1.0, 10), draws=draws)

    with pytest.warns(ls.LandscapeWarning, match="the inner step expands"):
        ask(1e-3)
    assert float(ask(0.0).total) > 0  # a warning would be an error


def test_bad_draws_are_named():
    with pytest.raises(ValueError, match="draws must be .*>= 20"):
        ls.risk(world("dense"), 0.0, 0.5, draws=5)
    import sympy

    with pytest.raises(ValueError, match="draws= needs numbers"):
        ls.risk(ls.HardEasy(R=sympy.Symbol("R")), 0.0, 0.5, draws=50)
    with pytest.warns(ls.LandscapeWarning, match="expands"):
        ls.risk(ls.HardEasy(), 0.0, ls.GradientSteps(3.0, 10), draws=50)

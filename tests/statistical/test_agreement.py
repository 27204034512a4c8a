"""Theory against simulation by raw data, on unbiased quantities only.

Seeds: one a check, fixed, so that a pass stays a pass.
False alarms: 1e-4 for all comparisons of a check together: its largest |z| is judged (`support.agreement.check_z`).
Seen: standard errors are about 1% of the losses, so 5% in a loss is seen with near certainty; the planted errors must be.
"""

import ast
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from support import registry
from support.agreement import FALSE_ALARMS, check_gradients, check_losses, check_z
from support.worlds import KINDS, random_psd

import landscape as ls
from landscape.simulator.losses import post_adaptation_losses
from landscape.tasks.inputs import Empirical, Gaussian


@pytest.mark.parametrize("kind", KINDS)
def test_losses_agree(kind):
    for seed in (1, 3):
        check_losses(seed, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_meta_gradients_vanish_at_the_predicted_optimum(kind):
    for seed in (1, 6):
        check_gradients(seed, kind)


class Believed(Gaussian):
    """Dense inputs, which have an entry a coordinate."""

    def expanded(self):
        return self


class WithoutTrace(Believed):
    """Forgets a term of the fourth moment."""

    def scatter(self, A, SA):
        return SA @ self.Sigma


class DoubledNoise(Believed):
    """Counts the noise twice."""

    def noise(self, A, SA):
        return 2 * super().noise(A, SA)


class WithoutThird(Empirical):
    """Takes data for Gaussian."""

    def third(self, A):
        return None


def planted(kind):
    """An environment that believes wrong moments of its families."""

    class Planted(ls.Mixture):
        def tasks(self):
            return [replace(task, inputs=wrong(task.inputs)) for task in super().tasks()]

    def wrong(inputs):
        if issubclass(kind, Gaussian):
            return kind(inputs.Sigma, inputs.noise_variance)
        return kind(inputs.X, inputs.X @ inputs.optimum + inputs.e)

    return Planted


class OuterForInner(ls.MAML):
    """Takes n1 for n2."""

    def objective(self, moments):
        inner = self.adaptation
        return replace(inner, m=4 if inner.m == 3 else inner.m).expected(moments)


PLANTED = 12_000  # tasks: the errors below are 7 standard errors or more from what is right


@cache
def passes(check, seed, kind):
    """Without an error planted it does, at the size at which errors are sought."""
    check(seed, kind, PLANTED)


@pytest.mark.parametrize(
    ("check", "seed", "kind", "error"),
    [
        (check_losses, 3, "dense", {"plant": planted(WithoutTrace)}),
        (check_losses, 3, "rows", {"plant": planted(WithoutThird)}),
        (check_losses, 1, "dense", {"plant": planted(DoubledNoise)}),
        (check_gradients, 6, "dense", {"plant": planted(WithoutTrace)}),
        (check_gradients, 6, "dense", {"maml": OuterForInner}),
    ],
    ids=["trace dropped", "third dropped", "noise doubled", "trace dropped in training", "n1 for n2"],
)
def test_planted_errors_are_caught(check, seed, kind, error):
    passes(check, seed, kind)
    with pytest.raises(AssertionError):
        check(seed, kind, PLANTED, **error)


def test_the_simulator_names_no_moment():
    """Read off the syntax trees: what draws knows nothing of what is computed."""
    root = Path(ls.__file__).parent / "simulator"
    files = list(root.rglob("*.py"))
    assert len(files) > 15
    for file in files:
        names = {
            node.attr for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)
        }
        assert not names & {"form", "expected", "shrinkage", "objective", "scatter", "memo"}, file


def small_simulation(rng=0, **changes):
    arguments = {
        "repeats": 4,
        "rng": rng,
        "tasks": 400,
        "progress": False,
        "over": {"R": [1.0, 3.0]},
    } | changes
    methods = [ls.NAL(), ls.MAML()]
    return ls.simulate(
        ls.HardEasy(noise=0.1), methods, ls.GradientSteps(1.0, 20), ls.Training(60, n1=5), **arguments
    )


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


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_units_of_the_targets_do_not_matter_to_an_agreement(unit):
    """Losses go with the square: what counts as rounding must, too."""
    scores = []
    for c in (1.0, unit):
        families = [
            ls.TaskFamily("a", [0.3, 0.8], [1.0 * c, -2.0 * c], 0.2 * c**2, noise=0.1 * c**2),
            ls.TaskFamily("b", 0.5, 0.0, noise=0.2 * c**2),
        ]
        options = {"repeats": 3, "tasks": 40, "progress": False}
        methods, adaptation = [ls.NAL(), ls.MAML()], ls.GradientSteps(0.7, 10)
        found = ls.simulate(ls.Mixture(families), methods, adaptation, ls.Training(30, n1=5), **options)
        scores.append(ls.agreement(found).entries["z"])
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-6)
    assert np.nanmin(np.abs(scores[0])) > 0


def test_the_same_seed_gives_the_same_numbers():
    first, again, other = small_simulation(3), small_simulation(3), small_simulation(4)
    for name in ("solutions", "losses", "above_noise", "covariances"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.losses, other.losses)


def test_a_generator_gives_new_numbers_each_time_and_its_seed_the_same():
    generator = np.random.default_rng(3)
    first, second = small_simulation(generator), small_simulation(generator)
    assert not np.array_equal(first.losses, second.losses)
    np.testing.assert_array_equal(first.losses, small_simulation(first.seed).losses)


def test_gain_is_that_of_the_repeats():
    """Ratio of means, with the jackknife's error: that of the delta method but for terms of order 1/repeats."""
    result = small_simulation(repeats=40)
    worse, better = result.above_noise[:, 0], result.above_noise[:, 1]
    gain, ratio = result.gain("MAML"), worse.mean(axis=1) / better.mean(axis=1)
    np.testing.assert_allclose(gain.value, ratio, rtol=1e-14)
    scatter = (worse - ratio[:, None] * better) / better.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(gain.standard_error, scatter.std(axis=1, ddof=1) / np.sqrt(40), rtol=0.05)
    np.testing.assert_allclose(result.gain("NAL", against="MAML").value, 1 / ratio, rtol=1e-14)
    assert result.mean("NAL", of="losses").value == pytest.approx(result.losses[:, 0].mean(axis=1))


def test_empirical_solutions_are_the_minimisers_41_and_43():
    """The root of the mean meta-gradient against least squares on the same data, written out."""
    from landscape.simulator.draw_samples import Rows

    rng = np.random.default_rng(0)
    d, T, n1, n2, alpha = 3, 6, 4, 5, 0.3
    optima = rng.standard_normal((T, d))
    inner = Rows(rng.standard_normal((T, n2, d)), rng.standard_normal((T, n2)), optima, n2)
    outer = Rows(rng.standard_normal((T, n1, d)), rng.standard_normal((T, n1)), optima, n1)
    W = np.hstack([np.zeros((d, 1)), np.eye(d)])
    batches, method = iter([inner, outer]), ls.MAML(ls.GradientSteps(alpha, n2))
    gradients = method.meta_gradient(W[None], lambda n: next(batches), n1, n2).sum(axis=0)
    root = np.linalg.solve(gradients[:, 1:] - gradients[:, :1], -gradients[:, 0])
    design, target = [], []
    for t in range(T):
        P = np.eye(d) - alpha / n2 * inner.X[t].T @ inner.X[t]
        design.append(outer.X[t] @ P)
        y, v = (batch.X[t] @ optima[t] + batch.e[t] for batch in (inner, outer))
        target.append(v - alpha / n2 * outer.X[t] @ inner.X[t].T @ y)
    expected = np.linalg.lstsq(np.vstack(design), np.concatenate(target), rcond=None)[0]
    np.testing.assert_allclose(root, expected, rtol=1e-10)


def test_more_tasks_bring_the_empirical_solution_nearer():
    adapt = ls.GradientSteps(0.8, 10)
    environment, method = ls.HardEasy(d=3), ls.MAML(adapt)
    best = ls.optimum(environment, method).value
    away = []
    for T in (50, 5000):
        result = ls.simulate(
            environment, method, adapt, ls.Training(T, n1=5), repeats=8, tasks=10, progress=False
        )
        away.append(np.sqrt(((result.solutions - best) ** 2).sum(axis=-1).mean()))
    assert 5 < away[0] / away[1] < 20  # ten times nearer for a hundred times the tasks


def test_simulated_sample_is_a_simulation():
    result = small_simulation()
    assert isinstance(result, ls.Simulation)
    assert result.to_frame().shape == (2 * 2 * 4, 7)
    assert "R" in result.to_frame().columns


def test_a_single_sample_a_step_warns_of_heavy_tails():
    training = ls.Training(20, n1=3)
    with pytest.warns(ls.LandscapeWarning, match="heavy tails"):
        ls.simulate(
            ls.HardEasy(d=2),
            ls.NAL(),
            ls.GradientSteps(0.5, 1),
            training,
            repeats=2,
            tasks=10,
            progress=False,
        )


def dense_world():
    rng = np.random.default_rng(5)
    a, b = (random_psd(rng, 2) + 0.2 * np.eye(2) for _ in range(2))
    return ls.Mixture([
        ls.TaskFamily("a", a / 2, [1.0, -1.0], random_psd(rng, 2), 0.4, 0.2), ls.TaskFamily("b", b / 2, 0.5, 0.1, 0.6, 0.1)
    ])  # fmt: skip


ADAPTATIONS = [
    *(
        registry.typical(kind, np.random.default_rng(1), 2)
        for kind in registry.adaptations()
        if not kind.knows_environment  # these draw for themselves and are held to full simulation of their own
    ),
    ls.GradientSteps(0.3, 12, 3, "same"),
    ls.RidgeToStart(0.5),
]


def methods_for(adaptation):
    """Every registered method that has a mean meta-gradient, with the adaptation inside where it depends on its start."""
    rng, found = np.random.default_rng(2), []
    inner = ls.GradientSteps(0.3, 12) if isinstance(adaptation, ls.OwnShots) else adaptation
    for kind in registry.methods():
        if kind in (ls.BIMAML, ls.MetaSGD, ls.LinearAttention) or (
            kind is ls.HFMAML and type(inner) is not ls.GradientSteps
        ):
            continue  # the gradient of three changes on the way, the fourth takes gradient steps only
        P = getattr(inner, "P", np.zeros(2))
        if kind is ls.FOMAML and (P != P.T).any():
            continue  # it minimises nothing then
        if kind is ls.TrainTrain and inner.cost(2).batches > 1:
            continue  # it takes one batch
        if kind is ls.TRMAML and not ls.risk(dense_world(), 0.0, inner).how.is_exact:
            continue  # its weights are those of exact risks
        if kind is ls.HFMAML:
            inner = replace(inner, steps=1)
        found.append(registry.typical_method(kind, rng, 2, inner))
    return found


@pytest.mark.parametrize(
    "adaptation",
    [
        pytest.param(a, marks=pytest.mark.slow) if a == ls.GradientSteps(0.3, 12, 3, "same") else a
        for a in ADAPTATIONS
    ],
    ids=repr,
)
def test_everything_registered_agrees(adaptation):
    """Theory and full simulation, for each method; where no formula is known the measurement stands alone."""
    methods = methods_for(adaptation)
    result = ls.simulate(
        dense_world(), methods, adaptation, ls.Training(50, n1=8), repeats=3, tasks=3000, progress=False
    )
    table = ls.agreement(result).to_frame()
    known = table[table["theory"].notna() & table["z"].notna()]["quantity"].value_counts()
    if not ls.risk(dense_world(), 0.0, adaptation).how.is_exact:
        assert list(known.index) == ["meta-gradient"]
        assert 3 <= known["meta-gradient"] < len(methods)  # of those without that adaptation inside
    else:
        assert known["loss at the trained points"] == known["loss difference"] + 1 == len(methods)
        assert known["meta-gradient"] >= len(methods) - 1  # Reptile's has no formula for a matrix step
    check_z(table["z"].dropna())


def test_drawn_risks_agree_with_simulated_losses_where_no_formula_is_known():
    """Two ways to draw: forms of w on drawn batches, and losses after adaptation of drawn tasks. |z| < 4: 1 in 16,000."""
    environment, adaptation = dense_world(), ls.RidgeToStart(0.5, m=4)
    point = np.array([0.7, -0.2])
    losses, _ = post_adaptation_losses(
        environment, point[None], adaptation, 40_000, "raw", np.random.default_rng(0)
    )
    drawn = ls.risk(environment, point, adaptation, draws=20_000).total
    error = np.hypot(losses.std() / 200, drawn.standard_error)
    assert error < 0.01 * losses.mean()
    assert abs(losses.mean() - drawn.value) < 4 * error

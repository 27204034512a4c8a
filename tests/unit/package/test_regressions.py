"""Things that once went wrong, each found by somebody trying to break the package."""

import numpy as np
import pytest
import sympy

import landscape as ls
from landscape.simulator.training import LossTasks

ADAPT = ls.GradientSteps(0.5, 10)


def quick(environment=None, methods=None, adaptation=ADAPT, **changes):
    arguments = {"repeats": 3, "tasks": 50, "progress": False} | changes
    training = arguments.pop("training", ls.Training(60))
    return ls.simulate(environment or ls.HardEasy(), methods or ls.NAL(), adaptation, training, **arguments)


def test_methods_whose_labels_agree_are_told_apart():
    methods = [ls.PreconditionedSteps(np.linspace(a, 1, 10)) for a in (0.1, 0.2)]
    methods = [ls.MAML(inner) for inner in methods]
    result = ls.compare(ls.HardEasy(), methods, ADAPT)
    assert len(set(result.labels)) == 2
    frame = result.to_frame()
    for label, method in zip(result.labels, methods, strict=True):
        (found,) = frame[frame["method"] == label]["suboptimality"]
        assert found == ls.risk(ls.HardEasy(), method, ADAPT).suboptimality


def test_a_methods_own_alpha_beside_the_adaptations():
    over = {"MAML.inner.alpha": [0.1, 0.2], "alpha": [0.5, 0.6]}
    result = ls.compare(ls.HardEasy(), [ls.NAL(), ls.MAML(0.1)], ADAPT, over=over)
    assert {"alpha", "MAML.inner.alpha"} <= set(result.to_frame().columns)
    one = ls.risk(ls.HardEasy(), ls.MAML(0.2), ls.GradientSteps(0.5, 10))
    assert result.risk("MAML").total[1, 0] == pytest.approx(float(one.total), rel=1e-13)


def test_losses_of_data_tasks_keep_their_ridge():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 4))
    tasks = ls.Mixture([ls.DataTask(str(i), X[i], y[i], ridge=0.5 * (i + 1)) for i in range(2)])
    losses, w = LossTasks.of(tasks), np.array([1.0, -0.5, 2.0])
    pooled, adapted = ls.risk(tasks, w, ls.GradientSteps(0.0, steps=0)), ls.risk(tasks, w, 0.3)
    assert losses.pooled(w) == pytest.approx(float(pooled.total), rel=1e-12)
    assert losses.adapted(w, 0.3) == pytest.approx(float(adapted.total), rel=1e-12)
    at_optimum = losses.pooled_gradient(np.asarray(ls.optimum(tasks, ls.NAL())))
    np.testing.assert_allclose(at_optimum, 0, atol=1e-12)


def test_a_line_plot_never_averages_over_another_axis():
    result = quick(over={"R": [1.0, 2.0], "r_easy": [1.0, 100.0]})
    with pytest.raises(ValueError, match="needs one varying"):
        result.plot(x="R")


@pytest.mark.parametrize("rho", [1e-7, 1e-9, 1.0, 1e6])
def test_best_step_keeps_its_digits(rho):
    best = ls.best_step(ls.HardEasy(rho_hard=rho, p_hard=1.0), 1.0)
    assert float(best) * rho == pytest.approx(1, rel=1e-12)


def test_best_step_without_anything_to_gain():
    with pytest.raises(ValueError, match="any alpha is as good"):
        ls.best_step(ls.TwoTasks(w_hard=0.1, w_easy=0.1), ls.NAL())


@pytest.mark.parametrize("rho", [0.3, 0.37])
def test_gain_is_1_where_nothing_is_left(rho):
    environment = ls.TwoTasks(w_hard=0.7, w_easy=0.7, rho_hard=rho)
    adaptation = ls.GradientSteps(0.5, 20)
    assert ls.gain(environment, ls.MAML(adaptation), adaptation) == 1


def test_gain_of_tasks_so_near_that_squares_underflow():
    """Version one said 1, silently: the squares of 1e-300 are 0."""
    with pytest.raises(ValueError, match="w_hard must be 0 or at least 1e-150 in size"):
        ls.TwoTasks(w_hard=1e-300, w_easy=-1e-300)
    near = ls.gain(ls.TwoTasks(w_hard=1e-140, w_easy=-1e-140), ls.MAML(), ADAPT)
    assert near == pytest.approx(float(ls.gain(ls.TwoTasks(), ls.MAML(), ADAPT)), rel=1e-9)


def test_agreement_does_not_judge_rounding():
    families = [
        ls.TaskFamily(name, np.array([[1, b], [b, 0.7]]), centre=[0.1, 0.37])
        for name, b in [("a", 0.3), ("b", 0.1)]
    ]
    adaptation = ls.GradientSteps(0.3, 10)
    result = quick(ls.Mixture(families), [ls.NAL(), ls.MAML(adaptation)], adaptation)
    assert ls.agreement(result).worst == 0


def test_gain_against_a_given_point():
    adaptation = ls.GradientSteps(1 / 0.9, 500)
    worse = ls.risk(ls.HardEasy(), 0.0, adaptation).above_noise
    expected = float(worse / ls.risk(ls.HardEasy(), ls.MAML(), adaptation).above_noise)
    assert ls.gain(ls.HardEasy(), ls.MAML(), adaptation, against=0.0) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:the inner step expands")
@pytest.mark.parametrize("adaptation", [ls.GradientSteps(50, 5, 400), ls.GradientSteps(1e39, 5, 4)])
def test_a_simulation_that_diverges_says_so(adaptation):
    with pytest.raises(ValueError, match="adaptation diverges"):
        quick(adaptation=adaptation)
    with pytest.raises(ValueError, match="overflow"):
        quick(methods=ls.MAML(ls.GradientSteps(50.0, 5, 400)))


@pytest.mark.parametrize("method", [ls.MAML, ls.FOMAML, ls.Reptile])
def test_an_optimum_that_overflows_says_so(method):
    for environment in (ls.TwoTasks(), ls.Mixture([ls.TaskFamily("a", np.eye(2))])):
        for ask in (ls.optimum, lambda e, m: ls.flow(e, m, 1.0)):
            with pytest.raises(ValueError, match="the result overflows"):
                ask(environment, method(ls.GradientSteps(1e39, steps=9)))


def test_many_steps_in_small_units():
    """Step size times curvature counts, not the step size: 200 steps of 1000 on curvatures below 1e-3 lead to the optima."""
    small, usual = (ls.TwoTasks(rho_hard=1e-1 * u, rho_easy=u, noise=0.0) for u in (1e-3, 1.0))
    for method in (ls.MAML(), ls.NAL()):
        left = ls.risk(small, method, ls.GradientSteps(1000 * 0.9, steps=200)).total
        expected = 1e-3 * ls.risk(usual, method, ls.GradientSteps(0.9, steps=200)).total
        assert left == pytest.approx(float(expected), rel=1e-9)


def test_exact_numbers_are_checked_like_others():
    with pytest.raises(ValueError, match="rho_hard must be"):
        ls.HardEasy(rho_hard=sympy.Rational(-1, 10))
    with pytest.raises(ValueError, match="p_hard must be"):
        ls.HardEasy(p_hard=sympy.Integer(2))
    with pytest.raises(ValueError, match="R must be"):
        ls.HardEasy(R=sympy.nan)
    with pytest.raises(ValueError, match="must be a number here"):
        ls.hardness_window(10, sympy.Symbol("m"))
    with pytest.raises(ValueError, match="replace the symbols"):
        quick(ls.HardEasy(R=sympy.Symbol("R")))
    with pytest.raises(ValueError, match="isotropic or diagonal"):
        ls.risk(
            ls.Mixture([ls.TaskFamily("a", [[1.0, 0.5], [0.5, 1.0]])]),
            ls.NAL(),
            ls.GradientSteps(sympy.Symbol("a")),
        )


def test_a_symbol_in_the_environment_alone():
    R = sympy.Symbol("R")
    above_noise = ls.risk(ls.HardEasy(R=R), ls.NAL(), ADAPT).above_noise.item()
    assert float(above_noise.subs(R, 2)) == pytest.approx(
        float(ls.risk(ls.HardEasy(), ls.NAL(), ADAPT).above_noise)
    )


@pytest.mark.parametrize(
    "value", [["0.5"], np.array("0.5"), np.array([True, False]), np.True_, [[1], [1, 2]], 10**400]
)
def test_no_silent_coercion(value):
    with pytest.raises((ValueError, TypeError), match="alpha must be"):
        ls.GradientSteps(value)


def test_masked_and_complex_values():
    with pytest.raises(ValueError, match="masked"):
        ls.TaskFamily("a", 1.0, np.ma.array([1.0, 2.0], mask=[0, 1]))
    with pytest.raises(ValueError, match="start must be real"):
        ls.risk(ls.HardEasy(d=2), np.array([1j, 1]), ADAPT)


def test_gradient_tasks():
    result = quick(methods=[ls.NAL(), ls.MAML(ls.GradientSteps(0.5, 10))])
    frame = ls.agreement(result, gradient_tasks=100).to_frame()
    assert np.isfinite(frame[frame["quantity"] == "meta-gradient"]["z"]).all()
    assert "meta-gradient" not in set(ls.agreement(result, gradient_tasks=0).to_frame()["quantity"])
    with pytest.raises(ValueError, match="at least 2"):
        ls.agreement(result, gradient_tasks=1)
    assert ls.agreement(result) == ls.agreement(result)


def test_arrays_and_data_show_in_jupyter():
    assert "array (2,)" in ls.Mixture([ls.TaskFamily("a", 1.0, [1.0, 2.0])])._repr_html_()
    data = ls.DataTask("schools", np.eye(3), np.arange(3.0))
    assert "from data" in ls.Mixture([data])._repr_html_()


def test_large_seeds():
    big = quick(rng=2**127 + 1)
    assert big.seed == 2**127 + 1
    with pytest.raises(ValueError, match="rng must be"):
        quick(rng=-1)


def test_nearly_collinear_data_names_the_cure():
    """An intercept beside a column whose mean is 10^7 times its scatter: the digits that are left, and what helps."""
    rng = np.random.default_rng(0)
    X, y = np.c_[np.ones(200), rng.normal(size=200) + 1e7], rng.normal(size=200)
    environment = ls.Mixture([ls.DataTask("a", X, y)])
    with pytest.warns(ls.LandscapeWarning, match="keeps about . of 16 digits: .*centre columns"):
        best = ls.optimum(environment, ls.NAL())
    slope = np.polyfit(X[:, 1] - 1e7, y, 1)[0]
    assert best[1] == pytest.approx(slope, rel=0.1)


@pytest.mark.filterwarnings("error")
def test_curvatures_that_go_with_the_step_and_impossible_families_do_not_warn():
    over = {
        "rho_hard": [0.1, 10.0],
        "rho_easy": lambda rho_hard: rho_hard,
        "alpha": lambda rho_hard: 1 / rho_hard,
    }
    ls.risk(ls.TwoTasks(), 0.0, ADAPT, over=over)
    ls.risk(ls.HardEasy(p_hard=1.0, rho_easy=9.0), ls.NAL(), ADAPT)
    with pytest.warns(ls.LandscapeWarning, match="the inner step expands"):
        ls.risk(ls.HardEasy(), ls.NAL(), ls.GradientSteps(-0.5, 10))


CASES = [
    (lambda: ls.NAL({"hard": 3}, batch=1500), "batch must be"),
    (lambda: ls.HardEasy(R=sympy.Symbol("R")).sample(3, 0), "replace the symbols"),
    (lambda: ls.compare(ls.HardEasy(), ls.NAL(), ADAPT, over=["R"]), "must be a dict"),
    (
        lambda: ls.compare(ls.HardEasy(), ls.NAL(), ADAPT, {"R": [1, 2], "m": [9, 20]}).plot(),
        "needs one varying name",
    ),
    (lambda: quick(over={"R": [1.0, 2.0]}).plot(y="gain"), "unknown quantity"),
    (lambda: ls.DataTask(["q"], np.eye(2), [1.0, 2.0]), "name must be"),
    (lambda: ls.risk(ls.HardEasy(d=2), np.zeros((0, 2)), ADAPT), "start must be a number or a vector"),
    (lambda: quick(adaptation=ls.GradientSteps(0.5, 10**15), sampling="raw"), 'sampling="bartlett"'),
    (lambda: ls.Training(5, solver="sgd"), "needs a learning_rate"),
    (lambda: ls.Training(5, learning_rate=0.1), 'belong to solver="sgd"'),
    (lambda: ls.Training(5, solver="sgd", learning_rate=0.1, task_batch=2), "multiple of task_batch"),
    (lambda: quick(training=ls.Training(5, solver="sgd", learning_rate={"NLA": 1.0})), "did you mean NAL"),
    (
        lambda: quick(training=ls.Training(500, solver="sgd", learning_rate=50.0), engine="numpy"),
        "diverges at learning_rate 50",
    ),
    (lambda: ls.risk(ls.HardEasy(), ls.NAL, ADAPT), r"write NAL\(...\)"),
]


@pytest.mark.parametrize(("call", "message"), CASES)
def test_clear_messages(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_sampling_takes_a_seed():
    first, second = (ls.HardEasy().sample(5, 3)[1] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_two_mamls_look_different():
    from landscape.plotting import style

    labels = ["MAML(0.1)", "MAML(0.2)", "FO-MAML"]
    assert style(labels[0], labels) != style(labels[1], labels)
    assert style("FOMAML(0.1)") == style("FO-MAML")

"""Things that once went wrong, each found by somebody trying to break the package."""

import numpy as np
import pytest

import landscape as ls

ADAPT = ls.Adaptation(0.5, 10)


def quick(environment=None, methods=None, adaptation=ADAPT, **changes):
    arguments = {"repeats": 3, "tasks": 50, "progress": False} | changes
    training = arguments.pop("training", ls.Training(60))
    return ls.simulate(environment or ls.hard_easy(), methods or ls.NAL(), adaptation, training, **arguments)


def test_methods_whose_reprs_agree_are_told_apart():
    methods = [ls.MAML(np.linspace(0.1, 1, 10)), ls.MAML(np.linspace(0.4, 0.8, 10))]
    result = ls.compare(ls.hard_easy(), methods, ADAPT)
    assert len(set(result.labels)) == 2
    frame = result.to_frame()
    for label, method, exact in zip(result.labels, methods, result.suboptimality, strict=True):
        rows = frame[frame["method"] == label]
        np.testing.assert_array_equal(rows["suboptimality"], exact)
        np.testing.assert_array_equal(rows["alpha"], method.alpha)


def test_a_methods_own_alpha_beside_the_adaptations():
    frame = ls.compare(
        ls.hard_easy(), [ls.NAL(), ls.MAML([0.1, 0.2])], ls.Adaptation([0.5, 0.6], 10)
    ).to_frame()
    assert {"alpha", "training_alpha"} <= set(frame.columns)


def test_losses_of_data_tasks_keep_their_ridge():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 4))
    tasks = ls.Environment([ls.DataTask(str(i), X[i], y[i], ridge=0.5 * (i + 1)) for i in range(2)])
    losses, w = ls.LossTasks.of(tasks), np.array([1.0, -0.5, 2.0])
    assert losses.pooled(w) == pytest.approx(ls.risk(tasks, w, ls.Adaptation(0.0, steps=0)).total, rel=1e-12)
    assert losses.adapted(w, 0.3) == pytest.approx(ls.risk(tasks, w, ls.Adaptation(0.3)).total, rel=1e-12)
    np.testing.assert_allclose(losses.pooled_gradient(ls.optimum(tasks, ls.NAL())), 0, atol=1e-12)


def test_a_line_plot_never_averages_over_another_axis():
    result = quick(over={"R": [1.0, 2.0], "r_easy": [1.0, 100.0]})
    with pytest.raises(ValueError, match="needs one varying argument"):
        result.plot(x="R")


@pytest.mark.parametrize("rho", [1e-7, 1e-9, 1.0, 1e6])
def test_best_step_keeps_its_digits(rho):
    assert ls.best_step(ls.hard_easy(rho_hard=rho, p_hard=1.0), 1.0) * rho == pytest.approx(1, rel=1e-12)


def test_best_step_without_anything_to_gain():
    with pytest.raises(ValueError, match="any alpha is as good"):
        ls.best_step(ls.two_tasks(w_hard=0.1, w_easy=0.1), ls.NAL())


@pytest.mark.parametrize("rho", [0.3, 0.37])
def test_gain_is_1_where_nothing_is_left(rho):
    environment = ls.two_tasks(w_hard=0.7, w_easy=0.7, rho_hard=rho)
    assert ls.gain(environment, ls.MAML(0.5, 20), ls.Adaptation(0.5, 20)) == 1


def test_agreement_does_not_judge_rounding():
    families = [
        ls.TaskFamily(name, np.array([[1, b], [b, 0.7]]), centre=[0.1, 0.37])
        for name, b in [("a", 0.3), ("b", 0.1)]
    ]
    result = quick(ls.Environment(families), [ls.NAL(), ls.MAML(0.3, 10)], ls.Adaptation(0.3, 10))
    assert ls.agreement(result).worst == 0


def test_gain_over_a_given_point():
    adaptation = ls.Adaptation(1 / 0.9, 500)
    over = ls.risk(ls.hard_easy(), 0.0, adaptation).above_noise
    expected = over / ls.risk(ls.hard_easy(), ls.MAML.matching(adaptation), adaptation).above_noise
    assert ls.gain(ls.hard_easy(), ls.MAML.matching(adaptation), adaptation, over=0.0) == pytest.approx(
        expected
    )


@pytest.mark.filterwarnings("ignore:the inner step expands")
@pytest.mark.parametrize("adaptation", [ls.Adaptation(50, 5, 400), ls.Adaptation(1e39, 5, 4)])
def test_a_simulation_that_diverges_says_so(adaptation):
    with pytest.raises(ValueError, match="adaptation diverges"):
        quick(adaptation=adaptation)
    with pytest.raises(ValueError, match="overflow"):
        quick(methods=ls.MAML(50.0, 5, 400))


def test_exact_numbers_are_checked_like_others():
    import sympy

    with pytest.raises(ValueError, match="rho_hard must be"):
        ls.hard_easy(rho_hard=sympy.Rational(-1, 10))
    with pytest.raises(ValueError, match="p_hard must be"):
        ls.hard_easy(p_hard=sympy.Integer(2))
    with pytest.raises(ValueError, match="R must be"):
        ls.hard_easy(R=sympy.nan)
    with pytest.raises(ValueError, match="must be a number here"):
        ls.hardness_window(10, sympy.Symbol("m"))
    with pytest.raises(ValueError, match="replace the symbols"):
        quick(ls.hard_easy(R=sympy.Symbol("R")))
    with pytest.raises(ValueError, match="isotropic or diagonal"):
        ls.risk(ls.Environment([ls.TaskFamily("a", np.eye(2))]), ls.NAL(), ls.Adaptation(sympy.Symbol("a")))


def test_a_symbol_in_the_geography_alone():
    import sympy

    R = sympy.Symbol("R")
    risk = ls.risk(ls.hard_easy(R=R), ls.NAL(), ADAPT)
    assert risk.above_noise.subs(R, 2.0) == pytest.approx(
        ls.risk(ls.hard_easy(), ls.NAL(), ADAPT).above_noise
    )


@pytest.mark.parametrize(
    "value", [["0.5"], np.array("0.5"), np.array([True, False]), np.True_, [[1], [1, 2]], 10**400]
)
def test_no_silent_coercion(value):
    with pytest.raises(ValueError, match="alpha must be"):
        ls.Adaptation(value)


def test_masked_and_complex_values():
    with pytest.raises(ValueError, match="masked"):
        ls.hard_easy(R=np.ma.array([1.0, 2.0], mask=[0, 1]))
    with pytest.raises(ValueError, match="point must be real"):
        ls.risk(ls.hard_easy(d=2), np.array([1j, 1]), ADAPT)


def test_gradient_tasks():
    result = quick(methods=[ls.NAL(), ls.MAML(0.5, 10)])
    assert ls.agreement(result, gradient_tasks=100).to_frame()["z"].notna().all() in (True, False)
    assert "meta-gradient" not in set(ls.agreement(result, gradient_tasks=0).to_frame()["quantity"])
    with pytest.raises(ValueError, match="at least 2"):
        ls.agreement(result, gradient_tasks=1)
    assert ls.agreement(result) == ls.agreement(result)


def test_a_grid_and_data_show_in_jupyter():
    assert "array (2,)" in ls.hard_easy(R=[1.0, 2.0])._repr_html_()
    data = ls.DataTask("schools", np.eye(3), np.arange(3.0))
    assert "from data" in ls.Environment([data])._repr_html_()


def test_large_seeds():
    big = quick(seed=2**127 + 1)
    assert big.seed == 2**127 + 1
    with pytest.raises(ValueError, match="seed must be"):
        quick(seed=-1)


def test_nearly_collinear_data_names_the_cure():
    rng = np.random.default_rng(0)
    X = np.c_[np.ones(200), rng.normal(size=200) + 1e7]
    with pytest.raises(ValueError, match="centre and scale"):
        ls.optimum(ls.Environment([ls.DataTask("a", X, rng.normal(size=200))]), ls.NAL())


@pytest.mark.filterwarnings("error")
def test_paired_grids_and_impossible_families_do_not_warn():
    ls.risk(ls.two_tasks(rho_hard=[0.1, 10.0], rho_easy=[0.1, 10.0]), 0.0, ls.Adaptation([10.0, 0.1], 10))
    ls.risk(ls.hard_easy(p_hard=1.0, rho_easy=9.0), ls.NAL(), ADAPT)
    with pytest.warns(ls.LandscapeWarning, match="alpha is negative"):
        ls.risk(ls.hard_easy(), ls.NAL(), ls.Adaptation(-0.5, 10))


def test_clear_messages():
    cases = [
        (lambda: ls.NAL({"hard": 3}, batch=1500), "batch must be"),
        (lambda: ls.hard_easy(R=[1, 2]).sample(3, 0), "replace arrays"),
        (lambda: ls.compare(ls.hard_easy(), ls.NAL(), ADAPT, over=["R"]), "must be a dict"),
        (lambda: ls.compare(ls.hard_easy(), ls.NAL(), ADAPT).plot(), "nothing varies"),
        (lambda: quick(over={"R": [1.0, 2.0]}).plot(y="gain"), "unknown quantity"),
        (lambda: ls.DataTask(["q"], np.eye(2), [1.0, 2.0]), "name must be"),
        (lambda: ls.risk(ls.hard_easy(d=2), np.zeros((0, 2)), ADAPT), "point must have"),
        (lambda: quick(adaptation=ls.Adaptation(0.5, 10**15), sampling="raw"), 'sampling="bartlett"'),
        (lambda: ls.Training(5, solver="sgd"), "needs a learning_rate"),
        (lambda: ls.Training(5, learning_rate=0.1), 'belong to solver="sgd"'),
        (lambda: ls.Training(5, solver="sgd", learning_rate=0.1, task_batch=2), "multiple of task_batch"),
        (
            lambda: quick(training=ls.Training(5, solver="sgd", learning_rate={"NLA": 1.0})),
            "did you mean NAL",
        ),
        (
            lambda: quick(training=ls.Training(500, solver="sgd", learning_rate=50.0)),
            "diverges at learning_rate 50",
        ),
    ]
    for call, message in cases:
        with pytest.raises((ValueError, TypeError), match=message):
            call()
    with pytest.raises(TypeError, match=r"write NAL\(...\)"):
        ls.risk(ls.hard_easy(), ls.NAL, ADAPT)


def test_sampling_takes_a_seed():
    first, second = (ls.hard_easy().sample(5, 3)[1] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_two_mamls_look_different():
    from landscape.plotting import style

    labels = ["MAML(0.1)", "MAML(0.2)", "FO-MAML"]
    assert style(labels[0], labels) != style(labels[1], labels)
    assert style("FOMAML(0.1)") == style("FO-MAML")

"""Bad input: a clear error that names the argument, the value and the cure; never a silent NaN."""

import inspect
import pickle
import re
import warnings

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import landscape as ls
from landscape import nonlinear, plotting
from landscape.closed_form.hardness import window_boundary
from landscape.simulator.training import LossTasks

I2 = np.eye(2)
ADAPT = ls.GradientSteps(0.5, 10)
SGD = ls.Training(T=20, n2=10, solver="sgd", learning_rate=0.1)
MAML20 = ls.MAML(ls.GradientSteps(0.5, 20))


def two(p, q):
    return ls.Mixture(
        [ls.TaskFamily("a", 1.0, d=2, probability=p), ls.TaskFamily("b", 1.0, d=2, probability=q)]
    )


def drawn(n=5):
    return ls.from_sampler(lambda rng: (1, [rng.normal()], 0), n, 0)


def simulated(method, training):
    return ls.simulate(ls.HardEasy(), method, ADAPT, training, repeats=2, progress=False)


BAD = {
    "covariance not square": (lambda: ls.TaskFamily("a", np.ones((2, 3))), "covariance of family 'a' must be a number"),
    "covariance not symmetric": (lambda: ls.TaskFamily("a", [[1.0, 0.5], [0.0, 1.0]]), "must be symmetric"),
    "covariance indefinite": (lambda: ls.TaskFamily("a", [[1.0, 2.0], [2.0, 1.0]]), "smallest eigenvalue of its correlations is -1"),
    "covariance negative": (lambda: ls.TaskFamily("a", [1.0, -0.5]), "must be >= 0 in every coordinate, got -0.5"),
    "covariance zero": (lambda: ls.TaskFamily("a", 0.0, d=2), "must not vanish"),
    "covariance NaN": (lambda: ls.TaskFamily("a", np.nan * I2), "must be finite, got nan"),
    "covariance text": (lambda: ls.TaskFamily("a", "wide", d=2), "must be a number"),
    "covariance complex": (lambda: ls.TaskFamily("a", 1j * I2), "must be real"),
    "spread infinite": (lambda: ls.TaskFamily("a", 1.0, 0.0, np.inf, d=2), "spread of family 'a' must be finite"),
    "centre NaN": (lambda: ls.TaskFamily("a", 1.0, [0.0, np.nan]), "centre of family 'a' must be finite, got nan"),
    "centre ragged": (lambda: ls.TaskFamily("a", 1.0, [[1.0], [1.0, 2.0]]), "centre of family 'a' must be a number or an"),
    "centre huge": (lambda: ls.TaskFamily("a", 1.0, 1e200, d=2), "must be at most 1e.40 in size, got 1e.200"),
    "R huge": (lambda: ls.HardEasy(R=-1e200), r"R must be at most 1e\+40 in size, got -1e\+200"),
    "noise negative": (lambda: ls.TaskFamily("a", 1.0, noise=-1, d=2), "noise must be finite and >= 0, got -1"),
    "shapes differ": (lambda: ls.TaskFamily("a", I2, np.zeros(3)), "covariance has d = 2, centre has d = 3"),
    "no dimension": (lambda: ls.Mixture([ls.TaskFamily("a", 1.0)]), "give d to one of the families"),
    "name empty": (lambda: ls.TaskFamily("", 1.0, d=2), "name must be a non-empty string"),
    "dimensions differ": (
        lambda: ls.Mixture([ls.TaskFamily("a", I2), ls.TaskFamily("b", np.eye(3))]), "'a' has d = 2, 'b' has d = 3"),
    "names equal": (lambda: ls.Mixture([ls.TaskFamily("a", I2)] * 2), "names of families must differ"),
    "no families": (lambda: ls.Mixture([]), "at least one TaskFamily"),
    "a family alone": (lambda: ls.risk(ls.TaskFamily("a", I2), ls.NAL(), ADAPT), r"wrap it: Mixture\(\[family\]\)"),
    "probabilities off": (lambda: two(0.5, 0.4), "must sum to 1 over the families, got 0.9"),
    "probability missing": (lambda: two(0.5, None), "'b' has none"),
    "probability above 1": (lambda: two(1.5, -0.5), "probability must be finite and >= 0 and <= 1, got 1.5"),
    "rho_hard negative": (lambda: ls.HardEasy(rho_hard=-0.1), "rho_hard must be finite and > 0, got -0.1"),
    "rho_hard in an array": (lambda: ls.HardEasy(rho_hard=[0.1, 0.0]), "rho_hard must be one number, got an array .* for a grid write over="),
    "p_hard above 1": (lambda: ls.HardEasy(p_hard=1.2), "p_hard must be finite and >= 0 and <= 1, got 1.2"),
    "d not whole": (lambda: ls.HardEasy(d=2.5), "d must be finite and a whole number"),
    "misspelt": (lambda: ls.HardEasy(rho_haerd=1), "parameter of HardEasy 'rho_haerd'; did you mean rho_hard"),
    "families of symbols": (
        lambda: ls.HardEasy(R=sympy.Symbol("R")).families, "centre of family 'hard' must be a number or an array of numbers, got R"),
    "samples negative": (lambda: ls.BayesEstimator(-1), "m must be a whole number and >= 0 or inf, got -1"),
    "a model of no environment": (lambda: ls.MixedModel.of(3, 5), "environment must be"),
    "a model of symbols": (lambda: ls.MixedModel.of(ls.HardEasy(R=sympy.Symbol("R")), 5), "environment of numbers"),
    "prior of another size": (lambda: ls.risk(ls.HardEasy(), 0.0, ls.MixedModel(np.ones(2), 0.3, 5)), "covariance of MixedModel must fit the tasks' d = 10, got 2"),
    "prior inside": (lambda: ls.optimum(ls.HardEasy(), ls.MAML(ls.MixedModel(np.ones(2), 0.3, 5))), "covariance of MixedModel must fit"),
    "prior of a form": (lambda: ls.risk_landscape(ls.HardEasy(), ls.MixedModel(np.ones(2), 0.3, 5), draws=40), "covariance of MixedModel must fit"),
    "step of another size": (lambda: ls.win_probability(ls.HardEasy(), ls.MAML(), ls.PreconditionedSteps([0.1, 0.2], 5)), "P of PreconditionedSteps must fit the tasks' d = 10, got 2"),
    "alpha NaN": (lambda: ls.GradientSteps(np.nan), "alpha must be finite, got nan"),
    "alpha missing value": (lambda: ls.GradientSteps(None), "alpha must be a number, got None"),
    "m below 1": (lambda: ls.GradientSteps(0.5, 0), "m must be a whole number and >= 1 or inf, got 0"),
    "m not whole": (lambda: ls.GradientSteps(0.5, 2.5), "m must be a whole number"),
    "steps without end": (lambda: ls.GradientSteps(0.5, 2, steps=10**9), "steps must be .* <= 100000, got 1e.09"),
    "steps negative": (lambda: ls.GradientSteps(0.5, 2, steps=-1), "steps must be finite and a whole number and >= 0"),
    "n2 below 1": (lambda: ls.MAML(ls.GradientSteps(0.5, 0)), "m must be a whole number and >= 1 or inf, got 0"),
    "hessian unknown": (lambda: ls.MAML(0.5, hessian="sharde"), "hessian must be one of 'shared', 'independent', got 'sharde'"),
    "strength zero": (lambda: ls.IMAML(0.0), "strength must be finite and > 0"),
    "train_share 1": (lambda: ls.BaMAML(1.0, 1.0), "train_share must be finite and > 0 and < 1, got 1"),
    "batch without weights": (lambda: ls.NAL(batch=10), "give task_weights too"),
    "weights not a dict": (lambda: ls.NAL([1, 2]), "dict of family name to weight"),
    "weights of nobody": (lambda: ls.optimum(ls.HardEasy(), ls.NAL({"hrad": 2})), "did you mean hard"),
    "weights all 0": (lambda: ls.optimum(ls.HardEasy(), ls.NAL({"hard": 0, "easy": 0})), "0 for every family"),
    "method is a class": (lambda: ls.optimum(ls.HardEasy(), ls.NAL), r"write NAL\(...\)"),
    "method unknown": (lambda: ls.compare(ls.HardEasy(), ["NAL"], ADAPT), "each of methods must be a method, a pair"),
    "method in words": (lambda: ls.gain(ls.HardEasy(), "MAML", ADAPT), r"must be a method, for example .*, got 'MAML'"),
    "methods are a class": (lambda: ls.compare(ls.HardEasy(), ls.MAML, ADAPT), r"write MAML\(...\)"),
    "environment not made": (lambda: ls.optimum(ls.HardEasy, ls.NAL()), r"write HardEasy\(...\)"),
    "file for an environment": (lambda: ls.diagnose("trips.csv"), r"make one of it by from_data\(table, target, task\)"),
    "neurons for an environment": (
        lambda: ls.compare(nonlinear.NonlinearEnvironment([nonlinear.NeuronTask("a", [1.0])]), ls.NAL(), ADAPT),
        r"ask landscape.nonlinear.nonlinear_comparison\(\), or take landscape.nonlinear.linearised\(environment\)"),
    "label in small letters": (lambda: ls.compare(ls.HardEasy(), ls.NAL(), ADAPT).gain("nal"), "did you mean NAL"),
    "series of one value": (lambda: plotting.plot_series(ls.HardEasy(), ADAPT, "m", 50), r"over\['m'\] must be a list of values, got 50"),
    "array for a name": (lambda: ls.MAML(0.5, hessian=np.ones(2)), r"hessian must be one of .*, got array\(\[1., 1.\]\)"),
    "list for a label": (lambda: ls.compare(ls.HardEasy(), ls.NAL(), ADAPT).risk(["NAL"]), r"unknown row \['NAL'\]"),
    "float for a generator": (lambda: ls.HardEasy().sample(5, 0.5), "rng must be a numpy.random.Generator or .*, got 0.5"),
    "negative seed of a sampler": (lambda: ls.from_sampler(lambda rng: (1, [rng.normal()], 0), 5, -1), "rng must be"),
    "seed of a picture": (lambda: plotting.landscape_view(ls.HardEasy(), ADAPT, rng=0.5), "rng must be .* whole number >= 0, got 0.5"),
    "no samples": (lambda: plotting.landscape_view(ls.HardEasy(), ADAPT, samples=0), "samples must be .* >= 1, got 0"),
    "ax is no axes": (lambda: ls.compare(ls.HardEasy(), ls.NAL(), ADAPT, over={"R": [1, 2]}).plot(ax=3), "ax must be Axes, got 3"),
    "axes are not two": (
        lambda: ls.plot_landscape(ls.HardEasy(), ADAPT, axes=3, resolution=3), "axes must be two matplotlib Axes, got 3"),
    "quadratic of symbols": (lambda: ls.risk_landscape(ls.HardEasy(R=sympy.Symbol("R")), 0.5), "risk_landscape needs numbers"),
    "quadratic of a family of symbols": (
        lambda: ls.risk_landscape(ls.Mixture([ls.TaskFamily("a", 1.0, noise=sympy.Symbol("s"), d=2)]), 0.5), "needs numbers"),
    "quadratic of a symbolic step": (lambda: ls.risk_landscape(ls.HardEasy(), sympy.Symbol("a")), "risk_landscape needs numbers"),
    "quadratic overflows": (lambda: ls.risk_landscape(ls.HardEasy(), ls.GradientSteps(1e30, steps=30)), "the result overflows"),
    "iterations in text": (lambda: ls.sgd_curve(ls.HardEasy(), ls.NAL(), SGD, iterations="12"), "iterations must be a number"),
    "iterations not whole": (lambda: ls.sgd_curve(ls.HardEasy(), ls.NAL(), SGD, iterations=[1.5]), "whole number .* got 1.5"),
    "moments in symbols": (lambda: ls.flow(ls.TwoTasks(), ls.NAL(), 0.0).at(sympy.Symbol("t")), r"moments \(times\) must be a number"),
    "shots in symbols": (
        lambda: ls.diagnose(drawn(), shots=sympy.Symbol("m")), "shots must be a number"),
    "training left out": (
        lambda: ls.required_tasks(ls.HardEasy(), ls.NAL(), ADAPT, None, suboptimality=0.1), "training must be Training, got None"),
    "start is None": (
        lambda: ls.replacement_effect(ls.Mixture([ls.DataTask("a", np.eye(3), np.ones(3))]), None, ls.GradientSteps(0.5, 2)),
        "starts must be a number, got None"),
    "start ragged": (lambda: ls.flow(ls.HardEasy(), ls.NAL(), [[1], [1, 2]]), "start must be a number or an array"),
    "point ragged": (lambda: ls.risk(ls.HardEasy(), [[1], [1, 2]], ADAPT), "start must be a number or an array"),
    "NaN for losses": (lambda: LossTasks.of(ls.TwoTasks()).pooled(np.full(10, np.nan)), "w must be finite, got nan"),
    "point too far": (lambda: LossTasks.of(ls.TwoTasks()).adapted(np.full(10, 1e300), 0.1), r"w must be at most 1e\+40"),
    "text among numbers": (lambda: ls.DataTask("a", np.array([[1, "2"]], dtype=object), [1]), "X of task 'a' must be a number or"),
    "intercept in words": (lambda: ls.from_data({"a": (I2, [0, 1])}, intercept="no"), "intercept must be True or False, got 'no'"),
    "id is a number": (lambda: ls.verify(0), "ids must be an id, or a list of them, got 0"),
    "no ids": (lambda: ls.verify([]), "ids must hold at least one id"),
    "no methods": (lambda: ls.compare(ls.HardEasy(), [], ADAPT), "at least one method"),
    "over unknown": (
        lambda: ls.compare(ls.HardEasy(), ls.NAL(), ADAPT, over={"rho_had": [1]}), "did you mean rho_hard"),
    "over not a list": (lambda: ls.compare(ls.HardEasy(), ls.NAL(), ADAPT, over={"m": 3}), "list of values"),
    "point of wrong shape": (lambda: ls.risk(ls.HardEasy(), np.zeros(3), ADAPT), "start must be a number or a vector of d = 10 coordinates, got 3"),
    "point NaN": (lambda: ls.risk(ls.HardEasy(), np.full(10, np.nan), ADAPT), "start must be finite, got nan"),
    "E[W] vanishes": (
        lambda: ls.optimum(ls.HardEasy(rho_hard=0.9), ls.MAML(1 / 0.9)), r"E\[W\] of MAML\(.*\) is singular.* change alpha or use finite n2"),
    "E[W] singular": (
        lambda: ls.optimum(ls.Mixture([ls.TaskFamily("a", [1.0, 0.0])]), ls.NAL()), "is singular"),
    "E[W] singular, dense": (
        lambda: ls.optimum(ls.Mixture([ls.TaskFamily("a", np.ones((2, 2)))]), ls.NAL()), "is singular"),
    "X vanishes": (lambda: ls.DataTask("a", np.zeros((3, 2)), np.zeros(3)), "must not vanish"),
    "y of other length": (lambda: ls.DataTask("a", np.ones((3, 2)), np.zeros(4)), r"must have shape \(3,\)"),
    "y infinite": (lambda: ls.DataTask("a", np.ones((3, 2)), [0, 1, np.inf]), "must be finite, got inf"),
    "T zero": (lambda: ls.Training(0), "T must be finite and a whole number and >= 1, got 0"),
    "training contradicts": (lambda: simulated(MAML20, ls.Training(5, n2=10)), "contradicts"),
    "T not in batches": (lambda: simulated(ls.NAL({"hard": 2}, batch=4), ls.Training(6)), "multiple of the batch"),
    "window of d = 0": (lambda: ls.hardness_window(0, 10), "d must be"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    call, message = BAD[case]
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_warnings_name_the_cure():
    with pytest.warns(ls.LandscapeWarning, match=r"the inner step expands: .* must lie in \[0, 2\]"):
        ls.risk(ls.HardEasy(), ls.NAL(), ls.GradientSteps(3.0, 10))
    with pytest.warns(ls.LandscapeWarning, match="negative eigenvalues.*smaller alpha"):
        ls.optimum(ls.HardEasy(rho_easy=3.0), ls.FOMAML(1.0))


anything = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-3, 10**6),
    st.sampled_from([1e-300, 1e300, 0.0, None, "x"]),
)


@settings(max_examples=300, deadline=None)
@given(
    values=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("rho_hard", "rho_easy", "R", "r_hard", "r_easy", "p_hard", "noise"), anything)
    ),
    alpha=anything, m=anything, steps=st.integers(-1, 3),
)  # fmt: skip
def test_no_silent_nan(values, alpha, m, steps):
    """Whatever comes in: an error with the argument's name, or numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ls.LandscapeWarning)
        try:
            environment = ls.HardEasy(d=3, **values)
            adaptation = ls.GradientSteps(alpha, m, steps)
            outcomes = [
                ls.risk(environment, ls.NAL(), adaptation),
                ls.risk(environment, ls.MAML(), adaptation),
            ]
        except ValueError as error:
            assert re.search(r"must|E\[W\]|too large", str(error)), error
            return
    for risk in outcomes:
        assert np.isfinite([risk.noise, risk.dispersion, risk.suboptimality]).all()


@settings(max_examples=100, deadline=None)
@given(entries=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=4, max_size=4))
def test_no_silent_nan_in_matrices(entries):
    try:
        environment = ls.Mixture([ls.TaskFamily("a", np.reshape(entries, (2, 2)), spread=1.0)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ls.LandscapeWarning)
            risk = ls.risk(environment, ls.NAL(), ADAPT)
    except ValueError:
        return
    assert np.isfinite([risk.noise, risk.dispersion, risk.suboptimality]).all()


@pytest.mark.parametrize("make", [ls.HardEasy, ls.TwoTasks])
def test_makers_show_their_parameters(make):
    shown = inspect.signature(make).parameters
    assert {"d", "rho_hard", "noise"} <= set(shown)
    for name, parameter in shown.items():
        assert parameter.kind is parameter.KEYWORD_ONLY
        assert getattr(make(), name) == parameter.default
        assert name in make.__doc__
    assert pickle.loads(pickle.dumps(make)) is make


@pytest.mark.parametrize("call", [
    lambda: ls.risk(ls.HardEasy(), ls.NAL(), ls.GradientSteps(3.0)),
    lambda: ls.gain(ls.HardEasy(), ls.NAL(), ls.GradientSteps(3.0)),
    lambda: ls.compare(ls.HardEasy(), ls.NAL(), ls.GradientSteps(3.0), over={"R": [1.0, 2.0]}),
    lambda: ls.optimum(ls.HardEasy(rho_easy=3.0), ls.FOMAML(1.0)),
    lambda: ls.descent(ls.HardEasy(), ls.NAL(), 0.0, rate=50.0),
    lambda: ls.asymptotics(ls.HardEasy(), ls.MAML(ls.GradientSteps(1.0, 2)), ls.Training(T=30, n1=2)),
])  # fmt: skip
def test_warnings_point_at_the_users_line(call):
    with pytest.warns(ls.LandscapeWarning) as seen:
        call()
    assert [warning.filename for warning in seen] == [__file__]


def test_minus_zero_is_zero():
    assert window_boundary(-0.0, d=3) == np.inf
    assert str(ls.GradientSteps(-0.0)) == "GradientSteps(0.0)"


def test_a_number_may_be_an_array_without_axes():
    assert ls.check_meta_gradient(lambda w, *rest: w, alpha=np.array(0.5)).wanted == "MAML"
    assert ls.optimum(ls.TwoTasks(d=np.array(2)), ls.MAML(np.array(0.8))).shape == (2,)
    best = ls.best_step(ls.HardEasy(), 0.0)
    assert ls.risk(ls.HardEasy(), 0.0, best) == ls.risk(ls.HardEasy(), 0.0, ls.GradientSteps(float(best)))


def test_what_is_no_adaptation_is_refused_by_name():
    for value in ([0.1, 0.2], np.eye(2), [[1], [1, 2]]):
        with pytest.raises(TypeError, match="an array of shape .* PreconditionedSteps"):
            ls.MAML(value)
    for value in ("0.5", None, {}, ls.GradientSteps):
        with pytest.raises(TypeError, match="adaptation must be an adaptation, for example GradientSteps"):
            ls.risk(ls.HardEasy(), 0.0, value)


def test_best_step_takes_symbols():
    m = sympy.Symbol("m", positive=True)
    best = ls.best_step(ls.HardEasy(), ls.NAL(), m)
    assert float(best.item().subs(m, 20)) == pytest.approx(float(ls.best_step(ls.HardEasy(), ls.NAL(), 20)))


def test_results_show_what_a_reader_can_use():
    law = ls.asymptotics(ls.HardEasy(), ls.NAL(), ls.Training(T=2000, n1=50, n2=50))
    curve = ls.sgd_curve(ls.HardEasy(), ls.NAL(), ls.Training(T=100, n2=50, solver="sgd", learning_rate=0.05))
    for result in (law, curve):
        assert " object at 0x" not in repr(result)
    assert re.fullmatch(
        r"0\.\d+ \(exact\)", repr(ls.best_step(ls.HardEasy(), ls.NAL(), 50))
    )  # as risk and gain show it

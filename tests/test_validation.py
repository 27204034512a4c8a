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

I2 = np.eye(2)
ADAPT = ls.Adaptation(0.5, 10)
SGD = ls.Training(T=20, n2=10, solver="sgd", learning_rate=0.1)


def two(p, q):
    return ls.Environment(
        [ls.TaskFamily("a", 1.0, d=2, probability=p), ls.TaskFamily("b", 1.0, d=2, probability=q)]
    )


BAD = {
    "covariance not square": (lambda: ls.TaskFamily("a", np.ones((2, 3))), "covariance of family 'a' must be a number"),
    "covariance not symmetric": (lambda: ls.TaskFamily("a", [[1.0, 0.5], [0.0, 1.0]]), "must be symmetric"),
    "covariance indefinite": (lambda: ls.TaskFamily("a", [[1.0, 2.0], [2.0, 1.0]]), "smallest eigenvalue is -1"),
    "covariance negative": (lambda: ls.TaskFamily("a", [1.0, -0.5]), "must be >= 0 in every coordinate, got -0.5"),
    "covariance zero": (lambda: ls.TaskFamily("a", 0.0, d=2), "must not vanish"),
    "covariance NaN": (lambda: ls.TaskFamily("a", np.nan * I2), "must be finite, got nan"),
    "covariance text": (lambda: ls.TaskFamily("a", "wide", d=2), "must be a number"),
    "covariance complex": (lambda: ls.TaskFamily("a", 1j * I2), "must be real"),
    "spread infinite": (lambda: ls.TaskFamily("a", 1.0, 0.0, np.inf, d=2), "spread of family 'a' must be finite"),
    "centre NaN": (lambda: ls.TaskFamily("a", 1.0, [0.0, np.nan]), "centre of family 'a' must be finite, got nan"),
    "centre ragged": (lambda: ls.TaskFamily("a", 1.0, [[1.0], [1.0, 2.0]]), "centre of family 'a' must be a number or an"),
    "centre huge": (lambda: ls.TaskFamily("a", 1.0, 1e200, d=2), "must be at most 1e.40 in size, got 1e.200"),
    "R huge": (lambda: ls.hard_easy(R=-1e200), r"R must be finite and at most 1e\+40 in size, got -1e\+200"),
    "noise negative": (lambda: ls.TaskFamily("a", 1.0, noise=-1, d=2), "noise must be finite and >= 0, got -1"),
    "shapes differ": (lambda: ls.TaskFamily("a", I2, np.zeros(3)), "covariance has d = 2, centre has d = 3"),
    "no dimension": (lambda: ls.Environment([ls.TaskFamily("a", 1.0)]), "give d to one of the families"),
    "name empty": (lambda: ls.TaskFamily("", 1.0, d=2), "name must be a non-empty string"),
    "dimensions differ": (
        lambda: ls.Environment([ls.TaskFamily("a", I2), ls.TaskFamily("b", np.eye(3))]), "'a' has d = 2, 'b' has d = 3"),
    "names equal": (lambda: ls.Environment([ls.TaskFamily("a", I2)] * 2), "names of families must differ"),
    "no families": (lambda: ls.Environment([]), "at least one TaskFamily"),
    "a family alone": (lambda: ls.risk(ls.TaskFamily("a", I2), ls.NAL(), ADAPT), r"wrap it: Environment\(\[family\]\)"),
    "probabilities off": (lambda: two(0.5, 0.4), "must sum to 1 over the families, got 0.9"),
    "probability missing": (lambda: two(0.5, None), "'b' has none"),
    "probability above 1": (lambda: two(1.5, -0.5), "probability must be finite and >= 0 and <= 1, got 1.5"),
    "rho_hard negative": (lambda: ls.hard_easy(rho_hard=-0.1), "rho_hard must be finite and > 0, got -0.1"),
    "rho_hard in a grid": (lambda: ls.hard_easy(rho_hard=[0.1, 0.0]), "rho_hard must be finite and > 0, got 0"),
    "p_hard above 1": (lambda: ls.hard_easy(p_hard=1.2), "p_hard must be finite and >= 0 and <= 1, got 1.2"),
    "d not whole": (lambda: ls.hard_easy(d=2.5), "d must be finite and a whole number"),
    "misspelt": (lambda: ls.hard_easy(rho_haerd=1), "parameter of hard_easy 'rho_haerd'; did you mean rho_hard"),
    "grids clash": (
        lambda: ls.optimum(ls.hard_easy(R=[1, 2], rho_hard=[1, 2, 3]), ls.NAL()), r"R \(2,\)"),
    "families of a grid": (lambda: ls.hard_easy(R=[1, 2]).families, "replace the arrays by one value each"),
    "alpha NaN": (lambda: ls.Adaptation(np.nan), "alpha must be finite, got nan"),
    "alpha missing value": (lambda: ls.Adaptation(None), "alpha must be a number, got None"),
    "m below 1": (lambda: ls.Adaptation(0.5, 0), "m must be a whole number and >= 1, got 0"),
    "m not whole": (lambda: ls.Adaptation(0.5, 2.5), "m must be a whole number"),
    "steps without end": (lambda: ls.Adaptation(0.5, 2, steps=10**9), "steps must be .* <= 100000, got 1e.09"),
    "steps negative": (lambda: ls.Adaptation(0.5, 2, steps=-1), "steps must be finite and a whole number and >= 0"),
    "n2 below 1": (lambda: ls.MAML(0.5, 0), "n2 must be a whole number and >= 1, got 0"),
    "hessian unknown": (lambda: ls.MAML(0.5, hessian="sharde"), "did you mean shared"),
    "strength zero": (lambda: ls.IMAML(0.0), "strength must be finite and > 0"),
    "train_share 1": (lambda: ls.BaMAML(1.0, 1.0), "train_share must be < 1"),
    "batch without weights": (lambda: ls.NAL(batch=10), "give task_weights too"),
    "weights not a dict": (lambda: ls.NAL([1, 2]), "dict of family name to weight"),
    "weights of nobody": (lambda: ls.optimum(ls.hard_easy(), ls.NAL({"hrad": 2})), "did you mean hard"),
    "weights all 0": (lambda: ls.optimum(ls.hard_easy(), ls.NAL({"hard": 0, "easy": 0})), "0 for every family"),
    "matching no step": (lambda: ls.MAML.matching(ls.Adaptation(0.5, 3, steps=0)), "steps must be"),
    "method is a class": (lambda: ls.optimum(ls.hard_easy(), ls.NAL), r"write NAL\(...\)"),
    "method unknown": (lambda: ls.compare(ls.hard_easy(), ["NAL"], ADAPT), "each of methods must be a method, for example NAL"),
    "method in words": (lambda: ls.gain(ls.hard_easy(), "MAML", ADAPT), r"must be a method, for example .*, got 'MAML'"),
    "methods are a class": (lambda: ls.compare(ls.hard_easy(), ls.MAML, ADAPT), r"write MAML\(...\)"),
    "environment not made": (lambda: ls.optimum(ls.hard_easy, ls.NAL()), r"write hard_easy\(...\)"),
    "file for an environment": (lambda: ls.diagnose("trips.csv"), r"make one of it by from_data\(table, target, task\)"),
    "neurons for an environment": (
        lambda: ls.compare(ls.NonlinearEnvironment([ls.NeuronTask("a", [1.0])]), ls.NAL(), ADAPT),
        r"ask nonlinear_comparison\(\), or take linearised\(environment\)"),
    "label in small letters": (lambda: ls.compare(ls.hard_easy(), ls.NAL(), ADAPT).gain("nal"), "did you mean NAL"),
    "unknown in small letters": (
        lambda: ls.solve_for("t", ls.hard_easy(), ls.NAL(), ADAPT, ls.Training(9)), "quantity to solve for 't'; did you mean T"),
    "series of one value": (lambda: ls.plot_series(ls.hard_easy(), ADAPT, "m", 50), "values must be a list .*, got 50"),
    "array for a name": (lambda: ls.MAML(0.5, hessian=np.ones(2)), r"unknown hessian array\(\[1., 1.\]\)"),
    "list for a label": (lambda: ls.compare(ls.hard_easy(), ls.NAL(), ADAPT).risk(["NAL"]), r"unknown method \['NAL'\]"),
    "float for a generator": (lambda: ls.hard_easy().sample(5, 0.5), "rng must be a numpy.random.Generator or .*, got 0.5"),
    "negative seed of a sampler": (lambda: ls.from_sampler(lambda rng: (1, [rng.normal()], 0), 5, -1), "rng must be"),
    "seed of a picture": (lambda: ls.landscape_view(ls.hard_easy(), ADAPT, seed=0.5), "seed must be a whole number >= 0, got 0.5"),
    "no samples": (lambda: ls.landscape_view(ls.hard_easy(), ADAPT, samples=0), "samples must be .* >= 1, got 0"),
    "ax is no axes": (lambda: ls.compare(ls.hard_easy(), ls.NAL(), ADAPT, over={"R": [1, 2]}).plot(ax=3), "ax must be Axes, got 3"),
    "axes are not two": (
        lambda: ls.plot_landscape(ls.hard_easy(), ADAPT, axes=3, resolution=3), "axes must be two matplotlib Axes, got 3"),
    "quadratic overflows": (lambda: ls.risk_quadratic(ls.hard_easy(), ls.Adaptation(1e30, steps=30)), "the result overflows"),
    "iterations in text": (lambda: ls.sgd_curve(ls.hard_easy(), ls.NAL(), SGD, iterations="12"), "iterations must be a number"),
    "iterations not whole": (lambda: ls.sgd_curve(ls.hard_easy(), ls.NAL(), SGD, iterations=[1.5]), "whole number .* got 1.5"),
    "moments in symbols": (lambda: ls.flow(ls.two_tasks(), ls.NAL(), 0.0).at(sympy.Symbol("t")), r"moments \(times\) must be a number"),
    "shots in symbols": (
        lambda: ls.diagnose(ls.from_sampler(lambda rng: (1, [rng.normal()], 0), 5, 0), shots=sympy.Symbol("m")), "shots must be a number"),
    "training left out": (
        lambda: ls.solve_for("T", ls.hard_easy(), ls.NAL(), ADAPT, None, suboptimality=0.1), "training must be Training, got None"),
    "start is None": (
        lambda: ls.replacement_effect(ls.Environment([ls.DataTask("a", np.eye(3), np.ones(3))]), None, ls.Adaptation(0.5, 2)),
        "starts must be a number, got None"),
    "start ragged": (lambda: ls.flow(ls.hard_easy(), ls.NAL(), [[1], [1, 2]]), "start must be a number or an array"),
    "point ragged": (lambda: ls.risk(ls.hard_easy(), [[1], [1, 2]], ADAPT), "point must be a number or an array"),
    "NaN for losses": (lambda: ls.LossTasks.of(ls.two_tasks()).pooled(np.full(10, np.nan)), "w must be finite, got nan"),
    "point too far": (lambda: ls.LossTasks.of(ls.two_tasks()).adapted(np.full(10, 1e300), 0.1), r"w must be at most 1e\+40"),
    "text among numbers": (lambda: ls.DataTask("a", np.array([[1, "2"]], dtype=object), [1]), "X of task 'a' must be a number or"),
    "intercept in words": (lambda: ls.from_data({"a": (I2, [0, 1])}, intercept="no"), "intercept must be True or False, got 'no'"),
    "id is a number": (lambda: ls.verify(0), "ids must be an id, or a list of them, got 0"),
    "no ids": (lambda: ls.verify([]), "ids must hold at least one id"),
    "no methods": (lambda: ls.compare(ls.hard_easy(), [], ADAPT), "at least one Method"),
    "over unknown": (
        lambda: ls.compare(ls.hard_easy(), ls.NAL(), ADAPT, over={"rho_had": [1]}), "did you mean rho_hard"),
    "over and arrays": (
        lambda: ls.compare(ls.hard_easy(R=[1, 2]), ls.NAL(), ADAPT, over={"m": [1]}), "not both"),
    "over not a list": (lambda: ls.compare(ls.hard_easy(), ls.NAL(), ADAPT, over={"m": 3}), "list of values"),
    "point of wrong shape": (lambda: ls.risk(ls.hard_easy(), np.zeros(3), ADAPT), "must have d = 10 coordinates"),
    "point NaN": (lambda: ls.risk(ls.hard_easy(), np.full(10, np.nan), ADAPT), "point must be finite, got nan"),
    "E[W] vanishes": (
        lambda: ls.optimum(ls.hard_easy(rho_hard=0.9), ls.MAML(1 / 0.9)), r"E\[W\] of MAML\(.*\) vanishes"),
    "E[W] singular": (
        lambda: ls.optimum(ls.Environment([ls.TaskFamily("a", [1.0, 0.0])]), ls.NAL()), "is singular"),
    "E[W] singular, dense": (
        lambda: ls.optimum(ls.Environment([ls.TaskFamily("a", np.ones((2, 2)))]), ls.NAL()), "is singular"),
    "X vanishes": (lambda: ls.DataTask("a", np.zeros((3, 2)), np.zeros(3)), "must not vanish"),
    "y of other length": (lambda: ls.DataTask("a", np.ones((3, 2)), np.zeros(4)), r"must have shape \(3,\)"),
    "y infinite": (lambda: ls.DataTask("a", np.ones((3, 2)), [0, 1, np.inf]), "must be finite, got inf"),
    "T zero": (lambda: ls.Training(0), "T must be finite and a whole number and >= 1, got 0"),
    "training contradicts": (
        lambda: ls.simulate(ls.hard_easy(), ls.MAML(0.5, 20), ADAPT, ls.Training(5, n2=10), 2, progress=False),
        "contradicts"),
    "too little data": (
        lambda: ls.simulate(ls.hard_easy(), ls.MAML(0.5, 2), ADAPT, ls.Training(1, n1=3), 2, progress=False),
        "too little data"),
    "T not in batches": (
        lambda: ls.simulate(ls.hard_easy(), ls.NAL({"hard": 2}, batch=4), ADAPT, ls.Training(6), 2, progress=False),
        "multiple of the batch"),
    "window of d = 0": (lambda: ls.hardness_window(0, 10), "d must be"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    call, message = BAD[case]
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_warnings_name_the_cure():
    with pytest.warns(ls.LandscapeWarning, match=r"the inner step expands: .* reaches 2.7"):
        ls.risk(ls.hard_easy(), ls.NAL(), ls.Adaptation(3.0, 10))
    with pytest.warns(ls.LandscapeWarning, match="negative eigenvalues.*smaller alpha"):
        ls.optimum(ls.hard_easy(rho_easy=3.0), ls.FOMAML(1.0))


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
            environment = ls.hard_easy(d=3, **values)
            adaptation = ls.Adaptation(alpha, m, steps)
            outcomes = [
                ls.risk(environment, ls.NAL(), adaptation),
                ls.risk(environment, ls.MAML.matching(adaptation), adaptation),
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
        environment = ls.Environment([ls.TaskFamily("a", np.reshape(entries, (2, 2)), spread=1.0)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ls.LandscapeWarning)
            risk = ls.risk(environment, ls.NAL(), ADAPT)
    except ValueError:
        return
    assert np.isfinite([risk.noise, risk.dispersion, risk.suboptimality]).all()


@pytest.mark.parametrize("make", [ls.hard_easy, ls.two_tasks])
def test_makers_show_their_parameters(make):
    shown = inspect.signature(make).parameters
    assert {"d", "rho_hard", "noise"} <= set(shown)
    for name, parameter in shown.items():
        assert parameter.kind is parameter.KEYWORD_ONLY
        assert getattr(make(), name) == parameter.default
        assert name in make.__doc__
    assert pickle.loads(pickle.dumps(make)) is make


@pytest.mark.parametrize("call", [
    lambda: ls.risk(ls.hard_easy(), ls.NAL(), ls.Adaptation(3.0)),
    lambda: ls.gain(ls.hard_easy(), ls.NAL(), ls.Adaptation(3.0)),
    lambda: ls.compare(ls.hard_easy(), ls.NAL(), ls.Adaptation(3.0), over={"R": [1.0, 2.0]}),
    lambda: ls.optimum(ls.hard_easy(rho_easy=3.0), ls.FOMAML(1.0)),
    lambda: ls.descent(ls.hard_easy(), ls.NAL(), 0.0, rate=50.0),
    lambda: ls.asymptotics(ls.hard_easy(), ls.MAML(1.0, n2=2), ls.Training(T=30, n1=2)),
])  # fmt: skip
def test_warnings_point_at_the_users_line(call):
    with pytest.warns(ls.LandscapeWarning) as seen:
        call()
    assert [warning.filename for warning in seen] == [__file__]


def test_minus_zero_is_zero():
    assert ls.window_boundary(-0.0, d=3) == np.inf
    assert str(ls.Adaptation(-0.0)) == "Adaptation(0.0)"


def test_a_number_may_be_an_array_without_axes():
    assert ls.check_meta_gradient(lambda w, *rest: w, alpha=np.array(0.5)).wanted == "MAML"
    assert ls.optimum(ls.two_tasks(d=np.array(2)), ls.MAML(np.array(0.8))).shape == (2,)


def test_best_step_takes_symbols():
    m = sympy.Symbol("m", positive=True)
    best = ls.best_step(ls.hard_easy(), ls.NAL(), m)
    assert float(best.subs(m, 20)) == pytest.approx(ls.best_step(ls.hard_easy(), ls.NAL(), 20))


def test_results_show_what_a_reader_can_use():
    law = ls.asymptotics(ls.hard_easy(), ls.NAL(), ls.Training(T=2000, n1=50, n2=50))
    curve = ls.sgd_curve(
        ls.hard_easy(), ls.NAL(), ls.Training(T=100, n2=50, solver="sgd", learning_rate=0.05)
    )
    for result in (law, curve):
        assert " object at 0x" not in repr(result)
    assert type(ls.best_step(ls.hard_easy(), ls.NAL(), 50)) is float  # as risk and gain give it

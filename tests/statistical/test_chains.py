"""SGD by thin batches ends where SGD by data ends: means and covariances of the last points, for every method and engine.

Seeds: fixed, 2,500 runs each.
False alarms: 1e-4 for all means and covariances of a test together.
Seen: 20% in a variance; the wrong Hessian, which is planted, must be.
"""

import dataclasses
import os
import sys
import threading
import time
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pytest
from support.agreement import check_z

import landscape as ls
from landscape.simulator import sgd
from landscape.simulator.draw_samples import drawer
from landscape.simulator.solve import task_gradients

RUNS = 2500
ROOT = np.array([[1.0, 0.2, 0.0], [0.2, 0.7, -0.3], [0.0, -0.3, 0.5]])
WORLDS = {
    "isotropic": ls.HardEasy(d=3, noise=0.1, r_hard=0.2, r_easy=0.3),
    "diagonal": ls.Mixture([
        ls.TaskFamily("a", [0.2, 0.5, 1.0], [0.0, 1.0, 2.0], [0.1, 0.2, 0.3], 0.3, 0.2),
        ls.TaskFamily("b", 0.6, -1.0, 0.2, 0.7),
    ]),
    "dense": ls.Mixture([
        ls.TaskFamily("a", ROOT @ ROOT, spread=0.1, probability=0.4),
        ls.TaskFamily("b", 0.5, 1.0, ROOT, 0.6, 0.2),
    ]),
}  # fmt: skip
STEPS = ls.GradientSteps
METHODS = [
    ls.NAL(), ls.MAML(STEPS(0.8, 3)), ls.MAML(STEPS(0.8, 5), hessian="independent"), ls.HFMAML(0.5), ls.FOMAML(0.5),
    ls.Reptile(STEPS(0.4, steps=2)), ls.MAML(STEPS(0.3, 4, 3)), ls.MAML(0.5), ls.MAML(ls.PreconditionedSteps([0.8, 0.5, 0.3], 3)),
    ls.FOMAML(STEPS(0.5, 4, 2, "same")),
]  # fmt: skip
INSTALLED = find_spec("numba") is not None
NUMBA = [
    pytest.mark.skipif(not INSTALLED, reason="needs numba"),
    pytest.mark.slow,
]  # compiling takes half a minute
ENGINES = [pytest.param(e, marks=NUMBA if e == "numba" else ()) for e in sgd.ENGINES]


def training(method, **changes):
    options = {
        "T": 40,
        "n1": 3,
        "n2": 4 if method.n2 is None else None,
        "tau": 2,
        "task_batch": 4,
        "learning_rate": 0.2,
    }
    return ls.Training(solver="sgd", **options | changes)


def thin_ends(environment, method, engine, seed=0, plan=None, runs=RUNS):
    plan = plan or training(method)
    inner = np.full(runs, float(plan.inner(method, 4)))
    return sgd.descend(
        [environment] * runs, [method] * runs, inner, plan, np.random.default_rng(seed), engine
    )


@cache
def data_ends(world, method, sampling):
    """SGD by data, all runs at once: their meta-gradients at 0 and the unit vectors, and each run's affine steps."""
    plan, d = training(method), 3
    W, rng = np.hstack([np.zeros((d, 1)), np.eye(d)]), np.random.default_rng(1)
    drawn = task_gradients(WORLDS[world], method, W, plan, 4, RUNS * plan.T, sampling, rng)
    w = np.zeros((RUNS, d, 1))
    for g in drawn.reshape(RUNS, -1, plan.task_batch, d, d + 1).mean(axis=2).swapaxes(0, 1):
        w = w - plan.learning_rate * (g[:, :, :1] + (g[:, :, 1:] - g[:, :, :1]) @ w)
    return w[:, :, 0]


def check_same_ends(one, other):
    z, pairs = [], np.triu_indices(one.shape[1])
    centre = one.mean(axis=0)
    for feature in (lambda v: v, lambda v: (v - centre)[:, pairs[0]] * (v - centre)[:, pairs[1]]):
        a, b = feature(one), feature(other)
        z.extend((a.mean(axis=0) - b.mean(axis=0)) / np.sqrt(a.var(axis=0) / len(a) + b.var(axis=0) / len(b)))
    check_z(z)


@pytest.mark.parametrize("sampling", ["raw", pytest.param("bartlett", marks=pytest.mark.slow)])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_ends_agree_with_data(method, engine, sampling):
    world = list(WORLDS)[METHODS.index(method) % 3]
    check_same_ends(thin_ends(WORLDS[world], method, engine), data_ends(world, method, sampling))


@pytest.mark.slow
def test_ends_of_simulate_agree_too():
    """The package's own way from data to the end of a run, and its way by thin batches."""
    adaptation, method, options = STEPS(0.5, 4), METHODS[1], {"repeats": 250, "tasks": 2, "progress": False}
    ends = [
        ls.simulate(WORLDS["dense"], method, adaptation, training(method), sampling=s, **options).solutions[0]
        for s in ("thin", "raw")
    ]
    check_same_ends(*ends)


@pytest.mark.parametrize("engine", ENGINES)
def test_batch_normalised_weights(engine):
    method = ls.NAL({"hard": 5.0}, batch=4)
    check_same_ends(
        thin_ends(WORLDS["isotropic"], method, engine), data_ends("isotropic", method, "bartlett")
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_the_wrong_hessian_is_caught(engine):
    """Shared and independent Hessians end at different places."""
    shared, independent = (
        thin_ends(WORLDS["dense"], ls.MAML(STEPS(0.8, 3), hessian=h), engine)
        for h in ("shared", "independent")
    )
    with pytest.raises(AssertionError):
        check_same_ends(shared, independent)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("world", WORLDS)
def test_chains_of_a_grid_are_those_of_its_points(world, engine):
    """Chains with environments, step sizes and batches of their own, side by side, end where they end alone."""
    one, other = WORLDS[world], ls.HardEasy(d=3, R=0.5, noise=0.4)
    if world == "dense":
        other = ls.Mixture([ls.TaskFamily("c", ROOT, 0.5, noise=0.2)])
    elif world == "diagonal":
        other = ls.Mixture([ls.TaskFamily("c", [0.3, 0.2, 0.9], 0.5, 0.1)])
    methods = [ls.MAML(STEPS(0.8, 3)), ls.MAML(STEPS(0.2))]
    plan, runs = training(methods[0]), RUNS
    inner = np.repeat([3.0, np.inf], runs)
    both = sgd.descend(
        [one] * runs + [other] * runs,
        [methods[0]] * runs + [methods[1]] * runs,
        inner,
        plan,
        np.random.default_rng(3),
        engine,
    )
    for part, environment, method in zip((both[:runs], both[runs:]), (one, other), methods, strict=True):
        check_same_ends(part, thin_ends(environment, method, engine, seed=9))


ENDLESS = [
    ls.NAL({"a": 3.0}), ls.NAL({"a": 3.0}, batch=4), ls.MAML(STEPS(0.3, steps=2)), ls.MAML(STEPS(0.8), hessian="independent"),
    ls.FOMAML(STEPS(0.5)), ls.HFMAML(0.5), ls.Reptile(STEPS(0.4, steps=2)),
]  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("covariance", [ROOT @ ROOT, np.array([0.2, 0.5, 1.0])], ids=["dense", "diagonal"])
@pytest.mark.parametrize("method", ENDLESS, ids=repr)
def test_endless_batches_of_one_family_are_its_gradients(method, covariance, engine):
    """Nothing is left to chance but 1/sqrt(n1): each step is the population's meta-gradient, times the weight unless normalised."""
    environment = ls.Mixture([ls.TaskFamily("a", covariance, [1.0, -0.5, 2.0], noise=0.3)])
    plan = training(method, n1=10**14, n2=None)
    ends = sgd.descend([environment], [method], np.array([np.inf]), plan, np.random.default_rng(0), engine)
    population = drawer(
        environment.tasks()[0].inputs, environment.families[0].centre[None], "raw", np.random.default_rng(0)
    )
    w = np.zeros((1, 3, 1))
    for _ in range(plan.T // plan.task_batch):
        weight = 3.0 if isinstance(method, ls.NAL) and method.task_batch is None else 1.0
        w = w - plan.learning_rate * weight * method.meta_gradient(w, population, np.inf, np.inf)
    np.testing.assert_allclose(ends[0], w[0, :, 0], rtol=1e-5)


def with_processors(monkeypatch, count):
    """Let the system say that this program may use so many processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(count), raising=False)


@pytest.mark.slow
def test_numbers_do_not_depend_on_the_number_of_threads(monkeypatch):
    pytest.importorskip("numba")
    few = thin_ends(WORLDS["isotropic"], METHODS[1], "numba", runs=27)
    with_processors(monkeypatch, 5)
    assert np.array_equal(few, thin_ends(WORLDS["isotropic"], METHODS[1], "numba", runs=27))


@pytest.mark.slow
def test_groups_of_chains_run_side_by_side(monkeypatch):
    """Two groups wait for one another in the middle: one after the other they would wait for ever."""
    pytest.importorskip("numba")
    from landscape.simulator import compiled

    assert compiled.descend.targetoptions["nogil"]  # else threads would take turns
    with_processors(monkeypatch, 2)
    both = threading.Barrier(2)
    environments, methods = [WORLDS["isotropic"]] * 16, [METHODS[1]] * 16
    options = training(METHODS[1]), np.random.default_rng(0), "numba", lambda steps: both.wait(timeout=60)
    assert sgd.descend(environments, methods, np.full(16, 3.0), *options).shape == (16, 3)


@pytest.mark.slow
def test_what_is_compiled_is_kept():
    """Once for diagonal and once for dense covariances; a function that no file holds cannot be kept, and works all the same."""
    pytest.importorskip("numba")
    from landscape.simulator import compiled

    for world in WORLDS.values():
        thin_ends(world, METHODS[1], "numba", runs=8)
    assert len(compiled.descend.signatures) == 2
    assert compiled.descend.stats.cache_path is not None
    typed = {}
    exec("def twice(x): return 2 * x", typed)
    twice = compiled.compiled(typed["twice"])
    assert twice(21) == 42
    assert twice.signatures
    assert twice.stats.cache_path is None


def simulate(method, sampling=None, solver="sgd", environment=None, **options):
    plan = training(method) if solver == "sgd" else ls.Training(40, n2=4 if method.n2 is None else None)
    environment = environment or WORLDS["isotropic"]
    options = {"repeats": 3, "tasks": 5, "sampling": sampling, "progress": False} | options
    return ls.simulate(environment, method, STEPS(0.5, 4), plan, **options)


def test_thin_is_taken_where_it_serves():
    same = [
        np.array_equal(simulate(m, engine="numpy").solutions, simulate(m, "bartlett").solutions)
        for m in (ls.NAL(), ls.IMAML(1.0))
    ]
    assert same == [False, True]
    for world in WORLDS.values():
        first, again = (
            simulate(METHODS[1], "thin", environment=world, engine="numpy").solutions for _ in range(2)
        )
        assert np.array_equal(first, again)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        (ls.IMAML(1.0), {}, "more of a batch than two products"),
        (ls.MAML(STEPS(0.3, 5, 3, "same")), {}, "more of a batch than two products"),
        (ls.NAL(), {"solver": "exact"}, 'needs solver="sgd"'),
        (
            ls.NAL(),
            {"environment": ls.Mixture([ls.DataTask("a", np.eye(3), np.ones(3))])},
            "not Gaussian",
        ),
    ],
)
def test_where_it_does_not_serve_it_says_so(method, options, message):
    with pytest.raises(ValueError, match=message):
        simulate(method, "thin", **options)


def test_bad_options_are_named():
    with pytest.raises(ValueError, match="engine"):
        simulate(ls.NAL(), engine="fortran")
    with pytest.raises(ValueError, match="sampling"):
        simulate(ls.NAL(), "thick")


def test_two_steps_on_one_batch_take_too_much_too():
    with pytest.raises(ValueError, match="more of a batch than two products"):
        simulate(ls.MAML(STEPS(0.3, 5, 2, "same")), "thin")


@pytest.mark.slow
def test_chains_of_unlike_structure_run_one_group_after_another():
    """Numbers of steps are no parameter that chains side by side may differ in."""
    plan = training(ls.NAL(), n2=None, T=400, learning_rate=0.05)
    result = ls.simulate(
        WORLDS["isotropic"], ls.MAML(), lambda k: STEPS(0.3, 5, int(k)), plan, over={"k": [1, 3], "r_hard": [0.1, 0.2]},
        repeats=40, tasks=5, engine="numpy", progress=False,
    )  # fmt: skip
    for i, k in enumerate((1, 3)):
        alone = ls.simulate(
            WORLDS["isotropic"], ls.MAML(), STEPS(0.3, 5, k), plan, over={"r_hard": [0.1, 0.2]},
            repeats=40, tasks=5, engine="numpy", rng=1, progress=False,
        )  # fmt: skip
        check_same_ends(result.solutions[i].reshape(-1, 3), alone.solutions.reshape(-1, 3))


def test_a_missing_numba_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ValueError, match=r"task-landscape\[fast\]"):
        simulate(ls.NAL(), engine="numba")
    assert simulate(ls.NAL()).engine == "numpy"


def test_the_engine_is_chosen_by_the_work(monkeypatch):
    """Nobody waits for a compiler, unless NumPy would take twice as long; the same choice on any machine."""
    installed = ModuleType("numba")
    installed.__spec__ = ModuleSpec("numba", None)
    monkeypatch.setitem(sys.modules, "numba", installed)
    assert simulate(ls.NAL()).engine == "numpy"
    plan = training(ls.NAL())
    estimates = [
        sgd.seconds_in_numpy([method], [dataclasses.replace(plan, T=T, task_batch=batch)], d, chains)
        for method in (ls.NAL(), METHODS[1]) for T in (10_000, 100_000) for batch in (1, 10) for d, chains in ((2, 10), (100, 100))
    ]  # fmt: skip
    assert {sgd.engine_for(None, plan, None, seconds) for seconds in estimates} == {"numpy", "numba"}
    one, more = (sgd.seconds_in_numpy([ls.MAML(STEPS(0.1, 5, k))], [plan], 3, 10) for k in (1, 10))
    assert more / one == pytest.approx(21 / 3)
    assert sgd.engine_for("numpy", plan, None, 1e9) == "numpy"


def test_without_chains_there_is_no_engine():
    assert simulate(ls.NAL(), solver="exact", engine="numpy").engine is None
    assert simulate(ls.NAL(), "raw").engine is None


@pytest.mark.slow
def test_estimated_work_is_of_the_right_size():
    """Within a factor of five of what this machine takes, few chains and many."""
    for chains, d in ((4, 2), (300, 30)):
        world, plan = ls.HardEasy(d=d), training(METHODS[1], n2=None, T=400, learning_rate=1e-4)
        methods = [ls.MAML(STEPS(0.01, 5))]
        begun = time.process_time()
        sgd.descend(
            [world] * chains, methods * chains, np.full(chains, 5.0), plan, np.random.default_rng(0), "numpy"
        )
        ratio = (time.process_time() - begun) / sgd.seconds_in_numpy(methods, [plan], d, chains)
        assert 0.1 < ratio < 10


def test_a_rate_for_each_method_by_its_repr():
    """Also where the method follows the adaptation, or varies over a grid."""
    adaptation = STEPS(0.5, 4)
    for method, over in ((ls.MAML(), None), (ls.MAML(STEPS(0.5, 4)), {"MAML.inner.alpha": [0.5, 0.4]})):
        ends = [
            ls.simulate(
                WORLDS["isotropic"], method, adaptation, training(METHODS[1], n2=None, learning_rate=rate), over,
                repeats=2, tasks=5, engine="numpy", progress=False,
            )
            for rate in (0.3, {repr(method): 0.3})
        ]  # fmt: skip
        assert np.array_equal(ends[0].solutions, ends[1].solutions)
        ls.agreement(ends[1], gradient_tasks=0)
    plan, methods = training(ls.NAL(), learning_rate={"NAL": 0.1}), [ls.NAL(), ls.MAML(STEPS(0.5, 4))]
    with pytest.raises(ValueError, match="unknown method in learning_rate 'MAML'"):
        ls.simulate(WORLDS["isotropic"], methods, adaptation, plan, repeats=2, tasks=5, progress=False)


def test_a_grid_of_batches_against_the_trainings_own_is_said_in_numbers():
    plan, over = training(ls.NAL(), n2=4), {"MAML.inner.m": [4, 8]}
    with pytest.raises(ValueError, match=r"Training\(n2=4\) contradicts"):
        ls.simulate(WORLDS["isotropic"], ls.MAML(STEPS(0.5, 4)), STEPS(0.5, 4), plan, over, progress=False)


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_that_leave_a_batch_empty_are_refused(engine):
    with pytest.raises(ValueError, match="task_weights must be > 0"):
        simulate(ls.NAL({"hard": 0.0}, batch=4), engine=engine)


@pytest.mark.slow
def test_many_families_fit_in_memory():
    """The tables do not grow with families times chains times iterations."""
    import tracemalloc

    environment = ls.from_sampler(lambda rng: (rng.uniform(0.5, 1), rng.normal(size=1), 0.0), 3000, 0)
    plan = ls.Training(2000, n1=2, n2=2, solver="sgd", learning_rate=0.01)
    tracemalloc.start()
    sgd.descend([environment] * 4, [ls.NAL()] * 4, np.full(4, 2.0), plan, np.random.default_rng(0), "numpy")
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()


@pytest.mark.parametrize("engine", ENGINES)
def test_divergence_is_said(engine):
    plan = training(METHODS[1], T=4000, learning_rate=90.0)
    options = {"repeats": 2, "tasks": 5, "engine": engine, "progress": False}
    with pytest.raises(ValueError, match="diverges at learning_rate 90"):
        ls.simulate(WORLDS["isotropic"], METHODS[1], STEPS(0.5, 4), plan, **options)

"""Cost of a meta-gradient step, d = 10, n1 = 25, 100 chains, on one thread, as ratios within one run.

`pytest tests/benchmarks --benchmark-only`; the environment variable OMP_NUM_THREADS=1 keeps the raw twin to one thread as well.
"""

import os
import time
from importlib.util import find_spec

import numpy as np
import pytest

import landscape as ls
from landscape.simulator import sgd
from landscape.simulator.draw_samples import Rows
from landscape.simulator.solve import trained_point

D, CHAINS, N1, RATE = 10, 100, 25, 0.01
ENVIRONMENT = ls.TwoTasks(d=D)
needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="needs numba")


def raw(n2, iterations):
    """SGD with all n1 + n2 samples of every step drawn, batched over the chains like the thin one."""
    rng = np.random.default_rng(0)
    tasks = [task.expanded() for task in ENVIRONMENT.tasks()]
    roots = np.array([task.inputs.root for task in tasks])
    centres = np.array([task.centre for task in tasks])
    deviation, method = np.sqrt(tasks[0].inputs.noise_variance), ls.MAML(ls.GradientSteps(1.0, n2))
    w = np.zeros((CHAINS, D, 1))
    for _ in range(iterations):
        family = rng.integers(2, size=CHAINS)

        def draw(n, family=family):
            X = rng.standard_normal((CHAINS, n, D)) * roots[family][:, None]
            return Rows(X, deviation * rng.standard_normal((CHAINS, n)), centres[family], n)

        w = w - RATE * method.meta_gradient(w, draw, N1, n2)
    return w


def thin(n2, iterations, engine):
    training = ls.Training(iterations, n1=N1, solver="sgd", learning_rate=RATE)
    method = ls.MAML(ls.GradientSteps(1.0, n2))
    rng = np.random.default_rng(0)
    return sgd.descend(
        [ENVIRONMENT] * CHAINS, [method] * CHAINS, np.full(CHAINS, float(n2)), training, rng, engine
    )


def fastest(call, steps, rounds):
    """Seconds a step, the best of several rounds: what else runs on the machine only ever adds."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times) / steps


def on_one_processor(monkeypatch):
    """Let the system say that this program may use one processor."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0}, raising=False)


def record(benchmark, **values):
    benchmark.extra_info.update(values)
    benchmark.pedantic(lambda: None, rounds=1)


@pytest.mark.parametrize(
    ("engine", "n2", "at_least"),
    [
        ("numpy", 500, 40),
        ("numpy", 2000, 150),
        pytest.param("numba", 500, 150, marks=needs_numba),
        pytest.param("numba", 2000, 600, marks=needs_numba),
    ],
)
def test_against_raw_data(benchmark, monkeypatch, engine, n2, at_least):
    on_one_processor(monkeypatch)
    ours = fastest(lambda: thin(n2, 400, engine), 400, 15)
    theirs = fastest(lambda: raw(n2, 4), 4, 6)
    record(benchmark, times_faster=theirs / ours, microseconds_a_chain=1e6 * ours / CHAINS)
    assert theirs / ours > at_least


def episodes(T, n2):
    """Tasks of both kinds by batched NumPy, what one would write by hand: n -> X (T, n, d) and y (T, n) for all."""
    rng = np.random.default_rng(0)
    hard = rng.integers(2, size=T)[:, None]
    root, w = np.sqrt(np.where(hard, 0.1, 1.0))[:, :, None], np.where(hard, 1.0, -1.0) * np.ones(D)

    def draw(n):
        X = rng.standard_normal((T, n, D)) * root
        return X, (X @ w[:, :, None])[:, :, 0] + 0.1 * rng.standard_normal((T, n))

    return draw


def plain_pooled(T, n2):
    """NAL's empirical solution, Collins et al., eq. (41)."""
    X, y = episodes(T, n2)(n2 + N1)
    X = X.reshape(-1, D)
    return np.linalg.solve(X.T @ X, X.T @ y.ravel())


def adapted(T, n2):
    """The rows and residuals after one step of size 1, in which MAML is a least-squares problem."""
    draw = episodes(T, n2)
    (X, y), (U, v) = draw(n2), draw(N1)
    Z = U @ (np.eye(D) - X.swapaxes(1, 2) @ X / n2)
    return Z, v - (U @ (X.swapaxes(1, 2) @ y[:, :, None] / n2))[:, :, 0]


def plain_maml(T, n2):
    """MAML's empirical solution, Collins et al., eq. (43)."""
    Z, residual = adapted(T, n2)
    Z = Z.reshape(-1, D)
    return np.linalg.solve(Z.T @ Z, Z.T @ residual.ravel())


def plain_sgd(T, n2):
    """MAML by SGD, a task a step."""
    Z, residual = adapted(T, n2)
    H, b, w = Z.swapaxes(1, 2) @ Z / N1, (Z.swapaxes(1, 2) @ residual[:, :, None])[:, :, 0] / N1, np.zeros(D)
    for Hessian, pull in zip(H, b, strict=True):
        w = w - RATE * (Hessian @ w - pull)
    return w


@pytest.mark.parametrize(
    ("sampling", "n2", "at_most"),
    [("raw", 20, 1.5), ("raw", 50, 1.5), ("raw", 500, 1.5), ("bartlett", 50, 0.8), ("bartlett", 500, 0.2)],
)
@pytest.mark.parametrize("name", ["NAL", "MAML", "SGD"])
def test_drawing_costs_at_most_what_plain_numpy_costs(benchmark, name, sampling, n2, at_most):
    """By turns and in CPU time, the least of 80 calls, in units of plain NumPy that draws row by row.

    Rows 0.8 to 1.0 at n2 = 50 and 500, 0.9 to 1.05 at 20; pseudo-rows .4 to .5 at 50, .04 to .12 at 500.
    """
    method = ls.NAL() if name == "NAL" else ls.MAML(ls.GradientSteps(1.0, n2))
    theirs = {"NAL": plain_pooled, "MAML": plain_maml, "SGD": plain_sgd}[name]
    sgd_training = ls.Training(1000, n1=N1, solver="sgd", learning_rate=RATE)
    training, rng = sgd_training if name == "SGD" else ls.Training(1000, n1=N1), np.random.default_rng(0)
    calls = [
        lambda: trained_point(ENVIRONMENT, method, training, n2, sampling, rng),
        lambda: theirs(1000, n2),
    ]
    times = []
    for _ in range(5 if n2 == 500 else 40):
        for call in calls:
            start = time.process_time()
            call()
            times.append(time.process_time() - start)
    ratio = min(times[::2]) / min(times[1::2])
    record(benchmark, times_plain=ratio)
    assert ratio < at_most


@pytest.mark.parametrize("engine", ["numpy", pytest.param("numba", marks=needs_numba)])
def test_time_does_not_grow_with_n2(benchmark, monkeypatch, engine):
    on_one_processor(monkeypatch)
    many, few = (fastest(lambda n2=n2: thin(n2, 400, engine), 400, 15) for n2 in (10**6, 10))
    record(benchmark, ratio=many / few)
    assert many / few < 1.25


@needs_numba
def test_near_the_limit_of_the_generator(benchmark, monkeypatch):
    """Against a compiled loop that draws the same variates from the same generator, and does nothing with them but keep them."""
    from numba import njit

    @njit(nogil=True)
    def bare(rng, freedom, iterations, normals, kept):
        for _ in range(iterations):
            kept[0] += rng.random()
            for i in range(len(freedom)):
                kept[i] += rng.standard_gamma(freedom[i] / 2)
            for i in range(len(normals)):
                normals[i] = rng.standard_normal()

    on_one_processor(monkeypatch)
    freedom, normals, kept = np.array([500.0, N1, 499.0]), np.empty(3 * D), np.zeros(3)
    steps = 400 * 104  # 13 groups of eight
    limit = fastest(lambda: bare(np.random.default_rng(0), freedom, steps, normals, kept), steps, 15)
    ours = fastest(lambda: thin(500, 400, "numba"), steps, 15)
    record(benchmark, times_the_limit=ours / limit)
    assert ours / limit < 2.5


def test_figure_8_in_full_against_raw_data(benchmark, monkeypatch):
    """10 hardness values, 10 repeats, 5,000 iterations, 3,000 evaluation tasks, NAL and MAML, in NumPy.

    Against twice the steps of the raw twin, which are as many as MAML's and NAL's chains take together.
    """
    on_one_processor(monkeypatch)
    adaptation = ls.GradientSteps(1.0, 500)
    training = ls.Training(5000, solver="sgd", learning_rate={"NAL": 0.025, "MAML": 0.05})

    def run():
        ls.simulate(
            ls.TwoTasks(), [ls.NAL(), ls.MAML()], adaptation, training, {"rho_hard": np.linspace(0.1, 1, 10)},
            tasks=3000, engine="numpy", progress=False,
        )  # fmt: skip

    seconds, theirs = fastest(run, 1, 3), 2 * 5000 * fastest(lambda: raw(500, 4), 4, 6)
    record(benchmark, seconds=seconds, times_faster=theirs / seconds)
    assert theirs / seconds > 10

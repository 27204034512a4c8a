"""Cost of nonlinear landscapes: `pytest tests/benchmarks --benchmark-only`. Ratios within one run."""

import time

import numpy as np
from test_benchmarks import ratio

import landscape as ls
from landscape.nonlinear.activations import activation
from landscape.papers.figures.fig4 import ONE_HARD

FULL_STEP = ls.GradientSteps(2.0)


def grid(n):
    """Points (n, n, 1, 2) of the square [-2, 2]^2."""
    line = np.linspace(-2, 2, n)
    return np.stack(np.meshgrid(line, line), axis=-1)[:, :, None]


def test_a_landscape_of_400_by_400_costs_no_more_a_point_than_one_of_100_by_100(benchmark):
    """Some seconds (recorded); 16 times as many points cost 16 times as much."""
    large, small = grid(400), grid(100)
    found = ratio(
        benchmark, lambda: ONE_HARD.risk(large, FULL_STEP), lambda: ONE_HARD.risk(small, FULL_STEP), 3
    )
    assert ONE_HARD.risk(small, FULL_STEP).shape == (100, 100)
    assert found < 1.5 * 16


def sampled_maml(points, draws, rng):
    """The same objective as the paper has it, by one set of samples a task for inner and outer means: values and standard errors."""
    s = activation("softplus")
    values, variances = np.zeros(len(points)), np.zeros(len(points))
    for task in ONE_HARD.tasks:
        x, y = task.draw((draws,), rng)
        for i, w in enumerate(points):
            t = x @ w
            g = ((s(t) - y) * s.slope(t)) @ x / draws
            losses = (s(x @ (w - FULL_STEP.alpha * g)) - y) ** 2 / 2
            values[i] += losses.mean() / 4
            variances[i] += losses.var() / draws / 16
    return values, np.sqrt(variances)


def test_fifty_times_faster_than_sampling_at_a_thousandth(benchmark):
    """Sampling is given as many draws as bring its standard error to 1e-3 of the value in the median over ten points."""
    rng = np.random.default_rng(0)
    few = rng.uniform(-2, 2, (10, 2))
    values, errors = sampled_maml(few, 10**5, rng)
    draws = int(10**5 * np.median(errors / values / 1e-3) ** 2)
    start = time.perf_counter()
    values, errors = sampled_maml(few, draws, rng)
    by_sampling = (time.perf_counter() - start) / len(few)
    exact = ONE_HARD.risk(few[:, None], FULL_STEP)
    assert (
        np.abs(values - exact) < 6 * errors + 1e-3 * exact
    ).all()  # the inner mean is noisy too: a bias of order 1/draws
    points = grid(100)
    start = time.perf_counter()
    ONE_HARD.risk(points, FULL_STEP)
    ours = (time.perf_counter() - start) / 100**2
    benchmark.extra_info.update(draws=draws, times_faster=by_sampling / ours)
    benchmark.pedantic(ONE_HARD.risk, args=(points, FULL_STEP), rounds=1)
    assert by_sampling / ours > 50


def test_a_thousand_dimensions_cost_as_much_as_two(benchmark):
    """Losses and gradients of both objectives, products with Hessians; written out, a Hessian has d^2 entries."""

    def asked(d):
        rng = np.random.default_rng(0)
        tasks = [
            ls.NeuronTask(n, 1.5 * rng.standard_normal(d) / np.sqrt(d), c)
            for n, c in (("hard", 0.5), ("easy", 1.0))
        ]
        environment, W = ls.NonlinearEnvironment(tasks), rng.standard_normal((1, d)) / np.sqrt(d)
        step, samples = ls.GradientSteps(1.0), ls.GradientSteps(1.0, m=20)

        def all_of_it():
            for adaptation in (None, step, samples):
                environment.risk(W, adaptation)
            for adaptation in (None, step):
                environment.gradient(W, adaptation)
            environment.tasks[0].hessian_times(W, W)

        return all_of_it

    assert ratio(benchmark, asked(1000), asked(2), 21) < 1.5

"""Neurons and logistic regression: exact losses against draws, differences, the plane, the linear package, and limits."""

import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest

import landscape as ls
from landscape.nonlinear import pairs, quadrature, scatter
from landscape.nonlinear.activations import activation, product
from landscape.nonlinear.blocks import written_out
from landscape.nonlinear.quadrature import plane_expectation
from landscape.papers.bounds import theorem1

SMOOTH = ["softplus", "sigmoid", "tanh"]
ALL = [*SMOOTH, "relu", "linear"]


def random_covariance(rng, d, form):
    root = rng.standard_normal((d, d)) / np.sqrt(d)
    return {0: 0.7, 1: rng.uniform(0.3, 1.5, d), 2: root @ root.T + 0.3 * np.eye(d)}[form]


def difference(function, W, h=1e-5):
    """Central differences over all entries of W, first axes those of W."""
    moves = h * np.eye(W.size).reshape(W.size, *W.shape)
    slopes = [(function(W + e) - function(W - e)) / (2 * h) for e in moves]
    return np.array(slopes).reshape(*W.shape, *np.shape(slopes[0]))


def check_derivatives(task, W):
    """Gradient and Hessian to 1e-6 of the size of the loss's own."""
    g, H = task.gradient(W), task.hessian(W)
    np.testing.assert_allclose(difference(task.loss, W), g, atol=1e-6 * max(1, np.abs(g).max()))
    np.testing.assert_allclose(
        difference(task.gradient, W).reshape(H.shape), H, atol=1e-6 * max(1, np.abs(H).max())
    )


@pytest.mark.parametrize("form", [0, 1, 2])
@pytest.mark.parametrize(("M", "d"), [(1, 1), (1, 2), (1, 5), (2, 3), (3, 2)])
@pytest.mark.parametrize("name", ALL)
def test_derivatives_agree_with_differences(name, M, d, form):
    rng = np.random.default_rng([M, d, form])
    task = ls.NeuronTask("a", rng.standard_normal((M, d)), random_covariance(rng, d, form), name, noise=0.1)
    W = rng.standard_normal((M, d))
    check_derivatives(task, W)
    many = np.stack([W, -W, 0.5 * W])
    for of in (task.loss, task.gradient, task.hessian):
        np.testing.assert_allclose(of(many)[2], of(0.5 * W), atol=1e-13)


@pytest.mark.parametrize("form", [0, 1, 2])
def test_logistic_derivatives(form):
    rng = np.random.default_rng(form)
    task = ls.LogisticTask("a", rng.standard_normal(3), random_covariance(rng, 3, form))
    check_derivatives(task, rng.standard_normal((1, 3)))
    np.testing.assert_allclose(task.gradient(task.teacher), 0, atol=1e-14)


class Draws:
    """Means of per-sample losses, gradients and Hessians with their standard errors, over many draws."""

    def __init__(self, task, W, of_sample, count, seed=0):
        rng, total, squares = np.random.default_rng(seed), 0.0, 0.0
        for _ in range(count // 10**5):  # pieces that stay in the cache
            values = of_sample(W, *task.draw((10**5,), rng))
            total, squares = total + values.sum(axis=1), squares + (values**2).sum(axis=1)
        self.mean = total / count
        self.error = np.sqrt((squares / count - self.mean**2) / count)

    def z(self, exact):
        """z-scores of exact values."""
        return (self.mean - exact) / self.error


TEACHER, VARIANCE = np.array([1.1, -0.7]), 0.8


def neuron_sample(name):
    """Loss, gradient and Hessian of samples in two dimensions, stacked."""
    s = activation(name)

    def values(W, x, y):
        t = x @ W
        slope = s.slope(t)
        error = s(t) - y
        x1, x2 = x.T
        if s.jet is None:  # the kink: its density at w'x = 0 times what is met there, x less its part along w
            curved = [slope**2 * p for p in (x1 * x1, x1 * x2, x2 * x2)]
            length, across = np.linalg.norm(W), np.array([-W[1], W[0]]) / np.linalg.norm(W)
            a = x @ across
            met = -np.maximum(a * (TEACHER @ across), 0) * a**2 / (np.sqrt(2 * np.pi * VARIANCE) * length)
            pairs_of = (across[0] ** 2, across[0] * across[1], across[1] ** 2)
            curved = [c + met * p for c, p in zip(curved, pairs_of, strict=True)]
        else:
            curved = [(slope**2 + error * s.jet(t, 2)[2]) * p for p in (x1 * x1, x1 * x2, x2 * x2)]
        return np.stack([error**2 / 2, error * slope * x1, error * slope * x2, *curved])

    return values


@pytest.mark.parametrize(("count", "off"), [(10**6, 1.03), pytest.param(10**7, 1.01, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [*SMOOTH, "relu"])
def test_means_of_many_draws(name, count, off):
    """Six means at 4.5 standard errors: four activations give a false alarm in 6,000 seeds; the seed is fixed.

    The standard errors of 10^7 draws are about 3e-4 of the spread of a sample, of 10^6 three times as much: with chance 1/2 an
    error of 4.5 of them is seen.
    """
    task, W = ls.NeuronTask("a", TEACHER, VARIANCE, name), np.array([0.4, 1.3])

    def exact(task):
        H = task.hessian(W)
        return np.r_[task.loss(W), task.gradient(W)[0], H[0, 0], H[0, 1], H[1, 1]]

    draws = Draws(task, W, neuron_sample(name), count)
    assert np.abs(draws.z(exact(task))).max() < 4.5
    for wrong in (replace(task, covariance=off * VARIANCE), replace(task, teacher=off * TEACHER)):
        assert (
            np.abs(draws.z(exact(wrong))[1:3]).max() > 4.5
        )  # the negative control: a gradient wrong by some percent


def test_draws_of_the_gradients_covariance_and_logistic_loss():
    """30 means at 4.5 standard errors: a false alarm in 5,000 seeds."""
    for task in (
        ls.NeuronTask("a", [1.1, -0.7], 0.8, "tanh", noise=0.3),
        ls.LogisticTask("b", [1.1, -0.7], 0.8),
    ):
        W = np.array([[0.4, 1.3]])

        def values(W, x, y, task=task):
            g = task.sample_gradient(W, x[:, None], y[:, None])[:, 0]
            loss = (
                (np.tanh(x @ W[0]) - y) ** 2 / 2
                if task.name == "a"
                else np.logaddexp(0, x @ W[0]) - y * (x @ W[0])
            )
            return np.stack([loss, *g.T, g[:, 0] ** 2, g[:, 0] * g[:, 1], g[:, 1] ** 2])

        g = task.gradient(W)[0]
        second = task.gradient_covariance(W) + np.outer(g, g)
        exact = np.r_[task.loss(W), g, second[0, 0], second[0, 1], second[1, 1]]
        draws = Draws(task, W, values, 2 * 10**6)
        assert np.abs(draws.z(exact)).max() < 4.5
        assert np.abs(draws.z(exact * 1.02)).max() > 4.5


@pytest.mark.parametrize("name", SMOOTH)
def test_two_quadrature_orders_agree(name):
    """To 1e-10 for sqrt(rho)|w| up to 3, parallel and nearly parallel vectors included.

    Series follow the longest vector. The second order is that of a longer neuron, which student and teacher
    share, so that it adds nothing to the error; the gradient's covariance gets a point as long.
    """
    rng = np.random.default_rng(3)
    V = 3 * np.array([[0.6, 0.8, 0.0]])
    points = 3 * rng.standard_normal((40, 1, 3))
    points *= 3 / np.maximum(np.linalg.norm(points, axis=-1, keepdims=True), 3)
    points[:4, 0] = V[0] * np.array([[1], [-1], [0.5], [0]])
    points[4:6, 0] = V[0] + [[1e-6, 0, 0], [0, 1e-3, -1e-3]]

    shared = 3.5 * np.array([[0.0, 0.6, 0.8]])
    task = ls.NeuronTask("a", V, 1.0, name)
    both = ls.NeuronTask("a", np.concatenate([V, shared]), 1.0, name)
    together = np.concatenate([points, np.tile(shared, (len(points), 1, 1))], axis=1)
    longer = np.concatenate([points[:, 0], shared])
    scatters = [scatter.pair_scatter(activation(name), w, V[0], 0.0) for w in (points[:, 0], longer)]
    for a, b in (
        (task.loss(points), both.loss(together)),
        (task.gradient(points), both.gradient(together)[:, :1]),
        (task.hessian(points), both.hessian(together)[:, :3, :3]),
        [written_out(*found)[: len(points)] for found in scatters],
    ):
        np.testing.assert_allclose(a, b, atol=1e-10)
        assert (a != b).any()  # it was another order


@pytest.mark.parametrize("name", ALL)
def test_loss_agrees_with_the_plane(name):
    """One neuron: the second route integrates the squared error itself over the plane of w and v."""
    s = activation(name)
    w, v = np.array([1.2, -0.4]), np.array([0.3, 0.9])
    a, b = np.linalg.norm(w), np.linalg.norm(v)
    nodes = 2001 if name == "relu" else None

    def squared(x, y):
        return (s(a * x) - s(b * y)) ** 2 / 2

    plane = plane_expectation(squared, w @ v / (a * b), min(s.strip, 9) / a or 1, nodes)
    assert ls.NeuronTask("a", v, activation=name).loss(w) == pytest.approx(
        plane, abs=4e-5 if name == "relu" else 1e-12
    )


def test_beyond_the_range_the_error_is_stated():
    task = ls.NeuronTask("a", [15.0, 0.0], activation="tanh")
    with pytest.warns(ls.LandscapeWarning, match="has an error of at most") as caught:
        loss = task.loss([14.0, 0.05])
    r = np.cos(pairs.angle(np.array([14.0, 0.05]), np.array([15.0, 0.0])))
    exact = plane_expectation(
        lambda x, y: (np.tanh(14 * np.hypot(1, 0.05 / 14) * x) - np.tanh(15 * y)) ** 2 / 2, r, 1.57 / 15
    )
    stated = float(str(caught[0].message).split()[-1])
    assert 1e-9 < abs(loss - exact) <= 1.01 * stated < 1e-3
    with pytest.raises(ValueError, match="too long"):
        task.loss([500.0, 0.0])
    environment = ls.NonlinearEnvironment([task])
    for call in (task.gradient, environment.risk, lambda W: environment.gradient(W, ls.GradientSteps(0.1))):
        with pytest.warns(ls.LandscapeWarning) as caught:
            call([14.0, 0.05])
        assert {warning.filename for warning in caught} == {__file__}  # it points at the user's line
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ls.NeuronTask("b", [0.0, 15.0], activation="tanh").loss(
            [14.0, 0.1]
        )  # nearly orthogonal: the series falls at once


@pytest.mark.parametrize("length", [25.0, 99.0])
@pytest.mark.parametrize("name", SMOOTH)
def test_parallel_vectors_are_exact_at_any_length(name, length):
    """The teacher's own loss is 0, and half as long a vector has the loss of an integral in one dimension; no warning."""
    v = np.array([length, 0.0])
    task, s = ls.NeuronTask("a", v, activation=name), activation(name)
    z = np.arange(-9, 9, 1e-4)
    density = np.exp(-(z**2) / 2) * 1e-4 / np.sqrt(2 * np.pi)
    for factor in (1.0, 0.5, -0.5):
        exact = density @ (s(factor * length * z) - s(length * z)) ** 2 / 2
        assert task.loss(factor * v) == pytest.approx(exact, rel=1e-10, abs=1e-10)
    np.testing.assert_allclose(task.gradient(v), 0, atol=1e-12)


@pytest.mark.parametrize("length", [1.0, 23.0, 60.0])
def test_logistic_scatter_of_long_vectors(length):
    """At the teacher it is E[s(1 - s) x x'], an integral in one dimension."""
    z = np.arange(-9, 9, 1e-4)
    weight = np.exp(-(z**2) / 2) * 1e-4 / np.sqrt(2 * np.pi) / (2 + 2 * np.cosh(length * z))
    found = ls.LogisticTask("a", [length, 0.0]).gradient_covariance([length, 0.0])
    np.testing.assert_allclose(found, np.diag([weight @ z**2, weight.sum()]), atol=3e-11)


@pytest.mark.slow
def test_the_stated_error_of_a_covariance_counts_the_lengths():
    """It multiplies expectations by lengths squared; the true error, against the plane, stays below."""
    task, w, v = ls.LogisticTask("a", [60.0, 0.0]), np.array([60.0, 0.3]), np.array([60.0, 0.0])
    with pytest.warns(ls.LandscapeWarning, match="has an error of at most") as caught:
        found = task.gradient_covariance(w)[0, 0] + task.gradient(w)[0, 0] ** 2
    stated = float(str(caught[0].message).split()[-1])
    z = np.linspace(-9, 9, 6001)
    p = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    exact = 0.0
    for x, share in zip(z, p, strict=True):
        a, b = (1 / (1 + np.exp(-np.clip(u[0] * x + u[1] * z, -700, 700))) for u in (w, v))
        exact += share * x**2 * (p @ (a**2 - 2 * a * b + b))
    assert abs(found - exact) <= stated


def test_a_point_does_not_depend_on_its_neighbours():
    task = ls.NeuronTask("a", [3.0, 0.0], activation="tanh")
    points = np.array([[[3.0, 0.02]], [[30.0, 0.0]], [[0.1, 1.0]], [[5.0, -2.0]]])
    for of in (task.loss, task.gradient, task.hessian, task.gradient_covariance):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ls.LandscapeWarning)
            np.testing.assert_allclose(of(points), [of(w) for w in points], rtol=1e-12, atol=1e-13)
    grid = np.zeros((4, 5, 1, 2))
    grid[2, 3] = 300.0
    with pytest.raises(ValueError, match=r"1 of 20 points have too long .* in task 'a' at W\[2, 3\]"):
        task.loss(grid)
    short = ls.NeuronTask("c", [1.0, 0.0], activation="relu").gradient([1e-155, 1e-155])
    np.testing.assert_allclose(
        short, ls.NeuronTask("c", [1.0, 0.0], activation="relu").gradient([1e-9, 1e-9]), atol=1e-8
    )
    far = ls.NeuronTask("b", [1e5, 0.0], activation="linear")
    assert far.loss([3e5, 1.0]) == pytest.approx((4e10 + 1) / 2, rel=1e-14)


def test_many_points_keep_blas_to_one_thread():
    """Products of matrices stay below the size from which OpenBLAS starts threads, which wait longer than they work."""
    line = quadrature.rule(1.0, 80)
    values = np.random.default_rng(0).standard_normal((len(line.nodes), 512))
    columns = quadrature.ONE_THREAD // line.projector.size
    assert 8 <= columns < 512
    np.testing.assert_allclose(line.coefficients(values), line.projector @ values, atol=1e-13)


@pytest.mark.parametrize("name", ALL)
def test_teacher_is_a_minimum_and_zero_is_defined(name):
    rng = np.random.default_rng(1)
    task = ls.NeuronTask("a", rng.standard_normal((2, 3)), 0.5, name, noise=0.2)
    assert task.loss(task.teacher) == pytest.approx(0.1, abs=1e-12)
    np.testing.assert_allclose(task.gradient(task.teacher), 0, atol=1e-13)
    assert np.linalg.eigvalsh(task.hessian(task.teacher))[0] > -1e-12
    np.testing.assert_allclose(task.loss(task.teacher[::-1]), task.loss(task.teacher))
    zero = np.zeros((2, 3))
    assert np.isfinite(task.loss(zero))
    away = ls.NeuronTask("b", zero, 0.5, name)
    assert np.isfinite(away.gradient(task.teacher)).all()
    assert np.isfinite(away.hessian(task.teacher)).all()
    if name == "relu":
        with pytest.raises(ValueError, match="must not hold a zero vector"):
            task.gradient(zero)
    else:
        assert np.isfinite(task.gradient(zero)).all()
        assert np.isfinite(task.hessian(zero)).all()


@pytest.mark.parametrize("steps_m", [(1, np.inf), (3, np.inf), (1, 7)])
def test_linear_activation_is_the_linear_package(steps_m):
    steps, m = steps_m
    rng = np.random.default_rng(2)
    tasks = [
        ls.NeuronTask(n, rng.standard_normal(3), random_covariance(rng, 3, f), "linear", 0.2)
        for n, f in (("a", 0), ("b", 2))
    ]
    environment, adaptation = ls.NonlinearEnvironment(tasks), ls.GradientSteps(0.4, m, steps)
    linear = ls.Mixture([ls.TaskFamily(t.name, t.covariance, t.teacher[0], noise=t.noise) for t in tasks])
    W = rng.standard_normal(3)
    assert environment.risk(W, adaptation) == pytest.approx(
        ls.risk(linear, W, adaptation).total.item(), rel=1e-12
    )
    best = ls.nonlinear.minima(environment, adaptation, starts=2).best[0]
    np.testing.assert_allclose(best, ls.optimum(linear, ls.MAML(adaptation)), atol=1e-7)
    np.testing.assert_allclose(
        ls.nonlinear.minima(environment, starts=0).best[0], ls.optimum(linear, ls.NAL()), atol=1e-7
    )
    for family, other in zip(ls.nonlinear.linearised(environment).families, linear.families, strict=True):
        np.testing.assert_allclose(
            family.covariance,
            other.covariance if np.ndim(other.covariance) else other.covariance * np.eye(3),
            atol=1e-12,
        )


def two_tasks(name="tanh", M=1, d=2, seed=0):
    rng = np.random.default_rng(seed)
    return ls.NonlinearEnvironment(
        [ls.NeuronTask(n, rng.standard_normal((M, d)), c, name) for n, c in (("hard", 0.5), ("easy", 1.0))]
    )


@pytest.mark.parametrize(
    "adaptation",
    [None, ls.GradientSteps(0.9), ls.GradientSteps(0.9, steps=3), ls.GradientSteps(0.9, m=20)],
    ids=repr,
)
def test_objectives_gradients(adaptation):
    environment = two_tasks(d=3)
    W = np.random.default_rng(5).standard_normal((2, 1, 3))
    g = environment.gradient(W, adaptation)
    for i in range(2):
        slopes = difference(lambda at: environment.risk(at, adaptation), W[i])
        np.testing.assert_allclose(g[i], slopes, atol=1e-8)


def test_gradients_where_all_teachers_are_zero():
    """They set the width of the differences that the term in 1/m takes."""
    tasks = [ls.NeuronTask(name, [0.0, 0.0], size, "tanh") for name, size in (("a", 0.5), ("b", 1.5))]
    environment, adaptation, W = (
        ls.NonlinearEnvironment(tasks),
        ls.GradientSteps(0.3, m=4),
        np.array([[0.4, -0.3]]),
    )
    wanted = difference(lambda V: environment.risk(V, adaptation), W)
    np.testing.assert_allclose(environment.gradient(W, adaptation), wanted, rtol=1e-5)


def test_relu_is_flat_at_zero():
    np.testing.assert_array_equal(activation("relu").slope(np.array([-1.0, 0.0, 1.0])), [0, 0, 1])


def test_products_are_as_long_as_the_shorter_jet():
    t = np.linspace(-1, 1, 3)
    square, line = np.stack([t**2, 2 * t, 2 + 0 * t, 0 * t]), np.stack([t, 1 + 0 * t])
    for pair in ((square, line), (line, square)):
        np.testing.assert_allclose(product(*pair), [t**3, 3 * t**2])


def test_limits():
    """No step, no samples' noise, one task: what remains is known."""
    environment, W = two_tasks(), np.array([0.5, 1.0])
    assert environment.risk(W, ls.GradientSteps(0.0)) == environment.risk(W)
    assert environment.risk(W, ls.GradientSteps(0.9, m=10**9)) == pytest.approx(
        environment.risk(W, ls.GradientSteps(0.9)), rel=1e-7
    )
    one = ls.NonlinearEnvironment(environment.tasks[:1])
    for adaptation in (None, ls.GradientSteps(0.5)):
        np.testing.assert_allclose(
            ls.nonlinear.minima(one, adaptation, starts=3).best, one.tasks[0].teacher, atol=1e-7
        )
    weighted = ls.NonlinearEnvironment(
        [replace(t, probability=p) for t, p in zip(environment.tasks, (1.0, 0.0), strict=True)]
    )
    assert weighted.risk(W, ls.GradientSteps(0.5)) == pytest.approx(
        one.risk(W, ls.GradientSteps(0.5)), rel=1e-14
    )
    twins = [ls.nonlinear.minima(environment, a, starts=0).best for a in (None, ls.GradientSteps(1e-6))]
    np.testing.assert_allclose(*twins, atol=1e-4)


def test_the_expansion_is_of_second_order_in_1_over_m():
    """Its error falls by 16 from m = 20 to 80 up to the next order (1/m would give 4, 1/m^3 64); known to about 6%."""
    environment, W = two_tasks("softplus"), [1.5, -1.0]
    runs = {
        m: ls.nonlinear.sampled_risk(environment, W, ls.GradientSteps(1.2, m=m), 20_000) for m in (20, 80)
    }
    assert all(abs(run.expansion_error) > 12 * run.standard_error for run in runs.values())
    assert 10 < runs[20].expansion_error / runs[80].expansion_error < 22
    assert abs(runs[80].expansion_error) < 1e-3 * runs[80].value
    assert runs[20].to_frame()["expansion_error"].item() == runs[20].expansion_error


@pytest.mark.slow
def test_sampling_is_unbiased_and_repeats():
    """Against raw draws without control variates, at 4.5 standard errors (a false alarm in 10^5)."""
    for environment in (two_tasks("relu", 2), two_tasks("softplus", 2), two_tasks()):
        rng, adaptation = np.random.default_rng(0), ls.GradientSteps(0.5, m=10)
        W = rng.standard_normal(environment.shape)
        run = ls.nonlinear.sampled_risk(environment, W, adaptation, 2000, rng=1)
        assert run == ls.nonlinear.sampled_risk(environment, W, adaptation, 2000, rng=1)
        values = []
        for task in environment.tasks:
            g = task.sample_gradient(np.broadcast_to(W, (20_000, *W.shape)), *task.draw((20_000, 10), rng))
            values.append(task.loss(W - 0.5 * g))
        values = np.mean(values, axis=0)
        raw_error = values.std() / np.sqrt(len(values))
        assert abs(run.value - values.mean()) < 4.5 * np.hypot(run.standard_error, raw_error)
        assert abs(run.expansion_error) < 0.01 * run.value


@pytest.mark.parametrize(("name", "d", "atol"), [("tanh", 2, 1e-6), ("tanh", 3, 0.01), ("softplus", 5, 0.01)])
def test_scatter_by_points_agrees_with_the_series(name, d, atol):
    rng = np.random.default_rng(d)
    w, v = rng.standard_normal((2, 1, d))
    exact = written_out(*scatter.pair_scatter(activation(name), w, v[0], 0.1))
    found = written_out(*scatter.quasi_scatter(activation(name), w[None], v, 0.1))
    np.testing.assert_allclose(found, exact, atol=atol * np.abs(exact).max())


@pytest.mark.parametrize(
    ("name", "M", "d", "length", "bound"),
    [
        ("relu", 2, 2, 3, 1e-3),
        ("relu", 3, 4, 2, 0.015),
        ("tanh", 2, 3, 4, 0.012),
        pytest.param("tanh", 5, 20, 1.5, 0.012, marks=pytest.mark.slow),
    ],
)
def test_the_scatters_stated_error(name, M, d, length, bound):
    """Against 16 times as many points or rays. A fiftieth of the bound is not met: there is something to see."""
    rng = np.random.default_rng([M, d])
    W, V = length / np.sqrt(d) * rng.standard_normal((2, M, d))
    found, exact = (
        written_out(*scatter.quasi_scatter(activation(name), W[None], V, 0.1, finer)) for finer in (1, 16)
    )
    assert bound / 50 < np.abs(found - exact).max() / np.abs(exact).max() < bound


@pytest.mark.parametrize("form", [0, 1, 2])
@pytest.mark.parametrize(("name", "M"), [("softplus", 1), ("tanh", 2), ("relu", 2)])
def test_products_and_traces_need_no_matrix(name, M, form):
    rng = np.random.default_rng(form)
    task = ls.NeuronTask("a", rng.standard_normal((M, 5)), random_covariance(rng, 5, form), name, noise=0.1)
    W, G = rng.standard_normal((2, 2, M, 5))
    H = task.hessian(W - 0.7 * task.gradient(W))
    np.testing.assert_allclose(
        task.hessian_times(W - 0.7 * task.gradient(W), G).reshape(2, -1, 1),
        H @ G.reshape(2, -1, 1),
        atol=1e-13,
    )
    dense = np.einsum("nij,nij->n", H, task.gradient_covariance(W))
    np.testing.assert_allclose(task.scatter_trace(W, 0.7), dense, rtol=1e-11)
    np.testing.assert_allclose(task.scatter_trace(W[1], 0.7), dense[1], rtol=1e-11)


def test_numbers_stand_for_full_steps_and_generators_for_seeds():
    environment, W = two_tasks(), [0.5, 1.0]
    assert environment.risk(W, 0.7) == environment.risk(W, ls.GradientSteps(0.7))
    sampled = [
        ls.nonlinear.sampled_risk(environment, W, ls.GradientSteps(0.7, m=5), 50, rng=rng)
        for rng in (3, np.random.default_rng(3))
    ]
    assert sampled[0] == sampled[1]
    found = ls.nonlinear.nonlinear_comparison(environment, 0.7, starts=1, rng=np.random.default_rng(3))
    for result, words in (
        (sampled[0], "by 50 batches a task"),
        (found, "MAML gains"),
        (found.solutions["NAL"], "of the pooled loss found"),
        (theorem1(environment, W, 0.1), "in 3 regions the proof's bound"),
    ):
        assert words in repr(result)
        assert pickle.loads(pickle.dumps(result)) == result


def test_sampled_steps_follow_one_another():
    environment = two_tasks()
    many = ls.nonlinear.sampled_risk(environment, [0.5, 1.0], ls.GradientSteps(0.5, m=2000, steps=3), 200)
    assert many.value == pytest.approx(environment.risk([0.5, 1.0], ls.GradientSteps(0.5, steps=3)), rel=0.01)
    with pytest.raises(ValueError, match="no expansion for several steps"):
        _ = many.expansion_error


@pytest.mark.slow
def test_a_thousand_dimensions_are_a_rotation_of_few():
    rng = np.random.default_rng(0)
    big = ls.NonlinearEnvironment(
        [ls.NeuronTask(n, rng.standard_normal(1000) / 30, c) for n, c in (("a", 0.5), ("b", 1.0))]
    )
    small, basis = big.reduced()
    assert small.shape == (1, 4)
    w = rng.standard_normal((1, 4))
    for adaptation in (None, ls.GradientSteps(1.0), ls.GradientSteps(1.0, m=2000)):
        assert big.risk(w @ basis, adaptation) == pytest.approx(float(small.risk(w, adaptation)), rel=1e-12)
        np.testing.assert_allclose(
            big.gradient(w @ basis, adaptation), small.gradient(w, adaptation) @ basis, atol=1e-8
        )
        if adaptation == ls.GradientSteps(1.0):
            continue
        # in the dimensions left out inputs scatter too
        found = ls.nonlinear.minima(big, adaptation, starts=0)
        assert found.best.shape == (1, 1000)
        assert np.linalg.norm(big.gradient(found.best, adaptation)) < 1e-6
    assert pickle.loads(pickle.dumps(small)) == small  # with the dimensions left out
    with pytest.raises(ValueError, match="in reduced dimensions cannot be sampled"):
        ls.nonlinear.sampled_risk(small, w, ls.GradientSteps(1.0, m=20))
    H = np.linalg.eigvalsh(big.tasks[0].hessian(w @ basis))
    h = np.linalg.eigvalsh(small.tasks[0].hessian(w))
    np.testing.assert_allclose([H[0], H[-1]], [h[0], h[-1]], rtol=1e-10)


@pytest.mark.slow
def test_one_step_from_the_origin_solves_every_softplus_task():
    """grad f(0) = -s'(0) E[s(v'x) x] = -Sigma v/4: a step of 4/rho lands on the teacher, and the origin is MAML's best point."""
    rng = np.random.default_rng(0)
    S = random_covariance(rng, 4, 2)
    task = ls.NeuronTask("a", rng.standard_normal(4), S)
    np.testing.assert_allclose(task.gradient(np.zeros(4))[0], -S @ task.teacher[0] / 4, atol=1e-14)
    tasks = [
        ls.NeuronTask(str(i), scale * rng.standard_normal(2), 0.5) for i, scale in enumerate((0.5, 1, 2))
    ]
    found = ls.nonlinear.minima(ls.NonlinearEnvironment(tasks), ls.GradientSteps(8.0), starts=1)
    assert found.losses[0] < 1e-12
    np.testing.assert_allclose(found.best, 0, atol=1e-6)


def test_minima_are_minima():
    environment, adaptation = two_tasks("softplus", M=2), ls.GradientSteps(1.0)
    found = ls.nonlinear.minima(environment, adaptation, starts=1)
    assert (np.diff(found.losses) >= 0).all()
    assert (found.gradient_norms < 1e-7).all()
    assert (found.least_curvatures > -1e-7).all()
    assert found.found.sum() + found.lost == 2 + 1 + 1
    rng = np.random.default_rng(1)
    around = found.best + 0.05 * rng.standard_normal((200, 2, 2))
    assert environment.risk(around, adaptation).min() >= found.losses[0] - 1e-12
    everywhere = rng.uniform(-4, 4, (2000, 2, 2))
    assert environment.risk(everywhere, adaptation).min() > found.losses[0]  # no random point beats the best
    frame = found.to_frame()
    assert frame["distance_hard"].iloc[0] == pytest.approx(found.distances()[0, 0])
    assert list(frame["best"]) == [True] + [False] * (len(frame) - 1)


def test_solutions_far_outside_the_teachers_are_found():
    """Two tasks that each see nearly one direction only: where their valleys meet, 5 times the teachers' size away."""
    places, seen = (
        {"a": [1.0, 0.0], "b": [-1.0, 0.0]},
        {"a": np.array([1.0, 0.0]), "b": np.array([np.cos(0.3), np.sin(0.3)])},
    )
    covariances = {name: np.outer(u, u) + 1e-3 * np.eye(2) for name, u in seen.items()}
    environment = ls.NonlinearEnvironment(
        [ls.NeuronTask(n, v, covariances[n], "linear") for n, v in places.items()]
    )
    linear = ls.Mixture([ls.TaskFamily(n, covariances[n], v) for n, v in places.items()])
    best = ls.nonlinear.minima(environment, starts=0).best[0]
    assert np.linalg.norm(best) > 5
    np.testing.assert_allclose(best, ls.optimum(linear, ls.NAL()), atol=1e-5)


@pytest.mark.slow
def test_symmetry_breaks_where_the_step_is_long():
    """Four sigmoid neurons in a square: pooled training stays in the middle, MAML leaves it for one of two twins."""
    places = {"hard 1": (1.2, 1.2), "hard 2": (-1.2, -1.2), "easy 1": (1.2, -1.2), "easy 2": (-1.2, 1.2)}
    environment = ls.NonlinearEnvironment(
        [ls.NeuronTask(n, v, 0.5 if n[0] == "h" else 1.0, "sigmoid") for n, v in places.items()]
    )
    np.testing.assert_allclose(ls.nonlinear.minima(environment, starts=2).best, 0, atol=1e-6)
    found = ls.nonlinear.minima(environment, ls.GradientSteps(30.0), starts=2)
    np.testing.assert_allclose(found.points[0], -found.points[1], atol=1e-5)
    assert np.linalg.norm(found.best) > 0.3


@pytest.mark.slow
def test_nal_and_maml_beside_linear_theory():
    environment = ls.NonlinearEnvironment(
        [ls.NeuronTask("hard", [-0.6, -0.6], 0.5), ls.NeuronTask("easy", [0.6, 0.9])]
    )
    comparison = ls.nonlinear.nonlinear_comparison(environment, ls.GradientSteps(1.5), starts=3)
    frame = comparison.to_frame().set_index(["method", "source"])
    assert comparison.gain == pytest.approx(frame.loc[("MAML", "exact"), "gain"])
    assert comparison.gain > 1
    assert comparison.predicted_gain == pytest.approx(frame.loc[("MAML", "linear theory"), "linear_gain"])
    assert frame.loc[("MAML", "exact"), "distance_hard"] < frame.loc[("NAL", "exact"), "distance_hard"]
    picture = ls.nonlinear.nonlinear_view(comparison, resolution=21)
    assert picture.adapted.min() >= comparison.solutions["MAML"].losses[0] - 1e-12
    assert picture.to_frame().shape == (441, 4)
    assert len(picture.plot()) == 2
    assert "MAML gains" in comparison._repr_html_()


@pytest.mark.slow
def test_close_teachers_make_the_landscape_linear():
    """As teachers draw near one another, solutions and gain go to the linear theory's, at first order in the distance."""
    gaps = []
    for size in (0.1, 0.05):
        places = np.array([1.0, 0.5]) + size * np.array([[1.0, -0.5], [-1.0, 0.3]])
        tasks = [ls.NeuronTask(n, v, c) for n, v, c in zip(("hard", "easy"), places, (0.5, 1.0), strict=True)]
        comparison = ls.nonlinear.nonlinear_comparison(
            ls.NonlinearEnvironment(tasks), ls.GradientSteps(1.5), starts=0
        )
        away = np.linalg.norm(comparison.predicted["MAML"] - comparison.solutions["MAML"].best) / size
        gaps.append([away, abs(comparison.gain / comparison.predicted_gain - 1)])
    ratios = np.divide(*gaps)
    assert (np.array(gaps[1]) < 0.2).all()
    assert (ratios > 1.6).all()


@pytest.mark.parametrize("name", ALL)
def test_theorem_1(name):
    """The proof's bound, with extremes along the steps, holds wherever it applies; the printed one does not."""
    environment = ls.NonlinearEnvironment(
        [ls.NeuronTask("hard", [-0.6, -0.6], 0.5, name), ls.NeuronTask("easy", [0.6, 0.9], 1.0, name)]
    )
    alpha = 0.2 / max(np.linalg.eigvalsh(task.hessian(task.teacher))[-1] for task in environment.tasks)
    W = ls.nonlinear.minima(environment, ls.GradientSteps(alpha), starts=2).best
    table = theorem1(environment, W, alpha).to_frame().set_index("region")
    assert (table["stationarity"] < 1e-7).all()
    assert table.loc["steps", "applies"]
    assert table.loc[["steps", "balls"], "proof_holds"].all()
    assert not table.loc["steps", "printed_holds"]
    assert 0.5 < table.loc["steps", "tightness"] <= 1 + 1e-9
    if name == "linear":
        assert table.loc["steps", "tightness"] == pytest.approx(1, abs=1e-7)
    nal = ls.nonlinear.minima(environment, starts=2).best
    norms = [np.linalg.norm(task.gradient(nal)) for task in environment.tasks]
    assert norms[0] == pytest.approx(norms[1], rel=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ls.NeuronTask("a", [1.0], activation="sofplus"), "unknown activation 'sofplus'; did you mean softplus"),
        (lambda: ls.NeuronTask("a", [1.0, np.nan]), "teacher of task 'a' must be finite, got nan"),
        (lambda: ls.NeuronTask("a", np.ones((2, 2, 2))), "must have shape"),
        (lambda: ls.NeuronTask("a", [1.0, 2.0], -1.0), "covariance of task 'a' must be >= 0"),
        (lambda: ls.NeuronTask("a", [1.0, 2.0], 0.0), "must be positive definite"),
        (lambda: ls.NeuronTask("a", [1.0, 2.0], np.eye(3)), "must be a number or fit d = 2"),
        (lambda: ls.NeuronTask("a", [1.0], noise=-1), "noise must be finite and >= 0"),
        (lambda: ls.LogisticTask("a", np.ones((2, 2))), "must have shape"),
        (lambda: ls.NeuronTask("a", [1.0, 2.0]).loss([1.0, 2.0, 3.0]), "W must have shape"),
        (lambda: ls.NeuronTask("a", [1.0, 2.0]).loss([1.0, np.inf]), "W must be finite"),
        (lambda: ls.NeuronTask("a", np.ones((2, 2))).loss([1.0, 2.0]), "with M = 2, d = 2, got"),
        (lambda: two_tasks().risk([1.0, 2.0], ls.GradientSteps(0.1, 5, 2)), "only steps = 1"),
        (lambda: ls.nonlinear.minima(two_tasks("relu", 2), ls.GradientSteps(0.5, m=20)), "m must be inf in gradients .* several neurons with relu, got m = 20"),
        (lambda: ls.NonlinearEnvironment([]), "at least one"),
        (lambda: ls.NonlinearEnvironment([ls.NeuronTask("a", [1.0]), ls.NeuronTask("a", [2.0])]), "names of tasks must differ"),
        (lambda: ls.NonlinearEnvironment([ls.NeuronTask("a", [1.0]), ls.NeuronTask("b", [2.0, 1])]), "must be the same"),
        (lambda: ls.NonlinearEnvironment([ls.NeuronTask("a", [1.0]), ls.LogisticTask("b", [2.0])]), "models of the tasks"),
        (lambda: ls.nonlinear.minima(ls.NonlinearEnvironment([ls.NeuronTask("a", [0.0, 0.0])])), "must differ from 0"),
        (lambda: ls.nonlinear.sampled_risk(two_tasks(), [1.0, 2.0], ls.GradientSteps(0.1)), "m must be"),
        (lambda: ls.nonlinear.sampled_risk(two_tasks(), np.ones((3, 1, 2)), ls.GradientSteps(0.1, 5)), "must be one point"),
        (lambda: theorem1(two_tasks(), [1.0, 1.0], -1.0), "alpha must be"),
        (lambda: two_tasks().tasks[0].hessian_times([1.0, 1.0], [1.0]), "G must have shape"),
        (lambda: theorem1(two_tasks("linear"), two_tasks("linear").tasks[1].teacher, 0.5), "gradient of task 'easy' is 0 at W"),
        (lambda: theorem1(two_tasks(), np.ones((4, 1, 2)), 1.0), r"W must be one point of shape \(1, 2\), got \(4, 1, 2\)"),
        (lambda: theorem1(ls.NonlinearEnvironment(two_tasks().tasks[:1]), [1.0, 1.0], 1.0), "two equally likely"),
        (lambda: ls.nonlinear.nonlinear_view(ls.nonlinear.nonlinear_comparison(two_tasks(d=3), ls.GradientSteps(0.1), starts=0)), "one neuron in two"),
    ],
)  # fmt: skip
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_wrong_kinds():
    with pytest.raises(TypeError, match="each of tasks"):
        ls.NonlinearEnvironment([ls.TaskFamily("a", 1.0, d=2)])
    for other in (ls.PreconditionedSteps([0.5, 0.5]), ls.RidgeToStart(1.0)):
        with pytest.raises(TypeError, match=r"adaptation must be GradientSteps\(alpha, m, steps\), .* got"):
            two_tasks().risk([1.0, 2.0], other)
    with pytest.raises(TypeError, match="for a step size per coordinate"):
        two_tasks().risk([1.0, 2.0], [0.1, 0.2])
    for call in (
        ls.nonlinear.minima,
        ls.nonlinear.linearised,
        lambda e: ls.nonlinear.sampled_risk(e, [1.0], ls.GradientSteps(1.0, m=2)),
    ):
        with pytest.raises(TypeError, match="environment must be NonlinearEnvironment, got"):
            call(ls.HardEasy())
    with pytest.raises(TypeError, match="shape must be tuple, got 5"):
        two_tasks().tasks[0].draw(5, np.random.default_rng(0))
    with pytest.raises(TypeError, match="rng must be Generator, got 0"):
        two_tasks().tasks[0].draw((5,), 0)
    with pytest.raises(TypeError, match="tasks must be list or tuple, got 3"):
        ls.NonlinearEnvironment(3)


def test_records():
    task = ls.NeuronTask("a", [1.0, 2.0], activation="tanh")
    assert task == ls.NeuronTask("a", [1.0, 2.0], activation="tanh")
    assert task != ls.NeuronTask("a", [1.0, 2.5], activation="tanh")
    assert eval(repr(task), vars(ls)) == task
    environment = ls.NonlinearEnvironment([task])
    assert environment._repr_html_().startswith("<table")
    assert environment.probabilities == [1]

"""Guarantees: never beaten by the exact value, constants by hand, ranges enforced."""

import math

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp
from scipy.optimize import minimize_scalar
from support.worlds import random_psd, random_world, skewed_rows

import landscape as ls
from landscape.papers import bounds as guarantees
from landscape.papers.bounds import Spread, curvatures
from landscape.simulator import training

KINDS = ("diagonal", "dense", "rows", "mixed")


def worlds():
    for kind in KINDS:
        for seed in range(6):
            environment, twins, _, rng = random_world(seed, kind)
            L, mu = curvatures(environment)
            if mu > 1e-3 * L:
                yield environment, twins, L, mu, rng


def all_guarantees(environment, L, mu, rng):
    start = rng.standard_normal(environment.d) * 5
    kappa = L / mu
    yield guarantees.ode_time(
        environment, min(0.99 * mu / (15 * L**2), 0.05 / (L * kappa), *_others(L, mu)), start, 1e-3
    )
    yield guarantees.bi_ode_time(environment, rng.uniform(0.05, 0.49) / L, rng.uniform(0.1, 2), start, 1e-3)
    yield guarantees.hessian_bounds(environment, rng.uniform(0, 0.5) / L)[1]
    yield guarantees.critical_point(environment, rng.uniform(0, 0.25) / L)
    yield guarantees.smoothness(environment, rng.uniform(0, 1) / L)
    yield guarantees.iterations(environment, ls.MAML(rng.uniform(0, 1 / 6) / L), start, 1e-2)
    yield guarantees.iterations(environment, ls.HFMAML(rng.uniform(0, 1 / 6) / L), start, 1e-2)
    yield guarantees.floor(environment, rng.uniform(0, 0.1) / L)
    yield guarantees.gradient_gap(environment, rng.uniform(0, 1) / L, int(rng.integers(1, 30)), start)
    yield guarantees.gradient_square(environment, rng.uniform(0, 1) / L, *rng.integers(1, 30, 2), start)


def _others(L, mu):
    return 0.99 * (2 * mu / 15) ** (1 / 3) * L ** (-5 / 3), 0.99 * math.sqrt(mu / 15) / L**2, 0.49 / L


def test_no_bound_is_beaten():
    seen = 0
    for environment, _, L, mu, rng in worlds():
        for g in all_guarantees(environment, L, mu, rng):
            assert g.exact <= g.bound * (1 + 1e-9) + 1e-9, g.source
            if g.sharper is not None:
                assert g.exact <= g.sharper * (1 + 1e-9) + 1e-9, g.source
                assert g.sharper <= g.bound * (1 + 1e-9), g.source
            seen += 1
        lower = guarantees.hessian_bounds(environment, 0.5 / L)[0]
        assert lower.bound <= lower.sharper <= lower.exact * (1 + 1e-9)
    assert seen > 100


def test_a_bound_with_a_planted_error_is_beaten():
    """The comparison can fail: a tenth of the time, and a hundredth of the floor, are too little somewhere."""
    environment = ls.Mixture([ls.TaskFamily("a", 1.0, d=1, centre=1.0), ls.TaskFamily("b", 0.9, centre=-1.0)])
    time = guarantees.bi_ode_time(environment, 0.1, 0.5, 50.0, 1e-3)
    assert time.exact > 0.1 * time.bound
    # two tasks attain the order alpha L sigma: the floor over its bound does not go to 0 with alpha
    ratios = []
    for alpha in (0.1, 0.01, 0.001):
        g = guarantees.floor(ls.TwoTasks(d=1, rho_hard=0.3), alpha)
        ratios.append(g.exact / g.bound)
    assert min(ratios) > 0.1
    assert ratios[1] == pytest.approx(ratios[2], rel=0.02)


def test_spread_against_a_sum_over_tasks():
    for environment, twins, _, _, rng in worlds():
        w = rng.standard_normal(environment.d)
        gradients = np.array([t["S"] @ (w - t["mu"]) for t in twins])
        p = np.array([t["p"] for t in twins])
        square = p @ (gradients**2).sum(axis=1)
        wanted = square - ((p @ gradients) ** 2).sum()  # rounding is of the size of the squares that cancel
        wanted += sum(t["p"] * np.trace(t["S"] @ t["S"] @ t["C"]) for t in twins)
        assert Spread(environment).at(w) ** 2 == pytest.approx(wanted, rel=1e-8, abs=1e-12 * square)


def test_largest_spread_on_a_ball_is_attained_and_never_exceeded():
    rng = np.random.default_rng(0)
    for _ in range(2):
        environment = ls.Mixture(
            [ls.TaskFamily(n, random_psd(rng, 2), rng.standard_normal(2)) for n in "abc"]
        )
        spread, centre = Spread(environment), rng.standard_normal(2)
        angle = np.linspace(0, 2 * math.pi, 1001)
        points = centre + 1.7 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        largest = max(spread.at(point) for point in points)
        assert spread.on_ball(centre, 1.7) == pytest.approx(largest, rel=1e-5)
        assert spread.on_ball(centre, 1.7) >= largest * (1 - 1e-10)
        for radius in (1e-3, 1e3):
            around = max(spread.at(centre + radius * (point - centre) / 1.7) for point in points)
            assert spread.on_ball(centre, radius) == pytest.approx(around, rel=1e-5)
    same = ls.Mixture([ls.TaskFamily("a", 0.5, d=3, centre=1.0), ls.TaskFamily("b", 0.5)])
    assert (
        Spread(same).everywhere()
        == pytest.approx(Spread(same).at([7.0, 0, 0]))
        == pytest.approx(math.sqrt(3) / 4)
    )
    assert Spread(ls.HardEasy()).everywhere() == math.inf
    assert Spread(ls.HardEasy(d=2)).on_ball([0.0, 0.0], 0.0) == Spread(ls.HardEasy(d=2)).at([0.0, 0.0])


def test_one_samples_variances_by_drawing():
    X, y = skewed_rows(np.random.default_rng(0), 3)
    environment, w = ls.Mixture([ls.DataTask("a", X, y)]), np.array([1.0, 0.0, -2.0])
    g = guarantees.gradient_gap(environment, 0.1 / np.linalg.eigvalsh(X.T @ X / len(X))[-1], 5, w)
    gradients = X * (X @ w - y)[:, None]
    outer = np.einsum("ni,nj->nij", X, X)
    assert g.constants["sigma_tilde"] == pytest.approx(math.sqrt(gradients.var(axis=0).sum()))
    assert g.constants["sigma_H"] == pytest.approx(math.sqrt(outer.var(axis=0).sum()))


@pytest.mark.parametrize("rows", [False, True])
def test_mean_square_of_the_gradient_by_drawing(rows):
    """200,000 draws, |z| < 4.5: a false alarm once in 150,000 runs; an error of 10% is found."""
    rng, N = np.random.default_rng(3), 200_000
    if rows:
        task = ls.DataTask("a", *skewed_rows(rng, 2))
    else:
        task = ls.TaskFamily("a", random_psd(rng, 2), [1.0, -1.0], spread=[[0.3, 0.1], [0.1, 0.2]], noise=0.5)
    environment, w = ls.Mixture([task]), np.array([2.0, 1.0])
    alpha, (D_in, D_o) = 0.7 / curvatures(environment)[0], (3, 2)
    optima = None if rows else rng.multivariate_normal(task.centre, task.spread, N)

    def gradient(points, size):
        if rows:
            index = rng.integers(len(task.y), size=(N, size))
            X, y = task.X[index], task.y[index]
        else:
            X = rng.standard_normal((N, size, 2)) @ np.linalg.cholesky(task.covariance).T
            y = np.einsum("nsd,nd->ns", X, optima) + math.sqrt(task.noise) * rng.standard_normal((N, size))
        return np.einsum("nsd,ns->nd", X, np.einsum("nsd,nd->ns", X, points) - y) / size

    start = np.broadcast_to(w, (N, 2))
    squares = (gradient(start - alpha * gradient(start, D_in), D_o) ** 2).sum(axis=1)
    error, exact = (
        squares.std() / math.sqrt(N),
        guarantees.gradient_square(environment, alpha, D_in, D_o, w).exact,
    )
    assert abs(squares.mean() - exact) < 4.5 * error
    assert abs(squares.mean() - 0.9 * exact) > 4.5 * error  # the negative control
    many = guarantees.gradient_square(environment, alpha, 10**9, 10**9, w)
    assert many.exact == pytest.approx(many.sharper, rel=1e-6)  # no samples' part: the full gradient


def test_gap_is_the_one_of_the_theory():
    environment, alpha, m, w = ls.TwoTasks(d=3), 0.7, 4, np.array([2.0, 0.0, 1.0])
    by_hand = np.zeros(3)
    for rho, centre in ((0.1, 1.0), (1.0, -1.0)):
        by_hand += 0.5 * alpha**2 / m * (3 * rho**2 * rho + rho**3) * (w - centre)
    assert guarantees.gradient_gap(environment, alpha, m, w).exact == pytest.approx(
        np.linalg.norm(by_hand), rel=1e-12
    )


def test_theorem_3_6_by_hand():
    environment = ls.Mixture([ls.TaskFamily("a", 0.9, d=1, centre=1.0), ls.TaskFamily("b", 0.8, centre=-1.0)])
    g = guarantees.ode_time(environment, 0.01, 40.0, 1e-3)
    c, L, mu = g.constants, 0.9, 0.8
    zeta = mu - 1.25 * L**2 * 0.01 * (L**3 * 0.01**2 + 2 * L**2 * 0.01 + 2)
    assert c["zeta"] == pytest.approx(zeta)
    y, sigma = (0.85 * 40 - 0.05) ** 2, c["sigma"]
    first = 2 / mu * math.log((mu**2 * y - mu * sigma**2 / 2) / ((zeta - mu / 2) * sigma**2))
    assert y > sigma**2 / mu
    assert g.bound == pytest.approx(first + 16 / mu * math.log((9 / math.sqrt(mu) + 5) * sigma / 4 / 1e-3))


LINE = ls.Mixture([ls.TaskFamily("a", 0.9, d=1, centre=1.0), ls.TaskFamily("b", 0.8, centre=-1.0)])
PLANE = ls.Mixture([ls.TaskFamily("a", [0.9, 0.3], [1.0, 0.0]), ls.TaskFamily("b", [0.2, 0.7], [-1.0, 2.0])])


def test_curvature_bounds_by_hand():
    """L = 0.9 and mu = 0.2, though no coordinate of the mean has either."""
    F = lambda alpha: [sum(s * (1 - alpha * s) ** 2 for s in pair) / 2 for pair in ((0.9, 0.2), (0.3, 0.7))]  # noqa: E731
    smooth = guarantees.smoothness(PLANE, 1.0)
    assert (smooth.bound, smooth.sharper) == pytest.approx((3.6, 0.9))
    assert smooth.exact == pytest.approx(max(F(1.0)))
    lower, upper = guarantees.hessian_bounds(PLANE, 0.5)
    assert (lower.bound, lower.sharper, lower.exact) == pytest.approx((0.025, 0.05, min(F(0.5))))
    assert (upper.bound, upper.sharper, upper.exact) == pytest.approx((1.0125, 0.9, max(F(0.5))))


def test_bounds_of_stochastic_gradients_by_hand():
    """Gaussian inputs on the line: x^2 has variance 2 rho^2, so at w = 2 task b has the largest spread, 0.8 * 3 sqrt 2."""
    alpha, size, sigma, bend = 0.5, 7, 2.4 * math.sqrt(2), 0.9 * math.sqrt(2)
    assert guarantees.gradient_bias(LINE, alpha, size, 2.0).bound == pytest.approx(
        0.45 * sigma / math.sqrt(size)
    )
    gap = guarantees.gradient_gap(LINE, alpha, size, 2.0)
    assert (gap.constants["sigma_tilde"], gap.constants["sigma_H"]) == pytest.approx((sigma, bend))
    assert gap.sharper == pytest.approx(0.25 * 0.9 * bend * sigma / size)
    assert gap.bound == pytest.approx(gap.sharper + 0.9 * sigma / math.sqrt(size))
    # (21) at the phi that a search finds, for the one task there is
    one = ls.Mixture([ls.TaskFamily("b", 0.8, d=1, centre=-1.0)])
    square = guarantees.gradient_square(one, alpha, size, 3, 2.0)
    G, noise = 0.8 * (1 - 0.4) * 3, square.constants["sigma_tilde"]
    step = (alpha * 0.8 * noise) ** 2 / size
    best = minimize_scalar(
        lambda u: (1 + math.exp(-u)) * G**2 + (1 + math.exp(u)) * step, options={"xtol": 1e-10}
    )
    assert noise == pytest.approx(sigma)
    assert square.bound == pytest.approx(best.fun + noise**2 / 3)
    assert square.sharper == pytest.approx(G**2 + step + noise**2 / 3)


@pytest.mark.parametrize(("method", "c"), [(ls.MAML(0.15), 12), (ls.HFMAML(0.15), 25)], ids=repr)
def test_iterations_by_counting(method, c):
    """Descents of the least height a step, and shrinkages by the least factor, counted one by one."""
    g, level, start = guarantees.iterations(PLANE, method, [3.0, -2.0], 0.05), 0.05, np.array([3.0, -2.0])
    rate, F = 1 / (4 * 0.9 * c), ls.risk_landscape(PLANE, 0.15)
    centre, H = F.minimiser, F.A.matrix()
    height = (start - centre) @ H @ (start - centre) / 2
    norm, least = np.linalg.norm(H @ (start - centre)), np.linalg.eigvalsh(H)[0]
    steps = 0
    while height > 0:
        height, steps = height - rate * (1 - 1 / (2 * c)) * level**2, steps + 1
    assert g.bound == steps
    steps = 0
    while norm > level:
        norm, steps = norm * (1 - rate * least), steps + 1
    assert g.sharper == steps
    w, steps = start, 0
    while np.linalg.norm(H @ (w - centre)) > level:
        w, steps = w - rate * H @ (w - centre), steps + 1
    assert g.exact == steps
    assert guarantees.iterations(PLANE, method, centre, level).sharper == 0


def test_floor_and_critical_point_by_hand():
    alpha = 0.1
    weights = np.array([0.9 * 0.91, 0.8 * 0.92])
    w = weights @ [1.0, -1.0] / weights.sum()  # FO-MAML's optimum
    gradients = np.array([0.9 * (w - 1), 0.8 * (w + 1)])
    g = guarantees.floor(LINE, alpha)
    assert g.constants["sigma"] == pytest.approx(gradients.std())
    assert g.bound == pytest.approx(0.09 * gradients.std() / math.sqrt(1 - 0.0081))
    assert g.exact == pytest.approx(abs(0.9 * 0.91**2 * (w - 1) + 0.8 * 0.92**2 * (w + 1)) / 2)
    weights = np.array([0.9 * 0.82**2, 0.8 * 0.84**2])
    w = weights @ [1.0, -1.0] / weights.sum()  # MAML's at alpha = 0.2
    sigma = np.std([0.9 * (w - 1), 0.8 * (w + 1)])
    g = guarantees.critical_point(LINE, 0.2)
    assert g.bound == pytest.approx(81 * sigma**2 / (98 * 0.8))  # K - sigma is 9/7 sqrt(L/mu) sigma
    assert g.exact == pytest.approx(0.85 / 2 * (w - 0.05 / 0.85) ** 2)


def test_times_by_integrating_their_lemmas():
    """Lemma 3.7 says y' <= -2 zeta y + sigma^2 for y = ||grad f||^2; the flow after it shrinks ||grad F|| at mu/8."""
    g, mu = guarantees.ode_time(LINE, 0.01, 40.0, 1e-3), 0.8
    zeta, sigma, K = (g.constants[name] for name in ("zeta", "sigma", "K"))
    y = (0.85 * 40 - 0.05) ** 2
    weights = np.array([0.9 * (1 - 0.009) ** 2, 0.8 * (1 - 0.008) ** 2])
    centre = weights @ [1.0, -1.0] / weights.sum()  # the ball around it has 40 on its surface
    assert sigma == pytest.approx(
        max(abs(0.9 * (w - 1) - 0.8 * (w + 1)) / 2 for w in (40.0, 2 * centre - 40))
    )

    def reached(t, y):
        return y[0] - sigma**2 / mu

    reached.terminal = True
    first = solve_ivp(
        lambda t, y: -2 * zeta * y + sigma**2, (0, 100), [y], events=reached, rtol=1e-11, atol=1e-11
    )
    assert g.sharper == pytest.approx(first.t[-1] + 8 / mu * math.log(K / 1e-3), rel=1e-8)
    inside = guarantees.ode_time(LINE, 0.01, 0.1, 1e-3)  # ||grad f||^2 <= sigma^2/mu from the start
    K = inside.constants["K"]
    assert (inside.bound, inside.sharper) == pytest.approx(
        (16 / mu * math.log(K / 1e-3), 8 / mu * math.log(K / 1e-3))
    )
    # BI-MAML: at least at rate mu to the threshold, then mu/8 again
    both = guarantees.bi_ode_time(LINE, 0.1, 0.5, 50.0, 1e-3)
    radius = 50 - 0.05 / 0.85
    sigma = max(abs(0.9 * (w - 1) - 0.8 * (w + 1)) / 2 for w in (0.05 / 0.85 - radius, 50.0))
    K = (9 * 0.5 + 5 * sigma) / 4
    assert both.constants["K"] == pytest.approx(K)
    assert both.bound == pytest.approx(math.log((0.85 * 50 - 0.05) / 0.5) / mu + 8 / mu * math.log(K / 1e-3))
    second = guarantees.bi_ode_time(LINE, 0.1, 100.0, 50.0, 1e-3)  # starts below the threshold
    assert second.bound == pytest.approx(8 / mu * math.log(second.constants["K"] / 1e-3))


@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e9])
def test_no_sigma_holds_everywhere_whatever_the_units(unit):
    families = [ls.TaskFamily("a", 0.5 * unit, d=2, centre=1.0), ls.TaskFamily("b", 0.7 * unit)]
    assert Spread(ls.Mixture(families)).everywhere() == math.inf
    same = ls.Mixture([families[0], ls.TaskFamily("b", 0.5 * unit)])
    assert Spread(same).everywhere() == pytest.approx(0.5 * unit * math.sqrt(2) / 2)
    rounded = Spread(ls.Mixture([ls.TaskFamily(name, 0.37 * unit, d=2) for name in "abcdefg"]))  # sevenths
    assert rounded.everywhere() < 1e-6 * unit


def test_identical_tasks():
    one = ls.Mixture([ls.TaskFamily("a", 0.5, d=2)])
    assert (
        guarantees.ode_time(one, 1e-3, 3.0, 1e-2).bound == math.inf
    )  # sigma = 0: the first phase has no end
    assert guarantees.floor(one, 0.1).loose_by == 1.0


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda e: guarantees.ode_time(e, 0.5, 1.0, 0.1),
            r"outside the range of Theorem 3.6.* it needs alpha < .*use flow",
        ),
        (lambda e: guarantees.bi_ode_time(e, 0.1, 0.5, 3.0, 0), "level must be finite and > 0"),
        (lambda e: guarantees.bi_ode_time(e, 0.1, 0.5, 3.0, "x"), "level must be a number"),
        (lambda e: guarantees.bi_ode_time(e, 0.6, 0.1, 1.0, 0.1), "outside the range of Theorem 4.1"),
        (lambda e: guarantees.hessian_bounds(e, 0.6), "Theorem 3.8"),
        (lambda e: guarantees.critical_point(e, 0.3), "Theorem 3.9"),
        (lambda e: guarantees.iterations(e, ls.MAML(0.3), 1.0, 0.1), "Theorem 4.12"),
        (
            lambda e: guarantees.iterations(e, ls.MAML(ls.GradientSteps(0.1, m=5)), 1.0, 0.1),
            "one full inner step",
        ),
        (lambda e: guarantees.floor(e, 0.2), "Theorem 4.15"),
        (lambda e: guarantees.gradient_gap(e, 2.0, 5, 1.0), "Theorem 4.11"),
        (lambda e: guarantees.gradient_gap(e, 0.1, 0, 1.0), "m must be"),
        (lambda e: guarantees.floor(ls.HardEasy(R=sympy.Symbol("R")), 0.01), "needs numbers"),
    ],
)
def test_ranges(call, match):
    with pytest.raises(ValueError, match=match):
        call(ls.TwoTasks())


@pytest.mark.parametrize("L", [0.25, 4.0])
def test_ranges_are_in_units_of_the_curvature(L):
    environment = ls.Mixture([ls.TaskFamily("a", [L, 0.5 * L], 1.0), ls.TaskFamily("b", 0.7 * L, -1.0)])
    calls = [
        (1.0, lambda alpha: guarantees.smoothness(environment, alpha)),
        (1.0, lambda alpha: guarantees.gradient_bias(environment, alpha, 5, 1.0)),
        (1.0, lambda alpha: guarantees.gradient_square(environment, alpha, 5, 3, 1.0)),
        (1.0, lambda alpha: guarantees.gradient_gap(environment, alpha, 5, 1.0)),
        (1 / 2, lambda alpha: guarantees.bi_ode_time(environment, alpha, 0.1 * L, 1.0, 0.01 * L)),
        (1 / 2, lambda alpha: guarantees.hessian_bounds(environment, alpha)),
        (1 / 4, lambda alpha: guarantees.critical_point(environment, alpha)),
        (1 / 6, lambda alpha: guarantees.iterations(environment, ls.MAML(alpha), 1.0, 0.1 * L)),
        (1 / 10, lambda alpha: guarantees.floor(environment, alpha)),
    ]
    for limit, call in calls:
        call(0.99 * limit / L)
        with pytest.raises(ValueError, match="outside the range"):
            call(1.01 * limit / L)


def test_losses_that_are_not_strongly_convex():
    flat = ls.Mixture([ls.TaskFamily("a", [1.0, 0.0]), ls.TaskFamily("b", 1.0)])
    with pytest.raises(ValueError, match="needs strongly convex losses"):
        guarantees.ode_time(flat, 0.01, 1.0, 0.1)


def test_tables():
    table = guarantees.floor(ls.TwoTasks(), 0.05).to_frame()
    assert {"bound", "exact", "loose_by", "sigma", "region", "constant"} <= set(table)


def test_ranges_by_hand():
    L, mu, kappa, sigma = 2.0, 0.5, 3.0, 0.7
    assert guarantees.largest_alpha("3.6", L, mu, kappa, sigma)[0] == pytest.approx(
        min(
            1 / (2 * L), 7 * mu**1.5 / (288 * kappa * sigma + 232 * kappa * math.sqrt(mu) * sigma),
            (2 / 15) ** (1 / 3) * mu ** (1 / 3) * L ** (-5 / 3), math.sqrt(mu**1 / 15) / L**2, mu / 15 / L**2,
        )
    )  # fmt: skip
    assert guarantees.largest_alpha("4.1", L, mu, kappa, sigma, threshold=0.1)[0] == pytest.approx(
        min(1 / (2 * L), 7 * mu / (288 * kappa * 0.1 + 232 * kappa * sigma))
    )
    assert guarantees.largest_alpha("3.8", L, mu, kappa, sigma, K=2.0)[0] == pytest.approx(
        7 * mu / (8 * kappa * (32 + 9 * sigma))
    )
    assert guarantees.largest_alpha("3.9", L, mu) == (1 / (4 * L), "1/(4L)")


@pytest.mark.parametrize(
    ("constants", "match"),
    [
        ({"mu": math.nan}, "mu must be finite"),
        ({"mu": math.inf}, "mu must be finite"),
        ({"mu": 3.0}, "mu must be <= L = 2"),
        ({"kappa": -1.0}, "kappa must be >= 0 or inf"),
        ({"sigma": -1.0}, "sigma must be >= 0 or inf"),
        ({"K": math.nan}, "K must be finite"),
        ({"K": -100.0}, "K must be finite and >= 0"),
        ({"L": -1.0}, "L must be > 0 or inf"),
        ({"L": 0.0}, "L must be > 0 or inf"),
        ({"L": "a"}, "L must be a number"),
    ],
)
def test_constants_are_checked(constants, match):
    with pytest.raises(ValueError, match=match):
        guarantees.largest_alpha("3.6", **({"L": 2.0, "mu": 0.5} | constants))


def test_the_conditions_of_theorem_3_6_ensure_zeta_and_the_printed_ones_do_not():
    def zeta(alpha, L):
        return mu - 1.25 * L**2 * alpha * (L**3 * alpha**2 + 2 * L**2 * alpha + 2)

    for L in (0.1, 1.0, 30.0):
        for mu in (1e-4 * L, 0.1 * L, L):
            assert zeta(guarantees.largest_alpha("3.6", L, mu)[0], L) > mu / 2 * (1 - 1e-12)
    L, mu = 1.0, 0.1
    printed = min((2 / 15 * mu ** (1 / 3)) ** (1 / 3), (mu**0.5 / 15) ** 0.5, (mu / 15) ** 0.5, 0.5)
    assert zeta(0.999 * printed, L) < mu / 2


def test_losses_without_the_constants():
    X, y = np.eye(2), np.array([1.0, -1.0])
    for loss, match in [
        (training.Hinge(X, y), "needs a finite L.*use smooth losses"),
        (training.SquaredHinge(X, y), "needs a finite kappa"),
        (training.Logistic(X, y), "needs strongly convex losses.*add a ridge"),
    ]:
        with pytest.raises(ValueError, match=match):
            guarantees.largest_alpha(
                "3.9", loss.smoothness, loss.strong_convexity, loss.hessian_lipschitz, 1.0
            )
    with pytest.raises(ValueError, match="needs a finite sigma.*by Spread"):
        guarantees.largest_alpha("3.9", 1.0, 0.5, 0.0, Spread(ls.HardEasy()).everywhere())
    with pytest.raises(ValueError, match="unknown theorem"):
        guarantees.largest_alpha("3.7", 1.0, 0.5)


def test_guarantees_are_values():
    g = guarantees.gradient_bias(ls.TwoTasks(), 0.5, 10, 1.0)
    assert g == guarantees.gradient_bias(ls.TwoTasks(), 0.5, 10, 1.0)
    assert hash(g) == hash(guarantees.gradient_bias(ls.TwoTasks(), 0.5, 10, 1.0))
    assert g.exact == 0 < g.bound
    assert "<table" in g._repr_html_()


class AbsoluteCube(training.Loss):
    """rho |w|^3/6 on the line: its Hessian has a kink at 0."""

    d, smoothness, strong_convexity, hessian_lipschitz = 1, math.inf, 0.0, 3.0

    def value(self, w):
        return self.hessian_lipschitz * np.abs(w[0]) ** 3 / 6

    def gradient(self, w):
        return self.hessian_lipschitz * w * np.abs(w) / 2

    def hessian(self, w):
        return self.hessian_lipschitz * np.abs(w).reshape(1, 1)


def test_difference_error_and_its_sharp_constant():
    for delta in (1e-3, 0.1, 2.0):
        g = guarantees.difference_error(AbsoluteCube(), [0.0], [1.7], delta)
        assert g.exact == pytest.approx(g.sharper) == pytest.approx(g.bound / 2)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 3))
    loss = training.Logistic(X, np.sign(X[:, 0]))
    for _ in range(20):
        w, v = rng.standard_normal((2, 3))
        first, half = (guarantees.difference_error(loss, w, v, delta) for delta in (0.02, 0.01))
        assert half.exact <= half.sharper
        assert first.exact / half.exact == pytest.approx(4, rel=0.1)
    with pytest.warns(ls.LandscapeWarning, match=r"rounding exceeds the bound.* does not contradict \(9\)"):
        tiny = guarantees.difference_error(loss, w, v, 1e-12)
    assert tiny.exact > tiny.bound
    quadratic = training.Quadratic(np.diag([1.0, 2.0]), [1.0, 0.0])
    assert guarantees.difference_error(quadratic, [3.0, 1.0], [1.0, 2.0], 0.5).exact < 1e-14
    with pytest.raises(TypeError, match="loss must be Loss, got 'x'"):
        guarantees.difference_error("x", w, v, 0.1)
    with pytest.raises(ValueError, match="Hinge does not have"):
        guarantees.difference_error(training.Hinge(X, np.sign(X[:, 0])), w, v, 0.1)


def test_one_task_has_no_spread():
    X, y = skewed_rows(np.random.default_rng(0), 3)
    for family in (ls.DataTask("a", X, y), ls.TaskFamily("a", random_psd(np.random.default_rng(1), 3), 1e6)):
        spread = Spread(ls.Mixture([family]))
        assert spread.at(5.0) == spread.on_ball(5.0, 2.0) == spread.everywhere() == 0

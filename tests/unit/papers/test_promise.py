"""What Fallah et al. promise of drawn batches: each inequality at random points, the promise kept by runs, errors."""

import itertools
import math

import numpy as np
import pytest

import landscape as ls
from landscape.papers import bounds
from landscape.papers.bounds import promise
from landscape.papers.bounds.drawn_batches import Constants, decrease, inequalities
from landscape.simulator.training import Batches, Hinge, Logistic, LossTasks, Quadratic, RandomStep, train
from landscape.simulator.training.directions import Options, direction

X = np.random.default_rng(0).standard_normal((3, 40, 3)) * [
    [[1.0, 0.5, 1.5]],
    [[0.4, 1.0, 0.7]],
    [[1.2, 1.2, 0.3]],
]
# the logistic slope is at most 1 and its curvature at most 1/4, so that these hold for every w
NOISE = max(math.sqrt((rows**2).sum(axis=1).mean()) for rows in X)
BEND = max(math.sqrt(((rows**2).sum(axis=1) ** 2).mean()) / 4 for rows in X)


def tasks(ridge=0.1):
    return LossTasks(
        [Logistic(rows, np.where(rows @ [1.0, -2.0, i] > 0, 1.0, -1.0), ridge) for i, rows in enumerate(X)]
    )


TASKS = tasks()
L, RHO = TASKS.smoothness, TASKS.hessian_lipschitz
METHODS = [ls.MAML(1 / (6 * L), hessian="independent"), ls.FOMAML(1 / (10 * L)), ls.HFMAML(1 / (6 * L))]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.label)
def test_each_inequality_at_random_points(method):
    """Means of 400 updates of each task; 5 standard errors of slack, so a false alarm in less than one of 10^5 runs.

    The updates are drawn from batches of 2, where the samples' part of each bound is largest.
    """
    rng, batches = np.random.default_rng(1), Batches(D_in=2, D_o=2, D_h=2)
    options = Options(True, None, RHO)
    for reach in (0.3, 3.0):
        w = reach * rng.standard_normal(3)
        exact = TASKS.adapted_gradient(w, method.adaptation.alpha)
        known = Constants(L, RHO, TASKS.spread(w), NOISE, BEND)
        V, inner, _, kappa, lam, h = inequalities(method, batches, known)
        size = V(np.linalg.norm(exact))
        updates = np.array(
            [
                [direction(method, w, lambda use, loss=loss: loss.batch(2, rng), options) for _ in range(400)]
                for loss in TASKS.losses
            ]
        )
        error = np.linalg.norm(updates.std(axis=1)) / math.sqrt(3 * 400)
        assert np.linalg.norm(updates.mean(axis=(0, 1)) - exact) <= kappa * inner + lam * size + 5 * error
        squares = (updates**2).sum(axis=-1)
        assert squares.mean() <= (kappa**2 + h**2) * size**2 + 5 * squares.std() / math.sqrt(1200)


@pytest.mark.parametrize("samples", [{"D_in": 4}, {"D_o": 4}, {"D_in": 4, "D_o": 2}], ids=str)
def test_samples_part_of_v_is_attained(samples):
    """At rest one task of constant curvature L has nothing but its samples' noise, +-sigma~: all its signs are gone through."""
    alpha, noise = 0.05, 3.0
    batches = Batches(**samples)
    V = inequalities(ls.FOMAML(alpha), batches, Constants(2.0, 0.0, 0.0, noise)).V

    def means(size):
        signs = itertools.product((-1, 1), repeat=0 if math.isinf(size) else int(size))
        return np.array([noise * np.mean(one or 0.0) for one in signs])

    inner, outer = means(batches.D_in), means(batches.D_o)
    gradients = (2.0 * (-alpha * inner)[:, None] + outer).ravel()
    rms = math.sqrt((gradients**2).mean())
    if len(samples) == 1:
        assert V(0.0) == pytest.approx(rms)
    assert (
        rms <= V(0.0) * (1 + 1e-12) <= math.sqrt(2) * rms
    )  # where both are drawn the bound adds what is independent


class Kink:
    """On the line, the gradient of a loss with curvature -L at 0 that grows by rho |w| up to L."""

    samples = math.inf

    def __init__(self, L, rho):
        self.L, self.rho = L, rho

    def gradient(self, w):
        size, edge = np.abs(w), 2 * self.L / self.rho
        grown = np.where(size < edge, self.rho * size**2 / 2, 2 * self.L * size - self.rho * edge**2 / 2)
        return np.sign(w) * (grown - self.L * size)

    def hessian_times(self, w, v):
        return np.minimum(self.rho * np.abs(w) - self.L, self.L) * v


@pytest.mark.parametrize("a", [0.001, 0.01, 1 / 12, 1 / 6])
def test_what_hf_maml_misses_is_nearly_attained(a):
    """Its difference looks so far that the curvature changes by 2 L, or by 1/(6 alpha) where that is less."""
    L, rho = 2.0, 30.0
    alpha, loss = a / L, Kink(L, rho)
    w, options = np.zeros(1), Options(True, None, rho)

    class Outer:
        gradient = staticmethod(lambda w: np.array([0.7]))

    methods = ls.HFMAML(alpha), ls.MAML(alpha, hessian="independent")
    hf, maml = (direction(m, w, lambda use: Outer if use == "o" else loss, options) for m in methods)
    lam = inequalities(methods[0], Batches(), Constants(L, rho, 0.0)).lam
    missed = abs(hf - maml).item() / 0.7
    assert 0.5 * lam < missed <= lam * (1 + 1e-12)
    assert a > 0.01 or missed > 0.9 * lam  # both limits are sharp
    assert a < 1 / 6 or missed == pytest.approx(lam)


@pytest.mark.parametrize("method", [ls.MAML, ls.FOMAML, ls.HFMAML])
def test_inequalities_do_not_depend_on_units(method):
    """The loss times c and w times s: curvatures grow by c/s^2, alpha shrinks by as much, and pure numbers stay."""
    batches, c, s = Batches(D_in=2, D_o=3, D_h=5), 7.0, 3.0
    kind = {"hessian": "independent"} if method is ls.MAML else {}
    known = Constants(2.0, 3.0, 0.5, 0.7, 0.9)
    V, inner, outer, *pure = inequalities(method(0.05, **kind), batches, known)
    other = Constants(2.0 * c / s**2, 3.0 * c / s**3, 0.5 * c / s, 0.7 * c / s, 0.9 * c / s**2)
    scaled = inequalities(method(0.05 * s**2 / c, **kind), batches, other)
    assert scaled[3:] == pytest.approx(pure)
    assert scaled[1:3] == pytest.approx([inner * c / s, outer * c / s])
    assert scaled[0](c / s) == pytest.approx(V(1.0) * c / s)


def first_below(method, start, level, batches, seed=0):
    """The first iteration with a gradient norm of F of at most the level, by a run."""
    run = train(TASKS, method, start, RandomStep(), 200, batches, rng=seed, record_every=5)
    return run.time_to(level)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.label)
def test_runs_keep_the_promise(method):
    w = np.full(3, 6.0)
    sigma = 2 * max(TASKS.spread(share * w) for share in np.linspace(0, 1, 20))
    assert sigma < 2 * NOISE
    norm = np.linalg.norm(TASKS.adapted_gradient(w, method.adaptation.alpha))
    found = promise(TASKS, method, w, 0.9 * norm, sigma=sigma)
    assert 0 < first_below(method, w, 0.9 * norm, None) <= found.iterations
    sizes = Batches(D_in=400, D_o=400) if method.label == "FO-MAML" else Batches(D_in=400, D_o=400, D_h=400)
    drawn = promise(TASKS, method, w, 0.9 * norm, sizes, sigma=sigma, sigma_tilde=NOISE, sigma_H=BEND)
    assert drawn.iterations > found.iterations
    assert drawn.floor > found.floor
    assert 0 < first_below(method, w, 0.9 * norm, sizes) <= drawn.iterations


@pytest.mark.slow
def test_a_forgotten_bias_promises_what_does_not_happen():
    """FO-MAML and HF-MAML stall above 0, and the floor says so; without the bias it would be 0."""
    for method in METHODS[1:]:
        run = train(TASKS, method, 0.0, 0.5, 600, record_every=600)
        rest = run.table["gradient_norm_F"].iloc[-1]
        assert 1e-4 < rest <= promise(TASKS, method, 0.0, 10.0, sigma=TASKS.spread(run.w)).floor
        sides = inequalities(method, Batches(), Constants(L, RHO, TASKS.spread(run.w)))
        assert decrease(sides, method.step_divisor, math.inf, drawn=False)(rest / 2) < 0
        assert decrease(sides._replace(lam=0.0), method.step_divisor, math.inf, drawn=False)(rest / 2) > 0


def test_floors_as_printed():
    """(23): MAML's goes to 0 as 1/sqrt(samples) and 1/sqrt(tasks); (26): FO-MAML's to order alpha sigma."""

    def floor(method, sigma, *sizes):
        sizes = sizes[: 3 if method.label == "FO-MAML" else 4]
        return promise(
            TASKS, method, 0.0, 1e3, Batches(*sizes), sigma=sigma, sigma_tilde=NOISE, sigma_H=BEND
        ).floor

    big = [floor(METHODS[0], 0.5, n, n, n, 1000) for n in (10**6, 10**8)]
    assert big[0] / big[1] == pytest.approx(10, rel=0.1)
    assert promise(TASKS, METHODS[0], 0.0, 1e-9, sigma=0.5).floor == 0
    first = [
        promise(TASKS, ls.FOMAML(share / (10 * L)), 0.0, 10.0, sigma=s).floor
        for share, s in ((0.1, 0.5), (0.05, 0.5), (0.1, 1.0))
    ]
    assert first[0] / first[1] == pytest.approx(2, rel=0.1)
    assert first[2] / first[0] == pytest.approx(2)
    # Hessians of few samples count, with some of the tasks and with all of them
    for few in (20, math.inf):
        noisy, exact = (floor(METHODS[0], 0.5, few, 100, 100, n) for n in (1, 10**9))
        assert noisy > 1.02 * exact
    # full batches: the descent lemma alone is sharper, by the moments of the random step
    linear = ls.TwoTasks(d=3)
    for method, c in ((ls.MAML(0.1), 12), (ls.HFMAML(0.1), 25)):
        lemma = bounds.iterations(linear, method, 2.0, 0.1)
        least = float(ls.descent(linear, method, 2.0, 0.1).F.minimum)
        found = promise(LossTasks.of(linear), method, 2.0, 0.1, sigma=1.0, least=least)
        assert found.iterations == pytest.approx(
            lemma.bound * (1 - 1 / (2 * c)) / (0.4 - 3.125 / c), rel=1e-3
        )


def test_nothing_is_promised_at_the_floor_itself():
    floor = promise(TASKS, METHODS[1], 1.0, 10.0, sigma=1.0).floor
    assert promise(TASKS, METHODS[1], 1.0, 1.001 * floor, sigma=1.0).iterations < math.inf
    with pytest.raises(ValueError, match="level must be >"):
        promise(TASKS, METHODS[1], 1.0, floor, sigma=1.0)


WRONG_TYPES = ("tasks must be LossTasks", "method must be MAML or FOMAML or HFMAML")


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: promise(ls.TwoTasks(), ls.MAML(0.1), 1.0, 0.1, sigma=1.0), WRONG_TYPES[0]),
        (lambda: promise(TASKS, ls.NAL(), 1.0, 0.1, sigma=1.0), WRONG_TYPES[1]),
        (lambda: promise(TASKS, ls.MAML(1 / L), 1.0, 0.1, sigma=1.0), r"outside the range of Theorem 4.12: it needs alpha <= .* \(1/\(6L\)\)"),
        (lambda: promise(TASKS, ls.FOMAML(1 / (6 * L)), 1.0, 0.1, sigma=1.0), "Theorem 4.15"),
        (lambda: promise(TASKS, ls.MAML(ls.GradientSteps(0.1, steps=2)), 1.0, 0.1, sigma=1.0), "one inner step"),
        (lambda: promise(TASKS, ls.MAML(0.1), 1.0, 0.1, Batches(D_in=5), sigma=1.0), 'write MAML.*hessian="independent"'),
        (lambda: promise(TASKS, METHODS[0], 1.0, 0.1, Batches(B=1), sigma=1.0), "nothing is promised: take larger batches, B >= 20"),
        (lambda: promise(TASKS, METHODS[1], 1.0, 1e-6, sigma=1.0), "level must be > .* nothing is promised below that"),
        (lambda: promise(TASKS, METHODS[0], 1.0, 0.0, sigma=1.0), "level must be finite and >= 1e-40"),
        (lambda: promise(TASKS, METHODS[0], 1.0, 0.1, sigma=math.inf), "sigma must be finite"),
        (lambda: promise(TASKS, METHODS[0], 1.0, 0.1, sigma=1.0, sigma_H=math.nan), "sigma_H must be finite"),
        (lambda: promise(TASKS, METHODS[0], 1.0, 0.1, sigma=1.0, least=5.0), "least must be a lower bound of F"),
        (lambda: promise(LossTasks([Hinge(X[0], np.sign(X[0][:, 0]))]), ls.MAML(0.1), 1.0, 0.1, sigma=1.0), "Hinge has no L"),
        (lambda: promise(LossTasks([Quadratic(0.0, [1.0])]), ls.MAML(0.1), 1.0, 0.1, sigma=1.0), "losses are flat"),
        (lambda: promise(TASKS, ls.FOMAML(0.1), 1.0, 0.1, Batches(D_h=5), sigma=1.0), "D_h = 5 means nothing to FO-MAML"),
    ],
)  # fmt: skip
def test_errors(call, match):
    with pytest.raises(TypeError if match in WRONG_TYPES else ValueError, match=match):
        call()

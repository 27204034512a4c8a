"""Training routines judged by where they converge.

Seeds: fixed; the slow tests go through twelve.
False alarms: a right routine that has converged is accused with a chance of 1e-3 a check.
Seen: with 12 repeats of 2,000 episodes a displacement of MAML's optimum by 2 standard deviations of one exact solution; all
planted bugs displace it by 3.5 or more.
"""

import re

import numpy as np
import pytest
import sympy
from support import planted, routines

import landscape as ls
from landscape.checker.episodes import Episodes, checking_ground
from landscape.checker.expected_optima import OuterHessian
from landscape.methods.base import Method

EACH_SEED = pytest.mark.parametrize(
    "seeds", [range(1), pytest.param(range(1, 12), marks=pytest.mark.slow)], ids=["few", "many"]
)


@pytest.mark.parametrize("name", routines.RIGHT)
@EACH_SEED
def test_right_routines_are_right(name, seeds):
    method, train = routines.RIGHT[name]
    for seed in seeds:
        found = ls.check_optimum(train, method, rng=seed, progress=False)
        assert found.right, str(found)
        assert found.bugs == ()


@pytest.mark.parametrize(
    "bug",
    [
        pytest.param(bug, marks=[] if i % 5 == 0 else pytest.mark.slow)
        for i, bug in enumerate(routines.BROKEN)
    ],
)
@EACH_SEED
def test_planted_bugs_are_named(bug, seeds):
    for seed in seeds:
        found = ls.check_optimum(routines.BROKEN[bug], rng=seed, progress=False)
        assert (found.verdict, found.bugs) == ("wrong", (bug,)), str(found)


@EACH_SEED
def test_a_hessian_on_samples_of_a_gradient_is_no_independent_one(seeds):
    """As `check_meta_gradient` says: the mean with the outer batch's Hessian has moments of higher order.

    The optima lie close together, but an exact solution is told by its points; after SGD the report may say that both fit.
    """
    for seed in seeds:
        found = ls.check_optimum(routines.exact("outer Hessian"), "HF-MAML", rng=seed, progress=False)
        assert found.bugs == ("Hessian on another batch, not an independent one",), str(found)


@pytest.mark.slow
def test_what_fits_as_well_is_said():
    def gradient(w, X, y, U, v, a):
        return planted.jac(U, a) @ planted.first_order(w, X, y, U, v, a)

    found = ls.check_optimum(routines.sgd(gradient, 2500), "HF-MAML", rng=2, progress=False)
    assert (found.verdict, found.bugs) == ("right", ())
    assert found.looks[-1].startswith("MAML with its Hessian on X_out fits as well")


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [range(3)])
def test_a_hessian_on_a_part_of_the_inner_batch_moves_nothing(seeds):
    """What the notes say; the gradient itself is told (tests/unit/checker/test_checker.py)."""
    for seed in seeds:
        assert ls.check_optimum(routines.exact("Hessian on half of X_in"), rng=seed, progress=False).right


@pytest.mark.parametrize(
    ("gradient", "bugs"),
    [
        (planted.maml, ()),
        pytest.param(planted.first_order, ("detached graph",), marks=pytest.mark.slow),
        pytest.param(planted.plain, ("no inner step",), marks=pytest.mark.slow),
    ],
)
def test_sgd(gradient, bugs):
    found = ls.check_optimum(routines.sgd(gradient, 2500), progress=False)
    assert found.bugs == bugs, str(found)
    assert found.right == (not bugs)
    assert found.episodes == 2500


@pytest.mark.slow
def test_a_factor_on_the_meta_gradient_moves_nothing():
    assert ls.check_optimum(
        routines.sgd(lambda *x: 2 * planted.maml(*x), 2500, rate=0.05), repeats=10, progress=False
    ).right


def test_too_little_training_is_no_accusation():
    found = ls.check_optimum(routines.sgd(planted.maml, 60), repeats=10, progress=False)
    assert found.verdict == "cannot tell"
    assert "more episodes" in found.looks[0]


def test_elsewhere():
    found = ls.check_optimum(lambda draw, alpha: 5 + draw()[0][0], progress=False)
    assert (found.verdict, found.bugs) == ("wrong", ("the trained point does not depend on the targets",))
    exact = routines.exact("MAML", 300)
    found = ls.check_optimum(lambda draw, alpha: [-4, 5] + exact(draw, alpha), progress=False)
    assert (found.verdict, found.computes, found.bugs) == ("wrong", "none of these", ("converges elsewhere",))


@pytest.mark.slow
def test_several_steps():
    def two_steps(draw, alpha):
        X, y, U, v = routines.collect(draw, 1500)
        (S, s), (H, h) = routines.system(X, y), routines.system(U, v)
        P = np.eye(2) - alpha * S
        shift = alpha * (P @ s[..., None] + s[..., None])
        A, b = P @ P @ H @ P @ P, P @ P @ (H @ shift - h[..., None])
        return np.linalg.solve(A.mean(axis=0), -b.mean(axis=0))[:, 0]

    assert ls.check_optimum(two_steps, steps=2, progress=False).right
    assert ls.check_optimum(two_steps, progress=False).bugs == ("2 inner steps instead of 1",)


@pytest.mark.slow
def test_other_environments_and_dimensions():
    families = [ls.TaskFamily(str(k), c, k - 1.0, 0.1, noise=0.1, d=4) for k, c in enumerate((0.2, 0.6, 1.0))]
    environment = ls.Mixture(
        [*families, ls.TaskFamily("skew", np.diag([1, 0.5, 0.2, 0.1]) + 0.1, [1, -1, 2, 0])]
    )
    found = ls.check_optimum(routines.exact("MAML"), environment=environment, repeats=16, progress=False)
    assert "MAML" in (found.computes, *found.also), str(found)
    assert found.points.shape == (16, 4)


def test_the_weights_of_a_reused_batch_and_of_its_hessian_by_drawing():
    """E[P S P] and E[P S](I - alpha Sigma) against a mean over 40,000 batches: 4 standard errors, a false alarm in 2,500 for 6 entries, seed fixed."""
    environment = checking_ground()
    rng, apart = np.random.default_rng(0), {ls.TrainTrain: [], OuterHessian: []}
    for task in environment.tasks():
        inputs = task.expanded().inputs
        X, _ = inputs.draw(40_000, 4, rng)
        S = np.einsum("tni,tnj->tij", X, X) / 4
        P = np.eye(2) - 0.8 * S
        shrink = np.eye(2) - 0.8 * inputs.Sigma.matrix()
        reused, outer = ls.TrainTrain(ls.GradientSteps(0.8, 4)), OuterHessian(0.8, 4)
        for method, drawn in ((reused, P @ S @ P), (outer, P @ S @ shrink)):
            weight = method.objective(inputs).A.matrix()
            error = drawn.std(axis=0) / 200
            assert (np.abs(drawn.mean(axis=0) - weight) < 4 * error).all()
            fresh = (
                ls.MAML(ls.GradientSteps(0.8, 4)).objective(inputs).A.matrix()
            )  # negative control: a fresh outer batch
            apart[type(method)].append((np.abs(drawn.mean(axis=0) - fresh) > 4 * error).any())
    assert all(map(any, apart.values()))


def test_the_methods_of_the_checker_are_not_registered():
    assert "OuterHessian" not in Method.registry


@pytest.mark.slow
def test_an_instance_says_steps_step_size_and_samples():
    method = ls.MAML(ls.GradientSteps(0.5, m=5))
    found = ls.check_optimum(routines.exact("MAML", 500), method, progress=False)
    same = ls.check_optimum(routines.exact("MAML", 500), alpha=0.5, n_in=5, progress=False)
    assert found == same
    assert found.computes == "MAML"


def test_episodes_are_of_the_environment():
    draw = Episodes(checking_ground(), 4, 12, np.random.default_rng(0))
    X, y, U, v = routines.collect(draw, 3000)
    assert X.shape == (3000, 4, 2)
    assert U.shape == (3000, 12, 2)
    assert (y.shape, v.shape) == ((3000, 4), (3000, 12))
    assert draw.count == 3000
    S = np.einsum("tni,tnj->ij", U, U) / 36_000
    np.testing.assert_allclose(S, np.diag([2.5, 1.3]) / 3, atol=0.05)
    for shift, until in ((None, np.inf), (np.array([1.0, -2.0]), 700)):  # one by one, and all at once
        one, all_ = (
            Episodes(checking_ground(), 4, 12, np.random.default_rng(0), shift, until) for _ in range(2)
        )
        singly = [np.array(part) for part in zip(*(one() for _ in range(1200)), strict=True)]
        for alone, stacked in zip(singly, map(np.concatenate, zip(all_.take(3), all_.take(1197), strict=True)), strict=True):  # fmt: skip
            np.testing.assert_allclose(alone, stacked, rtol=1e-12, atol=1e-12)
        assert one.count == all_.count == 1200


def fails(draw, alpha):
    raise RuntimeError("no GPU")


@pytest.mark.parametrize(
    ("train", "verdict", "message"),
    [
        (fails, "cannot tell", "raises RuntimeError: no GPU"),
        (lambda draw, alpha: np.zeros(2), "cannot tell", "never calls draw"),
        (lambda draw, alpha: draw()[0][0] * np.inf, "wrong", "returns NaN, infinity or numbers beyond"),
        (lambda draw, alpha: draw()[0][0] * 1e200, "wrong", "returns NaN, infinity or numbers beyond"),
        (lambda draw, alpha: draw()[0], "wrong", r"shape \(4, 2\)"),
        (lambda draw, alpha: None, "wrong", "returns NoneType"),
        (lambda draw, alpha: draw()[0][0] * 0, "wrong", "do not scatter"),
        (lambda draw, alpha: draw()[0][0] * 1e-150, "wrong", "do not scatter"),
    ],
)
def test_bad_routines(train, verdict, message):
    found = ls.check_optimum(train, progress=False)
    assert found.verdict == verdict
    assert re.search(message, found.bugs[0]), found.bugs
    assert found.to_frame().empty


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"train": lambda: 0}, ValueError, r"train must take the arguments \(draw, alpha\)"),
        ({"method": "ProtoNet"}, ValueError, "unknown method"),
        ({"repeats": 3}, ValueError, "repeats must be"),
        ({"steps": 6}, ValueError, "steps must be"),
        ({"alpha": 0}, ValueError, "alpha must not be 0"),
        ({"n_in": 5, "n_out": 5}, ValueError, "must differ"),
        ({"environment": 3}, TypeError, "environment must be"),
        ({"environment": ls.HardEasy(R=sympy.Symbol("R"))}, ValueError, "sample needs numbers"),
        (
            {"environment": ls.Mixture([ls.DataTask("a", np.eye(2), [1.0, 2.0], ridge=0.1)])},
            ValueError,
            "ridge cannot",
        ),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        ls.check_optimum(**({"train": routines.exact("MAML"), "progress": False} | arguments))


def test_same_seed_same_numbers_and_a_picture():
    first, again = (ls.check_optimum(routines.exact("MAML", 300), rng=3, progress=False) for _ in range(2))
    np.testing.assert_array_equal(first.points, again.points)
    assert first == again
    assert first.plot().get_xlabel() == "first coordinate"
    assert first._repr_html_().startswith("<table")
    assert list(first.to_frame()["z"]) == sorted(first.to_frame()["z"])


def solved(steps, T, strength=0.0, alpha_off=1.0):
    """Solve exactly with several inner steps on one batch, by hand; with a penalty on w."""

    def train(draw, alpha):
        X, y, U, v = routines.collect(draw, T)
        (S, s), (H, h) = routines.system(X, y), routines.system(U, v)
        a = alpha_off * alpha
        P = np.eye(2) - a * S
        Q, shift = np.broadcast_to(np.eye(2), P.shape), 0 * s
        for _ in range(steps):
            Q, shift = P @ Q, (P @ shift[..., None])[..., 0] + a * s
        b = Q @ (h - (H @ shift[..., None])[..., 0])[..., None]
        return np.linalg.solve((Q @ H @ Q).mean(axis=0) + strength * np.eye(2), b.mean(axis=0))[:, 0]

    return train


@pytest.mark.parametrize(
    ("steps", "seeds"),
    [(2, range(1)), pytest.param(2, range(1, 5), marks=pytest.mark.slow), pytest.param(3, range(5), marks=pytest.mark.slow),
     pytest.param(5, range(3), marks=pytest.mark.slow)],
)  # fmt: skip
def test_exact_solutions_with_several_steps_are_right(steps, seeds):
    """Their bias of order 1/T has no formula: it is taken from the episodes drawn."""
    for seed in seeds:
        found = ls.check_optimum(
            solved(steps, 150 if steps == 3 else 400), steps=steps, rng=seed, progress=False
        )
        assert (found.verdict, found.bugs) == ("right", ()), str(found)


@pytest.mark.slow
def test_bugs_with_several_steps_are_named():
    for seed in range(3):
        found = ls.check_optimum(solved(3, 1500), steps=2, rng=seed, progress=False)
        assert found.bugs == ("3 inner steps instead of 2",), str(found)


def test_what_stops_early_is_to_train_longer():
    found = ls.check_optimum(routines.sgd(planted.maml, 300, rate=0.02), progress=False)
    assert (found.verdict, found.bugs) == ("cannot tell", ())
    assert "has not converged" in found.looks[0]
    assert "Train longer" in found.looks[0]


@pytest.mark.parametrize("strength", [0.05, pytest.param(0.3, marks=pytest.mark.slow)])
def test_a_weight_decay_of_an_exact_solution_is_named(strength):
    found = ls.check_optimum(solved(1, 500, strength), progress=False)
    assert found.bugs == (f"weight decay of about {strength:.2g}",)


@pytest.mark.slow
@pytest.mark.parametrize("strength", [0.05, 0.2])
def test_a_weight_decay_of_sgd_is_named(strength):
    found = ls.check_optimum(
        routines.sgd(lambda w, *x: planted.maml(w, *x) + strength * w, 2500), progress=False
    )
    (bug,) = found.bugs
    assert float(bug.removeprefix("weight decay of about ")) == pytest.approx(strength, rel=0.2)


@pytest.mark.slow
def test_the_power_that_is_reported_is_the_power_there_is():
    """30 routines with a step 10% off: what was asked for is denied as often as the reports of right ones say, at three standard errors.

    The nearest place on the way to the mean exact solution counts, which costs a little power.
    """
    said, denied = [], 0
    for seed in range(30):
        found = ls.check_optimum(solved(1, 900), rng=seed, progress=False)
        said.append(float(re.search(r"in (\d+) of 100", found.looks[0]).group(1)) / 100)
        off = ls.check_optimum(solved(1, 900, alpha_off=1.1), rng=seed, progress=False)
        denied += next(row.p for row in off.distances if row.asked) < 1e-3
    expected = np.mean(said)
    assert 0.3 < expected < 0.95
    error = np.sqrt(expected * (1 - expected) / 30)
    assert expected - 3 * error - 0.1 < denied / 30 < expected + 3 * error


def test_methods_that_have_no_place_to_end_here():
    with pytest.raises(ValueError, match="check_optimum judges MAML, .*; got iMAML: use check_meta_gradient"):
        ls.check_optimum(solved(1, 10), "iMAML", progress=False)

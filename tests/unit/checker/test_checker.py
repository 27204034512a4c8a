"""The checker of meta-gradients: every planted bug is named, and what is right is never accused."""

import re
from dataclasses import replace

import numpy as np
import pytest
from support import planted, routines

import landscape as ls
from landscape.checker.batches import Batch
from landscape.checker.behaviour import REPEATS, held_against_the_mean, observe
from landscape.checker.bugs import BUGS
from landscape.checker.calling import Calls
from landscape.checker.candidates import double, methods, residuals, single, values
from landscape.checker.formulas import meta_gradient
from landscape.checker.probes import Probes, draw_probes
from landscape.checker.routine import Routine
from landscape.checker.target import Asked, Kind

TRIALS = 200
EACH_TRIAL = pytest.mark.parametrize(
    "trials", [range(2), pytest.param(range(2, TRIALS), marks=pytest.mark.slow)], ids=["few", "many"]
)
PRIMES = [5, 7, 11, 13, 17]
TWINS = {"inputs standardised by each batch (batch norm)", "inner steps by the sign of the gradient"}
"""Others on the list but for an epsilon, of batch norm or of Adam: both are then reported."""


def settings(trial):
    """Dimension, batch sizes, step size and seed of a trial; half of them leave sizes and step to the checker."""
    rng = np.random.default_rng([7, trial])
    free = {"d": int(rng.integers(1, 9)), "rng": trial}
    if trial % 2:
        n_in, n_out = (int(n) for n in rng.choice(PRIMES, 2, replace=False))
        free |= {"n_in": n_in, "n_out": n_out, "alpha": float(np.exp(rng.uniform(-5, 1)))}
    return free


def named(bugs, wanted):
    return len(bugs) == len(wanted) and all(
        bug.startswith(name) for bug, name in zip(bugs, wanted, strict=True)
    )


@EACH_TRIAL
def test_every_planted_bug_is_named_in_every_trial(trials):
    missed = []
    for trial in trials:
        for name, (function, wanted) in planted.BROKEN.items():
            diagnosis = ls.check_meta_gradient(function, **settings(trial))
            fits = named(diagnosis.bugs, wanted) or any(
                all(w in also for w in wanted) for also in diagnosis.also
            )
            if diagnosis.verdict != "wrong" or not fits:  # factors of two bugs may be the same number
                missed.append((trial, name, diagnosis.computes, diagnosis.also))
    assert not missed, (len(missed), missed[:5])


@EACH_TRIAL
def test_bugs_of_several_steps_are_named_in_every_trial(trials):
    missed = []
    for trial in trials:
        for name, (function, wanted) in planted.BROKEN_STEPS.items():
            diagnosis = ls.check_meta_gradient(function, steps=3, **settings(trial))
            fits = named(diagnosis.bugs, wanted) or any(
                all(w in also for w in wanted) for also in diagnosis.also
            )
            if diagnosis.verdict != "wrong" or not fits:  # factors of two bugs may be the same number
                missed.append((trial, name, diagnosis.computes, diagnosis.also))
    assert not missed, (len(missed), missed[:5])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@EACH_TRIAL
def test_right_implementations_are_never_accused(dtype, trials):
    for trial in trials:
        for name, (method, steps, function) in planted.RIGHT.items():
            if method != "MAML" and trial >= 30:
                continue
            if dtype == "float32" and name == "MAML by differences of the loss's gradient":
                continue  # a difference of 1e-3 loses what float32 has
            diagnosis = ls.check_meta_gradient(function, method, steps=steps, dtype=dtype, **settings(trial))
            assert diagnosis.right, (trial, name, str(diagnosis))
            assert diagnosis.bugs == ()
            assert diagnosis.precision == ("double" if dtype == "float64" else diagnosis.precision)


@EACH_TRIAL
def test_single_precision_within_the_function_is_right_and_remarked(trials):
    for trial in trials:
        diagnosis = ls.check_meta_gradient(
            lambda *x: planted.maml(*(np.float32(part) for part in x)), **settings(trial)
        )
        assert diagnosis.right
        assert diagnosis.precision == "single"
        assert "single precision" in diagnosis.looks[0]


def flagged(function):
    """The same function, after an overflow that its answer knows nothing of, as some matrix products leave behind."""

    def answer(*arguments):
        np.multiply(np.float32([3e38]), np.float32([10]))
        return function(*arguments)

    return answer


def test_a_flag_of_the_processor_is_no_error():
    with pytest.raises(RuntimeWarning, match="overflow"):
        flagged(planted.maml)()
    for trial in range(1):
        assert ls.check_meta_gradient(flagged(planted.maml), **settings(trial)).right
        assert ls.check_meta_gradient(flagged(planted.first_order), **settings(trial)).verdict == "wrong"
    assert ls.check_optimum(flagged(routines.exact("MAML")), progress=False).right


@pytest.mark.parametrize("name", planted.MEMORY)
@EACH_TRIAL
def test_memory_is_named(name, trials):
    for trial in trials[:1] if len(trials) < 5 else trials:
        if name == "warm start" and trial == 50:  # it is held against all pairs of bugs each time
            break
        diagnosis = ls.check_meta_gradient(planted.MEMORY[name](), **settings(trial))
        assert diagnosis.verdict == "wrong"
        assert diagnosis.bugs[0].startswith("state left over"), str(diagnosis)
        assert ("add up" in diagnosis.bugs[0]) == (name == "adds up")


def test_what_adds_up_is_named_too():
    diagnosis = ls.check_meta_gradient(planted.accumulating(planted.first_order))
    assert diagnosis.bugs == ("state left over: gradients add up over calls", "detached graph")


@pytest.mark.parametrize("kind", ["noisy", "dropout"])
@EACH_TRIAL
def test_noise_is_named_and_never_taken_for_memory(kind, trials):
    """200 functions a kind; noise is taken for memory with a chance of less than 1e-4 each.

    Dropout that by chance dropped no row in any of the calls cannot be seen: one in 200.
    """
    unseen = 0
    for trial in trials:
        function = getattr(planted, kind)(np.random.default_rng([3, trial]))
        diagnosis = ls.check_meta_gradient(function, **settings(trial))
        if kind == "dropout" and diagnosis.verdict == "right":
            unseen += 1
            continue
        assert diagnosis.verdict == "wrong"
        assert diagnosis.bugs[0].startswith("noise"), str(diagnosis)
    assert unseen <= 0.02 * len(trials)


def test_factors_of_two_bugs_multiply():
    named, probes = {bug.name: bug for bug in BUGS}, draw_probes(4, 5, np.random.default_rng(0))
    both = Routine()
    for name in ("factor 2 in the inner loss", "wrong sign in the inner loss"):
        both = named[name].applied(both)
    wanted = meta_gradient(Routine(), replace(probes, alpha=-2 * probes.alpha))
    np.testing.assert_allclose(meta_gradient(both, probes), wanted)


def test_noisy_functions_are_held_against_means_at_the_stated_rate():
    """Of all |z| of independent answers the largest counts: 200 functions that are right in the mean, and one in five may be denied.

    Three standard errors to both sides; with a limit for a single |z| nearly all would be denied, with a one-sided one a third.
    """
    probes, rng, denied = draw_probes(4, 5, np.random.default_rng(0)), np.random.default_rng(1), 0
    right = meta_gradient(Routine(), probes)
    for _ in range(200):
        samples = right[:, None] + rng.standard_normal((4, REPEATS, 5))
        found = held_against_the_mean(samples, probes, Asked(Kind.MAML), false_alarm=0.2)
        denied += "MAML" not in map(str, found.match.hits)
        if found.match.hits:  # the first of them is what is reported
            first = meta_gradient(found.match.hits[0].routine, probes)
            assert found.match.residual == pytest.approx(residuals(samples.mean(axis=1), first))
    assert abs(denied / 200 - 0.2) < 3 * np.sqrt(0.2 * 0.8 / 200)


@EACH_TRIAL
def test_the_mean_of_a_noisy_function_is_recognised(trials):
    """A false-alarm rate of 1e-3 a function: 40 functions, seeds fixed; FO-MAML is the negative control."""
    for trial in trials[:30]:
        diagnosis = ls.check_meta_gradient(planted.noisy(np.random.default_rng(trial), 0.05), rng=trial)
        assert diagnosis.computes == "MAML"
        first = ls.check_meta_gradient(
            planted.noisy(np.random.default_rng(trial), 0.05), "FO-MAML", rng=trial
        )
        assert first.computes == "MAML"
        assert "full MAML" in first.bugs


CALLS = {  # changes of the call -> the bug's name
    "factor 2 in the inner loss": lambda f: lambda w, X, y, U, v, a: f(w, X, y, U, v, 2 * a),
    "sum for mean in the inner loss": lambda f: lambda w, X, y, U, v, a: f(w, X, y, U, v, len(y) * a),
    "wrong sign in the inner loss": lambda f: lambda w, X, y, U, v, a: f(w, X, y, U, v, -a),
    "batches swapped": lambda f: lambda w, X, y, U, v, a: f(w, U, v, X, y, a),
    "inner batch reused as the outer one": lambda f: lambda w, X, y, U, v, a: f(w, X, y, X, y, a),
    "outer batch reused as the inner one": lambda f: lambda w, X, y, U, v, a: f(w, U, v, U, v, a),
    "outer loss on both batches": lambda f: (
        lambda w, X, y, U, v, a: f(w, X, y, np.vstack([X, U]), np.hstack([y, v]), a)
    ),
}
RESULTS = {  # changes of the result
    "factor 1/2 in the outer loss": lambda f: lambda *x: f(*x) / 2,
    "wrong sign in the outer loss": lambda f: lambda *x: -f(*x),
    "result multiplied by alpha": lambda f: lambda *x: f(*x) * x[-1],
    "sum for mean in the outer loss": lambda f: lambda *x: f(*x) * len(x[4]),
}
KINDS = {
    "detached graph": planted.first_order,
    "stale point: outer gradient at w": planted.BROKEN["stale point"][0],
    "targets broadcast in the outer loss": planted.BROKEN["broadcast outer"][0],
}


def pairs():
    """Two bugs at a time, from independent code."""
    for change, changed in CALLS.items():
        yield from (((change, result), other(changed(planted.maml))) for result, other in RESULTS.items())
        yield from (((change, kind), changed(function)) for kind, function in KINDS.items())
    for result, other in RESULTS.items():
        yield from (((result, kind), other(function)) for kind, function in KINDS.items())


SAME_FUNCTION = {  # two bugs that are also something else, listed before
    ("sum for mean in the inner loss", "sum for mean in the outer loss"): {"sum for mean in both losses"},
    ("wrong sign in the inner loss", "wrong sign in the outer loss"): {"wrong sign in both losses"},
    # the outer gradient at w of the inner batch, through the chain rule, is FO-MAML on that batch: H and g belong together
    ("inner batch reused as the outer one", "stale point: outer gradient at w"): {
        "detached graph", "inner batch reused as the outer one",
    },
    ("outer batch reused as the inner one", "stale point: outer gradient at w"): {
        "detached graph", "outer batch reused as the inner one",
    },
}  # fmt: skip


@EACH_TRIAL
def test_two_bugs_are_both_named(trials):
    for trial in trials[:10]:
        for names, function in pairs():
            diagnosis = ls.check_meta_gradient(function, **settings(trial))
            assert diagnosis.verdict == "wrong"
            assert set(diagnosis.bugs) == SAME_FUNCTION.get(names, set(names)), (trial, names, str(diagnosis))


@pytest.mark.slow
def test_all_pairs_of_bugs_are_far_from_what_is_right():
    """Every pair on the list that does not cancel, 200 trials: never right, in double or in single precision."""
    probes = draw_probes(3 * TRIALS, 3, np.random.default_rng(1))
    right = meta_gradient(Routine(), probes).reshape(TRIALS, 3, 3)
    for candidate in double(Asked(Kind.MAML)):
        value = meta_gradient(candidate.routine, probes).reshape(TRIALS, 3, 3)
        size = np.maximum(np.linalg.norm(value, axis=-1), np.linalg.norm(right, axis=-1))
        assert (np.linalg.norm(value - right, axis=-1) / size).max(axis=-1).min() > 3e-4, candidate


@pytest.mark.parametrize("seeds", [range(2), pytest.param(range(2, 12), marks=pytest.mark.slow)])
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.slow
def test_candidates_differ_clearly_and_none_is_near_what_is_right(steps, seeds):
    """What single precision cannot tell apart must not be on the list (1e-4, here at least 20 times as far)."""
    known = single(Asked(Kind.MAML, steps))
    assert [str(c) for c in known[:1]] == ["MAML" if steps == 1 else "MAML with 3 inner steps"]
    for seed in seeds:
        probes = draw_probes(4, 1 + seed % 6, np.random.default_rng(seed))
        one, two = (values(probes, Asked(Kind.MAML, steps), pairs) for pairs in (False, True))
        one = one[[not TWINS & {bug.name for bug in c.bugs} for c in known]]
        between = np.array([residuals(value, one) for value in one])
        np.fill_diagonal(between, 1)
        assert between.min() > 2e-3
        assert between[0].min() > 0.03  # of what is right
        assert residuals(one[0], two).min() > 3e-3


@EACH_TRIAL
def test_every_candidate_is_found_again_in_every_trial(trials):
    """All methods and all single bugs at once, in 200 trials of 4 problems each."""
    probes = draw_probes(4 * TRIALS, 4, np.random.default_rng(0))
    every = values(probes, Asked(Kind.MAML), False).reshape(-1, TRIALS, 4, 4).swapaxes(0, 1)
    twins = {"inputs standardised by each batch (batch norm)", "inner steps by the sign of the gradient"}
    kept = [
        not twins & {bug.name for bug in c.bugs} for c in single(Asked(Kind.MAML))
    ]  # others but for an epsilon
    for whole in every[trials]:
        trial = whole[kept]
        distance = np.array([residuals(value, trial) for value in trial])
        assert (distance.argmin(axis=1) == np.arange(len(trial))).all()
        assert (np.sort(distance, axis=1)[:, 1] > 1e-3).all()


def test_formulas_agree_with_the_derivative_of_the_loss_by_differences():
    """MAML's candidates with k steps are gradients of the loss after k steps: central differences are exact but for rounding."""
    probes = draw_probes(3, 4, np.random.default_rng(2))

    def loss_after(w, X, y, U, v, a, k):
        return np.mean((U @ planted.steps(k, w, X, y, a) - v) ** 2) / 2

    for k in (1, 2, 5):
        expected = meta_gradient(Routine(k), probes)
        for p in range(3):
            w, *rest = probes.arguments(p)
            slopes = [(loss_after(w + e, *rest, k) - loss_after(w - e, *rest, k)) / 2 for e in np.eye(4)]
            np.testing.assert_allclose(expected[p], slopes, rtol=1e-8, atol=1e-9)


class OffBatch(Batch):
    """Negative control: a Hessian that is off by a factor."""

    def times(self, v):
        return 1.001 * super().times(v)


class OffProbes(Probes):
    def batch(self, name, part=None):
        right = super().batch(name, part)
        off = object.__new__(OffBatch)
        off.__dict__ = right.__dict__
        return off


def test_a_wrong_formula_in_the_checker_is_caught():
    right = draw_probes(4, 5, np.random.default_rng(987_654))
    off = OffProbes(right.w, right.rows, right.alpha, right.scale)
    assert [str(c) for c in observe(Calls(planted.maml, right), Asked(Kind.MAML)).match.hits] == ["MAML"]
    assert observe(Calls(planted.maml, off), Asked(Kind.MAML)).match.hits == ()


def test_conventions():
    doubled = planted.BROKEN["2 both"][0]
    found = ls.check_meta_gradient(doubled)
    assert found.bugs == ("factor 2 in both losses",)
    assert "loss='full'" in found.looks[-1]
    assert ls.check_meta_gradient(doubled, loss="full").right
    assert ls.check_meta_gradient(planted.maml, loss="full").bugs == ("factor 1/2 in both losses",)


@pytest.mark.parametrize(
    ("function", "bug"),
    [
        (
            lambda w, X, y, U, v, a: planted.maml(w, X, y, U, v, 0.1),
            "alpha is fixed at 0.1 in the inner step and its derivative",
        ),
        (lambda *x: 0.37 * planted.maml(*x), "the result is multiplied by 0.37"),
        (
            lambda w, X, y, U, v, a: planted.maml(w, X, y, U, v, 0.7 * a),
            "alpha is multiplied by 0.7 in the inner step and its",
        ),
        (
            lambda w, X, y, U, v, a: planted.jac(X, 3 * a) @ planted.first_order(w, X, y, U, v, a),
            "alpha is multiplied by 3 in the deriv",
        ),
    ],
)
def test_unusual_factors_are_solved_for(function, bug):
    found = ls.check_meta_gradient(function)
    assert found.verdict == "wrong"
    assert len(found.bugs) == 1
    assert found.bugs[0].startswith(bug)


@pytest.mark.slow
def test_an_independent_hessian_uses_samples_of_its_own():
    """Means over 6,000 problems, w_i = 0, Sigma = I: (1 - alpha)^2 w where the Hessian is independent, at 4.5 standard errors
    (a false alarm in 10^4 seeds); where it is not, the true difference is 0.1 or more, and an error 10 times smaller.
    """
    rng, P, alpha = np.random.default_rng(0), 6000, 0.6
    rows = []
    for _ in range(P):
        X, y = rng.standard_normal((10, 2)), 0.1 * rng.standard_normal(10)
        rows.append((X[:4], y[:4], X[4:], y[4:]))
    probes = Probes(np.ones((P, 2)), rows, np.full(P, alpha), 1.0)
    for candidate in methods(1):
        if candidate.kind in (Kind.INDEPENDENT, Kind.DEPENDENT):
            value = meta_gradient(candidate.routine, probes).mean(axis=1)
            z = (value.mean() - (1 - alpha) ** 2) / (value.std() / np.sqrt(P))
            assert (abs(z) < 4.5) == (candidate.kind is Kind.INDEPENDENT), (str(candidate), z)


def test_an_independent_hessian_takes_one_step():
    with pytest.raises(ValueError, match="takes steps=1"):
        ls.check_meta_gradient(planted.maml, "HF-MAML", steps=2)
    for hessian in (lambda X, U: U, lambda X, U: X[: len(X) // 2]):
        found = ls.check_meta_gradient(
            lambda w, X, y, U, v, a, part=hessian: (
                planted.jac(part(X, U), a) @ planted.first_order(w, X, y, U, v, a)
            ),
            "HF-MAML",
        )
        assert found.bugs == ("Hessian on another batch, not an independent one",)


def test_unusual_factors_of_another_method():
    fixed = ls.check_meta_gradient(
        lambda w, X, y, U, v, a: planted.first_order(w, X, y, U, v, 0.1), "FO-MAML"
    )
    assert fixed.bugs == ("alpha is fixed at 0.1 in the inner step, whatever is passed",)
    found = ls.check_meta_gradient(lambda *x: 0.37 * planted.first_order(*x))
    assert found.bugs == ("detached graph", "the result is multiplied by 0.37")
    assert found.residual < 1e-9


def test_unusual_factors_at_once():
    """Of two or three numbers none is found alone: they are solved for together."""
    found = ls.check_meta_gradient(
        lambda w, X, y, U, v, a: 1.2 * planted.jac(X, 3 * a) @ planted.first_order(w, X, y, U, v, 0.7 * a)
    )
    assert found.bugs == (
        "the result is multiplied by 1.2",
        "alpha is multiplied by 0.7 in the inner step",
        "alpha is multiplied by 3 in the derivative of the inner step",
    )


def test_batches_never_have_the_same_size():
    for seed in range(50):
        for given in ({"n_out": 7}, {"n_in": 7}, {}):
            probes = draw_probes(4, 3, np.random.default_rng(seed), **given)
            assert (probes.n_in != probes.n_out).all()


def test_what_cannot_be_told_apart_is_said():
    found = ls.check_meta_gradient(lambda *x: 2 * planted.maml(*x), n_in=4, n_out=8)
    assert {found.computes, *found.also} == {
        "MAML + factor 2 in the outer loss",
        "MAML + mean over the wrong n in the outer loss",
    }


def test_many_dimensions_and_extreme_steps():
    for d, alpha in ((1, None), (60, None), (5, 1e-6), (5, 1e6), (5, -0.3)):
        assert ls.check_meta_gradient(planted.maml, d=d, alpha=alpha).right
        assert ls.check_meta_gradient(planted.first_order, d=d, alpha=alpha).bugs == ("detached graph",)


def test_what_is_remembered_by_parameters_shows():
    kept = {}

    def stale(w, X, y, U, v, a):
        H = kept.setdefault(w.tobytes(), planted.hess(X))
        return (np.eye(len(w)) - a * H) @ planted.first_order(w, X, y, U, v, a)

    assert ls.check_meta_gradient(stale, d=1).verdict != "right"


@pytest.mark.parametrize("alpha", [1e40, 1e30, -1e13, 1e-100, 1e-150])
def test_steps_that_rounding_hides_are_refused(alpha):
    with pytest.raises(ValueError, match="alpha must lie between 1e-12 and 1e"):
        ls.check_meta_gradient(planted.maml, alpha=alpha)
    assert ls.check_meta_gradient(planted.maml, alpha=1e12).right
    assert ls.check_meta_gradient(planted.maml, alpha=-1e-12).right


def test_small_things_are_said():
    assert "alpha = 1" in ls.check_meta_gradient(planted.maml, alpha=1.0).looks[-1]
    assert ls.check_meta_gradient(lambda *x: 1.0002 * planted.maml(*x)).bugs == (
        "the result is multiplied by 1.0002",
    )
    assert "ndarray of complex128" in ls.check_meta_gradient(lambda *x: planted.maml(*x) + 0j).bugs[0]
    for dtype in (np.float32, np.dtype("float32")):
        assert ls.check_meta_gradient(planted.maml, dtype=dtype).right


@pytest.mark.parametrize("size", [1e120, 1.7e308])
def test_huge_answers_are_told_and_overflow_nothing(size):
    rng = np.random.default_rng(0)
    for function in (
        lambda *x: np.sign(planted.maml(*x)) * size,
        lambda *x: rng.choice([-size, size], len(x[0])),
    ):
        found = ls.check_meta_gradient(function)
        assert found.verdict == "wrong"
        assert found.bugs[0].startswith("returns NaN, infinity or numbers beyond 1e+100")
    found = ls.check_meta_gradient(lambda *x: np.sign(planted.maml(*x)) * 1e99)
    assert (found.verdict, found.computes) == ("wrong", "none of these")


def test_bugs_that_overflow_are_far_from_everything():
    found = ls.check_meta_gradient(planted.maml_k(20), d=3, alpha=-1e12, steps=20)
    assert found.right


@pytest.mark.parametrize("status", [0, 1, "good bye", None])
def test_a_function_that_exits_cannot_be_judged(status):
    def function(*x):
        raise SystemExit(status)

    found = ls.check_meta_gradient(function)
    assert (found.verdict, found.status) == ("cannot tell", 2)
    assert found.bugs[0].startswith("calls sys.exit(")


@EACH_TRIAL
def test_none_of_these(trials):
    for trial in trials[1:20]:
        M = np.random.default_rng([9, trial]).standard_normal((8, 8))
        found = ls.check_meta_gradient(
            lambda w, X, y, U, v, a, M=M: M[: len(w), : len(w)] @ planted.maml(w, X, y, U, v, a),
            d=5,
            rng=trial,
        )
        assert (found.verdict, found.computes) == ("wrong", "none of these")
        assert found.residual > 1e-3
        assert found.closest
    found = ls.check_meta_gradient(lambda w, X, y, U, v, a: w + U.mean(axis=0))
    assert [f"the result does not depend on {name}" for name in ("X_in", "y_in", "y_out", "alpha")] == list(
        found.looks[:4]
    )
    assert found.looks[-1].startswith("try next: ")


class Tensor:
    """What a framework's array looks like from outside: no copy without detach."""

    def __init__(self, value):
        self.value = value

    def detach(self):
        return Detached(self.value)


class Detached:
    def __init__(self, value):
        self.value = value

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.value, dtype)


@pytest.mark.parametrize(
    "pack", [list, tuple, np.float32, np.ndarray.tolist, Tensor, lambda g: (Tensor(g),), lambda g: (g,)]
)
def test_lists_and_tensors_are_read(pack):
    assert ls.check_meta_gradient(lambda *x: pack(planted.maml(*x))).right


def overwriting(name):
    def function(**arguments):
        out = planted.maml(*arguments.values())
        arguments[name] -= 1.0
        return out

    return lambda w, X_in, y_in, X_out, y_out, alpha: function(
        w=w, X_in=X_in, y_in=y_in, X_out=X_out, y_out=y_out, alpha=alpha
    )


@pytest.mark.parametrize("name", ["w", "X_in", "y_in", "X_out", "y_out"])
def test_changed_arguments_are_named(name):
    found = ls.check_meta_gradient(overwriting(name))
    assert (found.verdict, found.computes, found.bugs) == (
        "wrong",
        "MAML",
        (f"modifies its argument {name}",),
    )


def fails(*arguments):
    raise RuntimeError("expected scalar type Float but found Double")


@pytest.mark.parametrize(
    ("answer", "verdict", "message"),
    [
        (fails, "cannot tell", r"raises RuntimeError: expected scalar type Float but found Double \(line \d+ of fails"),
        (lambda *x: planted.maml(*x) * np.nan, "wrong", "returns NaN, infinity or numbers beyond"),
        (lambda *x: None, "wrong", "returns None"),
        (lambda *x: 0.5, "wrong", r"returns shape \(\), wanted \(5,\)"),
        (lambda *x: x[1], "wrong", r"returns shape \(\d+, 5\), wanted \(5,\)"),
        (lambda *x: "gradient", "wrong", "returns str, which is not an array of real numbers"),
        (lambda *x: [[1, 2], 3], "wrong", "returns list, which is not an array of real numbers"),
        (lambda *x: {"w": x[0]}, "wrong", "returns dict"),
        (lambda *x: planted.maml(*x) + 1j, "wrong", "not an array of real numbers"),
        (lambda *x: np.array([]), "wrong", r"returns shape \(0,\)"),
    ],
)  # fmt: skip
def test_bad_answers(answer, verdict, message):
    found = ls.check_meta_gradient(answer)
    assert found.verdict == verdict
    assert re.search(message, found.bugs[0]), found.bugs
    assert found.to_frame().empty
    assert found.closest is None
    assert "nothing that can be compared" in str(found)
    assert found._repr_html_().startswith("<table")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"function": 3}, TypeError, "function must be callable"),
        (
            {"function": lambda w, X: w},
            ValueError,
            r"must take the arguments \(w, X_in, y_in, X_out, y_out, alpha\), got <lambda>\(w, X\)",
        ),
        ({"method": "MALM"}, ValueError, "did you mean MAML"),
        ({"steps": 0}, ValueError, "steps must be"),
        ({"steps": 1.5}, ValueError, "steps must be"),
        ({"d": 0}, ValueError, "d must be"),
        ({"n_in": 1}, ValueError, "n_in must be"),
        ({"n_in": 7, "n_out": 7}, ValueError, "must differ"),
        ({"alpha": 0}, ValueError, "alpha must not be 0"),
        ({"alpha": np.nan}, ValueError, "alpha must be"),
        ({"loss": "mse"}, ValueError, "unknown loss"),
        ({"dtype": "int32"}, ValueError, "unknown dtype"),
        ({"rng": -1}, ValueError, "rng must be"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        ls.check_meta_gradient(**({"function": planted.maml} | arguments))


@pytest.mark.parametrize(
    ("method", "wanted", "function"),
    [
        (ls.MAML, "MAML", planted.maml),
        (ls.MAML(0.5), "MAML", planted.maml),
        (
            ls.MAML(ls.GradientSteps(0.5, m=20, steps=3, batches="same")),
            "MAML with 3 inner steps",
            planted.maml_k(3),
        ),
        (ls.FOMAML, "FO-MAML", planted.first_order),
        (ls.HFMAML(0.5), "HF-MAML", planted.RIGHT["MAML, Hessian on the other half"][2]),
        (
            ls.MAML(hessian="independent"),
            "MAML, independent Hessian",
            planted.RIGHT["MAML, Hessian on half of X_out"][2],
        ),
        (ls.Reptile(), "Reptile", lambda w, X, y, U, v, a: a * planted.grad(w, X, y)),
        (ls.NAL, "NAL", planted.plain),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_methods_are_named_by_label_class_or_instance(method, wanted, function):
    found = ls.check_meta_gradient(function, method)
    assert found.right, str(found)
    assert found.wanted == wanted


@pytest.mark.parametrize("method", ["BaMAML", "BI-MAML", "BIMAML", ls.BaMAML, ls.BaMAML(0.5, train_share=0.5), ls.NAL({"hard": 3.0}), ls.MAML(ls.GradientSteps(0.5, steps=0))])  # fmt: skip
def test_methods_that_the_checker_does_not_know(method):
    with pytest.raises(
        ValueError, match="the checker does not know .*: it knows MAML, HF-MAML, .* and Per-FedAvg HF"
    ):
        ls.check_meta_gradient(planted.maml, method)


def test_methods_that_contradict_the_call():
    with pytest.raises(ValueError, match="steps = 1 contradicts the method, which says 2"):
        ls.check_meta_gradient(planted.maml, ls.MAML(ls.GradientSteps(0.5, 9, 2, "same")), steps=1)
    with pytest.raises(ValueError, match="n_in = 7 must be a multiple of steps = 2"):
        ls.check_meta_gradient(planted.maml, ls.MAML(ls.GradientSteps(0.5, 9, 2)), n_in=7)
    with pytest.raises(ValueError, match="has a matrix step"):
        ls.check_meta_gradient(planted.maml, ls.MAML(ls.PreconditionedSteps(np.eye(2))))
    with pytest.raises(ValueError, match="alpha = 0.8 contradicts the method"):
        ls.check_optimum(routines.exact("MAML"), ls.MAML(0.5), alpha=0.8)
    with pytest.raises(TypeError, match="method must be the label of a method"):
        ls.check_meta_gradient(planted.maml, 3)


def test_a_library_that_raises_is_blamed_on_the_users_line():
    def singular(w, X_in, y_in, X_out, y_out, alpha):
        return np.linalg.solve(np.zeros((5, 5)), w)

    found = ls.check_meta_gradient(singular)
    assert re.search(
        r"raises LinAlgError: Singular matrix \(line \d+ of singular: return np.linalg.solve", found.bugs[0]
    )


def test_interrupts_pass_through():
    def interrupted(*arguments):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ls.check_meta_gradient(interrupted)


def test_same_seed_same_numbers():
    first, again, other = (ls.check_meta_gradient(planted.first_order, rng=s) for s in (3, 3, 4))
    assert first == again
    assert first != other
    assert hash(first) == hash(again)
    one, two = (ls.check_meta_gradient(planted.first_order, rng=np.random.default_rng(3)) for _ in range(2))
    assert one == two == first


def test_the_table_and_the_picture():
    found = ls.check_meta_gradient(planted.maml)
    frame = found.to_frame()
    assert frame["candidate"][0] == "MAML"
    assert frame["residual"].is_monotonic_increasing
    assert len(frame) == len(single(Asked(Kind.MAML, d=5)))
    assert len(found.plot().get_yticklabels()) == 10
    assert ls.check_meta_gradient(lambda *x: 3.3 * planted.maml(*x)).plot() is not None

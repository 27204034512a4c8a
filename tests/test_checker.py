"""The checker of meta-gradients: every planted bug is named, and what is right is never accused."""

import numpy as np
import planted
import pytest

import landscape as ls

TRIALS = 200
PRIMES = [5, 7, 11, 13, 17]


def settings(trial):
    """Dimension, batch sizes, step size and seed of a trial; half of them leave sizes and step to the checker."""
    rng = np.random.default_rng([7, trial])
    free = {"d": int(rng.integers(1, 9)), "seed": trial}
    if trial % 2:
        n_in, n_out = (int(n) for n in rng.choice(PRIMES, 2, replace=False))
        free |= {"n_in": n_in, "n_out": n_out, "alpha": float(np.exp(rng.uniform(-5, 1)))}
    return free


def named(bugs, wanted):
    return len(bugs) == len(wanted) and all(bug.startswith(name) for bug, name in zip(bugs, wanted, strict=True))


def test_every_planted_bug_is_named_in_every_trial():
    missed = []
    for trial in range(TRIALS):
        for name, (function, wanted) in planted.BROKEN.items():
            diagnosis = ls.check_meta_gradient(function, **settings(trial))
            if diagnosis.verdict != "wrong" or not named(diagnosis.bugs, wanted):
                missed.append((trial, name, diagnosis.computes, diagnosis.also))
    assert not missed, (len(missed), missed[:5])


def test_bugs_of_several_steps_are_named_in_every_trial():
    missed = []
    for trial in range(TRIALS):
        for name, (function, wanted) in planted.BROKEN_STEPS.items():
            diagnosis = ls.check_meta_gradient(function, steps=3, **settings(trial))
            if diagnosis.verdict != "wrong" or not named(diagnosis.bugs, wanted):
                missed.append((trial, name, diagnosis.computes, diagnosis.also))
    assert not missed, (len(missed), missed[:5])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_implementations_are_never_accused(dtype):
    for trial in range(TRIALS):
        for name, (method, steps, function) in planted.RIGHT.items():
            if dtype == "float32" and name == "MAML by differences of the loss's gradient":
                continue  # a difference of 1e-3 loses what float32 has
            diagnosis = ls.check_meta_gradient(function, method, steps=steps, dtype=dtype, **settings(trial))
            assert diagnosis.right, (trial, name, str(diagnosis))
            assert diagnosis.bugs == ()
            assert diagnosis.precision == ("double" if dtype == "float64" else diagnosis.precision)


def test_single_precision_within_the_function_is_right_and_remarked():
    for trial in range(50):
        diagnosis = ls.check_meta_gradient(
            lambda *x: planted.maml(*(np.float32(part) for part in x)), **settings(trial)
        )
        assert diagnosis.right
        assert diagnosis.precision == "single"
        assert "single precision" in diagnosis.looks[0]


@pytest.mark.parametrize("name", planted.MEMORY)
def test_memory_is_named(name):
    for trial in range(TRIALS if name == "adds up" else 20):
        diagnosis = ls.check_meta_gradient(planted.MEMORY[name](), **settings(trial))
        assert diagnosis.verdict == "wrong"
        assert diagnosis.bugs[0].startswith("state left over"), str(diagnosis)
        assert ("add up" in diagnosis.bugs[0]) == (name == "adds up")


def test_what_adds_up_is_named_too():
    diagnosis = ls.check_meta_gradient(planted.accumulating(planted.first_order))
    assert diagnosis.bugs == ("state left over: gradients add up over calls", "detached graph")


@pytest.mark.parametrize("kind", ["noisy", "dropout"])
def test_noise_is_named_and_never_taken_for_memory(kind):
    """40 functions a kind; noise is taken for memory with a chance of less than 1e-4 each."""
    for trial in range(40):
        function = getattr(planted, kind)(np.random.default_rng([3, trial]))
        diagnosis = ls.check_meta_gradient(function, **settings(trial) | {"d": 4})
        assert diagnosis.verdict == "wrong"
        assert diagnosis.bugs[0].startswith("noise"), str(diagnosis)


def test_the_mean_of_a_noisy_function_is_recognised():
    """A false-alarm rate of 1e-3 a function: 40 functions, seeds fixed; FO-MAML is the negative control."""
    for trial in range(40):
        diagnosis = ls.check_meta_gradient(planted.noisy(np.random.default_rng(trial), 0.05), seed=trial)
        assert diagnosis.computes == "MAML"
        first = ls.check_meta_gradient(planted.noisy(np.random.default_rng(trial), 0.05), "FO-MAML", seed=trial)
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


def test_two_bugs_are_named_or_said_to_be_unknown_and_never_right():
    both = total = 0
    for trial in range(20):
        for names, function in pairs():
            if trial % 2 and "swapped" in names[0] and "sum" in names[1]:
                continue  # sizes are swapped too: checked below with other names
            diagnosis = ls.check_meta_gradient(function, **settings(trial))
            assert diagnosis.verdict == "wrong", (names, str(diagnosis))
            both += set(names) == set(diagnosis.bugs)
            total += 1
            if diagnosis.computes != "none of these" and set(names) != set(diagnosis.bugs):
                print(trial, names, diagnosis.bugs, diagnosis.also)
    assert both > 0.9 * total, (both, total)

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

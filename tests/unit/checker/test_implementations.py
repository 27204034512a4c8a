"""Right implementations are called right, wrong ones wrong, and by what is wrong with them.

All are written by hand (support.right, support.wrong), in NumPy, PyTorch and JAX and four precisions; the table by kind is
printed by tests/benchmarks/checker_table.py. Each kind has one example in the fast suite and all in the slow one.
"""

import itertools
import re

import numpy as np
import pytest
from support import planted, right
from support.wrong import WRONG, decayed, in_precision

import landscape as ls
from landscape.checker.formulas import meta_gradient
from landscape.checker.knobs import KNOBS, improvement, solved
from landscape.checker.precision import rounded
from landscape.checker.probes import draw_probes
from landscape.checker.routine import Routine

KINDS = list(dict.fromkeys(kind for kind, *_ in WRONG))


def judged(kind, name, settings, function, words):
    found = ls.check_meta_gradient(function, **settings)
    assert found.verdict == "wrong", (name, str(found))
    assert words is None or any(words in bug for bug in found.bugs), (name, str(found))


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if not k.startswith(("classic", "momentum", "memory", "noise"))]
)
def test_one_of_each_kind_is_named(kind):
    judged(*next(case for case in WRONG if case[0] == kind))


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [k for k in KINDS if k not in ("memory", "noise")]
)  # which remember that they were called
def test_all_of_each_kind_are_named(kind):
    for case in WRONG:
        if case[0] == kind:
            judged(*case)


def test_there_are_as_many_as_was_promised():
    named = sum(words is not None for *_, words in WRONG)
    assert len(WRONG) >= 150
    assert named >= 120


QUICK = (
    "Meta-SGD, two",
    "iMAML, 2 it",
    "FO-MAML, a meta-batch",
    "MAML, fresh",
    "MAML, one column",
)


@pytest.mark.parametrize("name", [n for n, _, _ in right.in_numpy("float64") if n.startswith(QUICK)])
def test_other_methods_are_right(name):
    _is_right(next(case for case in right.in_numpy("float64") if case[0] == name))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_implementations_in_numpy(dtype):
    for seed, case in itertools.product(range(3), right.in_numpy(dtype)):
        _is_right(case, seed)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("made", [right.in_torch, right.in_jax], ids=["torch", "jax"])
def test_right_implementations_in_frameworks(made, dtype):
    pytest.importorskip(made.__name__.removeprefix("in_"), reason="the framework is not installed")
    for case in made(dtype):
        _is_right(case)


@pytest.mark.slow
def test_right_implementations_in_bfloat16():
    pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    for case in right.in_bfloat16():
        _is_right(case)


def _is_right(case, seed=0):
    name, settings, function = case
    found = ls.check_meta_gradient(function, rng=seed, **settings)
    assert found.right, (name, seed, str(found))
    assert found.bugs == ()


@pytest.mark.parametrize("strength", [1e-6, 1e-5, 1e-4])
def test_a_weak_decay_is_named_in_double_precision(strength):
    for seed in range(3):
        found = ls.check_meta_gradient(decayed(strength, "result"), rng=seed)
        assert found.bugs == (f"weight decay {strength:g} is added to the result",)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["result", "inner", "outer", "both"])
def test_a_decay_is_named_in_single_precision(where):
    for seed in range(10):
        found = ls.check_meta_gradient(decayed(np.float32(1e-3), where), dtype="float32", rng=seed)
        assert len(found.bugs) == 1
        assert re.match("weight decay (0.001|0.000999|0.00100)", found.bugs[0]), (seed, str(found))


@pytest.mark.slow
@pytest.mark.parametrize("steps", range(1, 13))
def test_off_by_one_is_named(steps):
    for off, seed in itertools.product((-2, -1, 1, 2), range(3)):
        if steps + off > 0:
            found = ls.check_meta_gradient(planted.maml_k(steps + off), steps=steps, rng=seed)
            taken = f"{steps + off} inner step{'s' * (steps + off > 1)}"
            assert found.bugs == (f"{taken} instead of {steps}",), str(found)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_bugs_are_named_in_coarse_precision(dtype):
    """Over all classic bugs and three seeds: those that are told apart by more than rounding, by the same name."""
    missed = []
    for seed, (name, (function, wanted)) in itertools.product(range(3), planted.BROKEN.items()):
        found = ls.check_meta_gradient(in_precision(function, dtype), dtype=dtype, rng=seed)
        assert found.verdict != "right", (name, seed)
        if found.verdict != "wrong" or wanted[0] not in " ".join(found.bugs):
            missed.append((name, seed, found.bugs))
    assert len(missed) <= 2, missed


def test_coarse_numbers_are_found_out():
    found = ls.check_meta_gradient(in_precision(planted.maml, "bfloat16"))
    assert (found.verdict, found.precision) == ("right", "bfloat16")
    assert "bfloat16 precision" in found.looks[0]


def test_rounding_to_bfloat16_by_hand():
    """To 8 bits of mantissa, ties to even: 1 + 2^-8 is a tie."""
    given = np.array([1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-9, -3.14159, 1e30])
    np.testing.assert_allclose(rounded(given, "bfloat16"), [1, 1 + 2**-6, 1, -3.140625, 1e30], rtol=2**-8)
    np.testing.assert_array_equal(rounded(given, "bfloat16")[:4], [1, 1 + 2**-6, 1, -3.140625])


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_numbers_are_found_again(knob):
    """With the formula itself; by another route in the table of wrong implementations."""
    probes = draw_probes(4, 5, np.random.default_rng(3))
    clean = Routine(2 if knob.numbers == ("momentum",) else 1)
    value = meta_gradient(knob.applied(clean, 0.37), probes)
    (found, *_) = solved(value, probes, [ls_candidate(clean)], 1e-9)
    assert found.number == pytest.approx(0.37, rel=1e-6) or knob.numbers != found.knob.numbers


def ls_candidate(routine):
    from landscape.checker.candidates import Candidate
    from landscape.checker.target import Kind

    return Candidate(Kind.MAML, "MAML", (), routine)


def test_rounding_has_no_number():
    """10 answers with the differences of rounding in single precision: none looks like a decay, a factor or a clip."""
    rng, probes = np.random.default_rng(0), draw_probes(4, 5, np.random.default_rng(1))
    right_one = meta_gradient(Routine(), probes)
    for _ in range(10):
        noise = 1e-6 * rng.standard_normal(right_one.shape) * np.abs(right_one).max(axis=1, keepdims=True)
        assert next(solved(right_one + noise, probes, [ls_candidate(Routine())], 1e-4), None) is None
    assert improvement(20) > 5
    decay = right_one + 1e-3 * probes.w + noise  # negative control
    assert next(solved(decay, probes, [ls_candidate(Routine())], 1e-4)).number == pytest.approx(1e-3, rel=0.1)


def test_a_small_difference_that_stays_is_no_rounding():
    found = ls.check_meta_gradient(lambda *x: planted.maml(*x) + 1e-6 * np.tanh(x[0]) ** 2)
    assert found.verdict == "cannot tell"
    assert "is no rounding: it stays where all numbers move a little" in found.looks[-1]
    inside = ls.check_meta_gradient(  # rounding within, by the same route, is right
        lambda w, X, y, U, v, a: planted.maml(w, X.astype(np.float32), y.astype(np.float32), U, v, a)
    )
    assert (inside.verdict, inside.precision) == ("right", "single")


@pytest.mark.parametrize(
    ("method", "hint"),
    [
        ("MAML", "create_graph"),
        ("Reptile", "Reptile takes no outer loss"),
        pytest.param("iMAML", "solves (I + H/strength)", marks=pytest.mark.slow),
        pytest.param("ANIL", "ANIL's inner step", marks=pytest.mark.slow),
    ],
)
def test_hints_depend_on_what_was_wanted(method, hint):
    assert hint in ls.check_meta_gradient(planted.first_order, method, d=3).looks[0]


def test_a_model_that_is_not_restored():
    found = ls.check_meta_gradient(planted.warm_started())
    assert "not restored to w before the next task" in found.looks[0]


def test_which_coordinates_adapt_is_said():
    found = ls.check_meta_gradient(right.anil([2, 3]), "ANIL", d=4)
    assert (found.verdict, found.computes) == ("right", "ANIL (coordinates 3, 4 of w adapt)")


def test_facts_of_what_is_unknown():
    def odd(w, X, y, U, v, a):
        return planted.maml(w, X, y, U, v, a) + X[0] * np.tanh(w).sum()

    found = ls.check_meta_gradient(odd)
    assert (found.verdict, found.computes) == ("wrong", "none of these")
    facts = " / ".join(found.looks)
    assert "not affine in w" in facts
    assert "depends on the order of the rows of X_in" in facts
    assert "order of the rows of X_out" not in facts
    assert "the nearest candidate is" in facts
    assert found.looks[-1].startswith("try next: ")


@pytest.mark.parametrize("shape", [(5, 1), (1, 5), (1, 5, 1)])
def test_other_shapes_are_taken_with_a_note(shape):
    found = ls.check_meta_gradient(lambda *x: planted.maml(*x).reshape(shape))
    assert (found.verdict, found.bugs) == ("right", ())
    assert f"comes in shape {shape}" in found.looks[-1]


def test_few_shapes_for_functions_that_compile():
    seen = set()

    def function(*x):
        seen.add(tuple(np.shape(part) for part in x))
        return planted.maml(*x)

    assert ls.check_meta_gradient(function).right
    assert len(seen) == 2


def test_one_line_for_a_test_of_ones_own():
    ls.assert_meta_gradient(planted.maml)
    ls.assert_meta_gradient(planted.maml_k(3), steps=3)
    with pytest.raises(AssertionError, match="detached graph"):
        ls.assert_meta_gradient(planted.first_order)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "MAML++", "steps": 1}, "adds up the losses after 2 inner steps"),
        ({"tasks": 1}, "tasks must be"),
        ({"dtype": "float8"}, "unknown dtype"),
        ({"method": "ANNIL"}, "did you mean ANIL"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ls.check_meta_gradient(planted.maml, **arguments)


@pytest.mark.parametrize(
    ("method", "wanted"),
    [
        (ls.IMAML(0.5), "iMAML"),
        (ls.MAML(ls.PreconditionedSteps([0.5, 0.2])), "Meta-SGD"),
        (ls.MetaSGD, "Meta-SGD"),
        (ls.MetaSGD(m=20), "Meta-SGD"),
    ],
)
def test_methods_of_the_package_are_known(method, wanted):
    function = right.FORMULAS[wanted][1]
    found = ls.check_meta_gradient(function, method)
    assert (found.verdict, found.wanted) == ("right", wanted), str(found)

"""The numbers of the package before it was rebuilt: they are still these, or it is said below why not.

Ids, inputs and results are in tests/data/frozen.json; `support.frozen` says how each is computed through the public
API, and ``python -m support.frozen`` in the folder tests prints all differences.
"""

import pytest
from support import frozen

# a case id and why its result changed; it must differ from the frozen one
UNITS = "a solve dropped eigenvalues below 1e-13 of the largest, whatever the units of columns"
CANCELLED = "the terms of (I - aS) A (I - aS), written out, cancelled after some ten steps in a turned basis"
EXACT = "where both families have one covariance NAL's scatter is exact, and no longer to first order in 1/T"
BIAS = "the bias to order 1/T counts what the weight and the gradient of one episode have in common"
UNSEEN = "a diagnosis predicts losses on rows that were not drawn, of tasks held out; Reptile and iMAML have no rows there"
KINDS_OF = "what a paper prints, what it implies and what we ask are judged apart, and five claims are new"
WINDOW = "the window holds the sampled optima of all pictures of a series; what is drawn in it is the same"
EXPLAINED: dict[str, str] = {
    "ledger/all": KINDS_OF,
    "view/diagonal": WINDOW,
    "view/hard_easy": WINDOW,
    "figure/images": UNSEEN,
    "figure/realdata": UNSEEN,
    "figure/fig1": EXACT,
    "figure/fig2": EXACT,
    "risk/wrong, columns of wild sizes": UNITS,
    "risk_quadratic/wrong, columns of wild sizes": UNITS,
    "optimum/wrong, nearly flat": UNITS,
    "risk/wrong, turned, 12 steps": CANCELLED,
    "gain/wrong, turned, 12 steps, n2 = 20": CANCELLED,
    "risk/wrong, turned, 15 steps": CANCELLED,
    "gain/wrong, turned, 15 steps": CANCELLED,
    "optimum/wrong, turned, 15 steps": CANCELLED + "; four digits are left, and a warning says so",
    "gain/wrong, turned, 15 steps, n2 = 20": CANCELLED,
    "asymptotics/diagonal/MAML independent": BIAS,
    "asymptotics/dense/FO-MAML 3 steps": BIAS,
    "asymptotics/data/MAML n2": "the relative variance of the sample Hessian came out negative on rows",
    "descent/diagonal/iMAML": "F is by default the loss after the method's own inner adaptation, also where that is a ridge",
}

CASES = frozen.cases()
ALONE = ("figure", "ledger")  # each in a test of its own
SLOW = (
    "check_meta_gradient", "check_optimum", "minima", "nonlinear_comparison", "nonlinear_view", "simulate", "solve_for",
    "train_drawn",
)  # fmt: skip
KNOWN_WRONG = [name for name, case in CASES.items() if case.get("known_wrong")]
KINDS = sorted({case["kind"] for case in CASES.values()} - set(ALONE))


def check(names: list[str]) -> None:
    """Compute cases and compare them: equal, or different where that is explained."""
    problems = []
    for name in names:
        case = CASES[name]
        found = frozen.differences(case, frozen.computed(case))
        if name in EXPLAINED and not found:
            problems.append(f"{name}: explained, but it has not changed")
        elif name not in EXPLAINED:
            problems += [f"{name}{line}" for line in found[:4]]
    assert not problems, "\n".join(problems)


def of_kind(kind: str) -> list[str]:
    """List the ids of a kind, without those known to be wrong."""
    return [name for name, case in CASES.items() if case["kind"] == kind and name not in KNOWN_WRONG]


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow if kind in SLOW else ()) for kind in KINDS]
)
def test_frozen(kind: str) -> None:
    """Compare all cases of a kind."""
    check(of_kind(kind))


@pytest.mark.slow
@pytest.mark.parametrize("name", of_kind("figure"))
def test_frozen_figure(name: str) -> None:
    """Compare the theory columns of a figure."""
    check([name])


@pytest.mark.slow
def test_frozen_ledger() -> None:
    """Compare the verdicts on all claims."""
    check(of_kind("ledger"))


@pytest.mark.parametrize("name", KNOWN_WRONG)
def test_known_wrong(name: str) -> None:
    """Look whether a result that was wrong is right, once that is said; before, whether it is still wrong."""
    case = CASES[name]
    result = frozen.computed(case)
    wrong = frozen.still_wrong(case, result)
    if name in EXPLAINED:
        assert frozen.differences(case, result), "explained, but it has not changed"
        assert not wrong, "\n".join(wrong)
    else:
        assert wrong, "it is right now: say so in EXPLAINED"


def test_nothing_is_missing() -> None:
    """Count the cases, and hold kinds and explained ids against the file."""
    assert len(CASES) >= 340
    assert {case["kind"] for case in CASES.values()} == set(frozen.KINDS)
    assert set(EXPLAINED) <= set(CASES)


def test_a_changed_number_is_noticed() -> None:
    """Alter results slightly and look whether the comparison sees it."""
    for case in CASES.values():
        if case["kind"] in ("optimum", "risk", "gain") and not case.get("known_wrong"):
            part = next(iter(case["result"]))
            altered = case["result"] | {
                part: _scaled(case["result"][part], 1 + 3 * case["rtol"] / case["condition"] + 1e-12)
            }
            assert frozen.differences(case, case["result"]) == []
            assert not any(frozen._numbers(case["result"][part])) or frozen.differences(case, altered), case[
                "id"
            ]


def _scaled(value: object, factor: float) -> object:
    """Multiply nested numbers."""
    return [_scaled(one, factor) for one in value] if isinstance(value, list) else value * factor

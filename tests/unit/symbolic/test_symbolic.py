"""The ledger: every claim decided, every mutant rejected, and the machinery that does so."""

import copy
import json
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
import sympy as sp
from sympy.core import random as sympy_random

import landscape as ls
from landscape.cli import main
from landscape.symbolic import ledger as ledgers
from landscape.symbolic.claim import Derivation, Hypothesis, Quote, Statement, Verdict, Weight, claim
from landscape.symbolic.claims import claims
from landscape.symbolic.decide import holds
from landscape.symbolic.evaluate import limit
from landscape.symbolic.judge import judge
from landscape.symbolic.mutants import mutants, survivors
from landscape.symbolic.notation import SPELLINGS
from landscape.symbolic.points import Undecided
from landscape.symbolic.positivity import sign
from landscape.symbolic.wick import expected_word
from landscape.symbolic.words import words

CLAIMS = claims()
SPELLED = set(SPELLINGS)
DECIDED_LATE = {
    "L-cor2", "L-prop1", "L-thm1", "C-diabetes", "F-4.9", "L-thm2", "L-thm3", "L-threshold", "F-fo", "C-3.6", "L-gain-max", "L-remark1", "F-hf",
    "L-limit-hard", "F-assume", "F-4.12", "L-signs", "F-4.10", "C-3.8", "C-3.9", "F-4.16",
}  # fmt: skip
"""Claims whose derivation takes more than half a second."""
TRIED_LATE = DECIDED_LATE | {
    "L-cor1", "L-q", "F-4.15", "C-4.1", "C-ode", "L-optima", "L-floor", "C-3.7", "F-4.17", "F-limits", "L-fig3", "F-4.8", "C-assume", "F-4.13", "L-table3",
}  # fmt: skip
"""Claims whose mutants do."""


def each(late=()):
    """Every claim, those that take long among the slow tests."""
    return [pytest.param(id, marks=pytest.mark.slow if id in late else ()) for id in CLAIMS]


x, y, t = sp.symbols("x y t", positive=True)
u, v = sp.symbols("u v", real=True)
q = sp.Symbol("q", real=True)


@pytest.fixture(autouse=True)
def same_random_numbers():
    """SymPy's factoring draws them: a test should take the same steps each time."""
    sympy_random.seed(0)


@pytest.fixture(scope="module")
def entries():
    """Each claim is decided once for all tests."""
    done: dict = {}

    def entry(id):
        if id not in done:
            done[id] = ledgers.decide(CLAIMS[id])
        return done[id]

    return entry


@pytest.mark.parametrize("id", each(DECIDED_LATE))
def test_verdict_is_the_recorded_one(id, entries):
    assert entries(id).verdicts == ledgers.recorded()[id]
    assert entries(id).derivation.steps


@pytest.mark.parametrize("id", each(TRIED_LATE))
def test_every_mutant_is_rejected(id, entries):
    entry = entries(id)
    for judgement in entry.judgements:
        if judgement.verdict == Verdict.UNDECIDED:
            continue
        tried, left = survivors(judgement, entry.derivation)
        assert tried > 0, judgement.statement.name
        assert not left, (judgement.statement.name, left[:5])


@pytest.mark.parametrize("id", each(DECIDED_LATE))
def test_what_does_not_hold_has_a_reason_and_all_forms_can_be_written(id, entries):
    entry = entries(id)
    if any(judgement.weight for judgement in entry.judgements):
        assert 20 < len(entry.derivation.reason) < 600
    ledger = ls.Ledger((entry,))
    assert pickle.loads(pickle.dumps(ledger)) == ledger == copy.deepcopy(ledger)
    spelled = {symbol for symbol in SPELLINGS if "for a test" not in str(symbol)}
    assert spelled == SPELLED  # at import, so that a pickled ledger reads the same in a new process
    for text in (ledger.markdown(), ledger.latex(), ledger.errata(), entry.markdown()):
        assert text.count("$") % 2 == 0
        assert "{}" not in text.replace("^{}", "")  # no slot of a sentence is left open
    assert json.loads(ledger.json())[0].keys() == {
        "id",
        "source",
        "statement",
        "statements",
        "verdict",
        "correction",
        "seconds",
    }


def test_no_record_without_a_claim():
    assert set(ledgers.recorded()) == set(CLAIMS)
    page = Path(__file__).parents[3] / "docs" / "howto" / "what-papers-prove.md"
    assert f"{len(CLAIMS)} claims" in page.read_text()


# the machinery, held against cases whose answer is known


QUOTE = Quote("(1)", "words")


def verdict(relation, derivation, **options):
    options = {"quote": QUOTE} | options
    weighed = replace(
        derivation, weights={"s": Weight.CONSTANT}, hypotheses=derivation.hypotheses or {"s": []}
    )
    return judge(Statement("s", "{}", relation, **options), weighed).verdict


def test_verdicts():
    derived = {q: x**2 + 2 * x}
    assert verdict(sp.Eq(q, x * (x + 2)), Derivation([], derived)) == Verdict.HOLDS
    right = {"s": sp.Eq(q, x * (x + 2))}
    assert verdict(sp.Eq(q, x * (x + 3)), Derivation([], derived, corrections=right)) == Verdict.CORRECTED
    assert verdict(sp.Eq(q, x * (x + 3)), Derivation([], derived, instead=right)) == Verdict.FAILS
    assumed = verdict(sp.Lt(q, 3), Derivation([], derived, instead={"s": sp.Gt(q, 0)}), assumption=True)
    assert assumed == Verdict.NOT_APPLICABLE
    sharp = Derivation([], derived, corrections={"s": sp.Ge(q, 2 * x)}, tight={"s": {x: 0}})
    assert verdict(sp.Ge(q, x), sharp) == Verdict.CONSERVATIVE
    assert verdict(sp.Ge(q, 2 * x), Derivation([], derived, tight={"s": {x: 0}})) == Verdict.HOLDS


@pytest.mark.parametrize(
    ("relation", "derivation", "message"),
    [
        (sp.Eq(q, x), Derivation([], {q: 2 * x}), "say what is true instead"),
        (sp.Eq(q, x), Derivation([], {q: 2 * x}, corrections={"s": sp.Eq(q, 3 * x)}), "does not hold"),
        (
            sp.Eq(q, 2 * x),
            Derivation([], {q: 2 * x}, corrections={"s": sp.Eq(q, x + x)}),
            "says what is printed",
        ),
        (sp.Ge(q, x), Derivation([], {q: 2 * x}), "not sharp"),
        (sp.Ge(q, x), Derivation([], {q: 2 * x}, tight={"s": {x: 0}}), "not sharp"),
    ],
)
def test_a_derivation_that_does_not_decide_is_an_error(relation, derivation, message):
    with pytest.raises(Undecided, match=message):
        verdict(relation, derivation)


@pytest.mark.parametrize(
    ("expression", "given", "expected"),
    [
        (x**2 - 2 * x * y + y**2 + 1, (), 1),
        (x**2 - 3 * x + 3, (), 1),  # no real root
        (x**2 - 3 * x + 2, (), None),  # roots 1 and 2
        (x**2 - 3 * x + 2, (sp.Gt(x, 2),), 1),
        (x**2 - 3 * x + 2, (sp.Lt(x, 1),), 1),
        (-(u**2) - v**2 - 1, (), -1),
        (u * v, (), None),
        (x - y, (sp.Gt(x, y),), 1),
        (y - x, (sp.Gt(x, y),), -1),
        ((x - 1) ** 2, (), None),  # vanishes at 1
    ],
)
def test_sign(expression, given, expected):
    assert sign(expression, given, strict=True) == expected


def test_the_edge_of_a_condition_counts_where_it_is_allowed():
    edges, inside = (sp.Ge(x, 7), sp.Ge(y, 7)), (sp.Gt(x, 7), sp.Ge(y, 7))
    assert sign(x * y - 49, edges) == sign(x * y - 49, inside, strict=True) == 1
    assert sign(x * y - 49, edges, strict=True) is None
    assert sign(x**3 - 49 * x, edges[:1], strict=True) is None  # by Sturm's theorem
    assert sign(x**3 - 49 * x, inside[:1], strict=True) == 1
    true, where = holds(sp.Gt(x * y, 49), {}, edges)
    assert not true
    assert where == {x: 7, y: 7}
    assert not holds(sp.Ne(x * y, 49), {}, edges)[0]
    with pytest.raises(Undecided):  # they differ at a single point, which no draw meets
        holds(sp.Equivalent(sp.Gt(x, sp.Rational(355, 113)), sp.Ge(x, sp.Rational(355, 113))), {})


def test_a_point_where_one_divides_by_0_decides_nothing():
    from landscape.symbolic.evaluate import truth

    for undefined in (sp.nan, sp.zoo, sp.ImmutableMatrix([[sp.nan]])):
        assert truth(sp.Eq(undefined, undefined, evaluate=False)) is None
        assert truth(sp.Ne(undefined, undefined, evaluate=False)) is None
    assert truth(sp.Lt(1, sp.oo)) is True


def test_a_square_is_not_negative():
    assert sign((x - y) ** 2 / (x + y)) == 1
    assert holds(sp.Ge((x - y) ** 2, 0, evaluate=False), {})[0]
    true, where = holds(sp.Gt(q, 0), {q: (x - y) ** 2 - t}, ())
    assert not true
    assert ((where[x] - where[y]) ** 2 - where[t]) <= 0


def test_limits_do_not_commute():
    f = x / (x + y)
    assert limit(limit(f, x, 0), y, 0) == 0
    assert limit(limit(f, y, 0), x, 0) == 1
    assert limit(x**2 / (x + 1), x, sp.oo) == sp.oo


def test_every_kind_of_mutant_is_made():
    made = mutants(sp.Eq(q, 3 * x**2 + y))
    assert {kind for kind, _ in made} == {"coefficient", "sign", "exponent", "symbol"}
    for wanted in (
        4 * x**2 + y,
        3 * x**2 - y,
        3 * x**3 + y,
        3 * y**2 + y,
        -3 * x**2 + y,
        6 * x**2 + y,
        3 * x**2 + 2 * y,
    ):
        assert sp.Eq(q, wanted) in [mutant for _, mutant in made]


def test_a_blind_decision_lets_mutants_through():
    statement = Statement("s", "{}", sp.Le(q, 2 * x), quote=QUOTE)
    sharp = Derivation([], {q: 2 * x - y}, tight={"s": {y: 0}})
    tried, left = survivors(judge(statement, sharp), sharp)
    assert tried > 3
    assert not left
    blind = replace(sharp, tight={})
    assert survivors(judge(statement, sharp), blind)[1]


def isserlis(factors, covariance):
    """E of a product of zero-mean Gaussian coordinates, by the recursion: the slow twin of the pairing of words."""
    if not factors:
        return sp.Integer(1)
    first, *rest = factors
    return sum(
        covariance(first, rest[k]) * isserlis(rest[:k] + rest[k + 1 :], covariance) for k in range(len(rest))
    )


@pytest.mark.parametrize(("d", "n"), [(1, 2), (2, 1), (2, 3), (3, 2)])
def test_words_against_sums_over_indices(d, n):
    size = sp.Symbol("D", integer=True, positive=True)
    S, A = sp.MatrixSymbol("Sigma", size, size), sp.MatrixSymbol("A", size, size)
    Sigma = sp.ImmutableMatrix(d, d, lambda i, j: sp.Symbol(f"s{min(i, j)}{max(i, j)}"))
    middle = sp.ImmutableMatrix(d, d, lambda i, j: sp.Symbol(f"a{min(i, j)}{max(i, j)}"))

    def covariance(left, right):
        return Sigma[left[1], right[1]] if left[0] == right[0] else sp.Integer(0)

    def entry(i, j):
        return sum(
            middle[b, c] * isserlis([(k, i), (k, b), (h, c), (h, j)], covariance)
            for k in range(n) for h in range(n) for b in range(d) for c in range(d)
        ) / sp.Integer(n) ** 2  # fmt: skip

    word = expected_word([sp.Identity(size), A, sp.Identity(size)], sp.Integer(n), S)
    for i in range(d):
        for j in range(i, d):
            value = 0
            for (letters, traces), scalar in words(word).items():
                product = sp.eye(d)
                for letter in letters:
                    product = product * (Sigma if letter == S else middle)
                for loop in traces:
                    inner = sp.eye(d)
                    for letter in loop:
                        inner = inner * (Sigma if letter == S else middle)
                    scalar = scalar * inner.trace()
                value += scalar * product[i, j]
            assert sp.expand(value - entry(i, j)) == 0


def test_moments_of_higher_order():
    """E[G^k] of a standard Wishart matrix for k up to 4, by a recursion in the literature."""
    size, d, n = sp.Symbol("D", integer=True, positive=True), *sp.symbols("d n", positive=True)
    S, one = sp.MatrixSymbol("Sigma", size, size), sp.Identity(size)
    from landscape.symbolic.wick import isotropic

    known = [
        n,
        n * (n + d + 1),
        n * (n**2 + 3 * n * (d + 1) + d**2 + 3 * d + 4),
        n * (n**3 + 6 * n**2 * (d + 1) + n * (6 * d**2 + 17 * d + 21) + d**3 + 6 * d**2 + 21 * d + 20),
    ]
    for k, moment in enumerate(known, 1):
        derived = isotropic(expected_word([one] * (k + 1), n, S), S, sp.Integer(1), d)
        assert sp.expand(derived * n**k - moment) == 0


# whose statement it is


def test_only_what_is_quoted_sets_the_verdict():
    """A false statement that is implied is reported; one of our own that is false is an error, whatever is said instead."""
    sound = Statement("s", "{}", sp.Eq(q, 2 * x), quote=QUOTE)
    false = {"relation": sp.Eq(q, 3 * x), "sentence": "{}", "name": "t"}
    derivation = Derivation([], {q: 2 * x}, instead={"t": sp.Eq(q, 2 * x)})

    def decided(statement):
        return ledgers.decide(claim("X-1", "", "", sound, statement)(lambda: derivation))

    implied = decided(Statement(**false, why="a proof"))
    assert implied.verdict == Verdict.HOLDS
    assert implied.summary == "holds; what it implies fails"
    with pytest.raises(Undecided, match="question of our own"):
        decided(Statement(**false))
    ours = decided(Statement("t", "{}", sp.Eq(q, x + x)))
    assert ours.summary == "holds; and beyond"
    assert ours.verdicts == "quoted holds; ours holds"
    assert ledgers.Ledger((implied, ours)).kinds()["implied"] == {"fails": 1}
    with pytest.raises(ValueError, match="needs a statement that the paper prints"):
        claim("X-2", "", "", Statement(**false))


def test_a_counterexample_outside_the_hypotheses_is_none():
    statement = Statement("s", "{}", sp.Gt(q, 0), quote=QUOTE)
    failing = Derivation(
        [],
        {q: x - 1},
        instead={"s": sp.Gt(q, -1)},
        witness={"s": {x: sp.Rational(1, 2)}},
        weights={"s": Weight.RESULT},
    )
    met = {"s": [Hypothesis("x is below 1", sp.Lt(x, 1)), Hypothesis("q is x - 1", sp.Eq(q, x - 1))]}
    found = judge(statement, replace(failing, hypotheses=met))
    assert found.verdict == Verdict.FAILS
    assert len(found.hypotheses) == 2
    with pytest.raises(Undecided, match="list the hypotheses"):
        judge(statement, failing)
    broken = {"s": [Hypothesis("x is above 1", sp.Gt(x, 1))]}
    with pytest.raises(Undecided, match="breaks a hypothesis: x is above 1"):
        judge(statement, replace(failing, hypotheses=broken))
    with pytest.raises(Undecided, match="how much that matters"):
        judge(statement, replace(failing, hypotheses=met, weights={}))


def test_undecided_says_what_would_decide():
    statement = Statement("s", "{}", sp.Eq(q, 1), quote=QUOTE)
    found = judge(statement, Derivation([], undecided={"s": "the value of q"}))
    assert found.verdict == Verdict.UNDECIDED
    assert found.open == "the value of q"
    with pytest.raises(Undecided, match="no statement of a paper"):
        judge(replace(statement, quote=None), Derivation([], undecided={"s": "the value of q"}))


# the command line


def test_table(capsys):
    assert main(["verify", "L-aH", "L-q"]) == 0
    out = capsys.readouterr().out
    assert "holds as corrected" in out
    assert "L-q" in out
    assert "quoted: 3 statements (2 holds, 1 holds as corrected)" in out
    assert "ours: 0 statements" in out


def test_table_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["verify", "L-aH", "L-q"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "L-aH: holds as corrected" in lines
    assert max(map(len, lines)) <= 60


def test_show(capsys):
    assert main(["verify", "--show", "L-aH"]) == 0
    assert "derivation" in capsys.readouterr().out


def test_json(capsys):
    assert main(["verify", "L-aH", "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "holds as corrected"
    assert "rho_{E}^{2}" in found["correction"]


@pytest.mark.slow
def test_a_verdict_that_differs_from_the_record(tmp_path):
    """A copy of the package with another verdict on record; of another claim it has none."""
    shutil.copytree(
        Path(ls.__file__).parent, tmp_path / "landscape", ignore=shutil.ignore_patterns("data", "__pycache__")
    )
    shutil.copytree(str(resources.files("landscape.data")), tmp_path / "landscape" / "data")
    record = tmp_path / "landscape" / "data" / "verdicts.csv"
    rows = [line for line in record.read_text().splitlines() if not line.startswith("L-q,")]
    record.write_text("\n".join(rows).replace("quoted holds as corrected", "quoted holds"))
    line = [sys.executable, "-m", "landscape", "verify", "L-aH", "L-q", "L-lemma2"]
    done = subprocess.run(
        line, cwd=tmp_path, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": ""}
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "landscape: L-aH was recorded as 'quoted holds; quoted holds' and is now 'quoted holds; quoted holds as corrected'",
        "landscape: L-q was recorded as 'no record' and is now 'quoted holds'",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["L-ah"], "did you mean L-aH"),
        (["--show", "L-nothing"], "unknown claim"),
        (["--show", "L-aH", "L-q"], "--show takes a single claim"),
        (["L-aH", "--paper", "C"], "none of the claims"),
        (["L-aH", "--errata", "--format", "json"], "leave out --format json"),
        (["L-aH", "F-hvp", "--errata", "--format", "latex"], "choose a paper"),
    ],
)
def test_bad_arguments(arguments, message, capsys):
    assert main(["verify", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_claim_that_is_not_there():
    ledger = ls.verify("L-aH", progress=False)
    with pytest.raises(ValueError, match="unknown claim"):
        ledger["L-q"]
    with pytest.raises(ValueError, match="unknown paper"):
        ls.verify(paper="X", progress=False)
    assert len(ledger.to_frame()) == len(ledger) == 1
    assert "L-aH" in ledger._repr_markdown_()


@pytest.mark.parametrize(("id", "samples"), [("L-lemma2", "n"), ("L-q", "s"), ("L-aH", "m")])
def test_a_wrong_derivation_does_not_pass(id, samples):
    """Without the pairings across samples, which have 1/n, neither Lemma 2 nor the weights come out as printed."""
    right, many = CLAIMS[id], {sp.Symbol(samples, positive=True): 1 / t}

    def only_means():
        derivation = right.derive()
        known = {
            symbol: value.subs(many).subs(t, 0).doit() for symbol, value in derivation.quantities.items()
        }
        assert known != derivation.quantities
        return replace(derivation, quantities=known)

    with pytest.raises(Undecided):
        ledgers.decide(replace(right, derive=only_means))


def test_formulas_are_written_as_in_papers():
    from landscape.symbolic.notation import latex, matrix, quantity

    d, alpha = sp.Symbol("d", integer=True, positive=True), sp.Symbol("alpha", positive=True)
    norm = quantity("norm for a test", r"\|v\|", positive=True)
    size = sp.Symbol("D", integer=True, positive=True)
    A, v = matrix("A", size), matrix("v for a test", size, "v^*", 1)
    for formula, written in (
        (x**2 / y + 1, r"1 + \frac{x^{2}}{y}"),
        ((d + 1) * x / y, r"\frac{x \left(d + 1\right)}{y}"),
        (1 - x - y * (1 + x), r"1 - x - y \left(1 + x\right)"),
        (x * alpha * norm**2, r"\alpha x \|v\|^{2}"),
        (x / 4 + 5 * y / 4, r"\frac{x + 5 y}{4}"),
        (sp.Rational(1, 2) - x / 2, r"\frac{1 - x}{2}"),
        (sp.Rational(547, 10**9), r"5.47 \cdot 10^{-7}"),
        (sp.Rational(37, 100), "0.37"),
        (sp.Rational(5, 7), r"\frac{5}{7}"),
        (-x * y, "- x y"),
        ((w_of(size, "a") - w_of(size, "b")).T * A**2 * v, r"\left(a - b\right)^\top A^{2} v^*"),
        (v.T * A, r"v^{*\top} A"),
        (sp.Trace(A * A) * sp.Identity(size) - 2 * A, r"\mathrm{tr}(A^{2}) I - 2 A"),
    ):
        assert latex(formula) == written


def w_of(size, name):
    return sp.MatrixSymbol(name, size, 1)


@pytest.mark.slow
def test_general_bounds_are_checked_by_algebra():
    """A planted error in any of the steps that are more than arithmetic is found; without one the checks pass."""
    from landscape.symbolic.claims import figure_one, first_order, meta_gradient

    reach, parts, room = first_order.reach, first_order.parts, figure_one.room
    tangent, M, u = meta_gradient.tangent, meta_gradient.M, meta_gradient.u
    moment, best = meta_gradient.second_moment(8), figure_one.steepest_critical_point()[1]
    less = (4 + M) ** 2 / (4 + M + 8) ** 2  # of another distribution of that variance, not the worst
    for check, right, wrongs in (
        (
            first_order.check_general_bound,
            (reach, parts),
            [(reach - first_order.mu**2, parts), (reach, parts + first_order.mean_g.T * first_order.g)],
        ),
        (
            meta_gradient.check_moments,
            (tangent, moment, 8),
            [(tangent - 1 / meta_gradient.m, moment, 8), (tangent, less, 8), (tangent, moment, 9)],
        ),
        (figure_one.check_any_number, (best, room), [(best, room - 1), (2 * best, room)]),
    ):
        check(*right)
        for wrong in wrongs:
            with pytest.raises(ArithmeticError):
                check(*wrong)
    above = meta_gradient.parabola_above()[1]
    assert sp.simplify(above.subs(meta_gradient.z, 0)) == sp.simplify(above.subs(meta_gradient.z, u)) == 0


def test_the_same_claim_takes_the_same_steps_each_time():
    """SymPy's random numbers, which its factoring draws, are set before and put back after."""
    from sympy.core.random import rng

    rng.seed(11)
    before = rng.getstate()
    first = ledgers.decide(CLAIMS["L-two-risk"]).markdown()
    assert rng.getstate() == before
    rng.seed(12)
    assert ledgers.decide(CLAIMS["L-two-risk"]).markdown() == first


def test_a_symbol_is_written_in_one_way():
    from landscape.symbolic.notation import latex, quantity

    quantity("written once for a test", r"\mathcal{A}")
    assert latex(quantity("written once for a test", r"\mathcal{A}")) == r"\mathcal{A}"
    with pytest.raises(ValueError, match="already written"):
        quantity("written once for a test", r"\mathcal{B}")
    entry = ledgers.decide(CLAIMS["L-thm3"])  # its number of tasks is T, and nothing else
    assert r"\lim_{T \to \infty}" in entry.markdown()

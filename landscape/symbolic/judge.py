"""From what is printed and what was derived to a verdict."""

from collections.abc import Iterable
from typing import Any

import sympy as sp

from landscape.core import Record, record
from landscape.symbolic.claim import Derivation, Hypothesis, Kind, Statement, Verdict, Weight, restated
from landscape.symbolic.decide import equivalent, holds, is_tight
from landscape.symbolic.evaluate import replace, resolve
from landscape.symbolic.points import Undecided
from landscape.symbolic.typing import Expr, Values


@record
class Judgement(Record):
    """A statement's verdict with its evidence.

    Attributes
    ----------
    statement : Statement
        As printed.
    verdict : Verdict
    accepted : Statement
        What holds: the printed statement, its correction or sharp form, or what is true instead.
    counterexample : dict or None
        Values at which the printed statement is false.
    looseness : sympy expression or None
        Printed bound over sharp bound.
    hypotheses : tuple of Hypothesis
        What the counterexample was checked to meet.
    weight : Weight or None
        How much it matters that a quoted statement does not hold as printed.
    open : str
        What would decide a statement that is undecided.
    """

    statement: Statement
    verdict: Verdict
    accepted: Statement
    counterexample: dict[Expr, Any] | None = None
    looseness: Expr = None
    hypotheses: tuple[Hypothesis, ...] = ()
    weight: Weight | None = None
    open: str = ""


def judge(statement: Statement, derivation: Derivation) -> Judgement:
    """Decide a statement by what was derived.

    A printed statement that is valid holds, or is conservative if the derivation knows a sharper one. One
    that is false holds as corrected if the derivation has a valid correction, else it fails; an assumption
    that is false is not applicable.

    Raises
    ------
    ArithmeticError
        If the derivation's own correction is false, an inequality that holds is not shown to be sharp, a
        question of our own does not hold, a counterexample is not shown to meet the theorem's hypotheses, or
        nothing can be decided.
    """
    quantities, name = derivation.quantities, statement.name
    if name in derivation.undecided:
        if statement.kind != Kind.QUOTED:
            raise Undecided(f"{name!r} is no statement of a paper: leave it out until it is decided")
        return Judgement(statement, Verdict.UNDECIDED, statement, open=derivation.undecided[name])
    correction = restated(statement, derivation.corrections.get(name))
    instead = restated(statement, derivation.instead.get(name))
    for own in (correction, instead):
        if own is not None and not holds(own.relation, quantities, own.given)[0]:
            raise Undecided(f"the correction of {name!r} does not hold: {own.relation}")
    true, counterexample = holds(
        statement.relation, quantities, statement.given, witness=derivation.witness.get(name)
    )
    if statement.kind == Kind.OURS and not (true and correction is None):
        raise Undecided(f"{name!r} is a question of our own: state what is true, not {statement.relation}")
    if true and correction is None:
        if not _sharp(statement, derivation):
            raise Undecided(f"{name!r} holds, but is not sharp: give its sharp form as a correction")
        return Judgement(statement, Verdict.HOLDS, statement)
    if true and correction is not None:
        if equivalent(statement.relation, correction.relation) and statement.given == correction.given:
            raise Undecided(f"the correction of {name!r} says what is printed")
        return Judgement(
            statement,
            Verdict.CONSERVATIVE,
            correction,
            looseness=_looseness(statement, correction, quantities),
        )
    if statement.assumption:
        verdict = Verdict.NOT_APPLICABLE
    else:
        verdict = Verdict.FAILS if correction is None else Verdict.CORRECTED
    best = correction or instead
    if best is None:
        raise Undecided(f"{name!r} is false: say what is true instead")
    return Judgement(
        statement,
        verdict,
        best,
        counterexample,
        hypotheses=_met(statement, derivation, counterexample or {}) if verdict == Verdict.FAILS else (),
        weight=_weight(statement, derivation, verdict),
    )


def _met(statement: Statement, derivation: Derivation, at: Values) -> tuple[Hypothesis, ...]:
    """The theorem's hypotheses, each decided where the counterexample is."""
    if statement.kind != Kind.QUOTED:
        return ()
    if statement.name not in derivation.hypotheses:
        raise Undecided(
            f"{statement.name!r} fails: list the hypotheses that its counterexample meets, [] for none"
        )
    found = tuple(derivation.hypotheses[statement.name])
    there = {name: replace(value, at) for name, value in derivation.quantities.items()}
    for hypothesis in found:
        if not holds(replace(hypothesis.relation, at), there)[0]:
            raise Undecided(
                f"the counterexample of {statement.name!r} breaks a hypothesis: {hypothesis.words}"
            )
    return found


def _weight(statement: Statement, derivation: Derivation, verdict: Verdict) -> Weight | None:
    if statement.kind != Kind.QUOTED or verdict == Verdict.NOT_APPLICABLE:
        return None
    if statement.name not in derivation.weights:
        raise Undecided(f"{statement.name!r} does not hold as printed: say how much that matters, in weights")
    return derivation.weights[statement.name]


def _sharp(statement: Statement, derivation: Derivation) -> bool:
    if not isinstance(statement.relation, (sp.Lt, sp.Le, sp.Gt, sp.Ge)):
        return True
    where = derivation.tight.get(statement.name)
    return where is not None and is_tight(statement.relation, derivation.quantities, where)


def _looseness(statement: Statement, correction: Statement, quantities: Values) -> Expr:
    """How far a bound lies above the sharp one, where both bound the same thing."""
    printed, sharp = statement.relation, correction.relation
    if not (isinstance(printed, sp.Le) and isinstance(sharp, sp.Le) and printed.lhs == sharp.lhs):
        return None
    return sp.factor(sp.simplify(resolve(printed.rhs / sharp.rhs, quantities)))


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return a claim's verdict: that of its worst statement."""
    order = list(Verdict)
    return max(verdicts, key=order.index)

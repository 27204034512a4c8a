"""Alter a printed relation mechanically: a coefficient, a sign, an exponent, a symbol."""

from collections.abc import Iterator, Sequence

import sympy as sp

from landscape.symbolic.claim import Derivation
from landscape.symbolic.decide import equivalent, holds, is_tight
from landscape.symbolic.judge import Judgement
from landscape.symbolic.points import Points, Undecided
from landscape.symbolic.typing import Expr, Relation, Values


def mutants(relation: Relation) -> list[tuple[str, Relation]]:
    """List every relation that differs from this one in a single place.

    Parameters
    ----------
    relation : sympy Boolean

    Returns
    -------
    list of (str, sympy Boolean)
        What was done, and the result.
    """
    bound = {limit.args[1] for limit in relation.atoms(sp.Limit)}
    out: list[tuple[str, Relation]] = []
    seen = {relation}
    for kind, mutant in _altered(relation, sorted(set(_symbols(relation)) - bound, key=str)):
        if mutant not in seen:
            seen.add(mutant)
            out.append((kind, mutant))
    return out


def _symbols(expression: Expr) -> list[Expr]:
    """The symbols one reads: not the sizes of matrices."""
    if expression.is_Symbol or isinstance(expression, (sp.MatrixSymbol, sp.Identity)):
        return [] if isinstance(expression, sp.Identity) else [expression]
    arguments = expression.args[:1] if isinstance(expression, sp.Limit) else expression.args
    return [symbol for argument in arguments for symbol in _symbols(argument)]


def _altered(expression: Expr, symbols: Sequence[Expr]) -> Iterator[tuple[str, Expr]]:
    """(kind, expression) for a change of the expression itself or of one of its parts."""
    if not isinstance(expression, sp.core.relational.Relational) and isinstance(expression, sp.Expr):
        yield from _here(expression, symbols)
    if isinstance(expression, (sp.MatrixSymbol, sp.Identity)):
        return
    if isinstance(expression, sp.Limit):  # the point and the direction stay
        body, variable, point, side = expression.args
        for kind, changed in _altered(body, symbols):
            yield kind, sp.Limit(changed, variable, point, side)
        return
    for position, argument in enumerate(expression.args):
        exponent = isinstance(expression, (sp.Pow, sp.MatPow)) and position == 1
        changes = _exponents(argument) if exponent else _altered(argument, symbols)
        for kind, changed in changes:
            arguments = list(expression.args)
            arguments[position] = changed
            try:
                yield kind, _rebuilt(expression, arguments)
            except (ValueError, TypeError):  # shapes that do not fit are no statement at all
                continue
    if isinstance(expression, (sp.Lt, sp.Le, sp.Gt, sp.Ge)):
        yield "sign", expression.reversed.func(*expression.args)


def _rebuilt(expression: Expr, arguments: Sequence[Expr]) -> Expr:
    if isinstance(expression, sp.core.relational.Relational):
        return expression.func(*arguments, evaluate=False)
    if isinstance(expression, (sp.MatAdd, sp.MatMul)):
        return expression.func(*arguments).doit(deep=False)
    return expression.func(*arguments)


def _here(expression: Expr, symbols: Sequence[Expr]) -> Iterator[tuple[str, Expr]]:
    if expression.is_number:
        yield "coefficient", expression + 1
        yield "coefficient", 2 * expression
        yield "sign", -expression
        return
    if expression.is_Symbol or isinstance(expression, sp.MatrixSymbol):
        for symbol in symbols:
            if symbol != expression and getattr(symbol, "shape", None) == getattr(expression, "shape", None):
                yield "symbol", symbol
        if getattr(expression, "shape", (1, 1))[0] == getattr(expression, "shape", (1, 1))[1]:
            yield "exponent", expression**2
    yield "coefficient", 2 * expression
    yield "sign", -expression


def _exponents(exponent: Expr) -> Iterator[tuple[str, Expr]]:
    if exponent.is_number:
        yield "exponent", exponent + 1
        yield "exponent", exponent - 1
        yield "sign", -exponent


def survivors(judgement: Judgement, derivation: Derivation) -> tuple[int, list[tuple[str, Relation]]]:
    """List mutants of what holds that the decision cannot tell from it; count how many were tried.

    The relation is the printed one, or what holds in its place. A mutant is rejected if a point refutes it,
    or if it is true but weaker than the sharp statement. Mutants that say the same, or nothing, are not
    counted.

    Parameters
    ----------
    judgement : Judgement
    derivation : Derivation

    Returns
    -------
    tried : int
    survivors : list of (str, sympy Boolean)
    """
    statement = judgement.accepted
    relation, quantities, given = statement.relation, derivation.quantities, statement.given
    points = Points([relation, *(m for _, m in mutants(relation))], given, quantities)
    tight = derivation.tight.get(statement.name)
    tried = 0
    left: list[tuple[str, Relation]] = []
    for kind, mutant in mutants(relation):
        if points.refutes(mutant) is not None:
            tried += 1
            continue
        if _says_nothing(mutant) or equivalent(relation, mutant):
            continue
        tried += 1
        if _passes(mutant, quantities, given, points, tight):
            left.append((kind, mutant))
    return tried, left


def _says_nothing(relation: Relation) -> bool:
    """Whether it is true whatever the symbols mean, like x <= x."""
    if isinstance(relation, sp.core.relational.Relational) and not relation.has(sp.Limit):
        relation = relation.func(*relation.args)
    return bool(relation == sp.true)


def _passes(
    mutant: Relation, quantities: Values, given: tuple[Relation, ...], points: Points, tight: Values | None
) -> bool:
    if tight is not None and not is_tight(mutant, quantities, tight):
        return False
    try:
        return holds(mutant, quantities, given, None if mutant.has(sp.Limit) else points)[0]
    except Undecided:
        return True

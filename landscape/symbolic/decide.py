"""Whether a relation holds for all values: refuted at exact rational points, or proved by exact algebra."""

from typing import Any

import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean, BooleanAtom

from landscape.symbolic.evaluate import is_matrix, limit, resolve, truth
from landscape.symbolic.points import Points, Undecided
from landscape.symbolic.positivity import sign
from landscape.symbolic.rational import is_rational, vanishes
from landscape.symbolic.typing import Expr, Relation, Values
from landscape.symbolic.words import equal

STRICT = (sp.StrictGreaterThan, sp.StrictLessThan)


def holds(
    relation: Relation,
    quantities: Values,
    given: tuple[Relation, ...] = (),
    points: Points | None = None,
    witness: Values | None = None,
) -> tuple[bool, dict[Expr, Any] | None]:
    """Decide whether a relation holds for all values of its symbols.

    Parameters
    ----------
    relation : sympy Boolean
    quantities : dict
        Symbols that the derivation has given a meaning.
    given : tuple of sympy Boolean
    points : Points, optional
        Made before, for many relations about the same quantities.
    witness : dict, optional
        Values of symbols at which to look for a counterexample first.

    Returns
    -------
    bool
    counterexample : dict or None
        Symbol -> rational number.

    Raises
    ------
    Undecided
        If neither a counterexample nor a proof is found.
    """
    if relation.has(sp.Limit):
        relation, quantities = resolve(relation, quantities), {}
        points = None
    points = points or Points([relation], given, quantities, witness=witness)
    counterexample = points.refutes(relation)
    if counterexample is not None:
        return False, counterexample
    if _proved(resolve(relation, quantities), tuple(resolve(g, quantities) for g in given)):
        return True, None
    raise Undecided(f"no counterexample and no proof: {relation}")


def _proved(relation: Relation, given: tuple[Relation, ...]) -> bool:
    if isinstance(relation, Relational) and truth(relation) is not None:
        return bool(truth(relation))
    if isinstance(relation, BooleanAtom):
        return bool(relation)
    if isinstance(relation, sp.And):
        return all(_proved(part, given) for part in relation.args)
    if isinstance(relation, sp.Implies):
        return _proved(relation.args[1], (*given, relation.args[0]))
    if isinstance(relation, sp.Equivalent):
        first, second = (part.gts - part.lts for part in relation.args)
        alike = len({isinstance(part, STRICT) for part in relation.args}) == 1  # x > 1 and x >= 1 differ at 1
        return alike and sign(first / second, given, strict=True) == 1
    if isinstance(relation, sp.Eq):
        return _same(*relation.args)
    if isinstance(relation, sp.Ne):
        return sign(relation.lhs - relation.rhs, given, strict=True) in (1, -1)
    if isinstance(relation, Relational):
        strict = isinstance(relation, STRICT)
        return sign(relation.gts - relation.lts, given, strict) in ((1,) if strict else (1, 0))
    raise TypeError(f"a relation was expected, got {relation!r}")


def _same(left: Expr, right: Expr) -> bool:
    if is_matrix(left) or is_matrix(right):
        return truth(sp.Eq(left, right, evaluate=False)) is True
    if getattr(left, "is_Matrix", False) or getattr(right, "is_Matrix", False):
        return equal(left, right)
    if is_rational(left - right):
        return vanishes(left - right)
    difference = sp.together(left - right)
    return bool(sp.expand(sp.numer(difference)) == 0 or sp.simplify(difference) == 0)


def equivalent(first: Relation, second: Relation) -> bool:
    """Decide whether two relations say the same by algebra alone, whatever the quantities mean."""
    if first == second:
        return True
    if type(first) is not type(second):
        return False
    if _vanishing(first) is not None and _vanishing(first) == _vanishing(second):
        return True
    if _unit(first) is not None and _unit(first) == _unit(second):
        return True
    if isinstance(first, Boolean) and not isinstance(first, Relational):
        return len(first.args) == len(second.args) and all(map(equivalent, first.args, second.args))
    if any(getattr(side, "is_Matrix", False) for side in (*first.args, *second.args)):
        return all(_same(a, b) for a, b in zip(first.args, second.args, strict=True))
    ratio = _constant(
        (first.lhs - first.rhs) / (second.lhs - second.rhs)
    )  # a factor on both sides changes nothing
    return ratio is not None and bool(ratio > 0 or (isinstance(first, sp.Eq) and ratio != 0))


def _constant(expression: Expr) -> Expr:
    """The value of an expression that is the same number everywhere, None of any other."""
    expression = expression.xreplace({limit: sp.Dummy(positive=True) for limit in expression.atoms(sp.Limit)})
    symbols = sorted(expression.free_symbols, key=str)
    values = [
        expression.xreplace({s: sp.Rational(k + 2 * i, 7 + i) for i, s in enumerate(symbols)}) for k in (3, 8)
    ]
    if values[0] != values[1]:  # quick, and settles nearly every case
        return None
    value = sp.simplify(expression)
    return value if value.is_number and value.is_finite else None


def _vanishing(relation: Relation) -> tuple[Expr, list[Any]] | None:
    """Of "f is 0", or has the limit 0, what f is, up to a factor and a positive power: these say the same."""
    if not (isinstance(relation, sp.Eq) and relation.rhs == 0):
        return None
    body: Expr = relation.lhs
    path: list[Any] = []
    while True:
        body, power = body.as_coeff_Mul()[1].as_base_exp()
        if not power.is_positive:
            return None
        if not isinstance(body, sp.Limit):
            return body, path
        path.append(body.args[1:])
        body = body.args[0]


def _unit(relation: Relation) -> tuple[Any, Expr] | None:
    """Of "f <= 1" with f > 0 what f is, up to a positive power."""
    if not (isinstance(relation, (sp.Le, sp.Ge)) and relation.rhs == 1 and relation.lhs.is_positive):
        return None
    base, power = relation.lhs.as_base_exp()
    return (type(relation), base) if power.is_positive else None


def is_tight(relation: Relation, quantities: Values, where: Values) -> bool:
    """Decide whether the two sides of an inequality agree, in ratio, at a value or limit of some symbols."""
    ratio = resolve(relation.lhs, quantities) / resolve(relation.rhs, quantities)
    for symbol, value in where.items():
        value = sp.sympify(value)
        ratio = limit(ratio, symbol, value) if value in (0, sp.oo) else ratio.subs(symbol, value)
    return bool(sp.simplify(ratio - 1) == 0)

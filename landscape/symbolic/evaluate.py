"""Put values or derived quantities into relations, take limits, and tell whether what comes out is true."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanAtom
from sympy.polys.rings import PolyElement

from landscape.symbolic.rational import as_fraction
from landscape.symbolic.typing import Expr, Relation, Values

DIGITS, NOT_ZERO = 20, sp.Rational(1, 10**10)
"""Numbers with roots are computed to so many digits, which settle the sign of one that is not as small as this."""
UNDEFINED = (sp.nan, sp.zoo)  # what division by 0 leaves: such a point decides nothing


def resolve(relation: Relation, quantities: Values) -> Relation:
    """Write the relation with derived quantities in place of their names, and limits taken."""
    for _ in range(4):  # a quantity may be written in terms of others
        relation = replace(relation, quantities)
    return take_limits(relation)


def replace(expression: Any, values: Values) -> Any:
    """Replace parts like xreplace, for matrices of symbolic size as well; relations stay unevaluated."""
    if not isinstance(expression, sp.Basic) or not expression.args:
        return values.get(expression, expression)
    if expression in values:
        return values[expression]
    kept = (
        2 if isinstance(expression, sp.Limit) else len(expression.args)
    )  # a limit's point and direction stay
    arguments = [replace(argument, values) for argument in expression.args[:kept]] + list(
        expression.args[kept:]
    )
    if all(new is old for new, old in zip(arguments, expression.args, strict=True)):
        return expression
    if isinstance(expression, (sp.MatAdd, sp.Add)) and any(map(is_matrix, arguments)):
        return _sum(arguments)
    if isinstance(expression, (sp.MatMul, sp.Mul)) and any(map(is_matrix, arguments)):
        return _product(arguments)
    if isinstance(expression, Relational):
        return expression.func(
            *arguments, evaluate=False
        )  # telling whether two long expressions are equal comes later
    if isinstance(expression, sp.Identity) and arguments[0].is_Integer:
        return sp.ImmutableMatrix.eye(int(arguments[0]))
    if isinstance(expression, sp.Trace) and is_matrix(arguments[0]):
        return arguments[0].trace()
    if isinstance(expression, sp.MatPow) and is_matrix(arguments[0]):
        return arguments[0] ** arguments[1]
    if isinstance(expression, sp.Transpose) and is_matrix(arguments[0]):
        return arguments[0].T
    return expression.func(*arguments)


def is_matrix(value: Any) -> bool:
    """Say whether a value is an explicit matrix."""
    return isinstance(value, sp.MatrixBase)


def _product(factors: Sequence[Expr]) -> Expr:
    out = factors[0]
    for factor in factors[1:]:
        out = out * factor
    return out


def _sum(terms: Sequence[Expr]) -> Expr:
    out = terms[0]
    for term in terms[1:]:
        out = out + term
    return out


def take_limits(expression: Expr) -> Expr:
    """Take all limits of an expression, the inner ones first."""
    if not expression.has(sp.Limit):
        return expression
    if isinstance(expression, sp.Limit):
        body, variable, point = expression.args[:3]
        return limit(take_limits(body), variable, point)
    arguments = [take_limits(argument) for argument in expression.args]
    if isinstance(expression, Relational):
        return expression.func(*arguments, evaluate=False)
    return expression.func(*arguments)


@lru_cache(maxsize=4096)
def limit(expression: Expr, variable: Expr, point: Expr) -> Expr:
    """Take a one-sided limit from inside the positive numbers; of fractions by leading terms."""
    parts = as_fraction(expression) if point in (0, sp.oo) else None
    if parts is None or variable not in expression.free_symbols:
        return sp.limit(expression, variable, point)
    (p, a), (q, b) = (_end(part, variable, max if point == sp.oo else min) for part in parts)
    order = (p - q) * (1 if point == sp.oo else -1)
    if order > 0:
        return sp.oo * sp.sign(a / b)
    return sp.factor(a / b) if order == 0 else sp.Integer(0)


def _end(polynomial: PolyElement, variable: Expr, pick: Callable[..., Any]) -> tuple[int, Expr]:
    """The highest or lowest power of a variable, and what it is multiplied by."""
    place = polynomial.ring.symbols.index(variable)
    power = pick(powers[place] for powers in polynomial.itermonoms())
    terms = {powers: value for powers, value in polynomial.iterterms() if powers[place] == power}
    return power, (polynomial.ring.from_dict(terms).as_expr() / variable**power).expand()


def truth(relation: Relation) -> bool | None:
    """Return True or False of a relation between numbers or explicit matrices, None if it cannot be told."""
    if isinstance(relation, BooleanAtom):
        return bool(relation)
    if isinstance(relation, (sp.And, sp.Equivalent, sp.Or, sp.Not, sp.Implies)):
        parts = [truth(part) for part in relation.args]
        return None if None in parts else bool(relation.func(*map(sp.sympify, parts)))
    left, right = relation.args
    if left.has(*UNDEFINED) or right.has(*UNDEFINED):
        return None
    if is_matrix(left) or is_matrix(right):
        same = getattr(left, "shape", None) == getattr(right, "shape", None) and bool(
            (left - right).applyfunc(lambda e: sp.cancel(sp.together(e))).is_zero_matrix
        )
        return same if isinstance(relation, sp.Eq) else not same
    if left.free_symbols or right.free_symbols:
        return None
    if sp.oo in (left, right) or -sp.oo in (left, right):
        return bool(relation.func(left, right))
    gap = sp.sympify(left - right)
    if not gap.is_Rational:
        rounded = sp.N(gap, DIGITS)
        gap = rounded if rounded.is_real and abs(rounded) > NOT_ZERO else sp.simplify(gap)
    told = relation.func(gap, 0)
    return bool(told) if isinstance(told, BooleanAtom) else None

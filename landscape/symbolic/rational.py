"""Rational functions as fast exact code: what thousands of points are put into."""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

import sympy as sp
from sympy.logic.boolalg import BooleanAtom
from sympy.polys.fields import FracField
from sympy.polys.rings import PolyElement, PolyRing

from landscape.symbolic.typing import Expr, Relation, Values

Code: TypeAlias = Callable[..., Fraction]

COMPARED: dict[Any, Callable[[Fraction, Fraction], Any]] = {
    sp.Eq: Fraction.__eq__, sp.Lt: Fraction.__lt__, sp.Le: Fraction.__le__, sp.Gt: Fraction.__gt__, sp.Ge: Fraction.__ge__,
    sp.Ne: lambda left, right: left != right,
}  # fmt: skip


class NotRational(TypeError):
    """An expression that is no rational function of its symbols, or a value that is no rational number."""


@lru_cache(maxsize=4096)
def _compiled(expression: Expr) -> tuple[tuple[Expr, ...], Code] | None:
    """Python code for a rational function of symbols, each part computed once; None for any other expression."""
    symbols: dict[Expr, str] = {}
    names: dict[Expr, str] = {}
    lines: list[str] = []
    constants: dict[str, Fraction] = {}

    def named(part: Expr) -> str:
        if part in names:
            return names[part]
        if part.is_Symbol:
            return symbols.setdefault(part, f"s{len(symbols)}")
        if part.is_Rational:
            name = f"c{len(constants)}"
            constants[name] = Fraction(int(part.p), int(part.q))
            names[part] = name
            return name
        if part.is_Add or part.is_Mul:
            written = (" + " if part.is_Add else " * ").join(map(named, part.args))
        elif part.is_Pow and part.exp.is_Integer:
            written = f"{named(part.base)} ** {int(part.exp)}"
        else:
            raise NotRational
        name = f"v{len(names)}"
        lines.append(f"    {name} = {written}")
        names[part] = name
        return name

    if not isinstance(expression, sp.Expr) or getattr(expression, "is_Matrix", False):
        return None
    try:
        result = named(expression)
    except NotRational:
        return None
    source = "\n".join([f"def code({', '.join(symbols.values())}):", *lines, f"    return {result}"])
    space: dict[str, Any] = dict(constants)
    exec(source, space)
    return tuple(symbols), space["code"]


def _fraction(value: Any) -> Fraction:
    if not getattr(value, "is_Rational", False):
        raise NotRational
    return Fraction(int(value.p), int(value.q))


def at(expression: Expr, values: Values) -> Fraction:
    """Compute the exact value of a rational function where its symbols have the given rational values.

    Raises
    ------
    NotRational
        If it is no such function, or a symbol has no such value.
    ZeroDivisionError
        If it is not defined there.
    """
    compiled = _compiled(expression)
    if compiled is None:
        raise NotRational
    symbols, code = compiled
    return code(*(_fraction(values.get(symbol)) for symbol in symbols))


def is_true(relation: Relation, values: Values) -> bool | None:
    """Decide a relation between rational functions at a point, None where one of them is not defined.

    Raises
    ------
    NotRational
    """
    if isinstance(relation, BooleanAtom):
        return bool(relation)
    compare = COMPARED.get(type(relation))
    if compare is not None:
        left, right = relation.args
        try:
            return bool(compare(at(left, values), at(right, values)))
        except ZeroDivisionError:
            return None
    if isinstance(relation, (sp.And, sp.Or, sp.Not, sp.Implies, sp.Equivalent)):
        parts = [is_true(part, values) for part in relation.args]
        return None if None in parts else bool(relation.func(*map(sp.sympify, parts)))
    raise NotRational


def is_rational(expression: Expr) -> bool:
    """Say whether an expression is a rational function of its symbols with rational coefficients."""
    return _compiled(expression) is not None


@lru_cache(maxsize=512)
def as_fraction(expression: Expr) -> tuple[PolyElement, PolyElement] | None:
    """Write a rational function as numerator and denominator without a common factor; None for any other expression."""
    symbols = sorted(expression.free_symbols, key=str)
    if not is_rational(expression) or not symbols:
        return None
    found = FracField(symbols, sp.QQ, "lex").from_expr(expression)
    return found.numer, found.denom


def vanishes(expression: Expr) -> bool:
    """Decide whether a rational function is 0 everywhere: the numerator over a common denominator has no terms."""
    top = sp.numer(sp.together(expression))
    symbols = sorted(top.free_symbols, key=str)
    if not symbols:
        return bool(top == 0)
    ring: Any = PolyRing(symbols, sp.QQ, "lex")
    return not ring.from_expr(top)

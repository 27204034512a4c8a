"""The sign of an algebraic expression over a whole domain, by exact real algebra."""

from collections.abc import Sequence

import sympy as sp

from landscape.symbolic.rational import as_fraction
from landscape.symbolic.typing import Expr, Relation


def sign(expression: Expr, given: Sequence[Relation] = (), strict: bool = False) -> int | None:
    """Return 1, -1 or 0 if the expression has that sign wherever `given` holds, None if that is not found.

    Parameters
    ----------
    expression : sympy expression
        Rational in its symbols, which are positive or real.
    given : tuple of inequalities
        Each with one symbol alone on a side: it is put in terms of a new symbol, s < b as s = b/(1 + t), s >
        b as s = b + t, where t is positive, or not negative if the condition includes its bound.
    strict : bool
        Whether 0 is excluded: else a sign means "at least 0" or "at most 0".

    Notes
    -----
    The numerator and denominator are factored. A factor has a sign if all its coefficients in positive symbols
    do; in one symbol if Sturm's theorem finds no root; or if its discriminant in some symbol is negative.
    """
    for relation in given:
        expression = expression.subs(*_freed(relation))
    parts = as_fraction(expression)
    top, bottom = parts or sp.fraction(sp.cancel(sp.together(expression)))
    if top == 0:
        return 0
    total = 1
    for part, may_vanish in ((top, not strict), (bottom, False)):
        constant, factors = part.factor_list() if parts else sp.factor_list(part)
        total *= _number_sign(constant)
        for factor, power in factors:
            if power % 2 == 0 and may_vanish:
                continue
            found = _polynomial_sign(sp.sympify(factor.as_expr()), may_vanish)
            if found is None:
                return None
            total *= found**power
    return total


def extremes(polynomial: Expr, symbol: Expr, low: Expr, high: Expr) -> tuple[Expr, Expr]:
    """Return the least and the largest value on an interval: at its ends, or where the slope is 0.

    Raises
    ------
    ArithmeticError
        If the slope's roots are not all found, or not told from the ends.
    """
    slope = sp.Poly(sp.diff(polynomial, symbol), symbol)
    roots = sp.roots(slope) if slope.degree() > 0 else {}
    places = [(root, (root - low).is_nonnegative, (high - root).is_nonnegative) for root in roots]
    if sum(roots.values()) < slope.degree() or any(None in told for _, *told in places):
        raise ArithmeticError(f"where {polynomial} is largest on [{low}, {high}] is not found")
    at = [low, high, *(root for root, *inside in places if all(inside))]
    values = [sp.expand(sp.sympify(polynomial).subs(symbol, place)) for place in at]
    return sp.Min(*values), sp.Max(*values)


def _freed(relation: Relation) -> tuple[Expr, Expr]:
    symbol, bound = relation.lhs, relation.rhs
    if not symbol.is_Symbol:
        symbol, bound, relation = relation.rhs, relation.lhs, relation.reversed
    if not symbol.is_Symbol or symbol in bound.free_symbols:
        raise ValueError(f"a condition must have a symbol alone on one side, got {relation}")
    strict = isinstance(relation, (sp.Gt, sp.Lt))
    free = sp.Dummy("t", positive=True) if strict else sp.Dummy("t", nonnegative=True)
    if isinstance(relation, (sp.Gt, sp.Ge)):
        return symbol, bound + free
    if not symbol.is_positive:
        return symbol, bound - free
    return symbol, bound / (1 + free)


def _number_sign(number: Expr) -> int:
    return 1 if number > 0 else -1


def _polynomial_sign(polynomial: Expr, may_vanish: bool) -> int | None:
    symbols = sorted(polynomial.free_symbols, key=str)
    if not symbols:
        return _number_sign(polynomial)
    poly = sp.Poly(polynomial, *symbols)
    never_negative = [symbol.is_nonnegative for symbol in symbols]
    if all(
        known or power % 2 == 0
        for powers in poly.monoms()
        for known, power in zip(never_negative, powers, strict=True)
    ):
        signs = {_number_sign(c) if c.is_number else None for c in poly.coeffs()}
        if signs in ({1}, {-1}) and (
            may_vanish or any(_never_zero(powers, symbols) for powers in poly.monoms())
        ):
            return signs.pop()
    if len(symbols) == 1:
        return _by_sturm(poly, symbols[0], may_vanish)
    for symbol in symbols:
        if poly.degree(symbol) == 2:
            discriminant = _total_sign(sp.discriminant(polynomial, symbol), may_vanish)
            if discriminant == -1:
                return _total_sign(sp.Poly(polynomial, symbol).LC(), False)
    return None


def _never_zero(powers: Sequence[int], symbols: Sequence[Expr]) -> bool:
    """Whether a monomial is made of positive symbols only."""
    return all(symbol.is_positive or not power for symbol, power in zip(symbols, powers, strict=True))


def _total_sign(expression: Expr, may_vanish: bool) -> int | None:
    return sign(expression, (), strict=not may_vanish)


def _by_sturm(poly: Expr, symbol: Expr, may_vanish: bool) -> int | None:
    low = 0 if symbol.is_nonnegative else -sp.oo
    roots = poly.count_roots(low, sp.oo)
    if low == 0 and poly.eval(0) == 0 and (symbol.is_positive or may_vanish):
        roots -= 1
    return _number_sign(poly.eval(1)) if roots == 0 else None

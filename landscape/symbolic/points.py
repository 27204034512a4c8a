"""Exact rational points at which relations are tested."""

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import sympy as sp
from sympy.matrices.exceptions import NonInvertibleMatrixError

from landscape.symbolic.evaluate import replace, resolve, take_limits, truth
from landscape.symbolic.rational import NotRational, at, is_true
from landscape.symbolic.typing import Expr, Relation, Values

POINTS = {True: 12, False: 150}
"""Points tried before a proof: a false identity (True) all but never passes one, an inequality may."""

COUNTS = {"d", "m", "n", "n_1", "n_2", "T"}


class Undecided(ArithmeticError):
    """Neither a counterexample nor a proof was found."""


class Points:
    """Exact rational points at which to test relations about the same quantities.

    Parameters
    ----------
    relations : list of sympy Boolean
        Their symbols are given values, those of `quantities` by evaluation.
    given : tuple of sympy Boolean
    quantities : dict
    witness : dict, optional
        Values that the first point takes.
    """

    def __init__(
        self,
        relations: Sequence[Relation],
        given: tuple[Relation, ...],
        quantities: Values,
        seed: int = 0,
        witness: Values | None = None,
    ) -> None:
        quantities = _used(quantities, [*relations, *given])
        expressions = [*relations, *given, *quantities.values()]
        symbols = _union(map(_symbols, expressions)) - set(quantities)
        self.bound = _union(map(_variables, expressions))
        self.symbols = sorted((s for s in symbols if s not in self.bound), key=str)
        self.given, self.quantities, self.random = given, quantities, random.Random(seed)
        self._values = [self._draw(witness or {})]
        self._boundaries: dict[Relation, list[dict[Expr, Any]]] = {}

    def _draw(self, fixed: Values) -> dict[Expr, Any]:
        for _ in range(2000):
            values = self._moved_inside(self._numbers()) | dict(fixed)
            with suppress(NonInvertibleMatrixError):
                if self._allowed(values):
                    return self._completed(values)
        raise Undecided(f"no rational point found where {self.given} holds")

    def _moved_inside(self, values: dict[Expr, Any]) -> dict[Expr, Any]:
        """Conditions s < b and s > b met by moving s; later ones first, for earlier ones may build on them.

        Where s = b is allowed some points lie there: a claim may fail on the edge only.
        """
        near_edge = self.random.random() < 0.2
        for relation in reversed(self.given):
            symbol, bound = relation.args
            on_edge = near_edge and isinstance(relation, (sp.Le, sp.Ge)) and self.random.random() < 0.7
            if symbol in values and (on_edge or _holds(relation, values) is False):
                low = isinstance(relation, (sp.Lt, sp.Le))
                bound, part = _value(bound, values), sp.Rational(self.random.randint(1, 19), 20)
                inside = bound * part if low and symbol.is_positive else bound + (-part if low else part)
                values[symbol] = bound if on_edge else inside
        return values

    def _allowed(self, values: Values) -> bool:
        return all(_holds(relation, values) for relation in self.given)

    def _completed(self, values: dict[Expr, Any]) -> dict[Expr, Any]:
        """With the values of the quantities."""
        left = dict(self.quantities)
        for _ in range(4):  # quantities may build on one another
            for name, expression in list(left.items()):
                values[name] = _value(expression, values)
                if not values[name].free_symbols:
                    del left[name]
        return values

    def _numbers(self) -> dict[Expr, Any]:
        values: dict[Expr, Any] = {}
        for symbol in self.symbols:
            if symbol.is_integer or str(symbol) in COUNTS:  # a counterexample should be one that can occur
                # sizes of matrices are to stay small
                largest = 4 if symbol.is_integer and str(symbol) == "d" else 40
                values[symbol] = sp.Integer(self.random.randint(1, largest))
        for symbol in self.symbols:
            if isinstance(symbol, sp.MatrixSymbol):
                values[symbol] = self._matrix(*(replace(size, values) for size in symbol.shape))
            elif symbol not in values:
                value = self._number(40) if self.random.random() < 0.8 else self._number(4000)
                values[symbol] = value if symbol.is_positive else value * self.random.choice((-1, 1))
        return values

    def _number(self, largest: int) -> Expr:
        return sp.Rational(self.random.randint(1, largest), self.random.randint(1, 40))

    def _matrix(self, rows: Expr, columns: Expr) -> Expr:
        half = sp.Matrix(rows, columns, lambda *_: self.random.randint(-5, 5))
        return sp.ImmutableMatrix(half + half.T if rows == columns else half)

    def _first(self, count: int) -> Iterator[dict[Expr, Any]]:
        """So many points, drawn when they are first needed."""
        for position in range(count):
            if position == len(self._values):
                self._values.append(self._draw({}))
            yield self._values[position]

    def _around(self, relation: Relation) -> Iterator[dict[Expr, Any]]:
        """Points on either side of where the conditions of an equivalence change."""
        for condition in relation.args if isinstance(relation, sp.Equivalent) else ():
            if condition not in self._boundaries:
                self._boundaries[condition] = list(self._straddling(condition))
            yield from self._boundaries[condition]

    def _straddling(self, condition: Relation) -> Iterator[dict[Expr, Any]]:
        gap = resolve(condition.gts - condition.lts, self.quantities)
        step = sp.Rational(1, 10**6)
        for values in list(self._first(4)):
            for symbol in sorted((s for s in gap.free_symbols if not s.is_integer), key=str):
                line = sp.numer(sp.together(gap.xreplace({s: v for s, v in values.items() if s != symbol})))
                if line.free_symbols != {symbol} or not line.is_polynomial(symbol):
                    continue
                for (low, high), _ in sp.Poly(line, symbol).intervals(eps=step**2):
                    for value in (low * (1 - step), high * (1 + step)):
                        near = {s: values[s] for s in self.symbols} | {symbol: value}
                        if (value > 0 or not symbol.is_positive) and self._allowed(near):
                            yield self._completed(near)

    def refutes(self, relation: Relation) -> dict[Expr, Any] | None:
        """Find the first point at which the relation is false, or None."""
        for values in chain(self._first(POINTS[isinstance(relation, sp.Eq)]), self._around(relation)):
            with suppress(NonInvertibleMatrixError):
                if _holds(relation, values) is False:
                    return {s: values[s] for s in self.symbols}
        return None


def _union(sets: Iterable[set[Expr]]) -> set[Expr]:
    return set().union(*sets)


def _symbols(expression: Expr) -> set[Expr]:
    """Symbols and matrix symbols, with those of their sizes, but not the directions of limits."""
    directions = {limit.args[3] for limit in expression.atoms(sp.Limit)}
    matrices = expression.atoms(sp.MatrixSymbol)
    sizes = _union(size.free_symbols for matrix in matrices for size in matrix.shape)
    found: set[Expr] = expression.atoms(sp.Symbol) | matrices | sizes
    return found - directions


def _used(quantities: Values, expressions: Iterable[Expr]) -> dict[Expr, Expr]:
    """The quantities that the expressions name, and those that these are made of."""
    used: dict[Expr, Expr] = {}
    front = _union(map(_symbols, expressions))
    while front:
        new = {name: quantities[name] for name in front if name in quantities and name not in used}
        used |= new
        front = _union(map(_symbols, new.values()))
    return {name: quantities[name] for name in quantities if name in used}


def _variables(expression: Expr) -> set[Expr]:
    """Bound variables of limits."""
    return {atom.args[1] for atom in expression.atoms(sp.Limit)}


def _value(expression: Expr, values: Values) -> Expr:
    """Put values into an expression: by exact arithmetic where it is rational, else by SymPy."""
    try:
        value = at(expression, values)
    except (NotRational, ZeroDivisionError):
        value = replace(expression, values)
        return sp.nsimplify(value) if isinstance(value, sp.Float) else value
    return sp.Rational(value.numerator, value.denominator)


def _holds(relation: Relation, values: Values) -> bool | None:
    """Decide a relation at a point, None where that cannot be told."""
    try:
        return is_true(relation, values)
    except NotRational:
        return truth(take_limits(replace(relation, values)))

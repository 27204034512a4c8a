"""Whether a relation holds for all values: refuted at exact rational points, or proved by exact algebra."""

import random

import sympy as sp
from sympy.logic.boolalg import Boolean, BooleanAtom

from landscape.symbolic.positivity import sign
from landscape.symbolic.wick import words

POINTS = 12  # exact points tried before a proof: a false identity of rational functions all but never passes one
STRICT = (sp.StrictGreaterThan, sp.StrictLessThan)


class Undecided(ArithmeticError):
    """Neither a counterexample nor a proof was found."""


def resolve(relation, quantities):
    """The relation with derived quantities in place of their names, and limits taken."""
    for _ in range(4):  # a quantity may be written in terms of others
        relation = _replace(relation, quantities)
    return _replace_limits(relation)


def _replace(expression, values):
    """Like xreplace, for matrices of symbolic size as well; relations stay unevaluated."""
    if not isinstance(expression, sp.Basic) or not expression.args:
        return values.get(expression, expression)
    if expression in values:
        return values[expression]
    arguments = [_replace(argument, values) for argument in expression.args]
    if all(new is old for new, old in zip(arguments, expression.args, strict=True)):
        return expression
    if isinstance(expression, (sp.MatAdd, sp.Add)) and any(map(_is_matrix, arguments)):
        return _sum(arguments)
    if isinstance(expression, (sp.MatMul, sp.Mul)) and any(map(_is_matrix, arguments)):
        return _product(arguments)
    if isinstance(expression, sp.Trace) and isinstance(arguments[0], sp.MatrixBase):
        return arguments[0].trace()
    return expression.func(*arguments)


def _is_matrix(value):
    return isinstance(value, sp.MatrixBase)


def _product(factors):
    out = sp.Integer(1)
    for factor in factors:
        factor = factor.as_explicit() if isinstance(factor, sp.Identity) and factor.shape[0].is_Integer else factor
        out = out * factor
    return out


def _sum(terms):
    total = None
    for term in terms:
        term = term.as_explicit() if isinstance(term, sp.Identity) else term
        total = term if total is None else total + term
    return total


def _replace_limits(expression):
    if not expression.has(sp.Limit):
        return expression
    if isinstance(expression, sp.Limit):
        body, variable, point = expression.args[:3]
        return limit(_replace_limits(body), variable, point)
    return expression.func(*map(_replace_limits, expression.args))


def limit(expression, variable, point):
    """A one-sided limit from inside the positive numbers; of rational functions by their leading terms."""
    top, bottom = sp.fraction(sp.cancel(sp.together(expression)))
    if not (top.is_polynomial(variable) and bottom.is_polynomial(variable)) or point not in (0, sp.oo):
        return sp.limit(expression, variable, point)
    pick = max if point == sp.oo else min
    (p, a), (q, b) = (_end(part, variable, pick) for part in (top, bottom))
    order = (p - q) * (1 if point == sp.oo else -1)
    if order > 0:
        return sp.oo * sp.sign(a / b)
    return sp.factor(a / b) if order == 0 else sp.Integer(0)


def _end(polynomial, variable, pick):
    terms = sp.Poly(polynomial, variable).terms()
    (power,), coefficient = pick(terms, key=lambda term: term[0][0])
    return power, coefficient


class Points:
    """Exact rational points at which to test relations about the same quantities.

    Parameters
    ----------
    relations : list of sympy Boolean
        Their symbols are given values, those of `quantities` by evaluation.
    given : tuple of sympy Boolean
    quantities : dict
    """

    def __init__(self, relations, given, quantities, count=POINTS, seed=0):
        derived = set(quantities)
        expressions = [*relations, *given, *quantities.values()]
        symbols = set().union(*(e.free_symbols | e.atoms(sp.MatrixSymbol) for e in expressions)) - derived
        self.bound = set().union(*(_variables(e) for e in expressions))
        self.symbols = sorted((s for s in symbols if s not in self.bound), key=str)
        self.given, self.quantities, self.random = given, quantities, random.Random(seed)
        self.values = [self._draw() for _ in range(count)]

    def _draw(self):
        for _ in range(20_000):
            values = self._values()
            if all(_replace(relation, values) == sp.true for relation in self.given):
                break
        else:
            raise Undecided(f"no rational point found where {self.given} holds")
        for _ in range(4):  # quantities may build on one another
            for name, expression in self.quantities.items():
                values[name] = _exact(_replace(expression, values))
        return values

    def _values(self):
        values = {}
        sizes = [s for s in self.symbols if s.is_integer]
        for symbol in sizes:
            values[symbol] = sp.Integer(self.random.randint(1, 4 if str(symbol) == "d" else 40))
        for symbol in self.symbols:
            if isinstance(symbol, sp.MatrixSymbol):
                values[symbol] = self._matrix(*(_replace(size, values) for size in symbol.shape))
            elif symbol not in values:
                value = self._number(40) if self.random.random() < 0.8 else self._number(4000)
                values[symbol] = value if symbol.is_positive else value * self.random.choice((-1, 1))
        return values

    def _number(self, largest):
        return sp.Rational(self.random.randint(1, largest), self.random.randint(1, 40))

    def _matrix(self, rows, columns):
        half = sp.Matrix(rows, columns, lambda *_: self.random.randint(-5, 5))
        return sp.ImmutableMatrix(half + half.T if rows == columns else half)

    def refutes(self, relation):
        """The first point at which the relation is false, or None."""
        for values in self.values:
            if truth(_replace_limits(_replace(relation, values))) is False:
                return {s: values[s] for s in self.symbols}
        return None


def _variables(expression):
    """Bound variables of limits."""
    return {atom.args[1] for atom in expression.atoms(sp.Limit)}


def _exact(value):
    return sp.nsimplify(value) if isinstance(value, sp.Float) else value


def truth(relation):
    """True or False of a relation between numbers or explicit matrices, None if it cannot be told."""
    if isinstance(relation, BooleanAtom):
        return bool(relation)
    if isinstance(relation, (sp.And, sp.Equivalent, sp.Or, sp.Not, sp.Implies)):
        parts = [truth(part) for part in relation.args]
        if None in parts:
            return None
        return bool(relation.func(*map(sp.sympify, parts)))
    if isinstance(relation, (sp.Eq, sp.Ne)):
        left, right = relation.args
        if _is_matrix(left) or _is_matrix(right):
            same = (
                getattr(left, "shape", None) == getattr(right, "shape", None) and (left - right).expand().is_zero_matrix
            )
        else:
            same = sp.simplify(left - right).is_zero
        return same if same is None or isinstance(relation, sp.Eq) else not same
    return None


def holds(relation, quantities, given=(), points=None):
    """Whether a relation holds for all values of its symbols.

    Parameters
    ----------
    relation : sympy Boolean
    quantities : dict
        Symbols that the derivation has given a meaning.
    given : tuple of sympy Boolean
    points : Points, optional
        Made before, for many relations about the same quantities.

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
    points = points or Points([relation], given, quantities)
    counterexample = points.refutes(relation)
    if counterexample is not None:
        return False, counterexample
    if _proved(resolve(relation, quantities), tuple(resolve(g, quantities) for g in given)):
        return True, None
    raise Undecided(f"no counterexample and no proof: {relation}")


def _proved(relation, given):
    if isinstance(relation, BooleanAtom):
        return bool(relation)
    if isinstance(relation, sp.And):
        return all(_proved(part, given) for part in relation.args)
    if isinstance(relation, sp.Implies):
        return _proved(relation.args[1], (*given, relation.args[0]))
    if isinstance(relation, sp.Equivalent):
        first, second = (part.gts - part.lts for part in relation.args)
        return sign(first / second, given, strict=True) == 1
    if isinstance(relation, sp.Eq):
        return _same(*relation.args)
    if isinstance(relation, sp.Ne):
        return sign(relation.lhs - relation.rhs, given, strict=True) is not None
    if isinstance(relation, sp.core.relational.Relational):
        return sign(relation.gts - relation.lts, given, strict=isinstance(relation, STRICT)) in (1, 0)
    raise TypeError(f"a relation was expected, got {relation!r}")


def _same(left, right):
    if _is_matrix(left) or _is_matrix(right):
        return truth(sp.Eq(left, right, evaluate=False)) is True
    if getattr(left, "is_Matrix", False) or getattr(right, "is_Matrix", False):
        return words(left) == words(right)
    difference = sp.together(left - right)
    return sp.expand(sp.numer(difference)) == 0 or sp.simplify(difference) == 0


def equivalent(first, second):
    """Whether two relations say the same by algebra alone, whatever the quantities mean."""
    if first == second:
        return True
    if type(first) is not type(second):
        return False
    if isinstance(first, Boolean) and not isinstance(first, sp.core.relational.Relational):
        return len(first.args) == len(second.args) and all(map(equivalent, first.args, second.args))
    if any(getattr(side, "is_Matrix", False) for side in (*first.args, *second.args)):
        return all(_same(a, b) for a, b in zip(first.args, second.args, strict=True))
    a, b = (r.lhs - r.rhs for r in (first, second))
    return sp.simplify(a - b) == 0


def is_tight(relation, quantities, where):
    """Whether the two sides of an inequality agree, in ratio, at a value or limit of some symbols."""
    ratio = resolve(relation.lhs, quantities) / resolve(relation.rhs, quantities)
    for symbol, value in where.items():
        value = sp.sympify(value)
        ratio = limit(ratio, symbol, value) if value in (0, sp.oo) else ratio.subs(symbol, value)
    return sp.simplify(ratio - 1) == 0

"""Whether a relation holds for all values: refuted at exact rational points, or proved by exact algebra."""

import random
from functools import lru_cache

import sympy as sp
from sympy.logic.boolalg import Boolean, BooleanAtom

from landscape.symbolic.positivity import sign
from landscape.symbolic.words import words

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
    kept = 2 if isinstance(expression, sp.Limit) else len(expression.args)  # a limit's point and direction stay
    arguments = [_replace(argument, values) for argument in expression.args[:kept]] + list(expression.args[kept:])
    if all(new is old for new, old in zip(arguments, expression.args, strict=True)):
        return expression
    if isinstance(expression, (sp.MatAdd, sp.Add)) and any(map(_is_matrix, arguments)):
        return _sum(arguments)
    if isinstance(expression, (sp.MatMul, sp.Mul)) and any(map(_is_matrix, arguments)):
        return _product(arguments)
    if isinstance(expression, sp.core.relational.Relational):
        return expression.func(*arguments, evaluate=False)  # telling whether two long expressions are equal comes later
    if isinstance(expression, sp.Identity) and arguments[0].is_Integer:
        return sp.ImmutableMatrix.eye(int(arguments[0]))
    if isinstance(expression, sp.Trace) and _is_matrix(arguments[0]):
        return arguments[0].trace()
    if isinstance(expression, sp.MatPow) and _is_matrix(arguments[0]):
        return arguments[0] ** arguments[1]
    if isinstance(expression, sp.Transpose) and _is_matrix(arguments[0]):
        return arguments[0].T
    return expression.func(*arguments)


def _is_matrix(value):
    return isinstance(value, sp.MatrixBase)


def _product(factors):
    out = factors[0]
    for factor in factors[1:]:
        out = out * factor
    return out


def _sum(terms):
    out = terms[0]
    for term in terms[1:]:
        out = out + term
    return out


def _replace_limits(expression):
    if not expression.has(sp.Limit):
        return expression
    if isinstance(expression, sp.Limit):
        body, variable, point = expression.args[:3]
        return limit(_replace_limits(body), variable, point)
    arguments = [_replace_limits(argument) for argument in expression.args]
    if isinstance(expression, sp.core.relational.Relational):
        return expression.func(*arguments, evaluate=False)
    return expression.func(*arguments)


@lru_cache(maxsize=4096)
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
    witness : dict, optional
        Values that the first point takes.
    """

    def __init__(self, relations, given, quantities, count=POINTS, seed=0, witness=None):
        quantities = _used(quantities, [*relations, *given])
        expressions = [*relations, *given, *quantities.values()]
        symbols = set().union(*map(_symbols, expressions)) - set(quantities)
        self.bound = set().union(*(_variables(e) for e in expressions))
        self.symbols = sorted((s for s in symbols if s not in self.bound), key=str)
        self.given, self.quantities, self.random = given, quantities, random.Random(seed)
        self.values = [self._draw(witness or {})] + [self._draw({}) for _ in range(count - 1)]

    def _draw(self, fixed):
        for _ in range(20_000):
            values = self._values() | fixed
            if all(truth(_replace(relation, values)) for relation in self.given):
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


def _symbols(expression):
    """Symbols and matrix symbols, with those of their sizes, but not the directions of limits."""
    directions = {limit.args[3] for limit in expression.atoms(sp.Limit)}
    matrices = expression.atoms(sp.MatrixSymbol)
    sizes = set().union(*(size.free_symbols for matrix in matrices for size in matrix.shape))
    return (expression.atoms(sp.Symbol) | matrices | sizes) - directions


def _used(quantities, expressions):
    """The quantities that the expressions name, and those that these are made of."""
    used: dict = {}
    front = set().union(*map(_symbols, expressions))
    while front:
        new = {name: quantities[name] for name in front if name in quantities and name not in used}
        used |= new
        front = set().union(*map(_symbols, new.values()))
    return {name: quantities[name] for name in quantities if name in used}


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
        return None if None in parts else bool(relation.func(*map(sp.sympify, parts)))
    left, right = relation.args
    if _is_matrix(left) or _is_matrix(right):
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
        gap = sp.simplify(gap)
    told = relation.func(gap, 0)
    return bool(told) if isinstance(told, BooleanAtom) else None


def holds(relation, quantities, given=(), points=None, witness=None):
    """Whether a relation holds for all values of its symbols.

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


def _proved(relation, given):
    if isinstance(relation, sp.core.relational.Relational) and truth(relation) is not None:
        return truth(relation)
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
    if _vanishing(first) is not None and _vanishing(first) == _vanishing(second):
        return True
    if isinstance(first, Boolean) and not isinstance(first, sp.core.relational.Relational):
        return len(first.args) == len(second.args) and all(map(equivalent, first.args, second.args))
    if any(getattr(side, "is_Matrix", False) for side in (*first.args, *second.args)):
        return all(_same(a, b) for a, b in zip(first.args, second.args, strict=True))
    a, b = (r.lhs - r.rhs for r in (first, second))
    return sp.simplify(a - b) == 0


def _vanishing(relation):
    """Of "f has the limit 0" what f is, up to a factor and a positive power: these say the same."""
    if not (isinstance(relation, sp.Eq) and relation.rhs == 0 and relation.lhs.has(sp.Limit)):
        return None
    body, path = relation.lhs, []
    while True:
        body, power = body.as_coeff_Mul()[1].as_base_exp()
        if not power.is_positive:
            return None
        if not isinstance(body, sp.Limit):
            return body, path
        path.append(body.args[1:])
        body = body.args[0]


def is_tight(relation, quantities, where):
    """Whether the two sides of an inequality agree, in ratio, at a value or limit of some symbols."""
    ratio = resolve(relation.lhs, quantities) / resolve(relation.rhs, quantities)
    for symbol, value in where.items():
        value = sp.sympify(value)
        ratio = limit(ratio, symbol, value) if value in (0, sp.oo) else ratio.subs(symbol, value)
    return sp.simplify(ratio - 1) == 0

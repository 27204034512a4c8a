"""Exact arithmetic at points, against SymPy's own."""

from fractions import Fraction

import pytest
import sympy as sp

from landscape.symbolic.rational import NotRational, at, is_true, vanishes

x, y = sp.symbols("x y", positive=True)
AT = {x: sp.Rational(2, 3), y: sp.Integer(5)}


@pytest.mark.parametrize("expression", [x, sp.Rational(1, 3), (x - y) ** 3 / (1 + x / y) ** 2 - x * y, x**-2])
def test_values_are_sympys(expression):
    assert sp.Rational(at(expression, AT)) == expression.subs(AT)


def test_what_is_no_rational_function_or_not_defined():
    for expression in (sp.sqrt(x), sp.Abs(x - y), sp.pi, sp.MatrixSymbol("A", 2, 2)):
        with pytest.raises(NotRational):
            at(expression, AT)
    with pytest.raises(NotRational):
        at(x, {x: sp.sqrt(2)})
    with pytest.raises(ZeroDivisionError):
        at(1 / (y - 5), AT)
    assert at(x + y, AT) == Fraction(17, 3)


def test_relations_and_their_combinations():
    below, above = sp.Lt(x, 1), sp.Gt(y, 5)
    assert is_true(below, AT) is True
    assert is_true(above, AT) is False
    assert is_true(sp.And(below, above), AT) is False
    assert is_true(sp.Implies(above, below), AT) is True
    assert is_true(sp.Equivalent(below, above), AT) is False
    assert is_true(sp.Eq(1 / (y - 5), x), AT) is None  # not defined there
    assert is_true(sp.Ne(x, y), AT) is True


def test_an_identity_and_one_that_is_wrong_in_one_coefficient():
    first = 1 / (x - y) + 1 / (x + y)
    assert vanishes(first - 2 * x / (x**2 - y**2))
    assert not vanishes(first - 2 * x / (x**2 - 2 * y**2))

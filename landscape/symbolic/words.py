"""Matrix expressions of symbolic size in a normal form that decides their equality for every size."""

from collections.abc import Sequence
from typing import TypeAlias

import sympy as sp

from landscape.symbolic.rational import is_rational, vanishes
from landscape.symbolic.typing import Expr

Word: TypeAlias = tuple[Expr, ...]
"""Letters: matrix symbols, transposed vectors, inverses."""


def words(expression: Expr) -> dict[tuple[Word, tuple[Word, ...]], Expr]:
    """Write a matrix expression in normal form: {(word, traces): coefficient}.

    Letters are matrix symbols (square ones symmetric), transposed vectors and inverses of symbols; an inverse
    beside its matrix cancels. Traces are brought to the least of their rotations and reversals, and so are
    words that are numbers to the least of their two directions. Two expressions are equal for every size if
    and only if these are.
    """
    factored = ((key, sp.factor(value)) for key, value in _collected(expression).items())
    return {key: value for key, value in factored if value != 0}


def equal(left: Expr, right: Expr) -> bool:
    """Decide whether two matrix expressions are equal for every size."""
    one, other = _collected(left), _collected(right)
    gaps = [one.get(key, sp.Integer(0)) - other.get(key, sp.Integer(0)) for key in one.keys() | other.keys()]
    return all(vanishes(gap) if is_rational(gap) else sp.factor(gap) == 0 for gap in gaps)


def _collected(expression: Expr) -> dict[tuple[Word, tuple[Word, ...]], Expr]:
    """The coefficients as they come, which may be 0."""
    out: dict[tuple[Word, tuple[Word, ...]], Expr] = {}
    for term in _terms(expression):
        scalar = sp.Integer(1)
        word: list[Expr] = []
        traces: list[Word] = []
        for factor in term:
            if isinstance(factor, sp.Identity):
                continue
            if factor.is_Matrix:
                word.append(factor)
            else:
                scalar *= factor
        for trace in scalar.atoms(sp.Trace):
            count = sp.Poly(scalar, trace).degree()
            scalar = scalar / trace**count
            traces += [_necklace(tuple(_cancelled(_letters(trace.arg))))] * count
        key = _direction(tuple(_cancelled(word))), tuple(sorted(traces, key=str))
        out[key] = out.get(key, 0) + scalar
    return out


def _terms(expression: Expr) -> list[list[Expr]]:
    """The terms of a matrix expression, each a list of factors: letters, identities and scalars."""
    if isinstance(expression, (sp.MatAdd, sp.Add)):
        return [term for part in expression.args for term in _terms(part)]
    if isinstance(expression, (sp.MatMul, sp.Mul)):
        out: list[list[Expr]] = [[]]
        for factor in expression.args:
            parts = (
                _terms(factor) if factor.is_Matrix else [[term] for term in sp.Add.make_args(_linear(factor))]
            )
            out = [left + right for left in out for right in parts]
        return out
    if isinstance(expression, sp.MatPow) and expression.exp.is_Integer and expression.exp > 0:
        return _terms(sp.MatMul(*[expression.base] * int(expression.exp), evaluate=False))
    if isinstance(expression, sp.Transpose) and not isinstance(expression.arg, sp.MatrixSymbol):
        return [[_transposed(factor) for factor in reversed(term)] for term in _terms(expression.arg)]
    if isinstance(expression, sp.Transpose) and _is_square(expression):
        return [[expression.arg]]
    if isinstance(expression, sp.Inverse) and isinstance(expression.arg, sp.Transpose):
        return [[sp.Inverse(expression.arg.arg)]]
    if isinstance(expression, sp.ZeroMatrix):
        return []
    return [[expression]]


def _is_square(letter: Expr) -> bool:
    return bool(letter.shape[0] == letter.shape[1])


def _transposed(factor: Expr) -> Expr:
    if not factor.is_Matrix or _is_square(factor):
        return factor
    return factor.arg if isinstance(factor, sp.Transpose) else sp.Transpose(factor)


def _linear(scalar: Expr) -> Expr:
    """A scalar with traces of sums written as sums of traces."""
    split = scalar.replace(
        lambda e: isinstance(e, sp.Trace),
        lambda e: sp.Add(*(_trace_of(term, e.arg.shape[0]) for term in _terms(e.arg))),
    )
    return sp.expand(split)


def _trace_of(factors: Sequence[Expr], size: Expr) -> Expr:
    matrices = [f for f in factors if f.is_Matrix and not isinstance(f, sp.Identity)]
    scalar = sp.Mul(*(f for f in factors if not f.is_Matrix))
    return scalar * (sp.Trace(sp.MatMul(*matrices).doit()) if matrices else size)


def _letters(product: Expr) -> list[Expr]:
    ((*factors,),) = _terms(product)
    return [f for f in factors if not isinstance(f, sp.Identity)]


def _cancelled(word: Sequence[Expr]) -> list[Expr]:
    """A word without neighbours that are inverses of one another."""
    out: list[Expr] = []
    for letter in word:
        if out and (out[-1] == sp.Inverse(letter).doit() if isinstance(letter, sp.MatrixSymbol) and _is_square(letter) else
                    isinstance(letter, sp.Inverse) and out[-1] == letter.arg):  # fmt: skip
            out.pop()
        else:
            out.append(letter)
    return out


def _direction(word: Word) -> Word:
    """A word that is a number, between two vectors, reads the same backwards."""
    if len(word) < 2 or word[0].shape[0] != 1 or word[-1].shape[1] != 1:
        return word
    return min(word, tuple(_transposed(letter) for letter in reversed(word)), key=str)


def _necklace(word: Word) -> Word:
    turns = [w[i:] + w[:i] for w in (word, word[::-1]) for i in range(len(word))]
    return min(turns, key=str)

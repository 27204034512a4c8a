r"""Gaussian expectations by pairing (Isserlis, Wick), with symbolic dimension and sample size.

Rows of X are N(0, Sigma), so Cov(X_ka, X_lb) = [k = l] Sigma_ab. In a word A0 S A1 S ... Ak with S = X'X/n
each S is two entries of X that share a sample and face one feature index each. A pairing of all entries joins
features through Sigma, which leaves one open chain of matrices and some closed ones (traces), and joins
samples in loops, each worth n.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

import sympy as sp

from landscape.symbolic.typing import Expr

T = TypeVar("T")
Entry: TypeAlias = tuple[int, int]
"""An entry of X: which S it belongs to, and on which side."""


def pairings(items: Sequence[T]) -> Iterator[list[tuple[T, T]]]:
    """Yield all ways to pair up the items."""
    if not items:
        yield []
        return
    first, *rest = items
    for position, partner in enumerate(rest):
        for others in pairings([*rest[:position], *rest[position + 1 :]]):
            yield [(first, partner), *others]


def expected_word(constants: Sequence[Expr], n: Expr, covariance: Expr) -> Expr:
    r"""Compute E[A0 S A1 S ... S Ak] as a SymPy matrix expression, for symmetric constants A.

    Parameters
    ----------
    constants : list of sympy matrix expressions
        A0 to Ak: one more than there are S.
    n : sympy expression
        Samples behind S = X'X/n.
    covariance : MatrixSymbol
        Sigma, of symbolic size.

    Returns
    -------
    sympy matrix expression
    """
    order = len(constants) - 1
    total = []
    for pairing in pairings([(k, side) for k in range(order) for side in (0, 1)]):
        partner = dict(pairing) | {b: a for a, b in pairing}
        power = _loops(order, partner)
        chain, seen = _walk(constants, partner, covariance, (-1, 1), order)
        scalar = n ** (power - order)
        for start in range(1, order):  # the constants not reached lie on closed chains
            if start not in seen:
                loop, visited = _walk(constants, partner, covariance, (start - 1, 1), order)
                seen |= visited
                scalar *= sp.Trace(sp.MatMul(*loop).doit())
        total.append(sp.MatMul(scalar, *chain).doit())
    return sp.MatAdd(*total).doit()


def _walk(
    constants: Sequence[Expr], partner: Mapping[Entry, Entry], covariance: Expr, leaving: Entry, order: int
) -> tuple[list[Expr], set[int]]:
    """Follow constants and pairs from the right-hand side of the S before a constant; what was met."""
    chain: list[Expr] = []
    seen: set[int] = set()
    k, side = leaving
    while True:
        index = k + side  # constant next to this side of S_k: A_k on the left (0), A_{k+1} on the right (1)
        if index in seen:
            break
        chain.append(constants[index])
        seen.add(index)
        far = (index, 0) if side == 1 else (index - 1, 1)  # the entry of X at the constant's other end
        if not 0 <= far[0] < order:
            break
        chain.append(covariance)
        k, side = partner[far]
    return chain, seen


def _loops(order: int, partner: Mapping[Entry, Entry]) -> int:
    """Number of connected groups of samples."""
    left, count = set(range(order)), 0
    while left:
        count += 1
        front = [left.pop()]
        while front:
            k = front.pop()
            near = {partner[k, side][0] for side in (0, 1)} & left
            left -= near
            front += near
    return count


def isotropic(expression: Expr, covariance: Expr, rho: Expr, d: Expr) -> Expr:
    """Compute a word's expectation at Sigma = rho I, as the number in front of I; the trace of I is d."""
    if isinstance(expression, sp.MatAdd):
        return sp.Add(*(isotropic(term, covariance, rho, d) for term in expression.args))
    if isinstance(expression, sp.MatMul):
        return sp.Mul(*(isotropic(factor, covariance, rho, d) for factor in expression.args))
    if isinstance(expression, sp.MatPow):
        return isotropic(expression.base, covariance, rho, d) ** expression.exp
    if isinstance(expression, sp.Identity):
        return sp.Integer(1)
    if expression == covariance:
        return rho
    if expression.has(sp.Trace):
        return expression.replace(
            lambda e: isinstance(e, sp.Trace), lambda e: d * isotropic(e.arg, covariance, rho, d)
        )
    return expression

r"""Moments of G = X'X with X an n-by-d matrix of standard normal entries, to any order.

By Stein's identity, for powers a_i of traces and a power j,

.. math::
    E[\textstyle\prod_i tr(G^{a_i}) G^j] = (n + j - 1) E[\prod tr\, G^{j-1}]
    + \sum_{l=0}^{j-2} E[\prod tr\; tr(G^{l+1}) G^{j-2-l}]
    + \sum_i 2 a_i E[\prod_{i' \ne i} tr\; G^{j-1+a_i}],

each a multiple of the identity. Whole numbers stay whole, symbols stay symbols.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any


def power_moment(j: int, n: Any, d: Any, traces: Sequence[int] = ()) -> Any:
    """E[tr(G^a1) tr(G^a2) ... G^j], as the multiple of the identity that it is.

    Parameters
    ----------
    j : int
    n, d : int, Fraction or SymPy expression
    traces : sequence of int
        The powers a_i.

    Returns
    -------
    The same kind of number: exact where n and d are.
    """
    return _moment(j, n, d, tuple(sorted(traces)))


def mean_power(j: int, n: Any, d: Any, copies: int = 1) -> Any:
    """E[(G/n)^j] of `copies` times as many rows and columns, as the multiple of the identity that it is."""
    share = Fraction(1, copies * n) if isinstance(n, int) else 1 / (copies * n)
    return power_moment(j, copies * n, copies * d) * share**j


@lru_cache(maxsize=4096, typed=True)
def _moment(j: int, n: Any, d: Any, traces: tuple[int, ...]) -> Any:
    traces = tuple(a for a in traces if a > 0) if 0 in traces else traces
    if j == 0:
        if not traces:
            return 1
        return d * _moment(traces[0], n, d, traces[1:])
    total = (n + j - 1) * _moment(j - 1, n, d, traces)
    for power in range(j - 1):
        total = total + _moment(j - 2 - power, n, d, tuple(sorted((*traces, power + 1))))
    for i, a in enumerate(traces):
        total = total + 2 * a * _moment(j - 1 + a, n, d, traces[:i] + traces[i + 1 :])
    return total.expand() if hasattr(total, "expand") else total


@lru_cache(maxsize=4096, typed=True)
def quartic(a: int, b: int, n: Any, d: Any, outside: bool = False) -> tuple[Any, Any]:
    r"""(x, y) with E[G^a Y G^b] = x Y + y tr(Y) I, or E[tr(Y G^a) G^b] likewise if `outside`.

    Holds for symmetric Y, symmetrised. The two numbers follow from Y = I and, the law of G being
    invariant under rotations, from Y = uu' with E[(u'G^a u)(u'G^b u)] = (E[tr G^a tr G^b] +
    2 E[tr G^{a+b}])/(d (d + 2)).
    """
    both = d * power_moment(a + b, n, d)
    across = d * power_moment(b, n, d, (a,)) if a else d * d * power_moment(b, n, d)
    on_ray = (across + 2 * both) / (d * (d + 2))
    on_identity = (across if outside else both) / d
    if d == 1:
        return on_ray, 0 * on_ray
    y = (on_identity - on_ray) / (d - 1)
    return on_ray - y, y

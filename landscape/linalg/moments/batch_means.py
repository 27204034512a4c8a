r"""Expected products of up to four batch means over the same n draws with replacement from data.

For centred rows y_j and their means over n independent draws, E[yy'] = C/n, E[yyy] = mu_3/n^2 and
E[yyyy] = (mu_4 + (n - 1)(three pairings))/n^3, exactly, whatever the law of the rows.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np

from landscape.core import Array


class Mean:
    """A batch mean of matrices, one a row of the data.

    Parameters
    ----------
    values : ndarray, shape (N, p, q)
    """

    def __init__(self, values: Array) -> None:
        self.centre = values.mean(axis=0)
        self.away = values - self.centre


Factors: TypeAlias = Sequence[Array | Mean]


def expected_product(factors: Factors, n: float) -> Array:
    """E of a product of fixed matrices and of batch means over one batch.

    Parameters
    ----------
    factors : list of ndarray (p, q) or Mean
        In the order of the product; at most four means.
    n : int
        Draws in the batch.

    Returns
    -------
    ndarray
    """
    places = [i for i, factor in enumerate(factors) if isinstance(factor, Mean)]
    if len(places) > 4:
        raise ValueError(f"products of at most 4 batch means are known, got {len(places)}")
    total = _product(factors, {})
    for i, j in combinations(places, 2):
        total = total + _together(factors, [i, j]) / n
    for chosen in combinations(places, 3):
        total = total + _together(factors, list(chosen)) / n**2
    if len(places) == 4:
        a, b, c, d = places
        pairings = (
            _nested(factors, a, b, c, d) + _side_by_side(factors, a, b, c, d) + _crossed(factors, a, b, c, d)
        )
        total = total + (_together(factors, places) + (n - 1) * pairings) / n**3
    return total


def _product(factors: Factors, replaced: Mapping[int, Array]) -> Array:
    """The product with means at their centres, but for those replaced by arrays with a leading axis of rows."""
    out: Any = None
    for i, factor in enumerate(factors):
        value = replaced.get(i, factor.centre if isinstance(factor, Mean) else factor)
        out = value if out is None else out @ value
    return out


def _away(factor: Array | Mean) -> Array:
    """What each row's value is off the mean."""
    assert isinstance(factor, Mean)
    return factor.away


def _together(factors: Factors, places: Sequence[int]) -> Array:
    """Mean over rows of the product with the factors at `places` at the same row."""
    return _product(factors, {i: _away(factors[i]) for i in places}).mean(axis=0)


def _side_by_side(factors: Factors, a: int, b: int, c: int, d: int) -> Array:
    """Pairs (a, b) and (c, d): the product of two means over rows."""
    left = _product(factors[: b + 1], {a: _away(factors[a]), b: _away(factors[b])}).mean(axis=0)
    right = _product(factors[b + 1 :], {c - b - 1: _away(factors[c]), d - b - 1: _away(factors[d])}).mean(
        axis=0
    )
    return left @ right


def _nested(factors: Factors, a: int, b: int, c: int, d: int) -> Array:
    """Pairs (b, c) within (a, d)."""
    inner = _product(factors[a + 1 : d], {b - a - 1: _away(factors[b]), c - a - 1: _away(factors[c])}).mean(
        axis=0
    )
    return _product(
        [*factors[: a + 1], inner, *factors[d:]], {a: _away(factors[a]), a + 2: _away(factors[d])}
    ).mean(axis=0)


def _crossed(factors: Factors, a: int, b: int, c: int, d: int) -> Array:
    """Pairs (a, c) and (b, d), by the fourth-order tensors of each."""
    first = _product(factors[: a + 1], {a: _away(factors[a])})  # everything up to a, (N, p, q)
    second = _product(factors[a + 1 : b + 1], {b - a - 1: _away(factors[b])})
    third = _product(factors[b + 1 : c + 1], {c - b - 1: _away(factors[c])})
    fourth = _product(factors[c + 1 :], {d - c - 1: _away(factors[d])})
    N = len(first)
    outer = np.tensordot(first, third, axes=(0, 0)) / N  # (p, q, r, s)
    inner = np.tensordot(second, fourth, axes=(0, 0)) / N  # (q, r, s, t)
    return np.tensordot(outer, inner, axes=([1, 2, 3], [0, 1, 2]))

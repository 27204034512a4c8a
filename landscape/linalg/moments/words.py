r"""E[tr(W_1) ... A0 S A1 S ... S Ak] for S = X'X/n, X with n rows N(0, Sigma), by Gaussian pairings.

Each S is a sum of x x' over samples. By Isserlis' theorem the expectation is a sum over all ways to pair
the 2k legs of the k factors: a pair contributes Sigma and makes its two factors share their sample, so a
pairing counts n to the number of groups of factors, over n^k. Following the pairs through the word
gives a chain from its left end to its right end, and closed loops, which are traces.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from landscape.core import Array

Path: TypeAlias = tuple[tuple[int, bool], ...]
"""Links of a chain or a loop, and whether each is walked forward."""

MAX_ORDER = 6  # 10,395 pairings


def expected_word(
    word: Sequence[Array],
    Sigma: Array,
    n: float,
    traces: Sequence[Sequence[Array]] = (),
    copies: float = 1.0,
) -> Array:
    """Expectation of a word in S, times traces of other words.

    Parameters
    ----------
    word : sequence of ndarray, shape (d, d)
        A0, ..., Ak of A0 S A1 S ... S Ak; a single matrix has no S.
    Sigma : ndarray, shape (d, d)
    n : float
        Number of samples; ``inf`` gives S = Sigma.
    traces : sequence of sequences of ndarray
        Each (B1, ..., Bj) stands for tr(B1 S B2 S ... Bj S).
    copies : float
        How many copies of each coordinate there are, and times as many samples: a loop then counts so many times. Without
        traces; at inf the pairings that cross are left out.

    Returns
    -------
    ndarray, shape (d, d)

    Raises
    ------
    ValueError
        If there are more than 6 factors S in all.
    """
    orders = (len(word) - 1, *(len(trace) for trace in traces))
    if sum(orders) > MAX_ORDER:
        raise ValueError(
            f"moments of order {sum(orders)} are beyond the {MAX_ORDER} that pairings can sum: take fewer steps"
        )
    # One list of links: link i leads from the right leg of its factor to the left leg of the next one.
    inner = list(word[1:-1]) + [link for trace in traces for link in trace]
    first, last = word[0], word[-1]
    if sum(orders) == 0:
        return first
    products: dict[Any, Any] = {}
    total: Any = 0
    for power, chain, loops, count in _pairings(orders):
        value = count * float(n) ** -power if power else float(count)
        value = value * copies ** (len(loops) - power)
        if value == 0:
            continue
        for loop in loops:
            value = value * _loop(loop, inner, Sigma, products)
        total = total + value * _chain(chain, inner, Sigma, products)
    if orders[0] == 0:
        return total * first
    return first @ total @ last


def _step(link: tuple[int, bool], inner: list[Array]) -> Array:
    index, forward = link
    return inner[index] if forward else inner[index].T


def _chain(chain: Path | None, inner: list[Array], Sigma: Array, products: dict[Any, Any]) -> Any:
    """Sigma A Sigma A' ... Sigma along a chain; prefixes are shared between pairings."""
    if chain is None:
        return 1.0
    if chain not in products:
        if not chain:
            products[chain] = Sigma
        else:
            products[chain] = _chain(chain[:-1], inner, Sigma, products) @ (_step(chain[-1], inner) @ Sigma)
    return products[chain]


def _loop(loop: Path, inner: list[Array], Sigma: Array, products: dict[Any, Any]) -> float:
    key = ("loop", loop)
    if key not in products:
        head = _chain(loop[:-1], inner, Sigma, products)
        products[key] = float(np.vdot(head.T, _step(loop[-1], inner)))
    return products[key]


@lru_cache(maxsize=64)
def _pairings(orders: tuple[int, ...]) -> list[tuple[int, Path | None, tuple[Path, ...], int]]:
    """(k - groups, chain, loops, how often) of all pairings of the word and its traces.

    A chain or loop is a tuple of (link, whether it is walked forward).
    """
    k = sum(orders)
    start = 0
    after: dict[int, tuple[int, int]] = {}  # the link that leaves a right leg, and where it leads
    before: dict[int, tuple[int, int]] = {}  # the link that enters a left leg, and where it comes from
    open_word = orders[0] > 0
    number = 0
    for place, order in enumerate(orders):
        factors = list(range(start, start + order))
        start += order
        if place == 0:
            for left, right in zip(factors, factors[1:], strict=False):
                after[left], before[right] = (number, right), (number, left)
                number += 1
        else:  # tr(B1 S B2 S ... Bj S): link 1 enters the first factor and leaves the last one
            for i, factor in enumerate(factors):
                after[factors[i - 1]], before[factor] = (number, factor), (number, factors[i - 1])
                number += 1
    found: dict[Any, int] = {}
    for pairing in _perfect_matchings(
        tuple(range(2 * k))
    ):  # leg 2i is the left one of factor i, 2i + 1 the right one
        mate = {a: b for pair in pairing for a, b in (pair, pair[::-1])}
        groups = _groups(k, pairing)
        seen: set[int] = set()
        loops: list[Path] = []

        def walk(leg: int, until: int, mate: dict[int, int] = mate, seen: set[int] = seen) -> Path:
            """From a leg across its pair and on along links, until a leg that closes the path."""
            path: list[tuple[int, bool]] = []
            while True:
                other = mate[leg]
                seen.update((leg, other))
                if other == until:
                    return tuple(path)
                factor, right = divmod(other, 2)
                link, target = after[factor] if right else before[factor]
                path.append((link, bool(right)))
                leg = 2 * target if right else 2 * target + 1

        chain = walk(0, 2 * orders[0] - 1) if open_word else None
        for leg in range(2 * k):
            if leg in seen:
                continue
            factor, right = divmod(leg, 2)
            link, target = after[factor] if right else before[factor]
            entry = 2 * target if right else 2 * target + 1
            # walk from the entry of this link all the way round to the leg it left from
            path = walk(entry, leg)
            loops.append((*path, (link, bool(right))))
        key = (k - groups, chain, tuple(sorted(loops)))
        found[key] = found.get(key, 0) + 1
    return [(*key, count) for key, count in found.items()]


def _groups(k: int, pairing: Sequence[tuple[int, int]]) -> int:
    """Number of groups of factors that share their sample."""
    root = list(range(k))

    def find(i: int) -> int:
        while root[i] != i:
            i = root[i]
        return i

    for a, b in pairing:
        root[find(a // 2)] = find(b // 2)
    return sum(find(i) == i for i in range(k))


def _perfect_matchings(legs: tuple[int, ...]) -> Iterator[tuple[tuple[int, int], ...]]:
    if not legs:
        yield ()
        return
    first, rest = legs[0], legs[1:]
    for i, second in enumerate(rest):
        for others in _perfect_matchings(rest[:i] + rest[i + 1 :]):
            yield ((first, second), *others)

"""Quadrature over the lengths of normal vectors, with so many nodes that the laws given a length are resolved."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from landscape.core import Array

FEW, BROAD, SHARP, MOST = 20, 100, 400, 1500
"""Nodes of a Gauss rule where the law given a node is broad; the most there may be of each of two variables;
where one coordinate of the law is narrow, as without label noise; and where the whole of it is."""

UNRESOLVED = 1e-3
"""Share of the nodes, by weight, that need not be resolved: near q = 0 none ever is."""

MANY = 100
"""Order of a Bessel function from which its expansion for large orders serves: to some 1e-6."""

NEAR = 30.0
"""Argument up to which 0F1 is taken as it is: far beyond it overflows, and SciPy divides by 0 in two dimensions."""

Rule: TypeAlias = Callable[[int], tuple[Array, Array]]
"""n -> n nodes and weights, which sum to 1, of a distribution."""


def resolved_steps(
    m: float, laws: Callable[[Array], tuple[Array, Array]], multiplicity: Array, sharp: int
) -> tuple[Array, Array] | None:
    """Take so many values of r = sqrt(q), q ~ chi^2_m, that they resolve the laws given r; None where they cannot."""
    rule = chi_rule(m)
    nodes, weights = rule(FEW)
    variances, squares = laws(nodes)
    whole = needed_nodes(weights, *_moments(variances, squares, multiplicity))
    if whole > MOST:
        return None
    entries = zip(squares.T, variances.T, multiplicity, strict=True)
    each = max(needed_nodes(weights, square, 2 * k * s**2 + 4 * square * s) for square, s, k in entries)
    return rule(max(FEW, whole, min(sharp, each)))


def needed_nodes(weights: Array, mean: Array, variance: Array) -> int:
    """Count the nodes between which a law moves by less than its own width, judging by `FEW` of them."""
    width = np.sqrt(np.minimum(variance[1:], variance[:-1]))
    gap = np.abs(np.diff(mean))
    ratio = np.divide(gap, width, out=np.where(gap > 0, np.inf, 0.0), where=width > 0)
    order = np.argsort(ratio)
    below = np.cumsum((weights[1:] + weights[:-1])[order] / 2)
    largest = ratio[order][min(np.searchsorted(below, (1 - UNRESOLVED) * below[-1]), len(ratio) - 1)]
    return int(np.ceil(min(FEW * largest, MOST + 1)))


def _moments(variances: Array, squares: Array, multiplicity: Array) -> tuple[Array, Array]:
    """Mean and variance of sums of squares, shape (laws,)."""
    mean = squares.sum(axis=-1) + variances @ multiplicity
    return mean, 2 * variances**2 @ multiplicity + 4 * np.sum(squares * variances, axis=-1)


def chi_rule(d: float, centre: float = 0.0, scale: float = 1.0) -> Rule:
    """Make quadrature rules for |N(centre, scale^2 I)| in d dimensions (chi with d degrees of freedom for centre 0)."""
    from scipy.special import xlogy  # optional here: importing it takes 0.1 s

    half = scale * (5.5 + 2 / np.sqrt(d) if not centre else 7.5)  # for large d chi has variance 1/2
    middle = np.sqrt(centre**2 + scale**2 * d)

    def grid(n: int) -> tuple[Array, Array]:
        panels = max(1, -(-n // FEW))
        x, w = np.polynomial.legendre.leggauss(FEW)
        edges = np.linspace(max(0.0, middle - half), middle + half, panels + 1)
        R = (edges[:-1, None] + np.diff(edges)[:, None] * (x + 1) / 2).ravel()
        log_density = xlogy(d - 1, R / scale) - (R**2 + centre**2) / (2 * scale**2)
        log_density += _log_0f1(d / 2, R * centre / scale**2)
        weights = np.tile(w, panels) * np.exp(log_density - log_density.max())
        return R, weights / weights.sum()

    return lambda n: _gauss(*grid(20 * FEW), n) if n <= 2 * FEW else grid(n)


def _log_0f1(b: float, x: Array) -> Array:
    """Compute log 0F1(; b; x^2/4) up to a constant; for many dimensions by Debye's expansion."""
    from scipy.special import gammaln, hyp0f1, ive, xlogy  # optional here: importing it takes 0.1 s

    order = b - 1
    if order > MANY:
        root = np.hypot(1.0, x / order)
        first = (3 / root - 5 / root**3) / (24 * order)
        return order * (root - np.log1p(root)) - np.log(root) / 2 + np.log1p(first)
    with np.errstate(divide="ignore", invalid="ignore"):
        bessel = gammaln(b) - xlogy(order, x / 2) + np.log(ive(order, x)) + x
    return np.where(x <= NEAR, np.log(hyp0f1(b, np.minimum(x, NEAR) ** 2 / 4)), bessel)


def _gauss(x: Array, w: Array, n: int) -> tuple[Array, Array]:
    """Compute the Gauss rule of n nodes for a measure given by many, by Lanczos's recursion."""
    before, now = np.zeros_like(x), np.sqrt(w)
    diagonal, beside = np.zeros(n), np.zeros(n)
    for k in range(n):
        diagonal[k] = now @ (x * now)
        rest = (x - diagonal[k]) * now - (beside[k - 1] * before if k else 0.0)
        beside[k] = np.linalg.norm(rest)
        before, now = now, rest / beside[k]
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1))
    return nodes, vectors[0] ** 2

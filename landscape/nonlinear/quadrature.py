r"""Integrals of functions of one or two normal variables, fast and with a stated error.

Two routes. In one dimension the trapezoid rule: for a function that is analytic in a strip around the real
line its error falls exponentially with the number of nodes. In two dimensions Mehler's series,

.. math:: E[\phi(X)\psi(Y)] = \sum_n c_n(\phi)\, c_n(\psi)\, r^n, \qquad c_n(\phi) = E[\phi(Z)\, he_n(Z)],

for standard normals of correlation r and normalised Hermite polynomials :math:`he_n = He_n/\sqrt{n!}`. The
coefficients are one-dimensional integrals, so a million pairs cost a million short sums. What the series
leaves out is at most :math:`|r|^N (\sum_{n \ge N} c_n(\phi)^2 \sum_{n \ge N} c_n(\psi)^2)^{1/2}` (Cauchy and
Schwarz).

`plane_expectation` is the slow, obvious route for two variables: a trapezoid rule on the plane.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from landscape.core import Array, Scalar
from landscape.nonlinear.activations import Jet

NATS = 33.0
"""exp(-33) = 5e-15: digits to which the trapezoid sums are set up."""
EDGE = 12.0
"""Nodes lie in [-EDGE, EDGE]: beyond it exp(-z^2/4) he_n(z) has no digit left."""
FAR, FARTHEST = 24.0, 100.0
"""Reaches: beyond the first, tails fall too slowly to follow; beyond the second, nothing is computed."""
MOST_TERMS, MOST_TERMS_FAR = 2048, 512
"""Terms of a series up to the reach FAR, and beyond it."""
TOLERANCE = 1e-12
"""What a series may leave out; activations are of order 1."""
ONE_THREAD = 1 << 18
"""Multiplications in a product of matrices up to which BLAS (OpenBLAS) starts no threads of its own."""


class Rule:
    r"""Nodes and weights for E[phi(Z)], and the normalised Hermite polynomials at the nodes.

    Parameters
    ----------
    strip : float
        Distance of phi's nearest singularity from the real line.
    terms : int
        Number N of Hermite coefficients.

    Attributes
    ----------
    nodes, weights : array, shape (n,)
    projector : array, shape (N, n)
        ``projector @ phi(nodes)`` are the coefficients.

    Notes
    -----
    A step h leaves an error of about exp(-2 pi delta/h + delta sqrt(N) + delta^2/2) for a strip of half-width
    delta: the integrand's growth off the real line is that of exp(-z^2/2) he_N(z).
    """

    def __init__(self, strip: float, terms: int) -> None:
        delta = min(strip, np.sqrt(2 * NATS))
        frequency = np.sqrt(terms) + NATS / delta + delta / 2
        half = int(np.ceil(EDGE * frequency / (2 * np.pi)))
        self.nodes = np.linspace(-EDGE, EDGE, 2 * half + 1)
        density = np.exp(-(self.nodes**2) / 2) / np.sqrt(2 * np.pi)
        self.weights = density * (EDGE / half)
        self.projector = np.empty((terms, len(self.nodes)))
        last, now = np.zeros_like(self.nodes), self.weights
        for n in range(terms):
            self.projector[n] = now
            last, now = now, (self.nodes * now - np.sqrt(n) * last) / np.sqrt(n + 1)

    def expect(self, values: Array) -> Array:
        """Compute E[phi(Z)] from values (..., n, points) at the nodes: (..., points)."""
        return self.weights @ values

    def coefficients(self, values: Array) -> Array:
        """Compute the Hermite coefficients (..., N, points) from values (..., n, points).

        A few points at a time where that keeps BLAS to one thread: its threads wait for one another longer
        than they work.
        """
        columns = ONE_THREAD // self.projector.size
        if not 8 <= columns < values.shape[-1]:
            return self.projector @ values
        starts = range(0, values.shape[-1], columns)
        return np.concatenate([self.projector @ values[..., i : i + columns] for i in starts], axis=-1)


@lru_cache(maxsize=16)
def rule(strip: float, terms: int = 1) -> Rule:
    """Return the `Rule`, made once."""
    return Rule(strip, terms)


class Series:
    """A rule whose Mehler sums are good to `TOLERANCE` for the jet of a function at arguments up to a reach.

    Attributes
    ----------
    rule : Rule
    tail : float
        Bound of what the series leaves out at correlation 1.
    """

    def __init__(self, jet: Jet, strip: float, reach: float, order: int) -> None:
        terms, most = 64, MOST_TERMS if reach <= FAR else MOST_TERMS_FAR
        while True:
            wide = rule(strip / reach, terms)
            left_out = _left_out(wide, jet, reach, order)
            enough = np.flatnonzero(left_out <= TOLERANCE)
            if len(enough) or terms >= most:
                break
            terms *= 2
        kept = max(int(enough[0]), 8) if len(enough) else terms - 1
        self.rule = rule(strip / reach, kept)
        self.tail = float(left_out[kept])
        if not len(enough):  # a shorter vector, less steep but with more to it, may leave out more
            shorter = (float(_left_out(wide, jet, reach / k, order)[kept]) for k in (1.5, 2, 3, 4, 6))
            self.tail = max(self.tail, *shorter)


def _left_out(wide: Rule, jet: Jet, a: float, order: int) -> Array:
    """What series of n = 0, 1, ... terms leave out at most, for pairs of derivatives i + j = order at aZ."""
    values = jet(a * wide.nodes, order)
    energy = wide.coefficients(values[..., None])[..., 0] ** 2  # (order + 1, terms)
    rest = np.maximum(wide.expect(values[..., None] ** 2)[..., 0] - energy.sum(axis=1), 0)
    rest[rest < 1e-15 * energy.sum(axis=1)] = 0  # rounding
    tails = np.cumsum(energy[:, ::-1], axis=1)[:, ::-1] + rest[:, None]
    return np.sqrt(tails * tails[::-1]).max(axis=0)


@lru_cache(maxsize=64)
def _series(jet: Jet, strip: float, step: int, order: int) -> Series:
    return Series(jet, strip, 1.25**step, order)


def series(jet: Jet, strip: float, reach: float, order: int) -> Series:
    """Return the `Series` for arguments up to `reach`, rounded up to a ladder so that few are ever built.

    Parameters
    ----------
    jet : callable
        Derivatives of a function; see `Jet`.
    strip : float
        Distance of the function's nearest singularity from the real line.
    reach : float
        Largest factor a in phi(aZ).
    order : int
        How many derivatives.

    Raises
    ------
    ValueError
        Beyond a reach of 100.
    """
    if np.isinf(strip):  # a polynomial: its series ends
        reach = 1.0
    if reach > FARTHEST:
        raise ValueError(
            f"a vector w is too long: sqrt(w' Sigma w) = {reach:.3g}, and integrals are kept up to "
            f"{FARTHEST:g}; give smaller weights, or a smaller alpha if a step led there"
        )
    return _series(jet, strip, int(ladder_step(reach)), order)


def ladder_step(reach: Scalar) -> Array:
    """Compute a reach's step on the ladder 1.25^k; what stands on one step is computed by one series."""
    return np.ceil(np.log(np.maximum(reach, 0.25)) / np.log(1.25) - 1e-9)


def mehler(left: Array, right: Array, r: Scalar) -> Array:
    """Compute the sum of left_n right_n r^n over n, the first axis; all three broadcast."""
    shape = np.broadcast_shapes(left.shape[1:], right.shape[1:], np.shape(r))
    if np.prod(shape, dtype=int) < 64:  # few points: all powers at once
        powers = np.power(r, np.arange(len(left)).reshape(-1, *[1] * np.ndim(r)))
        left, right, powers = (
            x.reshape(len(x), *[1] * (len(shape) + 1 - x.ndim), *x.shape[1:]) for x in (left, right, powers)
        )
        return (left * right * powers).sum(axis=0)
    total = np.zeros(shape)
    for a, b in zip(left[::-1], right[::-1], strict=True):  # Horner's rule
        total *= r
        total += a * b
    return total


def plane_expectation(
    function: Callable[[Array, Array], Array], r: float, strip: float, nodes: int | None = None
) -> Array:
    """Compute E[f(X, Y)] for standard normals of correlation r, by the trapezoid rule on the plane.

    Parameters
    ----------
    function : callable
        Of two arrays of one shape; may return further leading axes.
    r : float
        Correlation, in [-1, 1].
    strip : float
        Distance of the function's nearest singularity from the real line, in either variable.
    nodes : int, optional
        Nodes an axis, instead of as many as full accuracy asks for.
    """
    if nodes is None:
        line = rule(strip / 1.5)  # a product of derivatives has poles of high order
        z, weights = line.nodes, line.weights
    else:
        z = np.linspace(-9, 9, nodes)
        weights = np.exp(-(z**2) / 2) * (z[1] - z[0]) / np.sqrt(2 * np.pi)
    keep = weights > 1e-20
    z, weights = z[keep], weights[keep]
    u, v = np.sqrt((1 + r) / 2) * z[:, None], np.sqrt((1 - r) / 2) * z
    return np.tensordot(function(u + v, u - v), np.outer(weights, weights), 2)

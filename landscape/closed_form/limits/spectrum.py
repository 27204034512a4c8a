"""Spectra of input covariances: given as numbers, as a matrix, or by a law."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from landscape.core import checks
from landscape.core.domains import count, positive
from landscape.core.parameters import Record, record
from landscape.core.tolerances import SINGULAR
from landscape.core.typing import Array
from landscape.linalg.moments.isotropic import mean_power

NODES = 200
"""Of an integral over (0, 1): by tanh-sinh quadrature, 15 digits also where a quantile function grows as u^(-1/2) at an end."""

AS_GOOD = 1e-8
"""Half as many nodes must give the same to this accuracy."""

RARE, MOST_RARE = 1e-8, 0.2
"""A law whose largest eigenvalues, so rare, make up a larger share of its mean has none, or as good as none: of tails
:math:`\\lambda^{-a}` those with a below 1.1."""

LISTED, LEAST_EXPONENT, MOST_EXPONENT = 1000, 1.1, 40.0
"""Eigenvalues of a power law that are listed; the others are an integral, which nearly diverges below the least exponent, and is
nothing beyond the most."""


@record
class Spectrum(Record):
    r"""Eigenvalues of an input covariance, and of how many coordinates each is: `counts` need not be whole.

    Sums over coordinates become :math:`\sum_j n_j f(\lambda_j)`, which is also what integrals over a law are.

    Parameters
    ----------
    eigenvalues : array, shape (k,)
    counts : array, shape (k,), optional
        One of each by default.

    Raises
    ------
    ValueError
        If an eigenvalue or a count is negative or not finite, or all counts are 0.

    Examples
    --------
    >>> Spectrum([1.0, 0.5], [10, 20]).sum(lambda lam: lam)
    20.0
    >>> round(Spectrum.of_law(lambda u: -np.log(1 - u), d=50).sum(lambda lam: lam), 6)  # exponential
    50.0
    >>> round(Spectrum.power_law(2.0).sum(lambda lam: lam), 6)  # pi^2/6
    1.644934
    """

    eigenvalues: Array
    counts: Any = None

    def __post_init__(self) -> None:
        values = checks.vector("eigenvalues", self.eigenvalues)
        counts = np.ones(len(values)) if self.counts is None else checks.vector("counts", self.counts)
        if counts.shape != values.shape:
            raise ValueError(f"counts must have an entry an eigenvalue, got {len(counts)} for {len(values)}")
        for name, array in (("eigenvalues", values), ("counts", counts)):
            if np.any(array < 0):
                raise ValueError(f"{name} must not be negative, got {array.min():g}")
        if not np.any(counts > 0):
            raise ValueError("counts must be above 0 for some eigenvalue: a spectrum has a coordinate")
        self._set(eigenvalues=values, counts=counts)
        super().__post_init__()

    @classmethod
    def of(cls, covariance: Any) -> Spectrum:
        """Take a spectrum as it is, eigenvalues (d,) of one coordinate each, or those of a covariance matrix (d, d)."""
        if isinstance(covariance, Spectrum):
            return covariance
        values = np.atleast_1d(checks.positive_semidefinite("covariance", covariance))
        return cls(values if values.ndim == 1 else eigenvalues(values))

    @classmethod
    def of_law(cls, quantile: Callable[[Array], Any], d: float) -> Spectrum:
        """Make the spectrum of d coordinates of a law, given by its quantile function on (0, 1).

        Parameters
        ----------
        quantile : callable
            u (n,) -> eigenvalues (n,); for example the ``ppf`` of a law of scipy.stats.
        d : float
            Coordinates.

        Raises
        ------
        ValueError
            If the quantile function jumps (give its steps as `eigenvalues` and `counts` then), or its law has no finite mean.
        """
        d = positive.check("d", d)
        t, h = np.linspace(-3.15, 3.15, 2 * NODES + 1, retstep=True)
        u = 1 / (1 + np.exp(-np.pi * np.sinh(t)))
        weights = h * np.pi * np.cosh(t) * u * (1 - u)
        values = np.broadcast_to(np.asarray(quantile(u), dtype=float), u.shape)
        size = values[NODES] or 1.0  # the median
        fine, coarse = (np.sum(k * weights[::k] * size / (size + values[::k])) for k in (1, 2))
        if not abs(fine - coarse) < AS_GOOD:
            raise ValueError(
                "quantile must be a smooth function of (0, 1): give eigenvalues and counts of a law with steps"
            )
        found = cls(values, d * weights / weights.sum())
        rare = found.counts * values * (u > 1 - RARE)
        if not rare.sum() < MOST_RARE * found.sum(lambda lam: lam):
            raise ValueError(
                f"quantile must have a finite mean, and of its eigenvalues the largest {RARE:g} make {rare.sum() / (found.counts @ values):.0%} of "
                "it: give a bounded law, or eigenvalues and counts"
            )
        return found

    @classmethod
    def marchenko_pastur(cls, d: float, n: float) -> Spectrum:
        """Make the spectrum of the sample covariance of n samples in d isotropic dimensions, in the limit of both."""
        ratio = positive.check("d", d) / positive.check("n", n)
        low, high = (1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2
        angle = (np.arange(4 * NODES) + 0.5) * np.pi / (4 * NODES)
        values = (low + high) / 2 - (high - low) / 2 * np.cos(angle)
        share = ((high - low) / 2 * np.sin(angle)) ** 2 / (8 * NODES * ratio * values)
        none = max(1 - 1 / ratio, 0.0)
        share = share * (1 - none) / share.sum()
        return cls(np.append(values, 0.0), d * np.append(share, none))

    @classmethod
    def sample_covariance(cls, d: int, n: float, nodes: int) -> Spectrum:
        """Make that of n normal samples in d isotropic dimensions, its mean over samples, by Gauss's rule for all but zeros.

        Sums of polynomials of a degree below twice the nodes are exact.
        """
        return _by_gauss(int(d), n if np.isinf(n) else int(n), nodes)

    @classmethod
    def power_law(cls, exponent: float, d: float = np.inf) -> Spectrum:
        r"""Make the spectrum :math:`\lambda_j = j^{-a}`, j = 1 to d; of infinitely many coordinates for exponents from 1.1 to 40."""
        exponent = positive.check("exponent", exponent)
        if np.isfinite(d):
            return cls(np.arange(1.0, count.check("d", d) + 1) ** -exponent)
        if not LEAST_EXPONENT <= exponent <= MOST_EXPONENT:
            bound = (
                f"at least {LEAST_EXPONENT}" if exponent < LEAST_EXPONENT else f"at most {MOST_EXPONENT:g}"
            )
            raise ValueError(f"exponent must be {bound} where d = inf, got {exponent:g}: give d")
        # The sum from there on is an integral over j = first u^(-1/(a - 1)), whose integrand in u is smooth down to 0.
        first, power = LISTED + 0.5, 1 / (exponent - 1)
        nodes, weights = np.polynomial.legendre.leggauss(NODES // 4)
        u = (nodes + 1) / 2
        listed = np.arange(1.0, LISTED + 1)
        j = np.concatenate([listed, first * u**-power])
        return cls(
            j**-exponent, np.concatenate([np.ones(LISTED), weights / 2 * first * power * u ** (-power - 1)])
        )

    def sum(self, f: Callable[[Array], Array]) -> float:
        """Sum a function of the eigenvalues over all coordinates."""
        return float(self.counts @ f(self.eigenvalues))


@lru_cache(maxsize=256)
def _by_gauss(d: int, n: float, nodes: int) -> Spectrum:
    """Nodes and weights that have the moments of the eigenvalues, by Chebyshev's algorithm in whole fractions."""
    if np.isinf(n):
        return Spectrum(np.ones(1), np.full(1, float(d)))
    many = min(d, int(n))
    now = [Fraction(many, d), *(Fraction(mean_power(j, n, d)) for j in range(1, 2 * nodes))]
    before, middle, off = [Fraction(0)] * (2 * nodes), [now[1] / now[0]], [Fraction(0)]
    for i in range(1, nodes):
        after = [Fraction(0)] * (2 * nodes)
        for k in range(i, 2 * nodes - i):
            after[k] = now[k + 1] - middle[-1] * now[k] - off[-1] * before[k]
        middle.append(after[i + 1] / after[i] - now[i] / now[i - 1])
        off.append(after[i] / now[i - 1])
        before, now = now, after
    beside = np.sqrt(np.array(off[1:], dtype=float))
    s, vectors = np.linalg.eigh(
        np.diag(np.array(middle, dtype=float)) + np.diag(beside, 1) + np.diag(beside, -1)
    )
    return Spectrum(np.append(s, 0.0), np.append(many * vectors[0] ** 2, float(d - many)))


def eigenvalues(A: Array) -> Array:
    """Compute those of a positive semidefinite matrix (d, d), ascending: exactly 0 for what rounding leaves of a singular one.

    As many are 0 as are rounding where all variances are 1, so that units of coordinates do not matter.
    """
    size = np.sqrt(np.diagonal(A))
    scale = np.divide(1.0, size, out=np.zeros(size.shape), where=size > 0)
    is_rounding = np.linalg.eigvalsh(scale[:, None] * A * scale) <= SINGULAR * len(A)
    return np.where(is_rounding, 0.0, np.linalg.eigvalsh(A).clip(0.0))

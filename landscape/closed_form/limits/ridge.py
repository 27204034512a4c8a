r"""Ridge regression in the limit of large problems: its deterministic equivalent, with derivatives.

With rows :math:`x \sim N(0, \Sigma)`, :math:`\lambda_j` the eigenvalues of :math:`\Sigma`, :math:`D_j` the variance of the
distance :math:`w - w_i` along each, and strength g, let

.. math::
    g = \kappa \Bigl(1 - \tfrac1m \sum_j \tfrac{\lambda_j}{\lambda_j + \kappa}\Bigr), \quad
    x_j = \tfrac{\lambda_j}{\lambda_j + \kappa}, \quad c_k = \tfrac1m \sum_j x_j^k.

Then the risk tends to

.. math:: \tfrac12 \frac{\sum_j D_j \lambda_j (1 - x_j)^2 + \sigma^2}{1 - c_2},

and from :math:`\partial g/\partial\kappa = 1 - c_2`, :math:`\partial g/\partial m = \kappa c_1/m` follow its derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.closed_form.limits.spectrum import Spectrum, eigenvalues
from landscape.core import checks, warn
from landscape.core.domains import nonnegative, positive
from landscape.core.parameters import record
from landscape.core.results import Result
from landscape.core.typing import Array
from landscape.linalg.moments.resolvent import learned, ridge_limit

FAR = 0.05
"""A limit that misses the risk by a larger share is no answer for the problem at hand."""


@record
class DeterministicEquivalent(Result):
    r"""Ridge regression on m samples of a large problem.

    Parameters
    ----------
    m, penalty : float
    kappa : float
        The strength at which infinitely many samples would leave as much of each direction.
    degrees_of_freedom : float
        :math:`\sum_j \lambda_j/(\lambda_j + \kappa)`, how many directions are learned.
    total : float
        Risk in the limit, with the noise.
    corrected : float
        The same with its first correction in 1/m: of the problem at hand.
    by_m, by_penalty : float
        Derivatives of the total.
    """

    m: float
    penalty: float
    kappa: float
    degrees_of_freedom: float
    total: float
    corrected: float
    by_m: float
    by_penalty: float

    def headline(self) -> str:
        """Say the risk, and as what the samples act."""
        return (
            f"risk {self.total:.4g} in the limit of large problems, {self.corrected:.4g} with its first correction: "
            f"{self.m:g} samples learn {self.degrees_of_freedom:.3g} directions"
        )

    def columns(self) -> Mapping[str, Any]:
        """Give one row."""
        return {name: [value] for name, value in vars(self).items()}


def deterministic_equivalent(
    covariance: Spectrum | float | Array,
    m: float,
    penalty: float | None = None,
    *,
    spread: float | Array | Callable[[Array], Any] = 1.0,
    noise: float = 0.0,
) -> DeterministicEquivalent:
    r"""Compute the risk of ridge regression towards the start on m samples in the limit of large problems.

    Parameters
    ----------
    covariance : Spectrum, array (d,) or (d, d)
        Of normal inputs.
    m : float
        Samples.
    penalty : float, optional
        g of :math:`\tfrac g2 \|v - w\|^2` beside the mean loss; at 0 the solution of least norm, from d samples on the
        task's own shots. By default the best one, as `MixedModel` has it: :math:`\tfrac{\sigma^2}{2m}
        (v - w)^\top D^{-1} (v - w)`, for which the total is the Bayes risk, :math:`m\kappa/2`.
    spread : float, array (k,) or (d, d), or callable
        D, the covariance of the distances from the start to the optima: its entries along the eigenvectors, a matrix beside a
        covariance matrix, or a function of the eigenvalues.
    noise : float
        Variance of the label noise.

    Returns
    -------
    DeterministicEquivalent

    Raises
    ------
    ValueError
        If an argument is out of its domain, or the risk as good as infinite: with d samples and next to no penalty.

    Warns
    -----
    LandscapeWarning
        If the risk is some 5% or more from the limit: few dimensions, or about as many samples as dimensions. Not for spectra
        given by a law.

    See Also
    --------
    limit : The same for an environment and any adaptation, beside the risk at hand.

    Notes
    -----
    Of eigenvalues 1/j and noise 0.3 the limit is up to 6, 4, 2 and 1% below drawn risks at d = 5, 10, 20 and 40, worst at m = d; with
    the correction it is within 1.4, 0.6, 0.3 and 0.2% (tests/benchmarks/test_limit_speed.py).

    Examples
    --------
    >>> from landscape import Spectrum
    >>> deterministic_equivalent([1.0] * 40, m=80, penalty=0.1, spread=1 / 40, noise=0.1)
    <risk 0.09571 in the limit of large problems, 0.09652 with its first correction: 80 samples learn 34.1 directions>
    >>> found = deterministic_equivalent(Spectrum.power_law(1.5), m=100, noise=0.1)  # infinitely many directions
    >>> round(found.total, 4), round(found.by_m, 6)
    (0.2575, -0.00093)
    """
    m, noise = positive.check("m", m), nonnegative.check("noise", noise)
    lam, counts, D = _in_eigenvectors(covariance, spread)
    if penalty is None:  # ridge regression as the prior sees it, and no direction is further than another
        penalty, lam, D = noise / m, _seen_through(D, lam), np.ones(len(lam))
    elif D.ndim == 2:
        D = np.diagonal(D)
    g = nonnegative.check("penalty", penalty)
    keep = lam > 0
    keep[
        0
    ] |= not keep.any()  # where nothing can be learned the noise is left, and a direction of which that holds
    lam, counts, D = lam[keep], counts[keep], D[keep]
    here = ridge_limit(lam, counts, g, m)
    limit = replace(here, m=np.asarray(np.inf))
    size = counts * D * lam
    both = np.append(lam, 0.0)
    total, exact = (np.append(size, noise) @ found.share(both) / 2 for found in (limit, here))
    missed = (
        noise / 2 * float(here.edge + 1 - here.share(both)[-1])
    )  # by samples that hardly determine a direction
    gap = max(abs(exact - total), exact + missed - total)
    if np.all(counts == 1) and gap > FAR * total:
        off = f"{float(f'{100 * gap / total:.1g}'):g}%"
        cure = "" if missed > FAR * exact else "take .corrected, or "
        warn(
            f"the limit of large problems is off by {off} or more here (few dimensions, or about as many samples as dimensions): "
            f"{cure}draw it by risk(..., draws=)"
        )
    kappa, x, room = float(limit.kappa), learned(lam, limit.kappa), float(1 - limit.c[0])
    fall = np.divide(x, lam + kappa, out=np.zeros(x.shape), where=x > 0)  # -dx/dkappa
    slope = (size @ ((1 - x) * fall) - 2 * total / m * (counts @ (x * fall))) / room  # d total/d kappa
    freedom = float(counts @ x)
    by_m = -(slope * kappa * freedom / m + total * float(limit.c[0])) / (m * room)
    return DeterministicEquivalent(
        float(m), float(g), kappa, freedom, float(total), float(exact), float(by_m), float(slope / room)
    )


def _in_eigenvectors(covariance: Any, spread: Any) -> tuple[Array, Array, Array]:
    """Eigenvalues, counts, and D along the eigenvectors, its entries (k,) or a matrix (k, k)."""
    spectrum = Spectrum.of(covariance)
    lam, counts = spectrum.eigenvalues, spectrum.counts
    if callable(spread):
        spread = spread(lam)
    D = np.asarray(checks.positive_semidefinite("spread", spread))
    if D.ndim and len(D) != len(lam):
        raise ValueError(f"spread must fit the {len(lam)} eigenvalues, got shape {D.shape}")
    if D.ndim == 2 and isinstance(covariance, Spectrum):
        raise ValueError(
            "spread must be a number, a vector or a function where only the spectrum is given, got a matrix"
        )
    if D.ndim == 2 and np.ndim(covariance) == 2:
        vectors = np.linalg.eigh(np.asarray(covariance, dtype=float))[1]
        D = vectors.T @ D @ vectors
    return lam, counts, D if D.ndim else np.full(len(lam), float(D))


def _seen_through(D: Array, lam: Array) -> Array:
    """Eigenvalues of D^1/2 Sigma D^1/2."""
    if D.ndim == 1:
        return D * lam
    root = np.sqrt(lam)
    return eigenvalues(root[:, None] * D * root)

r"""Sums of the tasks' sample Hessians in isotropic worlds: how solutions scatter at any number of tasks.

Training solves :math:`(H + g)(\hat w - \mu) = \sum_i (K_i (w_i - \mu) + b_i) - g\mu`, H the sum of T blocks :math:`K_i` whose laws
do not change when coordinates are turned. In many dimensions they are free of each other: beside one of them the others act as a
number, :math:`E[(H + g)^{-1} | K_i] = (K_i + \omega)^{-1}`, the same for all,

.. math:: T\omega = (T - 1)/q + g, \qquad q = \tfrac1d E\,tr (H + g)^{-1} = \tfrac1d E\,tr (K + \omega)^{-1}.

Either the spectrum of K is known, a, and :math:`\omega = \kappa`; or :math:`K = PX^\top XP` of n outer samples, a is the spectrum of
:math:`\rho P^2`, and ridge regression on rows of that covariance has the deterministic equivalent :math:`\omega = \kappa(n - f)`.
With x = a/(a + kappa), and f and f_2 the sums of x and x^2 over the d coordinates,

.. math::
    g = \omega\frac{d - Tf}{d - f}, \qquad q = \frac{d - f}{d\omega}, \qquad \frac{d\omega}{dg} = 1 + (T - 1)e, \qquad
    -\frac{dq}{dg} = q^2 (1 + Te), \qquad e = \frac{v}{(d - f)^2\, dg/d\kappa},

v being :math:`df_2 - f^2`, or :math:`n(df_2 - f^2) + f(d(f - f_2) - f_2(d - f))`. Variances follow: for a matrix M of one block's samples,
:math:`E\,tr M(H + g)^{-2} = \tfrac{d\omega}{dg} E\,tr M(K + \omega)^{-2}`, the derivative of :math:`-E\,tr M(K + \omega)^{-1}`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from landscape.closed_form.limits.spectrum import Spectrum
from landscape.core.typing import Array
from landscape.linalg.moments.resolvent import acting_strength


@dataclass(frozen=True, eq=False)
class BlockSum:
    """T blocks, as one of them sees the others.

    Parameters
    ----------
    a, counts : array, shape (k,)
        Spectrum of K, or of rho P^2.
    T : int
        Blocks; with n of infinity the spectrum is that of K.
    n : float
        Outer samples of a block.
    kappa : float
    """

    a: Array
    counts: Array
    T: int
    n: float
    kappa: float

    @classmethod
    def of(cls, spectrum: Spectrum, T: int, n: float = np.inf, ridge: float = 0.0) -> BlockSum:
        """Find the kappa of a ridge g, which may be 0 from d samples on."""
        a, counts = spectrum.eigenvalues, spectrum.counts
        learned = np.asarray(min(n, counts.sum() / T))  # no more: there g is 0
        kappa = float(acting_strength(a, counts, np.zeros(()), learned))
        if ridge:
            from scipy.optimize import brentq  # optional here: importing it takes 0.2 s

            top = 2 * kappa + ridge
            while cls(a, counts, T, n, top).ridge < ridge:
                top *= 2
            kappa = brentq(lambda k: cls(a, counts, T, n, k).ridge - ridge, kappa, top, xtol=1e-14 * top)
        return cls(a, counts, T, n, kappa)

    @property
    def d(self) -> float:
        """Coordinates."""
        return float(self.counts.sum())

    def f(self, power: int = 1) -> float:
        """Sum x, or a power of it."""
        return float(self.counts @ (self.a / (self.a + self.kappa)) ** power)

    @property
    def omega(self) -> float:
        """What the others add to a block."""
        return self.kappa * (1.0 if np.isinf(self.n) else self.n - self.f())

    @property
    def ridge(self) -> float:
        """g."""
        return self.omega * (self.d - self.T * self.f()) / (self.d - self.f())

    @property
    def mean(self) -> float:
        """The share of mu that training finds, Tf/d = 1 - gq."""
        return self.T * self.f() / self.d

    @property
    def e(self) -> float:
        """How much more one block counts than all others do on average."""
        d, f, f2, T, n = self.d, self.f(), self.f(2), self.T, self.n
        v = d * float(self.counts @ (self.a / (self.a + self.kappa) - f / d) ** 2)
        slope, size = 1.0, 1.0  # d omega/d kappa, omega/kappa
        if np.isfinite(n):
            v = n * v + f * (d * (f - f2) - f2 * (d - f))
            slope, size = n - f2, n - f
        return v / (slope * (d - T * f) * (d - f) + size * (f - f2) * d * (T - 1))

    @property
    def away(self) -> float:
        """What the scatter of H adds to the variance of a coordinate, of a mu of 1: g^2 (-dq/dg - q^2)."""
        return (1 - self.mean) ** 2 * self.T * self.e

    def spread(self, tasks: int) -> float:
        """Compute the variance of a coordinate from optima of variance 1, of T/tasks blocks each."""
        e, own = self.T / tasks * self.e, self.mean / tasks
        return tasks * ((1 + (tasks - 1) * e) * own**2 + (1 - own) ** 2 * e)

    def noise(self, b: Array) -> float:
        r"""Compute the variance of a coordinate from label noise of variance 1.

        Parameters
        ----------
        b : array, shape (k,)
            Spectrum of the covariance of the noise in a block; with outer samples, :math:`\rho C` of the covariance C of the adapted
            points, beside which there is the noise of the outer labels, :math:`PX^\top XP`.
        """
        a, kappa, T, n = self.a, self.kappa, self.T, self.n
        growth = 1 + (T - 1) * self.e
        if np.isinf(n):
            return T * growth * float(self.counts @ (b / (a + kappa) ** 2)) / self.d
        f, f2 = self.f(), self.f(2)
        q = (self.d - f) / (self.d * self.omega)
        moved = b * (a + kappa * (f - f2) / (n - f2)) / (a + kappa) ** 2
        outer = q * (1 - (1 - self.mean) * (1 + T * self.e))
        return outer + T * growth * float(self.counts @ moved) / self.d

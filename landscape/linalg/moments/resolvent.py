r"""Ridge regression on m normal samples, averaged over them: the limit of large problems, with its first correction.

With :math:`S = X^\top X/m`, rows :math:`x \sim N(0, \Sigma)` and :math:`Q = (S + g I)^{-1}`, ridge regression
of strength g leaves the share gQ of a weight. For an eigenvalue :math:`\lambda` of :math:`\Sigma` let

.. math::
    g = \kappa \Bigl(1 - \tfrac1m \sum_j \tfrac{\lambda_j}{\lambda_j + \kappa}\Bigr), \quad
    x = \tfrac{\lambda}{\lambda + \kappa}, \quad c_k = \tfrac1m \sum_j x_j^k, \quad
    b = \tfrac{c_2 - c_3}{1 - c_2}, \quad e = \tfrac{c_3 - c_4}{1 - c_2}.

Then, up to terms of order :math:`1/m^2`,

.. math::
    g^2 E[Q \Sigma Q] = \lambda \frac{(1 - x)^2}{1 - c_2}
    \Bigl(1 + \frac{3x^2 - 4bx + 4b^2 - b + c_2 - 3e}{m (1 - c_2)}\Bigr),

and at x = 0 the factor of :math:`\lambda` is that of the label noise, :math:`1 + tr(\Sigma E[QSQ])/m`, exactly:
noise is a direction of which nothing can be learned.

Stein's identity gives :math:`E[SQ] = \Sigma (E[Q] - E[QSQ]/m - E[tr(SQ) Q]/m)`. With the covariance of tr(SQ)
and Q dropped, which is of the next order, and QSQ by its leading term, E[Q] follows to order 1/m for any
penalty B in place of g I; :math:`E[Q \Sigma Q]` is its derivative along :math:`B = g I + \epsilon \Sigma`.

How far that is from the truth: the largest error of the total risk, in per cent, for optima of covariance I, label noise
0.3 and g = 0.03, 0.1, 0.3 and 1 (drawn, optima and noise integrated out, standard errors below 0.05):

============  =========  ========  ========  ========  ========
eigenvalues   d          m = d/2   m = d     m = 2d    m = 4d
============  =========  ========  ========  ========  ========
all 1         5, 20      0.3, 0.04 3.3, 0.97 0.6, 0.18 0.2, 0.03
1/j           5, 20      1.1, 0.11 1.2, 0.09 0.3, 0.02 0.06, 0.01
exp(-3j/d)    5, 20      1.7, 0.18 1.1, 0.19 0.2, 0.03 0.05, 0.01
============  =========  ========  ========  ========  ========

That is below 1% at d = 5 from 2d samples on, and below 0.1% at d = 20 but where the samples hardly determine the solution
(a small g beside eigenvalues that are alike, m near d; below d a spectrum). The error stated by the result is 1.5 to 10
times as large.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from landscape.core.tolerances import EPS, SINGULAR
from landscape.core.typing import Array, Scalar
from landscape.linalg.operators import Diagonal, Matrix, Operator, diagonal
from landscape.linalg.quadratic import QuadraticForm

MOST_STEPS = 200
"""Newton's method halves the distance at worst, where m is near the number of coordinates and g near 0."""

LEAST_ROOM = 1e-8
"""Where 1 - c_2 is smaller, nothing but rounding keeps the expected loss from being infinite."""

NEXT_TERM = 2.0
"""The terms left out, in units of the correction over 1 + m (1 - c_2): holds 97% of drawn problems, d = 1 to 20."""


class LargeMoments(Protocol):
    """What is asked of a task's moments."""

    @property
    def Sigma(self) -> Operator:
        """E[xx']."""

    @property
    def noise_variance(self) -> Scalar:
        """E[e^2]."""

    @property
    def copies(self) -> float:
        """How many times as large the problem is."""


@dataclass(frozen=True)
class RidgeLimit:
    """What ridge regression of a given strength leaves of each direction.

    Parameters
    ----------
    kappa : array, shape (*grid)
        The strength that acts, above g: the samples' own scatter adds to it.
    m : array, shape (*grid)
        Samples, of all copies.
    c : tuple of array, shape (*grid)
        c_2, c_3, c_4.
    edge : array, shape (*grid)
        What noise adds, as a share of its own, by samples that hardly determine a direction: see `_edge`.
    """

    kappa: Array
    m: Array
    c: tuple[Array, Array, Array]
    edge: Array

    def form(
        self, eigenvalues: Array, noise_variance: Scalar, weight: Callable[[Array], Operator]
    ) -> QuadraticForm:
        """Compute the expected loss as a form of w - w_i, with its expected error.

        Parameters
        ----------
        eigenvalues : array, shape (*grid, k)
        noise_variance : float or array, shape (*grid)
        weight : callable
            Shares of the eigenvalues (*grid, k) -> their operator.
        """
        both = np.concatenate([eigenvalues, np.zeros((*eigenvalues.shape[:-1], 1))], axis=-1)
        share, relative = self._shares(both)
        wrong = share * relative
        wrong[..., -1] = np.maximum(wrong[..., -1], self.edge - (share[..., -1] - 1))
        error = QuadraticForm(weight(wrong[..., :-1]), None, noise_variance * wrong[..., -1])
        return QuadraticForm(weight(share[..., :-1]), None, noise_variance * share[..., -1], error=error)

    def share(self, eigenvalues: Array) -> Array:
        """Compute g^2 E[Q Sigma Q]/lambda, shape (*grid, k); at 0 the factor of the noise."""
        return self._shares(eigenvalues)[0]

    def expected_error(self, eigenvalues: Array) -> Array:
        """Guess how far `share` is from the truth, relative to it, shape (*grid, k)."""
        return self._shares(eigenvalues)[1]

    @property
    def crowding(self) -> Array:
        """What the first correction adds to the scatter that noise makes, as a share of it, shape (*grid)."""
        rest = self._rest
        return np.divide(rest, self.c[0], out=np.zeros(np.shape(rest)), where=self.c[0] > 0)

    @property
    def _rest(self) -> Array:
        """The correction where nothing is learned."""
        c2, c3, c4 = self.c
        room = 1 - c2
        b, e = (c2 - c3) / room, (c3 - c4) / room
        return (4 * b**2 - b + c2 - 3 * e) / (self.m * room)

    def _shares(self, eigenvalues: Array) -> tuple[Array, Array]:
        """The share, and its expected error."""
        x = learned(eigenvalues, self.kappa)  # the share of a direction that is learned
        c2, c3, _ = self.c
        room = 1 - c2
        b, scale = (c2 - c3) / room, self.m * room
        correction = (3 * x - (4 * b)[..., None]) * x / scale[..., None] + self._rest[..., None]
        share = (1 - x) ** 2 / room[..., None] * (1 + correction)
        return share, (NEXT_TERM / (1 + scale))[..., None] * np.abs(correction)


def learned(eigenvalues: Array, kappa: Array) -> Array:
    """Compute lambda/(lambda + kappa), 0 where lambda is."""
    lam, kappa = np.broadcast_arrays(eigenvalues, kappa[..., None])
    return np.divide(lam, lam + kappa, out=np.zeros(lam.shape), where=lam > 0)


def acting_strength(eigenvalues: Array, multiplicity: Array, g: Array, m: Array) -> Array:
    """Solve g = kappa (1 - (1/m) sum lambda/(lambda + kappa)) for the largest kappa.

    The right side is convex in kappa, so that Newton's method comes down from the right without a miss: from where
    the root would be if all eigenvalues were their mean, for lambda/(lambda + kappa) is concave in lambda.

    Parameters
    ----------
    eigenvalues : array, shape (*grid, k)
    multiplicity : array, shape (k,)
    g, m : array, shape (*grid)

    Returns
    -------
    array, shape (*grid)
    """
    kappa = _from_above(eigenvalues, multiplicity, g, m)
    # scipy.optimize.newton stops all points by one absolute tolerance: on a grid of 2,000 it took 2.7 s for 0.02 s, and was 1%
    # off at eigenvalues of 1e-60. On one point it is as fast.
    for _ in range(MOST_STEPS):
        x = learned(eigenvalues, kappa)
        c1, c2 = _sums(multiplicity, x, m, 2)
        lower = np.divide(g + kappa * (c1 - c2), 1 - c2, out=np.zeros(np.shape(kappa)), where=c2 < 1)
        done = (kappa - lower) * (1 - c2) <= 8 * EPS * kappa
        kappa = np.minimum(kappa, lower)
        if done.all():
            break
    return kappa


def _from_above(eigenvalues: Array, multiplicity: Array, g: Array, m: Array) -> Array:
    """Solve the same for equal eigenvalues, where it is quadratic; a little above the root, against rounding."""
    mean = (multiplicity * eigenvalues).sum(axis=-1) / multiplicity.sum()
    b = mean * (1 - multiplicity.sum() / m) - g
    root = np.sqrt(b**2 + 4 * g * mean)
    high, low = np.maximum(b, 0) + root, root - np.minimum(b, 0)  # neither is a difference of like numbers
    product = np.divide(4 * g * mean, high, out=np.zeros(np.shape(high)), where=high > 0)
    out: Array = np.where(b > 0, product, low) / 2 * (1 + 8 * EPS)
    return out


def _sums(multiplicity: Array, x: Array, m: Array, most: int) -> list[Array]:
    """Compute c_k for k = 1 to `most`."""
    power, out = multiplicity * x, []
    for _ in range(most):
        out.append(power.sum(axis=-1) / m)
        power = power * x
    return out


def ridge_form(moments: LargeMoments, g: Scalar, m: Scalar, prior: Operator | None = None) -> QuadraticForm:
    """Compute the expected loss of ridge regression as a form of the distance w - w_i that it starts from.

    Parameters
    ----------
    moments : LargeMoments
    g, m : float or array, shape (*grid)
        See `ridge_limit`.
    prior : Operator, optional
        C of a penalty of g C^-1 in place of g: what C allows nothing of is noise to the rest, and is left as noise is.
    """
    Sigma, noise_variance = moments.Sigma, moments.noise_variance
    if prior is None:
        eigenvalues, multiplicity = Sigma.spectrum()
        limit = ridge_limit(eigenvalues, multiplicity, g, m, moments.copies)
        return limit.form(eigenvalues, noise_variance, lambda share: Sigma.apply(lambda lam: lam * share))
    eigenvalues, weight = _seen_through(prior, Sigma)
    limit = ridge_limit(eigenvalues, np.ones(eigenvalues.shape[-1]), g, m, moments.copies)
    return limit.form(eigenvalues, noise_variance, weight)


def _seen_through(C: Operator, Sigma: Operator) -> tuple[Array, Callable[[Array], Operator]]:
    """Eigenvalues tau of C^1/2 Sigma C^1/2, and what makes of shares of them the weight of w - w_i."""
    if isinstance(Sigma, Diagonal) and isinstance(C, Diagonal):
        lam = Sigma.expanded().entries
        return lam * C.entries, lambda share: diagonal(lam * share)
    R, S = C.root().matrix(), Sigma.matrix()  # R'R = C
    tau, V = np.linalg.eigh(R @ S @ R.T)
    tau = np.where(tau > SINGULAR * len(R) * tau[..., -1:], tau, 0.0)
    size = np.divide(1.0, np.sqrt(tau), out=np.zeros(tau.shape), where=tau > 0)
    B = S @ R.T @ V * size[..., None, :]  # BB' is Sigma on what C allows
    rest = np.where(tau[..., :1, None] > 0, 0.0, S - B @ B.swapaxes(-1, -2))
    return tau, lambda share: Matrix(
        B * share[..., None, :] @ B.swapaxes(-1, -2) + share[..., :1, None] * rest
    )


def ridge_limit(
    eigenvalues: Array, multiplicity: Array, g: Scalar, m: Scalar, copies: float = 1.0
) -> RidgeLimit:
    """Compute the limit for a spectrum of Sigma.

    Parameters
    ----------
    eigenvalues : array, shape (*grid, k)
    multiplicity : array, shape (k,)
        How many directions each eigenvalue stands for.
    g : float or array, shape (*grid)
        Strength; at 0, with fewer samples than directions, the interpolant of least norm.
    m : float or array, shape (*grid)
        Samples.
    copies : float
        How many times as large the problem is, in directions and in samples; at inf no correction is left.

    Raises
    ------
    ValueError
        If there are as many samples as directions, and nothing but rounding holds them back.
    """
    g, m, _ = np.broadcast_arrays(np.asarray(g, dtype=float), np.asarray(m, dtype=float), eigenvalues[..., 0])
    kappa = acting_strength(eigenvalues, multiplicity, g, m)
    x = learned(eigenvalues, kappa)
    _, c2, c3, c4 = _sums(multiplicity, x, m, 4)
    if np.any(c2 > 1 - LEAST_ROOM):
        raise ValueError(
            "with as many samples as coordinates and next to no ridge the expected loss is as good as infinite, and draws "
            "would miss what carries it: change m or the strength"
        )
    edge = _edge(eigenvalues, multiplicity, g, m, 1 - c2) if copies == 1 else np.zeros(())
    return RidgeLimit(kappa, m * copies, (c2, c3, c4), edge)


def _edge(eigenvalues: Array, multiplicity: Array, g: Array, m: Array, room: Array) -> Array:
    r"""Compute :math:`\tfrac n2 \log(\bar\lambda/(m^2 g))`, where m is one off the number k of directions; n = min(k, m).

    There the least eigenvalue of :math:`XX^\top` has a density of n/2 at 0, so that the mean of its inverse grows without
    end as g falls, and the limit does not: it is off by the difference. At m = k the density is that of the limit, :math:`\tfrac
    1\pi (m/s)^{1/2}` at s, times :math:`\pi/2` (Edelman, 1988), up to eigenvalues of 1/m, so for a g far below :math:`\bar
    \lambda/m^2` the limit's 1/room is as many times too small; how that fades is a fit to draws at k = 10 and 20.
    """
    varies = multiplicity * (eigenvalues > 0)
    k = varies.sum(axis=-1)
    size = np.sum(varies * eigenvalues, axis=-1) / np.maximum(k, 1)
    near = (np.abs(m - k) == 1) & (g > 0) & (size > 0)
    ratio = np.divide(size, m**2 * g, out=np.ones(near.shape), where=near)
    beside = np.minimum(k, m) / 2 * np.maximum(np.log(ratio), 0.0)
    at = (1 + (np.pi / 2 - 1) / (1 + m * room) ** 2) / room - 1
    out: Array = np.where((m == k) & (g > 0), at, beside)
    return out

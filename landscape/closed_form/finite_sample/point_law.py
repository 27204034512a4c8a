"""The law of a trained point, and of the risk after adaptation from it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from landscape.adaptations import Adaptation
from landscape.closed_form.finite_sample.basis import Basis
from landscape.closed_form.loss_law.normal_squares import distribution
from landscape.closed_form.population import landscape_of, risk_forms
from landscape.core import Array, Domain, checks
from landscape.linalg import Diagonal, Matrix, Operator, difference

level_domain = Domain(0.0, 1 - 1e-12, open_low=True)
"""Of the probability that an interval covers."""


@dataclass(frozen=True, eq=False)
class PointLaw:
    """A point that is random, normal where that matters.

    Attributes
    ----------
    basis : Basis
    mean : array, shape (k,)
    covariance : Operator
        Both in the basis.
    """

    basis: Basis
    mean: Array
    covariance: Operator

    def suited(self, adaptation: Adaptation) -> PointLaw:
        """Return the law in a basis in which the adaptation can be judged."""
        basis = self.basis.suited(adaptation)
        if basis is self.basis:
            return self
        return PointLaw(basis, self.basis.point(self.mean), Matrix(self.basis.matrix(self.covariance)))

    def coordinate(self, direction: Any = None) -> float:
        """Compute the mean of direction'w; of the mean coordinate by default."""
        return float(self._direction(direction) @ self.basis.point(self.mean))

    def variance(self, direction: Any = None) -> float:
        """Compute the variance of direction'w; of the mean coordinate by default."""
        return float(self.covariance.quad(self.basis.direction(self._direction(direction))))

    def deviation(self, direction: Any = None) -> float:
        """Compute the standard deviation of direction'w; of the mean coordinate by default."""
        return float(np.sqrt(max(self.variance(direction), 0.0)))

    def _direction(self, direction: Any) -> Array:
        d = self.basis.d
        u = np.full(d, 1 / d) if direction is None else checks.vector("direction", direction)
        if len(u) != d:
            raise ValueError(f"direction must have d = {d} entries, got {len(u)}")
        return u

    def interval(self, direction: Any = None, level: float = 0.95) -> tuple[float, float]:
        """Compute the interval that covers direction'w with a probability."""
        normal = NormalDist().inv_cdf((1 + level_domain.check("level", level)) / 2)
        mean, half = self.coordinate(direction), normal * self.deviation(direction)
        return mean - half, mean + half


@dataclass(frozen=True, eq=False)
class RiskLaw:
    """Mean and variance of the total risk from a normal point, and the floors below which it cannot fall.

    Attributes
    ----------
    noise, dispersion : float
    expected, variance : float
        Of the suboptimality.
    slope : array, shape (k,)
        Gradient of the risk at the mean of the point, in the basis suited to the adaptation.
    """

    noise: float
    dispersion: float
    expected: float
    variance: float
    slope: Array

    @property
    def mean(self) -> float:
        """Mean of the total risk."""
        return self.noise + self.dispersion + self.expected

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Compute the central interval of the total risk.

        The suboptimality is a quadratic form of a normal vector and never negative: a gamma law of its mean
        and variance, which has the right shape where one direction dominates and becomes normal where many
        do.
        """
        level, floor = level_domain.check("level", level), self.noise + self.dispersion
        if self.variance <= 0 or self.expected <= 0:
            return floor + max(self.expected, 0.0), floor + max(self.expected, 0.0)
        from scipy.special import gammaincinv  # optional here: importing it takes 0.1 s

        shape, scale = self.expected**2 / self.variance, self.variance / self.expected
        low, high = (float(scale * gammaincinv(shape, q)) for q in ((1 - level) / 2, (1 + level) / 2))
        return floor + low, floor + high


def risk_law(point: PointLaw, adaptation: Adaptation) -> RiskLaw:
    r"""Compute the law of the risk after adaptation from a point w ~ N(mu, V).

    With F_m of Hessian M and minimiser w_m, :math:`E = \tfrac12 (\mu - w_m)^\top M (\mu - w_m) + \tfrac12
    tr(MV)` and, g the gradient at mu, :math:`Var = g^\top V g + \tfrac12 tr(MVMV)`.
    """
    point = point.suited(adaptation)
    tasks, V = point.basis.tasks, point.covariance
    landscape = landscape_of(tasks, risk_forms(tasks, adaptation))
    slope = landscape.form.gradient(point.mean)
    MV = landscape.form.A @ V
    expected = landscape.suboptimality(point.mean) + MV.trace() / 2
    variance = V.quad(slope) + MV.inner(MV) / 2
    return RiskLaw(
        float(landscape.noise), float(landscape.dispersion), float(expected), float(variance), slope
    )


def probability_within(point: PointLaw, adaptation: Adaptation, suboptimality: float) -> float:
    r"""Compute P(F_m(w) - min F_m <= suboptimality) for w ~ N(mu, V), by the law of a sum of squares."""
    point = point.suited(adaptation)
    landscape = landscape_of(point.basis.tasks, risk_forms(point.basis.tasks, adaptation))
    M, V = landscape.form.A, point.covariance
    delta = difference(point.mean, landscape.form.origin)
    if isinstance(M, Diagonal) and isinstance(V, Diagonal):
        variances, squares, multiplicity = M.entries * V.entries, M.entries * delta**2, M.multiplicity
    else:
        R = M.root().matrix()
        variances, U = np.linalg.eigh(R @ V.matrix() @ R.T)
        variances, squares = np.maximum(variances, 0.0), (U.T @ R @ delta) ** 2
        multiplicity = np.ones(len(variances))
    return float(distribution(2 * suboptimality, variances[None], squares[None], multiplicity)[0])

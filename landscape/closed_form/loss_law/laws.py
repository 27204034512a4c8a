"""What the loss after adaptation of one family's tasks may follow: mixtures over a chi-square, and their means."""

from abc import ABC, abstractmethod
from typing import Self

import numpy as np

from landscape.closed_form.loss_law.normal_squares import distribution
from landscape.core import Array, Record, record


class FamilyLaw(Record, ABC):
    """The law of the loss after adaptation of one family's tasks.

    Attributes
    ----------
    floor : float
        A loss below which it never is.
    """

    floor: float

    @abstractmethod
    def probability(self, loss: float) -> float:
        """Compute the probability of at most this loss."""

    @property
    @abstractmethod
    def mean(self) -> float:
        """The mean loss."""


@record
class Atoms(FamilyLaw):
    """A law of finitely many losses: of all batches of a few rows, or of drawn ones.

    Parameters
    ----------
    losses : array, shape (n,)
        In ascending order.
    weights : array, shape (n,)
    """

    losses: Array
    weights: Array

    @classmethod
    def of(cls, losses: Array, weights: Array | float = 1.0) -> Self:
        """Sort losses; the weights are made to sum to 1."""
        order = np.argsort(losses, kind="stable")
        shares = np.broadcast_to(weights, losses.shape)[order]
        return cls(losses[order], shares / shares.sum())

    @property
    def floor(self) -> float:  # type: ignore[override]
        """The smallest of the losses."""
        return float(self.losses[0])

    def probability(self, loss: float) -> float:
        return float(self.weights[: np.searchsorted(self.losses, loss, side="right")].sum())

    @property
    def mean(self) -> float:
        return float(self.weights @ self.losses)


@record
class SquaresMixture(FamilyLaw):
    """A mixture of laws of floor + Q/2, each Q a sum of squares of normal numbers.

    Parameters
    ----------
    floor : float
    weights : array, shape (laws,)
    variances, squares : array, shape (laws, k)
    multiplicity : array, shape (k,)
        As for `normal_squares.distribution`.
    """

    floor: float
    weights: Array
    variances: Array
    squares: Array
    multiplicity: Array

    def probability(self, loss: float) -> float:
        x = 2 * (loss - self.floor)
        return float(self.weights @ distribution(x, self.variances, self.squares, self.multiplicity))

    @property
    def mean(self) -> float:
        means = self.squares.sum(axis=1) + self.variances @ self.multiplicity
        return self.floor + float(self.weights @ means) / 2


@record
class RadiusMixture(FamilyLaw):
    """A mixture of laws of floor + (a R^2 + b R + c)/2, R the length of a normal vector N(centre, deviation^2 I_d).

    Parameters
    ----------
    floor : float
    weights, a, b, c : array, shape (laws,)
    d : int
    centre, deviation : float
    """

    floor: float
    weights: Array
    a: Array
    b: Array
    c: Array
    d: int
    centre: float
    deviation: float

    def probability(self, loss: float) -> float:
        from scipy.special import chndtr  # optional here: importing it takes 0.1 s

        disc = self.b**2 - 4 * self.a * (self.c - 2 * (loss - self.floor))
        index = np.flatnonzero(disc > 0)
        a, b, root = self.a[index], self.b[index], np.sqrt(disc[index])
        ends = np.maximum(np.stack([-b - root, -b + root]) / (2 * a * self.deviation), 0.0)
        low, high = chndtr(ends**2, self.d, (self.centre / self.deviation) ** 2)
        return float(self.weights[index] @ (high - low))

    @property
    def mean(self) -> float:
        from scipy.special import gammaln, hyp1f1  # optional here: importing it takes 0.1 s

        d, x = self.d, (self.centre / self.deviation) ** 2 / 2
        square = self.centre**2 + self.deviation**2 * d
        length = 0.0
        if self.b.any():
            length = self.deviation * np.sqrt(2) * np.exp(gammaln((d + 1) / 2) - gammaln(d / 2))
            length *= float(hyp1f1(-0.5, d / 2, -x))
        return self.floor + float(self.weights @ (self.a * square + self.b * length + self.c)) / 2


@record
class ChiSquareParabola(FamilyLaw):
    """The law of floor + (a + b q + c q^2)/2 with q ~ chi^2_m: all that is left where only q scatters.

    Parameters
    ----------
    floor : float
    a, b, c : float
        c >= 0.
    m : float
    """

    floor: float
    a: float
    b: float
    c: float
    m: float

    def probability(self, loss: float) -> float:
        from scipy.special import gammainc  # optional here: importing it takes 0.1 s

        x = 2 * (loss - self.floor)
        disc = self.b**2 - 4 * self.c * (self.a - x)
        if disc <= 0:
            return 0.0
        if self.c == 0:
            roots = [-np.inf, (x - self.a) / self.b] if self.b > 0 else [(x - self.a) / self.b, np.inf]
        else:
            roots = [(-self.b + sign * np.sqrt(disc)) / (2 * self.c) for sign in (-1, 1)]
        low, high = gammainc(self.m / 2, np.maximum(roots, 0.0) / 2)
        return float(high - low)

    @property
    def mean(self) -> float:
        return self.floor + (self.a + self.b * self.m + self.c * self.m * (self.m + 2)) / 2

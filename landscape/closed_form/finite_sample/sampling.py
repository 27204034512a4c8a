r"""Second moments of gradients and steps on drawn samples.

S is the mean of xx' over n samples, s that of xe, psi = S delta - s the gradient at distance delta = w - w_i.
For fixed symmetric Y, E[S Y S] = Sigma Y Sigma + scatter(Y)/n (Collins et al., Lemma 2, for any data).
"""

from __future__ import annotations

from dataclasses import dataclass

from landscape.adaptations import is_full
from landscape.core import Array, Scalar
from landscape.linalg import Operator
from landscape.tasks import Inputs


@dataclass(frozen=True, eq=False)
class Distance:
    """What is known of a point's distance w - w_i to the optima of a family.

    Attributes
    ----------
    second : Operator
        D = E[(w - w_i)(w - w_i)'].
    mean : array, shape (k,)
        It matters for tasks given by data only, which have third moments.
    """

    second: Operator
    mean: Array

    def after_step(self, inputs: Inputs, alpha: Scalar, n: float) -> Distance:
        """Compute the distance after a gradient step on n samples."""
        second = step_moment(inputs, self.second, alpha, n)
        if not is_full(n):
            second = second + alpha**2 / n * inputs.residual_scatter(self.mean)
        return Distance(second, self.mean - alpha * (inputs.Sigma @ self.mean))


def hessian_moment(inputs: Inputs, Y: Operator, n: float) -> Operator:
    """Compute E[S Y S] for symmetric Y."""
    SY = inputs.times(Y)
    plain = SY @ inputs.Sigma
    return plain if is_full(n) else plain + inputs.scatter(Y, SY) / n


def step_moment(inputs: Inputs, Y: Operator, alpha: Scalar, n: float) -> Operator:
    """Compute E[(I - alpha S) Y (I - alpha S)] for symmetric Y."""
    P = mean_step(inputs, alpha)
    plain = P @ Y @ P
    return plain if is_full(n) else plain + alpha**2 / n * inputs.scatter(Y, inputs.times(Y))


def gradient_moment(inputs: Inputs, distance: Distance, n: float) -> Operator:
    """Compute E[psi psi'] for the gradient psi on n samples."""
    out = hessian_moment(inputs, distance.second, n)
    return out if is_full(n) else out + inputs.residual_scatter(distance.mean) / n


def gradient_product(inputs: Inputs, Y: Operator, delta: Array, n: float) -> Array:
    """Compute E[S Y psi] for symmetric Y, and delta the mean distance."""
    out = inputs.Sigma @ Y @ inputs.Sigma @ delta
    if is_full(n):
        return out
    third = inputs.third(Y)
    scatter = inputs.scatter(Y, inputs.times(Y)) @ delta
    return out + (scatter if third is None else scatter - third) / n


def mean_step(inputs: Inputs, alpha: Scalar) -> Operator:
    """Compute I - alpha Sigma."""
    return inputs.Sigma.identity() - alpha * inputs.Sigma

r"""How one adapts at meta-test, and the one map behind it.

A loss around a task's optimum w_i is a quadratic (A, b, c): (d'Ad - 2 b'd + c)/2 with d = w - w_i.
One gradient step on m fresh samples turns the loss after the step, as a function of the point before
it, into another quadratic; :func:`inner_step` is that map.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from landscape import checks
from landscape.record import Record


class Quadratic(NamedTuple):
    """(d'Ad - 2 b'd + c)/2 around a task's optimum; b = None stands for the zero vector."""

    A: object
    b: object
    c: object


@dataclass(frozen=True, eq=False, repr=False)
class Adaptation(Record):
    r"""Adaptation at meta-test: gradient steps on m fresh samples each.

    Parameters
    ----------
    alpha : float or array
        Step size :math:`\alpha` of the inner step. Negative values are allowed.
    m : float or array
        Samples a step; ``inf`` takes the full gradient.
    steps : int
        Number of steps, each on a fresh batch.

    Raises
    ------
    ValueError
        If alpha is not finite, m < 1 or not whole, steps < 0.

    Examples
    --------
    >>> Adaptation(0.5, m=20)
    Adaptation(0.5, m=20)
    """

    alpha: float
    m: float = np.inf
    steps: int = 1

    _varying = ("alpha", "m")

    def __post_init__(self):
        self._set(
            alpha=checks.number("alpha", self.alpha, grid=True),
            m=checks.number("m", self.m, at_least=1, whole=True, infinite=True, grid=True),
            steps=checks.number("steps", self.steps, at_least=0, whole=True),
        )

    def quadratic(self, inputs):
        """The expected loss after adaptation, as a quadratic of the point before it."""
        return after(inputs, self.alpha, self.m, self.steps)

    def _repr_latex_(self):
        steps = "" if self.steps == 1 else rf",\ {self.steps}\text{{ steps}}"
        return rf"$w \mapsto w - \alpha \nabla \hat f_i(w; m),\ \alpha = {self.alpha},\ m = {self.m}{steps}$"


def loss(inputs):
    """A task's own population loss, (Sigma, 0, sigma^2)."""
    return Quadratic(inputs.value, None, inputs.noise_variance)


def inner_step(inputs, quadratic, alpha, m):
    r"""Expected value of a quadratic after one gradient step on m fresh samples, as a quadratic.

    .. math::
        A &\to (I - \alpha\Sigma) A (I - \alpha\Sigma) + \tfrac{\alpha^2}{m} \mathrm{scatter}(A) \\
        b &\to (I - \alpha\Sigma) b + \tfrac{\alpha^2}{m} \mathrm{third}(A), \qquad
        c \to c + \tfrac{\alpha^2}{m} \mathrm{noise}(A)

    It follows from d -> (I - alpha S) d + alpha s with S the mean of xx', s the mean of xe, where
    E[S A S] = Sigma A Sigma + scatter(A)/m, E[S A s] = third(A)/m and E[s'A s] = noise(A)/m. From the
    loss it gives Collins et al., eq. (84).
    """
    A, b, c = quadratic
    contracted = inputs.contract(A, alpha)
    if not checks.is_symbolic(m) and np.all(np.isinf(m)):
        return Quadratic(contracted, _contract_vector(inputs, b, alpha), c)
    share = alpha**2 / m
    third = inputs.third(A)
    b = _contract_vector(inputs, b, alpha)
    if third is not None:
        b = share * third if b is None else b + share * third
    return Quadratic(contracted + share * inputs.scatter(A), b, c + share * inputs.noise(A))


def _contract_vector(inputs, b, alpha):
    return None if b is None else b - alpha * inputs.apply(inputs.value, b)


def after(inputs, alpha, m, steps):
    """The loss after `steps` inner steps on m fresh samples each."""
    quadratic = loss(inputs)
    for _ in range(steps):
        quadratic = inner_step(inputs, quadratic, alpha, m)
    return quadratic

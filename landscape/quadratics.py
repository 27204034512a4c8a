r"""A loss around a task's optimum as a quadratic, and the one map behind everything.

A loss around a task's optimum w_i is a quadratic (A, b, c): (d'Ad - 2 b'd + c)/2 with d = w - w_i.
One gradient step on m fresh samples turns the loss after the step, as a function of the point before
it, into another quadratic; :func:`inner_step` is that map.
"""

from typing import NamedTuple

import numpy as np

from landscape import checks


class Quadratic(NamedTuple):
    """(d'Ad - 2 b'd + c)/2 around a task's optimum; b = None stands for the zero vector."""

    A: object
    b: object
    c: object


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
    if is_full(m):
        return Quadratic(contracted, _contract_vector(inputs, b, alpha), c)
    share = alpha**2 / m
    third = inputs.third(A)
    b = _contract_vector(inputs, b, alpha)
    if third is not None:
        b = share * third if b is None else b + share * third
    return Quadratic(contracted + share * inputs.scatter(A), b, c + share * inputs.noise(A))


def is_full(m):
    """Whether every batch of m samples is the whole population."""
    return not checks.is_symbolic(m) and bool(np.all(np.isinf(m)))


def _contract_vector(inputs, b, alpha):
    return None if b is None else b - alpha * inputs.apply(inputs.value, b)


def after_fresh(inputs, alpha, m, steps):
    """The loss after `steps` inner steps on m fresh samples each."""
    quadratic = loss(inputs)
    for _ in range(steps):
        quadratic = inner_step(inputs, quadratic, alpha, m)
    return quadratic

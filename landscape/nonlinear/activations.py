"""Activations with their derivatives.

An activation's ``jet(t, order)`` is the array of its derivatives 0 to `order`; jets multiply by Leibniz' rule.
"""

from dataclasses import dataclass
from math import comb

import numpy as np

from landscape import checks


@dataclass(frozen=True)
class Activation:
    """A function of one variable with all its derivatives.

    Attributes
    ----------
    name : str
    jet : callable or None
        (t, order) -> ndarray (order + 1, *t.shape); None for ReLU, which has formulas of its own.
    strip : float
        Distance of the nearest complex singularity from the real line.
    """

    name: str
    jet: object
    strip: float

    def __call__(self, t):
        """The value."""
        return np.maximum(t, 0) if self.jet is None else self.jet(t, 0)[0]

    def slope(self, t):
        """The first derivative; ReLU's at 0 is 0."""
        return (t > 0).astype(float) if self.jet is None else self.jet(t, 1)[1]


def _by_polynomials(value, step):
    """A jet from a function whose derivative is the polynomial `step` of the function itself."""
    polynomials = [np.polynomial.Polynomial([0, 1])]
    for _ in range(8):
        polynomials.append(polynomials[-1].deriv() * step)

    def jet(t, order):
        v = value(t)
        return np.stack([v, *(p(v) for p in polynomials[1 : order + 1])])

    return jet


def logistic(t):
    """1/(1 + exp(-t)), without overflow."""
    e = np.exp(-np.abs(t))
    return np.where(t >= 0, 1.0, e) / (1 + e)


sigmoid_jet = _by_polynomials(logistic, np.polynomial.Polynomial([0, 1, -1]))
_tanh_jet = _by_polynomials(np.tanh, np.polynomial.Polynomial([1, 0, -1]))


def softplus_jet(t, order):
    """log(1 + exp(t)), whose derivative is the sigmoid."""
    value = np.maximum(t, 0) + np.log1p(np.exp(-np.abs(t)))
    return value[None] if order == 0 else np.concatenate([value[None], sigmoid_jet(t, order - 1)])


def _linear_jet(t, order):
    return np.stack([t, np.ones_like(t), *(np.zeros_like(t) for _ in range(order - 1))][: order + 1])


ACTIVATIONS = {
    a.name: a
    for a in (
        Activation("softplus", softplus_jet, np.pi),
        Activation("sigmoid", sigmoid_jet, np.pi),
        Activation("tanh", _tanh_jet, np.pi / 2),
        Activation("relu", None, 0.0),
        Activation("linear", _linear_jet, np.inf),
    )
}


def activation(name):
    """The activation of that name; an unknown one is an error with the nearest names."""
    return ACTIVATIONS[checks.known("activation", name, ACTIVATIONS)]


def product(first, second):
    """The jet of a product (Leibniz' rule), as long as the shorter one."""
    length = min(len(first), len(second))
    return np.stack([sum(comb(n, k) * first[k] * second[n - k] for k in range(n + 1)) for n in range(length)])


def shift(jet):
    """The jet of the derivative."""
    return jet[1:]

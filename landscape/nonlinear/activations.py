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


def _by_polynomials(step):
    """From values of a function whose derivative is the polynomial `step` of itself, its jet."""
    polynomials = [np.polynomial.Polynomial([0, 1])]
    for _ in range(8):
        polynomials.append(polynomials[-1].deriv() * step)
    coefficients = [p.coef[::-1] for p in polynomials]

    def jet(v, order):
        out = np.empty((order + 1, *v.shape))
        out[0] = v
        for n in range(1, order + 1):
            out[n] = coefficients[n][0]
            for c in coefficients[n][1:]:  # Horner's rule, in place
                out[n] *= v
                out[n] += c
        return out

    return jet


_sigmoid_derivatives = _by_polynomials(np.polynomial.Polynomial([0, 1, -1]))
_tanh_derivatives = _by_polynomials(np.polynomial.Polynomial([1, 0, -1]))


def logistic(t, e=None):
    """1/(1 + exp(-t)), without overflow; `e` is exp(-|t|) where it is known."""
    e = np.exp(-np.abs(t)) if e is None else e
    return np.where(t >= 0, 1.0, e) / (1 + e)


def sigmoid_jet(t, order):
    """The sigmoid, whose derivative is s(1 - s)."""
    return _sigmoid_derivatives(logistic(t), order)


def _tanh_jet(t, order):
    return _tanh_derivatives(np.tanh(t), order)


def softplus_jet(t, order):
    """log(1 + exp(t)), whose derivative is the sigmoid."""
    e = np.exp(-np.abs(t))
    value = np.maximum(t, 0) + np.log1p(e)
    return (
        value[None]
        if order == 0
        else np.concatenate([value[None], _sigmoid_derivatives(logistic(t, e), order - 1)])
    )


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


def product_entry(first, second, n):
    """The n-th derivative of a product, from two jets (Leibniz' rule)."""
    total = first[0] * second[n]
    for k in range(1, n + 1):
        total += comb(n, k) * first[k] * second[n - k]
    return total


def product(first, second):
    """The jet of a product, as long as the shorter one."""
    return np.stack([product_entry(first, second, n) for n in range(min(len(first), len(second)))])


def shift(jet):
    """The jet of the derivative."""
    return jet[1:]

"""Activations with their derivatives.

An activation's ``jet(t, order)`` is the array of its derivatives 0 to `order`; jets multiply by Leibniz'
rule.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import TypeAlias

import numpy as np
from numpy.polynomial import Polynomial

from landscape.core import Array, checks

Jet: TypeAlias = Callable[[Array, int], Array]
"""(t, order) -> derivatives 0 to order at t, shape (order + 1, *t.shape)."""


@dataclass(frozen=True)
class Activation:
    """A function of one variable with all its derivatives.

    Attributes
    ----------
    name : str
    jet : callable or None
        See `Jet`; None for ReLU, which has formulas of its own.
    strip : float
        Distance of the nearest complex singularity from the real line.
    """

    name: str
    jet: Jet | None
    strip: float

    @property
    def analytic_jet(self) -> Jet:
        """The jet, of an activation that has one."""
        if self.jet is None:
            raise ValueError(f"{self.name} has no derivatives at 0: its pairs have formulas of their own")
        return self.jet

    def __call__(self, t: Array) -> Array:
        """Compute the value."""
        return np.maximum(t, 0) if self.jet is None else self.jet(t, 0)[0]

    def slope(self, t: Array) -> Array:
        """Compute the first derivative; ReLU's at 0 is 0."""
        return (t > 0).astype(float) if self.jet is None else self.jet(t, 1)[1]


def _by_polynomials(step: Polynomial) -> Callable[[Array, Array], None]:
    """From values v of a function with s' = step(s), write its jet into an array."""
    polynomials = [Polynomial([0, 1])]
    for _ in range(8):
        polynomials.append(polynomials[-1].deriv() * step)
    coefficients = [p.coef[::-1] for p in polynomials]

    def write(out: Array, v: Array) -> None:
        out[0] = v
        for n in range(1, len(out)):
            out[n] = coefficients[n][0]
            for c in coefficients[n][1:]:  # Horner's rule, in place
                out[n] *= v
                out[n] += c

    return write


_write_sigmoid = _by_polynomials(Polynomial([0, 1, -1]))
_write_tanh = _by_polynomials(Polynomial([1, 0, -1]))


def logistic(t: Array, e: Array | None = None) -> Array:
    """Compute 1/(1 + exp(-t)), without overflow; `e` is exp(-|t|) where it is known."""
    e = np.exp(-np.abs(t)) if e is None else e
    return np.where(t >= 0, 1.0, e) / (1 + e)


def sigmoid_jet(t: Array, order: int) -> Array:
    """Compute the sigmoid, whose derivative is s(1 - s), and its derivatives."""
    out = np.empty((order + 1, *t.shape))
    _write_sigmoid(out, logistic(t))
    return out


def _tanh_jet(t: Array, order: int) -> Array:
    out = np.empty((order + 1, *t.shape))
    _write_tanh(out, np.tanh(t))
    return out


def softplus_jet(t: Array, order: int) -> Array:
    """Compute log(1 + exp(t)), whose derivative is the sigmoid, and its derivatives."""
    out, e = np.empty((order + 1, *t.shape)), np.exp(-np.abs(t))
    out[0] = np.maximum(t, 0) + np.log1p(e)
    if order:
        _write_sigmoid(out[1:], logistic(t, e))
    return out


def _linear_jet(t: Array, order: int) -> Array:
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


def activation(name: str) -> Activation:
    """Return the activation of that name; an unknown one is an error with the nearest names."""
    return ACTIVATIONS[checks.known("activation", name, ACTIVATIONS)]


def product_entry(first: Array, second: Array, n: int) -> Array:
    """Compute the n-th derivative of a product, from two jets (Leibniz' rule)."""
    total: Array = first[0] * second[n]
    for k in range(1, n + 1):
        total += comb(n, k) * first[k] * second[n - k]
    return total


def product(first: Array, second: Array) -> Array:
    """Compute the jet of a product, as long as the shorter one."""
    return np.stack([product_entry(first, second, n) for n in range(min(len(first), len(second)))])

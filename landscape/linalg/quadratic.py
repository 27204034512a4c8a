"""One class for every quadratic: a loss, a risk, a method's objective, a landscape."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from landscape.core import Array, Scalar
from landscape.core.tolerances import EQUAL
from landscape.linalg.operators import Factor, Operator


@dataclass(frozen=True)
class QuadraticForm:
    """The function f(w) = (e'Ae - 2 b'e + c)/2 with e = w - origin.

    Parameters
    ----------
    A : Operator
        Its Hessian.
    b : array, shape (*grid, k), optional
        None stands for 0: then the origin is where f is stationary, and c/2 its value there.
    c : float or array, shape (*grid)
    origin : array, shape (*grid, k)
        Without an origin of their own, c would cancel for tasks that lie far from 0.
    error : QuadraticForm, optional
        Of the limit of large problems: about how far it may be from the truth; None where f is exact.
    """

    A: Operator
    b: Array | None = None
    c: Scalar = 0.0
    origin: Array | float = 0.0
    error: QuadraticForm | None = None

    __array_ufunc__ = None  # so that ndarray * QuadraticForm reaches __rmul__

    def __call__(self, w: Array) -> Scalar:
        """Compute f(w) for points (*grid, k)."""
        e = difference(w, self.origin)
        linear = 0.0 if self.b is None else 2 * np.sum(self.b * e, axis=-1)
        return (self.A.quad(e) - linear + self.c) / 2

    @property
    def d(self) -> int:
        """Number of coordinates."""
        return self.A.d

    @property
    def minimiser(self) -> Array:
        """Where f is stationary, shape (*grid, k)."""
        return np.asarray(self.completed().origin)

    @property
    def minimum(self) -> Scalar:
        """The value of f there."""
        return self.completed().c / 2

    def gradient(self, w: Array) -> Array:
        """Compute A (w - origin) - b."""
        g = self.A @ difference(w, self.origin)
        return g if self.b is None else g - self.b

    def above_minimum(self, w: Array) -> Scalar:
        """Compute f(w) - min f, without subtracting one from the other."""
        return self.A.quad(difference(w, self.completed().origin)) / 2

    def completed(self, factor: Factor | None = None) -> QuadraticForm:
        """Write the same function around the point where it is stationary, so that b is 0."""
        if self.b is None:
            return self
        shift = (factor or self.A.factor()).solve(self.b)
        return QuadraticForm(self.A, None, self.c - np.sum(self.b * shift, axis=-1), self.origin + shift)

    def at(self, origin: Array | float) -> QuadraticForm:
        """Write the same function around another origin: forms around one origin add and subtract."""
        e = np.asarray(origin - np.asarray(self.origin))
        e = e if e.ndim else e[None]
        b = -(self.A @ e) if self.b is None else self.b - self.A @ e
        c = self.A.quad(e) + self.c - (0.0 if self.b is None else 2 * np.sum(self.b * e, axis=-1))
        return QuadraticForm(self.A, b, c, origin)

    def sum(self) -> QuadraticForm:
        """Sum along the leading axis, written around the first origin."""
        form = self.at(np.asarray(self.origin)[0])
        assert form.b is not None  # written around another origin
        return QuadraticForm(form.A.sum(), form.b.sum(axis=0), np.sum(form.c, axis=0), form.origin)

    def __add__(self, other: QuadraticForm) -> QuadraticForm:
        other = other.at(self.origin)
        b = other.b if self.b is None else self.b if other.b is None else self.b + other.b
        return QuadraticForm(self.A + other.A, b, self.c + other.c, self.origin)

    def __rmul__(self, scalar: Scalar) -> QuadraticForm:
        b = None if self.b is None else np.asarray(scalar)[..., None] * self.b
        return QuadraticForm(scalar * self.A, b, scalar * self.c, self.origin)


def difference(point: Array, other: Array | float) -> Array:
    """Compute point - other, exactly 0 where nothing but rounding is left."""
    out = np.asarray(point - np.asarray(other))
    if out.dtype == object or not out.size:
        return out
    size = np.abs(out)
    if size.min() > 2 * EQUAL * np.max(np.abs(point)):  # where they nearly agree, |other| < 2 |point|
        return out  # nothing is near rounding: the short way for nearly every grid
    return np.where(size <= EQUAL * np.maximum(np.abs(point), np.abs(other)), 0.0, out)


def mean_form(shares: Iterable[Scalar], forms: Iterable[QuadraticForm]) -> QuadraticForm:
    """Compute the mean of forms, written around the first one's origin.

    Its A and b are the normal equations of the mean; far from 0 they lose nothing, for only distances between
    origins enter.

    Parameters
    ----------
    shares : iterable of float or array, shape (*grid)
    forms : iterable of QuadraticForm
        A generator keeps one form alive at a time: of a thousand large tasks no two weights are stored.

    Returns
    -------
    QuadraticForm
    """
    return sum_forms(p * form for p, form in zip(shares, forms, strict=True))


def sum_forms(forms: Iterable[QuadraticForm]) -> QuadraticForm:
    """Sum forms, written around the first one's origin."""
    total: QuadraticForm | None = None
    for form in forms:
        total = form if total is None else total + form
    if total is None:
        raise ValueError("a sum of no quadratic forms was asked for")
    return total

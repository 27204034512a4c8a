r"""Pairs of neurons: :math:`k(p) = E[s(w^\top x)^2]` and :math:`K(p, c, q) = E[s(w^\top x)\, s(u^\top x)]`.

Here x is standard normal in R^d (another covariance is a change of coordinates), so that both depend on the
Gram entries :math:`p = w^\top w`, :math:`c = w^\top u`, :math:`q = u^\top u` only. Their derivatives are
expectations of the same kind (Price's theorem),

.. math:: \partial_c E[\phi\psi] = E[\phi'\psi'], \qquad \partial_p E[\phi\psi] = \tfrac12 E[\phi''\psi],

and so are :math:`\partial_w K = 2 K_p w + K_c u` and the second derivatives. ReLU has closed forms (Cho and
Saul's arc-cosine kernel; its Hessian as in Safran and Shamir, bounded also where vectors become parallel).

The angle between w and u stands for c: near parallel vectors the Gram entries have lost its digits. Shapes:
squared lengths and angles broadcast; vectors have them as leading axes and d last.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from landscape.core import Array, Scalar, warn
from landscape.nonlinear.activations import Activation, Jet, product_entry
from landscape.nonlinear.blocks import Block
from landscape.nonlinear.quadrature import TOLERANCE, Series, mehler, series

WARN = 100 * TOLERANCE
"""Absolute error beyond which a result says so; activations are of order 1."""


def angle(w: Array, u: Array) -> Array:
    """Compute the angle between vectors, accurate near 0 and pi too (Kahan); pi/2 where one vanishes."""
    sizes = [length(v)[..., None] for v in (w, u)]
    a, b = w * sizes[1], u * sizes[0]
    apart, together = length(a - b), length(a + b)
    return np.where((apart == 0) & (together == 0), np.pi / 2, 2 * np.arctan2(apart, together))


def length(v: Array) -> Array:
    """Compute the lengths of vectors along the last axis."""
    return np.sqrt(np.einsum("...i,...i", v, v))


class Expansion:
    """A function and its derivatives at sqrt(p) Z: values at the nodes, and Hermite coefficients.

    Parameters
    ----------
    series : Series
    jet : callable
    p : array
        Squared lengths.
    order : int
    """

    def __init__(self, series: Series, jet: Jet, p: Scalar, order: int) -> None:
        self.series = series
        self.p = np.asarray(p, dtype=float)
        self.values = jet(series.rule.nodes[:, None] * np.sqrt(self.p).ravel(), order)
        self._coefficients: dict[int, Array] = {}

    def coefficients(self, derivative: int) -> Array:
        """Compute the Hermite coefficients of a derivative, shape (N, *p.shape), when first asked for."""
        if derivative not in self._coefficients:
            found = self.series.rule.coefficients(self.values[derivative])
            self._coefficients[derivative] = found.reshape(len(found), *self.p.shape)
        return self._coefficients[derivative]

    def expect(self, values: Array) -> Array:
        """Compute E of a function of sqrt(p) Z from its values at the nodes."""
        return self.series.rule.expect(values).reshape(self.p.shape)

    def moments(self, other: Expansion, r: Array, degree: int = 0) -> Callable[[int, int], Array]:
        """Return the function (i, j) -> E[phi^(i)(w'x) psi^(j)(u'x)] at correlation r; shapes broadcast.

        Of long vectors the N terms that are kept leave something out. At r = 1 and -1 it is known, from an
        integral in one dimension, and at most its share |r|^N counts: with that added, parallel vectors are
        exact, and the bound is the same.

        Parameters
        ----------
        other : Expansion
        r : array
        degree : {0, 1, 2}
            How often w and u multiply what comes out (in a gradient once, in a Hessian twice): the stated
            error counts it.
        """
        terms, tail = len(self.series.rule.projector), self.series.tail
        near = np.abs(r)
        longest = np.sqrt(self.p.max(initial=0)) + np.sqrt(other.p.max(initial=0))
        error = tail * near[near < 1].max(initial=0) ** terms * (1, longest, 1 + longest**2)[degree]
        if tail > TOLERANCE and error > WARN:
            warn(  # in powers of ten: a text that follows the vectors would be a new warning at each point
                "long weight vectors need more terms than are kept: what a pair of neurons contributes (before "
                f"Sigma multiplies it) has an error of at most {10 ** np.ceil(np.log10(error)):.0e}"
            )

        def moment(i: int, j: int) -> Array:
            total = mehler(self.coefficients(i), other.coefficients(j), r)
            if tail > TOLERANCE:
                rest = np.where(r > 0, self._left_out(other, i, j, 1), self._left_out(other, i, j, -1))
                total = total + near**terms * rest
            return total

        return moment

    def _left_out(self, other: Expansion, i: int, j: int, sign: int) -> Array:
        """What the series leaves out at correlation 1 or -1."""
        left, right = self.values[i], other.values[j][::sign]  # the nodes lie evenly about 0
        shape = np.broadcast_shapes(self.p.shape, other.p.shape)
        whole = self.series.rule.expect(left * right).reshape(shape)
        return whole - mehler(self.coefficients(i), other.coefficients(j), float(sign))


class SquaredLength:
    """A vector's squared length: all that ReLU's formulas need of it."""

    def __init__(self, p: Scalar) -> None:
        self.p = np.asarray(p, dtype=float)


N = TypeVar("N", Expansion, SquaredLength)


class Pairs(ABC, Generic[N]):
    """The formulas for pairs of neurons of one activation."""

    @abstractmethod
    def neuron(self, p: Scalar) -> N:
        """Prepare neurons of squared lengths p, once for all their pairs."""

    @abstractmethod
    def alone(self, neuron: N, n: int) -> Array:
        """Compute the n-th derivative of k."""

    @abstractmethod
    def value(self, left: N, right: N, angle: Array) -> Array:
        """Compute K."""

    @abstractmethod
    def slopes(self, left: N, right: N, angle: Array) -> tuple[Array, Array]:
        """Compute K_p and K_c."""

    @abstractmethod
    def own_block(self, left: N, right: N, angle: Array, w: Array, u: Array) -> Block:
        """Compute the second derivative of K by w."""

    @abstractmethod
    def cross_block(self, left: N, right: N, angle: Array, w: Array, u: Array) -> Block:
        """Compute the second derivative of K by w (rows) and u (columns)."""


class Smooth(Pairs[Expansion]):
    """Pairs of neurons with an analytic activation.

    Parameters
    ----------
    activation : Activation
    reach : float
        Largest |w| that will be asked for.
    order : int
        Derivatives of K that will be asked for: 0, 1 or 2.
    """

    def __init__(self, activation: Activation, reach: float, order: int) -> None:
        self.jet, self.order = activation.analytic_jet, order
        self.series = series(self.jet, activation.strip, reach, 2 * order)

    def neuron(self, p: Scalar) -> Expansion:
        return Expansion(self.series, self.jet, p, 2 * self.order)

    def alone(self, neuron: Expansion, n: int) -> Array:
        return neuron.expect(product_entry(neuron.values, neuron.values, 2 * n)) / 2**n

    def value(self, left: Expansion, right: Expansion, angle: Array) -> Array:
        return left.moments(right, np.cos(angle))(0, 0)

    def slopes(self, left: Expansion, right: Expansion, angle: Array) -> tuple[Array, Array]:
        moment = left.moments(right, np.cos(angle), 1)
        return moment(2, 0) / 2, moment(1, 1)

    def own_block(self, left: Expansion, right: Expansion, angle: Array, w: Array, u: Array) -> Block:
        moment = left.moments(right, np.cos(angle), 2)
        return Block(moment(2, 0), moment(4, 0), moment(3, 1), moment(2, 2), w, u)

    def cross_block(self, left: Expansion, right: Expansion, angle: Array, w: Array, u: Array) -> Block:
        moment = left.moments(right, np.cos(angle), 2)
        return Block(moment(1, 1), moment(3, 1), moment(2, 2), moment(1, 3), w, u)


class Relu(Pairs[SquaredLength]):
    """Pairs of ReLU neurons, in closed form."""

    def neuron(self, p: Scalar) -> SquaredLength:
        return SquaredLength(p)

    def alone(self, neuron: SquaredLength, n: int) -> Array:
        return [neuron.p / 2, np.full_like(neuron.p, 0.5), np.zeros_like(neuron.p)][n]  # k = p/2

    def value(self, left: SquaredLength, right: SquaredLength, angle: Array) -> Array:
        """Compute K, the arc-cosine kernel of order one."""
        return np.sqrt(left.p * right.p) * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)

    def slopes(self, left: SquaredLength, right: SquaredLength, angle: Array) -> tuple[Array, Array]:
        return np.sqrt(right.p) / np.sqrt(left.p) * np.sin(angle) / (4 * np.pi), (np.pi - angle) / (2 * np.pi)

    def own_block(self, left: SquaredLength, right: SquaredLength, angle: Array, w: Array, u: Array) -> Block:
        w, across = self._frame(left, right, angle, w, u)
        size = np.sqrt(right.p) / np.sqrt(left.p) * np.sin(angle) / (2 * np.pi)
        return Block(size, -size, 0.0, size, w, across)

    def cross_block(
        self, left: SquaredLength, right: SquaredLength, angle: Array, w: Array, u: Array
    ) -> Block:
        w, across = self._frame(left, right, angle, w, u)
        along, crossed = (np.sin(angle) * f(angle) / (2 * np.pi) for f in (np.cos, np.sin))
        return Block((np.pi - angle) / (2 * np.pi), along, crossed, -along, w, across)

    @staticmethod
    def _frame(
        left: SquaredLength, right: SquaredLength, angle: Array, w: Array, u: Array
    ) -> tuple[Array, Array]:
        """The unit vector of w and the one across it towards u; parallel vectors have none, and need none."""
        w = w / np.sqrt(left.p)[..., None]
        size = np.sqrt(right.p)[..., None]
        u = np.divide(u, size, out=np.zeros(np.broadcast_shapes(u.shape, w.shape)), where=size > 0)
        gap = u - np.cos(angle)[..., None] * w
        sine = np.sin(angle)[..., None]
        return w, np.divide(gap, sine, out=np.zeros_like(gap), where=sine > 1e-15)


def kernel(activation: Activation, reach: float, order: int) -> Smooth | Relu:
    """Return the formulas for pairs of neurons of an activation; arguments as for `Smooth`."""
    return Relu() if activation.jet is None else Smooth(activation, reach, order)

r"""One and two neurons: :math:`k(p) = E[s(w^\top x)^2]` and :math:`K(p, c, q) = E[s(w^\top x)\, s(u^\top x)]`.

Here x is standard normal in R^d (another covariance is a change of coordinates), so that both depend on the Gram entries
:math:`p = w^\top w`, :math:`c = w^\top u`, :math:`q = u^\top u` only. Their derivatives are expectations of the same kind (Price's theorem),

.. math:: \partial_c E[\phi\psi] = E[\phi'\psi'], \qquad \partial_p E[\phi\psi] = \tfrac12 E[\phi''\psi],

and so are :math:`\partial_w K = 2 K_p w + K_c u` and the second derivatives. ReLU has closed forms (Cho and Saul's
arc-cosine kernel; its Hessian as in Safran and Shamir, bounded also where vectors become parallel).

The angle between w and u stands for c: near parallel vectors the Gram entries have lost its digits. Shapes: squared lengths and
angles broadcast; vectors have them as leading axes and d last.
"""

import numpy as np

from landscape import checks
from landscape.nonlinear.activations import product_entry
from landscape.nonlinear.blocks import Block
from landscape.quadrature import TOLERANCE, mehler, series

WARN = 100 * TOLERANCE  # absolute error beyond which a result says so; activations are of order 1


def angle(w, u):
    """The angle between vectors along the last axis, accurate near 0 and pi too (Kahan); pi/2 where one vanishes."""
    sizes = [np.sqrt(np.einsum("...i,...i", v, v))[..., None] for v in (w, u)]
    a, b = w * sizes[1], u * sizes[0]
    apart, together = (np.sqrt(np.einsum("...i,...i", v, v)) for v in (a - b, a + b))
    return np.where((apart == 0) & (together == 0), np.pi / 2, 2 * np.arctan2(apart, together))


class Side:
    """One neuron of a pair: Hermite coefficients of a function and its derivatives at sqrt(p) Z.

    Parameters
    ----------
    kept : Series
    jet : callable
    p : ndarray
    order : int
    """

    def __init__(self, kept, jet, p, order):
        self.kept = kept
        self.p = np.asarray(p, dtype=float)
        self.values = jet(kept.rule.nodes[:, None] * np.sqrt(self.p).ravel(), order)
        self._coefficients = {}

    def coefficients(self, derivative):
        """Hermite coefficients of a derivative, shape (N, *p.shape); computed when first asked for."""
        if derivative not in self._coefficients:
            found = self.kept.rule.coefficients(self.values[derivative])
            self._coefficients[derivative] = found.reshape(len(found), *self.p.shape)
        return self._coefficients[derivative]

    def expect(self, values):
        """E of a function of sqrt(p) Z from its values at the nodes."""
        return self.kept.rule.expect(values).reshape(self.p.shape)

    def against(self, other, r, degree=0):
        """Function (i, j) -> E[phi^(i)(w'x) psi^(j)(u'x)] at correlation r; the sides' shapes broadcast.

        Of long vectors the N terms that are kept leave something out. At r = 1 and -1 it is known, from an integral in one
        dimension, and at most its share |r|^N counts: with that added, parallel vectors are exact, and the bound is the same.

        Parameters
        ----------
        other : Side
        r : ndarray
        degree : {0, 1, 2}
            How often w and u multiply what comes out (in a gradient once, in a Hessian twice): the stated error counts it.
        """
        terms = len(self.kept.rule.projector)
        near = np.abs(r)
        error = self.kept.tail * near[near < 1].max(initial=0) ** terms
        longest = np.sqrt(self.p.max(initial=0)) + np.sqrt(other.p.max(initial=0))
        error *= (1, longest, 1 + longest**2)[degree]
        if self.kept.tail > TOLERANCE and error > WARN:
            checks.warn(
                f"vectors of length {np.sqrt(max(self.p.max(), other.p.max())):.3g} need more terms than are kept: what a pair of "
                f"neurons contributes (before Sigma multiplies it) has an error of at most {error:.2g}"
            )

        def moment(i, j):
            total = mehler(self.coefficients(i), other.coefficients(j), r)
            if self.kept.tail > TOLERANCE:
                rest = np.where(r > 0, self._left_out(other, i, j, 1), self._left_out(other, i, j, -1))
                total = total + near**terms * rest
            return total

        return moment

    def _left_out(self, other, i, j, sign):
        """What the series leaves out at correlation 1 or -1."""
        left, right = self.values[i], other.values[j][::sign]  # the nodes lie evenly about 0
        whole = self.kept.rule.expect(left * right).reshape(np.broadcast_shapes(self.p.shape, other.p.shape))
        return whole - mehler(self.coefficients(i), other.coefficients(j), float(sign))


class Smooth:
    """Pairs of neurons with an analytic activation.

    Parameters
    ----------
    activation : Activation
    reach : float
        Largest |w| that will be asked for.
    order : int
        Derivatives of K that will be asked for: 0, 1 or 2.
    """

    def __init__(self, activation, reach, order):
        self.activation = activation
        self.order = order
        self.kept = series(activation.jet, activation.strip, reach, 2 * order)

    def side(self, p):
        """The neuron's coefficients, once for all its pairs."""
        return Side(self.kept, self.activation.jet, p, 2 * self.order)

    def alone(self, side, n):
        """The n-th derivative of k."""
        return side.expect(product_entry(side.values, side.values, 2 * n)) / 2**n

    def value(self, left, right, angle):
        """K."""
        return left.against(right, np.cos(angle))(0, 0)

    def slopes(self, left, right, angle):
        """K_p and K_c."""
        moment = left.against(right, np.cos(angle), 1)
        return moment(2, 0) / 2, moment(1, 1)

    def own_block(self, left, right, angle, w, u):
        """The second derivative of K by w, a `Block`."""
        moment = left.against(right, np.cos(angle), 2)
        return Block(moment(2, 0), moment(4, 0), moment(3, 1), moment(2, 2), w, u)

    def cross_block(self, left, right, angle, w, u):
        """The second derivative of K by w (rows) and u (columns)."""
        moment = left.against(right, np.cos(angle), 2)
        return Block(moment(1, 1), moment(3, 1), moment(2, 2), moment(1, 3), w, u)


class Bare:
    """A vector's squared length: all that ReLU's formulas need of it."""

    def __init__(self, p):
        self.p = np.asarray(p, dtype=float)


class Relu:
    """Pairs of ReLU neurons, in closed form; arguments as for `Smooth`."""

    def __init__(self, activation, reach, order):
        self.order = order

    def side(self, p):
        """The neuron's squared length."""
        return Bare(p)

    def alone(self, side, n):
        """The n-th derivative of k = p/2."""
        return [side.p / 2, np.full_like(side.p, 0.5), np.zeros_like(side.p)][n]

    def value(self, left, right, angle):
        """K, the arc-cosine kernel of order one."""
        return np.sqrt(left.p * right.p) * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)

    def slopes(self, left, right, angle):
        """K_p and K_c."""
        return np.sqrt(right.p) / np.sqrt(left.p) * np.sin(angle) / (4 * np.pi), (np.pi - angle) / (2 * np.pi)

    def own_block(self, left, right, angle, w, u):
        """The second derivative of K by w; see `Smooth.own_block`."""
        w, across = self._frame(left, right, angle, w, u)
        size = np.sqrt(right.p) / np.sqrt(left.p) * np.sin(angle) / (2 * np.pi)
        return Block(size, -size, 0.0, size, w, across)

    def cross_block(self, left, right, angle, w, u):
        """The second derivative of K by w and u; see `Smooth.cross_block`."""
        w, across = self._frame(left, right, angle, w, u)
        along, crossed = (np.sin(angle) * f(angle) / (2 * np.pi) for f in (np.cos, np.sin))
        return Block((np.pi - angle) / (2 * np.pi), along, crossed, -along, w, across)

    @staticmethod
    def _frame(left, right, angle, w, u):
        """The unit vector of w and the one across it towards u; parallel vectors have none, and need none."""
        w = w / np.sqrt(left.p)[..., None]
        length = np.sqrt(right.p)[..., None]
        u = np.divide(u, length, out=np.zeros(np.broadcast_shapes(u.shape, w.shape)), where=length > 0)
        gap = u - np.cos(angle)[..., None] * w
        sine = np.sin(angle)[..., None]
        return w, np.divide(gap, sine, out=np.zeros_like(gap), where=sine > 1e-15)


def kernel(activation, reach, order):
    """The formulas for pairs of neurons of an activation."""
    return (Relu if activation.jet is None else Smooth)(activation, reach, order)

r"""Logistic regression with normal inputs: exact population loss in any dimension (Collins et al., C.2).

Labels are 1 with probability :math:`\varsigma(v^\top x)`, else 0. With :math:`\zeta` = softplus and Stein's
identity

.. math:: f(w) = E[\zeta(w^\top x)] - w^\top\Sigma v\; E[\varsigma'(v^\top x)]:

one-dimensional integrals. Only the scatter of gradients needs two dimensions.
"""

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from landscape.core import Array, record
from landscape.nonlinear.activations import Jet, logistic, product, sigmoid_jet, softplus_jet
from landscape.nonlinear.blocks import Block
from landscape.nonlinear.pairs import Expansion, angle, length
from landscape.nonlinear.quadrature import series
from landscape.nonlinear.scatter import Scatter, of_one_neuron
from landscape.nonlinear.task import NonlinearTask


@record
class LogisticTask(NonlinearTask):
    r"""Labels from a logistic model, cross-entropy loss, inputs N(0, Sigma).

    Parameters
    ----------
    name : str
    teacher : array (d,)
        The model's weights v, where the loss is least.
    covariance : float, array (d,) or (d, d)
        :math:`\Sigma`, positive definite. Smaller is harder.
    probability : float, optional
        As for `TaskFamily`.
    hidden_dimensions : int
        See `NonlinearTask`.

    Examples
    --------
    >>> task = LogisticTask("easy", [1.0, 1.0])
    >>> print(f"{task.loss([0.0, 0.0]):.4f} at 0, {task.loss([1.0, 1.0]):.4f} at best")
    0.6931 at 0, 0.5395 at best
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.teacher) != 1:
            raise ValueError(f"teacher of task {self.name!r} must have shape (d,), got {self.teacher.shape}")

    model = "logistic regression"
    exact_scatter = True

    @cached_property
    def _teacher(self) -> tuple[Array, Array]:
        """v in whitened coordinates, and E[sigmoid'(v'x)]."""
        v = self._whiten(self.teacher)[0]
        return v, _slopes(v)[0]

    def _white_loss(self, W: Array) -> Array:
        w, (v, slope) = W[..., 0, :], self._teacher
        softplus = _expansion(w, softplus_jet, 0)
        return softplus.expect(softplus.values[0]) - slope * (w @ v)

    def _white_gradient(self, W: Array) -> Array:
        v, slope = self._teacher
        return _slopes(W[..., 0, :])[0][..., None, None] * W - slope * v

    def _white_blocks(self, W: Array) -> Iterator[tuple[int, int, int, Block]]:
        w = W[..., 0, :]
        first, third = _slopes(w)
        yield 0, 0, 1, Block(first, third, 0.0, 0.0, w, w)  # E[sigmoid' x x'], by Stein's identity

    def _white_scatter(self, W: Array) -> Scatter:
        """E[(a - y)^2 x x'], a = sigmoid(w'x): E[(a - y)^2 | x] = a^2 - 2ab + b, b the label's probability."""
        w, v = W[..., 0, :], self._teacher[0]
        reach = max(length(w).max(), length(v))
        left, right = _expansion(w, sigmoid_jet, 2, reach), _expansion(v, sigmoid_jet, 2, reach)
        square = product(left.values, left.values)
        moment = left.moments(right, np.cos(angle(w, v)), 2)
        own, own_second = left.expect(square[0]), left.expect(square[2])
        # b alone contributes I/2: the sigmoid less 1/2 is odd
        level, ww = own - 2 * moment(0, 0) + 0.5, own_second - 2 * moment(2, 0)
        return of_one_neuron(level, ww, -2 * moment(1, 1), -2 * moment(0, 2), w, v)

    def _labels(self, x: Array, rng: np.random.Generator) -> Array:
        chance = logistic(x @ self.teacher[0])
        return (rng.random(chance.shape) < chance).astype(float)

    def sample_gradient(self, W: Array, x: Array, y: Array) -> Array:
        error = logistic((x @ W.swapaxes(-1, -2))[..., 0]) - y
        return np.einsum("...n,...nd->...d", error, x)[..., None, :] / x.shape[-2]


def _expansion(w: Array, jet: Jet, order: int, reach: float | None = None) -> Expansion:
    """A function and its derivatives at w'x; w has shape (..., d)."""
    size = length(w)
    kept = series(jet, np.pi, size.max() if reach is None else reach, 4)
    return Expansion(kept, jet, size**2, order)


def _slopes(w: Array) -> tuple[Array, Array]:
    """E[sigmoid'(w'x)] and E[sigmoid'''(w'x)]."""
    sigmoid = _expansion(w, sigmoid_jet, 3)
    return sigmoid.expect(sigmoid.values[1]), sigmoid.expect(sigmoid.values[3])

r"""Logistic regression with normal inputs: exact population loss in any dimension (Collins et al., C.2).

Labels are 1 with probability :math:`\varsigma(v^\top x)`, else 0. With :math:`\zeta` = softplus and Stein's identity

.. math:: f(w) = E[\zeta(w^\top x)] - w^\top\Sigma v\; E[\varsigma'(v^\top x)]:

one-dimensional integrals. Only the scatter of gradients needs two dimensions.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from landscape.nonlinear.activations import logistic, product, sigmoid_jet, softplus_jet
from landscape.nonlinear.blocks import Block
from landscape.nonlinear.pairs import Side, angle
from landscape.nonlinear.scatter import of_one_neuron
from landscape.nonlinear.task import NonlinearTask
from landscape.quadrature import series


@dataclass(frozen=True, eq=False, repr=False)
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

    Examples
    --------
    >>> task = LogisticTask("easy", [1.0, 1.0])
    >>> print(f"{task.loss([0.0, 0.0]):.4f} at 0, {task.loss([1.0, 1.0]):.4f} at best")
    0.6931 at 0, 0.5395 at best
    """

    name: str
    teacher: object
    covariance: object = 1.0
    probability: float | None = None

    exact_scatter = True

    def __post_init__(self):
        self._check()
        if len(self.teacher) != 1:
            raise ValueError(f"teacher of task {self.name!r} must have shape (d,), got {self.teacher.shape}")

    @cached_property
    def _pull(self):
        """v in whitened coordinates, and E[sigmoid'(v'x)]."""
        v = self._whiten(self.teacher)[0]
        return v, _slopes(v)[0]

    def _white_loss(self, W):
        w, (v, slope) = W[..., 0, :], self._pull
        side = _side(w, softplus_jet, 0)
        return side.expect(side.values[0]) - slope * (w @ v)

    def _white_gradient(self, W):
        v, slope = self._pull
        return _slopes(W[..., 0, :])[0][..., None, None] * W - slope * v

    def _white_blocks(self, W):
        w = W[..., 0, :]
        level, bend = _slopes(w)
        yield 0, 0, 1, Block(level, bend, 0.0, 0.0, w, w)

    def _white_scatter(self, W):
        r"""E[(sigmoid(w'x) - y)^2 x x'], where E[(a - y)^2 | x] = a^2 - 2ab + b with b the label's probability."""
        w, v = W[..., 0, :], self._pull[0]
        reach = max(_length(w).max(), _length(v))
        left, right = _side(w, sigmoid_jet, 2, reach), _side(v, sigmoid_jet, 2, reach)
        square = product(left.values, left.values)
        moment = left.against(right, np.cos(angle(w, v)), 2)
        own, own_bend = left.expect(square[0]), left.expect(square[2])
        # b alone contributes I/2: the sigmoid less 1/2 is odd
        terms = (
            own - 2 * moment(0, 0) + 0.5,
            own_bend - 2 * moment(2, 0),
            -2 * moment(1, 1),
            -2 * moment(0, 2),
        )
        return of_one_neuron(*terms, w, v)

    def _labels(self, x, rng):
        """Labels of inputs (..., n, d)."""
        chance = logistic(x @ self.teacher[0])
        return (rng.random(chance.shape) < chance).astype(float)

    def _sample_gradient(self, W, x, y):
        """Gradient of the mean loss of samples x (..., n, d), y (..., n) at W (..., 1, d)."""
        error = logistic((x @ np.swapaxes(W, -1, -2))[..., 0]) - y
        return np.einsum("...n,...nd->...d", error, x)[..., None, :] / x.shape[-2]


def _length(w):
    return np.sqrt(np.einsum("...d,...d->...", w, w))


def _side(w, jet, order, reach=None):
    """A function and its derivatives at w'x; w has shape (..., d)."""
    kept = series(jet, np.pi, _length(w).max() if reach is None else reach, 4)
    return Side(kept, jet, _length(w) ** 2, order)


def _slopes(w):
    """E[sigmoid'(w'x)] and E[sigmoid'''(w'x)]."""
    side = _side(w, sigmoid_jet, 3)
    return side.expect(side.values[1]), side.expect(side.values[3])

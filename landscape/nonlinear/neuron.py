r"""A task of one or several neurons with normal inputs: exact population loss, gradient and Hessian.

.. math:: f(W) = \tfrac12 E\Big[\Big(\sum_k s(w_k^\top x) - \sum_l s(v_l^\top x) - z\Big)^2\Big],
          \qquad x \sim N(0, \Sigma),\ z \sim N(0, \sigma^2)

(Collins et al., section 4, with the teacher's neurons v_l). It is a sum over pairs of neurons; see `pairs`.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np

from landscape import checks
from landscape.nonlinear.activations import activation
from landscape.nonlinear.blocks import Block
from landscape.nonlinear.pairs import angle, kernel
from landscape.nonlinear.scatter import pair_scatter, quasi_scatter
from landscape.nonlinear.task import NonlinearTask


@dataclass(frozen=True, eq=False, repr=False)
class NeuronTask(NonlinearTask):
    r"""Regression on a network of neurons with inputs N(0, Sigma), its second layer fixed to ones.

    Parameters
    ----------
    name : str
    teacher : array (d,) or (M, d)
        Weight vectors of the teacher's neurons, one a row (the paper has them as columns).
    covariance : float, array (d,) or (d, d)
        :math:`\Sigma`, positive definite. Smaller is harder.
    activation : {"softplus", "sigmoid", "tanh", "relu", "linear"}
        With "linear" and M = 1 the task is one of linear regression.
    noise : float
        Variance of the label noise.
    probability : float, optional
        As for `TaskFamily`.

    Raises
    ------
    ValueError
        For an unknown activation (with the nearest names), data that are not finite, a covariance that is not positive.

    Examples
    --------
    >>> task = NeuronTask("easy", [1.0, 1.0], activation="tanh")
    >>> print(f"{task.loss([1.0, 0.0]):.6f}")
    0.154310
    """

    name: str
    teacher: object
    covariance: object = 1.0
    activation: str = "softplus"
    noise: float = 0.0
    probability: float | None = None

    def __post_init__(self):
        self._check()
        activation(self.activation)
        self._set(noise=checks.number("noise", self.noise, at_least=0))

    @cached_property
    def _teacher(self):
        """The teacher in whitened coordinates, its squared lengths, and E[h*^2]."""
        V = self._whiten(self.teacher)
        q = np.einsum("ld,ld->l", V, V)
        pairs = self._kernel(q, 0)
        sides = [pairs.side(length) for length in q]
        total = sum(pairs.alone(side, 0) for side in sides)
        for k, j in permutations(range(len(V)), 2):
            total += pairs.value(sides[k], sides[j], angle(V[k], V[j]))
        return V, q, float(total)

    def _kernel(self, p, order):
        reach = np.sqrt(max(np.max(p), np.max(np.einsum("ld,ld->l", *2 * [self._whiten(self.teacher)]))))
        return kernel(activation(self.activation), reach, order)

    def _setup(self, W, order):
        """Kernel, and students and teachers as lists of (vector, side)."""
        V, q, _ = self._teacher
        p = np.einsum("...kd,...kd->...k", W, W)
        pairs = self._kernel(p, order)
        if order and self.activation == "relu" and (p == 0).any():
            raise ValueError("W must not hold a zero vector: the loss with relu is not differentiable there")
        students = [(W[..., k, :], pairs.side(p[..., k])) for k in range(W.shape[-2])]
        teachers = [(v, pairs.side(length)) for v, length in zip(V, q, strict=True)]
        return pairs, students, teachers

    def _white_loss(self, W):
        pairs, students, teachers = self._setup(W, 0)
        total = self._teacher[2]
        for k, (w, side) in enumerate(students):
            total = total + pairs.alone(side, 0)
            for other, (u, beside) in enumerate(students):
                if k != other:
                    total = total + pairs.value(side, beside, angle(w, u))
            for v, beside in teachers:
                total = total - 2 * pairs.value(side, beside, angle(w, v))
        return np.maximum(total, 0) / 2 + self.noise / 2

    def _white_gradient(self, W):
        pairs, students, teachers = self._setup(W, 1)
        out = np.empty_like(W)
        for k, (w, side) in enumerate(students):
            out[..., k, :] = pairs.alone(side, 1)[..., None] * w
            for sign, u, beside in _against(k, students, teachers):
                own, mixed = pairs.slopes(side, beside, angle(w, u))
                out[..., k, :] += sign * (2 * own[..., None] * w + mixed[..., None] * u)
        return out

    def _white_blocks(self, W):
        pairs, students, teachers = self._setup(W, 2)
        for k, (w, side) in enumerate(students):
            yield k, k, 1, Block(pairs.alone(side, 1), 2 * pairs.alone(side, 2), 0.0, 0.0, w, w)
            for sign, u, beside in _against(k, students, teachers):
                yield k, k, sign, pairs.own_block(side, beside, angle(w, u), w, u)
            for other, (u, beside) in enumerate(students):
                if k != other:
                    yield k, other, 1, pairs.cross_block(side, beside, angle(w, u), w, u)

    @property
    def _any_length(self):
        return activation(self.activation).strip in (0, np.inf)

    @property
    def exact_scatter(self):
        """Whether `gradient_covariance` is exact: one neuron with a smooth activation."""
        return len(self.teacher) == 1 and activation(self.activation).jet is not None

    def _white_scatter(self, W):
        """See `scatter`."""
        s, V = activation(self.activation), self._teacher[0]
        if self.exact_scatter:
            return pair_scatter(s, W[..., 0, :], V[0], self.noise)
        return quasi_scatter(s, W, V, self.noise)

    def _labels(self, x, rng):
        """Labels of inputs (..., n, d)."""
        clean = activation(self.activation)(x @ self.teacher.T).sum(axis=-1)
        return clean + np.sqrt(self.noise) * rng.standard_normal(clean.shape) if self.noise else clean

    def _sample_gradient(self, W, x, y):
        """Gradient of the mean loss of samples x (..., n, d), y (..., n) at W (..., M, d)."""
        smooth = activation(self.activation)
        inner = x @ np.swapaxes(W, -1, -2)
        error = smooth(inner).sum(axis=-1) - y
        return np.einsum("...n,...nk,...nd->...kd", error, smooth.slope(inner), x) / x.shape[-2]


def _against(k, students, teachers):
    """What neuron k meets: the other students with weight 1, the teacher's neurons with weight -1."""
    others = [(1, u, side) for j, (u, side) in enumerate(students) if j != k]
    return others + [(-1, v, side) for v, side in teachers]

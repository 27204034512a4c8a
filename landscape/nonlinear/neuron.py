r"""A task of one or several neurons with normal inputs: exact population loss, gradient and Hessian.

.. math:: f(W) = \tfrac12 E\Big[\Big(\sum_k s(w_k^\top x) - \sum_l s(v_l^\top x) - z\Big)^2\Big],
          \qquad x \sim N(0, \Sigma),\ z \sim N(0, \sigma^2)

(Collins et al., section 4, with the teacher's neurons v_l). It is a sum over pairs of neurons; see `pairs`.
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np

from landscape.core import Array, nonnegative, parameter, record
from landscape.nonlinear.activations import activation
from landscape.nonlinear.blocks import Block
from landscape.nonlinear.pairs import Pairs, angle, kernel
from landscape.nonlinear.scatter import Scatter, pair_scatter, quasi_scatter
from landscape.nonlinear.task import NonlinearTask

Neurons: TypeAlias = list[tuple[Array, Any]]
"""Weight vectors, each with what its pairs' formulas have prepared of it."""


@record
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
    probability : float, optional
        As for `TaskFamily`.
    hidden_dimensions : int
        See `NonlinearTask`.

    Raises
    ------
    ValueError
        For an unknown activation (with the nearest names), data that are not finite, a covariance that is not
        positive.

    Examples
    --------
    >>> task = NeuronTask("easy", [1.0, 1.0], activation="tanh")
    >>> print(f"{task.loss([1.0, 0.0]):.6f}")
    0.154310
    """

    activation: str = "softplus"
    noise: float = parameter(
        nonnegative, default=0.0, symbol=r"\sigma^2", label="variance of the label noise"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        activation(self.activation)

    @property
    def model(self) -> str:
        return f"neurons with {self.activation}"

    @property
    def exact_scatter(self) -> bool:
        return len(self.teacher) == 1 and activation(self.activation).jet is not None

    @property
    def scatter_jumps(self) -> bool:
        return len(self.teacher) > 1 and activation(self.activation).jet is None

    @property
    def label_noise(self) -> float:
        return self.noise

    @property
    def _any_length(self) -> bool:
        return activation(self.activation).strip in (0, np.inf)

    @cached_property
    def _teacher(self) -> tuple[Array, Array, float]:
        """The teacher in whitened coordinates, its squared lengths, and E[h*^2]."""
        V = self._whiten(self.teacher)
        q = np.einsum("ld,ld->l", V, V)
        pairs = self._kernel(q, 0)
        neurons = [pairs.neuron(length) for length in q]
        total = sum(pairs.alone(neuron, 0) for neuron in neurons)
        for k, j in combinations(range(len(V)), 2):
            total += 2 * pairs.value(neurons[k], neurons[j], angle(V[k], V[j]))
        return V, q, float(total)

    def _kernel(self, p: Array, order: int) -> Pairs[Any]:
        reach = max(np.sqrt(np.max(p)), self._teacher_length)
        return kernel(activation(self.activation), reach, order)

    def _setup(self, W: Array, order: int) -> tuple[Pairs[Any], Neurons, Neurons]:
        """Kernel, students and teachers."""
        V, q, _ = self._teacher
        p = np.einsum("...kd,...kd->...k", W, W)
        pairs = self._kernel(p, order)
        if order and self.activation == "relu" and (p == 0).any():
            raise ValueError("W must not hold a zero vector: the loss with relu is not differentiable there")
        students = [(W[..., k, :], pairs.neuron(p[..., k])) for k in range(W.shape[-2])]
        teachers = [(v, pairs.neuron(length)) for v, length in zip(V, q, strict=True)]
        return pairs, students, teachers

    def _white_loss(self, W: Array) -> Array:
        pairs, students, teachers = self._setup(W, 0)
        total: Any = self._teacher[2]
        for k, (w, neuron) in enumerate(students):
            total = total + pairs.alone(neuron, 0)
            for u, beside in students[:k]:
                total = total + 2 * pairs.value(neuron, beside, angle(w, u))
            for v, beside in teachers:
                total = total - 2 * pairs.value(neuron, beside, angle(w, v))
        return np.maximum(total, 0) / 2 + self.noise / 2

    def _white_gradient(self, W: Array) -> Array:
        pairs, students, teachers = self._setup(W, 1)
        out = np.empty_like(W)
        for k, (w, neuron) in enumerate(students):
            out[..., k, :] = pairs.alone(neuron, 1)[..., None] * w
            for sign, u, beside in _against(k, students, teachers):
                own, mixed = pairs.slopes(neuron, beside, angle(w, u))
                out[..., k, :] += sign * (2 * own[..., None] * w + mixed[..., None] * u)
        return out

    def _white_blocks(self, W: Array) -> Iterator[tuple[int, int, int, Block]]:
        pairs, students, teachers = self._setup(W, 2)
        for k, (w, neuron) in enumerate(students):
            yield k, k, 1, Block(pairs.alone(neuron, 1), 2 * pairs.alone(neuron, 2), 0.0, 0.0, w, w)
            for sign, u, beside in _against(k, students, teachers):
                yield k, k, sign, pairs.own_block(neuron, beside, angle(w, u), w, u)
            for other, (u, beside) in enumerate(students):
                if k != other:
                    yield k, other, 1, pairs.cross_block(neuron, beside, angle(w, u), w, u)

    def _white_scatter(self, W: Array) -> Scatter:
        s, V = activation(self.activation), self._teacher[0]
        if self.exact_scatter:
            return pair_scatter(s, W[..., 0, :], V[0], self.noise)
        return quasi_scatter(s, W, V, self.noise)

    def _labels(self, x: Array, rng: np.random.Generator) -> Array:
        clean: Array = activation(self.activation)(x @ self.teacher.T).sum(axis=-1)
        return clean + np.sqrt(self.noise) * rng.standard_normal(clean.shape) if self.noise else clean

    def sample_gradient(self, W: Array, x: Array, y: Array) -> Array:
        smooth = activation(self.activation)
        inner = x @ W.swapaxes(-1, -2)
        error = smooth(inner).sum(axis=-1) - y
        return np.einsum("...n,...nk,...nd->...kd", error, smooth.slope(inner), x) / x.shape[-2]


def _against(k: int, students: Neurons, teachers: Neurons) -> list[tuple[int, Array, Any]]:
    """What neuron k meets: the other students with weight 1, the teacher's neurons with weight -1."""
    others = [(1, u, beside) for j, (u, beside) in enumerate(students) if j != k]
    return others + [(-1, v, beside) for v, beside in teachers]

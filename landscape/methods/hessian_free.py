"""Methods that take no second derivatives."""

from dataclasses import dataclass

import numpy as np

from landscape.adaptation import Quadratic, after
from landscape.methods.base import Method, cost_row, step_count, step_size


@dataclass(frozen=True, eq=False, repr=False)
class FOMAML(Method):
    r"""First-order MAML: the outer gradient at the adapted point, :math:`A = \Sigma(I-\alpha\Sigma)^k`.

    It holds for k fresh inner batches of any size, for gradients are linear in the data (Fallah et
    al., eq. (8)). A is negative where alpha times an eigenvalue exceeds 1 and k is odd.
    """

    alpha: float
    steps: int = 1

    label = "FO-MAML"
    weight_latex = r"\Sigma(I-\alpha\Sigma)^k"
    _varying = ("alpha",)

    def __post_init__(self):
        self._set(alpha=step_size(self.alpha), steps=step_count(self.steps))

    def quadratic(self, inputs):
        """Sigma (I - alpha Sigma)^k."""
        return Quadratic(inputs.function(lambda lam: lam * (1 - self.alpha * lam) ** self.steps), None, None)

    def cost(self, d, n1, n2):
        """A gradient a step and the outer one."""
        return cost_row(self.steps + 1, 0, n1 + self.steps * n2)


@dataclass(frozen=True, eq=False, repr=False)
class HFMAML(Method):
    r"""Hessian-free MAML: Hessian-vector products as differences of gradients on a batch of their own.

    On quadratics the difference is exact, so it is MAML with an independent Hessian batch (Fallah et
    al., eqs. (10), (11)): :math:`A = (I-\alpha\Sigma)\Sigma(I-\alpha\Sigma)` whatever the batch sizes.
    """

    alpha: float

    label = "HF-MAML"
    weight_latex = r"(I-\alpha\Sigma)\Sigma(I-\alpha\Sigma)"
    _varying = ("alpha",)

    def __post_init__(self):
        self._set(alpha=step_size(self.alpha))

    def quadratic(self, inputs):
        """The loss after one full gradient step."""
        return after(inputs, self.alpha, np.inf, 1)

    def cost(self, d, n1, n2):
        """Inner, outer and the two gradients of the difference, on a third batch as large as the inner."""
        return cost_row(4, 0, n1 + 2 * n2)


@dataclass(frozen=True, eq=False, repr=False)
class Reptile(Method):
    r"""Reptile: move towards the adapted point, :math:`A = I - (I-\alpha\Sigma)^k`.

    It holds for k fresh batches of any size.
    """

    alpha: float
    steps: int

    label = "Reptile"
    weight_latex = r"I-(I-\alpha\Sigma)^k"
    _varying = ("alpha",)

    def __post_init__(self):
        self._set(alpha=step_size(self.alpha), steps=step_count(self.steps))

    def quadratic(self, inputs):
        """I - (I - alpha Sigma)^k."""
        return Quadratic(inputs.function(lambda lam: 1 - (1 - self.alpha * lam) ** self.steps), None, None)

    def cost(self, d, n1, n2):
        """A gradient a step; there is no outer batch."""
        return cost_row(self.steps, 0, self.steps * n2)

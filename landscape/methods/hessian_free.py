"""Methods that take no second derivatives."""

from dataclasses import dataclass

import numpy as np

from landscape.adaptation import after
from landscape.methods.base import Method, batch_count, cost_row, inner_batch, step_count, step_size
from landscape.quadratics import Quadratic
from landscape.same_batch import expected_shrinkage


@dataclass(frozen=True, eq=False, repr=False)
class FOMAML(Method):
    r"""First-order MAML: the outer gradient at the adapted point, :math:`A = \Sigma(I-\alpha\Sigma)^k`.

    It holds for k fresh inner batches of any size, for gradients are linear in the data (Fallah et
    al., eq. (8)). A is negative where alpha times an eigenvalue exceeds 1 and k is odd. With
    ``batches="same"`` all inner steps use one batch of `n2` samples, and A = Sigma E[(I - alpha S)^k].

    Parameters
    ----------
    alpha : float or array
        Inner step size in training.
    steps : int
        Inner steps, k.
    n2 : float or array, optional
        Samples of an inner batch; by default what the training or the adaptation says.
    batches : {"fresh", "same"}
        Whether each inner step draws its own samples or all use one batch, which needs `n2`.

    Examples
    --------
    >>> optimum(two_tasks(d=2), FOMAML(0.8)).round(3)
    array([-0.37, -0.37])
    """

    alpha: float
    steps: int = 1
    n2: float | None = None
    batches: str = "fresh"

    label = "FO-MAML"
    weight_latex = r"\Sigma(I-\alpha\Sigma)^k"
    _varying = ("alpha", "n2")

    def __post_init__(self):
        self._set(alpha=step_size(self.alpha), steps=step_count(self.steps), n2=inner_batch(self))

    def quadratic(self, inputs):
        """Sigma (I - alpha Sigma)^k."""
        if self.batches == "same" and self.steps > 1:
            left = expected_shrinkage(inputs, self.alpha, self.n2, self.steps)
            return Quadratic(inputs.apply(inputs.value, left), None, None)
        return Quadratic(inputs.function(lambda lam: lam * (1 - self.alpha * lam) ** self.steps), None, None)

    def cost(self, d, n1, n2):
        """A gradient a step and the outer one."""
        return cost_row(self.steps + 1, 0, n1 + batch_count(self) * n2)


@dataclass(frozen=True, eq=False, repr=False)
class HFMAML(Method):
    r"""Hessian-free MAML: Hessian-vector products as differences of gradients on a batch of their own.

    On quadratics the difference is exact, so it is MAML with an independent Hessian batch (Fallah et
    al., eqs. (10), (11)): :math:`A = (I-\alpha\Sigma)\Sigma(I-\alpha\Sigma)` whatever the batch sizes.

    Parameters
    ----------
    alpha : float or array
        Inner step size in training.

    Examples
    --------
    >>> optimum(two_tasks(d=2), HFMAML(0.8)).round(3)
    array([0.358, 0.358])
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

    It holds for k fresh batches of any size. With ``batches="same"`` all inner steps use one batch of
    `n2` samples, and A = I - E[(I - alpha S)^k].

    Parameters
    ----------
    alpha : float or array
        Inner step size in training.
    steps : int
        Inner steps, k.
    n2 : float or array, optional
        Samples of an inner batch; by default what the training or the adaptation says.
    batches : {"fresh", "same"}
        Whether each inner step draws its own samples or all use one batch, which needs `n2`.

    Examples
    --------
    >>> optimum(two_tasks(d=2), Reptile(0.8, steps=5)).round(3)
    array([-0.491, -0.491])
    """

    alpha: float
    steps: int
    n2: float | None = None
    batches: str = "fresh"

    label = "Reptile"
    weight_latex = r"I-(I-\alpha\Sigma)^k"
    _varying = ("alpha", "n2")

    def __post_init__(self):
        self._set(alpha=step_size(self.alpha), steps=step_count(self.steps), n2=inner_batch(self))

    def quadratic(self, inputs):
        """I - (I - alpha Sigma)^k."""
        if self.batches == "same" and self.steps > 1:
            left = expected_shrinkage(inputs, self.alpha, self.n2, self.steps)
            return Quadratic(inputs.function(np.ones_like) - left, None, None)
        return Quadratic(inputs.function(lambda lam: 1 - (1 - self.alpha * lam) ** self.steps), None, None)

    def cost(self, d, n1, n2):
        """A gradient a step; there is no outer batch."""
        return cost_row(self.steps, 0, batch_count(self) * n2)

"""What adaptations have in common that solve a linear system of one batch."""

from landscape.adaptations.base import Adaptation, AdaptationCost, is_full
from landscape.core.typing import Scalar
from landscape.linalg.operators import Operator
from landscape.linalg.quadratic import QuadraticForm
from landscape.tasks.inputs import Moments


class LinearSolve(Adaptation, register=False):
    """Adaptations that solve a linear system of m samples: what they cost, and that all samples say all."""

    m: Scalar

    @property
    def learns_all(self) -> bool:
        """Whether every task's optimum is found, whatever the start."""
        return is_full(self.m)

    def form(self, moments: Moments) -> QuadraticForm:
        """Return the task's noise where all is learned."""
        if not self.learns_all:
            return super().form(moments)
        return QuadraticForm(0 * moments.Sigma, None, moments.noise_variance)

    def shrinkage(self, moments: Moments) -> Operator:
        """Return 0 where all is learned."""
        if not self.learns_all:
            return super().shrinkage(moments)
        return 0 * moments.Sigma.identity()

    def cost(self, d: int) -> AdaptationCost:
        """Count a gradient, and a linear solve of at most d Hessian-vector products each way."""
        return AdaptationCost(1, d, d, 1)

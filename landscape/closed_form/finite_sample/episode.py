r"""Moments of one episode's meta-gradient psi = W (w - w_i) - b, from n1 outer and n2 inner samples.

S is the covariance of the outer samples, P = I - alpha S_in the inner step; `scores` says which method is
which.

=============  ===========  ====================================================================
class          W            methods
=============  ===========  ====================================================================
Pooled         S            NAL, on all samples of a task at once
FirstOrder     S P ... P    FO-MAML with fresh batches
OtherBatch     P_other S P  HF-MAML; MAML with an independent Hessian, or a full gradient inside
SharedHessian  P S P        MAML
=============  ===========  ====================================================================

First-order and shared-Hessian episodes on tasks given by data are in `rows`, the latter on Gaussian inputs in
`shared_hessian`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from landscape.adaptations.base import is_full
from landscape.closed_form.finite_sample.sampling import (
    Distance,
    gradient_moment,
    gradient_product,
    hessian_moment,
    mean_step,
    step_moment,
)
from landscape.core.typing import Array, Scalar
from landscape.linalg.operators import Operator
from landscape.linalg.quadratic import QuadraticForm
from landscape.tasks.inputs import Inputs


@dataclass(frozen=True, eq=False)
class Episode(ABC):
    """One episode of a method on a task.

    Attributes
    ----------
    inputs : Gaussian or Empirical
    form : QuadraticForm
        A = E[W] and b = E[b], the method's objective.
    n1, n2 : float
        Outer samples, and inner samples a step.
    alpha : float
        Inner step size.
    """

    inputs: Inputs
    form: QuadraticForm
    n1: float
    n2: float
    alpha: Scalar = 0

    @abstractmethod
    def score_moment(self, distance: Distance) -> Operator:
        """Compute E[psi psi']."""

    @abstractmethod
    def hessian_moment(self, K: Operator) -> Operator:
        """Compute E[W K W']."""

    def bias(self, K: Operator, delta: Array) -> Array:
        """Compute E[W K psi] at the mean distance delta, here with W and psi taken as independent.

        That holds as n1 and n2 grow; a class that knows more overrides it.
        """
        return self.form.A @ K @ self.mean_score(delta)

    def mean_score(self, delta: Array) -> Array:
        """Compute A delta - b."""
        score = self.form.A @ delta
        return score if self.form.b is None else score - self.form.b


class Pooled(Episode):
    """The gradient of the loss on all n1 + n2 samples."""

    def score_moment(self, distance: Distance) -> Operator:
        return gradient_moment(self.inputs, distance, self.n1 + self.n2)

    def hessian_moment(self, K: Operator) -> Operator:
        return hessian_moment(self.inputs, K, self.n1 + self.n2)

    def bias(self, K: Operator, delta: Array) -> Array:
        return gradient_product(self.inputs, K, delta, self.n1 + self.n2)


@dataclass(frozen=True, eq=False)
class FirstOrder(Episode):
    """The outer gradient at the point that fresh inner steps lead to."""

    steps: int = 1

    def score_moment(self, distance: Distance) -> Operator:
        for _ in range(self.steps):
            distance = distance.after_step(self.inputs, self.alpha, self.n2)
        return gradient_moment(self.inputs, distance, self.n1)

    def hessian_moment(self, K: Operator) -> Operator:
        for _ in range(self.steps):
            K = step_moment(self.inputs, K, self.alpha, self.n2)
        return hessian_moment(self.inputs, K, self.n1)

    def bias(self, K: Operator, delta: Array) -> Array:
        r"""Compute E[S P K S P] delta, exactly for one step on Gaussian inputs.

        For fixed Y, E[S Y S] = Sigma Y Sigma + (Sigma Y' Sigma + tr(Sigma Y) Sigma)/n1; here Y = P K, and
        what is left is bilinear in P: E[P Y P] and E[tr(Y P) P] with P = I - alpha S_in.
        """
        if self.steps != 1:
            return super().bias(K, delta)
        Sigma, P, share = self.inputs.Sigma, mean_step(self.inputs, self.alpha), self.alpha**2 / self.n2

        def between(Y: Operator) -> Operator:
            """E[P Y P]."""
            return P @ Y @ P + share * (Sigma @ Y.T @ Sigma + (Sigma @ Y).trace() * Sigma)

        KSigma = K @ Sigma
        traced = (KSigma @ P).trace() * P + share * (
            Sigma @ (KSigma + KSigma.T) @ Sigma
        )  # E[tr(K Sigma P) P]
        EWKW = Sigma @ between(KSigma) + Sigma @ (K @ between(Sigma) + traced) / self.n1
        return EWKW @ delta


class OtherBatch(Episode):
    """One inner step, and the way back through it by the Hessian of another batch as large."""

    def score_moment(self, distance: Distance) -> Operator:
        adapted = distance.after_step(self.inputs, self.alpha, self.n2)
        return self._back(gradient_moment(self.inputs, adapted, self.n1))

    def hessian_moment(self, K: Operator) -> Operator:
        adapted = step_moment(self.inputs, K, self.alpha, self.n2)
        return self._back(hessian_moment(self.inputs, adapted, self.n1))

    def bias(self, K: Operator, delta: Array) -> Array:
        """Compute E[W K psi]: exactly where the inner gradient is full."""
        if not is_full(self.n2):
            return super().bias(K, delta)
        P = mean_step(self.inputs, self.alpha)
        return P @ gradient_product(self.inputs, P @ K @ P, P @ delta, self.n1)

    def _back(self, Y: Operator) -> Operator:
        return step_moment(self.inputs, Y, self.alpha, self.n2)

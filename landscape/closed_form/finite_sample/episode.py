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

Shared-Hessian episodes are in `rows` for tasks given by data, in `shared_hessian` for Gaussian inputs.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from landscape.closed_form.finite_sample.products import Factor, gaussian_product, product_on_rows
from landscape.closed_form.finite_sample.sampling import (
    Distance,
    gradient_moment,
    gradient_product,
    hessian_moment,
    step_moment,
)
from landscape.core import Array, Scalar
from landscape.linalg import Operator, QuadraticForm
from landscape.tasks import Empirical, Inputs


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

    @abstractmethod
    def bias(self, K: Operator, delta: Array) -> Array:
        """Compute E[W K psi] at the mean distance delta, for symmetric K."""

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


class OfBatches(Episode):
    """W is a product of factors, each on a batch of its own."""

    @property
    @abstractmethod
    def factors(self) -> list[Factor]:
        """The factors, in the order in which they act."""

    @property
    def _step(self) -> Factor:
        return Factor(1, -self.alpha, self.n2)

    @property
    def _outer(self) -> Factor:
        return Factor(0, 1, self.n1)

    def bias(self, K: Operator, delta: Array) -> Array:
        """Compute E[W K psi]: on Gaussian inputs E[W K W] delta, for noise is independent of them."""
        if isinstance(self.inputs, Empirical):
            return product_on_rows(self.inputs, self.factors, K, delta)
        return gaussian_product(self.inputs, self.factors, K) @ delta


@dataclass(frozen=True, eq=False)
class FirstOrder(OfBatches):
    """The outer gradient at the point that fresh inner steps lead to."""

    steps: int = 1

    @property
    def factors(self) -> list[Factor]:
        return [self._step] * self.steps + [self._outer]

    def score_moment(self, distance: Distance) -> Operator:
        for _ in range(self.steps):
            distance = distance.after_step(self.inputs, self.alpha, self.n2)
        return gradient_moment(self.inputs, distance, self.n1)

    def hessian_moment(self, K: Operator) -> Operator:
        for _ in range(self.steps):
            K = step_moment(self.inputs, K, self.alpha, self.n2)
        return hessian_moment(self.inputs, K, self.n1)


class OtherBatch(OfBatches):
    """One inner step, and the way back through it by the Hessian of another batch as large."""

    @property
    def factors(self) -> list[Factor]:
        return [self._step, self._outer, self._step]

    def score_moment(self, distance: Distance) -> Operator:
        adapted = distance.after_step(self.inputs, self.alpha, self.n2)
        return self._back(gradient_moment(self.inputs, adapted, self.n1))

    def hessian_moment(self, K: Operator) -> Operator:
        adapted = step_moment(self.inputs, K, self.alpha, self.n2)
        return self._back(hessian_moment(self.inputs, adapted, self.n1))

    def _back(self, Y: Operator) -> Operator:
        return step_moment(self.inputs, Y, self.alpha, self.n2)

"""What gradient steps have in common, whatever they are multiplied with: how many, and on which samples."""

from abc import abstractmethod

import numpy as np

from landscape.adaptations.base import Adaptation, AdaptationCost, Adapted, Batch, Draw, is_full, loss_form
from landscape.core.errors import BY_DRAWING, NoClosedForm
from landscape.core.typing import Array, Scalar
from landscape.linalg.moments.same_batch import mean_shrinkage, same_batch_form
from landscape.linalg.operators import Operator
from landscape.linalg.quadratic import QuadraticForm
from landscape.tasks.inputs import Moments


class Steps(Adaptation, register=False):
    """Gradient steps w -> w - P grad of any kind, each on m fresh samples or all on one batch, P a number or a matrix."""

    m: Scalar
    steps: int
    batches: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps <= 1:
            self._set(batches="fresh")  # one step has one batch

    @abstractmethod
    def multiplier(self) -> Scalar | Array:
        """Return P as a number or an array, shape (d, d), for draws."""

    @abstractmethod
    def multiplier_for(self, moments: Moments) -> Scalar | Operator:
        """Return P as a number or an operator that fits the inputs (theory)."""

    @abstractmethod
    def after_step(self, moments: Moments, form: QuadraticForm, K: Operator) -> QuadraticForm:
        """Compute the expected value of a form after one step on m fresh samples, as a form; K = I - P Sigma."""

    def form(self, moments: Moments) -> QuadraticForm:
        """Compute the expected loss by one step after another, the last one first, or on one batch by Wishart moments."""
        if self._shares_batch(moments):
            A, noise = same_batch_form(
                moments.Sigma, self.multiplier_for(moments), self.m, self.steps, moments.copies
            )
            return QuadraticForm(A, None, moments.noise_variance * (1 + noise))
        form, K = loss_form(moments), moments.Sigma.identity() - self._taken(moments)
        for _ in range(self.steps):
            form = self.after_step(moments, form, K)
        return form

    def shrinkage(self, moments: Moments) -> Operator:
        """Compute (I - P Sigma)^k; on one batch E[(I - P S)^k]."""
        if self._shares_batch(moments):
            return mean_shrinkage(
                moments.Sigma, self.multiplier_for(moments), self.m, self.steps, moments.copies
            )
        return (moments.Sigma.identity() - self._taken(moments)) ** self.steps

    def pull(self, moments: Moments) -> Operator:
        """Compute P Sigma (I + K + ... + K^(k-1)), K = I - P Sigma."""
        if self._shares_batch(moments):
            return super().pull(moments)
        taken = self._taken(moments)
        K, out = moments.Sigma.identity() - taken, 0 * moments.Sigma
        for _ in range(self.steps):
            out = out @ K + taken
        return out

    def _taken(self, moments: Moments) -> Operator:
        """P Sigma, the share of w - w_i that a step takes off."""
        P = self.multiplier_for(moments)
        return P @ moments.Sigma if isinstance(P, Operator) else P * moments.Sigma

    def _shares_batch(self, moments: Moments) -> bool:
        """Whether the steps are dependent: then only Gaussian inputs have an exact formula."""
        if self.batches == "fresh" or is_full(self.m):
            return False
        if not moments.is_gaussian:
            raise NoClosedForm(
                'batches="same" with several steps is exact for Gaussian inputs only: for data tasks use batches="fresh"; '
                + BY_DRAWING
            )
        return True

    def polynomial(self) -> tuple[int, Operator | None]:
        degree = 0 if self.batches == "fresh" or is_full(self.m) else 2 * self.steps
        return degree, getattr(self, "operator", None)

    @property
    def mean_needs_m(self) -> bool:
        return self.batches == "same"

    @property
    def factors(self) -> int:
        return self.steps

    def cost(self, d: int) -> AdaptationCost:
        return AdaptationCost(self.steps, 0, self.steps, 1 if self.batches == "same" else self.steps)

    def adapt(self, W: Array, draw: Draw) -> Adapted:
        P, used = np.asarray(self.multiplier()), list[Batch]()
        times, back = (
            (np.matmul, P.T) if P.ndim == 2 else (np.multiply, P)
        )  # or a number for each task, (tasks, 1, 1)
        for k in range(self.steps):
            used.append(used[0] if k and self.batches == "same" else draw(self.m))
            W = W - times(P, used[-1].gradient(W))

        def pullback(g: Array) -> Array:
            for batch in reversed(used):
                g = g - batch.hessian_times(times(back, g))
            return g

        return Adapted(W, pullback)

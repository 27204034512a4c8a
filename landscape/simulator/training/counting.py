"""What training costs: every gradient, Hessian and Hessian-vector product of a task, and the samples they took."""

import math
from dataclasses import dataclass

from landscape.core import Array
from landscape.simulator.training.losses.base import Loss


@dataclass
class Count:
    """Running totals.

    Attributes
    ----------
    gradients, hessians, hessian_vector_products : int
        Of one task each.
    samples : float
        Samples of all these; a population counts none.
    """

    gradients: int = 0
    hessians: int = 0
    hessian_vector_products: int = 0
    samples: int = 0

    def _add_samples(self, loss: Loss) -> None:
        self.samples += 0 if math.isinf(loss.samples) else int(loss.samples)

    def gradient(self, loss: Loss) -> None:
        """Note a gradient."""
        self.gradients += 1
        self._add_samples(loss)

    def hessian(self, loss: Loss) -> None:
        """Note a Hessian."""
        self.hessians += 1
        self._add_samples(loss)

    def product(self, loss: Loss) -> None:
        """Note a Hessian-vector product."""
        self.hessian_vector_products += 1
        self._add_samples(loss)


class Counted:
    """A loss whose derivatives are counted."""

    def __init__(self, loss: Loss, count: Count) -> None:
        self.loss, self.count = loss, count

    def gradient(self, w: Array) -> Array:
        """Compute the gradient, counted."""
        self.count.gradient(self.loss)
        return self.loss.gradient(w)

    def hessian(self, w: Array) -> Array:
        """Compute the Hessian, counted."""
        self.count.hessian(self.loss)
        return self.loss.hessian(w)

    def hessian_times(self, w: Array, v: Array) -> Array:
        """Compute the Hessian times v, counted."""
        self.count.product(self.loss)
        return self.loss.hessian_times(w, v)

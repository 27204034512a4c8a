"""What training costs: every gradient, Hessian and Hessian-vector product of a task, and the samples they took."""

import math
from dataclasses import dataclass


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

    def _samples(self, loss):
        self.samples += 0 if math.isinf(loss.samples) else int(loss.samples)

    def gradient(self, loss):
        """Note a gradient."""
        self.gradients += 1
        self._samples(loss)

    def hessian(self, loss):
        """Note a Hessian."""
        self.hessians += 1
        self._samples(loss)

    def product(self, loss):
        """Note a Hessian-vector product."""
        self.hessian_vector_products += 1
        self._samples(loss)


class Counted:
    """A loss whose derivatives are counted."""

    def __init__(self, loss, count):
        self.loss, self.count = loss, count

    def gradient(self, w):
        """The gradient, counted."""
        self.count.gradient(self.loss)
        return self.loss.gradient(w)

    def hessian(self, w):
        """The Hessian, counted."""
        self.count.hessian(self.loss)
        return self.loss.hessian(w)

    def hessian_times(self, w, v):
        """The Hessian times v, counted."""
        self.count.product(self.loss)
        return self.loss.hessian_times(w, v)

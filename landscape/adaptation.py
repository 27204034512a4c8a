"""How one adapts at meta-test."""

from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.quadratics import after_fresh
from landscape.record import Record
from landscape.same_batch import after_same


@dataclass(frozen=True, eq=False, repr=False)
class Adaptation(Record):
    r"""Adaptation at meta-test: gradient steps on m fresh samples each.

    Parameters
    ----------
    alpha : float or array
        Step size :math:`\alpha` of the inner step. Negative values are allowed.
    m : float or array
        Samples a step; ``inf`` takes the full gradient.
    steps : int
        Number of steps.
    batches : {"fresh", "same"}
        Whether each step draws its own m samples, or all steps use one batch. On one batch the steps are
        dependent: Gaussian inputs only, up to 10 steps for isotropic families and 3 for others.

    Raises
    ------
    ValueError
        If alpha is not finite, m < 1 or not whole, steps < 0.

    Examples
    --------
    >>> Adaptation(0.5, m=20)
    Adaptation(0.5, m=20)
    """

    alpha: float
    m: float = np.inf
    steps: int = 1
    batches: str = "fresh"

    _varying = ("alpha", "m")

    def __post_init__(self):
        self._set(
            alpha=checks.number("alpha", self.alpha, grid=True),
            m=checks.number("m", self.m, at_least=1, whole=True, infinite=True, grid=True),
            steps=checks.number("steps", self.steps, at_least=0, at_most=checks.MOST_STEPS, whole=True),
            batches=checks.known("batches", self.batches, ["fresh", "same"]),
        )

    def quadratic(self, inputs):
        """The expected loss after adaptation, as a quadratic of the point before it."""
        return after(inputs, self.alpha, self.m, self.steps, self.batches)

    def _repr_latex_(self):
        steps = "" if self.steps == 1 else rf",\ {self.steps}\text{{ steps}}"
        return rf"$w \mapsto w - \alpha \nabla \hat f_i(w; m),\ \alpha = {self.alpha},\ m = {self.m}{steps}$"


def after(inputs, alpha, m, steps, batches="fresh"):
    """The loss after `steps` inner steps, on fresh batches of m samples or on one and the same."""
    return (after_same if batches == "same" else after_fresh)(inputs, alpha, m, steps)

"""Methods whose inner problem pulls towards the initial point instead of counting steps."""

from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.methods.base import Method, cost_row
from landscape.quadratics import Quadratic


@dataclass(frozen=True, eq=False, repr=False)
class IMAML(Method):
    r"""Implicit MAML: the inner problem is the loss plus :math:`\tfrac g2\|v-w\|^2`, solved exactly.

    :math:`A = \Sigma\,(g(\Sigma+gI)^{-1})^2` for the population inner problem; `strength` is g.

    Parameters
    ----------
    strength : float or array
        g, above 0: how strongly the inner problem pulls towards the initial point.

    Examples
    --------
    >>> optimum(two_tasks(d=2), IMAML(0.5)).round(3)
    array([-0.231, -0.231])
    """

    strength: float

    label = "iMAML"
    weight_latex = r"\Sigma\,(g(\Sigma+gI)^{-1})^2"
    _varying = ("strength",)
    n2 = np.inf

    def __post_init__(self):
        self._set(strength=_strength(self.strength))

    def quadratic(self, inputs):
        """Sigma (g / (Sigma + g))^2."""
        g = self.strength
        return Quadratic(inputs.function(lambda lam: lam * (g / (lam + g)) ** 2), None, None)

    def cost(self, d, n1, n2):
        """The outer gradient, and two linear solves of at most d Hessian-vector products each."""
        return cost_row(2, 2 * d, n1 + n2)


@dataclass(frozen=True, eq=False, repr=False)
class BaMAML(Method):
    r"""Bayesian MAML: the log predictive density of held-out samples of a task.

    With prior N(w, I/gamma), unit likelihood variance and N samples a task of which the share s
    trains, :math:`A \propto (I + \Sigma/(gs))^{-1}\,\Sigma\,(I+\Sigma/g)^{-1}` in the population limit,
    where g = gamma/(sN) is the prior's precision per training sample (Chen & Chen 2022).

    Parameters
    ----------
    strength : float or array
        g.
    train_share : float
        s, between 0 and 1.

    Examples
    --------
    >>> optimum(two_tasks(d=2), BaMAML(0.5, train_share=0.5)).round(3)
    array([-0.057, -0.057])
    """

    strength: float
    train_share: float

    label = "BaMAML"
    weight_latex = r"(I+\Sigma/(gs))^{-1}\Sigma(I+\Sigma/g)^{-1}"
    _varying = ("strength",)
    n2 = np.inf

    def __post_init__(self):
        share = checks.number("train_share", self.train_share, above=0, at_most=1)
        if share == 1:
            raise ValueError("train_share must be < 1: the other samples are what is predicted")
        self._set(strength=_strength(self.strength), train_share=share)

    def quadratic(self, inputs):
        """(I + Sigma/(g s))^-1 Sigma (I + Sigma/g)^-1."""
        g, s = self.strength, self.train_share
        return Quadratic(
            inputs.function(lambda lam: lam * (s * g / (s * g + lam)) * (g / (g + lam))), None, None
        )

    def cost(self, d, n1, n2):
        """A gradient, and two linear solves of at most d Hessian-vector products each."""
        return cost_row(1, 2 * d, n1 + n2)


def _strength(value):
    return checks.number("strength", value, above=0, grid=True)

"""Pooled training first, MAML after."""

from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.adaptation import after
from landscape.methods.base import Method, cost_row, step_size


@dataclass(frozen=True, eq=False, repr=False)
class BIMAML(Method):
    r"""BI-MAML: descend on f until :math:`\|\nabla f\| < \varepsilon_0`, then on F (Xu et al., Algorithm 1).

    Parameters
    ----------
    alpha : float
        Inner step size of the second phase.
    threshold : float
        :math:`\varepsilon_0`.
    latched : bool
        Whether the second phase is for good. Algorithm 1 as printed is not latched: it tests
        :math:`\|\nabla f\| \ge \varepsilon_0` at every moment, and where :math:`\|\nabla f\| > \varepsilon_0` at
        MAML's optimum it slides along that surface for ever and never gets there.

    Raises
    ------
    ValueError
        If alpha is not finite or threshold not positive.

    Examples
    --------
    >>> flow(two_tasks(d=2), BIMAML(0.5, threshold=0.1), start=3.0).limit.round(3)
    array([-0.47, -0.47])
    """

    alpha: float
    threshold: float
    latched: bool = True

    label = "BI-MAML"
    weight_latex = r"(I-\alpha\Sigma)\Sigma(I-\alpha\Sigma)\ \text{in the second phase}"
    _varying = ("alpha",)

    def __post_init__(self):
        checks.flag("latched", self.latched)
        self._set(alpha=step_size(self.alpha), threshold=checks.number("threshold", self.threshold, above=0))

    def quadratic(self, inputs):
        """The loss after one full gradient step: where the latched method ends up."""
        if not self.latched:
            raise ValueError(
                "BI-MAML that is not latched need not end up at MAML's optimum: use latched=True, or flow() for its path"
            )
        return after(inputs, self.alpha, np.inf, 1)

    def cost(self, d, n1, n2):
        """Of an iteration of the second phase, which is MAML's; one of the first takes one gradient."""
        return cost_row(2, 1, n1 + n2)

"""MAML, with its own inner step or with that of the adaptation it is judged by."""

from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.adaptation import Adaptation, after
from landscape.methods.base import Method, batch_count, cost_row, inner_batch, step_count, step_size


@dataclass(frozen=True, eq=False, repr=False)
class MAML(Method):
    r"""Model-agnostic meta-learning: the loss after `steps` inner steps.

    Parameters
    ----------
    alpha : float or array
        Inner step size :math:`\alpha` in training.
    n2 : float or array
        Samples of an inner batch; ``inf`` takes full gradients.
    steps : int
        Inner steps.
    batches : {"fresh", "same"}
        Whether each inner step draws its own n2 samples or all use one batch; see `Adaptation`.
    hessian : {"shared", "independent"}
        Whether the Hessian in the meta-gradient is taken on the inner batch itself (Collins et al.;
        common practice) or on another batch (Fallah et al., eq. (5)). With the shared batch

        .. math:: A = (I-\alpha\Sigma)\Sigma(I-\alpha\Sigma)
                  + \tfrac{\alpha^2}{n_2}(\Sigma^3 + \mathrm{tr}(\Sigma^2)\Sigma)

        for one step and Gaussian inputs (Collins et al., eq. (84)); with an independent one the last
        term is absent, whatever the batch sizes: the two have different limits.

    Examples
    --------
    >>> optimum(two_tasks(d=2), MAML(0.8)).round(3)
    array([0.358, 0.358])
    >>> MAML.matching(Adaptation(0.8, m=50)).resolved
    MAML(0.8, n2=50)
    """

    alpha: float
    n2: float = np.inf
    steps: int = 1
    batches: str = "fresh"
    hessian: str = "shared"

    label = "MAML"
    weight_latex = (
        r"(I-\alpha\Sigma)\Sigma(I-\alpha\Sigma) + \frac{\alpha^2}{n_2}(\Sigma^3+\mathrm{tr}(\Sigma^2)\Sigma)"
    )
    _varying = ("alpha", "n2")

    def __post_init__(self):
        checks.known("hessian", self.hessian, ["shared", "independent"])
        self._set(alpha=step_size(self.alpha), steps=step_count(self.steps), n2=inner_batch(self))
        if self.n2 is None:
            raise ValueError("n2 must be a whole number >= 1 or inf, got None")
        if self.batches == "same" and self.hessian == "independent" and self.steps > 1:
            raise ValueError(
                'hessian="independent" means another batch for each step: it needs batches="fresh"'
            )

    @staticmethod
    def matching(adaptation):
        """MAML trained for `adaptation`: same alpha and steps, n2 = m, also as they vary in a sweep."""
        return MatchingMAML(adaptation)

    def minimises(self, adaptation):
        """Whether the method's loss is the risk after that very adaptation."""
        same = [(self.alpha, adaptation.alpha), (self.n2, adaptation.m), (self.steps, adaptation.steps)]
        alike = self.steps == 1 or self.batches == adaptation.batches
        return (
            alike and self.hessian == "shared" and all(np.array_equal(ours, theirs) for ours, theirs in same)
        )

    def quadratic(self, inputs):
        """The loss after the inner steps; full gradients where the Hessian has its own batch."""
        n2 = self.n2 if self.hessian == "shared" else np.inf
        return after(inputs, self.alpha, n2, self.steps, self.batches)

    def cost(self, d, n1, n2):
        """A gradient a step and the outer one; a Hessian-vector product a step on the way back."""
        batches = batch_count(self) * (1 if self.hessian == "shared" else 2)
        return cost_row(self.steps + 1, self.steps, n1 + batches * n2)


@dataclass(frozen=True, eq=False, repr=False)
class MatchingMAML(Method):
    """MAML with the alpha, m and steps of the adaptation it will be judged by."""

    adaptation: Adaptation

    label = MAML.label
    weight_latex = MAML.weight_latex
    _constructor = "MAML.matching"

    def __post_init__(self):
        checks.instance("adaptation", self.adaptation, Adaptation)
        step_count(self.adaptation.steps)

    @property
    def resolved(self):
        """The MAML it stands for."""
        adaptation = self.adaptation
        return MAML(adaptation.alpha, n2=adaptation.m, steps=adaptation.steps, batches=adaptation.batches)

    def following(self, adaptation):
        """MAML for the changed adaptation."""
        return MatchingMAML(adaptation)

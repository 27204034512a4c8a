"""Pooled training first, MAML after."""

import dataclasses

from landscape.adaptations import Adaptation, Draw, GradientSteps, is_full
from landscape.core import Array, Scalar, checks, parameter, positive, record
from landscape.linalg import QuadraticForm
from landscape.methods.base import Cost, InnerMethod
from landscape.tasks import Moments


@record
class BIMAML(InnerMethod):
    r"""BI-MAML: descend on f until :math:`\|\nabla f\| < \varepsilon_0`, then on F (Xu et al., Algorithm 1).

    Parameters
    ----------
    inner : GradientSteps or float
        The full gradient step of the second phase.
    latched : bool
        Whether the second phase is for good. Algorithm 1 as printed is not latched: it tests
        :math:`\|\nabla f\| \ge \varepsilon_0` at every moment, and where :math:`\|\nabla f\| > \varepsilon_0`
        at MAML's optimum it slides along that surface for ever and never gets there.

    Raises
    ------
    ValueError
        If the threshold is not positive, or the inner step is not one full gradient step.

    Examples
    --------
    >>> from landscape import TwoTasks, flow
    >>> flow(TwoTasks(d=2), BIMAML(0.5, threshold=0.1), start=3.0).limit.round(3)
    array([-0.47, -0.47])
    """

    inner: Adaptation | float | None = dataclasses.field()
    threshold: float = parameter(
        positive, symbol=r"\varepsilon_0", label="gradient norm at which MAML begins", typical=(0.05, 0.5)
    )
    latched: bool = True

    kind = "BI-MAML"
    factors = 2
    weight_latex = r"(I-\alpha\Sigma)\Sigma(I-\alpha\Sigma)\ \text{in the second phase}"

    def __post_init__(self) -> None:
        checks.flag("latched", self.latched)
        super().__post_init__()

    def _check_inner(self, inner: Adaptation) -> None:
        if not isinstance(inner, GradientSteps) or inner.steps != 1 or not is_full(inner.m):
            raise ValueError(
                f"BI-MAML takes one full gradient step inside, got {inner!r}: write BIMAML(0.5, threshold)"
            )

    @property
    def alpha(self) -> Scalar:
        """The inner step size."""
        assert isinstance(self.adaptation, GradientSteps)
        return self.adaptation.alpha

    def objective(self, moments: Moments) -> QuadraticForm:
        """Compute the loss after one full gradient step: where the latched method ends up."""
        if not self.latched:
            raise ValueError(
                "BI-MAML that is not latched need not end up at MAML's optimum: use latched=True, or flow() for its path"
            )
        return self.adaptation.expected(moments)

    def meta_gradient(self, W: Array, draw: Draw, n1: Scalar, n2: Scalar) -> Array:
        raise TypeError(
            "BI-MAML changes its gradient on the way: simulate it by train(), or its path by flow()"
        )

    def cost(self, d: int, n1: Scalar, n2: Scalar) -> Cost:
        """Count an iteration of the second phase, which is MAML's; one of the first takes one gradient."""
        return Cost(2, 1, n1 + n2)

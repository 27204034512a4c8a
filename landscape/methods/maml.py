"""MAML: the loss after an inner adaptation, as the loss one trains on."""

import numpy as np

from landscape.adaptations import Adaptation, Draw, RidgeToStart, at_mean_step
from landscape.core import Array, Scalar, batch_size, choice, parameter, record
from landscape.linalg import QuadraticForm
from landscape.methods.base import Cost, InnerMethod, Method
from landscape.tasks import Moments


@record
class MAML(InnerMethod):
    r"""Model-agnostic meta-learning: the loss after an inner adaptation is what one trains on.

    Notes
    -----
    With the Hessian of the meta-gradient on the inner batch itself (``hessian="shared"``: Collins et al.;
    common practice)

    .. math:: A = (I-\alpha\Sigma)\Sigma(I-\alpha\Sigma) + \tfrac{\alpha^2}{n_2}(\Sigma^3 + \mathrm{tr}(\Sigma^2)\Sigma)

    for one gradient step and Gaussian inputs (Collins et al., eq. (84)). On another batch (``"independent"``:
    Fallah et al., eq. (5)) the last term is absent, whatever the batch sizes: the two have different limits.

    Examples
    --------
    >>> from landscape import GradientSteps, TwoTasks, optimum
    >>> optimum(TwoTasks(d=2), MAML(0.8)).round(3)
    array([0.358, 0.358])
    >>> MAML(GradientSteps(0.8, m=50))
    MAML(GradientSteps(0.8, m=50))
    """

    hessian: str = parameter(choice("shared", "independent"), default="shared", label="batch of the Hessian")

    step_divisor = 12
    weight_latex = (
        r"(I-\alpha\Sigma)\Sigma(I-\alpha\Sigma) + \frac{\alpha^2}{n_2}(\Sigma^3+\mathrm{tr}(\Sigma^2)\Sigma)"
    )

    def _check_inner(self, inner: Adaptation) -> None:
        if self.hessian == "independent" and getattr(inner, "batches", "fresh") == "same":
            raise ValueError(
                'hessian="independent" means another batch for each step: it needs batches="fresh"'
            )

    @property
    def label(self) -> str:
        return "MAML" if self.inner is None else self.adaptation.maml_label

    @property
    def target_needs_n2(self) -> bool:
        return self.hessian == "shared" or super().target_needs_n2

    def objective(self, moments: Moments) -> QuadraticForm:
        """Compute the expected loss after the inner adaptation; K'Sigma K where the Hessian has its own batch."""
        if self.hessian == "independent":
            return at_mean_step(self.adaptation, moments)
        return self.adaptation.expected(moments)

    def minimises(self) -> Adaptation | None:
        return self.adaptation if self.hessian == "shared" else None

    @property
    def factors(self) -> int:
        return 2 * self.adaptation.factors

    def meta_gradient(self, W: Array, draw: Draw, n1: Scalar, n2: Scalar) -> Array:
        adapted = self.adaptation.adapt(W, draw)
        g = draw(n1).gradient(adapted.points)
        return (adapted if self.hessian == "shared" else self.adaptation.adapt(W, draw)).pullback(g)

    def cost(self, d: int, n1: Scalar, n2: Scalar) -> Cost:
        """Count the adaptation, the outer gradient, and the way back."""
        inner = self.adaptation.cost(d)
        batches = inner.batches * (1 if self.hessian == "shared" else 2)
        return Cost(inner.gradients + 1, inner.forward_products + inner.backward_products, n1 + batches * n2)


def IMAML(strength: Scalar, n2: Scalar = np.inf) -> Method:
    r"""Make implicit MAML: the inner problem is the loss plus :math:`\tfrac g2\|v-w\|^2`, solved exactly.

    Parameters
    ----------
    strength : float
        g, above 0: how strongly the inner problem pulls towards the initial point.
    n2 : float
        Samples of the inner problem.

    Returns
    -------
    MAML
        With `RidgeToStart` inside.

    Raises
    ------
    ValueError
        If the strength is not above 0, or n2 is no number of samples.

    Examples
    --------
    >>> from landscape import TwoTasks, optimum
    >>> optimum(TwoTasks(d=2), IMAML(0.5)).round(3)
    array([-0.231, -0.231])
    >>> optimum(TwoTasks(d=2), IMAML(0.5, n2=20)).round(3)
    array([-0.315, -0.315])
    """
    return MAML(RidgeToStart(strength, batch_size.check("n2", n2, symbols=True)))

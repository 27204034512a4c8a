"""Methods without second derivatives: first-order MAML, Hessian-free MAML, Reptile."""

from landscape.adaptations import Adaptation, Draw, GradientSteps, at_mean_step
from landscape.core import Array, Scalar, record
from landscape.linalg import QuadraticForm
from landscape.methods.base import Cost, InnerMethod
from landscape.tasks import Moments


@record
class FOMAML(InnerMethod):
    r"""First-order MAML: the outer gradient at the adapted point, :math:`A = \Sigma\,E[R]`.

    For k fresh gradient steps it is Sigma (I - alpha Sigma)^k for batches of any size, for gradients are
    linear in the data (Fallah et al., eq. (8)). It is negative where alpha times an eigenvalue exceeds 1 and
    k is odd.

    Examples
    --------
    >>> from landscape import TwoTasks, optimum
    >>> optimum(TwoTasks(d=2), FOMAML(0.8)).round(3)
    array([-0.37, -0.37])
    """

    kind = "FO-MAML"
    step_divisor = 18
    weight_latex = r"\Sigma(I-\alpha\Sigma)^k"

    def _check_inner(self, inner: Adaptation) -> None:
        P = getattr(inner, "P", None)
        if P is not None and (P != P.T).any():
            raise ValueError(
                "FO-MAML with a matrix step that is not symmetric minimises nothing: use a symmetric P, or MAML"
            )

    def objective(self, moments: Moments) -> QuadraticForm:
        """Compute Sigma E[R]."""
        return QuadraticForm(moments.Sigma @ self.adaptation.shrinkage(moments))

    def meta_gradient(self, W: Array, draw: Draw, n1: Scalar, n2: Scalar) -> Array:
        return draw(n1).gradient(self.adaptation.adapt(W, draw).points)

    def cost(self, d: int, n1: Scalar, n2: Scalar) -> Cost:
        """Count the adaptation and the outer gradient."""
        inner = self.adaptation.cost(d)
        return Cost(inner.gradients + 1, inner.forward_products, n1 + inner.batches * n2)


@record
class HFMAML(InnerMethod):
    r"""Hessian-free MAML: Hessian-vector products as differences of gradients on a batch of their own.

    On quadratics the difference is exact, so it is MAML with an independent Hessian batch (Fallah et al.,
    eqs. (10), (11)):
    :math:`A = (I-\alpha\Sigma)\Sigma(I-\alpha\Sigma)` whatever the batch sizes.

    Parameters
    ----------
    inner : GradientSteps or float, optional
        One gradient step.

    Examples
    --------
    >>> from landscape import TwoTasks, optimum
    >>> optimum(TwoTasks(d=2), HFMAML(0.8)).round(3)
    array([0.358, 0.358])
    """

    kind = "HF-MAML"
    step_divisor = 25
    weight_latex = r"(I-\alpha\Sigma)\Sigma(I-\alpha\Sigma)"

    def _check_inner(self, inner: Adaptation) -> None:
        if not isinstance(inner, GradientSteps) or inner.steps != 1:
            raise ValueError(f"HF-MAML is known for one gradient step, got {inner!r}: write HFMAML(0.5)")

    def objective(self, moments: Moments) -> QuadraticForm:
        """Compute the loss after one full gradient step."""
        return at_mean_step(self.adaptation, moments)

    @property
    def factors(self) -> int:
        return 2 * self.adaptation.factors

    def meta_gradient(self, W: Array, draw: Draw, n1: Scalar, n2: Scalar) -> Array:
        inner = self.adaptation
        assert isinstance(inner, GradientSteps)
        g = draw(n1).gradient(inner.adapt(W, draw).points)
        other, half = draw(inner.m), 0.5  # any difference is exact on a quadratic
        return g - inner.alpha * (other.gradient(W + half * g) - other.gradient(W - half * g)) / (2 * half)

    def cost(self, d: int, n1: Scalar, n2: Scalar) -> Cost:
        """Count inner, outer and the two gradients of the difference, on a third batch as large as the inner."""
        return Cost(4, 0, n1 + 2 * n2)


@record
class Reptile(InnerMethod):
    r"""Reptile: move towards the adapted point, :math:`A = I - E[R]`.

    For k fresh gradient steps it is I - (I - alpha Sigma)^k, for batches of any size.

    Examples
    --------
    >>> from landscape import GradientSteps, TwoTasks, optimum
    >>> optimum(TwoTasks(d=2), Reptile(GradientSteps(0.8, steps=5))).round(3)
    array([-0.491, -0.491])
    """

    kind = "Reptile"
    trains_by_loss = False
    factors = 0
    weight_latex = r"I-(I-\alpha\Sigma)^k"

    def objective(self, moments: Moments) -> QuadraticForm:
        """Compute I - E[R]."""
        return QuadraticForm(self.adaptation.pull(moments))

    def meta_gradient(self, W: Array, draw: Draw, n1: Scalar, n2: Scalar) -> Array:
        return W - self.adaptation.adapt(W, draw).points

    def cost(self, d: int, n1: Scalar, n2: Scalar) -> Cost:
        """Count the adaptation; there is no outer batch."""
        inner = self.adaptation.cost(d)
        return Cost(inner.gradients, inner.forward_products, inner.batches * n2)

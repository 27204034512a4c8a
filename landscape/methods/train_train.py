"""Training on the loss of the very samples that one adapts to: what a split into training and validation avoids."""

from dataclasses import replace

import numpy as np

from landscape.adaptations import Adaptation, Draw, GradientSteps, is_full
from landscape.core import Array, NoClosedForm, Scalar, is_symbolic, record
from landscape.linalg import QuadraticForm
from landscape.methods.base import Cost, InnerMethod
from landscape.tasks import Moments


@record
class TrainTrain(InnerMethod):
    r"""MAML whose outer loss is that of the inner samples: the train-train method, beside train-validation, `MAML`.

    With R = I - alpha S of the batch, after k steps on it the loss of the same batch has the Hessian

    .. math:: A = E[R^k S R^k] = \frac{E[R^{2k}] - E[R^{2k+1}]}{\alpha},

    and of ridge regression :math:`A = E[g^2 Q S Q]`, :math:`Q = (S + gI)^{-1}`. Label noise drops out of the mean, so tasks of one
    family are estimated without bias, and from more samples than `MAML` leaves for its outer loss (Bai et al., 2021). A training's
    n2 samples are drawn, and no outer ones.

    Raises
    ------
    ValueError
        If the inner adaptation takes several batches.

    Examples
    --------
    >>> from landscape import MAML, GradientSteps, TwoTasks, optimum
    >>> optimum(TwoTasks(d=2), TrainTrain(GradientSteps(0.8, m=20))).round(3)
    array([-0.144, -0.144])
    >>> optimum(TwoTasks(d=2), MAML(GradientSteps(0.8, m=20))).round(3)
    array([-0.232, -0.232])
    """

    weight_latex = r"E[R^k S R^k]"

    def _check_inner(self, inner: Adaptation) -> None:
        if inner.cost(1).batches != 1 and not is_full(inner.m):
            raise ValueError(f'TrainTrain takes one batch, and {inner!r} does not: give batches="same"')

    @property
    def label(self) -> str:
        return "train-train" if self.inner is None else f"{self.adaptation.maml_label} (train-train)"

    def objective(self, moments: Moments) -> QuadraticForm:
        """Compute (E[R^2k] - E[R^(2k+1)])/alpha, for steps by a number; on all samples it is MAML's."""
        inner = self.adaptation
        if is_full(inner.m):
            return inner.expected(moments)
        if not isinstance(inner, GradientSteps) or inner.steps == 0:
            raise NoClosedForm(
                f"the weight of {self!r} is known for gradient steps: simulate() trains it, and optimum draws it"
            )
        if not is_symbolic(inner.alpha) and np.any(np.asarray(inner.alpha) == 0):
            raise ValueError("TrainTrain with alpha = 0 does not adapt: take NAL()")
        even, odd = (
            replace(inner, steps=power, batches="same").shrinkage(moments)
            for power in (2 * inner.steps, 2 * inner.steps + 1)
        )
        return QuadraticForm((even - odd) / inner.alpha)

    @property
    def target_needs_n2(self) -> bool:
        return True

    def meta_gradient(self, W: Array, draw: Draw, n1: Scalar, n2: Scalar) -> Array:
        batch = draw(n2)
        adapted = self.adaptation.adapt(W, lambda n: batch)
        return adapted.pullback(batch.gradient(adapted.points))

    def cost(self, d: int, n1: Scalar, n2: Scalar) -> Cost:
        """Count the adaptation, the outer gradient, and the way back, on one batch."""
        inner = self.adaptation.cost(d)
        return Cost(inner.gradients + 1, inner.forward_products + inner.backward_products, n2)

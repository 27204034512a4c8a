"""Gradient steps with a number as step size: the adaptation of MAML."""

import numpy as np

from landscape.adaptations.base import is_full
from landscape.adaptations.samples_and_steps import number_of_samples, number_of_steps, samples_of_steps
from landscape.adaptations.steps import Steps
from landscape.core.domains import is_symbolic, real
from landscape.core.parameters import parameter, record
from landscape.core.tolerances import EXPANDING
from landscape.core.typing import Scalar
from landscape.linalg.operators import Diagonal, Operator
from landscape.linalg.quadratic import QuadraticForm
from landscape.tasks.inputs import Moments


@record
class GradientSteps(Steps):
    r"""Gradient steps w -> w - alpha grad f_i(w; m), each on m fresh samples or all on one batch.

    On one batch the steps are dependent: exact for Gaussian inputs only, up to 10 steps for isotropic
    families and 3 for others. What is beyond is drawn: on Gaussian inputs batches whose rare, large losses
    carry the mean are then drawn more often than they come up, so that standard errors can be trusted.

    Raises
    ------
    ValueError
        If alpha is not finite, m < 1 or not whole, steps < 0.
    TypeError
        If alpha is a vector or a matrix: see `PreconditionedSteps`.

    Examples
    --------
    >>> GradientSteps(0.5, m=20)
    GradientSteps(0.5, m=20)
    """

    alpha: Scalar = parameter(
        real, symbol=r"\alpha", label="inner step size", typical=(0.05, 0.9), grid=True,
        instead="for a step size per coordinate or a matrix use PreconditionedSteps(P, m)",
    )  # fmt: skip
    m: Scalar = number_of_samples(label="samples a step")
    steps: int = number_of_steps()
    batches: str = samples_of_steps()

    def multiplier(self) -> Scalar:
        return self.alpha

    def multiplier_for(self, moments: Moments) -> Scalar:
        return self.alpha

    def after_step(self, moments: Moments, form: QuadraticForm, K: Operator) -> QuadraticForm:
        return step(moments, form, K, self.alpha, self.m)

    def expands(self, moments: Moments) -> bool:
        """Say whether alpha times some curvature lies outside [0, 2]."""
        alpha = self.alpha
        if not self.steps or is_symbolic(alpha):
            return False
        low, high = (alpha, alpha) if isinstance(alpha, float) else (np.min(alpha), np.max(alpha))
        if low < 0 or high * np.max(moments.Sigma.bound()) <= 2:
            return bool(low < 0)
        return bool(np.max(alpha * moments.Sigma.largest()) > 2 * (1 + EXPANDING))


def step(moments: Moments, form: QuadraticForm, K: Operator, alpha: Scalar, m: Scalar) -> QuadraticForm:
    r"""Compute the expected value of a form after one gradient step on m fresh samples, as a form.

    .. math::
        A &\to K A K + \tfrac{\alpha^2}{m} \mathrm{scatter}(A), \qquad K = I - \alpha\Sigma \\
        b &\to K b + \tfrac{\alpha^2}{m} \mathrm{third}(A), \qquad c \to c + \tfrac{\alpha^2}{m}
        \mathrm{noise}(A)

    It follows from d -> (I - alpha S) d + alpha s with S the mean of xx', s the mean of xe. From the loss it
    gives Q of Collins et al., eq. (84). A product: written out, the terms of K A K would cancel.
    """
    A, b, c = form.A, form.b, form.c
    SA = moments.times(A)
    KAK = K @ A @ K if isinstance(A, Diagonal) else (A - alpha * SA) @ K
    b = None if b is None else K @ b
    if is_full(m):
        return QuadraticForm(KAK, b, c)
    share = alpha**2 / m
    third = moments.third(A)
    if third is not None:
        push = np.asarray(share)[..., None] * third
        b = push if b is None else b + push
    return QuadraticForm(KAK + share * moments.scatter(A, SA), b, c + share * moments.noise(A, SA))

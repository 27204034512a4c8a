"""Gradient steps with a vector or a matrix as step size: Meta-SGD, Meta-Curvature, one layer of linear attention."""

from typing import Any

import numpy as np

from landscape.adaptations.base import is_full
from landscape.adaptations.samples_and_steps import number_of_samples, number_of_steps, samples_of_steps
from landscape.adaptations.steps import Steps
from landscape.core.domains import square
from landscape.core.errors import NoClosedForm
from landscape.core.parameters import parameter, record
from landscape.core.tolerances import EXPANDING
from landscape.core.typing import Array, Scalar
from landscape.linalg.operators import Diagonal, Matrix, Operator, diagonal
from landscape.linalg.quadratic import QuadraticForm
from landscape.tasks.inputs import Moments


@record
class PreconditionedSteps(Steps):
    r"""Gradient steps w -> w - P grad f_i(w; m) with a matrix P, or a step size per coordinate.

    P need not be symmetric; the best one for several families is not (see `best_preconditioner`).

    Raises
    ------
    ValueError
        If P is not a vector or a square matrix of finite numbers.

    Examples
    --------
    >>> from landscape import HardEasy, risk
    >>> risk(HardEasy(d=2), 0.0, PreconditionedSteps([0.9, 0.9], m=20)).total.round(4)
    0.6667
    """

    P: Any = parameter(
        square, symbol="P", label="matrix step, or a step size per coordinate", typical=(0.05, 0.9),
        instead="for a number use GradientSteps(alpha, m)",
    )  # fmt: skip
    m: Scalar = number_of_samples(label="samples a step")
    steps: int = number_of_steps()
    batches: str = samples_of_steps()

    entries_per_coordinate = "P"

    @property
    def operator(self) -> Operator:
        """P as an operator."""
        return diagonal(self.P) if self.P.ndim == 1 else Matrix(self.P)

    def multiplier(self) -> Array:
        P: Array = np.diag(self.P) if self.P.ndim == 1 else self.P
        return P

    def multiplier_for(self, moments: Moments) -> Operator:
        self.check_dimension(moments.Sigma.d)
        return self.operator

    def after_step(self, moments: Moments, form: QuadraticForm, K: Operator) -> QuadraticForm:
        """Compute A -> K'AK + scatter(P'AP)/m, and b and c likewise."""
        A, b, c = K.T @ form.A @ K, None if form.b is None else K.T @ form.b, form.c
        if is_full(self.m):
            return QuadraticForm(A, b, c)
        PAP = self.operator.T @ form.A @ self.operator
        SPAP, third = moments.Sigma @ PAP, moments.third(PAP)
        if third is not None:
            push = third / np.asarray(self.m)[..., None]
            b = push if b is None else b + push
        scatter, noise = moments.scatter(PAP, SPAP), moments.noise(PAP, SPAP)
        return QuadraticForm(A + scatter / self.m, b, c + noise / self.m)

    def pull(self, moments: Moments) -> Operator:
        """Compute I - E[R], where P commutes with the inputs: else it is not symmetric."""
        if not (isinstance(self.multiplier_for(moments), Diagonal) and isinstance(moments.Sigma, Diagonal)):
            raise NoClosedForm(
                "I - E[R] is not symmetric for a matrix P: Reptile's stationary point is not a minimum"
            )
        return super().pull(moments)

    def expands(self, moments: Moments) -> bool:
        """Say whether the loss grows from some point: a singular value of I - R P R' above 1, with R'R = Sigma.

        For a symmetric P that is an eigenvalue of P Sigma outside [0, 2].
        """
        if not self.steps:
            return False
        R = moments.Sigma.expanded().root()
        left = R.identity() - R @ self.multiplier_for(moments) @ R.T
        return bool(np.max((left.T @ left).largest()) > 1 + EXPANDING)

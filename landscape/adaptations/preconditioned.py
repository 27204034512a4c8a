"""Gradient steps with a vector or a matrix as step size: Meta-SGD, Meta-Curvature, one layer of linear attention."""

from typing import Any

import numpy as np

from landscape.adaptations.base import Adapted, Batch, Draw, is_full, loss_form
from landscape.adaptations.samples_and_steps import number_of_samples, number_of_steps, samples_of_steps
from landscape.adaptations.steps import Steps
from landscape.core.domains import square
from landscape.core.errors import NoClosedForm
from landscape.core.parameters import parameter, record
from landscape.core.tolerances import EXPANDING
from landscape.core.typing import Array, Scalar
from landscape.linalg.moments.same_batch import mean_shrinkage, same_batch_form
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

    @property
    def operator(self) -> Operator:
        """P as an operator."""
        return diagonal(self.P) if self.P.ndim == 1 else Matrix(self.P)

    def _step_matrix(self, moments: Moments) -> Operator:
        """P, with a check that it fits the inputs."""
        P = self.operator
        if P.d != moments.Sigma.d:
            raise ValueError(f"P must fit d = {moments.Sigma.d}, got {P.d}")
        return P

    def form(self, moments: Moments) -> QuadraticForm:
        """Compute the expected loss: A -> K'AK + scatter(P'AP)/m with K = I - P Sigma, step by step."""
        P = self._step_matrix(moments)
        if self._shares_batch(moments):
            A, noise = same_batch_form(moments.Sigma, P, self.m, self.steps)
            return QuadraticForm(A, None, moments.noise_variance * (1 + noise))
        form, K = loss_form(moments), moments.Sigma.identity() - P @ moments.Sigma
        for _ in range(self.steps):
            PAP, b, c = P.T @ form.A @ P, form.b, form.c
            A, b = K.T @ form.A @ K, None if b is None else K.T @ b
            if not is_full(self.m):
                SPAP, third = moments.Sigma @ PAP, moments.third(PAP)
                if third is not None:
                    push = third / np.asarray(self.m)[..., None]
                    b = push if b is None else b + push
                A, c = A + moments.scatter(PAP, SPAP) / self.m, c + moments.noise(PAP, SPAP) / self.m
            form = QuadraticForm(A, b, c)
        return form

    def shrinkage(self, moments: Moments) -> Operator:
        """Compute (I - P Sigma)^k; on one batch E[(I - P S)^k]."""
        P = self._step_matrix(moments)
        if self._shares_batch(moments):
            return mean_shrinkage(moments.Sigma, P, self.m, self.steps)
        return (moments.Sigma.identity() - P @ moments.Sigma) ** self.steps

    def pull(self, moments: Moments) -> Operator:
        """Compute I - E[R], where P commutes with the inputs: else it is not symmetric."""
        P = self._step_matrix(moments)
        if not (isinstance(P, Diagonal) and isinstance(moments.Sigma, Diagonal)):
            raise NoClosedForm(
                "I - E[R] is not symmetric for a matrix P: Reptile's stationary point is not a minimum"
            )
        K = moments.Sigma.identity() - P @ moments.Sigma
        out: Operator = 0 * moments.Sigma
        if self._shares_batch(moments):
            return super().pull(moments)
        for _ in range(self.steps):
            out = out @ K + P @ moments.Sigma
        return out

    def expands(self, moments: Moments) -> bool:
        """Say whether the loss grows from some point: a singular value of I - R P R' above 1, with R'R = Sigma.

        For a symmetric P that is an eigenvalue of P Sigma outside [0, 2].
        """
        if not self.steps:
            return False
        R = moments.Sigma.expanded().root()
        left = R.identity() - R @ self._step_matrix(moments) @ R.T
        return bool(np.max((left.T @ left).largest()) > 1 + EXPANDING)

    def adapt(self, W: Array, draw: Draw) -> Adapted:
        P: Array = np.diag(self.P) if self.P.ndim == 1 else self.P
        used: list[Batch] = []
        for k in range(self.steps):
            used.append(used[0] if k and self.batches == "same" else draw(self.m))
            W = W - P @ used[-1].gradient(W)

        def pullback(g: Array) -> Array:
            for batch in reversed(used):
                g = g - batch.hessian_times(P.T @ g)
            return g

        return Adapted(W, pullback)

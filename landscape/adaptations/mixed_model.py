"""Empirical Bayes: a task's own samples weighed against what is known of all tasks."""

from __future__ import annotations

from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation, AdaptationCost, Adapted, Draw, is_full
from landscape.core.domains import batch_size, nonnegative, symmetric
from landscape.core.parameters import parameter, record
from landscape.core.tolerances import SYMMETRIC
from landscape.core.typing import Array, Scalar
from landscape.linalg.operators import Operator
from landscape.linalg.quadratic import QuadraticForm
from landscape.tasks.environment import Environment
from landscape.tasks.inputs import Moments


@record
class MixedModel(Adaptation):
    r"""The posterior mean under the prior N(w, C) of a task's optimum, w the start, and label noise of one variance.

    :math:`v = w + C X^\top (X C X^\top + \sigma^2 I)^{-1} (y - X w)`: ridge regression towards the start with
    :math:`\tfrac{\sigma^2}{m} C^{-1}` as penalty. Exact at m = inf; with m samples it is drawn (``draws=``).

    Raises
    ------
    ValueError
        If a parameter is out of its domain, or the covariance is not positive semidefinite.

    Examples
    --------
    >>> from landscape import HardEasy, PriorMean, risk
    >>> tasks = HardEasy(d=3, noise=0.5)
    >>> risk(tasks, PriorMean(), MixedModel.of(tasks, m=10), draws=2000, rng=0).total
    0.3552 +- 0.0021
    """

    covariance: Any = parameter(
        symmetric, symbol="C", label="covariance of the optima", typical=(0.1, 2.0),
        instead="write numpy.full(d, variance)",
    )  # fmt: skip
    noise: float = parameter(
        nonnegative, symbol=r"\sigma^2", label="assumed variance of the label noise", typical=(0.1, 1.0)
    )
    m: Scalar = parameter(batch_size, default=np.inf, symbol="m", label="samples", typical=(2, 60), grid=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        least, largest = self._eigenvalues[[0, -1]]
        if least < -SYMMETRIC * abs(largest):
            raise ValueError(
                f"covariance must be positive semidefinite, but its smallest eigenvalue is {least:g}"
            )

    @property
    def _eigenvalues(self) -> Array:
        return np.sort(self.covariance) if self.covariance.ndim == 1 else np.linalg.eigvalsh(self.covariance)

    @classmethod
    def of(cls, environment: Environment, m: Scalar = np.inf) -> MixedModel:
        """Make the model of an environment: the covariance of all its optima, and the mean noise.

        Parameters
        ----------
        environment : Environment
        m : float
            Samples.
        """
        tasks = [task.expanded() for task in environment.tasks()]
        shares = np.array([task.probability for task in tasks], dtype=float)
        centres = np.array([task.centre for task in tasks])
        delta = centres - shares @ centres
        covariance = (shares[:, None] * delta).T @ delta
        noise = 0.0
        for p, task in zip(shares, tasks, strict=True):
            covariance = covariance + (0.0 if task.spread is None else p * task.spread.matrix())
            noise += float(p * np.asarray(task.inputs.noise_variance))
        return cls(covariance, noise, m)

    def form(self, moments: Moments) -> QuadraticForm:
        """Return the task's noise at m = inf, where every direction that the prior allows is learned."""
        if not is_full(self.m) or self._eigenvalues[0] <= 0:
            return super().form(moments)
        return QuadraticForm(0 * moments.Sigma, None, moments.noise_variance)

    def shrinkage(self, moments: Moments) -> Operator:
        """Return 0 at m = inf, where every direction that the prior allows is learned."""
        if not is_full(self.m) or self._eigenvalues[0] <= 0:
            return super().shrinkage(moments)
        return 0 * moments.Sigma.identity()

    def cost(self, d: int) -> AdaptationCost:
        """Count a gradient, and a linear solve of at most d Hessian-vector products each way."""
        return AdaptationCost(1, d, d, 1)

    def adapt(self, W: Array, draw: Draw) -> Adapted:
        batch, C = draw(self.m), np.diag(self.covariance) if self.covariance.ndim == 1 else self.covariance
        H = batch.hessian()
        s = 0.0 if np.isinf(self.m) else self.noise / self.m
        M = H @ C + s * np.eye(len(C))  # C (H C + s I)^-1 = (H + s C^-1)^-1 needs no inverse of C
        M = np.broadcast_to(M, (len(W), *M.shape[1:]))

        def pullback(g: Array) -> Array:
            return g - H @ np.linalg.solve(M.swapaxes(1, 2), C @ g)

        return Adapted(W - C @ np.linalg.solve(M, batch.gradient(W)), pullback)

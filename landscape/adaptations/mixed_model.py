"""Empirical Bayes: a task's own samples weighed against what is known of all tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation, AdaptationCost, Adapted, Draw, is_full, takes_numbers
from landscape.adaptations.samples_and_steps import number_of_samples
from landscape.core.domains import nonnegative, symmetric
from landscape.core.parameters import parameter, record
from landscape.core.tolerances import SINGULAR, SYMMETRIC
from landscape.core.typing import Array, Scalar
from landscape.linalg.moments.resolvent import ridge_limit
from landscape.linalg.operators import Diagonal, Matrix, Operator, diagonal
from landscape.linalg.quadratic import QuadraticForm
from landscape.tasks.environment import Environment
from landscape.tasks.families import optima_law
from landscape.tasks.inputs import Moments


@record
class MixedModel(Adaptation):
    r"""The posterior mean under the prior N(w, C) of a task's optimum, w the start, and label noise of one variance.

    :math:`v = w + C X^\top (X C X^\top + \sigma^2 I)^{-1} (y - X w)`: ridge regression towards the start with
    :math:`\tfrac{\sigma^2}{m} C^{-1}` as penalty. Noise and optima of the tasks need not be as assumed. Its risk
    is exact at m = inf; with m normal samples it is the limit of large problems with the first correction in
    1/m, as of `RidgeToStart`, or drawn (``draws=``). Between which numbers the least risk of any way to
    adapt lies `bayes_bounds` says; this one has it where the tasks are of one family with this prior.

    Raises
    ------
    ValueError
        If a parameter is out of its domain, or the covariance is not positive semidefinite.

    Examples
    --------
    >>> from landscape import HardEasy, PriorMean, risk
    >>> tasks = HardEasy(d=3, noise=0.5)
    >>> risk(tasks, PriorMean(), MixedModel.of(tasks, m=10)).total
    0.3525 (limit, expected error about 0.8%)
    >>> risk(tasks, PriorMean(), MixedModel.of(tasks, m=10), draws=2000, rng=0).total
    0.3543 +- 0.00062
    """

    covariance: Any = parameter(
        symmetric, symbol="C", label="covariance of the optima", typical=(0.1, 2.0),
        instead="write numpy.full(d, variance)",
    )  # fmt: skip
    noise: float = parameter(
        nonnegative, symbol=r"\sigma^2", label="assumed variance of the label noise", typical=(0.1, 1.0)
    )
    m: Scalar = number_of_samples()

    has_own_start = True
    moves_by_gradient = True

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
        noise = sum(float(task.probability * np.asarray(task.inputs.noise_variance)) for task in tasks)
        return cls(optima_law(tasks)[1], noise, m)

    def ignores_start(self, d: int) -> bool:
        """Say whether m = inf, and the prior allows every direction."""
        return self._learns_all

    @property
    def _learns_all(self) -> bool:
        return is_full(self.m) and bool(self._eigenvalues[0] > 0)

    def form(self, moments: Moments) -> QuadraticForm:
        """Return the task's noise at m = inf, where every direction that the prior allows is learned."""
        if not self._learns_all:
            return super().form(moments)
        return QuadraticForm(0 * moments.Sigma, None, moments.noise_variance)

    def limit(self, moments: Moments) -> QuadraticForm:
        r"""Compute the limit of ridge regression for :math:`C^{1/2} \Sigma C^{1/2}` in place of Sigma.

        Where C allows nothing, what is off is noise to the rest: it is left as noise is.
        """
        if not takes_numbers(moments, self.m) or not (self.noise or is_full(self.m)):
            return super().limit(moments)
        tau, weight = self._whitened(moments.Sigma)
        limit = ridge_limit(tau, np.ones(tau.shape[-1]), self.noise / np.asarray(self.m), self.m)
        return limit.form(tau, moments.noise_variance, weight)

    def _whitened(self, Sigma: Operator) -> tuple[Array, Callable[[Array], Operator]]:
        """Eigenvalues tau of C^1/2 Sigma C^1/2, and what makes of shares of them the weight of w - w_i."""
        if isinstance(Sigma, Diagonal) and self.covariance.ndim == 1:
            lam = Sigma.expanded().entries
            return lam * self.covariance, lambda share: diagonal(lam * share)
        C = diagonal(self.covariance) if self.covariance.ndim == 1 else Matrix(self.covariance)
        R = C.root().matrix()  # R'R = C
        S = Sigma.matrix()
        tau, V = np.linalg.eigh(R @ S @ R.T)
        tau = np.where(tau > SINGULAR * len(R) * tau[..., -1:], tau, 0.0)
        size = np.divide(1.0, np.sqrt(tau), out=np.zeros(tau.shape), where=tau > 0)
        B = S @ R.T @ V * size[..., None, :]  # BB' is Sigma on what C allows
        rest = np.where(tau[..., :1, None] > 0, 0.0, S - B @ B.swapaxes(-1, -2))
        return tau, lambda share: Matrix(
            B * share[..., None, :] @ B.swapaxes(-1, -2) + share[..., :1, None] * rest
        )

    def shrinkage(self, moments: Moments) -> Operator:
        """Return 0 at m = inf, where every direction that the prior allows is learned."""
        if not self._learns_all:
            return super().shrinkage(moments)
        return 0 * moments.Sigma.identity()

    def cost(self, d: int) -> AdaptationCost:
        """Count a gradient, and a linear solve of at most d Hessian-vector products each way."""
        return AdaptationCost(1, d, d, 1)

    def adapt(self, W: Array, draw: Draw) -> Adapted:
        batch, C = draw(self.m), np.diag(self.covariance) if self.covariance.ndim == 1 else self.covariance
        H = batch.hessian()
        s = 0.0 if np.isinf(self.m) else self.noise / self.m
        if s == 0 and (self.m < len(C) or np.any(Matrix(C).factor().is_singular)):
            R = (
                Matrix(C).root().matrix()
            )  # no noise to make M regular: the limit R'(R H R' + s I)^-1 R for s to 0
            K = R.T @ np.linalg.pinv(R @ H @ R.T, rcond=SINGULAR * len(R), hermitian=True) @ R
            return Adapted(W - K @ batch.gradient(W), lambda g: g - H @ (K @ g))
        M = H @ C + s * np.eye(len(C))  # C (H C + s I)^-1 = (H + s C^-1)^-1 needs no inverse of C
        M = np.broadcast_to(M, (len(W), *M.shape[1:]))

        def pullback(g: Array) -> Array:
            return g - H @ np.linalg.solve(M.swapaxes(1, 2), C @ g)

        return Adapted(W - C @ np.linalg.solve(M, batch.gradient(W)), pullback)

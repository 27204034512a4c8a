"""Empirical Bayes: a task's own samples weighed against what is known of all tasks."""

from __future__ import annotations

from typing import Any

import numpy as np

from landscape.adaptations.base import Adapted, Draw, is_full, takes_numbers
from landscape.adaptations.linear_solve import LinearSolve
from landscape.adaptations.samples_and_steps import number_of_samples
from landscape.core.domains import nonnegative, symmetric
from landscape.core.parameters import is_symbolic_record, parameter, record
from landscape.core.tolerances import SYMMETRIC
from landscape.core.typing import Array, Scalar
from landscape.linalg.inverse import ridge_inverse
from landscape.linalg.moments.resolvent import ridge_form
from landscape.linalg.operators import Matrix, Operator, diagonal
from landscape.linalg.quadratic import QuadraticForm
from landscape.tasks.environment import Environment, check_environment
from landscape.tasks.families import optima_law
from landscape.tasks.inputs import Moments


@record
class MixedModel(LinearSolve):
    r"""The posterior mean under the prior N(w, C) of a task's optimum, w the start, and label noise of one variance.

    :math:`v = w + C X^\top (X C X^\top + \sigma^2 I)^{-1} (y - X w)`: ridge regression towards the start with
    :math:`\tfrac{\sigma^2}{m} C^{-1}` as penalty. Noise and optima of the tasks need not be as assumed. Its risk
    is exact at m = inf; with m normal samples it is the limit of large problems with the first correction in
    1/m, as of `RidgeToStart`, or drawn (``draws=``). Between which numbers the least risk of any way to
    adapt lies `bayes_bounds` says; this one has it where the tasks are of one family with this prior.

    Raises
    ------
    ValueError
        If a parameter is out of its domain, or the covariance is not positive semidefinite; in use, if the
        covariance is not of the tasks' dimension.

    Examples
    --------
    >>> from landscape import HardEasy, PriorMean, risk
    >>> tasks = HardEasy(d=3, noise=0.5)
    >>> risk(tasks, PriorMean(), MixedModel.of(tasks, m=10)).total
    0.3525 (limit, expected error about 0.8%)
    >>> risk(tasks, PriorMean(), MixedModel.of(tasks, m=10), draws=2000, rng=0).total
    0.3543 +- 0.00062 (2000 draws)
    """

    covariance: Any = parameter(
        symmetric, symbol="C", label="covariance of the optima", typical=(0.1, 2.0),
        instead="write numpy.full(d, variance)",
    )  # fmt: skip
    noise: float = parameter(
        nonnegative, symbol=r"\sigma^2", label="assumed variance of the label noise", typical=(0.1, 1.0)
    )
    m: Scalar = number_of_samples()

    entries_per_coordinate = "covariance"
    has_own_start = True
    moves_by_gradient = True

    def __post_init__(self) -> None:
        super().__post_init__()
        eigenvalues = self.prior.spectrum()[0]
        least, largest = eigenvalues.min(), eigenvalues.max()
        if least < -SYMMETRIC * abs(largest):
            raise ValueError(
                f"covariance must be positive semidefinite, but its smallest eigenvalue is {least:g}"
            )

    @property
    def prior(self) -> Operator:
        """C as an operator."""
        return diagonal(self.covariance) if self.covariance.ndim == 1 else Matrix(self.covariance)

    @property
    def _is_singular(self) -> bool:
        return bool(np.any(self.prior.factor().is_singular))

    @classmethod
    def of(cls, environment: Environment, m: Scalar = np.inf) -> MixedModel:
        """Make the model of an environment: the covariance of all its optima, and the mean noise.

        Parameters
        ----------
        environment : Environment
        m : float
            Samples.
        """
        if is_symbolic_record(check_environment(environment)):
            raise ValueError("MixedModel.of needs an environment of numbers: replace the symbols")
        tasks = [task.expanded() for task in environment.tasks()]
        noise = sum(float(task.probability * np.asarray(task.inputs.noise_variance)) for task in tasks)
        return cls(optima_law(tasks)[1], noise, m)

    @property
    def learns_all(self) -> bool:
        """Whether m = inf, and the prior allows every direction."""
        return is_full(self.m) and not self._is_singular

    def ignores_start(self, d: int) -> bool:
        """Say whether all is learned."""
        return self.learns_all

    def limit(self, moments: Moments) -> QuadraticForm:
        r"""Compute the limit of ridge regression for :math:`C^{1/2} \Sigma C^{1/2}` in place of Sigma."""
        if not takes_numbers(moments, self.m) or not (self.noise or is_full(self.m)):
            return super().limit(moments)
        return ridge_form(moments, self.noise / np.asarray(self.m), self.m, self.prior)

    def adapt(self, W: Array, draw: Draw) -> Adapted:
        batch, R = draw(self.m), self.prior.root().matrix()  # R'R = C
        H, s = batch.hessian(), 0.0 if np.isinf(self.m) else self.noise / self.m
        # Next to nothing assumed to be noise, the samples may not tell: then the solution nearest to the start by the prior.
        K = R.T @ ridge_inverse(R @ H @ R.T, s)[0] @ R
        return Adapted(W - K @ batch.gradient(W), lambda g: g - H @ (K @ g))

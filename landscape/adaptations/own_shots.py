"""A task's own samples alone: least squares, and below d samples the solution nearest to the start."""

from __future__ import annotations

from dataclasses import MISSING

import numpy as np

from landscape.adaptations.base import Adapted, Draw, is_full, takes_numbers
from landscape.adaptations.linear_solve import LinearSolve
from landscape.adaptations.samples_and_steps import number_of_samples
from landscape.core.domains import is_symbolic
from landscape.core.errors import BY_DRAWING, NoClosedForm
from landscape.core.parameters import record
from landscape.core.typing import Array, Scalar
from landscape.linalg.inverse import pseudo_inverse
from landscape.linalg.moments.resolvent import ridge_form
from landscape.linalg.operators import Operator, is_isotropic
from landscape.linalg.quadratic import QuadraticForm
from landscape.tasks.inputs import Moments


@record
class OwnShots(LinearSolve):
    r"""Least squares on m samples of the task; below d samples the interpolant nearest to the start.

    With normal inputs of any covariance and m >= d + 2 samples the expected loss is exactly
    :math:`\tfrac12 \sigma^2 (m - 1)/(m - d - 1)`, whatever the start. With label noise it is infinite at
    m = d - 1, d and d + 1. Below d it is exact for isotropic inputs; for others it is the limit of large problems
    with the first correction in 1/m, which is poor near d and says so.

    Raises
    ------
    ValueError
        If m < 1, or the expected loss is infinite.

    Examples
    --------
    >>> from landscape import HardEasy, risk
    >>> risk(HardEasy(d=5, noise=1.0), 0.0, OwnShots(12)).total.round(4)
    0.9167
    """

    m: Scalar = number_of_samples(default=MISSING, typical=(8, 60))

    moves_by_gradient = True

    def ignores_start(self, d: int) -> bool:
        """Say whether all batches have at least d samples."""
        if is_symbolic(self.m) or is_symbolic(d):
            return False
        return bool(np.all(np.asarray(self.m) >= d))

    def form(self, moments: Moments) -> QuadraticForm:
        """Compute E[R'Sigma R] and the noise: inverse Wishart moments, of G or (below d) of the Gram matrix."""
        if is_full(self.m) or not moments.is_gaussian or is_symbolic(self.m):
            return super().form(moments)
        if np.any(moments.Sigma.factor().is_singular):
            raise NoClosedForm(
                "own shots have an exact risk where no covariance of inputs is singular: leave out columns that do not "
                f"vary or are sums of others; {BY_DRAWING}"
            )
        if self._below(moments).any() and not is_isotropic(moments.Sigma):
            raise NoClosedForm(
                f"own shots below d samples have an exact risk for isotropic inputs only: {BY_DRAWING}"
            )
        return QuadraticForm(self._left(moments) * moments.Sigma, None, self._noise(moments))

    def limit(self, moments: Moments) -> QuadraticForm:
        """Compute E[R'Sigma R] and the noise below d, ridge regression of strength 0, to order 1/m."""
        if not takes_numbers(moments, self.m) or np.any(moments.Sigma.factor().is_singular):
            return super().limit(moments)
        below, Sigma = self._below(moments), moments.Sigma
        form = ridge_form(Sigma, moments.noise_variance, 0.0, np.minimum(self.m, Sigma.d - 1))
        assert form.error is not None
        A, error = np.where(below, 1.0, 0.0) * form.A, np.where(below, 1.0, 0.0) * form.error
        noise = np.where(below & ~self._is_near(moments), form.c, self._noise(moments))
        return QuadraticForm(A, None, noise, error=error)

    def _below(self, moments: Moments) -> Array:
        """Where there are fewer samples than coordinates."""
        return np.asarray(np.asarray(self.m) < moments.Sigma.d)

    def _is_near(self, moments: Moments) -> Array:
        """Where the inverse of the samples' second moment, or of their Gram matrix, has an infinite mean."""
        return np.asarray(np.abs(np.asarray(self.m, dtype=float) - moments.Sigma.d) <= 1)

    def _left(self, moments: Moments) -> Array:
        """The share of isotropic inputs' directions that is left: of d - m among d."""
        return np.where(self._below(moments), 1 - np.asarray(self.m) / moments.Sigma.d, 0.0)

    def _noise(self, moments: Moments) -> Scalar:
        """sigma^2 (1 + d/(m - d - 1)), for isotropic inputs below d sigma^2 (1 + m/(d - m - 1))."""
        if not np.any(np.asarray(moments.noise_variance) != 0):
            return moments.noise_variance
        m, d = np.asarray(self.m, dtype=float), moments.Sigma.d
        near = np.unique(m[np.abs(m - d) <= 1])
        if near.size:
            raise ValueError(
                f"own shots have infinite expected loss with label noise at m = {d - 1}, {d} and {d + 1} samples in d = {d}: "
                f"leave these out, here m = {', '.join(f'{x:g}' for x in near)}"
            )
        more: Scalar = moments.noise_variance * (1 + np.minimum(m, d) / (np.abs(m - d) - 1))
        return more

    def shrinkage(self, moments: Moments) -> Operator:
        """Compute E[R]: 0 from d samples on; (1 - m/d) I for isotropic inputs below."""
        if not moments.is_gaussian or (self._below(moments).any() and not is_isotropic(moments.Sigma)):
            return super().shrinkage(moments)
        return self._left(moments) * moments.Sigma.identity()

    def adapt(self, W: Array, draw: Draw) -> Adapted:
        batch = draw(self.m)
        H = batch.hessian()
        # From d samples on the solution is unique, and units do not matter. Below, the nearest one in the given coordinates.
        inverse = pseudo_inverse(H, scaled=self.m >= H.shape[-1])
        return Adapted(W - inverse @ batch.gradient(W), lambda g: g - H @ (inverse @ g))

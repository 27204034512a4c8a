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
from landscape.linalg.moments.inverse_wishart import inverse_trace
from landscape.linalg.moments.resolvent import ridge_form
from landscape.linalg.operators import Operator, is_isotropic, rank
from landscape.linalg.quadratic import QuadraticForm
from landscape.tasks.inputs import Moments


@record
class OwnShots(LinearSolve):
    r"""Least squares on m samples of the task; below d samples the interpolant nearest to the start.

    With normal inputs of any covariance and m >= d + 2 samples the expected loss is exactly
    :math:`\tfrac12 \sigma^2 (m - 1)/(m - d - 1)`, whatever the start. With label noise it is infinite (``inf``) at
    m = d - 1, d and d + 1. Below d it is exact for isotropic inputs; for others it is the limit of large problems
    with the first correction in 1/m, which is poor near d and says so.

    Raises
    ------
    ValueError
        If m < 1.

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
        return not (is_symbolic(self.m) or is_symbolic(d)) and bool(np.all(_numbers(self.m) >= d))

    def form(self, moments: Moments) -> QuadraticForm:
        """Compute E[R'Sigma R] and the noise: inverse Wishart moments, of G or (below d) of the Gram matrix."""
        if is_full(self.m) or not self._is_known(moments):
            return super().form(moments)
        slanted = self._below(moments).any() and not is_isotropic(moments.Sigma)
        if slanted or np.any(moments.Sigma.factor().is_singular):
            raise NoClosedForm(
                "own shots have an exact risk, below d samples for isotropic inputs only, where no covariance of inputs is "
                f"singular: leave out columns that do not vary or are sums of others; {BY_DRAWING}"
            )
        return QuadraticForm(self._left(moments) * moments.Sigma, None, self._noise(moments))

    def limit(self, moments: Moments) -> QuadraticForm:
        """Compute E[R'Sigma R] and the noise below d, ridge regression of strength 0, to order 1/m."""
        if not takes_numbers(moments, self.m) or np.any(moments.Sigma.factor().is_singular):
            return super().limit(moments)
        below, form = self._below(moments), ridge_form(moments, 0.0, np.minimum(self.m, moments.Sigma.d - 1))
        assert form.error is not None
        noise = np.where(below & ~self.is_infinite(moments), form.c, self._noise(moments))
        share = np.where(below, 1.0, 0.0)
        return QuadraticForm(share * form.A, None, noise, error=share * form.error)

    def is_infinite(self, moments: Moments) -> Array:
        """Say where E tr(Sigma (X'X)^-), of as many directions as vary, is: within one of as many samples, with noise."""
        return self._is_within(moments, 1)

    def has_heavy_tails(self, moments: Moments) -> Array:
        """Say where only the mean of its square is: within three."""
        return self._is_within(moments, 3) & ~self._is_within(moments, 1)

    def _is_within(self, moments: Moments, reach: int) -> Array:
        if not self._is_known(moments) or is_full(self.m):
            return np.zeros((), dtype=bool)
        is_near = np.abs(_numbers(self.m) - rank(moments.Sigma)) <= reach / moments.copies
        return np.asarray(is_near & (np.asarray(moments.noise_variance) != 0))

    def _is_known(self, moments: Moments) -> bool:
        symbols = getattr(self.m, "free_symbols", ()) or is_symbolic(moments.Sigma.d)
        return moments.is_gaussian and not symbols

    def _below(self, moments: Moments) -> Array:
        return np.asarray(_numbers(self.m) < moments.Sigma.d)

    def _left(self, moments: Moments) -> Array:
        """The share of isotropic inputs' directions that is left: of d - m among d."""
        return np.where(self._below(moments), 1 - _numbers(self.m) / moments.Sigma.d, 0.0)

    def _noise(self, moments: Moments) -> Scalar:
        trace = inverse_trace(_numbers(self.m), moments.Sigma.d, moments.copies)
        return moments.noise_variance * np.where(np.asarray(moments.noise_variance) != 0, 1 + trace, 1.0)

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


def _numbers(m: Scalar) -> Array:
    return np.asarray(m, dtype=float)

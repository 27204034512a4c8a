"""Ridge regression of a task's own samples towards the start: the inner problem of iMAML."""

from __future__ import annotations

import numpy as np

from landscape.adaptations.base import Adapted, Draw, is_full, takes_numbers
from landscape.adaptations.linear_solve import LinearSolve
from landscape.adaptations.samples_and_steps import number_of_samples
from landscape.core.domains import positive
from landscape.core.parameters import parameter, record
from landscape.core.typing import Array, Scalar
from landscape.linalg.inverse import ridge_inverse
from landscape.linalg.moments.resolvent import ridge_form
from landscape.linalg.operators import Operator
from landscape.linalg.quadratic import QuadraticForm
from landscape.tasks.inputs import Moments


@record
class RidgeToStart(LinearSolve):
    r"""The minimiser of the mean loss of m samples plus :math:`\tfrac g2\|v-w\|^2`.

    Its risk is exact at m = inf. With m normal samples it is the limit of large problems with the first
    correction in 1/m, and says how large its error may be: from 2d samples on the true one is below 1% at d = 5 and below
    0.2% at d = 20, at m = d up to some 3% and 1% (`landscape.linalg.moments.resolvent` has a table); drawn
    (``draws=``) it has none but chance. Between which numbers the least risk of any way to adapt
    lies, for this one to be measured by, `bayes_bounds` says.

    Raises
    ------
    ValueError
        If the strength is not positive or m < 1.

    Examples
    --------
    >>> from landscape import HardEasy, risk
    >>> risk(HardEasy(d=2), 0.0, RidgeToStart(0.5)).total.round(4)
    0.612
    >>> risk(HardEasy(d=5), 0.0, RidgeToStart(0.5, m=10))
    <risk after adaptation 2.613, of it 2.613 above the noise (limit, expected error about 2%)>
    """

    strength: Scalar = parameter(
        positive, symbol="g", label="strength of the pull to the start", typical=(0.1, 2.0), grid=True
    )
    m: Scalar = number_of_samples()

    maml_label = "iMAML"
    moves_by_gradient = True
    label = "ridge"
    learns_all = False  # the pull to the start stays

    def form(self, moments: Moments) -> QuadraticForm:
        """Compute Sigma (g (Sigma + g I)^-1)^2, the weight of iMAML."""
        if not is_full(self.m):
            return super().form(moments)
        g = np.asarray(self.strength)[..., None]
        A = moments.Sigma.apply(lambda lam: lam * (g / (lam + g)) ** 2)
        return QuadraticForm(A, None, moments.noise_variance)

    def limit(self, moments: Moments) -> QuadraticForm:
        """Compute g^2 E[Q Sigma Q] and the noise, Q = (S + g I)^-1, to order 1/m."""
        if not takes_numbers(moments, self.m, self.strength):
            return super().limit(moments)
        return ridge_form(moments, self.strength, self.m)

    def shrinkage(self, moments: Moments) -> Operator:
        """Compute g (Sigma + g I)^-1."""
        if not is_full(self.m):
            return super().shrinkage(moments)
        g = np.asarray(self.strength)[..., None]
        return moments.Sigma.apply(lambda lam: g / (lam + g))

    def pull(self, moments: Moments) -> Operator:
        """Compute Sigma (Sigma + g I)^-1."""
        if not is_full(self.m):
            return super().pull(moments)
        g = np.asarray(self.strength)[..., None]
        return moments.Sigma.apply(lambda lam: lam / (lam + g))

    def adapt(self, W: Array, draw: Draw) -> Adapted:
        batch, g = draw(self.m), self.strength
        # The inner loss is quadratic: one Newton step from w reaches its minimiser.
        inverse, unseen = ridge_inverse(batch.hessian(), g)
        return Adapted(W - inverse @ batch.gradient(W), lambda v: g * (inverse @ v) + unseen @ v)

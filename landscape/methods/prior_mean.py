"""The mean of the tasks' optima: where an empirical Bayesian starts."""

import numpy as np

from landscape.adaptations import Draw
from landscape.core import Array, Scalar, record
from landscape.linalg import QuadraticForm
from landscape.methods.base import Cost, Method
from landscape.tasks import Moments


@record
class PriorMean(Method):
    r"""The mean of the tasks' optima, :math:`A = I`: the prior mean of `MixedModel`.

    With samples it is the mean of the tasks' least-squares solutions, which takes at least d + 2 of each.

    Examples
    --------
    >>> from landscape import TwoTasks, optimum
    >>> optimum(TwoTasks(d=2), PriorMean()).round(3)
    array([0., 0.])
    """

    label = "prior mean"
    weight_latex = r"I"

    def objective(self, moments: Moments) -> QuadraticForm:
        """Return the squared distance to the task's optimum."""
        return QuadraticForm(moments.Sigma.identity())

    def meta_gradient(self, W: Array, draw: Draw, n1: Scalar, n2: Scalar) -> Array:
        batch = draw(n1 + n2)
        H = batch.hessian()
        gradient = batch.gradient(W)
        return np.linalg.solve(np.broadcast_to(H, (len(gradient), *H.shape[1:])), gradient)

    def cost(self, d: int, n1: Scalar, n2: Scalar) -> Cost:
        """Count a gradient on all samples and a linear solve of at most d Hessian-vector products."""
        return Cost(1, d, n1 + n2)

"""Bayesian MAML."""

import numpy as np

from landscape.adaptations import Draw
from landscape.core import Array, Domain, Scalar, parameter, positive, record
from landscape.linalg import QuadraticForm
from landscape.methods.base import Cost, Method
from landscape.tasks import Moments


@record
class BaMAML(Method):
    r"""Bayesian MAML: the log predictive density of held-out samples of a task.

    With prior N(w, I/gamma), unit likelihood variance and N samples a task of which the share s trains,
    :math:`A \propto (I + \Sigma/(gs))^{-1}\,\Sigma\,(I+\Sigma/g)^{-1}` in the population limit, where g =
    gamma/(sN) is the prior's precision per training sample (Chen & Chen 2022).

    Examples
    --------
    >>> from landscape import TwoTasks, optimum
    >>> optimum(TwoTasks(d=2), BaMAML(0.5, train_share=0.5)).round(3)
    array([-0.057, -0.057])
    """

    strength: Scalar = parameter(
        positive, symbol="g", label="prior precision per training sample", typical=(0.1, 2.0), grid=True
    )
    train_share: float = parameter(
        Domain(0.0, 1.0, open_low=True, open_high=True), symbol="s", label="share of the samples that trains",
        typical=(0.2, 0.8),
    )  # fmt: skip

    label = "BaMAML"
    weight_latex = r"(I+\Sigma/(gs))^{-1}\Sigma(I+\Sigma/g)^{-1}"

    def objective(self, moments: Moments) -> QuadraticForm:
        """Compute (I + Sigma/(g s))^-1 Sigma (I + Sigma/g)^-1."""
        g, s = np.asarray(self.strength)[..., None], self.train_share
        return QuadraticForm(moments.Sigma.apply(lambda lam: lam * (s * g / (s * g + lam)) * (g / (g + lam))))

    @property
    def n2(self) -> Scalar | None:
        return np.inf

    def meta_gradient(self, W: Array, draw: Draw, n1: Scalar, n2: Scalar) -> Array:
        # -log p(held-out | training samples) at its population limit, by the posterior: mean v, and
        # precision N s (H + g I), which adds (1 - s)/s H (H + g I)^-1 to the predictive covariance.
        task, g, s = draw(np.inf), self.strength, self.train_share
        H = task.hessian()
        H = np.broadcast_to(H, (len(W), *H.shape[1:]))
        identity = np.eye(H.shape[-1])
        M = H + g * identity
        adapted = W - np.linalg.solve(M, task.gradient(W))
        added = H @ np.linalg.solve(M, np.broadcast_to(identity, M.shape)) * (1 - s) / s
        return g * np.linalg.solve(M, np.linalg.solve(identity + added, task.gradient(adapted)))

    def cost(self, d: int, n1: Scalar, n2: Scalar) -> Cost:
        """Count a gradient, and two linear solves of at most d Hessian-vector products each."""
        return Cost(1, 2 * d, n1 + n2)

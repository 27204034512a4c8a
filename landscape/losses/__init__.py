"""Task losses to train on: values, derivatives and the constants that guarantees ask for.

A loss gives `value`, `gradient`, `hessian` and `hessian_times` at a point, `batch` (the same loss on drawn
samples), and three constants: `smoothness` L, `strong_convexity` mu, `hessian_lipschitz` kappa (Fallah et al.
call it rho). A constant that does not exist is infinite, and mu is 0 where a loss is convex at most. `LossTasks`
holds several tasks with their probabilities: the pooled loss f and the loss after adaptation F.
"""

from landscape.losses.base import Loss
from landscape.losses.linear import Hinge, LeastSquares, Logistic, Rectified, SquaredHinge
from landscape.losses.quadratic import Quadratic, RippledParabola
from landscape.losses.tasks import LossTasks

__all__ = [
    "Loss", "Quadratic", "LeastSquares", "Logistic", "Hinge", "SquaredHinge", "Rectified", "RippledParabola", "LossTasks",
]  # fmt: skip

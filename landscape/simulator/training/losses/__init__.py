"""Task losses to train on: values, derivatives and the constants that guarantees ask for.

A loss gives `value`, `gradient`, `hessian` and `hessian_times` at a point, `batch` (the same loss on drawn
samples), and three constants: `smoothness` L, `strong_convexity` mu, `hessian_lipschitz` kappa (Fallah et al.
call it rho). A constant that does not exist is infinite, and mu is 0 where a loss is convex at most.
"""

from landscape.simulator.training.losses.base import Loss
from landscape.simulator.training.losses.linear import Hinge, LeastSquares, Logistic, Rectified, SquaredHinge
from landscape.simulator.training.losses.quadratic import Quadratic, RippledParabola

__all__ = [
    "Loss",
    "Quadratic",
    "LeastSquares",
    "Logistic",
    "Hinge",
    "SquaredHinge",
    "Rectified",
    "RippledParabola",
]

"""Training step by step, on losses of any kind: full batches or stochastic, every gradient counted.

Nothing here knows the closed form: `train` draws batches and takes the steps of the papers' algorithms, `ode`
integrates their continuous-time limits. On quadratics their agreement with `flow` and `descent` is a test.
"""

from landscape.simulator.training.batches import (
    Batches,
    RandomStep,
    least_step_batches,
    own_batches,
    smoothness_bound,
)
from landscape.simulator.training.history import History
from landscape.simulator.training.losses import (
    Hinge,
    LeastSquares,
    Logistic,
    Loss,
    Quadratic,
    Rectified,
    RippledParabola,
    SquaredHinge,
)
from landscape.simulator.training.ode import ode
from landscape.simulator.training.tasks import LossTasks
from landscape.simulator.training.train import train

__all__ = [
    "train", "ode", "Batches", "RandomStep", "History", "LossTasks", "least_step_batches", "smoothness_bound", "own_batches",
    "Loss", "Quadratic", "LeastSquares", "Logistic", "Hinge", "SquaredHinge", "Rectified", "RippledParabola",
]  # fmt: skip

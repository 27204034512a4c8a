"""Training step by step, on any losses: full batches or stochastic, every gradient counted.

Nothing here knows the closed form: `train` draws batches and takes the steps of the papers' algorithms, `ode`
integrates their continuous-time limits. On quadratics their agreement with `flow` and `descent` is a test.
"""

from landscape.algorithms.batches import Batches, RandomStep, least_step_batches, smoothness_bound
from landscape.algorithms.history import History
from landscape.algorithms.ode import ode
from landscape.algorithms.promise import Promise, promise
from landscape.algorithms.train import train

__all__ = [
    "train",
    "ode",
    "Batches",
    "RandomStep",
    "History",
    "least_step_batches",
    "smoothness_bound",
    "promise",
    "Promise",
]

"""How one trains: every file of this folder holds methods, and registers them.

The mean meta-gradient of a method on task i is A_i (w - w_i) - b_i, so its population optimum solves
E[A_i] w = E[A_i w_i + b_i]. The methods of the literature differ only in how much say a task's curvature
gives it.
"""

from landscape.core.plugins import import_all
from landscape.methods.base import Cost, InnerMethod, Method, as_methods, labels
from landscape.methods.biphasic import BIMAML
from landscape.methods.budget import Training
from landscape.methods.estimator import Estimator
from landscape.methods.first_order import FOMAML, HFMAML, Reptile
from landscape.methods.learned_steps import MetaSGD
from landscape.methods.linear_attention import LinearAttention
from landscape.methods.maml import IMAML, MAML
from landscape.methods.pooled import NAL
from landscape.methods.train_train import TrainTrain

import_all(__name__, __path__)

__all__ = [
    "Cost", "InnerMethod", "Method", "as_methods", "labels",
    "Training",
    "IMAML", "MAML",
    "TrainTrain",
    "NAL",
    "FOMAML", "HFMAML", "Reptile",
    "BIMAML",
    "Estimator",
    "MetaSGD",
    "LinearAttention",
]  # fmt: skip

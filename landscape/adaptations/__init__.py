"""How one adapts to a task: every file of this folder is one adaptation, and registers itself."""

from landscape.adaptations.base import Adaptation, Draw, as_adaptation, at_mean_step, is_full, loss_form
from landscape.adaptations.bayes_estimator import BayesEstimator
from landscape.adaptations.gradient_steps import GradientSteps
from landscape.adaptations.mixed_model import MixedModel
from landscape.adaptations.own_shots import OwnShots
from landscape.adaptations.preconditioned import PreconditionedSteps
from landscape.adaptations.ridge_to_start import RidgeToStart
from landscape.core.plugins import import_all

import_all(__name__, __path__)

__all__ = [
    "Adaptation", "Draw", "as_adaptation", "is_full", "at_mean_step", "loss_form",
    "GradientSteps",
    "PreconditionedSteps",
    "RidgeToStart",
    "OwnShots",
    "MixedModel",
    "BayesEstimator",
]  # fmt: skip

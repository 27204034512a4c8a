"""Exact-solution analysis of meta-learning on linear task landscapes.

Data flows one way: an *environment* says what the tasks are, an *adaptation* how one adapts to one of them, a
*method* how one trains, a *training* on how much. From these the closed form gives the exact answer, and the
simulator an independent one by drawing data; `agreement` lays them side by side.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from landscape._version import __version__
from landscape.core.errors import LandscapeWarning, NoClosedForm
from landscape.tasks.environment import Environment, Mixture
from landscape.tasks.families import DataTask, TaskFamily
from landscape.tasks.presets import HardEasy, TwoTasks
from landscape.tasks.sampled import from_sampler
from landscape.adaptations.base import Adaptation
from landscape.adaptations.gradient_steps import GradientSteps
from landscape.adaptations.preconditioned import PreconditionedSteps
from landscape.adaptations.ridge_to_start import RidgeToStart
from landscape.adaptations.own_shots import OwnShots
from landscape.adaptations.mixed_model import MixedModel
from landscape.adaptations.bayes_estimator import BayesEstimator
from landscape.methods.base import Method
from landscape.methods.pooled import NAL
from landscape.methods.maml import IMAML, MAML
from landscape.methods.train_train import TrainTrain
from landscape.methods.estimator import Estimator
from landscape.methods.first_order import FOMAML, HFMAML, Reptile
from landscape.methods.bayesian import BaMAML
from landscape.methods.biphasic import BIMAML
from landscape.methods.robust import TRMAML
from landscape.methods.prior_mean import PriorMean
from landscape.methods.learned_steps import LearnedStep, MetaSGD
from landscape.methods.linear_attention import LinearAttention
from landscape.methods.budget import Training
from landscape.closed_form.population import Q
from landscape.closed_form.bayes_bounds import bayes_bounds
from landscape.closed_form.learned_steps import best_preconditioner
from landscape.closed_form.hardness import hardness_window, least_samples
from landscape.closed_form.finite_sample.asymptotics import asymptotics
from landscape.closed_form.finite_sample.sgd import sgd_curve
from landscape.closed_form.finite_sample.required import (
    required_episodes,
    required_inner_samples,
    required_outer_samples,
    required_tasks,
)
from landscape.closed_form.finite_sample.best import best_design, best_split, best_training_step
from landscape.analysis.optimum import optimum
from landscape.analysis.best_step import best_step
from landscape.analysis.family_risks import family_risks
from landscape.analysis.risk import Risk, gain, risk, risk_landscape
from landscape.analysis.compare import compare
from landscape.analysis.comparison import Comparison
from landscape.analysis.simulate import Simulation, simulate
from landscape.analysis.agreement import Agreement, agreement

if TYPE_CHECKING:
    from landscape.core.saved import SavedResult
    from landscape.tasks.tables.from_data import from_data
    from landscape.analysis.loss_law import LossLaw, loss_law
    from landscape.analysis.wins import win_probability
    from landscape.analysis.limit import Limit, limit
    from landscape.closed_form.limits import DeterministicEquivalent, Spectrum, deterministic_equivalent
    from landscape.analysis.replacement_effect import replacement_effect
    from landscape.closed_form.dynamics import descent, flow
    from landscape.analysis.sweep import Sweep, sweep
    from landscape.diagnosis.diagnosis import Diagnosis
    from landscape.diagnosis.diagnose import diagnose
    from landscape.diagnosis.model import TrainedModel
    from landscape.plotting.explore import explore
    from landscape.plotting.landscapes import plot_landscape
    from landscape.symbolic import Ledger, verify
    from landscape import nonlinear
    from landscape.checker.reports import GradientReport, OptimumReport
    from landscape.checker.check_meta_gradient import assert_meta_gradient, check_meta_gradient
    from landscape.checker.check_optimum import check_optimum
    from landscape.nonlinear.environment import NonlinearEnvironment
    from landscape.nonlinear.logistic import LogisticTask
    from landscape.nonlinear.neuron import NeuronTask

__all__ = [
    # what the tasks are
    "Environment", "Mixture", "TaskFamily", "DataTask", "HardEasy", "TwoTasks", "from_sampler", "from_data",
    # how one adapts
    "Adaptation", "GradientSteps", "PreconditionedSteps", "RidgeToStart", "OwnShots", "MixedModel",
    "BayesEstimator",
    # how one trains, and on how much
    "Method", "NAL", "MAML", "IMAML", "TrainTrain", "TRMAML", "FOMAML", "HFMAML", "Reptile", "BaMAML", "BIMAML", "PriorMean", "MetaSGD", "LinearAttention", "Estimator", "Training",
    # the exact answer
    "Q", "optimum", "risk", "Risk", "gain", "family_risks", "compare", "Comparison", "risk_landscape",
    "best_step", "best_preconditioner", "LearnedStep", "hardness_window", "least_samples", "bayes_bounds",
    # the limit of large problems
    "limit", "Limit", "deterministic_equivalent", "DeterministicEquivalent", "Spectrum",
    # the law of the loss, not only its mean
    "loss_law", "LossLaw", "win_probability",
    # what finite data do
    "asymptotics", "sgd_curve", "required_tasks", "required_outer_samples", "required_inner_samples",
    "required_episodes", "best_training_step", "best_split", "best_design",
    # how fast training gets there
    "flow", "descent",
    # the same by drawing data, and both side by side
    "simulate", "Simulation", "agreement", "Agreement", "sweep", "Sweep",
    # will meta-learning pay on my tasks?
    "diagnose", "Diagnosis", "replacement_effect", "TrainedModel",
    # other people's code
    "assert_meta_gradient", "check_meta_gradient", "check_optimum", "GradientReport", "OptimumReport",
    # beyond linear: neurons and logistic regression
    "nonlinear", "NeuronTask", "LogisticTask", "NonlinearEnvironment",
    # a landscape as a picture
    "plot_landscape", "explore",
    # the papers' claims, decided
    "verify", "Ledger",
    # a result from a file
    "SavedResult",
    # what is said where something is amiss
    "LandscapeWarning", "NoClosedForm", "__version__",
]  # fmt: skip

_LATER = {
    "limit": "landscape.analysis.limit",
    "Limit": "landscape.analysis.limit",
    "deterministic_equivalent": "landscape.closed_form.limits",
    "DeterministicEquivalent": "landscape.closed_form.limits",
    "Spectrum": "landscape.closed_form.limits",
    "SavedResult": "landscape.core.saved",
    "from_data": "landscape.tasks.tables.from_data",
    "descent": "landscape.closed_form.dynamics",
    "flow": "landscape.closed_form.dynamics",
    "LossLaw": "landscape.analysis.loss_law",
    "loss_law": "landscape.analysis.loss_law",
    "win_probability": "landscape.analysis.wins",
    "replacement_effect": "landscape.analysis.replacement_effect",
    "sweep": "landscape.analysis.sweep",
    "Sweep": "landscape.analysis.sweep",
    "Diagnosis": "landscape.diagnosis.diagnosis",
    "diagnose": "landscape.diagnosis.diagnose",
    "TrainedModel": "landscape.diagnosis.model",
    "explore": "landscape.plotting.explore",
    "plot_landscape": "landscape.plotting.landscapes",
    "Ledger": "landscape.symbolic",
    "verify": "landscape.symbolic",
    "nonlinear": "landscape.nonlinear",
    "NeuronTask": "landscape.nonlinear.neuron",
    "LogisticTask": "landscape.nonlinear.logistic",
    "NonlinearEnvironment": "landscape.nonlinear.environment",
    "assert_meta_gradient": "landscape.checker.check_meta_gradient",
    "check_meta_gradient": "landscape.checker.check_meta_gradient",
    "check_optimum": "landscape.checker.check_optimum",
    "GradientReport": "landscape.checker.reports",
    "OptimumReport": "landscape.checker.reports",
}
"""Names of rooms that few sessions enter: imported when first asked for, so that `import landscape` stays quick."""


def __getattr__(name: str) -> Any:
    """Import a name of `_LATER` (see PEP 562)."""
    if name not in _LATER:
        raise AttributeError(f"module 'landscape' has no attribute {name!r}")
    module = import_module(_LATER[name])
    value = module if name == "nonlinear" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, also those not imported yet."""
    return sorted({*globals(), *__all__})

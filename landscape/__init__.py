"""Exact-solution analysis of meta-learning on linear task landscapes.

Data flows one way: an *environment* says what the tasks are, an *adaptation* how one adapts at
meta-test, a *method* how one trains, a *training* on how much. From these, the closed form gives the
exact answer and the simulator an independent one by drawing data; `agreement` lays them side by side.
"""

from landscape._version import __version__
from landscape.families import DataTask, TaskFamily
from landscape.environment import Environment
from landscape.isotropic import hard_easy, two_tasks
from landscape.sampled import from_sampler
from landscape.tabular.from_data import from_data
from landscape.adaptation import Adaptation
from landscape.methods import BIMAML, MAML, NAL, BaMAML, FOMAML, HFMAML, IMAML, Reptile
from landscape.training import Training
from landscape.closed_form import best_step, gain, optimum, optimum_standard_error, risk, risk_quadratic
from landscape.comparison import Comparison, compare
from landscape.hardness import hardness_window, least_samples, window_boundary
from landscape.view import landscape_view, plot_landscape, plot_series
from landscape.explore import explore
from landscape.finite.asymptotics import asymptotics
from landscape.finite.sgd import sgd_curve
from landscape.finite.solve_for import solve_for
from landscape.dynamics import Path, descent, flow, guarantees
from landscape import losses
from landscape.losses import LossTasks
from landscape.algorithms import Batches, History, RandomStep, ode, train
from landscape.simulator.simulation import Simulation, simulate
from landscape.sweeping.sweep import Sweep, sweep
from landscape.agreement import Agreement, agreement
from landscape.checker.diagnosis import Diagnosis, OptimumDiagnosis
from landscape.checker.meta_gradient import check_meta_gradient
from landscape.checker.optimum import check_optimum
from landscape.nonlinear.neuron import NeuronTask
from landscape.nonlinear.logistic import LogisticTask
from landscape.nonlinear.environment import NonlinearEnvironment
from landscape.nonlinear.solutions import minima
from landscape.nonlinear.sampling import sampled_risk
from landscape.nonlinear.linear import linearised
from landscape.nonlinear.comparison import nonlinear_comparison
from landscape.nonlinear.view import nonlinear_view
from landscape.nonlinear.theorem1 import theorem1
from landscape.tabular.replacement import replacement_effect
from landscape.diagnosis.prognosis import Prognosis
from landscape.diagnosis.diagnose import diagnose
from landscape.symbolic import Ledger, verify
from landscape.checks import LandscapeWarning

__all__ = [
    # what the tasks are
    "Environment", "TaskFamily", "DataTask", "hard_easy", "two_tasks", "from_sampler", "from_data",
    # how one adapts, how one trains, and on how much
    "Adaptation", "NAL", "MAML", "FOMAML", "HFMAML", "Reptile", "IMAML", "BaMAML", "BIMAML", "Training",
    # the exact answer
    "optimum", "optimum_standard_error", "risk", "gain", "best_step", "compare", "Comparison", "hardness_window", "least_samples",
    "window_boundary", "risk_quadratic",
    # a landscape as a picture
    "plot_landscape", "plot_series", "landscape_view", "explore",
    # what finite data do
    "asymptotics", "sgd_curve", "solve_for",
    # how fast training gets there
    "flow", "descent", "Path", "guarantees", "losses", "LossTasks",
    "train", "ode", "Batches", "RandomStep", "History",
    # will meta-learning pay on my tasks?
    "diagnose", "Prognosis", "replacement_effect",
    # the same by drawing data, and both side by side
    "simulate", "Simulation", "sweep", "Sweep", "agreement", "Agreement",
    # other people's code
    "check_meta_gradient", "check_optimum", "Diagnosis", "OptimumDiagnosis",
    # beyond linear: neurons and logistic regression
    "NeuronTask", "LogisticTask", "NonlinearEnvironment", "minima", "sampled_risk", "linearised", "nonlinear_comparison",
    "nonlinear_view", "theorem1",
    # the papers' claims, decided
    "verify", "Ledger",
    "LandscapeWarning", "__version__",
]  # fmt: skip

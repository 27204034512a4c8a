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
from landscape.adaptation import Adaptation
from landscape.methods import MAML, NAL, BaMAML, FOMAML, HFMAML, IMAML, Reptile
from landscape.training import Training
from landscape.closed_form import best_step, gain, optimum, optimum_standard_error, risk, risk_quadratic
from landscape.comparison import Comparison, compare
from landscape.hardness import hardness_window, least_samples, window_boundary
from landscape.view import landscape_view, plot_landscape, plot_series
from landscape.explore import explore
from landscape.finite.asymptotics import asymptotics
from landscape.finite.sgd import sgd_curve
from landscape.finite.solve_for import solve_for
from landscape.simulator.simulation import Simulation, simulate
from landscape.agreement import Agreement, agreement
from landscape.symbolic import Ledger, verify
from landscape.checks import LandscapeWarning

__all__ = [
    # what the tasks are
    "Environment", "TaskFamily", "DataTask", "hard_easy", "two_tasks", "from_sampler",
    # how one adapts, how one trains, and on how much
    "Adaptation", "NAL", "MAML", "FOMAML", "HFMAML", "Reptile", "IMAML", "BaMAML", "Training",
    # the exact answer
    "optimum", "optimum_standard_error", "risk", "gain", "best_step", "compare", "Comparison", "hardness_window", "least_samples",
    "window_boundary", "risk_quadratic",
    # a landscape as a picture
    "plot_landscape", "plot_series", "landscape_view", "explore",
    # what finite data do
    "asymptotics", "sgd_curve", "solve_for",
    # the same by drawing data, and both side by side
    "simulate", "Simulation", "agreement", "Agreement",
    # the papers' claims, decided
    "verify", "Ledger",
    "LandscapeWarning", "__version__",
]  # fmt: skip

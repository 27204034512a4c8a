"""Landscapes that are not quadratic: a neuron, several neurons, logistic regression, with normal inputs.

Data flows in this order:

    activations, blocks    functions with their derivatives; the blocks that Hessians are made of
    quadrature             integrals of functions of one or two normal variables
    pairs, scatter         what two neurons make in the mean; the second moment of one sample's gradient
    task                   what tasks share;  neuron, logistic  the two kinds
    environment            mixtures of tasks, the pooled loss and the loss after adaptation
    solutions, sampling    where these have their minima; what the expansion in 1/m leaves out
    linear, comparison     what the linear theory predicts; both side by side
    view                   landscapes over a square, for pictures
"""

from landscape.nonlinear.comparison import NonlinearComparison, nonlinear_comparison
from landscape.nonlinear.environment import NonlinearEnvironment
from landscape.nonlinear.linear import linearised
from landscape.nonlinear.logistic import LogisticTask
from landscape.nonlinear.neuron import NeuronTask
from landscape.nonlinear.sampling import SampledRisk, sampled_risk
from landscape.nonlinear.solutions import Solutions, minima
from landscape.nonlinear.view import NonlinearView, nonlinear_view

__all__ = [
    "LogisticTask",
    "NeuronTask",
    "NonlinearComparison",
    "NonlinearEnvironment",
    "NonlinearView",
    "SampledRisk",
    "Solutions",
    "linearised",
    "minima",
    "nonlinear_comparison",
    "nonlinear_view",
    "sampled_risk",
]

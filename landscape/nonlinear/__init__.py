"""Landscapes that are not quadratic: a neuron, several neurons, logistic regression, with normal inputs.

`activations`, `blocks` (of a Hessian) and `pairs` (what two neurons make) and `scatter` (of one sample's gradient), then the tasks `neuron` and `logistic`, mixtures of them in `environment`;
from these `solutions`, `sampling`, `theorem1`, and `linear`, which asks what the linear theory predicts.
"""

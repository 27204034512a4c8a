"""The meta-gradient that follows from the choices of a routine."""

from dataclasses import replace

import numpy as np

from landscape.checker import inner
from landscape.checker.probes import Probes
from landscape.checker.routine import Routine, product
from landscape.core import Array


def meta_gradient(routine: Routine, probes: Probes) -> Array:
    """Compute what the routine returns on each problem, shape (P, d)."""
    if probes.tasks == 1:
        return _each(routine, probes)
    k, d = probes.tasks, probes.d
    if routine.across == "carried":
        return _carried(routine, probes)
    if routine.across == "pooled":
        return _each(routine, probes.pooled)[::k]
    every = _each(routine, probes).reshape(-1, k, d)
    if routine.across in ("first", "last"):
        return every[:, 0 if routine.across == "first" else -1]
    return every.mean(axis=1) * {"mean": 1, "sum": k, "1/k twice": 1 / k}[routine.across]


def _carried(routine: Routine, probes: Probes) -> Array:
    """The mean over tasks where each starts from the point that the one before has reached."""
    k, at = probes.tasks, probes.w[:: probes.tasks]
    total = np.zeros(at.shape)
    for t in range(k):
        alone = Probes(at, probes.rows[t::k], probes.alpha[t::k], probes.scale)
        total = total + _each(routine, alone) / k
        at = at - _each(replace(routine, returns="displacement"), alone)
    return total


def _each(routine: Routine, probes: Probes) -> Array:
    """What the routine returns on each problem, or task of a meta-batch."""
    if routine.view:
        plain = replace(routine, view="")
        return _each(plain, probes.viewed(routine.view))[:, : probes.d]
    w, outer = probes.w, probes.batch(routine.outer)
    if routine.returns == "zero":
        return np.zeros(w.shape)
    path = inner.path(routine, probes)
    outside = product(routine.outside, probes) * routine.factor_result
    if routine.returns == "displacement":
        return _finished(outside * (w - path.points[-1]), routine, probes)

    def g_out(v: Array) -> Array:
        if routine.huber_outer < np.inf:
            return outer.huber_gradient(v, routine.huber_outer)
        g = outer.gradient(v, routine.broadcast_outer)
        return g + routine.decay_outer * v if routine.decay_outer else g

    if routine.losses != "last" and routine.steps:
        share = 1.0 if routine.losses == "sum" else 1 / routine.steps
        total = np.zeros(w.shape)
        for j, v in enumerate(path.points[1:], start=1):
            total = total + share * path.back(g_out(v), min(j, routine.chain), j)
        return _finished(outside * total, routine, probes)
    at = {"adapted": -1, "start": 0, "behind": max(routine.steps - 1, 0)}[routine.at]
    result = path.back(outside * g_out(path.points[at]), routine.chain, routine.steps)
    if routine.adds_inner:
        result = result + sum(path.back(g, min(j, routine.chain), j) for j, g in enumerate(path.gradients))
    return _finished(result, routine, probes)


def _finished(result: Array, routine: Routine, probes: Probes) -> Array:
    """Add to the result what is added, and limit it."""
    if routine.decay_result:
        result = result + routine.decay_result * probes.w
    if routine.added:
        result = result + routine.added
    if routine.added_inner:
        result = result + routine.added_inner * probes.batch(routine.inner).gradient(probes.w)
    if routine.added_outer:
        result = result + routine.added_outer * probes.batch(routine.outer).gradient(probes.w)
    if routine.result_norm < np.inf:
        norm = np.linalg.norm(result, axis=1, keepdims=True)
        result = result * np.minimum(1, routine.result_norm / norm)
    if routine.result_value < np.inf:
        result = np.clip(result, -routine.result_value, routine.result_value)
    return result


def step_gradient(routine: Routine, probes: Probes) -> Array:
    r"""Compute the gradient with respect to the steps by coordinate (Meta-SGD), shape (P, d).

    With u_j the gradient of the outer loss with respect to v_j, it is :math:`-\sum_j u_{j+1} \circ g_{in}(v_j)`.
    """
    path = inner.path(routine, probes)
    g = probes.batch(routine.outer).gradient(path.points[-1])
    total = np.zeros(probes.w.shape)
    for j in range(routine.steps):
        total -= path.back(g, min(routine.chain, routine.steps - 1 - j), routine.steps) * path.gradients[j]
    return total

r"""Environments in the form that second moments need.

An environment whose families are isotropic, with centres and spreads alike in all coordinates, has two kinds
of directions only: the diagonal 1_d and those across it. In a basis that starts with 1_d/sqrt(d) every
matrix of interest is diagonal with two entries, of multiplicity 1 and d - 1: cost does not grow with d.
Everything else becomes dense matrices.
"""

import numpy as np

from landscape.algebra import Dense, Spectrum


def framed(environment):
    """The tasks of an environment as `Dense` tasks, or as two-entry ones along and across the diagonal."""
    tasks = environment.tasks()
    if all(isinstance(t.inputs, Spectrum) and len(t.inputs.multiplicity) == 1 for t in tasks):
        return [_turned(task, environment.d) for task in tasks]
    return [_dense(task.expanded()) for task in tasks]


def _turned(task, d):
    entries = 1 if d == 1 else 2
    multiplicity = np.array([1, d - 1][:entries])
    inputs = Spectrum(np.repeat(task.inputs.value, entries), multiplicity, task.inputs.noise_variance)
    along = np.zeros(entries)
    along[0] = task.centre[0] * np.sqrt(d)
    return task._replace(inputs=inputs, centre=along, spread=np.repeat(task.spread, entries))


def _dense(task):
    if isinstance(task.inputs, Dense):
        if getattr(task.inputs, "ridge", 0):
            raise ValueError(
                f"the scatter of solutions on tasks with a ridge is not known, and {task.name!r} has one: simulate"
            )
        spread = np.zeros_like(task.inputs.value) if task.spread is None else task.spread
        return task._replace(spread=spread)
    inputs = Dense(np.diag(task.inputs.value), task.inputs.noise_variance)
    return task._replace(inputs=inputs, spread=np.diag(task.spread))


def is_turned(inputs):
    """Whether the inputs are in the two-entry form."""
    return isinstance(inputs, Spectrum)


def outer(inputs, u, v):
    """(u v' + v u')/2; in the two-entry form vectors lie along the diagonal."""
    if is_turned(inputs):
        return u * v
    return (np.outer(u, v) + np.outer(v, u)) / 2


def inverse_between(inputs, H, Y):
    """H^-1 Y H^-1."""
    if is_turned(inputs):
        return Y / H**2
    half = np.linalg.solve(H, Y)
    return np.linalg.solve(H, half.T)


def to_coordinates(inputs, vector):
    """A vector of the form in the d coordinates."""
    if is_turned(inputs):
        d = inputs.d
        return np.full(d, vector[0] / np.sqrt(d))
    return vector


def from_direction(inputs, direction):
    """Squared components of a direction (d,) in the form: what a variance along it weighs entries by."""
    if not is_turned(inputs):
        return np.outer(direction, direction)
    d = inputs.d
    along = direction.sum() ** 2 / d
    return np.array([along, direction @ direction - along][: len(inputs.multiplicity)])


def variance_along(inputs, V, direction):
    """direction' V direction."""
    weights = from_direction(inputs, direction)
    return float(np.sum(weights * V))  # entries of a two-entry V are eigenvalues


def to_matrix(inputs, V):
    """A matrix of the form as an array (d, d)."""
    if not is_turned(inputs):
        return V
    d = inputs.d
    return V[-1] * np.eye(d) + (V[0] - V[-1]) * np.full((d, d), 1 / d)  # with d = 1 both are the only entry

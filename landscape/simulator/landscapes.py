"""The loss after adaptation as a quadratic form, from drawn batches: for every adaptation, whether or not a formula is known.

On given samples adaptation is an affine map of w - w_i, so that d + 1 points determine it: each drawn batch
gives its loss as a form. What is averaged over draws of these depends on batches alone; the optima's spread
and the label noise of the loss are not drawn, but enter with their own numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from landscape.adaptations.base import Adaptation, Draw
from landscape.core.typing import Array, Scalar
from landscape.linalg.operators import Matrix
from landscape.linalg.quadratic import QuadraticForm
from landscape.methods.base import Method
from landscape.simulator.draws import chunk_size, drawer, hessian_times
from landscape.tasks.families import Task
from landscape.tasks.inputs import Inputs

GROUPS = 20
"""Each group of draws is left out once: the replicates of which standard errors are made."""

FORGOTTEN = 1e-24
"""A weight this small beside the task's own is the square of rounding, of a start that adaptation forgets."""


def mean_losses(tasks: Sequence[Task], adaptation: Adaptation, draws: int, seed: int) -> list[QuadraticForm]:
    """Estimate each task's expected loss after adaptation as a form of w - w_i.

    Parameters
    ----------
    tasks : sequence of Task
    adaptation : Adaptation
    draws : int
        Batches, or sequences of batches, drawn of each task; at least `GROUPS`.
    seed : int

    Returns
    -------
    list of QuadraticForm
        With one grid axis (1 + GROUPS,): of all draws, and with each group of them left out.
    """

    def conditional(inputs: Inputs, W: Array, draw: Draw) -> tuple[Array, ...]:
        r, R = _affine(adaptation.adapt(W, draw).points)
        SR, Sr = hessian_times(inputs.Sigma, R), hessian_times(inputs.Sigma, r)
        Rt = R.swapaxes(1, 2)
        return Rt @ SR, -(Rt @ Sr)[:, :, 0], np.sum(r * Sr, axis=(1, 2))

    forms = []
    for task, (A, b, c) in zip(
        tasks, _mean_over_draws(tasks, conditional, adaptation.m, draws, seed), strict=True
    ):
        own = hessian_times(task.inputs.Sigma, np.eye(A.shape[-1])[None])[0].diagonal()
        kept = np.where(np.diagonal(A, axis1=-2, axis2=-1) > FORGOTTEN * own, 1.0, 0.0)
        A = kept[..., :, None] * (A + A.swapaxes(-1, -2)) / 2 * kept[..., None, :]
        forms.append(QuadraticForm(Matrix(A), kept * b, c + task.inputs.noise_variance))
    return forms


def mean_gradients(tasks: Sequence[Task], method: Method, draws: int, seed: int) -> list[tuple[Array, Array]]:
    """Estimate each task's mean meta-gradient A (w - w_i) - b; arguments as for `mean_losses`.

    The outer batch, and inner ones whose size the method leaves open, are the population: a meta-gradient is
    linear in them, so that their size changes its scatter only.

    Returns
    -------
    list of (A, b)
        A with shape (1 + GROUPS, d, d), b (1 + GROUPS, d).
    """
    trained = method.trained_on(np.inf)

    def conditional(inputs: Inputs, W: Array, draw: Draw) -> tuple[Array, ...]:
        at_0, A = _affine(trained.meta_gradient(W, draw, np.inf, np.inf))
        return A, -at_0[:, :, 0]

    m = trained.n2 if trained.n2 is not None else np.inf
    return [(A, b) for A, b in _mean_over_draws(tasks, conditional, m, draws, seed)]


def _affine(values: Array) -> tuple[Array, Array]:
    """The affine map of d with the given values (size, d, d + 1) at 0 and the unit vectors: r and R."""
    return values[:, :, :1], values[:, :, 1:] - values[:, :, :1]


def _mean_over_draws(
    tasks: Sequence[Task],
    conditional: Callable[[Inputs, Array, Draw], tuple[Array, ...]],
    m: Scalar,
    draws: int,
    seed: int,
) -> Iterator[list[Array]]:
    """Means over a task's draws, of all and with each group left out; every task has a stream of its own."""
    edges = np.linspace(0, draws, GROUPS + 1).astype(int)
    member = np.repeat(np.arange(GROUPS), np.diff(edges))
    for task, stream in zip(tasks, np.random.SeedSequence(seed).spawn(len(tasks)), strict=True):
        rng, d = np.random.default_rng(stream), task.inputs.Sigma.d
        start = np.concatenate([np.zeros((d, 1)), np.eye(d)], axis=1)
        size = chunk_size(task.inputs, m, "bartlett")
        sums: list[Array] = []
        for at in range(0, draws, size):
            groups = member[at : at + size]
            count, first = len(groups), np.flatnonzero(np.diff(groups, prepend=-1))
            draw = drawer(task.inputs, np.zeros((count, d)), "bartlett", rng)
            parts = conditional(task.inputs, np.broadcast_to(start, (count, d, d + 1)), draw)
            sums = sums or [np.zeros((GROUPS, *part.shape[1:])) for part in parts]
            for total, part in zip(sums, parts, strict=True):
                values = np.broadcast_to(part, (count, *part.shape[1:]))
                total[groups[first]] += np.add.reduceat(values, first, axis=0)
        yield [_leave_one_out(total, np.diff(edges)) for total in sums]


def _leave_one_out(sums: Array, sizes: Array) -> Array:
    """The mean of all groups, and the means without each, from their sums (groups, ...)."""
    total, left = sums.sum(axis=0), sizes.sum() - sizes
    without = (total - sums) / left.reshape(-1, *(1,) * total.ndim)
    out: Array = np.concatenate([(total / sizes.sum())[None], without])
    return out

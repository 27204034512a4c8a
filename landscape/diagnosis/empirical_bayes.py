"""The mixed model of the tasks: mean and covariance of their solutions, and the noise, by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from landscape.core import Array
from landscape.core.tolerances import LOSS_ROUNDING, SINGULAR, TINY
from landscape.diagnosis.task_sums import TaskSums, stationary

KNOWN = 1e6
"""Rows that stand for a task whose law is given: its solution is known."""
SETTLED = 1e-5
"""Relative change of all parameters, in units of the loss, at which the iteration ends."""
NEARLY_TWO_MOVES = 1.01
"""How far moves are carried on, 1 being the second of two."""


@dataclass(frozen=True)
class Prior:
    """The law of a task's solution, N(mean, covariance), and the variance of the label noise.

    Attributes
    ----------
    mean : array, shape (d,)
        From the tasks' origin.
    covariance : array, shape (d, d)
    noise : float
    """

    mean: Array
    covariance: Array
    noise: float


def fitted_prior(tasks: TaskSums, shares: Array, most: int = 300) -> Prior:
    r"""Fit y = X w_i + e, w_i ~ N(mean, C), e ~ N(0, sigma^2) to the rows of the tasks.

    Expectation and maximisation (Dempster, Laird & Rubin 1977) with the mean by generalised least squares; every two
    moves are carried on as far as they seem to lead (the third scheme of Varadhan & Roland 2008): where tasks are alike,
    C ends at 0, to which single moves come ever more slowly. With :math:`A_i = n_i S_i/\sigma^2` and
    :math:`M_i = (I + C A_i)^{-1}` the solution of a task given its rows has the mean :math:`w + M_i C (a_i - A_i w)` and
    the covariance :math:`M_i C`: C may be singular.

    Parameters
    ----------
    tasks : TaskSums
    shares : array, shape (T,)
        Weights of the tasks; 0 leaves one out.
    most : int
        Moves.

    Returns
    -------
    Prior
    """
    use = np.flatnonzero(shares > 0)
    p = shares[use] / shares[use].sum()
    d = tasks.d
    if p @ tasks.c[use] <= LOSS_ROUNDING * tasks.size:  # nothing but rounding is left by pooled training
        return Prior(np.zeros(d), np.zeros((d, d)), 0.0)
    n, S, b, c = np.minimum(tasks.rows[use], KNOWN), tasks.S[use], tasks.b[use], tasks.c[use]
    unit = np.tensordot(p, S, 1)
    prior = _first(p, n, S, b, c, unit)
    for _ in range(most // 2):
        one = _moved(prior, p, n, S, b, c)
        two = _moved(one, p, n, S, b, c)
        if _change(one, two, unit) < SETTLED:
            break
        prior = _carried_on(prior, one, two, unit)
    return two


def _moved(prior: Prior, p: Array, n: Array, S: Array, b: Array, c: Array) -> Prior:
    """One expectation and one maximisation."""
    noise, C = max(prior.noise, TINY), prior.covariance
    A = (n / noise)[:, None, None] * S
    M = np.linalg.inv(np.eye(len(C)) + C @ A)
    W = np.tensordot(p, A @ M, 1)  # sum of (A^-1 + C)^-1
    a = (n / noise)[:, None] * b
    mean = stationary((W + W.T)[None] / 2, (p @ np.vecmat(a, M))[None])[0]
    spread = M @ C
    move = np.matvec(spread, a - A @ mean)
    moved = mean + move
    C = np.tensordot(p, (spread + spread.swapaxes(1, 2)) / 2, 1) + (p[:, None] * move).T @ move
    squares = np.vecdot(moved, np.matvec(S, moved) - 2 * b) + c + np.vecdot(S, spread).sum(axis=-1)
    noise = max(float((p * n) @ squares / (p @ n)), SINGULAR * float(p @ c))
    return Prior(mean, C, noise)


def _carried_on(prior: Prior, one: Prior, two: Prior, unit: Array) -> Prior:
    """Follow two moves as far as they seem to lead; less far where the covariance would lose a direction."""
    C, noise = one.covariance - prior.covariance, one.noise - prior.noise
    bend, noise_bend = two.covariance - one.covariance - C, two.noise - one.noise - noise
    size = np.sqrt(np.outer(np.diagonal(unit), np.diagonal(unit)))
    far = np.hypot(np.linalg.norm(C * size), noise) / max(
        np.hypot(np.linalg.norm(bend * size), noise_bend), TINY
    )
    while far > NEARLY_TWO_MOVES:
        there = Prior(
            two.mean,
            prior.covariance + 2 * far * C + far**2 * bend,
            float(prior.noise + 2 * far * noise + far**2 * noise_bend),
        )
        least = np.linalg.eigvalsh((there.covariance - two.covariance / 10) * size).min()
        if there.noise > two.noise / 10 and least > -SINGULAR * two.noise:
            return there
        far = (far + 1) / 2
    return two


def _first(p: Array, n: Array, S: Array, b: Array, c: Array, unit: Array) -> Prior:
    """Half of what pooled training leaves is noise, and half that the tasks differ."""
    d = len(unit)
    scale = np.maximum(np.diagonal(unit), SINGULAR * np.trace(unit) + TINY)
    left = float(p @ c)
    return Prior(np.zeros(d), np.diag(left / (2 * d * scale)), max(left / 2, TINY))


def _change(old: Prior, new: Prior, unit: Array) -> float:
    """How far apart two priors are, beside the loss that they allow for."""
    size = np.sqrt(np.outer(np.diagonal(unit), np.diagonal(unit)))
    moved = np.abs((new.covariance - old.covariance) * size).max() + abs(new.noise - old.noise)
    allowed = float((new.covariance * unit).sum()) + new.noise
    return float(moved / max(allowed, TINY))

r"""The law of a sum of squares of normal numbers, by its characteristic function.

For :math:`Q = \sum_j k_j\text{-fold}\,(\mu_j + \sqrt{s_j}\,\xi)^2` the characteristic function is
:math:`\phi(t) = \prod_j (1 - 2its_j)^{-k_j/2} \exp(it\mu_j^2/(1 - 2its_j))`, and by Gil-Pelaez

.. math:: P(Q \le x) = \tfrac12 - \tfrac1\pi \int_0^\infty \mathrm{Im}[e^{-itx}\phi(t)]\, dt/t.

All singularities of phi lie on the negative imaginary axis, so that the ray of integration may be turned
towards it, :math:`t = \tau e^{-i\theta}`: there :math:`e^{-itx}` decays, however slowly phi does, and the
trapezoid rule in log tau converges exponentially. The arc between the rays adds theta/pi.
"""

import numpy as np

from landscape.core import Array

ANGLE = 0.3
"""theta: a larger one decays faster, and lets the integrand of a nearly normal law grow in between."""

NODES = 256
"""Of the trapezoid rule; with it the distribution function is right to 1e-9 (see the tests)."""

IMPOSSIBLE = -36.0
"""Chernoff's bound on log P(Q <= x) below which the probability is 0: there the integrand may grow without end."""

CERTAIN = 1e-9
"""A standard deviation this small beside the mean counts as 0."""

CHUNK = 1 << 19
"""Numbers of the integrand at a time: memory stays bounded."""


def distribution(x: float, variances: Array, squares: Array, multiplicity: Array) -> Array:
    """Compute P(Q <= x), for many laws at once.

    Parameters
    ----------
    x : float
    variances, squares : array, shape (laws, k)
        s_j, and the squared means mu_j^2 (their sum over coordinates where there are several alike).
    multiplicity : array, shape (k,)
        How many coordinates each entry stands for.

    Returns
    -------
    array, shape (laws,)
    """
    scatter = np.sqrt(2 * multiplicity * variances**2 + 4 * squares * variances)  # of each entry
    mean = np.sum(squares, axis=1) + variances @ multiplicity
    fixed = scatter <= CERTAIN * mean[:, None]
    variances, least = np.where(fixed, 0.0, variances), np.sum(np.where(fixed, squares, 0.0), axis=1)
    certain = fixed.all(axis=1)
    probability = np.where(certain & (mean <= x), 1.0, 0.0)
    index = np.flatnonzero(~certain & (x > least))
    size = max(1, CHUNK // (NODES * variances.shape[1]))
    for at in range(0, len(index), size):
        i = index[at : at + size]
        narrowest = np.min(np.where(fixed[i] | (squares[i] == 0), np.inf, scatter[i]), axis=1)
        width = np.linalg.norm(scatter[i], axis=1)
        low = np.log(1e-5 / (np.abs(mean[i] - x) + width))
        decay = 36 / np.sin(ANGLE)  # over x - mean at the latest, where x lies above
        high = decay / (x - least[i]) + 9 / np.minimum(narrowest, width)
        above = np.maximum(x - mean[i], 1e-300)
        high = np.log(np.where(x > mean[i], np.minimum(high, decay / above), high))
        tau = np.exp(np.linspace(low, high, NODES))  # (nodes, laws)
        here = _log_bound(tau[::4], x, variances[i], squares[i], multiplicity) > IMPOSSIBLE
        i, tau, step = i[here], tau[:, here], (high - low)[here] / (NODES - 1)
        probability[i] = _integrated(x, variances[i], squares[i], multiplicity, tau, step)
    return probability


def _integrated(
    x: float, variances: Array, squares: Array, multiplicity: Array, tau: Array, step: Array
) -> Array:
    """Integrate along the ray; below its first node the integrand is linear in tau.

    In real and imaginary parts, with a = 2 s tau: 1 - 2its = 1 - a sin(theta) - i a cos(theta). Complex logarithms and
    divisions take three times as long.
    """
    weight = np.broadcast_to(step, tau.shape).copy()
    weight[0] /= -np.expm1(-step)  # a geometric series of nodes below the first
    sin, cos = np.sin(ANGLE), np.cos(ANGLE)
    shift, real, imaginary, log_size, phase = np.zeros((5, *tau.shape))
    for s, square, k in zip(variances.T, squares.T, multiplicity, strict=True):
        a = 2 * s * tau
        down, across, size = a * sin, a * cos, a * a
        narrow = size < 1  # mu^2/(1 - u) = mu^2 + mu^2 u/(1 - u), u = 2its: which of them does not cancel
        norm = 1 - 2 * down + size
        shift += np.where(narrow, square, 0.0)
        real += square / norm * np.where(narrow, down - size, 1 - down)
        imaginary += square / norm * across
        log_size -= 0.25 * k * np.log(norm)
        phase += 0.5 * k * np.arctan2(across, 1 - down)
    real += shift - x
    # it (shift - x + rest), with it = tau (sin + i cos)
    growth = tau * (sin * real - cos * imaginary) + log_size
    value = np.exp(growth) * np.sin(tau * (cos * real + sin * imaginary) + phase)
    probability = 0.5 + ANGLE / np.pi - np.sum(weight * value, axis=0) / np.pi
    return np.clip(probability, 0.0, 1.0)


def _log_bound(tau: Array, x: float, variances: Array, squares: Array, multiplicity: Array) -> Array:
    """Bound log P(Q <= x) by Chernoff: the least log E exp(tau (x - Q)) over values of tau, shape (laws,)."""
    bound = tau * x
    for s, square, k in zip(variances.T, squares.T, multiplicity, strict=True):
        bound -= 0.5 * k * np.log1p(2 * s * tau) + square * tau / (1 + 2 * s * tau)
    out: Array = bound.min(axis=0)
    return out

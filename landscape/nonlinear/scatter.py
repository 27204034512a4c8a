"""Second moment of one sample's gradient, standard normal inputs: E[(h - h* - z)^2 s'(w_k'x) s'(w_l'x) x x'].

It is level_kl I + frame' core_kl frame, where the frame's n rows span the neurons' vectors.

For one smooth neuron the square splits into products of a function of w'x and one of v'x: exact by series.
Otherwise up to four neurons meet in one expectation, and a fixed set of points stands in: evenly spread rays
in up to two dimensions, quasi-random points from three on. For vectors up to sqrt(w' Sigma w) = 4 and ten
neurons (students and teachers together) the largest error is then about 1e-2 of the largest entry, in up to
two dimensions 1e-3, for one neuron with ReLU 1e-6 (tests/unit/nonlinear/test_nonlinear.py measures them).
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from landscape.core import Array, Scalar
from landscape.nonlinear.activations import Activation, product
from landscape.nonlinear.pairs import Expansion, angle
from landscape.nonlinear.quadrature import series

DIRECTIONS, RADII, POINTS = 1 << 11, 20, 1 << 15


class Scatter(NamedTuple):
    """The matrices level_kl I + frame' core_kl frame of all pairs of neurons k, l.

    Attributes
    ----------
    level : array, shape (points, M, M)
    core : array, shape (points, M, n, M, n)
    frame : array, shape (points, n, d)
    """

    level: Array
    core: Array
    frame: Array


def of_one_neuron(level: Array, ww: Scalar, wv: Scalar, vv: Scalar, w: Array, v: Array) -> Scatter:
    """Make the matrix level I + ww w w' + wv (w v' + v w') + vv v v'."""
    core = np.stack(np.broadcast_arrays(ww, wv, wv, vv), axis=-1).reshape(-1, 1, 2, 1, 2)
    return Scatter(level[:, None, None], core, np.stack(np.broadcast_arrays(w, v), axis=-2))


def pair_scatter(activation: Activation, w: Array, v: Array, noise: float) -> Scatter:
    """Compute it for one smooth neuron w (points, d) and its teacher v (d,)."""
    jet = activation.analytic_jet
    p, q = np.einsum("...d,...d->...", w, w), v @ v
    kept = series(jet, activation.strip, np.sqrt(max(p.max(), q)), 4)

    def slopes(t: Array, order: int) -> Array:  # s'^2
        s = jet(t, order + 1)
        return product(s[1:], s[1:])

    def once(t: Array, order: int) -> Array:  # s'^2 s
        return product(slopes(t, order), jet(t, order))

    def twice(t: Array, order: int) -> Array:  # s'^2 s^2
        return product(once(t, order), jet(t, order))

    def square(t: Array, order: int) -> Array:  # s^2
        s = jet(t, order)
        return product(s, s)

    bare, whole = Expansion(kept, slopes, p, 2), Expansion(kept, twice, p, 2)
    r = np.cos(angle(w, v))
    mixed = Expansion(kept, once, p, 2).moments(Expansion(kept, jet, q, 2), r, 2)
    rest = bare.moments(Expansion(kept, square, q, 2), r, 2)
    level, _, second = (whole.expect(whole.values[i]) + noise * bare.expect(bare.values[i]) for i in range(3))
    rest_level, ww, wv, vv = (rest(i, j) - 2 * mixed(i, j) for i, j in ((0, 0), (2, 0), (1, 1), (0, 2)))
    return of_one_neuron(rest_level + level, ww + second, wv, vv, w, v)


@lru_cache(maxsize=4)
def _normal(n: int, finer: int) -> tuple[Array, Array]:
    """Points (N, n) and weights for normal means, with every point its opposite."""
    from scipy.special import ndtri, roots_legendre  # optional: only scatter of several neurons needs it
    from scipy.stats import qmc  # optional: scipy.stats takes 0.6 s

    if n > 2:
        points = ndtri(qmc.Sobol(n, seed=0).random(finer * POINTS))
        weights = np.ones(finer * POINTS)
    else:
        count = finer * DIRECTIONS
        turn = np.pi * (np.arange(count) + 0.5) / count
        directions = np.stack([np.cos(turn), np.sin(turn)], axis=1) if n == 2 else np.ones((1, 1))
        nodes, weights = roots_legendre(RADII)
        radii = (8 + np.sqrt(n)) * (nodes + 1) / 2
        weights = weights * radii ** (n - 1) * np.exp(-(radii**2) / 2)
        points = (radii[:, None, None] * directions).reshape(-1, n)
        weights = np.repeat(weights, len(directions))
    return np.concatenate([points, -points]), np.tile(weights / (2 * weights.sum()), 2)


def quasi_scatter(activation: Activation, W: Array, V: Array, noise: float, finer: int = 1) -> Scatter:
    """Compute it for neurons W (points, M, d) and V (M, d), as a sum over fixed points; `finer` times as many as usual."""
    M, d = W.shape[-2:]
    n = min(d, M + len(V))
    z, share = _normal(n, finer)
    both = np.concatenate([W, np.broadcast_to(V, (len(W), *V.shape))], axis=1)
    frames = np.tile(np.eye(d), (len(W), 1, 1))
    if n < d:
        frames = np.linalg.qr(both.swapaxes(1, 2))[0].swapaxes(1, 2)
    level, core = np.empty((len(W), M, M)), np.empty((len(W), M, n, M, n))
    for i, vectors in enumerate(both @ frames.swapaxes(1, 2)):
        inner = z @ vectors.T
        error = activation(inner[:, :M]).sum(axis=1) - activation(inner[:, M:]).sum(axis=1)
        slope = activation.slope(inner[:, :M])
        square = share * (error**2 + noise)
        for k in range(M):
            for j in range(k + 1):
                weight = square * slope[:, k] * slope[:, j]
                level[i, k, j] = level[i, j, k] = weight.sum()
                core[i, k, :, j] = core[i, j, :, k] = (z * weight[:, None]).T @ z
    core -= level[:, :, None, :, None] * np.eye(n)[:, None, :]  # across the frame inputs are standard normal
    return Scatter(level, core, frames)

"""Second moment of one sample's gradient, standard normal inputs: E[(h - h* - z)^2 s'(w_k'x) s'(w_l'x) x x'].

It is level_kl I + frame' core_kl frame, where the frame's n rows span the neurons' vectors: triples (level, core, frame) of shapes
(points, M, M), (points, M, n, M, n) and (points, n, d).

For one smooth neuron the square splits into products of a function of w'x and one of v'x: exact by series. Otherwise up to four
neurons meet in one expectation, and a fixed set of points stands in: evenly spread rays in up to two dimensions, quasi-random
points from three on. For vectors up to sqrt(w' Sigma w) = 4 and ten neurons (students and teachers together) the largest error is then
about 1e-2 of the largest entry, in up to two dimensions 1e-3, for one neuron with ReLU 1e-6 (tests/test_nonlinear.py measures them).
"""

from functools import lru_cache

import numpy as np

from landscape.nonlinear.activations import product, shift
from landscape.nonlinear.pairs import Side, angle
from landscape.quadrature import series

DIRECTIONS, RADII, POINTS = 1 << 11, 20, 1 << 15


def of_one_neuron(level, ww, wu, uu, w, v):
    """The triple of level I + ww w w' + wu (w v' + v w') + uu v v'."""
    core = np.stack(np.broadcast_arrays(ww, wu, wu, uu), axis=-1).reshape(-1, 1, 2, 1, 2)
    return level[:, None, None], core, np.stack(np.broadcast_arrays(w, v), axis=-2)


def pair_scatter(smooth, w, v, noise):
    """For one neuron w (points, d) and its teacher v (d,)."""
    p, q = np.einsum("...d,...d->...", w, w), v @ v
    kept = series(smooth.jet, smooth.strip, np.sqrt(max(p.max(), q)), 4)

    def slopes(t, order):
        s = smooth.jet(t, order + 1)
        return product(shift(s), shift(s))

    def once(t, order):
        return product(slopes(t, order), smooth.jet(t, order))

    def twice(t, order):
        return product(once(t, order), smooth.jet(t, order))

    def square(t, order):
        s = smooth.jet(t, order)
        return product(s, s)

    bare, whole = Side(kept, slopes, p, 2), Side(kept, twice, p, 2)
    r = np.cos(angle(w, v))
    mixed = Side(kept, once, p, 2).against(Side(kept, smooth.jet, q, 2), r, 2)
    rest = bare.against(Side(kept, square, q, 2), r, 2)
    level, _, bend = (whole.expect(whole.values[i]) + noise * bare.expect(bare.values[i]) for i in range(3))
    terms = [rest(i, j) - 2 * mixed(i, j) for i, j in ((0, 0), (2, 0), (1, 1), (0, 2))]
    return of_one_neuron(terms[0] + level, terms[1] + bend, *terms[2:], w, v)


@lru_cache(maxsize=4)
def _normal(n):
    """Points (N, n) and weights for normal means, with every point its opposite."""
    from scipy.special import ndtri, roots_legendre
    from scipy.stats import qmc

    if n > 2:
        points = ndtri(qmc.Sobol(n, seed=0).random(POINTS))
        weights = np.ones(POINTS)
    else:
        turn = np.pi * (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS
        directions = np.stack([np.cos(turn), np.sin(turn)], axis=1) if n == 2 else np.ones((1, 1))
        nodes, weights = roots_legendre(RADII)
        radii = (8 + np.sqrt(n)) * (nodes + 1) / 2
        weights = weights * radii ** (n - 1) * np.exp(-(radii**2) / 2)
        points = (radii[:, None, None] * directions).reshape(-1, n)
        weights = np.repeat(weights, len(directions))
    return np.concatenate([points, -points]), np.tile(weights / (2 * weights.sum()), 2)


def quasi_scatter(activation, W, V, noise):
    """For neurons W (points, M, d) and V (M, d)."""
    M, d = W.shape[-2:]
    n = min(d, M + len(V))
    z, share = _normal(n)
    both = np.concatenate([W, np.broadcast_to(V, (len(W), *V.shape))], axis=1)
    frames = (
        np.swapaxes(np.linalg.qr(np.swapaxes(both, 1, 2))[0], 1, 2)
        if n < d
        else np.tile(np.eye(d), (len(W), 1, 1))
    )
    level, core = np.empty((len(W), M, M)), np.empty((len(W), M, n, M, n))
    for i, vectors in enumerate(both @ np.swapaxes(frames, 1, 2)):
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
    return level, core, frames

"""Second moment of one sample's gradient, standard normal inputs: E[(h - h* - z)^2 s'(w_k'x) s'(w_l'x) x x'].

For one smooth neuron the square splits into products of a function of w'x and one of v'x: exact by series. Otherwise up to four
neurons meet in one expectation; then a fixed rule of rays stands in, with quasi-random directions from three dimensions on.
"""

from functools import lru_cache

import numpy as np

from landscape.nonlinear.activations import product, shift
from landscape.nonlinear.pairs import Side, angle, spread
from landscape.quadrature import series

DIRECTIONS, RADII = 1 << 11, 20
AT_ONCE = 8


def pair_scatter(smooth, w, v, noise):
    """For one neuron w (..., d) and its teacher v (d,): shape (..., d, d)."""
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
    return spread(terms[0] + level, terms[1] + bend, *terms[2:], w, v)


@lru_cache(maxsize=8)
def _rays(n):
    """Points (N, n) and weights for normal means: Gauss-Legendre radii, evenly spread or quasi-random directions."""
    from scipy.special import ndtri, roots_legendre
    from scipy.stats import qmc

    if n == 1:
        directions = np.ones((1, 1))
    elif n == 2:
        turn = np.pi * (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS
        directions = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    else:
        directions = ndtri(qmc.Sobol(n, seed=0).random(DIRECTIONS))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    nodes, weights = roots_legendre(RADII)
    far = 8 + np.sqrt(n)
    radii = far * (nodes + 1) / 2
    weights = weights * np.exp((n - 1) * np.log(radii) - radii**2 / 2)
    points = (radii[:, None, None] * directions).reshape(-1, n)
    weights = np.repeat(weights / weights.sum(), len(directions)) / (2 * len(directions))
    return np.concatenate([points, -points]), np.tile(weights, 2)


def quasi_scatter(activation, W, V, noise):
    """For neurons W (points, M, d) and V (M, d): shape (points, M, d, M, d).

    Its relative error is about 1e-2, less in up to two dimensions; in the risk it is multiplied by 1/m.
    """
    M, d = W.shape[-2:]
    n = min(d, M + len(V))
    z, share = _rays(n)
    squares = (z[:, :, None] * z[:, None, :]).reshape(len(z), -1)
    out = np.empty((len(W), M, d, M, d))
    for start in range(0, len(W), AT_ONCE):
        here = W[start : start + AT_ONCE]
        both = np.concatenate([here, np.broadcast_to(V, (len(here), *V.shape))], axis=1)
        frame = np.linalg.qr(np.swapaxes(both, 1, 2))[0] if n < d else np.broadcast_to(np.eye(d), (len(here), d, d))
        inner = both @ frame @ z.T
        error = activation(inner[:, :M]).sum(axis=1) - activation(inner[:, M:]).sum(axis=1)
        slope = activation.slope(inner[:, :M])
        weight = (error**2 + noise)[:, None, None] * slope[:, :, None] * slope[:, None, :] * share
        plane = (weight @ squares).reshape(len(here), M, M, n, n)
        across = np.eye(d) - frame @ np.swapaxes(frame, 1, 2)
        inside = np.einsum("bin,bklnm,bjm->bkilj", frame, plane, frame)
        out[start : start + AT_ONCE] = inside + np.einsum("bkl,bij->bkilj", weight.sum(axis=-1), across)
    return out

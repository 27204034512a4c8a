r"""One batch for many steps, drawn so that what is rare and large comes up often: importance sampling.

After k steps on one batch the loss is a polynomial of degree 2k in the batch's second moment S. Where a step times an
eigenvalue of S exceeds 2 it explodes, and the few draws that have such an S carry its mean: plain draws miss them, and
their standard error with them. Here most draws come from laws with the density

.. math::
    p_j(S) = p(S)\,\frac{h_j(mS)}{E\,h_j(mS)}, \qquad \prod_i (1 - t s_i)^{-1/2} = \sum_j h_j t^j,

p that of a batch of m rows and s_i the eigenvalues of mS, and each counts p(S)/sum_j w_j p_j(S), w_j the share of
the draws from p_j (half of them from p_0 = p: no weight exceeds 2). h_j is the mean of (z'mSz)^j over normal z, up to a
factor, so p_j is drawn by drawing z first, of density (z'Sigma z)^j times the normal one, and then rows whose length
along Sigma^(1/2) z has m + 2j degrees of freedom for m: E h_j(mS) = 2^j (m/2)_j h_j(Sigma). With the largest j at least
2k a draw's contribution is bounded, for s_max^(2k) is at most a multiple of h_2k: its standard error is honest.

Small eigenvalues leave a task where it was, which matters where nearly all draws leave nothing: likewise by h_j of the
inverse, whose rows have m - d + 1 - 2j degrees of freedom in a last direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log, sqrt

import numpy as np

from landscape.core import Array
from landscape.linalg import Operator
from landscape.tasks.inputs import Gaussian

PLAIN, SMALL = 0.5, 0.15
"""Shares of the draws from the law itself, and from those with small eigenvalues."""

MOST = 400
"""The largest j: weights cost its square."""

FLAT = 1e-6
"""Directions in which the step matrix does less than this share of its most are drawn as if it did as much."""


@dataclass(frozen=True, eq=False)
class Tilts:
    """The laws that a batch is drawn from.

    Attributes
    ----------
    m : int
    scale : array, shape (d,)
        Singular values, ascending, of Sigma as the step matrix P sees it: of R P R' with R'R = Sigma.
    to_rows : array, shape (d, d)
        From standard normal rows in the eigenbasis to rows of covariance Sigma.
    powers : array of int
        The j, with a minus for those of the inverse.
    shares : array
        How many draws come from each.
    """

    m: int
    scale: Array
    to_rows: Array
    powers: Array
    shares: Array

    @classmethod
    def of(cls, inputs: Gaussian, m: int, degree: int, P: Operator | None) -> Tilts:
        """Choose laws for a polynomial of some degree in P S, P a number where it is None."""
        R, d = inputs.Sigma.expanded().root().matrix(), inputs.Sigma.d
        # Of a P that is not symmetric the singular values say how far a step goes.
        _, scale, V = np.linalg.svd(R @ R.T if P is None else R @ P.matrix() @ R.T)
        scale = np.maximum(scale, FLAT * scale.max()) if scale.any() else np.ones(d)
        order = np.argsort(scale)
        # sqrt(d m)/2: up to there a random direction is not yet that of the largest eigenvalue
        up, down = min(2 * degree + int(sqrt(d * m) / 2), MOST), min(degree, max(m - d, 0) // 2)
        powers = np.arange(-down, up + 1)
        low = SMALL if down else 0.0
        shares = np.where(powers > 0, (1 - PLAIN - low) / up, np.where(powers < 0, low / max(down, 1), PLAIN))
        return cls(m, scale[order], signed(V[order] @ R), powers, shares)

    def draw(self, size: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw batches as pseudo-rows X (size, rows, d), and the weight of each (size,)."""
        d, m = len(self.scale), self.m
        spot = (np.arange(size) + rng.random()) / size  # every law has its share of these draws, up to one
        j = self.powers[np.minimum(np.searchsorted(np.cumsum(self.shares), spot), len(self.powers) - 1)]
        up, down = np.maximum(j, 0), np.maximum(-j, 0)
        along = np.where(
            (j >= 0)[:, None],
            _directions(self.scale, up, rng),
            _directions(1 / self.scale[::-1], down, rng)[:, ::-1],
        )
        first = np.where(j >= 0, 0, d - 1)  # the coordinate that is turned into that direction
        T = np.zeros((size, min(m, d), d))
        if m > d:
            above = np.triu_indices(d, 1)
            T[:, above[0], above[1]] = rng.standard_normal((size, len(above[0])))
            freedom = m - np.arange(d) + np.zeros((size, 1))
            freedom[:, 0] += 2 * up
            freedom[:, -1] -= 2 * down
            T[:, np.arange(d), np.arange(d)] = np.sqrt(rng.chisquare(freedom))
        else:
            T[:, :, 1:] = rng.standard_normal((size, m, d - 1))
            T[:, 0, 0] = np.sqrt(rng.chisquare(m + 2 * up))
        mirror = along.copy()
        mirror[np.arange(size), first] -= 1
        length = np.linalg.norm(mirror, axis=1, keepdims=True)
        mirror = np.divide(mirror, length, out=np.zeros_like(mirror), where=length > 0)
        Z = T - 2 * (T @ mirror[:, :, None]) * mirror[:, None, :]
        return Z @ self.to_rows, self.weights(Z)

    def weights(self, Z: Array) -> Array:
        """Compute p(S) over the density that it was drawn from, of standard normal rows in the eigenbasis."""
        X, m, freedom = Z * np.sqrt(self.scale), self.m, self.m - len(self.scale) + 1
        seen = np.linalg.eigvalsh(X.swapaxes(1, 2) @ X)
        seen = np.maximum(seen, np.finfo(float).tiny)
        up, down = self.powers[-1], -self.powers[0]
        large = _log_h(seen, up) - _log_h(self.scale, up)
        large -= [j * log(2) + lgamma(m / 2 + j) - lgamma(m / 2) for j in range(up + 1)]
        small = _log_h(1 / seen, down) - _log_h(1 / self.scale, down)
        small -= [
            -j * log(2) + lgamma(freedom / 2 - j) - lgamma(freedom / 2) if j else 0 for j in range(down + 1)
        ]
        with np.errstate(over="ignore"):
            out: Array = 1 / (np.exp(np.concatenate([small[:, :0:-1], large], axis=1)) @ self.shares)
        return out


def signed(rows: Array) -> Array:
    """Give rows (k, d), of which the sign is open, one that neither units nor rounding change."""
    size = np.linalg.norm(rows, axis=0)
    relative = np.divide(rows, size, out=np.zeros(rows.shape), where=size > 0)
    return np.where(relative @ np.sqrt(np.arange(2.0, len(size) + 2)) < 0, -1.0, 1.0)[:, None] * rows


def _log_h(s: Array, most: int) -> Array:
    """Logarithms of h_0, h_1, ... of eigenvalues (..., d), by j h_j = sum_i tr(S^i) h_(j-i)/2."""
    scale = s.max(axis=-1, keepdims=True)
    sums, power = [], np.ones_like(s)
    for _ in range(most):
        power = power * (s / scale)
        sums.append(power.sum(axis=-1))
    traces, h = np.array(sums).reshape(most, *s.shape[:-1]), np.ones((most + 1, *s.shape[:-1]))
    for j in range(1, most + 1):
        h[j] = np.sum(traces[:j] * h[j - 1 :: -1][:j], axis=0) / (2 * j)
    return np.moveaxis(np.log(h), 0, -1) + np.arange(most + 1) * np.log(scale)


def _directions(scale: Array, j: Array, rng: np.random.Generator) -> Array:
    """Draw unit vectors along scale^(1/2) z, z of density (z' scale z)^j times the normal one, shape (len(j), d).

    Multiplied out it is a mixture: coordinate i has the density |z_i|^(2 q_i) times the normal one, and the powers q_i,
    which sum to j, have chances prod (1/2)_q scale_i^q/q!: one coordinate after another. Scales ascend.
    """
    d, most = len(scale), int(j.max(initial=0))
    q = np.arange(most + 1)
    a = np.exp([lgamma(i + 0.5) - lgamma(0.5) - lgamma(i + 1) for i in q])
    own = a * (scale / scale[-1])[:, None] ** q
    rest = np.zeros((d + 1, most + 1))
    rest[d, 0] = 1.0
    for i in reversed(range(d)):
        rest[i] = np.convolve(own[i], rest[i + 1])[: most + 1]
    left, powers = j.copy(), np.empty((len(j), d), dtype=int)
    for i in range(d):
        chance = np.where(q <= q[:, None], own[i] * rest[i + 1][np.maximum(q[:, None] - q, 0)], 0.0)
        reached = np.cumsum(chance, axis=1)
        u = rng.random(len(j)) * reached[left, -1]
        powers[:, i] = np.minimum(np.sum(u[:, None] >= reached[left], axis=1), left)
        left = left - powers[:, i]
    z = np.sqrt(scale * rng.chisquare(1 + 2 * powers)) * rng.choice([-1.0, 1.0], size=powers.shape)
    out: Array = z / np.linalg.norm(z, axis=1, keepdims=True)
    return out

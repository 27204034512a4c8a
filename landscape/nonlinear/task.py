"""What tasks with nonlinear models share: shapes, checks, and inputs of any covariance.

A task has M weight vectors of dimension d; a point W has shape (..., M, d), or (d,) for a single point with M = 1. Its formulas
stand in whitened coordinates, in which inputs are standard normal, and come back here.
"""

from functools import cached_property

import numpy as np

from landscape import checks
from landscape.quadrature import FARTHEST, rung
from landscape.record import Record

BLOCK = 512  # points at a time: their Hermite coefficients take some megabytes


class NonlinearTask(Record):
    """Base of tasks with normal inputs N(0, Sigma) and a nonlinear model.

    Subclasses are dataclasses with ``name``, ``teacher``, ``covariance`` and ``probability``, and have ``_white_loss``,
    ``_white_gradient``, ``_white_hessian`` and ``_white_scatter`` (second moment of one sample's gradient) of points
    (n, M, d) in whitened coordinates, ``exact_scatter`` (whether the last is exact), ``_labels`` and ``_sample_gradient``.
    """

    name: str
    teacher: object
    covariance: object
    probability: float | None

    def _check(self):
        checks.name(self.name)
        what = f"teacher of task {self.name!r}"
        teacher = np.atleast_1d(checks.array(what, self.teacher))
        if teacher.ndim > 2:
            raise ValueError(f"{what} must have shape (d,) or (M, d), got {teacher.shape}")
        teacher = np.atleast_2d(teacher)
        what = f"covariance of task {self.name!r}"
        covariance = checks.positive_semidefinite(what, self.covariance)
        if np.ndim(covariance) and len(covariance) != teacher.shape[1]:
            raise ValueError(f"{what} must be a number or fit d = {teacher.shape[1]}, got shape {covariance.shape}")
        least = np.min(covariance) if np.ndim(covariance) < 2 else np.linalg.eigvalsh(covariance)[0]
        if least <= 0:
            raise ValueError(f"{what} must be positive definite, but its smallest eigenvalue is {least:g}")
        self._set(teacher=teacher, covariance=covariance)
        if self.probability is not None:
            self._set(probability=checks.number("probability", self.probability, at_least=0, at_most=1))

    @property
    def shape(self):
        """(M, d)."""
        return self.teacher.shape

    @cached_property
    def _root(self):
        """R with R R' = Sigma, as compact as Sigma is given."""
        return np.linalg.cholesky(self.covariance) if np.ndim(self.covariance) == 2 else np.sqrt(self.covariance)

    def _whiten(self, W):
        return W @ self._root if np.ndim(self._root) == 2 else W * self._root

    def _back(self, G):
        return G @ self._root.T if np.ndim(self._root) == 2 else G * self._root

    def points(self, W):
        """W checked and brought to shape (..., M, d)."""
        W = checks.array("W", W)
        M, d = self.shape
        if M == 1 and W.shape == (d,):
            return W[None]
        if W.ndim < 2 or W.shape[-2:] != (M, d):
            single = " or (d,) for a single point" if M == 1 else ""
            raise ValueError(f"W must have shape (..., M, d) with M = {M}, d = {d}{single}, got {W.shape}")
        return W

    def _in_blocks(self, formula, W, tail):
        """`formula` over the points of W in whitened coordinates, block by block: shape (..., *tail)."""
        W = self.points(W)
        flat = self._whiten(W.reshape(-1, *self.shape))
        size = max(BLOCK // self.shape[0], 1)
        out = np.empty((len(flat), *tail))
        for where in self._by_length(flat, W.shape[:-2]):  # a point's value does not depend on the others
            for i in range(0, len(where), size):
                out[where[i : i + size]] = formula(flat[where[i : i + size]])
        return out.reshape(W.shape[:-2] + tuple(tail))

    def _by_length(self, flat, shape):
        """Indices of points whose longest vectors, with the teacher's, need the same series; too long ones are an error."""
        lengths = np.sqrt(np.einsum("nkd,nkd->nk", flat, flat)).max(axis=1)
        if not self._any_length and (lengths > FARTHEST).any():
            worst = int(lengths.argmax())
            which = f"W[{', '.join(map(str, np.unravel_index(worst, shape)))}]" if shape else "W"
            raise ValueError(
                f"{(lengths > FARTHEST).sum():,} of {len(flat):,} points have too long a vector w: sqrt(w' Sigma w) = "
                f"{lengths[worst]:.3g} in task {self.name!r} at {which}, and integrals are kept up to {FARTHEST:g}; give smaller "
                "weights, or a smaller alpha if a step led there"
            )
        if len(flat) == 1:
            return [np.zeros(1, dtype=int)]
        rungs = rung(np.maximum(lengths, self._teacher_length))
        return [np.flatnonzero(rungs == one) for one in np.unique(rungs)]

    @cached_property
    def _teacher_length(self):
        return np.linalg.norm(self._whiten(self.teacher), axis=1).max()

    @property
    def _any_length(self):
        """Whether vectors may be as long as they like: their formulas need no series."""
        return False

    def loss(self, W):
        """Population loss f(W), shape (...)."""
        return self._in_blocks(self._white_loss, W, ())[()]

    def gradient(self, W):
        """Gradient of f, shape (..., M, d)."""
        return self._back(self._in_blocks(self._white_gradient, W, self.shape))

    def hessian(self, W):
        """Hessian of f, shape (..., Md, Md), coordinates in the order of ``W.ravel()``."""
        return self._matrices(self._white_hessian, W)

    def gradient_covariance(self, W):
        """Covariance of one sample's gradient at W, shape (..., Md, Md); see ``exact_scatter``."""
        second = self._matrices(self._white_scatter, W)
        g = self.gradient(W)
        g = g.reshape(*g.shape[:-2], -1)
        return second - g[..., :, None] * g[..., None, :]

    def _matrices(self, formula, W):
        M, d = self.shape
        H = self._in_blocks(formula, W, (M, d, M, d))
        H = np.swapaxes(self._back(np.swapaxes(self._back(H), -1, -3)), -1, -3)
        return H.reshape(*H.shape[:-4], M * d, M * d)

    def draw(self, shape, rng):
        """Samples: inputs (*shape, d) and labels (*shape)."""
        x = self._back(rng.standard_normal((*shape, self.shape[1])))
        return x, self._labels(x, rng)

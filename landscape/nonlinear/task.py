"""What tasks with nonlinear models share: shapes, checks, and inputs of any covariance.

A task has M weight vectors of dimension d; a point W has shape (..., M, d), or (d,) for a single point with M = 1. Its formulas
stand in whitened coordinates, in which inputs are standard normal, and come back here.
"""

from functools import cached_property

import numpy as np

from landscape import checks
from landscape.nonlinear.blocks import written_out
from landscape.quadrature import FARTHEST, rung
from landscape.record import Record

BLOCK = 512  # points at a time: their Hermite coefficients take some megabytes


class NonlinearTask(Record):
    """Base of tasks with normal inputs N(0, Sigma) and a nonlinear model.

    Subclasses are dataclasses with ``name``, ``teacher``, ``covariance`` and ``probability``, and have ``_white_loss``,
    ``_white_gradient``, ``_white_blocks`` (k, l, sign, `Block`: what adds up to the Hessian) and ``_white_scatter`` (second moment of
    one sample's gradient, see `scatter`) of points (n, M, d) in whitened coordinates, ``exact_scatter`` (whether the last is exact),
    ``_labels`` and ``_sample_gradient``.
    """

    name: str
    teacher: object
    covariance: object
    probability: float | None
    _unseen = 0  # directions of a reduced landscape's inputs that no vector reaches: only traces meet them

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
            raise ValueError(
                f"{what} must be a number or fit d = {teacher.shape[1]}, got shape {covariance.shape}"
            )
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
        return (
            np.linalg.cholesky(self.covariance) if np.ndim(self.covariance) == 2 else np.sqrt(self.covariance)
        )

    def _whiten(self, W):
        return W @ self._root if np.ndim(self._root) == 2 else W * self._root

    def _back(self, G):
        return G @ self._root.T if np.ndim(self._root) == 2 else G * self._root

    def points(self, W, name="W"):
        """W checked and brought to shape (..., M, d)."""
        W = checks.array(name, W)
        M, d = self.shape
        if M == 1 and W.shape == (d,):
            return W[None]
        if W.ndim < 2 or W.shape[-2:] != (M, d):
            single = " or (d,) for a single point" if M == 1 else ""
            raise ValueError(
                f"{name} must have shape (..., M, d) with M = {M}, d = {d}{single}, got {W.shape}"
            )
        return W

    def _in_blocks(self, formula, W, tail, *more):
        """`formula` over the points of W in whitened coordinates, block by block: shape (..., *tail).

        `more` are arrays with an entry for each of the points, counted through; the formula gets its share of each.
        """
        W = self.points(W)
        flat = self._whiten(W.reshape(-1, *self.shape))
        out = np.empty((len(flat), *tail))
        for here in self._pieces(flat, W.shape[:-2]):
            out[here] = formula(flat[here], *(array[here] for array in more))
        return out.reshape(W.shape[:-2] + tuple(tail))

    def _pieces(self, flat, shape):
        """Indices of some points at a time; a point's value does not depend on the others."""
        size = max(BLOCK // self.shape[0], 1)
        for where in self._by_length(flat, shape):
            for i in range(0, len(where), size):
                yield where[i : i + size]

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
        """Hessian of f, shape (..., Md, Md), coordinates in the order of ``W.ravel()``; `hessian_times` does without its d^2 entries."""
        return self._matrices(self._white_hessian, W)

    def hessian_times(self, W, G):
        """The Hessian at W times G, both of shape (..., M, d), at a cost of order d unless Sigma is dense."""
        W, G = np.broadcast_arrays(self.points(W), self.points(G, "G"))
        product = self._in_blocks(
            self._white_product, W, self.shape, self._whiten(G.reshape(-1, *self.shape))
        )
        return self._back(product)

    def gradient_covariance(self, W):
        """Covariance of one sample's gradient at W, shape (..., Md, Md).

        Exact where ``exact_scatter`` says so (one smooth neuron). For one neuron with ReLU it has a relative error of 1e-6; for several
        it is a sum over quasi-random points, for vectors up to sqrt(w' Sigma w) = 4 with an error of about 1e-2 of its largest entry.
        """
        second = self._matrices(lambda W: written_out(*self._white_scatter(W)), W)
        g = self.gradient(W)
        g = g.reshape(*g.shape[:-2], -1)
        return second - g[..., :, None] * g[..., None, :]

    def scatter_trace(self, W, alpha):
        """tr(H(U) C(W)) at U = W - alpha grad f(W), of Hessian and gradient's covariance, shape (...), at a cost of order d."""
        W, alpha = self.points(W), checks.number("alpha", alpha)
        shape, W = W.shape[:-2], W.reshape(-1, *self.shape)
        g = self.gradient(W)
        white, U, mean, out = self._whiten(W), W - alpha * g, self._whiten(g), np.empty(len(W))
        for here in self._pieces(white, shape):
            level, core, frame = self._white_scatter(white[here])
            out[here] = self._in_blocks(
                self._white_trace, U[here], (), level, core, self._scale(frame), mean[here]
            )
        return out.reshape(shape)[()]

    def _white_hessian(self, W):
        M, d = self.shape
        out = np.zeros((len(W), M, d, M, d))
        for k, j, sign, block in self._white_blocks(W):
            out[:, k, :, j, :] += sign * block.times(np.eye(d))
        return out

    def _white_product(self, W, G):
        out = np.zeros_like(W)
        for k, j, sign, block in self._white_blocks(W):
            out[:, k] += sign * block.times(G[:, j, None])[:, 0]
        return out

    def _white_trace(self, W, level, core, rows, mean):
        """Of the Hessian's product with S (level I + frame' core frame) S - mean mean', from rows = frame S; S is the whitened Sigma."""
        total = 0.0
        for k, j, sign, block in self._white_blocks(W):
            inside = np.einsum("nad,nbd,nab->n", block.times(rows), rows, core[:, j, :, k, :], optimize=True)
            inside -= np.einsum("nd,nd->n", block.times(mean[:, j, None])[:, 0], mean[:, k])
            total = total + sign * (level[:, j, k] * block.trace(self._squares, self._scale) + inside)
        return total

    @cached_property
    def _squares(self):
        """tr(Sigma^2)."""
        if np.ndim(self.covariance):
            return np.sum(self.covariance**2)
        return (self.shape[1] + self._unseen) * self.covariance**2

    def _scale(self, rows):
        return self._whiten(self._back(rows))

    def _matrices(self, formula, W):
        M, d = self.shape
        H = self._in_blocks(formula, W, (M, d, M, d))
        H = np.swapaxes(self._back(np.swapaxes(self._back(H), -1, -3)), -1, -3)
        return H.reshape(*H.shape[:-4], M * d, M * d)

    def draw(self, shape, rng):
        """Samples: inputs (*shape, d) and labels (*shape), from a NumPy generator."""
        checks.instance("shape", shape, tuple)
        checks.instance("rng", rng, np.random.Generator)
        x = self._back(rng.standard_normal((*shape, self.shape[1])))
        return x, self._labels(x, rng)

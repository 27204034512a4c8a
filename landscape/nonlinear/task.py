"""What tasks with nonlinear models share: shapes, checks, and inputs of any covariance.

A task has M weight vectors of dimension d; a point W has shape (..., M, d), or (d,) for a single point with M
= 1. Its formulas stand in whitened coordinates, in which inputs are standard normal, and come back here.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from functools import cached_property
from typing import Any

import numpy as np

from landscape.core import Array, Record, checks, record
from landscape.core.domains import float_array, probability, real, whole
from landscape.nonlinear.blocks import Block, written_out
from landscape.nonlinear.quadrature import FARTHEST, ladder_step
from landscape.nonlinear.scatter import Scatter

BLOCK = 512
"""Points at a time: their Hermite coefficients take some megabytes."""


@record
class NonlinearTask(Record, ABC):
    r"""Base of tasks with normal inputs N(0, Sigma) and a nonlinear model.

    Parameters
    ----------
    name : str
    teacher : array (d,) or (M, d)
        Weight vectors of the model that makes the labels; the loss is least there.
    covariance : float, array (d,) or (d, d)
        :math:`\Sigma`, positive definite. Smaller is harder.
    probability : float, optional
        As for `TaskFamily`.
    hidden_dimensions : int
        How many more dimensions isotropic inputs have, which no weight vector reaches: only traces meet them.
    """

    name: str
    teacher: Any
    covariance: Any = 1.0
    probability: float | None = field(default=None, kw_only=True)
    hidden_dimensions: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        checks.name(self.name)
        what = f"teacher of task {self.name!r}"
        teacher = np.atleast_1d(real.check_many(what, self.teacher))
        if teacher.ndim > 2:
            raise ValueError(f"{what} must have shape (d,) or (M, d), got {teacher.shape}")
        teacher = np.atleast_2d(teacher)
        what = f"covariance of task {self.name!r}"
        covariance: Any = checks.positive_semidefinite(what, self.covariance)
        if np.ndim(covariance) and len(covariance) != teacher.shape[1]:
            raise ValueError(
                f"{what} must be a number or fit d = {teacher.shape[1]}, got shape {covariance.shape}"
            )
        least = np.min(covariance) if np.ndim(covariance) < 2 else np.linalg.eigvalsh(covariance)[0]
        if least <= 0:
            raise ValueError(f"{what} must be positive definite, but its smallest eigenvalue is {least:g}")
        hidden = whole(0).check("hidden_dimensions", self.hidden_dimensions)
        self._set(teacher=teacher, covariance=covariance, hidden_dimensions=hidden)
        if self.probability is not None:
            self._set(probability=probability.check("probability", self.probability))
        super().__post_init__()

    # ---- what a model adds; points are (n, M, d), in whitened coordinates where a name begins with _white

    @property
    @abstractmethod
    def model(self) -> str:
        """Name what must be the same for all tasks of an environment."""

    @property
    @abstractmethod
    def exact_scatter(self) -> bool:
        """Whether `gradient_covariance` is exact: one neuron with a smooth activation."""

    @property
    def scatter_jumps(self) -> bool:
        """Whether `gradient_covariance` jumps: it is a sum over fixed points of what has kinks."""
        return False

    @property
    def label_noise(self) -> float:
        """Variance of the label noise."""
        return 0.0

    @property
    def _any_length(self) -> bool:
        """Whether vectors may be as long as they like: their formulas need no series."""
        return False

    @abstractmethod
    def _white_loss(self, W: Array) -> Array:
        """Compute f, shape (n,)."""

    @abstractmethod
    def _white_gradient(self, W: Array) -> Array:
        """Compute its gradient, shape (n, M, d)."""

    @abstractmethod
    def _white_blocks(self, W: Array) -> Iterator[tuple[int, int, int, Block]]:
        """Yield neurons k, l, a sign and a `Block`: what adds up to the Hessian."""

    @abstractmethod
    def _white_scatter(self, W: Array) -> Scatter:
        """Compute the second moment of one sample's gradient."""

    @abstractmethod
    def _labels(self, x: Array, rng: np.random.Generator) -> Array:
        """Draw labels of inputs (..., n, d)."""

    @abstractmethod
    def sample_gradient(self, W: Array, x: Array, y: Array) -> Array:
        """Compute the gradient of the mean loss of samples x (..., n, d), y (..., n) at W (..., M, d)."""

    # ---- what every task answers

    @property
    def shape(self) -> tuple[int, int]:
        """(M, d)."""
        M, d = self.teacher.shape
        return M, d

    def points(self, W: Any, name: str = "W") -> Array:
        """Check points and bring them to shape (..., M, d)."""
        W = float_array(name, W)
        if not np.isfinite(W).all():
            raise ValueError(f"{name} must be finite, got {W[~np.isfinite(W)].flat[0]:g}")
        M, d = self.shape
        if M == 1 and W.shape == (d,):
            return W[None]
        if W.ndim < 2 or W.shape[-2:] != (M, d):
            single = " or (d,) for a single point" if M == 1 else ""
            raise ValueError(
                f"{name} must have shape (..., M, d) with M = {M}, d = {d}{single}, got {W.shape}"
            )
        return W

    def loss(self, W: Any) -> Any:
        """Compute the population loss f(W), shape (...)."""
        return self._in_blocks(self._white_loss, W, ())[()]

    def gradient(self, W: Any) -> Array:
        """Compute the gradient of f, shape (..., M, d)."""
        return self._back(self._in_blocks(self._white_gradient, W, self.shape))

    def hessian(self, W: Any) -> Array:
        """Compute the Hessian of f, shape (..., Md, Md), coordinates in the order of ``W.ravel()``.

        `hessian_times` does without its d^2 entries.
        """
        return self._matrices(self._white_hessian, W)

    def hessian_times(self, W: Any, G: Any) -> Array:
        """Compute the Hessian at W times G (..., M, d), at a cost of order d unless Sigma is dense."""
        W, G = np.broadcast_arrays(self.points(W), self.points(G, "G"))
        white = self._whiten(G.reshape(-1, *self.shape))
        return self._back(self._in_blocks(self._white_product, W, self.shape, white))

    def gradient_covariance(self, W: Any) -> Array:
        """Compute the covariance of one sample's gradient at W, shape (..., Md, Md).

        Exact where ``exact_scatter`` says so (one smooth neuron). For one neuron with ReLU it has a relative
        error of 1e-6; for several it is a sum over quasi-random points, for vectors up to sqrt(w' Sigma w) =
        4 with an error of about 1e-2 of its largest entry.
        """
        second = self._matrices(lambda W: written_out(*self._white_scatter(W)), W)
        g = self.gradient(W)
        g = g.reshape(*g.shape[:-2], -1)
        return second - g[..., :, None] * g[..., None, :]

    def scatter_trace(self, W: Any, alpha: float) -> Any:
        """Compute tr(H(U) C(W)) at U = W - alpha grad f(W), at a cost of order d.

        H is the Hessian, C the covariance of one sample's gradient.

        Returns
        -------
        float or array, shape (...)
        """
        W, alpha = self.points(W), real.check("alpha", alpha)
        shape, W = W.shape[:-2], W.reshape(-1, *self.shape)
        g = self.gradient(W)
        white, U, mean, out = self._whiten(W), W - alpha * g, self._whiten(g), np.empty(len(W))
        for here in self._pieces(white, shape):
            level, core, frame = self._white_scatter(white[here])
            more = level, core, self._scale(frame), mean[here]
            out[here] = self._in_blocks(self._white_trace, U[here], (), *more)
        return out.reshape(shape)[()]

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw samples: inputs (*shape, d) and labels (*shape), from a NumPy generator."""
        checks.instance("shape", shape, tuple)
        checks.instance("rng", rng, np.random.Generator)
        if self.hidden_dimensions:
            raise ValueError(
                "a landscape in reduced dimensions cannot be sampled: inputs scatter in the others too"
            )
        x = self._back(rng.standard_normal((*shape, self.shape[1])))
        return x, self._labels(x, rng)

    # ---- whitened coordinates

    @cached_property
    def _root(self) -> Any:
        """R with R R' = Sigma, as compact as Sigma is given."""
        dense = np.ndim(self.covariance) == 2
        return np.linalg.cholesky(self.covariance) if dense else np.sqrt(self.covariance)

    def _whiten(self, W: Array) -> Array:
        return W @ self._root if np.ndim(self._root) == 2 else W * self._root

    def _back(self, G: Array) -> Array:
        return G @ self._root.T if np.ndim(self._root) == 2 else G * self._root

    def _scale(self, rows: Array) -> Array:
        return self._whiten(self._back(rows))

    @cached_property
    def _squares(self) -> float:
        """tr(Sigma^2)."""
        if np.ndim(self.covariance):
            return float(np.sum(self.covariance**2))
        return float((self.shape[1] + self.hidden_dimensions) * self.covariance**2)

    @cached_property
    def _teacher_length(self) -> float:
        return float(np.linalg.norm(self._whiten(self.teacher), axis=1).max())

    def _in_blocks(self, formula: Callable[..., Array], W: Any, own: tuple[int, ...], *more: Array) -> Array:
        """`formula` over the points of W in whitened coordinates, block by block: shape (..., *own).

        `more` are arrays with an entry for each of the points, counted through; the formula gets its share of
        each.
        """
        W = self.points(W)
        flat = self._whiten(W.reshape(-1, *self.shape))
        out = np.empty((len(flat), *own))
        for here in self._pieces(flat, W.shape[:-2]):
            out[here] = formula(flat[here], *(array[here] for array in more))
        return out.reshape(W.shape[:-2] + own)

    def _pieces(self, flat: Array, shape: tuple[int, ...]) -> Iterator[Array]:
        """Indices of some points at a time; a point's value does not depend on the others."""
        size = max(BLOCK // self.shape[0], 1)
        for where in self._by_length(flat, shape):
            for i in range(0, len(where), size):
                yield where[i : i + size]

    def _by_length(self, flat: Array, shape: tuple[int, ...]) -> Sequence[Array]:
        """Indices of points whose longest vectors need the same series; too long ones are an error."""
        lengths = np.sqrt(np.einsum("nkd,nkd->nk", flat, flat)).max(axis=1)
        if not self._any_length and (lengths > FARTHEST).any():
            worst = int(lengths.argmax())
            which = f"W[{', '.join(map(str, np.unravel_index(worst, shape)))}]" if shape else "W"
            raise ValueError(
                f"{(lengths > FARTHEST).sum():,} of {len(flat):,} points have too long a vector w: sqrt(w' Sigma w) "
                f"= {lengths[worst]:.3g} in task {self.name!r} at {which}, and integrals are kept up to "
                f"{FARTHEST:g}; give smaller weights, or a smaller alpha if a step led there"
            )
        if len(flat) == 1:
            return [np.zeros(1, dtype=int)]
        steps = ladder_step(np.maximum(lengths, self._teacher_length))
        return [np.flatnonzero(steps == one) for one in np.unique(steps)]

    def _white_hessian(self, W: Array) -> Array:
        M, d = self.shape
        out = np.zeros((len(W), M, d, M, d))
        for k, j, sign, block in self._white_blocks(W):
            out[:, k, :, j, :] += sign * block.times(np.eye(d))
        return out

    def _white_product(self, W: Array, G: Array) -> Array:
        out = np.zeros_like(W)
        for k, j, sign, block in self._white_blocks(W):
            out[:, k] += sign * block.times(G[:, j, None])[:, 0]
        return out

    def _white_trace(self, W: Array, level: Array, core: Array, rows: Array, mean: Array) -> Array:
        """The trace of H (S (level I + frame' core frame) S - mean mean'), S the whitened Sigma, rows frame S."""
        total = np.zeros(len(W))
        for k, j, sign, block in self._white_blocks(W):
            inside = np.einsum("nad,nbd,nab->n", block.times(rows), rows, core[:, j, :, k, :], optimize=True)
            inside -= np.einsum("nd,nd->n", block.times(mean[:, j, None])[:, 0], mean[:, k])
            total += sign * (level[:, j, k] * block.trace(self._squares, self._scale) + inside)
        return total

    def _matrices(self, formula: Callable[[Array], Array], W: Any) -> Array:
        M, d = self.shape
        H = self._in_blocks(formula, W, (M, d, M, d))
        H = self._back(self._back(H).swapaxes(-1, -3)).swapaxes(-1, -3)
        return H.reshape(*H.shape[:-4], M * d, M * d)

r"""Drawn contexts, over which the one matrix P of several steps on the same samples is optimised.

With S = X'X/m and s = X'e/m of a context the distance to the task's optimum goes :math:`r \to r - P (S r - s)` at each
step, and the loss is :math:`\tfrac12 |F r - t|^2`. In a prompt r is a vector, F the query x' and t its noise. For the
expected loss on a context F is a root of Sigma, and what is random beside X is integrated out: r, s and t then have a
column for each direction in which optima spread, and for each in which noise pushes. Such contexts are drawn so that those whose rare
and large losses carry the mean come up often (`Tilts`): over plain draws the best steps would be too long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landscape.adaptations.base import is_full
from landscape.adaptations.steps import Steps
from landscape.core.errors import warn
from landscape.core.tolerances import SINGULAR
from landscape.core.typing import Array, Scalar
from landscape.linalg.operators import Matrix
from landscape.tasks.families import Task
from landscape.tasks.inputs import Gaussian, Inputs
from landscape.tasks.tilted import Tilts, signed

KINDS = ("full", "diagonal", "scalar")
"""Of matrices P."""

MOST = 100
"""Moves of L-BFGS."""


@dataclass(frozen=True, eq=False)
class Group:
    """Contexts of one task.

    Attributes
    ----------
    S : array, shape (n, d, d)
    s, r : array, shape (n or 1, d, J)
    F : array, shape (n or 1, f, d)
    t : array, shape (n or 1, f, J)
    weight : array, shape (n,)
        By which each counts: 1, or how much more often it comes up than it was drawn.
    floor : float
        What is lost beside, half the noise of the labels.
    """

    S: Array
    s: Array
    r: Array
    F: Array
    t: Array
    weight: Array
    floor: float = 0.0

    def loss_and_slope(self, P: Array, steps: int) -> tuple[float, Array]:
        """Compute the sum of losses and its gradient by P, back through the steps."""
        r, seen = self.r, []
        for _ in range(steps):
            seen.append(self.S @ r - self.s)
            r = r - P @ seen[-1]
        left = self.F @ r - self.t
        back, slope = self.F.swapaxes(1, 2) @ (self.weight[:, None, None] * left), np.zeros_like(P)
        for gradient in reversed(seen):
            slope -= np.einsum("nij,nkj->ik", back, gradient)
            back = back - self.S @ (P.T @ back)
        return float(self.weight @ np.sum(left**2, axis=(1, 2)) / 2 + len(self.S) * self.floor), slope


@dataclass(frozen=True, eq=False)
class Contexts:
    """Contexts of several tasks, each counting alike.

    Attributes
    ----------
    groups : list of Group
    Sigma : array, shape (d, d)
        The mean covariance of their inputs.
    """

    groups: list[Group]
    Sigma: Array

    @classmethod
    def of(
        cls, tasks: Sequence[Task], w: Array, steps: Steps, count: int, seed: int | Sequence[int]
    ) -> Contexts:
        """Draw contexts of tasks in proportion to their probabilities, for about such steps as are given.

        Optima and noise are integrated out.
        """
        shares = np.cumsum([task.probability for task in tasks])
        rng, groups = np.random.default_rng(seed), []
        whose = np.searchsorted(shares / shares[-1], (np.arange(count) + 0.5) / count)
        for task, n in zip(tasks, np.bincount(whose, minlength=len(tasks)), strict=True):
            groups += [_expected(task.expanded(), w, steps, n, rng)] if n else []
        return cls(groups, _mean_covariance(tasks))

    @classmethod
    def prompts(
        cls, tasks: Sequence[Task], w: Array, m: Scalar, count: int, seed: int | Sequence[int]
    ) -> Contexts:
        """Draw prompts: a task, its context and one query each."""
        rng, groups = np.random.default_rng(seed), []
        shares = np.array([task.probability for task in tasks], dtype=float)
        for task, n in zip(tasks, rng.multinomial(count, shares / shares.sum()), strict=True):
            groups += [_prompts(task.expanded(), w, m, n, rng)] if n else []
        return cls(groups, _mean_covariance(tasks))

    @property
    def count(self) -> int:
        """How many contexts there are."""
        return sum(len(group.S) for group in self.groups)

    def loss_and_slope(self, P: Array, steps: int) -> tuple[float, Array]:
        """Compute the mean loss after steps, and its gradient by all entries of P, which may be its diagonal."""
        P = np.diag(P) if P.ndim == 1 else P
        losses, slopes = zip(*(group.loss_and_slope(P, steps) for group in self.groups), strict=True)
        return sum(losses) / self.count, sum(slopes) / self.count

    def least_squares(self, kind: str) -> Array:
        """Find the P of one step with the least loss on prompts; where several have it, that of least norm, inputs whitened."""
        free = Whitened.of(self.Sigma, kind)
        features, wanted = [], []
        for group in self.groups:
            gradient = group.S @ group.r - group.s
            features.append(free.slope(group.F.swapaxes(1, 2) @ gradient.swapaxes(1, 2)))
            wanted.append((group.F @ group.r - group.t)[:, 0, 0])
        found = np.linalg.lstsq(np.concatenate(features), np.concatenate(wanted), rcond=None)[0]
        return free.matrix(found)

    def descend(self, first: Array, steps: int, kind: str) -> Array:
        """Minimise the mean loss after steps over P, from the best P of one step, by L-BFGS, inputs whitened."""
        from scipy.optimize import minimize  # optional here: importing it takes 0.2 s

        free = Whitened.of(self.Sigma, kind)
        start = free.entries(first)
        size = float(np.sqrt(np.mean(start**2))) or 1.0

        def loss_and_slope(x: Array) -> tuple[float, Array]:
            loss, slope = self.loss_and_slope(free.matrix(size * x), steps)
            return loss, size * free.slope(slope)

        found = minimize(
            loss_and_slope,
            start / size,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": MOST, "ftol": 1e-8},
        )
        if not found.success:
            warn(f"the matrix of {steps} steps on the same samples has not settled: {found.message}")
        return free.matrix(size * found.x)


@dataclass(frozen=True, eq=False)
class Whitened:
    """The free entries of matrices P of a kind, in coordinates in which inputs are white: what is found does not depend on units.

    Attributes
    ----------
    kind : str
    root, inverse : array, shape (d, d)
        R with R'R the covariance of inputs, and its inverse, 0 where nothing varies; P is R^-1 times the entries times R^-T.
    """

    kind: str
    root: Array
    inverse: Array

    @classmethod
    def of(cls, Sigma: Array, kind: str) -> Whitened:
        """Take the root of a covariance."""
        root = Matrix(Sigma).root().matrix() if kind == "full" else np.diag(np.sqrt(np.diagonal(Sigma)))
        size = np.linalg.norm(root, axis=0)  # before the rank is judged
        scale = np.divide(1.0, size, out=np.zeros(size.shape), where=size > 0)
        return cls(
            kind, root, scale[:, None] * np.linalg.pinv(root * scale, rcond=np.sqrt(SINGULAR * len(size)))
        )

    def entries(self, P: Array) -> Array:
        """List those of a matrix, given as its diagonal where it is one."""
        if self.kind == "full":
            return (self.root @ P @ self.root.T).ravel()
        return P[:1] if self.kind == "scalar" else P * np.diagonal(self.root) ** 2

    def matrix(self, x: Array) -> Array:
        """Make the matrix, or its diagonal, of its entries."""
        if self.kind == "full":
            return self.inverse @ x.reshape(self.root.shape) @ self.inverse.T
        return np.full(len(self.root), x[0]) if self.kind == "scalar" else x * np.diagonal(self.inverse) ** 2

    def slope(self, G: Array) -> Array:
        """Turn gradients by all entries of P (..., d, d) into those by the free ones."""
        if self.kind == "full":
            W = self.inverse.T @ G @ self.inverse
            return W.reshape(*W.shape[:-2], -1)
        if self.kind == "scalar":
            return np.trace(G, axis1=-2, axis2=-1)[..., None]
        return np.diagonal(G, axis1=-2, axis2=-1) * np.diagonal(self.inverse) ** 2


def _mean_covariance(tasks: Sequence[Task]) -> Array:
    """Average the covariances of the inputs."""
    every = [float(task.probability) * task.inputs.Sigma.expanded().matrix() for task in tasks]
    return np.sum(every, axis=0)


def drawn_risk(tasks: Sequence[Task], w: Array, steps: Steps, count: int, seed: Sequence[int]) -> float:
    """Estimate the risk of steps from a point on contexts drawn for them."""
    P = np.asarray(steps.multiplier())
    P = P if P.ndim else np.full(len(w), P)
    return Contexts.of(tasks, w, steps, count, seed).loss_and_slope(P, steps.steps)[0]


def _expected(task: Task, w: Array, steps: Steps, n: int, rng: np.random.Generator) -> Group:
    """Contexts of a task, whose optima and noise are integrated out where they are normal."""
    inputs, d, m = task.inputs, len(w), steps.m
    Sigma, noise = inputs.Sigma.matrix(), float(inputs.noise_variance)
    columns = [(w - task.centre)[:, None]]
    if task.spread is not None:
        columns.append(task.spread.root().matrix().T)  # its columns' squares sum to the spread
    r, weight = np.concatenate(columns, axis=1)[None], np.ones(n)
    root = inputs.Sigma.root().matrix()
    if is_full(m):
        S, s = np.broadcast_to(Sigma, (n, d, d)), np.zeros_like(r)
    elif isinstance(inputs, Gaussian):
        P = getattr(steps, "operator", None)
        X, weight = Tilts.of(inputs, int(m), 2 * steps.steps, P).draw(n, rng)
        S = X.swapaxes(1, 2) @ X / m
        pushes = np.sqrt(noise) / m * X.swapaxes(1, 2)  # their squares sum to noise S/m
        s = np.concatenate([np.zeros((n, d, r.shape[2])), pushes], axis=2)
        r = np.concatenate([r, np.zeros((1, d, pushes.shape[2]))], axis=2)
    else:
        X, e = inputs.draw(n, int(m), rng)
        S, s = X.swapaxes(1, 2) @ X / m, (X.swapaxes(1, 2) @ e[:, :, None]) / m
    return Group(S, s, r, root[None], np.zeros((1, 1, 1)), weight, noise / 2)


def _prompts(task: Task, w: Array, m: Scalar, n: int, rng: np.random.Generator) -> Group:
    """Prompts of a task: optimum, context and query are drawn for each."""
    inputs, d = task.inputs, len(w)
    optima = np.broadcast_to(task.centre, (n, d))
    if task.spread is not None:
        optima = optima + rng.standard_normal((n, d)) @ signed(task.spread.expanded().root().matrix())
    r = (w - optima)[:, :, None]
    if is_full(m):
        S, s = np.broadcast_to(inputs.Sigma.matrix(), (n, d, d)), np.zeros((1, d, 1))
    else:
        X, e = _rows(inputs, n, int(m), rng)
        S, s = X.swapaxes(1, 2) @ X / m, X.swapaxes(1, 2) @ e[:, :, None] / m
    x, e = _rows(inputs, n, 1, rng)
    if x.shape[1] > 1:
        raise ValueError(
            "prompts=... draws single queries, which have no ridge: leave the ridge of data tasks out"
        )
    return Group(S, s, r, x, e[:, :, None], np.ones(n))


def _rows(inputs: Inputs, n: int, m: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw batches; normal ones by a root that units do not change."""
    if not isinstance(inputs, Gaussian):
        return inputs.draw(n, m, rng)
    root = signed(inputs.Sigma.expanded().root().matrix())
    return rng.standard_normal((n, m, len(root))) @ root, inputs.draw_noise((n, m), rng)

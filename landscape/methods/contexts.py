r"""Drawn contexts, over which the one matrix P of several steps on the same samples is optimised.

With S = X'X/m and s = X'e/m of a context the distance to the task's optimum goes :math:`r \to r - P (S r - s)` at each
step, and the loss is :math:`\tfrac12 |F r - t|^2`. In a prompt r is a vector, F the query x' and t its noise. For the
expected loss on a context F is a root of Sigma, and what is random beside X is integrated out: r, s and t then have a
column for each direction in which optima spread, and for each in which noise pushes. Such contexts are drawn so that those whose rare
and large losses carry the mean come up often (`Tilts`): over plain draws the best steps would be too long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from landscape.adaptations.base import is_full
from landscape.adaptations.steps import Steps
from landscape.core.errors import warn
from landscape.core.typing import Array, Scalar
from landscape.tasks.families import Task
from landscape.tasks.inputs import Gaussian
from landscape.tasks.tilted import Tilts

PACKED: dict[str, tuple[Callable[[Array], Array], Callable[[Array, int], Array]]] = {
    "full": (lambda G: G.reshape(*G.shape[:-2], -1), lambda x, d: x.reshape(d, d)),
    "diagonal": (lambda G: np.diagonal(G, axis1=-2, axis2=-1), lambda x, d: x),
    "scalar": (lambda G: np.trace(G, axis1=-2, axis2=-1)[..., None], lambda x, d: np.full(d, x[0])),
}
"""The kinds of matrices: from a gradient by all entries to one by the free ones, and from these to P, or its diagonal."""

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
    """Contexts of several tasks, each counting alike."""

    groups: list[Group]

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
        return cls(groups)

    @classmethod
    def prompts(cls, tasks: Sequence[Task], w: Array, m: Scalar, count: int, seed: int) -> Contexts:
        """Draw prompts: a task, its context and one query each."""
        rng, groups = np.random.default_rng(seed), []
        shares = np.array([task.probability for task in tasks], dtype=float)
        for task, n in zip(tasks, rng.multinomial(count, shares / shares.sum()), strict=True):
            groups += [_prompts(task.expanded(), w, m, n, rng)] if n else []
        return cls(groups)

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
        """Find the P of one step with the least loss on prompts; where several have it, that of least norm."""
        pack, unpack = PACKED[kind]
        features, wanted = [], []
        for group in self.groups:
            gradient = group.S @ group.r - group.s
            features.append(pack(group.F.swapaxes(1, 2) @ gradient.swapaxes(1, 2)))
            wanted.append((group.F @ group.r - group.t)[:, 0, 0])
        found = np.linalg.lstsq(np.concatenate(features), np.concatenate(wanted), rcond=None)[0]
        return unpack(found, self.groups[0].S.shape[-1])

    def descend(self, first: Array, steps: int, kind: str) -> Array:
        """Minimise the mean loss after steps over P, from the best P of one step, by L-BFGS."""
        from scipy.optimize import minimize  # optional here: importing it takes 0.2 s

        pack, unpack = PACKED[kind]
        d = self.groups[0].S.shape[-1]
        start = first[:1] if kind == "scalar" else first.ravel()
        size = float(np.sqrt(np.mean(start**2))) or 1.0

        def loss_and_slope(x: Array) -> tuple[float, Array]:
            loss, slope = self.loss_and_slope(unpack(size * x, d), steps)
            return loss, size * pack(slope)

        found = minimize(
            loss_and_slope,
            start / size,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": MOST, "ftol": 1e-8},
        )
        if not found.success:
            warn(f"the matrix of {steps} steps on the same samples has not settled: {found.message}")
        return unpack(size * found.x, d)


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
        optima = optima + Gaussian(task.spread).colour(rng.standard_normal((n, d)))
    r = (w - optima)[:, :, None]
    if is_full(m):
        S, s = np.broadcast_to(inputs.Sigma.matrix(), (n, d, d)), np.zeros((1, d, 1))
    else:
        X, e = inputs.draw(n, int(m), rng)
        S, s = X.swapaxes(1, 2) @ X / m, X.swapaxes(1, 2) @ e[:, :, None] / m
    x, e = inputs.draw(n, 1, rng)
    if x.shape[1] > 1:
        raise ValueError(
            "prompts=... draws single queries, which have no ridge: leave the ridge of data tasks out"
        )
    return Group(S, s, r, x, e[:, :, None], np.ones(n))

"""The inner steps of a routine, and the way back through them."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from landscape.checker.batches import Batch
from landscape.checker.probes import Probes, Walk
from landscape.checker.routine import Routine, column, product
from landscape.core import Array

BETA = 0.9, 0.999
MOST = 500  # walks that are kept: what all candidates follow, and not each number that is tried
EPSILON = 1e-8  # Adam's, as in PyTorch, TensorFlow and optax


@dataclass(frozen=True, eq=False)
class Path:
    """The points v_0 = w, ..., v_k, the gradients that were followed, and the chain rule through them.

    Attributes
    ----------
    points, gradients : list of array, shape (P, d)
    bend : array, shape (P, 1) or (P, d)
        Step size in the chain rule.
    curved : list of Batch
        Whose Hessian the chain rule takes, a step.
    """

    routine: Routine
    points: list[Array]
    gradients: list[Array]
    shares: list[Array | float]
    bend: Array
    curved: list[Batch]

    def back(self, g: Array, tracked: int, start: int) -> Array:
        """Apply the chain rule from v_start through so many steps to a gradient (P, d)."""
        r, tracked = self.routine, min(tracked, start)
        if not tracked:
            return g
        if r.solve:
            return self._solved(g)
        if r.optimiser != "sgd":  # the derivative of a sign is 0
            return g
        if r.inner_at == "start":  # v_k = w - alpha sum of gradients at w: one factor, not a product
            return g - tracked * self._product(self.bend * g, 0)
        velocity: Array | float = 0.0
        for j in range(start - 1, start - 1 - tracked, -1):
            velocity = r.momentum * velocity - self.bend * g if r.momentum else -(self.bend * g)
            g = g + (self._late(g, j) if r.late else self._product(self.shares[j] * velocity, j))
        return g

    def _late(self, g: Array, j: int) -> Array:
        return -self.bend * self.curved[j].times(g)

    def _product(self, u: Array, j: int) -> Array:
        """The derivative of the j-th inner gradient times u."""
        r = self.routine
        if r.huber_inner < np.inf:
            return self.curved[j].huber_times(u, self.points[j], r.huber_inner)
        if r.clip_value < np.inf:
            u = u * (np.abs(self.curved[j].gradient(self.points[j])) < r.clip_value)
        if r.clip_norm_through < np.inf:
            g = self.curved[j].gradient(self.points[j])
            n = np.linalg.norm(g, axis=1, keepdims=True)
            across = u - g * (g * u).sum(axis=1, keepdims=True) / n**2
            u = np.where(n > r.clip_norm_through, across * r.clip_norm_through / n, u)
        product = self.curved[j].times(u)
        return product + r.decay * u if r.decay else product

    def _solved(self, g: Array) -> Array:
        """(I + alpha H)^-1 g, or what so many iterations of conjugate gradients make of it."""
        batch, bend = self.curved[0], self.bend
        if self.routine.solve == "exact":
            return _implicit(batch.H, bend, g)
        x, r = np.zeros_like(g), g
        p = r
        for _ in range(int(self.routine.solve.split()[0])):
            Ap = p + bend * batch.times(p)
            rr = (r * r).sum(axis=1, keepdims=True)
            size = (p * Ap).sum(axis=1, keepdims=True)
            length = np.divide(rr, size, out=np.zeros_like(rr), where=size != 0)
            x, r = x + length * p, r - length * Ap
            ratio = np.divide((r * r).sum(axis=1, keepdims=True), rr, out=np.zeros_like(rr), where=rr != 0)
            p = r + ratio * p
        return x


def _implicit(H: Array, alpha: Array, b: Array) -> Array:
    """Solve (I + alpha H) x = b in each problem."""
    A = np.eye(H.shape[1]) + alpha[..., None] * H
    return np.linalg.solve(A, b[..., None])[..., 0]


def path(routine: Routine, probes: Probes) -> Path:
    """Take the inner steps of a routine on each problem; what differs in other choices only has the same points."""
    r, k = routine, routine.steps
    alpha = column(probes.alpha)
    if r.adapts is not None:
        mask = np.zeros(probes.w.shape[1])
        mask[list(r.adapts)] = 1
        alpha = alpha * mask
    bend = np.asarray((r.fixed_bend or alpha * product(r.bend, probes)) * r.factor_bend)
    if r.solve:
        bend = bend * np.ones((len(probes.w), 1))
    batches = [probes.batch(r.inner, (j, k) if r.parts and k > 1 else None) for j in range(k)]
    curved = batches if r.hessian is None else [probes.batch(r.hessian)] * k
    key = CHOICES(r)
    walk = probes.walks.get(key)
    if walk is None:
        step = (r.fixed_step or alpha * product(r.step, probes)) * r.factor_step
        walk = _walk(r, probes, step, batches)
        if len(probes.walks) < MOST:
            probes.walks[key] = walk
    return Path(r, *walk, bend, curved)


CHOICES = attrgetter(
    "steps", "inner", "step", "inner_at", "broadcast_inner", "solve", "adapts", "parts", "optimiser", "momentum", "decay", "decay_step",
    "factor_step", "fixed_step", "huber_inner", "clip_norm", "clip_norm_through", "clip_value",
)  # fmt: skip
"""Of a routine, that say where its inner steps lead."""


def _walk(r: Routine, probes: Probes, step: Array | float, batches: Sequence[Batch]) -> Walk:
    """The points, the gradients that were followed, and which share of each."""
    points: list[Array] = [probes.w]
    gradients: list[Array] = []
    shares: list[Array | float] = []
    if r.solve:
        for batch in batches:
            v = _implicit(batch.H, step * np.ones((len(probes.w), 1)), points[-1] + step * batch.b)
            points.append(v)
            gradients.append(batch.gradient(v))
        return points, gradients, [1.0] * r.steps
    velocity: Array | float = 0.0
    first: Array | float = 0.0
    second: Array | float = 0.0
    for j, batch in enumerate(batches):
        v = points[-1] if r.inner_at == "current" else probes.w
        g = batch.gradient(v, r.broadcast_inner)
        if r.huber_inner < np.inf:
            g = batch.huber_gradient(v, r.huber_inner)
        decay = r.decay + r.decay_step
        if decay:
            g = g + decay * v
        gradients.append(g)
        share: Array | float = 1.0
        limit = min(r.clip_norm, r.clip_norm_through)
        if limit < np.inf:
            share = np.minimum(1, limit / np.linalg.norm(g, axis=1, keepdims=True))
            g = share * g
        if r.clip_value < np.inf:
            g = np.clip(g, -r.clip_value, r.clip_value)
        shares.append(share if r.clip_norm < np.inf else 1.0)
        if r.optimiser == "sign":
            g = np.sign(g)
        elif r.optimiser == "adam":
            first, second = BETA[0] * first + (1 - BETA[0]) * g, BETA[1] * second + (1 - BETA[1]) * g**2
            size = np.sqrt(second / (1 - BETA[1] ** (j + 1)))
            g = first / (1 - BETA[0] ** (j + 1)) / (size + EPSILON)
        velocity = r.momentum * velocity + g if r.momentum else g
        points.append(points[-1] - step * velocity)
    return points, gradients, shares

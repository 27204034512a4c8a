"""Train on rows by hand, slowly: splits into shots and other rows, and numerical minimisers and roots.

Nothing of the package is used: what it trains in closed form is found here by search, on splits drawn anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize, root

Rows = tuple[np.ndarray, np.ndarray]
FOLDS = 5
FROM_POOLED = ("not adapted", "pooled (1 step)", "pooled (5 steps)", "ridge")


class Splits:
    """Rows of several tasks, each split at random so many times: m shots as rows, the others as sums over them."""

    def __init__(self, tasks: Sequence[Rows], m: int, draws: int, rng: np.random.Generator) -> None:
        self.task = np.repeat(np.arange(len(tasks)), draws)
        shots, others = [], []
        for i in self.task:
            X, y = tasks[i]
            rows = rng.permutation(len(y))
            shots.append((X[rows[:m]], y[rows[:m]]))
            X, y = X[rows[m:]], y[rows[m:]]
            others.append((X.T @ X / len(y), X.T @ y / len(y), np.mean(y**2)))
        self.X, self.y = (np.array(part) for part in zip(*shots, strict=True))
        self.A, self.q, self.c = (np.array(part) for part in zip(*others, strict=True))

    @classmethod
    def of_laws(cls, X: np.ndarray, y: np.ndarray, A: np.ndarray, q: np.ndarray, c: np.ndarray) -> Splits:
        """Take shots that were drawn, one time a task, beside the means of xx', xy and y^2 that judge."""
        out = object.__new__(cls)
        out.task, out.X, out.y, out.A, out.q, out.c = np.arange(len(y)), X, y, A, q, c
        return out

    def of(self, tasks: np.ndarray) -> Splits:
        """Take the splits of some tasks."""
        out, met = object.__new__(Splits), np.isin(self.task, tasks)
        for name, values in vars(self).items():
            setattr(out, name, values[met])
        return out

    def slope(self, v: np.ndarray) -> np.ndarray:
        """Compute the gradient of the loss on the other rows."""
        return (self.A @ v[:, :, None])[:, :, 0] - self.q

    def losses(self, v: np.ndarray) -> np.ndarray:
        """Compute half the mean squared error on the other rows, of each split."""
        return (np.sum(v * (self.slope(v) - self.q), axis=1) + self.c) / 2

    def adapted(self, name: str, w: np.ndarray, value: Any) -> np.ndarray:
        """Adapt a start to the shots by the textbook: `value` is a step, steps, a strength, or covariance and noise."""
        n, m, d = self.X.shape
        v, transposed = np.tile(w, (n, 1)), self.X.swapaxes(1, 2)
        left = self.y - self.X @ w
        if name == "not adapted":
            return v
        if name == "own shots":
            return np.array(
                [np.linalg.lstsq(X, y, rcond=None)[0] for X, y in zip(self.X, self.y, strict=True)]
            )
        if name == "mixed model":
            C, noise = value
            V = self.X @ C @ transposed + noise * np.eye(m)
            return w + (C @ transposed @ np.linalg.solve(V, left[:, :, None]))[:, :, 0]
        if name in ("ridge", "iMAML"):
            V = transposed @ self.X / m + value * np.eye(d)
            return w + np.linalg.solve(V, transposed @ left[:, :, None] / m)[:, :, 0]
        for _ in range(5 if "5 steps" in name else 1):
            wrong = (self.X @ v[:, :, None])[:, :, 0] - self.y
            v = v - value * (transposed @ wrong[:, :, None])[:, :, 0] / m
        return v


def pooled(tasks: Sequence[Rows]) -> np.ndarray:
    """Fit one model to all rows, tasks alike."""
    X = np.vstack([X / np.sqrt(len(y)) for X, y in tasks])
    return np.linalg.lstsq(X, np.concatenate([y / np.sqrt(len(y)) for _, y in tasks]), rcond=None)[0]


def mixed_model(tasks: Sequence[Rows]) -> tuple[np.ndarray, tuple[np.ndarray, float]]:
    """Fit mean and covariance of the tasks' solutions, and the noise: search for the largest likelihood of the rows."""
    d = tasks[0][0].shape[1]
    lower = np.tril_indices(d)

    def law(theta: np.ndarray) -> tuple[np.ndarray, float]:
        factor = np.zeros((d, d))
        factor[lower] = theta[:-1]
        return factor @ factor.T, float(np.exp(theta[-1]))

    def fit(theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Compute -2 log likelihood, and the mean by generalised least squares."""
        C, noise = law(theta)
        both, determinants = np.zeros((d + 1, d + 1)), 0.0
        for X, y in tasks:
            V, Z = X @ C @ X.T + noise * np.eye(len(y)), np.column_stack([X, y])
            both += Z.T @ np.linalg.solve(V, Z)
            determinants += np.linalg.slogdet(V)[1]
        mean = np.linalg.solve(both[:d, :d], both[:d, d])
        return determinants + both[d, d] - both[d, :d] @ mean, mean

    start = np.append(
        0.3 * np.eye(d)[lower], np.log(np.mean([np.mean((y - X @ pooled(tasks)) ** 2) for X, y in tasks]))
    )
    found = minimize(lambda theta: fit(theta)[0], start, method="BFGS", options={"gtol": 1e-2})
    return fit(found.x)[1], law(found.x)


def trained(name: str, tasks: Sequence[Rows], splits: Splits, value: Any) -> tuple[np.ndarray, Any]:
    """Find where training ends up, by search from the pooled start; and what adaptation takes."""
    start = pooled(tasks)
    if name in FROM_POOLED or name == "own shots" or value == 0:
        return start, value
    if name == "mixed model":
        return mixed_model(tasks)
    if name == "Meta-SGD":
        d = len(start)

        def of_pair(both: np.ndarray) -> float:
            return float(splits.losses(splits.adapted(name, both[:d], both[d:])).mean())

        both = minimize(of_pair, np.concatenate([start, np.full(d, value)]), method="BFGS").x
        return both[:d], both[d:]
    none = splits.adapted(name, 0 * start, value)  # adaptation is affine in the start
    units = np.stack([splits.adapted(name, unit, value) - none for unit in np.eye(len(start))], axis=2)

    def loss(w: np.ndarray) -> float:
        return float(splits.losses(units @ w + none).mean())

    def slope(w: np.ndarray) -> np.ndarray:
        return splits.slope(units @ w + none).mean(axis=0)

    def way(w: np.ndarray) -> np.ndarray:
        return w - (units @ w + none).mean(axis=0)

    if name.startswith("FO-MAML"):
        return root(slope, start).x, value
    if name.startswith("Reptile"):
        return root(way, start).x, value
    return minimize(loss, start, method="BFGS").x, value


def candidates(name: str, tasks: Sequence[Rows]) -> tuple[list[Any], float]:
    """List step sizes or strengths to try, around those of the mean curvature, and the ratio of neighbours."""
    usual = float(np.mean([np.mean(X**2) for X, _ in tasks]))
    if name in ("not adapted", "own shots", "mixed model"):
        return [None], 1.0
    if name == "Meta-SGD":
        return [0.1 / usual], 1.0
    if name in ("ridge", "iMAML"):
        return [usual * 4.0**k for k in range(-6, 5)], 4.0
    return [0.0, *(2.0**k / usual for k in range(-9, 3))], 2.0


def chosen_by_hand(
    name: str, tasks: Sequence[Rows], m: int, draws: int, rng: np.random.Generator
) -> tuple[float, np.ndarray, Any]:
    """Choose a value by folds of tasks, half ways to the next at last, and train with it on all.

    Returns
    -------
    loss : float
        Of tasks left out, with the value chosen.
    start : array, shape (d,)
    value
        What `Splits.adapted` takes.
    """
    tasks = [task for task in tasks if len(task[1]) > m]
    splits, fold = Splits(tasks, m, draws, rng), rng.permutation(np.arange(len(tasks)) % FOLDS)

    def left_out(value: Any) -> float:
        losses = []
        for k in range(FOLDS):
            kept, left = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            start, how = trained(name, [tasks[i] for i in kept], splits.of(kept), value)
            of_left = splits.of(left)
            losses.extend(of_left.losses(of_left.adapted(name, start, how)))
        return float(np.mean(losses))

    grid, ratio = candidates(name, tasks)
    tried = [(left_out(value), value) for value in grid]
    best = min(tried, key=lambda pair: pair[0])
    if ratio > 1:
        between = [(left_out(value), value) for value in (best[1] * ratio**0.5, best[1] / ratio**0.5)]
        best = min([best, *between], key=lambda pair: pair[0])
    return best[0], *trained(name, tasks, splits, best[1])

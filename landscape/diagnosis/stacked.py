"""Losses of many single tasks as stacked arrays, so that leaving tasks out costs sums and small solves only."""

from typing import NamedTuple

import numpy as np


class Stack(NamedTuple):
    """A quadratic a task in common coordinates, (w'Aw - 2 v'w + k)/2; shapes (T, d, d), (T, d), (T,)."""

    A: np.ndarray
    v: np.ndarray
    k: np.ndarray

    def grouped(self, weights):
        """Weighted sums over tasks, one for each row of weights (groups, T)."""
        T, d = self.v.shape
        A = (weights @ self.A.reshape(T, -1)).reshape(-1, d, d)
        return Stack(A, weights @ self.v, weights @ self.k)

    def at(self, points):
        """The value of each quadratic at a point of its own, points (T, d)."""
        Aw = np.einsum("tij,tj->ti", self.A, points)
        return np.einsum("ti,ti->t", Aw / 2 - self.v, points) + self.k / 2


def stack(tasks, quadratic):
    """The quadratics of single tasks.

    Parameters
    ----------
    tasks : list of Task
        Expanded, each with a single optimum.
    quadratic : callable
        inputs -> Quadratic, as `Method.quadratic` or `Adaptation.quadratic`.

    Returns
    -------
    Stack
    """
    T, d = len(tasks), len(tasks[0].centre)
    A, v, k = np.empty((T, d, d)), np.empty((T, d)), np.empty(T)
    for i, task in enumerate(tasks):
        q, w = quadratic(task.inputs), task.centre
        A[i] = q.A if np.ndim(q.A) == 2 else np.diag(q.A)
        pull = A[i] @ w
        v[i] = pull if q.b is None else pull + q.b
        k[i] = w @ (pull + 2 * (v[i] - pull)) + (q.c or 0.0)
    return Stack(A, v, k)


def minimisers(group):
    """Where each of several quadratics is least, shape (n, d); NaN where one has no minimum.

    A direction without any curvature keeps the value 0, as gradient descent from 0 leaves it.
    """
    A, v = group.A, group.v
    try:
        pivots = np.diagonal(np.linalg.cholesky(A), axis1=1, axis2=2)
        if (pivots.min(axis=1) > 1e-4 * pivots.max(axis=1)).all():
            return np.linalg.solve(A, v[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(A)
    size = 1e-10 * np.abs(values).max(axis=1, keepdims=True)
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=values > size)
    points = np.einsum("nij,nj,nkj,nk->ni", vectors, inverse, vectors, v, optimize=True)
    points[(values < -size).any(axis=1)] = np.nan
    return points

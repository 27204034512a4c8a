"""Tasks given by data: moments are means over rows."""

from functools import cached_property

import numpy as np

from landscape.algebra.dense import Dense

CHUNK = 1 << 20  # numbers of a task's rows at a time: memory beside the rows themselves stays bounded


def distinct(N, size, n, rng):
    """`size` sets of n different numbers below N, every set equally likely, shape (size, n)."""
    return np.argpartition(rng.random((size, N)), n - 1, axis=1)[:, :n]


class Rows(Dense):
    r"""A task given by data: the rows are the population, drawn independently with replacement.

    With a ridge g the task's loss is that of the rows plus :math:`\tfrac g2\|w\|^2`, and each gradient on a batch
    adds g w. Sigma is then the mean of xx' plus g I, the mean of x e at the optimum is g w_i instead of 0, and the
    three maps become covariances: E[(x'Ax) e x] loses S A E[xe], with S the mean of xx', and so on.

    Parameters
    ----------
    X : ndarray, shape (N, d)
    residual : ndarray, shape (N,)
        e = y - X w_i at the task's optimum, where the mean of x e is g w_i.
    ridge : float
        g.
    """

    def __init__(self, X, residual, ridge=0.0):
        self.X = X
        self.residual = residual
        self.ridge = ridge
        second = X.T @ X / len(X)
        floor = float(np.mean(residual**2))
        if ridge:
            self._pull = residual @ X / len(X)  # g w_i
            floor += float(self._pull @ self._pull) / ridge
            second += ridge * np.eye(len(second))
        super().__init__(second, floor)

    @cached_property
    def _first(self):
        """The three maps at Sigma: the first step needs no others, whatever alpha and m."""
        return self._maps(self.value)

    def _maps(self, A):
        """Scatter, third and noise at A, in one pass over the rows."""
        N, d = self.X.shape
        fourth, third, noise = np.zeros((d, d)), np.zeros(d), 0.0
        size = max(1, CHUNK // d)
        for start in range(0, N, size):
            X, e = self.X[start : start + size], self.residual[start : start + size]
            squares = np.einsum("nd,nd->n", X @ A, X)
            fourth += (squares[:, None] * X).T @ X / N
            third += (squares * e) @ X / N
            noise += squares @ e**2 / N
        if not self.ridge:
            return fourth - self._products(A)[1], third, noise
        S = self.value - self.ridge * np.eye(d)
        return fourth - S @ A @ S, third - S @ (A @ self._pull), noise - self._pull @ A @ self._pull

    def _at(self, A):
        return self._first if A is self.value else self._maps(A)

    def scatter(self, A):
        """What sampling adds: E[(x'Ax) xx'] - S A S, a mean over rows."""
        return self._at(A)[0]

    def third(self, A):
        """E[(x'Ax) e x], a mean over rows, shape (d,)."""
        return self._at(A)[1]

    def noise(self, A):
        """E[(x'Ax) e^2], a mean over rows."""
        return self._at(A)[2]

    def draw(self, size, n, rng):
        """Draw `size` batches of `n` rows with replacement."""
        index = rng.integers(len(self.X), size=(size, n))
        return self._with_ridge(self.X[index], self.residual[index], n)

    def draw_distinct(self, size, n, rng):
        """Draw `size` batches of `n` different rows: without replacement."""
        index = distinct(len(self.X), size, n, rng)
        return self._with_ridge(self.X[index], self.residual[index], n)

    def draw_compressed(self, size, n, rng):
        """Draw how often each row comes up among n: rows times the root of that number."""
        N = len(self.X)
        if n <= N:
            return self.draw(size, n, rng)
        root = np.sqrt(rng.multinomial(n, np.full(N, 1 / N), size=size))
        return self._with_ridge(root[:, :, None] * self.X, root * self.residual, n)

    def _with_ridge(self, X, e, n):
        """The batches with d more rows, which add n g w to X'(Xw - y): the same ones each time."""
        if not self.ridge:
            return X, e
        root, size = np.sqrt(n * self.ridge), len(X)
        more = np.broadcast_to(root * np.eye(self.d), (size, self.d, self.d))
        optimum = self._pull / self.ridge
        return np.concatenate([X, more], axis=1), np.hstack([e, np.tile(-root * optimum, (size, 1))])

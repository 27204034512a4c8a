"""Tasks given by data: moments are means over rows."""

import numpy as np

from landscape.algebra.dense import Dense


class Rows(Dense):
    """A task given by data: the rows are the population, drawn independently with replacement.

    Parameters
    ----------
    X : ndarray, shape (N, d)
    residual : ndarray, shape (N,)
        e = y - X w_i at the least-squares solution, so that the mean of x e is 0.
    """

    def __init__(self, X, residual):
        super().__init__(X.T @ X / len(X), float(np.mean(residual**2)))
        self.X = X
        self.residual = residual

    def _squares(self, A):
        """x'Ax for each row."""
        return np.einsum("nd,nd->n", self.X @ A, self.X)

    def scatter(self, A):
        """What sampling adds: E[(x'Ax) xx'] - Sigma A Sigma, a mean over rows."""
        fourth = (self._squares(A)[:, None] * self.X).T @ self.X / len(self.X)
        return fourth - self._products(A)[1]

    def third(self, A):
        """E[(x'Ax) e x], a mean over rows, shape (d,)."""
        return (self._squares(A) * self.residual) @ self.X / len(self.X)

    def noise(self, A):
        """E[(x'Ax) e^2], a mean over rows."""
        return self._squares(A) @ self.residual**2 / len(self.X)

    def draw(self, size, n, rng):
        """Draw `size` batches of `n` rows with replacement."""
        index = rng.integers(len(self.X), size=(size, n))
        return self.X[index], self.residual[index]

    def draw_compressed(self, size, n, rng):
        """Draw how often each row comes up among n: rows times the root of that number."""
        N = len(self.X)
        if n <= N:
            return self.draw(size, n, rng)
        root = np.sqrt(rng.multinomial(n, np.full(N, 1 / N), size=size))
        return root[:, :, None] * self.X, root * self.residual

"""What inputs and label noise that are Gaussian and independent have in common."""

import numpy as np


class Gaussian:
    """Moments of the noise where it is independent of the inputs.

    Subclasses hold `value` (Sigma) and `noise_variance` and have `inner` and `colour`, which gives
    standard normal rows the covariance Sigma.
    """

    def third(self, A):
        """E[(x'Ax) e x] vanishes: None stands for the zero vector."""
        return

    def noise(self, A):
        """E[(x'Ax) e^2]."""
        return self.noise_variance * self.inner(self.value, A)

    def draw(self, size, n, rng):
        """Draw `size` batches of `n` inputs and noises: arrays (size, n, d) and (size, n)."""
        return self.colour(rng.standard_normal((size, n, self.d))), self._draw_noise((size, n), rng)

    def draw_compressed(self, size, n, rng):
        """Draw d pseudo-rows whose X'X and X'e have the law of n rows (Bartlett): O(d^2), whatever n.

        With X = R Sigma^(1/2), R upper triangular with chi-distributed diagonal and normal entries
        above, X'X is Wishart; given X, X'e is normal with covariance sigma^2 X'X for n rows and for
        the d pseudo-rows alike. With n < d rows there is nothing to compress.
        """
        d = self.d
        if n <= d:
            return self.draw(size, n, rng)
        R = np.zeros((size, d, d))
        above = np.triu_indices(d, 1)
        R[:, above[0], above[1]] = rng.standard_normal((size, len(above[0])))
        R[:, np.arange(d), np.arange(d)] = np.sqrt(rng.chisquare(n - np.arange(d), size=(size, d)))
        return self.colour(R), self._draw_noise((size, d), rng)

    def _draw_noise(self, size, rng):
        """Label noise of the given shape."""
        if self.noise_variance == 0:
            return np.zeros(size)
        return np.sqrt(self.noise_variance) * rng.standard_normal(size)

"""What inputs and label noise that are Gaussian and independent have in common."""

import numpy as np


class Gaussian:
    """Moments of the noise where it is independent of the inputs.

    Subclasses hold `value` (Sigma) and `noise_variance` and have `inner`.
    """

    def third(self, A):
        """E[(x'Ax) e x] vanishes: None stands for the zero vector."""
        return

    def noise(self, A):
        """E[(x'Ax) e^2]."""
        return self.noise_variance * self.inner(self.value, A)

    def draw_noise(self, size, rng):
        """Label noise of the given shape."""
        if self.noise_variance == 0:
            return np.zeros(size)
        return np.sqrt(self.noise_variance) * rng.standard_normal(size)

"""Quadratic objectives of an environment: the pooled loss f, the loss F after adaptation, a method's own mean field."""

from typing import NamedTuple

import numpy as np

from landscape import checks, grid
from landscape.adaptation import Adaptation
from landscape.environment import check_environment
from landscape.formulas import risk_parts, weight_and_optimum


class Bowl(NamedTuple):
    """floor + (w - centre)' H (w - centre)/2; H is its diagonal (d,) where it has no other entries."""

    floor: float
    centre: np.ndarray
    H: np.ndarray

    def times(self, vectors):
        """H v for vectors (..., d)."""
        return vectors * self.H if self.H.ndim == 1 else vectors @ self.H

    def gradient(self, points):
        """H (w - centre) for points (..., d)."""
        return self.times(points - self.centre)

    def gradient_norm(self, points):
        """Its Euclidean norm, shape (...)."""
        return np.linalg.norm(self.gradient(points), axis=-1)

    def value(self, points):
        """The objective, shape (...)."""
        return self.floor + ((points - self.centre) * self.gradient(points)).sum(axis=-1) / 2

    def rounding(self, start):
        """The size below which gradient norms on a path from `start` are rounding."""
        return 1e-14 * (np.linalg.norm(start) + np.linalg.norm(self.centre)) * np.abs(self.H).max()

    def eigen(self):
        """Eigenvalues (d,) of H and its eigenvectors as columns; None stands for the coordinates themselves."""
        return (self.H, None) if self.H.ndim == 1 else np.linalg.eigh(self.H)

    def matrix(self):
        """H as an array (d, d)."""
        return np.diag(self.H) if self.H.ndim == 1 else self.H


def single_tasks(environment, *records):
    """The tasks of an environment without grids or symbols, one entry a coordinate."""
    check_environment(environment)
    varying = [environment, *records]
    if any(checks.is_symbolic(getattr(r, name)) for r in varying for name in r._varying) or grid.shape(
        *varying
    ):
        raise ValueError(
            "a path needs numbers: replace arrays and symbols in environment and method by one value each"
        )
    return [task.expanded() for task in environment.tasks()]


def adapted(tasks, adaptation):
    """The loss after adaptation F; the pooled loss f where there are no steps."""
    noise, dispersion, best, M = risk_parts(tasks, [adaptation.quadratic(task.inputs) for task in tasks])
    return Bowl(float(noise + dispersion), best, M)


def pooled(tasks):
    """The pooled loss f."""
    return adapted(tasks, Adaptation(0.0, steps=0))


def own(tasks, method):
    """What a method's mean meta-gradient is the gradient of, up to a constant."""
    H, best = weight_and_optimum(tasks, method)
    return Bowl(0.0, best, H)

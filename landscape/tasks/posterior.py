r"""What m samples tell of a new task where the law of the tasks is known: a mixture of families with normal optima.

Of family k, w ~ N(mu, C), inputs N(0, Sigma), noise sigma^2, with C = R'R and w = mu + R'z, z ~ N(0, I):

.. math::
    E[z \mid X, y] = L^{-1} T^\top (y - X\mu), \qquad L = T^\top T + \sigma^2 I, \qquad T = X R^\top,

and the density of the samples, inputs included, follows from det L and from what this leaves of y.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landscape.core.tolerances import EPS, NOISELESS
from landscape.core.typing import Array
from landscape.linalg.operators import Matrix
from landscape.tasks.families import Task


@dataclass(frozen=True)
class Posterior:
    """What samples tell, if their task is of one family.

    Attributes
    ----------
    mean : array, shape (size, d)
        Of the task's optimum.
    log_density : array, shape (size,)
        Of family and samples together, up to a term that all families share.
    half : array, shape (size, k, k)
        Of L = half half'.
    """

    mean: Array
    log_density: Array
    half: Array


@dataclass(frozen=True)
class FamilyPrior:
    """What is known of one family before there are samples, as arrays; roots R have R'R = C and R'R = Sigma."""

    log_share: float
    Sigma: Array
    input_root: Array
    half: Array | None
    """Of Sigma = LL', where the law of the inputs tells families apart."""
    noise: float
    centre: Array
    root: Array

    def draw(self, size: int, rng: np.random.Generator) -> Array:
        """Draw optima less the centre, shape (size, d)."""
        return rng.standard_normal((size, len(self.root))) @ self.root

    def posterior(self, X: Array, residual: Array, m: float, rest: Array) -> Posterior:
        """Compute what m samples tell, given X (size, rows, d) and y - X mu (size, rows).

        Rows may be fewer pseudo-rows that stand for m; `rest` (size,) is the square of the noise that they lack.
        """
        T = X @ self.root.T
        L = T.swapaxes(1, 2) @ T + self.noise * np.eye(T.shape[2])
        half = np.linalg.cholesky(L)
        z = np.linalg.solve(L, np.vecmat(residual, T)[..., None])[..., 0]
        misfit = np.sum((residual - np.matvec(T, z)) ** 2, axis=1) + rest
        logdet = 2 * np.log(np.diagonal(half, axis1=1, axis2=2)).sum(axis=1)
        logdet += (m - T.shape[2]) * np.log(self.noise)
        fit = misfit / self.noise + np.sum(z**2, axis=1) + logdet
        return Posterior(self.centre + z @ self.root, self._log_inputs(X, m) - fit / 2, half)

    def scatter(self, posterior: Posterior) -> Array:
        """Compute tr(Sigma Cov(w)) = sigma^2 tr(Sigma R'L^-1 R): twice what is lost at the mean above the noise, (size,)."""
        B = self.root @ self.input_root.T
        left = np.linalg.solve(posterior.half, np.broadcast_to(B, (len(posterior.mean), *B.shape)))
        out: Array = self.noise * np.sum(left**2, axis=(1, 2))
        return out

    def _log_inputs(self, X: Array, m: float) -> Array | float:
        """The family's log share, and log N(X; 0, Sigma) of m rows unless it is the same for all families."""
        if self.half is None:
            return self.log_share
        white = np.linalg.solve(self.half, X.swapaxes(1, 2))
        logdet = 2 * m * np.log(np.diagonal(self.half)).sum()
        return self.log_share - (logdet + np.sum(white**2, axis=(1, 2))) / 2


def priors_of(tasks: Sequence[Task], m: float) -> list[FamilyPrior]:
    """List what is known of each family (expanded, without a grid), before m samples.

    Raises
    ------
    ValueError
        If inputs of families differ, and those of one do not vary in some direction: they have no density.
    """
    Sigmas = [task.inputs.Sigma.matrix() for task in tasks]
    alike = all(np.array_equal(Sigma, Sigmas[0]) for Sigma in Sigmas)
    spreads = [0 * Sigmas[0] if task.spread is None else task.spread.matrix() for task in tasks]
    away = np.array([task.centre for task in tasks]) - np.mean([task.centre for task in tasks], axis=0)
    scatter = away.T @ away + sum(spreads)
    priors = []
    for task, Sigma, spread in zip(tasks, Sigmas, spreads, strict=True):
        if not alike and np.any(task.inputs.Sigma.factor().is_singular):
            raise ValueError(
                f"covariance of family {task.name!r} must not be singular where families' inputs differ: BayesEstimator "
                "tells families apart by the densities of their inputs, so leave out inputs that do not vary"
            )
        with np.errstate(divide="ignore"):
            log_share = float(np.log(task.probability))
        root = Matrix(spread).root().matrix()
        root = root[np.any(root, axis=1)]  # a coordinate of z for each direction in which optima spread
        noise = (
            max(float(np.asarray(task.inputs.noise_variance)), _least_noise(root @ Sigma @ root.T, m))
            or EPS**2 * float(np.sum(Sigma * scatter))  # centres that differ by more are told apart
            or 1.0
        )
        half = None if alike else np.linalg.cholesky(Sigma)
        input_root = task.inputs.Sigma.root().matrix()
        priors.append(FamilyPrior(log_share, Sigma, input_root, half, noise, task.centre, root))
    return priors


def _least_noise(variances: Array, m: float) -> float:
    """Compute the noise that stands for none: the formulas hold in its limit.

    It is far below what predictions differ by. From as many samples as directions on T'T is invertible, and only the
    rounding of residuals must stay below it: a flat prior is no reason to round noise up.
    """
    tau = np.diagonal(variances)
    is_learned = m >= len(tau) > 0 and not np.any(Matrix(variances).factor().is_singular)
    return (NOISELESS**2 if is_learned else NOISELESS) * float(tau.sum())


def best_point(priors: Sequence[FamilyPrior], posteriors: Sequence[Posterior]) -> Array:
    """Compute the point of least expected loss (size, d): the families' means, weighed by their shares and curvatures."""
    evidence = np.array([posterior.log_density for posterior in posteriors])
    shares = np.exp(evidence - evidence.max(axis=0))
    shares /= shares.sum(axis=0)
    means = np.array([posterior.mean for posterior in posteriors])
    if priors[0].half is None:
        return np.einsum("kn,knd->nd", shares, means)
    Sigmas = np.array([prior.Sigma for prior in priors])
    weighted = np.einsum("kn,kij->nij", shares, Sigmas)
    pulled = np.einsum("kn,kij,knj->ni", shares, Sigmas, means, optimize=True)
    return np.linalg.solve(weighted, pulled[..., None])[..., 0]

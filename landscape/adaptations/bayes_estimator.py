"""The best possible adaptation: of least expected loss given the samples, knowing what tasks there are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landscape.adaptations.base import Adaptation, AdaptationCost, Adapted, Draw, ExcessGiven, is_full
from landscape.adaptations.samples_and_steps import number_of_samples
from landscape.core.domains import whole
from landscape.core.errors import NoClosedForm
from landscape.core.parameters import record
from landscape.core.tolerances import EPS, NOISELESS
from landscape.core.typing import Array, Scalar
from landscape.linalg.operators import Matrix, Operator
from landscape.linalg.quadratic import QuadraticForm
from landscape.tasks.families import Task
from landscape.tasks.inputs import Moments


@record
class BayesEstimator(Adaptation):
    r"""The Bayes estimator under the environment itself: no adaptation to m samples has a smaller risk.

    The prior is the environment, a mixture of families with w_i ~ N(mu_k, C_k), inputs N(0, Sigma_k) and noise
    sigma_k^2, all of them known. Given m samples (X, y) family k has the posterior probability

    .. math:: \pi_k \propto p_k \prod_j N(x_j; 0, \Sigma_k)\; N(y;\, X\mu_k,\, X C_k X^\top + \sigma_k^2 I),

    inputs included, for their law tells families apart too, and its tasks have the mean
    :math:`v_k = \mu_k + C_k X^\top (X C_k X^\top + \sigma_k^2 I)^{-1} (y - X\mu_k)`. The expected loss of a point
    v is then :math:`\sum_k \pi_k (v - v_k)^\top \Sigma_k (v - v_k)/2` and what does not depend on v, so that

    .. math:: v = \Bigl(\sum_k \pi_k \Sigma_k\Bigr)^{-1} \sum_k \pi_k \Sigma_k v_k.

    It is the posterior mean where all families have the same input covariance, and else weighs families by
    curvature, as pooled training does: at m = 0 it is pooled training's optimum. It ignores the start. Exact at
    m = inf; with m samples it is drawn (``draws=``), and lies between `bayes_bounds`. It is best among points: a
    prediction that also looks at the new input to tell the family may be better still.

    `risk`, `compare` and `gain` take it. What adapts a task by its samples alone does not, for it needs the environment
    beside them: `simulate`, `loss_law`, `win_probability`, and as inner adaptation of a method.

    Raises
    ------
    ValueError
        If m is negative.

    Examples
    --------
    >>> from landscape import HardEasy, risk
    >>> risk(HardEasy(d=3, noise=0.5), 0.0, BayesEstimator(10), draws=2000).total
    0.3296 +- 0.0006
    """

    m: Scalar = number_of_samples(whole(0, infinite=True))

    label = "best possible"
    knows_environment = True

    def ignores_start(self, d: int) -> bool:
        """Say yes: what may be known of a task is known from the environment."""
        return True

    def form(self, moments: Moments) -> QuadraticForm:
        """Return the task's noise at m = inf."""
        if not is_full(self.m):
            return super().form(moments)
        return QuadraticForm(0 * moments.Sigma, None, moments.noise_variance)

    def shrinkage(self, moments: Moments) -> Operator:
        """Return 0 at m = inf."""
        if not is_full(self.m):
            return super().shrinkage(moments)
        return 0 * moments.Sigma.identity()

    def cost(self, d: int) -> AdaptationCost:
        """Count a gradient, and a linear solve of at most d Hessian-vector products each way."""
        return AdaptationCost(1, d, d, 1)

    def adapt(self, W: Array, draw: Draw) -> Adapted:
        if not np.isinf(self.m):
            raise NoClosedForm(
                "BayesEstimator needs the environment beside a task's samples: judge it by risk, gain, compare or family_risks"
            )
        batch = draw(self.m)
        return Adapted(W - np.linalg.pinv(batch.hessian(), hermitian=True) @ batch.gradient(W), np.zeros_like)

    def excess_given(self, tasks: Sequence[Task]) -> ExcessGiven:
        m = float(self.m)
        families = _families(tasks, m)

        def excess(index: int, X: Array, e: Array, rng: np.random.Generator) -> Array:
            # The optimum is drawn for the sake of y; given y and the family, its spread about v_i enters exactly.
            own, size = families[index], len(X)
            delta = rng.standard_normal((size, len(own.root))) @ own.root  # w_i - mu_i
            missing = m - X.shape[1]  # rows for which pseudo-rows do not stand: noise alone
            rest = own.noise * rng.chisquare(missing, size) if missing > 0 else np.zeros(size)
            spread, log_shares, means = np.zeros(size), [], []
            for family in families:
                r = np.matvec(X, own.centre - family.centre + delta) + e
                T = X @ family.root.T  # columns for z, where w = mu + R'z and z ~ N(0, I)
                L = T.swapaxes(1, 2) @ T + family.noise * np.eye(T.shape[2])
                half = np.linalg.cholesky(L)
                z = np.linalg.solve(L, np.vecmat(r, T)[..., None])[..., 0]
                if family is own:  # sigma^2 tr(Sigma R'L^-1 R)
                    B = own.root @ own.input_root.T
                    left = np.linalg.solve(half, np.broadcast_to(B, (size, *B.shape)))
                    spread = own.noise * np.sum(left**2, axis=(1, 2))
                misfit = (np.sum((r - np.matvec(T, z)) ** 2, axis=1) + rest) / family.noise + np.sum(
                    z**2, axis=1
                )
                logdet = 2 * np.log(np.diagonal(half, axis1=1, axis2=2)).sum(axis=1)
                logdet = logdet + (m - T.shape[2]) * np.log(family.noise)
                means.append(family.centre + z @ family.root)
                log_shares.append(family.log_share + family.log_density(X, m) - (misfit + logdet) / 2)
            evidence = np.array(log_shares)
            shares = np.exp(evidence - evidence.max(axis=0))
            shares /= shares.sum(axis=0)
            away = _best(shares, np.array(means), families) - means[index]
            return (np.vecdot(away, away @ own.Sigma) + spread) / 2

        return excess


@dataclass(frozen=True)
class _Family:
    """What is known of one family, as arrays; roots R have R'R = C and R'R = Sigma."""

    log_share: float
    Sigma: Array
    input_root: Array
    half: Array | None
    """Of Sigma = LL', where the law of the inputs tells families apart."""
    noise: float
    centre: Array
    root: Array

    def log_density(self, X: Array, m: float) -> Array | float:
        """Compute log N(X; 0, Sigma) of m rows; 0 where it is the same for all families."""
        if self.half is None:
            return 0.0
        white = np.linalg.solve(self.half, X.swapaxes(1, 2))
        return -m * np.log(np.diagonal(self.half)).sum() - np.sum(white**2, axis=(1, 2)) / 2


def _families(tasks: Sequence[Task], m: float) -> list[_Family]:
    d = tasks[0].inputs.Sigma.d
    Sigmas = [task.inputs.Sigma.matrix() for task in tasks]
    alike = all(np.array_equal(Sigma, Sigmas[0]) for Sigma in Sigmas)
    centres = np.array([task.centre for task in tasks])
    spreads = [np.zeros((d, d)) if task.spread is None else task.spread.matrix() for task in tasks]
    away = centres - centres.mean(axis=0)
    scatter = away.T @ away + sum(spreads)
    made = []
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
        made.append(
            _Family(
                log_share,
                Sigma,
                task.inputs.Sigma.root().matrix(),
                None if alike else np.linalg.cholesky(Sigma),
                max(float(np.asarray(task.inputs.noise_variance)), _least_noise(root @ Sigma @ root.T, m))
                or EPS**2 * float(np.sum(Sigma * scatter))  # centres that differ by more are told apart
                or 1.0,
                task.centre,
                root,
            )
        )
    return made


def _least_noise(variances: Array, m: float) -> float:
    """Compute the noise that stands for none: the formulas hold in its limit.

    It is far below what predictions differ by. From as many samples as directions on T'T is invertible, and only the
    rounding of residuals must stay below it: a flat prior is no reason to round noise up.
    """
    tau = np.diagonal(variances)
    is_learned = m >= len(tau) > 0 and not np.any(Matrix(variances).factor().is_singular)
    return (NOISELESS**2 if is_learned else NOISELESS) * float(tau.sum())


def _best(shares: Array, means: Array, families: Sequence[_Family]) -> Array:
    """The point of least expected loss (size, d): the mean of the families' means, weighed by curvature."""
    if families[0].half is None:
        return np.einsum("kn,knd->nd", shares, means)
    Sigmas = np.array([family.Sigma for family in families])
    weighted = np.einsum("kn,kij->nij", shares, Sigmas)
    pulled = np.einsum("kn,kij,knj->ni", shares, Sigmas, means, optimize=True)
    return np.linalg.solve(weighted, pulled[..., None])[..., 0]

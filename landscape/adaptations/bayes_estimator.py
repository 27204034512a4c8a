"""The best possible adaptation: of least expected loss given the samples, knowing what tasks there are."""

from collections.abc import Sequence

import numpy as np

from landscape.adaptations.base import Adapted, Draw, ExcessGiven
from landscape.adaptations.linear_solve import LinearSolve
from landscape.adaptations.samples_and_steps import number_of_samples
from landscape.core.domains import whole
from landscape.core.errors import NEEDS_ENVIRONMENT, NoClosedForm
from landscape.core.parameters import record
from landscape.core.typing import Array, Scalar
from landscape.linalg.inverse import pseudo_inverse
from landscape.tasks.families import Task
from landscape.tasks.posterior import best_point, priors_of


@record
class BayesEstimator(LinearSolve):
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
    0.3296 +- 0.0006 (2000 draws)
    """

    m: Scalar = number_of_samples(whole(0, infinite=True))

    label = "best possible"
    knows_environment = True

    def ignores_start(self, d: int) -> bool:
        """Say yes: what may be known of a task is known from the environment."""
        return True

    def adapt(self, W: Array, draw: Draw) -> Adapted:
        if not self.learns_all:
            raise NoClosedForm(f"adaptation {self!r} {NEEDS_ENVIRONMENT}")
        batch = draw(self.m)
        return Adapted(W - pseudo_inverse(batch.hessian()) @ batch.gradient(W), np.zeros_like)

    def excess_given(self, tasks: Sequence[Task]) -> ExcessGiven:
        m = float(self.m)
        priors = priors_of(tasks, m)

        def excess(index: int, X: Array, e: Array, rng: np.random.Generator) -> Array:
            # The optimum is drawn for the sake of y; given y and the family, its spread about v_i enters exactly.
            own = priors[index]
            delta, missing = (
                own.draw(len(X), rng),
                m - X.shape[1],
            )  # rows that pseudo-rows do not stand for: noise alone
            rest = own.noise * rng.chisquare(missing, len(X)) if missing > 0 else np.zeros(len(X))
            residuals = (np.matvec(X, own.centre - prior.centre + delta) + e for prior in priors)
            known = [prior.posterior(X, r, m, rest) for prior, r in zip(priors, residuals, strict=True)]
            away = best_point(priors, known) - known[index].mean
            return (np.vecdot(away, away @ own.Sigma) + own.scatter(known[index])) / 2

        return excess

"""The risk after adaptation on m samples, by drawing the samples."""

from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.adaptation import Adaptation
from landscape.nonlinear.environment import check_nonlinear
from landscape.results import Result

VARIATES = 1 << 21  # drawn at a time


@dataclass(frozen=True, eq=False, repr=False)
class SampledRisk(Result):
    """A measured risk after adaptation.

    Attributes
    ----------
    value, standard_error : float
        Unbiased for F_m(W).
    expansion : float or None
        F_m to second order, for one step.
    draws : int
        Batches a task.
    """

    value: float
    standard_error: float
    expansion: float | None
    draws: int

    @property
    def expansion_error(self):
        """Expansion less measurement, known to `standard_error`."""
        if self.expansion is None:
            raise ValueError("there is no expansion for several steps: use value and standard_error")
        return self.expansion - self.value

    def to_frame(self):
        """One row: value, standard error, expansion and its error."""
        import pandas as pd

        row = {"value": self.value, "standard_error": self.standard_error, "draws": self.draws}
        if self.expansion is not None:
            row |= {"expansion": self.expansion, "expansion_error": self.expansion_error}
        return pd.DataFrame([row])


def sampled_risk(environment, W, adaptation, draws=1000, seed=0):
    r"""F_m(W) by drawing batches; the population loss at each adapted point is exact.

    After one step the linear and, where its mean is known, the quadratic term of :math:`f_i(U_i - \alpha \bar\xi)` are subtracted
    and their means put back: what is measured is then only what the expansion leaves out, so that its error is seen at few draws.
    The same seed draws the same samples at every W (common random numbers).

    Parameters
    ----------
    environment : NonlinearEnvironment
    W : array (M, d), or (d,) if M = 1
        One point.
    adaptation : Adaptation
        With finite m, any number of steps on fresh batches.
    draws : int
        Batches for each task.
    seed : int

    Returns
    -------
    SampledRisk

    Examples
    --------
    >>> neurons = NonlinearEnvironment([NeuronTask("hard", [-0.6, -0.6], 0.5), NeuronTask("easy", [0.6, 0.9])])
    >>> sampled = sampled_risk(neurons, [0.0, 0.0], Adaptation(0.5, m=50), draws=100)
    >>> sampled.standard_error < 0.01
    True
    """
    check_nonlinear(environment)
    checks.instance("adaptation", adaptation, Adaptation)
    alpha, m = (
        checks.number("alpha", adaptation.alpha),
        checks.number("m", adaptation.m, at_least=1, whole=True),
    )
    steps = checks.number("steps", adaptation.steps, at_least=1, whole=True)
    if adaptation.batches == "same" and steps > 1:
        raise ValueError('sampled_risk draws a fresh batch for each step: use batches="fresh"')
    draws = checks.number("draws", draws, at_least=2, whole=True)
    W = environment.tasks[0].points(W)
    if W.ndim != 2:
        raise ValueError(f"W must be one point, got shape {W.shape}")
    expansion = float(environment.risk(W, adaptation)) if steps == 1 else None
    streams = np.random.SeedSequence(checks.seed(seed)).spawn(len(environment.tasks))
    value, variance = 0.0, 0.0
    for p, task, stream in zip(environment.probabilities, environment.tasks, streams, strict=True):
        known, losses = _task_losses(task, W, alpha, m, steps, draws, np.random.default_rng(stream))
        value += p * (known + losses.mean())
        variance += p**2 * losses.var(ddof=1) / draws
    return SampledRisk(float(value), float(np.sqrt(variance)), expansion, draws)


def _task_losses(task, W, alpha, m, steps, draws, rng):
    """The known mean of the control variates, and the losses after adaptation less these."""
    size = max(1, VARIATES // (m * task.shape[1]))
    known, slope, H = 0.0, None, None
    if steps == 1:
        mean = task.gradient(W)
        U = W - alpha * mean
        slope = task.gradient(U).ravel()
        if task.exact_scatter:
            H = task.hessian(U)
            known = alpha**2 / (2 * m) * np.sum(H * task.gradient_covariance(W))
    losses = []
    for start in range(0, draws, size):
        count = min(size, draws - start)
        here = np.broadcast_to(W, (count, *W.shape))
        for _ in range(steps):
            g = task._sample_gradient(here, *task.draw((count, m), rng))
            here = here - alpha * g
        loss = task.loss(here)
        if slope is not None:
            away = (g - mean).reshape(count, -1)
            loss = loss + alpha * away @ slope
            if H is not None:
                loss = loss - alpha**2 / 2 * np.einsum("ni,ij,nj->n", away, H, away)
        losses.append(loss)
    return known, np.concatenate(losses)

"""The risk after adaptation on m samples, by drawing the samples."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from landscape.adaptations import Adaptation
from landscape.core import Array, Result, checks, count, record, whole
from landscape.core.typing import RNG
from landscape.nonlinear.environment import NonlinearEnvironment, as_gradient_steps, check_nonlinear
from landscape.nonlinear.task import NonlinearTask

VARIATES = 1 << 21
"""Normal variates drawn at a time."""


@record
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
    def expansion_error(self) -> float:
        """Expansion less measurement, known to `standard_error`."""
        if self.expansion is None:
            raise ValueError("there is no expansion for several steps: use value and standard_error")
        return self.expansion - self.value

    def headline(self) -> str:
        """Say the risk and its standard error."""
        value = f"{self.value:.5g} +- {self.standard_error:.2g}"
        return f"risk after adaptation {value} by {self.draws:,} batches a task"

    def columns(self) -> Mapping[str, Any]:
        """Give one row: value, standard error, expansion and its error."""
        row: dict[str, Any] = {
            "value": self.value,
            "standard_error": self.standard_error,
            "draws": self.draws,
        }
        if self.expansion is not None:
            row |= {"expansion": self.expansion, "expansion_error": self.expansion_error}
        return {name: [value] for name, value in row.items()}


def sampled_risk(
    environment: NonlinearEnvironment,
    W: Any,
    adaptation: Adaptation | float,
    draws: int = 1000,
    *,
    rng: RNG = 0,
) -> SampledRisk:
    r"""Estimate F_m(W) by drawing batches; the population loss at each adapted point is exact.

    After one step the linear and, where its mean is known, the quadratic term of :math:`f_i(U_i - \alpha
    \bar\xi)` are subtracted and their means put back: what is measured is then only what the expansion leaves
    out, so that its error is seen at few draws. The same seed draws the same samples at every W (common
    random numbers).

    Parameters
    ----------
    environment : NonlinearEnvironment
    W : array (M, d), or (d,) if M = 1
        One point.
    adaptation : GradientSteps
        With finite m, any number of steps on fresh batches.
    draws : int
        Batches for each task.
    rng : numpy.random.Generator or int

    Returns
    -------
    SampledRisk

    Raises
    ------
    ValueError
        If m is infinite, W more than one point, or all steps are to take one batch.

    Examples
    --------
    >>> from landscape import GradientSteps, NeuronTask, NonlinearEnvironment
    >>> hard, easy = NeuronTask("hard", [-0.6, -0.6], 0.5), NeuronTask("easy", [0.6, 0.9])
    >>> neurons = NonlinearEnvironment([hard, easy])
    >>> sampled = sampled_risk(neurons, [0.0, 0.0], GradientSteps(0.5, m=50), draws=100)
    >>> sampled.standard_error < 0.01
    True
    """
    check_nonlinear(environment)
    adaptation = as_gradient_steps(adaptation)
    m, steps = count.check("m", adaptation.m), count.check("steps", adaptation.steps)
    if adaptation.batches == "same":
        raise ValueError('sampled_risk draws a fresh batch for each step: use batches="fresh"')
    draws = whole(2).check("draws", draws)
    W = environment.tasks[0].points(W)
    if W.ndim != 2:
        raise ValueError(f"W must be one point, got shape {W.shape}")
    expansion = float(environment.risk(W, adaptation)) if steps == 1 else None
    streams = checks.generator(rng).spawn(len(environment.tasks))
    value, variance = 0.0, 0.0
    for p, task, stream in zip(environment.probabilities, environment.tasks, streams, strict=True):
        known, losses = _task_losses(task, W, float(adaptation.alpha), (draws, m, steps), stream)
        value += p * (known + losses.mean())
        variance += p**2 * losses.var(ddof=1) / draws
    return SampledRisk(float(value), float(np.sqrt(variance)), expansion, draws)


def _task_losses(
    task: NonlinearTask, W: Array, alpha: float, sizes: tuple[int, int, int], rng: np.random.Generator
) -> tuple[float, Array]:
    """The known mean of the control variates, and the losses after adaptation less these.

    `sizes` are draws, samples a step, steps.
    """
    draws, m, steps = sizes
    mean = task.gradient(W)
    U = W - alpha * mean
    slope = task.gradient(U).ravel()
    H = task.hessian(U) if steps == 1 and task.exact_scatter else None
    known = 0.0 if H is None else float(alpha**2 / (2 * m) * np.sum(H * task.gradient_covariance(W)))
    size = max(1, VARIATES // (m * task.shape[1]))
    losses: list[Array] = []
    for start in range(0, draws, size):
        n = min(size, draws - start)
        points = np.broadcast_to(W, (n, *W.shape))
        for _ in range(steps):
            g = task.sample_gradient(points, *task.draw((n, m), rng))
            points = points - alpha * g
        loss = task.loss(points)
        if steps == 1:
            xi = (g - mean).reshape(n, -1)
            loss = loss + alpha * xi @ slope
            if H is not None:
                loss = loss - alpha**2 / 2 * np.einsum("ni,ij,nj->n", xi, H, xi)
        losses.append(loss)
    return known, np.concatenate(losses)

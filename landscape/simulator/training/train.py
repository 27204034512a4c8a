"""Training by steps: MAML, FO-MAML, HF-MAML (Fallah et al., Algorithms 1 to 3), BI-MAML, Reptile and pooled training."""

import math
from typing import Any

import numpy as np

from landscape.adaptations import GradientSteps
from landscape.core import Array, Scalar, bar, checks, positive, real, warn, whole
from landscape.core import count as whole_count
from landscape.core.tolerances import LARGEST
from landscape.core.typing import RNG
from landscape.methods import BIMAML, HFMAML, MAML, NAL, Method
from landscape.simulator.training.batches import Batches, RandomStep, own_batches
from landscape.simulator.training.counting import Count, Counted
from landscape.simulator.training.directions import Options, direction, inner_steps
from landscape.simulator.training.history import History, Recorder
from landscape.simulator.training.tasks import LossTasks

GROWN = 1e8
"""Times where it began: then a run counts as diverged."""


def train(
    tasks: LossTasks,
    method: Method,
    start: Scalar,
    rate: float | RandomStep,
    iterations: int,
    batches: Batches | None = None,
    *,
    alpha: float | None = None,
    second_order: str = "products",
    delta: float | None = None,
    record_every: int = 1,
    rng: RNG = 0,
    progress: bool = False,
) -> History:
    r"""Train by steps, counting gradients, Hessians and Hessian-vector products.

    Parameters
    ----------
    tasks : LossTasks
    method : NAL, MAML, FOMAML, HFMAML, Reptile or BIMAML
        With gradient steps inside. ``MAML(..., hessian="independent")`` is Fallah et al.'s (5); with "shared"
        the inner batch gives the Hessian too.
    start : float or array (d,)
    rate : float or RandomStep
        Step size beta of the update.
    iterations : int
    batches : Batches, optional
        All tasks and samples by default.
    alpha : float, optional
        Inner step of the F that is looked at; the method's by default, 0 (F = f) for NAL. F is the loss after
        as many steps as the method takes.
    second_order : {"products", "matrices"}
        Whether MAML takes Hessian-vector products, O(d) a sample, or Hessians, O(d^2).
    delta : float, optional
        Half-width of HF-MAML's difference; Fallah et al.'s rule 1/(6 rho alpha ||g||) by default. It looks
        1/(6 rho alpha) to both sides however small the gradient is, so that HF-MAML stalls where the Hessian
        varies; with a small delta, say 1e-4, it does not.
    record_every : int
        Iterations between rows of the history.
    rng : numpy.random.Generator or int
    progress : bool
        Whether to show a bar.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If an argument is out of range or means nothing to the method, or a rule needs a constant that the
        losses do not have.

    Warns
    -----
    LandscapeWarning
        If the iterates grow without bound; the run is stopped there. If delta is so small that HF-MAML's
        differences are rounding.

    Examples
    --------
    >>> from landscape import MAML, TwoTasks
    >>> run = train(LossTasks.of(TwoTasks(d=3)), MAML(0.5), start=3.0, rate=0.5, iterations=200)
    >>> print(run.table[["gradients", "hessian_vector_products"]].iloc[-1].tolist(), run.time_to(1e-2))
    [800, 400] 53
    """
    checks.instance("tasks", tasks, LossTasks)
    checks.instance("method", method, Method)
    batches, inner = own_batches(batches, method), inner_steps(method)
    w = checks.start("start", start, tasks.d)
    iterations = whole(0).check("iterations", iterations)
    every = whole_count.check("record_every", record_every)
    checks.known("second_order", second_order, ["products", "matrices"])
    if not isinstance(rate, RandomStep):
        rate = positive.check("rate", rate)
    looked_at = looked_at_step(alpha, inner)
    if second_order == "matrices" and not isinstance(method, (MAML, BIMAML)):
        raise ValueError(
            f'second_order="matrices" is for MAML: {method.label} takes no Hessians; leave it out'
        )
    delta = _checked_delta(tasks, method, w, delta)
    rho = tasks.hessian_lipschitz if isinstance(method, HFMAML) else 0.0
    generator, count, recorder = checks.generator(rng), Count(), Recorder(tasks, looked_at, inner.steps)
    stepper = Stepper(
        tasks, method, batches, Options(second_order == "products", delta, rho), generator, count
    )
    recorder.add("iteration", 0, w, stepper.phase, count)
    scale = 1 + recorder.rows[0]["gradient_norm_f"] + np.linalg.norm(w)
    for k in bar(range(iterations), progress, desc=method.label):
        beta = rate.rate(tasks, method, w, generator, count) if isinstance(rate, RandomStep) else rate
        with np.errstate(over="ignore", invalid="ignore"):
            w = w - beta * stepper(w)
        if not np.isfinite(w).all() or np.linalg.norm(w) > GROWN * scale:
            _warn_diverged(tasks, method)
            return recorder.history(method, rate, diverged=True)
        if (k + 1) % every == 0 or k + 1 == iterations:
            recorder.add("iteration", k + 1, w, stepper.phase, count)
    return recorder.history(method, rate)


def looked_at_step(alpha: float | None, inner: GradientSteps) -> float:
    """Check the inner step of the F that is looked at; the method's own where none is given."""
    own = float(inner.alpha)
    chosen = own if alpha is None else real.check("alpha", alpha)
    bound = LARGEST ** (1 / max(inner.steps, 1))  # beyond it the loss after these steps overflows
    for step in (own, chosen):
        if abs(step) > bound:
            raise ValueError(
                f"alpha must be at most {bound:.3g} in size for {inner.steps} inner steps, got {step:g}"
            )
    return chosen


def _checked_delta(tasks: LossTasks, method: Method, w: Array, delta: float | None) -> float | None:
    """The half-width of HF-MAML's differences; an error where it means nothing, or no rule gives it."""
    if delta is None:
        if isinstance(method, HFMAML) and math.isinf(tasks.hessian_lipschitz):
            raise ValueError(
                "the rule for delta needs a Lipschitz Hessian (rho), which a loss here does not have: give delta, say 1e-3"
            )
        return None
    if not isinstance(method, HFMAML):
        raise ValueError(f"delta is for HFMAML's differences: leave it out for {method.label}")
    delta = positive.check("delta", delta)
    _warn_rounding(tasks, float(inner_steps(method).alpha), w, delta)
    return delta


def _warn_rounding(tasks: LossTasks, alpha: float, w: Array, delta: float) -> None:
    """Warn where differences of that width are rounding at w, though what they stand for matters."""
    for loss in tasks.losses:
        g = loss.gradient(w)
        bend = np.linalg.norm(loss.hessian_times(w, g))
        if loss.difference_rounding(w, delta) > bend and abs(alpha) * bend > 1e-6 * np.linalg.norm(g):
            warn(
                "delta is so small that HF-MAML's differences of gradients are rounding at the start, and its "
                "steps are no better than FO-MAML's: take a larger delta, say 1e-3"
            )
            return


class Stepper:
    """The mean update direction at a point, over freshly drawn tasks and samples; knows BI-MAML's phase."""

    def __init__(
        self,
        tasks: LossTasks,
        method: Method,
        batches: Batches,
        options: Options,
        rng: np.random.Generator,
        count: Count,
    ) -> None:
        if isinstance(method, NAL) and method.task_weights:
            raise ValueError("train does not know task_weights: give LossTasks such probabilities instead")
        self.tasks, self.method, self.batches = tasks, method, batches
        self.options, self.rng, self.count = options, rng, count
        self.phase = "pooled" if isinstance(method, BIMAML) else method.label

    def __call__(self, w: Array) -> Array:
        """Compute the direction at a point."""
        method = self.method
        if not isinstance(method, BIMAML):
            return self.mean(method, w)
        if self.phase == "pooled" or not method.latched:
            g = self.mean(NAL(), w)  # the test takes the gradient that the first phase needs anyway
            if np.linalg.norm(g) >= method.threshold:
                self.phase = "pooled"
                return g
            self.phase = "MAML"
        return self.mean(MAML(method.adaptation, hessian="independent"), w)

    def mean(self, method: Method, w: Array) -> Array:
        """Compute a method's mean direction."""
        sizes = {"in": self.batches.D_in, "o": self.batches.D_o, "h": self.batches.D_h}
        index, weights = self.batches.draw_tasks(self.tasks, self.rng)
        total = np.zeros_like(w)
        for i, weight in zip(index, weights, strict=True):
            loss = self.tasks.losses[i]

            def draw(use: str, loss: Any = loss) -> Counted:
                return Counted(loss.batch(sizes[use], self.rng), self.count)

            total += weight * direction(method, w, draw, self.options)
        return total


def _warn_diverged(tasks: LossTasks, method: Method) -> None:
    L, alpha = tasks.smoothness, float(inner_steps(method).alpha)
    cure = "take a smaller rate" + (", below 2/L (L is the tasks' smoothness)" if math.isfinite(L) else "")
    if math.isfinite(L) and abs(alpha) * L > 2:
        cure = f"alpha L is above 2, so the inner step expands: take alpha < 1/L and then {cure}"
    warn(f"{method.label} diverges, and the run is stopped: {cure}")

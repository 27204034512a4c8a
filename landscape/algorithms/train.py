"""Training by steps: MAML, FO-MAML, HF-MAML (Fallah et al., Algorithms 1 to 3), BI-MAML, Reptile and pooled training."""

import math
from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.algorithms.batches import Batches, RandomStep
from landscape.algorithms.counting import Count, Counted
from landscape.algorithms.directions import direction
from landscape.algorithms.history import Recorder
from landscape.losses import LossTasks
from landscape.methods import BIMAML, FOMAML, HFMAML, MAML, NAL, Method, Reptile
from landscape.methods.base import check_reach
from landscape.progress import bar

GROWN = 1e8  # times where it began: then a run counts as diverged


@dataclass(frozen=True)
class Options:
    """How derivatives of second order are taken."""

    products: bool
    fixed_delta: float | None
    rho: float

    def delta(self, alpha, size):
        """Half-width of the difference: 1/(6 rho alpha ||g||), Theorem 4.17's rule; any does on quadratics."""
        if self.fixed_delta is not None:
            return self.fixed_delta
        if self.rho * alpha == 0:
            return 1 / size
        return 1 / (6 * self.rho * abs(alpha) * size)


def train(
    tasks,
    method,
    start,
    rate,
    iterations,
    batches=None,
    *,
    alpha=None,
    second_order="products",
    delta=None,
    record_every=1,
    seed=0,
    progress=False,
):
    r"""Train by steps, counting gradients, Hessians and Hessian-vector products.

    Parameters
    ----------
    tasks : LossTasks
    method : NAL, MAML, FOMAML, HFMAML, Reptile or BIMAML
        ``MAML(..., hessian="independent")`` is Fallah et al.'s (5); with "shared" the inner batch gives the Hessian too.
    start : float or array (d,)
    rate : float or RandomStep
        Step size beta of the update.
    iterations : int
    batches : Batches, optional
        All tasks and samples by default.
    alpha : float, optional
        Inner step of the F that is looked at; the method's by default, 0 (F = f) for NAL. F is the loss after as many steps
        as the method takes.
    second_order : {"products", "matrices"}
        Whether MAML takes Hessian-vector products, O(d) a sample, or Hessians, O(d^2).
    delta : float, optional
        Half-width of HF-MAML's difference; Fallah et al.'s rule 1/(6 rho alpha ||g||) by default. It looks 1/(6 rho alpha) to both
        sides however small the gradient is, so that HF-MAML stalls where the Hessian varies; with a small delta, say 1e-4, it does not.
    record_every : int
        Iterations between rows of the history.
    seed : int
    progress : bool
        Whether to show a bar.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If an argument is out of range or means nothing to the method, or a rule needs a constant that the losses do not have.

    Warns
    -----
    LandscapeWarning
        If the iterates grow without bound; the run is stopped there. If delta is so small that HF-MAML's differences are
        rounding.

    Examples
    --------
    >>> tasks = LossTasks.of(two_tasks(d=3))
    >>> run = train(tasks, MAML(0.5), start=3.0, rate=0.5, iterations=200)
    >>> print(run.table[["gradients", "hessian_vector_products"]].iloc[-1].tolist(), run.time_to(1e-2))
    [800, 400] 53
    """
    checks.instance("tasks", tasks, LossTasks)
    checks.instance("method", method, Method)
    method = method.resolved
    batches = own_batches(batches, method)
    w = checks.start("start", start, tasks.d)
    iterations = checks.number("iterations", iterations, at_least=0, whole=True)
    every = checks.number("record_every", record_every, at_least=1, whole=True)
    checks.known("second_order", second_order, ["products", "matrices"])
    if not isinstance(rate, RandomStep):
        rate = checks.number("rate", rate, above=0)
    alpha = getattr(method, "alpha", 0.0) if alpha is None else alpha
    alpha = checks.number("alpha", alpha)
    for step in (alpha, getattr(method, "alpha", 0.0)):
        check_reach(step, getattr(method, "steps", 1))
    if second_order == "matrices" and not isinstance(method, (MAML, BIMAML)):
        raise ValueError(
            f'second_order="matrices" is for MAML: {method.label} takes no Hessians; leave it out'
        )
    if delta is not None:
        if not isinstance(method, HFMAML):
            raise ValueError(f"delta is for HFMAML's differences: leave it out for {method.label}")
        delta = checks.number("delta", delta, above=0)
        _warn_rounding(tasks, method.alpha, w, delta)
    elif isinstance(method, HFMAML) and math.isinf(tasks.hessian_lipschitz):
        raise ValueError(
            "the rule for delta needs a Lipschitz Hessian (rho), which a loss here does not have: give delta, say 1e-3"
        )
    rho = tasks.hessian_lipschitz if isinstance(method, HFMAML) else 0.0
    options = Options(second_order == "products", delta, rho)

    rng, count, recorder = (
        np.random.default_rng(checks.seed(seed)),
        Count(),
        Recorder(tasks, alpha, getattr(method, "steps", 1)),
    )
    stepper = Stepper(tasks, method, batches, options, rng, count)
    recorder.add("iteration", 0, w, stepper.phase, count)
    scale = 1 + recorder.rows[0]["gradient_norm_f"] + np.linalg.norm(w)
    for k in bar(range(iterations), progress, desc=method.label):
        beta = rate if not isinstance(rate, RandomStep) else rate.rate(tasks, method, w, rng, count)
        with np.errstate(over="ignore", invalid="ignore"):
            w = w - beta * stepper(w)
        if not np.isfinite(w).all() or np.linalg.norm(w) > GROWN * scale:
            return _diverged(recorder, tasks, method, rate, beta, k)
        if (k + 1) % every == 0 or k + 1 == iterations:
            recorder.add("iteration", k + 1, w, stepper.phase, count)
    return recorder.history(method, rate)


def own_batches(batches, method):
    """The batches, with the inner one of the method where it has its own."""
    batches = checks.instance("batches", Batches() if batches is None else batches, Batches)
    drawn = _drawn(method)
    for name in ("D_in", "D_o", "D_h"):
        if name not in drawn and not math.isinf(getattr(batches, name)):
            cure = '; MAML(..., hessian="independent") does' if isinstance(method, MAML) else ""
            raise ValueError(
                f"{name} = {getattr(batches, name):g} means nothing to {method.label}, which draws no such batch{cure}: leave it out"
            )
    if method.n2 is None:
        return batches
    n2 = checks.number("n2", method.n2, infinite=True)
    if math.isinf(n2) or n2 == batches.D_in:
        return batches
    if not math.isinf(batches.D_in):
        raise ValueError(
            f"{method!r} takes inner batches of n2 = {n2:g}, but D_in = {batches.D_in:g}: leave one out"
        )
    return Batches(batches.B, n2, batches.D_o, batches.D_h)


def _drawn(method):
    """The batches that a method's steps draw."""
    if isinstance(method, NAL):
        return {"D_o"}
    if isinstance(method, Reptile):
        return {"D_in"}
    if isinstance(method, FOMAML) or (isinstance(method, MAML) and method.hessian == "shared"):
        return {"D_in", "D_o"}
    return {"D_in", "D_o", "D_h"}


def _warn_rounding(tasks, alpha, w, delta):
    """Warn where differences of that width are rounding at w, though what they stand for matters."""
    for loss in tasks.losses:
        g = loss.gradient(w)
        bend = np.linalg.norm(loss.hessian_times(w, g))
        if loss.difference_rounding(w, delta) > bend and abs(alpha) * bend > 1e-6 * np.linalg.norm(g):
            checks.warn(
                f"delta = {delta:g} is so small that HF-MAML's differences of gradients are rounding at the start, and its steps are "
                "no better than FO-MAML's: take a larger delta, say 1e-3"
            )
            return


class Stepper:
    """The mean update direction at a point, over freshly drawn tasks and samples; knows BI-MAML's phase."""

    def __init__(self, tasks, method, batches, options, rng, count):
        if isinstance(method, NAL) and method.task_weights:
            raise ValueError("train does not know task_weights: give LossTasks such probabilities instead")
        self.tasks, self.method, self.batches = tasks, method, batches
        self.options, self.rng, self.count = options, rng, count
        self.biphasic = isinstance(method, BIMAML)
        self.second = MAML(method.alpha, hessian="independent") if self.biphasic else None
        self.phase = "pooled" if self.biphasic else method.label

    def __call__(self, w):
        if not self.biphasic:
            return self.mean(self.method, w)
        if self.phase == "pooled" or not self.method.latched:
            g = self.mean(NAL(), w)  # the test takes the gradient that the first phase needs anyway
            if np.linalg.norm(g) >= self.method.threshold:
                self.phase = "pooled"
                return g
            self.phase = "MAML"
        return self.mean(self.second, w)

    def mean(self, method, w):
        sizes = {"in": self.batches.D_in, "o": self.batches.D_o, "h": self.batches.D_h}
        index, weights = self.batches.draw_tasks(self.tasks, self.rng)
        total = np.zeros_like(w)
        for i, weight in zip(index, weights, strict=True):
            loss = self.tasks.losses[i]
            total += weight * direction(
                method,
                w,
                lambda use, loss=loss: Counted(loss.batch(sizes[use], self.rng), self.count),
                self.options,
            )
        return total


def _diverged(recorder, tasks, method, rate, beta, k):
    L = tasks.smoothness
    cure = f"take a smaller rate, below 2/L = {2 / L:.3g}" if math.isfinite(L) else "take a smaller rate"
    alpha = getattr(method, "alpha", 0.0)
    if math.isfinite(L) and abs(alpha) * L > 2:
        cure = f"alpha L = {alpha * L:.3g}, so the inner step expands: take alpha < 1/L = {1 / L:.3g} and then {cure}"
    checks.warn(f"{method.label} diverges at iteration {k + 1} with rate {beta:.3g}: {cure}")
    return recorder.history(method, rate, diverged=True)

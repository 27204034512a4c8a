"""How much each iteration draws, and how long its step is."""

import math
from dataclasses import replace

import numpy as np

from landscape.core import Array, Record, batch_size, checks, nonnegative, parameter, positive, real, record
from landscape.methods import FOMAML, MAML, NAL, Method, Reptile
from landscape.simulator.training.counting import Count
from landscape.simulator.training.directions import inner_steps
from landscape.simulator.training.tasks import LossTasks


@record
class Batches(Record):
    r"""What an iteration draws (Fallah et al., Algorithms 1 to 3).

    Tasks are drawn with replacement; ``inf`` takes all of them with their probabilities, or all samples.
    `train` refuses a size for a batch that its method does not draw.

    Examples
    --------
    >>> Batches(B=4, D_in=10, D_o=10)
    Batches(4, D_in=10, D_o=10)
    """

    B: float = parameter(batch_size, default=math.inf, symbol="B", label="tasks an iteration")
    D_in: float = parameter(
        batch_size, default=math.inf, symbol="D_{in}", label="samples of a task for an inner step"
    )
    D_o: float = parameter(batch_size, default=math.inf, symbol="D_o", label="samples for the outer gradient")
    D_h: float = parameter(batch_size, default=math.inf, symbol="D_h", label="samples for the Hessian")

    def draw_tasks(self, tasks: LossTasks, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw the tasks of an iteration: their indices, and the weight of each."""
        if math.isinf(self.B):
            return np.arange(len(tasks.losses)), tasks.shares
        B = int(self.B)
        return rng.choice(len(tasks.losses), size=B, p=tasks.shares), np.full(B, 1 / B)


def own_batches(batches: Batches | None, method: Method) -> Batches:
    """Return the batches, with the inner one of the method where it has its own; refuse those that it does not draw."""
    batches = checks.instance("batches", Batches() if batches is None else batches, Batches)
    for name in ("D_in", "D_o", "D_h"):
        if name not in _drawn(method) and not math.isinf(getattr(batches, name)):
            cure = '; MAML(..., hessian="independent") does' if isinstance(method, MAML) else ""
            raise ValueError(
                f"{name} = {getattr(batches, name):g} means nothing to {method.label}, which draws no such batch{cure}: "
                "leave it out"
            )
    n2 = math.inf if method.n2 is None else batch_size.check("m of the inner adaptation", method.n2)
    if math.isinf(n2) or n2 == batches.D_in:
        return batches
    if not math.isinf(batches.D_in):
        raise ValueError(
            f"{method!r} takes inner batches of m = {n2:g}, but D_in = {batches.D_in:g}: leave one out"
        )
    return replace(batches, D_in=n2)


def _drawn(method: Method) -> set[str]:
    """The batches that a method's steps draw."""
    if isinstance(method, NAL):
        return {"D_o"}
    if isinstance(method, Reptile):
        return {"D_in"}
    if isinstance(method, FOMAML) or (isinstance(method, MAML) and method.hessian == "shared"):
        return {"D_in", "D_o"}
    return {"D_in", "D_o", "D_h"}


@record
class RandomStep(Record):
    r"""The random step size of Fallah et al., (16) and (17): :math:`\beta_k = \tilde\beta(w_k)/c`.

    :math:`\tilde\beta(w) = 1/(4L + \tfrac{2\rho\alpha}{B'}\sum_j\|\nabla f_j(w, D_\beta)\|)`, over B' tasks
    drawn apart from those of the iteration; ``inf`` takes all tasks, or all samples. On quadratics rho = 0
    and the step is 1/(4 L c), never random.

    Parameters
    ----------
    divisor : float, optional
        c; the theorems' 12 (MAML), 18 (FO-MAML) or 25 (HF-MAML) by default.

    Examples
    --------
    >>> from landscape import MAML
    >>> from landscape.simulator.training import Quadratic, train
    >>> tasks = LossTasks([Quadratic(1.0, [1.0, 2.0]), Quadratic(0.1, [0.0, 2.0])])
    >>> history = train(tasks, MAML(0.05), 0.0, RandomStep(B=2), iterations=10)
    """

    B: float = parameter(batch_size, default=math.inf, symbol="B'", label="tasks for the step size")
    D: float = parameter(
        batch_size, default=math.inf, symbol=r"D_\beta", label="samples of each for the step size"
    )
    divisor: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.divisor is not None:
            self._set(divisor=positive.check("divisor", self.divisor))

    def rate(
        self, tasks: LossTasks, method: Method, w: Array, rng: np.random.Generator, count: Count
    ) -> float:
        """Compute the step at w; its gradients are counted."""
        divisor = self.divisor or method.step_divisor
        if divisor is None:
            raise ValueError(f"the theorems give no divisor for {method.label}: give RandomStep(divisor=...)")
        norm = 0.0
        if tasks.hessian_lipschitz > 0:
            index, weights = Batches(B=self.B).draw_tasks(tasks, rng)
            for i, weight in zip(index, weights, strict=True):
                batch = tasks.losses[i].batch(self.D, rng)
                count.gradient(batch)
                norm += float(weight * np.linalg.norm(batch.gradient(w)))
        return 1 / (divisor * smoothness_bound(tasks, float(inner_steps(method).alpha), norm))


def least_step_batches(tasks: LossTasks, alpha: float, sigma: float, sigma_tilde: float) -> tuple[int, int]:
    r"""Compute the sizes B' and D_beta that Lemma 4.9 asks of a `RandomStep` (Fallah et al., (18)).

    :math:`B' \ge \tfrac12(\rho\alpha\sigma/L)^2` and :math:`D_\beta \ge (2\rho\alpha\tilde\sigma/L)^2`. Then
    E of the step is at least 0.8/(c L(w)), and that of its square at most 3.125/(c L(w))^2.

    Parameters
    ----------
    tasks : LossTasks
    alpha, sigma, sigma_tilde : float
        Inner step; bounds on the spread of the tasks' gradients and of one sample's gradient.

    Returns
    -------
    B, D : int
    """
    smoothness_bound(tasks, alpha, 0.0)  # L and rho must exist
    sigma, sigma_tilde = nonnegative.check("sigma", sigma), nonnegative.check("sigma_tilde", sigma_tilde)
    ratio = tasks.hessian_lipschitz * alpha / tasks.smoothness
    return max(1, math.ceil((ratio * sigma) ** 2 / 2)), max(1, math.ceil((2 * ratio * sigma_tilde) ** 2))


def smoothness_bound(tasks: LossTasks, alpha: float, mean_norm: float) -> float:
    r"""Compute L(w) = 4 L + 2 rho alpha E||grad f_i(w)|| (Fallah et al., Lemma 4.8), from the mean norm.

    Raises
    ------
    ValueError
        If L or rho does not exist for the tasks' losses, or alpha is not in [0, 1/L].
    """
    checks.instance("tasks", tasks, LossTasks)
    mean_norm = nonnegative.check("mean_norm", mean_norm)
    L, rho = tasks.smoothness, tasks.hessian_lipschitz
    if not (math.isfinite(L) and math.isfinite(rho)):
        missing, what = "hessian_lipschitz", "rho, a Lipschitz constant of the Hessian,"
        if math.isinf(L):
            missing, what = "smoothness", "L, a Lipschitz constant of the gradient,"
        kind = next(type(x).__name__ for x in tasks.losses if math.isinf(getattr(x, missing)))
        raise ValueError(
            f"{kind} has no {what} which Lemma 4.8 needs: use Logistic, LeastSquares or a Quadratic, or give the rate"
        )
    if L == 0:
        raise ValueError("all losses are flat (L = 0), so Lemma 4.8 gives no step: give the rate")
    alpha = real.check("alpha", alpha)
    if not 0 <= alpha <= 1 / L * (1 + 1e-12):
        raise ValueError(f"alpha must be in [0, 1/L] = [0, {1 / L:.4g}] for Lemma 4.8, got {alpha:g}")
    return 4 * L + 2 * rho * alpha * mean_norm

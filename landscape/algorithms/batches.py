"""How much each iteration draws, and how long its step is."""

import math
from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.losses import LossTasks
from landscape.methods.base import STEP_DIVISORS
from landscape.record import Record


@dataclass(frozen=True, eq=False, repr=False)
class Batches(Record):
    r"""What an iteration draws (Fallah et al., Algorithms 1 to 3).

    Parameters
    ----------
    B : float
        Tasks an iteration, drawn with replacement; ``inf`` takes all of them with their probabilities.
    D_in, D_o, D_h : float
        Samples of a task for the inner step, the outer gradient and the Hessian; ``inf`` takes all. `train` refuses a size
        for a batch that its method does not draw.

    Examples
    --------
    >>> Batches(B=4, D_in=10, D_o=10)
    Batches(B=4, D_in=10, D_o=10)
    """

    B: float = math.inf
    D_in: float = math.inf
    D_o: float = math.inf
    D_h: float = math.inf

    def __post_init__(self):
        whole = {"at_least": 1, "whole": True, "infinite": True}
        self._set(
            **{
                name: checks.number(name, getattr(self, name), **whole)
                for name in ("B", "D_in", "D_o", "D_h")
            }
        )

    def draw_tasks(self, tasks, rng):
        """Indices of the tasks of an iteration and the weight of each."""
        if math.isinf(self.B):
            return np.arange(len(tasks.losses)), tasks.shares
        return rng.choice(len(tasks.losses), size=self.B, p=tasks.shares), np.full(self.B, 1 / self.B)


@dataclass(frozen=True, eq=False, repr=False)
class RandomStep(Record):
    r"""The random step size of Fallah et al., (16) and (17): :math:`\beta_k = \tilde\beta(w_k)/c`.

    :math:`\tilde\beta(w) = 1/(4L + \tfrac{2\rho\alpha}{B'}\sum_j\|\nabla f_j(w, D_\beta)\|)`, over B' tasks drawn
    apart from those of the iteration. On quadratics rho = 0 and the step is 1/(4 L c), never random.

    Parameters
    ----------
    B, D : float
        B' and D_beta; ``inf`` takes all tasks and all samples.
    divisor : float, optional
        c; the theorems' 12 (MAML), 18 (FO-MAML) or 25 (HF-MAML) by default.

    Examples
    --------
    >>> tasks = LossTasks([losses.Quadratic(1.0, [1.0, 2.0]), losses.Quadratic(0.1, [0.0, 2.0])])
    >>> history = train(tasks, MAML(0.05), 0.0, RandomStep(B=2), iterations=10)
    """

    B: float = math.inf
    D: float = math.inf
    divisor: float | None = None

    def __post_init__(self):
        whole = {"at_least": 1, "whole": True, "infinite": True}
        self._set(**{name: checks.number(name, getattr(self, name), **whole) for name in ("B", "D")})
        if self.divisor is not None:
            self._set(divisor=checks.number("divisor", self.divisor, above=0))

    def rate(self, tasks, method, w, rng, count):
        """The step at w; its gradients are counted."""
        divisor = self.divisor or STEP_DIVISORS.get(method.label)
        if divisor is None:
            raise ValueError(f"the theorems give no divisor for {method.label}: give RandomStep(divisor=...)")
        norm = 0.0
        if tasks.hessian_lipschitz > 0:
            index, weights = Batches(B=self.B).draw_tasks(tasks, rng)
            for i, weight in zip(index, weights, strict=True):
                batch = tasks.losses[i].batch(self.D, rng)
                count.gradient(batch)
                norm += weight * np.linalg.norm(batch.gradient(w))
        return 1 / (divisor * smoothness_bound(tasks, getattr(method, "alpha", 0.0), norm))


def least_step_batches(tasks, alpha, sigma, sigma_tilde):
    r"""Sizes B' and D_beta that Lemma 4.9 asks of a `RandomStep` (Fallah et al., (18)).

    :math:`B' \ge \tfrac12(\rho\alpha\sigma/L)^2` and :math:`D_\beta \ge (2\rho\alpha\tilde\sigma/L)^2`. Then E of the step is at least
    0.8/(c L(w)), and that of its square at most 3.125/(c L(w))^2.

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
    sigma, sigma_tilde = (
        checks.number(n, v, at_least=0) for n, v in (("sigma", sigma), ("sigma_tilde", sigma_tilde))
    )
    ratio = tasks.hessian_lipschitz * alpha / tasks.smoothness
    return max(1, math.ceil((ratio * sigma) ** 2 / 2)), max(1, math.ceil((2 * ratio * sigma_tilde) ** 2))


def smoothness_bound(tasks, alpha, mean_norm):
    r"""L(w) = 4 L + 2 rho alpha E||grad f_i(w)|| (Fallah et al., Lemma 4.8), from the mean norm.

    Raises
    ------
    ValueError
        If L or rho does not exist for the tasks' losses, or alpha is not in [0, 1/L].
    """
    checks.instance("tasks", tasks, LossTasks)
    mean_norm = checks.number("mean_norm", mean_norm, at_least=0)
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
    alpha = checks.number("alpha", alpha)
    if not 0 <= alpha <= 1 / L * (1 + 1e-12):
        raise ValueError(f"alpha must be in [0, 1/L] = [0, {1 / L:.4g}] for Lemma 4.8, got {alpha:g}")
    return 4 * L + 2 * rho * alpha * mean_norm

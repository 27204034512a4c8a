r"""What Fallah et al. promise with drawn tasks and samples (Theorems 4.12, 4.15 and 4.17).

They print O(.) without constants, and the proofs are in an appendix that is not part of the text at hand. The
constants here are derived anew, from the descent lemma, Lemmas 4.8 and 4.9, and three inequalities that hold
at every point w. With :math:`a = \alpha L`, :math:`G = \|\nabla F(w)\|` and a task's update :math:`g_i`,
which takes the gradient :math:`v_i` at the adapted point,

.. math::

    (E\|v_i\|^2)^{1/2} \le V = (1+a)\frac{G+\sigma}{1-2a-a^2} + \frac{a\tilde\sigma}{\sqrt{D_{in}}}
    + \frac{\tilde\sigma}{\sqrt{D_o}},\qquad
    \|E g_i - \nabla F\| \le \frac{\kappa a\tilde\sigma}{\sqrt{D_{in}}} + \lambda V,\qquad
    E\|g_i\|^2 \le (\kappa^2+h^2) V^2,

where :math:`(\kappa,\lambda,h)` is :math:`(1+a, 0, \alpha\sigma_H/\sqrt{D_h})` for MAML, :math:`(1, a, 0)`
for FO-MAML and :math:`(1+a, \min(\tfrac1{12}, 2a), 6\rho\alpha^2\tilde\sigma/\sqrt{D_h})` for HF-MAML with
the printed delta, for its difference looks :math:`1/(6\rho\alpha)` to both sides and errs by up to
:math:`\|v_i\|/(12\alpha)` (:math:`\lambda = 0` where :math:`\rho = 0`). So :math:`h \le 1` takes :math:`D_h
\ge 36(\rho\alpha^2\tilde\sigma)^2`; Theorem 4.17 prints :math:`36(\rho\alpha\tilde\sigma)^2`, which is not a
pure number. Claims F-4.12, F-4.13, F-4.16 and F-4.17 of the ledger decide what the theorems say.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from numpy.polynomial import Polynomial

from landscape.adaptations import GradientSteps
from landscape.core import Domain, checks, nonnegative, real
from landscape.methods import FOMAML, HFMAML, MAML
from landscape.simulator.training import Batches, LossTasks, own_batches, smoothness_bound

Promised: TypeAlias = MAML | FOMAML | HFMAML
"""The methods that the theorems are about."""

THEOREMS: dict[type[Promised], tuple[str, int]] = {
    MAML: ("4.12", 6),
    FOMAML: ("4.15", 10),
    HFMAML: ("4.17", 6),
}
"""Each method's theorem, and k in its range alpha <= 1/(k L)."""


class Promise(NamedTuple):
    """What `promise` returns.

    Attributes
    ----------
    iterations : float
        Bound on the mean number of iterations until an iterate has a gradient norm of F of at most the level.
    floor : float
        The gradient norm below which nothing is promised, however long one trains.
    """

    iterations: float
    floor: float


@dataclass(frozen=True)
class Constants:
    """What the theorems assume of the losses: L, rho, and the spreads of assumptions 4.5 and 4.6."""

    L: float
    rho: float
    sigma: float
    sigma_tilde: float = 0.0
    sigma_H: float = 0.0


class Inequalities(NamedTuple):
    r"""The right-hand sides of this module's three inequalities.

    Attributes
    ----------
    V : Polynomial
        In G.
    inner, outer : float
        :math:`a\tilde\sigma/\sqrt{D_{in}}` and :math:`\tilde\sigma/\sqrt{D_o}`.
    kappa, lam, h : float
    """

    V: Polynomial
    inner: float
    outer: float
    kappa: float
    lam: float
    h: float

    @property
    def bias(self) -> Polynomial:
        """The bound on ||E g_i - grad F||, a polynomial in G."""
        return self.kappa * self.inner + self.lam * self.V

    def variance(self, B: float, drawn: bool) -> Polynomial | float:
        """Bound the variance of the mean update of B tasks; with all tasks the mean of the samples' part."""
        if not math.isinf(B):
            return (self.kappa**2 + self.h**2) * self.V**2 / B
        if not drawn:
            return 0.0
        return (
            self.kappa * math.hypot(self.inner, self.outer) + self.lam * self.V
        ) ** 2 + self.h**2 * self.V**2


def inequalities(method: Promised, batches: Batches, known: Constants) -> Inequalities:
    """Compute V, kappa, lambda and h for a method and its batches."""
    alpha, noise = _inner_rate(method), known.sigma_tilde
    a = alpha * known.L
    inner, outer = a * noise / math.sqrt(batches.D_in), noise / math.sqrt(batches.D_o)
    V = (1 + a) / (1 - 2 * a - a**2) * Polynomial([known.sigma, 1.0]) + (inner + outer)
    if isinstance(method, FOMAML):
        return Inequalities(V, inner, outer, 1.0, a, 0.0)
    if isinstance(method, MAML):
        return Inequalities(V, inner, outer, 1 + a, 0.0, alpha * known.sigma_H / math.sqrt(batches.D_h))
    lam = min(1 / 12, 2 * a) if known.rho > 0 else 0.0
    return Inequalities(
        V, inner, outer, 1 + a, lam, 6 * known.rho * alpha**2 * noise / math.sqrt(batches.D_h)
    )


def decrease(sides: Inequalities, c: float, B: float, drawn: bool) -> Polynomial:
    r"""Compute :math:`\Phi(G)`, what one step takes off F at least, times c L(w); see `promise`.

    Parameters
    ----------
    sides : Inequalities
    c : float
        The step size is 1/(c L(w)).
    B : float
        Tasks of a batch.
    drawn : bool
        Whether samples are drawn.
    """
    squares = (0.4 - 3.125 / c) * Polynomial([0.0, 1.0]) ** 2
    squares = squares - (math.sqrt(3.125) / 2 + 3.125 / c) * sides.bias**2
    return squares - 3.125 / (2 * c) * sides.variance(B, drawn)


def promise(
    tasks: LossTasks,
    method: Promised,
    start: Any,
    level: float,
    batches: Batches | None = None,
    *,
    sigma: float,
    sigma_tilde: float = 0.0,
    sigma_H: float = 0.0,
    least: float = 0.0,
) -> Promise:
    r"""Bound the mean number of iterations to :math:`\|\nabla F\| \le \varepsilon` (Theorems 4.12, 4.15, 4.17).

    For the step size of `RandomStep` with the theorems' divisor c and batches of at least
    `least_step_batches`.

    Parameters
    ----------
    tasks : LossTasks
        With L and rho. Linear tasks have no global sigma~ (it grows with ||w||): for them the promise holds
        as long as the run stays where the given constants do. Those of logistic losses exist everywhere.
    method : MAML, FOMAML or HFMAML
        With one gradient step inside; MAML with an independent Hessian where samples are drawn.
    start : float or array, shape (d,)
    level : float
        :math:`\varepsilon`.
    batches : Batches, optional
        All tasks and samples by default.
    sigma : float
        Bound on the spread of the tasks' gradients, assumption 4.5.
    sigma_tilde, sigma_H : float
        Bounds on the spread of one sample's gradient and Hessian, assumption 4.6.
    least : float
        A lower bound of F, assumption 4.2; the losses of data are >= 0.

    Returns
    -------
    Promise

    Raises
    ------
    ValueError
        If alpha is outside the theorem's range, a constant is missing, the batches are so small that nothing
        is promised, or the level is not above the floor.

    Notes
    -----
    One step gives :math:`E F(w_{k+1}) \le F(w_k) - \Phi(G)/(c L(w_k))` with

    .. math:: \Phi(G) = (0.4 - \tfrac{3.125}{c}) G^2 - (\tfrac{\sqrt{3.125}}{2} + \tfrac{3.125}{c}) \text{bias}^2
        - \tfrac{3.125}{2c} \text{variance},

    so :math:`c\,L\,\Delta/\Phi(\varepsilon)` bounds the mean of the first k with :math:`G \le \varepsilon`,
    L(w) taken where :math:`G = \varepsilon`. The floor is the root of :math:`\Phi`. The variance is
    :math:`E\|g_i\|^2/B`; with all tasks it is the mean of the samples' part. As batches grow the floor goes
    to 0 for MAML as (23) says, to O(alpha L sigma) for FO-MAML as (26) says, and for HF-MAML to O(sigma),
    which (28) does not say: see `train` on delta.

    Examples
    --------
    >>> import numpy as np
    >>> from landscape import FOMAML
    >>> from landscape.simulator.training import Batches, Logistic, LossTasks
    >>> X = np.random.default_rng(0).standard_normal((2, 40, 3))
    >>> tasks = LossTasks([Logistic(rows, np.sign(rows[:, 0]), ridge=0.1) for rows in X])
    >>> found = promise(tasks, FOMAML(0.1), 3.0, 0.5, Batches(B=100), sigma=0.5)
    >>> print(f"{found.iterations:.0f} iterations; nothing below {found.floor:.2f}")
    1293 iterations; nothing below 0.07
    """
    checks.instance("tasks", tasks, LossTasks)
    checks.instance("method", method, (MAML, FOMAML, HFMAML))
    alpha, batches = _inner_rate(method), own_batches(batches, method)
    drawn = not all(math.isinf(size) for size in (batches.D_in, batches.D_o, batches.D_h))
    if drawn and isinstance(method, MAML) and method.hessian == "shared":
        raise ValueError(
            'Theorem 4.12 takes the Hessian on a batch of its own: write MAML(..., hessian="independent")'
        )
    level = Domain(1e-40).check("level", level)
    smoothness_bound(tasks, 0.0, 0.0)  # L and rho must exist
    known = Constants(
        tasks.smoothness, tasks.hessian_lipschitz, nonnegative.check("sigma", sigma),
        nonnegative.check("sigma_tilde", sigma_tilde), nonnegative.check("sigma_H", sigma_H),
    )  # fmt: skip
    least, start = real.check("least", least), checks.start("start", start, tasks.d)
    _check_range(method, known.L)
    c = method.step_divisor
    Phi = decrease(inequalities(method, batches, known), c, batches.B, drawn)
    if Phi.coef[2] <= 0:
        raise ValueError(
            f"with B = {batches.B:g} tasks and D_h = {batches.D_h:g} nothing is promised: take larger batches, B >= 20"
        )
    floor = float(max(Phi.roots().real.max(), 0.0))
    if level <= floor:
        raise ValueError(
            f"level must be > {floor:.3g}, for nothing is promised below that with these batches and constants, got "
            f"{level:g}: take a larger level, larger batches, or tasks that are more alike"
        )
    height = tasks.adapted(start, alpha) - least
    if height < 0:
        raise ValueError(
            f"least must be a lower bound of F, which is {height + least:g} at the start, got {least:g}"
        )
    a = alpha * known.L
    L_w = smoothness_bound(tasks, alpha, (level + known.sigma) / (1 - 2 * a - a**2))
    return Promise(float(c * L_w * height / Phi(level)), floor)


def _inner_rate(method: Promised) -> float:
    """The alpha of the one gradient step that the theorems are about."""
    inner = method.adaptation
    if not isinstance(inner, GradientSteps) or inner.steps != 1:
        raise ValueError(f"the theorems are for one inner step, got {method!r}")
    return nonnegative.check("alpha", inner.alpha)


def _check_range(method: Promised, L: float) -> None:
    number, k = THEOREMS[type(method)]
    alpha = _inner_rate(method)
    if alpha * L * k > 1 + 1e-12:
        raise ValueError(
            f"alpha = {alpha:g} is outside the range of Theorem {number}: it needs alpha <= {1 / (k * L):.4g} (1/({k}L))"
        )

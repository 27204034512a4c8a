r"""What Fallah et al. promise of MAML, FO-MAML and HF-MAML with drawn tasks and samples (Theorems 4.12, 4.15 and 4.17).

They print O(.) without constants, and the proofs are in an appendix that is not part of the text at hand. The constants here are derived
anew, from the descent lemma, Lemmas 4.8 and 4.9, and three inequalities that hold at every point w. With :math:`a = \alpha L`,
:math:`G = \|\nabla F(w)\|` and a task's update :math:`g_i`, which takes the gradient :math:`v_i` at the adapted point,

.. math::

    (E\|v_i\|^2)^{1/2} \le V = (1+a)\frac{G+\sigma}{1-2a-a^2} + \frac{a\tilde\sigma}{\sqrt{D_{in}}} + \frac{\tilde\sigma}{\sqrt{D_o}},\qquad
    \|E g_i - \nabla F\| \le \frac{\kappa a\tilde\sigma}{\sqrt{D_{in}}} + \lambda V,\qquad
    E\|g_i\|^2 \le (\kappa^2+h^2) V^2,

where :math:`(\kappa,\lambda,h)` is :math:`(1+a, 0, \alpha\sigma_H/\sqrt{D_h})` for MAML, :math:`(1, a, 0)` for FO-MAML and
:math:`(1+a, \min(\tfrac1{12}, 2a), 6\rho\alpha^2\tilde\sigma/\sqrt{D_h})` for HF-MAML with the printed delta, for its difference looks
:math:`1/(6\rho\alpha)` to both sides and errs by up to :math:`\|v_i\|/(12\alpha)` (:math:`\lambda = 0` where :math:`\rho = 0`). So
:math:`h \le 1` takes :math:`D_h \ge 36(\rho\alpha^2\tilde\sigma)^2`; Theorem 4.17 prints :math:`36(\rho\alpha\tilde\sigma)^2`, which is not a pure number.
"""

import math
from typing import NamedTuple

import numpy as np

from landscape import checks
from landscape.algorithms.batches import smoothness_bound
from landscape.algorithms.train import own_batches
from landscape.losses import LossTasks
from landscape.methods import FOMAML, HFMAML, MAML
from landscape.methods.base import STEP_DIVISORS


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


def terms(method, batches, L, rho, sigma, sigma_tilde, sigma_H):
    r"""V as a polynomial in G, and the numbers kappa a sigma~/sqrt(D_in), lambda, kappa, h of the module's inequalities."""
    a = method.alpha * L
    inner, outer = a * sigma_tilde / math.sqrt(batches.D_in), sigma_tilde / math.sqrt(batches.D_o)
    V = (1 + a) / (1 - 2 * a - a**2) * np.polynomial.Polynomial([sigma, 1.0]) + (inner + outer)
    kappa, lam, h = {
        "MAML": (1 + a, 0.0, method.alpha * sigma_H / math.sqrt(batches.D_h)),
        "FO-MAML": (1.0, a, 0.0),
        "HF-MAML": (1 + a, min(1 / 12, 2 * a) if rho > 0 else 0.0, 6 * rho * method.alpha**2 * sigma_tilde / math.sqrt(batches.D_h)),
    }[method.label]  # fmt: skip
    return V, inner, outer, kappa, lam, h


def promise(tasks, method, start, level, batches=None, *, sigma, sigma_tilde=0.0, sigma_H=0.0, least=0.0):
    r"""Theorems 4.12 (MAML), 4.15 (FO-MAML) and 4.17 (HF-MAML): mean number of iterations to :math:`\|\nabla F\| \le \varepsilon`.

    For the step size of `RandomStep` with the theorems' divisor c and batches of at least `least_step_batches`.

    Parameters
    ----------
    tasks : LossTasks
        With L and rho. Linear tasks have no global sigma~ (it grows with ||w||): for them the promise holds as long as the run stays
        where the given constants do. Those of logistic losses exist everywhere.
    method : MAML, FOMAML or HFMAML
        With one inner step; MAML with an independent Hessian where samples are drawn.
    start : float or array (d,)
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
        If alpha is outside the theorem's range, a constant is missing, the batches are so small that nothing is promised, or the level is
        not above the floor.

    Notes
    -----
    One step gives :math:`E F(w_{k+1}) \le F(w_k) - \Phi(G)/(c L(w_k))` with

    .. math:: \Phi(G) = (0.4 - \tfrac{3.125}{c}) G^2 - (\tfrac{\sqrt{3.125}}{2} + \tfrac{3.125}{c}) \text{bias}^2 - \tfrac{3.125}{2c} \text{variance},

    so :math:`c\,L\,\Delta/\Phi(\varepsilon)` bounds the mean of the first k with :math:`G \le \varepsilon`, L(w) taken where
    :math:`G = \varepsilon`. The floor is the root of :math:`\Phi`. The variance is :math:`E\|g_i\|^2/B`; with all tasks it is the mean of the
    samples' part. As batches grow the floor goes to 0 for MAML as (23) says, to O(alpha L sigma) for FO-MAML as (26) says, and for HF-MAML
    to O(sigma), which (28) does not say: see `train` on delta.

    Examples
    --------
    >>> from landscape.losses import Logistic
    >>> X = np.random.default_rng(0).standard_normal((2, 40, 3))
    >>> tasks = LossTasks([Logistic(rows, np.sign(rows[:, 0]), ridge=0.1) for rows in X])
    >>> found = promise(tasks, FOMAML(0.1), 3.0, 0.5, Batches(B=100), sigma=0.5)
    >>> print(f"{found.iterations:.0f} iterations; nothing below {found.floor:.2f}")
    1293 iterations; nothing below 0.07
    """
    checks.instance("tasks", tasks, LossTasks)
    method = checks.instance("method", method, (MAML, FOMAML, HFMAML)).resolved
    batches = own_batches(batches, method)
    if getattr(method, "steps", 1) != 1:
        raise ValueError(f"the theorems are for one inner step, got {method!r}")
    drawn = not all(math.isinf(size) for size in (batches.D_in, batches.D_o, batches.D_h))
    if drawn and getattr(method, "hessian", "independent") == "shared":
        raise ValueError(
            'Theorem 4.12 takes the Hessian on a batch of its own: write MAML(..., hessian="independent")'
        )
    level = checks.number("level", level, at_least=1e-40)
    sigma, sigma_tilde, sigma_H = (
        checks.number(name, value, at_least=0)
        for name, value in (("sigma", sigma), ("sigma_tilde", sigma_tilde), ("sigma_H", sigma_H))
    )
    least = checks.number("least", least)
    start = checks.start("start", start, tasks.d)
    smoothness_bound(tasks, 0.0, 0.0)  # L and rho must exist
    L, rho, alpha = (
        tasks.smoothness,
        tasks.hessian_lipschitz,
        checks.number("alpha", method.alpha, at_least=0),
    )
    number, range_ = {"MAML": ("4.12", 6), "FO-MAML": ("4.15", 10), "HF-MAML": ("4.17", 6)}[method.label]
    if alpha * L * range_ > 1 + 1e-12:
        raise ValueError(
            f"alpha = {alpha:g} is outside the range of Theorem {number}: it needs alpha <= {1 / (range_ * L):.4g} (1/({range_}L))"
        )
    c = STEP_DIVISORS[method.label]
    V, inner, outer, kappa, lam, h = terms(method, batches, L, rho, sigma, sigma_tilde, sigma_H)
    bias = kappa * inner + lam * V
    if not math.isinf(batches.B):
        variance = (kappa**2 + h**2) * V**2 / batches.B
    else:
        variance = ((kappa * math.hypot(inner, outer) + lam * V) ** 2 + h**2 * V**2) if drawn else 0.0
    G = np.polynomial.Polynomial([0.0, 1.0])
    decrease = (
        (0.4 - 3.125 / c) * G**2 - (math.sqrt(3.125) / 2 + 3.125 / c) * bias**2 - 3.125 / (2 * c) * variance
    )
    if decrease.coef[2] <= 0:
        raise ValueError(
            f"with B = {batches.B:g} tasks and D_h = {batches.D_h:g} nothing is promised: take larger batches, B >= 20"
        )
    floor = float(max(decrease.roots().real.max(), 0.0))
    if level <= floor:
        raise ValueError(
            f"level must be > {floor:.3g}, for nothing is promised below that with these batches and constants, got {level:g}: "
            "take a larger level, larger batches, or tasks that are more alike"
        )
    height = tasks.adapted(start, alpha) - least
    if height < 0:
        raise ValueError(
            f"least must be a lower bound of F, which is {height + least:g} at the start, got {least:g}"
        )
    bound = smoothness_bound(tasks, alpha, (level + sigma) / (1 - 2 * alpha * L - (alpha * L) ** 2))
    return Promise(float(c * bound * height / decrease(level)), floor)

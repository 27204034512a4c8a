r"""Training on fewer samples than dimensions: the law of the solution of least norm, for isotropic inputs.

All tasks have inputs N(0, rho I) and optima N(mu, t^2 I). Their T blocks :math:`B_i = X_i P_i`, n outer samples after a step
:math:`P_i = I - \alpha S_i` on n2 inner ones (P = I for pooled training), have N = nT < d rows. Training from 0 finds

.. math:: \hat w = \Pi\mu + B^+ z, \qquad z_i = B_i(w_i - \mu) + \epsilon_i, \quad
    \epsilon_i \sim N\bigl(0, \sigma^2 (I + \tfrac{\alpha^2}{n_2} X_i S_i X_i^\top)\bigr),

Pi the projection onto the rows of B. Their law does not change when coordinates are turned, so Pi is uniform among projections of
rank N. For one block :math:`B_i = L_i U_i` with U_i of orthonormal rows, and the others leave a uniform projection M of rank
d - N + n: :math:`[(BB^\top)^{-1}]_{ii} = L_i^{-1} (U_i M U_i^\top)^{-1} L_i^{-1}`, where

.. math:: E[(U M U^\top)^{-1}] = \frac{d - n - 1}{d - N - 1} I.

So the step's law cancels in what the tasks' disagreement costs,

.. math:: E|\hat w - E\hat w|^2 = \tfrac Nd (1 - \tfrac Nd) |\mu|^2 + \frac{d - n - 1}{d - N - 1}
    \Bigl(t^2 N + \sigma^2 T\, E\,tr (B_1 B_1^\top)^{-1} (I + \tfrac{\alpha^2}{n_2} X_1 S_1 X_1^\top)\Bigr),

at any size. With X = L U again, and F and G the first n rows and columns of :math:`P^2` and of S, the last mean is
:math:`E\,tr F^{-1}/\rho(d-n-1) + \tfrac{\alpha^2}{n_2} E\,tr F^{-1} G`: exact for pooled training and n2 = inf, where F is a number. Else its limit of large
problems stands for it, with s of the law of Marchenko and Pastur, :math:`a = (1 - \alpha\rho s)^2` and
:math:`\sum a/(a + \kappa) = n`, over the d coordinates:

.. math:: \tfrac1n E\,tr F^{-1} \to \frac{d - n}{n\kappa}, \qquad \tfrac1n E\,tr F^{-1} G \to \frac1n \sum \frac{s}{a + \kappa}.

At d = 20 that is up to 3% too small, at d = 50 up to 1% (drawn). For n much less than d the second moment of the noise is
:math:`(1 + c\alpha^2)/((1-\alpha)^2 + c\alpha^2)` times that of pooled training, c = d/n2, rho = 1: least at
:math:`\alpha = -(1 + \sqrt{1 + 4c})/2c`, a step away from the task's own samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from landscape.adaptations import GradientSteps
from landscape.closed_form.finite_sample.basis import Basis
from landscape.closed_form.limits.spectrum import Spectrum
from landscape.core import Array
from landscape.linalg import Matrix, Operator
from landscape.linalg.moments.resolvent import acting_strength
from landscape.linalg.operators import is_isotropic
from landscape.methods import MAML, NAL, Method, Training
from landscape.tasks import Gaussian, Task

MISSED = 0.6
"""Over d: the share of a step's noise that its limit of many dimensions misses (drawn)."""


def is_known(method: Method, training: Training, tasks: Sequence[Task]) -> bool:
    """Say whether `law` serves: for NAL, and MAML of one step and episode, on isotropic families that differ in noise only."""
    if isinstance(method, MAML):
        inner = method.adaptation
        one_step = isinstance(inner, GradientSteps) and inner.steps == 1 and training.tau == 1
        if not one_step or method.hessian != "shared":
            return False
    elif not isinstance(method, NAL) or method.task_weights is not None:
        return False
    return is_isotropic_family(tasks)


def is_isotropic_family(tasks: Sequence[Task]) -> bool:
    """Say whether inputs and optima are normal, isotropic and alike in all tasks, but for the spread and the noise."""
    if not all(isinstance(task.inputs, Gaussian) for task in tasks):
        return False
    first = tasks[0]
    return one_number(first.inputs.Sigma) is not None and all(
        one_number(task.spread) is not None
        and one_number(task.inputs.Sigma) == one_number(first.inputs.Sigma)
        and np.array_equal(task.centre, first.centre)
        for task in tasks
    )


def law(
    basis: Basis, method: Method, training: Training, n: float, n2: float
) -> tuple[Array, Operator, Operator, float]:
    """Compute the mean of the solution, T times its covariance between and within tasks, and how far off that is, 0 if exact.

    Parameters
    ----------
    basis : Basis
        `is_known` for its tasks.
    method : Method
    training : Training
    n, n2 : float
        Samples of a task in the sample Hessian, of all T at most d - 2, and in the inner step.
    """
    d, T, N, mu, identity = basis.d, training.T, n * training.T, basis.tasks[0].centre, _identity(basis)
    rho, spread, noise = of_family(basis.tasks)
    step = _step(method) * rho
    inverse, along = _of_one_block(d, n, n2, step)
    crowded = (d - n - 1) / (d - N - 1)
    between = T * crowded * spread * N / d * identity
    own = crowded * noise / rho * N * (inverse / (d - n - 1) + step**2 / n2 * along) / d
    # E[Pi mu mu' Pi] of a uniform projection of rank N, see `one_covariance`, less the mean's square
    share, size = N / d, float(identity.quad(mu))
    same, other = N * (d * N + d - 2) / (d * (d - 1) * (d + 2)), N * (d - N) / (d * (d - 1) * (d + 2))
    seen = (same - share**2) * basis.outer(mu, mu) + other * size * identity
    return share * mu, between, T * (own * identity + seen), 0.0 if step == 0 or np.isinf(n2) else MISSED / d


def ridge_law(
    basis: Basis, method: Method, training: Training, n: float, n2: float
) -> tuple[Array, Operator, Operator, float]:
    r"""Compute the same with a ridge g, on any number of samples, in the limit of many dimensions and few samples a task.

    There rows have the variance :math:`a = \rho((1-\alpha\rho)^2 + \alpha^2\rho^2 (d+1)/n_2)` in each direction and label noise
    :math:`v = a d t^2 + \sigma^2 (1 + \alpha^2\rho^2 d/n_2)`, and all of them are as good as independent: with :math:`g =
    \kappa(1 - xd/N)`, :math:`x = a/(a + \kappa)`, the mean is x mu and the covariance :math:`\tfrac{c}{1-c} ((1-x)^2 |\mu|^2 +
    v/a)/d`, :math:`c = x^2 d/N` (`limits.ridge`). Without a ridge the covariance of pooled training has N - d - 1 where its limit has
    N - d = N (1 - c), so it is taken to be off by 1/N (1 - c).
    """
    d, T, N, mu, identity = basis.d, training.T, n * training.T, basis.tasks[0].centre, _identity(basis)
    rho, spread, noise = of_family(basis.tasks)
    step = _step(method) * rho
    a = rho * ((1 - step) ** 2 + step**2 * (d + 1) / n2)
    kappa = acting_strength(np.array([a]), np.array([d]), np.asarray(training.ridge), np.asarray(N))
    x = a / (a + float(kappa))
    c = x**2 * d / N
    scatter = T * c / (1 - c)
    away = (1 - x) ** 2 * float(identity.quad(mu)) / d
    own = noise * (1 + step**2 * d / n2) / (a * d)
    return x * mu, scatter * spread * identity, scatter * (away + own) * identity, 1 / (N * (1 - c))


def of_family(tasks: Sequence[Task]) -> tuple[float, float, float]:
    """Compute rho, the mean spread and the mean noise of an isotropic family."""
    rho = one_number(tasks[0].inputs.Sigma)
    assert rho is not None
    spread = sum(float(task.probability) * (one_number(task.spread) or 0.0) for task in tasks)
    return rho, spread, sum(float(task.probability * task.inputs.noise_variance) for task in tasks)


def _step(method: Method) -> float:
    """The inner step size; 0 of pooled training."""
    inner: Any = method.adaptation if isinstance(method, MAML) else GradientSteps(0.0)
    return float(inner.alpha)


def _identity(basis: Basis) -> Operator:
    return basis.tasks[0].inputs.Sigma.identity()


def _of_one_block(d: int, n: float, n2: float, step: float) -> tuple[float, float]:
    """E tr F^-1 and E tr F^-1 G, both over n: exact where F is a number, else their limits."""
    if step == 0 or np.isinf(n2):
        return 1 / (1 - step) ** 2, 1.0
    s = Spectrum.marchenko_pastur(d, n2)
    a = (1 - step * s.eigenvalues) ** 2
    kappa = float(acting_strength(a, s.counts, np.zeros(()), np.asarray(float(n))))
    return (d - n) / (n * kappa), float(s.counts @ (s.eigenvalues / (a + kappa))) / n


def one_number(A: Operator | None) -> float | None:
    """What A is a multiple of the identity by; None if it is not."""
    if A is None:
        return 0.0
    one = A.diagonal()[0]
    is_multiple = is_isotropic(A) or isinstance(A, Matrix) and np.array_equal(A.array, one * np.eye(A.d))
    return float(one) if is_multiple else None

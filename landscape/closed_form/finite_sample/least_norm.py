r"""Training on fewer samples than dimensions: the law of the solution of least norm, for isotropic inputs.

All tasks have inputs N(0, rho I) and optima N(mu, t^2 I). Their T blocks :math:`B_i = X_i P_i`, n outer samples after a step
:math:`P_i = I - \alpha S_i` on n2 inner ones (P = I for pooled training), have N = nT < d rows. Training from 0 finds

.. math:: \hat w = \Pi\mu + B^+ z, \qquad z_i = B_i(w_i - \mu) + \epsilon_i, \quad
    \epsilon_i \sim N\bigl(0, \sigma^2 (I + \tfrac{\alpha^2}{n_2} X_i S_i X_i^\top)\bigr),

Pi the projection onto the rows of B. Their law does not change when coordinates are turned, so Pi is uniform among projections of
rank N. For other inner adaptations (`one_spectrum`) P is r(S), and :math:`h(S)^2 S` stands for :math:`\alpha^2 S`. For one block :math:`B_i = L_i U_i` with U_i of orthonormal rows, and the others leave a uniform projection M of rank
d - N + n: :math:`[(BB^\top)^{-1}]_{ii} = L_i^{-1} (U_i M U_i^\top)^{-1} L_i^{-1}`, where

.. math:: E[(U M U^\top)^{-1}] = \frac{d - n - 1}{d - N - 1} I.

So the step's law cancels in what the tasks' disagreement costs,

.. math:: E|\hat w - E\hat w|^2 = \tfrac Nd (1 - \tfrac Nd) |\mu|^2 + \frac{d - n - 1}{d - N - 1}
    \Bigl(t^2 N + \sigma^2 T\, E\,tr (B_1 B_1^\top)^{-1} (I + \tfrac{\alpha^2}{n_2} X_1 S_1 X_1^\top)\Bigr),

at any size. With X = L U again, and F and G the first n rows and columns of :math:`P^2` and of S, the last mean is
:math:`E\,tr F^{-1}/\rho(d-n-1) + \tfrac{\alpha^2}{n_2} E\,tr F^{-1} G`: exact for pooled training and n2 = inf, where F is a number. Else its limit of large
problems stands for it, with s of the spectrum of S, :math:`a = (1 - \alpha\rho s)^2` and
:math:`\sum a/(a + \kappa) = n`, over the d coordinates:

.. math:: \tfrac1n E\,tr F^{-1} \to \frac{d - n}{n\kappa}, \qquad \tfrac1n E\,tr F^{-1} G \to \frac1n \sum \frac{s}{a + \kappa}.

Of `TrainTrain`, :math:`B_i^\top B_i = n_2 S_i r^2` and label noise :math:`\sigma^2 n_2 S_i r^4`, r cancels: it is the law of pooled
training. At d = 20 the limit is up to 3% too small, at d = 50 up to 1% (drawn). For n much less than d the second moment of the noise is
:math:`(1 + c\alpha^2)/((1-\alpha)^2 + c\alpha^2)` times that of pooled training, c = d/n2, rho = 1: least at
:math:`\alpha = -(1 + \sqrt{1 + 4c})/2c`, a step away from the task's own samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from landscape.closed_form.finite_sample import one_spectrum
from landscape.closed_form.finite_sample.basis import Basis, is_isotropic_family, of_family
from landscape.core import Array
from landscape.linalg import Operator
from landscape.linalg.moments.resolvent import acting_strength
from landscape.methods import NAL, Method, Training, TrainTrain
from landscape.tasks import Task

MISSED = 0.6
"""Over d: the share of the noise that the limit of many dimensions misses, a step (drawn)."""


def is_known(method: Method, training: Training, tasks: Sequence[Task]) -> bool:
    """Say whether `law` serves: on isotropic families that differ in noise only, for pooled training and one episode of one batch."""
    if isinstance(method, NAL):
        return is_isotropic_family(tasks) and method.task_weights is None
    return training.tau == 1 and one_spectrum.is_known(method, training, tasks)


def law(
    basis: Basis, method: Method, training: Training, n: float, n2: float
) -> tuple[Array, Operator, Operator, float, float]:
    """Compute the mean of the solution, T times its covariance between and within tasks, infinity, and how far off that is.

    Parameters
    ----------
    basis : Basis
        `is_known` for its tasks.
    method : Method
    training : Training
    n, n2 : float
        Samples of a task in the sample Hessian, of all T at most d - 2, and in the inner step.
    """
    d, T, N = basis.d, training.T, n * training.T
    identity = basis.tasks[0].inputs.Sigma.identity()
    mu, rho, spread, noise = of_family(basis.tasks)
    batch = one_spectrum.inner_batch(method, rho, d, n2)
    is_number = isinstance(method, TrainTrain) or bool(np.all(batch.r == batch.r[0]))
    if is_number:  # of train-train r cancels
        inverse, along = (1.0 if isinstance(method, TrainTrain) else 1 / batch.r[0] ** 2), 0.0
    else:
        a, own = batch.r**2, batch.h**2 * batch.s / n2
        kappa = float(acting_strength(a, batch.counts, np.zeros(()), np.asarray(float(n))))
        inverse, along = (d - n) / (n * kappa), float(batch.counts @ (own / (a + kappa))) / n
    crowded = (d - n - 1) / (d - N - 1)
    between = T * crowded * spread * N / d * identity
    label = crowded * noise * N * (inverse / (rho * (d - n - 1)) + along) / d
    # E[Pi mu mu' Pi] of a uniform projection of rank N, see `one_covariance`, less the mean's square
    share, size = N / d, float(identity.quad(mu))
    same, other = N * (d * N + d - 2) / (d * (d - 1) * (d + 2)), N * (d - N) / (d * (d - 1) * (d + 2))
    seen = (same - share**2) * basis.outer(mu, mu) + other * size * identity
    steps = getattr(getattr(method, "adaptation", None), "steps", 1)
    error = 0.0 if is_number else MISSED * steps / d
    return share * mu, between, T * (label * identity + seen), np.inf, error

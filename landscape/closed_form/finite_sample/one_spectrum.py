r"""The scatter of solutions where the inner adaptation leaves r(S) of a distance: ridge regression, and steps on one batch.

Tasks have inputs N(0, rho I) and optima N(mu, t^2 I). Ridge regression leaves :math:`r(s) = g/(s + g)` along an eigenvector of S, k
steps :math:`(1 - \alpha s)^k`; label noise e moves the adapted point by :math:`h(S) X^\top e/n`, h = (1 - r)/s. With the score
:math:`\psi = W(w - w_i) - b`:

============= ======================= ==============================================================================
method        W                       covariance of b, given the inputs
============= ======================= ==============================================================================
`TrainTrain`  S r^2                   sigma^2 S r^4/n: of (I - H)e, H the hat matrix, S (1 - h s)^2 r^2 = S r^4 is left
`MAML`        r S_o r                 sigma^2 (r S_o (h^2 S/n_2) S_o r + r S_o r/n_1), S_o of n_1 outer samples
============= ======================= ==============================================================================

and :math:`E[S_o A S_o] = \rho^2 ((1 + \tfrac1{n_1}) A + \tfrac1{n_1} tr(A) I)`, so all means are over the spectrum of one sample
covariance: exact moments for up to four steps, else that of Marchenko and Pastur, the limit of many dimensions. T times the covariance of the solution is
:math:`(t^2\,E\,tr W^2 + E\,tr\,Cov(b))/d` over :math:`(E\,tr W/d)^2`: train-train against train-validation (Bai et al., 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import Polynomial

from landscape.adaptations import GradientSteps, RidgeToStart
from landscape.closed_form.finite_sample.basis import Basis
from landscape.closed_form.finite_sample.least_norm import is_isotropic_family, of_family
from landscape.closed_form.limits.spectrum import Spectrum
from landscape.linalg import Operator
from landscape.linalg.moments.isotropic import mean_power
from landscape.linalg.moments.same_batch import ISOTROPIC_STEPS
from landscape.methods import MAML, Method, Training, TrainTrain
from landscape.tasks import Task


def is_known(method: Method, tasks: Sequence[Task]) -> bool:
    """Say whether `law` serves: for train-train, and for MAML where it is not exact, on isotropic families."""
    if not isinstance(method, (MAML, TrainTrain)) or not is_isotropic_family(tasks):
        return False
    inner: Any = method.adaptation
    if isinstance(method, MAML) and method.hessian != "shared":
        return False
    several = isinstance(inner, GradientSteps) and inner.steps > 1 and inner.batches == "same"
    one = isinstance(inner, GradientSteps) and inner.steps == 1 and isinstance(method, TrainTrain)
    return isinstance(inner, RidgeToStart) or several or one


def law(
    basis: Basis, method: Method, training: Training, n2: float
) -> tuple[Operator, Operator, float, bool]:
    """Compute T times the covariance between and within tasks, T times the Hessian's relative variance, and whether by a limit.

    Parameters
    ----------
    basis : Basis
        `is_known` for its tasks.
    method : MAML or TrainTrain
    training : Training
    n2 : float
        Samples of the inner batch.
    """
    tasks, d, n1 = basis.tasks, basis.d, training.n1
    rho, spread, noise = of_family(tasks)
    batch = _batch(method, rho, d, n2)
    size, x, r, own, mean = batch.size, batch.x, batch.r, batch.own, batch.mean
    if isinstance(method, TrainTrain):
        first, second, label = size * mean(x * r**2), size**2 * mean(x**2 * r**4), size * mean(x * r**4) / n2
    else:
        seen, first = mean(r**2), rho * mean(r**2)
        second = rho**2 * ((1 + 1 / n1) * mean(r**4) + d * seen**2 / n1)
        moved = (1 + 1 / n1) * mean(r**2 * own) + d * mean(own) * seen / n1
        label = rho**2 * moved / (size * n2) + first / n1
    identity = tasks[0].inputs.Sigma.identity()
    varies = second / first**2 - 1
    within = (spread * varies + noise * label / first**2) / training.tau
    return spread * identity, within * identity, float(d * varies / training.tau), batch.is_limit


class _Batch(NamedTuple):
    """The spectrum of a batch's covariance: x = s/size, r(s), own = (1 - r)^2/x, and the mean of what is made of them."""

    size: float
    x: Any
    r: Any
    own: Any
    mean: Callable[[Any], float]
    is_limit: bool


def _batch(method: Any, rho: float, d: int, n: float) -> _Batch:
    """The batch of an inner adaptation; of few steps, polynomials with whole coefficients, means are exact."""
    inner: Any = method.adaptation
    x: Any
    r: Any
    if isinstance(inner, GradientSteps) and 4 * inner.steps + 2 <= 2 * ISOTROPIC_STEPS:
        x, r = Polynomial([0, 1]), Polynomial([1, -1]) ** inner.steps
        step = Fraction(float(inner.alpha)) * Fraction(rho)
        m = n if np.isinf(n) else int(n)

        def exact(f: Polynomial) -> float:
            powers = (1 if np.isinf(m) else mean_power(j, m, d) for j in range(len(f.coef)))
            return float(
                sum(int(c) * step**j * p for j, (c, p) in enumerate(zip(f.coef, powers, strict=True)))
            )

        return _Batch(1 / float(inner.alpha), x, r, (1 - r) ** 2 // x, exact, False)
    spectrum = Spectrum.marchenko_pastur(d, n) if np.isfinite(n) else Spectrum(np.ones(1), np.full(1, d))
    s, share = rho * spectrum.eigenvalues, spectrum.counts / d
    if isinstance(inner, RidgeToStart):
        size = float(inner.strength)
        r = 1 / (1 + s / size)
        own = s / size * r**2
    else:
        size = 1 / float(inner.alpha)
        r = (1 - s / size) ** inner.steps
        own = np.divide((1 - r) ** 2, s / size, out=np.zeros(s.shape), where=s > 0)
    return _Batch(size, s / size, r, own, lambda f: float(share @ f), np.isfinite(n))

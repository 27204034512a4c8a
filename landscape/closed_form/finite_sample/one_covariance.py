r"""Pooled training where all tasks have one covariance of inputs: mean and covariance at any T, exactly.

The solution is :math:`\hat w = \sum_i G^{-1} G_i w_i + G^{-1}\sum_i X_i^\top z_i` with :math:`G_i = X_i^\top X_i` of n
rows, G their sum over T tasks, N = nT. The coefficients of the w_i sum to I, so its mean is that of the optima.

In whitened coordinates :math:`G_i = G^{1/2} U_i G^{1/2}`, and U_i does not depend on G: it is Q'Q for n rows of N
orthonormal ones that are uniformly distributed. Their fourth moments are those of entries of an orthogonal matrix,
:math:`E[q_{rj} q_{rk} q_{rl} q_{rm}] = (\delta_{jk}\delta_{lm} + \delta_{jl}\delta_{km} + \delta_{jm}\delta_{kl})
/(N(N+2))` within a row and :math:`((N+1)\delta_{jk}\delta_{lm} - \delta_{jl}\delta_{km} - \delta_{jm}\delta_{kl})
/((N-1)N(N+2))` for two rows (jk of one, lm of the other). Summed,

.. math::
    E[U_i A U_i] = a A + b\,\mathrm{tr}(A) I, \qquad
    a = \frac{n(nN + N - 2)}{N(N-1)(N+2)}, \quad b = \frac{n(N-n)}{N(N-1)(N+2)},

and with A = G^{1/2} C G^{1/2} and :math:`E[\mathrm{tr}(GC) G^{-1}] = (N\,\mathrm{tr}(C) I - 2C)/(N-d-1)` follows the
covariance.

MAML whose inner adaptation takes all samples leaves a distance the same P in all tasks, and finds P w like so: with
:math:`P\Sigma P` for Sigma the covariance is that above.
"""

from collections.abc import Sequence

import numpy as np

from landscape.closed_form.finite_sample.basis import Basis
from landscape.core import Array
from landscape.core.tolerances import SINGULAR
from landscape.linalg import Diagonal, Operator
from landscape.methods import MAML, NAL, Method
from landscape.tasks import Gaussian, Task


def is_exactly_known(method: Method, tasks: Sequence[Task], n2: float) -> bool:
    """Say whether `covariance` serves: for unweighted NAL, and MAML with n2 = inf, on Gaussian inputs of one covariance."""
    is_full = isinstance(method, MAML) and method.hessian == "shared" and np.isinf(n2)
    if not is_full and not (isinstance(method, NAL) and method.task_weights is None):
        return False
    first, *others = (task.inputs for task in tasks if np.any(task.probability))
    if not all(isinstance(inputs, Gaussian) for inputs in (first, *others)):
        return False
    return all(_equal(first.Sigma, inputs.Sigma) for inputs in others)


def _equal(A: Operator, B: Operator) -> bool:
    if isinstance(A, Diagonal) and isinstance(B, Diagonal) and len(A.multiplicity) == len(B.multiplicity):
        return bool(np.all(A.entries == B.entries))
    size = np.sqrt(A.diagonal())  # what rounding leaves of one matrix, turned twice, is equal in any units
    return bool(np.all(np.abs(A.matrix() - B.matrix()) <= SINGULAR * A.d * size[:, None] * size))


def covariance(
    basis: Basis, mean: Array, A: Operator, A_inverse: Operator, T: int, n: float
) -> tuple[Operator, Operator]:
    r"""Compute T times the covariance of the solution on T tasks of n samples: its parts between and within tasks.

    .. math::
        \mathrm{Cov} = T\Bigl\{\Bigl(a - \frac{2b}{N-d-1}\Bigr) C + \frac{bN\,\mathrm{tr}(\Sigma C)}{N-d-1}
        \Sigma^{-1}\Bigr\} + \frac{\sigma^2}{N-d-1} \Sigma^{-1},

    C the covariance of the optima over all families and sigma^2 the mean of their noises; C/T is the part between.

    Parameters
    ----------
    basis : Basis
        `is_exactly_known` for its tasks; T n exceeds d + 1.
    mean : array, shape (k,)
        Of the optima: the population optimum.
    A, A_inverse : Operator
        Sigma, or P Sigma P.
    T : int
    n : float
        Perhaps inf.
    """
    C, noise = 0 * A, 0.0
    for task in basis.tasks:
        away = task.centre - mean
        assert task.spread is not None
        C = C + task.probability * (task.spread + basis.outer(away, away))
        noise += float(task.probability * task.inputs.noise_variance)
    of_C, of_trace, of_noise = _weights(T, n, basis.d)
    whole = of_C * C + (of_trace * A.inner(C) + of_noise * noise) * A_inverse
    return C, T * whole - C


def _weights(T: int, n: float, d: int) -> tuple[float, float, float]:
    """What multiplies C, tr(Sigma C) Sigma^-1 and sigma^2 Sigma^-1."""
    N = n * T
    c, rest = (1 - 1 / N) * (1 + 2 / N), N - d - 1
    a, bN = (1 + (1 - 2 / N) / n) / (T * T * c), (1 - 1 / T) / (T * c)
    return T * (a - 2 * bN / N / rest), T * bN / rest, 1 / rest


def of_one_coordinate(T: int, n: float, d: int) -> Array:
    """Compute T times the variance of a coordinate, of optima and of noise of variance 1, where Sigma = I."""
    of_C, of_trace, of_noise = _weights(T, n, d)
    return T * np.array([of_C + d * of_trace, of_noise])

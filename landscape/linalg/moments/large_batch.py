r"""Several inner steps on one large batch: the limit of many coordinates and as many times the samples.

With R = I - alpha S, S = X'X/m, the powers of R are the coefficients of :math:`(I - yR)^{-1}`, a resolvent of S, whose
limit is known. Along an eigenvalue :math:`\lambda` of Sigma it is

.. math::
    r(y) = \frac{1}{1 - y(1 - \alpha u(y)\lambda)}, \quad
    \frac{1}{u(y)} = 1 + \frac{\alpha y}{m} \sum_j \lambda_j r_j(y),

and of two of them around Sigma

.. math::
    \sum_{i,j} y^i z^j E[R^i \Sigma R^j] \to \frac{\lambda\, r(y) r(z)}{1 - \gamma(y, z)}, \quad
    \gamma(y, z) = \frac{\alpha^2 y z\, u(y) u(z)}{m} \sum_j \lambda_j^2 r_j(y) r_j(z),

which at :math:`y = z`, far out, are kappa and :math:`c_2` of ridge regression (`landscape.linalg.moments.resolvent`). In
powers of R nothing alternates, and no digits are lost, however many steps.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from landscape.core import Array, Scalar
from landscape.linalg.operators import Operator


def large_batch_form(Sigma: Operator, alpha: Scalar, m: Scalar, k: int) -> tuple[Operator, Scalar]:
    r"""Compute the limits of E[R^k Sigma R^k], and of what unit label noise adds to twice the loss.

    The latter is :math:`\tfrac{\alpha}{m} E\,tr\,\Sigma (I - R^k)(I + R + ... + R^{k-1})`.

    Parameters
    ----------
    Sigma : Operator
    alpha, m : float or array, shape (*grid)
    k : int
        Steps.
    """
    lam, counts = Sigma.spectrum()
    r, u = _resolvent(lam, counts, alpha, m, 2 * k)
    noise = alpha / m * sum(_sum(counts, lam * (r[i] - r[i + k])) for i in range(k))
    both = [[_sum(counts, lam**2 * r[i] * r[j]) / m for j in range(k)] for i in range(k)]
    half = [[sum(u[a] * both[i - a][j] for a in range(i + 1)) for j in range(k)] for i in range(k)]
    gamma = [
        [alpha**2 * sum(u[b] * half[i][j - b] for b in range(j + 1)) for j in range(k)] for i in range(k)
    ]
    more = {(i, j): float(i == j == 0) for i in range(k + 1) for j in range(k + 1)}  # 1/(1 - gamma)
    for i, j in product(range(1, k + 1), repeat=2):
        more[i, j] = sum(gamma[a][b] * more[i - 1 - a, j - 1 - b] for a in range(i) for b in range(j))
    weight: Any = sum(np.asarray(factor)[..., None] * r[k - i] * r[k - j] for (i, j), factor in more.items())
    return Sigma.apply(lambda values: values * weight), noise


def large_batch_shrinkage(Sigma: Operator, alpha: Scalar, m: Scalar, k: int) -> Operator:
    """Compute the limit of E[R^k]."""
    r, _ = _resolvent(*Sigma.spectrum(), alpha, m, k)
    return Sigma.apply(lambda values: 0 * values + r[k])


def _resolvent(
    lam: Array, counts: Array, alpha: Scalar, m: Scalar, order: int
) -> tuple[list[Any], list[Any]]:
    """Coefficients of r(y), each (*grid, k), and of u(y), each (*grid), from the lowest on."""
    step = np.asarray(alpha)[..., None] * lam
    r, u, trace = [0 * step + 1], [1], [0]
    for n in range(order):
        r.append(r[n] - step * sum(np.asarray(u[i])[..., None] * r[n - i] for i in range(n + 1)))
        trace.append(alpha / m * _sum(counts, lam * r[n]))
        u.append(-sum(trace[i] * u[n + 1 - i] for i in range(1, n + 2)))
    return r, u


def _sum(counts: Array, values: Array) -> Any:
    return (counts * values).sum(axis=-1)

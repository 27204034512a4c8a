"""Scores of tasks given by data: exact moments over draws with replacement, no Gaussian assumption.

With the inner batch, P = I - alpha S and the distance u after the step are means over its draws; an outer
batch contributes its draws' own moments. Every row of the data takes its turn as the outer row.
"""

import copy

import numpy as np

from landscape.methods import FOMAML, MAML, NAL
from landscape.linalg.moments.batch_means import Mean, expected_product

MOST_ROWS = 3000  # every row is judged against every other: time grows with their square


def check_rows(inputs):
    """Raise where a data task is too large to sum over pairs of rows."""
    if len(inputs.X) > MOST_ROWS:
        raise ValueError(
            f"the scatter of MAML and FO-MAML on data tasks takes at most {MOST_ROWS:,} rows a task, got {len(inputs.X):,}: "
            "simulate instead, or take a sample of the rows"
        )


def _inner(inputs, alpha, away):
    """P as a mean of (N, d, d), u as a mean of (N, d, 1), and each row's residual at the point."""
    X, identity = inputs.X, np.eye(inputs.d)
    residual = X @ away - inputs.residual
    P = Mean(identity - alpha * X[:, :, None] * X[:, None, :])
    u = Mean((away - alpha * X * residual[:, None])[:, :, None])
    return P, u, residual


def _linear(mean, f):
    """The mean of f(row) for a linear f, applied to the centre and to what is centred."""
    out = copy.copy(mean)
    out.centre, out.away = f(mean.centre), f(mean.away)
    return out


def _from_left(x, mean):
    """x'M for a mean of matrices, as a mean of (N, 1, q)."""
    return _linear(mean, lambda M: x[None] @ M)


def _from_right(mean, x):
    """M x for a mean of matrices, as a mean of (N, p, 1)."""
    return _linear(mean, lambda M: M @ x[:, None])


def _transposed(mean):
    return _linear(mean, lambda M: M.swapaxes(-1, -2))


def _judged(u, x, e):
    """x'u - e of an outer row, as a mean of (N, 1, 1)."""
    out = _from_left(x, u)
    out.centre = out.centre - e
    return out


def maml_moment(inputs, alpha, away, n1, n2):
    """E[psi psi'] of MAML with a shared batch on one data task, at a point `away` from its optimum."""
    check_rows(inputs)
    Sigma = inputs.value
    P, u, _ = _inner(inputs, alpha, away)
    total = (1 - 1 / n1) * expected_product([P, Sigma, u, _transposed(u), Sigma, P], n2)
    for x, e in zip(inputs.X, inputs.residual, strict=True):
        r, Px = _judged(u, x, e), _from_right(P, x)
        total = total + expected_product([Px, r, r, _transposed(Px)], n2) / (n1 * len(inputs.X))
    return total


def data_bias(method, inputs, inverse, away, n1, n2):
    """E[W_hat H^-1 psi] of one episode on one data task."""
    Sigma, X = inputs.value, inputs.X
    if isinstance(method, NAL):
        S = Mean(X[:, :, None] * X[:, None, :])
        g = Mean((X * (X @ away - inputs.residual)[:, None])[:, :, None])
        return expected_product([S, inverse, g], n1 + n2)[:, 0]
    check_rows(inputs)
    P, u, _ = _inner(inputs, method.alpha, away)
    shared = isinstance(method, MAML)
    assert shared or isinstance(method, FOMAML)
    if shared:
        total = (1 - 1 / n1) * expected_product([P, Sigma, P, inverse, P, Sigma, u], n2)
    else:
        total = (1 - 1 / n1) * expected_product([Sigma, P, inverse, Sigma, u], n2)
    for x, e in zip(X, inputs.residual, strict=True):
        r, xP = _judged(u, x, e), _from_left(x, P)
        if shared:
            Px = _from_right(P, x)
            part = expected_product([Px, xP, inverse, Px, r], n2)
        else:
            part = expected_product([x[:, None], xP, inverse, x[:, None], r], n2)
        total = total + part / (n1 * len(X))
    return total[:, 0]

r"""Several inner steps on one batch: expected polynomials in the sample covariance S = X'X/m of Gaussian rows.

The steps share S and are dependent. With a step matrix A (alpha I, or a preconditioner), R = I - A S and U =
I + R +
... + R^(k-1), the distance after k steps is R^k d + U A s with s = X'e/m. Everything is a word in S and A of degree up
to 2k with one Sigma in the middle. Isotropic inputs with a number as step are polynomials in rational
numbers.
"""

from fractions import Fraction
from itertools import product
from math import comb
from typing import Any

import numpy as np

from landscape.core import Array, NoClosedForm, Scalar, is_symbolic
from landscape.core.errors import BY_DRAWING, OVERFLOW
from landscape.linalg.moments.isotropic import mean_power
from landscape.linalg.moments.large_batch import large_batch_form, large_batch_shrinkage
from landscape.linalg.moments.words import MAX_ORDER, expected_word
from landscape.linalg.operators import Diagonal, Matrix, Operator, is_isotropic

ISOTROPIC_STEPS = 10
"""Steps on isotropic inputs: moments of order 20; beyond it the recursion takes long."""


def same_batch_form(
    Sigma: Operator, step: Scalar | Operator, m: Scalar, k: int, copies: float = 1.0
) -> tuple[Operator, Scalar]:
    r"""Compute E[R'^k Sigma R^k] and what unit label noise adds to twice the loss.

    Parameters
    ----------
    Sigma : Operator
    step : float, array or Operator
        The step size, or the matrix in its place.
    m : float
        Samples of the batch.
    k : int
        Steps.
    copies : float
        How many times as large the problem is, in coordinates and in samples.

    Returns
    -------
    A : Operator
    noise : float or array
        :math:`\tfrac1m E\,tr(\Sigma\, U A S A' U')`.

    Raises
    ------
    NoClosedForm
        Beyond the moments that can be summed.
    """
    if copies == np.inf and not isinstance(step, Operator):
        return large_batch_form(Sigma, step, m, k)
    if is_isotropic(Sigma) and not isinstance(step, Operator):
        assert isinstance(Sigma, Diagonal)
        _check_steps(k)
        shrink, spread = _power(k), _sum_of_powers(k)
        A = Sigma @ _polynomial(Sigma, step, _product(shrink, shrink), m, int(copies))
        noise = _polynomial(Sigma, step, [0, *_product(spread, spread)], m, int(copies))  # alpha S U^2
        return A, step / m * Sigma.inner(noise)
    _check_order(2 * k)
    P, S = _matrix(step, Sigma.d), Sigma.matrix()
    form, noise_total = np.zeros_like(S), 0.0
    for i, j in product(range(k + 1), repeat=2):
        sign = comb(k, i) * comb(k, j) * (-1.0) ** (i + j)
        form = form + sign * _word(_links(i, j, P, S), S, m, copies)
    for i, j in product(range(k), repeat=2):  # U = sum_i (-1)^i C(k, i+1) (A S)^i
        sign = comb(k, i + 1) * comb(k, j + 1) * (-1.0) ** (i + j)
        links = [P] * (i + 1) + [P.swapaxes(-1, -2)] * (j + 1)  # A S ... A S A' ... S A', i + j + 1 factors S
        noise_total = noise_total + sign * np.trace(S @ _word(links, S, m, copies), axis1=-2, axis2=-1)
    return _like(Sigma, step, form), noise_total / m


def mean_shrinkage(
    Sigma: Operator, step: Scalar | Operator, m: Scalar, k: int, copies: float = 1.0
) -> Operator:
    """Compute E[R^k]: the mean share of the distance to the optimum that k steps on one batch leave."""
    if copies == np.inf and not isinstance(step, Operator):
        return large_batch_shrinkage(Sigma, step, m, k)
    if is_isotropic(Sigma) and not isinstance(step, Operator):
        assert isinstance(Sigma, Diagonal)
        _check_steps(k)
        return _polynomial(Sigma, step, _power(k), m, int(copies))
    _check_order(k)
    P, S = _matrix(step, Sigma.d), Sigma.matrix()
    identity = np.eye(Sigma.d)
    total = identity.copy()
    for i in range(1, k + 1):
        total = total + comb(k, i) * (-1.0) ** i * _word([P] * i + [identity], S, m, copies)
    return _like(Sigma, step, total)


def _links(i: int, j: int, P: Array, Sigma: Array) -> list[Array]:
    """The matrices between the S of (S A')^i Sigma (A S)^j."""
    identity, PT = np.eye(Sigma.shape[-1]), P.swapaxes(-1, -2)
    left, right = [identity] + [PT] * (i - 1) if i else [], [P] * (j - 1) + [identity] if j else []
    middle = Sigma
    middle = PT @ middle if i else middle
    middle = middle @ P if j else middle
    return [*left, middle, *right]


def _word(links: list[Array], Sigma: Array, m: Scalar, copies: float) -> Array:
    """E of a word on every point of a grid of batch sizes and step matrices."""
    stacked = max(np.ndim(m), *(link.ndim - 2 for link in (*links, Sigma)))
    if not stacked:
        return expected_word(links, Sigma, float(m), copies=copies)
    shape = np.broadcast_shapes(np.shape(m), *(link.shape[:-2] for link in (*links, Sigma)))
    d = Sigma.shape[-1]
    sizes = np.broadcast_to(m, shape)
    spread = [np.broadcast_to(link, (*shape, d, d)) for link in (*links, Sigma)]
    out = np.empty((*shape, d, d))
    for where in np.ndindex(*shape):
        *here, covariance = (link[where] for link in spread)
        out[where] = expected_word(here, covariance, float(sizes[where]), copies=copies)
    return out


def _check_steps(k: int) -> None:
    if k > ISOTROPIC_STEPS:
        raise NoClosedForm(
            f'batches="same" is exact for at most {ISOTROPIC_STEPS} steps, got {k}: '
            f"take fewer steps; {BY_DRAWING}"
        )


def _check_order(order: int) -> None:
    if order > MAX_ORDER:
        raise NoClosedForm(
            f'batches="same" needs moments of order {order} here, and {MAX_ORDER} is the limit for inputs that are '
            f"not isotropic: take fewer steps, or isotropic families; {BY_DRAWING}"
        )


def _matrix(step: Scalar | Operator, d: int) -> Array:
    if isinstance(step, Operator):
        return step.matrix()
    return np.asarray(step, dtype=float)[..., None, None] * np.eye(d)


def _like(Sigma: Operator, step: Scalar | Operator, array: Array) -> Operator:
    """The result in the form of Sigma and step: its diagonal where both are diagonal."""
    if isinstance(Sigma, Matrix) or isinstance(step, Matrix):
        return Matrix(array)
    wide = np.diagonal(array, axis1=-2, axis2=-1)
    if isinstance(step, Diagonal) and len(step.multiplicity) == wide.shape[-1]:
        return Diagonal(wide, np.ones(wide.shape[-1], dtype=int))
    assert isinstance(Sigma, Diagonal)
    first = np.concatenate([[0], np.cumsum(Sigma.multiplicity)[:-1]]).astype(int)
    return Diagonal(wide[..., first], Sigma.multiplicity)


def _power(k: int) -> list[int]:
    """Coefficients of (1 - x)^k."""
    return [comb(k, j) * (-1) ** j for j in range(k + 1)]


def _sum_of_powers(k: int) -> list[int]:
    """Coefficients of 1 + (1 - x) + ... + (1 - x)^(k-1)."""
    return [comb(k, j + 1) * (-1) ** j for j in range(k)]


def _product(p: list[int], q: list[int]) -> list[int]:
    out = [0] * (len(p) + len(q) - 1)
    for i, j in product(range(len(p)), range(len(q))):
        out[i + j] += p[i] * q[j]
    return out


def _polynomial(Sigma: Diagonal, alpha: Scalar, coefficients: list[int], m: Scalar, copies: int) -> Diagonal:
    """E[sum_j c_j (alpha S)^j]: the sum alternates, so it is done in rational numbers or in symbols."""
    d = Sigma.multiplicity.sum()
    x = np.asarray(alpha)[..., None] * Sigma.entries
    if x.dtype == object or is_symbolic(m) or is_symbolic(d):
        total: Any = sum(c * x**j * mean_power(j, m, d, copies) for j, c in enumerate(coefficients))
        return Diagonal(np.asarray(total + 0 * x), Sigma.multiplicity)

    def one(step: float, n: float) -> float:
        if np.isinf(n):
            return float(sum(c * Fraction(step) ** j for j, c in enumerate(coefficients)))
        y, size = Fraction(step), (int(n), int(d), copies)
        return float(sum(c * y**j * mean_power(j, *size) for j, c in enumerate(coefficients)))

    try:
        out: Array = np.vectorize(one, otypes=[float])(x, np.asarray(m)[..., None])
    except OverflowError:  # of a fraction; floating-point numbers become infinite instead
        raise ValueError(OVERFLOW) from None
    return Diagonal(out, Sigma.multiplicity)

r"""Several inner steps on one and the same batch, for Gaussian inputs.

The steps then share their sample covariance S and are dependent: with P = I - alpha S and U = I + P + ... +
P^(k-1), the point after k steps is d -> P^k d + alpha U s with s = X'e/m. So everything is a polynomial in S of
degree up to 2k, with a Sigma in the middle, and needs Wishart moments.
"""

from fractions import Fraction
from math import comb

import numpy as np

from landscape import checks
from landscape.algebra import Rows, Spectrum
from landscape.moments import MAX_ORDER, expected_word, power_moment
from landscape.quadratics import Quadratic, after_fresh, is_full

ISOTROPIC_STEPS = 10  # moments of order 20, exact; beyond it the recursion takes long


def after_same(inputs, alpha, m, steps):
    r"""The loss after `steps` inner steps on one batch of m samples.

    .. math:: A = E[P^k \Sigma P^k], \qquad c = \sigma^2 + \tfrac{\alpha^2 \sigma^2}{m} tr(\Sigma E[U S U])
    """
    if steps <= 1 or is_full(m):
        return after_fresh(inputs, alpha, m, steps)
    _check(inputs, steps, 2 * steps)
    shrink, spread = _power_of_P(steps), _sum_of_powers(steps)
    A = _sandwich(inputs, alpha, shrink, m)
    noise = _polynomial(inputs, alpha, [0, *_product(spread, spread)], m)  # alpha S U^2
    c = inputs.noise_variance * (1 + alpha / m * inputs.inner(inputs.value, noise))
    return Quadratic(A, None, c)


def expected_shrinkage(inputs, alpha, m, steps):
    """E[P^k]: how much of the distance to the optimum is left on average."""
    _check(inputs, steps, steps)
    return _polynomial(inputs, alpha, _power_of_P(steps), m)


def _check(inputs, steps, order):
    if isinstance(inputs, Rows):
        raise ValueError(
            'batches="same" with several steps needs Gaussian inputs: for data tasks use batches="fresh"'
        )
    if _isotropic(inputs):
        if steps > ISOTROPIC_STEPS:
            raise ValueError(f'batches="same" takes at most {ISOTROPIC_STEPS} steps, got {steps}')
    elif order > MAX_ORDER:
        raise ValueError(
            f'batches="same" with {steps} steps needs moments of order {order}; for inputs that are not isotropic '
            f"{MAX_ORDER} is the limit: take fewer steps, or isotropic families"
        )


def _isotropic(inputs):
    """Whether all coordinates are alike, however many entries they are kept as."""
    if not isinstance(inputs, Spectrum):
        return False
    return len(inputs.multiplicity) == 1 or bool(np.all(inputs.value == inputs.value[:1]))


def _power_of_P(k):
    """Coefficients of (1 - x)^k in powers of x = alpha S: whole numbers."""
    return [comb(k, j) * (-1) ** j for j in range(k + 1)]


def _sum_of_powers(k):
    """Coefficients of 1 + P + ... + P^(k-1)."""
    powers = [_power_of_P(i) for i in range(k)]
    return [sum(p[j] for p in powers if len(p) > j) for j in range(k)]


def _product(p, q):
    out = [0] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            out[i + j] = out[i + j] + a * b
    return out


def _exact_sum(coefficients, step, m, d):
    """sum_j c_j step^j E[G^j]/m^j: the sum alternates, so it is done in rational numbers."""
    if np.isinf(m):
        return float(sum(c * Fraction(step) ** j for j, c in enumerate(coefficients)))
    x = Fraction(step) / int(m)
    return float(sum(c * x**j * power_moment(j, int(m), int(d)) for j, c in enumerate(coefficients)))


def _polynomial(inputs, alpha, coefficients, m):
    """E[sum_j c_j (alpha S)^j] for whole c_j."""
    if _isotropic(inputs):
        d, step = sum(inputs.multiplicity), alpha * inputs.value
        if step.dtype == object or checks.is_symbolic(m) or checks.is_symbolic(d):
            return (
                sum(c * step**j * power_moment(j, m, d) / m**j for j, c in enumerate(coefficients)) + 0 * step
            )
        return np.vectorize(lambda s, n: _exact_sum(coefficients, float(s), float(n), d), otypes=[float])(
            step, m
        )
    Sigma, identity = inputs.matrix(), np.eye(inputs.d)
    words = (c * alpha**j * expected_word([identity] * (j + 1), Sigma, m) for j, c in enumerate(coefficients))
    return _as_kind(inputs, sum(words))


def _sandwich(inputs, alpha, p, m):
    """E[p(alpha S) Sigma p(alpha S)]."""
    if _isotropic(inputs):
        return inputs.value * _polynomial(inputs, alpha, _product(p, p), m)
    Sigma, identity = inputs.matrix(), np.eye(inputs.d)
    total = 0
    for i, a in enumerate(p):
        for j, b in enumerate(p):
            links = [identity] * (i + j + 1)
            links[i] = Sigma
            total = total + a * b * alpha ** (i + j) * expected_word(links, Sigma, m)
    return _as_kind(inputs, total)


def _as_kind(inputs, matrix):
    """A matrix in the form the inputs store: its diagonal, entry by entry, where they are diagonal."""
    if not isinstance(inputs, Spectrum):
        return matrix
    first = np.concatenate([[0], np.cumsum(inputs.multiplicity)[:-1]]).astype(int)
    return np.diagonal(matrix)[first].reshape(inputs.value.shape)

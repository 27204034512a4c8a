r"""Second moments of one task's meta-gradient (its *score*) at a point, from n1 outer and n2 inner samples.

With D the second moment of w - w_i over the family, E[S Y S] = Sigma Y Sigma + scatter(Y)/n ([L] Lemma 2)
gives pooled training and first-order methods; MAML with a shared batch is of order four in the inner
sample covariance and needs `landscape.linalg.moments`.
"""

from fractions import Fraction
from functools import singledispatch
from itertools import product

import numpy as np

from landscape.algebra import Rows
from landscape.finite.data_tasks import maml_moment
from landscape.finite.frame import is_turned, outer
from landscape.methods import FOMAML, HFMAML, MAML, NAL
from landscape.linalg.moments import expected_word, power_moment, quartic

LARGEST_D = 60  # of dense MAML: order-four words take d^3 each


@singledispatch
def score_moment(method, inputs, D, mean, n1, n2):
    """E[psi psi'] of one episode at a point, D the second moment and `mean` the mean of w - w_i.

    Parameters
    ----------
    method : Method
    inputs : Spectrum or Dense
        As made by `landscape.finite.frame.framed`.
    D : ndarray
        A matrix of the inputs' kind.
    mean : ndarray
        A vector of their kind; matters for data tasks only, which have third moments.
    n1, n2 : float

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        For methods whose moments are not known.
    """
    raise ValueError(
        f"the scatter of {type(method).__name__} is not known: it is for NAL, MAML, FO-MAML and HF-MAML"
    )


def _sampled(inputs, Y, n):
    """E[S Y S] for the mean S of n samples' xx'."""
    Sigma = inputs.value
    plain = inputs.apply(Sigma, inputs.apply(Sigma, Y).T)
    return plain if np.isinf(n) else plain + inputs.scatter(Y) / n


def _loss_gradient(inputs, D, mean, n):
    """E[g g'] for the gradient g = S d - s of the loss on n samples."""
    if np.isinf(n):
        return _sampled(inputs, D, n)
    return _sampled(inputs, D, n) + _residual(inputs, mean) / n


def _residual(inputs, mean):
    """What label noise adds to a single sample's gradient: E[e^2 xx'] - 2 E[e (x'd) xx']."""
    if not isinstance(inputs, Rows):
        return inputs.noise_variance * inputs.value
    e = inputs.residual
    return (inputs.X * (e**2 - 2 * e * (inputs.X @ mean))[:, None]).T @ inputs.X / len(inputs.X)


def _stepped(inputs, alpha, D, mean, n):
    """Second moment and mean of the distance after an inner step on n samples."""
    shrunk = inputs.contract(D, alpha)
    if not np.isinf(n):
        shrunk = shrunk + alpha**2 / n * (inputs.scatter(D) + _residual(inputs, mean))
    return shrunk, mean - alpha * inputs.apply(inputs.value, mean)


@score_moment.register
def _nal(method: NAL, inputs, D, mean, n1, n2):
    return _loss_gradient(inputs, D, mean, n1 + n2)


@score_moment.register
def _fomaml(method: FOMAML, inputs, D, mean, n1, n2):
    if method.batches == "same" and method.steps > 1:
        raise ValueError('the scatter of FO-MAML is known for batches="fresh" only')
    for _ in range(method.steps):
        D, mean = _stepped(inputs, method.alpha, D, mean, n2)
    return _loss_gradient(inputs, D, mean, n1)


def _independent(inputs, alpha, D, mean, n1, n2):
    """One step, the Hessian on a batch of its own."""
    D, mean = _stepped(inputs, alpha, D, mean, n2)
    Z = _loss_gradient(inputs, D, mean, n1)
    Z_back = inputs.contract(Z, alpha)
    return Z_back if np.isinf(n2) else Z_back + alpha**2 / n2 * inputs.scatter(Z)


@score_moment.register
def _hfmaml(method: HFMAML, inputs, D, mean, n1, n2):
    return _independent(inputs, method.alpha, D, mean, n1, n2)


@score_moment.register
def _maml(method: MAML, inputs, D, mean, n1, n2):
    if method.steps > 1:
        raise ValueError("the scatter of MAML is known for one inner step")
    if method.hessian == "independent" or np.isinf(n2):
        return _independent(inputs, method.alpha, D, mean, n1, n2)
    if isinstance(inputs, Rows):
        return maml_moment(inputs, method.alpha, mean, n1, n2)
    alpha, noise = method.alpha, inputs.noise_variance
    total = shared_batch_form(inputs, alpha, D, n1, n2)
    if noise:
        total = total + alpha**2 * noise / n2 * _noise_form(inputs, alpha, n1, n2)
        total = total + noise / n1 * _back_and_forth(inputs, alpha, n2)
    return total


def shared_batch_form(inputs, alpha, Y, n1, n2):
    """E[P S_out P Y P S_out P], P = I - alpha S_in: (1 + 1/n1) E[P Sigma P Y P Sigma P] + E[tr(Sigma P Y P) P Sigma P]/n1."""
    if is_turned(inputs):
        return _turned_form(inputs, alpha, Y, n1, n2)
    Sigma = inputs.value
    inner = _expected(["P", Sigma, "P", Y, "P", Sigma, "P"], alpha, Sigma, n2)
    traced = _expected(["P", Sigma, "P"], alpha, Sigma, n2, trace=[Sigma, "P", Y, "P"])
    return (1 + 1 / n1) * inner + traced / n1


def _expected(tokens, alpha, Sigma, n, trace=None):
    """E of a word in P = I - alpha S, S and fixed matrices, times the trace of another."""
    if len(Sigma) > LARGEST_D:
        raise ValueError(
            f"the scatter of MAML takes d <= {LARGEST_D} for dense covariances, got {len(Sigma)}"
        )
    total, identity = 0, np.eye(len(Sigma))
    trace = trace or []
    open_slots, slots = _slots(tokens), _slots(trace)
    for bits in product((0, 1), repeat=open_slots + slots):
        links = _links(tokens, bits[:open_slots], identity)
        factor = (-alpha) ** sum(bits)
        if not trace:
            total = total + factor * expected_word(links, Sigma, n)
            continue
        around = _links(trace, bits[open_slots:], identity)
        if len(around) == 1:
            total = total + factor * np.trace(around[0]) * expected_word(links, Sigma, n)
        else:
            loop = [around[-1] @ around[0], *around[1:-1]]
            total = total + factor * expected_word(links, Sigma, n, [loop])
    return total


def _slots(tokens):
    return sum(isinstance(token, str) and token == "P" for token in tokens)


def _links(tokens, bits, identity):
    """The matrices between the S of one term: each P is I (bit 0) or S (bit 1)."""
    links, bits = [identity], iter(bits)
    for token in tokens:
        if not isinstance(token, str):
            links[-1] = links[-1] @ token
        elif token == "S" or next(bits):
            links.append(identity)
    return links


def _back_and_forth(inputs, alpha, n2):
    """E[P Sigma P]."""
    return inputs.contract(inputs.value, alpha) + alpha**2 / n2 * inputs.scatter(inputs.value)


def _noise_form(inputs, alpha, n1, n2):
    """(1 + 1/n1) E[P Sigma S Sigma P] + E[tr(Sigma S) P Sigma P]/n1."""
    if is_turned(inputs):
        rho, n, d = inputs.value, Fraction(int(n2)), Fraction(inputs.d)
        p = _square(alpha * rho[0] / n2)
        first = sum(c * power_moment(a + 1, n, d) for a, c in enumerate(p)) / n2
        second = sum(c * power_moment(a, n, d, (1,)) for a, c in enumerate(p)) / n2
        return rho**3 * (first + (first + second) / n1)
    Sigma = inputs.value
    inner = _expected(["P", Sigma, "S", Sigma, "P"], alpha, Sigma, n2)
    traced = _expected(["P", Sigma, "P"], alpha, Sigma, n2, trace=[Sigma, "S"])
    return (1 + 1 / n1) * inner + traced / n1


def _square(x):
    """Coefficients of (1 - x g)^2 in powers of g."""
    return [1, -2 * x, x**2]


def _turned_form(inputs, alpha, Y, n1, n2):
    rho, n, d = inputs.value[0], Fraction(int(n2)), Fraction(inputs.d)  # exact where alpha and rho are
    p = _square(alpha * rho / n2)
    x = y = 0
    for (a, ca), (b, cb) in product(enumerate(p), repeat=2):
        for outside, weight in ((False, lambda v: v + v / n1), (True, lambda v: v / n1)):
            of_Y, of_identity = quartic(a, b, n, d, outside)
            x, y = x + ca * cb * weight(of_Y), y + ca * cb * weight(of_identity)
    return rho**2 * (x * Y + y * inputs.trace(Y))


def mean_score_moment(method, inputs, D, mean):
    """E[m m'] over the tasks of a family, m the mean score of each."""
    quadratic = method.quadratic(inputs)
    A = quadratic.A
    spread = inputs.apply(inputs.apply(A, D), A)
    if quadratic.b is None:
        return spread
    pull = inputs.apply(A, mean)
    return spread - 2 * outer(inputs, pull, quadratic.b) + outer(inputs, quadratic.b, quadratic.b)

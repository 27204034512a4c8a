r"""E[W_hat H^-1 psi] of a task: what makes a solution trained on few tasks biased, to order 1/T."""

from functools import reduce

import numpy as np

from landscape.algebra import Rows
from landscape.finite.data_tasks import data_bias
from landscape.finite.scores import shared_batch_form
from landscape.methods import FOMAML, MAML, NAL


def task_bias(method, inputs, inverse, away, training, n2):
    """E[W_hat H^-1 psi] of a task over its episodes.

    Parameters
    ----------
    method : Method
    inputs : Spectrum, Dense or Rows
    inverse : ndarray
        H^-1.
    away : ndarray
        Mean of w* - w_i.
    training : Training
    n2 : float

    Returns
    -------
    ndarray
        A vector of the inputs' kind.
    """
    tau, n1 = training.tau, training.n1
    if isinstance(method, NAL):  # all samples of a task are one batch
        return _episode(method, inputs, inverse, away, tau * n1, tau * n2)
    quadratic = method.quadratic(inputs)
    mean = inputs.apply(quadratic.A, away)
    if quadratic.b is not None:
        mean = mean - quadratic.b
    apart = inputs.apply(quadratic.A, inputs.apply(inverse, mean))  # different episodes are independent
    return (1 - 1 / tau) * apart + _episode(method, inputs, inverse, away, n1, n2, apart) / tau


def _episode(method, inputs, inverse, away, n1, n2, apart=None):
    one_step = isinstance(method, FOMAML) and method.steps == 1
    shared = isinstance(method, MAML) and method.hessian == "shared" and not np.isinf(n2)
    finite = not np.isinf(n2)
    if isinstance(inputs, Rows) and finite and (isinstance(method, NAL) or one_step or shared):
        return data_bias(method, inputs, inverse, away, n1, n2)
    if isinstance(method, NAL):
        plain = inputs.apply(inputs.value, inputs.apply(inverse, inputs.apply(inputs.value, away)))
        return plain + inputs.apply(inputs.scatter(inverse), away) / (n1 + n2)
    if shared:
        return inputs.apply(shared_batch_form(inputs, method.alpha, inverse, n1, n2), away)
    if one_step and finite:
        return _first_order(inputs, method.alpha, inverse, away, n1, n2)
    return apart  # for the others the two are taken as independent, which holds as n1 and n2 grow


def _first_order(inputs, alpha, K, away, n1, n2):
    """E[S_out P K (S_out u)] with u = P d: E[S K S] = Sigma K Sigma + (Sigma K' Sigma + tr(Sigma K) Sigma)/n for any K."""
    Sigma, trace = inputs.value, inputs.trace

    def mul(*factors):
        return reduce(inputs.apply, factors)

    def both_sides(Y):
        """E[P Y P]."""
        spread = mul(Sigma, Y, Sigma) + (mul(Sigma, Y.T, Sigma) + trace(mul(Sigma, Y)) * Sigma) / n2
        return Y - alpha * (mul(Sigma, Y) + mul(Y, Sigma)) + alpha**2 * spread

    KS = mul(K, Sigma)
    identity = inputs.function(np.ones_like)
    together = trace(mul(KS, Sigma)) * Sigma + (mul(Sigma, KS, Sigma) + mul(Sigma, KS.T, Sigma)) / n2
    traced = (
        trace(KS) * (identity - alpha * Sigma)
        - alpha * trace(mul(KS, Sigma)) * identity
        + alpha**2 * together
    )
    total = mul(Sigma, both_sides(KS)) + (mul(Sigma, K, both_sides(Sigma)) + mul(Sigma, traced)) / n1
    return inputs.apply(total, away)

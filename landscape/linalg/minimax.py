r"""The point whose largest of several quadratic forms is least, by the weights that make it a minimum of their mean.

:math:`\min_w \max_i F_i(w) = \max_p \min_w \sum_i p_i F_i(w)` over weights p >= 0 that sum to 1, for the F_i are
convex. The weights are found with the point, by a primal-dual interior-point method: Newton's steps on

.. math:: \sum_i p_i \nabla F_i = 0, \qquad \sum_i p_i = 1, \qquad p_i (t - F_i) = \mu,

with mu going to 0 and t above all F_i throughout. For two isotropic forms they have a closed form.
"""

from collections.abc import Sequence

import numpy as np

from landscape.core import Array
from landscape.linalg.operators import Diagonal
from landscape.linalg.quadratic import QuadraticForm, difference, mean_form

STEPS = 100
"""Newton's steps; some twenty are taken."""

GAP = 1e-15
"""Largest p_i (t - F_i), as a share of how far the forms rise, at which the weights are found."""


def minimax_weights(forms: Sequence[QuadraticForm]) -> list[Array]:
    """Compute the weights p of convex forms whose weighted mean is least where the largest of them is least.

    Parameters
    ----------
    forms : sequence of QuadraticForm
        On one grid, or without.

    Returns
    -------
    list of array, shape (*grid)
        They sum to 1; exactly 0 for a form that is not the largest there. Free of the units of coordinates and
        of the forms.

    Raises
    ------
    ValueError
        If a form has symbols, or its least value is infinite.
    """
    numbers = [np.asarray(part) for form in forms for part in (form.A.diagonal(), form.c)]
    if any(part.dtype == object or not np.isfinite(part).all() for part in numbers):
        raise ValueError(
            "weights of the worst case need finite numbers: replace symbols, and leave out what loses infinitely much"
        )
    if len(forms) == 1:
        return [np.ones(())]
    if len(forms) == 2 and all(map(_is_isotropic, forms)):
        return _isotropic_pair(*forms)
    A, b, c = _coefficients(forms)
    count, d = A.shape[-3], A.shape[-1]
    p, e = np.full(c.shape, 1 / count), np.zeros((*c.shape[:-1], d))
    t, identity = c.max(axis=-1) / 2 + 1, np.eye(d)
    for _ in range(STEPS):
        g, slack = _gradients(A, b, e), t[..., None] - _values(A, b, c, e)
        mu = np.mean(p * slack, axis=-1)
        if np.max(mu) <= GAP:
            break
        ratio, goal = p / slack, 0.1 * mu[..., None] / slack
        H = np.einsum("...k,...kij->...ij", p, A) + np.einsum("...k,...ki,...kj->...ij", ratio, g, g)
        trace = np.einsum("...ii->...", H)
        H = H + 1e-14 * np.where(trace > 0, trace, 1.0)[..., None, None] * identity  # 0: no form has a slope
        side = np.einsum("...k,...ki->...i", ratio, g)
        N = np.block([[H, -side[..., None]], [-side[..., None, :], ratio.sum(axis=-1)[..., None, None]]])
        right = np.concatenate(
            [-np.einsum("...k,...ki->...i", goal, g), (goal.sum(axis=-1) - 1)[..., None]], axis=-1
        )
        move = np.linalg.solve(N, right[..., None])[..., 0]
        de, dt = move[..., :-1], move[..., -1]
        dp = goal - p - ratio * (dt[..., None] - np.einsum("...ki,...i->...k", g, de))
        step = np.minimum(
            1.0, 0.99 * np.min(np.where(dp < 0, -p / np.where(dp < 0, dp, -1.0), np.inf), axis=-1)
        )
        for _ in range(60):  # until t stays above all forms
            left = (t + step * dt)[..., None] - _values(A, b, c, e + step[..., None] * de)
            outside = np.any(left <= 0.01 * slack, axis=-1)
            if not outside.any():
                break
            step = np.where(outside, step / 2, step)
        e, t, p = e + step[..., None] * de, t + step * dt, p + step[..., None] * dp
    slack = t[..., None] - _values(A, b, c, e)
    p = np.where(p < slack, 0.0, p)
    p = p / p.sum(axis=-1, keepdims=True)
    return [p[..., i] for i in range(count)]


def _is_isotropic(form: QuadraticForm) -> bool:
    entries = form.A.diagonal() if isinstance(form.A, Diagonal) else np.zeros(0)
    return entries.shape[-1] == 1 and bool((entries > 0).all())


def _isotropic_pair(first: QuadraticForm, second: QuadraticForm) -> list[Array]:
    r"""The weights of :math:`F_i = \tfrac12(A_i \|w - w_i\|^2 + c_i)`, with :math:`a_i = A_i \|w_1 - w_2\|^2`.

    A share s of the way from w_1 to w_2 they are equal: :math:`a_1 s^2 + k = a_2 (1 - s)^2` with k = c_1 - c_2,
    between -a_1 and a_2: beyond, one form is the larger one even where it is least. Their mean is least there for

    .. math:: p_1 = \frac{a_2 (t + k)}{t (t + a_2)}, \qquad t^2 = (a_1 + k)(a_2 - k) + k^2,

    which for k = 0 is :math:`p_i \propto 1/\sqrt{a_i}`. At one point, w_1 = w_2, the larger form has all the weight.
    """
    one, two = first.completed(), second.completed()
    distance = np.asarray(one.A.identity().quad(difference(np.asarray(one.origin), two.origin)))
    a1, a2, gap = distance * one.A.diagonal()[..., 0], distance * two.A.diagonal()[..., 0], one.c - two.c
    k = np.clip(gap, -a1, a2)
    u = (a1 + k) * (a2 - k)
    t = np.sqrt(u + k**2)
    same = t == 0
    larger = t + np.abs(k) + same  # and u/larger is t - |k|, without subtracting one from the other
    p = a2 * np.where(k > 0, larger, u / larger) / ((t + same) * (t + a2 + same))
    p = np.where(same, (1 + np.sign(gap)) / 2, p)
    return [p, 1 - p]


def _coefficients(forms: Sequence[QuadraticForm]) -> tuple[Array, Array, Array]:
    """A (*grid, forms, k, k), b (*grid, forms, k), c (*grid, forms) around the equal mean's minimiser, free of units."""
    best = mean_form([1 / len(forms)] * len(forms), forms).completed().origin
    rows = [_row(form.at(best)) for form in forms]
    A, b, c = (
        np.stack(np.broadcast_arrays(*part), axis=-1 - own)
        for part, own in zip(zip(*rows, strict=True), (2, 1, 0), strict=True)
    )
    size = np.sqrt(np.einsum("...kii->...i", A))
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
    A, b = scale[..., None, :, None] * A * scale[..., None, None, :], scale[..., None, :] * b
    c = c - c.max(axis=-1, keepdims=True)
    rise = np.maximum(np.abs(c).max(axis=-1), np.abs(b).max(axis=(-1, -2)) ** 2)
    rise = np.where(rise > 0, rise, 1.0)
    root = np.sqrt(rise)
    return A, b / root[..., None, None], c / rise[..., None]


def _row(form: QuadraticForm) -> tuple[Array, Array, Array]:
    """The form's own arrays; equal coordinates as one of their common length."""
    assert form.b is not None
    if isinstance(form.A, Diagonal):
        root = np.sqrt(form.A.multiplicity)
        entries = form.A.entries
        return entries[..., None] * np.eye(entries.shape[-1]), form.b * root, np.asarray(form.c)
    return form.A.matrix(), form.b, np.asarray(form.c)


def _values(A: Array, b: Array, c: Array, e: Array) -> Array:
    """The forms (e'Ae - 2b'e + c)/2, shape (*grid, forms)."""
    return (np.einsum("...i,...kij,...j->...k", e, A, e) - 2 * np.einsum("...ki,...i->...k", b, e) + c) / 2


def _gradients(A: Array, b: Array, e: Array) -> Array:
    """Their gradients A e - b, shape (*grid, forms, k)."""
    return np.einsum("...kij,...j->...ki", A, e) - b

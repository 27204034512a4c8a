r"""When MAML sits nearer the hard task: the sharp form of "x(1-x)^2 >> d/m"."""

import math

import numpy as np

from landscape.core import Domain, Scalar, batch_size, count, is_symbolic


def hardness_window(d: int, m: float) -> tuple[float, float] | None:
    r"""Compute the range of :math:`x = \rho_H/\rho_E` in which MAML gives the hard task more say than the easy one.

    For two isotropic families, equally likely, and alpha = 1/rho_E, the weights satisfy a_H > a_E
    exactly where :math:`(1+c)x^2 - (1-c)x + c < 0` with c = (d + 1)/m. There is such an x only if
    :math:`c < 2/\sqrt3 - 1`, that is :math:`m > (3 + 2\sqrt3)(d + 1)`. This replaces the condition
    "x(1-x)^2 >> d/m" of Collins et al., section 3.1.

    Parameters
    ----------
    d : int
        Dimension.
    m : float
        Samples for adaptation; ``inf`` gives (0, 1).

    Returns
    -------
    (float, float) or None
        The ends of the window; None where there is none.

    Raises
    ------
    ValueError
        If d is no dimension, or m < 1.

    Examples
    --------
    >>> low, high = hardness_window(10, 500)
    >>> f"{low:.4f} {high:.4f}"
    '0.0231 0.9339'
    >>> hardness_window(10, 71) is None
    True
    """
    d = count.check("d", d)
    m = batch_size.check("m", m)
    c = (d + 1) / m
    discriminant = (1 - c) ** 2 - 4 * c * (1 + c)
    if discriminant <= 0 or c >= 1:
        return None
    root = math.sqrt(discriminant)
    return 2 * c / (1 - c + root), (1 - c + root) / (2 * (1 + c))


def window_boundary(x: Scalar, d: int) -> Scalar:
    r"""The number of samples above which the hardness ratio x lies in the `hardness_window`.

    .. math:: m(x) = (d + 1) \frac{1 + x + x^2}{x (1 - x)}

    Parameters
    ----------
    x : float, array or SymPy expression
        :math:`\rho_H/\rho_E`, between 0 and 1.
    d : int

    Returns
    -------
    float, ndarray or SymPy expression
        Not rounded; ``inf`` at the ends.

    Examples
    --------
    >>> window_boundary(0.5, d=10)
    77.0
    """
    x = np.asarray(x if is_symbolic(x) else Domain(0.0, 1.0).check_many("x", x))
    d = count.check("d", d)
    with np.errstate(divide="ignore"):
        out = (d + 1) * (1 + x + x**2) / (x * (1 - x))
    return out.item() if getattr(out, "ndim", 1) == 0 else out


def least_samples(d: int) -> int:
    r"""Compute the smallest m for which `hardness_window` is not empty: just above (3 + 2 sqrt 3)(d + 1).

    Parameters
    ----------
    d : int

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If d is no dimension.

    Examples
    --------
    >>> least_samples(10)
    72
    """
    d = count.check("d", d)
    # m/(d + 1) > 3 + 2 sqrt 3 is m - 3 (d + 1) > sqrt(12) (d + 1), decided in whole numbers
    return 3 * (d + 1) + math.isqrt(12 * (d + 1) ** 2) + 1

"""Step sizes for which the theorems of Xu et al. hold, from the constants of any losses."""

import math

from landscape.core import Domain, checks, nonnegative, real

THEOREMS = ("3.6", "3.8", "3.9", "4.1")


def gradient_level(theorem: str, L: float, mu: float, sigma: float, threshold: float = 0.0) -> float:
    """Compute K, the gradient norm of F from which a theorem's second phase starts."""
    return {
        "3.6": (9 / math.sqrt(mu) + 5) * sigma / 4,
        "3.9": (9 / 7 * math.sqrt(L / mu) + 1) * sigma,
        "4.1": (9 * threshold + 5 * sigma) / 4,
    }[theorem]


def largest_alpha(
    theorem: str,
    L: float,
    mu: float,
    kappa: float = 0.0,
    sigma: float = 0.0,
    *,
    K: float = 0.0,
    threshold: float = 0.0,
) -> tuple[float, str]:
    r"""Compute the bound on alpha in a theorem of Xu et al., and name the condition that gives it.

    Parameters
    ----------
    theorem : {"3.6", "3.8", "3.9", "4.1"}
    L, mu, kappa, sigma : float
        Smoothness, strong convexity, Lipschitz constant of the Hessian, bound on the spread of gradients.
    K : float
        Theorem 3.8: the gradient norm up to which it describes F.
    threshold : float
        Theorem 4.1: :math:`\varepsilon_0`.

    Returns
    -------
    alpha : float
        The theorems 3.8 and 3.9 include it, 3.6 and 4.1 do not.
    condition : str

    Raises
    ------
    ValueError
        If a constant is out of range, or does not exist (infinite, or mu = 0) for the losses that it was
        taken from.

    Notes
    -----
    All have :math:`7\mu/(8\kappa(16K+9\sigma))` in common, with K as in Theorem 3.8,
    :math:`(9/\sqrt\mu+5)\sigma/4` in 3.6, :math:`(\tfrac97\sqrt{L/\mu}+1)\sigma` in 3.9 and
    :math:`(9\varepsilon_0+5\sigma)/4` in 4.1.

    Three conditions of Theorem 3.6 are not the printed ones, which read
    :math:`\sqrt[3]{\tfrac2{15}\mu^{1/3}L^{-5/3}}`, :math:`\sqrt{\tfrac1{15}\mu^{1/2}L^{-2}}` and
    :math:`\sqrt{\tfrac1{15}\mu L^{-2}}`. The proof needs :math:`\zeta = \mu - \tfrac54L^2\alpha(L^3\alpha^2 +
    2L^2\alpha + 2) > \mu/2`, for which it is enough that each of :math:`L^5\alpha^3`, :math:`2L^4\alpha^2`
    and :math:`2L^2\alpha` is less than :math:`\tfrac2{15}\mu`: that is :math:`\alpha <
    (\tfrac2{15}\mu)^{1/3}L^{-5/3}`, :math:`(\mu/15)^{1/2}L^{-2}` and :math:`\mu/(15L^2)`, which stand here.
    The printed ones do not ensure it: claim C-3.6 of the ledger.

    Examples
    --------
    >>> alpha, condition = largest_alpha("3.9", L=2.01, mu=0.01, kappa=100.0, sigma=0.505)
    >>> print(f"{alpha:.3g} {condition}")
    5.47e-07 7 mu/(8 kappa (16 K + 9 sigma))
    """
    checks.known("theorem", theorem, THEOREMS)
    L = Domain(0.0, open_low=True, infinite=True).check("L", L)
    mu = real.check("mu", mu)
    kappa, sigma = (Domain(0.0, infinite=True).check(n, v) for n, v in (("kappa", kappa), ("sigma", sigma)))
    K, threshold = nonnegative.check("K", K), nonnegative.check("threshold", threshold)
    _check_constants(theorem, L, mu, kappa, sigma)
    K = K if theorem == "3.8" else gradient_level(theorem, L, mu, sigma, threshold)
    curvature_change = 8 * kappa * (16 * K + 9 * sigma)
    limits = {"1/(4L)": 1 / (4 * L)} if theorem == "3.9" else {"1/(2L)": 1 / (2 * L)}
    limits["7 mu/(8 kappa (16 K + 9 sigma))"] = (
        7 * mu / curvature_change if curvature_change > 0 else math.inf
    )
    if theorem == "3.6":
        limits["(2 mu/15)^(1/3) L^(-5/3)"] = (2 * mu / 15) ** (1 / 3) * L ** (-5 / 3)
        limits["(mu/15)^(1/2)/L^2"] = math.sqrt(mu / 15) / L**2
        limits["mu/(15 L^2)"] = mu / (15 * L**2)
    condition = min(limits, key=limits.__getitem__)
    return limits[condition], condition


def _check_constants(theorem: str, L: float, mu: float, kappa: float, sigma: float) -> None:
    """Refuse constants that the losses do not have."""
    for name, value in (("L", L), ("kappa", kappa), ("sigma", sigma)):
        if not math.isfinite(value):
            raise ValueError(
                f"Theorem {theorem} of Xu et al. needs a finite {name}, got {value:g}: these losses have none; "
                "use smooth losses (LeastSquares, Logistic with a ridge), or take sigma on a ball by Spread"
            )
    if mu <= 0:
        raise ValueError(
            f"Theorem {theorem} of Xu et al. needs strongly convex losses, got mu = {mu:g}: add a ridge, or drop "
            "directions without inputs"
        )
    if mu > L * (1 + 1e-9):
        raise ValueError(f"mu must be <= L = {L:g}, for it bounds the same Hessians from below, got {mu:g}")

"""[L] section 3.1: two tasks, one hard and one easy."""

import sympy as sp

from landscape.symbolic.claim import Derivation, Statement, Step, claim
from landscape.symbolic.notation import positive, quantity
from landscape.symbolic.risk import isotropic_weight

alpha, rho, rho_H, rho_E, m, x, c = positive("alpha rho rho_H rho_E m x c")
d = sp.Symbol("d", positive=True, integer=True)
a_H, a_E = quantity("a_H", positive=True), quantity("a_E", positive=True)


def natural_weights():
    """a_H and a_E at alpha = 1/rho_E, derived."""
    weight = isotropic_weight(rho, alpha, m, d)
    return [sp.factor(weight.subs({rho: value, alpha: 1 / rho_E})) for value in (rho_H, rho_E)]


@claim(
    "L-aH",
    "[L] section 3.1",
    "the weights at alpha = 1/rho_E",
    Statement(
        "easy",
        r"Setting $\alpha = 1/\rho_E$ yields {}",
        sp.Eq(a_E, (d + 1) / m * rho_E),
    ),
    Statement(
        "hard",
        r"and {}",
        sp.Eq(a_H, rho_H * (1 - rho_H / rho_E) ** 2 + (d + 1) * rho_H**3 / (m * rho_E**3)),
    ),
)
def weights_at_natural_step():
    """Substitute the step size into the weight of an isotropic task."""
    weight = isotropic_weight(rho, alpha, m, d)
    hard, easy = natural_weights()
    return Derivation(
        steps=[
            Step(
                r"The weight of a task with $\Sigma = \rho I$, by pairing Gaussian inputs: {}",
                sp.Eq(quantity("a"), weight),
            ),
            Step(r"At $\alpha = 1/\rho_E$ the easy task keeps only the sampling term: {}", sp.Eq(a_E, easy)),
            Step(r"and the hard task has {}", sp.Eq(a_H, hard)),
        ],
        quantities={a_H: hard, a_E: easy},
        corrections={"hard": sp.Eq(a_H, rho_H * (1 - rho_H / rho_E) ** 2 + (d + 1) * rho_H**3 / (m * rho_E**2))},
        reason=r"$\alpha^2\rho_H^3$ at $\alpha = 1/\rho_E$ is $\rho_H^3/\rho_E^2$; the main text prints $\rho_E^3$, (24) prints $\rho_E^2$.",
    )

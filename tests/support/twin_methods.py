"""Methods beside their slow twins: each task's form by index sums, or by its eigenvectors."""

from typing import Any

import numpy as np

import landscape as ls
from support import reference

Twin = dict[str, Any]


def twin_quadratics(twins: list[Twin], method: ls.Method) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Compute A, b, c of a method for each task."""
    zero = np.zeros(len(twins[0]["mu"]))

    def weight(f):
        return [(reference.matrix_function(t["S"], f), zero, 0.0) for t in twins]

    match method:
        case ls.NAL():
            return [(t["S"], zero, t["e2"]) for t in twins]
        case ls.MAML(inner=ls.RidgeToStart(strength=g)):
            return weight(lambda lam: lam * (g / (lam + g)) ** 2)
        case ls.MAML(inner=ls.GradientSteps(alpha=a, m=m, steps=k), hessian="shared"):
            return [reference.after(t, a, m, k) for t in twins]
        case ls.MAML(inner=ls.GradientSteps(alpha=a, steps=k)):
            return weight(lambda lam: lam * (1 - a * lam) ** (2 * k))
        case ls.FOMAML(inner=ls.GradientSteps(alpha=a, steps=k)):
            return weight(lambda lam: lam * (1 - a * lam) ** k)
        case ls.HFMAML(inner=ls.GradientSteps(alpha=a)):
            return weight(lambda lam: lam * (1 - a * lam) ** 2)
        case ls.Reptile(inner=ls.GradientSteps(alpha=a, steps=k)):
            return weight(lambda lam: 1 - (1 - a * lam) ** k)
        case ls.BaMAML(strength=g, train_share=s):
            return weight(lambda lam: lam / (1 + lam / g) / (1 + lam / (g * s)))
    raise TypeError(method)


def some_methods(alpha: float, rng: np.random.Generator, MAML: type[ls.MAML] = ls.MAML) -> list[ls.Method]:
    """List methods of every kind for a step size; an error is planted by another class than MAML."""
    n2 = int(rng.integers(1, 51))
    once, thrice = ls.GradientSteps(alpha), ls.GradientSteps(alpha, steps=3)
    drawn, drawn_twice = ls.GradientSteps(alpha, n2), ls.GradientSteps(alpha, n2, steps=2)
    return [
        ls.NAL(), MAML(drawn), MAML(drawn_twice), MAML(once), MAML(drawn_twice, hessian="independent"),
        ls.FOMAML(alpha), ls.FOMAML(thrice), ls.HFMAML(alpha), ls.Reptile(thrice), ls.IMAML(0.7), ls.BaMAML(0.7, 0.4),
    ]  # fmt: skip

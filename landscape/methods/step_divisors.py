"""The divisor c in the step size 1/(c L(w)) of Fallah et al., known for three methods."""

from collections.abc import Mapping

from landscape.adaptations.gradient_steps import GradientSteps
from landscape.methods.base import InnerMethod, Method
from landscape.methods.first_order import FOMAML, HFMAML
from landscape.methods.maml import MAML

STEP_DIVISORS: Mapping[type[Method], int] = {MAML: 12, FOMAML: 18, HFMAML: 25}
"""Fallah et al., Theorems 4.12, 4.15 and 4.17; with gradient steps inside."""


def step_divisor(method: Method) -> int | None:
    """Look up c for a method; None where the theorems know it not."""
    if isinstance(method, InnerMethod) and isinstance(method.adaptation, GradientSteps):
        return STEP_DIVISORS.get(type(method))
    return None

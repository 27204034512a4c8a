"""A guarantee beside the exact value, and the curvatures that every guarantee takes."""

import math
from collections.abc import Mapping
from typing import Any

from landscape.closed_form.dynamics.forms import numeric_tasks
from landscape.core import Result, Scalar, nonnegative, record
from landscape.tasks import Environment


@record
class Guarantee(Result):
    """A bound of a theorem beside the exact value.

    Attributes
    ----------
    source : str
        The theorem.
    quantity : str
        What is bounded.
    bound : float
        As printed, with the constant traced through the proof.
    exact : float
    sharper : float or None
        What the same proof gives without its avoidable losses.
    constants : dict of str to float
        L, mu, sigma and whatever else entered.
    region : str
        Where sigma is taken.
    constant : str
        Where the constant of the bound comes from.
    """

    source: str
    quantity: str
    bound: float
    exact: float
    sharper: float | None
    constants: Mapping[str, float]
    region: str
    constant: str

    @property
    def loose_by(self) -> float:
        """bound / exact; 1 where both vanish."""
        if self.exact == 0:
            return 1.0 if self.bound == 0 else math.inf
        return self.bound / self.exact

    def headline(self) -> str:
        """Say the exact value, the bound and their ratio."""
        ratio = f"{self.loose_by:.3g} times as much"
        return f"{self.quantity}: {self.exact:.4g}, {self.source} gives {self.bound:.4g}, {ratio}"

    def columns(self) -> Mapping[str, Any]:
        """Give one row: the bound, what is sharper, what is exact, and the constants."""
        row = {"source": self.source, "quantity": self.quantity, "bound": self.bound, "sharper": self.sharper}
        row |= {"exact": self.exact, "loose_by": self.loose_by} | dict(self.constants)
        return {
            name: [value]
            for name, value in (row | {"region": self.region, "constant": self.constant}).items()
        }


def curvatures(environment: Environment) -> tuple[float, float]:
    """Compute L and mu: the largest and smallest eigenvalue of any task that occurs.

    Parameters
    ----------
    environment : Environment

    Returns
    -------
    L, mu : float

    Raises
    ------
    ValueError
        If the environment has symbols.
    """
    covariances = [task.inputs.Sigma for task in numeric_tasks(environment) if task.probability > 0]
    return float(max(S.largest() for S in covariances)), -float(max((-S).largest() for S in covariances))


def fallah_range(
    theorem: str, environment: Environment, alpha: Scalar, c: int = 1
) -> tuple[float, float, float]:
    """Check that alpha lies in [0, 1/(c L)], as theorems of Fallah et al. want it; return it with L and mu."""
    L, mu = curvatures(environment)
    return in_range(theorem, alpha, 1 / (c * L), "1/L" if c == 1 else f"1/({c}L)"), L, mu


def in_range(theorem: str, alpha: Scalar, limit: float, why: str, *, strict: bool = False) -> float:
    """Check that alpha lies in a theorem's range; an error names the range."""
    step: float = nonnegative.check("alpha", alpha)
    if step > limit or (strict and step == limit):
        raise ValueError(
            f"alpha = {step:g} is outside the range of {theorem}: it needs alpha {'<' if strict else '<='} {limit:.4g} "
            f"({why}); use flow() or descent(), which are exact for any alpha"
        )
    return step

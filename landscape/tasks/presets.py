"""The environments of the task-landscape paper: isotropic families, a hard one and an easy one."""

from abc import abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from landscape.core import Domain, Scalar, count, is_symbolic, nonnegative, positive, probability, real
from landscape.core.parameters import is_symbolic_record, keyword_record, parameter, parameters
from landscape.linalg import Diagonal
from landscape.tasks.environment import Environment
from landscape.tasks.families import DataTask, Task, TaskFamily
from landscape.tasks.inputs import Gaussian


def varying(domain: Domain, default: float, symbol: str, label: str, typical: tuple[float, float]) -> Any:
    """Declare a number that may vary over a grid."""
    return parameter(domain, default=default, symbol=symbol, label=label, typical=typical, grid=True)


@keyword_record
class IsotropicPair(Environment):
    """Two families with covariances rho I, centres that agree in all coordinates, isotropic spreads."""

    d: int = parameter(count, default=10, symbol="d", label="dimension", typical=(2, 12))
    rho_hard: Scalar = varying(
        positive, 0.1, r"\rho_H", "curvature of hard tasks (variance of an input)", (0.05, 0.5)
    )
    rho_easy: Scalar = varying(positive, 0.9, r"\rho_E", "curvature of easy tasks", (0.5, 1.0))
    noise: Scalar = varying(nonnegative, 0.0, r"\sigma^2", "variance of the label noise", (0.0, 1.0))

    def __post_init__(self) -> None:
        if is_symbolic(self.d):  # a symbol for the dimension is taken too: nothing here counts coordinates
            declared = [p for p in parameters(self) if p.name != "d"]
            self._set(**{p.name: p.check(getattr(self, p.name)) for p in declared})
        else:
            super().__post_init__()

    @abstractmethod
    def _rows(self) -> Iterator[tuple[str, Any, Any, Any, Any]]:
        """Name, probability, curvature, centre and spread of each family."""

    @property
    def families(self) -> tuple[TaskFamily | DataTask, ...]:  # type: ignore[override]
        """The two families; for an environment whose parameters are numbers."""
        return tuple(TaskFamily(n, rho, mu, r, p, self.noise, self.d) for n, p, rho, mu, r in self._rows())

    def tasks(self) -> list[Task]:
        return self._tasks

    @cached_property
    def _tasks(self) -> list[Task]:
        """Made once: the moments keep what was last asked of them."""
        multiplicity = np.asarray([self.d])

        def entry(value: Any) -> Any:
            return np.asarray(value)[..., None]

        return [
            Task(
                n,
                p,
                Gaussian(Diagonal(entry(rho), multiplicity), self.noise),
                entry(mu),
                Diagonal(entry(r), multiplicity),
            )
            for n, p, rho, mu, r in self._rows()
        ]


@keyword_record
class HardEasy(IsotropicPair):
    r"""Hard and easy families around two centres (Collins et al., section 3.2).

    Optima of hard tasks have mean R in every coordinate and variance r_hard, those of easy tasks mean 0 and
    variance r_easy. The defaults are those of Figure 3 (c) at R = 2.

    Raises
    ------
    ValueError
        If a curvature is not positive, a variance negative or p_hard outside [0, 1].

    Examples
    --------
    >>> tasks = HardEasy(rho_hard=0.2, d=3)
    >>> tasks
    HardEasy(d=3, rho_hard=0.2)
    >>> [family.name for family in tasks.families]
    ['hard', 'easy']
    """

    R: Scalar = varying(real, 2.0, "R", "distance of the centres in each coordinate", (0.0, 4.0))
    r_hard: Scalar = varying(nonnegative, 0.4, "r_H", "variance of hard tasks' optima", (0.0, 2.0))
    r_easy: Scalar = varying(nonnegative, 8.0, "r_E", "variance of easy tasks' optima", (0.0, 9.0))
    p_hard: Scalar = varying(probability, 0.5, "p_H", "probability of a hard task", (0.1, 0.9))

    def _rows(self) -> Iterator[tuple[str, Any, Any, Any, Any]]:
        yield "hard", self.p_hard, self.rho_hard, self.R, self.r_hard
        yield "easy", 1 - self.p_hard, self.rho_easy, 0 * self.R, self.r_easy


@keyword_record
class TwoTasks(IsotropicPair):
    r"""One hard and one easy task, equally likely (Collins et al., section 3.1).

    Examples
    --------
    >>> TwoTasks(rho_hard=0.2, d=3)
    TwoTasks(d=3, rho_hard=0.2)
    """

    rho_easy: Scalar = varying(positive, 1.0, r"\rho_E", "curvature of the easy task", (0.5, 1.0))
    w_hard: Scalar = varying(real, 1.0, "w_H", "optimum of the hard task, in each coordinate", (-2.0, 2.0))
    w_easy: Scalar = varying(real, -1.0, "w_E", "optimum of the easy task, in each coordinate", (-2.0, 2.0))
    noise: Scalar = varying(nonnegative, 0.01, r"\sigma^2", "variance of the label noise", (0.0, 1.0))

    def _rows(self) -> Iterator[tuple[str, Any, Any, Any, Any]]:
        half = _half(self)
        yield "hard", half, self.rho_hard, self.w_hard, 0.0
        yield "easy", half, self.rho_easy, self.w_easy, 0.0


def _half(environment: IsotropicPair) -> Any:
    """1/2, exactly where symbols are about."""
    if not is_symbolic_record(environment):
        return 0.5
    import sympy  # optional here: only symbols need it

    return sympy.Rational(1, 2)

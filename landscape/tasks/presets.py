"""The environments of the task-landscape paper: isotropic families, a hard one and an easy one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from landscape.core.domains import count, is_symbolic, nonnegative, positive, probability, real
from landscape.core.parameters import is_symbolic_record, keyword_record, parameter, parameters
from landscape.core.typing import Scalar
from landscape.linalg.operators import Diagonal
from landscape.tasks.environment import Environment
from landscape.tasks.families import DataTask, Task, TaskFamily
from landscape.tasks.inputs import Gaussian


class IsotropicPair(Environment):
    """Two families with covariances rho I, centres that agree in all coordinates, isotropic spreads."""

    noise: Scalar

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

    d: int = parameter(count, default=10, symbol="d", label="dimension", typical=(2, 12))
    rho_hard: Scalar = parameter(
        positive, default=0.1, symbol=r"\rho_H", label="curvature of hard tasks (variance of an input)",
        typical=(0.05, 0.5), grid=True,
    )  # fmt: skip
    rho_easy: Scalar = parameter(
        positive,
        default=0.9,
        symbol=r"\rho_E",
        label="curvature of easy tasks",
        typical=(0.5, 1.0),
        grid=True,
    )
    R: Scalar = parameter(
        real,
        default=2.0,
        symbol="R",
        label="distance of the centres in each coordinate",
        typical=(0.0, 4.0),
        grid=True,
    )
    r_hard: Scalar = parameter(
        nonnegative,
        default=0.4,
        symbol="r_H",
        label="variance of hard tasks' optima",
        typical=(0.0, 2.0),
        grid=True,
    )
    r_easy: Scalar = parameter(
        nonnegative,
        default=8.0,
        symbol="r_E",
        label="variance of easy tasks' optima",
        typical=(0.0, 9.0),
        grid=True,
    )
    p_hard: Scalar = parameter(
        probability,
        default=0.5,
        symbol="p_H",
        label="probability of a hard task",
        typical=(0.1, 0.9),
        grid=True,
    )
    noise: Scalar = parameter(
        nonnegative,
        default=0.0,
        symbol=r"\sigma^2",
        label="variance of the label noise",
        typical=(0.0, 1.0),
        grid=True,
    )

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

    d: int = parameter(count, default=10, symbol="d", label="dimension", typical=(2, 12))
    rho_hard: Scalar = parameter(
        positive,
        default=0.1,
        symbol=r"\rho_H",
        label="curvature of the hard task",
        typical=(0.05, 0.5),
        grid=True,
    )
    rho_easy: Scalar = parameter(
        positive,
        default=1.0,
        symbol=r"\rho_E",
        label="curvature of the easy task",
        typical=(0.5, 1.0),
        grid=True,
    )
    w_hard: Scalar = parameter(
        real,
        default=1.0,
        symbol="w_H",
        label="optimum of the hard task, in each coordinate",
        typical=(-2.0, 2.0),
        grid=True,
    )
    w_easy: Scalar = parameter(
        real,
        default=-1.0,
        symbol="w_E",
        label="optimum of the easy task, in each coordinate",
        typical=(-2.0, 2.0),
        grid=True,
    )
    noise: Scalar = parameter(
        nonnegative,
        default=0.01,
        symbol=r"\sigma^2",
        label="variance of the label noise",
        typical=(0.0, 1.0),
        grid=True,
    )

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

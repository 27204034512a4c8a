"""The environments of the task-landscape paper: isotropic families, a hard one and an easy one.

They keep their own parameters, so that `dataclasses.replace(env, R=3)` works, any parameter may be an
array (a grid) or a SymPy symbol, and tables have a column for it.
"""

import inspect
from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.algebra import Spectrum
from landscape.environment import Mixture
from landscape.families import Task, TaskFamily


class IsotropicPair(Mixture):
    """Two families with covariances rho I, centres that agree in all coordinates, isotropic spreads."""

    needs_single_points = False

    def _check(self, **ranges):
        d = self.d if checks.is_symbolic(self.d) else checks.number("d", self.d, at_least=1, whole=True)
        checked = {k: checks.number(k, getattr(self, k), grid=True, **limits) for k, limits in ranges.items()}
        self._set(d=d, **checked)

    def _parts(self):
        """(name, probability, rho, centre, spread) of each family."""
        raise TypeError("use hard_easy() or two_tasks()")

    @property
    def families(self):  # type: ignore[override]
        """The two families; for an environment whose parameters are numbers."""
        if any(isinstance(getattr(self, name), np.ndarray) for name in self._varying):
            raise ValueError(
                "families needs numbers for all parameters: replace the arrays by one value each"
            )
        return tuple(TaskFamily(n, rho, mu, r, p, self.noise, self.d) for n, p, rho, mu, r in self._parts())

    def tasks(self, axes=0):
        """The two families in the form the formulas use; see `Mixture.tasks`."""
        multiplicity = np.asarray([self.d])

        def entry(value):
            value = np.asarray(value)
            return value.reshape((1,) * (1 + axes - value.ndim) + value.shape)

        return [
            Task(name, p, Spectrum(entry(rho), multiplicity, self.noise), entry(mu), entry(r))
            for name, p, rho, mu, r in self._parts()
        ]


@dataclass(frozen=True, eq=False, repr=False)
class HardEasy(IsotropicPair):
    r"""Hard and easy families around two centres (Collins et al., section 3.2).

    Optima of hard tasks have mean R in every coordinate and variance r_hard, those of easy tasks mean
    0 and variance r_easy. The defaults are those of Figure 3 (c) at R = 2.

    Parameters
    ----------
    d : int
        Dimension.
    rho_hard, rho_easy : float or array
        Curvatures :math:`\rho_H, \rho_E`: variance of each input coordinate. Smaller is harder.
    R : float or array
        Distance of the centres per coordinate (times the square root of d in Euclidean norm).
    r_hard, r_easy : float or array
        Variances of the optima per coordinate.
    p_hard : float or array
        Probability of a hard task.
    noise : float or array
        Variance of the label noise.

    Raises
    ------
    ValueError
        If a curvature is not positive, a variance negative or p_hard outside [0, 1].

    Examples
    --------
    >>> tasks = hard_easy(rho_hard=0.2, d=3)
    >>> tasks
    hard_easy(d=3, rho_hard=0.2)
    >>> [family.name for family in tasks.families]
    ['hard', 'easy']
    """

    d: int = 10
    rho_hard: float = 0.1
    rho_easy: float = 0.9
    R: float = 2.0
    r_hard: float = 0.4
    r_easy: float = 8.0
    p_hard: float = 0.5
    noise: float = 0.0

    _constructor = "hard_easy"
    _varying = ("rho_hard", "rho_easy", "R", "r_hard", "r_easy", "p_hard", "noise")

    def __post_init__(self):
        positive, variance = {"above": 0}, {"at_least": 0}
        self._check(
            rho_hard=positive, rho_easy=positive, R={}, r_hard=variance, r_easy=variance,
            p_hard={"at_least": 0, "at_most": 1}, noise=variance,
        )  # fmt: skip

    def _parts(self):
        yield "hard", self.p_hard, self.rho_hard, self.R, self.r_hard
        yield "easy", 1 - self.p_hard, self.rho_easy, 0 * self.R, self.r_easy


@dataclass(frozen=True, eq=False, repr=False)
class TwoTasks(IsotropicPair):
    r"""One hard and one easy task, equally likely (Collins et al., section 3.1).

    Parameters
    ----------
    d : int
        Dimension.
    rho_hard, rho_easy : float or array
        Curvatures :math:`\rho_H, \rho_E`.
    w_hard, w_easy : float or array
        The tasks' optima, the same number in each coordinate.
    noise : float or array
        Variance of the label noise.

    Examples
    --------
    >>> two_tasks(rho_hard=0.2, d=3)
    two_tasks(d=3, rho_hard=0.2)
    """

    d: int = 10
    rho_hard: float = 0.1
    rho_easy: float = 1.0
    w_hard: float = 1.0
    w_easy: float = -1.0
    noise: float = 0.01

    _constructor = "two_tasks"
    _varying = ("rho_hard", "rho_easy", "w_hard", "w_easy", "noise")

    def __post_init__(self):
        positive = {"above": 0}
        self._check(rho_hard=positive, rho_easy=positive, w_hard={}, w_easy={}, noise={"at_least": 0})

    def _parts(self):
        yield "hard", 0.5, self.rho_hard, self.w_hard, 0.0
        yield "easy", 0.5, self.rho_easy, self.w_easy, 0.0


def _maker(kind):
    """The function that makes a `kind` by keywords, and shows them where one looks: help(), TAB, messages."""
    parameters = inspect.signature(kind).parameters

    def make(**given):
        for name in given:
            checks.known(f"parameter of {kind._constructor}", name, parameters)
        return kind(**given)

    by_name = [parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in parameters.values()]
    shown = {
        "__name__": kind._constructor,
        "__doc__": kind.__doc__,
        "__signature__": inspect.Signature(by_name),
    }
    for attribute, value in (shown | {"__qualname__": kind._constructor}).items():
        setattr(make, attribute, value)
    return make


hard_easy = _maker(HardEasy)
two_tasks = _maker(TwoTasks)

"""Environments: mixtures of families of tasks."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from landscape import checks
from landscape.algebra import Spectrum
from landscape.families import DataTask, TaskFamily
from landscape.record import Record


class Mixture(Record):
    """What all environments share: families of tasks, each with a probability.

    Subclasses have `d`, `families`, `needs_single_points` (whether grids must be walked point by point,
    because there are matrices) and `tasks`, the families in the form the formulas use.
    """

    d: int
    families: tuple
    needs_single_points: bool

    def tasks(self, axes=0):
        """The families in the form the formulas use.

        Parameters
        ----------
        axes : int
            Number of grid axes that entries must leave room for.

        Returns
        -------
        list of Task
        """
        raise TypeError(
            f"environment must be an Environment, hard_easy() or two_tasks(), got {type(self).__name__}"
        )

    def sample(self, T, rng):
        """Draw tasks: the index of each one's family and its optimum, normal around the centre.

        Parameters
        ----------
        T : int
        rng : numpy.random.Generator or int

        Returns
        -------
        families : ndarray of int, shape (T,)
        optima : ndarray, shape (T, d)
        """
        T = checks.number("T", T, at_least=1, whole=True)
        if any(not isinstance(getattr(self, name), (int, float)) for name in self._varying):
            raise ValueError(
                "sample needs numbers for all parameters: replace arrays and symbols by one value each"
            )
        rng = checks.generator(rng)
        tasks = [task.expanded() for task in self.tasks()]
        families = rng.choice(
            len(tasks), size=T, p=np.array([task.probability for task in tasks], dtype=float)
        )
        optima = np.empty((T, self.d))
        for index, task in enumerate(tasks):
            where = families == index
            optima[where] = task.centre
            if task.spread is not None:
                optima[where] += task.optima.colour(rng.standard_normal((where.sum(), self.d)))
        return families, optima

    def _repr_html_(self):
        from landscape.results import family_table

        return family_table(self)


@dataclass(frozen=True, eq=False, repr=False)
class Environment(Mixture):
    """A mixture of families of tasks: what training and meta-test draw their tasks from.

    Parameters
    ----------
    families : sequence of TaskFamily or DataTask

    Raises
    ------
    ValueError
        If dimensions differ, two families share a name, or probabilities do not sum to 1.

    Examples
    --------
    >>> Environment([TaskFamily("a", 0.5, d=3), TaskFamily("b", 1.0, centre=2.0)]).d
    3
    """

    families: tuple

    def __post_init__(self):
        families = self.families
        if isinstance(families, (TaskFamily, DataTask)):
            families = (families,)
        try:
            families = tuple(families)
        except TypeError:
            raise TypeError(f"families must be a list of TaskFamily, got {families!r}") from None
        if not families:
            raise ValueError("families must hold at least one TaskFamily, got none")
        for family in families:
            checks.instance("each of families", family, (TaskFamily, DataTask))
        names = [family.name for family in families]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"names of families must differ, got {twice[0]!r} twice")
        checks.probabilities(names, [family.probability for family in families])
        self._set(families=families)
        self._check_dimensions()

    def _check_dimensions(self):
        sizes = {family.name: family.dimension for family in self.families if family.dimension is not None}
        if not sizes:
            raise ValueError("d is not known: give d to one of the families")
        if len(set(sizes.values())) > 1:
            listed = ", ".join(f"{name!r} has d = {size}" for name, size in sizes.items())
            raise ValueError(f"families must have the same dimension: {listed}")

    @property
    def d(self):  # type: ignore[override]
        """Dimension of inputs and optima."""
        return next(family.dimension for family in self.families if family.dimension is not None)

    @property
    def needs_single_points(self):  # type: ignore[override]
        """Whether grids must be walked point by point (matrices), rather than in blocks of arrays."""
        return max(family.form for family in self.families) == 2

    @cached_property
    def _tasks(self):
        form = max(family.form for family in self.families)
        shares = checks.probabilities([f.name for f in self.families], [f.probability for f in self.families])
        return [f.task(self.d, form, p) for f, p in zip(self.families, shares, strict=True)]

    def tasks(self, axes=0):
        """The families in the form the formulas use; see `Mixture.tasks`."""
        if axes == 0:
            return self._tasks
        return [_with_axes(task, axes) for task in self._tasks]


def _with_axes(task, axes):
    """Append grid axes of size 1 to the entries of a `Spectrum` task."""

    def room(entries):
        return entries.reshape(entries.shape + (1,) * axes)

    inputs = Spectrum(room(task.inputs.value), task.inputs.multiplicity, task.inputs.noise_variance)
    return task._replace(inputs=inputs, centre=room(task.centre), spread=room(task.spread))


def check_environment(value):
    """`value` if it is an environment, else an error that says what was wanted."""
    if not isinstance(value, Mixture):
        got = f"{checks.short(value)}{_cure(value)}"
        raise TypeError(f"environment must be an Environment, hard_easy() or two_tasks(), got {got}")
    return value


def _cure(value):
    if isinstance(value, (TaskFamily, DataTask)):
        return "; wrap it: Environment([family])"
    if hasattr(value, "columns") or isinstance(value, (str, dict)):
        return "; make one of it by from_data(table, target, task)"
    if callable(value) and hasattr(value, "__name__"):
        return f"; write {value.__name__}(...)"
    return getattr(value, "_linear_instead", "")

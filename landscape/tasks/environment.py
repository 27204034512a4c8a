"""Environments: which tasks there are, how often, and where their optima lie."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from landscape.core import Array, Scalar, checks, count, nonnegative, probability, short
from landscape.core.grids import Varying, put
from landscape.core.parameters import Record, is_symbolic_record, parameters, record, with_values
from landscape.core.typing import RNG
from landscape.linalg.operators import Matrix, Operator, diagonal, isotropic, multiple_of_identity
from landscape.tasks.families import DataTask, Task, TaskFamily
from landscape.tasks.inputs import Gaussian


class Environment(Record, ABC):
    """What training and meta-test draw their tasks from: the base of all environments."""

    _wanted = "an Environment, for example HardEasy() or Mixture([...])"
    d: int
    families: Sequence[TaskFamily | DataTask]

    @abstractmethod
    def tasks(self) -> list[Task]:
        """Return the families in the form the formulas use."""

    def put(self, name: str, values: Varying) -> Environment | None:
        """Put a parameter on a grid; None where the environment has none of that name."""
        return put(self, name, values)

    def sample(self, T: int, rng: RNG) -> tuple[Array, Array]:
        """Draw tasks: the index of each one's family and its optimum, normal around the centre.

        Parameters
        ----------
        T : int
        rng : numpy.random.Generator or int

        Returns
        -------
        families : array of int, shape (T,)
        optima : array, shape (T, d)
        """
        T = count.check("T", T)
        if is_symbolic_record(self):
            raise ValueError("sample needs numbers for all parameters: replace the symbols by one value each")
        generator = checks.generator(rng)
        tasks = [task.expanded() for task in self.tasks()]
        chances = np.array([task.probability for task in tasks], dtype=float)
        families = generator.choice(len(tasks), size=T, p=chances)
        optima = np.empty((T, self.d))
        for index, task in enumerate(tasks):
            where = families == index
            if task.spread is None:
                optima[where] = task.centre
            else:
                normal = generator.standard_normal((where.sum(), self.d))
                optima[where] = task.centre + Gaussian(task.spread).colour(normal)
        return families, optima

    def _repr_html_(self) -> str:
        import html

        def row(cells: Sequence[Any], tag: str = "td") -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(_cell(cell))}</{tag}>" for cell in cells) + "</tr>"

        if parameters(self):
            shown = [row(["parameter", "value"], "th")]
            shown += [row([p.label or p.name, getattr(self, p.name)]) for p in parameters(self)]
        else:
            shown = [row(_COLUMNS, "th")]
            shown += [row([getattr(f, name, "from data") for name in _COLUMNS]) for f in self.families]
        return f"<table><caption>{self.d} dimensions</caption>{''.join(shown)}</table>"


_COLUMNS = ("name", "probability", "covariance", "centre", "spread", "noise")


def _cell(value: Any) -> str:
    if value is None:
        return "equal share"
    return f"array {value.shape}" if isinstance(value, np.ndarray) else str(value)


@record
class Mixture(Environment):
    """A mixture of families of tasks of one's own.

    Parameters
    ----------
    families : sequence of TaskFamily or DataTask

    Raises
    ------
    ValueError
        If dimensions differ, two families share a name, or probabilities do not sum to 1.

    Examples
    --------
    >>> Mixture([TaskFamily("a", 0.5, d=3), TaskFamily("b", 1.0, centre=2.0)]).d
    3
    """

    families: Sequence[TaskFamily | DataTask]

    def __post_init__(self) -> None:
        families: Any = self.families
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
        sizes = {family.name: family.dimension for family in families if family.dimension is not None}
        if not sizes:
            raise ValueError("d is not known: give d to one of the families")
        if len(set(sizes.values())) > 1:
            listed = ", ".join(f"{name!r} has d = {size}" for name, size in sizes.items())
            raise ValueError(f"families must have the same dimension: {listed}")
        self._set(families=families)

    @property
    def d(self) -> int:  # type: ignore[override]
        """Dimension of inputs and optima."""
        return next(family.dimension for family in self.families if family.dimension is not None)

    def put(self, name: str, values: Varying) -> Environment | None:
        """Put a field of a family on a grid, by ``NAME.field``; the other probabilities change in proportion."""
        family, _, attribute = name.rpartition(".")
        mine = next((f for f in self.families if f.name == family and attribute in _SWEPT), None)
        if mine is None:
            return None
        if isinstance(mine, DataTask) and attribute != "probability":
            raise ValueError(f"{name} cannot vary: {family!r} is given by data; only its probability can")
        if values.array.ndim > values.own:
            return SweptMixture(self.families, {name: values})
        one: Any = values.array.item() if values.own == 0 else values.array
        changes: dict[str, Any] = {attribute: one}
        if attribute == "probability":
            shares = _shares(self.families, {name: values})
            changed = [
                dataclasses.replace(f, probability=float(p))
                for f, p in zip(self.families, shares, strict=True)
            ]
            return Mixture(tuple(changed))
        return Mixture(tuple(dataclasses.replace(f, **changes) if f is mine else f for f in self.families))

    def tasks(self) -> list[Task]:
        return self._tasks

    @cached_property
    def _tasks(self) -> list[Task]:
        return _tasks(self.families, self.d, {})


_SWEPT = ("covariance", "centre", "spread", "noise", "probability")


@record
class SweptMixture(Environment):
    """A mixture some fields of which lie on a grid."""

    families: Sequence[TaskFamily | DataTask]
    grids: dict[str, Varying]

    @property
    def d(self) -> int:  # type: ignore[override]
        return Mixture(self.families).d

    def put(self, name: str, values: Varying) -> Environment | None:
        more = Mixture(self.families).put(name, values)
        return None if more is None else with_values(self, {"grids": self.grids | {name: values}})

    def tasks(self) -> list[Task]:
        return _tasks(self.families, self.d, self.grids)


def _tasks(families: Sequence[TaskFamily | DataTask], d: int, grids: dict[str, Varying]) -> list[Task]:
    """The families as tasks of one form: isotropic, diagonal or dense.

    `grids` holds fields on a grid by ``NAME.field``: numbers (*grid), vectors (*grid, d), matrices (*grid, d,
    d).
    """
    fields = [_Fields(family, d, grids) for family in families if isinstance(family, TaskFamily)]
    form = 2 if len(fields) < len(families) else max(field.form for field in fields)
    shares = _shares(families, grids)
    return [
        _data_task(family, p) if isinstance(family, DataTask) else _Fields(family, d, grids).task(form, p)
        for family, p in zip(families, shares, strict=True)
    ]


def _data_task(family: DataTask, p: Scalar) -> Task:
    return Task(family.name, p, family.inputs, family.optimum, None)


def _shares(families: Sequence[TaskFamily | DataTask], grids: dict[str, Varying]) -> list[Scalar]:
    names = [f.name for f in families]
    shares = checks.probabilities(names, [f.probability for f in families])
    for name in names:
        if f"{name}.probability" not in grids:
            continue
        varying = grids[f"{name}.probability"]
        values = varying.array
        if not varying.checked:
            probability.check_many(f"{name}.probability", values)
        own = shares[names.index(name)]
        if own == 1:
            raise ValueError(
                f"{name}.probability cannot vary: no other family has a share to change in proportion"
            )
        shares = [
            values if n == name else p * (1 - values) / (1 - own) for n, p in zip(names, shares, strict=True)
        ]
    return shares


class _Fields:
    """The fields of one family, some of them on a grid.

    `own` counts the axes a value has of its own: 0 for a number, 1 for a vector, 2 for a matrix.
    """

    def __init__(self, family: TaskFamily, d: int, grids: dict[str, Varying]) -> None:
        self.family, self.d = family, d
        self.values: dict[str, Any] = {}
        self.own: dict[str, int] = {}
        for name in ("covariance", "centre", "spread", "noise"):
            varying = grids.get(f"{family.name}.{name}")
            if varying is None:
                self.values[name] = getattr(family, name)
                self.own[name] = np.ndim(self.values[name])
            else:
                self.values[name], self.own[name] = varying.array, varying.own
                if not varying.checked:
                    self._check(name)
            if (
                self.own[name] == 2
                and (number := multiple_of_identity(np.asarray(self.values[name], float))) is not None
            ):
                self.values[name], self.own[name] = number, 0

    def _check(self, name: str) -> None:
        where = f"over[{self.family.name + '.' + name!r}]"
        allowed = {"covariance": (0, 1, 2), "spread": (0, 1, 2), "centre": (0, 1), "noise": (0,)}[name]
        own, values = self.own[name], self.values[name]
        if own not in allowed or (own and set(values.shape[-own:]) != {self.d}):
            raise ValueError(
                f"{where} must hold numbers or arrays that fit d = {self.d}, got shape {values.shape}"
            )
        if name == "noise":
            nonnegative.check_many(where, values)
        elif name != "centre":
            flat = values.reshape(-1, *values.shape[values.ndim - own :])
            for one in flat:
                checks.positive_semidefinite(where, one)

    @property
    def form(self) -> int:
        """How much structure is left: 0 isotropic, 1 diagonal, 2 dense."""
        return max(self.own["covariance"], self.own["spread"], self.own["centre"])

    def task(self, form: int, p: Scalar) -> Task:
        inputs = Gaussian(self._operator("covariance", form), self.values["noise"])
        return Task(self.family.name, p, inputs, self._vector("centre", form), self._operator("spread", form))

    def _vector(self, name: str, form: int) -> Array:
        value = np.asarray(self.values[name])
        if self.own[name]:
            return value
        return value[..., None] if form == 0 else np.broadcast_to(value[..., None], (*value.shape, self.d))

    def _operator(self, name: str, form: int) -> Operator:
        value = np.asarray(self.values[name], dtype=float)
        if self.own[name] == 2:
            return Matrix(value)
        if form == 0:
            return isotropic(value, self.d)
        entries = diagonal(self._vector(name, form))
        return entries.dense() if form == 2 else entries


def check_environment(value: Any) -> Environment:
    """Check that a value is an environment; an error says how to make one of what came."""
    if not isinstance(value, Environment):
        raise TypeError(f"environment must be {Environment._wanted}, got {short(value)}{_cure(value)}")
    return value


def _cure(value: Any) -> str:
    if isinstance(value, (TaskFamily, DataTask)):
        return "; wrap it: Mixture([family])"
    if hasattr(value, "columns") or isinstance(value, (str, dict)):
        return "; make one of it by from_data(table, target, task)"
    if callable(value) and hasattr(value, "__name__"):
        return f"; write {value.__name__}(...)"
    return str(getattr(value, "_linear_instead", ""))

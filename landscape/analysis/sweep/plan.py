"""What a sweep computes, cut into cells that know nothing of one another."""

import dataclasses
import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from landscape._version import __version__
from landscape.adaptations.base import Adaptation
from landscape.analysis.evaluate import Setting
from landscape.analysis.sweep.cell import MEASURED, Cell
from landscape.analysis.sweep.fingerprint import digest, signed
from landscape.core import checks
from landscape.core.domains import short, whole
from landscape.core.grids import Grid, Over, Varying, arguments
from landscape.core.parameters import Record, parameters
from landscape.core.typing import Array
from landscape.methods.base import Method, as_methods, labels
from landscape.methods.budget import Training
from landscape.simulator.sgd import engine_for, seconds_in_numpy
from landscape.tasks.environment import Environment

Place: TypeAlias = tuple[Any, ...]
"""Where a cell is: a value for each of a plan's `names`; a vector or a matrix stands as text."""

TRAINING = tuple(field.name for field in dataclasses.fields(Training) if field.name != "solver")
"""Names in `over` that are the training's."""

TAKEN = ("seed", "method", *MEASURED, "environment", "adaptation")
"""Columns of the table, which no name in `over` may have."""


class Point(NamedTuple):
    """Everything at one place but the seed."""

    environment: Environment
    adaptation: Adaptation
    methods: tuple[Method, ...]
    training: Training
    computed: dict[str, Any]
    """The values of functions in `over`, and a digest of what a function made."""


class Plan:
    """A grid of simulations; see `landscape.sweep` for the arguments.

    Raises
    ------
    ValueError
        If an argument is not usable: what cannot work is said at once, rather than in the middle of the
        night.
    """

    def __init__(
        self,
        environment: Any,
        methods: Method | Sequence[Method],
        adaptation: Any,
        training: Training,
        over: Over,
        *,
        seeds: Sequence[int] | int = (0,),
        repeats: int = 10,
        tasks: int = 3000,
        sampling: str | None = None,
        engine: str | None = None,
    ) -> None:
        self.training = checks.instance("training", training, Training)
        self.methods = tuple(as_methods(methods))
        self.setting = Setting(environment, adaptation, self.methods, over, elsewhere=TRAINING)
        if self.setting.is_symbolic:
            raise ValueError("a sweep needs numbers for all parameters: replace the symbols")
        self.training.check_rates(self.methods)
        axes, derived = self.setting.grid.axes, self.setting.grid.derived
        for name in (*axes, *derived):
            if name in TAKEN:
                raise ValueError(f"over: {name!r} is a column of the table already: call it otherwise")
        self.axes = {name: axis(name, (over or {})[name], values) for name, values in axes.items()}
        things = (self.setting.environment, self.setting.adaptation)
        own = {p.name for thing in things if isinstance(thing, Record) for p in parameters(thing)}
        self._of_training = [
            k for k in (*axes, *derived) if k in TRAINING and k not in own | self.setting.functions
        ]
        if "learning_rate" in self._of_training and isinstance(training.learning_rate, Mapping):
            raise ValueError("over learning_rate needs a training with one learning_rate, got one a method")
        self.seeds = checked_seeds(seeds)
        self.repeats, self.tasks = whole(2).check("repeats", repeats), whole(2).check("tasks", tasks)
        self._last: tuple[Place, Point] | None = None
        first = {name: next(iter(values)) for name, values in self.axes.items()}
        self.sampling, self.engine = sampling, engine_for(engine, training, sampling, self._seconds(first))
        each = [first | {name: value} for name, values in self.axes.items() for value in values]
        for place in each or [first]:  # every value once
            self.cell((*place.values(), self.seeds[0])).check()

    @property
    def names(self) -> tuple[str, ...]:
        """Columns that say where a cell is."""
        return (*self.axes, "seed")

    @property
    def places(self) -> Iterator[Place]:
        """Where the cells are: tuples of a value for each of `names`."""
        return itertools.product(*self.axes.values(), self.seeds)

    @property
    def computes(self) -> bool:
        """Whether some of the table is computed by functions."""
        return bool(self.setting.functions or self.setting.grid.derived)

    @property
    def fingerprint(self) -> dict[str, str]:
        """What all cells have in common, each argument as text with a digest: a file holds cells of one fingerprint."""
        values = {
            "environment": self.setting.environment, "methods": self.methods, "adaptation": self.setting.adaptation,
            "training": self.training, "repeats": self.repeats, "tasks": self.tasks, "sampling": self.sampling,
            "engine": self.engine, "names": self.names, "computed": list(self.setting.grid.derived), "version": __version__,
        }  # fmt: skip
        return {name: signed(value) for name, value in values.items()}

    def cell(self, place: Place) -> Cell:
        """Make the cell at a place.

        Its seed mixes the sweep's with the names and values of the place, so that cells are independent, and
        stay what they are when values or seeds are added.
        """
        here = self._point(place[:-1])
        seed = int.from_bytes(hashlib.sha256(self.text(place).encode()).digest()[:7], "big")
        return Cell(
            here.environment, here.methods, here.adaptation, here.training, tuple(labels(self.methods)),
            self.repeats, self.tasks, self.sampling, self.engine, seed,
        )  # fmt: skip

    def text(self, place: Place) -> str:
        """Write a place as text: the name of its cell in a file, and what its seed is made of."""
        values = {
            name: value if isinstance(value, str) else float(value)
            for name, value in zip(self.axes, place, strict=False)
        }
        return json.dumps(values | {"seed": place[-1]})

    def computed(self, place: Place) -> dict[str, Any]:
        """Say what functions make of a place: columns after those of its names."""
        return self._point(place[:-1]).computed

    def _seconds(self, first: dict[str, Any]) -> float:
        """Estimate what all cells take in NumPy, from the first of them."""
        here = self._point(tuple(first.values()))
        trainings = [here.training.of(method) for method in here.methods]
        cell = seconds_in_numpy(here.methods, trainings, here.environment.d, self.repeats)
        return cell * math.prod(map(len, self.axes.values())) * len(self.seeds)

    def _point(self, where: Place) -> Point:
        """Everything at a place but for its seed; seeds follow one another, so the last one is kept."""
        if self._last is None or self._last[0] != where:
            self._last = where, self._made(where)
        return self._last[1]

    def _made(self, where: Place) -> Point:
        values = {name: self.axes[name][key][None] for name, key in zip(self.axes, where, strict=True)}
        setting = self.setting
        (_, at), *_ = Grid(values, setting.grid.derived).points()
        environment, adaptation, methods = setting.at(
            setting.plain({name: v for name, v in at.items() if name not in self._of_training})
        )
        computed: dict[str, Any] = {name: _number(name, at[name]) for name in setting.grid.derived}
        for name, given, made in (
            ("environment", setting.environment, environment),
            ("adaptation", setting.adaptation, adaptation),
        ):
            if arguments(given):
                computed[name] = f"{type(made).__name__} {digest(made)}"
        training = self._trained(methods, {name: _number(name, at[name]) for name in self._of_training})
        return Point(environment, adaptation, tuple(methods), training, computed)

    def _trained(self, methods: Sequence[Method], values: dict[str, float]) -> Training:
        """The training at a place; a rate stays with its method, whose repr the place may have changed."""
        changed: dict[str, Any] = dict(values)
        if isinstance(self.training.learning_rate, Mapping):
            pairs = zip(self.methods, methods, strict=True)
            changed["learning_rate"] = {repr(new): self.training.rate(old) for old, new in pairs}
        return dataclasses.replace(self.training, **changed)


def axis(name: str, given: Any, values: Array) -> dict[Any, Array]:
    """The values of a name by what stands for them in a place: a number, or text for a vector or matrix.

    All numbers are whole or none is: one kind a column, in files as in memory.
    """
    mixed = np.ravel(np.array([*given], dtype=object)) if values.ndim == 1 else ()
    if (
        values.dtype.kind != "f"
        or np.isnan(values).any()
        or any(isinstance(v, (bool, np.bool_)) for v in mixed)
    ):
        raise ValueError(f"over[{name!r}] must hold numbers, got {short(given)}")
    values = values + 0.0  # -0 is 0
    keys = [key(value) for value in values]
    return dict(zip(_distinct(f"over[{name!r}]", whole_if_all(keys)), values, strict=True))


def whole_if_all(values: list[Any]) -> list[Any]:
    """Return whole numbers where all are whole."""
    are = all(isinstance(v, float) and v.is_integer() and abs(v) < 2**53 for v in values)
    return [int(value) for value in values] if are else values


def key(value: Any) -> Any:
    """Return what stands for a value in a table: a number, or text for a vector or matrix."""
    array = np.asarray(value, dtype=float)
    return array.item() if array.ndim == 0 else json.dumps(array.tolist())


def _number(name: str, value: Varying) -> float:
    if value.array.ndim:
        raise ValueError(f"over[{name!r}] must be a number at each place, got shape {value.array.shape}")
    return float(value.array)


def checked_seeds(seeds: Any) -> tuple[int, ...]:
    """Check that seeds are whole numbers that fit a column, each given once."""
    if isinstance(seeds, np.random.Generator):
        raise ValueError(
            "seeds must be whole numbers, by which finished cells are found again, got a Generator"
        )
    checked = [checks.seed("seed", seed) for seed in np.atleast_1d(np.array(seeds, dtype=object))]
    if not checked or max(checked) >= 2**63:
        raise ValueError(f"seeds must be a list of whole numbers from 0 to 2^63 - 1, got {short(seeds)}")
    return tuple(_distinct("seeds", checked))


def _distinct(name: str, values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        twice = next(value for i, value in enumerate(values) if value in values[:i])
        raise ValueError(f"{name} must differ from one another, got {twice!r} twice")
    return values

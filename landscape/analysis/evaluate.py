"""Ask a question on every point of a grid: put named values where they belong, block by block."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from landscape.adaptations.base import Adaptation, as_adaptation
from landscape.core import checks
from landscape.core.domains import is_symbolic, short
from landscape.core.errors import OVERFLOW, warn
from landscape.core.grids import Grid, Over, Varying, arguments, grid, put
from landscape.core.parameters import Record, exact, is_symbolic_record, parameters
from landscape.core.provenance import Provenance
from landscape.core.results import Estimate
from landscape.core.typing import Array, Scalar
from landscape.linalg.operators import Matrix
from landscape.methods.base import Method, labels
from landscape.tasks.environment import Environment, check_environment
from landscape.tasks.families import Task, TaskFamily
from landscape.tasks.sampled import SampledEnvironment

Start: TypeAlias = Method | Array
"""Where adaptation starts: a method's optimum, or a point."""

Question: TypeAlias = Callable[[list[Task], Any, list[Any]], Sequence[Scalar | Estimate]]
"""Takes tasks, the adaptation and the starts of one block; gives numbers of the block's shape."""

SHARE = 64
"""Times as many numbers as in a block of other environments make a block of drawn tasks: 8 MiB an operator."""

EXPANDS = (
    "the inner step expands: the step size times the curvature must lie in [0, 2] for a step to bring a task nearer to its "
    "optimum, and in some direction it does not"
)


def instead_of_learning(starts: Sequence[Any]) -> str:
    """Say what to take where a method that learns its step is not answered for."""
    name = next(type(start).__name__ for start in starts if isinstance(start, Method) and start.learns_step)
    return f"found = {name}(...).learn(environment), found.start and found.adaptation"


class Setting:
    """An environment, an adaptation and starts, each of them given or a function of names in `over`.

    Parameters
    ----------
    environment : Environment or callable
    adaptation : Adaptation, float or callable, optional
        None where nothing is adapted.
    starts : sequence of Method, float, array or callable
    over : dict, optional
    elsewhere : collection of str
        Names in `over` that are none of its business where nothing here has them: those of a training, or of
        other rows of a comparison.
    names : sequence of str, optional
        By which `over` addresses the starts; by default methods' labels.
    own : bool
        Whether the adaptation belongs to these starts alone: of its parameters a bare name moves m only, the
        others go by the name of a start (``"MAML + ridge.strength"``).
    """

    def __init__(
        self,
        environment: Any,
        adaptation: Any,
        starts: Sequence[Any],
        over: Over = None,
        elsewhere: Collection[str] = (),
        names: Sequence[str] | None = None,
        own: bool = False,
    ) -> None:
        self.grid: Grid = grid(over)
        self.elsewhere, self.own = elsewhere, own
        self.copies = 1.0
        """How many times as large the problem is that a method learns its step for."""
        self.left: dict[str, list[str]] = {}
        """Names that nothing here took, and those that could vary instead."""
        self.environment = environment if arguments(environment) else check_environment(environment)
        self.adaptation = adaptation
        if adaptation is not None and not arguments(adaptation):
            self.adaptation = as_adaptation(adaptation)
        self.starts = list(starts)
        self.learns = any(isinstance(s, Method) and s.learns_step for s in self.starts)
        if self.learns and len(self.starts) > 1:
            raise ValueError(
                "a method that learns its step is judged by that, so nothing else is judged with it: make them rows of "
                f"compare(...), or take {instead_of_learning(self.starts)}"
            )
        addressed = [i for i, s in enumerate(self.starts) if isinstance(s, Method) and self.grid.axes]
        if names is None:
            self._labels = dict(zip(labels([self.starts[i] for i in addressed]), addressed, strict=True))
        else:
            self._labels = dict(zip(names, range(len(self.starts)), strict=True))
        things = (self.environment, self.adaptation, *self.starts)
        self.functions = {name for thing in things for name in arguments(thing)}
        missing = self.functions - set(self.grid.axes) - set(self.grid.derived)
        if missing:
            name = min(missing)
            raise ValueError(
                f"a function of {name!r} was given, and over has no values for it: over={{{name!r}: [...]}}"
            )
        fixed = [thing for thing in things if isinstance(thing, Record)]
        self.is_symbolic = any(map(is_symbolic_record, fixed)) or any(map(is_symbolic, self.starts))
        if self.grid.axes and not self.functions:
            self.whole()  # every name and value is checked before the work begins

    def whole(self) -> tuple[Environment, Any, list[Any]]:
        """Put the values of the whole grid where they belong, where nothing is a function of them."""
        return self.at(dict(self.grid.whole()))

    def blocks(self) -> Iterator[tuple[tuple[slice, ...], Environment, Any, list[Any]]]:
        """Walk over the grid: where each block lies, and everything at its values."""
        if not self.grid.axes:
            yield (), *self.at({})
            return
        first = next(self.grid.blocks(self.functions, 1 << 30))[1]
        width = self._width(*self.at(first))
        for where, values in self.grid.blocks(self.functions, width):
            yield where, *self.at(values)

    def points(self) -> Iterator[tuple[tuple[int, ...], Environment, Any, list[Any]]]:
        """Walk over the grid point by point: its index, and everything with plain numbers for parameters."""
        for index, values in self.grid.points():
            yield index, *self.at(self.plain(values))

    def judged(
        self, *, by_point: bool = False
    ) -> Iterator[tuple[Any, Environment, list[tuple[Any, list[Any]]]]]:
        """Walk over the grid by blocks, or by points, with adaptation and starts.

        A method that learns its step is judged by that, as often as it learns it anew.
        """
        walk: Iterator[tuple[Any, Environment, Any, list[Any]]]
        walk = self.points() if by_point or self.learns else self.blocks()
        for where, environment, adaptation, starts in walk:
            if self.learns:
                tasks = environment.tasks()
                if self.copies != 1:
                    tasks = [task.enlarged(self.copies) for task in tasks]
                yield where, environment, [(step, [start]) for start, step in starts[0].learned_again(tasks)]
            else:
                yield where, environment, [(adaptation, starts)]

    def plain(self, values: dict[str, Varying]) -> dict[str, Any]:
        """Give functions plain numbers and arrays at one point of the grid."""
        return {
            k: (v.array if v.own else v.array.item()) if k in self.functions else v for k, v in values.items()
        }

    def at(self, values: dict[str, Any]) -> tuple[Environment, Any, list[Any]]:
        """Put values of all names where they belong, and let methods follow the adaptation."""
        made = [self._made(thing, values) for thing in (self.environment, self.adaptation, *self.starts)]
        environment: Environment = check_environment(made[0])
        adaptation = None if made[1] is None else as_adaptation(made[1])
        starts = [s if isinstance(s, Method) else _point(s, environment.d) for s in made[2:]]
        for name, value in values.items():
            if not isinstance(value, Varying):
                continue
            changed = environment.put(name, value)
            if changed is not None:
                environment = changed
                continue
            reached = adaptation is not None and (name == "m" or not self.own)
            moved = put(adaptation, name, value) if reached else None
            if moved is not None:
                adaptation = moved
                continue
            label = next((label for label in self._labels if name.startswith(label + ".")), None)
            if label is not None:
                index, rest = self._labels[label], name[len(label) + 1 :]
                start = put(starts[index], rest, value)
                if start is not None:
                    starts[index] = start
                    continue
                moved = put(adaptation, rest, value) if self.own else None
                if moved is not None:
                    adaptation = moved
                    continue
            if self._feeds_others(name):
                continue
            if name not in self.left:
                self.left[name] = self._names(environment, adaptation)
            if name not in self.elsewhere:
                raise ValueError(unknown_name(name, [*self.left[name], *self.elsewhere]))
        starts = [s.within(adaptation) if isinstance(s, Method) else s for s in starts]
        for thing in (adaptation, *(getattr(start, "inner", None) for start in starts)):
            if isinstance(thing, Adaptation):
                thing.check_dimension(environment.d)
        if self.is_symbolic:
            environment = exact(environment)
            adaptation = None if adaptation is None else exact(adaptation)
            starts = [exact(s) if isinstance(s, Method) else s for s in starts]
        return environment, adaptation, starts

    def _made(self, thing: Any, values: dict[str, Any]) -> Any:
        names = arguments(thing)
        return thing(**{name: values[name] for name in names}) if names else thing

    def _feeds_others(self, name: str) -> bool:
        """Whether the name serves only to compute others."""
        return any(name in arguments(f) for f in self.grid.derived.values())

    def _names(self, environment: Environment, adaptation: Any) -> list[str]:
        """Names that may vary."""
        names = [p.name for p in parameters(environment) if p.grid]
        if not names:
            fields = ("covariance", "centre", "spread", "noise", "probability")
            names += [
                f"{f.name}.{x}" for f in environment.families[:5] if isinstance(f, TaskFamily) for x in fields
            ]
        mine = [] if adaptation is None else [p.name for p in parameters(adaptation) if p.grid]
        names += mine if not self.own else [name for name in mine if name == "m"]
        for label, index in self._labels.items():
            start, inner = self.starts[index], getattr(self.starts[index], "inner", None)
            names += (
                [f"{label}.{p.name}" for p in parameters(start) if p.grid]
                if isinstance(start, Record)
                else []
            )
            names += (
                [f"{label}.inner.{p.name}" for p in parameters(inner) if p.grid] if inner is not None else []
            )
            names += [f"{label}.{name}" for name in mine] if self.own else []
        return names

    def _width(self, environment: Environment, adaptation: Any, starts: list[Any]) -> int:
        """Numbers of one operator at a grid point; of drawn tasks, which are computed side by side, of several."""
        operators = [task.inputs.Sigma for task in environment.tasks()]
        together = max(1, len(operators) // SHARE) if isinstance(environment, SampledEnvironment) else 1
        P = getattr(adaptation, "operator", None)
        if any(isinstance(A, Matrix) for A in (*operators, P)):
            return together * environment.d**2
        sizes = [operators[0].diagonal().shape[-1], *(len(s) for s in starts if isinstance(s, np.ndarray))]
        return together * max(*sizes, 1 if P is None else environment.d)

    def answer(self, question: Question, *, infinite: bool = False) -> list[Estimate]:
        """Ask a question on the whole grid; `infinite` says whether its numbers may be.

        Returns
        -------
        list of Estimate
            Shape (*grid), or (*grid, k) where the question gives vectors.

        Raises
        ------
        ValueError
            If a name fits nowhere, or numbers overflow.
        """
        shape, warned = self.grid.shape, False
        values: list[Array] = []
        replicates: list[Array | None] = []
        blocks: list[tuple[tuple[slice, ...], list[Provenance]]] = []
        for where, environment, pairs in self.judged():
            tasks, adaptation = environment.tasks(), pairs[0][0]
            if self.is_symbolic and any(isinstance(t.inputs.Sigma, Matrix) for t in tasks):
                raise ValueError(
                    "symbols need isotropic or diagonal families: give numbers, or use HardEasy or TwoTasks"
                )
            try:
                with np.errstate(over="ignore", invalid="ignore"):
                    asked = zip(*(map(_estimate, question(tasks, *pair)) for pair in pairs), strict=True)
                    parts = [_average(found) for found in asked]
            except OverflowError:
                raise ValueError(OVERFLOW) from None
            if not infinite:
                check_finite([part.value for part in parts], tasks, adaptation)
            if not warned and isinstance(adaptation, Adaptation) and not self.learns:
                warned = not self.is_symbolic and any(
                    adaptation.expands(task.inputs) for task in tasks if np.any(task.probability)
                )
            if not shape:
                values, replicates = [p.value for p in parts], [p.replicates for p in parts]
                blocks = [((), [p.how for p in parts])]
                break
            axes = sum(isinstance(place, slice) for place in where)
            own = [p.value.shape[axes:] for p in parts]
            if not values:
                values = [np.empty(shape + o, dtype=p.value.dtype) for p, o in zip(parts, own, strict=True)]
                sizes = [None if p.replicates is None else len(p.replicates) for p in parts]
                replicates = [
                    None if n is None else np.empty((n, *shape, *o)) for n, o in zip(sizes, own, strict=True)
                ]
            blocks.append((where, [p.how for p in parts]))
            for target, repeated, part in zip(values, replicates, parts, strict=True):
                target[where] = part.value
                if repeated is not None:
                    repeated[(slice(None), *where)] = part.replicates
        if warned:
            warn(EXPANDS)
        places, found = [where for where, _ in blocks], zip(*(hows for _, hows in blocks), strict=True)
        hows = [Provenance.of_blocks(shape, list(zip(places, own, strict=True))) for own in found]
        return [Estimate(*parts) for parts in zip(values, replicates, hows, strict=True)]


def check_finite(values: Sequence[Array], tasks: Sequence[Task], adaptation: Any) -> None:
    """Refuse numbers that overflow; where the expected loss is infinite, infinity is a number."""
    if all(v.dtype == object or np.isfinite(v).all() for v in values):
        return
    known = isinstance(adaptation, Adaptation) and any(
        np.any(adaptation.is_infinite(t.inputs)) for t in tasks
    )
    if not known:
        raise ValueError(OVERFLOW)
    if any(np.isnan(v).any() for v in values):
        raise ValueError(
            f"the expected loss of {adaptation!r} is infinite, and what is asked is no number there: leave such m out"
        )


def _average(found: Sequence[Estimate]) -> Estimate:
    """Average what is known of the same number after several pretrainings."""
    if len(found) == 1:
        return found[0]
    draws = [
        e.value[None] if e.replicates is None else np.vstack([e.value[None], e.replicates]) for e in found
    ]
    value, *replicates = averaged(draws)
    return Estimate(value, np.array(replicates), found[0].how)


def averaged(found: Sequence[Array]) -> Array:
    """Average over pretrainings, (1, ...) or (1 + groups, ...) each: all of them, and with each group left out."""
    if len(found) == 1:
        return found[0]
    every, which = np.stack(found), np.arange(len(found))
    groups = every.shape[1] - 1 or len(found)
    every = np.broadcast_to(every, (len(found), 1 + groups, *every.shape[2:]))
    kept = [every[which % groups != g, 1 + g].mean(axis=0) for g in range(groups)]
    return np.stack([every[:, 0].mean(axis=0), *kept])


def _estimate(part: Scalar | Estimate) -> Estimate:
    return part if isinstance(part, Estimate) else Estimate(np.asarray(part))


def unknown_name(name: str, names: Sequence[str]) -> str:
    """Say that a name in `over` belongs to nothing, which may be meant, and the cure."""
    try:
        checks.known("name in over", name, names)
    except ValueError as error:
        argument = name if name.isidentifier() else "value"
        return f"{error}; or give a function of it, for example environment=lambda {argument}: Mixture([...])"
    return f"{name} cannot vary here"


def _point(value: Any, d: Any) -> Any:
    if is_symbolic(value):
        return np.asarray([value])
    if isinstance(value, (type, str)):
        hint = f"; write {value.__name__}(...)" if isinstance(value, type) else ""
        raise TypeError(f"a start must be {Method._wanted}, or a point, got {short(value)}{hint}")
    return checks.point("start", value, d)

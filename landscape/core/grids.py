"""`over`: the one way a grid enters, with names.

A name is a parameter of a record, or an argument of a function that makes the environment, the adaptation or
a starting point. A big grid is evaluated block by block, so that memory stays bounded and temporaries in the
cache.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import numpy as np

from landscape.core.domains import is_symbolic, short
from landscape.core.parameters import Record, parameters, record, with_values
from landscape.core.typing import Array

T = TypeVar("T")

BLOCK = 1 << 14
"""Numbers of one operator at a time: a few dozen temporaries of 128 KiB stay in the cache."""

Over: TypeAlias = Mapping[str, Sequence[Any] | Array | Callable[..., Any]] | None


@dataclass(frozen=True)
class Varying:
    """The values of one name on a block of the grid.

    Attributes
    ----------
    array : array, shape (*grid, ...)
    own : int
        Axes that each value has of its own: 0 for numbers, 1 for vectors, 2 for matrices.
    checked : bool
        Whether they are a piece of values that were checked as a whole.
    """

    array: Array
    own: int = 0
    checked: bool = False


@record
class Grid(Record):
    """Named axes, and parameters that are functions of them.

    Parameters
    ----------
    axes : dict of str to array, shape (n, ...)
        The values along each axis; vectors and matrices have more axes of their own.
    derived : dict of str to callable
        Parameters computed from others, such as ``{"alpha": lambda rho_easy: 1 / rho_easy}``.
    computed : dict of str to array
        Their values over the grid, which results keep in place of the functions: these do not pickle.
    """

    axes: dict[str, Array]
    derived: dict[str, Callable[..., Any]]
    computed: dict[str, Array] = field(default_factory=dict)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return tuple(len(values) for values in self.axes.values())

    def columns(self, beside: Collection[str] = ()) -> dict[str, Array]:
        """Spread each axis over the grid, one entry a point: the first columns of every table.

        Values that are vectors or matrices stand as their position along the axis. A name that one of the columns
        `beside` these has, too, becomes ``over_...``: of label noise beside ``noise``, the part of the risk.
        """
        count, out = len(self.axes), {}
        for axis, (name, values) in enumerate(self.axes.items()):
            line = values if values.ndim == 1 else np.arange(len(values))
            out[name] = np.broadcast_to(line.reshape(_along(axis, count)), self.shape).ravel()
        more = self.without_functions().computed
        out |= {name: np.broadcast_to(values, self.shape).ravel() for name, values in more.items()}
        return {f"over_{name}" if name in beside else name: values for name, values in out.items()}

    def without_functions(self) -> Grid:
        """Return the grid with the values of derived parameters in place of the functions that compute them."""
        if not self.derived:
            return self
        whole = self.whole()
        return Grid(self.axes, {}, self.computed | {name: whole[name].array for name in self.derived})

    def blocks(self, single: set[str], width: int) -> Iterator[tuple[tuple[slice, ...], dict[str, Any]]]:
        """Cut the grid into blocks of at most `BLOCK` numbers, whole along the last axes.

        Parameters
        ----------
        single : set of str
            Axes that are walked one value at a time, as plain numbers: arguments of functions.
        width : int
            Numbers of one operator at a grid point.

        Yields
        ------
        tuple of slice
            Where the block lies.
        dict
            The values of each name, as `Varying`; plain numbers for the names in `single`.
        """
        sizes: list[int] = []
        room = max(1, BLOCK // width)
        for name, length in zip(reversed(self.dims), reversed(self.shape), strict=True):
            sizes.append(1 if name in single else max(1, min(length, room)))
            room = max(1, room // sizes[-1])
        sizes.reverse()
        counts = tuple(math.ceil(n / s) for n, s in zip(self.shape, sizes, strict=True))
        for k in range(math.prod(counts)):  # np.ndindex would list all of them first
            index = np.unravel_index(k, counts)
            where = tuple(slice(i * s, (i + 1) * s) for i, s in zip(index, sizes, strict=True))
            values = dict(self._values(where, single))
            for name, f in self.derived.items():
                given = {k: getattr(values[k], "array", values[k]) for k in arguments(f)}
                derived = np.asarray(f(**given), dtype=float)
                values[name] = derived.item() if name in single else Varying(derived, 0, True)
            yield where, values

    def whole(self) -> dict[str, Varying]:
        """Return the values of each name over the whole grid, as they broadcast against one another."""
        count = len(self.axes)
        values = {
            name: Varying(v.reshape(_along(axis, count) + v.shape[1:]), v.ndim - 1)
            for axis, (name, v) in enumerate(self.axes.items())
        }
        for name, f in self.derived.items():
            values[name] = Varying(np.asarray(f(**{k: values[k].array for k in arguments(f)}), dtype=float))
        return values

    def points(self) -> Iterator[tuple[tuple[int, ...], dict[str, Varying]]]:
        """Walk over the grid point by point: its index, and the value of each name."""
        for index in np.ndindex(*self.shape):
            values = {
                k: Varying(v[i], v.ndim - 1) for (k, v), i in zip(self.axes.items(), index, strict=True)
            }
            for name, f in self.derived.items():
                given = {k: values[k].array for k in arguments(f)}
                values[name] = Varying(np.asarray(f(**given), dtype=float))
            yield index, values

    def _values(self, where: tuple[slice, ...], single: set[str]) -> Iterator[tuple[str, Any]]:
        for axis, ((name, values), cut) in enumerate(zip(self.axes.items(), where, strict=True)):
            part = values[cut]
            if name in single:
                yield name, part[0].item() if part.ndim == 1 else part[0]
            else:
                yield (
                    name,
                    Varying(part.reshape(_along(axis, len(where)) + part.shape[1:]), part.ndim - 1, True),
                )


def _along(axis: int, count: int) -> tuple[int, ...]:
    return (1,) * axis + (-1,) + (1,) * (count - axis - 1)


def grid(over: Over) -> Grid:
    """Check what was given as `over` and make a grid of it."""
    if over is not None and not isinstance(over, Mapping):
        raise ValueError(f"over must be a dict of argument name to list of values, got {short(over)}")
    axes: dict[str, Array] = {}
    derived: dict[str, Callable[..., Any]] = {}
    for name, values in dict(over or {}).items():
        if callable(values):
            derived[name] = values
            continue
        array = _values(name, values)
        axes[name] = array
    for name, f in derived.items():
        missing = [k for k in arguments(f) if k not in axes and k not in derived]
        if missing:
            raise ValueError(
                f"over[{name!r}] is a function of {missing[0]!r}, which is no name in over; known: {list(axes)}"
            )
    return Grid(axes, derived)


def _values(name: str, values: Any) -> Array:
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.asarray(None)
    if array.ndim == 0 or array.size == 0 or array.dtype.kind not in "iufbU":
        raise ValueError(f"over[{name!r}] must be a list of values, got {short(values)}")
    own = array.astype(float) if array.dtype.kind in "iu" else array.copy()
    own.setflags(write=False)
    return own


def arguments(thing: Any) -> tuple[str, ...]:
    """Name the arguments of a function; a record, an array or a symbol has none."""
    if isinstance(thing, (Record, type)) or is_symbolic(thing) or not callable(thing):
        return ()
    return tuple(inspect.signature(thing).parameters)


def put(thing: T, name: str, values: Varying) -> T | None:
    """Put a parameter of a record on a grid; None where it has none of that name. Dots lead into records."""
    if not isinstance(thing, Record):
        return None
    head, _, rest = name.partition(".")
    if rest:
        part = getattr(thing, head, None) if any(f == head for f in vars(thing)) else None
        changed = None if part is None else put(part, rest, values)
        return None if changed is None else with_values(thing, {head: changed})
    for p in parameters(thing):
        if p.name == name:
            if not p.grid:
                hint = f"give a function of it, for example adaptation=lambda {name}: ..."
                raise ValueError(f"{name} takes no grid: {hint}")
            if values.own:
                raise ValueError(
                    f"over[{name!r}] must be a list of numbers, got arrays of shape {values.array.shape[-values.own :]}"
                )
            if not values.checked:
                p.domain.check_many(f"over[{name!r}]", values.array)
            if values.array.ndim:
                return with_values(thing, {name: values.array})
            return with_values(thing, {name: p.check(values.array.item())})
    return None

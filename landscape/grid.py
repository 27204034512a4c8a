"""Arguments that vary: arrays that broadcast against one another, evaluated block by block.

An argument that is a number by definition may be an array; several such arrays broadcast to one
*grid*. A block is a piece of the grid small enough to stay in the processor's cache, so memory is
bounded however large the grid is, and what varies along one axis only is computed along that axis
only.
"""

import dataclasses
import math

import numpy as np

from landscape import checks

BLOCK = 1 << 14  # points at a time: a few dozen temporaries of 128 KiB each
OVERFLOW = (
    "the result overflows: some argument is too large to compute with (an inner step multiplies by "
    "(1 - alpha * curvature)^2, and steps repeat it)"
)


class Point:
    """Given initial points, to be cut to blocks like any other argument.

    Parameters
    ----------
    value : ndarray, shape (..., d) or (1,)
        A single entry stands for all coordinates.
    """

    def __init__(self, value):
        self.value = value

    def cut(self, where, full):
        """The points of a block, as entries (d or 1, *block)."""
        value = self.value.reshape((1,) * (len(full) + 1 - self.value.ndim) + self.value.shape)
        return _cut(np.moveaxis(value, -1, 0), where, leading=1)


def shape(*records):
    """The broadcast shape of all array-valued arguments of `records`."""
    shapes = [(name, value.shape) for record in records for name, value in _arrays(record)]
    try:
        return np.broadcast_shapes(*(s for _, s in shapes))
    except ValueError:
        listed = ", ".join(f"{name} {s}" for name, s in shapes)
        raise ValueError(f"the grids must broadcast against one another, got shapes: {listed}") from None


def _arrays(record):
    if isinstance(record, Point):
        yield "point", record.value[..., 0]
        return
    for name in record._varying:
        value = getattr(record, name)
        if isinstance(value, np.ndarray):
            yield name, value


def at(record, where, full):
    """`record` with its arrays cut to a block, or to one point where `where` holds integers."""
    if isinstance(record, Point):
        return record.cut(where, full)
    values = {}
    for name, value in _arrays(record):
        part = _cut(value.reshape((1,) * (len(full) - value.ndim) + value.shape), where)
        values[name] = part if part.ndim else float(part)
    return _unchecked_replace(record, values) if values else record


def _cut(array, where, leading=0):
    """Index the grid axes of an array; axes of length 1 are kept whole, so that they broadcast."""
    lengths = array.shape[leading:]
    whole = [0 if isinstance(w, int) else slice(None) for w in where]
    index = [w if n > 1 else all_ for w, all_, n in zip(where, whole, lengths, strict=True)]
    return array[(slice(None),) * leading + tuple(index)]


def _unchecked_replace(record, values):
    """`dataclasses.replace` without validation: a part of checked values needs no second check."""
    new = object.__new__(type(record))
    for field in dataclasses.fields(record):
        object.__setattr__(new, field.name, values.get(field.name, getattr(record, field.name)))
    return new


def blocks(full, limit=BLOCK):
    """Cut a grid into tuples of slices of at most `limit` points, whole along the last axes."""
    sizes, room = [], limit
    for length in reversed(full):
        size = max(1, min(length, room))
        sizes.append(size)
        room //= max(size, 1)
    sizes.reverse()
    for index in np.ndindex(*(math.ceil(n / s) for n, s in zip(full, sizes, strict=True))):
        yield tuple(slice(i * s, (i + 1) * s) for i, s in zip(index, sizes, strict=True))


def evaluate(compute, environment, *records):
    """Evaluate `compute` over the grid that the arguments span.

    Parameters
    ----------
    compute : callable
        Takes the task list of one block (see `Environment.tasks`) and `records` cut to the block;
        returns a list of arrays that broadcast to the block.
    environment : Environment
    *records : Record
        Adaptation, methods, points.

    Returns
    -------
    ndarray, shape (outputs, *grid)
    """
    full = shape(environment, *records)
    pointwise = environment.needs_single_points
    if pointwise and any(
        checks.is_symbolic(getattr(r, name))
        for r in records
        if not isinstance(r, Point)
        for name in r._varying
    ):
        raise ValueError(
            "symbols need isotropic or diagonal families: give numbers, or use hard_easy() or two_tasks()"
        )
    out = None
    for where in np.ndindex(*full) if pointwise and full else blocks(full):
        env, *cut = [at(record, where, full) for record in (environment, *records)]
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                values = compute(env.tasks(0 if pointwise else len(full)), *cut)
        except OverflowError:
            raise ValueError(OVERFLOW) from None
        if out is None:
            out = np.empty((len(values), *full), dtype=np.result_type(*(np.asarray(v).dtype for v in values)))
        for j, value in enumerate(values):
            out[(j, *where)] = value
    if out.dtype != object and not np.isfinite(out).all():
        raise ValueError(OVERFLOW)
    return out


def points_along(over, environment, adaptation, methods):
    """Spread named values over new grid axes, one axis a name, in the order given.

    Returns the environment, adaptation and methods with arrays in place of numbers. A name is looked
    for in the environment, then in the adaptation, then in the methods.
    """
    if over is not None and not isinstance(over, dict):
        raise ValueError(f"over must be a dict of argument name to list of values, got {over!r}")
    over = dict(over or {})
    before = shape(environment, adaptation, *(m.resolved for m in methods))
    if over and before:
        raise ValueError(
            f"give grids either as arrays or in over=, not both; got arrays of shape {before} already"
        )
    allowed = dict.fromkeys(
        [*environment._varying, *adaptation._varying, *(n for m in methods for n in m._varying)]
    )
    for axis, (name, values) in enumerate(over.items()):
        checks.known("name in over", name, allowed)
        values = checks.number(f"over[{name!r}]", values, grid=True, infinite=True)
        if np.ndim(values) != 1:
            raise ValueError(f"over[{name!r}] must be a list of values, got {values!r}")
        values = values.reshape((-1,) + (1,) * (len(over) - axis - 1))
        if name in environment._varying:
            environment = dataclasses.replace(environment, **{name: values})
        elif name in adaptation._varying:
            adaptation = dataclasses.replace(adaptation, **{name: values})
        else:
            methods = [dataclasses.replace(m, **{name: values}) if name in m._varying else m for m in methods]
    return environment, adaptation, [method.following(adaptation) for method in methods]

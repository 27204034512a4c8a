"""The base of all frozen value objects: equality, hash and a repr that know about arrays."""

import dataclasses

import numpy as np


def _same(a, b):
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    if hasattr(a, "equals"):  # a table
        return a.equals(b)
    return type(a) is type(b) and a == b


def _key(value):
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    return value.shape if hasattr(value, "equals") else value


class Record:
    """Base class of frozen dataclasses that may hold arrays.

    Subclasses are declared with ``@dataclass(frozen=True, eq=False, repr=False)``; they are changed
    by `dataclasses.replace`. ``repr`` leaves defaults and fields with ``repr=False`` out and evaluates back where
    the fields are plain numbers.
    """

    _constructor: str | None = None  # how a reader makes one, where it is not the class itself
    _varying: tuple[str, ...] = ()  # the arguments that may be arrays: the axes of a grid

    def __eq__(self, other):
        if type(self) is not type(other):
            return NotImplemented
        names = [field.name for field in dataclasses.fields(self)]
        return all(_same(getattr(self, name), getattr(other, name)) for name in names)

    def __hash__(self):
        return hash((type(self), *(_key(getattr(self, f.name)) for f in dataclasses.fields(self))))

    def __repr__(self):
        parts = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not field.repr or (field.default is not dataclasses.MISSING and _same(value, field.default)):
                continue
            shown = repr(value) if not isinstance(value, np.ndarray) else self._show(value)
            required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            parts.append(shown if required and not parts else f"{field.name}={shown}")
        return f"{self._constructor or type(self).__name__}({', '.join(parts)})"

    @staticmethod
    def _show(array):
        if array.size <= 6:
            return repr(array.tolist())
        return f"<array of shape {array.shape}>"

    def _set(self, **values):
        """Store checked values in a frozen instance (from ``__post_init__`` only)."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

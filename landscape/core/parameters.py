"""A parameter is declared once: domain, symbol, label, typical range.

Validation, documentation, LaTeX, sliders, axis labels and the draws of tests read that one line.
"""

import dataclasses
import inspect
import re
from collections.abc import Mapping
from typing import Any, Self, TypeVar, dataclass_transform

import numpy as np

from landscape.core.checks import known
from landscape.core.domains import Domain, MatrixDomain, is_symbolic, short

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What is known about one field of a record.

    Parameters
    ----------
    name : str
    domain : Domain
    symbol : str
        In LaTeX.
    label : str
        In words, for axes, sliders and documentation.
    typical : tuple of float
        The ends of the range in which tests draw it and sliders move it.
    grid : bool
        Whether it may vary over a grid (`over=`) and may be a SymPy expression.
    instead : str
        What to use for a vector or a matrix (or, where one is wanted, for a number), for the message.
    """

    name: str
    domain: Domain
    symbol: str = ""
    label: str = ""
    typical: tuple[float, ...] = (0.0, 1.0)
    grid: bool = False
    instead: str = ""

    def check(self, value: Any) -> Any:
        """Return the value as a float, int, str or SymPy expression, or say what is wrong with it."""
        if isinstance(self.domain, MatrixDomain):
            if np.ndim(value) == 0 and self.instead:
                raise TypeError(f"{self.name} must be {self.domain}, got {short(value)}: {self.instead}")
            return self.domain.check(self.name, value)
        shape = () if self.domain.choices or is_symbolic(value) else _shape(value)
        if shape:
            cure = f'for a grid write over={{"{self.name}": [...]}}' if self.grid else "it takes no grid"
            more = f"; {self.instead}" if self.instead else ""
            raise TypeError(f"{self.name} must be one number, got an array of shape {shape}: {cure}{more}")
        return self.domain.check(self.name, value, symbols=self.grid)

    def draw(self, rng: np.random.Generator, d: int) -> Any:
        """Draw a typical value in d dimensions, for tests that run over everything registered."""
        return self.domain.draw(rng, self.typical, d)


def _shape(value: Any) -> tuple[int, ...]:
    """The shape of what was given; () for ragged lists, which the domain refuses."""
    try:
        return np.shape(value)
    except ValueError:
        return ()


def parameter(
    domain: Domain,
    *,
    default: Any = dataclasses.MISSING,
    symbol: str = "",
    label: str = "",
    typical: tuple[float, ...] = (0.0, 1.0),
    grid: bool = False,
    instead: str = "",
) -> Any:
    """Declare a field of a record; see `Parameter`."""
    declared = Parameter("", domain, symbol, label, typical, grid, instead)
    return dataclasses.field(default=default, metadata={"parameter": declared})


class Record:
    """Base of frozen values that may hold arrays.

    Their parameters are checked when they are made; they compare and hash by value, pickle, and their `repr`
    evaluates back. They are changed by `dataclasses.replace`.
    """

    def __new__(cls, *args: Any, **values: Any) -> Self:
        """Make an empty instance; a misspelt parameter is an error that says what was meant."""
        for name in values:
            known(f"parameter of {cls.__name__}", name, (f.name for f in _fields(cls)))
        return super().__new__(cls)

    def __post_init__(self) -> None:
        self._set(**{p.name: p.check(getattr(self, p.name)) for p in parameters(self)})

    def _set(self, **values: Any) -> None:
        """Store checked values in a frozen instance (from ``__post_init__`` only)."""
        for name, value in values.items():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    def _key(self) -> tuple[Any, ...]:
        return type(self), *(_key(getattr(self, f.name)) for f in _fields(type(self)))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Record) and type(self) is type(other) and self._key() == other._key()

    def __hash__(self) -> int:
        known: int | None = self.__dict__.get("_hash")
        if known is None:
            known = self.__dict__["_hash"] = hash(self._key())
        return known

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in _fields(type(self))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set(**state)

    def __repr__(self) -> str:
        parts: list[str] = []
        for field in _fields(type(self)):
            value = getattr(self, field.name)
            if not field.repr or (field.default is not dataclasses.MISSING and _same(value, field.default)):
                continue
            positional = not parts and field is _fields(type(self))[0] and not field.kw_only
            parts.append(_shown(value) if positional else f"{field.name}={_shown(value)}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def _repr_latex_(self) -> str | None:
        shown = (
            f"{p.symbol or p.name} = {_latex(getattr(self, p.name))}" for p in parameters(self) if p.symbol
        )
        return "$" + r",\ ".join(shown) + "$"


def _key(value: Any) -> Any:
    """A hashable stand-in that is equal exactly where the values are."""
    if isinstance(value, np.ndarray):
        return value.shape, tuple(value.flat) if value.dtype == object else (value + 0.0).tobytes()
    if isinstance(value, Mapping):
        return frozenset((k, _key(v)) for k, v in value.items())
    if isinstance(value, (tuple, list)):
        return tuple(map(_key, value))
    return value


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and _key(a) == _key(b)


def _shown(value: Any) -> str:
    """Show a value so that it evaluates back; large arrays by their shape only."""
    if isinstance(value, np.ndarray):
        return repr(value.tolist()) if value.size <= 36 else f"<array of shape {value.shape}>"
    if isinstance(value, float) and np.isinf(value):
        return 'float("inf")'
    return repr(value)


def _latex(value: Any) -> str:
    if is_symbolic(value):
        import sympy  # optional here: only symbols need it, and importing it takes 0.3 s

        return str(sympy.latex(value))
    if isinstance(value, np.ndarray):
        return rf"\text{{array {value.shape}}}"
    return r"\infty" if isinstance(value, float) and np.isinf(value) else f"{value:g}"


_FIELDS: dict[type, tuple[dataclasses.Field[Any], ...]] = {}
_DECLARED: dict[type, tuple[Parameter, ...]] = {}
"""Looked up for every record that is made, compared or hashed."""


def _fields(cls: Any) -> tuple[dataclasses.Field[Any], ...]:
    if cls not in _FIELDS:
        _FIELDS[cls] = dataclasses.fields(cls)
    return _FIELDS[cls]


def _declared(cls: Any) -> tuple[Parameter, ...]:
    if cls not in _DECLARED:
        found = (f for f in _fields(cls) if "parameter" in f.metadata)
        _DECLARED[cls] = tuple(dataclasses.replace(f.metadata["parameter"], name=f.name) for f in found)
    return _DECLARED[cls]


def parameters(record: Any) -> tuple[Parameter, ...]:
    """List what a record, or its class, declares."""
    return _declared(record if isinstance(record, type) else type(record))


def with_values(record: T, values: Mapping[str, Any]) -> T:
    """Replace fields without validation: pieces of checked grids need no second check."""
    new: T = object.__new__(type(record))
    for field in _fields(type(record)):
        object.__setattr__(new, field.name, values.get(field.name, getattr(record, field.name)))
    return new


def is_symbolic_record(record: Any) -> bool:
    """Say whether any parameter of a record, or of records inside it, is a SymPy expression."""
    if isinstance(record, tuple):
        return any(map(is_symbolic_record, record))
    if not isinstance(record, Record):
        return is_symbolic(record)
    return any(is_symbolic_record(getattr(record, f.name)) for f in _fields(type(record)))


def exact(record: T) -> T:
    """Turn whole numbers and short decimals of a record's parameters into exact SymPy numbers.

    Beside symbols a float would spread: 0.5*rho for rho/2. A decimal is short if it has at most six digits.
    """
    import sympy  # optional here: only symbols need it

    def rational(value: Any) -> Any:
        if isinstance(value, Record):
            return exact(value)
        if isinstance(value, tuple):
            return tuple(map(rational, value))
        if isinstance(value, float) and np.isfinite(value) and len(repr(value).strip("0.-")) <= 7:
            return sympy.Rational(repr(value))
        return value

    grids = {p.name for p in parameters(record) if p.grid}
    values = {f.name: getattr(record, f.name) for f in _fields(type(record))}
    whole = {k: sympy.Integer(v) for k, v in values.items() if k in grids and isinstance(v, int)}
    return with_values(record, {k: rational(v) for k, v in values.items()} | whole)


def document(cls: type) -> str:
    """Write the parameters of a record in numpydoc: as they are declared, or as a base describes them."""
    declared = {p.name: _described(p) for p in _declared(cls)}
    texts = (declared.get(field.name) or _inherited(cls, field.name) for field in _fields(cls))
    return "\n".join(text for text in texts if text)


def _inherited(cls: type, name: str) -> str:
    """Look up what a base says of a parameter; nothing where the class itself describes it."""
    entry = re.compile(rf"^{name} : .*(\n    .*)*", re.M)
    for kind in cls.__mro__:
        listed = inspect.cleandoc(kind.__doc__ or "").partition("Parameters\n----------\n")[2]
        found = entry.search(listed.partition("\n\n")[0])
        if found:
            return "" if kind is cls else found[0]
    return ""


def _described(p: Parameter) -> str:
    symbol = f" :math:`{p.symbol}`" if p.symbol else ""
    label = p.label[:1].upper() + p.label[1:]
    plain = p.domain.choices or isinstance(p.domain, MatrixDomain)
    bounds = str(p.domain).replace("finite and ", "").replace("a whole number and ", "")
    kind = bounds if plain else f"{'int' if p.domain.whole else 'float'}, {bounds}"
    return f"{p.name} : {kind}\n    {label}{symbol}." + (" Varies by ``over=``." if p.grid else "")


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(parameter, dataclasses.field))
def record(cls: type[T]) -> type[T]:
    """Make a frozen dataclass of a `Record`; its docstring lists the declared parameters."""
    new = dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
    new.__doc__ = _with_parameters(new, cls.__doc__ or "")
    return new


@dataclass_transform(
    frozen_default=True,
    eq_default=False,
    kw_only_default=True,
    field_specifiers=(parameter, dataclasses.field),
)
def keyword_record(cls: type[T]) -> type[T]:
    """Make a `record` whose fields are given by keyword only."""
    new = dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)(cls)
    new.__doc__ = _with_parameters(new, cls.__doc__ or "")
    return new


def _with_parameters(cls: type, text: str) -> str:
    """Insert the declared parameters beside those that the text describes, in the order of the call."""
    text = inspect.cleandoc(text)  # the compiler has done so from Python 3.13
    written = document(cls)
    if not written:
        return text
    header = "\n\nParameters\n----------\n"
    sections = ("Raises", "See Also", "Notes", "References", "Examples")
    places = [text.find(f"\n\n{section}\n---") for section in sections]
    end = min((place for place in places if place >= 0), default=len(text))
    above, _, own = text[:end].rstrip().partition(header)
    entries = [entry for part in (own, written) if part for entry in re.split(r"\n(?=\S)", part)]
    order = {name: place for place, name in enumerate(inspect.signature(cls).parameters)}
    entries.sort(key=lambda entry: order.get(re.split("[ ,]", entry, maxsplit=1)[0], -1))
    return above + header + "\n".join(entries) + text[end:]

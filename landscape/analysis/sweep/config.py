"""A sweep from a TOML file: names and numbers only, looked up among what is registered; nothing in it is run.

``landscape sweep --help`` shows an example.
"""

import dataclasses
import inspect
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from landscape.adaptations.base import Adaptation, as_adaptation
from landscape.core import checks
from landscape.core.domains import real, short, whole
from landscape.core.parameters import parameters
from landscape.methods.base import Method
from landscape.methods.budget import Training
from landscape.tasks.environment import Environment, Mixture
from landscape.tasks.families import TaskFamily

T = TypeVar("T")

PARTS = ("environment", "adaptation", "method", "training")
OPTIONS = ("over", "file", "seeds", "repeats", "tasks", "sampling", "engine")


def load(path: str | Path) -> dict[str, Any]:
    """Read the arguments of `sweep` from a file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If the file cannot be read, or a part of it is missing, unknown or not usable.
    """
    given = _parsed(path)
    for name in given:
        checks.known("part", name, [*PARTS, *OPTIONS])
    for name in PARTS:
        if name not in given:
            raise ValueError(f"{str(path)!r} has no part [{name}]: see `landscape sweep --help`")
    methods = given["method"] if isinstance(given["method"], list) else [given["method"]]
    over = _table("over", given.get("over", {}))
    return {
        "environment": _environment(_table("environment", given["environment"])),
        "methods": [_chosen("method", _table("method", method), Method.registry) for method in methods],
        "adaptation": _adaptation("adaptation", given["adaptation"]),
        "training": _made("training", Training, _table("training", given["training"])),
        "over": {name: _values(name, values) for name, values in over.items()},
    } | {name: given[name] for name in OPTIONS[1:] if name in given}


def _parsed(path: str | Path) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(f"cannot read {str(path)!r}: {error.strerror}") from None
    except RecursionError:
        raise ValueError(f"{str(path)!r} is not usable: its brackets are nested too deeply") from None
    except ValueError as error:  # of TOML or of UTF-8
        raise ValueError(f"{str(path)!r} is not TOML: {error}") from None


def _table(part: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"[{part}] must be a table of names and values, got {short(value)}")
    return dict(value)


def _chosen(part: str, values: dict[str, Any], kinds: Mapping[str, type[T]], usual: str | None = None) -> T:
    """Make one of several kinds of record; `usual` is the kind where none is named."""
    kind = values.pop("kind", usual)
    return _made(part, kinds[checks.known(f"kind of [{part}]", kind, kinds)], values)


def _made(part: str, kind: type[T], values: dict[str, Any]) -> T:
    """Make a record, naming the part where something does not fit; the record checks its parameters itself."""
    fields = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for name in values:
        checks.known(f"parameter of {kind.__name__} in [{part}]", name, fields)
    if "inner" in values:
        values["inner"] = _adaptation(f"{part}.inner", values["inner"])
    try:
        inspect.signature(kind).bind(**values)
    except TypeError as error:
        raise ValueError(f"[{part}]: {kind.__name__} is {error}") from None
    return kind(**{name: value if name == "name" else _number(value) for name, value in values.items()})


def _adaptation(part: str, value: Any) -> Adaptation:
    """A number for gradient steps of that size, or a table."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return as_adaptation(value, part)
    return _chosen(part, _table(part, value), Adaptation.registry, usual="GradientSteps")


def _environment(values: dict[str, Any]) -> Environment:
    kinds = _declared(Environment) | {"Mixture": Mixture}
    if values.get("kind") == "Mixture":
        families = values.get("families", [])
        if not isinstance(families, list):
            raise ValueError(f"[[environment.families]] must be a list of tables, got {short(families)}")
        part = "environment.families"
        values["families"] = tuple(_made(part, TaskFamily, _table(part, family)) for family in families)
    return _chosen("environment", values, kinds)


def _declared(cls: Any) -> dict[str, type[Environment]]:
    """Environments by name that declare their parameters, so that a table of numbers can make one."""
    made = dataclasses.is_dataclass(cls) and not inspect.isabstract(cls) and parameters(cls)
    found = {cls.__name__: cls} if made else {}
    for subclass in cls.__subclasses__():
        found |= _declared(subclass)
    return found


def _number(value: Any) -> Any:
    """Infinity for the text "inf": other formats than TOML have no number for it."""
    return float("inf") if isinstance(value, str) and value == "inf" else value


def _values(name: str, values: Any) -> Any:
    """A list of values, or equally spaced ones from start, stop and num."""
    if isinstance(values, list):
        return [_number(value) for value in values]
    if not isinstance(values, dict):
        return values
    if set(values) != {"start", "stop", "num"}:
        raise ValueError(f"over.{name} must be a list, or have start, stop and num, got {short(values)}")
    num = whole(1, 1_000_000).check(f"over.{name}.num", values["num"])
    start, stop = (real.check(f"over.{name}.{end}", values[end]) for end in ("start", "stop"))
    return np.linspace(start, stop, num)

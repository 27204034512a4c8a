"""Trained models as JSON: plain values in a versioned form, without code; what is damaged is refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from landscape._version import __version__
from landscape.adaptations import Adaptation
from landscape.core import Array, checks, positive, real
from landscape.core.parameters import parameters
from landscape.tasks.tables.columns import Coordinate
from landscape.tasks.tables.preprocessing import Preprocessing

FORMAT, VERSION = "landscape model", 1
PLAIN = ("target", "intercept", "target_centre", "target_scale")
"""Fields of `Preprocessing` that JSON has as they are."""


Model = TypeVar("Model")


def to_object(
    preprocessing: Preprocessing, start: Array, adaptation: Adaptation, name: str
) -> dict[str, Any]:
    """Write the parts of a model as plain values."""
    values = {p.name: _plain(getattr(adaptation, p.name)) for p in parameters(adaptation)}
    return {
        "format": FORMAT,
        "version": VERSION,
        "made by": f"landscape {__version__}",
        "name": name,
        "preprocessing": {
            **{field: getattr(preprocessing, field) for field in PLAIN},
            "task": list(preprocessing.task),
            "columns": list(preprocessing.columns),
            "levels": {column: list(levels) for column, levels in preprocessing.levels.items()},
            "coordinates": [one._asdict() for one in preprocessing.coordinates],
        },
        "start": start.tolist(),
        "adaptation": {"kind": type(adaptation).__name__, **values},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    value = value.item() if isinstance(value, np.generic) else value
    return "inf" if isinstance(value, float) and np.isinf(value) else value


def read_object(path: str | Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    ValueError
        If there is none, or it is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise ValueError(f"cannot read the model {str(path)!r}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ValueError(f"{path} is no model of landscape, or is damaged: it is not JSON") from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number")


def from_object(
    values: Any, source: str, make: Callable[[Preprocessing, Any, Adaptation, str], Model]
) -> Model:
    """Make a model of plain values, with every part checked.

    Parameters
    ----------
    values : object
        As `to_object` returns it.
    source : str
        Where it comes from, for the message.
    make : callable
        Makes it of the preprocessing, the start, the adaptation and the name.

    Raises
    ------
    ValueError
        If something is missing or wrong, or a newer version wrote it.
    """
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError(f'{source} is no model of landscape: it lacks the line "format": "{FORMAT}"')
    version = values.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"{source} is damaged: version must be a whole number, got {version!r}")
    if version > VERSION:
        raise ValueError(
            f"{source} has version {version} of the format, and this is landscape {__version__}, which knows up to "
            f"{VERSION}: install a newer one"
        )
    try:
        preprocessing = _preprocessing(values["preprocessing"])
        adaptation = _adaptation(values["adaptation"], len(preprocessing.features))
        return make(preprocessing, values["start"], adaptation, _text(values["name"]))
    except KeyError as error:
        raise ValueError(f"{source} is damaged: {error} is missing") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{source} is damaged: {error}") from None


def _preprocessing(values: dict[str, Any]) -> Preprocessing:
    columns = _texts(values["columns"])
    levels = {_text(column): _texts(found) for column, found in values["levels"].items()}
    coordinates = tuple(Coordinate(**one) for one in values["coordinates"])
    for one in coordinates:
        checks.known("column of a coordinate", one.column, columns)
        if one.level is not None:
            checks.known("level of a coordinate", one.level, levels[one.column])
        _number("centre", one.centre)
        _scale("scale", one.scale)
    return Preprocessing(
        _text(values["target"]),
        _texts(values["task"]),
        columns,
        levels,
        coordinates,
        checks.flag("intercept", values["intercept"]),
        _number("target_centre", values["target_centre"]),
        _scale("target_scale", values["target_scale"]),
    )


def _adaptation(values: dict[str, Any], d: int) -> Adaptation:
    kind = Adaptation.registry[checks.known("kind of adaptation", values["kind"], Adaptation.registry)]
    given = {p.name: values[p.name] for p in parameters(kind)}
    made = kind(**{name: np.inf if value == "inf" else value for name, value in given.items()})
    for p in parameters(kind):
        array = getattr(made, p.name)
        if isinstance(array, np.ndarray) and len(array) != d:
            raise ValueError(f"{p.name} must be of {d} coordinates, got {len(array)}")
    return made


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is wanted, got {value!r}")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"a list of texts is wanted, got {values!r}")
    return tuple(map(_text, values))


def _number(name: str, value: Any) -> float:
    return float(real.check(name, value))


def _scale(name: str, value: Any) -> float:
    return float(positive.check(name, value))

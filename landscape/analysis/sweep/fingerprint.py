"""Are two values the same? Said by a digest of everything that they hold, and by text for people."""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from landscape.core.grids import arguments
from landscape.core.parameters import Record
from landscape.methods.estimator import Estimator


def signed(value: Any) -> str:
    """Write a value on one line, with its digest as the last word; of a function only its arguments."""
    if arguments(value):
        return f"a function of {', '.join(arguments(value))}, computed"
    text = " ".join(repr(value).split())
    return f"{text if len(text) <= 120 else text[:117] + '...'} {digest(value)}"


def digest(value: Any) -> str:
    """Compute a short hash of everything a value holds."""
    return hashlib.sha256(b"".join(_bytes(value))).hexdigest()[:12]


def _bytes(value: Any) -> Iterator[bytes]:
    if isinstance(value, Estimator):
        value = value.fingerprint()
    if isinstance(value, Record):
        value = [type(value).__name__, *(getattr(value, field.name) for field in _fields(value))]
    if isinstance(value, Mapping):
        value = list(value.items())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        yield f"[{len(value)}".encode()
        for part in value:
            yield from _bytes(part)
    elif isinstance(value, np.ndarray) and value.dtype != object:
        yield f"{value.dtype.str}{value.shape}".encode() + value.tobytes()
    elif value is None or isinstance(value, (str, int, float)):
        yield repr(value).encode()
    else:
        raise ValueError(
            f"a sweep cannot tell whether two of {type(value).__name__} are the same: give numbers and arrays"
        )


def _fields(value: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(value)

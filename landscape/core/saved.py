"""Results kept in files: a headline and a table, as JSON or Parquet; no code is run when they are read."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape._version import __version__
from landscape.core.domains import is_symbolic, short
from landscape.core.files import save
from landscape.core.parameters import record
from landscape.core.parquet import read_parquet
from landscape.core.results import Result

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "landscape result"
KINDS = {"b": "bool", "i": "int64", "u": "uint64", "f": "float64", "O": "object"}
"""Of columns, by NumPy's letters; in columns of objects are texts, or cells of several kinds."""
SPECIAL = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
"""Numbers that JSON has no words for, written as {"number": "inf"}."""


@record
class SavedResult(Result):
    """A result that was kept in a file: what it said and its table, with all that can be made of a table.

    Parameters
    ----------
    kind : str
        Of result, such as "Comparison".
    said : str
        Its headline.
    table : dict of str to array, shape (rows,)
        Its columns.
    made_by : str
        Which version wrote it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from landscape import GradientSteps, HardEasy, MAML, NAL, SavedResult, compare
    >>> compared = compare(HardEasy(d=2), [NAL(), MAML()], GradientSteps(0.5, m=5))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = SavedResult.load(compared.to_file(Path(folder) / "compared.json"))
    >>> again.headline() == compared.headline()
    True
    >>> again.to_frame().equals(compared.to_frame())
    True
    """

    kind: str
    said: str
    table: Mapping[str, Any]
    made_by: str = ""

    def headline(self) -> str:
        """Say what the result said."""
        return self.said

    def columns(self) -> Mapping[str, Any]:
        """Give the columns of the table."""
        return self.table

    def to_file(self, path: str | Path) -> Path:
        """Write it again, as the kind of result that it was."""
        return write(self.kind, self.said, self.to_frame(), path)

    @classmethod
    def load(cls, path: str | Path) -> SavedResult:
        """Read a result that `Result.to_file` has written.

        Raises
        ------
        ValueError
            If there is no such file, or it holds something else or is damaged.
        """
        path = _named(path)
        if os.path.exists(path) and not os.path.isfile(path):
            raise ValueError(f"cannot read the result {str(path)!r}: it is no plain file")
        notes, table = _from_parquet(path) if path.suffix == ".parquet" else _from_json(path)
        texts = [notes.get(name) for name in ("kind", "headline", "made by")]
        if notes.get("format") != FORMAT or not all(isinstance(text, str) for text in texts):
            raise ValueError(f'{path} holds no result of landscape: it lacks the note "format": "{FORMAT}"')
        kind, said, made_by = map(str, texts)
        return cls(kind, said, table, made_by)


def _named(path: Any) -> Path:
    if not isinstance(path, (str, Path)) or Path(path).suffix not in (".json", ".parquet"):
        raise ValueError(f"the file of a result must end in .json or .parquet, got {path!r}")
    return Path(path)


def write(kind: str, headline: str, frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a headline and a table; see `Result.to_file`."""
    path = _named(path)
    columns = {str(name): _plain(str(name), frame[name].to_numpy()) for name in frame.columns}
    notes = {"format": FORMAT, "made by": f"landscape {__version__}", "kind": kind, "headline": headline}
    if path.suffix == ".json":
        text = json.dumps({**notes, "columns": columns}, allow_nan=False, ensure_ascii=False)
        return save("the result", path, (text + "\n").encode())
    frame = frame.copy(deep=False)
    frame.attrs = notes
    try:
        content = frame.to_parquet(index=False, engine="pyarrow")
    except ImportError:
        raise ImportError("Parquet files need pyarrow: pip install 'task-landscape[data]'") from None
    except (TypeError, ValueError, OverflowError) as error:  # cells of several kinds in a column
        raise ValueError(f"Parquet cannot hold this table ({error}): save it as .json") from None
    return save("the result", path, content)


def _plain(name: str, values: Any) -> dict[str, Any]:
    """A column's kind and cells as JSON has them."""
    kind = KINDS.get(values.dtype.kind)
    if kind is None:
        raise ValueError(f"column {name!r} cannot be saved: it is of type {values.dtype}")
    return {"kind": kind, "cells": [_plain_cell(name, cell) for cell in values.tolist()]}


def _plain_cell(name: str, cell: Any) -> Any:
    cell = cell.item() if isinstance(cell, np.generic) else cell
    if isinstance(cell, float) and not math.isfinite(cell):
        return {"number": repr(cell)}
    if cell is None or isinstance(cell, (bool, int, float, str)):
        return cell
    if is_symbolic(cell):
        raise ValueError(
            f"column {name!r} cannot be saved: it holds symbols ({short(cell)}): put in numbers first"
        )
    raise ValueError(f"column {name!r} cannot be saved: {cell!r} is no number, text or truth value")


def _from_parquet(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    frame = read_parquet(path)
    return dict(frame.attrs), {str(name): frame[name].to_numpy() for name in frame.columns}


def _from_json(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read the result {str(path)!r}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ValueError(f"{path} holds no result of landscape, or is damaged: it is not JSON") from None
    if not isinstance(values, dict) or not isinstance(values.get("columns"), dict):
        return {}, {}
    try:
        table = {name: _column(one["kind"], one["cells"]) for name, one in values["columns"].items()}
        if len({len(column) for column in table.values()}) > 1:
            raise ValueError("its columns differ in length")
    except KeyError as error:
        raise ValueError(f"{path} is damaged: {error} is missing in a column") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    return values, table


def _column(kind: Any, cells: Any) -> Any:
    if kind not in KINDS.values() or not isinstance(cells, list):
        raise ValueError(f"a column has a kind, one of {', '.join(KINDS.values())}, and a list of cells")
    out = np.empty(len(cells), dtype=kind)
    for k, cell in enumerate(cells):
        value = _special(cell) if isinstance(cell, dict) else cell
        if kind != "object" and type(value) is not {"b": bool, "f": float}.get(out.dtype.kind, int):
            raise ValueError(f"{value!r} stands in a column of kind {kind}")
        if value is not None and not isinstance(value, (bool, int, float, str)):
            raise ValueError(f"{value!r} is no number, text or truth value")
        out[k] = value
    return out


def _special(cell: dict[str, Any]) -> float:
    number = cell.get("number")
    if len(cell) > 1 or not isinstance(number, str) or number not in SPECIAL:
        raise ValueError(f"{cell!r} is no number, text or truth value")
    return SPECIAL[number]

"""The files of a sweep: CSV and Parquet, each with the plan it belongs to and a checksum.

A checksum tells accidents, not intent: whoever can write a file can write its checksum. So a table is looked
at before it is used, whatever its checksum.
"""

import contextlib
import csv
import hashlib
import io
import json
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np

from landscape.analysis.sweep.cell import MEASURED
from landscape.core.typing import Array

TITLE = "landscape sweep 2"

Columns: TypeAlias = dict[str, Array]

Fingerprint: TypeAlias = dict[str, str]


class Malformed(Exception):
    """What is wrong with the content of a file, in a few words."""


class Format(Protocol):
    """How tables become bytes, and bytes tables."""

    def __init__(self, fingerprint: Fingerprint) -> None: ...

    def whole(self, cells: dict[Any, Columns]) -> bytes:
        """Return the bytes of a file."""

    @staticmethod
    def parse(content: bytes) -> tuple[Any, Any]:
        """Return plan and table; None for the plan where these are not the bytes of a sweep."""


def read(path: Path) -> tuple[Fingerprint, Any]:
    """Read plan and table of a file.

    Raises
    ------
    ValueError
        If it is not a plain file, not a sweep's, or damaged.
    """
    content = _content(path)
    with damage(path):
        fingerprint, table = format_of(path).parse(content)
        if fingerprint is None:
            raise ValueError(
                f"{str(path)!r} is not the file of a sweep and was left as it is: give another file"
            )
        _check(fingerprint, table)
    return fingerprint, table


@contextlib.contextmanager
def damage(path: Path) -> Iterator[None]:
    """Say what is wrong with a file, where something is, and what to do."""
    try:
        yield
    except Malformed as problem:
        raise ValueError(
            f"{str(path)!r} is damaged ({problem}) and was left as it is: move it away, or give another file"
        ) from None


def format_of(path: Path) -> type[Format]:
    """Choose the format that a file's name asks for."""
    formats: dict[str, type[Format]] = {".csv": Csv, ".parquet": Parquet}
    if path.suffix.lower() not in formats:
        raise ValueError(f"file must end in .csv or .parquet, got {str(path)!r}")
    return formats[path.suffix.lower()]


def _content(path: Path) -> bytes:
    """The bytes of a plain file: a pipe would keep us waiting for ever."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return file.read()
    except OSError as error:
        raise ValueError(f"cannot read {str(path)!r}: {error.strerror}") from None
    raise ValueError(f"file must be a plain file, and {str(path)!r} is none: give another file")


def _check(fingerprint: Any, table: Any) -> None:
    """Raise where a table cannot be one that a sweep has written."""
    if not isinstance(fingerprint, dict) or not all(isinstance(text, str) for text in fingerprint.values()):
        raise Malformed("its first line does not say what was swept")
    if not len(table) or not table.columns.is_unique:
        raise Malformed("its table has no rows, or a column twice")
    first = list(table.columns)[: list(table.columns).index("method")] if "method" in table else []
    if "seed" not in first or table[first].isna().to_numpy().any():
        raise Malformed("its columns do not say where its rows are")
    kinds = {"seed": "i", "method": "O", "repeat": "i"} | dict.fromkeys(MEASURED[1:], "if")
    for name, allowed in kinds.items():
        if name not in table or np.asarray(table[name], dtype=_plain(table[name])).dtype.kind not in allowed:
            raise Malformed(f"its column {name!r} is missing or holds something else")
    if table.groupby(first, sort=False, dropna=False).size().nunique() != 1:
        raise Malformed("some of its cells have fewer rows than others")


def _plain(column: Any) -> Any:
    return column.dtype if isinstance(column.dtype, np.dtype) else object


def frame(cells: Sequence[Columns]) -> Any:
    """Make one table of cells, each a dict of columns: thousands of small tables would take seconds to put together."""
    import pandas as pd  # optional: importing it takes 0.3 s

    return pd.DataFrame({name: np.concatenate([cell[name] for cell in cells]) for name in cells[0]})


class Csv:
    """Text: a line with the plan, the table, and a line with a checksum of all before; read it by ``comment="#"``."""

    MARK: ClassVar[bytes] = f"# {TITLE} ".encode()
    TEXT: ClassVar[dict[str, Any]] = {"index": False, "lineterminator": "\n", "quoting": csv.QUOTE_NONNUMERIC}
    """Text in quotes, for a "#" in quotes is no comment."""

    def __init__(self, fingerprint: Fingerprint) -> None:
        self.head = self.MARK + json.dumps(fingerprint).encode() + b"\n"
        self.lines: dict[Any, bytes] = {}

    def whole(self, cells: dict[Any, Columns]) -> bytes:
        for place in cells.keys() - self.lines.keys():
            self.lines[place] = frame([cells[place]]).to_csv(header=False, **self.TEXT).encode()
        names = frame(list(cells.values())[:1]).head(0).to_csv(**self.TEXT)
        body = b"".join([self.head, names.encode(), *(self.lines[place] for place in cells)])
        return body + f"# end {hashlib.sha256(body).hexdigest()}\n".encode()

    @staticmethod
    def parse(content: bytes) -> tuple[Any, Any]:
        if not content.startswith(Csv.MARK):
            return None, None
        body, mark, end = content.rpartition(b"# end ")
        if not mark or not end.endswith(b"\n"):
            raise Malformed("its end is missing")
        if hashlib.sha256(body).hexdigest().encode() != end.strip():
            raise Malformed("its checksum is wrong")
        head, _, table = body.partition(b"\n")
        try:
            return json.loads(head[len(Csv.MARK) :]), _table(table.decode())
        except (ValueError, RecursionError, csv.Error):
            raise Malformed("its text is no table with a plan") from None


def _table(text: str) -> Any:
    """A table from text, every number exactly what was written."""
    import pandas as pd  # optional: importing it takes 0.3 s

    names, *rows = csv.reader(io.StringIO(text))
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pd.concat(
        [pd.Series(_column(values), name=name) for name, values in zip(names, columns, strict=True)], axis=1
    )


def _column(values: Sequence[str]) -> list[Any]:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return [kind(value) for value in values]
    return list(values)


class Parquet:
    """Columns in binary form, by the package pyarrow; the plan and a checksum are in the file's metadata."""

    def __init__(self, fingerprint: Fingerprint) -> None:
        self.fingerprint = fingerprint
        _pyarrow()

    def whole(self, cells: dict[Any, Columns]) -> bytes:
        arrow, parquet = _pyarrow()
        content = frame(list(cells.values()))
        table = arrow.Table.from_pandas(content, preserve_index=False)
        said = json.dumps([TITLE, self.fingerprint, _digest(content)]).encode()
        buffer = io.BytesIO()
        parquet.write_table(table.replace_schema_metadata({b"landscape": said}), buffer)
        return buffer.getvalue()

    @staticmethod
    def parse(content: bytes) -> tuple[Any, Any]:
        arrow, parquet = _pyarrow()
        try:
            table = parquet.read_table(io.BytesIO(content))
        except (arrow.ArrowException, OSError, ValueError) as error:
            raise Malformed(str(error).split("\n")[0]) from None
        try:
            title, fingerprint, checksum = json.loads((table.schema.metadata or {})[b"landscape"])
        except (KeyError, TypeError, ValueError, RecursionError):
            return None, None
        if title != TITLE:
            return None, None
        try:
            table = table.replace_schema_metadata(None).to_pandas()
            right = checksum == _digest(table)
        except (arrow.ArrowException, TypeError, ValueError):  # lists in a column have no hash
            raise Malformed("its columns do not hold numbers and text") from None
        if not right:
            raise Malformed("its checksum is wrong")
        return fingerprint, table


def _digest(table: Any) -> str:
    """A checksum of a table's values."""
    import pandas as pd  # optional: importing it takes 0.3 s

    return hashlib.sha256(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes()).hexdigest()


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as arrow  # optional: an extra
        import pyarrow.parquet as parquet
    except ImportError:
        raise ValueError(
            'a .parquet file needs pyarrow: pip install "task-landscape[data]", or give a .csv file'
        ) from None
    return arrow, parquet

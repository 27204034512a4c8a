"""The files of a sweep: CSV and Parquet, each with the plan it belongs to and a checksum."""

import contextlib
import csv
import hashlib
import io
import json

import numpy as np

TITLE = "landscape sweep 1"


def format_of(path):
    """The format that a file's name asks for."""
    formats = {".csv": Csv, ".parquet": Parquet}
    if path.suffix.lower() not in formats:
        raise ValueError(f"file must end in .csv or .parquet, got {str(path)!r}")
    return formats[path.suffix.lower()]


def _damaged(path, what):
    return ValueError(
        f"{str(path)!r} is damaged ({what}) and was left as it is: move it away, or give another file"
    )


def _foreign(path):
    return ValueError(f"{str(path)!r} is not the file of a sweep and was left as it is: give another file")


def frame(cells):
    """One table of cells, each a dict of columns: thousands of small tables would take seconds to put together."""
    import pandas as pd

    return pd.DataFrame({name: np.concatenate([cell[name] for cell in cells]) for name in cells[0]})


TEXT = {
    "index": False,
    "lineterminator": "\n",
    "quoting": csv.QUOTE_NONNUMERIC,
}  # a "#" in quotes is no comment


class Csv:
    """Text: a line with the plan, the table, and a line with a checksum of all before; read it by ``comment="#"``."""

    def __init__(self, fingerprint):
        self.head = f"# {TITLE} {json.dumps(fingerprint)}\n"
        self.lines = {}

    def whole(self, cells):
        """The bytes of a file."""
        for place in cells.keys() - self.lines.keys():
            self.lines[place] = frame([cells[place]]).to_csv(header=False, **TEXT).encode()
        names = frame(list(cells.values())[:1]).head(0).to_csv(**TEXT)
        body = b"".join([self.head.encode(), names.encode(), *(self.lines[place] for place in cells)])
        return body + f"# end {hashlib.sha256(body).hexdigest()}\n".encode()

    @staticmethod
    def read(path):
        """Plan and table of a file."""
        content = path.read_bytes()
        if not content.startswith(f"# {TITLE} ".encode()):
            raise _foreign(path)
        body, mark, end = content.rpartition(b"# end ")
        if not mark or not end.endswith(b"\n"):
            raise _damaged(path, "its end is missing")
        if hashlib.sha256(body).hexdigest().encode() != end.strip():
            raise _damaged(path, "its checksum is wrong")
        head, _, table = body.partition(b"\n")
        return json.loads(head[len(f"# {TITLE} ") :]), _table(table.decode())


def _table(text):
    """A table from text, every number exactly what was written."""
    import pandas as pd

    names, *rows = csv.reader(io.StringIO(text))
    return pd.DataFrame(
        {name: _column(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
    )


def _column(values):
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return [kind(value) for value in values]
    return list(values)


class Parquet:
    """Columns in binary form, by the package pyarrow; the plan and a checksum are in the file's metadata."""

    def __init__(self, fingerprint):
        self.fingerprint = fingerprint
        _pyarrow()

    def whole(self, cells):
        """The bytes of a file."""
        arrow, parquet = _pyarrow()
        content = frame(list(cells.values()))
        table = arrow.Table.from_pandas(content, preserve_index=False)
        said = json.dumps([TITLE, self.fingerprint, _digest(content)]).encode()
        buffer = io.BytesIO()
        parquet.write_table(
            table.replace_schema_metadata((table.schema.metadata or {}) | {b"landscape": said}), buffer
        )
        return buffer.getvalue()

    @staticmethod
    def read(path):
        """Plan and table of a file."""
        arrow, parquet = _pyarrow()
        try:
            table = parquet.read_table(io.BytesIO(path.read_bytes()))
            content = table.to_pandas()
        except (arrow.ArrowException, OSError, ValueError) as error:
            raise _damaged(path, str(error).split("\n")[0]) from None
        title, fingerprint, digest = json.loads(
            (table.schema.metadata or {}).get(b"landscape", b"[null, null, null]")
        )
        if title != TITLE:
            raise _foreign(path)
        if digest != _digest(content):
            raise _damaged(path, "its checksum is wrong")
        return fingerprint, content


def _digest(frame):
    """A checksum of a table's values."""
    import pandas as pd

    return hashlib.sha256(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()).hexdigest()


def _pyarrow():
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise ValueError(
            'a .parquet file needs pyarrow: pip install "task-landscape[data]", or give a .csv file'
        ) from None
    return arrow, parquet

"""Files to tables, with an error for whatever a reader might misread silently."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = {".csv": ",", ".txt": ",", ".tsv": "\t", ".parquet": None, ".pq": None}


def read_table(path: str | Path, delimiter: str | None = None) -> tuple[pd.DataFrame, list[str]]:
    """Read a table from a CSV or Parquet file, and say what was done to it.

    Parameters
    ----------
    path : str or Path
        Its suffix says what it is: .csv, .txt (commas), .tsv (tabs), .parquet, .pq.
    delimiter : str, optional
        What separates the columns of a text file.

    Returns
    -------
    frame : pandas.DataFrame
    account : list of str
        Sentences, one a treatment.

    Raises
    ------
    ValueError
        If there is no such file, or it is not a table with one name a column.
    ImportError
        Without pyarrow, where the file is Parquet; the extra ``data`` installs it.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no file {str(path)!r}")
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path.name} must end in {', '.join(SUFFIXES)}, got {path.suffix!r}")
    standard = SUFFIXES[path.suffix.lower()]
    if standard is None:
        if delimiter is not None:
            raise ValueError(f"delimiter is for text files, got {delimiter!r} with {path.name}: leave it out")
        return _parquet(path), []
    return _text(path, delimiter or standard)


def _parquet(path: Path) -> pd.DataFrame:
    import pandas as pd  # optional here: importing it takes 0.3 s

    try:
        import pyarrow  # optional: the extra `data` installs it
    except ImportError:
        raise ImportError("Parquet files need pyarrow: pip install 'task-landscape[data]'") from None
    try:
        frame = pd.read_parquet(path, engine="pyarrow")
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path.name} is not a Parquet file: {error}") from None
    named = [name for name in frame.index.names if name is not None]
    return frame.reset_index(named) if named else frame  # pandas keeps its row names in columns of the file


def _text(path: Path, delimiter: str) -> tuple[pd.DataFrame, list[str]]:
    import pandas as pd  # optional here: importing it takes 0.3 s

    if len(delimiter) != 1:
        raise ValueError(f"delimiter must be a single character, got {delimiter!r}")
    try:
        comments, names = _header(path, delimiter)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a row longer than the header
            # utf-8-sig takes a byte order mark off the first name; index_col=False keeps pandas from taking
            # the first column for row names where rows are longer than the header
            options = {
                "encoding": "utf-8-sig",
                "index_col": False,
                "skipinitialspace": True,
                "low_memory": False,
            }
            frame = pd.read_csv(path, sep=delimiter, skiprows=comments, **options)
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is not UTF-8 text: save it as UTF-8") from None
    except pd.errors.ParserWarning:
        raise ValueError(
            f"{path.name} has rows with more fields than the header's {len(names)}: is the delimiter "
            f"{delimiter!r}?"
        ) from None
    except (pd.errors.ParserError, csv.Error) as error:
        raise ValueError(
            f"{path.name} is not a table separated by {delimiter!r}: {str(error).strip()}"
        ) from None
    frame.columns = names
    unnamed = names.count("")
    if not unnamed:
        return frame, []
    return frame.loc[:, [name != "" for name in names]], [
        f"{unnamed} column{'s' * (unnamed > 1)} without a name (row numbers?) left out."
    ]


def _header(path: Path, delimiter: str) -> tuple[int, list[str]]:
    """How many comment lines lead the file, and the names in its header."""
    comments = 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        start = file.tell()
        line = file.readline()
        while line.startswith("#"):
            comments, start, line = comments + 1, file.tell(), file.readline()
        if not line.strip():
            raise ValueError(f"{path.name} has no header: the first line that is no comment is empty")
        file.seek(start)
        names = [name.strip() for name in next(csv.reader(file, delimiter=delimiter, skipinitialspace=True))]
    other = {mark: line.count(mark) for mark in ",;\t|" if mark != delimiter}
    mark = max(other, key=other.__getitem__)
    if len(names) == 1 and other[mark]:
        raise ValueError(
            f"{path.name} has a single column when separated by {delimiter!r}: it seems to be separated by "
            f"{mark!r}, so give delimiter={mark!r}"
        )
    check_distinct(names, path.name)
    return comments, names


def check_distinct(names: Sequence[Any], where: str) -> None:
    """Refuse two columns of one name."""
    names = [name for name in names if name != ""]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(
            f"columns of {where} must have different names, got {twice[0]!r} {names.count(twice[0])} times"
        )

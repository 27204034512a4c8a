"""Files to tables, with an error for whatever a reader might misread silently."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from landscape.core.parquet import read_parquet

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = {".csv": ",", ".txt": ",", ".tsv": "\t", ".parquet": None, ".pq": None}


class TextFormat(NamedTuple):
    """How a text file is written; what is None is found out.

    Attributes
    ----------
    delimiter : str or None
        What separates columns.
    decimal : str
        The decimal mark, a point or a comma.
    encoding : str or None
        What letters are written in.
    """

    delimiter: str | None = None
    decimal: str = "."
    encoding: str | None = None


AS_USUAL = TextFormat()


def read_table(path: str | Path, written: TextFormat = AS_USUAL) -> tuple[pd.DataFrame, list[str]]:
    """Read a table from a CSV or Parquet file, and say what was done to it.

    Parameters
    ----------
    path : str or Path
        Its suffix says what it is: .csv, .txt (commas), .tsv (tabs), those with .gz after it, .parquet, .pq.
    written : TextFormat
        Of a text file: by default commas (semicolons where decimals have commas), or tabs in a .tsv file;
        UTF-8, or UTF-16 with a byte order mark.

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
    suffix = path.suffix.lower()
    suffix = Path(path.stem).suffix.lower() if suffix == ".gz" else suffix
    if suffix not in SUFFIXES or (suffix != path.suffix.lower() and SUFFIXES[suffix] is None):
        known = f"{', '.join(SUFFIXES)} (texts also with .gz after it)"
        raise ValueError(f"{path.name} must end in {known}, got {path.suffix!r}")
    standard = SUFFIXES[suffix]
    if standard is None:
        check_not_given(written, path.name)
        return _parquet(path), []
    if standard == "," and written.decimal == ",":
        standard = ";"
    return _text(path, written.delimiter or standard, written)


def check_not_given(written: TextFormat, what: str) -> None:
    """Refuse a format of texts for what is no text file."""
    for name, value in written._asdict().items():
        if value != TextFormat._field_defaults[name]:
            raise ValueError(f"{name} is for text files, got {value!r} with {what}: leave it out")


def _parquet(path: Path) -> pd.DataFrame:
    frame = read_parquet(path)
    named = [name for name in frame.index.names if name is not None]
    return frame.reset_index(named) if named else frame  # pandas keeps its row names in columns of the file


def _text(path: Path, delimiter: str, written: TextFormat) -> tuple[pd.DataFrame, list[str]]:
    import pandas as pd  # optional here: importing it takes 0.3 s

    if len(delimiter) != 1:
        raise ValueError(f"delimiter must be a single character, got {delimiter!r}")
    if written.decimal not in (".", ","):
        raise ValueError(f"decimal must be '.' or ',', got {written.decimal!r}")
    if delimiter == written.decimal:
        raise ValueError(f"delimiter and decimal must differ, got {delimiter!r} for both")
    try:
        encoding = _encoding(path, written.encoding)
        comments, names = _header(path, delimiter, encoding)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a row longer than the header
            # index_col=False keeps pandas from taking the first column for row names where rows are longer
            # than the header
            options = {
                "encoding": encoding,
                "decimal": written.decimal,
                "index_col": False,
                "skipinitialspace": True,
                "low_memory": False,
            }
            frame = pd.read_csv(path, sep=delimiter, skiprows=comments, **options)
    except LookupError:
        raise ValueError(
            f"encoding must be one that Python knows, such as 'latin-1', got {written.encoding!r}"
        ) from None
    except UnicodeError:  # what UTF-16 raises without a byte order mark is no UnicodeDecodeError
        name, other = _shown(encoding), "" if written.encoding else "; files of Windows are often 'cp1252'"
        raise ValueError(
            f"{path.name} is not {name} text: say what its letters are written in, such as "
            f"encoding='latin-1'{other}"
        ) from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ValueError(f"{path.name} is not a whole gzip file: make or load it again") from None
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


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")


def _encoding(path: Path, given: str | None) -> str:
    """UTF-16 where the file begins with its mark; else UTF-8, without the mark that it may begin with."""
    if given is not None:
        return "utf-8-sig" if codecs.lookup(given).name == "utf-8" else given
    with _opened(path) as file:
        mark = file.read(2)
    return "utf-16" if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _shown(encoding: str) -> str:
    return encoding.removesuffix("-sig").upper()


def _header(path: Path, delimiter: str, encoding: str) -> tuple[int, list[str]]:
    """How many comment lines lead the file, and the names in its header."""
    comments = 0
    with _opened(path) as binary, io.TextIOWrapper(binary, encoding, newline="") as file:
        line = file.readline()
        while line.startswith("#"):
            comments, line = comments + 1, file.readline()
        if not line.strip():
            raise ValueError(f"{path.name} has no header: the first line that is no comment is empty")
        # a name in quotes may have a line break in it: the rest of the file is at hand
        reader = csv.reader(itertools.chain([line], file), delimiter=delimiter, skipinitialspace=True)
        names = [name.strip() for name in next(reader)]
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

"""Parquet files, which the extra `data` reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table from a Parquet file.

    Raises
    ------
    ImportError
        Without pyarrow.
    ValueError
        If it is no Parquet file, or is damaged.
    """
    import pandas as pd  # optional here: importing it takes 0.3 s

    try:
        import pyarrow  # optional: the extra `data` installs it
    except ImportError:
        raise ImportError("Parquet files need pyarrow: pip install 'task-landscape[data]'") from None
    try:
        frame = pd.read_parquet(path, engine="pyarrow")
    except (pyarrow.ArrowException, OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        # the latter ones from notes of pandas in the file that are damaged
        said = " ".join(str(error).split())  # in one line
        raise ValueError(f"{path.name} is not a Parquet file: {said}") from None
    return frame

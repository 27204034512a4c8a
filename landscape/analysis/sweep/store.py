"""The file of a sweep: a database (SQLite) of finished cells, and the plan that they belong to.

A cell is written once, in a transaction, and never changed: a program that is killed loses nothing that was written,
what a cell costs does not grow with their number, and two sweeps may write one file, for their numbers are the same.
What is not a database of this very plan is refused and left as it is.
"""

import contextlib
import errno
import json
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import numpy as np

from landscape.analysis.sweep.cell import MEASURED
from landscape.core.domains import short
from landscape.simulator.sgd import ENGINES

Columns: TypeAlias = dict[str, Any]
"""A cell's part of the table by column: a list with a value a row, or one value for all rows."""

Fingerprint: TypeAlias = dict[str, str]

ENDINGS = (".db", ".sqlite", ".sqlite3")
SCHEMA = (
    "CREATE TABLE plan (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE cells (place TEXT PRIMARY KEY, runs TEXT NOT NULL) WITHOUT ROWID",
)
OUTSIDE = (
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH,
)  # fmt: skip
"""Complaints about the place of a file, and not about what it holds."""
PATIENCE = 60.0
"""Seconds to wait while another process writes a cell."""


class Store:
    """Finished cells by the text of their places, in memory or in a file.

    Parameters
    ----------
    path : str or Path or None
        Ends in .db, .sqlite or .sqlite3; None keeps cells in memory.
    wanted : dict of str to str, optional
        The fingerprint that the file must have: a file that is not there is made. Without, a file is only read.

    Attributes
    ----------
    fingerprint : dict of str to str

    Raises
    ------
    ValueError
        If the file is not usable, is damaged, or belongs to another sweep.
    """

    def __init__(self, path: str | os.PathLike[str] | None, wanted: Fingerprint | None = None) -> None:
        self.path = None if path is None else checked_path(path)
        if self.path is not None:
            _check_plain(self.path, must_exist=wanted is None)
        self.is_new = wanted is not None
        mode = "rwc" if self.is_new else "ro"
        place = ":memory:" if self.path is None else f"{self.path.as_uri()}?mode={mode}"
        with self._said():
            self.database = sqlite3.connect(place, timeout=PATIENCE, uri=True, isolation_level=None)
        try:
            with self._said():
                self.fingerprint = self._begun(wanted)
                if wanted is not None:
                    self._check_same(wanted)
                    self._keep_journal()
        except BaseException:
            self.database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self.is_new:  # one plain file again, unless another sweep is writing
            with contextlib.suppress(sqlite3.Error):
                self.database.execute("PRAGMA busy_timeout = 0")
                self.database.execute("PRAGMA journal_mode = DELETE")
        self.database.close()

    def __contains__(self, place: str) -> bool:
        """Say whether the cell at a place is finished."""
        with self._said():
            found = self.database.execute("SELECT 1 FROM cells WHERE place = ?", (place,)).fetchone()
        return found is not None

    def places(self) -> dict[str, Columns]:
        """Return where the finished cells are: by the text of each place, the values of its names.

        Raises
        ------
        ValueError
            If a text is not one that a sweep writes.
        """
        if not self.fingerprint:
            return {}
        with self._said():
            texts = [place for (place,) in self.database.execute("SELECT place FROM cells")]
        try:
            found = {text: dict(json.loads(text)) for text in texts}
            kinds = {tuple((name, type(value)) for name, value in place.items()) for place in found.values()}
            same = len(kinds) <= 1 and all(last == ("seed", int) for *_, last in kinds)
            if not same or any(json.dumps(place) != text for text, place in found.items()):
                raise ValueError("names")
        except (TypeError, ValueError, RecursionError):
            raise self.damaged("its cells are not all at places of one sweep") from None
        return found

    def add(self, cells: Mapping[str, Columns]) -> None:
        """Write more cells, all or none of them; one that is there already stays.

        Raises
        ------
        OSError
            If they cannot be written.
        """
        rows = [(place, json.dumps({k: _plain(v) for k, v in runs.items()})) for place, runs in cells.items()]
        try:
            self.database.execute("BEGIN IMMEDIATE")
            self.database.executemany("INSERT OR IGNORE INTO cells VALUES (?, ?)", rows)
            self.database.execute("COMMIT")
        except sqlite3.Error as error:
            raise OSError(
                errno.EIO,
                f"cannot write {str(self.path)!r}: {error}. The cells written before are safe in it: make room and run again",
            ) from None

    def runs(self, places: Iterable[str]) -> Iterator[Columns]:
        """Read cells by their places, each looked at before it is used.

        Raises
        ------
        ValueError
            If one is not what a sweep writes.
        """
        for place in places:
            with self._said():
                found = self.database.execute("SELECT runs FROM cells WHERE place = ?", (place,)).fetchone()
            try:
                yield _checked(json.loads(found[0]))
            except (TypeError, KeyError, ValueError, RecursionError):
                raise self.damaged(f"its cell {short(place)} holds no runs") from None

    def _begun(self, wanted: Fingerprint | None) -> Fingerprint:
        """Read the plan of the file, after writing the one wanted where there is none."""
        run = self.database.execute
        run("PRAGMA trusted_schema = OFF")
        if wanted is not None and not self._schema():
            self._keep_journal()
            run("BEGIN IMMEDIATE")
            if not self._schema():  # another sweep may have been faster
                for statement in SCHEMA:
                    run(statement)
                self.database.executemany("INSERT INTO plan VALUES (?, ?)", wanted.items())
            run("COMMIT")
        if wanted is None and not self._schema():  # a sweep was stopped before it began
            return {}
        if set(self._schema()) != set(SCHEMA):  # also a view or a trigger, which would run with our queries
            raise self._foreign()
        if (problem := run("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise self.damaged(problem)
        return dict(run("SELECT name, value FROM plan"))

    def _keep_journal(self) -> None:
        """Write cells to a journal beside the file first: a power cut may cost the last ones, and breaks nothing."""
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute("PRAGMA synchronous = NORMAL")

    def _schema(self) -> list[str]:
        return [
            sql for (sql,) in self.database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        ]

    def _check_same(self, wanted: Fingerprint) -> None:
        found = self.fingerprint
        differ = [name for name in wanted if found.get(name) != wanted[name]]
        if differ:
            was, now = (
                str(values.get(differ[0], "nothing ")).rpartition(" ")[0] for values in (found, wanted)
            )
            how = (
                f"was {was}, is {now}"
                if was != now
                else "looks the same, but holds other values: was it drawn with another seed?"
            )
            raise ValueError(
                f"{str(self.path)!r} belongs to another sweep ({', '.join(differ)} differ: {differ[0]} {how}): "
                "give what it was begun with, or another file"
            )

    def damaged(self, problem: str) -> ValueError:
        """Make the error that says what is wrong with the file."""
        return ValueError(
            f"{str(self.path)!r} is damaged ({problem}) and was left as it is: move it away, or give another file"
        )

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Say in a sentence what the database complains of."""
        try:
            yield
        except UnicodeDecodeError:  # a sentence of the database's about what is no text
            raise self.damaged("it holds what is no text") from None
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
            if code == sqlite3.SQLITE_NOTADB:
                raise self._foreign() from None
            if code in OUTSIDE:
                verb = "write" if self.is_new else "read"
                raise ValueError(f"cannot {verb} {str(self.path)!r}: {error}; give another file") from None
            raise self.damaged(str(error)) from None

    def _foreign(self) -> ValueError:
        return ValueError(
            f"{str(self.path)!r} is not the file of a sweep and was left as it is: give another file"
        )


def _plain(values: Any) -> Any:
    return values.tolist() if isinstance(values, np.ndarray) else values


def _checked(runs: Any) -> Columns:
    """Raise where columns are not those of a cell; whoever can write a file can write anything."""
    length = len(runs["method"])
    kinds = {"method": str, "repeat": int} | dict.fromkeys(MEASURED[1:], (int, float))
    for name, kind in kinds.items():
        if len(runs[name]) != length or not all(isinstance(value, kind) for value in runs[name]):
            raise ValueError(name)
    if not length or not all(name in kinds or isinstance(v, (str, int, float)) for name, v in runs.items()):
        raise ValueError("rows")
    return dict(runs)


def frame(cells: Iterable[tuple[Columns, Columns]], names: Sequence[str] = ()) -> Any:
    """Make one table of cells, each its place's columns (names) and its runs', some thousand at a time."""
    import pandas as pd  # optional: importing it takes 0.3 s

    parts: list[Any] = []
    columns: dict[str, list[Any]] = {}
    for number, (place, runs) in enumerate(cells):
        if number % 4096 == 0 and columns:
            parts.append(pd.DataFrame(columns))
            columns = {}
        for name, values in (place | runs).items():
            columns.setdefault(name, []).extend(
                values if isinstance(values, list) else [values] * len(runs["method"])
            )
    if not columns:  # a shard of more jobs than cells
        return pd.DataFrame({name: np.empty(0) for name in (*names, "method", *MEASURED)})
    return pd.concat([*parts, pd.DataFrame(columns)], ignore_index=True)


def checked_path(path: Any) -> Path:
    """Return the file meant, links followed and ~ expanded."""
    if not isinstance(path, (str, os.PathLike)) or not str(path).strip() or "\0" in str(path):
        raise ValueError(f"file must be a path that ends in .db, got {short(path)}")
    try:
        resolved = Path(path).expanduser().resolve()
    except RuntimeError as error:  # "~" of somebody unknown, or links that go round
        raise ValueError(f"file must be a path that ends in .db, got {str(path)!r}: {error}") from None
    if resolved.is_dir():
        raise ValueError(f"file must not be a folder, got {str(resolved)!r}")
    if resolved.suffix.lower() not in ENDINGS:
        raise ValueError(
            f"file must end in .db, got {str(path)!r}: cells are kept in a database; "
            "for other formats, result.to_frame().to_csv(...)"
        )
    return resolved


def _check_plain(path: Path, must_exist: bool) -> None:
    """Refuse a pipe, on which one would wait for ever, and what was planted where the database keeps its journal."""
    if must_exist and not path.exists():
        raise ValueError(f"there is no file {str(path)!r}")
    if path.exists() and not path.is_file():
        raise ValueError(f"file must be a plain file, and {str(path)!r} is none: give another file")
    for ending in ("-journal", "-wal", "-shm"):
        beside = path.with_name(path.name + ending)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found = beside.lstat()
            if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
                raise ValueError(
                    f"{str(beside)!r} is no plain file, so it cannot be the journal of a sweep: take it away"
                )


def begun_with(path: str | os.PathLike[str]) -> str | None:
    """Return the engine of the cells in a file, None where there is no file of a sweep yet."""
    target = checked_path(path)
    if not target.exists() or not target.stat().st_size:
        return None
    with Store(target) as store:
        engine = store.fingerprint.get("engine", "").partition(" ")[0].strip("'")
    return engine if engine in ENGINES else None


def merge(file: str | os.PathLike[str], parts: Sequence[str | os.PathLike[str]]) -> None:
    """Copy the cells of several files of one sweep into one, which may be there already.

    Raises
    ------
    ValueError
        If a file is not usable, or they are not of one sweep.
    """
    for part in parts:
        with Store(part) as source:
            if not source.fingerprint:  # a shard that was stopped before it began
                continue
            with Store(file, source.fingerprint) as target, source._said(), target._said():
                rows = source.database.execute("SELECT place, runs FROM cells")
                target.database.execute("BEGIN IMMEDIATE")
                target.database.executemany("INSERT OR IGNORE INTO cells VALUES (?, ?)", rows)
                target.database.execute("COMMIT")

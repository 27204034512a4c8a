"""One file of finished cells, whole at every moment.

The file is never changed in place: a new one is written beside it, forced to disk and put in its place, so
whatever stops the program, the file holds every cell that was written before. It carries the plan it belongs
to and a checksum; what is not a whole file of this very plan is refused and left as it is. In a folder that
others can write, what they plant beside the file is neither followed nor opened for writing.
"""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from landscape.analysis.sweep.formats import Columns, Fingerprint, Malformed, damage, format_of, frame, read
from landscape.analysis.sweep.plan import Place, Plan
from landscape.core.domains import short
from landscape.core.files import NO_LINKS, put_in_place, write_beside


class Store:
    """Finished cells by their places, in memory and in a file.

    Parameters
    ----------
    path : str or Path or None
        Ends in .csv or .parquet; None keeps cells in memory only.
    plan : Plan
        Whose fingerprint the file must have; it may hold cells at other places.

    Raises
    ------
    ValueError
        If the file is not usable, is damaged, or belongs to another sweep.
    """

    def __init__(self, path: str | os.PathLike[str] | None, plan: Plan) -> None:
        self.cells: dict[Place, Columns] = {}
        self.path = None if path is None else checked_path(path)
        if self.path is None:
            return
        self.format = format_of(self.path)(plan.fingerprint)
        if self.path.exists():
            found, table = read(self.path)
            _check_same(self.path, found, plan.fingerprint)
            with damage(self.path):
                _check_rows(table, plan)
            columns = {name: table[name].to_numpy() for name in table.columns}
            for place, rows in table.groupby(list(plan.names), sort=True).indices.items():
                place = place if isinstance(place, tuple) else (place,)  # where there is but the seed
                self.cells[place] = {name: values[rows] for name, values in columns.items()}
            self._check_computed(plan)
        else:
            try:  # fail now rather than after an hour's work
                write_beside(self.path, b"").unlink()
            except OSError as error:
                raise ValueError(
                    f"cannot write {str(self.path)!r}: {error.strerror}; give another file"
                ) from None

    def _check_computed(self, plan: Plan) -> None:
        """Functions have no fingerprint: what they gave at the places of both is compared."""
        for place in plan.places if plan.computes else ():
            for name, value in plan.columns(place).items() if place in self.cells else ():
                was = self.cells[place][name][0]
                if was != value:
                    raise ValueError(
                        f"{str(self.path)!r} belongs to another sweep ({name} differs at {said(plan, place)}: it was {was}, "
                        f"and the function now gives {value}): give the function it was begun with, or another file"
                    )

    def add(self, cells: dict[Place, Columns]) -> None:
        """Write more cells, each a dict of columns that begins with its place.

        Raises
        ------
        OSError
            If they cannot be written; the file then is what it was.
        """
        self.cells = dict(sorted((self.cells | cells).items()))
        if self.path is None:
            return
        try:
            put_in_place(self.path, self.format.whole(self.cells))
        except OSError as error:
            raise OSError(
                error.errno,
                f"cannot write {str(self.path)!r}: {error.strerror}. The cells written before are safe in it: make room and run again",
            ) from None

    def frame(self, places: Sequence[Place]) -> Any:
        """Make one table of the cells at the given places, in order of their values."""
        return frame([self.cells[place] for place in sorted(places)])


def _check_rows(table: Any, plan: Plan) -> None:
    """Raise where a table of the right fingerprint has other columns or cells than the plan's."""
    place = next(plan.places)
    wanted = plan.columns(place)
    if list(table.columns[: len(wanted)]) != list(wanted):
        raise Malformed("its columns are not those of the sweep")
    for name, value in wanted.items():
        if isinstance(value, str) != (table[name].dtype.kind not in "if"):
            raise Malformed(f"its column {name!r} holds something else")
    names = [label for label in plan.cell(place).labels for _ in range(plan.repeats)]
    for rows in table.groupby(list(plan.names), sort=False).indices.values():
        if list(table["method"].to_numpy()[rows]) != names:
            raise Malformed("its cells do not hold the methods of the sweep")


def said(plan: Plan, place: Place) -> str:
    """Say where a cell is."""
    values = ((k, v if isinstance(v, str) else f"{v:g}") for k, v in zip(plan.names, place, strict=True))
    return ", ".join(f"{name} = {value}" for name, value in values)


def checked_path(path: Any) -> Path:
    """Return the file meant, links followed and ~ expanded."""
    if not isinstance(path, (str, os.PathLike)) or not str(path).strip() or "\0" in str(path):
        raise ValueError(f"file must be a path that ends in .csv or .parquet, got {short(path)}")
    try:
        resolved = Path(path).expanduser().resolve()
    except RuntimeError as error:  # "~" of somebody unknown, or links that go round
        raise ValueError(
            f"file must be a path that ends in .csv or .parquet, got {str(path)!r}: {error}"
        ) from None
    if resolved.is_dir():
        raise ValueError(f"file must not be a folder, got {str(resolved)!r}")
    return resolved


@contextlib.contextmanager
def locked(path: str | os.PathLike[str] | None) -> Iterator[None]:
    """Hold a file for oneself: two sweeps that write one file would lose each other's cells.

    Raises
    ------
    ValueError
        If another process holds it, or its folder cannot be written or has no locks.
    """
    if path is None:
        yield
        return
    target = checked_path(path)
    lock = target.with_name(f".{target.name}.lock")
    try:  # not "w": whatever is at its place keeps what it holds
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | NO_LINKS | getattr(os, "O_NONBLOCK", 0), 0o666)
    except OSError as error:
        if lock.is_symlink():
            raise _planted(lock) from None
        raise ValueError(f"cannot write {str(target)!r}: {error.strerror}; give another file") from None
    with open(descriptor, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _planted(lock)
        try:
            _lock(descriptor)
            ours = (
                lock.stat().st_ino == os.fstat(file.fileno()).st_ino
            )  # and not one that was just taken away
        except (BlockingIOError, PermissionError, FileNotFoundError):
            ours = False
        except OSError as error:
            raise ValueError(
                f"cannot lock {str(target)!r}: {error.strerror}; give a file in a folder of this machine"
            ) from None
        if not ours:
            raise ValueError(
                f"another process is sweeping into {str(target)!r}: wait for it, or give another file"
            )
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                lock.unlink()


def _planted(lock: Path) -> ValueError:
    return ValueError(f"{str(lock)!r} is no plain file, so it cannot be the lock of a sweep: take it away")


def _lock(descriptor: int) -> None:
    """Take the system's lock of an open file, which it gives back when the process ends, however it ends."""
    try:
        import fcntl  # optional: not on Windows, not in a browser
    except ImportError:
        with contextlib.suppress(ImportError):  # a browser has neither, nor a second process
            import msvcrt  # optional: only on Windows

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def table_of(path: str | os.PathLike[str]) -> Any:
    """Read the table of a sweep's file.

    Raises
    ------
    ValueError
        If the file does not exist, is not a sweep's, or is damaged.
    """
    target = checked_path(path)
    if not target.exists():
        raise ValueError(f"there is no file {str(target)!r}")
    return read(target)[1]


def _check_same(path: Path, found: Fingerprint, wanted: Fingerprint) -> None:
    differ = [name for name in wanted if found.get(name) != wanted[name]]
    if differ:
        was, now = (values.get(differ[0], "nothing ").rpartition(" ")[0] for values in (found, wanted))
        how = (
            f"was {was}, is {now}"
            if was != now
            else "looks the same, but holds other values: was it drawn with another seed?"
        )
        raise ValueError(
            f"{str(path)!r} belongs to another sweep ({', '.join(differ)} differ: {differ[0]} {how}): "
            "give what it was begun with, or another file"
        )

"""One file of finished cells, whole at every moment.

The file is never changed in place: a new one is written beside it, forced to disk and put in its place, so whatever stops the program,
the file holds every cell that was written before. It carries the plan it belongs to and a checksum; what is not a whole file of this very
plan is refused and left as it is.
"""

import contextlib
import os
from pathlib import Path

from landscape.sweeping.formats import format_of, frame


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

    def __init__(self, path, plan):
        self.cells = {}
        self.path = None if path is None else checked_path(path)
        if self.path is None:
            return
        self.format = format_of(self.path)(plan.fingerprint)
        self.part = self.path.with_name(f".{self.path.name}.part")
        if self.path.exists():
            found, table = self.format.read(self.path)
            _check_same(self.path, found, plan.fingerprint)
            columns = {name: table[name].to_numpy() for name in table.columns}
            for place, rows in table.groupby(list(plan.names), sort=True).indices.items():
                place = place if isinstance(place, tuple) else (place,)  # where there is but the seed
                self.cells[place] = {name: values[rows] for name, values in columns.items()}
        else:
            self._write(b"")  # fail now rather than after an hour's work
            self.part.unlink()

    def add(self, cells):
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
            self._write(self.format.whole(self.cells))
            os.replace(self.part, self.path)
        except OSError as error:
            raise OSError(
                error.errno,
                f"cannot write {str(self.path)!r}: {error.strerror}. The cells written before are safe in it: make room and run again",
            ) from None

    def frame(self, places):
        """The cells at the given places as one table, in order of their values."""
        return frame([self.cells[place] for place in sorted(places)])

    def _write(self, content):
        """Write the file beside it; what cannot be finished is taken away again."""
        try:
            with self.part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):
                self.part.unlink()
            if content:
                raise
            raise ValueError(
                f"cannot write {str(self.path)!r}: {error.strerror}; give another file"
            ) from None


def checked_path(path):
    """The file meant, links followed and ~ expanded."""
    if not isinstance(path, (str, os.PathLike)) or not str(path).strip() or "\0" in str(path):
        raise ValueError(f"file must be a path that ends in .csv or .parquet, got {path!r}")
    try:
        path = Path(path).expanduser().resolve()
    except RuntimeError as error:  # "~" of somebody unknown, or links that go round
        raise ValueError(
            f"file must be a path that ends in .csv or .parquet, got {str(path)!r}: {error}"
        ) from None
    if path.is_dir():
        raise ValueError(f"file must not be a folder, got {str(path)!r}")
    return path


@contextlib.contextmanager
def locked(path):
    """Hold a file for oneself: two sweeps that write one file would lose each other's cells.

    Raises
    ------
    ValueError
        If another process holds it, or its folder cannot be written or has no locks.
    """
    if path is None:
        yield
        return
    path = checked_path(path)
    lock = path.with_name(f".{path.name}.lock")
    try:
        file = lock.open("w")
    except OSError as error:
        raise ValueError(f"cannot write {str(path)!r}: {error.strerror}; give another file") from None
    with file:
        try:
            _lock(file)
            ours = (
                lock.stat().st_ino == os.fstat(file.fileno()).st_ino
            )  # and not one that was just taken away
        except (BlockingIOError, PermissionError, FileNotFoundError):
            ours = False
        except OSError as error:
            raise ValueError(
                f"cannot lock {str(path)!r}: {error.strerror}; give a file in a folder of this machine"
            ) from None
        if not ours:
            raise ValueError(
                f"another process is sweeping into {str(path)!r}: wait for it, or give another file"
            )
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                lock.unlink()


def _lock(file):
    """The system's lock of an open file, which it gives back when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def read(path):
    """The table of a sweep's file, with what it says of its plan.

    Returns
    -------
    fingerprint : dict of str to str
    frame : pandas.DataFrame

    Raises
    ------
    ValueError
        If the file does not exist, is not a sweep's, or is damaged.
    """
    path = checked_path(path)
    if not path.exists():
        raise ValueError(f"there is no file {str(path)!r}")
    return format_of(path).read(path)


def _check_same(path, found, wanted):
    differ = [name for name in wanted if found.get(name) != wanted[name]]
    if differ:
        was, now = (values.get(differ[0], "nothing").rpartition(" ")[0] for values in (found, wanted))
        how = (
            f"was {was}, is {now}"
            if was != now
            else "looks the same, but holds other values: was it drawn with another seed?"
        )
        raise ValueError(
            f"{str(path)!r} belongs to another sweep ({', '.join(differ)} differ: {differ[0]} {how}): "
            "give what it was begun with, or another file"
        )

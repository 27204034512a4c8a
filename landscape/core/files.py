"""Files are replaced, never overwritten: who reads sees the old one or the new one, whole."""

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
"""Refuse a link where a new file should be made, on systems that can."""


def check_output(name: str, path: str | Path, inputs: Iterable[str | Path] = ()) -> Path:
    """Check that a file can be written, before the work whose result it is to hold.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    path : str or Path
    inputs : sequence of str or Path
        Files that must not be overwritten, under no name of theirs: links count, and letters' case where the
        file system does not tell them apart.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        If the path is an input, or no file can be written there.
    """
    path = _checked(name, path)
    try:
        for given in inputs:
            if path.exists() and Path(given).exists() and path.samefile(given):
                raise ValueError(
                    f"{name} must name another file than the input {str(given)!r}, got {str(path)!r}"
                )
        if path.is_dir():
            raise IsADirectoryError(21, "Is a directory")
        _check_not_waiting(path)
        if not path.exists() or path.is_file():
            _check_replaceable(_resolved(path))
    except OSError as error:
        raise ValueError(f"{name}: cannot write to {str(path)!r}: {error.strerror}") from None
    return path


def _checked(name: str, path: Any) -> Path:
    if not isinstance(path, (str, Path)) or not str(path) or "\0" in str(path):
        raise ValueError(f"{name} must be the name of a file to write, got {path!r}")
    return Path(path)


def _resolved(path: Path) -> Path:
    try:
        found = path.resolve()
    except RuntimeError:  # Python below 3.13
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
    if found.is_symlink():  # what later ones leave of a ring
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return found


def _check_not_waiting(path: Path) -> None:
    """Refuse a pipe that has a name: one would wait for ever where nobody reads it. Of /dev/stdout's there is none."""
    if path.is_fifo() and _resolved(path).is_fifo():
        raise OSError(errno.ESPIPE, "it is a named pipe, and no file")


def _check_replaceable(path: Path) -> None:
    _check_allowed(path)
    write_beside(path, b"").unlink()


def _check_allowed(path: Path) -> None:
    """Refuse a file that may not be written: replacing it would not ask."""
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(13, "Permission denied")


def save(what: str, path: str | Path, content: bytes) -> Path:
    """Write a result to a file that it replaces whole; a device, such as /dev/stdout, is written to.

    Parameters
    ----------
    what : str
        For the message: "the report".
    path : str or Path
    content : bytes

    Raises
    ------
    ValueError
        If the file cannot be written.
    """
    path = _checked("path", path)
    try:
        _check_not_waiting(path)
        if path.exists() and not path.is_file():
            path.write_bytes(content)
        else:
            put_in_place(_resolved(path), content)
    except OSError as error:
        raise ValueError(f"cannot write {what} to {str(path)!r}: {error.strerror}") from None
    return path


def put_in_place(path: Path, content: bytes) -> None:
    """Put a new file in the place of another, with its permissions.

    The old one stays whole until the new one is on the disk, also where that is full; other names (hard
    links) of the old file keep what they held.

    Raises
    ------
    OSError
        If the folder or the old file cannot be written.
    """
    _check_allowed(path)
    beside = write_beside(path, content)
    if path.exists():
        os.chmod(beside, path.stat().st_mode & 0o777)
    os.replace(beside, path)


def write_beside(path: Path, content: bytes) -> Path:
    """Write a new file beside another and force it to disk; what cannot be finished is taken away again."""
    part = path.with_name(f".{path.name}.part")
    try:
        with fresh(part) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    return part


def fresh(path: Path) -> BinaryIO:
    """Open a file that was not there before: what was left or planted there is taken away, not opened."""
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINKS | getattr(os, "O_BINARY", 0)
    return open(os.open(path, flags, 0o666), "wb")

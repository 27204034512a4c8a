"""Files are replaced, never overwritten: who reads sees the old one or the new one, whole."""

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
"""Refuse a link where a new file should be made, on systems that can."""


def put_in_place(path: Path, content: bytes) -> None:
    """Put a new file in the place of another, with its permissions.

    The old one stays whole until the new one is on the disk, also where that is full; other names (hard
    links) of the old file keep what they held.

    Raises
    ------
    OSError
        If the folder or the old file cannot be written.
    """
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(13, "Permission denied")
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

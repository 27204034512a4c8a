"""CIFAR-100 in its binary format, with the classes of FS-CIFAR100: records of 3,074 bytes, never a pickle."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from landscape.core import Array

RECORD = 3074
"""Bytes of a record: superclass, class, and 3 x 32 x 32 pixels, colour by colour."""

FILES = {"train.bin": 500, "test.bin": 100}
"""Pictures of each of the 100 classes in either file."""

TEST_SUPERCLASSES = (0, 7, 12, 14)
"""Aquatic mammals, insects, medium mammals, people: the 20 test classes of Oreshkin et al. (2018)."""

TRAIN_SHARE = 0.75
"""Of the 600 pictures of a training class 450 are trained on: the others measure accuracy on training classes."""

HOW = "CIFAR-100's binary version, cifar-100-binary.tar.gz or its files train.bin and test.bin, from www.cs.toronto.edu/~kriz/cifar.html"


class Classes(NamedTuple):
    """Pictures of classes, uint8, each of shape (classes, pictures, 3, 32, 32).

    Attributes
    ----------
    train, train_unseen, test : array
        80 training classes, 450 pictures each; other 150 pictures of these; 20 test classes, 600 pictures each.
    source : str
    """

    train: Array
    train_unseen: Array
    test: Array
    source: str


def fs_cifar100(path: str | Path, per_class: Mapping[str, int] = FILES) -> Classes:
    """Read CIFAR-100's binary files and split them by superclass, as FS-CIFAR100 does.

    Parameters
    ----------
    path : str or Path
        The archive, the folder with train.bin and test.bin, or one that holds either.
    per_class : mapping
        Pictures of a class in either file, for smaller files that somebody made.

    Returns
    -------
    Classes

    Raises
    ------
    ValueError
        If files are missing, cut, or of another format.
    """
    pictures = {
        name: _read(name, content, per_class[name]) for name, content in _contents(Path(path)).items()
    }
    by_class, superclasses = [], []
    for label in range(100):
        parts = [(records[records[:, 1] == label], per_class[name]) for name, records in pictures.items()]
        if any(len(part) != count for part, count in parts):
            raise ValueError(
                f"class {label} has {[len(part) for part, _ in parts]} pictures in {' and '.join(FILES)}, where CIFAR-100 has "
                f"{list(per_class.values())}: get {HOW}"
            )
        records = np.concatenate([part for part, _ in parts])
        if np.ptp(records[:, 0]):
            raise ValueError(
                f"pictures of class {label} name several superclasses: this is not CIFAR-100; get {HOW}"
            )
        superclasses.append(int(records[0, 0]))
        by_class.append(records[:, 2:].reshape(-1, 3, 32, 32))
    test = np.isin(superclasses, TEST_SUPERCLASSES)
    if test.sum() != 20:
        raise ValueError(
            f"{test.sum()} classes lie in FS-CIFAR100's four test superclasses, and CIFAR-100 has 20: get {HOW}"
        )
    images = np.stack(by_class)
    seen = images[~test]
    cut = round(TRAIN_SHARE * seen.shape[1])
    return Classes(seen[:, :cut], seen[:, cut:], images[test], "FS-CIFAR100, 80 training and 20 test classes")


def _contents(path: Path) -> dict[str, bytes]:
    """Read the two files from a folder or from the archive."""
    if not path.exists():
        raise ValueError(f"there is no {str(path)!r}: give the folder with {HOW}")
    for folder in (path, path / "cifar-100-binary"):
        if all((folder / name).is_file() for name in FILES):
            return {name: (folder / name).read_bytes() for name in FILES}
    archive = path if path.is_file() else path / "cifar-100-binary.tar.gz"
    if archive.is_file():
        return _from_archive(archive)
    if (path / "cifar-100-python").exists() or (path / "meta").exists():
        raise ValueError(
            f"{str(path)!r} holds CIFAR-100's pickles, which are not opened, for a pickle can run any code: get {HOW}"
        )
    raise ValueError(f"{str(path)!r} holds no train.bin and test.bin: give the folder with {HOW}")


def _from_archive(path: Path) -> dict[str, bytes]:
    try:
        with tarfile.open(path) as archive:
            members = {Path(member.name).name: member for member in archive.getmembers() if member.isfile()}
            return {name: _member(archive, members[name]) for name in FILES}
    except (tarfile.TarError, EOFError, OSError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{str(path)!r} is no whole archive with {' and '.join(FILES)} ({reason}): get {HOW}"
        ) from None


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return (file or io.BytesIO()).read()


def _read(name: str, content: bytes, per_class: int) -> Array:
    """Return records, shape (pictures, 3074)."""
    expected = 100 * per_class * RECORD
    if len(content) != expected:
        raise ValueError(
            f"{name} has {len(content):,} bytes, and CIFAR-100's has {expected:,} (records of {RECORD:,}): it is cut, or CIFAR-10's; get {HOW}"
        )
    return np.frombuffer(content, np.uint8).reshape(-1, RECORD)

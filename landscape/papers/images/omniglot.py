"""Omniglot's drawings of characters, read where they lie: the original archives, their folders, or torchvision's folder."""

import io
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np

from landscape.core import Array

SIDE = 28
"""Pixels of a side, as in Finn et al. (2017); the files have 105."""

DRAWINGS = 20
"""Drawings of each character, by as many people."""

PLACES = ("", "omniglot-py", "python", "omniglot/python")
"""Where below a folder the archives lie: beside one another, as torchvision or as the original repository has them."""

HOW = (
    "Omniglot's archives images_background.zip and images_evaluation.zip (or their folders, ALPHABET/characterNN/NNNN_DD.png), "
    "from github.com/brendenlake/omniglot"
)


class Alphabets(NamedTuple):
    """Drawings by alphabet, each of shape (characters, drawings, 1, 28, 28), uint8 with ink 255, and what they are."""

    drawings: Mapping[str, Array]
    source: str


def omniglot(path: str | Path) -> Alphabets:
    """Read Omniglot from a folder or an archive, in place.

    An alphabet that is in two archives (Greek and Latin in the two small sets) is read once.

    Parameters
    ----------
    path : str or Path
        An archive, a folder that holds archives or their folders, torchvision's root, or a folder of alphabets.

    Returns
    -------
    Alphabets

    Raises
    ------
    ValueError
        If nothing of Omniglot is there, or a file is damaged or missing.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"there is no {str(path)!r}: give the folder with {HOW}")
    found: dict[str, Array] = {}
    for part in _parts(path):
        for alphabet, characters in _listed(part).items():
            _check_numbers(alphabet, characters)
            if alphabet not in found:
                found[alphabet] = np.stack(
                    [_character(f"{alphabet}/{name}", files) for name, files in sorted(characters.items())]
                )
    if not found:
        raise ValueError(f"{str(path)!r} holds nothing of Omniglot: give the folder with {HOW}")
    count = sum(map(len, found.values()))
    return Alphabets(
        dict(sorted(found.items())),
        f"Omniglot, {len(found)} alphabets, {count:,} characters, {DRAWINGS} drawings each",
    )


Read = Callable[[], bytes]
"""Reads a file's content."""


def _parts(path: Path) -> Iterator[Path]:
    """Give archives and folders of alphabets; an archive that is unpacked beside itself is left alone."""
    if path.is_file():
        yield path
        return
    here = [path / place for place in PLACES if (path / place).is_dir()]
    sets = sorted(
        {
            p
            for folder in here
            for p in folder.glob("images_*")
            if p.suffix == ".zip" or (p.is_dir() and any(_pictures(p)))
        }
    )
    yield from [p for p in sets if p.is_dir() or p.with_suffix("") not in sets] or [path]


def _listed(part: Path) -> dict[str, dict[str, list[tuple[str, Read]]]]:
    """List the pictures of an archive or folder by alphabet and character."""
    listed: dict[str, dict[str, list[tuple[str, Read]]]] = defaultdict(lambda: defaultdict(list))
    for name, read in _pictures(part):
        *_, alphabet, character, file = PurePath(name).parts
        listed[alphabet][character].append((file, read))
    return listed


def _pictures(part: Path) -> Iterator[tuple[str, Read]]:
    if part.is_dir():
        for file in sorted(part.glob("**/character*/[!.]*.png")):
            yield "/".join(file.parts[-3:]), file.read_bytes
        return
    try:
        archive = zipfile.ZipFile(part)
    except (zipfile.BadZipFile, OSError) as error:
        raise ValueError(f"{str(part)!r} is no whole zip archive ({error}): get it again, {HOW}") from None
    for name in sorted(archive.namelist()):
        parts = PurePath(name).parts
        if (
            name.endswith(".png")
            and len(parts) >= 3
            and parts[-2].startswith("character")
            and parts[-1][0] != "."
        ):
            yield name, lambda name=name: archive.read(name)  # type: ignore[misc]


def _check_numbers(alphabet: str, characters: Iterable[str]) -> None:
    """Raise where one is missing before the last."""
    names = sorted(characters)
    wanted = [f"character{i + 1:02}" for i in range(len(names))]
    if names != wanted:
        raise ValueError(
            f"of {alphabet} there are {', '.join(sorted(set(names) - set(wanted)))} and not {', '.join(sorted(set(wanted) - set(names)))}: get the data again"
        )


def _character(name: str, files: list[tuple[str, Read]]) -> Array:
    if len(files) != DRAWINGS:
        raise ValueError(
            f"Omniglot has {DRAWINGS} drawings of a character, and of {name} there are {len(files)}: get the data again"
        )
    return np.stack([_picture(f"{name}/{file}", read) for file, read in sorted(files)])[:, None]


def _picture(name: str, read: Read) -> Array:
    """Read a drawing and make it small: ink is 255."""
    from PIL import Image  # optional: slow to import

    try:
        with Image.open(io.BytesIO(read())) as picture:
            if picture.width != picture.height:
                raise ValueError(f"it has {picture.width} by {picture.height} pixels")
            small = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    except (OSError, ValueError, SyntaxError, zipfile.BadZipFile) as error:
        raise ValueError(f"{name} is no whole drawing of Omniglot ({error}): get the data again") from None
    return 255 - np.asarray(small)

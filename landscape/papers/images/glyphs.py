"""Alphabets drawn from installed Noto fonts: a stand-in for Omniglot with as many alphabets, and in nobody's handwriting."""

import unicodedata
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from landscape.core import Array
from landscape.papers.images.omniglot import DRAWINGS, SIDE, Alphabets
from landscape.papers.images.splits import Split, by_alphabet

FOLDERS = (
    "/usr/share/fonts/truetype/noto",
    "/usr/share/fonts/noto",
    "/usr/local/share/fonts",
    "~/.fonts",
    "~/.local/share/fonts",
)
"""Where Debian and others put the fonts."""

HOW = "on Debian and Ubuntu the package fonts-noto-core holds them (apt install fonts-noto-core)"

PARTS = {
    "easy_train": (
        "Latin", "Greek", "Cyrillic", "Coptic", "Lisu", "Cherokee", "Old Italic", "Lycian", "Lydian", "Carian", "Gothic", "Runic",
        "Old Hungarian", "Old Turkic", "Glagolitic", "Armenian", "Deseret", "Osage", "Elbasan", "Caucasian Albanian", "Tifinagh",
        "Shavian", "Old Permic", "Mro", "Ol Chiki",
    ),
    "easy_test": (
        "Hebrew", "Samaritan", "Ethiopic", "Georgian", "Thai", "Khmer", "Myanmar", "Tibetan", "Tagalog", "Vai", "Yi", "Bamum", "Linear B",
        "Ugaritic", "Cham",
    ),
    "hard_train": ("Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Sharada"),
    "hard_test": ("Malayalam", "Tamil", "Kannada", "Telugu", "Sinhala"),
}  # fmt: skip
"""Scripts of each part: those that look alike are on one side, northern Indic ones here and southern ones there."""

CAPITALS = (
    "Latin",
    "Greek",
    "Cyrillic",
    "Coptic",
    "Old Hungarian",
    "Glagolitic",
    "Armenian",
    "Deseret",
    "Osage",
)
"""Scripts of whose two cases the capitals are drawn."""

CHARACTERS = 30
"""The most characters of a script, the first by code point: Omniglot's alphabets have 14 to 55."""

CANVAS = 3 * SIDE
"""Pixels of a side while a glyph is bent."""


def glyph_alphabets() -> Alphabets:
    """Draw 50 scripts, up to 30 characters of each 20 times: turned, sheared, stretched, moved, with pens of three widths.

    Returns
    -------
    Alphabets

    Raises
    ------
    ImportError
        If a font is not installed.
    """
    drawings = {script: glyph_alphabet(script) for part in PARTS.values() for script in part}
    count = sum(map(len, drawings.values()))
    return Alphabets(
        drawings,
        f"a stand-in for Omniglot, glyphs of {len(drawings)} Noto fonts bent at random, {count:,} characters, {DRAWINGS} drawings each",
    )


def glyph_split(drawings: dict[str, Array], *, small: bool) -> Split:
    """Split the scripts as printed for Omniglot: 25 and 15 easy ones, 5 and 5 hard ones, or one and one."""
    return by_alphabet(drawings, PARTS, small)


@lru_cache
def glyph_alphabet(script: str) -> Array:
    """Draw a script's characters, shape (characters, 20, 1, 28, 28), uint8 with ink 255: the same ones each time.

    Raises
    ------
    ImportError
        If its font is not installed.
    """
    from PIL import ImageFont  # optional: slow to import

    path = _font(script)
    font = ImageFont.truetype(path, CANVAS // 2)
    rng = np.random.default_rng(list(script.encode()))
    drawn = (_drawings(font, character, rng) for character in _characters(script, path))
    return np.stack(list(islice((d for d in drawn if d is not None), CHARACTERS)))


def _font(script: str) -> str:
    """Find a script's font file."""
    plain = "" if script in ("Latin", "Greek", "Cyrillic") else script.replace(" ", "")
    names = [f"Noto{kind}{plain}-Regular.{ending}" for kind in ("Sans", "Serif") for ending in ("ttf", "otf")]
    for folder in map(Path, FOLDERS):
        for name in names:
            if (file := folder.expanduser() / name).is_file():
                return str(file)
    raise ImportError(
        f"the stand-in for Omniglot is drawn from Noto fonts, and {names[0]} is not installed: {HOW}; or give --data"
    )


def _characters(script: str, path: str) -> list[str]:
    """List the script's letters that the font has and that are not made of others, by code point."""
    from matplotlib.ft2font import FT2Font  # optional: slow to import

    words = f"{script} capital" if script in CAPITALS else script
    found = [chr(code) for code in sorted(FT2Font(path).get_charmap())]
    return [
        c
        for c in found
        if unicodedata.category(c) in ("Lo", "Lu", "Ll") and not unicodedata.decomposition(c) and unicodedata.name(c, "").startswith(words.upper())
    ]  # fmt: skip


def _drawings(font: Any, character: str, rng: np.random.Generator) -> Array | None:
    """Draw a character 20 times, or say None where the font has nothing to show for it."""
    from PIL import Image, ImageDraw  # optional: slow to import

    inks = []
    for pen in range(3):
        ink = Image.new("L", (2 * CANVAS, 2 * CANVAS))
        ImageDraw.Draw(ink).text(
            (CANVAS, CANVAS), character, fill=255, font=font, anchor="mm", stroke_width=pen
        )
        inks.append(ink)
    box = inks[0].getbbox()
    if box is None:
        return None
    centre = np.array([box[0] + box[2], box[1] + box[3]]) / 2
    size = max(box[2] - box[0], box[3] - box[1])
    drawn = []
    for _ in range(DRAWINGS):
        turn, shear = rng.normal(0, 0.15), rng.normal(0, 0.2)
        bent = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [[1, shear], [0, 1]]
        # from a pixel of the drawing back to the glyph: the larger side becomes 55 to 85% of the canvas
        back = np.linalg.inv(bent) @ np.diag(size / CANVAS / rng.uniform(0.55, 0.85, 2))
        offset = centre - back @ (CANVAS / 2 + rng.uniform(-0.07, 0.07, 2) * CANVAS)
        line = (*back[0], offset[0], *back[1], offset[1])
        picture = inks[rng.integers(3)].transform(
            (CANVAS, CANVAS), Image.Transform.AFFINE, line, Image.Resampling.BILINEAR
        )
        drawn.append(np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX)))
    return np.stack(drawn)[:, None]

"""Draw the pictures of the site's gallery, and note what was found: `python docs/draw_gallery.py [FIGURE ...]`.

Pictures are made from small settings (`landscape reproduce FIGURE --quick`) and stored, small, in docs/pictures, since all
of them take minutes; a build of the site draws none. Table 1 is drawn from the rows in data/deep_network.csv, which real Omniglot
left at the default setting.
"""

import io
import sys
from pathlib import Path

import pandas as pd
from PIL import Image

from landscape.papers.figures import figures, reproduce, table1
from landscape.papers.images.jobs import DEFAULT
from landscape.papers.printed_numbers import shipped_table
from landscape.papers.reproduction import Reproduction

FOLDER = Path(__file__).parent / "pictures"
FINDINGS = FOLDER / "findings.csv"
WIDTH, COLOURS = 1000, 128
"""Of a stored picture: pixels, and colours of its palette. A picture then takes some 60 kB."""


def table1_of_omniglot() -> Reproduction:
    """Lay the stored rows of real Omniglot beside the printed numbers."""
    rows = shipped_table("deep_network.csv")
    rows = rows[rows["data"] == "Omniglot"].drop(columns="data")
    return table1.assemble(rows, DEFAULT, "Omniglot, 8 alphabets", ["another alphabet with each seed"])


def draw(name: str) -> pd.DataFrame:
    """Store the picture of a figure, and return its findings."""
    made = table1_of_omniglot() if name == "table1" else reproduce(name, quick=True, progress=False)
    file = io.BytesIO()
    made.figure.savefig(file, dpi=160, format="png", facecolor="white")
    picture = Image.open(file).convert("RGB")
    size = (WIDTH, round(picture.height * WIDTH / picture.width))
    small = picture.resize(size, Image.Resampling.LANCZOS) if picture.width > WIDTH else picture
    kept = Image.Quantize.MAXCOVERAGE  # also the colours of a few small marks
    small.quantize(COLOURS, kept, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)
    found = made.findings if made.findings is not None else pd.DataFrame(columns=["finding", "rule", "holds"])
    return found[["finding", "rule", "holds"]].assign(figure=name)[["figure", "finding", "rule", "holds"]]


def main() -> None:
    """Draw the figures that are named, or all."""
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or figures():
        rows = draw(name)
        if FINDINGS.exists():
            known = pd.read_csv(FINDINGS)
            rows = pd.concat([known[known["figure"] != name], rows]).sort_values("figure", kind="stable")
        rows.to_csv(FINDINGS, index=False)
        print(f"{name}: {len(rows[rows['figure'] == name])} findings", flush=True)


if __name__ == "__main__":
    main()

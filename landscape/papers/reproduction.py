"""What reproducing a figure yields: table, picture and findings, each decided by a rule that was stated beforehand."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from landscape.core import Array, Result, checks, put_in_place, record
from landscape.plotting.sizes import resize

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


FORMATS = ("png", "pdf", "svg")


@record
class Reproduction(Result):
    """A figure or table of a paper, made again.

    Attributes
    ----------
    table : DataFrame
        Tidy: theory, simulation, standard errors, z, and the paper's number where it prints one.
    figure : Figure
    summary : DataFrame
        The part of the table to show on a terminal.
    notes : list of str
        Readings taken where the paper contradicts itself or leaves something open.
    findings : DataFrame or None
        The paper's qualitative findings, each with the rule that decides it, stated beforehand.
    """

    table: pd.DataFrame
    figure: Figure
    summary: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    findings: pd.DataFrame | None = None

    def headline(self) -> str:
        """Say how many rows there are, and how many findings hold."""
        rows = f"reproduction, {len(self.table):,} rows"
        if self.findings is None:
            return rows
        return f"{rows}; {(self.findings['holds'] == 'yes').sum()} of {len(self.findings)} findings hold"

    def columns(self) -> Mapping[str, Any]:
        """Give the columns of the table."""
        return {name: self.table[name] for name in self.table}

    def save(
        self, name: str, folder: str | Path, *, format: str = "png", size: str | None = None
    ) -> tuple[Path, Path]:
        """Write table and picture, NAME.csv and NAME.png, into a folder and return their paths.

        Each replaces an older file at once.

        Parameters
        ----------
        name : str
        folder : path
        format : {"png", "pdf", "svg"}
            Of the picture; the last two are sharp at any width.
        size : {"column", "page", "slide"}, optional
            Width and type of the picture as for `landscape.plotting.resize`; its own by default.

        Raises
        ------
        ValueError
            If the folder cannot be written.
        """
        folder = writable_folder(folder)
        csv, drawn = folder / f"{name}.csv", folder / f"{name}.{checks.known('format', format, FORMATS)}"
        if size is not None:
            resize(self.figure, size)
        put_in_place(csv, self.table.to_csv(index=False).encode())
        picture = io.BytesIO()
        self.figure.savefig(picture, dpi=160, format=format)
        put_in_place(drawn, picture.getvalue())
        return csv, drawn


def writable_folder(folder: str | Path) -> Path:
    """Return the folder, made if need be.

    Raises
    ------
    ValueError
        If it cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(
            f"cannot write to the folder {str(folder)!r}: {error.strerror}; give another with --out"
        ) from None
    return folder


class Finding(NamedTuple):
    """A claim of a paper, the rule that decides it, the 95% interval it was decided by, and the outcome."""

    finding: str
    rule: str
    low: float
    high: float
    holds: str


def finding(claim: str, rule: str, low: float, high: float, holds: Any) -> Finding:
    """Make a row of findings; `holds` is the rule's outcome."""
    return Finding(claim, rule, float(low), float(high), "yes" if holds else "no")


def interval(mean: float, error: float, repeats: int) -> tuple[float, float]:
    """Compute a 95% interval (Student's t) from a mean and its standard error over so many repeats."""
    from scipy.special import stdtrit  # optional here: listing the figures needs it not

    half = stdtrit(repeats - 1, 0.975) * error
    return float(mean - half), float(mean + half)


def interval_of(values: Array) -> tuple[float, float]:
    """Compute a 95% interval for the mean of what independent repeats gave, shape (repeats,)."""
    return interval(values.mean(), values.std(ddof=1) / len(values) ** 0.5, len(values))


def share_interval(times: int, of: int) -> tuple[float, float]:
    """Compute the 95% interval of a share (Clopper and Pearson)."""
    from scipy.special import betaincinv  # optional here: listing the figures needs it not

    low = betaincinv(times, of - times + 1, 0.025) if times else 0.0
    high = betaincinv(times + 1, of - times, 0.975) if times < of else 1.0
    return float(low), float(high)

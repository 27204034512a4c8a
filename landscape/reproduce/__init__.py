"""The papers' figures and tables, one file each.

A file of this folder (without a leading underscore) is a figure: it has a ``TITLE`` and a function ``run(quick, seed, progress)``
that returns a `Reproduction`, and its name is the figure's, with hyphens for underscores. Nothing else registers it.
SGD runs on the engine "numpy", which everybody has: a figure's numbers do not depend on what is installed.
"""

import pkgutil
from dataclasses import dataclass, field
from importlib import import_module, resources
from pathlib import Path

from landscape import checks


@dataclass
class Reproduction:
    """What reproducing a figure yields.

    Attributes
    ----------
    table : pandas.DataFrame
        Tidy: theory, simulation, standard errors, z, and the paper's number where it prints one.
    figure : matplotlib.figure.Figure
    summary : pandas.DataFrame
        The part of the table to show on a terminal.
    findings : pandas.DataFrame or None
        The paper's qualitative findings, each with the rule that decides it, stated beforehand.
    notes : list of str
        Readings taken where the paper contradicts itself or leaves something open.
    """

    table: object
    figure: object
    summary: object
    notes: list = field(default_factory=list)
    findings: object = None

    def save(self, name, folder):
        """Write NAME.csv and NAME.png into a folder and return their paths.

        Raises
        ------
        ValueError
            If the folder cannot be written.
        """
        folder = writable(folder)
        paths = folder / f"{name}.csv", folder / f"{name}.png"
        self.table.to_csv(paths[0], index=False)
        self.figure.savefig(paths[1], dpi=160)
        return paths


def writable(folder):
    """The folder, made if need be; an error where it cannot be written."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".landscape-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ValueError(
            f"cannot write to the folder {str(folder)!r}: {error.strerror}; give another with --out"
        ) from None
    return folder


def figures():
    """Name and title of all figures, in order."""
    names = sorted(
        module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")
    )
    return {name.replace("_", "-"): import_module(f"{__name__}.{name}").TITLE for name in names}


def reproduce(name, *, quick=False, seed=0, progress=True):
    """Compute, simulate and draw a figure of the papers.

    Parameters
    ----------
    name : str
        One of `figures`.
    quick : bool
        Fewer points, tasks and repeats: seconds instead of minutes.
    seed : int
    progress : bool

    Returns
    -------
    Reproduction
    """
    checks.known("figure", name, figures())
    return import_module(f"{__name__}.{name.replace('-', '_')}").run(quick, seed, progress)


def interval(mean, error, repeats):
    """A 95% interval (Student's t) from a mean and its standard error over so many repeats."""
    from scipy.special import stdtrit

    half = stdtrit(repeats - 1, 0.975) * error
    return mean - half, mean + half


def interval_of(values):
    """A 95% interval for the mean of what independent repeats gave."""
    return interval(values.mean(), values.std(ddof=1) / len(values) ** 0.5, len(values))


def finding(claim, rule, low, high, holds):
    """A row of findings: a claim of the paper, the rule that decides it, a 95% interval, the outcome."""
    return {"finding": claim, "rule": rule, "low": low, "high": high, "holds": "yes" if holds else "no"}


def shipped(name):
    """A table that comes with the package."""
    import pandas as pd

    with resources.files("landscape.data").joinpath(name).open() as file:
        return pd.read_csv(file, comment="#")


def printed(figure):
    """The numbers that a paper prints for a figure, with their source, as a table."""
    table = shipped("printed_numbers.csv")
    return table[table["figure"] == figure].reset_index(drop=True)

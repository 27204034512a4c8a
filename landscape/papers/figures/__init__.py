"""The papers' figures and tables, one file each: the registry is this folder.

A file is a figure: it has a ``TITLE`` and a function ``run(quick, seed, progress)`` that returns a
`Reproduction`; its name is the figure's, with hyphens for underscores. SGD runs on the engine "numpy", which
everybody has: a figure's numbers do not depend on what is installed.
"""

import ast
from importlib import import_module
from pathlib import Path

import numpy as np

from landscape.core import checks
from landscape.papers.reproduction import Reproduction

__all__ = ["Reproduction", "figures", "reproduce"]


def figures() -> dict[str, str]:
    """Return the title of each figure by its name, in alphabetical order."""
    files = {path.stem.replace("_", "-"): path for path in Path(__file__).parent.glob("[!_]*.py")}
    return {name: _title(files[name]) for name in sorted(files)}


def _title(path: Path) -> str:
    """Read a figure's title off its source: importing all figures would take two seconds."""
    for line in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "TITLE":
            return str(ast.literal_eval(line.value))
    raise ValueError(f"a figure's file needs a TITLE = ..., and {path.name} has none")


def reproduce(
    name: str, *, quick: bool = False, rng: np.random.Generator | int = 0, progress: bool = True
) -> Reproduction:
    """Compute, simulate and draw a figure of the papers.

    Parameters
    ----------
    name : str
        One of `figures`.
    quick : bool
        Fewer points, tasks and repeats: seconds instead of minutes.
    rng : numpy.random.Generator or int
        A seed gives the same numbers each time.
    progress : bool

    Returns
    -------
    Reproduction
    """
    checks.known("figure", name, figures())
    # figures count seeds up, one a panel, so that they need a number
    seed = int(rng.integers(2**31)) if isinstance(rng, np.random.Generator) else checks.seed("rng", rng)
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    return module.run(checks.flag("quick", quick), seed, progress)

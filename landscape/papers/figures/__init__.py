"""The papers' figures and tables, one file each: the registry is this folder.

A file is a figure: it has a ``TITLE`` and a function ``run(quick, seed, progress)`` that returns a
`Reproduction`; its name is the figure's, with hyphens for underscores. SGD runs on the engine "numpy", which
everybody has: a figure's numbers do not depend on what is installed.
"""

import ast
from collections.abc import Iterator
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


def settings(name: str) -> set[str]:
    """Return what else a figure's `run` takes: "data", "full" or "folder", read off its source too."""
    functions = (
        line for line in _lines(_file(name)) if isinstance(line, ast.FunctionDef) and line.name == "run"
    )
    return {argument.arg for function in functions for argument in function.args.kwonlyargs}


def _file(name: str) -> Path:
    return Path(__file__).parent / f"{name.replace('-', '_')}.py"


def _lines(path: Path) -> Iterator[ast.stmt]:
    yield from ast.parse(path.read_text(encoding="utf-8")).body


def _title(path: Path) -> str:
    """Read a figure's title off its source: importing all figures would take two seconds."""
    for line in _lines(path):
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "TITLE":
            return str(ast.literal_eval(line.value))
    raise ValueError(f"a figure's file needs a TITLE = ..., and {path.name} has none")


def reproduce(
    name: str,
    *,
    quick: bool = False,
    rng: np.random.Generator | int = 0,
    progress: bool = True,
    data: str | Path | None = None,
    full: bool = False,
    folder: str | Path | None = None,
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
    data : path, optional
        Where a data set lies that the figure reads in place: Omniglot for "table1", CIFAR-100 for "table2".
    full : bool
        The printed settings, where the default ones are smaller: many hours, or a GPU.
    folder : path, optional
        Where training keeps its state, so that a run that was killed goes on.

    Returns
    -------
    Reproduction

    Raises
    ------
    ValueError
        If the figure reads no data or has no other settings, and they are given.
    ImportError
        If it needs an extra that is not installed.
    """
    checks.known("figure", name, figures())
    if checks.flag("quick", quick) and checks.flag("full", full):
        raise ValueError("quick and full exclude one another")
    given = {"data": None if data is None else str(data), "full": full, "folder": folder}
    taken = settings(name)
    for argument in ("data", "full"):
        if given[argument] and argument not in taken:
            raise ValueError(f"{name} takes no {argument}: table1 and table2 do")
    # figures count seeds up, one a panel, so that they need a number
    seed = int(checks.generator(rng).integers(2**31)) if checks.is_source(rng) else checks.seed("rng", rng)
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    return module.run(quick, seed, progress, **{argument: given[argument] for argument in taken})

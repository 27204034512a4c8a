"""Compute, simulate and draw figures and tables of the papers."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from landscape.core.terminal import columns, fitted, table

if TYPE_CHECKING:
    from landscape.papers.reproduction import Reproduction

HELP = "compute, simulate and draw figures and tables of the papers"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("names", nargs="*", metavar="FIGURE", help="for example fig3")
    parser.add_argument("--list", action="store_true", help="list the figures and stop")
    parser.add_argument("--all", action="store_true", help="all of them")
    parser.add_argument("--quick", action="store_true", help="smaller settings: seconds instead of minutes")
    parser.add_argument(
        "--full", action="store_true", help="the printed settings of table1 and table2: many hours, or a GPU"
    )
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="where Omniglot (table1) or CIFAR-100's binary files (table2) lie; they are read in place",
    )
    parser.add_argument(
        "--out", default="out", metavar="DIR", help="folder for tables and pictures (default: out)"
    )
    parser.add_argument("--format", choices=("png", "pdf", "svg"), default="png", help="of the pictures")
    parser.add_argument(
        "--size",
        choices=("column", "page", "slide"),
        help="width and type of the pictures (default: their own)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the simulation (default: 0)")


def run(options: Namespace) -> int:
    """Reproduce the figures asked for, or list them."""
    from landscape.core import checks  # optional: other commands need none of these
    from landscape.papers.figures import figures
    from landscape.papers.reproduction import writable_folder

    titles = figures()
    if options.list:
        for name, title in titles.items():
            print(fitted(f"{name:20} {title}", columns()))
        return 0
    names = list(titles) if options.all else options.names
    if not names:
        raise ValueError("name a figure, or give --all; --list shows which there are")
    if options.seed < 0:
        raise ValueError(f"--seed must be >= 0, got {options.seed}")
    for name in names:
        checks.known("figure", name, titles)
    writable_folder(options.out)
    write(names, options)
    return 0


def write(names: Iterable[str], options: Namespace) -> None:
    """Reproduce figures, write their files and show them; of `--all` those are left out that lack an extra."""
    from landscape.papers.figures import figures, reproduce, settings  # optional: other commands need it not

    titles = figures()
    for name in names:
        taken = settings(name)
        more = {
            k: v for k in ("data", "full") if (v := getattr(options, k)) and (k in taken or not options.all)
        }
        if "folder" in taken:
            more["folder"] = Path(options.out) / f"{name}-training"
        try:
            made = reproduce(name, quick=options.quick, rng=options.seed, **more)
        except ImportError as error:
            if not options.all:
                raise
            print(f"\n{name} was left out: {error}")
            continue
        paths = made.save(name, options.out, format=options.format, size=options.size)
        _show(name, titles[name], made, paths)


def _show(name: str, title: str, made: Reproduction, paths: tuple[Path, Path]) -> None:
    wide = columns()
    print(fitted(f"\n{title}\n", wide))
    print(table(made.summary, wide, float_format=lambda x: f"{x:.4g}", na_rep=""))
    if made.findings is not None:
        print("\nFindings, each decided by a rule stated beforehand (95% intervals):\n")
        for row in made.findings.itertuples():
            said = f"{row.finding}: {row.low:.3g} to {row.high:.3g}  (rule: {row.rule})"
            print(fitted(f"  [{row.holds:>3}] {said}", wide))
    for note in made.notes:
        print(fitted(f"\n* {note}", wide))
    print(f"\n{name}: wrote {' and '.join(map(str, paths))}")

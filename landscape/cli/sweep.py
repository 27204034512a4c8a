"""Simulate over a grid as a TOML file says, or put the files of shards together; a run that was stopped goes on."""

import re
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from landscape.core.files import check_output, save
from landscape.core.terminal import columns, table

HELP = "simulate over a grid of arguments, methods and seeds, from a TOML file"

EXAMPLE = """\
A config, for example:

    file = "hardness.db"
    seeds = [0, 1, 2]

    [environment]
    kind = "TwoTasks"           # or HardEasy, or Mixture with [[environment.families]]
    d = 10

    [adaptation]
    kind = "GradientSteps"
    alpha = 1.0
    m = 500

    [[method]]
    kind = "NAL"

    [[method]]
    kind = "MAML"               # without an inner step of its own it trains for the adaptation

    [training]
    T = 5000
    solver = "sgd"
    learning_rate = {NAL = 0.025, MAML = 0.05}

    [over]
    rho_hard = {start = 0.1, stop = 1.0, num = 10}
    m = [50, 500]
"""

CLUSTER = """
On a cluster, each of 8 jobs runs `landscape sweep config.toml --shard i/8`, and at last
`landscape sweep merge hardness.db hardness.*of8.db --table hardness.csv`.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = EXAMPLE + CLUSTER
    parser.add_argument(
        "config", metavar="CONFIG", nargs="+", help="a TOML file, see below; or: merge FILE PART [PART ...]"
    )
    parser.add_argument(
        "--file", metavar="FILE", help="where the cells go, a database (.db), if the config does not say"
    )
    parser.add_argument(
        "--table", metavar="TABLE", help="write all runs to this table too (.csv or .parquet)"
    )
    parser.add_argument("--shard", metavar="I/N", help="compute the I-th of N parts, into FILE.IofN.db")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one a processor)")
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a dask scheduler, to use its workers instead"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(options: Namespace) -> int:
    """Run the sweep, or what is left of it, or merge files."""
    from landscape.analysis.sweep import Sweep  # optional: other commands need it not

    first, *more = options.config
    if options.table:
        _check_table(options.table)
    if first == "merge":
        if len(more) < 2:
            raise ValueError("merge needs a file and its parts: landscape sweep merge cells.db cells.*of8.db")
        file, result = more[0], Sweep.merge(more[0], more[1:])
    elif more:
        raise ValueError(
            f"give one CONFIG, got also {more[0]!r}; files are put together by: merge FILE PART ..."
        )
    else:
        file, result = _swept(options, first)
    if options.table:
        _write(result.table, options.table)
    print(table(result.summary(), columns(), float_format=lambda x: f"{x:.4g}"))
    print(f"\n{len(result.table)} rows in {options.table or file}")
    return 0


def _swept(options: Namespace, config: str) -> tuple[str, Any]:
    """Where the cells are, and the sweep."""
    from landscape.analysis.sweep import sweep  # optional: other commands need it not
    from landscape.analysis.sweep.config import load

    arguments = load(config)
    arguments["file"] = options.file or arguments.get("file")
    if arguments["file"] is None:
        raise ValueError('nowhere to keep the cells: write file = "cells.db" into the config, or give --file')
    if options.scheduler and options.workers:
        raise ValueError("give either --scheduler or --workers")
    if options.shard:
        found = re.fullmatch(r"(\d+)/(\d+)", options.shard)
        if found is None:
            raise ValueError(f"--shard must be I/N, as in 2/8, got {options.shard!r}")
        arguments["shard"] = int(found[1]), int(found[2])
    with _client(options.scheduler) if options.scheduler else nullcontext() as client:
        if client:
            arguments["executor"] = client.get_executor(pure=False)  # dask would take equal cells for one
        elif options.workers is not None:
            arguments["workers"] = options.workers
        try:
            return arguments["file"], sweep(**arguments, progress=not options.quiet)
        except (OSError, RuntimeError) as error:
            raise ValueError(getattr(error, "strerror", None) or error) from None
        except KeyboardInterrupt:
            raise ValueError(
                "stopped; finished cells are kept, and the same command goes on from there"
            ) from None


def _check_table(path: str) -> None:
    if Path(path).suffix not in (".csv", ".parquet"):
        raise ValueError(f"--table must end in .csv or .parquet, got {path!r}")
    if path.endswith(".parquet") and find_spec("pyarrow") is None:
        raise ValueError('a .parquet table needs pyarrow: pip install "task-landscape[data]", or give .csv')
    check_output("--table", path)


def _write(table: Any, path: str) -> None:
    content = table.to_csv(index=False).encode() if path.endswith(".csv") else table.to_parquet(index=False)
    save("the table", path, content)


def _client(address: str) -> Any:
    try:
        from dask.distributed import Client  # optional: an extra
    except ImportError:
        raise ValueError(
            '--scheduler needs dask.distributed: pip install "task-landscape[distributed]"'
        ) from None
    try:
        return Client(address, timeout="10s")  # type: ignore[no-untyped-call]
    except OSError as error:
        raise ValueError(f"no scheduler at {address!r}: {error}") from None

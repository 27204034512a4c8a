"""Simulate over a grid as a TOML file says; a run that was stopped goes on where it stopped."""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from contextlib import nullcontext
from typing import Any

from landscape.core.terminal import columns

HELP = "simulate over a grid of arguments, methods and seeds, from a TOML file"

EXAMPLE = """\
A config, for example:

    file = "hardness.csv"
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


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = EXAMPLE
    parser.add_argument("config", metavar="CONFIG", help="a TOML file; see below")
    parser.add_argument(
        "--file", metavar="FILE", help="where the cells go (.csv or .parquet), if the config does not say"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one a processor)")
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a dask scheduler, to use its workers instead"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(options: Namespace) -> int:
    """Run the sweep, or what is left of it."""
    from landscape.analysis.sweep import sweep  # optional: other commands need it not
    from landscape.analysis.sweep.config import load

    arguments = load(options.config)
    arguments["file"] = options.file or arguments.get("file")
    if arguments["file"] is None:
        raise ValueError(
            'nowhere to keep the cells: write file = "cells.csv" into the config, or give --file'
        )
    if options.scheduler and options.workers:
        raise ValueError("give either --scheduler or --workers")
    with _client(options.scheduler) if options.scheduler else nullcontext() as client:
        if client:
            arguments["executor"] = client.get_executor(pure=False)  # dask would take equal cells for one
        elif options.workers is not None:
            arguments["workers"] = options.workers
        try:
            result = sweep(**arguments, progress=not options.quiet)
        except (OSError, RuntimeError) as error:
            raise ValueError(getattr(error, "strerror", None) or error) from None
        except KeyboardInterrupt:
            raise ValueError(
                "stopped; finished cells are kept, and the same command goes on from there"
            ) from None
    print(result.summary().to_string(index=False, float_format=lambda x: f"{x:.4g}", line_width=columns()))
    print(f"\n{len(result.table)} rows in {arguments['file']}")
    return 0


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

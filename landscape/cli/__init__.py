"""The command line: landscape COMMAND ...

A file of this folder is a command: it has a ``HELP``, ``add_arguments(parser)`` and ``run(options)``, which
returns the exit status, and its name is the command's. Nothing else registers it. What a command needs beyond
argparse it imports inside ``run``, so that ``landscape --help`` answers at once.
"""

import argparse
import os
import pkgutil
import re
import shlex
import sys
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Protocol, cast

from landscape._version import __version__
from landscape.core import LandscapeWarning

EXAMPLES = """\
examples:
  landscape reproduce fig3 --quick
  landscape diagnose trips.csv --task depot --target minutes --shots 2,50
  landscape check my_module:my_maml
"""


class Command(Protocol):
    """What a file of this folder offers."""

    HELP: str
    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it, and return the exit status."""


def commands() -> dict[str, Command]:
    """Return the commands by name, in alphabetical order."""
    names = sorted(found.name for found in pkgutil.iter_modules(__path__))
    return {name: cast(Command, import_module(f"{__name__}.{name}")) for name in names}


def main(arguments: Sequence[str] | None = None, among: Mapping[str, Command] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process, by default.
    among : dict of str to Command, optional
        The `commands`, by default.

    Returns
    -------
    int
        The exit status: 0 done, 2 the arguments are not usable, 130 stopped by Ctrl-C; a command may have
        others.
    """
    _open_streams()
    parser = _parser(commands() if among is None else among)
    options = parser.parse_args(arguments)
    if "run" not in options:
        parser.print_help()
        return 0
    usual = warnings.formatwarning
    warnings.formatwarning = _brief(usual, options)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("landscape: stopped", file=sys.stderr)
        return 130
    except OSError as error:  # on writing; the interpreter must not try it again when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # whoever reads has seen enough, as in `landscape ... | head`
            return 0
        print(f"landscape: {error}", file=sys.stderr)
        return 2
    except (ValueError, ImportError, MemoryError) as error:  # an import fails where an extra is not installed
        print(f"landscape: {as_typed(str(error), options)}", file=sys.stderr)
        return 2
    finally:
        warnings.formatwarning = usual


def as_typed(message: str, options: argparse.Namespace) -> str:
    """Write arguments of Python as the command's options: missing='drop' as --missing drop."""
    for name, flag in options.flags.items():
        message = re.sub(rf"(?<![\w-]){name}=(?:'([^']*)'|(?=\W|$))", partial(_flag_and_value, flag), message)
        message = re.sub(rf"^{name} must\b", f"{flag} must", message)
    return message


def _flag_and_value(flag: str, found: re.Match[str]) -> str:
    return flag if found[1] is None else f"{flag} {shlex.quote(found[1])}"


def _brief(usual: Any, options: argparse.Namespace) -> Any:
    """Show our warnings as sentences: who types a command has no use for the line of code that warns."""

    def shown(message: Warning | str, category: type[Warning], *place: Any, **line: Any) -> str:
        ours = issubclass(category, LandscapeWarning)
        return (
            f"landscape: {as_typed(str(message), options)}\n"
            if ours
            else usual(message, category, *place, **line)
        )

    return shown


def _open_streams() -> None:
    """Open somewhere to write to where a stream is closed, and take letters that a stream cannot show."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        getattr(sys, name).reconfigure(errors="backslashreplace")


def _parser(among: Mapping[str, Command]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="landscape",
        description="Exact analysis of meta-learning on linear tasks.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"landscape {__version__}")
    choices = parser.add_subparsers(metavar="COMMAND")
    for name, command in among.items():
        subparser = choices.add_parser(name, help=command.HELP, description=command.__doc__)
        command.add_arguments(subparser)
        flags = {one.dest: one.option_strings[-1] for one in subparser._actions if one.option_strings}
        if "seed" in flags:
            flags["rng"] = flags["seed"]
        subparser.set_defaults(run=command.run, flags=flags)
    return parser

"""The command line: landscape COMMAND ...; the folder commands/ holds the commands."""

import argparse
import os
import sys
import warnings

from landscape._version import __version__
from landscape.checks import LandscapeWarning
from landscape.commands import commands


def main(arguments=None):
    """Run the command line; returns the exit status: 0 done, 2 the arguments are not usable, 130 stopped by Ctrl-C."""
    _open_streams()
    options = _parser().parse_args(arguments)
    usual = warnings.formatwarning
    warnings.formatwarning = lambda message, category, *place, **line: (
        f"landscape: {message}\n"
        if issubclass(category, LandscapeWarning)
        else usual(message, category, *place, **line)
    )  # who types a command has no use for the line of this package that warns
    try:
        status = options.run(options)
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
        print(f"landscape: {error}", file=sys.stderr)
        return 2
    finally:
        warnings.formatwarning = usual


def _open_streams():
    """Somewhere to write to where a stream is closed, and no error where it cannot show a Greek letter."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        getattr(sys, name).reconfigure(errors="backslashreplace")


def _parser():
    parser = argparse.ArgumentParser(
        prog="landscape", description="Exact analysis of meta-learning on linear tasks."
    )
    parser.add_argument("--version", action="version", version=f"landscape {__version__}")
    choices = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in commands().items():
        subparser = choices.add_parser(name, help=command.HELP, description=command.__doc__)
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser

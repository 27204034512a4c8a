"""The commands of the command line, one file each.

A file of this folder (without a leading underscore) is a command: it has a ``HELP``, ``add_arguments(parser)`` and
``run(options)``, which returns the exit status, and its name is the command's. Nothing else registers it. What a command needs
beyond argparse it imports inside ``run``, so that ``landscape --help`` answers at once.
"""

import pkgutil
from importlib import import_module


def commands():
    """Name and module of all commands, in order."""
    names = sorted(
        module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")
    )
    return {name: import_module(f"{__name__}.{name}") for name in names}

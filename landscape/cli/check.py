"""Say what a meta-gradient function computes and what is wrong with it. Exit status: 0 right, 1 wrong, 2 cannot tell.

The module is looked for in the current directory first, unless it is one that runs already, and imported: its
top-level code runs.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from landscape.core.terminal import columns, fitted

HELP = "is a MAML implementation right? exit status 0 right, 1 wrong, 2 cannot tell"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "target",
        metavar="MODULE:FUNCTION",
        help="function(w, X_in, y_in, X_out, y_out, alpha) -> meta-gradient",
    )
    parser.add_argument(
        "--optimum",
        action="store_true",
        help="it is train(draw, alpha) -> w instead: judge where it converges",
    )
    parser.add_argument(
        "--method",
        default="MAML",
        help="what it is meant to be: MAML (default), HF-MAML (an independent Hessian), FO-MAML, Reptile, NAL (a plain gradient), iMAML, "
        "ANIL, Meta-SGD, MAML++",
    )
    parser.add_argument("--steps", type=int, help="inner steps it is meant to take (default: 1)")
    parser.add_argument("--loss", help="half (default) or full: the mean squared error with or without 1/2")
    parser.add_argument("--d", type=int, help="dimension of w (default: 5)")
    parser.add_argument("--n-in", type=int, help="inner samples, for code made for a fixed number")
    parser.add_argument("--n-out", type=int, help="outer samples, likewise")
    parser.add_argument("--alpha", type=float, help="inner step size, likewise")
    parser.add_argument(
        "--dtype", help="float64 (default), float32, float16 or bfloat16: of the arrays passed"
    )
    parser.add_argument("--tasks", type=int, help="tasks of a meta-batch, for functions that take one")
    parser.add_argument("--seed", type=int, default=0, help="of the random problems (default: 0)")


def run(options: Namespace) -> int:
    """Import the function, check it, print the diagnosis."""
    from landscape.checker.check_meta_gradient import (
        check_meta_gradient,  # optional: other commands need it not
    )
    from landscape.checker.check_optimum import check_optimum

    function = imported(options.target)
    only_meta_gradient = ("loss", "d", "dtype", "tasks")
    given = {
        name: value
        for name in (*only_meta_gradient, "n_in", "n_out", "alpha")
        if (value := getattr(options, name)) is not None
    }
    if options.optimum:
        for name in only_meta_gradient:
            if name in given:
                raise ValueError(f"--{name} has no meaning with --optimum: leave it out")
    check: Any = check_optimum if options.optimum else check_meta_gradient
    found = check(function, options.method, steps=options.steps, rng=options.seed, **given)
    print(fitted(str(found), columns()))
    return int(found.status)


def imported(target: str) -> Callable[..., Any]:
    """Import the function that MODULE:FUNCTION names, and say what is imported."""
    module, colon, path = target.partition(":")
    if not (module and colon and path):
        raise ValueError(
            f"name a function as MODULE:FUNCTION, for example my_maml:meta_gradient; got {target!r}"
        )
    if not module.replace(".", "_").isidentifier() or module.startswith("."):
        raise ValueError(
            f"name a module as in an import, with dots and from here, not a path; got {module!r}"
        )
    sys.path.insert(0, str(Path.cwd()))
    print(f"importing {module}: its top-level code runs now", flush=True)
    try:
        found: Any = import_module(module)
    except (Exception, SystemExit) as error:  # a script without `if __name__ == "__main__"` may exit
        missing = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}.")
        why = f"importing {module} failed: {type(error).__name__}: {error}"
        if missing:
            why = f"there is no module {module!r} here or among the installed ones; write it without .py"
        raise ValueError(why) from error
    print(f"imported from {getattr(found, '__file__', 'the interpreter')}\n")
    for name in path.split("."):
        if not hasattr(found, name):
            raise ValueError(f"{module} has no {path!r}")
        found = getattr(found, name)
    if not callable(found):
        raise ValueError(f"{target} is no function but {type(found).__name__}")
    return found

"""Say what a meta-gradient function computes and what is wrong with it. Exit status: 0 right, 1 wrong, 2 cannot tell.

The module is looked for in the current directory first, unless it is one that runs already, and imported: its top-level code runs.
"""

HELP = "is a MAML implementation right? exit status 0 right, 1 wrong, 2 cannot tell"


def add_arguments(parser):
    """The command's arguments."""
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
        help="what it is meant to be: MAML (default), 'MAML, independent Hessian', FO-MAML, Reptile or 'plain gradient'",
    )
    parser.add_argument("--steps", type=int, default=1, help="inner steps it is meant to take (default: 1)")
    parser.add_argument(
        "--loss", default=None, help="half (default) or full: the mean squared error with or without 1/2"
    )
    parser.add_argument("--d", type=int, default=None, help="dimension of w (default: 5)")
    parser.add_argument(
        "--n-in", type=int, default=None, help="inner samples, for code made for a fixed number"
    )
    parser.add_argument("--n-out", type=int, default=None, help="outer samples, likewise")
    parser.add_argument("--alpha", type=float, default=None, help="inner step size, likewise")
    parser.add_argument("--dtype", default=None, help="float64 (default) or float32: of the arrays passed")
    parser.add_argument("--seed", type=int, default=0, help="of the random problems (default: 0)")


def run(options):
    """Import the function, check it, print the diagnosis."""
    import landscape

    function = imported(options.target)
    names = (
        ("alpha", "n_in", "n_out") if options.optimum else ("loss", "d", "n_in", "n_out", "alpha", "dtype")
    )
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    unused = [n for n in ("loss", "d", "dtype") if options.optimum and getattr(options, n) is not None]
    if unused:
        raise ValueError(f"--{unused[0]} has no meaning with --optimum: leave it out")
    check = landscape.check_optimum if options.optimum else landscape.check_meta_gradient
    found = check(function, options.method, steps=options.steps, seed=options.seed, **given)
    print(found)
    return found.status


def imported(target):
    """The function that MODULE:FUNCTION names; the module is imported, and it is said so."""
    import sys
    from importlib import import_module
    from pathlib import Path

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
        found = import_module(module)
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

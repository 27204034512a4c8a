"""Say what to do with the tasks of a table: how to train and how to adapt, and what that brings."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from landscape.cli import as_typed
from landscape.core import check_output, save
from landscape.core.terminal import columns, fitted, table

HELP = "say what to do with the tasks of a table, and what meta-learning adds"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "file", metavar="FILE", help="a CSV (also .csv.gz) or Parquet file with one row an observation"
    )
    parser.add_argument(
        "--task",
        required=True,
        action="append",
        metavar="COLUMN",
        help="the column that says which task a row belongs to; where several do, give it again for each",
    )
    parser.add_argument("--target", required=True, metavar="COLUMN", help="the column to predict")
    parser.add_argument(
        "--features",
        metavar="A,B,...",
        help="columns to predict from (default: all others but row numbers and what is constant in every task)",
    )
    parser.add_argument(
        "--shots", metavar="N,N,...", help="samples of a new task to adapt to, for example 5,10,50"
    )
    parser.add_argument("--html", metavar="REPORT", help="write a report that opens in any browser")
    parser.add_argument(
        "--csv", metavar="TABLE", help="write the table of methods as CSV, shares from 0 to 1"
    )
    parser.add_argument(
        "--save",
        metavar="MODEL",
        help="keep what is advised at the most shots (or the one method of --methods), for landscape predict",
    )
    parser.add_argument(
        "--weigh", default="tasks", choices=["tasks", "rows"], help="what counts alike (default: tasks)"
    )
    parser.add_argument(
        "--standardise",
        default="across",
        choices=["across", "within", "no"],
        help="features: over all rows or within tasks",
    )
    parser.add_argument(
        "--missing", default="error", choices=["error", "drop"], help="rows that lack values (default: error)"
    )
    add_format(parser)
    parser.add_argument("--no-intercept", action="store_true", help="add no column of ones")
    parser.add_argument(
        "--worth", type=float, default=0.02,
        help="how much more loss than the least is as good; the cheapest such method is advised (default: 0.02)",
    )  # fmt: skip
    parser.add_argument(
        "--methods", metavar="A,B,...", help='what to compare (default: all but the slowest; or "all")'
    )
    parser.add_argument("--only", choices=["gradient"], help="advise gradient steps only")
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the folds and the bootstrap (default: 0)"
    )


def add_format(parser: ArgumentParser) -> None:
    """Declare how a text file is written."""
    parser.add_argument("--delimiter", metavar="MARK", help="what separates the columns of a text file")
    parser.add_argument("--decimal", default=".", choices=[".", ","], help="the decimal mark of a text file")
    parser.add_argument("--encoding", help="of a text file's letters, such as latin-1 (default: UTF-8)")


def given_format(options: Namespace) -> dict[str, Any]:
    """Collect how a text file is written; the shell has no easy tab."""
    delimiter = options.delimiter and options.delimiter.replace("\\t", "\t")
    return {"delimiter": delimiter, "decimal": options.decimal, "encoding": options.encoding}


def run(options: Namespace) -> int:
    """Diagnose a file: the verdict, a table, and what is to be written."""
    from landscape.diagnosis.diagnose import diagnose  # optional: other commands need it not
    from landscape.diagnosis.in_per_cent import in_per_cent
    from landscape.tasks.tables.from_data import from_data

    shots = None if options.shots is None else _whole_numbers(options.shots)
    outputs: dict[Path, str] = {}
    for name in ("html", "csv", "save"):  # before the work, not after it
        given = getattr(options, name)
        if given is None:
            continue
        path = check_output(f"--{name}", given, inputs=[options.file]).resolve()
        if path in outputs:
            raise ValueError(f"--{name} must name another file than --{outputs[path]}, got {given!r}")
        outputs[path] = name
    if options.save is not None and options.standardise == "within":
        raise ValueError(
            "--save needs --standardise across or no: within a new task its shots cannot tell means and scales"
        )
    environment = from_data(
        options.file,
        options.target,
        options.task if len(options.task) > 1 else options.task[0],
        None if options.features is None else [name.strip() for name in options.features.split(",")],
        weigh=options.weigh,
        standardise=None if options.standardise == "no" else options.standardise,
        intercept=not options.no_intercept,
        missing=options.missing,
        **given_format(options),
    )
    methods = options.methods
    if methods not in (None, "all"):
        methods = [name.strip() for name in methods.split(",")]
    diagnosis = diagnose(
        environment, shots, methods=methods, only=options.only, worth=options.worth, rng=options.seed
    )
    wide = columns()
    print(fitted(f"{as_typed(repr(environment), options)}\n\n{diagnosis.verdict}\n", wide))
    shown = in_per_cent(diagnosis).loc[:, "shots":"share of the possible"]
    print(table(shown, wide))
    if options.html is not None:
        print(f"\nwrote {diagnosis.save_html(options.html)}")
    if options.csv is not None:
        print(f"\nwrote {save('the table', options.csv, diagnosis.to_frame().to_csv(index=False).encode())}")
    if options.save is not None:
        named = methods[0] if isinstance(methods, list) and len(methods) == 1 else None
        model = diagnosis.fit(named)
        print(fitted(f"\nwrote {model.save(options.save)}: {model!r}", wide))
    return 0


def _whole_numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--shots must be whole numbers separated by commas, got {text!r}") from None

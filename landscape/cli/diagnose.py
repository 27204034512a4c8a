"""Predict whether meta-learning pays on the tasks of a table, with how many shots and which step size."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from landscape.core.terminal import columns, fitted

HELP = "predict whether meta-learning pays on the tasks of a table"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", metavar="FILE", help="a CSV or Parquet file with one row an observation")
    parser.add_argument(
        "--task", required=True, metavar="COLUMN", help="the column that says which task a row belongs to"
    )
    parser.add_argument("--target", required=True, metavar="COLUMN", help="the column to predict")
    parser.add_argument("--features", metavar="A,B,...", help="columns to predict from (default: all others)")
    parser.add_argument(
        "--shots", metavar="N,N,...", help="samples of a new task to adapt to, for example 5,10,50"
    )
    parser.add_argument("--html", metavar="REPORT", help="write a report that opens in any browser")
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
    parser.add_argument("--delimiter", help="what separates the columns of a text file")
    parser.add_argument("--no-intercept", action="store_true", help="add no column of ones")
    parser.add_argument(
        "--worth", type=float, default=0.01, help="the least cut of the loss worth having (default: 0.01)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the folds and the bootstrap (default: 0)"
    )


def run(options: Namespace) -> int:
    """Diagnose a file: the verdict, a table, and a report if one is asked for."""
    from landscape.diagnosis.diagnose import diagnose  # optional: other commands need it not
    from landscape.tasks.tables.from_data import from_data

    if options.html and Path(options.html).resolve() == Path(options.file).resolve():
        raise ValueError(f"--html must name another file than the table, got {options.html!r} for both")
    shots = None if options.shots is None else _whole_numbers(options.shots)
    environment = from_data(
        options.file,
        options.target,
        options.task,
        None if options.features is None else [name.strip() for name in options.features.split(",")],
        weigh=options.weigh,
        standardise=None if options.standardise == "no" else options.standardise,
        intercept=not options.no_intercept,
        missing=options.missing,
        delimiter=options.delimiter and options.delimiter.replace("\\t", "\t"),
    )
    diagnosis = diagnose(environment, shots, worth=options.worth, rng=options.seed)
    wide = columns()
    print(fitted(f"{environment!r}\n\n{diagnosis.verdict}\n", wide))
    table = diagnosis.to_frame().drop(columns=["gradients", "hessian_vector_products"])
    print(table.to_string(index=False, float_format=lambda x: f"{x:.4g}", na_rep="", line_width=wide))
    if options.html is not None:
        print(f"\nwrote {diagnosis.save_html(options.html)}")
    return 0


def _whole_numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--shots must be whole numbers separated by commas, got {text!r}") from None

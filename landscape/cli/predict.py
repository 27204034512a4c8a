"""Predict the rows of a table that lack a target, with the others as shots of their tasks."""

import sys
from argparse import ArgumentParser, Namespace

from landscape.cli.diagnose import add_format, given_format
from landscape.core import check_output, save
from landscape.core.terminal import columns, fitted

HELP = "predict for new tasks with a model that diagnose has saved"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("model", metavar="MODEL", help="what landscape diagnose --save has written")
    parser.add_argument(
        "file",
        metavar="FILE",
        help="a CSV (also .csv.gz) or Parquet file: rows with a target are shots, the others are predicted",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="where the predictions go, as CSV with the marks of FILE (default: the screen)",
    )
    add_format(parser)


def run(options: Namespace) -> int:
    """Predict, and write the rows without a target."""
    from landscape.diagnosis.model import TrainedModel  # optional: other commands need it not
    from landscape.diagnosis.predictions import predictions
    from landscape.tasks.tables.read import TextFormat, read_table

    if options.out is not None:
        check_output("--out", options.out, inputs=[options.file, options.model])
    model = TrainedModel.load(options.model)
    written = TextFormat(**given_format(options))
    frame, _ = read_table(options.file, written)
    mark = written.delimiter or (";" if written.decimal == "," else ",")
    text = predictions(model, frame).to_csv(index=False, sep=mark, decimal=written.decimal)
    print(fitted(f"{model!r}", columns()), file=sys.stderr)
    if options.out is None:
        print(text, end="")
    else:
        print(f"wrote {save('the predictions', options.out, text.encode())}")
    return 0

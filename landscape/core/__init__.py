"""What every other room stands on: typed records with declared parameters, grids by name, results, messages."""

from landscape.core.domains import (
    Domain,
    batch_size,
    choice,
    count,
    is_symbolic,
    nonnegative,
    positive,
    probability,
    real,
    short,
    square,
    step_count,
    symmetric,
    whole,
)
from landscape.core.errors import LandscapeWarning, NoClosedForm, warn
from landscape.core.files import check_output, put_in_place, save
from landscape.core.grids import Grid, Over, Varying, arguments
from landscape.core.parameters import (
    Parameter,
    Record,
    is_symbolic_record,
    keyword_record,
    parameter,
    record,
    with_values,
)
from landscape.core.progress import bar, counter
from landscape.core.results import Estimate, Result, ratio
from landscape.core.typing import Array, Scalar

__all__ = [
    "Array", "Scalar",
    "LandscapeWarning", "NoClosedForm", "warn",
    "Domain", "batch_size", "choice", "count", "is_symbolic", "nonnegative", "positive", "probability", "real", "short", "square", "step_count", "symmetric", "whole",
    "Parameter", "Record", "is_symbolic_record", "keyword_record", "parameter", "record", "with_values",
    "Grid", "Over", "Varying", "arguments",
    "Estimate", "Result", "ratio",
    "bar", "counter",
    "check_output", "put_in_place", "save",
]  # fmt: skip

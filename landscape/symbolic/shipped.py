"""Tables that come with the package, as text: numbers in them may be read exactly."""

import csv
from importlib import resources


def rows(name: str) -> list[dict[str, str]]:
    """Read the rows of a table: a dict of column -> text each."""
    with resources.files("landscape.data").joinpath(name).open() as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))

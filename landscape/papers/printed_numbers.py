"""Tables that come with the package: the numbers that the papers print, and two tables of data."""

from importlib import resources

import pandas as pd


def shipped_table(name: str) -> pd.DataFrame:
    """Read a table that comes with the package."""
    with resources.files("landscape.data").joinpath(name).open() as file:
        return pd.read_csv(file, comment="#")


def printed(figure: str) -> pd.DataFrame:
    """Return the numbers that a paper prints for a figure, with their source."""
    table = shipped_table("printed_numbers.csv")
    return table[table["figure"] == figure].reset_index(drop=True)

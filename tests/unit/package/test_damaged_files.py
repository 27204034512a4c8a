"""Eleven thousand damaged files: each is read as what it holds, or refused in one clear sentence; nothing else happens."""

import random
import warnings

import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape.analysis.sweep.config import load
from landscape.cli.sweep import EXAMPLE
from landscape.diagnosis.model import TrainedModel

pytestmark = pytest.mark.slow

TOKENS = [
    b"\0" * 8,
    b"\xff" * 8,
    b"NaN",
    b"1e999",
    b"-1",
    b"[" * 99,
    b"{",
    b'"',
    b",",
    b"\n",
    b"\xef\xbb\xbf",
    b"inf",
    b"1" * 400,
]


def damaged(good, chance):
    """Change some bits, cut, double or put in some bytes."""
    content = bytearray(good)
    for _ in range(chance.choice([1, 1, 1, 4, 20])):
        at = chance.randrange(len(content))
        length = chance.choice([1, 2, 8, 64])
        match chance.randrange(4):
            case 0:
                content[at] ^= 1 << chance.randrange(8)
            case 1:
                del content[at : at + length]
            case 2:
                content[at:at] = content[at : at + length]
            case 3:
                content[at:at] = chance.choice(TOKENS)
        content = content or bytearray(b"x")
    return bytes(content)


def table():
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(6), 8)
    a, b = rng.normal(size=(2, 48)).round(3)
    frame = pd.DataFrame({"task": [f"t{i}" for i in task], "a": a, "b": b, "kind": np.where(a > 0, "x", "y")})
    return frame.assign(y=(a * (1 + task) + b + rng.normal(size=48)).round(3))


def written(kind, file):
    """Write a good file of a kind, and return what reads it."""
    if kind in (".csv", ".parquet", ".csv.gz"):
        table().to_parquet(file) if kind == ".parquet" else table().to_csv(file, index=False)
        return lambda: ls.from_data(file, task="task", target="y")
    if kind == ".toml":
        file.write_text(EXAMPLE.split("\n", 2)[2].replace("    ", "", 1).replace("\n    ", "\n"))
        return lambda: load(file)
    if kind == ".json":
        tasks = ls.from_data(table(), task="task", target="y")
        ls.diagnose(tasks, shots=2, progress=False).fit("pooled (1 step)").save(file)
        return lambda: TrainedModel.load(file)
    if kind == ".result.json":
        ls.risk(ls.HardEasy(d=3), ls.NAL(), ls.GradientSteps(0.5, m=5), over={"r_hard": [0.1, 1.0]}).to_file(
            file
        )
        return lambda: ls.SavedResult.load(file)
    sweep = {
        "over": {"rho_hard": [0.2, 0.5]},
        "seeds": [0, 1],
        "repeats": 2,
        "tasks": 5,
        "workers": 1,
        "progress": False,
    }
    ls.sweep(ls.TwoTasks(d=2), ls.NAL(), 0.5, ls.Training(20), file=file, **sweep)
    return lambda: ls.Sweep.read(file)


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        (".csv", 2500),
        (".csv.gz", 1000),
        (".parquet", 1500),
        (".toml", 2000),
        (".json", 2000),
        (".result.json", 1000),
        (".db", 1500),
    ],
)
def test_damage_is_one_sentence(tmp_path, kind, count):
    file, chance, refused = tmp_path / f"file{kind}", random.Random(kind), 0
    read = written(kind, file)
    read()
    good = file.read_bytes()
    for number in range(count):
        file.write_bytes(damaged(good, chance))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ls.LandscapeWarning)
                read()
        except ValueError as error:
            assert type(error) is ValueError, f"{kind} {number}: {error!r}"
            assert str(error), number
            refused += 1
    assert 0.1 * count < refused

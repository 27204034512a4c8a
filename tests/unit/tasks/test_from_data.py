"""Tables to tasks: each treatment is stated, each misreading is refused."""

import dataclasses
import itertools
import tracemalloc
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape.tasks.inputs import Empirical
from landscape.tasks.tables.columns import as_numbers
from landscape.tasks.tables.read import read_table
from landscape.tasks.tables.select import Selection, listed

ADAPT = ls.GradientSteps(0.2, m=4)


def table(seed=0, tasks=4, rows=30):
    rng = np.random.default_rng(seed)
    X = rng.exponential(size=(tasks * rows, 2)) * [1, 50] + [3, -100]
    task = np.repeat([f"t{i}" for i in range(tasks)], rows)
    slopes = np.repeat(rng.normal(size=(tasks, 2)), rows, axis=0)
    y = (X / [1, 50] * slopes).sum(axis=1) + rng.normal(size=len(X))
    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "task": task, "y": y}).sample(frac=1, random_state=0)


def by_hand(frame, across=True):
    """The same environment in a few obvious lines."""
    frame = frame.copy()
    for name in ("a", "b", "y"):
        groups = frame.groupby("task")[name] if not across and name != "y" else None
        mean, sd = (groups.transform("mean"), groups.transform("std", ddof=0)) if groups is not None else (
            frame[name].mean(), frame[name].std(ddof=0))  # fmt: skip
        frame[name] = (frame[name] - mean) / sd
    return ls.Mixture(
        [
            ls.DataTask(n, np.column_stack([np.ones(len(g)), g[["a", "b"]]]), g["y"])
            for n, g in frame.groupby("task")
        ]
    )


@pytest.mark.parametrize("how", ["across", "within"])
def test_frames_files_and_dicts_agree_with_a_slow_twin(how, tmp_path):
    frame = table()
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow (extra data)")
    frame.to_parquet(tmp_path / "t.parquet")
    tasks = {
        name: (group[["a", "b"]].to_numpy(), group["y"].to_numpy()) for name, group in frame.groupby("task")
    }
    made = [
        ls.from_data(s, "y", "task", standardise=how)
        for s in (frame, *map(tmp_path.joinpath, ("t.csv", "t.tsv", "t.parquet")))
    ]
    made.append(ls.from_data(tasks, features=["a", "b"], standardise=how))
    twin = ls.risk(by_hand(frame, how == "across"), ls.NAL(), ADAPT)
    for environment in made:
        assert environment.features == ("intercept", "a", "b")
        found = ls.risk(environment, ls.NAL(), ADAPT)
        np.testing.assert_allclose([found.noise, found.dispersion], [twin.noise, twin.dispersion], rtol=1e-9)
    other = ls.risk(by_hand(frame, how != "across"), ls.NAL(), ADAPT)
    assert abs(other.total / twin.total - 1) > 1e-3  # the two treatments are told apart


def test_everything_takes_the_result():
    environment = ls.from_data(table(), "y", "task")
    methods = [ls.NAL(), ls.MAML(ADAPT)]
    assert ls.optimum(environment, methods[1]).shape == (3,)
    assert ls.gain(environment, methods[1], ADAPT) >= 1
    assert len(ls.compare(environment, methods, ADAPT, over={"m": [1, 10]}).to_frame()) == 4
    simulation = ls.simulate(
        environment, methods, ADAPT, ls.Training(50, n1=10), repeats=5, tasks=2000, progress=False
    )
    assert ls.agreement(simulation).worst < 4.5  # 8 z-scores: false alarms 6e-5
    ls.plot_landscape(environment, ADAPT, samples=5, resolution=5)
    assert dataclasses.replace(environment, families=environment.families[:2]).families[1].name == "t1"
    assert environment == ls.from_data(table(), "y", "task")
    assert "standardised" not in repr(environment)
    assert "an intercept was added" in environment._repr_html_()


def test_shares_by_tasks_or_by_rows():
    frame = table()[:100]
    by_tasks, by_rows = (ls.from_data(frame, "y", "task", weigh=w) for w in ("tasks", "rows"))
    counts = frame["task"].value_counts().sort_index() / 100
    np.testing.assert_allclose([f.probability for f in by_rows.families], counts)
    assert [f.probability for f in by_tasks.families] == [None] * 4
    assert "in proportion to their rows" in repr(by_rows)


def test_treatments_are_told():
    frame = table()
    frame["kind"] = np.where(frame["b"] > frame["b"].median(), "high", "low")
    frame["same"], frame["flag"] = 7.0, frame["a"] > frame["a"].median()
    frame.loc[frame.index[:3], "a"] = np.nan
    frame = pd.concat(
        [
            frame,
            pd.DataFrame(
                [{"a": 1.0, "b": 2.0, "task": "tiny", "y": 1.0, "kind": "low", "same": 7.0, "flag": True}]
            ),
        ]
    )
    environment = ls.from_data(frame, "y", "task", missing="drop")
    assert environment.features == ("intercept", "a", "b", "kind=low", "flag")
    for told in ("3 of 121 rows left out, which lack a value in a (3)", "'kind' is a category: one 0/1 column for each of its "
                 "levels but the first, 'high'", "1 of 5 tasks left out, which have fewer than 2 rows", "'same' is constant"):  # fmt: skip
        assert told in repr(environment), told
    raw = ls.from_data(table(), "y", "task", standardise=None, intercept=False)
    assert "not standardised" in repr(raw)
    np.testing.assert_array_equal(
        np.sort(raw.families[0].X[:, 1]), np.sort(table().query("task == 't0'")["b"])
    )
    within = ls.from_data(
        table().assign(b=lambda t: t["b"].where(t["task"] != "t0", 1.0)), "y", "task", standardise="within"
    )
    assert "1 times a feature is constant within a task" in repr(within)
    assert "1 of 4 tasks have fewer independent rows than features: their loss has a ridge of 0.01" in repr(
        within
    )
    assert [task.ridge > 0 for task in within.families] == [True, False, False, False]
    few = table().groupby("task").head(2)
    smallest = ls.from_data(few, "y", "task", ridge=0)
    assert "of their many optima the smallest is taken" in repr(smallest)


def test_numbers_of_other_kinds_are_numbers():
    frame = table()
    plain = ls.from_data(frame, "y", "task")
    assert ls.from_data(frame.astype({"a": object, "y": object}), "y", "task") == plain
    assert ls.from_data(frame.astype({"a": "Float64"}), "y", "task") == plain
    levels = ls.from_data(frame.assign(b=pd.Categorical((frame["b"] > -50).astype(int))), "y", "task")
    assert levels.features == ("intercept", "a", "b=1")
    exact = frame["a"].map(lambda value: Decimal(repr(value)))
    assert ls.from_data(frame.assign(a=exact), "y", "task") == plain
    with pytest.warns(ls.LandscapeWarning, match="two values only, 0 and 1"):
        yes = ls.from_data(frame.assign(y=frame["y"] > 0), "y", "task", standardise=None)
    assert set(np.concatenate([task.y for task in yes.families])) == {0.0, 1.0}


def test_levels_of_a_category_are_indicators():
    frame = table().assign(kind=lambda t: np.resize(["v", "u", "w"], len(t)))
    environment = ls.from_data(frame, "y", "task", ["kind"], standardise=None, intercept=False)
    assert environment.features == ("kind=v", "kind=w")
    twin = pd.get_dummies(frame["kind"], drop_first=True).to_numpy(dtype=float)
    for task in environment.families:
        np.testing.assert_array_equal(task.X, twin[(frame["task"] == task.name).to_numpy()])
    most = frame.assign(kind=np.resize([f"k{i}" for i in range(20)], len(frame)))
    assert (
        len(ls.from_data(most, "y", "task", ["kind"], standardise=None).features) == 20
    )  # the intercept and all but one
    with pytest.raises(ValueError, match="21 different levels"):
        ls.from_data(most.assign(kind=[*most["kind"][1:], "k20"]), "y", "task")


def test_task_names_of_two_kinds_need_no_order():
    # pandas finds out only beyond its first rows that they cannot be sorted
    frame = pd.DataFrame({"a": np.arange(2010.0) ** 3 % 2003, "y": np.arange(2010.0) ** 2 % 11})
    names = pd.Series([2] * 1000 + [1] * 1000 + ["b"] * 10, dtype=object)
    environment = ls.from_data(frame.assign(task=names), "y", "task")
    assert [(task.name, len(task.y)) for task in environment.families] == [
        ("2", 1000),
        ("1", 1000),
        ("b", 10),
    ]


def test_tasks_left_out_take_their_own_rows_only():
    frame = table()
    first = frame[frame["task"] == "t0"].index[1:]  # one row of the first task is left: it falls away
    environment = ls.from_data(frame.drop(first), "y", "task", standardise=None, intercept=False)
    assert "90 rows" in repr(environment)
    for task in environment.families:
        np.testing.assert_array_equal(task.y, frame["y"][frame["task"] == task.name])


def test_rows_in_all_are_told_where_tasks_differ_in_size():
    assert "3 tasks from data, 72 rows" in repr(
        ls.from_data(table()[lambda t: t["task"] != "t3"].iloc[:72], "y", "task")
    )


def test_ridge_is_a_share_of_the_tasks_own_curvatures():
    frame = table(rows=4).assign(
        c=np.arange(16) ** 2 % 7.0, d=np.arange(16) ** 3 % 11.0, e=np.arange(16) % 5.0
    )
    environment = ls.from_data(frame, "y", "task", ridge=0.3)
    for task in environment.families:  # 4 rows, 6 features
        assert task.ridge == pytest.approx(0.3 * np.linalg.eigvalsh(task.X.T @ task.X / 4).mean())


def test_as_many_rows_as_features_may_be_enough():
    frame = table().groupby("task").head(3)
    assert [task.ridge for task in ls.from_data(frame, "y", "task").families] == [0.0] * 4
    # but not where one feature follows from others, be it but to rounding
    slopes = frame["task"].map({"t0": 0.1, "t1": 0.3, "t2": 0.7, "t3": 1.1})
    line = ls.from_data(frame.assign(b=slopes * frame["a"] + 0.1), "y", "task", standardise=None)
    assert all(task.ridge > 0 for task in line.families)


def test_what_is_constant_within_a_task_to_rounding_is_zero_there():
    frame = table().sort_values("task", ignore_index=True)
    steady = np.where(frame["task"] == "t0", 1e9 + 1e-6 * (frame.index % 2), frame["b"])
    environment = ls.from_data(frame.assign(b=steady), "y", "task", standardise="within")
    np.testing.assert_array_equal(environment.families[0].X[:, 2], 0.0)


def test_units_do_not_decide_which_tasks_need_a_ridge():
    frame = table()
    wide = ls.from_data(frame.assign(a=frame["a"] * 1e7), "y", "task", standardise=None)
    assert [task.ridge for task in wide.families] == [0.0] * 4
    still = ls.from_data(frame.assign(b=frame["b"].where(frame["task"] != "t2", -50.0)), "y", "task")
    assert [task.ridge > 0 for task in still.families] == [
        False,
        False,
        True,
        False,
    ]  # there b is as good as the intercept


def change(frame, **columns):
    return frame.assign(**columns)


BAD = {
    "target is text": (lambda f: change(f, y=f["y"].astype(str) + "x"), {}, r"target 'y' must be a number.*got '.*x' in row 0"),
    "missing": (lambda f: change(f, a=f["a"].where(f["a"] > 4)), {}, r"of 120 rows lack a value in a \(\d+\)"),
    "missing task": (lambda f: change(f, task=f["task"].where(f["task"] != "t1")), {}, r"lack a value in task 'task' \(30\)"),
    "infinite": (lambda f: change(f, a=f["a"].where(f["a"] > 3.1, np.inf)), {}, "feature 'a' must be finite, got inf in row"),
    "infinite target": (lambda f: change(f, y=f["y"].where(f["y"] > 0, -np.inf)), {}, "target 'y' must be finite, got -inf"),
    "huge": (lambda f: change(f, a=f["a"] * 1e50), {}, r"feature 'a' must be 0 or 1e-40 to 1e\+40 in size, got"),
    "tiny": (lambda f: change(f, y=f["y"] * 1e-50), {}, r"target 'y' must be 0 or 1e-40 to 1e\+40 in size, got"),
    "huge below zero": (lambda f: change(f, a=f["a"].where(f.index > 0, -1e50)), {}, r"feature 'a' must be 0 or 1e-40 to 1e\+40 in size, got"),
    "unknown column": (lambda f: f.rename(columns={"y": "yy"}), {}, "unknown column for target 'y'; did you mean yy"),
    "unknown feature": (lambda f: f, {"features": ["a", "c"]}, "unknown column in features 'c'"),
    "feature is target": (lambda f: f, {"features": ["y"]}, "must not hold the target"),
    "no feature": (lambda f: f, {"features": []}, "at least one column, got none"),
    "target is task": (lambda f: f, {"target": "task"}, "must be different columns"),
    "no target": (lambda f: f, {"target": None}, "target must name a column"),
    "duplicate columns": (lambda f: f.set_axis(["a", "a", "task", "y"], axis=1), {}, "different names, got 'a' 2 times"),
    "two levels of names": (lambda f: f.set_axis(pd.MultiIndex.from_tuples(zip("abcd", "efgh", strict=True)), axis=1), {}, "got 2 levels"),
    "one task": (lambda f: change(f, task="only"), {}, "at least two tasks .* got 1 .*rows of the largest: 120"),
    "one row a task": (lambda f: change(f, task=np.arange(120)), {}, "at least two tasks .* got 0 .of 120 different values"),
    "many texts": (lambda f: change(f, a=[f"id{i}" for i in range(120)]), {}, "120 different levels such as 'id0'"),
    "many levels": (lambda f: change(f, a=pd.Categorical(range(120))), {}, "has 120 different levels such as '0', too many for a category"),
    "decimal comma": (lambda f: change(f, a=[f"1,{i}" for i in range(120)]), {}, "holds numbers with a comma, such as '1,0'"),
    "few decimal commas": (lambda f: change(f, a=["0,5", "1,5", "2"] * 40), {}, "holds numbers with a comma, such as '0,5'"),
    "lists": (lambda f: change(f, a=[[i] for i in range(120)]), {}, "must be numbers or a category, got list"),
    "tasks in lists": (lambda f: change(f, task=[[i % 3] for i in range(120)]), {}, r"task 'task' must hold names or numbers, got \[0\]"),
    "tasks alike as text": (lambda f: change(f, task=pd.Series([1, "1", 2] * 40, dtype=object)), {}, "different and not empty as text, got '1'"),
    "empty task name": (lambda f: change(f, task=f["task"].replace("t0", "")), {}, "different and not empty as text, got ''"),
    "own intercept": (lambda f: f.rename(columns={"a": "intercept"}), {}, "different names, got 'intercept' 2 times"),
    "own level": (lambda f: change(f, k=["u", "v"] * 60, **{"k=v": f["a"] ** 2}), {}, "different names, got 'k=v' 2 times"),
    "names are numbers": (lambda f: f.set_axis([0, 1, 2, 3], axis=1), {}, "unknown column for target 'y'; known: 0, 1, 2, 3"),
    "features is a number": (lambda f: f, {"features": 3}, "features must be a list of names, got 3"),
    "delimiter of a table": (lambda f: f, {"delimiter": ";"}, "delimiter is for text files, got ';' with a DataFrame"),
    "numbers and text": (lambda f: change(f, a=["1.5"] * 60 + ["?"] * 60), {}, r"mixes numbers with text, got '\?' in row 60"),
    "numbers as text": (lambda f: change(f, a=[f"{i}.5" for i in range(120)]), {}, "holds numbers written as text, such as '0.5'"),
    "complex": (lambda f: change(f, a=1j), {}, "must be numbers or a category, got complex128"),
    "category refused": (lambda f: change(f, a=["u", "v"] * 60), {"categories": "error"}, "is a category"),
    "dates": (lambda f: change(f, a=pd.Timestamp("2020-01-01")), {}, "must be numbers or a category"),
    "constant target": (lambda f: change(f, y=1.0), {}, "the same in every row, 1"),
    "nothing varies": (lambda f: change(f, a=1.0, b=2.0), {}, "no feature varies"),
    "collinear": (lambda f: change(f, c=f["a"] + 2 * f["b"]), {}, "linear combinations of one another: a, b, c"),
    "collinear but for one": (lambda f: change(f, c=f["a"] + 2 * f["b"], e=f["a"] ** 2), {}, "of one another: a, b, c; leave"),
    "constant within every task": (
        lambda f: change(f, b=f["task"].str[1].astype(int)), {"standardise": "within", "features": ["a", "b"]}, "does not vary within any task"),
    "no rows": (lambda f: f[:0], {}, "has no rows"),
    "bad option": (lambda f: f, {"weigh": "task"}, "unknown weigh 'task'; did you mean tasks"),
    "bad ridge": (lambda f: f, {"ridge": -1}, "ridge must be"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_tables(case):
    spoil, options, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        ls.from_data(spoil(table().reset_index(drop=True)), **({"target": "y", "task": "task"} | options))


def test_a_table_that_would_fill_the_memory_is_refused():
    frame = table()
    selection = Selection(frame[["a", "b"]], frame["y"], frame["task"])
    assert as_numbers(selection, {}, most=240).X.shape == (120, 2)
    with pytest.raises(ValueError, match="120 rows of 2 features are more than 239 numbers: take a sample"):
        as_numbers(selection, {}, most=239)


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ({}, ValueError, "at least two tasks, got an empty dict"),
        ({"a": 3}, ValueError, r"task 'a' must be a pair \(X, y\)"),
        ({"a": ([1, 2], [1, 2])}, ValueError, "must have shape"),
        ({"a": ([[1], [2]], [1, 2, 3])}, ValueError, r"y of task 'a' must have shape \(2,\)"),
        (
            {"a": (np.zeros((0, 2)), []), "b": (np.eye(2), [1, 2])},
            ValueError,
            r"X of task 'a' must have shape .* got \(0, 2\)",
        ),
        ({"a": (np.zeros((2, 0)), [1, 2])}, ValueError, r"X of task 'a' must have shape .* got \(2, 0\)"),
        (
            {"a": (pd.DataFrame({"x": []}), [])},
            ValueError,
            r"X of task 'a' must have rows and columns, got shape \(0, 1\)",
        ),
        (
            {1: (np.eye(2), [1, 2]), "1": (np.eye(2), [1, 3])},
            ValueError,
            "different and not empty as text, got '1'",
        ),
        (
            {"a": ([[1.0], [2]], [1, 2]), "b": ([[1.0, 2]], [1])},
            ValueError,
            "must have the columns x1, got x1, x2",
        ),
        ({"a": (np.eye(2), [1, 2])}, ValueError, "at least two tasks"),
        ([1, 2], TypeError, r"source must be a DataFrame, a path, arrays \(X, y, groups\), or a dict"),
        ("nowhere.csv", ValueError, "there is no file 'nowhere.csv'"),
    ],
)
def test_bad_sources(source, error, message):
    with pytest.raises(error, match=message):
        ls.from_data(source)


def test_names_for_the_columns_of_arrays_must_be_as_many():
    for names in (["u"], ["u", "v", "w"]):
        with pytest.raises(ValueError, match=f"X of task 'a' must have {len(names)} columns, got 2"):
            ls.from_data({"a": (np.eye(2), [1, 2])}, features=names)


def test_long_lists_are_cut():
    assert listed(range(10)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert listed(range(11)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 1 more"


GOOD = "task,a,y\n" + "".join(f"t{i % 2},{i % 7},{i * i % 11}\n" for i in range(20))
FILES = {
    "wrong delimiter": (GOOD.replace(",", ";").encode(), "separated by ';', so give delimiter=';'"),
    "duplicate columns": (
        GOOD.replace("a", "y", 2).replace("tysk", "task").encode(),
        "different names, got 'y' 2 times",
    ),
    "long rows": (
        GOOD.replace("t1,", "t1,0,").encode(),
        "not a table separated by ','|more fields than the header",
    ),
    "every row long": (GOOD.replace("\nt", "\n0,t").encode(), "more fields than the header's 3"),
    "short rows": (
        GOOD.replace("t1,1,1\n", "t1,1\n").encode(),
        r"1 of 20 rows lack a value in target 'y' \(1\)",
    ),
    "not utf-8": (GOOD.replace("t1", "tä").encode("latin-1"), "not UTF-8"),
    "empty": (b"", "has no header"),
    "header only": (b"task,a,y\n", "has no rows"),
    "decimal comma": (
        GOOD.replace(",", ";").replace("t0;0;", "t0;0,5;").encode(),
        "holds numbers with a comma, such as '0,5'",
    ),
    "binary": (bytes(range(256)) * 4, "not UTF-8|not a table|single column|no header"),
}


@pytest.mark.parametrize("case", FILES)
def test_bad_files(case, tmp_path):
    content, message = FILES[case]
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        ls.from_data(tmp_path / "t.csv", "y", "task", delimiter=";" if case == "decimal comma" else None)


def test_entries_that_underflow_are_taken():
    with pytest.warns(ls.LandscapeWarning, match="row 0 .* carries 87% of the variance of 'c'"):
        tiny = ls.from_data(
            table().assign(c=lambda t: np.exp(-(np.arange(120.0) ** 2))), "y", "task", standardise=None
        )
    assert min(np.abs(task.X[:, 3]).min() for task in tiny.families) == 0


def test_odd_but_good_files(tmp_path):
    plain = tmp_path / "plain.csv"
    plain.write_text(GOOD)
    expected = ls.from_data(plain, "y", "task")
    for name, content in {
        "bom": "\ufeff" + GOOD,
        "comments": "# one\n# two, with a comma\n" + GOOD,
        "crlf": GOOD.replace("\n", "\r\n"),
        "quoted": GOOD.replace("t1", '"t1"'),
        "blank end": GOOD + "\n\n",
        "spaces": GOOD.replace(",", ", "),
        "spaces and quotes": GOOD.replace(",", ", ").replace("a, y", '"a", "y"').replace("t1", '"t1"'),
    }.items():
        (tmp_path / "odd.csv").write_text(content, newline="")
        assert ls.from_data(tmp_path / "odd.csv", "y", "task") == expected, name
    (tmp_path / "texts.csv").write_text("task, kind\nt1, u\n")
    assert read_table(tmp_path / "texts.csv")[0].to_numpy().tolist() == [["t1", "u"]]
    (tmp_path / "single.csv").write_text('"a, b"\n3\n')  # one column, whose name has a comma
    assert read_table(tmp_path / "single.csv")[0].columns.tolist() == ["a, b"]
    pd.read_csv(plain).to_csv(tmp_path / "odd.csv")  # with row numbers in a column without a name
    environment = ls.from_data(tmp_path / "odd.csv", "y", "task")
    assert environment.features == ("intercept", "a")
    assert "1 column without a name (row numbers?) left out" in repr(environment)


def test_row_names_stored_in_parquet_are_columns(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow (extra data)")
    table().set_index("task").to_parquet(tmp_path / "t.parquet")
    assert ls.from_data(tmp_path / "t.parquet", "y", "task") == ls.from_data(table(), "y", "task")
    with pytest.raises(ValueError, match="delimiter is for text files, got ';' with t.parquet"):
        ls.from_data(tmp_path / "t.parquet", "y", "task", delimiter=";")


def test_columns_constant_to_rounding_are_left_out():
    frame = table()
    environment = ls.from_data(frame.assign(c=1e14 + frame["a"]), "y", "task")
    assert environment.features == ("intercept", "a", "b")
    assert "'c' is constant" in repr(environment)
    same = ls.from_data(
        frame.assign(c=7.0), "y", "task", intercept=False
    )  # standardised it cannot serve as one
    assert same.features == ("a", "b")
    assert ls.from_data(frame.assign(c=7.0), "y", "task", intercept=False, standardise=None).features == (
        "a",
        "b",
        "c",
    )


def test_other_suffixes(tmp_path):
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"must end in .csv"):
        ls.from_data(tmp_path / "t.xlsx", "y", "task")
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow (extra data)")
    (tmp_path / "t.parquet").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="not a Parquet file"):
        ls.from_data(tmp_path / "t.parquet", "y", "task")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "t.parquet").write_bytes(b"nothing")
    with pytest.raises(ImportError, match=r"task-landscape\[data\]"):
        ls.from_data(tmp_path / "t.parquet", "y", "task")


@pytest.mark.parametrize(("share", "is_open"), [(0.8e-10, True), (1.2e-10, False)])
def test_how_near_columns_of_a_task_may_come_to_one_another(share, is_open):
    """Their least curvature, at mean square 1, against 1e-10 of the largest, which for two that nearly agree is 2."""
    frame = table().sort_values("task", ignore_index=True)
    here = frame["task"] == "t1"
    Q = np.linalg.qr(np.column_stack([np.ones(30), np.random.default_rng(0).normal(size=(30, 2))]))[0]
    angle = 2 * np.arctan(np.sqrt(share))  # curvatures 1, 1 - cos and 1 + cos of it
    frame.loc[here, "a"], frame.loc[here, "b"] = Q[:, 1], Q[:, 1:] @ [np.cos(angle), np.sin(angle)]
    tasks = ls.from_data(frame, "y", "task", standardise=None).families
    assert [task.ridge > 0 for task in tasks] == [False, is_open, False, False]


def ridge_world():
    rng = np.random.default_rng(4)
    return rng.exponential(size=(3, 2)) - 0.5, rng.normal(size=3), 0.3, rng.normal(size=2)


def check_ridge(m, steps, task=ls.DataTask):
    """Every resample of three rows, one by one, with g w added to each gradient."""
    X, y, g, w = ridge_world()
    batches, losses, alpha = [list(b) for b in itertools.product(range(3), repeat=m)], [], 0.15
    for path in itertools.product(batches, repeat=steps):
        v = w
        for rows in path:
            v = v - alpha * (X[rows].T @ (X[rows] @ v - y[rows]) / m + g * v)
        losses.append(np.mean((X @ v - y) ** 2) / 2 + g / 2 * v @ v)
    environment = ls.Mixture([task("a", X, y, ridge=g)])
    risk = ls.risk(environment, w, ls.GradientSteps(alpha, m, steps))
    np.testing.assert_allclose(risk.total, np.mean(losses), rtol=1e-12)


@pytest.mark.parametrize(("m", "steps"), [(1, 1), (2, 1), (4, 1), (1, 2), (2, 2)])
def test_ridge_agrees_with_complete_enumeration(m, steps):
    check_ridge(m, steps)
    with pytest.raises(AssertionError):
        check_ridge(m, steps, ForgetfulTask)


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_grids_of_steps_are_their_points(ridge):
    """The second step's moments are those of the first one's Hessian, which differs from point to point."""
    X, y, _, w = ridge_world()
    env, over = (
        ls.Mixture([ls.DataTask("a", X, y, ridge=ridge)]),
        {"alpha": [0.05, 0.1, 0.15], "m": [1, 2, np.inf]},
    )
    grid = ls.risk(env, w, ls.GradientSteps(0.1, 1, 3), over=over).total
    for i, j in np.ndindex(grid.shape):
        step = ls.GradientSteps(over["alpha"][i], over["m"][j], 3)
        assert grid.value[i, j] == pytest.approx(float(ls.risk(env, w, step).total), rel=1e-12)
    assert len(np.unique(grid.value)) == 9


class Forgetful(Empirical):
    """The mean of x e at a ridge solution is not 0: without that the three maps are wrong."""

    def __init__(self, X, y, ridge):
        super().__init__(X, y, ridge)
        self.pull = np.zeros(X.shape[1])


class ForgetfulTask(ls.DataTask):
    @property
    def inputs(self):
        return Forgetful(self.X, self.y, self.ridge)


@pytest.mark.parametrize(("sampling", "m"), [("raw", 3), ("bartlett", 40)])
def test_ridge_tasks_are_simulated_as_computed(sampling, m):
    """8 z-scores: false alarms 6e-5 at 4.5; an error of 4% of the loss would show."""
    rng = np.random.default_rng(1)
    tasks = [
        ls.DataTask(f"t{i}", rng.exponential(size=(3, 4)), rng.normal(size=3), ridge=0.2) for i in range(4)
    ]
    environment, adaptation = ls.Mixture(tasks), ls.GradientSteps(0.15, m=m)
    methods = [ls.NAL(), ls.MAML()]
    run = ls.simulate(
        environment,
        methods,
        adaptation,
        ls.Training(60, n1=9),
        repeats=4,
        tasks=4000,
        sampling=sampling,
        progress=False,
    )
    assert ls.agreement(run).worst < 4.5
    with pytest.raises(ValueError, match="with a ridge is not known"):
        ls.asymptotics(environment, ls.NAL(), ls.Training(60, n1=9, n2=3))


class InChunks(ls.DataTask):
    @property
    def inputs(self):
        found = Empirical(self.X, self.y, self.ridge)
        found.CHUNK = 12
        return found


def test_moments_in_chunks_are_the_same():
    X, y = np.random.default_rng(0).exponential(size=(2, 57, 3))[0], np.arange(57.0)
    whole, chunks = (
        ls.risk(ls.Mixture([task("a", X, y)]), 0.0, ls.GradientSteps(0.1, 2, 2)).total
        for task in (ls.DataTask, InChunks)
    )
    assert chunks == pytest.approx(whole)


def test_a_task_of_very_many_rows_takes_bounded_memory():
    """One task with 200,000 rows among small ones: a few copies of the data at most, and the right answer."""
    rng = np.random.default_rng(0)
    N = 200_000
    frame = pd.DataFrame(
        {"a": rng.exponential(size=N), "task": np.where(np.arange(N) < 90, np.arange(N) % 3, 3)}
    )
    frame["y"] = frame["a"] * frame["task"] + rng.standard_normal(N)
    tracemalloc.start()
    environment = ls.from_data(frame, "y", "task", standardise=None)
    risk = ls.risk(environment, ls.NAL(), ls.GradientSteps(0.1, m=3))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 8 * 2 * N  # ten times the two numbers a row
    big = frame[frame["task"] == 3]
    w = np.linalg.lstsq(np.column_stack([np.ones(len(big)), big["a"]]), big["y"], rcond=None)[0]
    np.testing.assert_allclose(environment.families[3].optimum, w, rtol=1e-8)
    assert risk.total > 0

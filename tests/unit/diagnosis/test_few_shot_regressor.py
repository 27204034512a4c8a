"""The scikit-learn estimator: its cross-validation can check a diagnosis."""

import dataclasses
import itertools
import pickle
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

import landscape as ls

pytest.importorskip("sklearn", reason="extra data is not installed")

from sklearn.base import clone
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut, cross_val_score
from sklearn.utils.estimator_checks import check_estimator

from landscape.diagnosis.few_shot_regressor import FewShotRegressor


def table(tasks=12, rows=20, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"depot": np.repeat([f"d{i}" for i in range(tasks)], rows)})
    frame["km"] = rng.exponential(size=len(frame))
    frame["day"] = rng.choice(["Mo", "Tu"], size=len(frame))
    y = frame["km"] * np.repeat(rng.normal(2, 1, size=tasks), rows) + 0.3 * rng.normal(size=len(frame))
    return frame, y.rename("minutes")


def arrays(**options):
    X, y = table(**options)
    return np.column_stack([X["depot"].str[1:].astype(int), X["km"], X["day"] == "Tu"]), y.to_numpy()


@pytest.mark.slow
def test_cross_validation_over_tasks():
    X, y = table()
    for method in ("ridge", "mixed model"):
        regressor = FewShotRegressor("depot", method, shots=4)
        scores = cross_val_score(regressor, X, y, groups=X["depot"], cv=GroupKFold(4))
        diagnosis = ls.diagnose(
            ls.from_data(X.assign(y=y), "y", "depot"), [4], methods=[method], progress=False
        )
        losses = diagnosis.held[0].judged[method].losses
        # the same 12 tasks, trained on 9 for 10 or 11 of them: 4 folds' scatter about the predicted loss
        assert abs(-scores.mean() - losses.mean()) < 4 * losses.std() / np.sqrt(12)
    one = cross_val_score(
        FewShotRegressor("depot", "ridge", 4), X, y, groups=X["depot"], cv=LeaveOneGroupOut()
    )
    assert one.shape == (12,)
    numbers = cross_val_score(FewShotRegressor(0, "ridge", 4), *arrays(), groups=X["depot"], cv=GroupKFold(4))
    again = cross_val_score(FewShotRegressor("depot", "ridge", 4), X, y, groups=X["depot"], cv=GroupKFold(4))
    np.testing.assert_allclose(numbers, again, rtol=1e-10)


def test_the_score_is_the_mean_over_all_ways_to_draw():
    """Two shots of six rows: 15 ways each, one by one, in the table's units. 4 standard errors: false alarm 6e-5."""
    X, y = table()
    regressor = FewShotRegressor("depot", "ridge", shots=2, draws=1500).fit(X, y)
    new, targets = table(tasks=2, rows=6, seed=5)
    scale, ways = y.std(ddof=0), []
    for name, rows in new.groupby("depot"):
        for shots in map(list, itertools.combinations(range(6), 2)):
            adapted = regressor.adapt(rows.iloc[shots], targets[rows.index[shots]])
            square = (targets[rows.index] - adapted.predict(rows.drop(columns="depot"))) ** 2 / 2 / scale**2
            ways.append((name, square.drop(rows.index[shots]).mean(), square.mean()))
    exact = (
        pd.DataFrame(ways, columns=["task", "unseen", "all"]).groupby("task")["unseen"].agg(["mean", "var"])
    )
    error = np.sqrt((exact["var"] / 1500).sum()) / 2
    assert abs(-regressor.score(new, targets) - exact["mean"].mean()) < 4 * error
    # what must not pass: rows judged on that were drawn, another strength
    assert abs(np.mean([way[2] for way in ways]) - exact["mean"].mean()) > 8 * error
    strength = 1000 * regressor.model_.adaptation.strength
    regressor.model_ = dataclasses.replace(regressor.model_, adaptation=ls.RidgeToStart(strength, m=2))
    assert abs(-regressor.score(new, targets) - exact["mean"].mean()) > 4 * error


def test_it_keeps_the_habits_of_estimators():
    """Where a check fails, it is because its data has no tasks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = check_estimator(FewShotRegressor(method="ridge", shots=2), on_fail=None, on_skip=None)
    passed = [one["check_name"] for one in done if one["status"] == "passed"]
    failed = [one for one in done if one["status"] == "failed"]
    assert len(passed) >= 20
    assert {
        "check_estimator_cloneable",
        "check_get_params_invariance",
        "check_no_attributes_set_in_init",
    } <= {*passed}
    for one in failed:
        assert "at least two tasks with 2 or more rows" in str(one["exception"]), one["check_name"]


@pytest.mark.slow
def test_fits_are_the_same_and_change_nothing():
    X, y = arrays()
    X.setflags(write=False)
    y.setflags(write=False)
    regressor = FewShotRegressor(method="mixed model", shots=4)
    fitted = clone(regressor).fit(X, y)
    assert fitted.get_params() == regressor.get_params()
    assert fitted.n_features_in_ == 3
    again = pickle.loads(pickle.dumps(fitted))
    for other in (again, clone(regressor).fit(X, y), fitted.fit(X, y)):
        assert other.model_ == fitted.model_
        assert other.score(X, y) == fitted.score(X, y)
    np.testing.assert_array_equal(fitted.predict(X)[3:7], fitted.predict(X[3:7]))
    last = FewShotRegressor(-1, "mixed model", 4).fit(np.roll(X, -1, axis=1), y)
    assert last.model_ == fitted.model_
    assert FewShotRegressor(shots=4).fit(X, y).model_.name == ls.diagnose(
        ls.from_data((X[:, 1:], y, X[:, 0])), [4], progress=False).advised(4).name  # fmt: skip


@pytest.mark.parametrize(
    ("regressor", "message"),
    [
        (FewShotRegressor("depot"), "task must be one of the 3 columns of X by its place, got 'depot'"),
        (FewShotRegressor(3), "task must be one of the 3 columns of X by its place, got 3"),
        (FewShotRegressor(method="magic"), "unknown name in methods 'magic'"),
        (FewShotRegressor(shots=0), "shots must be"),
        (FewShotRegressor(shots=20), "shots leave rows to be judged on in fewer than 4 tasks"),
    ],
)  # fmt: skip
def test_bad_parameters(regressor, message):
    with pytest.raises(ValueError, match=message):
        regressor.fit(*arrays())


def test_bad_tables():
    X, y = arrays()
    fitted = FewShotRegressor(method="ridge", shots=4).fit(X, y)
    with pytest.raises(ValueError, match="X has 2 features, but FewShotRegressor is expecting 3"):
        fitted.predict(X[:, :2])
    with pytest.raises(ValueError, match="adapt takes the shots of one task, got rows of 2"):
        fitted.adapt(X[[0, -1]], y[[0, -1]])
    with pytest.raises(ValueError, match="no task has more than 4 rows"):
        fitted.score(X[:4], y[:4])
    with pytest.raises(ValueError, match="sample_weight is not supported"):
        fitted.score(X, y, sample_weight=np.ones(len(y)))
    frame, target = table()
    with pytest.raises(ValueError, match="unknown column for task 'dept'; did you mean depot"):
        FewShotRegressor("dept").fit(frame, target)


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "landscape.diagnosis.few_shot_regressor")
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(ImportError, match=r"FewShotRegressor needs scikit-learn: .*task-landscape\[data\]"):
        import landscape.diagnosis.few_shot_regressor  # noqa: F401

"""A trained model is taken home: it adapts to a new task, in the table's own units, and is kept as JSON."""

import contextlib
import copy
import dataclasses
import json
import warnings

import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape.core.parameters import parameters
from landscape.tasks.tables.columns import Coordinate
from landscape.tasks.tables.preprocessing import Preprocessing


def table(seed=0, tasks=6, rows=20):
    rng = np.random.default_rng(seed)
    N = tasks * rows
    frame = pd.DataFrame({"task": np.repeat([f"t{i}" for i in range(tasks)], rows)})
    frame["kg"] = 1000 + 50 * rng.exponential(size=N)
    frame["kind"] = rng.choice(["u", "v"], size=N)
    frame["y"] = (
        200 + 0.3 * frame["kg"] * np.repeat(rng.normal(1, 0.3, size=tasks), rows) + rng.normal(size=N)
    )
    return frame


COVARIANCE = [[0.5, 0.1, 0.0], [0.1, 0.3, 0.05], [0.0, 0.05, 0.2]]
ADAPTATIONS = [
    ls.GradientSteps(0.4, m=8),
    ls.GradientSteps(0.2, m=8, steps=4, batches="same"),
    ls.PreconditionedSteps([0.9, 0.2, 0.4], m=8),
    ls.PreconditionedSteps([[0.5, 0.1, 0.0], [0.0, 0.4, 0.1], [0.2, 0.0, 0.3]], m=8, steps=2, batches="same"),
    ls.RidgeToStart(0.3, m=8),
    ls.MixedModel(COVARIANCE, 0.2, m=8),
    ls.MixedModel([0.5, 0.3, 0.2], 0.2, m=8),
    ls.OwnShots(8),
]
START = np.array([0.1, 0.7, -0.2])


def trained(adaptation, **options):
    return ls.TrainedModel(
        ls.from_data(table(), "y", "task", **options).preprocessing, START, adaptation, "by hand"
    )


def by_hand(adaptation, X, y):
    """What each adaptation is, on standard coordinates, from its definition."""
    w, m, H, g = START, len(y), X.T @ X / len(y), X.T @ y / len(y)
    if isinstance(adaptation, ls.OwnShots):
        return np.linalg.lstsq(X, y, rcond=None)[0]
    if isinstance(adaptation, ls.RidgeToStart):
        return np.linalg.solve(H + adaptation.strength * np.eye(3), g + adaptation.strength * w)
    if isinstance(adaptation, ls.MixedModel):
        C = np.diag(adaptation.covariance) if adaptation.covariance.ndim == 1 else adaptation.covariance
        V = X @ C @ X.T + adaptation.noise * np.eye(m)
        return w + C @ X.T @ np.linalg.solve(V, y - X @ w)
    P = adaptation.alpha * np.eye(3) if isinstance(adaptation, ls.GradientSteps) else np.array(adaptation.P)
    P = np.diag(P) if P.ndim == 1 else P
    for _ in range(adaptation.steps):
        w = w - P @ (H @ w - g)
    return w


@pytest.mark.parametrize("adaptation", ADAPTATIONS, ids=repr)
def test_a_new_task_is_adapted_to_as_defined(adaptation):
    model, new = trained(adaptation), table(seed=9, tasks=1)
    shots, rest = new[:8], new[8:]
    adapted = model.adapt(shots, shots["y"])
    centre, scale = table()["y"].mean(), table()["y"].std(ddof=0)
    kg = table()["kg"]
    kind = table()["kind"] == "v"

    def standard(rows):
        return np.column_stack([np.ones(len(rows)), (rows["kg"] - kg.mean()) / kg.std(ddof=0),
                                ((rows["kind"] == "v") - kind.mean()) / kind.std(ddof=0)])  # fmt: skip

    w = by_hand(adaptation, standard(shots), ((shots["y"] - centre) / scale).to_numpy())
    np.testing.assert_allclose(adapted.predict(rest), centre + scale * standard(rest) @ w, rtol=1e-9)
    np.testing.assert_allclose(model.predict(rest), centre + scale * standard(rest) @ START, rtol=1e-9)
    assert adapted.shots == 8
    assert "adapted to a task by 8 shots" in repr(adapted)
    raw = adapted.coefficients()
    predicted = raw["intercept"] + raw["kg"] * rest["kg"] + raw["kind=v"] * (rest["kind"] == "v")
    np.testing.assert_allclose(adapted.predict(rest), predicted, rtol=1e-9)


def raw_predictions(model, shots, rest):
    """Adapt in raw units: a constant, kilograms and an indicator, the target as it is."""
    start, adaptation = model.in_raw_units()
    task = ls.TrainedModel(Preprocessing.none(3), start, adaptation)

    def raw(rows):
        return np.column_stack([np.ones(len(rows)), rows["kg"], rows["kind"] == "v"])

    return task.adapt(raw(shots), shots["y"]).predict(raw(rest))


class Forgetful(Preprocessing):
    """Centres that were taken off are forgotten."""

    def raw_map(self):
        T, t = super().raw_map()
        return T * (np.eye(len(T), T.shape[1]) + np.eye(len(T), T.shape[1], -1) != 0), t


SOLVED = [one for one in ADAPTATIONS if not isinstance(one, (ls.GradientSteps, ls.PreconditionedSteps))]


@pytest.mark.parametrize(
    ("adaptation", "options"),
    [(one, options) for one in ADAPTATIONS for options in ({}, {"intercept": False})]
    + [(one, {"standardise": None}) for one in SOLVED],  # on kilograms steps of these sizes would diverge
    ids=repr,
)
def test_predictions_are_equal_whichever_units(adaptation, options):
    if options == {"intercept": False}:
        d2 = {"P": np.asarray(adaptation.P)[..., :2][:2]} if hasattr(adaptation, "P") else {}
        if isinstance(adaptation, ls.MixedModel):
            d2 = {"covariance": adaptation.covariance[..., :2][:2]}
        model = ls.TrainedModel(ls.from_data(table(), "y", "task", intercept=False).preprocessing, START[1:],
                                dataclasses.replace(adaptation, **d2))  # fmt: skip
    else:
        model = trained(adaptation, **options)
    new = table(seed=9, tasks=1)
    shots, rest = new[:8], new[8:]
    expected = model.adapt(shots, shots["y"]).predict(rest)
    np.testing.assert_allclose(raw_predictions(model, shots, rest), expected, rtol=1e-7)
    start, _ = model.in_raw_units()
    np.testing.assert_allclose(start, list(model.coefficients().values()), rtol=1e-12)
    wrong = Forgetful(*(getattr(model.preprocessing, f.name) for f in dataclasses.fields(Preprocessing)))
    if options == {}:
        off = raw_predictions(dataclasses.replace(model, preprocessing=wrong), shots, rest)
        if not isinstance(adaptation, ls.OwnShots):  # which ignore the start
            assert np.abs(off / expected - 1).max() > 1e-3


def test_other_numbers_of_shots():
    """A pull to the start weighs as many samples as before; steps chosen for more shots are warned of."""
    new = table(seed=9, tasks=1)
    shots, rest = new[:4], new[8:]
    ridge, mixed = trained(ls.RidgeToStart(0.3, m=8)), trained(ls.MixedModel(np.ones(3), 8 * 0.3, m=8))
    np.testing.assert_allclose(ridge.adapt(shots, shots["y"]).predict(rest),
                               mixed.adapt(shots, shots["y"]).predict(rest), rtol=1e-10)  # fmt: skip
    model = trained(ls.GradientSteps(0.4, m=8))
    with pytest.warns(ls.LandscapeWarning, match="chosen for 8 shots: with 4 it may be too large"):
        model.adapt(shots, shots["y"])
    model.adapt(new[:9], new["y"][:9])


@pytest.mark.parametrize(("shots", "warned"), [(1, False), (2, True), (3, True), (4, True), (5, False)])
def test_own_shots_as_many_as_coefficients_are_warned_of(shots, warned):
    """Three coefficients: within one of as many shots a draw that happens to be nearly singular leads anywhere."""
    new, model = table(seed=9, tasks=1)[:shots], trained(ls.OwnShots(8))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        adapted = model.adapt(new, new["y"])
    assert [f"{shots} shots alone fit 3 coefficients" in str(one.message) for one in told] == [True] * warned
    assert repr(adapted).endswith(f"adapted to a task by {shots} shot{'s' * (shots > 1)}>")


def standard_units(X):
    return np.column_stack([np.ones(len(X)), (X - [2.0, -1.0]) / [3.0, 0.5]])


def mixed_model(noise):
    coordinates = (Coordinate("a", None, 2.0, 3.0), Coordinate("b", None, -1.0, 0.5))
    preprocessing = Preprocessing("y", ("task",), ("a", "b"), {}, coordinates, True, 10.0, 4.0)
    return ls.TrainedModel(preprocessing, START, ls.MixedModel(COVARIANCE, noise, m=5), "mixed model")


def test_predictions_and_errors_are_those_of_conditioned_normal_targets():
    """Another way: targets of shots and of new rows are jointly normal; condition one on the other."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(9, 2)), 10 + 4 * rng.normal(size=5)
    adapted = mixed_model(0.09).adapt(X[:5], y)
    K = standard_units(X) @ COVARIANCE @ standard_units(X).T
    weights = np.linalg.solve(K[:5, :5] + 0.09 * np.eye(5), K[:5, 5:])
    prior = 10 + 4 * standard_units(X) @ START
    np.testing.assert_allclose(adapted.predict(X[5:]), prior[5:] + weights.T @ (y - prior[:5]), rtol=1e-10)
    variance = np.diag(K[5:, 5:] - K[5:, :5] @ weights)
    np.testing.assert_allclose(adapted.standard_error(X[5:]), 4 * np.sqrt(variance), rtol=1e-8)
    np.testing.assert_allclose(
        adapted.standard_error(X[5:], of="target"), 4 * np.sqrt(variance + 0.09), rtol=1e-8
    )


def mean_square(noise, draws=400):
    """Distance of a task's solution from the point adapted to, squared, in units of its covariance, a coordinate."""
    rng, model, out = np.random.default_rng(1), mixed_model(noise), []
    for _ in range(draws):
        v, X = rng.multivariate_normal(START, COVARIANCE), rng.normal(size=(5, 2)) * [3.0, 0.5] + [2.0, -1.0]
        adapted = model.adapt(X, 10 + 4 * (standard_units(X) @ v + 0.3 * rng.normal(size=5)))
        out.append((v - adapted.point) @ np.linalg.solve(adapted.covariance, v - adapted.point) / 3)
    return np.mean(out)


@pytest.mark.slow
def test_standard_errors_are_those_of_simulated_tasks():
    """Mean squares of 1,200 normal scores: 1 +- .041; at 4 errors a false alarm in 16,000, and 16% of the variance shows."""
    allowed = 4 * np.sqrt(2 / 1200)
    assert abs(mean_square(0.09) - 1) < allowed
    assert mean_square(0.045) - 1 > allowed  # planted: half the noise


def test_only_mixed_models_have_standard_errors():
    new = table(seed=9, tasks=1)
    adapted = trained(ls.GradientSteps(0.4, m=8)).adapt(new[:8], new["y"][:8])
    with pytest.raises(ValueError, match="which mixed models have"):
        adapted.standard_error(new)
    mixed = trained(ls.MixedModel(COVARIANCE, 0.2, m=8)).adapt(new[:8], new["y"][:8])
    with pytest.raises(ValueError, match="of must be"):
        mixed.standard_error(new, of="everything")
    assert (mixed.standard_error(new, of="target") > mixed.standard_error(new)).all()


@pytest.mark.parametrize("adaptation", ADAPTATIONS, ids=repr)
def test_files_give_back_the_model(adaptation, tmp_path):
    model = trained(adaptation)
    path = model.save(tmp_path / "model.json")
    assert ls.TrainedModel.load(path) == model
    assert ls.TrainedModel.load(str(path)) == model
    assert ls.TrainedModel.from_dict(model.to_dict()) == model
    json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    full = dataclasses.replace(model, adaptation=dataclasses.replace(adaptation, m=float("inf")))
    json.loads(json.dumps(full.to_dict(), allow_nan=False))
    assert ls.TrainedModel.from_dict(full.to_dict()) == full
    assert [file.name for file in tmp_path.iterdir()] == ["model.json"]


def test_every_registered_adaptation_can_be_kept():
    rng = np.random.default_rng(0)
    kinds = [kind for kind in ls.Adaptation.registry.values() if kind.__module__.startswith("landscape.")]
    assert len(kinds) >= 6
    for kind in kinds:
        adaptation = kind(**{p.name: p.draw(rng, 3) for p in parameters(kind)})
        model = trained(adaptation)
        assert ls.TrainedModel.from_dict(json.loads(json.dumps(model.to_dict()))) == model


def damaged(values, where=()):
    """The same values with one of them missing or wrong, one after another."""
    items = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in list(items):
        whole = copy.deepcopy(values)
        if isinstance(values, dict):
            del whole[key]
            yield f"{where} without {key}", whole
        for bad in (None, [], {}, "", "zz", -1, float("nan"), [[1.0]], True):
            yield f"{where} {key} = {bad}", {**values, key: bad} if isinstance(values, dict) else [
                bad if i == key else v for i, v in enumerate(values)]  # fmt: skip
        if isinstance(value, (dict, list)):
            for what, inner in damaged(value, (*where, key)):
                yield what, {**values, key: inner} if isinstance(values, dict) else [
                    inner if i == key else v for i, v in enumerate(values)]  # fmt: skip


def test_damaged_files_are_refused_in_one_sentence(tmp_path):
    """Whatever is missing or wrong: a model that can be used, or one ValueError that names the file."""
    model = trained(ls.MixedModel(COVARIANCE, 0.2, m=8))
    new = table(seed=9, tasks=1)
    refused = 0
    cases = list(damaged(model.to_dict()))
    for what, values in cases:
        try:
            made = ls.TrainedModel.from_dict(values)
            made.to_dict()
        except ValueError as error:
            refused += 1
            assert str(error).startswith("the dict "), what
            assert "\n" not in str(error), what
            continue
        with contextlib.suppress(ValueError):  # a column of another name
            made.adapt(new[:8], new["y"][:8]).predict(new)
    assert refused > 0.8 * len(cases)
    text = model.save(tmp_path / "m.json").read_text()
    for cut in (0, 1, 20, len(text) // 2, len(text) - 3):
        (tmp_path / "m.json").write_text(text[:cut])
        with pytest.raises(
            ValueError, match=r"m.json is no model of landscape, or is damaged: it is not JSON$"
        ):
            ls.TrainedModel.load(tmp_path / "m.json")
    for content in (b"\xff\xfe\x00", b"[" * 100_000, text.replace("0.5", "NaN").encode()):
        (tmp_path / "m.json").write_bytes(content)
        with pytest.raises(ValueError, match="it is not JSON"):
            ls.TrainedModel.load(tmp_path / "m.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, 'lacks the line "format": "landscape model"'),
        ({"version": "1"}, "is damaged: version must be a whole number, got '1'"),
        ({"version": 2}, "has version 2 of the format, .* which knows up to 1: install a newer one"),
        ({"start": [1.0, 2.0]}, "is damaged: start must be a number or a vector of d = 3"),
        ({"adaptation": {"kind": "Sorcery"}}, "is damaged: unknown kind of adaptation 'Sorcery'"),
        ({"adaptation": {"kind": "MixedModel", "covariance": [1.0], "noise": 1.0, "m": 2}}, "covariance must be of 3 coordinates, got 1"),
        ({"adaptation": {"kind": "RidgeToStart", "m": 2}}, "is damaged: 'strength' is missing"),
    ],
)  # fmt: skip
def test_files_that_do_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        ls.TrainedModel.from_dict(trained(ADAPTATIONS[0]).to_dict() | change)


def test_a_file_that_is_not_there():
    with pytest.raises(ValueError, match="cannot read the model 'nowhere.json': No such file"):
        ls.TrainedModel.load("nowhere.json")


def test_models_that_cannot_be_made():
    preprocessing = ls.from_data(table(), "y", "task").preprocessing
    with pytest.raises(ValueError, match="start must be a number or a vector of d = 3 coordinates, got 2"):
        ls.TrainedModel(preprocessing, [1.0, 2.0], ADAPTATIONS[0])
    with pytest.raises(TypeError, match="adaptation must be an adaptation"):
        ls.TrainedModel(preprocessing, START, 0.3)
    within = ls.from_data(table(), "y", "task", standardise="within").preprocessing
    with pytest.raises(ValueError, match="standardise='across'"):
        ls.TrainedModel(within, START, ADAPTATIONS[0])
    new = table(seed=9, tasks=1)
    with pytest.raises(ValueError, match=r"y must have shape \(8,\) to match X, got \(7,\)"):
        trained(ADAPTATIONS[0]).adapt(new[:8], new["y"][:7])

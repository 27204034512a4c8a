"""The picture of what m samples allow: its pairs, its rules, and that these can fail."""

import numpy as np
import pytest

import landscape as ls
from landscape.cli import main
from landscape.papers.figures import best_possible, figures, reproduce


def test_it_says_that_it_is_of_no_paper():
    assert "no paper" in figures()["best-possible"]


def test_each_approach_is_the_best_of_its_kind_and_none_below_the_lower_bound():
    pairs, m = best_possible.approaches(30), 30
    tasks = best_possible.ENVIRONMENT
    loss = {label: float(ls.risk(tasks, *pair).total) for label, pair in pairs.items()}
    for factor in (0.97, 1.03):
        step, ridge = pairs["MAML"][1].alpha * factor, pairs["ridge"][1].strength * factor
        assert ls.risk(tasks, ls.MAML(), ls.GradientSteps(step, m)).total > loss["MAML"]
        assert ls.risk(tasks, ls.NAL(), ls.RidgeToStart(ridge, m)).total > loss["ridge"] * (1 - 1e-5)
    assert loss["Meta-SGD"] < loss["MAML"] < loss["NAL"]
    assert min(loss.values()) > ls.bayes_bounds(tasks, m).lower
    assert "own shots" not in best_possible.approaches(11)


def test_from_where_on_own_samples_win():
    """By the textbook: least squares loses sigma^2/2 (m - 1)/(m - d - 1)."""
    first, d = best_possible.first_win(), 10
    own = {m: best_possible.NOISE / 2 * (m - 1) / (m - d - 1) for m in (first - 1, first, 60)}
    step = {
        m: float(ls.risk(best_possible.ENVIRONMENT, *best_possible.approaches(m)["MAML"]).total) for m in own
    }
    assert first == 14
    assert {m: own[m] < step[m] for m in own} == {first - 1: False, first: True, 60: True}


@pytest.mark.slow
def test_quick_picture_and_its_rules(tmp_path, capsys):
    assert main(["reproduce", "best-possible", "--quick", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.count("[yes]") == 9
    assert "[ no]" not in out
    assert (tmp_path / "best-possible.png").stat().st_size > 20_000


@pytest.mark.slow
def test_rules_can_fail():
    """Planted in the table: a line that is off, a limit that is off, a best possible that is not."""
    made = reproduce("best-possible", quick=True, progress=False)
    table, is_best = made.table, made.table["approach"] == "best possible"

    def broken(**columns):
        rows = best_possible.findings(table.assign(**columns))
        return {row.finding.partition(" ")[0] for row in rows if row.holds == "no"}

    assert broken() == set()
    assert broken(z=table["z"] + 5) == {"exact"}
    assert broken(gap=table["gap"] + 0.05 * table["drawn"]) == {"limits"}
    assert "nothing" in broken(drawn=np.where(is_best, 1.1 * table["drawn"], table["drawn"]))
    assert "the" in broken(lower=1.02 * table["drawn"])
    assert "own" in broken(
        drawn=np.where(table["approach"] == "own shots", 3 * table["drawn"], table["drawn"])
    )

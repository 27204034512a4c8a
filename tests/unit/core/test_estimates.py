"""Numbers carry their uncertainty: through sums, ratios, tables and functions of them."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import landscape as ls
from landscape.core.provenance import Provenance
from landscape.core.results import Estimate

ADAPTATION = ls.GradientSteps(0.7, m=15)


def draw(rng: np.random.Generator) -> tuple[float, np.ndarray, float]:
    hardness = rng.uniform(0.2, 1.0)
    return hardness, rng.normal(1 / hardness, 1.0, size=2), 0.1


def test_an_exact_estimate_serves_as_a_number() -> None:
    e = Estimate(np.asarray(2.5))
    assert float(e) == 2.5
    assert e == 2.5
    assert e > 2
    assert f"{e:.1f}" == "2.5"
    assert round(e, 1) == 2.5
    assert repr(e) == "2.5 (exact)"
    assert e.standard_error is None
    assert [float(x) for x in (e + 1, 1 + e, e - 1, 1 - e, 2 * e, e / 2, 1 / e, e**2, -e, abs(-e))] == [
        3.5, 3.5, 1.5, -1.5, 5.0, 1.25, 0.4, 6.25, -2.5, 2.5,
    ]  # fmt: skip
    assert float(np.sqrt(e)) == pytest.approx(2.5**0.5)
    np.testing.assert_allclose(np.array([1.0, 2.0]) * e, [2.5, 5.0])


def test_an_estimate_is_compared_and_summed_like_an_array() -> None:
    e, grid = Estimate(np.asarray(2.5)), Estimate(np.array([[1.0, 2.0], [4.0, 3.0]]))
    assert pytest.approx(e, rel=1e-9) == 2.5
    assert pytest.approx(grid, rel=1e-9) == grid.value
    assert np.min(grid) == 1
    assert float(np.max(np.abs(-grid))) == 4
    np.testing.assert_array_equal(np.sum(grid, axis=0), [5, 5])
    np.testing.assert_array_equal(np.max(grid, axis=-1), [2, 4])
    assert np.all(grid)
    drawn = Estimate(grid.value, np.stack([grid.value - 0.1, grid.value + 0.1]))
    assert np.sum(drawn).standard_error == pytest.approx(4 * drawn.standard_error[0, 0])
    assert np.sum(drawn, axis=1).standard_error == pytest.approx(2 * drawn.standard_error[:, 0])


def test_errors_go_through_arithmetic_with_their_correlation() -> None:
    rng = np.random.default_rng(0)
    data = rng.normal([3.0, 2.0], 1.0, size=(400, 2))
    leave_out = (data.sum(axis=0) - data) / 399
    a, b = (Estimate(np.asarray(data[:, i].mean()), leave_out[:, i]) for i in (0, 1))
    assert a.standard_error == pytest.approx(data[:, 0].std(ddof=1) / 20, rel=1e-9)
    assert (a - a).standard_error == 0
    assert (a / a).standard_error == 0
    assert (a + b).standard_error == pytest.approx(data.sum(axis=1).std(ddof=1) / 20, rel=1e-9)
    ratio = data[:, 0].mean() / data[:, 1].mean()
    influence = (data[:, 0] - ratio * data[:, 1]) / data[:, 1].mean()
    assert (a / b).standard_error == pytest.approx(influence.std(ddof=1) / 20, rel=0.02)
    assert np.log(a).standard_error == pytest.approx(a.standard_error / float(a), rel=0.02)
    assert "+-" in repr(a)


def test_replicates_do_not_enter_equality_of_other_things() -> None:
    e = Estimate(np.array([1.0, 2.0]), np.ones((3, 2)))
    for other in (pickle.loads(pickle.dumps(e)), copy.deepcopy(e)):
        assert isinstance(other == e, bool)
        assert other == e
        assert hash(other) == hash(e)
    with pytest.raises(ValueError, match="read-only"):
        e.value[0] = 7.0


def test_gain_and_tables_keep_the_error_of_drawn_tasks() -> None:
    """Version one had an error on the risk, none on the gain, and dropped it from tables."""
    env = ls.from_sampler(draw, 400, rng=1)
    compared = ls.compare(env, [ls.NAL(), ls.MAML()], ADAPTATION)
    gain = ls.gain(env, ls.MAML(), ADAPTATION)
    assert gain.standard_error == pytest.approx(compared.gain("MAML").standard_error)
    table = compared.to_frame()
    for name in ("noise", "dispersion", "suboptimality", "above_noise", "total", "gain"):
        assert f"{name}_error" in table
    assert table["gain_error"][1] == pytest.approx(gain.standard_error)
    unpaired = np.hypot(
        *(
            compared.risk(k).above_noise.standard_error / float(compared.risk(k).above_noise)
            for k in ("NAL", "MAML")
        )
    )
    assert gain.standard_error < 0.5 * unpaired * float(gain)
    assert ls.optimum(env, ls.NAL()).standard_error.shape == (2,)


@pytest.mark.slow
def test_the_stated_errors_are_the_scatter_over_samples() -> None:
    """100 samples of 80 tasks; the ratio of two standard deviations from 100 draws lies within 25% (3.5 sd)."""
    found = {"total": [], "gain": [], "suboptimality": [], "dispersion": [], "optimum": []}
    stated: dict[str, list[float]] = {name: [] for name in found}
    for seed in range(100):
        env = ls.from_sampler(draw, 80, rng=seed)
        risk = ls.risk(env, ls.MAML(0.4), ADAPTATION)
        values = {
            "total": risk.total, "suboptimality": risk.suboptimality, "dispersion": risk.dispersion,
            "gain": ls.gain(env, ls.MAML(), ADAPTATION), "optimum": ls.optimum(env, ls.MAML(0.4))[0],
        }  # fmt: skip
        for name, value in values.items():
            found[name].append(float(value))
            stated[name].append(float(value.standard_error))
    for name, values in found.items():
        assert np.mean(stated[name]) == pytest.approx(np.std(values, ddof=1), rel=0.25), name


def test_errors_over_a_grid_are_those_of_each_point() -> None:
    env = ls.from_sampler(draw, 60, rng=2)
    swept = ls.risk(env, ls.MAML(), ADAPTATION, over={"alpha": [0.2, 0.7], "m": [5, 15, 50]})
    assert swept.total.standard_error.shape == (2, 3)
    one = ls.risk(env, ls.MAML(), ADAPTATION)
    assert swept.total.standard_error[1, 1] == pytest.approx(one.total.standard_error, rel=1e-12)
    assert swept.suboptimality.standard_error[1, 1] == pytest.approx(
        one.suboptimality.standard_error, rel=1e-9, abs=1e-12
    )


def test_every_number_says_how_it_was_had() -> None:
    """Exact, a limit, drawn; alone, over a grid, and as the headline of a comparison."""
    tasks, ridge = ls.HardEasy(d=3, noise=0.1), ls.RidgeToStart(0.5, 10)
    cases = [
        (ADAPTATION, None, "exact"),
        (ridge, None, "limit, expected error about"),
        (ADAPTATION, 40, "40 draws"),
    ]
    for adaptation, draws, how in cases:
        one = ls.risk(tasks, 0.0, adaptation, draws=draws)
        several = ls.risk(tasks, 0.0, adaptation, over={"m": [5, 15]}, draws=draws)
        table = ls.compare(tasks, [ls.NAL(), ls.MAML(0.3)], adaptation, draws=draws)
        for said in (one.total, several.total, one, several, table):
            assert how in repr(said)
        for result in (one, several, table):
            assert result.to_frame()["how"].str.startswith(how).all()


def test_results_are_immutable_and_say_their_headline() -> None:
    risk = ls.risk(ls.HardEasy(noise=0.1), ls.MAML(), ADAPTATION, over={"R": [1, 2]})
    with pytest.raises(ValueError, match="read-only"):
        risk.total.value[0] = 0.0
    assert risk == pickle.loads(pickle.dumps(risk))
    compared = ls.compare(ls.HardEasy(), [ls.NAL(), ls.MAML()], ADAPTATION)
    assert compared.headline() in repr(compared)
    assert compared.headline() in compared._repr_html_()
    assert compared == copy.deepcopy(compared)


def test_results_say_how_they_were_had() -> None:
    environment = ls.HardEasy(d=2, noise=0.1)
    exact = ls.risk(environment, ls.NAL(), ADAPTATION)
    assert str(exact.how) == "exact"
    assert exact.headline().endswith("(exact)")
    assert exact.to_frame()["how"].tolist() == ["exact"]
    drawn = ls.risk(environment, ls.NAL(), ADAPTATION, draws=50)
    assert drawn.how == Provenance("drawn", draws=50)
    assert drawn.headline().endswith("(50 draws)")
    assert (drawn.total / exact.total).how == drawn.how
    sampled = ls.from_sampler(draw, 40, rng=0)
    assert ls.risk(sampled, ls.NAL(), ADAPTATION).to_frame()["how"].tolist() == ["drawn"]


def test_a_limit_keeps_its_expected_error_through_arithmetic() -> None:
    how = Provenance("limit", np.array([0.0, 0.012]))
    assert str(how) == "limit, expected error about 1%"
    limit, exact = Estimate(np.array([1.0, 2.0]), how=how), Estimate(np.array([4.0, 5.0]))
    for e in (exact / limit, 2 * limit, -limit):
        assert e.how == how
        assert e.how.rows((2,)).tolist() == ["exact", "limit, expected error about 1%"]
    for e, error in ((limit + 1, 0.008), (limit - 1, 0.024), (limit + limit, 0.012)):
        assert np.asarray(e.how.expected_error) == pytest.approx([0, error])
    assert "expected error about 1%" in repr(limit)
    assert str(Provenance("limit", 0.23)) == "limit, expected error about 20%"
    assert repr(np.max(limit)) == "2 (limit, expected error about 1%)"
    both = limit.with_(Estimate(exact.value, np.ones((3, 2)), Provenance("drawn", draws=7)), np.add)
    assert str(both.how) == "7 draws of a limit, expected error about 1%"
    assert pickle.loads(pickle.dumps(both)).how == both.how
    with pytest.raises(ValueError, match="kind must be"):
        Provenance("guessed")


def test_infinity_is_sure_where_all_replicates_are_infinite() -> None:
    some = Estimate(np.array([np.inf, np.inf, 1.0]), np.array([[np.inf, 1.0, 1.0], [np.inf, np.inf, 2.0]]))
    np.testing.assert_allclose(some.standard_error, [0.0, np.inf, 0.5])

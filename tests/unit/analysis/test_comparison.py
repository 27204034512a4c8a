"""Comparison tables: grids, costs, blocks and pictures."""

import dataclasses

import numpy as np
import pytest
import scipy.stats
import sympy

import landscape as ls
from landscape.core.grids import BLOCK, grid

ADAPT = ls.GradientSteps(1.0, 100)
METHODS = [
    ls.NAL(),
    ls.MAML(),
    ls.FOMAML(0.5),
    ls.HFMAML(0.5),
    ls.Reptile(ls.GradientSteps(0.5, steps=3)),
    ls.IMAML(1.0),
]


def test_over_spans_a_grid_and_maml_follows():
    result = ls.compare(ls.HardEasy(), METHODS[:2], ADAPT, over={"rho_hard": [0.1, 0.2, 0.3], "m": [20, 500]})
    frame = result.to_frame()
    assert len(frame) == 3 * 2 * 2
    assert (frame[frame["method"] == "MAML"]["suboptimality"] == 0).all()
    row = frame[(frame["rho_hard"] == 0.2) & (frame["m"] == 500) & (frame["method"] == "NAL")].iloc[0]
    single = ls.risk(ls.HardEasy(rho_hard=0.2), ls.NAL(), ls.GradientSteps(1.0, 500))
    assert row["above_noise"] == pytest.approx(float(single.above_noise), rel=1e-13)
    assert result.gain("MAML").shape == (3, 2)


def test_a_method_that_does_not_follow_keeps_its_own_batch():
    result = ls.compare(ls.HardEasy(), ls.MAML(ls.GradientSteps(1.0, m=20)), ADAPT, over={"m": [20, 500]})
    suboptimality = result.risk("MAML").suboptimality
    assert suboptimality[0] == 0
    assert suboptimality[1] > 0


def test_over_reaches_the_methods_own_arguments():
    result = ls.compare(ls.HardEasy(), [ls.NAL(), ls.MAML(1.0)], ADAPT, over={"MAML.inner.m": [5, 100]})
    suboptimality = result.risk("MAML").suboptimality
    assert suboptimality[1] == 0
    assert suboptimality[0] > 0
    assert list(result.to_frame()["MAML.inner.m"]) == [5, 100, 5, 100]


def test_methods_that_differ_in_their_inner_step_only_are_told_apart():
    methods = [ls.MAML(alpha) for alpha in (0.4, 0.8)]
    result = ls.compare(ls.HardEasy(), methods, ADAPT)
    assert result.labels == ["MAML(GradientSteps(0.4))", "MAML(GradientSteps(0.8))"]
    frame = result.to_frame()
    for label, method in zip(result.labels, methods, strict=True):
        (found,) = frame[frame["method"] == label]["suboptimality"]
        assert found == ls.risk(ls.HardEasy(), method, ADAPT).suboptimality


def test_cost_counts_by_hand():
    result = ls.compare(ls.HardEasy(), METHODS, ADAPT)
    costs = {label: dataclasses.asdict(result.cost(label)) for label in ("NAL", "MAML", "FO-MAML", "HF-MAML")}
    assert costs["NAL"] == {"gradients": 1, "hessian_vector_products": 0, "samples": 125}
    assert costs["MAML"] == {"gradients": 2, "hessian_vector_products": 1, "samples": 125}
    assert costs["FO-MAML"] == {"gradients": 2, "hessian_vector_products": 0, "samples": 125}
    assert costs["HF-MAML"] == {"gradients": 4, "hessian_vector_products": 0, "samples": 225}


def test_costs_of_every_method_by_hand():
    """d = 3, n1 = 5, n2 = 7: gradients, Hessian-vector products, samples; one inner batch a step unless it is shared."""
    three, same = ls.GradientSteps(0.1, 7, steps=3), ls.GradientSteps(0.1, 7, 3, "same")
    matrix = ls.PreconditionedSteps(np.diag([0.1, 0.2, 0.3]), 7, steps=3)
    counts = [
        (ls.NAL(), (1, 0, 12)),
        (ls.MAML(0.1), (2, 1, 12)),
        (ls.MAML(three), (4, 3, 5 + 3 * 7)),
        (ls.MAML(same), (4, 3, 12)),
        (ls.MAML(matrix), (4, 3, 5 + 3 * 7)),
        (ls.MAML(three, hessian="independent"), (4, 3, 5 + 6 * 7)),
        (ls.FOMAML(three), (4, 0, 5 + 3 * 7)),
        (ls.FOMAML(same), (4, 0, 12)),
        (ls.HFMAML(0.1), (4, 0, 5 + 2 * 7)),
        (ls.Reptile(three), (3, 0, 3 * 7)),
        (ls.Reptile(same), (3, 0, 7)),
        (ls.BIMAML(0.1, 0.2), (2, 1, 12)),
        (ls.IMAML(0.5), (2, 6, 12)),
        (ls.BaMAML(0.5, 0.5), (1, 6, 12)),
    ]
    for method, expected in counts:
        assert dataclasses.astuple(method.cost(3, 5, 7)) == expected, method
    assert ls.compare(ls.HardEasy(), ls.NAL(), ADAPT, n1=1).cost("NAL").samples == 101


def test_the_window_of_a_heat_map_is_in_its_coordinates():
    """On the curve both tasks have equal weights, also where the easy one's curvature is not 1; it spans all hardnesses."""

    def drawn(ax):
        return [line.get_xydata().T for line in ax.get_lines()]

    over = {"rho_hard": [0.1, 0.4], "m": [20, 500]}
    result = ls.compare(ls.TwoTasks(d=3, rho_easy=0.5), METHODS[:2], ls.GradientSteps(2.0, 100), over=over)
    rho, m = drawn(result.heatmap())[0]
    assert 0 < rho[0] < 0.002
    assert 0.498 < rho[-1] < 0.5
    assert np.diff(rho).max() < 0.002
    hard, easy = (r * (1 - 2 * r) ** 2 + 4 * r**3 * (3 + 1) / m for r in (rho, 0.5))
    np.testing.assert_allclose(hard, easy, rtol=1e-9)
    np.testing.assert_array_equal(drawn(result.heatmap("m", "rho_hard"))[0], (m, rho))
    other = ls.compare(ls.TwoTasks(rho_easy=0.5), METHODS[:2], ADAPT, over=over)
    assert drawn(other.heatmap()) == []


@pytest.mark.parametrize("single", [set(), {"a"}, {"c"}])
def test_blocks_tile_the_grid_once(single):
    for full in [(), (7,), (3, 5), (40, 1, 30)]:
        over = {name: np.arange(float(n)) for name, n in zip("abc", full, strict=False)}
        seen = np.zeros(full, dtype=int)
        for where, values in grid(over).blocks(single, width=BLOCK // 6):
            seen[where] += 1
            assert seen[where].size <= 6
            assert all(isinstance(values[name], float) for name in single & set(over))
        assert (seen == 1).all()


def test_dense_environments_compare_too():
    environment = ls.Mixture(
        [ls.TaskFamily("a", [[1.0, 0.2], [0.2, 0.5]], 1.0), ls.TaskFamily("b", 0.3, -1.0, d=2)]
    )
    over = {"alpha": [0.1, 0.5], "m": [5, 50, np.inf]}
    frame = ls.compare(environment, METHODS, ADAPT, over=over).to_frame()
    assert len(frame) == len(METHODS) * 6
    assert np.isfinite(frame[["above_noise", "gain"]]).all().all()


def test_a_simulation_without_a_grid_is_a_bar_a_method():
    """With the mean over repeats at its end, and Student's 95% interval."""
    found = ls.simulate(
        ls.HardEasy(d=2), METHODS[:2], ADAPT, ls.Training(20, 10), repeats=4, tasks=50, progress=False
    )
    for y in ("above_noise", "coordinate"):
        ax = found.plot(y=y)
        assert [text.get_text() for text in ax.get_yticklabels()] == list(found.labels)
        runs = found.to_frame().groupby("method", sort=False)[y]
        np.testing.assert_allclose([bar.get_width() for bar in ax.patches], runs.mean())
        reach = [np.ptp(bar.get_segments()[0][:, 0]) for bar in ax.collections]
        np.testing.assert_allclose(reach, 2 * scipy.stats.t.ppf(0.975, 3) * runs.std() / 2)
    with pytest.raises(ValueError, match="unknown quantity"):
        found.plot(y="risk")


def test_plots_draw_on_the_given_axes():
    from matplotlib import pyplot as plt

    result = ls.compare(ls.HardEasy(), METHODS, ADAPT, over={"rho_hard": [0.1, 0.3, 0.5]})
    ax = plt.figure().add_subplot()
    assert result.plot(ax=ax, y="gain") is ax
    assert len(ax.get_lines()) == len(METHODS)
    np.testing.assert_array_equal(ax.get_lines()[1].get_ydata(), result.gain("MAML"))
    assert result.risk("NAL").plot() is not ax
    with pytest.raises(ValueError, match="x must be one of"):
        result.plot(x="R")
    with pytest.raises(ValueError, match="did you mean MAML"):
        result.risk("MAMLL")


def test_jupyter_shows_the_first_rows():
    result = ls.compare(ls.HardEasy(), METHODS, ADAPT, over={"rho_hard": np.linspace(0.1, 0.5, 10)})
    assert "60 rows, the first 20 shown" in result._repr_html_()


def test_a_reader_sees_per_cent_and_a_table_holds_numbers():
    result = ls.compare(ls.HardEasy(), [ls.NAL(), ls.MAML()], 0.5)
    cut = result.to_frame()["cut"].iloc[1]
    assert 0 < cut < 1
    assert f"<td>{100 * cut:.1f}%</td>" in result._repr_html_()


def test_a_comparison_with_symbols_is_shown():
    """The gain is a formula, in LaTeX a factored one with whole coefficients."""
    R = sympy.Symbol("R", positive=True)
    result = ls.compare(ls.HardEasy(R=R), [ls.NAL(), ls.MAML()], ls.GradientSteps(1.0, 50))
    assert repr(result) == "<NAL, MAML: the gain over NAL is a formula>"
    assert str(R) in result._repr_html_()
    optimum = ls.optimum(ls.HardEasy(d=3, R=R, rho_hard=sympy.Symbol("rho")), ls.NAL())
    assert optimum._repr_latex_() == r"$\frac{10 R \rho}{10 \rho + 9}$ (each of 3 entries)"
    assert "matrix" in ls.gain(ls.HardEasy(R=R), ls.MAML(), 1.0, over={"r_hard": [1, 2]})._repr_latex_()
    gain = result.gain("MAML")
    latex = gain._repr_latex_()
    assert latex.count(r"\frac") == 1
    assert float(gain.item().subs(R, 2)) == pytest.approx(
        float(ls.gain(ls.HardEasy(R=2.0), ls.MAML(), ls.GradientSteps(1.0, 50)))
    )

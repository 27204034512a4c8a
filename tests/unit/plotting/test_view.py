"""Pictures of landscapes: what they show is what the theory says."""

import numpy as np
import pytest
import sympy

import landscape as ls
from landscape.closed_form.hardness import window_boundary
from landscape.plotting import landscape_view, plot_series, style

ADAPT = ls.GradientSteps(0.6, 50)


def tilted():
    return ls.Mixture(
        [
            ls.TaskFamily("a", [[1.0, 0.6], [0.6, 0.5]], [0.0, 0.0], 0.1, noise=0.1),
            ls.TaskFamily("b", [0.1, 0.2], [2.0, 1.5], 0.2),
        ]
    )


@pytest.mark.parametrize(
    "environment", [tilted(), ls.HardEasy(d=2), ls.HardEasy(d=7)], ids=["dense", "plane", "d = 7"]
)
def test_the_surface_is_the_risk(environment):
    view = landscape_view(environment, ADAPT, resolution=9)
    x, y = np.meshgrid(view.x, view.y)
    points = view.origin + np.stack([x, y], axis=-1) @ view.directions
    for surface, adaptation in ((view.adapted, ADAPT), (view.pooled, ls.GradientSteps(0.0, steps=0))):
        risks = [ls.risk(environment, point, adaptation).total for point in points.reshape(-1, environment.d)]
        np.testing.assert_allclose(surface.ravel(), risks, rtol=1e-10)
    for method, place in zip(view.methods, view.solutions, strict=True):
        np.testing.assert_allclose(
            view.origin + place @ view.directions, ls.optimum(environment, method), atol=1e-10
        )


def test_one_step_leads_to_the_centre_where_alpha_is_one_over_the_curvature():
    view = landscape_view(ls.HardEasy(d=2), ls.GradientSteps(1 / 0.9, 50))
    easy = view.families.index("easy")
    np.testing.assert_allclose(view.adapted_points[:, easy], view.centres[[easy, easy]], atol=1e-12)


def test_pictures_are_drawn_on_given_axes():
    from matplotlib.figure import Figure

    axes = Figure().subplots(1, 2)
    assert ls.plot_landscape(tilted(), ADAPT, axes=axes) is axes
    assert axes[1].get_title().startswith("loss after adaptation")
    assert len(axes[1].texts) == 4  # an arrow a method and family


@pytest.mark.slow
def test_series_has_a_column_a_value(tmp_path):
    figure = plot_series(ls.HardEasy(d=2), ADAPT, "rho_hard", [0.1, 0.5, 0.9])
    assert len(figure.axes) == 6
    for kind in ("png", "svg", "pdf"):
        figure.savefig(tmp_path / f"series.{kind}")
        assert (tmp_path / f"series.{kind}").stat().st_size > 5000


def test_series_over_the_adaptation_takes_matching_methods_along():
    figure = plot_series(ls.HardEasy(d=2), ADAPT, "m", [5, 500])
    titles = [ax.get_title() for ax in figure.axes[:2]]
    gains = [ls.gain(ls.HardEasy(d=2), ls.MAML(), ls.GradientSteps(0.6, m)) for m in (5, 500)]
    expected = zip((5, 500), gains, strict=True)
    assert titles == [f"$m$ = {m}\nMAML gains {float(gain):.3g}" for m, gain in expected]


def test_a_series_has_one_window_for_all_points_and_one_scale():
    """R moves the hard tasks: in windows of their own the four pictures would be one."""
    for d in (2, 5):
        figure = plot_series(ls.HardEasy(d=d), ADAPT, "R", [0.5, 8.0], resolution=9)
        columns = np.reshape(figure.axes, (2, 2)).T
        assert len({(*ax.get_xlim(), *ax.get_ylim()) for ax in figure.axes}) == 1
        places = []
        for column in columns:
            for ax in column:
                (low, high), (bottom, top) = ax.get_xlim(), ax.get_ylim()
                shown = np.hstack([line.get_data() for line in ax.lines])
                assert ((shown[0] > low) & (shown[0] < high) & (shown[1] > bottom) & (shown[1] < top)).all()
            places.append(column[0].lines[-1].get_data())
        assert not np.allclose(*places)
        for row in columns.T:
            levels = [np.asarray(ax.collections[0].levels) for ax in row]
            np.testing.assert_array_equal(*levels)


def test_series_over_what_a_family_of_ones_own_holds():
    """Vectors, and environments made by a function: whatever `compare` takes."""
    figure = plot_series(tilted(), ADAPT, "b.centre", [[0.0, 0.0], [2.0, 1.5]], resolution=9)
    titles = [ax.get_title().partition("\n")[0] for ax in figure.axes[:2]]
    assert titles == ["b.centre = [0.0, 0.0]", "b.centre = [2.0, 1.5]"]
    made = plot_series(lambda rho: ls.TwoTasks(d=2, rho_hard=rho), 0.5, "rho", [0.2, 0.4], resolution=9)
    assert made.axes[0].get_title().startswith("rho = 0.2\n")

    def around(centre):
        return ls.Mixture([ls.TaskFamily("a", 0.5, centre), ls.TaskFamily("b", 0.2, d=2)])

    vectors = plot_series(around, 0.5, "centre", [[0.0, 1.0], [2.0, 1.5]], resolution=9)
    assert vectors.axes[1].get_title().startswith("centre = [2.0, 1.5]\n")


def test_several_steps_lead_where_one_step_after_another_leads():
    """The arrow of k steps is that of a ridge or of any adaptation: w - (I - E[R]) (w - w_i)."""
    three = landscape_view(ls.HardEasy(d=2), ls.GradientSteps(0.5, steps=3), ls.NAL(), resolution=9)
    w, ends = three.solutions[0], three.adapted_points[0]
    for end, centre, rho in zip(ends, three.centres, (0.1, 0.9), strict=True):
        np.testing.assert_allclose(end, centre + (1 - 0.5 * rho) ** 3 * (w - centre), atol=1e-12)


def test_axes_say_what_was_declared():
    over = {"rho_hard": [0.1, 0.2]}
    ax = ls.compare(ls.HardEasy(), [ls.NAL(), ls.MAML(0.5)], 0.5, over=over).plot()
    assert ax.get_xlabel() == r"curvature of hard tasks $\rho_H$"
    inner = {"MAML.inner.alpha": [0.1, 0.2]}
    ax = ls.compare(ls.HardEasy(), [ls.NAL(), ls.MAML(0.5)], 0.5, over=inner).plot()
    assert ax.get_xlabel() == r"inner step size $\alpha$ (MAML)"
    derived = {"rho_easy": [0.5, 1.0], "alpha": lambda rho_easy: 1 / rho_easy}
    result = ls.compare(ls.HardEasy(), [ls.NAL(), ls.MAML()], 0.5, over=derived)
    assert result.plot(x="alpha").get_xlabel() == r"inner step size $\alpha$"
    with pytest.raises(ValueError, match="x must be one of the varying names"):
        result.plot(x="R")


def test_a_method_has_one_look():
    """Whatever its arguments; a class that is not listed keeps the one it got, and the second of a kind differs."""
    names = ["MAML(GradientSteps(0.5))", "MAML(GradientSteps(0.7))"]
    assert style(names[0], names) == style("MAML")
    assert style(names[1], names)[0] == style("MAML")[0]
    assert style(names[1], names)[1:] != style("MAML")[1:]
    assert style("MAML(RidgeToStart(0.5))") == style("iMAML")
    assert style("FOMAML(GradientSteps(0.5))") == style("FO-MAML")
    assert style("NAL #2") == style("NAL")
    assert style("Mine") == style("Mine(0.5)") == style("Mine", ["Mine", "MAML"])


def test_heat_map_draws_the_exact_boundary():
    adaptation = ls.GradientSteps(1.0, 50)
    grid = {"rho_hard": np.linspace(0.05, 0.95, 19), "m": np.array([20, 80, 300, 1000])}
    result = ls.compare(ls.TwoTasks(), [ls.NAL(), ls.MAML()], adaptation, over=grid)
    ax = result.heatmap()
    x, m = ax.get_lines()[1].get_data()
    assert m.min() == pytest.approx((3 + 2 * np.sqrt(3)) * 11, rel=1e-4)
    for i in (50, 250, 400):
        low, high = ls.hardness_window(10, int(np.ceil(m[i])))
        assert low - 1e-3 < x[i] < high + 1e-3
    other = ls.compare(
        ls.TwoTasks(), [ls.NAL(), ls.MAML(0.5)], ls.GradientSteps(0.5), over=grid | {"m": [9, 99]}
    ).heatmap()
    assert not other.get_lines()  # no boundary is known for another alpha
    with pytest.raises(ValueError, match="exactly the varying names"):
        result.heatmap(x="R")


def test_scales_follow_the_grid():
    """Geometric grids are drawn on logarithmic axes, even ones are not; of a coarse grid the points are seen."""
    methods = [ls.NAL(), ls.MAML()]
    grids = {"R": np.geomspace(0.1, 10, 5), "alpha": np.linspace(0.1, 1.0, 4)}
    ax = ls.compare(ls.HardEasy(), methods, ADAPT, over=grids).heatmap()
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
    low, high = ax.get_xlim()
    assert 0 < low < 0.1
    assert high > 10
    turned = ls.compare(ls.HardEasy(), methods, ADAPT, over=grids).heatmap(y="R")
    assert (turned.get_xscale(), turned.get_yscale()) == ("linear", "log")
    for values, scale in (([5, 20, 100, 400], "log"), ([10, 20, 30], "linear"), ([5, 500], "linear")):
        ax = ls.compare(ls.HardEasy(), methods, ADAPT, over={"m": values}).plot()
        assert ax.get_xscale() == scale
        assert ax.lines[0].get_marker() == "s"
    fine = ls.compare(ls.HardEasy(), methods, ADAPT, over={"m": np.arange(10, 60)}).plot()
    assert fine.lines[0].get_marker() == "None"


def test_where_a_method_loses_no_gain_is_the_middle_of_the_colours():
    """MAML trained for a long step and judged after a short one loses somewhere; matched to its step it cannot."""
    grids = {"rho_hard": np.linspace(0.05, 0.5, 5), "m": [10, 30, 90]}
    for maml, loses in ((ls.MAML(ls.GradientSteps(1.0, 3)), True), (ls.MAML(), False)):
        result = ls.compare(ls.HardEasy(), [ls.NAL(), maml], ls.GradientSteps(1.0, 50), over=grids)
        label = result.labels[1]
        assert (result.gain(label).value.min() < 0.95) == loses
        norm = result.heatmap(label=label).collections[0].norm
        assert (norm.vmin * norm.vmax == pytest.approx(1)) == loses


def test_without_a_grid_there_is_a_bar_a_row():
    result = ls.compare(ls.HardEasy(), [ls.NAL(), ls.MAML(), ls.FOMAML()], ADAPT)
    ax = result.plot()
    assert [label.get_text() for label in ax.get_yticklabels()] == result.labels
    risks = [float(result.risk(label).above_noise) for label in result.labels]
    assert [bar.get_width() for bar in ax.patches] == risks
    assert [text.get_text() for text in ax.texts] == [f"{risk:.3g}" for risk in risks]
    assert result.plot(y="gain").get_xlabel() == "gain over pooled training"
    drawn = ls.compare(ls.HardEasy(), [ls.NAL(), ls.MAML()], ADAPT, draws=200, rng=0)
    assert len(drawn.plot().collections) == 2  # 95% intervals


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="d >= 2"):
        ls.plot_landscape(ls.HardEasy(d=1), ADAPT)
    with pytest.raises(ValueError, match="plot_series"):
        ls.plot_landscape(ls.HardEasy(R=sympy.Symbol("R")), ADAPT)


def test_window_boundary_is_the_inverse_of_the_window():
    for m in (100, 500):
        assert window_boundary(np.array(ls.hardness_window(10, m)), 10) == pytest.approx([m, m], rel=1e-12)


def test_bars_of_a_grid_are_named_by_its_values():
    ax = ls.risk(ls.HardEasy(), ls.MAML(), ADAPT, over={"m": [5, 20, 100]}).plot()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["5", "20", "100"]
    assert "$m$" in ax.get_xlabel()
    plane = ls.risk(ls.HardEasy(), ls.MAML(), ADAPT, over={"m": [5, 20], "R": [1.0, 2.0]}).plot()
    assert plane.get_xlabel() == "grid point"
    assert ls.risk(ls.HardEasy(), ls.MAML(), ADAPT).plot().get_xlabel() == ""


def test_all_scores_are_inside_the_frame_and_the_legend_above_them():
    given = ls.TwoTasks(d=2), [ls.NAL()], 0.5, ls.Training(T=50)
    check = ls.agreement(ls.simulate(*given, repeats=3, tasks=50, rng=0, progress=False))
    ax = check.plot()
    scores = check.to_frame()["z"].dropna().to_numpy()
    low, high = ax.get_ylim()
    shown = np.concatenate([line.get_ydata() for line in ax.lines if line.get_marker() in ("o", "s", "D")])
    np.testing.assert_array_equal(np.sort(shown), np.sort(scores))
    assert low < scores.min() <= scores.max() < 0.7 * high

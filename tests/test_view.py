"""Pictures of landscapes: what they show is what the theory says."""

import numpy as np
import pytest

import landscape as ls

ADAPT = ls.Adaptation(0.6, 50)


def tilted():
    return ls.Environment(
        [
            ls.TaskFamily("a", [[1.0, 0.6], [0.6, 0.5]], [0.0, 0.0], 0.1, noise=0.1),
            ls.TaskFamily("b", [0.1, 0.2], [2.0, 1.5], 0.2),
        ]
    )


@pytest.mark.parametrize(
    "environment", [tilted(), ls.hard_easy(d=2), ls.hard_easy(d=7)], ids=["dense", "plane", "d = 7"]
)
def test_the_surface_is_the_risk(environment):
    view = ls.landscape_view(environment, ADAPT, resolution=9)
    x, y = np.meshgrid(view.x, view.y)
    points = view.origin + np.stack([x, y], axis=-1) @ view.directions
    np.testing.assert_allclose(view.adapted, ls.risk(environment, points, ADAPT).total, rtol=1e-10)
    np.testing.assert_allclose(
        view.pooled, ls.risk(environment, points, ls.Adaptation(0.0, steps=0)).total, rtol=1e-10
    )
    for method, place in zip(view.methods, view.solutions, strict=True):
        np.testing.assert_allclose(
            view.origin + place @ view.directions, ls.optimum(environment, method), atol=1e-10
        )


def test_one_step_leads_to_the_centre_where_alpha_is_one_over_the_curvature():
    view = ls.landscape_view(ls.hard_easy(d=2), ls.Adaptation(1 / 0.9, 50))
    easy = view.families.index("easy")
    np.testing.assert_allclose(view.steps[:, easy], view.centres[[easy, easy]], atol=1e-12)


def test_pictures_are_drawn_on_given_axes():
    from matplotlib.figure import Figure

    axes = Figure().subplots(1, 2)
    assert ls.plot_landscape(tilted(), ADAPT, axes=axes) is axes
    assert axes[1].get_title().startswith("loss after adaptation")
    assert len(axes[1].texts) == 4  # an arrow a method and family


def test_series_has_a_column_a_value(tmp_path):
    figure = ls.plot_series(ls.hard_easy(d=2), ADAPT, "rho_hard", [0.1, 0.5, 0.9])
    assert len(figure.axes) == 6
    for kind in ("png", "svg", "pdf"):
        figure.savefig(tmp_path / f"series.{kind}")
        assert (tmp_path / f"series.{kind}").stat().st_size > 5000


def test_series_over_the_adaptation_takes_matching_methods_along():
    figure = ls.plot_series(ls.hard_easy(d=2), ADAPT, "m", [5, 500])
    assert [ax.get_title() for ax in figure.axes[:2]] == ["$m$ = 5", "$m$ = 500"]


def test_heat_map_draws_the_exact_boundary():
    adaptation = ls.Adaptation(1.0, 50)
    grid = {"rho_hard": np.linspace(0.05, 0.95, 19), "m": np.array([20, 80, 300, 1000])}
    result = ls.compare(ls.two_tasks(), [ls.NAL(), ls.MAML.matching(adaptation)], adaptation, over=grid)
    ax = result.heatmap()
    x, m = ax.get_lines()[1].get_data()
    assert m.min() == pytest.approx((3 + 2 * np.sqrt(3)) * 11, rel=1e-4)
    for i in (50, 250, 400):
        low, high = ls.hardness_window(10, int(np.ceil(m[i])))
        assert low - 1e-3 < x[i] < high + 1e-3
    other = ls.compare(
        ls.two_tasks(), [ls.NAL(), ls.MAML(0.5)], ls.Adaptation(0.5), over=grid | {"m": [9, 99]}
    ).heatmap()
    assert not other.get_lines()  # no boundary is known for another alpha
    with pytest.raises(ValueError, match="exactly the varying arguments"):
        result.heatmap(x="R")


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="d >= 2"):
        ls.plot_landscape(ls.hard_easy(d=1), ADAPT)
    with pytest.raises(ValueError, match="plot_series"):
        ls.plot_landscape(ls.hard_easy(R=[1.0, 2.0]), ADAPT)


def test_window_boundary_is_the_inverse_of_the_window():
    for m in (100, 500):
        assert ls.window_boundary(np.array(ls.hardness_window(10, m)), 10) == pytest.approx([m, m], rel=1e-12)

"""Comparison tables: grids, costs, blocks and pictures."""

import numpy as np
import pytest

import landscape as ls
from landscape import grid

ADAPT = ls.Adaptation(1.0, 100)
METHODS = [
    ls.NAL(),
    ls.MAML.matching(ADAPT),
    ls.FOMAML(0.5),
    ls.HFMAML(0.5),
    ls.Reptile(0.5, 3),
    ls.IMAML(1.0),
]


def test_over_spans_a_grid_and_matching_methods_follow():
    result = ls.compare(
        ls.hard_easy(), METHODS[:2], ADAPT, over={"rho_hard": [0.1, 0.2, 0.3], "m": [20, 500]}
    )
    frame = result.to_frame()
    assert len(frame) == 3 * 2 * 2
    assert (frame[frame["method"] == "MAML"]["suboptimality"] == 0).all()
    row = frame[(frame["rho_hard"] == 0.2) & (frame["m"] == 500) & (frame["method"] == "NAL")].iloc[0]
    single = ls.risk(ls.hard_easy(rho_hard=0.2), ls.NAL(), ls.Adaptation(1.0, 500))
    assert row["above_noise"] == pytest.approx(single.above_noise, rel=1e-13)
    assert result.gain("MAML").shape == (3, 2)


def test_a_method_that_does_not_match_keeps_its_own_batch():
    result = ls.compare(ls.hard_easy(), ls.MAML(1.0, n2=20), ADAPT, over={"m": [20, 500]})
    assert result.suboptimality[0, 0] == 0
    assert result.suboptimality[0, 1] > 0


def test_over_reaches_the_methods_own_arguments():
    result = ls.compare(ls.hard_easy(), [ls.NAL(), ls.MAML(1.0)], ADAPT, over={"n2": [5, 100]})
    assert result.suboptimality[1, 1] == 0
    assert result.suboptimality[1, 0] > 0
    assert list(result.to_frame()["n2"]) == [5, 100, 5, 100]


def test_cost_counts_by_hand():
    costs = {
        label: ls.compare(ls.hard_easy(), METHODS, ADAPT).cost(label)
        for label in ("NAL", "MAML", "FO-MAML", "HF-MAML")
    }
    assert costs["NAL"] == {"gradients": 1, "hessian_vector_products": 0, "samples": 125}
    assert costs["MAML"] == {"gradients": 2, "hessian_vector_products": 1, "samples": 125}
    assert costs["FO-MAML"] == {"gradients": 2, "hessian_vector_products": 0, "samples": 125}
    assert costs["HF-MAML"] == {"gradients": 4, "hessian_vector_products": 0, "samples": 225}


def test_costs_of_every_method_by_hand():
    """d = 3, n1 = 5, n2 = 7: gradients, Hessian-vector products, samples; one inner batch a step unless it is shared."""
    counts = [
        (ls.NAL(), (1, 0, 12)),
        (ls.MAML(0.1), (2, 1, 12)),
        (ls.MAML(0.1, 7, steps=3), (4, 3, 5 + 3 * 7)),
        (ls.MAML(0.1, 7, steps=3, batches="same"), (4, 3, 12)),
        (ls.MAML(0.1, 7, steps=3, hessian="independent"), (4, 3, 5 + 6 * 7)),
        (ls.FOMAML(0.1, 3), (4, 0, 5 + 3 * 7)),
        (ls.FOMAML(0.1, 3, n2=7, batches="same"), (4, 0, 12)),
        (ls.HFMAML(0.1), (4, 0, 5 + 2 * 7)),
        (ls.Reptile(0.1, 3), (3, 0, 3 * 7)),
        (ls.Reptile(0.1, 3, n2=7, batches="same"), (3, 0, 7)),
        (ls.BIMAML(0.1, 0.2), (2, 1, 12)),
        (ls.IMAML(0.5), (2, 6, 12)),
        (ls.BaMAML(0.5, 0.5), (1, 6, 12)),
    ]
    for method, expected in counts:
        assert tuple(method.cost(3, 5, 7).values()) == expected, method
    assert ls.compare(ls.hard_easy(), ls.NAL(), ADAPT, n1=1).cost("NAL")["samples"] == 101


def test_the_window_of_a_heat_map_is_in_its_coordinates():
    """On the curve both tasks have equal weights, also where the easy one's curvature is not 1."""
    over = {"rho_hard": [0.1, 0.4], "m": [20, 500]}
    result = ls.compare(ls.two_tasks(d=3, rho_easy=0.5), METHODS[:2], ls.Adaptation(2.0, 100), over=over)
    rho, m = result._window("rho_hard", "m")
    hard, easy = (r * (1 - 2 * r) ** 2 + 4 * r**3 * (3 + 1) / m for r in (rho, 0.5))
    np.testing.assert_allclose(hard, easy, rtol=1e-9)
    np.testing.assert_array_equal(result._window("m", "rho_hard"), (m, rho))
    assert (
        ls.compare(ls.two_tasks(rho_easy=0.5), METHODS[:2], ADAPT, over=over)._window("rho_hard", "m") is None
    )


def test_blocks_tile_the_grid_once():
    for full in [(), (7,), (3, 5), (40, 1, 30)]:
        seen = np.zeros(full, dtype=int)
        for where in grid.blocks(full, limit=6):
            seen[where] += 1
            assert seen[where].size <= 6
        assert (seen == 1).all()


def test_block_size_does_not_matter(monkeypatch):
    over = {"rho_hard": np.linspace(0.05, 0.8, 13), "m": np.arange(5, 40)}
    whole = ls.compare(ls.hard_easy(), METHODS, ADAPT, over=over)
    monkeypatch.setattr(grid.blocks, "__defaults__", (11,))
    pieces = ls.compare(ls.hard_easy(), METHODS, ADAPT, over=over)
    np.testing.assert_array_equal(whole.suboptimality, pieces.suboptimality)


def test_dense_environments_compare_too():
    environment = ls.Environment(
        [ls.TaskFamily("a", [[1.0, 0.2], [0.2, 0.5]], 1.0), ls.TaskFamily("b", 0.3, -1.0, d=2)]
    )
    frame = ls.compare(
        environment, METHODS, ADAPT, over={"alpha": [0.1, 0.5], "m": [5, 50, np.inf]}
    ).to_frame()
    assert len(frame) == len(METHODS) * 6
    assert np.isfinite(frame[["above_noise", "gain"]]).all().all()


def test_plots_draw_on_the_given_axes():
    from matplotlib import pyplot as plt

    result = ls.compare(ls.hard_easy(), METHODS, ADAPT, over={"rho_hard": [0.1, 0.3, 0.5]})
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
    result = ls.compare(ls.hard_easy(), METHODS, ADAPT, over={"rho_hard": np.linspace(0.1, 0.5, 10)})
    assert "60 rows, the first 20 shown" in result._repr_html_()

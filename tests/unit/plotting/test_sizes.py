"""Pictures for a column, a page and a slide."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape.papers.reproduction import Reproduction
from landscape.plotting import resize


def picture():
    ax = ls.compare(ls.HardEasy(), [ls.NAL(), ls.MAML()], 0.5, over={"R": np.linspace(0, 2, 30)}).plot()
    return ax.figure


def texts(ax):
    return [ax.xaxis.label, ax.yaxis.label, *ax.get_legend().get_texts()]


@pytest.mark.parametrize(
    ("size", "width", "points"), [("column", 3.4, 6.5), ("page", 6.9, 8.5), ("slide", 10, 14)]
)
def test_width_and_type(size: str, width: float, points: float) -> None:
    """Type and lines change by one factor; the shape of the picture stays."""
    before, after = picture(), resize(picture(), size)
    assert after.get_figwidth() == width
    assert after.get_figheight() / width == pytest.approx(before.get_figheight() / before.get_figwidth())
    for a, b in zip(texts(before.axes[0]), texts(after.axes[0]), strict=True):
        assert b.get_fontsize() == pytest.approx(points / 10 * a.get_fontsize())
    old, new = (figure.axes[0].lines[0].get_linewidth() for figure in (before, after))
    assert new == pytest.approx(points / 10 * old)


def test_everything_in_points_changes_by_one_factor() -> None:
    """A legend's frame and marks, labels, ticks and annotations take the share of the sheet that their type takes."""
    figure, ax = plt.subplots(figsize=(6, 4), dpi=600)  # finer than the hinting of type
    ax.errorbar([1, 2], [1, 2], [0.1, 0.2], marker="o", label="simulated")
    ax.fill_between([1, 2], [0, 1], [1, 2], label="band")
    note = ax.annotate("here", (1, 1), (80, 40), textcoords="offset points")
    legend = ax.legend(loc="upper left")

    def sizes() -> list[float]:
        figure.canvas.draw()
        handles = [handle.get_window_extent() for handle in legend.get_patches()]
        frame, label = legend.get_window_extent(), ax.get_xticklabels()[0].get_window_extent()
        corner, point = note.get_window_extent(), ax.transData.transform((1, 1))
        places = [
            *frame.size,
            *handles[0].size,
            *label.size,
            *corner.size,
            *(corner.min - point),
            ax.bbox.ymin - label.ymax,
        ]
        return [*np.array(places) / figure.bbox.width, frame.x0 < handles[0].x0, handles[0].x1 < frame.x1]

    before = sizes()
    assert sizes() == before
    resize(figure, "column")
    np.testing.assert_allclose(sizes(), [1.1 * size for size in before[:-2]] + [True, True], rtol=0.02)
    bars = ax.collections[0]
    assert bars.get_linewidth() == pytest.approx(1.1 * 3.4 / 6 * 1.5)


@pytest.mark.parametrize(("rows", "turned"), [(1, (3, 1)), (2, (3, 2))])
def test_panels_that_are_too_small_side_by_side_go_below_one_another(
    rows: int, turned: tuple[int, int]
) -> None:
    """Each with its own labels, none over another; the legend names the same marks and fits the column."""
    figure, axes = plt.subplots(rows, 3, figsize=(10.8, 3 * rows), sharex=True, sharey="row", layout="constrained", squeeze=False)  # fmt: skip
    for (row, column), ax in np.ndenumerate(axes):
        ax.errorbar([1, 2], [row, row + 1], [0.1, 0.2], marker="s", label="simulated on drawn tasks")
        ax.plot([1, 2], [row, row + 1], label="exact, of the population")
        ax.set(title=f"R = {column}" if row == 0 else "", ylabel=f"risk {row}" if column == 0 else "")
        ax.set_xlabel("step size" if row == rows - 1 else "")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    resize(figure, "column")
    figure.canvas.draw()
    assert figure.get_figwidth() == 3.4
    assert figure.get_figheight() <= 2.4 * 3.4 * (1 + 1e-9)
    for (row, column), ax in np.ndenumerate(axes):
        spec = ax.get_subplotspec()
        assert (spec.get_gridspec().nrows, spec.get_gridspec().ncols) == turned
        assert (ax.get_title(), ax.get_ylabel(), ax.get_xlabel()) == (
            f"R = {column}",
            f"risk {row}",
            "step size",
        )
        assert 5 <= ax.xaxis.label.get_fontsize() <= 6.5
        assert ax.get_xticklabels()[0].get_visible()
    (legend,) = figure.legends
    boxes = [ax.get_tightbbox() for ax in axes.flat] + [legend.get_window_extent()]
    assert all(box.x0 >= -1 and box.x1 <= figure.bbox.width + 1 for box in boxes)
    for i, box in enumerate(boxes):
        for other in boxes[:i]:
            across, up = (min(box.max[k], other.max[k]) - max(box.min[k], other.min[k]) for k in (0, 1))
            assert min(across, up) < 2  # pixels
    assert [text.get_text() for text in legend.get_texts()] == axes[0, 0].get_legend_handles_labels()[1]
    plt.close(figure)


def test_what_is_no_grid_of_panels_is_shrunk_and_said() -> None:
    """A picture with a colour bar."""
    figure, ax = plt.subplots(figsize=(20, 10))
    figure.colorbar(ax.imshow(np.eye(3)))
    with pytest.warns(ls.LandscapeWarning, match="type of 2 points only in a column: size 'page' suits"):
        resize(figure, "column")
    assert ax.xaxis.label.get_fontsize() == pytest.approx(1.1 * 10 * 3.4 / 20)
    plt.close(figure)


def test_another_size_is_an_error() -> None:
    with pytest.raises(ValueError, match="size"):
        resize(picture(), "poster")


def test_figures_are_saved_as_one_wants(tmp_path: Path) -> None:
    table = pd.DataFrame({"x": [1.0]})
    made = Reproduction(table, picture(), table)
    _, drawn = made.save("fig5", tmp_path, format="svg", size="page")
    assert made.figure.get_figwidth() == 6.9
    assert drawn.read_text().startswith("<?xml")
    _, drawn = made.save("fig5", tmp_path, format="pdf")
    assert drawn.read_bytes().startswith(b"%PDF")
    with pytest.raises(ValueError, match="format"):
        made.save("fig5", tmp_path, format="bmp")

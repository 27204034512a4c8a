"""Sliders: a move changes the picture and not the axes, errors are shown in words, and static outputs have a picture."""

import re
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
import sympy

import landscape as ls
from landscape.plotting.landscapes import landscape_view
from landscape.plotting.scene import hard_easy_presets
from landscape.plotting.svg import draw_svg, first_level, fitted, outside

ADAPT = ls.GradientSteps(1.0, 50)
SVG = "{http://www.w3.org/2000/svg}"


def parts(svg, tag):
    """The elements of a picture with a tag."""
    return ElementTree.fromstring(svg).findall(f".//{SVG}{tag}")


def texts(svg):
    return ["".join(node.itertext()) for node in parts(svg, "text")]


def said(box):
    return box.children[3].value


def gain(box):
    """The picture's headline."""
    return texts(box.svg)[0]


def test_without_widgets_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(ImportError, match=r"pip install 'task-landscape\[notebooks\]'"):
        ls.explore()


def test_a_move_changes_the_picture_and_not_the_axes():
    """R from 3 to 0.1 brings the hard tasks to the easy ones; with rescaled axes it would look like a zoom."""
    box = ls.explore()
    before, words = box.svg, gain(box)
    box.sliders["R"].value = 0.1
    assert box.svg != before
    assert gain(box) != words
    assert box.children[2].value == box.svg
    numbers = [text for text in texts(before) if re.fullmatch(r"[−.\d]+", text)]
    assert len(numbers) >= 9
    assert [text for text in texts(box.svg) if re.fullmatch(r"[−.\d]+", text)] == numbers
    box.fit()
    assert [text for text in texts(box.svg) if re.fullmatch(r"[−.\d]+", text)] != numbers


def test_points_that_the_window_leaves_out_are_said():
    box = ls.explore()
    assert "outside" not in said(box)
    box.sliders["R"].value = 4.0
    assert "points outside the window: " in said(box)
    box.fit()
    assert "outside" not in said(box)


@pytest.mark.parametrize("environment", [
    ls.TwoTasks(d=3), ls.HardEasy(d=6),
    ls.Mixture([ls.TaskFamily("a", [1.0, 0.5]), ls.TaskFamily("b & c", [[0.5, 0.3], [0.3, 0.4]], 1.0)]),
])  # fmt: skip
def test_contours_are_level(environment):
    """On each ellipse the loss is one number, that of its step above the valley; in each landscape, whatever d."""
    view = fitted(landscape_view(environment, ls.GradientSteps(0.7, 20), resolution=2))
    assert outside(view) == 0
    level = first_level(view)
    panels = parts(draw_svg(view, "gain", level=level), "svg")
    scale = 356 / (view.x[-1] - view.x[0])
    for panel, alpha in zip(panels, (0.0, 0.7), strict=True):
        form = ls.risk_landscape(environment, ls.GradientSteps(alpha, 20))
        group = panel.find(f"{SVG}g")
        x, y, turn = map(float, re.findall(r"-?[\d.]+", group.get("transform")))
        rings = group.findall(f"{SVG}ellipse")
        assert len(rings) >= 3
        valley = (
            view.origin + np.array([x / scale + view.x[0], (356 - y) / scale + view.y[0]]) @ view.directions
        )
        lowest = form(valley)
        for k, ring in enumerate(reversed(rings[-3:]), start=1):
            angle = np.linspace(0, 2 * np.pi, 7)
            across = np.array([float(ring.get("rx")) * np.cos(angle), float(ring.get("ry")) * np.sin(angle)])
            turned = np.radians(turn)
            px = np.array([[np.cos(turned), -np.sin(turned)], [np.sin(turned), np.cos(turned)]]) @ across
            points = valley + (px.T * [1, -1] / scale) @ view.directions
            # Places are written to a hundredth of a pixel.
            np.testing.assert_allclose(form(points) - lowest, k**2 * level, rtol=0.02)


def test_text_is_text():
    tasks = ls.Mixture([ls.TaskFamily("a<b>", [1.0, 0.5]), ls.TaskFamily("&", 0.2, 1.0)])
    svg = draw_svg(landscape_view(tasks, ADAPT, resolution=2), "gain < 2")
    assert {"a<b> tasks", "& tasks", "gain < 2"} <= set(texts(svg))


def test_every_registered_style_is_drawn():
    methods = [
        ls.NAL(),
        ls.MAML(),
        ls.FOMAML(),
        ls.HFMAML(0.5),
        ls.Reptile(),
        ls.IMAML(0.5),
        ls.MAML(0.3),
        ls.MAML(0.2),
    ]
    view = landscape_view(ls.HardEasy(d=2), ls.GradientSteps(0.5, 20), methods, resolution=2)
    names = texts(draw_svg(view, "many"))
    assert set(view.labels) <= set(names)


def test_sliders_are_what_is_declared():
    """Symbols and labels, typical ranges, and every value that one may start at, exactly."""
    box = ls.explore(ls.HardEasy(d=2, R=7.0), ls.GradientSteps(1 / 0.9, 51))
    of_tasks = {"rho_hard", "rho_easy", "R", "r_hard", "r_easy", "p_hard", "noise"}
    assert set(box.sliders) == of_tasks | {"alpha", "m"}
    rho, R, m = (box.sliders[name] for name in ("rho_hard", "R", "m"))
    assert (rho.options[0], rho.options[-1]) == (("0.05", 0.05), ("0.5", 0.5))
    named = {name: slider.description for name, slider in box.sliders.items()}
    assert (named["rho_hard"], named["noise"], named["m"]) == ("ρ_H", "σ²", "m")
    assert all("\\" not in text and "$" not in text for text in named.values())
    assert rho.tooltip == "curvature of hard tasks (variance of an input)"
    assert (R.options[0][1], R.options[-1][1], R.value) == (0.0, 7.0, 7.0)
    assert all(len(slider.options) <= 510 for slider in box.sliders.values())
    assert m.value == 51
    assert box.sliders["alpha"].value == 1 / 0.9
    sizes = [size for _, size in m.options]
    assert sizes[0] == 2
    assert m.options[-1] == ("∞", float("inf"))
    m.value = float("inf")
    assert "m = ∞" in "".join(texts(box.svg))
    assert list(ls.explore(ls.TwoTasks(d=2), ls.RidgeToStart(0.5)).sliders)[-2:] == ["strength", "m"]


def test_presets():
    """Each shows what its name says; a preset is one redraw, and start is where one began."""
    box = ls.explore(adaptation=ADAPT)
    start = box.svg
    gains = {}
    for name in box.presets[1:]:
        box.choose(name)
        gains[name] = float(gain(box).removeprefix("gain of MAML over NAL: "))
    assert gains == {
        "MAML gains ten times": 10.0,
        "no gain: equally hard": 1.0,
        "no gain: hard tasks disagree": pytest.approx(1.1, abs=0.05),
        "the window closes": pytest.approx(1.2, abs=0.05),
    }
    box.choose("start")
    assert box.svg == start
    for d in (2, 10):
        closed = hard_easy_presets(d)["the window closes"]
        assert ls.hardness_window(d, closed["m"]) is None
        low, high = ls.hardness_window(d, closed["m"] + 1)
        assert low < closed["rho_hard"] / closed["rho_easy"] < high
    assert ls.explore(ls.TwoTasks(d=2)).presets == ["start"]


def test_the_buttons_press():
    box = ls.explore()
    fit, *presets = box.children[0].children
    assert [button.description for button in presets] == box.presets
    presets[1].click()
    assert box.sliders["m"].value == np.inf
    before = box.svg
    fit.click()
    assert box.svg != before


def test_swapped_tasks_are_said():
    box = ls.explore(ls.HardEasy(d=2, rho_easy=0.4))
    assert "swapped" not in said(box)
    box.sliders["rho_hard"].value = 0.45
    assert "hard and easy are swapped" in said(box)


def test_numbers_and_warnings():
    tasks = ls.HardEasy(d=2)
    box = ls.explore(tasks, ADAPT)
    assert gain(box) == f"gain of MAML over NAL: {ls.gain(tasks, ls.MAML(), ADAPT):.3g}"
    for method in (ls.NAL(), ls.MAML()):
        assert f"{method.label} {ls.risk(tasks, method, ADAPT).above_noise:.3g}" in texts(box.svg)[1]
    assert "the inner step expands" in said(ls.explore(tasks, ls.GradientSteps(3.0, 50)))


def test_what_has_no_picture_is_said_and_the_one_before_stays():
    box = ls.explore(ls.HardEasy(d=2, rho_hard=0.5, rho_easy=0.6), ls.GradientSteps(2.0))
    before = box.svg
    box.sliders["rho_easy"].value = 0.5
    assert "is singular" in said(box)
    assert box.svg == before
    with pytest.raises(ValueError, match="needs d >= 2"):
        ls.explore(ls.HardEasy(d=1))
    with pytest.raises(ValueError, match="sliders need numbers"):
        ls.explore(ls.HardEasy(d=2, R=sympy.Symbol("R")))


def test_static_outputs_have_a_picture():
    """In a saved notebook, where no kernel runs: the picture is beside the sliders that cannot be shown."""
    box = ls.explore()
    bundle = box._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["image/svg+xml"] == box.svg
    assert "gain of MAML over NAL" in texts(bundle["image/svg+xml"])[0]
    box.sliders["R"].value = 1.0
    assert box._repr_mimebundle_()["image/svg+xml"] == box.svg

"""Sliders: the page computes what Python does; a move changes the picture and not the axes; static outputs have a picture."""

import json
import re
from dataclasses import replace
from html import unescape
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
import sympy
from PIL import Image
from support.browser import chromium, evaluate, screen

import landscape as ls
from landscape.core.parameters import parameters
from landscape.plotting.explore import hard_easy_presets

ADAPT = ls.GradientSteps(1.0, 50)

SHOWN = """cases => { let frame = null; return cases.map(changes => {
  const values = {...SCENE.presets.start, ...changes, ...changes.m === null ? {m: Infinity} : {}};
  const now = shown(values, changes.fit ? null : frame);
  frame = now.frame;
  return {...now, model: model(values), picture: now.picture && `<svg>${now.picture}</svg>`};
}); }"""
"""What is shown after each of several moves; JSON has no infinity: m = null stands for it."""

KINDS = {
    "hard and easy": (ls.HardEasy(d=2), ADAPT, [ls.NAL(), ls.MAML(), ls.MAML(0.3), ls.FOMAML(), ls.Reptile()]),
    "three steps, d = 6": (ls.HardEasy(d=6), ls.GradientSteps(0.7, 20, 3), [ls.NAL(), ls.MAML(), ls.FOMAML()]),
    "two tasks, a matrix step": (ls.TwoTasks(d=2), ls.PreconditionedSteps([0.5, 0.6], 20), [ls.NAL(), ls.MAML()]),
    "one's own": (
        ls.Mixture([
            ls.TaskFamily("</script><b>", [1.0, 0.5, 0.7]), ls.TaskFamily("&", [0.4, 0.3, 0.2], [1.0, -1.0, 2.0], 0.5),
        ]),
        ls.GradientSteps(0.7, 20), [ls.NAL(), ls.MAML()],
    ),
}  # fmt: skip


@pytest.fixture
def page(tmp_path):
    """Write a page for Node; the path."""

    def write(*what, text=None):
        path = tmp_path / "page.html"
        path.write_text(ls.explore(*what).page if text is None else text, encoding="utf-8")
        return path

    return write


def moved(path, *moves):
    return evaluate(path, SHOWN, moves)


def texts(picture):
    return ["".join(node.itertext()) for node in ElementTree.fromstring(picture).iter("text")]


def numbers(picture):
    """The numbers on the axes."""
    return [text for text in texts(picture) if re.fullmatch(r"[−.\d]+", text)]


def drawn(environment, adaptation, rng):
    """Typical values of all sliders; batches are infinite now and then."""
    movable = [p for thing in (environment, adaptation) for p in parameters(thing) if p.grid]
    values = {p.name: float(p.draw(rng, environment.d)) for p in movable}
    return values | ({"m": None} if rng.random() < 0.2 else {})


def assert_same(found_at, environment, adaptation, methods):
    """Compare the page with the package's functions, which know numbers only here."""
    for case, found in found_at:
        values = case | ({"m": np.inf} if "m" in case and case["m"] is None else {})
        tasks, adapt = (
            replace(thing, **{p.name: values[p.name] for p in parameters(thing) if p.grid})
            for thing in (environment, adaptation)
        )
        ours = found["model"]
        close = {"rtol": 1e-12, "atol": 1e-12, "err_msg": str(case)}
        for form, surface in zip(
            (ls.risk_landscape(tasks, ls.GradientSteps(0.0, steps=0)), ls.risk_landscape(tasks, adapt)),
            ours["surfaces"],
            strict=True,
        ):
            np.testing.assert_allclose(surface["hessian"], form.A.expanded().diagonal()[:2], **close)
            np.testing.assert_allclose(surface["lowest"], form.minimiser[:2], **close)
        for method, solution, risk in zip(methods, ours["solutions"], ours["risks"], strict=True):
            start = method.within(adapt)
            np.testing.assert_allclose(solution, ls.optimum(tasks, start)[:2], **close)
            np.testing.assert_allclose(risk, ls.risk(tasks, start, adapt).above_noise, **close)


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_computes_what_python_does(kind, page):
    environment, adaptation, _ = KINDS[kind]
    rng = np.random.default_rng(7)
    cases = [drawn(environment, adaptation, rng) for _ in range(8)]
    start, *found = moved(page(*KINDS[kind]), {}, *cases)
    assert_same(zip(cases, found, strict=True), *KINDS[kind])
    assert_level(start, environment, adaptation)
    names = [f"{task.name} tasks" for task in environment.tasks()]
    assert {*names, "NAL"} <= set(texts(start["picture"]))  # also of "</script>"


def assert_level(now, environment, adaptation):
    """On each ellipse the loss is one number, that of its step above the valley; whatever d."""
    low, width, level = now["frame"]["low"], now["frame"]["width"], now["frame"]["level"]
    panels = ElementTree.fromstring(now["picture"]).findall("svg")
    for panel, adapt in zip(panels, (ls.GradientSteps(0.0, steps=0), adaptation), strict=True):
        form = ls.risk_landscape(environment, adapt)
        rings = panel.findall("g/ellipse")
        assert len(rings) >= 3
        for k, ring in enumerate(reversed(rings[-3:]), start=1):
            cx, cy, rx, ry = (float(ring.get(name)) for name in ("cx", "cy", "rx", "ry"))
            angle = np.linspace(0, 2 * np.pi, 7)
            across = (
                np.column_stack([cx + rx * np.cos(angle), 356 - cy + ry * np.sin(angle)]) * width / 356 + low
            )
            points = np.column_stack([across, np.tile(form.minimiser[2:], (7, 1))])
            # Places are written to a hundredth of a pixel.
            np.testing.assert_allclose(form(points) - form.minimum, k**2 * level, rtol=0.02)


START = {
    p.name: getattr(thing, p.name) for thing in (ls.HardEasy(), ADAPT) for p in parameters(thing) if p.grid
}


def test_a_wrong_formula_would_be_noticed(page):
    """With d for d + 1 in the noise of the step."""
    text = ls.explore(*KINDS["hard and easy"]).page
    assert text.count("3*Math.pow(alpha, 2)/m") == 1
    wrong = page(text=text.replace("3*Math.pow(alpha, 2)/m", "2*Math.pow(alpha, 2)/m"))
    found = moved(wrong, case := {"alpha": 0.8})
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_same([(START | case, found[0])], *KINDS["hard and easy"])


def test_a_move_changes_the_picture_and_not_the_axes(page):
    """R from 3 to 0.1 brings the hard tasks to the easy ones; with rescaled axes it would look like a zoom."""
    before, after, far, fitted = moved(page(), {}, {"R": 0.1}, {"R": 4.0}, {"R": 1.0, "fit": True})
    assert before["picture"] != after["picture"]
    assert before["gain"] != after["gain"]
    assert len(numbers(before["picture"])) >= 9
    assert numbers(before["picture"]) == numbers(after["picture"]) == numbers(far["picture"])
    assert numbers(before["picture"]) != numbers(fitted["picture"])
    assert before["words"] == after["words"] == fitted["words"] == []
    assert re.fullmatch(r"points outside the window: \d+ \(press fit\)", far["words"][0])
    tasks = ls.HardEasy(d=2, R=3.0, r_hard=0.3, r_easy=0.6)
    assert before["gain"] == f"gain of MAML over NAL: {float(ls.gain(tasks, ls.MAML(), ADAPT)):.3g}"


def test_sliders_are_what_is_declared(page):
    """Symbols and labels, typical ranges, and every value that one may start at, exactly."""
    path = page(ls.HardEasy(d=2, R=7.0), ls.GradientSteps(1 / 0.9, 51))
    scene = evaluate(path, "() => SCENE", None)
    sliders = {slider["name"]: slider for slider in scene["sliders"]}
    assert set(sliders) == {"rho_hard", "rho_easy", "R", "r_hard", "r_easy", "p_hard", "noise", "alpha", "m"}
    ends = {name: (slider["values"][0], slider["values"][-1]) for name, slider in sliders.items()}
    assert (ends["rho_hard"], ends["R"], ends["m"]) == ((0.05, 0.5), (0.0, 7.0), (2.0, "Infinity"))
    symbols = [sliders[name]["symbol"] for name in ("rho_hard", "noise", "m")]
    assert symbols == ["ρ<sub>H</sub>", "σ²", "m"]
    assert sliders["rho_hard"]["label"] == "curvature of hard tasks (variance of an input)"
    assert all(len(slider["values"]) <= 510 for slider in sliders.values())
    start = scene["presets"]["start"]
    assert (start["R"], start["alpha"], start["m"]) == (7.0, 1 / 0.9, 51)
    for preset in scene["presets"].values():
        assert all(value in sliders[name]["values"] for name, value in preset.items())
    (infinite,) = moved(path, {"m": None})
    assert "m = ∞" in "".join(texts(infinite["picture"]))


def test_presets(page):
    """Each shows what its name says."""
    presets = hard_easy_presets(2)
    moves = [{k: None if v == np.inf else v for k, v in preset.items()} for preset in presets.values()]
    found = moved(page(), *moves)
    gains = [float(now["gain"].removeprefix("gain of MAML over NAL: ")) for now in found]
    assert gains[:2] == [10.0, 1.0]
    assert gains[2:] == pytest.approx([1.1, 1.2], abs=0.05)
    assert list(presets) == [
        "MAML gains ten times", "no gain: equally hard", "no gain: hard tasks disagree", "the window closes",
    ]  # fmt: skip
    for d in (2, 10):
        closed = hard_easy_presets(d)["the window closes"]
        assert ls.hardness_window(d, closed["m"]) is None
        low, high = ls.hardness_window(d, closed["m"] + 1)
        assert low < closed["rho_hard"] / closed["rho_easy"] < high


def test_what_is_said(page):
    """Hard and easy swapped, a step that expands, and where an optimum is not unique: there is no new picture."""
    path = page(ls.HardEasy(d=2, rho_hard=0.5, rho_easy=0.6), ls.GradientSteps(2.0))
    start, swapped, expands, lost = moved(path, {}, {"rho_easy": 0.45}, {"alpha": 3.5}, {"rho_easy": 0.5})
    assert start["words"] == []
    assert swapped["words"] == ["hard and easy are swapped: the tasks called hard are the steeper ones"]
    assert expands["words"] == ["the inner step expands on easy tasks: it ends farther from their optima"]
    assert lost["words"] == ["the optimum of MAML is not unique here, and the picture before it stays"]
    assert "picture" not in lost
    assert lost["frame"] == start["frame"]


def test_what_has_no_page():
    with pytest.raises(ValueError, match="needs d >= 2"):
        ls.explore(ls.HardEasy(d=1))
    with pytest.raises(ValueError, match="sliders need numbers"):
        ls.explore(ls.HardEasy(d=2, R=sympy.Symbol("R")))
    dense = ls.TaskFamily("b", [[0.5, 0.3], [0.3, 0.4]], 1.0)
    with pytest.raises(ValueError, match="symbols need isotropic or diagonal families") as error:
        ls.explore(ls.Mixture([ls.TaskFamily("a", [1.0, 0.5]), dense]), ADAPT)
    assert "plot_series" in error.value.__notes__[0]
    for adaptation, method in (
        (ls.GradientSteps(0.5, 50, 30), ls.MAML(0.5)),
        (ADAPT, ls.MAML(ls.GradientSteps(0.5, 50, 30))),
    ):
        with pytest.raises(ValueError, match="formulas of 30 steps are too long"):
            ls.explore(ls.HardEasy(d=2), adaptation, method)
    with pytest.raises(ls.NoClosedForm, match="RidgeToStart has no exact risk") as error:
        ls.explore(ls.TwoTasks(d=2), ls.RidgeToStart(0.5))
    assert "'strength'" in error.value.__notes__[0]  # which plot_series takes; 'alpha' it does not have


def test_on_a_phone_the_pictures_stand_below_each_other(page):
    """Type is as large as beside them; the legend takes as many lines as it needs; no mark covers another."""
    found = evaluate(
        page(*KINDS["hard and easy"]),
        "() => { stacked = true; return shown(SCENE.presets.start, null); }",
        None,
    )
    wide = evaluate(page(*KINDS["hard and easy"]), "() => shown(SCENE.presets.start, null)", None)
    width, height = found["size"]
    assert (wide["size"][0], wide["size"][1] < 440, width < 410, height > 820) == (800, True, True, True)
    picture = ElementTree.fromstring(f"<svg>{found['picture']}</svg>")
    upper, lower = ((float(panel.get("x")), float(panel.get("y"))) for panel in picture.findall("svg"))
    assert upper[0] == lower[0]
    assert lower[1] > upper[1] + 356 + 20  # numbers and a title between them
    written = [(text, *(float(text.get(at)) for at in "xy")) for text in picture.findall("text")]
    legend = [(x + 7 * len(text.text), y) for text, x, y in written if y > lower[1] + 356 + 20]
    assert len(legend) == 7
    assert len({y for _, y in legend}) == 2
    assert all(right <= width and y < height for right, y in legend)
    sizes = [float(mark.get("transform")[6:-1]) for mark in picture.findall("path[@vector-effect]")]
    assert sizes == sorted(set(sizes), reverse=True)  # of five methods, in the legend


def test_static_outputs_have_a_picture():
    """Where frames are taken out of a notebook (GitHub, before one trusts it), and where there is no HTML at all."""
    shown = ls.explore()
    assert repr(shown).startswith("Explorer: sliders in Jupyter")
    assert Image.open(BytesIO(shown._repr_png_())).width > 600
    html = shown._repr_html_()
    assert unescape(re.search(r'srcdoc="([^"]*)"', html)[1]) == shown.page
    assert 'src="data:image/png;base64,' in html.partition("<iframe")[0]
    assert "http" not in shown.page
    assert len(html) < 100_000


def test_in_a_browser(page):
    """Buttons and keys; in a frame, as in a notebook, the picture for static outputs gives way."""
    with chromium() as browser:
        from selenium.webdriver.common.keys import Keys

        html = ls.explore(ls.HardEasy(d=2, R=2.0))._repr_html_()
        browser.get(page(text=f"<!doctype html><body>{html}</body>").as_uri())
        frame = browser.find_element("css selector", "iframe")
        browser.switch_to.frame(frame)
        read = """const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done({
            gain: document.getElementById("gain").textContent, words: document.getElementById("words").textContent,
            R: document.querySelector("#R + output").textContent, picture: document.querySelector("svg").innerHTML,
            wide: document.documentElement.scrollWidth - innerWidth, high: document.body.scrollHeight})))"""
        before = browser.execute_async_script(read)
        assert before["R"] == "2"
        browser.find_element("id", "R").send_keys(Keys.ARROW_RIGHT)
        after = browser.execute_async_script(read)
        assert after["R"] == "2.01"
        assert after["picture"] != before["picture"]
        fit, start, ten, *_ = browser.find_elements("css selector", "button")
        assert json.dumps([fit.text, start.text, ten.text]) == '["fit", "start", "MAML gains ten times"]'
        ten.click()
        chosen = browser.execute_async_script(read)
        assert chosen["gain"] == "gain of MAML over NAL: 10"
        fit.click()
        assert browser.execute_async_script(read)["picture"] != chosen["picture"]
        start.click()
        assert browser.execute_async_script(read)["gain"] == before["gain"]
        assert before["wide"] <= 0
        assert before["high"] < 640
        browser.switch_to.default_content()
        assert browser.find_elements("css selector", "img") == []
        assert abs(frame.size["height"] - before["high"]) <= 8
        browser.get(page().as_uri())
        screen(browser, 390, 844)
        phone = browser.execute_async_script(read)
        assert phone["wide"] <= 0
        letters = "return Math.min(...[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect().height))"
        assert browser.execute_script(letters) > 9
        assert browser.get_log("browser") == []

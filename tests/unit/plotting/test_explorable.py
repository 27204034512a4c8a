"""The explorable page: its numbers are Python's, in a browser and in Node, and it is one file that works alone."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from support.browser import chromium, evaluate, screen

import landscape as ls
from landscape.cli import main

PAGE = Path(str(files("landscape.plotting"))) / "explorable.html"

MODEL = """cases => cases.map(case_ => {
  const p = {...case_, m: case_.m ?? Infinity};
  return {...model(p), window: hardnessWindow(p.d, p.m)};
})"""
"""JSON has no infinity: m = null stands for it."""


def cases() -> list[dict]:
    """Random settings, and the limits: full batches, no spread, one curvature, hard and easy swapped, no step."""
    rng = np.random.default_rng(5)
    usual = {
        "rho_hard": 0.1,
        "rho_easy": 0.9,
        "R": 3.0,
        "r_hard": 0.5,
        "r_easy": 0.3,
        "alpha": 1.0,
        "m": 50,
        "d": 2,
    }
    limits = [
        {}, {"m": None}, {"m": None, "alpha": 1 / 0.9}, {"m": 1, "d": 30}, {"r_hard": 0.0, "r_easy": 0.0}, {"R": 0.0},
        {"rho_hard": 0.5, "rho_easy": 0.5}, {"rho_hard": 0.8, "rho_easy": 0.2}, {"alpha": 0.0}, {"alpha": 2.0},
        {"R": 0.0, "r_hard": 0.0, "r_easy": 0.0}, {"r_hard": 0.0, "m": None, "alpha": 1 / 0.9},
        {"d": 10, "m": 71}, {"d": 10, "m": 72}, {"d": 1, "m": 12}, {"d": 1, "m": 13},
    ]  # fmt: skip
    drawn = [
        {
            "rho_hard": rng.uniform(0.02, 1), "rho_easy": rng.uniform(0.02, 1), "R": rng.uniform(0, 4), "r_hard": rng.uniform(0, 2),
            "r_easy": rng.uniform(0, 2), "alpha": rng.uniform(0, 2), "m": int(rng.integers(1, 1000)), "d": int(rng.integers(1, 31)),
        }
        for _ in range(60)
    ]  # fmt: skip
    return [usual | change for change in limits] + drawn


def by_python(p: dict) -> dict:
    """What the page computes, by the package's general functions."""
    p = p | {"m": float("inf") if p["m"] is None else p["m"]}
    environment = ls.HardEasy(**{k: p[k] for k in ("rho_hard", "rho_easy", "R", "r_hard", "r_easy", "d")})
    adaptation = ls.GradientSteps(p["alpha"], p["m"])
    trained = ls.MAML(adaptation)
    hard, easy = (float(ls.Q(task.inputs, adaptation).diagonal()[0]) for task in environment.tasks())
    return {
        "hard": hard,
        "easy": easy,
        "nal": ls.optimum(environment, ls.NAL())[0],
        "maml": ls.optimum(environment, trained)[0],
        "risk_nal": ls.risk(environment, ls.NAL(), adaptation).above_noise,
        "risk_maml": ls.risk(environment, trained, adaptation).above_noise,
        "gain": ls.gain(environment, trained, adaptation),
        "window": ls.hardness_window(p["d"], p["m"]),
    }


def assert_same(browser=None) -> None:
    given = cases()
    found = evaluate(PAGE, MODEL, given, browser)
    for p, ours in zip(given, found, strict=True):
        for name, value in by_python(p).items():
            if value is None:
                assert ours[name] is None, (p, name)
                continue
            # Where the step solves easy tasks exactly, their risk is 0 in one and a rounding error in the other.
            numbers = np.asarray(ours[name], dtype=float)
            np.testing.assert_allclose(numbers, value, rtol=1e-12, atol=1e-12, err_msg=f"{name} at {p}")


def test_numbers_are_pythons_by_node() -> None:
    assert_same()


def test_a_wrong_formula_would_be_noticed(tmp_path: Path) -> None:
    """A page with d for d + 1 in the noise of the step."""
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("(d + 1) * rho ** 3 / m") == 1
    wrong = tmp_path / "wrong.html"
    wrong.write_text(text.replace("(d + 1) * rho ** 3 / m", "d * rho ** 3 / m"), encoding="utf-8")
    given = cases()[-5:]
    right, planted = (evaluate(page, MODEL, given) for page in (PAGE, wrong))
    assert all(
        abs(a["risk_nal"] - b["risk_nal"]) > 1e-6 * a["risk_nal"] for a, b in zip(right, planted, strict=True)
    )


def test_presets_say_what_happens() -> None:
    """Ten times, not at all, hardly; and the window opens with one sample more."""
    presets = evaluate(PAGE, "() => Object.entries(PRESETS).map(([name, p]) => [name, p.values])", None)
    gains = {name: by_python(p)["gain"] for name, p in presets}
    assert gains["MAML gains ten times"] == pytest.approx(10, abs=0.05)
    assert gains["No gain: equally hard"] == 1
    assert 1 < gains["No gain: hard tasks disagree"] < 1.15
    closed = dict(presets)["The window closes"]
    assert closed["alpha"] == 1 / closed["rho_easy"]
    assert ls.least_samples(closed["d"]) == closed["m"] + 1
    low, high = ls.hardness_window(closed["d"], closed["m"] + 1)
    assert low < closed["rho_hard"] / closed["rho_easy"] < high


def test_one_file_without_a_network() -> None:
    text = PAGE.read_text(encoding="utf-8")
    namespaces = text.replace("http://www.w3.org/2000/svg", "")  # a name, not an address that is asked
    for outside in ("http", "src=", "<link", "@import", "url(h", "fetch(", "import("):
        assert outside not in namespaces, outside
    for formula in ("Q", "F", "gain", "ρ", "α"):
        assert re.search(rf"<m(i|text)>{formula}</m", text), formula


def test_the_command_saves_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "page.html"
    assert main(["explore", "--out", str(out)]) == 0
    assert out.read_bytes() == PAGE.read_bytes()
    assert capsys.readouterr().out.strip() == str(out)
    assert main(["explore", "--out", str(tmp_path / "no" / "page.html")]) == 2
    assert "cannot write the page" in capsys.readouterr().err


def shown(browser) -> dict:
    """What the page shows, once the next frame is drawn."""
    return browser.execute_async_script("""
        const done = arguments[arguments.length - 1];
        requestAnimationFrame(() => requestAnimationFrame(() => done({
          said: document.querySelector("#said").textContent, note: document.querySelector("#note").textContent,
          R: document.querySelector("#R-value").textContent, gain: document.querySelector("#live-gain").textContent,
          nal: Number(document.querySelector("#map-after rect.nal").getAttribute("x")),
          maml: Number(document.querySelector("#map-after circle.maml").getAttribute("cx")),
          axis: document.querySelector("#map-after g").innerHTML, wide: document.documentElement.scrollWidth})))""")


def test_in_a_browser() -> None:
    """The numbers again; by keyboard optima move and axes do not; nothing is wider than a desk or a phone."""
    with chromium() as browser:
        from selenium.webdriver.common.keys import Keys

        browser.get(PAGE.as_uri())
        assert_same(browser)
        before = shown(browser)
        assert "10.0 times less" in before["said"]
        slider = browser.find_element("id", "R")
        slider.send_keys(Keys.ARROW_LEFT)
        after = shown(browser)
        assert (before["R"], after["R"]) == ("3", "2.95")
        presets = evaluate(PAGE, "() => Object.values(PRESETS).map(p => p.values)", None, browser)
        expected = by_python(presets[0] | {"R": 2.95})
        assert after["gain"] == f"gain = {float(expected['gain']):.4g}"
        assert after["maml"] < before["maml"]
        assert after["nal"] < before["nal"]
        assert after["axis"] == before["axis"]
        browser.find_elements("css selector", ".presets button")[3].click()
        assert "less than half" in shown(browser)["note"]
        browser.find_element("id", "m").send_keys(Keys.ARROW_RIGHT)
        assert "more than half" in shown(browser)["note"]
        browser.find_element("id", "rho_hard").send_keys(Keys.END)
        browser.find_element("id", "rho_easy").send_keys(Keys.HOME)
        assert "Hard and easy are swapped" in shown(browser)["note"]
        for button in browser.find_elements("css selector", ".presets button"):
            button.click()
            shown(browser)
            assert button.get_attribute("aria-pressed") == "true"
        for width, height, dark in ((1280, 800, False), (390, 844, True), (390, 664, False)):
            screen(browser, width, height, dark)
            assert shown(browser)["wide"] <= width
            paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
            assert (paper == "rgb(255, 255, 255)") != dark
        assert browser.get_log("browser") == []


def test_a_finger_moves_a_slider() -> None:
    with chromium(390, 844) as browser:
        browser.get(PAGE.as_uri())
        browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
        before = shown(browser)
        slider = browser.find_element("id", "R")
        browser.execute_script("arguments[0].scrollIntoView({block: 'end'})", slider)
        place = browser.execute_script("return arguments[0].getBoundingClientRect().toJSON()", slider)
        x, y = place["x"] + 0.74 * place["width"], place["y"] + place["height"] / 2
        for kind, at in (("touchStart", x), ("touchMove", x - 40), ("touchMove", x - 80), ("touchEnd", None)):
            points = [] if at is None else [{"x": at, "y": y}]
            browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        assert float(shown(browser)["R"]) < float(before["R"]) - 0.5

"""Evaluate JavaScript of a page: in headless Chromium where it is installed, else by Node, which has no page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def chromium(width: int = 1280, height: int = 800) -> Iterator[Any]:
    """Give a driven headless browser; the test is skipped where there is none."""
    pytest.importorskip("selenium", reason="selenium is not installed")
    from selenium import webdriver

    driver, binary = shutil.which("chromedriver"), shutil.which("chromium") or shutil.which("google-chrome")
    if not driver or not binary:
        pytest.skip("Chromium with chromedriver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        screen(browser, width, height)
        yield browser
    finally:
        browser.quit()


def screen(browser: Any, width: int, height: int, dark: bool = False) -> None:
    """Give the browser a screen: a phone's below 500 pixels."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})


def evaluate(page: Path, expression: str, arguments: Any, browser: Any = None) -> Any:
    """Evaluate a JavaScript function of one argument on the script with id "model" of a page.

    Numbers keep all their digits on the way; infinities come back as strings.
    """
    keep = "(_, x) => typeof x == 'number' && !isFinite(x) ? String(x) : x"
    given = json.dumps(arguments, allow_nan=False)
    code = f"return JSON.stringify(({expression})({given}), {keep})"
    if browser is not None:
        return json.loads(browser.execute_script(code))
    node = shutil.which("node")
    if not node:
        pytest.skip("Node is not installed")
    script = re.search(r'<script id="model">(.*?)</script>', page.read_text(encoding="utf-8"), re.S).group(1)
    program = f"{script}\nconsole.log((() => {{ {code} }})())"
    done = subprocess.run([node, "-e", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def whole_page(browser: Any, stem: Path, scroller: str = "html", height: int = 1500) -> None:
    """Store pictures of a page from its top to its end: STEM.0.png, STEM.1.png, ..., each of a height that one can read."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    width, dark = browser.execute_script(
        "return [innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]"
    )
    screen(browser, width, height, dark)
    move = """
        const [selector, top, done] = arguments, scroller = document.querySelector(selector);
        scroller.scrollTop = top;
        requestAnimationFrame(() => setTimeout(() => done([scroller.clientHeight, scroller.scrollHeight]), 250));"""
    top = number = 0
    while True:
        seen, all_of_it = browser.execute_async_script(move, scroller, top)
        browser.save_screenshot(str(stem.with_name(f"{stem.name}.{number}.png")))
        top, number = top + seen, number + 1
        if top >= all_of_it or number > 40:
            break

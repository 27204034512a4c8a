"""Lessons as a class meets them: opened and run from a new kernel in JupyterLab, in a driven browser.

    SHOTS=out/lessons pytest tests/unit/package/test_jupyterlab.py -m slow

keeps a picture of each lesson that was run. The tests are skipped where JupyterLab, selenium or Chromium is not installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from support.browser import chromium, whole_page

FOLDER = Path(__file__).parents[3] / "notebooks"
SPEC = importlib.util.spec_from_file_location("build", FOLDER / "build.py")
build = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(build)

SLIDERS = {"01_task_landscape"}
"""Lessons with sliders."""

RUN = """
window.ran = null;
(async () => {
  const app = window.jupyterapp, panel = app.shell.currentWidget;
  await panel.context.ready; await panel.sessionContext.ready;
  await app.commands.execute("notebook:run-all-cells");
  return panel.content.model.sharedModel.toJSON();
})().then(book => { window.ran = {book}; }, error => { window.ran = {error: String(error)}; });
"""
WIDE = """
const right = document.querySelector(".jp-WindowedPanel-outer").getBoundingClientRect().right;
return [...document.querySelectorAll(".jp-Cell :is(img, svg, table, .katex, mjx-container, pre)")]
  .filter(e => e.getBoundingClientRect().right > right + 1).map(e => e.tagName + e.textContent.slice(0, 60));
"""
"""What is wider than the notebook, which a reader must then move sideways."""

OPENED = "return window.jupyterapp?.shell.currentWidget?.content?.model?.cells.length > 0"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Serve both builds of all lessons by JupyterLab; the address, and the folder that is served."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    folder = tmp_path_factory.mktemp("lab")
    line = ["--student", folder / "student", "--instructor", folder / "instructor"]
    subprocess.run([sys.executable, FOLDER / "build.py", *line], check=True)
    settings = folder / "settings" / "@jupyterlab"
    for name, values in {
        "notebook-extension/tracker": {
            "windowingMode": "none"
        },  # all cells are drawn, not only those in sight
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    }.items():
        (settings / name).parent.mkdir(parents=True, exist_ok=True)
        (settings / f"{name}.jupyterlab-settings").write_text(json.dumps(values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += [
        f"--ServerApp.root_dir={folder}",
        "--IdentityProvider.token=",
        "--LabApp.expose_app_in_browser=True",
    ]
    environment = {
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
    }
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(120):
            try:
                urlopen(f"{address}api").close()
                break
            except OSError:
                time.sleep(0.5)
        yield address, folder
    finally:
        server.terminate()
        server.wait(30)


def run_all(browser: Any, address: str, seconds: int = 400) -> dict[str, Any]:
    """Open a lesson in JupyterLab, run all of its cells in a new kernel, and return the notebook with its outputs."""
    browser.get(address)
    waited_for(browser, OPENED, 60)
    browser.execute_script(RUN)
    found = waited_for(browser, "return window.ran", seconds)
    assert "error" not in found, found
    return dict(found["book"])


def waited_for(browser: Any, expression: str, seconds: int) -> Any:
    """Return what a script returns, once that is something."""
    for _ in range(2 * seconds):
        if found := browser.execute_script(expression):
            return found
        time.sleep(0.5)
    raise TimeoutError(f"{expression} gave nothing in {seconds} s")


def failures(book: dict[str, Any]) -> dict[str, str]:
    """Return what went wrong, by cell: errors, warnings, and code that was not run at all."""
    found = {}
    for cell in (cell for cell in book["cells"] if cell["cell_type"] == "code"):
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                found[cell["id"]] = f"{output['ename']}: {output['evalue']}"
            elif output.get("name") == "stderr":
                found[cell["id"]] = "".join(output["text"])
        if not cell["execution_count"]:
            found.setdefault(cell["id"], "was not run")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["student", "instructor"])
@pytest.mark.parametrize("path", build.lessons(), ids=lambda path: path.stem)
def test_a_lesson_runs_in_jupyterlab(path: Path, kind: str, lab: tuple[str, Path]) -> None:
    address, _ = lab
    with chromium(1280, 900) as browser:
        book = run_all(browser, f"{address}lab/workspaces/{path.stem}-{kind}/tree/{kind}/{path.name}")
        assert failures(book) == {}
        if path.stem in SLIDERS:
            frame = waited_for(browser, FRAME, 20)
            browser.switch_to.frame(frame)
            assert len(browser.find_elements("css selector", "#sliders input")) == 9
            browser.switch_to.default_content()
        if "SHOTS" in os.environ:  # without the list of files
            browser.execute_script("window.jupyterapp.commands.execute('application:toggle-left-area')")
            whole_page(browser, Path(os.environ["SHOTS"]) / f"{path.stem}.{kind}", ".jp-WindowedPanel-outer")
        assert browser.execute_script(WIDE) == []


@pytest.mark.slow
def test_a_lesson_that_breaks_is_noticed(lab: tuple[str, Path]) -> None:
    """A name that is not defined, and a warning."""
    address, folder = lab
    book = build.student(build.read(FOLDER / "00_one_parabola.ipynb"))
    marks = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [marks | {"id": "name", "source": "tasks"}]
    warned = marks | {"id": "warned", "source": "import warnings\nwarnings.warn('beware')"}
    for name, cell in (("name", cells[0]), ("warned", warned)):
        build.write(book | {"cells": [cell]}, folder / f"{name}.ipynb")
        with chromium() as browser:
            found = failures(run_all(browser, f"{address}lab/workspaces/{name}/tree/{name}.ipynb"))
        assert set(found) == {name}


@pytest.mark.slow
def test_sliders_and_picture_are_on_one_screen_and_move(lab: tuple[str, Path]) -> None:
    """On a screen 800 pixels high; in a drag every move of the mouse has its picture, without the kernel; the rate is printed."""
    address, folder = lab
    cell = {"cell_type": "code", "id": "explore", "metadata": {}, "outputs": [], "execution_count": None}
    cell["source"] = "import landscape as ls\n\nls.explore()"
    build.write(build.read(FOLDER / "00_one_parabola.ipynb") | {"cells": [cell]}, folder / "explore.ipynb")
    with chromium(1280, 800) as browser:
        from selenium.webdriver.common.action_chains import ActionChains

        assert failures(run_all(browser, f"{address}lab/workspaces/explore/tree/explore.ipynb")) == {}
        frame = waited_for(browser, FRAME, 20)
        browser.execute_script("arguments[0].scrollIntoView({block: 'nearest'})", frame)
        place = browser.execute_script("return arguments[0].getBoundingClientRect().toJSON()", frame)
        if "SHOTS" in os.environ:
            browser.save_screenshot(str(Path(os.environ["SHOTS"]) / "explore.png"))
        assert place["top"] >= 0
        assert place["bottom"] <= 800
        browser.switch_to.frame(frame)
        browser.execute_script(COUNT)
        drag = (
            ActionChains(browser, duration=20)
            .move_to_element(browser.find_element("id", "R"))
            .click_and_hold()
        )
        for step in (*8 * [-3], *8 * [3], *8 * [-3], *8 * [3]):
            drag.move_by_offset(step, 0)
        drag.release().perform()
        seconds, moves, pictures = browser.execute_script(
            "return [(window.last - window.moves[0]) / 1000, window.moves.length, window.pictures]"
        )
        print(f"{moves} moves, {pictures} pictures in {seconds:.2f} s: {pictures / seconds:.0f} a second")
        assert pictures >= 0.8 * moves > 20


FRAME = """
const frame = document.querySelector(".jp-OutputArea iframe");
return frame?.contentDocument?.querySelector("svg ellipse") ? frame : null;
"""

COUNT = """
window.pictures = 0; window.moves = [];
new MutationObserver(() => { window.pictures += 1; window.last = performance.now(); })
  .observe(document.querySelector("svg"), {childList: true});
document.addEventListener("pointermove", () => window.moves.push(performance.now()), true);
"""

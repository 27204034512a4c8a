"""How smooth a drag is, on the explorable page and in Jupyter: `pytest tests/benchmarks/test_explorable_speed.py --benchmark-only`."""

from importlib.resources import files
from pathlib import Path

import numpy as np
from support.browser import chromium

import landscape as ls

DRAG = """
const [name, frames, done] = arguments, slider = document.getElementById(name), costs = [], times = [];
const high = Number(slider.max), low = Number(slider.min), plain = draw;
draw = () => { const start = performance.now(); plain(); costs.push(performance.now() - start); };
const step = now => {
  times.push(now);
  if (times.length > frames) { draw = plain; done([times, costs]); return; }
  slider.value = low + (high - low) * (0.5 - 0.5 * Math.cos(times.length / 20));
  for (let event = 0; event < 3; event++) slider.dispatchEvent(new Event("input"));  // a mouse is quicker than the screen
  requestAnimationFrame(step);
};
requestAnimationFrame(step);
"""
"""Move a slider at every frame; give the frames' times and what each redraw costs, in milliseconds."""


def test_a_drag_is_redrawn_sixty_times_a_second(benchmark):
    """A redraw takes a small part of a frame (of 16.7 ms), on a desk and on a phone; the rate itself is recorded."""
    page = Path(str(files("landscape.plotting"))) / "explorable.html"
    for width, height in ((1280, 800), (390, 844)):
        with chromium(width, height) as browser:
            browser.get(page.as_uri())
            for name in ("R", "rho_easy", "m"):
                times, costs = map(np.array, browser.execute_async_script(DRAG, name, 90))
                rate = 1000 / np.median(np.diff(times[10:]))
                benchmark.extra_info[f"{width} {name}"] = (
                    f"{rate:.0f} a second, {np.median(costs):.1f} ms a redraw"
                )
                assert len(costs) <= len(times)  # three events a frame are one redraw
                assert np.median(costs) < 16.7 / 2
    benchmark.pedantic(lambda: None, rounds=1)


def test_sliders_of_explore_are_redrawn_sixty_times_a_second(benchmark, tmp_path):
    """What `explore` shows in Jupyter is drawn by the browser alone: a redraw takes a small part of a frame."""
    page = tmp_path / "page.html"
    page.write_text(ls.explore().page, encoding="utf-8")
    with chromium(1280, 800) as browser:
        browser.get(page.as_uri())
        for name in ("R", "rho_easy", "m"):
            times, costs = map(np.array, browser.execute_async_script(DRAG, name, 90))
            rate = 1000 / np.median(np.diff(times[10:]))
            benchmark.extra_info[name] = f"{rate:.0f} a second, {np.median(costs):.1f} ms a redraw"
            assert len(costs) <= len(times)
            assert np.median(costs) < 16.7 / 2
    benchmark.pedantic(lambda: None, rounds=1)

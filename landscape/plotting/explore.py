"""The landscape under sliders: a page that draws itself, in a notebook or anywhere."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from importlib.resources import files
from io import BytesIO
from itertools import cycle
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation, as_adaptation
from landscape.adaptations.gradient_steps import GradientSteps
from landscape.closed_form.hardness import least_samples
from landscape.core.parameters import Parameter, is_symbolic_record, parameters
from landscape.methods.base import Method, as_methods, labels
from landscape.methods.maml import MAML
from landscape.methods.pooled import NAL
from landscape.plotting.formulas import in_javascript
from landscape.plotting.landscapes import View, landscape_view
from landscape.plotting.planes import FAMILY_STYLES
from landscape.plotting.style import style
from landscape.tasks.environment import Environment, check_environment
from landscape.tasks.presets import HardEasy

ROUND = (1, 2, 5)
"""Leading digits of the sizes that a slider of batch sizes offers, up to a hundred times the typical ones."""

GREEK = {"alpha": "α", "lambda": "λ", "rho": "ρ", "sigma": "σ", "tau": "τ", "varepsilon": "ε"}

DASHES = {"-": "", "--": "6 3", "-.": "6 2 1 2", ":": "1 2"}
"""Matplotlib's names of dashes, in pixels."""

FINEST = 500
"""Steps that a slider has at most."""

TASKS = 80
"""Optima of tasks that are drawn."""


@dataclass(frozen=True, repr=False)
class Explorer:
    """A page with sliders, which Jupyter shows; where no page runs there is its picture.

    Attributes
    ----------
    page : str
        HTML that needs neither Python nor a network: written to a file it opens in any browser.
    view : View
        What it shows at first.
    """

    page: str
    view: View

    def __repr__(self) -> str:
        return "Explorer: sliders in Jupyter; elsewhere write its .page to a file and open that in a browser"

    @cached_property
    def picture(self) -> bytes:
        """The first picture, as PNG."""
        from matplotlib.figure import Figure  # optional: it takes 0.35 s
        from PIL import Image  # optional: only pictures need it

        figure, drawn, small = Figure((8.6, 4.3), dpi=75, layout="constrained"), BytesIO(), BytesIO()
        self.view.plot(figure.subplots(1, 2, sharex=True, sharey=True))
        figure.savefig(drawn, format="png")
        Image.open(drawn).convert("RGB").quantize(64).save(small, "png", optimize=True)
        return small.getvalue()

    def _repr_png_(self) -> bytes:
        return self.picture

    def _repr_html_(self) -> str:
        """Put the page into a frame of its own; where frames are taken out, the picture before it stays."""
        still = base64.b64encode(self.picture).decode()
        return (
            f'<div><img alt="{escape(self.view.headline())}" src="data:image/png;base64,{still}">'
            f'<iframe srcdoc="{escape(self.page)}" title="a task landscape under sliders" '
            'style="border: 0; width: 100%; max-width: 820px; height: 640px"></iframe></div>'
        )


def explore(
    environment: Environment | None = None,
    adaptation: Adaptation | float | None = None,
    methods: Method | Sequence[Method] | None = None,
) -> Explorer:
    """Show the landscape picture with a slider for each parameter, redrawn as they move.

    The window and the levels of the contours stay until "fit" is pressed: what moves is the landscape. The
    formulas are written out once, for symbols, and the browser computes with them: no kernel is asked, and the
    sliders of a notebook that is only read move as well.

    Parameters
    ----------
    environment : Environment, optional
        Where to start; a `HardEasy` in two dimensions by default. Each parameter that it declares gets a
        slider over its typical range. Of more than two dimensions the first two are shown.
    adaptation : Adaptation or float, optional
        Where the adaptation's sliders start.
    methods : Method or sequence of Method, optional
        NAL and MAML trained for the adaptation by default.

    Returns
    -------
    Explorer
        Show it as the last line of a cell; its ``page`` is an HTML file.

    Raises
    ------
    ValueError
        If a parameter is a symbol, d = 1, covariances are not diagonal, or there are more than 25 steps, whose formulas
        are too long: then `plot_series` draws the picture at values of one parameter.
    NoClosedForm
        If the risk of the adaptation is not known as a formula of its parameters.

    Examples
    --------
    >>> from landscape import HardEasy
    >>> shown = explore(HardEasy(d=2, R=1.0))
    >>> shown.page.startswith("<!doctype html>")
    True
    """
    tasks = (
        HardEasy(d=2, R=3.0, r_hard=0.3, r_easy=0.6)
        if environment is None
        else check_environment(environment)
    )
    adapt = GradientSteps(1.0, 50) if adaptation is None else as_adaptation(adaptation)
    given = as_methods([NAL(), MAML()] if methods is None else methods)
    if is_symbolic_record(tasks) or is_symbolic_record(adapt):
        raise ValueError("sliders need numbers for all parameters: replace the symbols by values to start at")
    view = landscape_view(tasks, adapt, given, samples=TASKS)
    movable = [(thing, p) for thing in (tasks, adapt) for p in parameters(thing) if p.grid]
    usual = isinstance(tasks, HardEasy) and isinstance(adapt, GradientSteps)
    presets = {"start": {p.name: getattr(thing, p.name) for thing, p in movable}}
    presets |= hard_easy_presets(tasks.d) if usual else {}
    scene = {
        "sliders": [
            _slider(p, [preset[p.name] for preset in presets.values() if p.name in preset])
            for _, p in movable
        ],
        "presets": presets,
        "m": getattr(adapt, "m", None),
        "families": [
            {"name": name, "colour": colour, "marker": marker}
            for name, (colour, marker) in zip(view.families, cycle(FAMILY_STYLES), strict=False)
        ],
        "methods": [_look(label, labels(given)) for label in labels(given)],
        "draws": np.random.default_rng(0).standard_normal((len(view.families), TASKS, 2)).round(3).tolist(),
    }
    # A script ends at the first "</", wherever it stands; JavaScript knows Infinity.
    known = f"const SCENE = {json.dumps(scene, ensure_ascii=False)};".replace("</", r"<\/")
    template = files("landscape.plotting").joinpath("explore.html").read_text(encoding="utf-8")
    try:
        formulas = in_javascript(tasks, adapt, given)
    except ValueError as problem:
        first = next((p.name for p in parameters(adapt) if p.grid), "alpha")
        problem.add_note(
            "explore() writes formulas for symbols; plot_series(environment, adaptation, "
            f"{first!r}, [...]) draws what has none"
        )
        raise
    return Explorer(template.replace("/*MODEL*/", f"{known}\n{formulas}"), view)


def _look(label: str, among: Sequence[str]) -> dict[str, str]:
    """The colour, dashes and marker that a method has everywhere, as the page draws them."""
    colour, dashes, marker = style(label, among)
    dash = DASHES[dashes] if isinstance(dashes, str) else " ".join(map(str, dashes[1]))
    return {"label": label, "colour": colour, "dashes": dash, "marker": marker}


def _slider(p: Parameter, values: list[float]) -> dict[str, Any]:
    """A slider over a parameter's typical range, which where it starts and the presets belong to.

    It moves over a list: a slider of numbers would round those that are no multiple of its step.
    """
    low, high = min(*p.typical, *values), max(*p.typical, *(v for v in values if np.isfinite(v)))
    if p.domain.infinite:
        sizes = {float(digit * 10**k) for k in range(9) for digit in ROUND}
        offered = {size for size in sizes if low <= size <= 100 * p.typical[1]} | {np.inf}
    else:
        step = round_step((high - low) / FINEST, least=1.0 if p.domain.whole else 0.01)
        steps = range(round(np.ceil(low / step)), round(np.floor(high / step)) + 1)
        offered = {round(k * step, 9) for k in steps} | set(p.typical)
    named = as_text(p.symbol) if p.symbol else p.name
    return {
        "name": p.name,
        "symbol": re.sub(r"_(\w+)", r"<sub>\1</sub>", escape(named)),
        "label": p.label,
        "values": sorted(offered | set(map(float, values))),
    }


def as_text(symbol: str) -> str:
    r"""Write a declared symbol, such as \rho_H or \sigma^2, in plain letters."""
    return re.sub(r"\\([a-z]+)", lambda name: GREEK.get(name[1], name[1]), symbol).replace("^2", "²")


def round_step(least_wanted: float, least: float) -> float:
    """Choose a step of 1, 2 or 5 times a power of ten that is not below what is wanted, nor below `least`."""
    power = 10.0 ** np.floor(np.log10(max(least_wanted, least)))
    return float(max(least, next(f * power for f in (1, 2, 5, 10) if f * power >= least_wanted * (1 - 1e-9))))


def hard_easy_presets(d: int) -> dict[str, dict[str, float]]:
    """Values of a `HardEasy` and of a gradient step at which something is to be seen.

    At the step size 1/rho_easy and on all data MAML sits at the hard tasks, and its gain over pooled training
    is 1 + R^2/((1 + x)^2 r_hard) with x = rho_hard/rho_easy: ten times.
    """
    usual = {
        "rho_hard": 0.1,
        "rho_easy": 1.0,
        "R": 3.0,
        "r_hard": 0.3,
        "r_easy": 0.3,
        "alpha": 1.0,
        "m": 200.0,
    }
    usual |= {"p_hard": 0.5, "noise": 0.0}
    return {
        "MAML gains ten times": usual | {"r_hard": 3.0**2 / 1.1**2 / (10 - 1), "m": np.inf},
        "no gain: equally hard": usual | {"rho_hard": 0.5, "rho_easy": 0.5},
        "no gain: hard tasks disagree": usual | {"R": 0.6, "r_hard": 2.0},
        "the window closes": usual | {"rho_hard": 0.36, "m": float(least_samples(d) - 1)},
    }

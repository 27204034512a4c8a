"""The landscape under sliders, in Jupyter."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation, as_adaptation
from landscape.adaptations.gradient_steps import GradientSteps
from landscape.analysis.compare import compare
from landscape.closed_form.hardness import least_samples
from landscape.core.errors import LandscapeWarning
from landscape.core.parameters import Parameter, is_symbolic_record, parameters
from landscape.methods.base import Method, as_methods
from landscape.methods.maml import MAML
from landscape.methods.pooled import NAL
from landscape.plotting.landscapes import View, landscape_view
from landscape.plotting.svg import draw_svg, first_level, fitted, outside, round_step
from landscape.tasks.environment import Environment, check_environment
from landscape.tasks.presets import HardEasy

ROUND = (1, 2, 5)
"""Leading digits of the sizes that a slider of batch sizes offers, up to a hundred times the typical ones."""

FINEST = 500
"""Steps that a slider has at most."""

Values = dict[str, float]
"""Parameters by name: those of the environment and of the adaptation."""


def explore(
    environment: Environment | None = None,
    adaptation: Adaptation | float | None = None,
    methods: Method | Sequence[Method] | None = None,
) -> Any:
    """Show the landscape picture with a slider for each parameter, redrawn as they move.

    The window and the levels of the contours stay until "fit" is pressed: what moves is the landscape.

    Parameters
    ----------
    environment : Environment, optional
        Where to start; a `HardEasy` in two dimensions by default. Each parameter that it declares gets a
        slider over its typical range.
    adaptation : Adaptation or float, optional
        Where the adaptation's sliders start.
    methods : Method or sequence of Method, optional
        NAL and MAML trained for the adaptation by default.

    Returns
    -------
    ipywidgets.VBox
        Show it as the last line of a cell; where no kernel runs it is the picture alone. It has ``sliders`` by
        name, ``fit()``, ``choose(preset)`` of ``presets``, ``draw()`` by hand, and ``svg``, the picture.

    Raises
    ------
    ImportError
        Without ipywidgets, which the extra ``notebooks`` installs.
    ValueError
        If a parameter is a symbol, or d = 1.

    Examples
    --------
    >>> explore(HardEasy(d=2))  # doctest: +SKIP
    """
    try:
        import ipywidgets as widgets  # optional: the extra "notebooks" installs it
    except ImportError:
        raise ImportError("explore() needs ipywidgets: pip install 'task-landscape[notebooks]'") from None

    tasks = (
        HardEasy(d=2, R=3.0, r_hard=0.3, r_easy=0.6)
        if environment is None
        else check_environment(environment)
    )
    adapt = GradientSteps(1.0, 50) if adaptation is None else as_adaptation(adaptation)
    scene = Scene(tasks, adapt, as_methods([NAL(), MAML()] if methods is None else methods))

    class Explorer(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
        """The sliders and the picture; of static outputs, the picture."""

        def _repr_mimebundle_(self, **kwargs: Any) -> Any:
            picture = {"image/svg+xml": scene.svg} if scene.svg else {}
            return {**super()._repr_mimebundle_(**kwargs), **picture}

    starts = scene.presets["start"]
    sliders = {p.name: _slider(widgets, p, _values_of(scene, p.name)) for p in scene.parameters}
    picture, said = widgets.HTML(), widgets.HTML()
    held = False

    def draw(_change: Any = None) -> None:
        if not held:
            said.value = scene.draw({name: slider.value for name, slider in sliders.items()})
            picture.value = box.svg = scene.svg

    @contextmanager
    def one_redraw() -> Any:
        """Many changes, drawn once."""
        nonlocal held
        held = True
        try:
            yield
        finally:
            held = False
            draw()

    def choose(preset: str) -> None:
        with one_redraw():
            for name, value in (starts | scene.presets[preset]).items():
                sliders[name].value = value

    def fit() -> None:
        scene.fit()
        draw()

    def button(text: str, tip: str, press: Callable[[], None]) -> Any:
        made = widgets.Button(description=text, tooltip=tip, layout={"width": "auto"})
        made.on_click(lambda _: press())
        return made

    buttons = [button("fit", "a window and contours for what is shown now", fit)]
    buttons += [
        button(name, _shown(starts | preset), partial(choose, name)) for name, preset in scene.presets.items()
    ]
    columns = {"grid_template_columns": "repeat(auto-fit, minmax(15em, 1fr))"}
    row = widgets.HBox(buttons, layout={"flex_flow": "row wrap"})
    box = Explorer([row, widgets.GridBox(list(sliders.values()), layout=columns), picture, said])
    box.layout.max_width = "900px"
    box.sliders, box.presets, box.choose, box.fit, box.draw = sliders, list(scene.presets), choose, fit, draw
    for slider in sliders.values():
        slider.observe(draw, "value")
    draw()
    return box


class Scene:
    """What is shown: the environment and adaptation where the sliders stand, in a window that stays.

    Parameters
    ----------
    environment : Environment
    adaptation : Adaptation
    methods : list of Method

    Attributes
    ----------
    svg : str
        The picture drawn last; "" before.
    presets : dict of str to dict
        Values worth a look, "start" first.
    """

    def __init__(self, environment: Environment, adaptation: Adaptation, methods: list[Method]) -> None:
        self.environment, self.adaptation, self.methods = environment, adaptation, methods
        if is_symbolic_record(environment) or is_symbolic_record(adaptation):
            raise ValueError(
                "sliders need numbers for all parameters: replace the symbols by values to start at"
            )
        if environment.d < 2:
            raise ValueError(f"a picture needs d >= 2, got d = {environment.d}")
        movable = [(thing, p) for thing in (environment, adaptation) for p in parameters(thing) if p.grid]
        self.parameters = [p for _, p in movable]
        start = {p.name: getattr(thing, p.name) for thing, p in movable}
        usual = isinstance(environment, HardEasy) and isinstance(adaptation, GradientSteps)
        self.presets: dict[str, Values] = {"start": start} | (
            hard_easy_presets(environment.d) if usual else {}
        )
        self.svg = ""
        self._frame: View | None = None
        self._level = 1.0

    def fit(self) -> None:
        """Choose the window and the levels anew when next drawn."""
        self._frame = None

    def draw(self, values: Values) -> str:
        """Draw the picture at given values; return what there is to say about it, as HTML."""

        def moved(thing: Any) -> Any:
            return replace(thing, **{p.name: values[p.name] for p in parameters(thing) if p.grid})

        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", LandscapeWarning)
                environment, adaptation = moved(self.environment), moved(self.adaptation)
                view = landscape_view(environment, adaptation, self.methods, resolution=2, within=self._frame)
                table = compare(environment, self.methods, adaptation)
        except ValueError as problem:  # the picture before it stays
            return f"<b>{escape(str(problem))}</b>"
        if self._frame is None:
            view = self._frame = fitted(view)
            self._level = first_level(view)
        first, last = table.labels[0], table.labels[-1]
        gain = f"gain of {last} over {first}: {float(table.gain(last, first)):.3g}"
        risks = ", ".join(f"{name} {float(table.risk(name).above_noise):.3g}" for name in table.labels)
        self.svg = draw_svg(view, gain, f"risk above the noise floor: {risks}", self._level)
        words = []
        if getattr(environment, "rho_hard", 0) > getattr(environment, "rho_easy", np.inf):
            words.append("<b>hard and easy are swapped</b>: the tasks called hard are the steeper ones")
        if left_out := outside(view):
            words.append(f"points outside the window: {left_out} (press fit)")
        words += [f"<i>{escape(str(warning.message))}</i>" for warning in caught[:1]]
        return "<br>".join(words)


def hard_easy_presets(d: int) -> dict[str, Values]:
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


def _values_of(scene: Scene, name: str) -> list[float]:
    """The values of a parameter that its slider must reach, where it starts first."""
    return [preset[name] for preset in scene.presets.values() if name in preset]


def _shown(values: Values) -> str:
    return ", ".join(f"{name} = {value:g}" for name, value in values.items())


def _slider(widgets: Any, p: Parameter, values: list[float]) -> Any:
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
    options = [("∞" if np.isinf(x) else f"{x:.4g}", x) for x in sorted(offered | set(map(float, values)))]
    return widgets.SelectionSlider(
        options=options,
        value=float(values[0]),
        description=f"${p.symbol}$" if p.symbol else p.name,
        tooltip=p.label,
        style={"description_width": "2.5em"},
        layout={"width": "auto"},
    )

"""The landscape under sliders, in Jupyter."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation, as_adaptation
from landscape.adaptations.gradient_steps import GradientSteps
from landscape.core.parameters import Parameter
from landscape.methods.base import Method, as_methods
from landscape.methods.maml import MAML
from landscape.methods.pooled import NAL
from landscape.plotting.scene import Scene, Values
from landscape.plotting.svg import round_step
from landscape.tasks.environment import Environment, check_environment
from landscape.tasks.presets import HardEasy

ROUND = (1, 2, 5)
"""Leading digits of the sizes that a slider of batch sizes offers, up to a hundred times the typical ones."""

GREEK = {"alpha": "α", "lambda": "λ", "rho": "ρ", "sigma": "σ", "tau": "τ", "varepsilon": "ε"}

FINEST = 500
"""Steps that a slider has at most."""


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
        description=as_text(p.symbol) if p.symbol else p.name,  # Jupyter typesets no LaTeX in a label
        tooltip=p.label,
        style={"description_width": "2.5em"},
        layout={"width": "auto"},
    )


def as_text(symbol: str) -> str:
    r"""Write a declared symbol, such as \rho_H or \sigma^2, in plain letters."""
    return re.sub(r"\\([a-z]+)", lambda name: GREEK.get(name[1], name[1]), symbol).replace("^2", "²")

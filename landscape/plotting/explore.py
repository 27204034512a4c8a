"""The landscape under sliders, in Jupyter."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from landscape.adaptations.base import Adaptation, as_adaptation
from landscape.adaptations.gradient_steps import GradientSteps
from landscape.analysis.compare import compare
from landscape.core.errors import LandscapeWarning
from landscape.core.parameters import Parameter, Record, parameters
from landscape.methods.base import Method, as_methods
from landscape.methods.maml import MAML
from landscape.methods.pooled import NAL
from landscape.plotting.landscapes import landscape_view
from landscape.tasks.environment import Environment, check_environment
from landscape.tasks.presets import HardEasy

T = TypeVar("T")

ROUND = (1, 2, 5)
"""Leading digits of the sizes that a slider of batch sizes offers, up to a hundred times the typical ones."""


def explore(
    environment: Environment | None = None,
    adaptation: Adaptation | float | None = None,
    methods: Method | Sequence[Method] | None = None,
) -> Any:
    """Show the landscape picture with a slider for each parameter, redrawn as they move.

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
        Show it as the last line of a cell. Its ``draw()`` redraws by hand.

    Raises
    ------
    ImportError
        Without ipywidgets, which the extra ``notebooks`` installs.

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
    of_tasks, of_adaptation = _sliders(widgets, tasks), _sliders(widgets, adapt)
    image, line = widgets.Image(format="png"), widgets.HTML()

    def draw(_change: Any = None) -> None:
        image.value, line.value = picture(_moved(tasks, of_tasks), _moved(adapt, of_adaptation), methods)

    sliders = of_tasks | of_adaptation
    for slider in sliders.values():
        slider.observe(draw, "value")
    draw()
    columns = widgets.GridBox(list(sliders.values()), layout={"grid_template_columns": "repeat(2, 24em)"})
    box = widgets.VBox([columns, line, image])
    box.draw, box.sliders = draw, sliders
    return box


def _sliders(widgets: Any, thing: Record) -> dict[str, Any]:
    """A slider for each parameter of a record that may vary."""
    return {p.name: _slider(widgets, p, getattr(thing, p.name)) for p in parameters(thing) if p.grid}


def _moved(thing: T, sliders: dict[str, Any]) -> T:
    """The record where the sliders are."""
    return replace(thing, **{name: slider.value for name, slider in sliders.items()})  # type: ignore[type-var]


def _slider(widgets: Any, p: Parameter, value: float) -> Any:
    """A slider over a parameter's typical range, which where it starts belongs to."""
    look = {
        "description": f"${p.symbol}$" if p.symbol else p.name,
        "tooltip": p.label,
        "continuous_update": True,
    }
    low, high = min(*p.typical, value), max(*p.typical, value)
    if p.domain.infinite:
        sizes = {
            float(digit * 10**k)
            for k in range(9)
            for digit in ROUND
            if low <= digit * 10**k <= 100 * p.typical[1]
        }
        options = [(f"{size:g}", size) for size in sorted(sizes | {float("inf"), float(value)})]
        return widgets.SelectionSlider(options=options, value=value, **look)
    if p.domain.whole:
        return widgets.IntSlider(value=value, min=low, max=high, **look)
    return widgets.FloatSlider(value=value, min=low, max=high, step=0.01, **look)


def picture(
    environment: Environment, adaptation: Adaptation, methods: Method | Sequence[Method] | None = None
) -> tuple[bytes, str]:
    """Draw the picture as PNG, and write the numbers below it as HTML.

    Returns
    -------
    png : bytes
    html : str
    """
    from matplotlib.figure import Figure  # optional: it takes 0.35 s

    given = as_methods([NAL(), MAML()] if methods is None else methods)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", LandscapeWarning)
            view = landscape_view(environment, adaptation, given, resolution=48)
            table = compare(environment, given, adaptation)
    except ValueError as problem:
        return b"", f"<b>{problem}</b>"
    figure = Figure(figsize=(8.6, 4.5), dpi=80)
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    figure.subplots_adjust(left=0.07, right=0.99, top=0.93, bottom=0.2, wspace=0.05)
    view.plot(axes=axes)
    out = io.BytesIO()
    figure.savefig(out)
    first, last = table.labels[0], table.labels[-1]
    risks = ", ".join(f"{name} {table.risk(name).above_noise:.3g}" for name in table.labels)
    gain = f"; gain of {last} over {first}: <b>{table.gain(last, first):.3g}</b>"
    warned = "".join(f"<br><i>{warning.message}</i>" for warning in caught[:1])
    return out.getvalue(), f"risk above the noise floor: {risks}{gain}{warned}"

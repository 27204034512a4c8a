"""What stands under the sliders of `explore`: an environment and an adaptation, in a window that stays."""

from __future__ import annotations

import warnings
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation
from landscape.adaptations.gradient_steps import GradientSteps
from landscape.analysis.compare import compare
from landscape.closed_form.hardness import least_samples
from landscape.core.errors import LandscapeWarning
from landscape.core.parameters import is_symbolic_record, parameters
from landscape.methods.base import Method
from landscape.plotting.landscapes import View, landscape_view
from landscape.plotting.svg import draw_svg, first_level, fitted, outside
from landscape.tasks.environment import Environment
from landscape.tasks.presets import HardEasy

Values = dict[str, float]
"""Parameters by name: those of the environment and of the adaptation."""


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

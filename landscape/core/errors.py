"""Warnings and errors of the package, and how they point at the user's own line."""

import sys
import warnings


class LandscapeWarning(UserWarning):
    """The numbers are right, but they may not mean what one thinks."""


class NoClosedForm(ValueError):
    """The quantity is defined, but no exact formula for it is known, and nothing was to be drawn, or it can not."""


BY_DRAWING = "for numbers risk, gain, compare, optimum and family_risks estimate it by drawing, and risk_landscape with draws="
"""What to do about `NoClosedForm` of a risk."""

NEEDS_ENVIRONMENT = (
    "needs the environment beside a task's samples: judge it by risk, gain, compare or family_risks"
)
"""What to do with an adaptation that one cannot carry out on samples alone."""

OVERFLOW = (
    "the result overflows: some argument is too large to compute with (an inner step multiplies by "
    "(1 - alpha * curvature)^2, and steps repeat it)"
)


def warn(message: str) -> None:
    """Give a `LandscapeWarning` that points at the line which called the package.

    Keep the text free of values that vary continuously: Python shows a text once, so a text with the value
    of alpha in it would be shown at every call of an optimiser.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "landscape":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, LandscapeWarning, stacklevel=level)

"""Running somebody's training routine, and looking closely at where it ends."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from landscape.checker.calling import HUGE, UnusableAnswer, as_array, exits, judged_by_its_answer
from landscape.checker.episodes import Episodes
from landscape.core import Array, bar


def trained_points(
    train: Callable[..., Any], alpha: float, d: int, samplers: Sequence[Episodes], progress: bool
) -> Array:
    """The trained points (repeats, d)."""
    points = np.empty((len(samplers), d))
    for r, draw in enumerate(bar(samplers, progress, desc="training")):
        try:
            with judged_by_its_answer():
                answer = train(draw, alpha)
        except SystemExit as error:
            raise exits(error) from error
        except Exception as error:
            what = f"raises {type(error).__name__}: {error}"
            raise UnusableAnswer(what, "run train(draw, alpha) by itself", False) from error
        points[r] = _point(answer, d)
    if min(draw.count for draw in samplers) == 0:
        raise UnusableAnswer(
            "never calls draw()", "each call of draw() gives the two batches of a new task", False
        )
    spread = np.cov(points.T).reshape(d, -1)
    if np.ptp(points) < 1 / HUGE or np.linalg.matrix_rank(spread) < d:
        looks = "the trained point does not depend on the tasks drawn"
        raise UnusableAnswer("returns points that do not scatter", looks, True)
    return points


def _point(answer: Any, d: int) -> Array:
    """A trained point, shape (d,)."""
    try:
        with judged_by_its_answer():
            point = as_array(answer)
    except Exception:  # whatever a framework raises when it is asked for an array
        point = np.empty(0)
    if point.size != d:
        wanted = f"the trained point must have shape ({d},)"
        raise UnusableAnswer(f"returns {type(answer).__name__} of shape {point.shape}", wanted, True)
    if not (np.abs(point) < HUGE).all():  # NaN is not
        looks = "training diverges: a sign, a sum for a mean, or too large a step"
        raise UnusableAnswer(f"returns NaN, infinity or numbers beyond {HUGE:g}", looks, True)
    return point.ravel()

"""One task's update direction, for every method: chosen by the method's type."""

from functools import singledispatch

import numpy as np

from landscape.methods import FOMAML, HFMAML, MAML, NAL, Reptile


@singledispatch
def direction(method, w, draw, options):
    """What one task adds to the step.

    Parameters
    ----------
    method : Method
    w : ndarray, shape (d,)
    draw : callable
        "in", "o" or "h" -> the task's loss on a fresh batch for that use, counted.
    options : Options

    Returns
    -------
    ndarray, shape (d,)
    """
    raise TypeError(
        f"train knows NAL, MAML, FO-MAML, HF-MAML, Reptile and BI-MAML, not {type(method).__name__}"
    )


@direction.register
def _nal(method: NAL, w, draw, options):
    return draw("o").gradient(w)


def _descend(method, w, draw):
    """The points at which inner gradients are taken, the adapted point last, and the batches used."""
    points, batches = [w], []
    for step in range(method.steps):
        batches.append(batches[0] if step and method.batches == "same" else draw("in"))
        points.append(points[-1] - method.alpha * batches[-1].gradient(points[-1]))
    return points, batches


@direction.register
def _maml(method: MAML, w, draw, options):
    points, batches = _descend(method, w, draw)
    g = draw("o").gradient(points[-1])
    for point, batch in zip(
        points[-2::-1], reversed(batches), strict=True
    ):  # the chain rule, last step first
        hessian = batch if method.hessian == "shared" else draw("h")
        Hg = hessian.hessian_times(point, g) if options.products else hessian.hessian(point) @ g
        g = g - method.alpha * Hg
    return g


@direction.register
def _fomaml(method: FOMAML, w, draw, options):
    points, _ = _descend(method, w, draw)
    return draw("o").gradient(points[-1])


@direction.register
def _hfmaml(method: HFMAML, w, draw, options):
    adapted = w - method.alpha * draw("in").gradient(w)
    g = draw("o").gradient(adapted)
    size = np.linalg.norm(g)
    if size == 0:
        return g
    delta, other = options.delta(method.alpha, size), draw("h")
    product = (other.gradient(w + delta * g) - other.gradient(w - delta * g)) / (2 * delta)
    return g - method.alpha * product


@direction.register
def _reptile(method: Reptile, w, draw, options):
    points, _ = _descend(method, w, draw)
    return w - points[-1]

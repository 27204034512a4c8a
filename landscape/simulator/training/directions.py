"""One task's update direction on losses of any kind: the methods that `train` knows, by their type.

The adaptations' own `adapt` serves quadratic losses only, whose Hessian is the same everywhere; here it
depends on the point, so that gradient steps are taken anew.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Protocol, TypeAlias

import numpy as np

from landscape.adaptations import GradientSteps
from landscape.core import Array
from landscape.methods import FOMAML, HFMAML, MAML, NAL, InnerMethod, Method, Reptile


class Derivatives(Protocol):
    """What a step takes of a loss on a batch."""

    def gradient(self, w: Array) -> Array: ...
    def hessian(self, w: Array) -> Array: ...
    def hessian_times(self, w: Array, v: Array) -> Array: ...


Draw: TypeAlias = Callable[[str], Derivatives]
""""in", "o" or "h" -> the task's loss on a fresh batch for that use."""


@dataclass(frozen=True)
class Options:
    """How derivatives of second order are taken."""

    products: bool
    fixed_delta: float | None
    rho: float

    def delta(self, alpha: float, size: float) -> float:
        """Return the half-width of the difference: 1/(6 rho alpha ||g||), Theorem 4.17's rule; any does on quadratics."""
        if self.fixed_delta is not None:
            return self.fixed_delta
        if self.rho * alpha == 0:
            return 1 / size
        return 1 / (6 * self.rho * abs(alpha) * size)


@singledispatch
def direction(method: Method, w: Array, draw: Draw, options: Options) -> Array:
    """Compute what one task adds to the step.

    Parameters
    ----------
    method : Method
    w : array, shape (d,)
    draw : callable
    options : Options

    Returns
    -------
    array, shape (d,)
    """
    raise TypeError(UNKNOWN.format(type(method).__name__))


UNKNOWN = "train knows NAL, MAML, FO-MAML, HF-MAML, Reptile and BI-MAML with gradient steps inside, not {}"


def inner_steps(method: Method) -> GradientSteps:
    """Return the gradient steps inside a method; a step of length 0 where it has no inner adaptation."""
    if not isinstance(method, InnerMethod):
        return GradientSteps(0.0)
    inner = method.adaptation
    if not isinstance(inner, GradientSteps):
        raise TypeError(UNKNOWN.format(repr(method)))
    return inner


def _descend(inner: GradientSteps, w: Array, draw: Draw) -> tuple[list[Array], list[Derivatives]]:
    """The points at which inner gradients are taken, the adapted point last, and the batches used."""
    points, batches = [w], list[Derivatives]()
    for step in range(inner.steps):
        batches.append(batches[0] if step and inner.batches == "same" else draw("in"))
        points.append(points[-1] - inner.alpha * batches[-1].gradient(points[-1]))
    return points, batches


@direction.register
def _nal(method: NAL, w: Array, draw: Draw, options: Options) -> Array:
    return draw("o").gradient(w)


@direction.register
def _maml(method: MAML, w: Array, draw: Draw, options: Options) -> Array:
    inner = inner_steps(method)
    points, batches = _descend(inner, w, draw)
    g = draw("o").gradient(points[-1])
    for point, batch in zip(
        points[-2::-1], reversed(batches), strict=True
    ):  # the chain rule, last step first
        hessian = batch if method.hessian == "shared" else draw("h")
        Hg = hessian.hessian_times(point, g) if options.products else hessian.hessian(point) @ g
        g = g - inner.alpha * Hg
    return g


@direction.register
def _fomaml(method: FOMAML, w: Array, draw: Draw, options: Options) -> Array:
    points, _ = _descend(inner_steps(method), w, draw)
    return draw("o").gradient(points[-1])


@direction.register
def _hfmaml(method: HFMAML, w: Array, draw: Draw, options: Options) -> Array:
    alpha = float(inner_steps(method).alpha)
    adapted = w - alpha * draw("in").gradient(w)
    g = draw("o").gradient(adapted)
    size = float(np.linalg.norm(g))
    if size == 0:
        return g
    delta, other = options.delta(alpha, size), draw("h")
    product = (other.gradient(w + delta * g) - other.gradient(w - delta * g)) / (2 * delta)
    return g - alpha * product


@direction.register
def _reptile(method: Reptile, w: Array, draw: Draw, options: Options) -> Array:
    points, _ = _descend(inner_steps(method), w, draw)
    return w - points[-1]

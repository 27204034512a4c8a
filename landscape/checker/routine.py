r"""What a piece of code may compute, as a few choices, and the meta-gradient that follows from them.

With the gradients :math:`g(v) = Hv - b` of the losses on the two batches, MAML with k inner steps is

.. math:: v_0 = w,\quad v_{j+1} = v_j - \alpha\, g_{in}(v_j), \qquad
          (I - \alpha H_{in})^k\, g_{out}(v_k),

the chain rule applied to the outer loss at v_k. Every other method, and every bug that is known by name,
changes one of these choices: a batch, a factor, a point, or how much of the chain rule is kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from landscape.checker.probes import Probes
from landscape.core import Array

FACTORS: dict[str, Callable[[Probes], float | Array]] = {
    "2": lambda p: 2.0,
    "1/2": lambda p: 0.5,
    "-1": lambda p: -1.0,
    "n_in": lambda p: p.n_in,
    "1/n_in": lambda p: 1 / p.n_in,
    "n_out": lambda p: p.n_out,
    "1/n_out": lambda p: 1 / p.n_out,
    "n_in/n_out": lambda p: p.n_in / p.n_out,
    "n_out/n_in": lambda p: p.n_out / p.n_in,
    "alpha": lambda p: p.alpha,
    "1/alpha": lambda p: 1 / p.alpha,
}


@dataclass(frozen=True)
class Routine:
    """The choices.

    Attributes
    ----------
    steps : int
        Inner steps; 0 is a plain gradient.
    tracked : int or None
        How many of the inner steps, counted from the last, the chain rule goes through: None all of them
        (MAML), 0 none (FO-MAML).
    returns : {"gradient", "displacement", "zero"}
        The outer gradient, w - v_k (Reptile), or nothing that depends on w.
    inner, outer, hessian : str
        Batches (see `probes.BATCHES`) of the inner gradients, of the outer one and of the Hessian in the
        chain rule; ``hessian=None`` is the inner one.
    step, bend, outside : tuple of str
        Factors on alpha in the inner step, on alpha in the chain rule, and on the result.
    at : {"adapted", "start", "behind"}
        Where the outer gradient is taken: v_k, w, or v_(k-1).
    inner_at : {"current", "start"}
        Where the inner gradients are taken: v_j or w.
    broadcast_inner, broadcast_outer : bool
        Whether targets of shape (n, 1) meet predictions of shape (n,).
    adds_inner : bool
        Whether the inner losses' own gradients with respect to w are added to the result.
    """

    steps: int = 1
    tracked: int | None = None
    returns: str = "gradient"
    inner: str = "X_in"
    outer: str = "X_out"
    hessian: str | None = None
    step: tuple[str, ...] = ()
    bend: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    at: str = "adapted"
    inner_at: str = "current"
    broadcast_inner: bool = False
    broadcast_outer: bool = False
    adds_inner: bool = False

    @property
    def chain(self) -> int:
        """Steps that the chain rule goes through."""
        return self.steps if self.tracked is None else self.tracked


def _product(names: Sequence[str], probes: Probes) -> Array:
    factor: Array = np.ones(len(probes))
    for name in names:
        factor = factor * FACTORS[name](probes)
    return factor[:, None]


def meta_gradient(routine: Routine, probes: Probes) -> Array:
    """Compute what the routine returns on each problem, shape (P, d)."""
    inner, outer = probes.batch(routine.inner), probes.batch(routine.outer)
    curved = probes.batch(routine.hessian or routine.inner)
    step, bend = (probes.alpha[:, None] * _product(names, probes) for names in (routine.step, routine.bend))
    points: list[Array] = [probes.w]
    gradients: list[Array] = []
    for _ in range(routine.steps):
        where = points[-1] if routine.inner_at == "current" else probes.w
        gradients.append(inner.gradient(where, routine.broadcast_inner))
        points.append(points[-1] - step * gradients[-1])
    outside = _product(routine.outside, probes)
    if routine.returns == "zero":
        return np.zeros_like(probes.w)
    if routine.returns == "displacement":
        return outside * (probes.w - points[-1])
    at = {"adapted": points[-1], "start": probes.w, "behind": points[max(routine.steps - 1, 0)]}[routine.at]

    def back(g: Array, steps: int) -> Array:
        """Apply the chain rule through so many inner steps."""
        if routine.inner_at == "start":  # v_k = w - alpha sum of gradients at w: one factor, not a product
            return g - steps * bend * curved.times(g)
        for _ in range(steps):
            g = g - bend * curved.times(g)
        return g

    result = back(outside * outer.gradient(at, routine.broadcast_outer), routine.chain)
    if routine.adds_inner:
        result = result + sum(back(g, min(j, routine.chain)) for j, g in enumerate(gradients))
    return result

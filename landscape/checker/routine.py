r"""What a piece of code may compute, as a few choices.

With the gradients :math:`g(v) = Hv - b` of the losses on the two batches, MAML with k inner steps is

.. math:: v_0 = w,\quad v_{j+1} = v_j - \alpha\, g_{in}(v_j), \qquad
          (I - \alpha H_{in})^k\, g_{out}(v_k),

the chain rule applied to the outer loss at v_k. Every other method, and every bug that is known by name,
changes one of these choices: a batch, a factor, a point, or how much of the chain rule is kept. iMAML's inner
problem with a pull of strength 1/alpha is the implicit step :math:`v = w - \alpha\, g_{in}(v)`, with
:math:`(I + \alpha H_{in})^{-1}` in both places.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
        Batches (see `batches.BATCHES`) of the inner gradients, of the outer one and of the Hessian in the
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
    solve : {"", "exact", "m iterations"}
        iMAML: whether inner steps are implicit, and after how many iterations of conjugate gradients the way
        back through them ends.
    adapts : tuple of int, or None
        ANIL: the coordinates that the inner steps move; None is all.
    losses : {"last", "sum", "mean"}
        MAML++: the outer loss after the last inner step, or after each of them.
    parts : bool
        Whether each inner step takes a part of the inner batch of its own, in turn.
    optimiser : {"sgd", "adam", "sign"}
        Of the inner steps.
    view : str
        What the model makes of its inputs first (see `batches.VIEWS`).
    late : bool
        Whether steps by coordinate stand on the wrong side of the Hessian in the chain rule.
    across : {"mean", "sum", "1/k twice", "first", "last", "carried", "pooled", "pooled inner"}
        What becomes of a meta-batch of k tasks.
    momentum : float
        Of the inner steps.
    decay, decay_step, decay_outer, decay_result : float
        Weight decay: in the inner loss, in the inner step without its derivative, in the outer loss (at v_k),
        and as a multiple of w that is added to the result.
    factor_step, factor_bend, factor_result : float
        Beside `step`, `bend` and `outside`.
    fixed_step, fixed_bend : float
        What stands for alpha, whatever is passed; 0 is alpha.
    huber_inner, huber_outer : float
        Beyond which residual the loss is linear.
    clip_norm, clip_norm_through, clip_value : float
        Limits of the inner gradient: of its norm (as a constant to the chain rule, or not), of each entry.
    result_norm, result_value : float
        Limits of the result.
    added, added_inner, added_outer : float
        What is added to the result: to each entry, and times the gradients at w.
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
    solve: str = ""
    adapts: tuple[int, ...] | None = None
    losses: str = "last"
    parts: bool = False
    optimiser: str = "sgd"
    view: str = ""
    late: bool = False
    across: str = "mean"
    momentum: float = 0.0
    decay: float = 0.0
    decay_step: float = 0.0
    decay_outer: float = 0.0
    decay_result: float = 0.0
    factor_step: float = 1.0
    factor_bend: float = 1.0
    factor_result: float = 1.0
    fixed_step: float = 0.0
    fixed_bend: float = 0.0
    huber_inner: float = np.inf
    huber_outer: float = np.inf
    clip_norm: float = np.inf
    clip_norm_through: float = np.inf
    clip_value: float = np.inf
    result_norm: float = np.inf
    result_value: float = np.inf
    added: float = 0.0
    added_inner: float = 0.0
    added_outer: float = 0.0

    def having(self, **choices: Any) -> "Routine":
        """Copy it with other choices, thousands of times: `dataclasses.replace` takes ten times as long."""
        new = object.__new__(Routine)
        new.__dict__.update(self.__dict__, **choices)
        return new

    @property
    def chain(self) -> int:
        """Steps that the chain rule goes through."""
        return self.steps if self.tracked is None else self.tracked


def column(factor: Array) -> Array:
    """Give a factor a problem the trailing axis that it lacks."""
    return factor[:, None] if factor.ndim == 1 else factor


def product(names: tuple[str, ...], probes: Probes) -> Array:
    """Multiply named factors, shape (P, 1) or (P, d)."""
    if names not in probes.factors:
        factor: Array = np.ones((len(probes.rows), 1))
        for name in names:
            factor = factor * column(np.asarray(FACTORS[name](probes)))
        probes.factors[names] = factor
    return probes.factors[names]

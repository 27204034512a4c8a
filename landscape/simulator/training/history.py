"""What a run did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.core import Array, Result, checks, positive, record
from landscape.methods import Method
from landscape.simulator.training.counting import Count
from landscape.simulator.training.tasks import LossTasks

if TYPE_CHECKING:
    import pandas as pd


@record
class History(Result):
    """Gradient norms, losses and costs along a run.

    Parameters
    ----------
    method : Method
    rate : float or RandomStep
        None for a flow.
    points : array, shape (n, d)
        The recorded iterates.
    entries : dict of str to array, shape (n,)
        ``iteration`` (or ``time``), ``phase``, ``gradient_norm_f``, ``gradient_norm_F``, ``f``, ``F``, and
        the totals so far of ``gradients``, ``hessians``, ``hessian_vector_products`` and ``samples``. Norms
        and losses are those of all tasks and samples, and looking at them is not counted.
    diverged : bool
        Whether the run was stopped because its iterates grew without bound.
    """

    method: Method
    rate: Any
    points: Array
    entries: Mapping[str, Array]
    diverged: bool

    @property
    def table(self) -> pd.DataFrame:
        """The entries as a table, one row a recorded iteration or time."""
        return self.to_frame()

    @property
    def axis(self) -> str:
        """What the run is recorded along: "iteration", or "time" of a flow."""
        return next(iter(self.entries))

    @property
    def w(self) -> Array:
        """The last iterate, shape (d,)."""
        return self.points[-1]

    def time_to(self, level: float, of: str = "F") -> float:
        """Find the first recorded iteration (or time) with a gradient norm of at most `level`; inf if there is none.

        Raises
        ------
        ValueError
            If the level is not a number > 0, or `of` neither "f" nor "F".
        """
        level = positive.check("level", level)
        reached = self.entries[f"gradient_norm_{_loss_name(of)}"] <= level
        return self.entries[self.axis][int(np.argmax(reached))].item() if reached.any() else float("inf")

    def headline(self) -> str:
        """Say how far the run went, and the gradient norm there."""
        stopped = ", diverged" if self.diverged else ""
        at, norm = self.entries[self.axis][-1], self.entries["gradient_norm_F"][-1]
        return f"{self.method!r}, {self.axis} {at:g}, gradient norm {norm:.4g}{stopped}"

    def columns(self) -> Mapping[str, Any]:
        """Give one row a recorded iteration or time."""
        return self.entries

    def plot(self, ax: Any = None, of: str = "F") -> Any:
        """Draw the gradient norm along the run, in the method's style."""
        quantity = f"gradient_norm_{_loss_name(of)}"
        from landscape import plotting  # optional: pyplot takes 0.35 s

        ax = plotting.axes_or_new(ax)
        plotting.lines(ax, self.method.label, self.to_frame(), self.axis, quantity)
        ax.set_yscale("log")
        return plotting.finish(ax, self.axis, rf"gradient norm $\|\nabla {of}\|$")


def _loss_name(of: str) -> str:
    return checks.known("loss in of", of, ["F", "f"])


class Recorder:
    """Collects the rows of a history."""

    def __init__(self, tasks: LossTasks, alpha: float, steps: int) -> None:
        self.tasks, self.alpha, self.steps = tasks, alpha, steps
        self.rows: list[dict[str, Any]] = []
        self.points: list[Array] = []

    def add(self, axis: str, moment: float, w: Array, phase: str, count: Count | None = None) -> None:
        """Note a moment of the run."""
        t, adaptation = self.tasks, (self.alpha, self.steps)
        row = {
            axis: moment,
            "phase": phase,
            "gradient_norm_f": float(np.linalg.norm(t.pooled_gradient(w))),
            "gradient_norm_F": float(np.linalg.norm(t.adapted_gradient(w, *adaptation))),
            "f": t.pooled(w),
            "F": t.adapted(w, *adaptation),
        }
        self.rows.append(row if count is None else row | vars(count))
        self.points.append(np.array(w))

    def history(self, method: Method, rate: Any, diverged: bool = False) -> History:
        """Return the collected rows as a `History`."""
        entries = {
            name: np.array([row[name] for row in self.rows], dtype=object if name == "phase" else None)
            for name in self.rows[0]
        }
        return History(method, rate, np.array(self.points), entries, diverged)

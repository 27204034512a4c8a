"""What a run did."""

from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.results import Result


@dataclass(frozen=True, eq=False, repr=False)
class History(Result):
    """Gradient norms, losses and costs along a run.

    Attributes
    ----------
    method, rate
    points : ndarray, shape (n, d)
        The recorded iterates.
    table : pandas.DataFrame
        One row a recorded iteration (or time): ``iteration``, ``phase``, ``gradient_norm_f``, ``gradient_norm_F``, ``f``, ``F``,
        and the totals so far of ``gradients``, ``hessians``, ``hessian_vector_products`` and ``samples``. Norms and losses
        are those of all tasks and samples, and looking at them is not counted.
    diverged : bool
        Whether the run was stopped because its iterates grew without bound.
    """

    method: object
    rate: object
    points: np.ndarray
    table: object
    diverged: bool

    def __repr__(self):
        last = self.table.iloc[-1]
        stopped = ", diverged" if self.diverged else ""
        return f"History({self.method!r}, {last.index[0]} {last.iloc[0]:g}, gradient norm {last['gradient_norm_F']:.4g}{stopped})"

    @property
    def w(self):
        """The last iterate, shape (d,)."""
        return self.points[-1]

    def time_to(self, level, of="F"):
        """The first recorded iteration (or time) with a gradient norm of at most `level`; inf if there is none.

        Raises
        ------
        ValueError
            If the level is not a number > 0, or `of` neither "f" nor "F".
        """
        level = checks.number("level", level, above=0)
        checks.known("loss in of", of, ["F", "f"])
        rows = self.table[self.table[f"gradient_norm_{of}"] <= level]
        return float("inf") if rows.empty else rows.iloc[0, 0].item()

    def to_frame(self):
        """The table."""
        return self.table

    def plot(self, ax=None, of="F"):
        """Gradient norm along the run, in the method's style."""
        from landscape import plotting

        checks.known("loss in of", of, ["F", "f"])
        ax = plotting.axes_or_new(ax)
        x = self.table.columns[0]
        plotting.lines(ax, self.method.label, self.table, x, f"gradient_norm_{of}")
        ax.set_yscale("log")
        return plotting.finish(ax, x, rf"gradient norm $\|\nabla {of}\|$")


class Recorder:
    """Collects the rows of a history."""

    def __init__(self, tasks, alpha, steps):
        self.tasks, self.alpha, self.steps = tasks, alpha, steps
        self.rows, self.points = [], []

    def add(self, name, moment, w, phase, count=None):
        """Note a moment of the run."""
        t, adaptation = self.tasks, (self.alpha, self.steps)
        row = {name: moment, "phase": phase, "gradient_norm_f": float(np.linalg.norm(t.pooled_gradient(w)))}
        row["gradient_norm_F"] = float(np.linalg.norm(t.adapted_gradient(w, *adaptation)))
        row |= {"f": t.pooled(w), "F": t.adapted(w, *adaptation)}
        self.rows.append(row if count is None else row | vars(count))
        self.points.append(np.array(w))

    def history(self, method, rate, diverged=False):
        """The collected rows as a `History`."""
        import pandas as pd

        return History(method, rate, np.array(self.points), pd.DataFrame(self.rows), diverged)

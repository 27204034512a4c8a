"""On how much one trains."""

from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.record import Record


@dataclass(frozen=True, eq=False, repr=False)
class Training(Record):
    r"""The data of meta-training: T tasks with tau episodes of n1 outer and n2 inner samples each.

    Parameters
    ----------
    T : int
        Number of tasks.
    tau : int
        Episodes a task.
    n1 : int
        Outer samples an episode.
    n2 : float, optional
        Inner samples an inner step. None takes the method's own; a method without one (NAL, FO-MAML,
        ...) then takes the m of the adaptation. ``inf`` gives the task's population.

    Notes
    -----
    NAL uses all tau (n1 + n2) samples of a task, as in Collins et al., C.1.
    """

    T: int
    tau: int = 1
    n1: int = 25
    n2: float | None = None

    def __post_init__(self):
        whole = {"at_least": 1, "whole": True}
        n2 = self.n2 if self.n2 is None else checks.number("n2", self.n2, infinite=True, **whole)
        self._set(**{k: checks.number(k, getattr(self, k), **whole) for k in ("T", "tau", "n1")}, n2=n2)

    def inner(self, method, m):
        """Inner samples a step for a method that will be judged after adaptation to m samples.

        Raises
        ------
        ValueError
            If the method's n2 and this one contradict each other.
        """
        method = method.resolved
        if method.n2 is None:
            return m if self.n2 is None else self.n2
        if self.n2 is not None and self.n2 != method.n2:
            cure = f"n2={method.n2:g} or leave it out"
            raise ValueError(f"Training(n2={self.n2:g}) contradicts {method!r} with n2 = {method.n2:g}: use {cure}")
        return method.n2

    def pooled(self, n2):
        """Samples a task for pooled training."""
        return np.inf if np.isinf(n2) else self.tau * (self.n1 + int(n2))

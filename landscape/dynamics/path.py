"""The path of a method: where it is at any moment, when a gradient norm is small enough, and what it looks like."""

import math
from dataclasses import dataclass

import numpy as np

from landscape import checks
from landscape.dynamics.bowls import Bowl
from landscape.results import Result


@dataclass(frozen=True, eq=False, repr=False)
class Path(Result):
    """The path of a method on quadratic tasks.

    Attributes
    ----------
    environment, method, adaptation
        What it is the path of; F is the loss after `adaptation`.
    rate : float or None
        Step size of a descent; None for a flow.
    start : ndarray, shape (d,)
    f, F : Bowl
        Pooled loss, and loss after adaptation.
    phases : tuple
        One, unless the method is BI-MAML.
    """

    environment: object
    method: object
    adaptation: object
    rate: float | None
    start: np.ndarray
    f: Bowl
    F: Bowl
    phases: tuple

    def __eq__(self, other):
        return type(self) is type(other) and self._made_by() == other._made_by()

    def __hash__(self):
        return hash(self._made_by())

    def __repr__(self):
        environment, method, adaptation, rate, start = self._made_by()
        rate = "" if rate is None else f", rate={rate!r}"
        return f"{'descent' if rate else 'flow'}({environment!r}, {method!r}, start={list(start)!r}{rate}, adaptation={adaptation!r})"

    def _made_by(self):
        """What determines the path."""
        return self.environment, self.method, self.adaptation, self.rate, tuple(self.start.tolist())

    @property
    def switch(self):
        """Time or iteration at which BI-MAML leaves its first phase; inf if it never does, 0 if it starts in the second."""
        first = next((phase for phase in self.phases if phase.name != "pooled"), None)
        return math.inf if first is None else first.begin

    @property
    def limit(self):
        """Where the path ends, shape (d,); None where it diverges."""
        return self.phases[-1].limit

    def at(self, moments):
        """Points at times (flow) or iterations (descent).

        Parameters
        ----------
        moments : float or array (n,)

        Returns
        -------
        ndarray, shape (d,) or (n, d)

        Raises
        ------
        ValueError
            If a moment is negative, an iteration is not whole, or the path has overflowed by then.
        """
        whole = self.rate is not None
        name = "iterations" if whole else "times"
        flat = checks.numbers(f"moments ({name})", moments, at_least=0, whole=whole).astype(float)
        number = self._phase_numbers(flat)
        out = np.empty((len(flat), len(self.start)))
        for i, phase in enumerate(self.phases):
            here = number == i
            if here.any():
                out[here] = phase.points(flat[here] - phase.begin)
        return out if np.ndim(moments) else out[0]

    def _phase_numbers(self, moments):
        begins = np.array([phase.begin for phase in self.phases])
        return np.searchsorted(begins, moments, side="right") - 1

    def time_to(self, level, of="F"):
        r"""Time (flow) or iteration (descent) at which a gradient norm first is at most `level`.

        Parameters
        ----------
        level : float
            :math:`\varepsilon`.
        of : {"F", "f"}
            Whose gradient: of the loss after adaptation, or of the pooled loss.

        Returns
        -------
        float or int
            ``inf`` where it is never reached: FO-MAML has a floor. Where the norm need not fall, for the method does not descend on
            that very loss, it is the first dip all the same, however brief (while BI-MAML slides, if it lasts a 4000th of that).
        """
        level = checks.number("level", level, above=0)
        bowl = getattr(self, checks.known("loss in of", of, ["F", "f"]))
        least = bowl.rounding(self.start)
        if level < least:
            raise ValueError(
                f"level must be >= {least:.2g} here, for smaller gradient norms are rounding, got {level:g}"
            )
        for phase, after in zip(self.phases, [*self.phases[1:], None], strict=True):
            longest = math.inf if after is None else after.begin - phase.begin
            lasts = phase.first_below(bowl, level, longest)
            if lasts <= longest and not math.isinf(lasts):
                return phase.begin + lasts
        return math.inf

    def to_frame(self, moments=None):
        """Gradient norms and losses along the path, one row a moment.

        Parameters
        ----------
        moments : array (n,), optional
            Times or iterations; about 100 up to where little moves any more, by default.
        """
        import pandas as pd

        moments = self._moments() if moments is None else moments
        points = np.atleast_2d(self.at(moments))
        moments = np.atleast_1d(moments)
        names = np.array([phase.name for phase in self.phases])
        frame = pd.DataFrame({"time" if self.rate is None else "iteration": moments})
        frame["phase"] = names[self._phase_numbers(moments)]
        for name in ("f", "F"):
            frame[f"gradient_norm_{name}"] = getattr(self, name).gradient_norm(points)
        for name in ("f", "F"):
            frame[name] = getattr(self, name).value(points)
        return frame

    def _moments(self):
        last = self.phases[-1]
        end = last.begin + last.span
        if self.rate is None:
            return np.union1d(np.linspace(0, end, 101), [phase.begin for phase in self.phases])
        return np.unique(np.linspace(0, min(max(math.ceil(end), 1), 10**6), 101).astype(int))

    def plot(self, ax=None, of="F"):
        """Gradient norm along the path, in the method's style."""
        from landscape.dynamics import plots

        return plots.gradient_norms([self], ax=ax, of=of)

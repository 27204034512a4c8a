"""The path of a method: where it is at any moment, and when a gradient norm is small enough."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.adaptations import Adaptation
from landscape.closed_form.dynamics.forms import gradient_norm, gradient_rounding
from landscape.closed_form.dynamics.phases import Phase
from landscape.closed_form.dynamics.sliding import Slide
from landscape.core import Array, Result, checks, nonnegative, positive, record, whole
from landscape.linalg import QuadraticForm
from landscape.methods import Method
from landscape.tasks import Environment

if TYPE_CHECKING:
    import pandas as pd

TIE = 1e-12
"""A phase of a flow begins where ||grad f|| meets a threshold, up to so much: that time is rounded."""


@record
class Path(Result):
    """The path of a method on quadratic tasks, from `flow` or `descent`.

    Attributes
    ----------
    environment : Environment
    method : Method
    adaptation : Adaptation
        What F is the loss after.
    rate : float or None
        Step size of a descent; None for a flow.
    start : array, shape (d,)
    f, F : QuadraticForm
        Pooled loss, and loss after adaptation.
    phases : tuple of Phase or Slide
        One, unless the method is BI-MAML.
    """

    environment: Environment
    method: Method
    adaptation: Adaptation
    rate: float | None
    start: Array
    f: QuadraticForm
    F: QuadraticForm
    phases: tuple[Phase | Slide, ...]

    def _key(self) -> tuple[Any, ...]:
        """What determines the path."""
        return Path, self.environment, self.method, self.adaptation, self.rate, tuple(self.start.tolist())

    def headline(self) -> str:
        """Say what falls to what, and when BI-MAML changes its phase."""
        kind = "flow" if self.rate is None else f"descent with rate {self.rate:g}"
        first = f"||grad F|| = {self.gradient_norm(self.start):.4g}"
        end = "diverges" if self.limit is None else f"tends to {self.gradient_norm(self.limit):.4g}"
        change = f", second phase at {self.switch:.4g}" if 0 < self.switch < math.inf else ""
        return f"{kind} of {self.method.label} in {len(self.start)} dimensions: {first} {end}{change}"

    @property
    def switch(self) -> float:
        """When BI-MAML leaves its first phase; inf if never, 0 if it starts in the second."""
        return next((phase.begin for phase in self.phases if phase.name != "pooled"), math.inf)

    @property
    def limit(self) -> Array | None:
        """Where the path ends, shape (d,); None where it diverges."""
        return self.phases[-1].limit

    @property
    def largest_rate(self) -> float:
        """The step size below which this path's descent converges; 0 where no step size is small enough."""
        return min(phase.largest_rate for phase in self.phases if isinstance(phase, Phase))

    def at(self, moments: Any) -> Array:
        """Compute points at times (flow) or iterations (descent).

        Parameters
        ----------
        moments : float or array, shape (n,)

        Returns
        -------
        array, shape (d,) or (n, d)

        Raises
        ------
        ValueError
            If a moment is negative, an iteration is not whole, or the path has overflowed by then.
        """
        if self.rate is None:
            listed = nonnegative.check_list("moments (times)", moments)
        else:
            listed = whole(0, 2**53).check_list("moments (iterations)", moments)
        number = self._phase_numbers(listed)
        out = np.empty((len(listed), len(self.start)))
        for i, phase in enumerate(self.phases):
            here = number == i
            if here.any():
                out[here] = phase.points(listed[here] - phase.begin)
        return out if np.ndim(moments) else out[0]

    def _phase_numbers(self, moments: Array) -> Array:
        begins = np.array([phase.begin for phase in self.phases])
        return np.searchsorted(begins, moments, side="right") - 1

    def _loss(self, of: str) -> QuadraticForm:
        return getattr(self, checks.known("loss in of", of, ["F", "f"]))

    def gradient_norm(self, w: Any, of: str = "F") -> Any:
        """Compute the norm of a loss's gradient at points.

        Parameters
        ----------
        w : float or array, shape (..., d)
            Any points, such as ``path.at(t)`` or ``path.limit``.
        of : {"F", "f"}
            The loss after adaptation, or the pooled loss.

        Returns
        -------
        float or array, shape (...)
        """
        return gradient_norm(self._loss(of), np.asarray(w, dtype=float))

    def time_to(self, level: float, of: str = "F") -> float:
        r"""Find the time (flow) or iteration (descent) at which a gradient norm first is at most `level`.

        Parameters
        ----------
        level : float
            :math:`\varepsilon`.
        of : {"F", "f"}
            Whose gradient: of the loss after adaptation, or of the pooled loss.

        Returns
        -------
        float or int
            ``inf`` where it is never reached: FO-MAML has a floor. Where the norm need not fall, for the
            method does not descend on that very loss, it is the first dip all the same, however brief (while
            BI-MAML slides, if it lasts a 4000th of that).
        """
        level, form = positive.check("level", level), self._loss(of)
        least = gradient_rounding(form, self.start)
        if level < least:
            raise ValueError(
                f"level must be >= {least:.2g} here, for smaller gradient norms are rounding, got {level:g}"
            )
        for phase, after in zip(self.phases, [*self.phases[1:], None], strict=True):
            if (
                self.rate is None
                and phase.begin > 0
                and gradient_norm(form, phase.start) <= level * (1 + TIE)
            ):
                return phase.begin
            longest = math.inf if after is None else after.begin - phase.begin
            lasts = phase.first_below(form, level, longest)
            if lasts <= longest and not math.isinf(lasts):
                return phase.begin + lasts
        return math.inf

    def columns(self, moments: Any = None) -> Mapping[str, Any]:
        """Give phase, gradient norms and losses along the path, one row a moment; see `to_frame`."""
        moments = np.atleast_1d(self._moments() if moments is None else moments)
        points = self.at(moments)
        names = np.array([phase.name for phase in self.phases])
        return {
            "time" if self.rate is None else "iteration": moments,
            "phase": names[self._phase_numbers(moments)],
            "gradient_norm_f": gradient_norm(self.f, points),
            "gradient_norm_F": gradient_norm(self.F, points),
            "f": self.f(points),
            "F": self.F(points),
        }

    def to_frame(self, moments: Any = None) -> pd.DataFrame:
        """Return gradient norms and losses along the path, one row a moment.

        Parameters
        ----------
        moments : array, shape (n,), optional
            Times or iterations; about 100 up to where little moves any more, by default.
        """
        import pandas as pd  # optional here: importing it takes 0.3 s

        return pd.DataFrame(dict(self.columns(moments)))

    def _moments(self) -> Array:
        last = self.phases[-1]
        end = last.begin + last.span
        if self.rate is None:
            return np.union1d(np.linspace(0, end, 101), [phase.begin for phase in self.phases])
        return np.unique(np.linspace(0, min(max(math.ceil(end), 1), 10**6), 101).astype(int))

    def plot(self, ax: Any = None, of: str = "F") -> Any:
        """Draw the gradient norm along the path, in the method's style."""
        from landscape.plotting.dynamics import gradient_norms  # optional: pyplot takes 0.35 s

        return gradient_norms([self], ax=ax, of=of)

"""Paths of training on quadratic tasks: gradient flows and gradient descents, exact at any moment."""

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np

from landscape import checks
from landscape.adaptation import Adaptation
from landscape.dynamics.bowls import Bowl, adapted, own, pooled, single_tasks
from landscape.dynamics.phases import Phase
from landscape.dynamics.sliding import sliding_phases
from landscape.methods import BIMAML, Method
from landscape.results import Result

COLUMNS = ("phase", "gradient_norm_f", "gradient_norm_F", "f", "F")


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
        last = self.phases[-1]
        if hasattr(last, "stays"):
            return last.points(math.inf)[0]
        if last.slowest <= 0:
            return None
        values, vectors, away = last._modes
        rest = np.where(values == 0, away, 0.0)  # coordinates that nothing moves
        return last.bowl.centre + (rest if vectors is None else vectors @ rest)

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
        moments = checks.number(name, moments, at_least=0, whole=whole, grid=True)
        if np.ndim(moments) > 1:
            raise ValueError(f"{name} must be a number or a vector, got shape {np.shape(moments)}")
        flat = np.atleast_1d(moments).astype(float)
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
            ``inf`` where it is never reached: FO-MAML has a floor. Where the norm need not fall (a method that
            does not descend on that very loss) a dip briefer than a 4000th of the path may be missed in a flow.
        """
        level = checks.number("level", level, above=0)
        bowl = getattr(self, checks.known("loss in of", of, ["F", "f"]))
        least = 1e-14 * (np.linalg.norm(self.start) + np.linalg.norm(bowl.centre)) * np.abs(bowl.H).max()
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

        moments = self._moments() if moments is None else np.atleast_1d(moments)
        points = self.at(moments)
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
        if hasattr(last, "stays"):
            longest = last.duration or last.begin
        else:
            longest = 16 / last.slowest if 0 < last.slowest < math.inf else 1.0
        end = last.begin + longest
        if self.rate is None:
            return np.union1d(np.linspace(0, end, 101), [phase.begin for phase in self.phases])
        return np.unique(np.linspace(0, min(max(math.ceil(end), 1), 10**6), 101).astype(int))

    def plot(self, ax=None, of="F"):
        """Gradient norm along the path, in the method's style."""
        from landscape.dynamics import plots

        return plots.gradient_norms([self], ax=ax, of=of)


def flow(environment, method, start, adaptation=None):
    r"""The gradient flow of a method on quadratic tasks, w' = -E[A_i](w - w*), exactly at any time.

    For MAML it is the MAML ODE of Xu et al., (3.2); for BI-MAML their Algorithm 1, latched or as printed.

    Parameters
    ----------
    environment : Environment
        With numbers for all arguments.
    method : Method
    start : float or array (d,)
        w(0); a number stands for every coordinate.
    adaptation : Adaptation, optional
        What F is the loss after. By default what the method itself trains for: its alpha and steps, full gradients
        (batches of n2 where MAML shares them with the Hessian), and the pooled loss for methods without alpha.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If an argument is a grid, the start does not fit, or E[A] is singular.

    Examples
    --------
    >>> path = flow(hard_easy(), MAML(0.5), start=3.0)
    >>> t = path.time_to(1e-3)
    >>> print(round(t, 2), round(path.F.gradient_norm(path.at(t)), 9))
    40.1 0.001
    """
    tasks, method, adaptation, f, F, start = _prepared(environment, method, start, adaptation)
    if isinstance(method, BIMAML):
        phases = _flow_phases(tasks, method, f, F, start)
    else:
        phases = [Phase(0.0, start, own(tasks, method), None, method.label)]
    return Path(environment, method, adaptation, None, start, f, F, tuple(phases))


def descent(environment, method, start, rate, adaptation=None):
    r"""Gradient descent of a method on quadratic tasks, :math:`w_{k+1} = w_k - \eta E[A_i](w_k - w^*)`, exactly at any k.

    Full batches of tasks and data. No iteration needs those before it.

    Parameters
    ----------
    environment, method, start, adaptation
        As for `flow`.
    rate : float
        :math:`\eta` (the papers' beta).

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        As for `flow`; for BI-MAML that is not latched, whose iterates jump between phases: `train` takes its steps.

    Warns
    -----
    LandscapeWarning
        If the rate is so large that the iterates diverge.

    Examples
    --------
    >>> descent(hard_easy(), NAL(), start=3.0, rate=1.0, adaptation=Adaptation(0.5)).time_to(0.5)
    2
    """
    tasks, method, adaptation, f, F, start = _prepared(environment, method, start, adaptation)
    rate = checks.number("rate", rate, above=0)
    if not isinstance(method, BIMAML):
        phases = [Phase(0, start, own(tasks, method), rate, method.label)]
    elif not method.latched:
        raise ValueError("BI-MAML that is not latched has no closed form in steps: use latched=True, flow() or train()")
    else:
        first = Phase(0, start, f, rate, "pooled")
        lasts = math.inf if _diverges(first) else _first_inside(first, f, method)
        phases = [] if lasts == 0 else [first]
        if not math.isinf(lasts):
            phases.append(Phase(lasts, first.points(lasts)[0], F, rate, "MAML"))
    for phase in phases:
        if _diverges(phase):
            top = phase._modes[0].max()
            warnings.warn(
                f"the {phase.name} phase diverges: rate {rate:g} times the largest curvature {top:.4g} of what it descends on is "
                f"{rate * top:.3g} and must lie in (0, 2); take rate < {2 / top:.3g}",
                checks.LandscapeWarning,
                stacklevel=2,
            )
    return Path(environment, method, adaptation, rate, start, f, F, tuple(phases))


def _diverges(phase):
    values, _, away = phase._modes
    return bool((np.abs(1 - phase.rate * values[away != 0]) > 1 + 1e-12).any())


def _prepared(environment, method, start, adaptation):
    checks.instance("method", method, Method)
    method = method.resolved
    tasks = single_tasks(environment, method)
    if adaptation is None:
        alpha = getattr(method, "alpha", None)
        adaptation = Adaptation(0.0, steps=0) if alpha is None else Adaptation(alpha, steps=getattr(method, "steps", 1))
        if getattr(method, "hessian", None) == "shared":  # then its stochastic gradients are those of F_m, m = n2
            adaptation = replace(adaptation, m=method.n2, batches=method.batches)
    checks.instance("adaptation", adaptation, Adaptation)
    if isinstance(method, BIMAML) and adaptation != Adaptation(method.alpha):
        raise ValueError(
            f"BI-MAML descends on the loss after one full step of alpha = {method.alpha:g}: leave adaptation out"
        )
    return (
        tasks,
        method,
        adaptation,
        pooled(tasks),
        adapted(tasks, adaptation),
        checks.start("start", start, environment.d),
    )


def _flow_phases(tasks, method, f, F, start):
    own(tasks, replace(method, latched=True))  # E[W] must not be singular
    if not method.latched:
        return sliding_phases(f, F, start, method.threshold)
    first = Phase(0.0, start, f, None, "pooled")
    lasts = first.first_below(f, method.threshold, math.inf)
    if lasts == 0:
        return [Phase(0.0, start, F, None, "MAML")]
    return [first, Phase(lasts, first.points(lasts)[0], F, None, "MAML")]


def _first_inside(first, f, method):
    """First iteration with ||grad f|| < threshold, strictly as Algorithm 1 tests it."""
    return first.first_below(f, np.nextafter(method.threshold, 0), math.inf)

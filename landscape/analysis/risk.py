"""How well does one adapt from a point, and how much better from another?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation, as_adaptation
from landscape.analysis.drawn import Draws, answer
from landscape.analysis.evaluate import Setting
from landscape.closed_form.population import landscape_of, risk_forms, risk_parts
from landscape.closed_form.sampling_error import risk_estimates
from landscape.core.domains import is_symbolic
from landscape.core.errors import OVERFLOW
from landscape.core.grids import Grid, Over
from landscape.core.parameters import is_symbolic_record, record
from landscape.core.provenance import Provenance
from landscape.core.results import Estimate, Result, ratio
from landscape.core.typing import RNG, Array
from landscape.linalg.quadratic import QuadraticForm
from landscape.methods.base import Method
from landscape.methods.pooled import NAL
from landscape.tasks.environment import Environment, check_environment
from landscape.tasks.families import Task
from landscape.tasks.sampled import SampledEnvironment

PARTS = ("noise", "dispersion", "suboptimality", "above_noise", "total")


@record
class Risk(Result):
    r"""The risk after adaptation, F_m(w) = noise + dispersion + suboptimality.

    Parameters
    ----------
    noise : Estimate, shape (*grid)
        What label noise costs, whatever the initial point: no task could be served better.
    dispersion : Estimate
        What the tasks' disagreement costs even the best initial point.
    suboptimality : Estimate
        What this point adds: excess risk as Collins et al. define it in eq. (2).
    grid : Grid
    """

    noise: Estimate
    dispersion: Estimate
    suboptimality: Estimate
    grid: Grid = Grid({}, {})

    @property
    def how(self) -> Provenance:
        """How the risk was had: exactly, as a limit, or by drawing."""
        return self.total.how

    @property
    def above_noise(self) -> Estimate:
        """Dispersion + suboptimality: what Collins et al., eqs. (6), (7), (9)-(11) call excess risk."""
        return self.dispersion + self.suboptimality

    @property
    def total(self) -> Estimate:
        """The expected loss after adaptation, F_m(w)."""
        return self.noise + self.above_noise

    def headline(self) -> str:
        """Say the total risk, and what of it lies above the noise."""
        how = f" ({self.how})"
        if self.grid.dims:
            axes = " x ".join(
                f"{name} ({n})" for name, n in zip(self.grid.dims, self.grid.shape, strict=True)
            )
            return f"risk after adaptation over {axes}{how}"
        if is_symbolic(self.total.item()):
            return f"risk after adaptation {_simplified(self.total.item())}"
        return (
            f"risk after adaptation {_said(self.total)}, of it {_said(self.above_noise)} above the noise{how}"
        )

    def columns(self) -> Mapping[str, Any]:
        """Give one row a grid point: the three parts, above_noise and total, their errors, and how they were had.

        Before them what varies; a name that a part has, too, as ``over_noise``.
        """
        out: dict[str, Any] = {}
        for name in PARTS:
            part: Estimate = getattr(self, name)
            out[name] = np.broadcast_to(part.value, self.grid.shape).ravel()
            if part.standard_error is not None:
                out[f"{name}_error"] = np.broadcast_to(part.standard_error, self.grid.shape).ravel()
        out["how"] = self.how.rows(self.grid.shape)
        return self.grid.columns(out) | out

    def plot(self, ax: Any = None) -> Any:
        """Draw the three parts as a stacked bar a grid point."""
        from landscape import plotting  # optional: pyplot takes 0.35 s

        return plotting.risk_parts(self, ax=ax)

    def _repr_latex_(self) -> str | None:
        if self.grid.dims or not is_symbolic(self.total.item()):
            return None
        import sympy  # optional here: only symbols need it

        parts = [_simplified(part.item()) for part in (self.noise, self.dispersion, self.suboptimality)]
        names = ("noise", "dispersion", "suboptimality")
        written = (
            rf"\underbrace{{{sympy.latex(e)}}}_{{\text{{{n}}}}}"
            for e, n in zip(parts, names, strict=True)
            if e != 0
        )
        return "$F_m = " + " + ".join(written) + "$"


def _simplified(expression: Any) -> Any:
    import sympy  # optional here: only symbols need it

    return sympy.factor(sympy.together(expression))


def _said(part: Estimate) -> str:
    error = part.standard_error
    return f"{float(part):.4g}" + ("" if error is None else f" +- {error:.2g}")


def risk(
    environment: Environment,
    start: Method | float | Array,
    adaptation: Adaptation | float,
    over: Over = None,
    *,
    draws: int | None = None,
    rng: RNG = 0,
) -> Risk:
    r"""Compute the risk after adaptation from a start, in its three parts: exactly, as a limit, or by drawing.

    .. math:: F_m(w) = \text{noise} + \text{dispersion} + \tfrac12 (w-w_m)^\top E[M_i] (w-w_m)

    Parameters
    ----------
    environment : Environment
        Or a function of names in `over` that makes one.
    start : Method, float or array, shape (d,)
        A method stands for its population optimum; a number for that value in every coordinate. `MetaSGD` is
        judged by the step that it learns, on as many samples as the adaptation, a gradient step, if it says none.
    adaptation : Adaptation or float
        A number stands for full gradient steps of that size.
    over : dict of str to sequence, optional
        A grid: names of parameters and the values they take; see `compare`.
    draws : int, optional
        Estimate by so many draws of each task's samples, whatever is known. By default only what has neither a formula
        nor a known limit is drawn, on its whole grid: 4,000 times in all, shared among the tasks, but 200 times each at
        least; with 0 never. Optima of tasks and the label noise of the loss are not drawn.
    rng : numpy.random.Generator or int
        For the draws; a seed, 0 by default, gives the same numbers each time.

    Returns
    -------
    Risk
        ``noise``, ``dispersion``, ``suboptimality``, and the sums ``above_noise`` (what Collins et al.,
        Proposition 1, eqs. (6), (7) call excess risk) and ``total``. Drawn, and on tasks from `from_sampler`,
        each has a ``standard_error``. Its ``how`` says how it was had: exactly; as the limit of large
        problems, with the error to be expected at this d and m; or drawn.

    Raises
    ------
    ValueError
        If an argument is out of its domain, or the optimum of a method is not unique.
    NoClosedForm
        If no formula is known for symbols, or with ``draws=0``.

    Examples
    --------
    >>> from landscape import MAML, GradientSteps, HardEasy, Mixture, RidgeToStart, TaskFamily
    >>> after = risk(HardEasy(noise=0.1), MAML(), GradientSteps(1.0, m=50))
    >>> after
    <risk after adaptation 4.072, of it 4.018 above the noise (exact)>
    >>> risk(HardEasy(), 0.0, GradientSteps(1.0, m=50)).suboptimality.round(3)  # from the origin
    0.263
    >>> risk(HardEasy(d=3, noise=0.1), MAML(), RidgeToStart(0.5, m=10), draws=2000).total
    1.318 +- 0.0086 (2000 draws)
    >>> risk(HardEasy(d=3, noise=0.1), MAML(), RidgeToStart(0.5, m=10)).total  # no exact formula is known
    1.316 (limit, expected error about 2%)
    >>> tasks = Mixture([TaskFamily("a", [1.0, 0.2], 0.0, 0.5), TaskFamily("b", [0.1, 0.8], 1.0, 0.5)])
    >>> risk(tasks, MAML(), GradientSteps(0.25, 20, steps=5, batches="same"))  # nor is a limit
    <risk after adaptation 0.07504 +- 0.00054, of it 0.07504 +- 0.00054 above the noise (2000 draws)>
    """
    setting = Setting(environment, adaptation, [start], over)
    if (
        setting.learns
        and isinstance(setting.adaptation, Adaptation)
        and not hasattr(setting.adaptation, "steps")
    ):
        raise ValueError(
            f"{setting.starts[0].label} is judged by the step that it learns, and {setting.adaptation!r} is no step: give "
            "None, or a gradient step on as many samples, GradientSteps(0.5, m=20)"
        )
    noise, dispersion, suboptimality = risks(setting, draws, rng)
    return Risk(noise, dispersion, suboptimality, setting.grid.without_functions())


def risks(setting: Setting, draws: int | None = None, rng: RNG = 0) -> list[Estimate]:
    """Compute noise, dispersion and the suboptimality of each start of a setting, over its grid."""
    if setting.adaptation is None and not setting.learns:
        as_adaptation(None)  # says what is wanted; only `optimum` needs none
    sampled = isinstance(setting.environment, SampledEnvironment)

    def question(tasks: list[Task], adaptation: Any, starts: list[Any]) -> list[Any]:
        if sampled:
            return list(risk_estimates(tasks, adaptation, starts, len(setting.grid.shape)))
        return list(risk_parts(tasks, adaptation, starts))

    return answer(setting, question, Draws.risks, draws, rng)


def risk_landscape(
    environment: Environment,
    adaptation: Adaptation | float,
    *,
    draws: int | None = None,
    rng: RNG = 0,
) -> QuadraticForm:
    r"""Compute F_m itself, the risk after adaptation as a function of the initial point.

    Parameters
    ----------
    environment : Environment
        With numbers for all parameters.
    adaptation : Adaptation or float
        ``GradientSteps(alpha, steps=0)`` gives the pooled loss f.
    draws, rng
        As for `risk`, but nothing is drawn unasked: a form does not say how it was had, nor its error, which `risk` with
        the same draws says of a point.

    Returns
    -------
    QuadraticForm
        Call it at points (..., d); it has a ``minimiser`` (d,), a ``minimum`` (noise and dispersion) and the
        Hessian ``A``,
        :math:`E[M_i]`.

    Raises
    ------
    ValueError
        If a parameter is an expression, or the adaptation does not fit the environment.
    NoClosedForm
        If no formula is known: give `draws`.

    Examples
    --------
    >>> from landscape import GradientSteps, TwoTasks
    >>> F = risk_landscape(TwoTasks(d=2), GradientSteps(0.8, m=50))
    >>> F.minimiser.round(3)
    array([0.038, 0.038])
    """
    adaptation = as_adaptation(adaptation)
    adaptation.check_dimension(check_environment(environment).d)
    if is_symbolic_record(environment) or is_symbolic_record(adaptation):
        raise ValueError("risk_landscape needs numbers for all parameters: replace the symbols")
    tasks = [task.expanded() for task in environment.tasks()]
    if any(np.any(adaptation.is_infinite(task.inputs)) for task in tasks if np.any(task.probability)):
        raise ValueError(
            f"the expected loss of {adaptation!r} is infinite, whatever the start: leave such m out"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        form = (
            Draws.of(environment, draws, rng).landscape(adaptation)
            if draws
            else landscape_of(tasks, risk_forms(tasks, adaptation)).form
        )
    if not (np.isfinite(form.minimum) and np.isfinite(form.minimiser).all()):
        raise ValueError(OVERFLOW)
    return form


def gain(
    environment: Environment,
    method: Method,
    adaptation: Adaptation | float,
    over: Over = None,
    *,
    against: Method | float | Array | None = None,
    draws: int | None = None,
    rng: RNG = 0,
) -> Estimate:
    r"""Compute how many times less a method leaves above the noise than another.

    Parameters
    ----------
    environment : Environment
    method : Method
    adaptation : Adaptation or float
    over : dict of str to sequence, optional
        A grid: names of parameters and the values they take; see `compare`.
    against : Method, float or array, shape (d,), optional
        What it is compared with; pooled training, `NAL`, by default.
    draws, rng
        As for `risk`; both methods are judged by the same draws.

    Returns
    -------
    Estimate, shape (*grid)
        Ratio of ``above_noise``; 1 where both vanish, ``inf`` where only the method's does. 1, too, where the start
        has no say: after `OwnShots` from d samples on, or `BayesEstimator`.

    Raises
    ------
    ValueError, NoClosedForm
        As for `risk`.

    Examples
    --------
    >>> from landscape import MAML, GradientSteps, HardEasy
    >>> gain(HardEasy(), MAML(), GradientSteps(1 / 0.9, m=500)).round(3)
    1.764
    """
    starts: list[Any] = [NAL() if against is None else against, method]
    if any(isinstance(start, Method) and start.learns_step for start in starts):
        one, other = (risk(environment, start, adaptation, over, draws=draws, rng=rng) for start in starts)
        if np.any(one.noise.value != other.noise.value):
            raise ValueError(
                "label noise costs a learned step something else than the given one, so what they leave above it does "
                "not compare: divide risk(...).total, or use compare(...).cut"
            )
        return one.above_noise.with_(other.above_noise, ratio)
    _, dispersion, worse, better = risks(Setting(environment, adaptation, starts, over), draws, rng)
    return (dispersion + worse).with_(dispersion + better, ratio)

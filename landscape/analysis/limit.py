"""What does the risk become in the limit of large problems, and how far is it from that here?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation
from landscape.adaptations.mixed_model import MixedModel
from landscape.analysis.evaluate import Setting
from landscape.analysis.risk import Risk, risks
from landscape.closed_form.limits.ridge import FAR
from landscape.closed_form.population import risk_parts
from landscape.core.errors import NoClosedForm, warn
from landscape.core.grids import Grid, Over
from landscape.core.parameters import record
from landscape.core.provenance import Provenance
from landscape.core.results import Estimate, Result, ratio
from landscape.core.typing import RNG, Array
from landscape.methods.base import Method
from landscape.methods.prior_mean import PriorMean
from landscape.tasks.environment import Environment
from landscape.tasks.families import Task


@record
class Limit(Result):
    """The risk after adaptation in the limit of large problems, beside that of the problem at hand.

    Parameters
    ----------
    limit : Risk
        Of infinitely many coordinates, with as many samples for each of them as here.
    here : Risk
        At this d and m: exact, or drawn; or the limit with its first correction, which says its expected error.
    d : int or None
        None where the environment is a function of what varies.
    grid : Grid
    """

    limit: Risk
    here: Risk
    d: int | None
    grid: Grid = Grid({}, {})

    @property
    def gap(self) -> Estimate:
        """How much larger the total risk is here than in the limit: it falls as 1/d."""
        return self.here.total.with_(self.limit.total, _difference)

    @property
    def relative_gap(self) -> Estimate:
        """The gap as a share of the limit."""
        return self.here.total.with_(self.limit.total, lambda here, limit: ratio(here, limit) - 1)

    def headline(self) -> str:
        """Say the limit, and how far the risk is from it here."""
        if self.grid.dims:
            largest = np.max(np.abs(self.relative_gap.value))
            return f"risk in the limit of large problems over {' x '.join(self.grid.dims)}, up to {largest:.1%} off here"
        here, gap = self.here.total, float(self.relative_gap)
        error = "" if here.standard_error is None else f" +- {here.standard_error:.2g}"
        return (
            f"risk in the limit of large problems {float(self.limit.total):.4g}; at d = {self.d} {float(here):.4g}{error} "
            f"({here.how}), {abs(gap):.1%} {'above' if gap >= 0 else 'below'}"
        )

    def columns(self) -> Mapping[str, Any]:
        """Give one row a grid point: the total risk in the limit and here, the gap, their errors, how it was had here."""
        out: dict[str, Any] = {"limit": self.limit.total.value}
        for name, part in {
            "here": self.here.total,
            "gap": self.gap,
            "relative_gap": self.relative_gap,
        }.items():
            out[name] = part.value
            if part.standard_error is not None:
                out[f"{name}_error"] = part.standard_error
        out = {name: np.broadcast_to(value, self.grid.shape).ravel() for name, value in out.items()}
        out["how"] = self.here.how.rows(self.grid.shape)
        return self.grid.columns(out) | out


def _difference(here: Any, limit: Any) -> Any:
    here, limit = np.broadcast_arrays(here, limit)
    return np.subtract(here, limit, out=np.zeros(here.shape), where=here != limit)  # both may be infinite


def limit(
    environment: Environment,
    start: Method | float | Array,
    adaptation: Adaptation | float,
    over: Over = None,
    *,
    draws: int | None = None,
    rng: RNG = 0,
) -> Limit:
    r"""Compute the risk after adaptation in the limit of large problems, beside the risk at hand.

    The problem grows by copies: each coordinate k times, k m samples, and the scatter of the optima divided among the
    copies, so that the label's variance stays. For k to infinity the ratios of samples to dimension, the spectrum and
    the signal are those at hand, and the risk has a limit, its deterministic equivalent, for any covariances.

    Parameters
    ----------
    environment, start, adaptation, over
        As for `risk`; families by their moments. Methods that learn their step learn that of the large problem. `BayesEstimator` for one family, whose Bayes risk is that of `MixedModel`.
    draws, rng
        As for `risk`, for the risk at hand.

    Returns
    -------
    Limit
        ``limit`` and ``here``, each a `Risk`, their ``gap``, and ``relative_gap``, a share of the limit: the error that it states.

    Raises
    ------
    ValueError
        As for `risk`.
    NoClosedForm
        If the limit is not known: of rows, of more than three steps of a matrix on one batch, or of several layers of
        `LinearAttention` but on isotropic tasks.

    Warns
    -----
    LandscapeWarning
        If the risk at hand is more than 5% from the limit: in few dimensions, or with about as many samples as dimensions.

    See Also
    --------
    deterministic_equivalent : The same for ridge regression and a spectrum that is given by its law, with derivatives.

    Examples
    --------
    >>> from landscape import GradientSteps, Mixture, RidgeToStart, TaskFamily
    >>> tasks = Mixture([TaskFamily("w", 1.0, spread=1 / 40, noise=0.1, d=40)])
    >>> limit(tasks, 0.0, GradientSteps(1 / 1.55, m=80))
    <risk in the limit of large problems 0.2274; at d = 40 0.23 (exact), 1.1% above>
    >>> found = limit(tasks, 0.0, RidgeToStart(0.1), over={"m": [60, 80, 160]})
    >>> found.relative_gap.value.round(3)
    array([0.012, 0.008, 0.003])
    """
    setting = Setting(environment, adaptation, [start], over)
    noise, dispersion, suboptimality = risks(setting, draws, rng)
    grid = setting.grid.without_functions()
    here = Risk(noise, dispersion, suboptimality, grid)

    def question(tasks: list[Task], adaptation: Any, starts: list[Any]) -> list[Any]:
        return list(risk_parts([task.enlarged(np.inf) for task in tasks], adaptation, starts))

    far = _prior_known(setting, environment, over)
    far.copies = np.inf
    parts = far.answer(question)
    if not setting.is_symbolic:
        gap = np.abs(ratio(here.total.value, sum(part.value for part in parts)) - 1)
        gap = np.maximum(gap, here.how.expected_error)
        parts = [Estimate(part.value, how=Provenance("limit", gap)) for part in parts]
        if np.max(gap) > FAR:
            most = f"{float(f'{100 * np.max(gap):.1g}'):g}%" if np.isfinite(gap).all() else "infinitely"
            warn(
                f"the limit of large problems is up to {most} off here (few dimensions, or about as many samples as "
                "dimensions): take .here, or risk(..., draws=...)"
            )
    noise, dispersion, suboptimality = parts
    return Limit(
        Risk(noise, dispersion, suboptimality, grid),
        here,
        None if setting.functions else setting.whole()[0].d,
        grid,
    )


def _prior_known(setting: Setting, environment: Any, over: Over) -> Setting:
    """The setting itself; the Bayes estimator of one family is the mixed model that knows its prior."""
    best = setting.adaptation
    if not (isinstance(best, Adaptation) and best.knows_environment):
        return setting
    if set(over or {}) - {"m"} or setting.functions or len(environment.families) > 1:
        raise NoClosedForm(
            "the limit of the least possible risk is known for one family, at its own parameters and any m: take "
            "bayes_bounds(...), or risk(...)"
        )
    return Setting(environment, MixedModel.of(environment, best.m), [PriorMean()], over)

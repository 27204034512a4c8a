"""Methods side by side: what each leaves above the noise, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from landscape.adaptations.base import Adaptation
from landscape.analysis.evaluate import Setting
from landscape.analysis.risk import Risk, risks
from landscape.closed_form.hardness import window_boundary
from landscape.core import checks
from landscape.core.domains import count
from landscape.core.grids import Grid, Over, arguments
from landscape.core.parameters import record
from landscape.core.results import Estimate, Result, ratio
from landscape.core.typing import Array
from landscape.methods.base import Cost, Method, as_methods, labels
from landscape.methods.pooled import NAL
from landscape.tasks.environment import Environment


@record
class Comparison(Result):
    """Risks of several methods over one grid.

    Parameters
    ----------
    environment : Environment, optional
        None where a function made it.
    methods : tuple of Method
    adaptation : Adaptation, optional
        None where a function made it.
    grid : Grid
    risks : dict of str to Risk
        By the method's label.
    costs : dict of str to Cost
        What one task costs an iteration.
    """

    environment: Any
    methods: tuple[Method, ...]
    adaptation: Any
    grid: Grid
    risks: dict[str, Risk]
    costs: dict[str, Cost]

    @property
    def labels(self) -> list[str]:
        """A name for each method."""
        return list(self.risks)

    def risk(self, label: str) -> Risk:
        """Return the risk of the method of that name."""
        return self.risks[checks.known("method", label, self.labels)]

    def gain(self, label: str, against: str | None = None) -> Estimate:
        """Compute how many times less a method leaves above the noise than another (NAL, or the first)."""
        worse = self.risk(self.baseline if against is None else against).above_noise
        return worse.with_(self.risk(label).above_noise, ratio)

    def cost(self, label: str) -> Cost:
        """Count gradients, Hessian-vector products and samples that one task costs an iteration."""
        return self.costs[checks.known("method", label, self.labels)]

    @property
    def baseline(self) -> str:
        """What gains are measured against: pooled training, or the first method."""
        pooled = [name for name, m in zip(self.labels, self.methods, strict=True) if m == NAL()]
        return (pooled or self.labels)[0]

    def headline(self) -> str:
        """Say the largest gain, and over what."""
        best = max(
            self.labels, key=lambda name: float(np.max(np.asarray(self.gain(name).value, dtype=float)))
        )
        largest = self.gain(best)
        if not self.grid.dims:
            error = "" if largest.standard_error is None else f" +- {largest.standard_error:.2g}"
            return f"{', '.join(self.labels)}: {best} gains {float(largest):.3g}{error} over {self.baseline}"
        axes = " x ".join(f"{name} ({n})" for name, n in zip(self.grid.dims, self.grid.shape, strict=True))
        return f"{', '.join(self.labels)} over {axes}: {best} gains up to {float(largest.value.max()):.3g} over {self.baseline}"

    def columns(self) -> Mapping[str, Any]:
        """Give one row a grid point and method: risk in its parts, gain over pooled training, and cost."""
        tables: list[dict[str, Any]] = []
        for label, risk in self.risks.items():
            axes, table = self.grid.columns(), dict(risk.columns())
            n = len(table["noise"])
            gain = self.gain(label)
            more: dict[str, Any] = {"gain": gain.value}
            if gain.standard_error is not None:
                more["gain_error"] = gain.standard_error
            more |= self.cost(label).columns()
            flat = {k: np.broadcast_to(v, self.grid.shape).ravel() for k, v in more.items()}
            parts = {k: v for k, v in table.items() if k not in axes}
            tables.append({**axes, "method": np.full(n, label, dtype=object), **parts, **flat})
        return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}

    def plot(self, ax: Any = None, x: str | None = None, y: str = "above_noise") -> Any:
        """Draw one line a method of `y` against the varying name `x`."""
        from landscape import plotting  # optional: pyplot takes 0.35 s

        return plotting.comparison(self, ax=ax, x=x, y=y)

    def heatmap(self, x: str = "rho_hard", y: str = "m", label: str = "MAML", ax: Any = None) -> Any:
        """Draw the gain of a method over two varying names.

        Where they are rho_hard and m, and alpha = 1/rho_easy, the exact boundary of the `hardness_window` is
        drawn in.
        """
        from landscape import plotting  # optional: pyplot takes 0.35 s

        if set(self.grid.dims) != {x, y} or x == y:
            raise ValueError(
                f"a heat map needs exactly the varying names x and y, got {list(self.grid.dims)} for {x=}, {y=}"
            )
        checks.known("method", label, self.labels)
        return plotting.heatmap(self, ax=ax, x=x, y=y, label=label, boundary=self._window(x, y))

    def _window(self, x: str, y: str) -> tuple[Array, Array] | None:
        """The curve on which both tasks have equal say, in the coordinates of the heat map."""
        rho_easy = getattr(self.environment, "rho_easy", None)
        alpha = getattr(self.adaptation, "alpha", np.nan)
        if {x, y} != {"rho_hard", "m"} or rho_easy is None or abs(alpha * rho_easy - 1) > 1e-12:
            return None
        hardness = np.linspace(0, 1, 501)[1:-1]
        curve = {
            "rho_hard": hardness * rho_easy,
            "m": np.asarray(window_boundary(hardness, self.environment.d)),
        }
        return curve[x], curve[y]


def compare(
    environment: Environment,
    methods: Method | Sequence[Method],
    adaptation: Adaptation | float,
    over: Over = None,
    *,
    n1: int = 25,
    draws: int | None = None,
    rng: np.random.Generator | int | None = 0,
) -> Comparison:
    """Compute risk after adaptation, gain and cost of several methods over a grid: exactly, or by drawing.

    Parameters
    ----------
    environment : Environment
        Or a function of names in `over` that makes one: ``lambda R: Mixture([...])``.
    methods : Method or sequence of Method
    adaptation : Adaptation or float
        A number stands for full gradient steps of that size; or a function of names in `over`.
    over : dict of str to sequence, optional
        Names and the values they take, one grid axis each, in this order. A name belongs to the environment
        (``"rho_hard"``; of one's own families ``"hard.centre"``, whose values may be vectors or matrices),
        else to the adaptation (``"alpha"``, which methods without an adaptation of their own follow), else to
        one method (``"MAML.inner.alpha"``), or it is an argument of a function. A value may be a function of
        other names: ``{"rho_easy": [...], "alpha": lambda rho_easy: 1 / rho_easy}``.
    n1 : int
        Outer samples of a training episode, for the column of samples.
    draws, rng
        As for `risk`: estimates by so many draws of each task's samples, the same for all methods and grid
        points.

    Returns
    -------
    Comparison
        Its table has one row a grid point and method.

    Raises
    ------
    ValueError
        If a name in `over` belongs to nothing, or an argument is out of its domain.

    Examples
    --------
    >>> from landscape import MAML, NAL, GradientSteps, HardEasy
    >>> table = compare(HardEasy(), [NAL(), MAML()], GradientSteps(1 / 0.9, m=500), over={"R": [1, 2]}).to_frame()
    >>> table[["R", "method", "gain"]].round(3).values.tolist()
    [[1.0, 'NAL', 1.0], [2.0, 'NAL', 1.0], [1.0, 'MAML', 1.235], [2.0, 'MAML', 1.764]]
    """
    n1 = count.check("n1", n1)
    listed = as_methods(methods)
    setting = Setting(environment, adaptation, listed, over)
    noise, dispersion, *rest = risks(setting, draws, rng)
    names = labels(listed)
    grid = setting.grid.without_functions()
    own = {name: Risk(noise, dispersion, part, grid) for name, part in zip(names, rest, strict=True)}
    costs = dict(zip(names, _costs(setting, n1), strict=True))
    given = [None if arguments(x) else x for x in (setting.environment, setting.adaptation)]
    return Comparison(given[0], tuple(listed), given[1], grid, own, costs)


def _costs(setting: Setting, n1: int) -> list[Cost]:
    """The cost of each method; samples are an array that broadcasts to the grid where they vary."""

    def costs(environment: Environment, adaptation: Any, methods: list[Any]) -> list[Cost]:
        return [m.cost(environment.d, n1, adaptation.m if m.n2 is None else m.n2) for m in methods]

    if not setting.functions:
        return costs(*setting.whole())
    found = [costs(*here) for _, *here in setting.points()]
    shape = setting.grid.shape
    samples = np.array([[cost.samples for cost in row] for row in found]).T.reshape(-1, *shape)
    return [Cost(c.gradients, c.hessian_vector_products, s) for c, s in zip(found[0], samples, strict=True)]

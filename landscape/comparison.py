"""Methods side by side, exactly: what each leaves above the noise, and what it costs."""

from dataclasses import dataclass

import numpy as np

from landscape import checks, grid
from landscape.adaptation import Adaptation
from landscape.closed_form import ratio, warn_expanding
from landscape.environment import check_environment
from landscape.formulas import risks_from
from landscape.hardness import window_boundary
from landscape.methods import NAL, as_methods
from landscape.results import Result, Risk, axis_columns, labels


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """Risks of several methods over a grid.

    Attributes
    ----------
    environment, methods, adaptation
        What was compared; arguments that vary are arrays that broadcast to the grid.
    noise, dispersion : float or ndarray, shape (*grid)
        Floors of the risk, the same for all methods.
    suboptimality : ndarray, shape (methods, *grid)
    n1 : int
        Outer samples, for the cost.
    """

    environment: object
    methods: tuple
    adaptation: Adaptation
    noise: np.ndarray
    dispersion: np.ndarray
    suboptimality: np.ndarray
    n1: int = 25

    @property
    def labels(self):
        """A name for each method."""
        return labels(self.methods)

    def risk(self, label):
        """The `Risk` of the method of that name."""
        index = self.labels.index(checks.known("method", label, self.labels))
        return Risk(self.noise, self.dispersion, self.suboptimality[index])

    def gain(self, label, over=None):
        """Ratio of ``above_noise``: of `over` (NAL, or the first method) to that of the method named."""
        return ratio(
            self.risk(self._baseline if over is None else over).above_noise, self.risk(label).above_noise
        )

    @property
    def _baseline(self):
        pooled = [name for name, m in zip(self.labels, self.methods, strict=True) if m == NAL()]
        return (pooled or self.labels)[0]

    def cost(self, label):
        """Gradients, Hessian-vector products and samples that one task costs an iteration."""
        method = self.methods[self.labels.index(checks.known("method", label, self.labels))].resolved
        inner = self.adaptation.m if method.n2 is None else method.n2
        return method.cost(self.environment.d, self.n1, inner)

    def to_frame(self):
        """One row a grid point and method: risk in its parts, gain over pooled training, and cost."""
        import pandas as pd

        shape = self.suboptimality.shape[1:]
        axes = axis_columns(shape, self.environment, self.adaptation, self.methods)
        tables = []
        for label, own in zip(self.labels, axes, strict=True):
            risk = self.risk(label)
            columns = own | {"method": label}
            for name in ("noise", "dispersion", "suboptimality", "above_noise", "total"):
                columns[name] = getattr(risk, name)
            columns["gain"] = self.gain(label)
            columns |= self.cost(label)
            flat = {name: np.broadcast_to(value, shape).ravel() for name, value in columns.items()}
            tables.append(pd.DataFrame(flat))
        return pd.concat(tables, ignore_index=True)

    def plot(self, ax=None, x=None, y="above_noise"):
        """One line a method of `y` against the varying argument `x`."""
        from landscape import plotting

        return plotting.comparison(self, ax=ax, x=x, y=y)

    def heatmap(self, x="rho_hard", y="m", label="MAML", ax=None):
        """The gain of a method over two varying arguments.

        Where they are rho_hard and m, and alpha = 1/rho_easy, the exact boundary of the
        `hardness_window` is drawn in.
        """
        from landscape import plotting

        axes = axis_columns(self.suboptimality.shape[1:], self.environment, self.adaptation, self.methods)[0]
        if set(axes) != {x, y} or x == y:
            raise ValueError(
                f"a heat map needs exactly the varying arguments x and y, got {list(axes)} for x={x!r}, y={y!r}"
            )
        checks.known("method", label, self.labels)
        return plotting.heatmap(self, ax=ax, x=x, y=y, label=label, boundary=self._window(x, y))

    def _window(self, x, y):
        """The curve on which both tasks have equal say, in the coordinates of the heat map."""
        rho_easy = getattr(self.environment, "rho_easy", None)
        if (
            {x, y} != {"rho_hard", "m"}
            or np.ndim(rho_easy)
            or abs(self.adaptation.alpha * rho_easy - 1) > 1e-12
        ):
            return None
        ratio = np.linspace(0, 1, 501)[1:-1]
        curve = {"rho_hard": ratio * rho_easy, "m": window_boundary(ratio, self.environment.d)}
        return curve[x], curve[y]


def compare(environment, methods, adaptation, over=None, *, n1=25):
    """Risk after adaptation, gain and cost of several methods, exactly, over a grid.

    Parameters
    ----------
    environment : Environment
    methods : Method or sequence of Method
    adaptation : Adaptation
    over : dict of str to sequence, optional
        Names of arguments and the values they take, one grid axis each, in this order. A name belongs
        to the environment, else to the adaptation (methods made by ``MAML.matching`` follow it), else
        to the methods that have it.
    n1 : int
        Outer samples of a training episode, for the column of samples.

    Returns
    -------
    Comparison
        Its table has one row a grid point and method.

    Examples
    --------
    >>> from landscape import hard_easy
    >>> from landscape.methods import MAML
    >>> adaptation = Adaptation(1 / 0.9, m=500)
    >>> methods = [NAL(), MAML.matching(adaptation)]
    >>> table = compare(hard_easy(), methods, adaptation, over={"R": [1, 2]}).to_frame()
    >>> table[["R", "method", "gain"]].round(3).values.tolist()
    [[1.0, 'NAL', 1.0], [2.0, 'NAL', 1.0], [1.0, 'MAML', 1.235], [2.0, 'MAML', 1.764]]
    """
    check_environment(environment)
    checks.instance("adaptation", adaptation, Adaptation)
    n1 = checks.number("n1", n1, at_least=1, whole=True)
    environment, adaptation, methods = grid.points_along(over, environment, adaptation, as_methods(methods))
    noise, dispersion, *rest = grid.evaluate(
        risks_from, environment, adaptation, *(m.resolved for m in methods)
    )
    warn_expanding(environment, adaptation)
    noise, dispersion = (part if np.ndim(part) else np.asarray(part).item() for part in (noise, dispersion))
    return Comparison(environment, tuple(methods), adaptation, noise, dispersion, np.array(rest), n1)
